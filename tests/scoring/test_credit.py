"""The scorecard adds up, the proof counts what it says, and the interval is the textbook's."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.credit import (
    Day,
    Factor,
    History,
    Night,
    Scorecard,
    Tally,
    clopper_pearson,
    crossed,
    graded,
    measures,
    nights,
    overnight_move,
)

CARD = Scorecard(
    factors=(
        Factor("calls", ((0.0, 30), (0.05, 10)), high_is_good=False, unknown=0),
        Factor("met", ((1.0, 20), (0.8, 10)), high_is_good=True, unknown=20),
        Factor("forced", ((0.0, 20),), high_is_good=False, unknown=0),
        Factor("cover", ((3.0, 15), (1.5, 8)), high_is_good=True, unknown=0),
        Factor("swing", ((0.02, 15),), high_is_good=False, unknown=0),
    ),
    grades=(("A", 80), ("B", 50), ("C", 0)),
    least_days=3,
)


def history(*days: tuple[float, float, float], forced: frozenset[int] = frozenset()) -> History:
    """(equity, company margin, exchange margin) on consecutive days, without deposits."""
    return History("1", tuple(Day(n, e, c, x, 0.0) for n, (e, c, x) in enumerate(days)), forced)


def test_a_quiet_account_gets_every_point() -> None:
    """No call, no liquidation, well covered, steady: 100 points, A."""
    found = graded(measures(history(*[(100.0, 30.0, 20.0)] * 5)), CARD)
    assert (found.grade, found.points) == ("A", 100)
    assert [line.points for line in found.lines] == [30, 20, 20, 15, 15]


def test_a_call_that_the_next_settlement_finds_met_is_met() -> None:
    """Two calls, one met by the next day, one not: half; the last day's call is not judged."""
    found = measures(history((100, 120, 60), (130, 120, 60), (100, 120, 60), (90, 120, 60), (100, 120, 60)))
    assert found.values["met"] == pytest.approx(1 / 3)
    assert found.values["calls"] == pytest.approx(4 / 5)


def test_a_call_that_ended_by_liquidation_is_not_met() -> None:
    """The margin fell because the risk desk closed positions."""
    found = measures(history((100, 120, 60), (100, 50, 25), forced=frozenset({1})))
    assert found.values["met"] == 0
    assert found.values["forced"] == 1


def test_too_few_days_give_no_grade_and_equity_below_zero_gives_the_last() -> None:
    """Whatever the points say."""
    assert graded(measures(history((100, 30, 20), (100, 30, 20))), CARD).grade is None
    found = graded(measures(history((100, 30, 20), (100, 30, 20), (100, 30, 20), (-1, 0, 0))), CARD)
    assert (found.grade, found.why) == ("C", "below_zero")


def test_an_account_that_never_traded_gives_no_grade() -> None:
    """Nothing to measure is not a reason for trust."""
    found = graded(measures(history(*[(100.0, 0.0, 0.0)] * 9)), CARD)
    assert (found.grade, found.why) == (None, "too_few_days")


def test_deposits_do_not_hide_a_loss_and_gaps_are_no_nights() -> None:
    """The result leaves deposits out; a missing day in between says nothing about a night."""
    days = (Day(0, 100, 50, 25, 0), Day(1, 140, 50, 25, 60), Day(3, 100, 50, 25, 0), Day(4, 100, 0, 0, 0))
    assert [night.result for night in nights(History("1", days))] == [-20, 0]


def test_the_line_is_crossed_by_hand() -> None:
    """Company 100, exchange 60, equity 100: with half the add-on 1.25 times the positions, 75 against 100 - 1.25 x loss."""
    day = Day(0, 100, 100, 60, 0)
    assert not crossed(Night(day, -40), 1.0)
    assert crossed(Night(day, -40.01), 1.0)
    assert not crossed(Night(day, -20), 0.5)
    assert crossed(Night(day, -20.01), 0.5)
    assert crossed(Night(day, -0.01), 0.0)


@given(
    st.floats(1, 1e9),
    st.floats(0.01, 1.5),
    st.floats(0.1, 1),
    st.floats(-1, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
@settings(deadline=None)
def test_a_smaller_add_on_never_crosses_less(
    equity: float, used: float, part: float, result: float, one: float, other: float
) -> None:
    """Whatever crosses with the higher add-on crosses with the lower one, when the night lost money."""
    margin = equity * used
    night = Night(Day(0, equity, margin, margin * part, 0), -abs(result) * equity)
    high, low = max(one, other), min(one, other)
    if crossed(night, high):
        assert crossed(night, low) or margin * part <= 0 or abs(high - low) < 1e-9


def test_the_proof_counts_nights_and_its_interval() -> None:
    """Two accounts, three nights each, one crossing in the same night of both."""
    bad = history((100, 90, 60), (45, 40, 20), (45, 40, 20), (45, 40, 20))
    tally = Tally("A", 0.5)
    tally.add(bad)
    tally.add(bad)
    found = tally.proof(0.95)
    assert (found.accounts, found.nights, found.crossed, found.worst_night) == (2, 6, 2, 2)
    assert found.now == 2
    assert found.low < 2 / 6 < found.high


@pytest.mark.parametrize(
    ("events", "trials", "low", "high"),
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (1, 20, 0.0013, 0.2487), (5, 50, 0.0333, 0.2181)],
)
def test_the_interval_is_the_published_one(events: int, trials: int, low: float, high: float) -> None:
    """Values of the exact 95 % interval as statistics tables print them."""
    assert clopper_pearson(events, trials, 0.95) == pytest.approx((low, high), abs=5e-5)


def test_no_trial_says_nothing() -> None:
    """And more events than trials is a mistake."""
    assert clopper_pearson(0, 0, 0.95) == (0.0, 1.0)
    with pytest.raises(ValueError, match="trials"):
        clopper_pearson(2, 1, 0.95)


def test_the_covered_move_is_an_observed_one() -> None:
    """The largest of four moves at 99.9 %; too few days give none; a missing day makes no move of two days."""
    days = [date(2026, 8, 3) + timedelta(days=n) for n in range(5)]
    prices = {"rb2610": dict(zip(days, (100.0, 101.0, 98.98, 98.98, 99.9698), strict=True))}
    assert overnight_move(prices, days, 0.999, 4) == pytest.approx(0.02)
    assert overnight_move(prices, days, 0.5, 4) == pytest.approx(0.01)
    assert overnight_move(prices, days, 0.999, 5) is None
    del prices["rb2610"][days[2]]
    assert overnight_move(prices, days, 0.999, 2) == pytest.approx(0.01)
    assert overnight_move(prices, days, 0.999, 3) is None
