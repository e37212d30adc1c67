"""Classes that do not depend on the order of rows, and labels that do not jump."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.clusters import by_score, largest_step, limited, matched, silhouette, two_step


def three_clouds(seed: int, rows: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, rows)
    centres = np.array([[6.0, 0, 1], [0, 6, -3], [-6, -6, 4]])
    return np.round(centres[truth] + rng.normal(size=(rows, 3)) * [0.5, 1.0, 0.7], 9), truth


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_clouds_that_lie_apart_are_found_again(seed: int) -> None:
    data, truth = three_clouds(seed)
    found = two_step(data, 3).labels
    assert len({(a, b) for a, b in zip(found.tolist(), truth.tolist(), strict=True)}) == 3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_shuffled_rows_fall_into_the_same_classes(seed: int) -> None:
    """Also where the data has no classes at all."""
    rng = np.random.default_rng(seed)
    data = np.round(rng.standard_t(3, size=(400, 4)), 6)
    order = rng.permutation(len(data))
    scores = data.sum(axis=1)
    first = by_score(two_step(data, 3).labels, scores, 3)
    second = by_score(two_step(data[order], 3).labels, scores[order], 3)
    assert (first[order] == second).all()


def naive(data: np.ndarray, classes: int) -> float:
    """What is left of the log-likelihood when every pair is looked at, every time."""
    base = data.var(axis=0)
    groups = [[row] for row in range(len(data))]

    def spread(group: list[int]) -> float:
        return len(group) / 2 * float(np.log(data[group].var(axis=0) + base * 1e-3 + 1e-12).sum())

    while len(groups) > classes:
        pairs = [(i, j) for i in range(len(groups)) for j in range(i + 1, len(groups))]
        costs = [spread(groups[i] + groups[j]) - spread(groups[i]) - spread(groups[j]) for i, j in pairs]
        i, j = pairs[int(np.argmin(costs))]
        groups[i] += groups.pop(j)
    return sum(spread(group) for group in groups)


def test_merging_is_the_merging_of_every_pair() -> None:
    """Where each row is a cell of its own, the criterion of k classes is that of the slow way."""
    data = np.round(np.random.default_rng(4).normal(size=(18, 2)), 6)
    found = two_step(data, 3)
    for classes in (2, 3, 5):
        free = 2 * classes * 2 * np.log(len(data))
        assert found.bic[classes] == pytest.approx(2 * naive(data, classes) + free, abs=1e-5)


def test_the_criterion_steps_at_the_number_that_is_there() -> None:
    """A fourth class of three clouds gains next to nothing."""
    data, _ = three_clouds(1, rows=600)
    assert largest_step(two_step(data, 3).bic) == 3


def test_silhouette_tells_clouds_from_fog() -> None:
    data, truth = three_clouds(2)
    fog = np.random.default_rng(2).normal(size=(300, 3))
    clear = silhouette(data, truth)
    assert clear is not None
    assert clear > 0.7
    assert (silhouette(fog, truth) or 0) < 0.1
    assert silhouette(data, np.zeros(300, dtype=np.int64)) is None


def test_silhouette_of_four_points_by_hand() -> None:
    """Points 0, 1 and 10, 12: (a, b) are (1, 11), (1, 10), (2, 9.5), (2, 11.5)."""
    data = np.array([[0.0], [1.0], [10.0], [12.0]])
    by_hand = np.mean([10 / 11, 9 / 10, 7.5 / 9.5, 9.5 / 11.5])
    assert silhouette(data, np.array([0, 0, 1, 1])) == pytest.approx(by_hand, abs=1e-6)


def test_classes_are_numbered_by_their_mean_score() -> None:
    labels, scores = np.array([2, 2, 0, 1]), np.array([9.0, 7.0, 1.0, 5.0])
    assert by_score(labels, scores, 3).tolist() == [0, 0, 2, 1]


def test_two_classes_of_nearly_equal_score_keep_their_names() -> None:
    """The order turned by a hair: the letters do not change hands."""
    labels = np.array([0] * 5 + [1] * 5 + [2] * 5)
    last = np.array([1] * 5 + [0] * 5 + [2] * 5)
    scores = np.array([1.01] * 5 + [1.0] * 5 + [-2.0] * 5)
    assert matched(labels, last, scores, 3, close=0.1).tolist() == last.tolist()
    apart = np.array([2.0] * 5 + [1.0] * 5 + [-2.0] * 5)
    assert matched(labels, last, apart, 3, close=0.1).tolist() == labels.tolist()


def test_only_the_surest_move_when_too_many_want_to() -> None:
    last = np.array([0, 0, 0, 0, -1])
    proposed = np.array([1, 1, 1, 0, 1])
    likelihoods = np.array([[0.0, 1.0], [0.0, 9.0], [0.0, 5.0], [0.0, -1.0], [0.0, 0.1]])
    assert limited(proposed, last, likelihoods, 0.25).tolist() == [0, 1, 0, 0, 1]
    assert limited(proposed, last, likelihoods, 1.0).tolist() == [1, 1, 1, 0, 1]
    assert limited(proposed, last, likelihoods, 0.0).tolist() == [0, 0, 0, 0, 1]


def test_equal_rows_make_one_cell_and_no_crash() -> None:
    assert set(two_step(np.zeros((9, 2)), 1).labels.tolist()) == {0}
    with pytest.raises(ValueError, match="4 classes of 3 rows"):
        two_step(np.zeros((3, 2)), 4)
