"""When people of the house answer, in the words of the clocks."""

from datetime import datetime, timedelta

from domain.clocks import Hours, Span, due
from domain.policy import Policy
from services.work import Work


def service_hours(policy: Policy) -> Hours:
    """The desk's opening hours on working days."""
    return Hours.of_working_days(*(Span(i.opens, i.closes) for i in policy.hours.working_day))


def promised(work: Work, minutes: int) -> datetime:
    """The moment by which so many working minutes from now have passed."""
    return due(work.now, timedelta(minutes=minutes), service_hours(work.policy), work.deps.calendar)


def is_open(work: Work) -> bool:
    """Whether people answer at this moment."""
    return due(work.now, timedelta(0), service_hours(work.policy), work.deps.calendar) <= work.now
