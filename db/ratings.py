"""Months of settlement in sums, for the rule that decides a client's tier."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ScalarSelect, case, cast, extract, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from db.models import AccountDay, Client, ImportedFile, Score, ScoreRun, TierMonth, TradeDay


async def to_rate(session: AsyncSession, until: date, after: str, limit: int) -> list[str]:
    """Accounts that were settled up to ``until``, in order of their number."""
    query = (
        select(Client.account)
        .where(Client.account > after)
        .where(
            select(AccountDay.id)
            .where(AccountDay.account == Client.account, AccountDay.day <= until)
            .correlate(Client)
            .exists()
        )
        .order_by(Client.account)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def tier_months(session: AsyncSession, month: int, client_ids: Collection[int]) -> dict[int, TierMonth]:
    """client -> what the rule said in this month."""
    rows = await session.scalars(
        select(TierMonth).where(TierMonth.month == month, TierMonth.client_id.in_(client_ids))
    )
    return {row.client_id: row for row in rows}


async def newest_tier_month(session: AsyncSession, client_id: int) -> TierMonth | None:
    """The last word of the rule on a client."""
    found: TierMonth | None = await session.scalar(
        select(TierMonth).where(TierMonth.client_id == client_id).order_by(TierMonth.month.desc()).limit(1)
    )
    return found


async def untold(session: AsyncSession) -> Sequence[tuple[TierMonth, Client]]:
    """Changes of tier that their owners have not been told of, by account."""
    rows = await session.execute(
        select(TierMonth, Client)
        .join(Client, TierMonth.client_id == Client.id)
        .where(TierMonth.told.is_(False))
        .order_by(Client.account)
    )
    return [(row, client) for row, client in rows]


async def tier_flow(session: AsyncSession, before: int, after: int) -> dict[tuple[str, str], int]:
    """(tier held in the one month, tier held in the other) -> clients that were there in both."""
    earlier, later = aliased(TierMonth), aliased(TierMonth)
    rows = await session.execute(
        select(earlier.held, later.held, func.count())
        .join(later, earlier.client_id == later.client_id)
        .where(earlier.month == before, later.month == after)
        .group_by(earlier.held, later.held)
    )
    return {(old, new): int(count) for old, new, count in rows}


async def cluster_of(session: AsyncSession, account: str) -> str | None:
    """The class of an account in the newest run of the score."""
    found: str | None = await session.scalar(
        select(Score.cluster).where(Score.run == _newest_run(), Score.account == account)
    )
    return found


async def clustered(session: AsyncSession) -> Sequence[tuple[Client, str]]:
    """Every client with a class in the newest run of the score."""
    rows = await session.execute(
        select(Client, Score.cluster)
        .join(Score, Score.account == Client.account)
        .where(Score.run == _newest_run(), Score.cluster.is_not(None))
    )
    return [(client, cluster) for client, cluster in rows if cluster is not None]


def _newest_run() -> ScalarSelect[Any]:
    return select(func.max(ScoreRun.id)).where(ScoreRun.state == "in").scalar_subquery()


async def tiers_held(session: AsyncSession) -> dict[str, int]:
    """tier -> clients."""
    rows = await session.execute(select(Client.tier, func.count()).group_by(Client.tier))
    return dict(rows.all())


async def tier_months_known(session: AsyncSession) -> list[int]:
    """The months with assessments, newest first."""
    return list(await session.scalars(select(TierMonth.month).distinct().order_by(TierMonth.month.desc())))


async def money_by_month(
    session: AsyncSession, accounts: Collection[str], first: date, last: date
) -> Sequence[tuple[str, int, int, int, int, int]]:
    """(account, year, month, commission in fen, sum of equity in fen, days) of what counts."""
    year, month = extract("year", AccountDay.day), extract("month", AccountDay.day)
    rows = await session.execute(
        select(
            AccountDay.account,
            year,
            month,
            func.coalesce(func.sum(cast(AccountDay.commission, BigInteger)), 0),
            func.sum(cast(AccountDay.equity, BigInteger)),
            func.count(),
        )
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", AccountDay.account.in_(accounts))
        .where(AccountDay.day >= first, AccountDay.day <= last)
        .group_by(AccountDay.account, year, month)
    )
    return [(a, int(y), int(m), int(c), int(e), int(n)) for a, y, m, c, e, n in rows]


async def lots_by_month(
    session: AsyncSession, accounts: Collection[str], first: date, last: date
) -> dict[tuple[str, int, int], int]:
    """(account, year, month) -> lots traded."""
    year, month = extract("year", TradeDay.day), extract("month", TradeDay.day)
    rows = await session.execute(
        select(TradeDay.account, year, month, func.sum(TradeDay.lots))
        .join(ImportedFile, TradeDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", TradeDay.account.in_(accounts))
        .where(TradeDay.day >= first, TradeDay.day <= last)
        .group_by(TradeDay.account, year, month)
    )
    return {(a, int(y), int(m)): int(n) for a, y, m, n in rows}


async def last_days(session: AsyncSession, until: date, count: int) -> list[date]:
    """The last trading days with a settlement up to ``until``."""
    rows = await session.scalars(
        select(AccountDay.day)
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", AccountDay.day <= until)
        .distinct()
        .order_by(AccountDay.day.desc())
        .limit(count)
    )
    return list(rows)


async def closings(
    session: AsyncSession, accounts: Collection[str], days: Collection[date]
) -> dict[str, tuple[int, int]]:
    """account -> (settled days, closing trades) within these days; accounts without a trade row are left out."""
    settled = await session.execute(
        select(AccountDay.account, func.count())
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", AccountDay.account.in_(accounts), AccountDay.day.in_(days))
        .group_by(AccountDay.account)
    )
    closed = await session.execute(
        select(TradeDay.account, func.sum(case((TradeDay.offset.not_in(("open", "unstated")), 1), else_=0)))
        .join(ImportedFile, TradeDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", TradeDay.account.in_(accounts), TradeDay.day.in_(days))
        .group_by(TradeDay.account)
    )
    counted = {account: int(count) for account, count in settled}
    return {account: (counted.get(account, 0), int(count)) for account, count in closed}
