"""How a month of an account went, from its settlements: what the client's own monthly report is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class MonthDay:
    """One settlement, CNY. ``before`` is the equity of the settlement before; degrees are fractions or None."""

    day: date
    before: Decimal
    equity: Decimal
    cash_flow: Decimal
    commission: Decimal
    company: Decimal | None
    exchange: Decimal | None
    overnight: bool

    @property
    def result(self) -> Decimal:
        """The day's result after fees: the change of equity less deposits and plus withdrawals."""
        return self.equity - self.before - self.cash_flow


@dataclass(frozen=True, slots=True)
class Traits:
    """A month's sums and extremes. ``drawdown`` is the largest fall from a high of equity without deposits, as a share."""

    opening: Decimal
    closing: Decimal
    deposits: Decimal
    withdrawals: Decimal
    result: Decimal
    commission: Decimal
    days: int
    overnight: int
    gains: int
    losses: int
    best: Decimal
    worst: Decimal
    drawdown: Decimal | None
    highest: Decimal | None
    average: Decimal | None


def traits(days: Sequence[MonthDay]) -> Traits:
    """What these days, oldest first, add up to. Refuses none at all."""
    if not days:
        raise ValueError("a month without a settlement has no traits")
    results = [day.result for day in days]
    degrees = [day.company for day in days if day.company is not None]
    return Traits(
        opening=days[0].before,
        closing=days[-1].equity,
        deposits=sum((day.cash_flow for day in days if day.cash_flow > 0), ZERO),
        withdrawals=-sum((day.cash_flow for day in days if day.cash_flow < 0), ZERO),
        result=sum(results, ZERO),
        commission=sum((day.commission for day in days), ZERO),
        days=len(days),
        overnight=sum(day.overnight for day in days),
        gains=sum(result > 0 for result in results),
        losses=sum(result < 0 for result in results),
        best=max(results),
        worst=min(results),
        drawdown=drawdown(days),
        highest=max(degrees, default=None),
        average=sum(degrees, Decimal(0)) / len(degrees) if degrees else None,
    )


def drawdown(days: Sequence[MonthDay]) -> Decimal | None:
    """The largest fall of an index that grows by each day's result on equity plus deposits; None where that is 0 or less."""
    level = high = Decimal(1)
    deepest = Decimal(0)
    for day in days:
        base = day.before + max(day.cash_flow, ZERO)
        if base <= 0:
            return None
        level *= 1 + day.result / base
        high = max(high, level)
        deepest = max(deepest, 1 - level / high)
    return deepest
