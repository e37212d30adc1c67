"""Runs of the score and their lines; and the days of settlement that a run is made of, as sums.

Lines of a run count once its state is ``in``. Amounts are read as fen, prices as 1e-8: the exact column types would
cost more than the database itself.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, case, delete, func, insert, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import AccountDay, Client, ClientCredit, ImportedFile, Score, ScoreRun, TradeDay
from db.queues import changed

LEASE = "score"

_FORCED = ("force_close", "force_off", "local_force_close")


# --- days of settlement -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DaySums:
    """An account's settlement of a day, in fen; None where it is not stated by the day."""

    account: str
    equity: int
    margin: int
    exchange_margin: int | None
    cash_flow: int | None
    close_profit: int | None
    position_profit: int | None
    commission: int | None
    basis: str


@dataclass(frozen=True, slots=True)
class TradeSums:
    """An account's trades of a day in one contract; ``priced``: sum of price (1e-8) x lots."""

    account: str
    instrument: str
    priced: int
    lots: int
    trades: int
    forced: int


async def day_stamps(session: AsyncSession, first: date, last: date) -> dict[date, str]:
    """Each day with accounts that count -> what changes when its rows do."""
    found: dict[date, list[int]] = {}
    for model in (AccountDay, TradeDay):
        rows = await session.execute(
            select(model.day, func.count(), func.sum(model.id), func.max(model.file_id))
            .join(ImportedFile, model.file_id == ImportedFile.id)
            .where(ImportedFile.state == "in", model.day >= first, model.day <= last)
            .group_by(model.day)
        )
        for day, *figures in rows:
            if model is AccountDay or day in found:
                found.setdefault(day, []).extend(int(figure) for figure in figures)
    return {day: "-".join(f"{figure:x}" for figure in figures) for day, figures in sorted(found.items())}


async def day_sums(session: AsyncSession, day: date) -> list[DaySums]:
    """Every account of a day, in order."""
    rows = await session.execute(
        select(
            AccountDay.account,
            type_coerce(AccountDay.equity, BigInteger),
            type_coerce(AccountDay.curr_margin, BigInteger)
            + type_coerce(AccountDay.delivery_margin, BigInteger),
            type_coerce(AccountDay.exchange_margin, BigInteger)
            + func.coalesce(type_coerce(AccountDay.exchange_delivery_margin, BigInteger), 0),
            type_coerce(AccountDay.cash_flow, BigInteger),
            type_coerce(AccountDay.close_profit, BigInteger),
            type_coerce(AccountDay.position_profit, BigInteger),
            type_coerce(AccountDay.commission, BigInteger),
            func.substr(AccountDay.digest, 1, 1),
        )
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", AccountDay.day == day)
        .order_by(AccountDay.account)
    )
    return [DaySums(*row) for row in rows]


async def trade_sums(session: AsyncSession, day: date) -> list[TradeSums]:
    """Trades of a day by account and contract, in order."""
    rows = await session.execute(
        select(
            TradeDay.account,
            TradeDay.instrument,
            func.sum(type_coerce(TradeDay.price, BigInteger) * TradeDay.lots),
            func.sum(TradeDay.lots),
            func.count(),
            func.sum(case((TradeDay.offset.in_(_FORCED), 1), else_=0)),
        )
        .join(ImportedFile, TradeDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", TradeDay.day == day)
        .group_by(TradeDay.account, TradeDay.instrument)
        .order_by(TradeDay.account, TradeDay.instrument)
    )
    return [TradeSums(a, i, int(p), int(n), int(t), int(f)) for a, i, p, n, t, f in rows]


async def fee_plans(session: AsyncSession) -> dict[str, str]:
    """account -> the code of its fee plan, where it has one."""
    rows = await session.execute(select(Client.account, Client.fee_plan).where(Client.fee_plan.is_not(None)))
    return {account: plan for account, plan in rows if plan}


async def last_days(session: AsyncSession, until: date, count: int) -> list[date]:
    """The last days with an account that counts, newest first."""
    rows = await session.scalars(
        select(AccountDay.day)
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", AccountDay.day <= until)
        .distinct()
        .order_by(AccountDay.day.desc())
        .limit(count)
    )
    return list(rows)


# --- runs -------------------------------------------------------------------------------------------------


async def add_run(session: AsyncSession, **values: Any) -> int:
    """A run whose lines do not count yet; its number."""
    added: int | None = await session.scalar(
        insert(ScoreRun).values(state="loading", **values).returning(ScoreRun.id)
    )
    assert added is not None
    return added


async def add_lines(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.execute(insert(Score), list(rows))


async def make_count(session: AsyncSession, run: int) -> None:
    await session.execute(update(ScoreRun).where(ScoreRun.id == run).values(state="in"))


async def cut_off(session: AsyncSession) -> list[int]:
    """Runs that were interrupted while their lines were stored."""
    return list(await session.scalars(select(ScoreRun.id).where(ScoreRun.state == "loading")))


async def delete_run(session: AsyncSession, run: int) -> None:
    """A run without lines."""
    await session.execute(delete(ScoreRun).where(ScoreRun.id == run))


async def delete_lines(session: AsyncSession, run: int, limit: int) -> bool:
    """Deletes lines of a run, at most ``limit``; whether none is left."""
    some = select(Score.account).where(Score.run == run).limit(limit)
    done = await session.execute(delete(Score).where(Score.run == run, Score.account.in_(some)))
    return changed(done) < limit


async def older_runs(session: AsyncSession, kept: int) -> list[int]:
    """Runs with lines beyond the ``kept`` newest."""
    newest = select(ScoreRun.id).where(ScoreRun.state == "in").order_by(ScoreRun.id.desc()).limit(kept)
    with_lines = select(Score.run).distinct()
    return list(
        await session.scalars(
            select(ScoreRun.id).where(
                ScoreRun.state == "in", ScoreRun.id.not_in(newest), ScoreRun.id.in_(with_lines)
            )
        )
    )


async def newest_run(session: AsyncSession) -> ScoreRun | None:
    """The newest run that counts."""
    found: ScoreRun | None = await session.scalar(
        select(ScoreRun).where(ScoreRun.state == "in").order_by(ScoreRun.id.desc()).limit(1)
    )
    return found


async def lines(session: AsyncSession, run: int, after: str = "", limit: int = 5_000) -> list[Score]:
    """Lines of a run in order of accounts, beginning after ``after``."""
    query = select(Score).where(Score.run == run, Score.account > after)
    return list(await session.scalars(query.order_by(Score.account).limit(limit)))


async def classes(session: AsyncSession, run: int) -> dict[str, str]:
    """account -> class, for the accounts that have one."""
    query = select(Score.account, Score.cluster).where(Score.run == run, Score.cluster.is_not(None))
    return {account: cluster for account, cluster in await session.execute(query) if cluster}


async def run(session: AsyncSession, number: int) -> ScoreRun | None:
    """A run by its number."""
    return await session.get(ScoreRun, number)


async def line(session: AsyncSession, run: int, account: str) -> Score | None:
    """An account's line in a run."""
    return await session.get(Score, (run, account))


async def standing(session: AsyncSession, accounts: Collection[str]) -> dict[str, tuple[str, str | None]]:
    """account -> (the tier that holds, the credit grade of the newest survey or None)."""
    rows = await session.execute(
        select(Client.account, Client.tier, ClientCredit.grade)
        .outerjoin(ClientCredit, ClientCredit.client_id == Client.id)
        .where(Client.account.in_(accounts))
    )
    return {account: (tier, grade) for account, tier, grade in rows}
