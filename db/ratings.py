"""Months of settlement in sums, for the rule that decides a client's tier."""

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import BigInteger, case, cast, extract, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import AccountDay, Client, ImportedFile, TradeDay


async def to_rate(session: AsyncSession, first: date, after: str, limit: int) -> list[str]:
    """Accounts without a tier of the register that were settled before ``first``'s month ended, in order."""
    query = (
        select(Client.account)
        .where(Client.tier_source != "register", Client.account > after)
        .where(
            select(AccountDay.id)
            .where(AccountDay.account == Client.account, AccountDay.day <= first)
            .correlate(Client)
            .exists()
        )
        .order_by(Client.account)
        .limit(limit)
    )
    return list(await session.scalars(query))


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
