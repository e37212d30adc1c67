"""Principal components and varimax against published figures and against another program's."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.factors import adequacy, components, correlation, varimax

# Harman (1976), Modern Factor Analysis, 3rd ed., page 14: five socioeconomic variables of twelve census tracts.
TRACTS = np.array(
    [
        [5700, 12.8, 2500, 270, 25000],
        [1000, 10.9, 600, 10, 10000],
        [3400, 8.8, 1000, 10, 9000],
        [3800, 13.6, 1700, 140, 25000],
        [4000, 12.8, 1600, 140, 25000],
        [8200, 8.3, 2600, 60, 12000],
        [1200, 11.4, 400, 10, 16000],
        [9100, 11.5, 3300, 60, 14000],
        [9900, 12.5, 3400, 180, 18000],
        [9600, 13.7, 3600, 390, 25000],
        [9600, 9.6, 3300, 80, 12000],
        [9400, 11.4, 4000, 100, 13000],
    ]
)


def test_eigenvalues_are_those_published() -> None:
    """SAS/STAT User's Guide, PROC FACTOR, example "Principal Component Analysis": two components by Kaiser."""
    found = components(correlation(TRACTS))
    assert found.eigenvalues[:3] == pytest.approx([2.8733, 1.7967, 0.2148], abs=5e-5)
    assert found.loadings.shape == (5, 2)
    assert found.explained.sum() == pytest.approx(0.934, abs=5e-4)


def test_sampling_adequacy_is_the_one_published() -> None:
    """SAS/STAT User's Guide, PROC FACTOR, example "Principal Factor Analysis": overall MSA 0.57536759."""
    assert adequacy(correlation(TRACTS), len(TRACTS)).kmo == pytest.approx(0.57536759, abs=5e-9)


def test_varimax_turns_a_published_pattern_into_the_published_one() -> None:
    """The same data's principal factors, before and after (P. Ender, Factor Analysis Example; SAS prints the same)."""
    before = np.array(
        [
            [0.62533, 0.76621],
            [0.71369, -0.55516],
            [0.71448, 0.67935],
            [0.87899, -0.15847],
            [0.74215, -0.57806],
        ]
    )
    after = varimax(before)
    published = np.array([[0.02254, 0.98874], [0.90419, 0.00055], [0.14625, 0.97499], [0.79085, 0.41509]])
    assert after[:4] == pytest.approx(published, abs=2e-5)


def test_another_program_finds_the_same() -> None:
    """Loadings, shares, KMO, Bartlett and scores as factor_analyzer 0.5.1 printed them for the same 150 rows."""
    told = json.loads((Path(__file__).parent / "factor_analyzer.json").read_text("utf-8"))
    data = np.array(told["data"])
    found = components(correlation(data))
    theirs = np.array(told["loadings"])
    order = [int(np.abs(found.loadings[:, [k]].T @ theirs).argmax()) for k in range(theirs.shape[1])]
    signs = np.sign((found.loadings * theirs[:, order]).sum(axis=0))
    assert sorted(order) == list(range(theirs.shape[1]))
    assert found.loadings == pytest.approx(theirs[:, order] * signs, abs=1e-3)
    assert found.explained == pytest.approx(np.array(told["variance"])[order], abs=1e-3)
    assert found.eigenvalues == pytest.approx(told["eigenvalues"], abs=1e-5)
    fitness = adequacy(correlation(data), len(data))
    assert fitness.kmo == pytest.approx(told["kmo"], abs=1e-5)
    assert fitness.chi2 == pytest.approx(told["bartlett_chi2"], abs=1e-3)
    scores = ((data - data.mean(axis=0)) / data.std(axis=0)) @ found.coefficients
    assert scores[:20] == pytest.approx(np.array(told["scores"])[:, order] * signs, abs=2e-3)


def criterion(loadings: np.ndarray) -> float:
    """What varimax makes as large as it can: the variance of squared loadings, rows brought to length 1."""
    squares = (loadings / np.sqrt((loadings**2).sum(axis=1, keepdims=True))) ** 2
    return float(squares.var(axis=0).sum())


def by_gradient(loadings: np.ndarray) -> np.ndarray:
    """Varimax by another way: projected gradient with a singular value decomposition."""
    length = np.sqrt((loadings**2).sum(axis=1, keepdims=True))
    rows = loadings / length
    turn = np.eye(rows.shape[1])
    for _ in range(5_000):
        turned = rows @ turn
        left, _, right = np.linalg.svd(rows.T @ (turned**3 - turned * (turned**2).mean(axis=0)))
        turn = left @ right
    return rows @ turn * length


def test_two_ways_to_varimax_meet() -> None:
    """Planes of two factors and the gradient of all end at the same largest variance."""
    data = np.random.default_rng(5).normal(size=(400, 3)) @ np.random.default_rng(6).normal(size=(3, 9))
    data += np.random.default_rng(7).normal(size=data.shape)
    values, vectors = np.linalg.eigh(correlation(data))
    unrotated = vectors[:, -3:] * np.sqrt(values[-3:])
    ours, theirs = varimax(unrotated), by_gradient(unrotated)
    assert criterion(ours) == pytest.approx(criterion(theirs), abs=1e-10)
    assert np.sort(np.abs(ours), axis=1) == pytest.approx(np.sort(np.abs(theirs), axis=1), abs=1e-5)


matrices = st.integers(0, 10_000).map(
    lambda seed: (
        np.random.default_rng(seed).normal(size=(40, 3)) @ np.random.default_rng(seed + 1).normal(size=(3, 6))
        + np.random.default_rng(seed + 2).normal(size=(40, 6))
    )
)


@settings(max_examples=40, deadline=None)
@given(matrices)
def test_signs_and_order_are_fixed(data: np.ndarray) -> None:
    """Turning a principal axis round beforehand, or shuffling rows, changes nothing that is said."""
    found = components(correlation(data))
    assert (np.diff(found.explained) <= 1e-9).all()
    assert ((found.loadings**3).sum(axis=0) >= 0).all()
    shuffled = components(correlation(data[np.random.default_rng(1).permutation(len(data))]))
    assert shuffled.loadings == pytest.approx(found.loadings, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(matrices)
def test_scores_are_uncorrelated_and_of_length_one(data: np.ndarray) -> None:
    """What regression scores of rotated components are known for."""
    standardised = (data - data.mean(axis=0)) / data.std(axis=0, ddof=1)
    found = components(correlation(data))
    scores = standardised @ found.coefficients
    assert np.cov(scores.T).reshape(len(found.explained), -1) == pytest.approx(
        np.eye(len(found.explained)), abs=1e-6
    )


def test_a_singular_matrix_is_named_and_not_inverted() -> None:
    """One column twice: KMO does not exist, components do."""
    data = np.random.default_rng(3).normal(size=(200, 4))
    data = np.column_stack([data, data[:, 0]])
    assert adequacy(correlation(data), 200).kmo is None
    assert np.isfinite(components(correlation(data)).coefficients).all()


def test_what_does_not_correlate_is_found_out() -> None:
    """Bartlett does not reject the hypothesis that there is nothing to find."""
    data = np.random.default_rng(11).normal(size=(300, 6))
    assert (adequacy(correlation(data), 300).p or 0) > 0.05
