"""The risk ladder of ``config.yaml`` in the words of domain/risk.py, and which settlement is the current one."""

from datetime import date, datetime, time

from domain.calendar import TradingCalendar, local, moment
from domain.policy import Policy
from domain.risk import Ladder, Level

SETTLED_FROM = time(15, 0)
"""The exchanges close; a settlement of the day may exist from here on."""


def ladder(policy: Policy) -> Ladder:
    risk = policy.risk
    return Ladder(
        watch=risk.watch,
        warning=risk.warning,
        call=risk.call,
        exchange_notice=risk.exchange_notice,
        exchange_liquidation=risk.exchange_liquidation,
        step_above_call=risk.step_above_call,
        after_deadline=Level(risk.after_deadline),
    )


def settled_day(calendar: TradingCalendar, now: datetime) -> date:
    """The last trading day whose sessions are over. CalendarEnded where the table does not reach."""
    here = local(now)
    if calendar.is_trading(here.date()) and here.time() >= SETTLED_FROM:
        return here.date()
    return calendar.previous_trading_day(here.date())


def is_current(calendar: TradingCalendar, day: date, now: datetime) -> bool:
    """Whether a settlement is the newest that there can be: an older one is history, a later one is wrong."""
    return settled_day(calendar, now) <= day <= local(now).date()


def after_settlement(day: date) -> datetime:
    """The fixed time at which a settlement speaks."""
    return moment(day, SETTLED_FROM)


def deadline(calendar: TradingCalendar, day: date, night: bool) -> datetime:
    """Until when a call of this settlement must be met: before the next session that the client trades in."""
    return calendar.next_open(after_settlement(day), night)
