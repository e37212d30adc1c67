"""Questions that the library did not answer well, and the gaps that they make."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.models import Client, Exchange, Gap


async def missed(session: AsyncSession, before: datetime, limit: int) -> Sequence[tuple[int, str, datetime]]:
    """(id, question, at) of questions that belong to no gap yet, asked before an instant, oldest first."""
    rows = await session.execute(
        select(Exchange.id, Exchange.question, Exchange.at)
        .where(Exchange.missed.is_not(None), Exchange.gap_id.is_(None), Exchange.at <= before)
        .order_by(Exchange.id)
        .limit(limit)
    )
    return [(number, question, at) for number, question, at in rows]


async def grouped_before(
    session: AsyncSession, since: datetime, limit: int
) -> Sequence[tuple[int, str, int]]:
    """(exchange id, question, gap id) of the newest questions in gaps, one a wording, whatever became of the gap."""
    newest = func.max(Exchange.id)
    rows = await session.execute(
        select(newest, Exchange.question, Exchange.gap_id)
        .where(Exchange.gap_id.is_not(None), Exchange.at >= since)
        .group_by(Exchange.question, Exchange.gap_id)
        .order_by(newest.desc())
        .limit(limit)
    )
    return [(number, question, gap) for number, question, gap in rows if gap is not None]


async def names(session: AsyncSession, exchange_ids: Collection[int]) -> dict[int, str]:
    """exchange -> the name of the client who asked, where one did."""
    rows = await session.execute(
        select(Exchange.id, Client.name)
        .join(Client, Client.id == Exchange.client_id)
        .where(Exchange.id.in_(exchange_ids))
    )
    return {row.id: row.name for row in rows}


async def join(session: AsyncSession, gap_id: int, exchange_ids: Collection[int]) -> None:
    """Puts questions into a gap."""
    await session.execute(update(Exchange).where(Exchange.id.in_(exchange_ids)).values(gap_id=gap_id))


async def of_gap(session: AsyncSession, gap_id: int, limit: int) -> Sequence[Exchange]:
    """The newest questions of a gap."""
    return list(
        await session.scalars(
            select(Exchange).where(Exchange.gap_id == gap_id).order_by(Exchange.id.desc()).limit(limit)
        )
    )


async def locked(session: AsyncSession, gap_id: int) -> Gap | None:
    """A gap to be changed: two presses take turns."""
    return await locks.locked(session, Gap, gap_id)


async def gaps(session: AsyncSession, ids: Collection[int]) -> dict[int, Gap]:
    return {gap.id: gap for gap in await session.scalars(select(Gap).where(Gap.id.in_(ids)))}


async def open_gaps(session: AsyncSession, limit: int) -> Sequence[Gap]:
    """Open gaps: what is due first, and among those what is asked most."""
    return list(
        await session.scalars(
            select(Gap).where(Gap.state == "open").order_by(Gap.due, Gap.count.desc(), Gap.id).limit(limit)
        )
    )


async def count_open(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.count()).where(Gap.state == "open")) or 0)


async def load_of_owners(session: AsyncSession) -> dict[int, int]:
    """staff -> how many open gaps are theirs."""
    rows = await session.execute(
        select(Gap.owner_id, func.count())
        .where(Gap.state == "open", Gap.owner_id.is_not(None))
        .group_by(Gap.owner_id)
    )
    return {owner: count for owner, count in rows if owner is not None}


async def due_of_owners(session: AsyncSession, until: date) -> dict[int, tuple[int, int]]:
    """staff -> (open gaps, those of them due by a day)."""
    rows = await session.execute(
        select(Gap.owner_id, func.count(), func.count().filter(Gap.due <= until))
        .where(Gap.state == "open", Gap.owner_id.is_not(None))
        .group_by(Gap.owner_id)
    )
    return {owner: (count, due) for owner, count, due in rows if owner is not None}
