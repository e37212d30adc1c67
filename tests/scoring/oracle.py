"""The twelve indicators the slow way: one client, one day, one line at a time, straight from their definitions."""

import math
from collections.abc import Mapping

import pandas as pd

CAP = 3.0


def indicators(rows: pd.DataFrame, var_days: int = 60) -> dict[str, dict[str, float | None]]:
    """account -> code -> value, from daily rows in any order."""
    by_account = {
        str(account): group.sort_values("day").to_dict("records")
        for account, group in rows.groupby("account")
    }
    totals = {
        "turnover": sum(int(row["turnover"]) for days in by_account.values() for row in days),
        "equity": sum(_mean_equity(days) for days in by_account.values()),
        "retained": sum(int(row["retained"]) for days in by_account.values() for row in days),
    }
    return {account: _one(days, totals, var_days) for account, days in by_account.items()}


def _one(days: list[Mapping], totals: Mapping[str, int], var_days: int) -> dict[str, float | None]:
    degrees = [_degree(row["margin"], row["equity"]) for row in days]
    peaks = [_degree(_peak(row), row["equity"]) for row in days]
    overnight = [degree for degree, row in zip(degrees, days, strict=True) if row["margin"] > 0]
    with_position = [row for row in days if row["margin"] > 0 or row["forced"] > 0]
    calls = sum(1 for row in with_position if _called(row))
    forced = sum(1 for row in with_position if row["forced"] > 0)
    profits = [int(row["profit"]) for row in days if pd.notna(row["profit"])]
    gains = sum(profit for profit in profits if profit > 0)
    returns = [value for row in days if (value := _return(row)) is not None]
    mean = _mean_equity(days)
    return {
        "turnover_share": _share(sum(int(row["turnover"]) for row in days), totals["turnover"]),
        "capital_share": _share(mean, totals["equity"]),
        "fee_share": _share(sum(int(row["retained"]) for row in days), totals["retained"]),
        "degree_max": max(degrees + peaks),
        "degree_overnight": sum(overnight) / len(overnight) if overnight else 0.0,
        "call_rate": calls / len(with_position) if with_position else 0.0,
        "forced_rate": forced / len(with_position) if with_position else 0.0,
        "return_on_capital": sum(profits) / mean if profits and mean > 0 else None,
        "net_profit_rate": max(-1.0, sum(profits) / gains) if gains else (-1.0 if sum(profits) < 0 else None),
        "stability": _deviation(returns),
        "loss_var95": max(0.0, -_quantile(returns, 0.05)) if len(returns) >= var_days else None,
        "fund_use": sum(degrees) / len(degrees),
    }


def _whole(value: float) -> float:
    """Ratios are counted in whole 1e-8."""
    return math.floor(value * 1e8 + 0.5) / 1e8


def _degree(margin: int, equity: int) -> float:
    return CAP if equity <= 0 else _whole(min(CAP, margin / equity))


def _peak(row: Mapping) -> int:
    return int(row["margin"] if pd.isna(row["peak_margin"]) else row["peak_margin"])


def _called(row: Mapping) -> bool:
    if pd.notna(row["called"]):
        return bool(row["called"])
    return bool(0 < row["margin"] >= row["equity"])


def _return(row: Mapping) -> float | None:
    if pd.isna(row["profit"]):
        return None
    before = row["equity"] - row["profit"] + max(0, -row["cash_flow"])
    return _whole(min(1.0, max(-1.0, row["profit"] / before))) if before > 0 else None


def _mean_equity(days: list[Mapping]) -> int:
    return math.floor(sum(int(row["equity"]) for row in days) / len(days) + 0.5)


def _share(part: int, total: int) -> float | None:
    return part / total if total else None


def _deviation(values: list[float]) -> float | None:
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _quantile(values: list[float], share: float) -> float:
    """Linear between neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
