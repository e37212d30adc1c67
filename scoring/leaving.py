"""Who is leaving: a rule that can be read, and a logistic model that counts only where it beats the rule out of time.

- Stretch, signs: what the last month of a client says beside the months before.
- LeavingRule, points: the rule, sign by sign.
- gone: whether a client was gone some months later; what both are judged by.
- judged: rule and model on months that neither has seen, with the model's calibration.

A month is a calendar month of settlements. Floats; amounts in CNY.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SIGNS = ("activity", "equity", "outflow", "complaint", "unanswered")
_CAP = 3.0
_BINS = 10
_LEAST_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """A client's month: lots, mean equity and money taken out, beside the means of the months before it.

    ``complaints`` and ``unanswered`` (questions without an answer that helped) are counts of the last ninety days.
    """

    account: str
    month: int
    lots: float
    lots_before: float
    equity: float
    equity_before: float
    withdrawn: float
    complaints: int = 0
    unanswered: int = 0


def signs(seen: Stretch) -> dict[str, float]:
    """The signs by name: activity and equity as a share of before, outflow as a share of the equity before."""
    return {
        "activity": _ratio(seen.lots, seen.lots_before),
        "equity": _ratio(seen.equity, seen.equity_before),
        "outflow": min(max(seen.withdrawn, 0.0) / seen.equity_before, 1.0) if seen.equity_before > 0 else 0.0,
        "complaint": float(seen.complaints),
        "unanswered": float(seen.unanswered),
    }


def _ratio(now: float, before: float) -> float:
    return min(max(now, 0.0) / before, _CAP) if before > 0 else 1.0


@dataclass(frozen=True, slots=True)
class LeavingRule:
    """Limits and points by sign. ``activity`` and ``equity`` speak below their limit, the others from it on.

    From ``flagged_from`` points on a client counts as leaving.
    """

    limits: Mapping[str, float]
    points: Mapping[str, int]
    flagged_from: int


def spoken(seen: Stretch, rule: LeavingRule) -> tuple[str, ...]:
    """The signs that speak for leaving, the weightiest first."""
    found = signs(seen)
    low = ("activity", "equity")
    speaking = [s for s in SIGNS if (found[s] < rule.limits[s] if s in low else found[s] >= rule.limits[s])]
    return tuple(sorted(speaking, key=lambda sign: -rule.points[sign]))


def points(seen: Stretch, rule: LeavingRule) -> int:
    """The sum of the points of the signs that speak."""
    return sum(rule.points[sign] for sign in spoken(seen, rule))


def stretches(
    months: Mapping[int, tuple[float, float, float]], account: str, at: int, back: int = 3
) -> Stretch | None:
    """The stretch of a client at a month. ``months``: number -> (lots, mean equity, withdrawn).

    None unless the client was there in that month and at least once in the ``back`` months before.
    """
    if at not in months:
        return None
    before = [months[n] for n in range(at - back, at) if n in months]
    if not before:
        return None
    lots, equity, withdrawn = months[at]
    return Stretch(
        account,
        at,
        lots,
        sum(b[0] for b in before) / len(before),
        equity,
        sum(b[1] for b in before) / len(before),
        withdrawn,
    )


def gone(months: Mapping[int, tuple[float, float, float]], at: int, horizon: int, left: float) -> bool:
    """Whether the ``horizon`` months after ``at`` saw no trade and ended below ``left`` of the equity at ``at``."""
    later = [months.get(n, (0.0, 0.0, 0.0)) for n in range(at + 1, at + horizon + 1)]
    return not any(lots for lots, _, _ in later) and later[-1][1] <= left * months[at][1]


# --- rule against model ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bin:
    """Clients of similar predicted probability: how many, what was predicted on average, what came true."""

    clients: int
    predicted: float
    came_true: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Rule and model on months after those that the model learned from.

    Average precision (1 is perfect, ``base`` is chance); ``brier`` of the model beside that of always saying ``base``.
    ``chosen`` is ``model`` only where it beats the rule by ``margin`` and is better than chance in Brier's sense.
    ``why`` says what kept the model from being tried: too_few.
    """

    tested: int
    left: int
    base: float
    rule: float | None
    model: float | None
    brier: float | None
    brier_base: float | None
    calibration: tuple[Bin, ...]
    chosen: str
    why: str


Sample = Sequence[tuple[Stretch, bool]]


def judged(learn: Sample, test: Sample, rule: LeavingRule, margin: float) -> Verdict:
    """Learns from ``learn``, and compares on ``test``, which must lie later. Equal samples give equal verdicts."""
    truth = np.array([left for _, left in test], dtype=bool)
    base = float(truth.mean()) if len(truth) else 0.0
    events = min(sum(left for _, left in learn), int(truth.sum()))
    if events < _LEAST_EVENTS or truth.all():
        return Verdict(len(test), int(truth.sum()), base, None, None, None, None, (), "rule", "too_few")
    by_rule = np.array([points(seen, rule) for seen, _ in test], dtype=float)
    rule_precision = float(average_precision_score(truth, by_rule))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=500))
    model.fit(_matrix(learn), [left for _, left in learn])
    chance = model.predict_proba(_matrix(test))[:, 1]
    precision = float(average_precision_score(truth, chance))
    brier = float(brier_score_loss(truth, chance))
    brier_base = base * (1 - base)
    better = precision >= rule_precision + margin and brier < brier_base
    return Verdict(
        tested=len(test),
        left=int(truth.sum()),
        base=base,
        rule=rule_precision,
        model=precision,
        brier=brier,
        brier_base=brier_base,
        calibration=_calibration(chance, truth),
        chosen="model" if better else "rule",
        why="",
    )


def chances(learn: Sample, now: Sequence[Stretch]) -> list[float]:
    """The model's probability of leaving, for whoever is there now; only where ``judged`` chose it."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=500))
    model.fit(_matrix(learn), [left for _, left in learn])
    found: list[float] = model.predict_proba(_matrix([(seen, False) for seen in now]))[:, 1].tolist()
    return found


def _matrix(sample: Sample) -> NDArray[np.float64]:
    return np.array([[signs(seen)[sign] for sign in SIGNS] for seen, _ in sample], dtype=float)


def _calibration(chance: NDArray[np.float64], truth: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Ten groups of equal size by predicted probability."""
    order = np.argsort(chance, kind="stable")
    return tuple(
        Bin(len(group), float(chance[group].mean()), float(truth[group].mean()))
        for group in np.array_split(order, _BINS)
        if len(group)
    )
