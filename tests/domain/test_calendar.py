"""Trading days, nights and working days, from the shipped table and from small ones."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.calendar import (
    INDEX_DAY,
    SHANGHAI,
    CalendarEnded,
    Day,
    TradingCalendar,
    moment,
    read_days,
)

TABLE = Path(__file__).parents[2] / "knowledge" / "tables" / "calendar.csv"


def shipped() -> TradingCalendar:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return TradingCalendar(read_days(csv.DictReader(file)))


CALENDAR = shipped()
ALL_DAYS = [CALENDAR.first + timedelta(days=n) for n in range((CALENDAR.last - CALENDAR.first).days + 1)]
calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
INNER = st.dates(date(2025, 3, 1), date(2026, 10, 31))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def test_the_shipped_table_covers_two_years_and_no_day_beyond() -> None:
    """It begins on 2025-01-01 and ends on 2026-12-31."""
    assert (date(2025, 1, 1), date(2026, 12, 31)) == (CALENDAR.first, CALENDAR.last)
    assert CALENDAR.covers(date(2026, 12, 31))
    assert not CALENDAR.covers(date(2027, 1, 1))


def test_every_row_of_the_shipped_table_names_its_source() -> None:
    """A row rests on the State Council's notice of its year."""
    for day in ALL_DAYS:
        assert f"国务院办公厅 {day.year}年节假日安排" in CALENDAR.row(day).source


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2025, 1, 1), date(2025, 1, 1)),
        (date(2025, 1, 28), date(2025, 2, 4)),
        (date(2025, 4, 4), date(2025, 4, 6)),
        (date(2025, 5, 1), date(2025, 5, 5)),
        (date(2025, 5, 31), date(2025, 6, 2)),
        (date(2025, 10, 1), date(2025, 10, 8)),
        (date(2026, 1, 1), date(2026, 1, 3)),
        (date(2026, 2, 15), date(2026, 2, 23)),
        (date(2026, 4, 4), date(2026, 4, 6)),
        (date(2026, 5, 1), date(2026, 5, 5)),
        (date(2026, 6, 19), date(2026, 6, 21)),
        (date(2026, 9, 25), date(2026, 9, 27)),
        (date(2026, 10, 1), date(2026, 10, 7)),
    ],
)
def test_public_holidays_are_neither_trading_nor_working_days(first: date, last: date) -> None:
    """Each day of each holiday is free, and its weekend days count as holiday."""
    day = first
    while day <= last:
        assert not CALENDAR.is_trading(day)
        assert not CALENDAR.is_working(day)
        assert CALENDAR.is_holiday(day)
        day += timedelta(days=1)


def test_make_up_days_are_worked_and_not_traded() -> None:
    """The weekend days that are worked are exactly those of the two notices, and none is a trading day."""
    expected = {
        date(2025, 1, 26), date(2025, 2, 8), date(2025, 4, 27), date(2025, 9, 28), date(2025, 10, 11),
        date(2026, 1, 4), date(2026, 2, 14), date(2026, 2, 28), date(2026, 5, 9), date(2026, 9, 20),
        date(2026, 10, 10),
    }  # fmt: skip
    assert expected == {day for day in ALL_DAYS if day.weekday() >= 5 and CALENDAR.is_working(day)}
    assert not any(CALENDAR.is_trading(day) for day in expected)


@pytest.mark.parametrize("year", [2025, 2026])
def test_a_year_has_as_many_working_days_as_the_law_leaves(year: int) -> None:
    """365 days less 104 weekend days less 13 public holidays are 248, whatever is swapped."""
    assert sum(CALENDAR.is_working(day) for day in ALL_DAYS if day.year == year) == 248


def test_no_night_session_is_held_before_a_public_holiday_and_one_is_before_a_weekend() -> None:
    """A trading day has a night session unless a public holiday follows before the next trading day."""
    for day in ALL_DAYS:
        if not CALENDAR.is_trading(day):
            assert not CALENDAR.has_night(day)
            continue
        following = [d for d in ALL_DAYS if day < d <= day + timedelta(days=12)]
        free = []
        for d in following:
            if CALENDAR.is_trading(d):
                break
            free.append(d)
        public = day == date(2026, 12, 31) or any(d.weekday() < 5 for d in free)
        assert CALENDAR.has_night(day) is not public, day


