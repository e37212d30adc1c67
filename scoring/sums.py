"""Sums of an account over the days of a window: from all files at once, or kept from day to day.

- full: everything anew, in ranges of accounts, so that memory does not grow with their number.
- Running, advance: the same sums after one more day, without reading the days between.
- differences: what the nightly check says of the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.days import DayFile, connected, scan
from scoring.indicators import ADDED, Rules, day_sql, indicators_sql, sums_sql

RANGE = 61_440
"""Accounts whose daily returns are held in memory at once: about 60 MB for 250 days."""

Ints = NDArray[np.int64]
Small = NDArray[np.int32]
_NONE = np.iinfo(np.int32).min


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


# --- from day to day --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Running:
    """Sums over a window of days, one place an account, and what cannot be added by day.

    ``returns`` and ``degrees`` have a row a day of the window (in a ring: ``days[i]`` stands in row ``rows[i]``) and a
    column an account; a day without a value is ``_NONE``.
    """

    window: int
    accounts: NDArray[np.object_]
    sums: dict[str, Ints]
    degree_max: Small
    days: list[date]
    rows: list[int]
    returns: Small
    degrees: Small

    @classmethod
    def empty(cls, window: int) -> "Running":
        none = np.empty(0, dtype=np.int64)
        ring = np.empty((window, 0), dtype=np.int32)
        return cls(
            window,
            np.empty(0, dtype=object),
            {name: none.copy() for name in ADDED},
            np.empty(0, dtype=np.int32),
            [],
            [],
            ring,
            ring.copy(),
        )


@dataclass(frozen=True, slots=True)
class DayValues:
    """What one day adds, aligned with accounts in order."""

    day: date
    accounts: NDArray[np.object_]
    added: Mapping[str, Ints]
    degree_max: Small
    daily: Small


def day_values(file: DayFile, rules: Rules) -> DayValues:
    """Reads one day's file."""
    with connected() as database:
        found = database.sql(day_sql(scan([file]), rules)).fetchnumpy()
    order = (
        None if bool(np.all(found["account"][:-1] < found["account"][1:])) else np.argsort(found["account"])
    )
    columns = {name: values if order is None else values[order] for name, values in found.items()}
    return DayValues(
        file.day,
        columns["account"],
        {name: columns[name] for name in ADDED},
        columns["degree_max"],
        np.ma.filled(columns["daily"], _NONE).astype(np.int32),
    )


def advance(running: Running, entering: DayValues, leaving: DayValues | None) -> None:
    """Takes a day into the window, and the oldest out of it, in place.

    ``leaving`` are the values of the oldest day, needed once the window is full. The largest degree is looked for
    again only where it left.
    """
    if running.days and entering.day <= running.days[-1]:
        raise ValueError(f"{entering.day} is not after {running.days[-1]}: sums are kept in order of days")
    at = _places(running, entering.accounts)
    gone: Small | None = None
    if len(running.days) == running.window:
        if leaving is None or leaving.day != running.days[0]:
            raise ValueError(
                f"the window is full: the values of {running.days[0]} are needed to take them out"
            )
        gone = _take_out(running, leaving)
    row = running.rows.pop(0) if gone is not None else len(running.days)
    if gone is not None:
        running.days.pop(0)
    running.days.append(entering.day)
    running.rows.append(row)
    running.returns[row] = running.degrees[row] = _NONE
    running.returns[row, at] = entering.daily
    running.degrees[row, at] = entering.degree_max
    for name, values in entering.added.items():
        running.sums[name][at] += values
    if gone is not None:
        lost = np.flatnonzero((gone == running.degree_max) & (gone != _NONE))
        running.degree_max[lost] = running.degrees[: len(running.days), lost].max(axis=0)
    running.degree_max[at] = np.maximum(running.degree_max[at], entering.degree_max)


def _take_out(running: Running, leaving: DayValues) -> Small:
    at = np.searchsorted(running.accounts, leaving.accounts)
    for name, values in leaving.added.items():
        running.sums[name][at] -= values
    gone: Small = running.degrees[running.rows[0]].copy()
    return gone


def _places(running: Running, accounts: NDArray[np.object_]) -> slice | NDArray[np.intp]:
    """Where accounts stand; those that are new are given a place first."""
    if np.array_equal(running.accounts, accounts):
        return slice(None)
    everybody = np.union1d(running.accounts, accounts)
    if len(everybody) > len(running.accounts):
        old = np.searchsorted(everybody, running.accounts)
        for name, values in running.sums.items():
            running.sums[name] = np.zeros(len(everybody), dtype=np.int64)
            running.sums[name][old] = values
        running.degree_max = _wider(running.degree_max[None, :], old, len(everybody))[0]
        running.returns = _wider(running.returns, old, len(everybody))
        running.degrees = _wider(running.degrees, old, len(everybody))
        running.accounts = everybody
    return np.searchsorted(running.accounts, accounts)


def _wider(ring: Small, old: NDArray[np.intp], accounts: int) -> Small:
    found = np.full((len(ring), accounts), _NONE, dtype=np.int32)
    found[:, old] = ring
    return found


def as_frame(running: Running, at_once: int = RANGE) -> pd.DataFrame:
    """The sums in the form that ``full`` gives; accounts without a day in the window are left out."""
    columns: dict[str, object] = {"account": running.accounts, **running.sums}
    columns["degree_max"] = running.degree_max
    lows = [
        _low(running.returns[: len(running.days), start : start + at_once])
        for start in range(0, len(running.accounts), at_once)
    ]
    columns["return_low"] = np.concatenate(lows) if lows else np.empty(0)
    frame = pd.DataFrame(columns)
    return frame.loc[frame["days"] > 0].reset_index(drop=True)


def _low(returns: Small) -> NDArray[np.float64]:
    """The 5 % quantile of each column, linear between neighbours; NaN for a column without values."""
    ordered = np.sort(returns, axis=0)
    count = (ordered != _NONE).sum(axis=0)
    missing = len(ordered) - count
    place = 0.05 * (np.maximum(count, 1) - 1)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(count, 1) - 1)
    columns = np.arange(ordered.shape[1])
    top = len(ordered) - 1
    low = ordered[np.minimum(missing + below, top), columns].astype(np.float64)
    high = ordered[np.minimum(missing + above, top), columns].astype(np.float64)
    return np.where(count > 0, low + (place - below) * (high - low), np.nan)


def differences(left: pd.DataFrame, right: pd.DataFrame) -> tuple[str, ...]:
    """Columns in which two tables of sums differ; sums must agree to the last digit, the quantile to 1e-9."""
    if list(left["account"]) != list(right["account"]):
        return ("account",)
    exact = [name for name in (*ADDED, "degree_max") if not np.array_equal(left[name], right[name])]
    same = np.isclose(left["return_low"], right["return_low"], rtol=1e-12, atol=1e-9 * 1e8, equal_nan=True)
    return tuple(exact) + (() if bool(same.all()) else ("return_low",))
