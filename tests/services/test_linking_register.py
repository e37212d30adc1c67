"""The register, consents and what is shown of an account: services alone, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot import wiring
from bot.settings import policy, settings
from db.engine import Database
from db.models import (
    AccountDay,
    Assignment,
    AuditEntry,
    Chat,
    Client,
    Consent,
    ImportedFile,
    Link,
    PositionDay,
    Staff,
)
from domain.errors import Refusal
from domain.knowledge import Answer, Kind
from domain.people import Actor, Role
from services import access, accounts, consents, linking, register
from services.work import Deps, Work, reading, working
from statements.register import read_register

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 8, 18, 4, tzinfo=UTC)
HEAD = "account,name,phone,tier,manager,officer,fee_plan\n"
TWO = HEAD + "80012345,王明,13800000001,key,M01,S01,standard\n80016789,李强,,,M02,,\n"


@pytest.fixture
async def deps(database_url: str) -> AsyncIterator[Deps]:
    """The services on an empty database with three employees; the clock stands."""
    database = Database(database_url)
    built = wiring.deps(settings({}, ROOT / "none"), policy(ROOT / "config.yaml"), database)
    built = replace(built, now=lambda: NOON, bot_username=lambda: "sample_bot")
    async with working(built) as work:
        for code, role in (("M01", "manager"), ("M02", "manager"), ("S01", "officer")):
            work.session.add(Staff(code=code, name=code, role=role, line="one", created_at=NOON))
    yield built
    await database.close()


async def stored(deps: Deps, text: str) -> register.Stored:
    return await register.store(deps, read_register("register.csv", text.encode()), "operator")


async def count(deps: Deps, *where: object) -> int:
    async with reading(deps) as work:
        return await work.session.scalar(select(func.count()).where(*where)) or 0  # type: ignore[arg-type]


async def keepers(deps: Deps, account: str) -> tuple[str | None, str | None]:
    async with reading(deps) as work:
        client = await work.session.scalar(select(Client).where(Client.account == account))
        assert client is not None
        found = [await access.keeper(work, client.id, kind) for kind in ("manager", "officer")]
        return found[0].code if found[0] else None, found[1].code if found[1] else None


async def linked(work: Work, chat_id: int, account: str = "80012345") -> Actor:
    client = await work.session.scalar(select(Client).where(Client.account == account))
    assert client is not None
    work.session.add(Chat(chat_id=chat_id, lang="zh", muted=[], created_at=NOON))
    await work.session.flush()
    work.session.add(Link(chat_id=chat_id, client_id=client.id, since=NOON))
    await work.session.flush()
    return await access.actor_of(work, chat_id)


# --- the register --------------------------------------------------------------------------------------------


async def test_the_same_register_twice_changes_nothing(deps: Deps) -> None:
    """Accounts, plans and keepers are there after the first time, and nothing moves the second time."""
    first = await stored(deps, TWO)
    assert (first.added, first.changed, first.unchanged) == (2, 0, 0)
    assert await keepers(deps, "80012345") == ("M01", "S01")
    second = await stored(deps, TWO)
    assert (second.added, second.changed, second.unchanged) == (0, 0, 2)
    assert await count(deps, Assignment.id > 0) == 3


async def test_a_new_manager_ends_the_assignment_of_the_old_one(deps: Deps) -> None:
    """Who looked after whom stays as history, and the trail says who was followed by whom."""
    await stored(deps, TWO)
    done = await stored(deps, TWO.replace("key,M01", "key,M02"))
    assert (done.changed, done.unchanged) == (1, 1)
    assert await keepers(deps, "80012345") == ("M02", "S01")
    assert await count(deps, Assignment.until.is_not(None)) == 1
    async with reading(deps) as work:
        entry = await work.session.scalar(select(AuditEntry).where(AuditEntry.action == "assignment.changed"))
        assert entry is not None
        assert entry.detail == {"kind": "manager", "before": "M01", "after": "M02"}


async def test_a_tier_that_changes_stands_in_the_history(deps: Deps) -> None:
    """The register's tier wins; an empty cell afterwards falls back to the default."""
    await stored(deps, TWO)
    await stored(deps, TWO.replace(",key,", ",premier,"))
    await stored(deps, TWO.replace(",key,", ",,"))
    async with working(deps) as work:
        lines = await accounts.history(work, "operator", "80012345")
    tiers = [(line.detail["before"], line.detail["after"]) for line in lines if line.kind == "tier"]
    assert tiers == [("key", "premier"), ("premier", "retail")]
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert {"register", "assignment"} <= {line.kind for line in lines}


async def test_a_tier_of_the_rule_stays_where_the_register_names_none(deps: Deps) -> None:
    """Twelve months of settlement are not undone by an empty cell."""
    await stored(deps, TWO)
    async with working(deps) as work:
        client = await work.session.scalar(select(Client).where(Client.account == "80016789"))
        assert client is not None
        client.tier, client.tier_source = "premier", "rule"
    await stored(deps, TWO)
    assert await count(deps, Client.tier == "premier") == 1


