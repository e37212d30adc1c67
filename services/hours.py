"""When people of the house answer, in the words of the clocks."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.clocks import Hours, Span, due
from domain.policy import Interval, Policy
from services.work import Work


def service_hours(policy: Policy) -> Hours:
    """The desk's opening hours on working days."""
    return Hours.of_working_days(*_spans(policy.hours.working_day))


def emergency_hours(policy: Policy) -> Hours:
    """When somebody is on duty for emergencies."""
    duty = policy.talk.emergency
    return Hours.of_working_days(*_spans(duty.working_day), night=tuple(_spans(duty.night)))


def _spans(intervals: Iterable[Interval]) -> Iterable[Span]:
    return (Span(interval.opens, interval.closes) for interval in intervals)


def promised(work: Work, minutes: int, hours: Hours | None = None) -> datetime:
    """The moment by which so many minutes of the desk's hours, or of ``hours``, have passed from now."""
    return due(work.now, timedelta(minutes=minutes), hours or service_hours(work.policy), work.deps.calendar)


def is_open(work: Work, hours: Hours | None = None) -> bool:
    """Whether people answer at this moment."""
    return promised(work, 0, hours) <= work.now
