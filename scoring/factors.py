"""Factor analysis as the papers of this field do it with a statistics package: principal components of the correlation
matrix, factors with an eigenvalue above 1 (Kaiser), varimax rotation with Kaiser's normalisation, regression scores.

This is not maximum likelihood or minres: those give other numbers. Signs and order of factors, which are arbitrary, are
fixed, so that runs can be compared. The sums behind the numbers are taken in the order of accounts; the results are
rounded to 1e-9, so that machines agree.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

SINGULAR = 1e-10
"""A correlation matrix whose smallest eigenvalue is below this share of the largest has columns that follow from others."""

_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Adequacy:
    """Whether a correlation matrix is fit for factors. ``kmo`` is None where the matrix is singular.

    Kaiser-Meyer-Olkin: correlations against partial correlations, 0.5 is the usual least. Bartlett's sphericity: the
    hypothesis that nothing correlates, chi-squared with p (p - 1) / 2 degrees of freedom.
    """

    kmo: float | None
    chi2: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Factors:
    """``loadings``: a row a column of the data, a column a factor; ``explained``: shares of all variance, falling.

    ``coefficients`` turn standardised data into factor scores: scores = data @ coefficients.
    """

    eigenvalues: Floats
    loadings: Floats
    explained: Floats
    coefficients: Floats


def correlation(data: Floats) -> Floats:
    """Correlations of the columns; none of them may be constant."""
    centred = data - data.mean(axis=0)
    scaled = centred / np.sqrt((centred**2).sum(axis=0))
    found: Floats = scaled.T @ scaled
    np.fill_diagonal(found, 1.0)
    return found


def adequacy(matrix: Floats, rows: int) -> Adequacy:
    """KMO and Bartlett of a correlation matrix of so many rows."""
    size = len(matrix)
    values = np.linalg.eigvalsh(matrix)
    if values[0] < SINGULAR * values[-1]:
        return Adequacy(None, None, None)
    inverse = np.linalg.inv(matrix)
    scale = np.sqrt(np.diag(inverse))
    partial = -inverse / np.outer(scale, scale)
    apart = ~np.eye(size, dtype=bool)
    simple, rest = float((matrix[apart] ** 2).sum()), float((partial[apart] ** 2).sum())
    chi2 = -(rows - 1 - (2 * size + 5) / 6) * float(np.log(values).sum())
    p = float(stats.chi2.sf(chi2, size * (size - 1) / 2))
    kmo = simple / (simple + rest) if simple + rest > 0 else 0.0
    return Adequacy(round(kmo, _DIGITS), round(chi2, 6), p)


def components(matrix: Floats) -> Factors:
    """Principal components of a correlation matrix, rotated, with fixed signs and order."""
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = max(1, int((values > 1.0).sum()))
    unrotated = vectors[:, :kept] * np.sqrt(values[:kept])
    loadings = _in_order(varimax(unrotated))
    coefficients: Floats = loadings @ np.linalg.inv(loadings.T @ loadings)
    return Factors(
        np.round(values, _DIGITS),
        np.round(loadings, _DIGITS),
        np.round((loadings**2).sum(axis=0) / len(matrix), _DIGITS),
        np.round(coefficients, _DIGITS),
    )


def varimax(loadings: Floats, tolerance: float = 1e-12, rounds: int = 1_000) -> Floats:
    """Kaiser's varimax: rows are brought to length 1, rotated pair by pair of factors, and given their length back."""
    length = np.sqrt((loadings**2).sum(axis=1, keepdims=True))
    length = np.where(length > 0, length, 1.0)
    turned = loadings / length
    for _ in range(rounds):
        largest = 0.0
        for one in range(turned.shape[1] - 1):
            for other in range(one + 1, turned.shape[1]):
                angle = _angle(turned[:, one], turned[:, other])
                largest = max(largest, abs(angle))
                cosine, sine = np.cos(angle), np.sin(angle)
                pair = turned[:, [one, other]]
                turned[:, [one, other]] = pair @ np.array([[cosine, -sine], [sine, cosine]])
        if largest < tolerance:
            break
    found: Floats = turned * length
    return found


def _angle(x: Floats, y: Floats) -> float:
    """By how much two factors are turned in their plane for the largest variance of squared loadings (Kaiser 1958)."""
    u, v = x**2 - y**2, 2 * x * y
    above = 2 * (u @ v) - 2 * u.sum() * v.sum() / len(x)
    below = (u @ u - v @ v) - (u.sum() ** 2 - v.sum() ** 2) / len(x)
    return float(np.arctan2(above, below) / 4)


def _in_order(loadings: Floats) -> Floats:
    """Each factor points where its strong loadings point, and the factor that explains most comes first."""
    signs = np.where((loadings**3).sum(axis=0) < 0, -1.0, 1.0)
    order = np.argsort(-np.round((loadings**2).sum(axis=0), _DIGITS), kind="stable")
    found: Floats = (loadings * signs)[:, order]
    return found
