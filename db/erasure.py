"""Requests for erasure, and the rows that may go."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.models import (
    Case,
    Chat,
    Conversation,
    Erasure,
    Exchange,
    HeldText,
    InboxUpdate,
    Invite,
    OutboxMessage,
    Relay,
)
from db.queues import changed

_OVER = ("sent", "failed", "expired", "held")


async def waiting(session: AsyncSession) -> list[Erasure]:
    """Requests that nobody decided yet, oldest first."""
    return list(await session.scalars(select(Erasure).where(Erasure.state == "waiting").order_by(Erasure.id)))


async def waiting_for(session: AsyncSession, chat_id: int | None, client_id: int | None) -> Erasure | None:
    """The request of a chat, or the one that came for an account without a chat, while it waits."""
    query = select(Erasure).where(Erasure.state == "waiting")
    if chat_id is not None:
        query = query.where(Erasure.chat_id == chat_id)
    else:
        query = query.where(Erasure.chat_id.is_(None), Erasure.client_id == client_id)
    found: Erasure | None = await session.scalar(query)
    return found


async def locked(session: AsyncSession, erasure_id: int) -> Erasure | None:
    return await locks.locked(session, Erasure, erasure_id)


async def id_of_number(session: AsyncSession, number: str) -> int | None:
    found: int | None = await session.scalar(select(Erasure.id).where(Erasure.number == number))
    return found


async def open_cases(session: AsyncSession, chats: Collection[int], client_ids: Collection[int]) -> list[str]:
    """Numbers of complaints and tasks of these people that are not finished."""
    theirs = or_(Case.chat_id.in_(chats), Case.client_id.in_(client_ids))
    return list(
        await session.scalars(
            select(Case.number).where(theirs, Case.state.in_(("open", "waiting"))).order_by(Case.id)
        )
    )


async def erase(
    session: AsyncSession, chats: Collection[int], client_ids: Collection[int], accounts: Collection[str]
) -> dict[str, int]:
    """Takes out of these chats and accounts what no law keeps; how many rows of what.

    Rows stay where something points at them, without their words.
    """
    talks = select(Conversation.id).where(Conversation.chat_id.in_(chats))
    over = OutboxMessage.state.in_(_OVER)
    no_buttons: dict[str, Any] = {"body": {}, "token": None, "actions": None}
    statements = [
        ("questions", delete(Exchange).where(Exchange.chat_id.in_(chats))),
        ("talk_texts", update(Relay).where(Relay.conversation_id.in_(talks)).values(text=None)),
        ("talk_texts", update(HeldText).where(HeldText.conversation_id.in_(talks)).values(text="", words="")),
        (
            "messages",
            update(OutboxMessage).where(OutboxMessage.chat_id.in_(chats), over).values(**no_buttons),
        ),
        (
            "staff_messages",
            update(OutboxMessage)
            .where(OutboxMessage.account.in_(accounts), OutboxMessage.chat_id.not_in(chats), over)
            .values(body={}),
        ),
        (
            "updates",
            delete(InboxUpdate).where(InboxUpdate.lane.in_(chats), InboxUpdate.state.in_(("done", "failed"))),
        ),
        (
            "contacts",
            update(Invite)
            .where(Invite.client_id.in_(client_ids), Invite.phone.is_not(None))
            .values(phone=None),
        ),
        (
            "contacts",
            update(Case).where(Case.chat_id.in_(chats), Case.reach.is_not(None)).values(reach=None),
        ),
    ]
    counts: dict[str, int] = {}
    for name, statement in statements:
        done = await session.execute(statement, execution_options={"synchronize_session": False})
        counts[name] = counts.get(name, 0) + changed(done)
    await session.execute(delete(Chat).where(Chat.chat_id.in_(chats)))
    return counts
