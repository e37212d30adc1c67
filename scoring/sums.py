"""Sums of an account over the days of a window: from all files at once, or kept from day to day.

- full: everything anew, in ranges of accounts, so that memory does not grow with their number.
- Running, advance, kept: the same sums after one more day, without reading the days between.
- differences: what the nightly check says of the two.
"""

import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

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

    Accounts stand in the order in which they came; arrays have room for more of them than there are. ``returns`` and
    ``degrees`` have a row a day of the window (in a ring: ``days[i]`` stands in row ``rows[i]``) and a column an account;
    a day without a value is ``_NONE``. ``names`` are the files of the days.
    """

    window: int
    accounts: pd.Index
    sums: dict[str, Ints]
    degree_max: Small
    days: list[date]
    names: list[str]
    rows: list[int]
    returns: Small
    degrees: Small

    @classmethod
    def empty(cls, window: int) -> "Running":
        ring = np.empty((window, 0), dtype=np.int32)
        return cls(
            window,
            pd.Index([], dtype=object),
            {name: np.empty(0, dtype=np.int64) for name in ADDED},
            np.empty(0, dtype=np.int32),
            [],
            [],
            [],
            ring,
            ring.copy(),
        )


@dataclass(frozen=True, slots=True)
class DayValues:
    """What one day adds, aligned with its accounts, each of which stands once."""

    day: date
    name: str
    accounts: NDArray[np.object_]
    added: Mapping[str, Ints]
    degree_max: Small
    daily: Small


def day_values(file: DayFile, rules: Rules) -> DayValues:
    """Reads one day's file."""
    with connected() as database:
        found = database.sql(day_sql(scan([file]), rules)).fetchnumpy()
    return DayValues(
        file.day,
        file.path.name,
        found["account"],
        {name: found[name] for name in ADDED},
        found["degree_max"],
        np.ma.filled(found["daily"], _NONE).astype(np.int32),
    )


def advance(running: Running, entering: DayValues, leaving: DayValues | None) -> None:
    """Takes a day into the window, and the oldest out of it, in place.

    ``leaving`` are the values of the oldest day, needed once the window is full. The largest degree is looked for
    again only where it left.
    """
    if running.days and entering.day <= running.days[-1]:
        raise ValueError(f"{entering.day} is not after {running.days[-1]}: sums are kept in order of days")
    is_full = len(running.days) == running.window
    if is_full and (leaving is None or leaving.day != running.days[0]):
        raise ValueError(f"the window is full: the values of {running.days[0]} are needed to take them out")
    at = _places(running, entering.accounts)
    row = len(running.days)
    lost = np.empty(0, dtype=np.intp)
    if is_full:
        assert leaving is not None
        row, lost = _take_out(running, leaving)
    running.days.append(entering.day)
    running.names.append(entering.name)
    running.rows.append(row)
    running.returns[row] = running.degrees[row] = _NONE
    running.returns[row, at] = entering.daily
    running.degrees[row, at] = entering.degree_max
    for name, values in entering.added.items():
        running.sums[name][at] += values
    running.degree_max[at] = np.maximum(running.degree_max[at], entering.degree_max)
    running.degree_max[lost] = running.degrees[:, lost].max(axis=0)


def _take_out(running: Running, leaving: DayValues) -> tuple[int, NDArray[np.intp]]:
    """Subtracts the oldest day: its row in the ring, and the accounts whose largest degree may have left with it."""
    at = running.accounts.get_indexer(pd.Index(leaving.accounts))
    for name, values in leaving.added.items():
        running.sums[name][at] -= values
    row = running.rows.pop(0)
    running.days.pop(0)
    running.names.pop(0)
    gone = running.degrees[row]
    return row, np.flatnonzero((gone == running.degree_max) & (gone != _NONE))


def _places(running: Running, accounts: NDArray[np.object_]) -> NDArray[np.intp]:
    """Where accounts stand; those that are new are given a place behind the others."""
    at = running.accounts.get_indexer(pd.Index(accounts))
    new = at < 0
    if new.any():
        at[new] = np.arange(len(running.accounts), len(running.accounts) + int(new.sum()))
        running.accounts = running.accounts.append(pd.Index(accounts[new]))
        _make_room(running)
    return at


