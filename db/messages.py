"""Messages of the outbox that must not go, or must not stay."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import OutboxMessage
from db.queues import PENDING


async def withdraw(
    session: AsyncSession,
    chat_id: int,
    why: str,
    *,
    account: str | None = None,
    templates: Collection[str] = (),
) -> list[OutboxMessage]:
    """Ends what waits for a chat, of one account and of some templates where they are named; without its words."""
    statement = update(OutboxMessage).where(PENDING, OutboxMessage.chat_id == chat_id)
    if account is not None:
        statement = statement.where(OutboxMessage.account == account)
    if templates:
        statement = statement.where(OutboxMessage.template.in_(templates))
    ended = await session.scalars(
        statement.values(state="expired", error=why, body={}).returning(OutboxMessage),
        execution_options={"synchronize_session": False, "populate_existing": True},
    )
    return sorted(ended, key=lambda message: message.id)


async def scrub(session: AsyncSession, message_id: int, **left: Any) -> None:
    """Takes the words out of a message; that it went, when and where, stays."""
    await session.execute(update(OutboxMessage).where(OutboxMessage.id == message_id).values(body=left))
