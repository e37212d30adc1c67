"""Trading days, night sessions and working days of the Chinese futures exchanges, as far as the table goes.

- Day, read_days: one row of ``knowledge/tables/calendar.csv``.
- TradingCalendar: what follows from the rows. Whoever asks for a day that the table lacks gets CalendarEnded.
- Session, COMMODITY_DAY, INDEX_DAY, BOND_DAY: when is traded.

A night session opens at 21:00 and belongs to the next trading day. Moments are given and returned with their
zone; wall times are Asia/Shanghai, which has had no summer time since 1991.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
ONE_DAY = timedelta(days=1)

DAY_TURNS = time(20, 0)
"""From here on an evening counts for the next trading day: the day is settled, the night being prepared."""

DAY_DEADLINE = time(8, 55)
NIGHT_DEADLINE = time(20, 55)
"""The opening auctions begin here: until then money or a closing order is in time for the session."""

NIGHT_OPENS = time(21, 0)

DayHours = tuple[tuple[time, time], ...]
COMMODITY_DAY: DayHours = (
    (time(9, 0), time(10, 15)),
    (time(10, 30), time(11, 30)),
    (time(13, 30), time(15, 0)),
)
INDEX_DAY: DayHours = ((time(9, 30), time(11, 30)), (time(13, 0), time(15, 0)))
BOND_DAY: DayHours = ((time(9, 30), time(11, 30)), (time(13, 0), time(15, 15)))


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day. ``has_night``: a night session is held on its evening. ``source`` says who said so."""

    day: date
    is_trading: bool
    has_night: bool
    is_working: bool
    source: str


@dataclass(frozen=True, slots=True)
class Session:
    """An interval of continuous trading."""

    opens: datetime
    closes: datetime
    night: bool


class CalendarEnded(LookupError):
    """The table has no row for ``day``: the caller waits and tells the operator, nothing is guessed."""

    def __init__(self, day: date, first: date, last: date) -> None:
        super().__init__(f"the trading calendar covers {first} to {last}, not {day}")
        self.day = day
        self.first = first
        self.last = last


def read_days(rows: Iterable[Mapping[str, str]]) -> dict[date, Day]:
    """Rows of the table (``day,is_trading,has_night,is_working,source``, flags 0 or 1) by day.

    ValueError names the row (1 is the first below the header).
    """
    days: dict[date, Day] = {}
    for number, row in enumerate(rows, start=1):
        try:
            day = date.fromisoformat(row["day"])
            trading, night, working = (_flag(row[name]) for name in ("is_trading", "has_night", "is_working"))
            source = row["source"].strip()
        except (KeyError, ValueError) as reason:
            raise ValueError(f"trading calendar, row {number}: {reason}") from reason
        if day in days or not source:
            problem = "has no source" if not source else "stands twice"
            raise ValueError(f"trading calendar, row {number}: {day} {problem}")
        days[day] = Day(day, trading, night, working, source)
    return days


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(f"{text!r} is neither 0 nor 1")
    return text == "1"


def local(instant: datetime) -> datetime:
    """The moment in Beijing time. ValueError for a moment without a zone."""
    if instant.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return instant.astimezone(SHANGHAI)


def moment(day: date, at: time) -> datetime:
    """A wall time of a day in Beijing."""
    return datetime.combine(day, at, SHANGHAI)


