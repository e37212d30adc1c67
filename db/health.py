"""Figures of the queues."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db import queues
from db.models import Case, Conversation, InboxUpdate, OutboxMessage

_URGENT = 20  # services.outbox.Priority.DIALOGUE


async def figures(session: AsyncSession, at: datetime) -> dict[str, float]:
    """Counts of what waits, and the age in seconds of what waits longest."""
    waiting, pending = queues.NEW, queues.PENDING
    inbox = (
        await session.execute(select(func.count(), func.min(InboxUpdate.received_at)).where(waiting))
    ).one()
    outbox = await session.scalar(select(func.count()).where(pending))
    urgent = await session.scalar(
        select(func.min(OutboxMessage.created_at)).where(pending, OutboxMessage.priority <= _URGENT)
    )
    held = await session.scalar(select(func.count()).where(queues.HELD))
    failed = await session.scalar(select(func.count()).where(queues.FAILED))
    cases = await session.scalar(select(func.count()).where(Case.state.in_(("open", "waiting"))))
    talks = await session.scalar(select(func.count()).where(Conversation.state == "open"))
    return {
        "inbox_waiting": inbox[0],
        "inbox_oldest_seconds": _age(inbox[1], at),
        "inbox_failed": failed or 0,
        "outbox_waiting": outbox or 0,
        "outbox_urgent_oldest_seconds": _age(urgent, at),
        "outbox_held": held or 0,
        "cases_open": cases or 0,
        "conversations_open": talks or 0,
    }


def _age(since: datetime | None, at: datetime) -> float:
    return max(0.0, (at - since).total_seconds()) if since else 0.0
