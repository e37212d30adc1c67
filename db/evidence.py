"""Files that clients gave with complaints: what is still to be fetched, and the digests of what was."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import EvidenceFile
from db.queues import changed


async def add(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    session.add_all(EvidenceFile(**row) for row in rows)
    await session.flush()


async def waiting(session: AsyncSession, limit: int) -> list[EvidenceFile]:
    """Files that were not fetched yet, oldest first."""
    return list(
        await session.scalars(
            select(EvidenceFile).where(EvidenceFile.state == "new").order_by(EvidenceFile.id).limit(limit)
        )
    )


async def settle(session: AsyncSession, evidence_id: int, **values: Any) -> bool:
    """Stores what became of a file; False where that was settled before."""
    done = await session.execute(
        update(EvidenceFile)
        .where(EvidenceFile.id == evidence_id, EvidenceFile.state == "new")
        .values(**values)
    )
    return changed(done) == 1
