"""Two-step clustering: many rows become few cells, cells are merged by log-likelihood, rows take the nearest class.

The usual first step (a tree of cluster features) depends on the order of rows. Here it is a grid of quantiles, so that
shuffled rows give the same classes. The second step is the usual one: the pair of clusters whose merging costs the
least log-likelihood is merged, until as many are left as are wanted. Every class has a normal distribution with a
variance of its own in each column.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

CELLS = 1_024
"""At most so many cells in the grid: bins a column are chosen for that."""

MOST = 10
"""The information criterion is reported for one class to so many."""

_SILHOUETTE_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Features:
    """Cluster features: how many rows, their sums and sums of squares, one row a cluster."""

    count: Floats
    sums: Floats
    squares: Floats


@dataclass(frozen=True, slots=True)
class TwoStep:
    """``labels``: a class a row. ``bic`` by number of classes; lower is better.

    ``likelihoods``: the logarithm of each row's density in each class, a column a class.
    """

    labels: Labels
    bic: Mapping[int, float]
    likelihoods: Floats


def two_step(data: Floats, classes: int) -> TwoStep:
    """Classes of the rows of ``data``, which stand in a fixed order (of accounts); ``classes`` at most the rows."""
    if not 1 <= classes <= len(data):
        raise ValueError(f"{classes} classes of {len(data)} rows")
    spread = data.var(axis=0)
    cell = _cells(data)
    features = _features(data, cell, int(cell.max()) + 1)
    merged, bic = _merge(features, classes, spread, len(data))
    likelihoods = _likelihoods(data, _features(data, merged[cell], classes), spread)
    return TwoStep(likelihoods.argmax(axis=1).astype(np.int64), bic, likelihoods)


def largest_step(bic: Mapping[int, float]) -> int:
    """The number of classes after which another one gains least beside the one before it.

    The least criterion itself is no guide on skewed data: it falls and falls. Packages look at the steps, too.
    """
    gains = {k: max(bic[k - 1] - bic[k], 1e-9) for k in sorted(bic) if k - 1 in bic}
    ratios = {k: gains[k] / gains[k + 1] for k in gains if k + 1 in gains}
    return max(ratios, key=lambda k: ratios[k]) if ratios else max(bic)


def _cells(data: Floats) -> Labels:
    """The cell of each row in a grid of quantiles; cells are numbered in order, without gaps."""
    bins = max(2, int(CELLS ** (1 / data.shape[1])))
    code = np.zeros(len(data), dtype=np.int64)
    for column in data.T:
        edges = np.unique(np.quantile(column, np.arange(1, bins) / bins))
        code = code * bins + np.searchsorted(edges, column, side="right")
    found: Labels = np.unique(code, return_inverse=True)[1].astype(np.int64)
    return found


def _features(data: Floats, labels: Labels, count: int) -> Features:
    def summed(values: Floats) -> Floats:
        return np.column_stack([np.bincount(labels, column, minlength=count) for column in values.T])

    return Features(
        np.bincount(labels, minlength=count).astype(np.float64), summed(data), summed(data * data)
    )


def _spread(features: Features, base: Floats) -> Floats:
    """The log-likelihood's part of each cluster, with its sign turned: n / 2 times the sum of log(variance).

    ``base`` is the variance of everything: it is added (once a thousandth), so that a cluster of one row has a value.
    """
    count = features.count[..., None]
    variance = np.maximum(features.squares / count - (features.sums / count) ** 2, 0.0)
    found: Floats = features.count / 2 * np.log(variance + base * 1e-3 + 1e-12).sum(axis=-1)
    return found


def _merge(features: Features, classes: int, base: Floats, rows: int) -> tuple[Labels, Mapping[int, float]]:
    """Merges the cheapest pair until ``classes`` are left: the class of each cell, and the criterion on the way."""
    size = len(features.count)
    count, sums, squares = features.count.copy(), features.sums.copy(), features.squares.copy()
    own = _spread(Features(count, sums, squares), base)
    alive = np.ones(size, dtype=bool)
    into = np.arange(size)
    cost = np.full((size, size), np.inf)
    for one in range(size - 1):
        cost[one, one + 1 :] = _costs(count, sums, squares, own, base, one, np.arange(one + 1, size))
    nearest, price = cost.argmin(axis=1), cost.min(axis=1)
    bic: dict[int, float] = {}
    fixed: Labels | None = into.copy() if size <= classes else None
    for left in range(size, 0, -1):
        if left <= MOST:
            bic[left] = round(2 * float(own[alive].sum()) + 2 * left * sums.shape[1] * float(np.log(rows)), 6)
        if left == classes:
            fixed = into.copy()
        if left == 1:
            break
        one = int(price.argmin())
        other = int(nearest[one])
        _join(count, sums, squares, own, base, one, other)
        alive[other] = False
        into[into == other] = one
        cost[other, :] = cost[:, other] = np.inf
        rest = np.flatnonzero(alive & (np.arange(size) != one))
        fresh = _costs(count, sums, squares, own, base, one, rest)
        _put(cost, one, rest, fresh)
        price[other] = np.inf
        _look_again(cost, nearest, price, one, other, rest, fresh)
    assert fixed is not None
    found: Labels = np.unique(fixed, return_inverse=True)[1].astype(np.int64)
    return found, dict(sorted(bic.items()))


def _costs(
    count: Floats,
    sums: Floats,
    squares: Floats,
    own: Floats,
    base: Floats,
    one: int,
    others: NDArray[np.intp],
) -> Floats:
    """What merging ``one`` with each of ``others`` costs: the log-likelihood distance."""
    joined = Features(count[one] + count[others], sums[one] + sums[others], squares[one] + squares[others])
    found: Floats = _spread(joined, base) - own[one] - own[others]
    return found


def _join(
    count: Floats, sums: Floats, squares: Floats, own: Floats, base: Floats, one: int, other: int
) -> None:
    count[one] += count[other]
    sums[one] += sums[other]
    squares[one] += squares[other]
    own[one] = _spread(Features(count[one : one + 1], sums[one : one + 1], squares[one : one + 1]), base)[0]


def _put(cost: Floats, one: int, rest: NDArray[np.intp], fresh: Floats) -> None:
    """Distances stand above the diagonal only: at (smaller, larger)."""
    cost[np.minimum(one, rest), np.maximum(one, rest)] = fresh


def _look_again(
    cost: Floats,
    nearest: NDArray[np.intp],
    price: Floats,
    one: int,
    other: int,
    rest: NDArray[np.intp],
    fresh: Floats,
) -> None:
    """Keeps each row's cheapest partner true after ``one`` took ``other`` in."""
    below = rest[rest < one]
    cheaper = below[fresh[rest < one] < price[below]]
    price[cheaper], nearest[cheaper] = cost[cheaper, one], one
    stale = np.flatnonzero(np.isin(nearest, (one, other)) & np.isfinite(price))
    for row in {one, *stale.tolist()} - set(cheaper.tolist()):
        nearest[row] = int(cost[row].argmin())
        price[row] = cost[row, nearest[row]]


