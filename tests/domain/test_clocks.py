"""Clocks of cases: terms in opening hours, pauses, terms in days."""

import csv
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain.calendar import SHANGHAI, CalendarEnded, TradingCalendar, moment, read_days
from domain.clocks import (
    Hours,
    Pause,
    Runs,
    Span,
    Switch,
    due,
    due_in_calendar_days,
    due_in_working_days,
    due_with_pauses,
    elapsed,
    mark_times,
    pauses_of,
    read,
)

TABLE = Path(__file__).parents[2] / "knowledge" / "tables" / "calendar.csv"
with TABLE.open(encoding="utf-8", newline="") as _file:
    CALENDAR = TradingCalendar(read_days(csv.DictReader(_file)))

calm = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

MORNING = Span(time(9, 0), time(11, 30))
AFTERNOON = Span(time(13, 0), time(17, 30))
DESK = Hours.of_working_days(MORNING, AFTERNOON)
NIGHT_DESK = Hours.of_working_days(Span(time(8, 30), time(17, 0)), night=(Span(time(20, 30), time(2, 30)),))
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def is_open(instant: datetime, hours: Hours) -> bool:
    """Both edges of a span count as open, as a term may end with the closing minute."""
    day = instant.astimezone(SHANGHAI).date()
    return any(
        begins <= instant <= ends
        for d in (day - timedelta(days=1), day)
        for begins, ends in (span.on(d) for span in hours.spans(d, CALENDAR))
    )


