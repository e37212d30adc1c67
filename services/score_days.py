"""The days of settlement as Parquet, which the score is made of: each day exported once, and again when it changed.

A file's name holds the stamp of what it was made from (rows of the database, fee plans, multipliers). The folder is a
cache: it may be deleted at any time.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from db import scores as rows
from db.scores import DaySums, TradeSums
from domain.policy import FeeAddon, Policy
from domain.settlement import product_code
from scoring import days as store
from scoring.days import DayFile
from services import ratings
from services.estimates import contract_table
from services.work import Deps, reading

Progress = Callable[[int, int], None]

FORMAT = "1"
"""Raised when the same rows give another file than before."""

_NOT_BY_DAY = ("x", "t")
"""First letters of digests (services/settlements.py): a month's statement, a statement by trade."""


async def export(
    deps: Deps, folder: Path, first: date, last: date, progress: Progress | None = None
) -> tuple[DayFile, ...]:
    """The files of every day with a settlement from ``first`` to ``last``, oldest first."""
    async with reading(deps) as work:
        stamps = await rows.day_stamps(work.session, first, last)
        plans = await rows.fee_plans(work.session)
    same = _stamp(deps.policy, plans)
    known = {file.path.name: file for file in await asyncio.to_thread(store.files, folder, first, last)}
    found = []
    for done, (day, stamp) in enumerate(stamps.items(), start=1):
        name = hashlib.sha256(f"{stamp}/{same}".encode()).hexdigest()[:16]
        file = known.get(f"{day.isoformat()}.{name}.parquet")
        if file is None:
            async with reading(deps) as work:
                money = await rows.day_sums(work.session, day)
                trades = await rows.trade_sums(work.session, day)
            table = columns(day, money, trades, plans, deps.policy)
            file = await asyncio.to_thread(store.write, folder, day, store.as_frame(table), stamp=name)
        found.append(file)
        if progress is not None:
            progress(done, len(stamps))
    return tuple(found)


def columns(
    day: date,
    money: Sequence[DaySums],
    trades: Sequence[TradeSums],
    plans: Mapping[str, str],
    policy: Policy,
) -> dict[str, list[object]]:
    """A day's rows as scoring/days.py wants them.

    Profit is what the settlement states by the day: a statement by trade or of a month states none. What the company
    keeps of a commission follows from the client's fee plan. A contract whose multiplier the table does not know adds
    no turnover.
    """
    traded = _traded(day, trades)
    found: dict[str, list[object]] = {name: [] for name in store.COLUMNS}
    for row in money:
        done = traded.get(row.account, _Traded())
        commission = row.commission or 0
        values: dict[str, object] = {
            "account": row.account,
            "day": day,
            "equity": row.equity,
            "margin": row.margin,
            "exchange_margin": row.exchange_margin,
            "cash_flow": row.cash_flow or 0,
            "profit": _profit(row),
            "commission": commission,
            "retained": _retained(commission, done.lots, _addon(policy, plans.get(row.account))),
            "turnover": done.turnover,
            "lots": done.lots,
            "trades": done.trades,
            "forced": done.forced,
        }
        for name, column in found.items():
            column.append(values.get(name))
    return found


@dataclass(slots=True)
class _Traded:
    turnover: int = 0
    lots: int = 0
    trades: int = 0
    forced: int = 0


def _traded(day: date, trades: Sequence[TradeSums]) -> dict[str, _Traded]:
    multipliers = _multipliers(day)
    found: dict[str, _Traded] = {}
    for row in trades:
        sums = found.setdefault(row.account, _Traded())
        # 1e-8 CNY to fen
        sums.turnover += row.priced * multipliers.get(product_code(row.instrument), 0) // 10**6
        sums.lots += row.lots
        sums.trades += row.trades
        sums.forced += row.forced
    return found


def _profit(row: DaySums) -> int | None:
    if row.basis in _NOT_BY_DAY or row.close_profit is None or row.position_profit is None:
        return None
    return row.close_profit + row.position_profit - (row.commission or 0)


def _retained(commission: int, lots: int, addon: FeeAddon) -> int:
    """In fen, as services/ratings.py reckons it for a year."""
    return int((ratings.retained(Decimal(commission) / 100, lots, addon) * 100).to_integral_value())


def _multipliers(day: date) -> dict[str, int]:
    table = contract_table()
    return {product: int(table.spec(product, None, day).multiplier) for product in table.products}


def _addon(policy: Policy, plan: str | None) -> FeeAddon:
    chosen = policy.rates.fee_plans.get(plan or "")
    return (chosen or policy.rates.fee_addon).default


def _stamp(policy: Policy, plans: Mapping[str, str]) -> str:
    told = (FORMAT, sorted(plans.items()), policy.rates.fee_addon, sorted(policy.rates.fee_plans.items()))
    return hashlib.sha256(f"{told}/{contract_table().last_day()}".encode()).hexdigest()
