"""Signs of leaving, the rule's points, and a model that must earn its place."""

import random

import pytest

from scoring.leaving import (
    LeavingRule,
    Stretch,
    chances,
    gone,
    judged,
    points,
    signs,
    spoken,
    stretches,
)

RULE = LeavingRule(
    limits={"activity": 0.4, "equity": 0.6, "outflow": 0.3, "complaint": 1, "unanswered": 2},
    points={"activity": 2, "equity": 2, "outflow": 3, "complaint": 2, "unanswered": 1},
    flagged_from=4,
)
QUIET = Stretch("1", 24_319, 10, 10, 100, 100, 0)


def test_signs_and_points_by_hand() -> None:
    """A third of the trades, half of the equity, a third of it taken out: 2 + 2 + 3."""
    seen = Stretch("1", 24_319, 10, 30, 50, 100, 34, complaints=0, unanswered=1)
    assert signs(seen) == pytest.approx(
        {"activity": 1 / 3, "equity": 0.5, "outflow": 0.34, "complaint": 0, "unanswered": 1}
    )
    assert spoken(seen, RULE) == ("outflow", "activity", "equity")
    assert points(seen, RULE) == 7
    assert points(QUIET, RULE) == 0


def test_a_client_who_never_traded_shows_no_fall() -> None:
    """Nothing before is not a fall to nothing."""
    assert signs(Stretch("1", 1, 0, 0, 0, 0, 5))["activity"] == 1.0
    assert points(Stretch("1", 1, 0, 0, 0, 0, 5), RULE) == 0


def test_a_stretch_needs_the_month_and_one_before() -> None:
    """Means are of the months that are there."""
    months = {10: (30.0, 100.0, 0.0), 12: (10.0, 50.0, 34.0)}
    assert stretches(months, "1", 12) == Stretch("1", 12, 10, 30, 50, 100, 34)
    assert stretches(months, "1", 11) is None
    assert stretches(months, "1", 10) is None


def test_gone_is_no_trade_and_hardly_any_equity() -> None:
    """A missing month counts as nothing; one trade later is not gone."""
    months = {10: (5.0, 100.0, 0.0), 11: (0.0, 50.0, 50.0), 12: (0.0, 10.0, 40.0)}
    assert gone(months, 10, 2, 0.2)
    assert not gone(months, 10, 1, 0.2)
    assert not gone({**months, 12: (1.0, 10.0, 0.0)}, 10, 2, 0.2)
    assert gone({10: (5.0, 100.0, 0.0)}, 10, 2, 0.2)


def drawn(count: int, seed: int, *, subtle: bool) -> list[tuple[Stretch, bool]]:
    """Clients who leave by a rule of the world: obvious falls, or a smooth mix that thresholds cannot see."""
    dice = random.Random(seed)
    found = []
    for n in range(count):
        activity, equity = dice.random() * 1.5, dice.random() * 1.5
        if subtle:
            left = dice.random() < 1 / (1 + 2.718 ** (6 * (activity + equity) - 8))
        else:
            left = activity < 0.4 and equity < 0.6
        found.append((Stretch(str(n), 1, activity * 10, 10, equity * 100, 100, 0), left))
    return found


def test_the_model_is_chosen_only_where_it_beats_the_rule() -> None:
    """A smooth world: the model; a world that is the rule: the rule."""
    smooth = judged(drawn(1500, 1, subtle=True), drawn(1500, 2, subtle=True), RULE, 0.02)
    assert smooth.chosen == "model"
    assert smooth.model is not None
    assert smooth.rule is not None
    assert smooth.model > smooth.rule + 0.02 > smooth.base
    plain = judged(drawn(1500, 1, subtle=False), drawn(1500, 2, subtle=False), RULE, 0.02)
    assert plain.chosen == "rule"


def test_the_calibration_adds_up() -> None:
    """Ten groups of all clients; what was predicted in a smooth world comes true within a few points."""
    found = judged(drawn(3000, 1, subtle=True), drawn(3000, 2, subtle=True), RULE, 0.0)
    assert sum(group.clients for group in found.calibration) == found.tested == 3000
    assert all(abs(group.predicted - group.came_true) < 0.12 for group in found.calibration)


def test_too_few_leavers_leave_the_rule() -> None:
    """Nothing is learned from a handful."""
    found = judged([(QUIET, False)] * 50, [(QUIET, True)] * 3 + [(QUIET, False)] * 50, RULE, 0.0)
    assert (found.chosen, found.why, found.left) == ("rule", "too_few", 3)
    assert judged([], [], RULE, 0.0).chosen == "rule"


def test_chances_follow_the_signs() -> None:
    """Who fell further is likelier to go."""
    low, high = chances(
        drawn(800, 3, subtle=True),
        [Stretch("a", 1, 10, 10, 100, 100, 0), Stretch("b", 1, 1, 10, 10, 100, 0)],
    )
    assert low < 0.2 < 0.8 < high