quarters = st.integers(0, 95).map(lambda q: time(q // 4, q % 4 * 15))
spans = st.builds(Span, quarters, quarters)
weeks = st.lists(st.lists(spans, max_size=3).map(tuple), min_size=7, max_size=7).map(tuple)
opening_hours = st.builds(
    Hours,
    # Tuesday always opens, so that every term ends within the table.
    week=weeks.map(lambda week: (week[0], (*week[1], MORNING), *week[2:])),
    make_up=st.lists(spans, max_size=2).map(tuple),
    night=st.lists(spans, max_size=1).map(tuple),
    runs=st.sampled_from(Runs),
)
starts = st.builds(moment, st.dates(date(2025, 1, 20), date(2026, 6, 1)), st.times())
terms = st.integers(0, 60 * 20).map(lambda minutes: timedelta(minutes=minutes))


@calm
@given(starts, terms, terms, opening_hours)
def test_adding_a_and_then_b_is_adding_both(
    start: datetime, a: timedelta, b: timedelta, hours: Hours
) -> None:
    """A term may be cut anywhere."""
    assert due(start, a + b, hours, CALENDAR) == due(due(start, a, hours, CALENDAR), b, hours, CALENDAR)


@calm
@given(starts, terms, opening_hours)
def test_nothing_falls_due_while_the_desk_is_closed(start: datetime, term: timedelta, hours: Hours) -> None:
    """The moment lies in a span, and not before the start."""
    end = due(start, term, hours, CALENDAR)
    assert end >= start
    assert is_open(end, hours)


@calm
@given(starts, terms, opening_hours)
def test_the_time_used_until_it_is_due_is_the_term(start: datetime, term: timedelta, hours: Hours) -> None:
    """Measuring gives back what was added."""
    assert term == elapsed(start, due(start, term, hours, CALENDAR), hours, CALENDAR)


@calm
@given(
    st.builds(moment, st.dates(date(2025, 1, 20), date(2026, 6, 1)), quarters),
    st.integers(0, 400),
    opening_hours,
)
def test_measured_time_is_the_open_quarters_counted_one_by_one(
    start: datetime, quarter_hours: int, hours: Hours
) -> None:
    """A slow count in quarters of an hour agrees, whatever overlaps or crosses midnight."""
    quarter = timedelta(minutes=15)
    middle = start + quarter / 2
    counted = sum(is_open(middle + n * quarter, hours) for n in range(quarter_hours))
    assert counted * quarter == elapsed(start, start + quarter_hours * quarter, hours, CALENDAR)


@calm
@given(starts, st.lists(st.integers(0, 5000), min_size=2, max_size=2), opening_hours)
def test_measured_time_adds_up(start: datetime, minutes: list[int], hours: Hours) -> None:
    """From a to c is from a to b and from b to c."""
    middle = start + timedelta(minutes=minutes[0])
    end = middle + timedelta(minutes=minutes[1])
    whole = elapsed(start, end, hours, CALENDAR)
    assert whole == elapsed(start, middle, hours, CALENDAR) + elapsed(middle, end, hours, CALENDAR)


@st.composite
def pauses(draw: st.DrawFn) -> tuple[datetime, list[Pause]]:
    start = draw(starts)
    found = []
    for offset, length in draw(
        st.lists(st.tuples(st.integers(-500, 6000), st.integers(0, 3000)), max_size=4)
    ):
        begins = start + timedelta(minutes=offset)
        found.append(Pause(begins, begins + timedelta(minutes=length)))
    return start, found


@calm
@given(pauses(), terms, opening_hours)
def test_a_paused_term_ends_when_the_time_outside_the_pauses_is_used(
    case: tuple[datetime, list[Pause]], term: timedelta, hours: Hours
) -> None:
    """Pauses may overlap, lie in closed time or before the start."""
    start, found = case
    end = due_with_pauses(start, term, hours, CALENDAR, found)
    assert end is not None
    assert end >= due(start, term, hours, CALENDAR)
    assert term == elapsed(start, end, hours, CALENDAR, found)
    assert is_open(end, hours)


@calm
@given(pauses(), terms, st.integers(0, 9000), opening_hours)
def test_what_was_used_paused_and_left_always_adds_up(
    case: tuple[datetime, list[Pause]], budget: timedelta, minutes: int, hours: Hours
) -> None:
    """Used and paused make the open time since the start; used and left make the budget, whatever it is."""
    start, found = case
    now = start + timedelta(minutes=minutes)
    reading = read(start, budget, now, hours, CALENDAR, found)
    assert reading.elapsed + reading.paused == elapsed(start, now, hours, CALENDAR)
    assert reading.elapsed + reading.left == budget
    other = read(start, budget * 2, now, hours, CALENDAR, found)
    assert (reading.elapsed, reading.paused) == (other.elapsed, other.paused)


@calm
@given(pauses(), terms, opening_hours)
def test_marks_are_reached_in_their_order(
    case: tuple[datetime, list[Pause]], budget: timedelta, hours: Hours
) -> None:
    """50, 80 and 100 % follow each other, and a reading at each moment shows the mark."""
    assume(budget >= HOUR)
    start, found = case
    times = mark_times(start, budget, hours, CALENDAR, found)
    reached = [moment_ for moment_ in times.values() if moment_ is not None]
    assert reached == sorted(reached)
    for mark, when in times.items():
        assert when is not None
        assert read(start, budget, when, hours, CALENDAR, found).mark >= mark
        assert read(start, budget, when - MINUTE, hours, CALENDAR, found).mark <= mark


@pytest.mark.parametrize(
    ("start", "minutes", "expected"),
    [
        ("2026-09-09 09:00", 60, "2026-09-09 10:00"),
        ("2026-09-09 11:00", 60, "2026-09-09 13:30"),  # over lunch
        ("2026-09-09 11:00", 30, "2026-09-09 11:30"),  # with the closing minute
        ("2026-09-09 12:00", 0, "2026-09-09 13:00"),
        ("2026-09-09 21:10", 120, "2026-09-10 11:00"),  # at night to a day desk
        ("2026-09-11 17:00", 60, "2026-09-14 09:30"),  # over a weekend
        ("2026-09-30 17:00", 60, "2026-10-08 09:30"),  # over National Day
        ("2026-09-18 17:00", 60, "2026-09-20 09:30"),  # to a make-up Sunday
    ],
)
def test_a_term_runs_in_opening_hours_only(start: str, minutes: int, expected: str) -> None:
    """Lunch, nights, weekends and holidays do not count; make-up days do."""
    assert at(expected) == due(at(start), timedelta(minutes=minutes), DESK, CALENDAR)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-09-11 20:00", "2026-09-12 02:30"),  # Friday's night, six hours from 20:30
        ("2026-09-12 01:30", "2026-09-14 13:30"),  # one hour of Saturday morning belongs to Friday's night
        ("2026-09-24 20:00", "2026-09-28 14:30"),  # no night before Mid-Autumn
    ],
)
def test_night_hours_hold_only_when_a_night_session_is_held(start: str, expected: str) -> None:
    """The night of an evening crosses midnight into a day that is itself closed."""
    assert at(expected) == due(at(start), 6 * HOUR, NIGHT_DESK, CALENDAR)


def test_spans_that_overlap_count_once() -> None:
    """Two rosters from 9 to 12 and 10 to 13 are four hours."""
    hours = Hours.of_working_days(Span(time(9), time(12)), Span(time(10), time(13)))
    assert elapsed(at("2026-09-09 00:00"), at("2026-09-10 00:00"), hours, CALENDAR) == 4 * HOUR


def test_saturday_hours_hold_on_plain_saturdays_and_not_in_a_holiday() -> None:
    """2026-09-12 is a plain Saturday, 2026-10-03 lies in National Day."""
    hours = Hours(week=((MORNING,),) * 6 + ((),), make_up=(AFTERNOON,))
    assert hours.spans(date(2026, 9, 12), CALENDAR) == (MORNING,)
    assert hours.spans(date(2026, 10, 3), CALENDAR) == ()
    assert hours.spans(date(2026, 10, 10), CALENDAR) == (AFTERNOON,)


def test_hours_of_every_day_need_no_calendar() -> None:
    """A desk that never closes is not stopped by the end of the table."""
    always = Hours(week=((Span(time(0), time(0)),),) * 7, runs=Runs.EVERY)
    assert at("2027-03-01 06:00") == due(at("2027-02-28 06:00"), 24 * HOUR, always, CALENDAR)


