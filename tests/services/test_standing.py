"""The standing questions: each list with its reasons, once a week to whoever looks after the client."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import insert

from db import standing as rows
from db.models import AccountDay, Case, Exchange, ImportedFile, TierMonth, TradeDay
from knowledge.library import Library
from scoring.history import month_number
from services import access, standing
from services.standing import Lists, Question, Why
from services.work import working
from tests.services.settled import Settled, settled

D = Decimal
JULY = month_number(2026, 7)


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[Settled]:
    async with settled(database_url) as opened:
        yield opened


async def months(house: Settled, account: str, *rows: tuple[int, int, int]) -> None:
    """(lots, equity, net deposit) of the months up to July 2026, one settlement each; one in August closes July."""
    async with house.deps.db.write() as session:
        file = ImportedFile(
            sha256=f"m{account}", name="h", format="csv", day=date(2026, 8, 17), state="in", accounts=1,
            positions=0, trades=0, by="test", at=house.clock[0], judged_at=house.clock[0],
        )  # fmt: skip
        session.add(file)
        await session.flush()
        for back, (lots, equity, cash) in enumerate([*rows[::-1]], start=1):
            day = date(2026, 8 - back, 15)
            await session.execute(
                insert(AccountDay),
                [
                    {
                        "file_id": file.id, "account": account, "day": day, "commission": D(0),
                        "equity": D(equity), "cash_flow": D(cash), "curr_margin": D(0),
                        "delivery_margin": D(0), "digest": "m",
                    }
                ],
            )  # fmt: skip
            if lots:
                await session.execute(
                    insert(TradeDay),
                    [
                        {
                            "file_id": file.id, "account": account, "day": day, "exchange": "SHFE",
                            "instrument": "rb2610", "direction": "buy", "offset": "open", "price": D(3000),
                            "lots": lots, "fee": D(0),
                        }
                    ],
                )  # fmt: skip
        closing = {
            "file_id": file.id, "account": account, "day": date(2026, 8, 17), "commission": D(0),
            "equity": D(1), "curr_margin": D(0), "delivery_margin": D(0), "digest": "m",
        }  # fmt: skip
        await session.execute(insert(AccountDay), [closing])


STEADY = ((100, 100_000, 0), (100, 100_000, 0), (100, 100_000, 0), (100, 100_000, 0))
FALLING = ((100, 100_000, 0), (100, 100_000, 0), (100, 100_000, 0), (10, 40_000, -50_000))


async def rated(house: Settled, client: int, *, fee: int, capital: int, tier: str = "retail") -> None:
    async with working(house.deps) as work:
        work.session.add(
            TierMonth(
                client_id=client,
                month=JULY,
                decided=tier,
                held=tier,
                told=True,
                months=12,
                fee=D(fee),
                capital=D(capital),
                reasons=[],
                flags=[],
            )
        )


async def asked(house: Settled, client: int, topic: str, times: int, *, missed: str | None = None) -> None:
    async with working(house.deps) as work:
        for _ in range(times):
            work.session.add(
                Exchange(
                    chat_id=31,
                    client_id=client,
                    at=work.now,
                    question="q",
                    kind="answer",
                    topic=topic,
                    confidence=1.0,
                    citations=[],
                    answer="a",
                    missed=missed,
                )
            )


async def lists(house: Settled, chat_id: int = 11) -> Lists:
    async with working(house.deps) as work:
        return await standing.own(work, await access.actor_of(work, chat_id))


async def test_who_is_leaving_and_why(house: Settled) -> None:
    """A tenth of the trades, less than half of the equity, half of it taken out; a steady client is on no list."""
    manager = await house.staff("M1", "manager", 11)
    for account, lived in (("1001", FALLING), ("1002", STEADY)):
        await house.client(account, manager=manager)
        await months(house, account, *lived)
    found = await lists(house)
    (line,) = found.lists[Question.LEAVING]
    assert line.account == "1001"
    assert line.whys == (Why("outflow"), Why("activity"), Why("equity"))


async def test_stars_come_with_the_path_and_figures_only_with_consent(house: Settled) -> None:
    """Eight in ten of the fee bound: what is missing is named in figures only where the client agreed."""
    manager = await house.staff("M1", "manager", 11)
    open_one = await house.client("1001", chats=(31,), manager=manager, tier="retail")
    shut = await house.client("1002", manager=manager, tier="retail")
    far = await house.client("1003", manager=manager, tier="retail")
    for account in ("1001", "1002", "1003"):
        await months(house, account, *STEADY)
    for client in (open_one, shut):
        await rated(house, client, fee=16_000, capital=30_000)
    await rated(house, far, fee=2_000, capital=30_000)
    found = await lists(house)
    stars = {line.account: line.whys for line in found.lists[Question.STARS]}
    assert stars == {
        "1001": (Why("fee_missing", D("4000.00")), Why("capital_missing", D("70000.00"))),
        "1002": (Why("fee_missing"), Why("capital_missing")),
    }
    assert [line.account for line in found.lists[Question.MATTER]] == ["1001", "1002", "1003"]


async def test_who_is_dissatisfied_may_switch_and_what_is_wanted(house: Settled, library: Library) -> None:
    """An open complaint, three questions about fees, and what was asked most, in words."""
    house.deps = replace(house.deps, library=lambda: library)
    manager = await house.staff("M1", "manager", 11)
    client = await house.client("1001", manager=manager)
    other = await house.client("1002", manager=manager)
    await months(house, "1001", *STEADY)
    await complained(house, client)
    await asked(house, other, "fee.adjustment", 3)
    await asked(house, other, "trading.hours", 1)
    found = await lists(house)
    assert [(line.account, line.whys) for line in found.lists[Question.UNHAPPY]] == [
        ("1001", (Why("complaint_open"),))
    ]
    assert [line.account for line in found.lists[Question.SWITCH]] == ["1002"]
    names = library.topics()
    assert found.wanted == ((names["fee.adjustment"], 3), (names["trading.hours"], 1))


async def complained(
    house: Settled, client: int, *, about: int | None = None, restricted: bool = False
) -> None:
    async with working(house.deps) as work:
        work.session.add(
            Case(
                number=f"CP-{client}-{about}-{restricted}",
                kind="complaint",
                category="5",
                severity="general",
                state="open",
                client_id=client,
                facts="f",
                desk="officer",
                opened_at=work.now,
                about_staff_id=about,
                restricted=restricted,
            )
        )


async def test_a_complaint_about_an_employee_is_not_given_away_by_a_list(house: Settled) -> None:
    """Nor one that only compliance may know."""
    manager = await house.staff("M1", "manager", 11)
    client = await house.client("1001", manager=manager)
    await months(house, "1001", *STEADY)
    await complained(house, client, about=manager)
    await complained(house, client, restricted=True)
    assert (await lists(house)).counts[Question.UNHAPPY] == 0


async def test_a_manager_sees_the_own_clients_only(house: Settled) -> None:
    """A supervisor sees all."""
    one = await house.staff("M1", "manager", 11)
    two = await house.staff("M2", "manager", 12)
    await house.staff("S1", "supervisor", 13)
    for account, manager in (("1001", one), ("1002", two)):
        await house.client(account, manager=manager)
        await months(house, account, *FALLING)
    counts = [(await lists(house, chat)).counts[Question.LEAVING] for chat in (11, 12, 13)]
    assert counts == [1, 1, 2]


async def test_the_lists_come_once_a_week_and_the_next_step_is_a_phone_task(house: Settled) -> None:
    """On Monday; the second look of the week is silent; a press opens one task."""
    manager = await house.staff("M1", "manager", 11)
    client = await house.client("1001", manager=manager)
    await months(house, "1001", *FALLING)
    assert await standing.weekly(house.deps) == 1
    assert await standing.weekly(house.deps) is None
    (told,) = await house.said(11)
    assert "可能正在流失" in told
    assert "大额出金" in told
    async with working(house.deps) as work:
        who = await access.actor_of(work, 11)
        number = await standing.phone(work, who, client, "leaving")
        assert await standing.phone(work, who, client, "leaving") == number
    house.set_clock("2026-08-24 16:30")
    assert await standing.weekly(house.deps) == 1


async def test_without_leavers_the_rule_stands(house: Settled) -> None:
    """The verdict says that there was too little to learn from."""
    await house.client("1001")
    await months(house, "1001", *STEADY)
    found = await standing.verdict(house.deps)
    assert (found.chosen, found.why) == ("rule", "too_few")


async def test_a_model_that_was_chosen_decides_and_names_its_reason(house: Settled) -> None:
    """A client whom the rule does not see is listed at 30 per cent; one whom the model thinks safe is not."""
    manager = await house.staff("M1", "manager", 11)
    likely = await house.client("1001", manager=manager)
    safe = await house.client("1002", manager=manager)
    await months(house, "1001", *STEADY)
    await months(house, "1002", *FALLING)
    async with working(house.deps) as work:
        await rows.put_chances(work.session, JULY, {likely: D("0.3"), safe: D("0.01")})
    found = await lists(house)
    assert [(line.account, line.whys) for line in found.lists[Question.LEAVING]] == [
        ("1001", (Why("model"),))
    ]
    assert (await standing.learn(house.deps)).chosen == "rule"
    assert [line.account for line in (await lists(house)).lists[Question.LEAVING]] == ["1002"]


def test_the_test_lies_after_the_lesson() -> None:
    """No month that tells the lesson's outcome is part of the test's past."""
    account = dict.fromkeys(range(1, 13), (10.0, 100.0, 0.0))
    learn, test = standing.samples({"1": account}, 12, 2, 0.2)
    assert [seen.month for seen, _ in learn] == [4, 5, 6, 7]
    assert [seen.month for seen, _ in test] == [9, 10]
