"""Last trading days by the exchanges' rules, over the shipped calendar."""

import csv
from datetime import date
from pathlib import Path

import pytest

from domain.calendar import CalendarEnded, TradingCalendar, read_days
from domain.expiry import last_trading_day, read_rule

TABLE = Path(__file__).parents[2] / "knowledge" / "tables" / "calendar.csv"
with TABLE.open(encoding="utf-8") as lines:
    CALENDAR = TradingCalendar(read_days(csv.DictReader(lines)))


@pytest.mark.parametrize(
    ("rule", "month", "expected"),
    [
        ("day 15", 12, date(2026, 12, 15)),
        ("day 15", 11, date(2026, 11, 16)),
        ("day 15", 2, date(2026, 2, 24)),
        ("trading_day 10", 9, date(2026, 9, 14)),
        ("trading_day 10", 10, date(2026, 10, 21)),
        ("friday 3", 12, date(2026, 12, 18)),
        ("friday 2", 6, date(2026, 6, 12)),
        ("month_before", 12, date(2026, 11, 30)),
        ("month_before", 10, date(2026, 9, 30)),
    ],
)
def test_the_last_trading_day_follows_the_rule_and_the_calendar(
    rule: str, month: int, expected: date
) -> None:
    """A day that is not traded is moved on; trading days are counted over holidays."""
    assert last_trading_day(read_rule(rule), 2026, month, CALENDAR) == expected


def test_the_month_before_january_is_known_from_the_last_december_of_the_table() -> None:
    """The table ends with the very month that decides."""
    assert last_trading_day(read_rule("month_before"), 2027, 1, CALENDAR) == date(2026, 12, 31)


def test_past_the_calendar_nothing_is_guessed() -> None:
    """15 May 2027 may be moved by a holiday that nobody has announced."""
    with pytest.raises(CalendarEnded):
        last_trading_day(read_rule("day 15"), 2027, 5, CALENDAR)


@pytest.mark.parametrize("text", ["", "day", "month_before 3", "monday 2"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    """The table's finding names the line."""
    with pytest.raises(ValueError):
        read_rule(text)
