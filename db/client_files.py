"""An account's settlements one after the other, and when clients first and last traded."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import AccountDay, Assignment, Client, ImportedFile, Staff, TradeDay


async def last_days(session: AsyncSession, account: str, count: int) -> list[AccountDay]:
    """The last settlements of an account, oldest first."""
    rows = await session.scalars(
        select(AccountDay)
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", AccountDay.account == account)
        .order_by(AccountDay.day.desc())
        .limit(count)
    )
    return list(rows)[::-1]


async def days_between(session: AsyncSession, account: str, first: date, last: date) -> list[AccountDay]:
    """The settlements of an account on these days, oldest first."""
    rows = await session.scalars(
        select(AccountDay)
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", AccountDay.account == account)
        .where(AccountDay.day >= first, AccountDay.day <= last)
        .order_by(AccountDay.day)
    )
    return list(rows)


async def first_and_last_trades(
    session: AsyncSession,
) -> Sequence[tuple[str | None, date | None, int, int]]:
    """(manager's name, opening day, month of the first trade, of the last) of every client who ever traded.

    Months count from year 0.
    """
    # Months are reckoned from the two days that are left, not from every trade.
    trades = (
        select(TradeDay.account, func.min(TradeDay.day).label("first"), func.max(TradeDay.day).label("last"))
        .join(ImportedFile, TradeDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in")
        .group_by(TradeDay.account)
        .subquery()
    )
    rows = await session.execute(
        select(Staff.name, Client.opened_on, trades.c.first, trades.c.last)
        .select_from(trades)
        .join(Client, Client.account == trades.c.account)
        .outerjoin(
            Assignment,
            (Assignment.client_id == Client.id) & (Assignment.kind == "manager") & Assignment.until.is_(None),
        )
        .outerjoin(Staff, Staff.id == Assignment.staff_id)
    )
    return [(name, opened, _month(first), _month(last)) for name, opened, first, last in rows]


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1
