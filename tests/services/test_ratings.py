"""A tier from twelve months of settlement, where the register names none."""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType

import pytest
from sqlalchemy import insert

from db.models import AccountDay, AuditEntry, Client, ImportedFile, Score, ScoreRun, TradeDay
from domain.errors import Refusal
from domain.policy import FeeAddon
from messages import score_pictures
from scoring.history import Month, month_number, years
from services import access, rating_cards, ratings
from services.ratings import Rated, retained
from services.work import Work, working
from tests.services.settled import Settled, settled

NEWEST = date(2026, 8, 17)


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[Settled]:
    async with settled(database_url) as opened:
        yield opened


async def history(
    house: Settled,
    account: str,
    *,
    commission: int,
    equity: int,
    months: int = 12,
    closings: int = 0,
    first_back: int = 1,
) -> None:
    """A settlement day in each of ``months`` months, the latest ``first_back`` months before 2026-08, all alike."""
    async with house.deps.db.write() as session:
        file = ImportedFile(
            sha256=account, name="h", format="csv-wide", day=NEWEST, state="in", accounts=1, positions=0, trades=0,
            by="test", at=house.clock[0], judged_at=house.clock[0],
        )  # fmt: skip
        session.add(file)
        await session.flush()
        days = [
            date(n // 12, n % 12 + 1, 15)
            for n in range(2026 * 12 + 8 - first_back - months, 2026 * 12 + 8 - first_back)
        ]
        await session.execute(
            insert(AccountDay),
            [
                {
                    "file_id": file.id, "account": account, "day": day, "commission": Decimal(commission) / months,
                    "equity": Decimal(equity), "curr_margin": Decimal(0), "delivery_margin": Decimal(0), "digest": "m",
                }
                for day in days
            ],
        )  # fmt: skip
        trades = [
            {
                "file_id": file.id, "account": account, "day": day, "exchange": "SHFE", "instrument": "rb2610",
                "direction": "sell", "offset": "close", "price": Decimal(3030), "lots": 1, "fee": Decimal(0),
            }
            for day in days
            for _ in range(closings)
        ]  # fmt: skip
        if trades:
            await session.execute(insert(TradeDay), trades)


async def tiers(house: Settled) -> dict[str, tuple[str, str]]:
    return {c.account: (c.tier, c.tier_source) for c in await house.all(Client)}


async def test_the_rule_decides_by_retained_fee_and_capital(house: Settled) -> None:
    """A sixth of the commission is the company's at an add-on of 20 %; the bounds belong to the upper class."""
    for account in ("1001", "1002", "1003"):
        await house.client(account, tier="retail", tier_source="default")
    await history(house, "1001", commission=119_940, equity=99_999)
    await history(house, "1002", commission=120_000, equity=100_000)
    await history(house, "1003", commission=6_000_000, equity=10_000_000)
    assert await ratings.rate(house.deps, NEWEST) == Rated(3, 2)
    assert await tiers(house) == {
        "1001": ("retail", "rule"),
        "1002": ("key", "rule"),
        "1003": ("premier", "rule"),
    }
    changes = [e.detail for e in await house.all(AuditEntry) if e.action == "tier.changed"]
    assert {"fee_premier", "capital_premier"} == set(changes[-1]["reasons"])


async def test_the_register_s_tier_is_never_touched(house: Settled) -> None:
    """Whatever the figures say."""
    await house.client("1001", tier="retail", tier_source="register")
    await history(house, "1001", commission=6_000_000, equity=10_000_000)
    assert await ratings.rate(house.deps, NEWEST) == Rated(0, 0)
    assert await tiers(house) == {"1001": ("retail", "register")}


async def test_eleven_months_are_not_enough(house: Settled) -> None:
    """Nothing is reckoned up to a year: the default stays until twelve months are there."""
    await house.client("1001", tier="retail", tier_source="default")
    await history(house, "1001", commission=6_600_000, equity=10_000_000, months=11)
    await ratings.rate(house.deps, NEWEST)
    assert await tiers(house) == {"1001": ("retail", "default")}


async def test_a_client_falls_only_after_two_months(house: Settled) -> None:
    """Premier before; one month's decision is lower: stays. The second: falls."""
    await house.client("1001", tier="premier", tier_source="rule")
    await history(house, "1001", commission=120_000, equity=100_000, months=12)
    await ratings.rate(house.deps, NEWEST)
    assert await tiers(house) == {"1001": ("premier", "rule")}
    await history(house, "1001", commission=10_000, equity=100_000, months=1, first_back=13)
    await ratings.rate(house.deps, NEWEST)
    assert await tiers(house) == {"1001": ("key", "rule")}


async def test_once_a_day_is_enough(house: Settled) -> None:
    """The job rates on the first look of a day."""
    await house.client("1001", tier="retail", tier_source="default")
    await history(house, "1001", commission=120_000, equity=100_000)
    assert await ratings.daily(house.deps) is not None
    assert await ratings.daily(house.deps) is None


def test_what_the_company_keeps_follows_from_the_add_on() -> None:
    """100 x 1.2 + 5 lots at 1.00: the exchange's 100.00 goes on."""
    assert retained(Decimal(125), 5, FeeAddon(share=Decimal("0.2"), per_lot=Decimal(1))) == Decimal(25)
    assert retained(Decimal(125), 5, FeeAddon()) == 0


def test_capital_is_the_average_over_days_and_not_over_months() -> None:
    """A month with more trading days counts more."""
    last = month_number(2026, 7)
    rows = [Month("a", last - n, 100_00, 1, 1_000_00 * 20, 20) for n in range(11)]
    rows.append(Month("a", last - 11, 100_00, 1, 3_000_00 * 10, 10))
    found = years(rows, last)["a"]
    assert (found.commission, found.lots, found.capital) == (Decimal("1200.00"), 12, Decimal("1086.96"))
    assert years(rows, last + 1) == {}
    assert years([], last) == {}


async def scored(
    work: Work, clusters: Mapping[str, str], parts: Mapping[str, float] = MappingProxyType({})
) -> None:
    """A run of the score: accounts with their classes, all with the same parts."""
    run = ScoreRun(
        run_id="r", data_hash="h", first=NEWEST, last=NEWEST, accounts=3, rated=3, state="in",
        model={}, clustering={}, card={}, by="test", at=work.now,
    )  # fmt: skip
    work.session.add(run)
    await work.session.flush()
    for account, cluster in clusters.items():
        work.session.add(
            Score(
                run=run.id, account=account, days=250, active_days=200, score=Decimal(0), rank=1,
                percentile=Decimal("0.5"), cluster=cluster, proposed=cluster, indicators={},
                aligned=dict.fromkeys(parts, 0.5), parts=dict(parts), factors=[], marks=[],
            )
        )  # fmt: skip


async def test_the_board_lists_where_rule_and_statistics_disagree(house: Settled) -> None:
    """Counts by tier, and the retail client whose class is not that of most retail clients."""
    await house.staff("S1", "supervisor", 12)
    await house.client("1001", tier="retail")
    await house.client("1002", tier="premier")
    await house.client("1003", tier="retail")
    await house.client("1004", tier="retail")
    async with working(house.deps) as work:
        await scored(work, {"1001": "A", "1002": "B", "1003": "C", "1004": "C"})
    async with working(house.deps) as work:
        found = await rating_cards.board(work, await access.actor_of(work, 12))
    assert found.held == {"retail": 3, "premier": 1}
    assert [(odd.found.account, odd.found.gap) for odd in found.odd] == [("1001", 2)]
    assert found.flow is None


async def test_the_picture_of_a_score_needs_the_client_s_consent(house: Settled) -> None:
    """Refused without it; with it, and before any run of the score, there is nothing to draw."""
    manager = await house.staff("M1", "manager", 11)
    shut = await house.client("1001", manager=manager)
    agreed = await house.client("1002", manager=manager, chats=(31,))
    async with working(house.deps) as work:
        who = await access.actor_of(work, 11)
        with pytest.raises(Refusal, match="figures_withheld"):
            await rating_cards.score(work, who, shut)
        client, found = await rating_cards.score(work, who, agreed)
    assert (client.account, found) == ("1002", None)


async def test_without_a_font_the_words_carry_the_score(
    house: Settled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Place, class and what lifted and lowered it; a stranger's manager learns nothing."""
    monkeypatch.setattr(score_pictures, "font", lambda: None)
    client = await house.client("1001", manager=await house.staff("M1", "manager", 11), chats=(31,))
    await house.staff("M2", "manager", 12)
    async with working(house.deps) as work:
        await scored(work, {"1001": "A"}, {"fee_share": 0.3, "degree_max": -0.1})
        _, found = await rating_cards.score(work, await access.actor_of(work, 11), client)
        with pytest.raises(Refusal, match="not_found"):
            await rating_cards.score(work, await access.actor_of(work, 12), client)
    assert found is not None
    assert (found.picture, found.rank, found.rated, found.cluster) == (None, 1, 3, "A")
    assert found.last == NEWEST
    assert [reason[-5:] for reason in found.reasons] == ["+0.30", "-0.10"]