def _make_room(running: Running) -> None:
    """Grows by an eighth at least, so that a few new accounts a day seldom move everything."""
    there, wanted = len(running.degree_max), len(running.accounts)
    if wanted <= there:
        return
    more = max(wanted, there + there // 8) - there
    for name, values in running.sums.items():
        running.sums[name] = np.append(values, np.zeros(more, dtype=np.int64))
    running.degree_max = np.append(running.degree_max, np.full(more, _NONE, dtype=np.int32))
    room = np.full((running.window, more), _NONE, dtype=np.int32)
    running.returns = np.hstack([running.returns, room])
    running.degrees = np.hstack([running.degrees, room])


def as_frame(running: Running, at_once: int = RANGE) -> pd.DataFrame:
    """The sums in the form that ``full`` gives; accounts without a day in the window are left out."""
    count = len(running.accounts)
    columns: dict[str, object] = {"account": running.accounts}
    columns |= {name: values[:count] for name, values in running.sums.items()}
    columns["degree_max"] = running.degree_max[:count]
    lows = [
        _low(running.returns[: len(running.days), start : min(start + at_once, count)])
        for start in range(0, count, at_once)
    ]
    columns["return_low"] = np.concatenate(lows) if lows else np.empty(0)
    frame = pd.DataFrame(columns)
    return frame.loc[frame["days"] > 0].sort_values("account").reset_index(drop=True)


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


# --- kept on disk -----------------------------------------------------------------------------------------


def kept(path: Path, days: Sequence[DayFile], rules: Rules, window: int) -> Running:
    """The sums of the last ``window`` of these days, from what was kept at ``path`` the last time and the days since.

    Anew where nothing was kept, where a day of it was exported again, or where a day that leaves is not among ``days``.
    What was kept is renewed.
    """
    names = [file.path.name for file in days]
    running = _read(path)
    if running is None or running.window != window or not _continues(running.names, names):
        running, days = Running.empty(window), days[-window:]
    by_name = {file.path.name: file for file in days}
    for file in days:
        if running.days and file.day <= running.days[-1]:
            continue
        is_full = len(running.days) == window
        leaving = day_values(by_name[running.names[0]], rules) if is_full else None
        advance(running, day_values(file, rules), leaving)
    _write(path, running)
    return running


def _continues(had: Sequence[str], have: Sequence[str]) -> bool:
    """Whether the files that sums were made of are all there still, one after the other."""
    if not had or had[0] not in have:
        return False
    start = have.index(had[0])
    return list(have[start : start + len(had)]) == list(had)


def _write(path: Path, running: Running) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    count = len(running.accounts)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    arrays: dict[str, NDArray[Any]] = {
        "window": np.array(running.window),
        "accounts": np.array(running.accounts.tolist(), dtype=str),
        "dates": np.array([day.toordinal() for day in running.days]),
        "names": np.array(running.names, dtype=str),
        "rows": np.array(running.rows),
        "degree_max": running.degree_max[:count],
        "day_returns": running.returns[:, :count],
        "day_degrees": running.degrees[:, :count],
    }
    arrays |= {name: values[:count] for name, values in running.sums.items()}
    with part.open("wb") as out:
        np.savez(out, **arrays)  # type: ignore[arg-type]  # its stub takes any name for its one option
    part.replace(path)


def _read(path: Path) -> Running | None:
    """What was kept; None where there is nothing, or nothing that can be read."""
    try:
        with path.open("rb") as source, np.load(source, allow_pickle=False) as found:
            return Running(
                int(found["window"]),
                pd.Index(found["accounts"].tolist(), dtype=object),
                {name: found[name] for name in ADDED},
                found["degree_max"],
                [date.fromordinal(int(day)) for day in found["dates"]],
                found["names"].tolist(),
                [int(row) for row in found["rows"]],
                found["day_returns"],
                found["day_degrees"],
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def differences(left: pd.DataFrame, right: pd.DataFrame) -> tuple[str, ...]:
    """Columns in which two tables of sums differ; sums must agree to the last digit, the quantile to 1e-9."""
    if list(left["account"]) != list(right["account"]):
        return ("account",)
    exact = [name for name in (*ADDED, "degree_max") if not np.array_equal(left[name], right[name])]
    same = np.isclose(left["return_low"], right["return_low"], rtol=1e-12, atol=1e-9 * 1e8, equal_nan=True)
    return tuple(exact) + (() if bool(same.all()) else ("return_low",))
