"""One way in for the broker's files: once, whole or not at all, and unseen until they count."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from db import queues
from db import settlements as rows
from db.accounts import latest_day
from db.models import AccountDay, AuditEntry, Client, ImportedFile, PositionDay, SettlementPrice, TradeDay
from domain.errors import Refusal
from domain.settlement import StatementError
from services import settlements
from services.risk import risk_lines
from services.work import working
from tests.services.settled import SAMPLES, Settled, positions, published, second_case, settled, table


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[Settled]:
    async with settled(database_url) as opened:
        yield opened


@pytest.fixture
async def small_house(sqlite_url: str) -> AsyncIterator[Settled]:
    async with settled(sqlite_url) as opened:
        yield opened


async def count(house: Settled, model: type[AccountDay] | type[PositionDay] | type[TradeDay]) -> int:
    """Rows of a kind that count."""
    async with house.deps.db.read() as session:
        query = select(func.count()).select_from(model).join(ImportedFile, model.file_id == ImportedFile.id)
        return await session.scalar(query.where(ImportedFile.state == "in")) or 0


async def test_the_published_statement_is_read_and_its_degree_is_8_26_percent(house: Settled) -> None:
    """One account, two positions, two trades; the exchange's 4.64 % is reckoned from its rates."""
    summary = await house.take(published(), "sample_settlement.txt")
    assert (summary.accounts, summary.positions, summary.trades, summary.state) == (1, 2, 2, "imported")
    assert summary.unknown_accounts == ("80012345",)
    [line] = await house.run(risk_lines)
    shown = line.as_json()
    assert shown["risk_company"] == pytest.approx(0.0826, abs=1e-4)
    assert shown["risk_exchange"] == pytest.approx(0.0464, abs=1e-4)
    assert (shown["equity"], shown["exchange_margin"], shown["shortfall"]) == (
        "519415.43",
        "24090.50",
        "0.00",
    )
    [day] = await house.all(AccountDay)
    assert day.exchange_margin_estimated


async def test_the_second_published_case_is_a_call_of_2921_50(house: Settled) -> None:
    """Equity 40,000.00: 107.30 %, 60.23 %, over the company's line and under the exchange's."""
    summary = await house.take(second_case())
    assert summary.alerts == 1
    [line] = await house.run(risk_lines)
    assert (f"{line.risk_company:.4f}", f"{line.risk_exchange:.4f}") == ("1.0730", "0.6023")
    assert (line.level, line.shortfall) == ("call", Decimal("2921.50"))


async def test_the_same_bytes_twice_change_nothing(house: Settled) -> None:
    """The second time says so and tells nobody."""
    await house.take(second_case())
    again = await house.take(second_case())
    assert (again.state, again.alerts, again.accounts) == ("already_imported", 0, 1)
    assert await count(house, AccountDay) == 1
    assert len(await house.all(ImportedFile)) == 1


async def test_the_summary_in_json_keeps_its_fields(small_house: Settled) -> None:
    """Other programs read them."""
    summary = await small_house.take(
        table(("80012345", "100.00", "10.00")) + b"\n80099999,x,2026081x,1.00,0.00,0.00"
    )
    assert list(summary.as_json()) == [
        "file", "format", "day", "accounts", "positions", "trades", "rejected", "unknown_accounts", "alerts", "state",
    ]  # fmt: skip
    assert [set(line) for line in summary.as_json()["rejected"]] == [{"line", "reason"}]


async def test_a_wrong_sum_refuses_the_whole_file_and_names_the_line(small_house: Settled) -> None:
    """Nothing is stored, no account becomes known."""
    with pytest.raises(StatementError) as refused:
        await small_house.take(published().replace("519415.43", "519415.44", 1))
    assert refused.value.line is not None
    assert not await small_house.all(ImportedFile)
    assert not await small_house.all(Client)


async def test_an_unknown_account_belongs_to_the_pool_until_it_is_registered(house: Settled) -> None:
    """A client without keepers, whose kind is unknown; the register's accounts are not listed."""
    await house.client("80012345")
    summary = await house.take(table(("80012345", "100.00", "10.00"), ("80099999", "100.00", "10.00")))
    assert summary.unknown_accounts == ("80099999",)
    made = next(c for c in await house.all(Client) if c.account == "80099999")
    assert (made.registered, made.kind, made.tier_source) == (False, "unknown", "default")


