"""The audit trail: append-only, each row carries the hash of the one before."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import AuditEntry, Counter
from db.queues import next_number

_COUNTER = "audit"


async def append(
    session: AsyncSession, *, at: datetime, actor: str, action: str, subject: str, detail: dict[str, Any]
) -> None:
    """Adds one entry. The counter row serialises writers, so the chain has no forks on PostgreSQL either."""
    await next_number(session, _COUNTER)
    previous = (
        await session.scalar(select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)) or "0" * 64
    )
    entry = AuditEntry(
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        detail=detail,
        previous=previous,
        hash=_hash(previous, at, actor, action, subject, detail),
    )
    session.add(entry)
    await session.flush()


async def first_break(session: AsyncSession) -> int | None:
    """The id of the first entry that does not follow from the one before; None when the chain holds.

    Entries missing at the end are a break too: the counter knows how many were ever written.
    """
    previous, last, count = "0" * 64, 0, 0
    entries = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=1_000)
    async for e in await session.stream_scalars(entries):
        if e.previous != previous or e.hash != _hash(previous, e.at, e.actor, e.action, e.subject, e.detail):
            return e.id
        previous, last, count = e.hash, e.id, count + 1
    written = await session.scalar(select(Counter.last).where(Counter.name == _COUNTER))
    return None if count == (written or 0) else last + 1


def _hash(previous: str, at: datetime, actor: str, action: str, subject: str, detail: dict[str, Any]) -> str:
    words = [
        previous,
        at.astimezone(UTC).isoformat(),
        actor,
        action,
        subject,
        json.dumps(detail, sort_keys=True),
    ]
    return hashlib.sha256("\x1f".join(words).encode()).hexdigest()
