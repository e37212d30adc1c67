"""A year of an account from its months: fees paid, lots traded, average capital.

Amounts are integer fen, so that sums are exact; floats do not leave this package.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

YEAR = 12


@dataclass(frozen=True, slots=True)
class Month:
    """What the settlements of one account in one month add up to.

    ``month`` counts months since year 0 (2026-08 is 2026 x 12 + 7); ``equity`` is the sum over its ``days``.
    """

    account: str
    month: int
    commission: int
    lots: int
    equity: int
    days: int


@dataclass(frozen=True, slots=True)
class Year:
    """Twelve months in a row: fees paid in CNY, lots traded, day-average equity in CNY.

    ``months``: in how many of them there was a settlement.
    """

    account: str
    commission: Decimal
    lots: int
    capital: Decimal
    months: int


def month_number(year: int, month: int) -> int:
    """Months since year 0."""
    return year * 12 + month - 1


def years(rows: Sequence[Month], last: int, least: int = YEAR) -> dict[str, Year]:
    """account -> the twelve months that end with ``last``; accounts with fewer than ``least`` of them are left out."""
    frame = pd.DataFrame(
        {
            "account": [row.account for row in rows],
            "month": [row.month for row in rows],
            "commission": [row.commission for row in rows],
            "lots": [row.lots for row in rows],
            "equity": [row.equity for row in rows],
            "days": [row.days for row in rows],
        }
    )
    frame = frame[(frame["month"] > last - YEAR) & (frame["month"] <= last) & (frame["days"] > 0)]
    if frame.empty:
        return {}
    sums = frame.groupby("account", sort=True).agg(
        months=("month", "nunique"),
        commission=("commission", "sum"),
        lots=("lots", "sum"),
        equity=("equity", "sum"),
        days=("days", "sum"),
    )
    whole = sums[sums["months"] >= least]
    columns = [whole[name].tolist() for name in ("commission", "lots", "equity", "days", "months")]
    return {
        str(account): Year(str(account), _cny(commission), int(lots), _cny(round(equity / days)), int(months))
        for account, commission, lots, equity, days, months in zip(whole.index, *columns, strict=True)
    }


def _cny(fen: int) -> Decimal:
    return (Decimal(fen) / 100).quantize(Decimal("0.01"))