class TradingCalendar:
    """Answers from rows without a gap between the first and the last; past them CalendarEnded.

    ValueError at construction when the rows have a gap or contradict each other.
    """

    def __init__(self, days: Mapping[date, Day]) -> None:
        if not days:
            raise ValueError("the trading calendar is empty")
        self._days = dict(sorted(days.items()))
        self.first = min(self._days)
        self.last = max(self._days)
        _check(self._days, self.first)
        self._trading = tuple(day for day, row in self._days.items() if row.is_trading)
        self._working = tuple(day for day, row in self._days.items() if row.is_working)

    def covers(self, day: date) -> bool:
        return day in self._days

    def ends_within(self, days: int, today: date) -> bool:
        """The last row is at most ``days`` days after ``today``, or past."""
        return self.last <= today + timedelta(days=days)

    def row(self, day: date) -> Day:
        try:
            return self._days[day]
        except KeyError:
            raise CalendarEnded(day, self.first, self.last) from None

    def is_trading(self, day: date) -> bool:
        return self.row(day).is_trading

    def is_working(self, day: date) -> bool:
        """Offices work: weekdays without a public holiday, and make-up days (补班), which are not traded."""
        return self.row(day).is_working

    def has_night(self, day: date) -> bool:
        """A night session is held on the evening of ``day``."""
        return self.row(day).has_night

    def is_holiday(self, day: date) -> bool:
        """``day`` belongs to a public holiday: a run of free days, weekends too, with a weekday in it."""
        if self.is_working(day):
            return False
        return any(free.weekday() < 5 for free in self._free_run(day))

    def _free_run(self, day: date) -> Iterator[date]:
        for step in (ONE_DAY, -ONE_DAY):
            free = day
            while not self.is_working(free):
                yield free
                free += step

    def next_trading_day(self, day: date) -> date:
        """The first trading day after ``day``."""
        return self.add_trading_days(day, 1)

    def previous_trading_day(self, day: date) -> date:
        """The last trading day before ``day``."""
        return self.add_trading_days(day, -1)

    def add_trading_days(self, day: date, n: int) -> date:
        """The n-th trading day after ``day``, or before it where n is negative; ``day`` itself for 0."""
        return self._step(self._trading, day, n)

    def add_working_days(self, day: date, n: int) -> date:
        """The n-th working day after ``day`` (which is not counted), or before it; ``day`` itself for 0."""
        return self._step(self._working, day, n)

    def _step(self, chosen: tuple[date, ...], day: date, n: int) -> date:
        self.row(day)
        if n == 0:
            return day
        index = bisect_right(chosen, day) + n - 1 if n > 0 else bisect_left(chosen, day) + n
        if not 0 <= index < len(chosen):
            beyond = self.last + ONE_DAY if n > 0 else self.first - ONE_DAY
            raise CalendarEnded(beyond, self.first, self.last)
        return chosen[index]

    def trading_days(self, first: date, last: date) -> tuple[date, ...]:
        """Trading days from ``first`` to ``last``, both included."""
        self.row(first)
        self.row(last)
        return self._trading[bisect_left(self._trading, first) : bisect_right(self._trading, last)]

    def working_days_between(self, after: date, until: date) -> int:
        """How many working days lie after ``after``, ``until`` included; 0 where that is not later."""
        self.row(after)
        self.row(until)
        return max(0, bisect_right(self._working, until) - bisect_right(self._working, after))

    def trading_day_of(self, instant: datetime) -> date:
        """The trading day a moment counts for: nights, weekends and holidays count for the next one."""
        here = local(instant)
        day = here.date()
        if self.is_trading(day) and here.time() < DAY_TURNS:
            return day
        return self.next_trading_day(day)

    def sessions(
        self, trading_day: date, night_close: time | None = None, hours: DayHours = COMMODITY_DAY
    ) -> tuple[Session, ...]:
        """When a product is traded on a trading day, the night session of the evening before first.

        ``night_close`` is the product's (23:00, 01:00, 02:30), None where it has no night. Empty on other
        days.
        """
        if not self.is_trading(trading_day):
            return ()
        found = []
        if night_close is not None:
            evening = self.previous_trading_day(trading_day)
            if self.has_night(evening):
                ends = evening if night_close > NIGHT_OPENS else evening + ONE_DAY
                found.append(Session(moment(evening, NIGHT_OPENS), moment(ends, night_close), night=True))
        found.extend(Session(moment(trading_day, a), moment(trading_day, b), night=False) for a, b in hours)
        return tuple(found)

    def next_open(self, now: datetime, night: bool) -> datetime:
        """The moment before the next session of a client: the usual deadline of a margin call.

        08:55 of a trading day; with ``night`` (the client trades or holds night products) also 20:55 of an
        evening on which a night session is held. Always after ``now``.
        """
        here = local(now)
        day = here.date()
        while True:
            row = self.row(day)
            for at, held in ((DAY_DEADLINE, row.is_trading), (NIGHT_DEADLINE, night and row.has_night)):
                if held and moment(day, at) > here:
                    return moment(day, at)
            day += ONE_DAY


def _check(days: Mapping[date, Day], first: date) -> None:
    expected = first
    for day, row in days.items():
        if day != expected or row.day != day:
            raise ValueError(f"the trading calendar has no row for {expected}")
        if row.is_trading and (day.weekday() >= 5 or not row.is_working):
            raise ValueError(f"the trading calendar trades on {day}, a weekend or a holiday")
        if row.has_night and not row.is_trading:
            raise ValueError(f"the trading calendar has a night session on {day}, which is no trading day")
        expected += ONE_DAY
