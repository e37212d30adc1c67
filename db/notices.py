"""Notices, their frozen recipients, and the ledger of each."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import case, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.models import Chat, Client, Delivery, ImportedFile, Link, Notice, OutboxMessage, PositionDay, Rung
from db.queues import changed


async def locked(session: AsyncSession, notice_id: int) -> Notice | None:
    """A notice to be changed: two presses take turns."""
    return await locks.locked(session, Notice, notice_id)


async def recent(session: AsyncSession, kind: str, limit: int = 10) -> Sequence[Notice]:
    return list(
        await session.scalars(
            select(Notice).where(Notice.kind == kind).order_by(Notice.id.desc()).limit(limit)
        )
    )


async def in_state(session: AsyncSession, kind: str, state: str) -> Sequence[Notice]:
    return list(
        await session.scalars(
            select(Notice).where(Notice.kind == kind, Notice.state == state).order_by(Notice.id)
        )
    )


async def recipients(
    session: AsyncSession,
    *,
    levels: Collection[str] | None,
    product: str | None,
    tiers: Collection[str] | None,
) -> list[tuple[int, int, str, list[Any], datetime | None]]:
    """(client id, chat id, language, muted kinds, blocked since) of every linked client of a segment.

    ``levels``: accounts on these rungs; ``product``: accounts that held it at the newest settlement.
    """
    query = (
        select(Client.id, Link.chat_id, Chat.lang, Chat.muted, Chat.blocked_at)
        .join(Link, (Link.client_id == Client.id) & Link.until.is_(None))
        .join(Chat, Chat.chat_id == Link.chat_id)
        .order_by(Client.id, Link.id)
    )
    if levels is not None:
        query = query.where(exists().where(Rung.account == Client.account, Rung.level.in_(levels)))
    if tiers is not None:
        query = query.where(Client.tier.in_(tiers))
    if product is not None:
        newest = await newest_position_day(session)
        query = query.where(
            exists().where(
                PositionDay.account == Client.account,
                PositionDay.day == newest,
                PositionDay.product == product,
                PositionDay.lots > 0,
                PositionDay.file_id == ImportedFile.id,
                ImportedFile.state == "in",
            )
        )
    return [(a, b, c, d, e) for a, b, c, d, e in await session.execute(query)]


async def newest_position_day(session: AsyncSession) -> date | None:
    """The newest trading day whose positions are known."""
    found: date | None = await session.scalar(
        select(func.max(ImportedFile.day)).where(ImportedFile.state == "in")
    )
    return found


async def add_deliveries(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> list[int]:
    """The ids of the new ledger lines, in the order of ``rows``."""
    result = await session.scalars(
        insert(Delivery).returning(Delivery.id, sort_by_parameter_order=True), list(rows)
    )
    return list(result)


async def ledger(session: AsyncSession, notice_id: int) -> dict[str, int]:
    """How many lines of a notice are in each state."""
    rows = await session.execute(
        select(Delivery.state, func.count()).where(Delivery.notice_id == notice_id).group_by(Delivery.state)
    )
    return {row[0]: row[1] for row in rows}


async def set_delivery(session: AsyncSession, delivery_id: int, **values: Any) -> None:
    await session.execute(update(Delivery).where(Delivery.id == delivery_id).values(**values))


async def settle_delivery(session: AsyncSession, delivery_id: int, state: str, **values: Any) -> None:
    """What became of a queued message; who acknowledged before its receipt was stored stays acknowledged."""
    now = case((Delivery.state == "queued", state), else_=Delivery.state)
    await session.execute(update(Delivery).where(Delivery.id == delivery_id).values(state=now, **values))


async def stop(session: AsyncSession, notice_id: int) -> int:
    """Takes back what has not left yet; how many messages that was."""
    queued = select(Delivery.outbox_id).where(Delivery.notice_id == notice_id, Delivery.state == "queued")
    stopped = await session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id.in_(queued), OutboxMessage.state == "pending")
        .values(state="expired", error="stopped")
    )
    taken_back = select(OutboxMessage.id).where(
        OutboxMessage.state == "expired", OutboxMessage.id.in_(queued)
    )
    await session.execute(
        update(Delivery)
        .where(Delivery.notice_id == notice_id, Delivery.outbox_id.in_(taken_back))
        .values(state="stopped")
        .execution_options(synchronize_session=False)
    )
    return changed(stopped)
