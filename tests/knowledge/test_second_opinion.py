"""A model tips what is close, and cannot turn the library over."""

import pytest

from knowledge.second_opinion import cosines, weighed


@pytest.mark.parametrize(
    ("shares", "closeness", "chosen", "order", "sure"),
    [
        ([0.4, 0.35, 0.25], None, 1, (1, 0, 2), True),
        ([0.4, 0.35, 0.25], None, 0, (0, 1, 2), True),
        ([0.4, 0.35, 0.25], None, None, (0, 1, 2), False),
        ([0.4, 0.35, 0.25], (0.2, 0.9, 0.1), 1, (1, 0, 2), True),
        ([0.4, 0.35, 0.25], (0.9, 0.2, 0.1), 1, (1, 0, 2), False),
        ([0.8, 0.1, 0.1], None, 2, (0, 2, 1), False),
        ([0.4, 0.35, 0.25], (0.1, 0.1, 0.9), None, (2, 0, 1), False),
        ([0.0, 0.0], None, 1, (1, 0), False),
    ],
)
def test_what_a_model_says_counts_among_the_rest(
    shares: list[float],
    closeness: tuple[float, ...] | None,
    chosen: int | None,
    order: tuple[int, ...],
    sure: bool,
) -> None:
    """Sure only where choice, search and meaning do not contradict each other."""
    opinion = weighed(shares, closeness, chosen)
    assert (opinion.order, opinion.sure) == (order, sure)


def test_a_cosine_is_one_for_the_same_and_zero_for_nothing() -> None:
    """Length does not count."""
    assert cosines([1.0, 0.0], [[5.0, 0.0], [0.0, 1.0], [0.0, 0.0]]) == (1.0, 0.0, 0.0)
