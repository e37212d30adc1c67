"""From a credit grade to the company's add-on for one product: never below the exchange, never below coverage."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

ZERO = Decimal(0)


class Because(StrEnum):
    """What decided an add-on."""

    GRADE = "grade"  # the grade's share of the standard add-on
    COVERAGE = "coverage"  # what the product's one-day moves ask for is more than the grade's share
    NO_HISTORY = "no_history"  # too few days of prices: nothing is lowered
    KEPT = "kept"  # what the client has is as low already
    SHORT = "short"  # what holds now does not cover the product's one-day moves


@dataclass(frozen=True, slots=True)
class AddOn:
    """An add-on to the exchange's rate, in shares of the contract value: what holds now, what is proposed, why."""

    now: Decimal
    proposed: Decimal
    because: Because


def add_on(
    *, now: Decimal, standard: Decimal, share: Decimal, exchange: Decimal, move: Decimal | None, step: Decimal
) -> AddOn:
    """``share`` of the ``standard`` add-on, rounded up to ``step``, but enough for ``exchange`` + add-on >= ``move``.

    Nothing is ever raised: a client whose add-on is lower already keeps it.
    """
    if move is None:
        return AddOn(now, now, Because.NO_HISTORY)
    by_grade = _up(standard * share, step)
    by_move = _up(max(ZERO, move - exchange), step)
    proposed = max(by_grade, by_move)
    if exchange + now < move:
        return AddOn(now, now, Because.SHORT)
    if proposed >= now:
        return AddOn(now, now, Because.KEPT)
    return AddOn(now, proposed, Because.COVERAGE if by_move > by_grade else Because.GRADE)


def _up(value: Decimal, step: Decimal) -> Decimal:
    return value if not step else (value / step).to_integral_value(rounding=ROUND_CEILING) * step
