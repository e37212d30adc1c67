"""The score at size: twelve indicators from Parquet against pandas on the same files, a day taken in incrementally,
factors and classes. Each engine runs in a process of its own; memory is that process's peak; cpu is its processor time from start to end, which a busy machine does not stretch.

Run: python -m bench.scoring [--clients 100000] [--days 250] [--folder DIR] [--only full,pandas,day,statistics]

Files are made once in the folder (a temporary one where none is named) and found again. Sample clients of 2,000 are
repeated up to the number: every row is read and reckoned like any other, but the files are smaller than real ones. 1,000,000 x 250 needs 8 GB of disk; leave
pandas out there. pandas reads the files through DuckDB's reader, since no other one is installed.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring import clusters, running, sums
from scoring import days as store
from scoring.align import Aligned
from scoring.indicators import CODES, Rules
from scoring.model import Demands, fit
from scoring.sample import Contract, clients, history

SEED = 20260818
PATTERN = 2_000
AMOUNTS = [name for name, kind in store.COLUMNS.items() if kind == "BIGINT"]
STEPS = ("full", "pandas", "day", "statistics")
CONTRACTS = (
    Contract("rb", 10, 3050, 0.07, 0.12, 0.0001, 0, 0.5),
    Contract("cu", 5, 79000, 0.11, 0.17, 0.00005, 0, 0.5),
    Contract("m", 10, 3250, 0.07, 0.13, 0, 1.5, 0.6),
)

Ints = NDArray[np.int64]


def weekdays(count: int) -> list[date]:
    found = (date(2025, 8, 4) + timedelta(number) for number in range(2 * count))
    return [day for day in found if day.weekday() < 5][:count]


def make(folder: Path, count: int, days: int) -> None:
    """The files of every day that is not there yet: one history of sample clients, repeated in other sizes.

    Each account has its own scale, so that no two rows hold the same amounts and files are as large as real ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pattern = clients(min(PATTERN, count), days, SEED)
    size = len(pattern.accounts)
    scale = np.random.default_rng(SEED).integers(500, 1500, count)
    there = {file.day for file in store.files(folder)}
    for place, (day, frame) in enumerate(history(pattern, CONTRACTS, weekdays(days), SEED)):
        if day not in there:
            open_now = np.flatnonzero(pattern.opened <= place)
            numbers = (np.arange(-(-count // size))[:, None] * size + open_now).ravel()
            copied = _copied(frame, numbers, scale[numbers[numbers < count]])
            _write(folder / f"{day}.parquet", copied)


def _copied(frame: pd.DataFrame, numbers: Ints, scale: Ints) -> pd.DataFrame:
    """The rows of a day for these accounts (the last of them may be too many), amounts in each account's scale."""
    rows = frame[list(store.COLUMNS)].drop(columns=["account", "day"])
    many = rows.iloc[np.arange(len(scale)) % len(rows)].reset_index(drop=True)
    for name in AMOUNTS:
        many[name] = many[name] * scale // 1000
    return many.assign(number=numbers[: len(scale)])


def _write(path: Path, rows: pd.DataFrame) -> None:
    """As ``scoring.days.write`` lays a file out; rows stand in order already and need no check."""
    given = {"account": "lpad(CAST(number AS VARCHAR), 9, '0')", "day": f"'{path.stem}'"}
    columns = ", ".join(
        f"CAST({given.get(name, name)} AS {kind}) AS {name}" for name, kind in store.COLUMNS.items()
    )
    part = path.with_suffix(".part")
    with store.connected() as database:
        database.execute("SET preserve_insertion_order = true")
        database.register("day_rows", rows)
        database.execute(f"COPY (SELECT {columns} FROM day_rows) TO '{part}' {store.LAYOUT}")  # noqa: S608  # names of ours
    part.replace(path)


# --- the steps: each prints its seconds ------------------------------------------------------------------------


def full(folder: Path, _count: int) -> dict[str, float]:
    table = sums.indicators(sums.full(store.files(folder), Rules()), Rules())
    return {"accounts": len(table), "check": float(table["degree_overnight"].sum())}


def pandas(folder: Path, _count: int) -> dict[str, float]:
    """The same twelve figures as a careful pandas user writes them: one frame, one group-by."""
    with store.connected() as database:
        frames = [database.read_parquet(str(file.path)).df() for file in store.files(folder)]
    rows = pd.concat(frames, ignore_index=True)
    del frames
    degree = np.where(rows["equity"] <= 0, 3.0, np.minimum(3.0, rows["margin"] / rows["equity"]))
    base = rows["equity"] - rows["profit"] + (-rows["cash_flow"]).clip(lower=0)
    rows["degree"] = degree
    rows["held"] = rows["margin"] > 0
    rows["position"] = rows["held"] | (rows["forced"] > 0)
    rows["overnight"] = rows["degree"].where(rows["held"])
    rows["call"] = rows["called"].where(rows["position"], 0)
    rows["liquidated"] = rows["forced"] > 0
    rows["gain"] = rows["profit"].clip(lower=0)
    rows["daily"] = (rows["profit"] / base.where(base > 0)).clip(-1, 1)
    groups = rows.groupby("account", sort=True)
    found = groups.agg(
        equity=("equity", "mean"), turnover=("turnover", "sum"), retained=("retained", "sum"), degree_max=("degree", "max"),
        degree_overnight=("overnight", "mean"), position=("position", "sum"), call=("call", "sum"),
        liquidated=("liquidated", "sum"), profit=("profit", "sum"), gain=("gain", "sum"), stability=("daily", "std"),
        fund_use=("degree", "mean"),
    )  # fmt: skip
    found["low"] = groups["daily"].quantile(0.05)
    for name in ("turnover", "equity", "retained"):
        found[f"{name}_share"] = found[name] / found[name].sum()
    return {"accounts": len(found), "check": float(found["degree_overnight"].fillna(0).sum())}


def day(folder: Path, _count: int) -> dict[str, float]:
    """One more day after a full window: its file and that of the day that leaves are read, both are taken in."""
    files = store.files(folder)
    window = min(60, len(files) - 1)
    kept = running.Running.empty(window)
    for file in files[:window]:
        running.advance(kept, running.day_values(file, Rules(), kept.accounts), None)
    since, worked = time.monotonic(), time.process_time()
    entering = running.day_values(files[window], Rules(), kept.accounts)
    leaving = running.day_values(files[0], Rules(), kept.accounts)
    read = time.monotonic() - since
    running.advance(kept, entering, leaving)
    seconds, worked = time.monotonic() - since, time.process_time() - worked
    return {"accounts": len(entering.at), "read": read, "seconds": seconds, "cpu": worked}


def statistics(_folder: Path, count: int) -> dict[str, float]:
    """Components, scores and two-step classes of so many rows of twelve correlated columns."""
    rng = np.random.default_rng(SEED)
    data = rng.standard_t(5, size=(count, 4)) @ rng.normal(size=(4, 12)) + rng.normal(size=(count, 12))
    data = (data - data.mean(axis=0)) / data.std(axis=0)
    since = time.monotonic()
    fitted = fit(Aligned(CODES, (), data), Demands())
    assert fitted is not None
    scores = data @ fitted.composite
    factored = time.monotonic() - since
    found = clusters.two_step(fitted.factors, 3)
    clusters.by_score(found.labels, scores, 3)
    return {"accounts": count, "factors": factored, "seconds": time.monotonic() - since}


RUN: dict[str, Callable[[Path, int], dict[str, float]]] = {
    "full": full,
    "pandas": pandas,
    "day": day,
    "statistics": statistics,
}


def peak() -> float:
    """MiB of this process at its largest; what getrusage says includes the parent that it was forked from."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def apart(step: str, folder: Path, count: int) -> dict[str, float]:
    """Runs a step in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "bench.scoring",
        "--step",
        step,
        "--folder",
        str(folder),
        "--clients",
        str(count),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    told = argparse.ArgumentParser(description="The score at size.")
    told.add_argument("--clients", type=int, default=100_000)
    told.add_argument("--days", type=int, default=250)
    told.add_argument("--folder", type=Path)
    told.add_argument("--only", default=",".join(STEPS))
    told.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    asked = told.parse_args()
    if asked.step:
        since = time.monotonic()
        found = {"seconds": 0.0, **RUN[asked.step](asked.folder, asked.clients)}
        found["seconds"] = found["seconds"] or time.monotonic() - since
        found.setdefault("cpu", time.process_time())
        found["mib"] = peak()
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        since = time.monotonic()
        make(folder, asked.clients, asked.days)
        print(
            f"{asked.clients:,} clients x {asked.days} days; files after {time.monotonic() - since:.1f} s",
            flush=True,
        )
        for step in asked.only.split(","):
            figures = apart(step, folder, asked.clients)
            print(
                f"{step:10} " + "  ".join(f"{name} {value:,.2f}" for name, value in figures.items()),
                flush=True,
            )


if __name__ == "__main__":
    main()