async def test_other_figures_for_a_day_that_is_in_are_refused(house: Settled) -> None:
    """Not a cent changes without a reason, and the refusal names the account and the day."""
    await house.take(table(("80012345", "100.00", "10.00"), ("80023456", "200.00", "10.00")))
    with pytest.raises(Refusal) as refused:
        await house.take(table(("80012345", "100.01", "10.00"), ("80023456", "200.00", "10.00")))
    assert (refused.value.code, refused.value.facts["count"]) == ("figures_differ", 1)
    assert (refused.value.facts["account"], refused.value.facts["day"]) == ("80012345", date(2026, 8, 17))
    async with house.deps.db.read() as session:
        day = await latest_day(session, "80012345")
    assert day is not None
    assert day.equity == Decimal("100.00")


async def test_with_a_reason_other_figures_replace_and_the_old_ones_are_kept_aside(house: Settled) -> None:
    """Only the accounts that differ change hands; the trail names the reason."""
    await house.take(table(("80012345", "100.00", "10.00"), ("80023456", "200.00", "10.00")))
    again = await house.take(
        table(("80012345", "100.01", "10.00"), ("80023456", "200.00", "10.00")), reason="结算更正"
    )
    assert (again.state, again.unchanged) == ("imported", 1)
    assert await count(house, AccountDay) == 2
    async with house.deps.db.read() as session:
        day = await latest_day(session, "80012345")
    assert day is not None
    assert day.equity == Decimal("100.01")
    assert sorted(d.equity for d in await house.all(AccountDay)) == [100, Decimal("100.01"), 200]
    entry = next(e for e in await house.all(AuditEntry) if e.action == "import.replaced")
    assert entry.detail["reason"] == "结算更正"
    assert sorted(f.state for f in await house.all(ImportedFile)) == ["in", "in", "replaced"]


async def test_a_replaced_statement_takes_its_positions_and_trades_along(house: Settled) -> None:
    """A statement tells all of an account's day: nothing of the old one stays beside the new one."""
    await house.take(published())
    await house.take(second_case(), reason="结算更正")
    assert (
        await count(house, AccountDay),
        await count(house, PositionDay),
        await count(house, TradeDay),
    ) == (1, 2, 2)
    first, _ = [f for f in await house.all(ImportedFile) if f.format == "ctp-text"]
    assert first.state == "replaced"


async def test_equal_figures_in_another_file_change_nothing(house: Settled) -> None:
    """The same accounts in another order: the day is unchanged and is not told again."""
    await house.take(table(("80012345", "100.00", "105.00"), ("80023456", "200.00", "10.00")))
    again = await house.take(table(("80023456", "200.00", "10.00"), ("80012345", "100.00", "105.00")))
    assert (again.state, again.unchanged, again.alerts) == ("imported", 2, 0)
    assert await count(house, AccountDay) == 2


async def test_a_statement_and_a_table_of_the_same_day_complete_each_other(house: Settled) -> None:
    """The text brings positions, the table the exchange's margin, in either order; neither contradicts the other."""
    stated = b"AccountID,TradingDay,Balance,CurrMargin,ExchangeMargin,Available\n80012345,20260817,40000.00,42921.50,24000.00,-2921.50"
    await house.take(second_case())
    await house.take(stated)
    async with house.deps.db.read() as session:
        day = await latest_day(session, "80012345")
    assert day is not None
    assert (day.exchange_margin, day.exchange_margin_estimated) == (Decimal("24000.00"), False)
    assert (await count(house, AccountDay), await count(house, PositionDay)) == (1, 2)
    assert (
        await house.take(published().replace("示例期货有限公司", "示例期货有限公司 "), reason="x")
    ).state == "imported"


async def test_the_statement_after_the_table_adds_its_positions_only(house: Settled) -> None:
    """The table's exchange margin stays."""
    await house.take(
        b"AccountID,TradingDay,Balance,CurrMargin,ExchangeMargin\n80012345,20260817,40000.00,42921.50,24000.00"
    )
    summary = await house.take(second_case())
    assert summary.state == "imported"
    async with house.deps.db.read() as session:
        day = await latest_day(session, "80012345")
    assert day is not None
    assert (day.exchange_margin, day.exchange_margin_estimated) == (Decimal("24000.00"), False)
    assert (await count(house, AccountDay), await count(house, PositionDay)) == (1, 2)


async def test_positions_that_come_in_a_file_of_their_own_give_the_exchange_margin(house: Settled) -> None:
    """Accounts without an exchange margin get an estimate as soon as their positions are known, in either order."""
    held = positions(
        ("80012345", "SHFE", "rb2610", 6, "3030", "21816.00"),
        ("80012345", "DCE", "m2701", -5, "3247", "21105.50"),
    )
    await house.take(table(("80012345", "40000.00", "42921.50"), exchange=None))
    await house.take(held)
    [day] = await house.all(AccountDay)
    assert (day.exchange_margin, day.exchange_margin_estimated) == (Decimal("24090.50"), True)


