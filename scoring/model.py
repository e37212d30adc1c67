"""From aligned indicators to factor scores and one score: principal components where the data carries them, else fixed
weights of the four groups. The reason for the second stands in the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scoring.align import Aligned
from scoring.factors import Adequacy, Factors, adequacy, components, correlation
from scoring.indicators import INDICATORS, Group
from scoring.run_values import Method, Model

Floats = NDArray[np.float64]

GROUP_OF = {indicator.code: indicator.group for indicator in INDICATORS}


@dataclass(frozen=True, slots=True)
class Demands:
    """What the data must show for principal components, and the weights of the groups where it does not.

    ``rows_per_column``: clients an indicator; ``least_kmo`` and ``most_p`` of Bartlett's test are the usual bounds.
    """

    rows_per_column: int = 10
    least_kmo: float = 0.5
    most_p: float = 0.05
    weights: Mapping[Group, float] = field(
        default_factory=lambda: {
            Group.CONTRIBUTION: 0.40,
            Group.RISK: 0.25,
            Group.PROFIT: 0.20,
            Group.FUNDS: 0.15,
        }
    )


@dataclass(frozen=True, slots=True)
class Fitted:
    """``factors``: scores, a row an account; ``composite`` coefficients: score = aligned data @ composite."""

    model: Model
    factors: Floats
    composite: Floats


def fit(aligned: Aligned, demands: Demands) -> Fitted | None:
    """The model of these rows; None where no indicator differs between clients."""
    if not aligned.columns:
        return None
    rows, columns = aligned.data.shape
    if columns < 2 or rows < demands.rows_per_column * len(INDICATORS):
        why = f"{rows} clients: components want {demands.rows_per_column} an indicator"
        return _by_weights(aligned, demands, Adequacy(None, None, None), why)
    matrix = correlation(aligned.data)
    found = adequacy(matrix, rows)
    if found.kmo is None or found.p is None:
        return _by_weights(aligned, demands, found, "the correlation matrix is singular")
    if found.kmo < demands.least_kmo:
        return _by_weights(aligned, demands, found, f"KMO {found.kmo:.3f} is below {demands.least_kmo}")
    if found.p > demands.most_p:
        return _by_weights(aligned, demands, found, f"Bartlett's p {found.p:.3f} is above {demands.most_p}")
    return _by_components(aligned, components(matrix), found)


def _by_components(aligned: Aligned, found: Factors, fitness: Adequacy) -> Fitted:
    weights = found.explained / found.explained.sum()
    model = Model(
        method=Method.COMPONENTS,
        because=None,
        columns=aligned.columns,
        constant=aligned.constant,
        kmo=fitness.kmo,
        bartlett_chi2=fitness.chi2,
        bartlett_p=fitness.p,
        eigenvalues=_tuple(found.eigenvalues),
        factors=_names(aligned.columns, found.loadings),
        explained=_tuple(found.explained),
        loadings=tuple(_tuple(row) for row in found.loadings),
        weights=_tuple(np.round(weights, 9)),
    )
    return Fitted(model, np.round(aligned.data @ found.coefficients, 9), found.coefficients @ weights)


def _by_weights(aligned: Aligned, demands: Demands, fitness: Adequacy, why: str) -> Fitted:
    """A factor is the mean of its group's indicators; a group without one gives its weight to the others."""
    groups = [group for group in Group if any(GROUP_OF[code] is group for code in aligned.columns)]
    shares = np.zeros((len(aligned.columns), len(groups)))
    for place, group in enumerate(groups):
        own = [number for number, code in enumerate(aligned.columns) if GROUP_OF[code] is group]
        shares[own, place] = 1 / len(own)
    weights = np.array([demands.weights[group] for group in groups])
    weights = weights / weights.sum()
    model = Model(
        method=Method.WEIGHTS,
        because=why,
        columns=aligned.columns,
        constant=aligned.constant,
        kmo=fitness.kmo,
        bartlett_chi2=fitness.chi2,
        bartlett_p=fitness.p,
        eigenvalues=(),
        factors=tuple(group.value for group in groups),
        explained=(),
        loadings=(),
        weights=_tuple(np.round(weights, 9)),
    )
    return Fitted(model, np.round(aligned.data @ shares, 9), shares @ weights)


def _names(columns: tuple[str, ...], loadings: Floats) -> tuple[str, ...]:
    """A factor is called by the group that loads most on it; a second of the same group gets a number."""
    names: list[str] = []
    for column in loadings.T:
        strength = dict.fromkeys(Group, 0.0)
        for code, loading in zip(columns, column, strict=True):
            strength[GROUP_OF[code]] += float(loading) ** 2
        name = max(strength, key=lambda group: strength[group]).value
        taken = sum(1 for other in names if other.split("-")[0] == name)
        names.append(f"{name}-{taken + 1}" if taken else name)
    return tuple(names)


def _tuple(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
