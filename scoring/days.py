"""Daily account rows in Parquet: one file a trading day, sorted by account. What every indicator is made of.

Amounts are whole fen. Two engines, two days, two orders of rows then give the same sums to the last digit. A file is
sorted, so that a range of accounts can be read from it without reading the rest.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

COLUMNS = {
    "account": "VARCHAR",
    "day": "DATE",
    "equity": "BIGINT",
    "margin": "BIGINT",
    "exchange_margin": "BIGINT",
    "peak_margin": "BIGINT",
    "cash_flow": "BIGINT",
    "profit": "BIGINT",
    "commission": "BIGINT",
    "retained": "BIGINT",
    "turnover": "BIGINT",
    "lots": "INTEGER",
    "trades": "INTEGER",
    "forced": "INTEGER",
    "called": "INTEGER",
}
"""Columns of a day's file, in order, with their SQL types.

- equity: 客户权益 at settlement; margin: the company's, delivery margin included; exchange_margin: the exchange's, null
  where unknown; peak_margin: the highest margin / equity of the day times equity, null without an intraday feed.
- cash_flow: deposits less withdrawals; profit: closed and marked-to-market profit less commission, null where the
  settlement does not state it by the day.
- commission: what the client paid; retained: what the company kept of it; turnover: price x lots x multiplier, both
  sides as traded; trades and forced: rows of trades, and of forced closings among them.
- called: 1 on a day with a formal margin call, 0 without, null where no log of calls is kept.
"""

NULLABLE = ("exchange_margin", "peak_margin", "profit", "called")

LAYOUT = "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 61440)"
"""How a day's file is laid out. Other codecs and encodings were no faster: the time goes into the sums."""


class UnusableRows(ValueError):
    """Rows that no figure may be made of; the message names the account and the day."""


@dataclass(frozen=True, slots=True)
class DayFile:
    """The rows of one trading day."""

    day: date
    path: Path


def files(folder: Path, first: date | None = None, last: date | None = None) -> tuple[DayFile, ...]:
    """The days in a folder, oldest first, both bounds included. A name begins with its day: ``2026-08-18.parquet``."""
    found = (DayFile(date.fromisoformat(path.name[:10]), path) for path in sorted(folder.glob("*.parquet")))
    return tuple(f for f in found if (first is None or f.day >= first) and (last is None or f.day <= last))


def write(folder: Path, day: date, frame: pd.DataFrame, *, stamp: str = "") -> DayFile:
    """Writes a day's rows, whole or not at all, in the place of any other file of that day.

    A row given twice with the same figures counts once; with other figures it is refused, as is a row of another day.
    ``stamp`` becomes part of the name: what the rows were made from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frame = _checked(frame, day)
    path = folder / f"{day.isoformat()}{'.' if stamp else ''}{stamp}.parquet"
    part = folder / f".{path.name}.{os.getpid()}"
    columns = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in COLUMNS.items())
    with connected() as database:
        database.register("day_rows", frame)
        database.execute(
            f"COPY (SELECT {columns} FROM day_rows ORDER BY account) TO '{_quoted(part)}' {LAYOUT}"  # noqa: S608  # names of ours
        )
    part.replace(path)
    for other in folder.glob(f"{day.isoformat()}*.parquet"):
        if other != path:
            other.unlink()
    return DayFile(day, path)


def as_frame(columns: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Columns of plain values, None where there is none, as ``write`` takes them."""
    # Of plain objects DuckDB looks at some and takes all for as small: 30 million CNY would not fit any more.
    kinds = {name: "object" if name in ("account", "day") else "Int64" for name in COLUMNS}
    return pd.DataFrame({name: pd.Series(columns[name], dtype=kinds[name]) for name in COLUMNS})


def _checked(frame: pd.DataFrame, day: date) -> pd.DataFrame:
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise UnusableRows(f"{day}: columns are missing: {', '.join(missing)}")
    frame = frame.loc[:, list(COLUMNS)].drop_duplicates()
    other = frame.loc[frame["day"] != day]
    if len(other):
        raise UnusableRows(f"{day}: account {other['account'].iloc[0]} has a row of {other['day'].iloc[0]}")
    twice = frame.loc[frame["account"].duplicated()]
    if len(twice):
        raise UnusableRows(f"{day}: account {twice['account'].iloc[0]} has two rows with different figures")
    required = [name for name in COLUMNS if name not in NULLABLE]
    empty = frame.loc[frame[required].isna().any(axis=1)]
    if len(empty):
        raise UnusableRows(f"{day}: account {empty['account'].iloc[0]} lacks a figure that cannot be missing")
    return frame


def scan(days: Sequence[DayFile]) -> str:
    """The files as a table expression of DuckDB."""
    return f"read_parquet([{_listed(f.path for f in days)}])"


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    # A new engine takes 20 ms, a cursor on it nothing.
    return duckdb.connect(config={"memory_limit": "1GB", "preserve_insertion_order": False})


def connected() -> duckdb.DuckDBPyConnection:
    """A connection of its own, closed at the end of a ``with`` block, to the process's one engine in memory."""
    return _engine().cursor()


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(f"'{_quoted(path)}'" for path in paths)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
