"""Texts of staff that a guard rail kept back."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import HeldText, Staff

_MOST = 10


async def of_message(session: AsyncSession, chat_id: int, message_id: int) -> HeldText | None:
    """The held text of a message of staff."""
    found: HeldText | None = await session.scalar(
        select(HeldText)
        .where(HeldText.from_chat == chat_id, HeldText.from_message == message_id)
        .with_for_update()
    )
    return found


async def unreviewed(session: AsyncSession) -> Sequence[tuple[HeldText, str]]:
    """The newest held texts that nobody has reviewed, with their writers' names; those that are disputed first."""
    found = await session.execute(
        select(HeldText, Staff.name)
        .join(Staff, Staff.id == HeldText.staff_id)
        .where(HeldText.reviewed_at.is_(None))
        .order_by(HeldText.disputed_at.is_(None), HeldText.id.desc())
        .limit(_MOST)
    )
    return [(row, name) for row, name in found]


async def to_review(session: AsyncSession, ids: Sequence[int]) -> Sequence[HeldText]:
    """Those of ``ids`` that nobody has reviewed, locked."""
    found = await session.scalars(
        select(HeldText)
        .where(HeldText.id.in_(ids), HeldText.reviewed_at.is_(None))
        .order_by(HeldText.id)
        .with_for_update()
    )
    return found.all()
