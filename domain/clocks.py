"""Clocks that run in opening hours only: when something is due, how much time was used, what is left.

- Span, Hours, Runs: when a desk is open.
- due, elapsed: adding and measuring open time. Adding a and then b is adding a + b; nothing falls due while
  the desk is closed.
- due_in_working_days, due_in_calendar_days: terms counted in days.
- Switch, Pause, pauses_of: waiting for the client, as events. What is left is always derived from them, so a
  changed target keeps them.
- Reading, read, mark_times: what a case's card shows, and when 50, 80 and 100 % are reached.

Moments carry their zone. Where the trading calendar ends, CalendarEnded is raised.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from domain.calendar import ONE_DAY, TradingCalendar, local, moment

NO_TIME = timedelta(0)
MARKS = (50, 80, 100)


@dataclass(frozen=True, slots=True)
class Span:
    """An opening interval. Where ``closes`` is not after ``opens`` it ends on the next day; equal is 24 h."""

    opens: time
    closes: time

    def on(self, day: date) -> tuple[datetime, datetime]:
        ends = day if self.closes > self.opens else day + ONE_DAY
        return moment(day, self.opens), moment(ends, self.closes)


class Runs(StrEnum):
    """The days on which the hours of the week hold."""

    WORKING = "working"  # not on public holidays; make-up days have their own hours
    TRADING = "trading"
    EVERY = "every"


@dataclass(frozen=True, slots=True)
class Hours:
    """A desk's opening hours: any number of spans a weekday, Monday first.

    ``make_up`` holds on weekend days that are worked (补班), ``night`` on evenings with a night session.
    Hours that run on working days keep their weekend spans on plain weekends and lose them in a holiday.
    """

    week: tuple[tuple[Span, ...], ...]
    make_up: tuple[Span, ...] = ()
    night: tuple[Span, ...] = ()
    runs: Runs = Runs.WORKING

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise ValueError("opening hours need the spans of seven weekdays, Monday first")
        if not any(self.week) and not self.night:
            raise ValueError("opening hours without a span never open")

    @classmethod
    def of_working_days(cls, *spans: Span, night: tuple[Span, ...] = ()) -> "Hours":
        """The same spans on every working day, make-up days included."""
        return cls(week=(spans, spans, spans, spans, spans, (), ()), make_up=spans, night=night)

    def spans(self, day: date, calendar: TradingCalendar) -> tuple[Span, ...]:
        """The spans that begin on ``day``, earliest first."""
        spans = self._day_spans(day, calendar)
        if self.night and calendar.has_night(day):
            spans += self.night
        return tuple(sorted(spans, key=lambda span: span.opens))

    @property
    def need_calendar(self) -> bool:
        return self.runs is not Runs.EVERY or bool(self.night)

    def _day_spans(self, day: date, calendar: TradingCalendar) -> tuple[Span, ...]:
        week = self.week[day.weekday()]
        match self.runs:
            case Runs.EVERY:
                return week
            case Runs.TRADING:
                return week if calendar.is_trading(day) else ()
        if calendar.is_working(day):
            return week if day.weekday() < 5 else self.make_up
        if not week:
            return ()
        return () if calendar.is_holiday(day) else week


@dataclass(frozen=True, slots=True)
class Pause:
    """The clock stands from ``begins`` until ``ends``; None: it still stands."""

    begins: datetime
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Switch:
    """An event that stops the clock or lets it run on."""

    at: datetime
    running: bool


def pauses_of(events: Iterable[Switch]) -> tuple[Pause, ...]:
    """Pauses from events in any order; a second stop, or a start of a running clock, changes nothing."""
    pauses: list[Pause] = []
    begins: datetime | None = None
    for event in sorted(events, key=lambda e: e.at):
        if event.running and begins is not None:
            pauses.append(Pause(begins, event.at))
            begins = None
        elif not event.running and begins is None:
            begins = event.at
    if begins is not None:
        pauses.append(Pause(begins, None))
    return tuple(pauses)


def due(start: datetime, working: timedelta, hours: Hours, calendar: TradingCalendar) -> datetime:
    """The earliest open moment at which ``working`` open time has passed since ``start`` (in Beijing time).

    A closing minute is still open: with an hour left at 17:00 and a desk that closes at 18:00, it is 18:00.
    """
    found = due_with_pauses(start, working, hours, calendar, ())
    assert found is not None, "only an open pause leaves a term without an end"
    return found


def due_with_pauses(
    start: datetime, working: timedelta, hours: Hours, calendar: TradingCalendar, pauses: Sequence[Pause]
) -> datetime | None:
    """As ``due``, with pauses left out; None while the clock stands and the term had not run out before."""
    if working < NO_TIME:
        raise ValueError("a term cannot be negative")
    left = working
    for begins, ends in _running(start, hours, calendar, pauses):
        if ends - begins >= left:
            return begins + left
        left -= ends - begins
    return None


def elapsed(
    start: datetime,
    end: datetime,
    hours: Hours,
    calendar: TradingCalendar,
    pauses: Sequence[Pause] = (),
) -> timedelta:
    """Open time between two moments without the pauses; zero where ``end`` is not later."""
    used = NO_TIME
    if end <= start:
        return used
    for begins, ends in _running(start, hours, calendar, pauses, until=end):
        used += ends - begins
    return used


def _running(
    start: datetime,
    hours: Hours,
    calendar: TradingCalendar,
    pauses: Sequence[Pause],
    until: datetime | None = None,
) -> Iterator[tuple[datetime, datetime]]:
    """Intervals from ``start`` on in which the clock runs, in order, none twice; an open pause ends them."""
    for begins, ends in _open(start, hours, calendar, until):
        now = begins
        for pause in sorted(pauses, key=lambda p: p.begins):
            if pause.begins > ends or (pause.ends is not None and pause.ends <= now):
                continue
            if pause.begins >= now:
                yield now, pause.begins
            if pause.ends is None:
                return
            now = pause.ends
            if now > ends:
                break
        if now <= ends:
            yield now, ends


def _open(
    start: datetime, hours: Hours, calendar: TradingCalendar, until: datetime | None
) -> Iterator[tuple[datetime, datetime]]:
    """Open intervals from ``start`` to ``until``; spans that overlap are cut where the earlier one ends."""
    now = local(start)
    last = None if until is None else local(until)
    day = now.date()
    if calendar.covers(day - ONE_DAY) or not hours.need_calendar:
        day -= ONE_DAY  # a span of the evening before may still be open
    while last is None or day <= last.date():
        for span in hours.spans(day, calendar):
            begins, ends = span.on(day)
            begins = max(begins, now)
            ends = ends if last is None else min(ends, last)
            if begins <= ends:
                yield begins, ends
                now = ends
        day += ONE_DAY


def due_in_working_days(start: datetime, days: int, hours: Hours, calendar: TradingCalendar) -> datetime:
    """Closing time of the n-th working day after the day of ``start``.

    The first day is not counted, and a term ends when business does (民法典 arts. 201, 203).
    """
    if days < 1:
        raise ValueError("a term in working days has at least one")
    return _closing(calendar.add_working_days(local(start).date(), days), hours, calendar)


def due_in_calendar_days(start: datetime, days: int, hours: Hours, calendar: TradingCalendar) -> datetime:
    """Closing time of the n-th calendar day after the day of ``start``, or of the next working day.

    A term whose last day is free ends on the day after the free days (民法典 art. 203).
    """
    day = local(start).date() + timedelta(days=days)
    return _closing(day if calendar.is_working(day) else calendar.add_working_days(day, 1), hours, calendar)


def _closing(day: date, hours: Hours, calendar: TradingCalendar) -> datetime:
    while not (spans := hours.spans(day, calendar)):
        day += ONE_DAY
    return max(span.on(day)[1] for span in spans)


@dataclass(frozen=True, slots=True)
class Reading:
    """A clock at a moment. ``due`` is None while it stands; ``left`` is negative when overdue.

    ``paused`` is the open time that pauses took out; ``mark`` the highest of the marks reached, 0 before the
    first.
    """

    due: datetime | None
    elapsed: timedelta
    paused: timedelta
    left: timedelta
    mark: int

    @property
    def overdue(self) -> bool:
        return self.left < NO_TIME


def read(
    start: datetime,
    budget: timedelta,
    now: datetime,
    hours: Hours,
    calendar: TradingCalendar,
    pauses: Sequence[Pause] = (),
    marks: Sequence[int] = MARKS,
) -> Reading:
    """The clock of a term of ``budget`` open time at ``now``; of a finished case at the moment it finished.

    A term in days becomes a budget once: ``elapsed(start, due_in_working_days(start, n, ...), ...)``.
    """
    used = elapsed(start, now, hours, calendar, pauses)
    known = [p for p in pauses if p.begins <= now]
    return Reading(
        due=due_with_pauses(start, budget, hours, calendar, known),
        elapsed=used,
        paused=elapsed(start, now, hours, calendar) - used,
        left=budget - used,
        mark=max((m for m in marks if used * 100 >= budget * m), default=0),
    )


def mark_times(
    start: datetime,
    budget: timedelta,
    hours: Hours,
    calendar: TradingCalendar,
    pauses: Sequence[Pause] = (),
    marks: Sequence[int] = MARKS,
) -> dict[int, datetime | None]:
    """When each mark (percent of the budget) is reached; None for those that wait for a pause to end."""
    return {m: due_with_pauses(start, budget * m / 100, hours, calendar, pauses) for m in marks}
