"""What the clients of the sample statements did in the year before: each ends where the first statement begins.

Many years are invented for each of them, and the one that ends nearest is taken. On its last day the client closes
everything, and pays in or takes out what is between that end and the statement's balance.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from samples.brokerage import accounts
from scoring.sample import SEGMENTS, Clients, Contract, history

_TRIED = 100
_KINDS = {
    "80012345": "regular",
    "80023456": "wealthy",
    "80034567": "scalper",
    "80045678": "regular",
    "80056789": "small",
    "80067890": "sleeper",
    "80078901": "regular",
    "60010001": "hedger",
}
# With what the year was traded, where the first statement begins after nearly all was taken out.
_TRADED_WITH = {"80012345": 60_000.0}


def past(
    contracts: Sequence[Contract], days: Sequence[date], opened: Mapping[str, date], seed: int
) -> Iterator[tuple[date, pd.DataFrame]]:
    """The rows of each day in turn, as scoring/sample.py gives them; ``opened``: account -> its first day."""
    found = [(day, frame.set_index("account")) for day, frame in _tried(contracts, days, opened, seed)]
    ends = found[-1][1]["equity"]
    chosen = {_nearest(ends, account): account for account in _KINDS}
    for day, frame in found:
        own = frame.loc[frame.index.intersection(list(chosen))].rename(index=chosen)
        if day == days[-1]:
            own = _ended(own, contracts)
        yield day, own.rename_axis("account").reset_index()


def _tried(
    contracts: Sequence[Contract], days: Sequence[date], opened: Mapping[str, date], seed: int
) -> Iterator[tuple[date, pd.DataFrame]]:
    """``80012345/17`` is the eighteenth year that was invented for that account."""
    codes = [segment.code for segment in SEGMENTS]
    names = [account for account in _KINDS for _ in range(_TRIED)]
    capital = np.array([_target(account) for account in names])
    segment = np.array([codes.index(_KINDS[account]) for account in names], dtype=np.int64)
    rng = np.random.default_rng([seed, 4])
    who = Clients(
        accounts=np.array([f"{name}/{number % _TRIED}" for number, name in enumerate(names)], dtype=object),
        segment=segment,
        capital=capital,
        use=np.array([SEGMENTS[kind].use for kind in segment]) * np.exp(rng.normal(0, 0.2, len(names))),
        edge=np.array([SEGMENTS[kind].edge for kind in segment]),
        opened=np.array([_place(days, opened[account]) for account in names], dtype=np.int64),
        left=np.full(len(names), len(days), dtype=np.int64),
    )
    return history(who, contracts, days, seed + 1)


def _place(days: Sequence[date], first: date) -> int:
    """The number of the first day on which the account was there."""
    return sum(day < first for day in days)


def _target(account: str) -> float:
    """In CNY: what the year should end with before the last day's payment."""
    return _TRADED_WITH.get(account) or float(_opening(account))


def _opening(account: str) -> float:
    return next(float(one.opening) for one in accounts() if one.number == account)


def _nearest(ends: "pd.Series[int]", account: str) -> str:
    own = ends[ends.index.str.startswith(f"{account}/")]
    return str((own - _target(account) * 100).abs().idxmin())


def _ended(rows: pd.DataFrame, contracts: Sequence[Contract]) -> pd.DataFrame:
    """The last day with everything closed, and with the balance that the first statement brings forward."""
    by_name = {contract.product: contract for contract in contracts}
    lot = [
        row.price * by_name[row.product].multiplier * by_name[row.product].margin_company * 100
        for row in rows.itertuples()
    ]
    held = (rows["margin"] / lot).round().astype("int64")
    equity = pd.Series({account: round(_opening(account) * 100) for account in rows.index})
    return rows.assign(
        lots=rows["lots"] + held,
        margin=0,
        exchange_margin=0,
        cash_flow=rows["cash_flow"] + equity - rows["equity"],
        equity=equity,
    )
