"""How far a client can be trusted with margin: a scorecard that anybody can add up, and its proof on history.

- measures: what a year of settlements says of an account: calls, how they were met, liquidations, cover, stability.
- graded: points by bands, each line with its value, and the grade that the sum gives.
- nights, crossed: had the add-on been lower and the client used the room, would the exchange's line have been crossed
  before anybody could act?
- clopper_pearson: the interval around a rate of few events (Clopper and Pearson 1934, exact, from beta quantiles).
- overnight_move: the one-day price move that a rate must cover.

The bands, points and grades are ``config.yaml`` -> credit. Floats stay in here; amounts are CNY.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import pstdev

from scipy.stats import beta


@dataclass(frozen=True, slots=True)
class Day:
    """One settlement of an account. ``number`` counts the trading days of the house, so that a gap shows."""

    number: int
    equity: float
    company_margin: float
    exchange_margin: float | None
    cash_flow: float


@dataclass(frozen=True, slots=True)
class History:
    """The settlements of an account, oldest first, and the numbers of days with a forced liquidation."""

    account: str
    days: tuple[Day, ...]
    forced: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Measures:
    """``days`` with margin in use. ``values`` by factor code, None where there is nothing to measure.

    calls: share of these days with margin above equity. met: share of calls that the next settlement found met,
    without a liquidation. forced: days with a forced liquidation. cover: equity / exchange margin that 95 % of the days
    exceeded. swing: standard deviation of the daily result / equity. ``below_zero``: equity was below zero once.
    """

    days: int
    values: Mapping[str, float | None]
    below_zero: bool


FACTORS = ("calls", "met", "forced", "cover", "swing")


def measures(history: History) -> Measures:
    """What the scorecard looks at."""
    used = [day for day in history.days if day.company_margin > 0]
    called = [place for place, day in enumerate(history.days) if day.company_margin > day.equity]
    judged = [place for place in called if place + 1 < len(history.days)]
    met = [place for place in judged if _met(history, place)]
    covers = sorted(day.equity / day.exchange_margin for day in used if day.exchange_margin)
    returns = [
        result / before.equity
        for before, result in ((night.day, night.result) for night in nights(history))
        if before.equity > 0
    ]
    return Measures(
        days=len(used),
        values={
            "calls": len(called) / len(used) if used else None,
            "met": len(met) / len(judged) if judged else None,
            "forced": float(len(history.forced)),
            "cover": covers[int(len(covers) * 0.05)] if covers else None,
            "swing": pstdev(returns) if len(returns) > 1 else None,
        },
        below_zero=any(day.equity < 0 for day in history.days),
    )


def _met(history: History, place: int) -> bool:
    following = history.days[place + 1]
    return following.company_margin <= following.equity and following.number not in history.forced


@dataclass(frozen=True, slots=True)
class Factor:
    """Bands of one factor: (limit, points), best first. A value within the limit gets the points, else none.

    ``high_is_good``: a limit is a lower one. ``unknown``: the points where there is nothing to measure.
    """

    code: str
    bands: tuple[tuple[float, int], ...]
    high_is_good: bool
    unknown: int

    @property
    def most(self) -> int:
        return max(points for _, points in self.bands)

    def points(self, value: float | None) -> int:
        if value is None:
            return self.unknown
        for limit, points in self.bands:
            if value >= limit if self.high_is_good else value <= limit:
                return points
        return 0


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The factors, the grades by the least points they need, best first, and how many days make a grade."""

    factors: tuple[Factor, ...]
    grades: tuple[tuple[str, int], ...]
    least_days: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the scorecard, with what it was given and what was possible."""

    code: str
    value: float | None
    points: int
    most: int


@dataclass(frozen=True, slots=True)
class Graded:
    """A grade, or None where ``why`` says what is missing. ``why``: too_few_days, below_zero, or empty."""

    grade: str | None
    points: int
    lines: tuple[Line, ...]
    why: str


def graded(found: Measures, card: Scorecard) -> Graded:
    """The sum of the points and its grade. Too few days give none; equity below zero gives the last one."""
    lines = tuple(
        Line(f.code, found.values[f.code], f.points(found.values[f.code]), f.most) for f in card.factors
    )
    points = sum(line.points for line in lines)
    if found.days < card.least_days:
        return Graded(None, points, lines, "too_few_days")
    if found.below_zero:
        return Graded(card.grades[-1][0], points, lines, "below_zero")
    return Graded(next(g for g, least in card.grades if points >= least), points, lines, "")


# --- the proof ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Night:
    """A settlement with margin in use, and what became of its equity by the next one, deposits left out."""

    day: Day
    result: float


def nights(history: History) -> list[Night]:
    """Consecutive settlements with a position at the first one."""
    return [
        Night(before, after.equity - after.cash_flow - before.equity)
        for before, after in pairwise(history.days)
        if after.number == before.number + 1 and before.company_margin > 0
    ]


def provable(night: Night) -> bool:
    """Whether the exchange's margin of that night is known."""
    return bool(night.day.exchange_margin)


