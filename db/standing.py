"""What the standing questions look at: months of money and trades, complaints, questions; by client."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, case, cast, delete, extract, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import AccountDay, Case, Client, Exchange, ImportedFile, LeavingChance, TierMonth
from db.queues import core


async def clients_after(
    session: AsyncSession, after: int, limit: int, ids: Collection[int] | None = None
) -> list[Client]:
    """The next clients by number; only those of ``ids`` where given."""
    query = select(Client).where(Client.id > after).order_by(Client.id).limit(limit)
    return list(await session.scalars(query if ids is None else query.where(Client.id.in_(ids))))


async def cash_by_month(
    session: AsyncSession, accounts: Collection[str], first: date, last: date
) -> dict[tuple[str, int, int], int]:
    """(account, year, month) -> net deposits in fen."""
    year, month = extract("year", AccountDay.day), extract("month", AccountDay.day)
    rows = await session.execute(
        select(
            AccountDay.account,
            year,
            month,
            func.coalesce(func.sum(cast(AccountDay.cash_flow, BigInteger)), 0),
        )
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", AccountDay.account.in_(accounts))
        .where(AccountDay.day >= first, AccountDay.day <= last)
        .group_by(AccountDay.account, year, month)
    )
    return {(account, int(y), int(m)): int(n) for account, y, m, n in rows}


async def complaints(
    session: AsyncSession, client_ids: Collection[int], since: datetime
) -> dict[int, tuple[int, int, int | None]]:
    """client -> (complaints since, of these not closed, worst rating).

    What compliance alone may know is left out, and what is about an employee: the list goes to employees.
    """
    rows = await session.execute(
        select(
            Case.client_id,
            func.count(),
            func.sum(case((Case.state != "closed", 1), else_=0)),
            func.min(Case.rating),
        )
        .where(Case.kind == "complaint", Case.restricted.is_(False), Case.about_staff_id.is_(None))
        .where(Case.opened_at >= since)
        .where(Case.client_id.in_(client_ids))
        .group_by(Case.client_id)
    )
    return {client_id: (int(n), int(still), rating) for client_id, n, still, rating in rows}


async def missed(session: AsyncSession, client_ids: Collection[int], since: datetime) -> dict[int, int]:
    """client -> questions that were not answered, or not well."""
    rows = await session.execute(
        select(Exchange.client_id, func.count())
        .where(Exchange.client_id.in_(client_ids), Exchange.at >= since)
        .where(Exchange.missed.is_not(None) | Exchange.helpful.is_(False))
        .group_by(Exchange.client_id)
    )
    return {client_id: int(n) for client_id, n in rows if client_id is not None}


async def topics(
    session: AsyncSession, client_ids: Collection[int], since: datetime
) -> dict[int, dict[str, int]]:
    """client -> topic -> how often it was asked about."""
    rows = await session.execute(
        select(Exchange.client_id, Exchange.topic, func.count())
        .where(Exchange.client_id.in_(client_ids), Exchange.at >= since, Exchange.topic.is_not(None))
        .group_by(Exchange.client_id, Exchange.topic)
    )
    found: dict[int, dict[str, int]] = {}
    for client_id, topic, count in rows:
        if client_id is not None and topic is not None:
            found.setdefault(client_id, {})[topic] = int(count)
    return found


async def chances(session: AsyncSession, client_ids: Collection[int], month: int) -> dict[int, Decimal]:
    """client -> the model's probability of leaving as of a month; empty while the rule is the better one."""
    rows = await session.execute(
        select(LeavingChance.client_id, LeavingChance.chance).where(
            LeavingChance.client_id.in_(client_ids), LeavingChance.month == month
        )
    )
    return dict(rows.all())


async def put_chances(session: AsyncSession, month: int, found: Mapping[int, Decimal]) -> None:
    """Replaces every probability."""
    await session.execute(delete(LeavingChance))
    if found:
        lines = [{"client_id": c, "month": month, "chance": chance} for c, chance in found.items()]
        await session.execute(insert(core(LeavingChance)), lines)


async def newest_tier_months(session: AsyncSession, client_ids: Collection[int]) -> dict[int, TierMonth]:
    """client -> the last word of the rule."""
    newest = (
        select(TierMonth.client_id, func.max(TierMonth.month).label("month"))
        .where(TierMonth.client_id.in_(client_ids))
        .group_by(TierMonth.client_id)
        .subquery()
    )
    rows: Sequence[TierMonth] = list(
        await session.scalars(
            select(TierMonth).join(
                newest, (TierMonth.client_id == newest.c.client_id) & (TierMonth.month == newest.c.month)
            )
        )
    )
    return {row.client_id: row for row in rows}
