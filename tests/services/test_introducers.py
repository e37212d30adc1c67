"""Introducers from registration to statement, on settlements and trades in the tables."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import insert

from bot.settings import policy
from db.models import AccountDay, ImportedFile, IntroducerMonth, TradeDay
from domain.errors import Refusal
from domain.fees import Change, Introducer, Relation
from domain.margin import applied_rates, fee
from domain.people import ClientRef
from services import introducers, plans
from services.estimates import contract_table
from services.introducers import PlanHint, Statement
from services.work import working
from tests.services.settled import ROOT, Settled, settled

PERSON = Introducer(
    "person", date(1990, 8, 1), date(2024, 3, 1), date(2026, 12, 31), date(2025, 9, 1), None, 0
)
JULY = date(2026, 7, 1)
D = Decimal


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[Settled]:
    async with settled(database_url) as opened:
        yield opened


async def traded(house: Settled, account: str, day: date, *, lots: int, fee: str) -> None:
    """One trade of rb2610 at 3,000 (30,000.00 a lot), the fee paid, an equity of 600,000.00."""
    async with house.deps.db.write() as session:
        file = ImportedFile(
            sha256=f"{account}{day}", name="h", format="csv", day=day, state="in", accounts=1, positions=0,
            trades=1, by="test", at=house.clock[0], judged_at=house.clock[0],
        )  # fmt: skip
        session.add(file)
        await session.flush()
        row = {
            "file_id": file.id, "account": account, "day": day, "commission": D(fee), "equity": D(600_000),
            "curr_margin": D(0), "delivery_margin": D(0), "digest": "m",
        }  # fmt: skip
        await session.execute(insert(AccountDay), [row])
        trade = {
            "file_id": file.id, "account": account, "day": day, "exchange": "SHFE", "instrument": "rb2610",
            "direction": "buy", "offset": "open", "price": D(3000), "lots": lots, "fee": D(fee),
        }  # fmt: skip
        await session.execute(insert(TradeDay), [trade])


async def introduced(house: Settled, account: str = "1001", since: date = JULY) -> None:
    await house.client(account)
    async with working(house.deps) as work:
        await introducers.store(work, "test", "J01", "赵某", PERSON)
        await introducers.assign(work, "test", "J01", account, Relation.NONE, since)


async def made(house: Settled, month: date = JULY) -> Statement:
    async with working(house.deps) as work:
        return await introducers.statement(work, "test", "J01", month)


async def test_a_month_is_paid_from_trades_and_fees(house: Settled) -> None:
    """1,000 lots of 30,000.00 at 1.2 in ten thousand wholesale: 4,500 - 3,600 = 900, less a fifth."""
    await introduced(house)
    await traded(house, "1001", date(2026, 7, 15), lots=1000, fee="4500.00")
    await traded(house, "1001", date(2026, 6, 30), lots=1000, fee="4500.00")
    found = (await made(house)).pay
    assert (found.turnover, found.gross, found.net) == (D(30_000_000), D(900), D(720))


async def test_only_the_days_of_the_introduction_count(house: Settled) -> None:
    """What the client traded before is not paid for."""
    await introduced(house, since=date(2026, 7, 16))
    await traded(house, "1001", date(2026, 7, 15), lots=1000, fee="4500.00")
    assert (await made(house)).pay.turnover == 0


async def test_a_loss_is_carried_to_the_next_month_and_made_months_are_closed(house: Settled) -> None:
    """July minus 600; August 900 - 600; July cannot be made again afterwards."""
    await introduced(house)
    await traded(house, "1001", date(2026, 7, 15), lots=1000, fee="3000.00")
    await traded(house, "1001", date(2026, 8, 14), lots=1000, fee="4500.00")
    assert (await made(house)).pay.carried_out == D(-600)
    assert (await made(house)).pay.carried_out == D(-600)
    assert (await made(house, date(2026, 8, 1))).pay.net == D(240)
    with pytest.raises(Refusal, match="statement_closed"):
        await made(house)
    assert len(await house.all(IntroducerMonth)) == 2


async def test_relatives_second_introducers_and_unfit_ones_are_refused(house: Settled) -> None:
    """Each with its own reason."""
    await introduced(house)
    client = await house.client("1002")
    assert client
    async with working(house.deps) as work:
        with pytest.raises(Refusal, match="introducer_relative"):
            await introducers.assign(work, "test", "J01", "1002", Relation.SPOUSE, JULY)
        with pytest.raises(Refusal, match="introducer_has_one"):
            await introducers.assign(work, "test", "J01", "1001", Relation.NONE, JULY)
        with pytest.raises(Refusal, match="introducer_unknown"):
            await introducers.assign(work, "test", "J09", "1002", Relation.NONE, JULY)
        with pytest.raises(Refusal, match="introducer_faults"):
            await introducers.store(work, "test", "J02", "钱某", replace(PERSON, elsewhere=1))


async def test_pay_waits_when_the_training_ran_out(house: Settled) -> None:
    """The statement is made, and names what stands against paying it."""
    await introduced(house)
    async with working(house.deps) as work:
        await introducers.store(work, "test", "J01", "赵某", replace(PERSON, trained_until=date(2026, 8, 20)))
    assert (await made(house, date(2026, 8, 1))).faults == ("no_training",)
    async with working(house.deps) as work:
        assert [one.faults for one in await introducers.registered(work)] == [()]


async def test_before_and_after_a_change_of_model(house: Settled) -> None:
    """Fees 4,000 to 5,000 a month, rebates 400 to 1,400."""
    await introduced(house, since=date(2026, 6, 1))
    await traded(house, "1001", date(2026, 6, 15), lots=1000, fee="4000.00")
    await traded(house, "1001", date(2026, 7, 15), lots=1000, fee="5000.00")
    await made(house, date(2026, 6, 1))
    await made(house)
    async with working(house.deps) as work:
        found = await introducers.compare(work, JULY, 1)
    assert found == Change(D("0.25"), D("2.5"))


async def test_a_client_whose_turnover_outgrew_the_plan_is_named(house: Settled) -> None:
    """600,000.00 of equity and sixty million a month: the second plan by the shipped grades."""
    await house.client("1001", fee_plan="ratio_1")
    await traded(house, "1001", date(2026, 7, 15), lots=2000, fee="9000.00")
    async with working(house.deps) as work:
        (hint,) = await introducers.plan_hints(work, ["1001"], JULY)
    assert hint == PlanHint("1001", D("600000.00"), D("60000000.00"), "ratio_1", "ratio_2")


def test_a_ratio_plan_charges_every_product_by_turnover() -> None:
    """Two lots of corn (by the lot at the exchange) at 2,300 x 10: 46,000 x 1.5 in ten thousand = 6.90."""
    client = ClientRef(1, "1001", "王明", "person", "key", fee_plan="ratio_2")
    rules = policy(ROOT / "config.yaml")
    spec = contract_table().spec("c", None, JULY)
    assert spec.fees.open.by_lot
    rates = applied_rates(spec, plans.company_rates(rules), plans.of(rules, client))
    assert fee(rates.fees.open, D(2300), spec.multiplier, 2) == D("6.90")


def test_a_ratio_plan_never_falls_below_the_exchange() -> None:
    """Closing an index future the same day costs more at the exchange than the plan's ratio."""
    client = ClientRef(1, "1001", "王明", "person", "key", fee_plan="ratio_3")
    rules = policy(ROOT / "config.yaml")
    spec = contract_table().spec("IF", None, JULY)
    rates = applied_rates(spec, plans.company_rates(rules), plans.of(rules, client))
    assert rates.fees.close_today == spec.fees.close_today
