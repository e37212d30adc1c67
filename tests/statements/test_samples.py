"""The shipped settlements: every day begins where the last one ended, and the story is the one that is told."""

import csv
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from domain.settlement import Direction, ParsedFile, Position, SettlementRecord
from statements import read

CENT = Decimal("0.01")
DAYS = [date(2026, 8, day) for day in (13, 14, 17, 18, 19, 20, 21, 24)]


@pytest.fixture(scope="module")
def files(samples: Path) -> list[ParsedFile]:
    """Every settlement file, in the order of their names."""
    return [read(path.name, path.read_bytes()) for path in sorted((samples / "settlements").iterdir())]


@pytest.fixture(scope="module")
def records(files: list[ParsedFile]) -> dict[tuple[str, date], SettlementRecord]:
    """Account rows by account and day."""
    return {(record.account, record.day): record for parsed in files for record in parsed.records}


@pytest.fixture(scope="module")
def accounts(samples: Path) -> list[str]:
    """The accounts of the register."""
    with (samples / "register.csv").open(encoding="utf-8") as file:
        return [row["account"] for row in csv.DictReader(file)]


def test_every_client_has_every_trading_day(
    records: dict[tuple[str, date], SettlementRecord], accounts: list[str]
) -> None:
    """Eight clients on eight trading days, nothing left out and nobody else."""
    assert set(records) == {(account, day) for account in accounts for day in DAYS}


def test_no_line_is_rejected_and_the_formats_are_mixed(files: list[ParsedFile]) -> None:
    """Text in several encodings, CTP rows and a wide table."""
    assert all(parsed.rejected == () and parsed.notes == () for parsed in files)
    assert {parsed.format for parsed in files} == {
        "ctp-text",
        "csv-trading-account",
        "csv-investor-position",
        "csv-wide",
    }
    assert [parsed.day for parsed in files] == sorted(parsed.day for parsed in files)
    assert {parsed.day for parsed in files} == set(DAYS)


def test_each_day_begins_with_the_balance_of_the_day_before(
    records: dict[tuple[str, date], SettlementRecord], accounts: list[str]
) -> None:
    """Balance b/f is yesterday's balance c/f."""
    for account in accounts:
        for yesterday, today in pairwise(DAYS):
            assert records[account, today].pre_balance == records[account, yesterday].balance


def positions_of(files: list[ParsedFile], day: date) -> Iterator[Position]:
    for parsed in files:
        yield from (position for position in parsed.positions if position.day == day)


def test_the_settlement_price_of_yesterday_is_todays_previous_one(files: list[ParsedFile]) -> None:
    """A contract has one price a day, and remembers it."""
    prices = {
        (position.instrument, day): position.settlement_price
        for day in DAYS
        for position in positions_of(files, day)
    }
    compared = 0
    for yesterday, today in pairwise(DAYS):
        for position in positions_of(files, today):
            if (position.instrument, yesterday) in prices:
                assert position.pre_settlement == prices[position.instrument, yesterday]
                compared += 1
    assert compared > 20


def test_margins_follow_the_rates(files: list[ParsedFile]) -> None:
    """Company margin is price x multiplier x lots x (exchange rate + add-on) for rebar and soybean meal."""
    seen = 0
    for day in DAYS:
        for position in positions_of(files, day):
            if position.account == "80012345" and position.settlement_price is not None:
                rate = {"rb": Decimal("0.12"), "m": Decimal("0.13")}[position.product]
                margin = position.settlement_price * 10 * position.lots * rate
                assert position.margin_company == margin.quantize(CENT, rounding=ROUND_HALF_UP)
                seen += 1
    assert seen == 12


def test_positions_change_only_by_trades(files: list[ParsedFile]) -> None:
    """Lots of today are lots of yesterday and the trades between, wherever both days are text."""
    held = {
        day: {
            (one.account, one.instrument): one.lots if one.direction is Direction.LONG else -one.lots
            for one in positions_of(files, day)
        }
        for day in DAYS
    }
    for yesterday, today in [(DAYS[0], DAYS[1]), (DAYS[1], DAYS[2]), (DAYS[2], DAYS[3]), (DAYS[4], DAYS[5])]:
        moved = dict(held[yesterday])
        for parsed in files:
            for trade in parsed.trades:
                if trade.day == today:
                    key = (trade.account, trade.instrument)
                    moved[key] = moved.get(key, 0) + (trade.lots if trade.direction == "buy" else -trade.lots)
        assert {key: lots for key, lots in moved.items() if lots} == held[today]


def degrees(record: SettlementRecord) -> tuple[Decimal, Decimal | None]:
    company = (100 * record.curr_margin / record.equity).quantize(CENT, rounding=ROUND_HALF_UP)
    if record.exchange_margin is None:
        return company, None
    return company, (100 * record.exchange_margin / record.equity).quantize(CENT, rounding=ROUND_HALF_UP)


def test_the_first_demo_client_climbs_and_recovers(records: dict[tuple[str, date], SettlementRecord]) -> None:
    """8.26 %, 80.64 %, 107.30 % with 2,921.50 to add (exchange 60.23 %), 98.99 %."""
    told = [records["80012345", date(2026, 8, day)] for day in (17, 18, 19, 20)]
    assert [degrees(record) for record in told] == [
        (Decimal("8.26"), None),
        (Decimal("80.64"), None),
        (Decimal("107.30"), Decimal("60.23")),
        (Decimal("98.99"), None),
    ]
    called = told[2]
    assert (called.equity, called.margin_call) == (Decimal("40000.00"), Decimal("2921.50"))


def test_another_client_reaches_the_exchange_line(records: dict[tuple[str, date], SettlementRecord]) -> None:
    """112.73 % by the company's rates, 90.18 % by the exchange's."""
    assert degrees(records["80078901", date(2026, 8, 19)]) == (Decimal("112.73"), Decimal("90.18"))


def test_one_client_owes_money_on_one_day(records: dict[tuple[str, date], SettlementRecord]) -> None:
    """Negative equity after three falling days, and only then."""
    owing = [(account, day) for (account, day), record in records.items() if record.equity < 0]
    assert owing == [("80056789", date(2026, 8, 20))]


def test_the_second_demo_client_is_watched_once(records: dict[tuple[str, date], SettlementRecord]) -> None:
    """Far from every line until a withdrawal."""
    company = [degrees(records["80023456", day])[0] for day in DAYS]
    assert [day for day, degree in zip(DAYS, company, strict=True) if degree >= 80] == [date(2026, 8, 21)]


def test_the_files_are_what_the_generator_writes(samples: Path, tmp_path: Path) -> None:
    """Nobody edits the output by hand."""
    from samples import make

    make.write_all(tmp_path)
    written = {path.relative_to(tmp_path): path for path in tmp_path.rglob("*") if path.is_file()}
    shipped = {
        path.relative_to(samples)
        for folder in ("settlements", "formats")
        for path in (samples / folder).iterdir()
    }
    assert set(written) == shipped
    for name, path in written.items():
        if path.suffix == ".xlsx":
            assert read("x", path.read_bytes()).records == read("x", (samples / name).read_bytes()).records
        else:
            assert path.read_bytes() == (samples / name).read_bytes(), name