async def test_without_positions_the_exchange_margin_stays_unknown(house: Settled) -> None:
    """The level then comes from the company's line alone, and risk says null."""
    await house.take(table(("80012345", "100.00", "105.00"), exchange=None))
    [line] = await house.run(risk_lines)
    assert (line.level, line.as_json()["exchange_margin"], line.as_json()["risk_exchange"]) == (
        "call",
        None,
        None,
    )


async def test_settlement_prices_are_kept_by_contract_and_day(house: Settled) -> None:
    """As the statement prints them."""
    await house.take(published())
    prices = {p.instrument: p.price for p in await house.all(SettlementPrice)}
    assert prices == {"rb2610": Decimal(3030), "m2701": Decimal(3247)}


async def test_what_a_killed_import_left_does_not_count_and_is_cleared_away(
    house: Settled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off before the last transaction: nobody sees a row, and the same file then imports as if for the first time."""

    class Killed(BaseException):
        pass

    async def cut_off(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(settlements, "_make_it_count", cut_off)
    with pytest.raises(Killed):
        await house.take(second_case())
    monkeypatch.undo()
    assert await house.run(risk_lines) == []
    assert [f.state for f in await house.all(ImportedFile)] == ["loading"]
    summary = await house.take(second_case())
    assert (summary.state, summary.alerts) == ("imported", 1)
    assert [f.state for f in await house.all(ImportedFile)] == ["in"]
    assert len(await house.all(AccountDay)) == 1


async def test_an_import_waits_for_the_one_that_runs_and_overtakes_a_dead_one(
    small_house: Settled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease that shows no life is taken over."""
    async with working(small_house.deps) as work:
        await queues.take_lease(
            work.session, rows.IMPORT_LEASE, "import/dead", work.deps.wall(), 7, instead_of=None
        )
    monkeypatch.setattr(settlements, "_SILENT", 0.05)
    assert (await small_house.take(published())).state == "imported"


async def test_progress_counts_every_row(small_house: Settled) -> None:
    """For the bar on a terminal."""
    seen: list[tuple[int, int]] = []
    await settlements.import_file(
        small_house.deps,
        "f",
        published().encode(),
        "test",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (5, 5)


async def test_a_month_s_statement_is_history_of_its_last_trading_day(house: Settled) -> None:
    """Its sums are not taken for a day's, its trades keep their days, and the day's own statement goes before it."""
    house.set_clock("2026-09-01 10:00")
    month = published().replace("日期 Date：20260817", "日期 Date：202608")
    summary = await house.take(month, "month.txt")
    [day] = await house.all(AccountDay)
    assert (day.day, day.commission, day.cash_flow) == (date(2026, 8, 31), None, None)
    assert day.equity == Decimal("519415.43")
    assert {t.day for t in await house.all(TradeDay)} == {date(2026, 8, 17)}
    assert summary.alerts == 0


async def test_the_sample_brokerage_imports_in_any_order(small_house: Settled) -> None:
    """Eight days in five formats and encodings; each file once, then once more."""
    files = sorted(SAMPLES.iterdir(), reverse=True)
    for path in files:
        assert (await small_house.take(path.read_bytes(), path.name)).state == "imported"
    for path in files:
        assert (await small_house.take(path.read_bytes(), path.name)).state == "already_imported"
    async with working(small_house.deps) as work:
        lines = await risk_lines(work, date(2026, 8, 19))
    assert [(line.account, line.level) for line in lines[:3]] == [
        ("80056789", "liquidation"),
        ("80078901", "liquidation_notice"),
        ("80012345", "call"),
    ]
    assert lines[2].as_json()["risk_company"] == pytest.approx(1.0730, abs=1e-4)


async def test_risk_of_negative_equity_has_no_degree_and_comes_first(small_house: Settled) -> None:
    """Worst first; a degree of an account without equity would be nonsense."""
    await small_house.take(
        table(("1001", "100.00", "107.00"), ("1002", "-728.66", "0.00"), ("1003", "100.00", "50.00"))
    )
    lines = [line.as_json() for line in await small_house.run(risk_lines)]
    assert [line["account"] for line in lines] == ["1002", "1001", "1003"]
    assert (lines[0]["level"], lines[0]["risk_company"], lines[0]["equity"]) == (
        "negative_equity",
        None,
        "-728.66",
    )