def _likelihoods(data: Floats, features: Features, base: Floats) -> Floats:
    """Log-density of each row in each class, the class's share of all rows included; a column a class."""
    total = features.count.sum()
    found = np.empty((len(data), len(features.count)))
    for place, count in enumerate(features.count):
        mean = features.sums[place] / count
        variance = np.maximum(features.squares[place] / count - mean**2, 0.0) + base * 1e-3 + 1e-12
        found[:, place] = (
            np.log(count / total)
            - 0.5 * np.log(variance).sum()
            - 0.5 * ((data - mean) ** 2 / variance).sum(axis=1)
        )
    return np.round(found, 9)


# --- names that stay --------------------------------------------------------------------------------------


def by_score(labels: Labels, scores: Floats, classes: int) -> Labels:
    """The classes numbered by their mean score, the best 0. An empty class comes last."""
    count = np.bincount(labels, minlength=classes)
    mean = np.bincount(labels, scores, minlength=classes) / np.maximum(count, 1)
    order = np.argsort(np.where(count > 0, -np.round(mean, 9), np.inf), kind="stable")
    place = np.empty(classes, dtype=np.int64)
    place[order] = np.arange(classes)
    found: Labels = place[labels]
    return found


def matched(labels: Labels, last: Labels, scores: Floats, classes: int, close: float) -> Labels:
    """Numbers by score, unless two classes lie closer than ``close`` in mean score: then the last run's hold.

    ``last`` has a class a row, -1 for a row that had none. Which class was which is told by the rows they share.
    """
    known = last >= 0
    if not known.any():
        return labels
    shared = np.zeros((classes, classes))
    np.add.at(shared, (labels[known], last[known]), 1)
    _, was = linear_sum_assignment(-shared)
    count = np.maximum(np.bincount(labels, minlength=classes), 1)
    mean = np.bincount(labels, scores, minlength=classes) / count
    turned = [(one, int(was[one])) for one in range(classes) if was[one] != one]
    if all(abs(mean[one] - mean[other]) < close for one, other in turned):
        found: Labels = was[labels].astype(np.int64)
        return found
    return labels


def limited(proposed: Labels, last: Labels, likelihoods: Floats, share: float) -> Labels:
    """The classes that stand when at most ``share`` of the rows with a class of the last run may move.

    The surest moves go first: by how much likelier the new class is than the old. Rows stand in a fixed order.
    """
    moving = np.flatnonzero((last >= 0) & (proposed != last))
    allowed = int(np.floor(share * int((last >= 0).sum()) + 1e-9))
    if len(moving) <= allowed:
        return proposed
    sure = likelihoods[moving, proposed[moving]] - likelihoods[moving, last[moving]]
    back = moving[np.argsort(-sure, kind="stable")[allowed:]]
    found = proposed.copy()
    found[back] = last[back]
    return found


def silhouette(data: Floats, labels: Labels) -> float | None:
    """Mean silhouette on at most 2,000 rows taken at even steps; None with fewer than two classes."""
    step = max(1, -(-len(data) // _SILHOUETTE_ROWS))
    data, labels = data[::step], labels[::step]
    present, labels = np.unique(labels, return_inverse=True)
    if len(present) < 2:
        return None
    count = np.bincount(labels)
    distance = cdist(data, data)
    to_class = np.column_stack([distance[:, labels == place].sum(axis=1) for place in range(len(present))])
    own = to_class[np.arange(len(data)), labels] / np.maximum(count[labels] - 1, 1)
    others = to_class / count
    others[np.arange(len(data)), labels] = np.inf
    nearest = others.min(axis=1)
    width = np.where(count[labels] > 1, (nearest - own) / np.maximum(np.maximum(own, nearest), 1e-300), 0.0)
    return round(float(width.mean()), 6)