async def test_columns_that_a_file_lacks_leave_what_stood(deps: Deps) -> None:
    """A file of names alone does not wipe phones, plans and keepers."""
    await stored(deps, TWO)
    done = await stored(deps, "account,name\n80012345,王小明\n")
    assert done.changed == 1
    assert await keepers(deps, "80012345") == ("M01", "S01")
    assert await count(deps, Client.phone == "13800000001", Client.name == "王小明") == 1


async def test_the_language_of_the_register_is_kept_and_cleared(deps: Deps) -> None:
    """A file without the column leaves it, an empty cell clears it."""
    await stored(deps, "account,name,language\n80012345,王明,en\n")
    assert await count(deps, Client.lang == "en") == 1
    await stored(deps, "account,name\n80012345,王明\n")
    assert await count(deps, Client.lang == "en") == 1
    await stored(deps, "account,name,语言\n80012345,王明,\n")
    assert await count(deps, Client.lang == "en") == 0


async def test_an_unknown_plan_refuses_the_line_and_an_unknown_employee_is_reported(deps: Deps) -> None:
    """Nobody gets default fees by a misspelt plan; the account without its manager is stored and named."""
    done = await stored(
        deps, HEAD + "80012345,王明,,,M01,,golden\n80016789,李强,,,M99,,\n80017777,周芳,,,m02,,\n"
    )
    assert [(r.line, r.code, r.value) for r in done.refused] == [(2, "unknown_fee_plan", "golden")]
    assert [(r.line, r.code, r.value) for r in done.incomplete] == [(3, "unknown_manager", "M99")]
    assert await count(deps, Client.id > 0) == 2
    assert await keepers(deps, "80017777") == ("M02", None)


async def test_an_account_that_settlement_brought_becomes_registered(deps: Deps) -> None:
    """The register names it, and it is the pool's no more."""
    async with working(deps) as work:
        work.session.add(
            Client(
                account="80012345",
                name="80012345",
                kind="unknown",
                tier="retail",
                tier_source="default",
                registered=False,
                created_at=NOON,
            )
        )
    done = await stored(deps, TWO)
    assert (done.added, done.changed) == (1, 1)
    assert await count(deps, Client.registered) == 2
    assert await keepers(deps, "80012345") == ("M01", "S01")


# --- what is shown of an account -------------------------------------------------------------------------------


async def settled(deps: Deps, day: date, equity: str, *, state: str = "in", delivery: str = "0.00") -> None:
    async with working(deps) as work:
        file = ImportedFile(
            sha256=f"{day}{state}", name="x", format="ctp-text", day=day, state=state, accounts=1, positions=0,
            trades=0, by="operator", at=NOON,
        )  # fmt: skip
        work.session.add(file)
        await work.session.flush()
        work.session.add(
            AccountDay(
                file_id=file.id,
                account="80012345",
                day=day,
                equity=Decimal(equity),
                available=Decimal("-1.00"),
                curr_margin=Decimal("107300.00"),
                delivery_margin=Decimal(delivery),
                exchange_margin=Decimal("88000.00"),
                exchange_margin_estimated=True,
                digest="x",
            )
        )


async def test_figures_are_of_the_newest_file_that_counts_and_only_with_both_consents(deps: Deps) -> None:
    """A file that was replaced, or is still loading, shows nothing."""
    await stored(deps, TWO)
    await settled(deps, date(2026, 8, 17), "100000.00")
    await settled(deps, date(2026, 8, 18), "5.00", state="replaced")
    async with working(deps) as work:
        who = await linked(work, 501)
        assert who.client is not None
        hidden = await accounts.summary(work, who)
        assert hidden.funds is None
        assert hidden.settled_on == date(2026, 8, 17)
        version = work.policy.privacy.consent_version
        await consents.give(work, who, who.client.id, "figures", version)
        assert (await accounts.summary(work, who)).funds is None
        await consents.give(work, who, who.client.id, "abroad", version)
        shown = (await accounts.summary(work, who)).funds
        assert shown is not None
        assert (shown.day, shown.equity, shown.margin) == (
            date(2026, 8, 17),
            Decimal("100000.00"),
            Decimal("107300.00"),
        )
        assert (shown.company, shown.exchange, shown.exchange_estimated) == (
            Decimal("1.073"),
            Decimal("0.88"),
            True,
        )
        assert shown.missing == Decimal("7300.00")