def crossed(night: Night, share: float) -> bool:
    """Whether the next settlement would have found less equity than the exchange asks for.

    With ``share`` of the add-on the same equity carries more positions: a client who goes on using as much of it as
    before holds ``grown`` times as many, wins or loses so many times as much, and brings no money overnight.
    """
    company, exchange = night.day.company_margin, night.day.exchange_margin or 0.0
    lowered = exchange + share * max(company - exchange, 0.0)
    grown = company / lowered if lowered > 0 else 1.0
    return grown * exchange > night.day.equity + grown * night.result


@dataclass(frozen=True, slots=True)
class Proof:
    """How often ``crossed`` came true for the accounts of one grade. ``low`` and ``high`` bound the true rate.

    ``now`` counts the same with today's add-on. ``worst_night``: the most accounts in one night, for the accounts of
    one night are not independent of each other, and the interval takes them as if they were.
    """

    grade: str
    share: float
    accounts: int
    nights: int
    now: int
    crossed: int
    worst_night: int
    low: float
    high: float


class Tally:
    """Counts the nights of a grade's accounts one account after the other: histories need not fit in memory."""

    def __init__(self, grade: str, share: float) -> None:
        self.grade = grade
        self.share = share
        self._accounts = self._nights = self._now = 0
        self._by_night: Counter[int] = Counter()

    def add(self, history: History) -> None:
        self._accounts += 1
        for night in filter(provable, nights(history)):
            self._nights += 1
            self._now += crossed(night, 1.0)
            if crossed(night, self.share):
                self._by_night[night.day.number] += 1

    def proof(self, confidence: float) -> Proof:
        """What was counted so far, with its interval."""
        total = self._by_night.total()
        low, high = clopper_pearson(total, self._nights, confidence)
        worst = max(self._by_night.values(), default=0)
        return Proof(self.grade, self.share, self._accounts, self._nights, self._now, total, worst, low, high)


def clopper_pearson(events: int, trials: int, confidence: float) -> tuple[float, float]:
    """The exact interval of a binomial rate; (0, 1) without trials."""
    if not 0 <= events <= trials:
        raise ValueError("more events than trials")
    if trials == 0:
        return 0.0, 1.0
    half = (1 - confidence) / 2
    low = float(beta.ppf(half, events, trials - events + 1)) if events else 0.0
    high = float(beta.ppf(1 - half, events + 1, trials - events)) if events < trials else 1.0
    return low, high


def overnight_move(
    prices: Mapping[str, Mapping[date, float]], days: Sequence[date], quantile: float, least: int
) -> float | None:
    """The size of the settlement-to-settlement move that ``quantile`` of all days of all contracts did not exceed.

    ``prices``: contract -> day -> settlement price, ``days`` the trading days in order. The next higher observation is
    taken, never one in between. None with fewer than ``least`` days on which anything moved or could have.
    """
    moves, seen = [], set()
    for known in prices.values():
        for before, after in pairwise(days):
            if known.get(before) and after in known:
                moves.append(abs(known[after] / known[before] - 1))
                seen.add(after)
    if len(seen) < least:
        return None
    moves.sort()
    return moves[min(math.ceil(quantile * len(moves)), len(moves)) - 1]
