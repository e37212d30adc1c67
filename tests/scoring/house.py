"""Small histories for the tests of scoring."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from scoring import days as store
from scoring.days import DayFile
from scoring.sample import Contract, clients, history

FIRST = date(2025, 9, 1)

CONTRACTS = (
    Contract("rb2701", 10, 3050, 0.07, 0.12, 0.0001, 0, 0.5),
    Contract("cu2701", 5, 79000, 0.11, 0.17, 0.00005, 0, 0.5),
    Contract("m2701", 10, 3250, 0.07, 0.13, 0, 1.5, 0.6),
    Contract("SA701", 20, 1265, 0.08, 0.20, 0.0001, 0, 0.5),
)


def weekdays(count: int, first: date = FIRST) -> list[date]:
    """So many days from Monday to Friday."""
    found = [first + timedelta(days) for days in range(2 * count)]
    return [day for day in found if day.weekday() < 5][:count]


def sample(count: int, days: int, seed: int = 20260818) -> pd.DataFrame:
    """The rows of every sample client and day."""
    frames = history(clients(count, days, seed), CONTRACTS, weekdays(days), seed)
    return pd.concat([frame for _, frame in frames], ignore_index=True)


def stored(folder: Path, rows: pd.DataFrame) -> tuple[DayFile, ...]:
    """Writes rows as files of their days."""
    for day, group in rows.groupby("day"):
        store.write(folder, day, group)
    return store.files(folder)


def row(account: str, day: date, **values: int | None) -> dict[str, object]:
    """A quiet day of 10,000 yuan, with what the test says of it."""
    quiet: dict[str, object] = dict.fromkeys(store.COLUMNS, 0)
    quiet |= {
        "account": account,
        "day": day,
        "equity": 1_000_000,
        "peak_margin": None,
        "exchange_margin": None,
    }
    return quiet | {"called": None} | values


def frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    found = pd.DataFrame(rows)
    for name in ("peak_margin", "exchange_margin", "profit", "called"):
        found[name] = found[name].astype("Int64")
    return found