async def test_positions_are_listed_where_they_are_asked_for_and_never_without_consent(deps: Deps) -> None:
    """The words of the question decide; the list is of the day whose money is shown."""
    await stored(deps, TWO)
    await settled(deps, date(2026, 8, 17), "100000.00")
    async with working(deps) as work:
        for instrument, day in (("rb2701", date(2026, 8, 17)), ("m2701", date(2026, 8, 14))):
            work.session.add(
                PositionDay(
                    file_id=1,
                    account="80012345",
                    day=day,
                    exchange="SHFE",
                    instrument=instrument,
                    product="rb",
                    direction="long",
                    hedge="speculation",
                    lots=2,
                    settlement_price=Decimal("3030"),
                )
            )
    question = Answer(q="我的持仓有哪些", kind=Kind.ACCOUNT, text="", html="", lang="zh")
    asked = accounts.asked_for(question)
    async with working(deps) as work:
        who = await linked(work, 501)
        assert who.client is not None
        assert (await accounts.summary(work, who, asked)).positions == ()
        for purpose in work.policy.privacy.purposes:
            await consents.give(work, who, who.client.id, purpose, work.policy.privacy.consent_version)
        held = (await accounts.summary(work, who, asked)).positions
        assert [(h.instrument, h.lots, h.price) for h in held] == [("rb2701", 2, Decimal("3030"))]
        assert (await accounts.summary(work, who)).positions == ()


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("我手里还有几手单子", accounts.Asked.POSITIONS),
        ("我的手续费收的是多少", accounts.Asked.RATES),
        ("我的出金到哪一步了", accounts.Asked.OTHER),
        ("what are my positions", accounts.Asked.POSITIONS),
    ],
)
def test_a_question_about_the_account_is_read_for_what_it_is_after(words: str, asked: accounts.Asked) -> None:
    """Positions and rates are known here; for the rest it is said where to look."""
    assert accounts.asked_for(Answer(q=words, kind=Kind.ACCOUNT, text="", html="", lang="zh")) is asked


async def test_an_unknown_part_of_the_exchange_margin_shows_no_exchange_degree(deps: Deps) -> None:
    """A degree that may be too low is no degree; without equity there is none at all."""
    await stored(deps, TWO)
    await settled(deps, date(2026, 8, 17), "100000.00", delivery="1000.00")
    async with reading(deps) as work:
        day = await work.session.scalar(select(AccountDay))
        assert day is not None
        shown = accounts.funds(day)
        assert shown.margin == Decimal("108300.00")
        assert shown.exchange is None
        day.equity = Decimal("-1.00")
        assert accounts.funds(day).company is None


async def test_consent_to_older_words_counts_as_none(deps: Deps) -> None:
    """When the words change, everybody is asked again; a button of the old words records nothing."""
    await stored(deps, TWO)
    async with working(deps) as work:
        who = await linked(work, 501)
        assert who.client is not None
        for purpose in work.policy.privacy.purposes:
            await consents.give(work, who, who.client.id, purpose, work.policy.privacy.consent_version)
        assert await consents.complete(work, 501, who.client.id)
    privacy = deps.policy.privacy.model_copy(update={"consent_version": "2027-01"})
    newer = replace(deps, policy=deps.policy.model_copy(update={"privacy": privacy}))
    async with working(newer) as work:
        assert who.client is not None
        assert not await consents.complete(work, 501, who.client.id)
        with pytest.raises(Refusal, match="consent_changed"):
            await consents.give(work, who, who.client.id, "figures", "2026-11")
        await consents.give(work, who, who.client.id, "figures", "2027-01")
    assert await count(deps, Consent.revoked_at.is_(None)) == 2


async def test_consent_for_somebody_elses_account_is_not_found(deps: Deps) -> None:
    """A button with another client's number does nothing."""
    await stored(deps, TWO)
    async with working(deps) as work:
        who = await linked(work, 501)
        other = await work.session.scalar(select(Client.id).where(Client.account == "80016789"))
        assert other is not None
        with pytest.raises(Refusal, match="not_found"):
            await consents.give(work, who, other, "figures", work.policy.privacy.consent_version)


# --- invitations -----------------------------------------------------------------------------------------------


async def test_two_chats_that_race_for_one_invitation_leave_one_link(deps: Deps) -> None:
    """The second finds it used; on PostgreSQL the row's lock makes it wait for that."""
    await stored(deps, TWO)
    async with working(deps) as work:
        code, url = await linking.invite_client(work, "operator", "80016789", "authorised")
    assert url == f"https://t.me/sample_bot?start={code}"
    for chat_id in (501, 502):
        async with working(deps) as work:
            who = await access.actor(work, chat_id)
            await linking.open(work, who, code)
            await linking.prove_tail(work, who, "6789")

    async def finish(chat_id: int) -> linking.Proof:
        async with working(deps) as work:
            who = await access.actor(work, chat_id)
            return await linking.share_contact(work, who, "+8613800000001", chat_id)

    proofs = await asyncio.gather(finish(501), finish(502))
    assert sorted(str(p.step) for p in proofs) == ["gone", "linked"]
    assert [p.why for p in proofs if p.step is linking.Step.GONE] == ["used"]
    assert await count(deps, Link.until.is_(None)) == 1


async def test_an_employee_number_is_given_by_role_and_never_twice(deps: Deps) -> None:
    """M01 and M001 are two people; a number that stands is passed over."""
    async with working(deps) as work:
        work.session.add(Staff(code="M001", name="x", role="manager", line="one", created_at=NOON))
        await work.session.flush()
        await linking.invite_staff(work, "operator", name="刘洋", role=Role.MANAGER, line="one")
        with pytest.raises(Refusal, match="staff_unknown"):
            await linking.invite_staff(
                work, "operator", name="何佳", role=Role.MANAGER, line="one", lead="X9"
            )
    assert await count(deps, Staff.code == "M002", Staff.name == "刘洋") == 1