def test_a_term_that_needs_days_past_the_table_is_not_guessed() -> None:
    """CalendarEnded, rather than a date in 2027."""
    with pytest.raises(CalendarEnded):
        due(at("2026-12-31 17:00"), HOUR, DESK, CALENDAR)
    with pytest.raises(CalendarEnded):
        due_in_working_days(at("2026-12-30 17:00"), 3, DESK, CALENDAR)


def test_the_first_day_of_the_table_can_be_reckoned_with() -> None:
    """There is no evening before it to look back to."""
    assert at("2025-01-02 10:00") == due(at("2025-01-01 08:00"), HOUR, DESK, CALENDAR)


def test_hours_that_never_open_and_negative_terms_are_refused() -> None:
    """ValueError at construction, not an endless search."""
    with pytest.raises(ValueError, match="never open"):
        Hours(week=((),) * 7, make_up=(MORNING,))
    with pytest.raises(ValueError, match="seven"):
        Hours(week=((MORNING,),) * 5)
    with pytest.raises(ValueError, match="negative"):
        due(at("2026-09-09 09:00"), -MINUTE, DESK, CALENDAR)
    with pytest.raises(ValueError, match="at least one"):
        due_in_working_days(at("2026-09-09 09:00"), 0, DESK, CALENDAR)


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-09-09 10:00", 3, "2026-09-14 17:30"),
        ("2026-09-09 22:00", 1, "2026-09-10 17:30"),
        ("2026-09-12 10:00", 1, "2026-09-14 17:30"),  # received on a Saturday
        ("2026-09-29 10:00", 3, "2026-10-09 17:30"),
        ("2026-09-17 10:00", 2, "2026-09-20 17:30"),  # the make-up Sunday is the second
    ],
)
def test_working_days_end_with_the_closing_time_of_the_last(start: str, days: int, expected: str) -> None:
    """The day of receipt is not counted."""
    assert at(expected) == due_in_working_days(at(start), days, DESK, CALENDAR)


def test_calendar_days_that_end_on_a_free_day_end_on_the_next_working_day() -> None:
    """Sixty days from 2026-08-04 is Saturday 2026-10-03, inside National Day."""
    assert at("2026-10-08 17:30") == due_in_calendar_days(at("2026-08-04 10:00"), 60, DESK, CALENDAR)
    assert at("2026-10-09 17:30") == due_in_calendar_days(at("2026-08-10 10:00"), 60, DESK, CALENDAR)


def test_a_working_day_without_hours_passes_the_term_on() -> None:
    """A desk that is shut on make-up Sunday 2026-09-20 closes on Monday."""
    hours = Hours(week=((MORNING,),) * 5 + ((), ()))
    assert at("2026-09-21 11:30") == due_in_working_days(at("2026-09-17 10:00"), 2, hours, CALENDAR)


def test_pauses_follow_from_events() -> None:
    """A second stop and a start of a running clock change nothing; the last stop stays open."""
    events = [
        Switch(at("2026-09-09 14:00"), running=True),
        Switch(at("2026-09-09 10:00"), running=False),
        Switch(at("2026-09-09 11:00"), running=False),
        Switch(at("2026-09-09 15:00"), running=True),
        Switch(at("2026-09-09 16:00"), running=False),
    ]
    expected = (
        Pause(at("2026-09-09 10:00"), at("2026-09-09 14:00")),
        Pause(at("2026-09-09 16:00"), None),
    )
    assert expected == pauses_of(events)


def test_a_clock_that_stands_has_no_due_time_until_the_client_answers() -> None:
    """Two hours from 09:00, stopped at 10:00: one left, due an hour after the answer."""
    start, budget = at("2026-09-09 09:00"), 2 * HOUR
    waiting = (Pause(at("2026-09-09 10:00"), None),)
    standing = read(start, budget, at("2026-09-10 16:00"), DESK, CALENDAR, waiting)
    assert (standing.due, standing.elapsed, standing.left, standing.mark) == (None, HOUR, HOUR, 50)
    assert not standing.overdue
    answered = (Pause(at("2026-09-09 10:00"), at("2026-09-11 09:30")),)
    assert at("2026-09-11 10:30") == due_with_pauses(start, budget, DESK, CALENDAR, answered)


def test_an_overdue_clock_says_by_how_much() -> None:
    """Two hours from 09:00 at 14:00: three and a half used."""
    reading = read(at("2026-09-09 09:00"), 2 * HOUR, at("2026-09-09 14:00"), DESK, CALENDAR)
    assert (at("2026-09-09 11:00"), -1.5 * HOUR, 100) == (reading.due, reading.left, reading.mark)
    assert reading.overdue


def test_a_stop_after_the_term_ran_out_does_not_undo_it() -> None:
    """Due at 11:00, stopped at 13:00: it stays due at 11:00."""
    late = (Pause(at("2026-09-09 13:00"), None),)
    reading = read(at("2026-09-09 09:00"), 2 * HOUR, at("2026-09-09 15:00"), DESK, CALENDAR, late)
    assert at("2026-09-09 11:00") == reading.due
    assert (timedelta(minutes=150), timedelta(minutes=-30)) == (reading.elapsed, reading.left)
