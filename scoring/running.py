"""Sums of an account kept from day to day: the same as those of all days at once, without reading the days between.

Each account has a place, given once and kept: sums are columns of numbers, and a day is added to them by place.

- Running, day_values, advance: one more day in memory.
- kept: the same from what stands on disk.
- as_frame: what the nightly check compares with ``scoring.sums.full``.
"""

import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.days import DayFile, connected, scan
from scoring.indicators import ADDED, Rules, day_sql
from scoring.sums import RANGE

Ints = NDArray[np.int64]
Small = NDArray[np.int32]
Places = NDArray[np.intp]
_NONE = np.iinfo(np.int32).min


class Accounts:
    """The place of each account, in the order in which they came; a dictionary that lives where days are read."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._database = connected()
        self._database.execute("CREATE TEMP TABLE places (account VARCHAR, place INTEGER)")
        self._count = 0
        self._add(np.array(names, dtype=object))

    def __len__(self) -> int:
        return self._count

    def names(self) -> NDArray[np.object_]:
        found: NDArray[np.object_] = self._database.sql(
            "SELECT account FROM places ORDER BY place"
        ).fetchnumpy()["account"]
        return found

    def placed(self, rows: str) -> tuple[Places, dict[str, NDArray[Any]]]:
        """The columns of a query beside the place of each row; accounts that are new come behind the others, by name."""
        columns = self._database.sql(
            "SELECT found.* EXCLUDE account, place, CASE WHEN place IS NULL THEN account END AS new_account "  # noqa: S608
            f"FROM ({rows}) AS found LEFT JOIN places USING (account)"
        ).fetchnumpy()
        at, new_accounts = columns.pop("place"), columns.pop("new_account")
        is_new = np.ma.getmaskarray(at)
        at = np.ma.getdata(at).astype(np.intp)
        if is_new.any():
            names, order = np.unique(np.ma.getdata(new_accounts)[is_new], return_inverse=True)
            at[is_new] = self._count + order
            self._add(names)
        return at, columns

    def _add(self, names: NDArray[np.object_]) -> None:
        if len(names):
            new = pd.DataFrame({"account": names, "place": np.arange(len(names)) + self._count})
            self._database.register("new", new)
            self._database.execute("INSERT INTO places SELECT account, place FROM new")
            self._database.unregister("new")
            self._count += len(names)


@dataclass(slots=True)
class Running:
    """Sums over a window of days, one place an account, and what cannot be added by day.

    Arrays have room for more accounts than there are. ``returns`` and
    ``degrees`` have a row a day of the window (in a ring: ``days[i]`` stands in row ``rows[i]``) and a column an account;
    a day without a value is ``_NONE``. ``names`` are the files of the days.
    """

    window: int
    accounts: Accounts
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
            Accounts(),
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
    """What one day adds, and the places of its accounts, each of which stands once."""

    day: date
    name: str
    at: Places
    added: Mapping[str, NDArray[np.integer]]
    degree_max: Small
    daily: Small


def day_values(file: DayFile, rules: Rules, accounts: Accounts) -> DayValues:
    """Reads one day's file; accounts that are new are given places."""
    at, found = accounts.placed(day_sql(scan([file]), rules))
    return DayValues(
        file.day,
        file.path.name,
        at,
        {name: found[name] for name in ADDED},
        found["degree_max"],
        np.ma.filled(found["daily"], _NONE),
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
    _make_room(running)
    at = entering.at
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


def _take_out(running: Running, leaving: DayValues) -> tuple[int, Places]:
    """Subtracts the oldest day: its row in the ring, and the accounts whose largest degree may have left with it."""
    for name, values in leaving.added.items():
        running.sums[name][leaving.at] -= values
    row = running.rows.pop(0)
    running.days.pop(0)
    running.names.pop(0)
    gone = running.degrees[row]
    return row, np.flatnonzero((gone == running.degree_max) & (gone != _NONE))


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
    columns: dict[str, object] = {"account": running.accounts.names()}
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
        leaving = day_values(by_name[running.names[0]], rules, running.accounts) if is_full else None
        advance(running, day_values(file, rules, running.accounts), leaving)
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
        "accounts": np.array(running.accounts.names(), dtype=str),
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
                Accounts(found["accounts"].tolist()),
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
