"""The last trading day of a futures contract, by its exchange's rule and the trading calendar.

- ExpiryRule, read_rule: ``day 15``, ``trading_day 10``, ``friday 3``, ``month_before``.
- last_trading_day: the day; CalendarEnded where the table of trading days does not reach that far.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from domain.calendar import ONE_DAY, TradingCalendar


class Expires(StrEnum):
    """What the number of a rule counts."""

    DAY = "day"
    TRADING_DAY = "trading_day"
    FRIDAY = "friday"
    MONTH_BEFORE = "month_before"


@dataclass(frozen=True, slots=True)
class ExpiryRule:
    """``DAY``: that day of the delivery month, moved on where it is not traded; ``TRADING_DAY``: its n-th trading
    day; ``FRIDAY``: its n-th Friday, moved on likewise; ``MONTH_BEFORE``: the last trading day of the month before.
    """

    what: Expires
    n: int = 0


def read_rule(text: str) -> ExpiryRule:
    """A rule as the table spells it. ValueError for anything else."""
    what, _, n = text.partition(" ")
    rule = ExpiryRule(Expires(what), int(n or 0))
    if (rule.what is not Expires.MONTH_BEFORE) != (rule.n > 0):
        raise ValueError(f"{text!r} is no rule of a last trading day")
    return rule


def last_trading_day(rule: ExpiryRule, year: int, month: int, calendar: TradingCalendar) -> date:
    """The last trading day of the contract of a delivery month."""
    first = date(year, month, 1)
    match rule.what:
        case Expires.DAY:
            return _traded_from(first.replace(day=rule.n), calendar)
        case Expires.TRADING_DAY:
            return calendar.add_trading_days(first - ONE_DAY, rule.n)
        case Expires.FRIDAY:
            friday = first + timedelta(days=(4 - first.weekday()) % 7 + 7 * (rule.n - 1))
            return _traded_from(friday, calendar)
        case Expires.MONTH_BEFORE:
            calendar.row(first - ONE_DAY)
            return calendar.previous_trading_day(first) if calendar.covers(first) else _last_of(calendar)


def _traded_from(day: date, calendar: TradingCalendar) -> date:
    return day if calendar.is_trading(day) else calendar.next_trading_day(day)


def _last_of(calendar: TradingCalendar) -> date:
    """The last trading day of the table, which ends with the month."""
    last = calendar.last
    return last if calendar.is_trading(last) else calendar.previous_trading_day(last)
