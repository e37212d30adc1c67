"""From a grade to an add-on: never below the exchange, never below coverage, never raised."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.credit import AddOn, Because, add_on

D = Decimal


@pytest.mark.parametrize(
    ("now", "share", "move", "expected"),
    [
        ("0.05", "0.5", "0.04", AddOn(D("0.05"), D("0.025"), Because.GRADE)),
        ("0.05", "0.5", "0.098", AddOn(D("0.05"), D("0.030"), Because.COVERAGE)),
        ("0.05", "0.5", None, AddOn(D("0.05"), D("0.05"), Because.NO_HISTORY)),
        ("0.02", "0.5", "0.04", AddOn(D("0.02"), D("0.02"), Because.KEPT)),
        ("0.05", "0.5", "0.13", AddOn(D("0.05"), D("0.05"), Because.SHORT)),
        ("0.05", "1", "0.04", AddOn(D("0.05"), D("0.05"), Because.KEPT)),
        ("0.05", "0.41", "0", AddOn(D("0.05"), D("0.025"), Because.GRADE)),
    ],
)
def test_the_add_on_by_hand(now: str, share: str, move: str | None, expected: AddOn) -> None:
    """Exchange 7 %, standard add-on 5 %, steps of half a point; 2.05 points become 2.5."""
    found = add_on(
        now=D(now),
        standard=D("0.05"),
        share=D(share),
        exchange=D("0.07"),
        move=None if move is None else D(move),
        step=D("0.005"),
    )
    assert found == expected


rate = st.decimals(0, 1, places=4, allow_nan=False)


@given(rate, rate, rate, rate, rate)
@settings(deadline=None)
def test_nothing_is_raised_and_what_is_lowered_covers(
    now: Decimal, standard: Decimal, share: Decimal, exchange: Decimal, move: Decimal
) -> None:
    """Whatever the numbers: the add-on is never negative, never higher, and a lower one covers the move."""
    found = add_on(now=now, standard=standard, share=share, exchange=exchange, move=move, step=D("0.005"))
    assert 0 <= found.proposed <= found.now == now
    if found.proposed < now:
        assert exchange + found.proposed >= move
        assert found.proposed >= standard * share