def test_a_holiday_that_begins_on_monday_cancels_the_friday_night() -> None:
    """2026-04-03 is a Friday before Qingming Monday, 2026-04-10 one before a plain weekend."""
    assert not CALENDAR.has_night(date(2026, 4, 3))
    assert CALENDAR.has_night(date(2026, 4, 10))
    assert not CALENDAR.is_holiday(date(2026, 4, 11))


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-09-09 20:59", date(2026, 9, 10)),
        ("2026-09-09 21:00", date(2026, 9, 10)),
        ("2026-09-10 02:29", date(2026, 9, 10)),
        ("2026-09-10 09:00", date(2026, 9, 10)),
        ("2026-09-10 19:59", date(2026, 9, 10)),
        ("2026-09-10 20:00", date(2026, 9, 11)),
        ("2026-09-11 21:30", date(2026, 9, 14)),  # Friday night belongs to Monday
        ("2026-09-12 01:30", date(2026, 9, 14)),
        ("2026-09-20 10:00", date(2026, 9, 21)),  # a make-up Sunday is no trading day
        ("2026-09-30 20:00", date(2026, 10, 8)),
        ("2026-10-03 12:00", date(2026, 10, 8)),
    ],
)
def test_a_moment_counts_for_its_trading_day(instant: str, expected: date) -> None:
    """Nights, weekends and holidays count for the next trading day."""
    assert expected == CALENDAR.trading_day_of(at(instant))
    assert expected == CALENDAR.trading_day_of(at(instant).astimezone(UTC))


def test_a_moment_without_a_zone_is_refused() -> None:
    """A naive datetime would silently mean the machine's zone."""
    with pytest.raises(ValueError, match="time zone"):
        CALENDAR.trading_day_of(datetime(2026, 9, 9, 10, 0))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("now", "night", "expected"),
    [
        ("2026-09-09 16:30", True, "2026-09-09 20:55"),
        ("2026-09-09 16:30", False, "2026-09-10 08:55"),
        ("2026-09-09 20:54", True, "2026-09-09 20:55"),
        ("2026-09-09 20:55", True, "2026-09-10 08:55"),
        ("2026-09-09 22:00", True, "2026-09-10 08:55"),
        ("2026-09-10 01:00", True, "2026-09-10 08:55"),
        ("2026-09-10 08:30", False, "2026-09-10 08:55"),
        ("2026-09-11 16:30", True, "2026-09-11 20:55"),  # Friday before a plain weekend
        ("2026-09-11 16:30", False, "2026-09-14 08:55"),
        ("2026-09-24 16:30", True, "2026-09-28 08:55"),  # no night before Mid-Autumn
        ("2026-02-13 16:30", True, "2026-02-24 08:55"),
        ("2026-02-14 10:00", True, "2026-02-24 08:55"),  # a make-up Saturday
    ],
)
def test_the_deadline_is_the_moment_before_the_next_session_the_client_can_trade(
    now: str, night: bool, expected: str
) -> None:
    """20:55 only where a night session is held and the client has night products."""
    assert at(expected) == CALENDAR.next_open(at(now), night)


@calm
@given(INNER, st.times(), st.booleans())
def test_the_next_opening_lies_ahead_and_belongs_to_a_session(day: date, wall: time, night: bool) -> None:
    """It is later than now, and five minutes later one of the sessions opens."""
    now = moment(day, wall)
    deadline = CALENDAR.next_open(now, night)
    opening = deadline + timedelta(minutes=5)
    sessions = CALENDAR.sessions(CALENDAR.trading_day_of(opening), time(2, 30) if night else None)
    assert deadline > now
    assert opening in [s.opens for s in sessions]


def test_the_sessions_of_a_trading_day_begin_on_the_evening_before() -> None:
    """Silver on Monday 2026-09-14 opens on Friday evening and closes that night at 02:30 on Saturday."""
    first, *rest = CALENDAR.sessions(date(2026, 9, 14), time(2, 30))
    assert (at("2026-09-11 21:00"), at("2026-09-12 02:30"), True) == (first.opens, first.closes, first.night)
    assert [at("2026-09-14 09:00"), at("2026-09-14 10:30"), at("2026-09-14 13:30")] == [s.opens for s in rest]


def test_a_night_that_closes_before_midnight_stays_on_its_evening() -> None:
    """Rebar closes at 23:00 on the evening it opened."""
    night = CALENDAR.sessions(date(2026, 9, 10), time(23, 0))[0]
    assert at("2026-09-09 23:00") == night.closes


def test_the_first_day_after_a_holiday_has_no_night_session_before_it() -> None:
    """2026-10-08 opens in the morning."""
    assert not any(s.night for s in CALENDAR.sessions(date(2026, 10, 8), time(1, 0)))


