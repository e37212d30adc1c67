"""Sums of an account over the days of a window, from all files at once (kept from day to day: scoring/running.py).

- full: everything anew, in ranges of accounts, so that memory does not grow with their number.
- differences: what the nightly check says of these sums and of those that were kept.
"""

from collections.abc import Sequence

import duckdb
import numpy as np
import pandas as pd

from scoring.days import DayFile, connected, scan
from scoring.indicators import ADDED, Rules, indicators_sql, sums_sql

RANGE = 61_440
"""Accounts whose daily returns are held in memory at once: about 60 MB for 250 days."""


def full(days: Sequence[DayFile], rules: Rules, accounts_at_once: int = RANGE) -> pd.DataFrame:
    """One row an account, in order of accounts: the columns of ``ADDED``, ``degree_max`` and ``return_low``."""
    with connected() as database:
        bounds = _bounds(database, days, accounts_at_once)
        parts = [
            _ordered(database, sums_sql(_between(days, low, high), rules))
            for low, high in zip(bounds, [*bounds[1:], None], strict=True)
        ]
    return pd.concat(parts, ignore_index=True)


def indicators(sums: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The twelve indicators and the counts beside them, one row an account, in order of accounts."""
    with connected() as database:
        database.register("sums", sums)
        return _ordered(database, indicators_sql("sums", rules))


def _ordered(database: duckdb.DuckDBPyConnection, sql: str) -> pd.DataFrame:
    found: pd.DataFrame = database.sql(f"SELECT * FROM ({sql}) AS found ORDER BY account").df()  # noqa: S608  # ours
    return found


def _bounds(database: duckdb.DuckDBPyConnection, days: Sequence[DayFile], size: int) -> list[str]:
    """First accounts of ranges with about ``size`` accounts each, by the accounts of the newest day."""
    newest = scan(days[-1:])
    found = database.sql(
        f"SELECT MIN(account) FROM (SELECT account, ROW_NUMBER() OVER (ORDER BY account) - 1 AS place FROM {newest}) "  # noqa: S608
        f"GROUP BY place // {size} ORDER BY 1"
    ).fetchall()
    return ["", *(account for (account,) in found[1:])]


def _between(days: Sequence[DayFile], low: str, high: str | None) -> str:
    """The rows of a range of accounts; files are sorted, so that only their pages of the range are read."""
    bounds = [f"account >= {_text(low)}"] if low else []
    if high is not None:
        bounds.append(f"account < {_text(high)}")
    where = f" WHERE {' AND '.join(bounds)}" if bounds else ""
    return f"(SELECT * FROM {scan(days)}{where}) AS rows_of_range"  # noqa: S608  # accounts are quoted


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def differences(left: pd.DataFrame, right: pd.DataFrame) -> tuple[str, ...]:
    """Columns in which two tables of sums differ; sums must agree to the last digit, the quantile to 1e-9."""
    if list(left["account"]) != list(right["account"]):
        return ("account",)
    exact = [name for name in (*ADDED, "degree_max") if not np.array_equal(left[name], right[name])]
    same = np.isclose(left["return_low"], right["return_low"], rtol=1e-12, atol=1e-9 * 1e8, equal_nan=True)
    return tuple(exact) + (() if bool(same.all()) else ("return_low",))