def test_index_futures_have_two_sessions_and_other_days_none() -> None:
    """09:30-11:30 and 13:00-15:00; nothing on a Sunday."""
    assert len(CALENDAR.sessions(date(2026, 9, 10), hours=INDEX_DAY)) == 2
    assert CALENDAR.sessions(date(2026, 9, 20), hours=INDEX_DAY) == ()


@calm
@given(INNER)
def test_next_and_previous_trading_days_are_each_other_s_inverse(day: date) -> None:
    """From a trading day, forth and back is the day itself."""
    after = CALENDAR.next_trading_day(day)
    assert CALENDAR.is_trading(after)
    assert after > day
    assert day == CALENDAR.previous_trading_day(after) or not CALENDAR.is_trading(day)


@calm
@given(INNER, st.integers(0, 15), st.integers(0, 15))
def test_working_days_add_up(day: date, a: int, b: int) -> None:
    """Adding a and then b working days is adding a + b, and counting them gives the number back."""
    there = CALENDAR.add_working_days(day, a + b)
    assert there == CALENDAR.add_working_days(CALENDAR.add_working_days(day, a), b)
    assert a + b == CALENDAR.working_days_between(day, there)


def test_working_days_count_make_up_days_and_skip_holidays() -> None:
    """Three working days after Friday 2026-02-13: the make-up Saturday, then 24 and 25 February."""
    assert date(2026, 2, 25) == CALENDAR.add_working_days(date(2026, 2, 13), 3)
    assert date(2026, 2, 13) == CALENDAR.add_working_days(date(2026, 2, 25), -3)


def test_ten_trading_days_before_a_holiday_are_counted_backwards() -> None:
    """T-10 of the last day before National Day 2026, with Mid-Autumn between."""
    assert date(2026, 9, 15) == CALENDAR.add_trading_days(date(2026, 9, 30), -10)
    assert len(CALENDAR.trading_days(date(2026, 9, 15), date(2026, 9, 30))) == 11


def test_past_the_end_of_the_table_nothing_is_guessed() -> None:
    """Every question about 2027 raises CalendarEnded with the day and the table's reach."""
    with pytest.raises(CalendarEnded) as caught:
        CALENDAR.next_trading_day(date(2026, 12, 31))
    assert (date(2027, 1, 1), date(2026, 12, 31)) == (caught.value.day, caught.value.last)
    for ask in (
        lambda: CALENDAR.is_trading(date(2027, 1, 4)),
        lambda: CALENDAR.next_open(at("2026-12-31 15:30"), night=True),
        lambda: CALENDAR.trading_day_of(at("2026-12-31 21:30")),
        lambda: CALENDAR.add_working_days(date(2026, 12, 30), 2),
        lambda: CALENDAR.previous_trading_day(date(2025, 1, 2)),
        lambda: CALENDAR.next_trading_day(date(2024, 12, 30)),
    ):
        with pytest.raises(CalendarEnded):
            ask()


def test_the_operator_is_warned_thirty_days_before_the_table_ends() -> None:
    """The warning begins on 2026-12-01 and stays after the end."""
    assert not CALENDAR.ends_within(30, date(2026, 11, 30))
    assert CALENDAR.ends_within(30, date(2026, 12, 1))
    assert CALENDAR.ends_within(30, date(2027, 2, 1))


ROW = {"day": "2026-09-09", "is_trading": "1", "has_night": "1", "is_working": "1", "source": "测试"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"day": "9 September"}, "row 1"),
        ({"is_trading": "yes"}, "neither 0 nor 1"),
        ({"source": "  "}, "no source"),
    ],
)
def test_a_bad_row_is_refused_by_its_number(change: dict[str, str], words: str) -> None:
    """The message says which row and why."""
    with pytest.raises(ValueError, match=words):
        read_days([ROW | change])


def test_a_row_that_stands_twice_or_lacks_a_column_is_refused() -> None:
    """The second of two equal days, and a row without its flags."""
    with pytest.raises(ValueError, match="row 2: 2026-09-09 stands twice"):
        read_days([ROW, ROW])
    with pytest.raises(ValueError, match="row 1"):
        read_days([{"day": "2026-09-09"}])


def test_rows_that_contradict_each_other_are_refused() -> None:
    """A gap, a trading weekend, a night without a day, no rows at all."""
    wednesday = Day(date(2026, 9, 9), True, True, True, "测试")
    friday = Day(date(2026, 9, 11), True, True, True, "测试")
    saturday = Day(date(2026, 9, 12), True, False, True, "测试")
    night = Day(date(2026, 9, 9), False, True, True, "测试")
    for rows in ([wednesday, friday], [saturday], [night], []):
        with pytest.raises(ValueError):
            TradingCalendar({row.day: row for row in rows})
