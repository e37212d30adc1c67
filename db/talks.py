"""Conversations between clients and staff, and the messages passed on in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import locks, people
from db.models import Conversation, Exchange, Gap, OutboxMessage, Relay, Rung

_QUESTIONS_SHOWN = 3  # of a client's last questions on the card of a conversation

_OPEN_IN_CHAT = select(Conversation).where(
    Conversation.chat_id == bindparam("chat_id"), Conversation.state == "open"
)


async def open_in_chat(session: AsyncSession, chat_id: int) -> Conversation | None:
    """The open conversation of a client's chat."""
    if people.has_none(session, Conversation, chat_id):
        return None
    found: Conversation | None = await session.scalar(_OPEN_IN_CHAT, {"chat_id": chat_id})
    return found


async def locked(session: AsyncSession, conversation_id: int) -> Conversation | None:
    """A conversation to be changed: two presses take turns."""
    return await locks.locked(session, Conversation, conversation_id)


async def locked_in_chat(session: AsyncSession, chat_id: int) -> Conversation | None:
    """As ``open_in_chat``, to be changed or added to: who takes or ends it meanwhile is waited for."""
    found = await open_in_chat(session, chat_id)
    if found is None:
        return None
    now = await locked(session, found.id)
    return now if now is not None and now.state == "open" else None


async def open_of_staff(session: AsyncSession, staff_id: int) -> Sequence[Conversation]:
    return list(
        await session.scalars(
            select(Conversation)
            .where(Conversation.staff_id == staff_id, Conversation.state == "open")
            .order_by(Conversation.id)
        )
    )


async def all_open(session: AsyncSession) -> Sequence[Conversation]:
    return list(
        await session.scalars(
            select(Conversation).where(Conversation.state == "open").order_by(Conversation.id)
        )
    )


async def relay_to(session: AsyncSession, chat_id: int, message_id: int) -> Relay | None:
    """The passed-on message that stands in a chat under this number."""
    found: Relay | None = await session.scalar(
        select(Relay)
        .where(Relay.to_chat == chat_id, Relay.to_message == message_id)
        .order_by(Relay.id.desc())
        .limit(1)
    )
    return found


async def relays_from(session: AsyncSession, chat_id: int, message_id: int) -> Sequence[Relay]:
    """The copies of a message, newest edition last."""
    return list(
        await session.scalars(
            select(Relay)
            .where(Relay.from_chat == chat_id, Relay.from_message == message_id)
            .order_by(Relay.id)
        )
    )


async def waiting_for_taker(session: AsyncSession, conversation_id: int) -> Sequence[Relay]:
    """Client messages that came before anybody took the conversation."""
    return list(
        await session.scalars(
            select(Relay)
            .where(Relay.conversation_id == conversation_id, Relay.to_chat == 0)
            .order_by(Relay.id)
        )
    )


async def set_relays(session: AsyncSession, ids: Sequence[int], message_ids: Sequence[int]) -> None:
    """Stores under which numbers the copies stand."""
    for relay_id, message_id in zip(ids, message_ids, strict=False):
        await session.execute(update(Relay).where(Relay.id == relay_id).values(to_message=message_id))


async def edited_on_the_way(session: AsyncSession, relay_id: int) -> tuple[Relay, Relay] | None:
    """(the copy, its newest edition) where the words changed before the copy stood in the other chat."""
    first = await session.get(Relay, relay_id)
    if first is None or first.to_message is None:
        return None
    later = list(
        await session.scalars(
            select(Relay)
            .where(
                Relay.from_chat == first.from_chat,
                Relay.from_message == first.from_message,
                Relay.outbox_id == first.outbox_id,
                Relay.edition > first.edition,
                Relay.to_message.is_(None),
            )
            .order_by(Relay.id)
        )
    )
    for edition in later:
        edition.to_message = first.to_message
    return (first, later[-1]) if later else None


async def pending_album(session: AsyncSession, key: str) -> OutboxMessage | None:
    """The album that still gathers its pictures."""
    found: OutboxMessage | None = await session.scalar(
        select(OutboxMessage)
        .where(OutboxMessage.dedupe_key == key, OutboxMessage.state == "pending")
        .with_for_update()
    )
    return found


async def card_facts(
    session: AsyncSession, chat_id: int, account: str | None, since: datetime
) -> dict[str, Any]:
    """Level, the newest question with its answer, what was asked before it: what staff want to see first.

    Words that were taken for a complaint are left out: they may be about whoever reads the card. So is the wish
    for a person, which is why there is a card at all.
    """
    level = await session.scalar(select(Rung.level).where(Rung.account == account)) if account else None
    asked = (
        await session.execute(
            select(Exchange.question, Exchange.answer)
            .where(
                Exchange.chat_id == chat_id,
                Exchange.kind.not_in(("complaint", "handoff")),
                Exchange.at >= since,
            )
            .order_by(Exchange.id.desc())
            .limit(_QUESTIONS_SHOWN)
        )
    ).all()
    return {
        "level": level,
        "question": asked[0].question if asked else None,
        "answer": asked[0].answer if asked else None,
        "earlier": [row.question for row in reversed(asked[1:])],
    }


async def unanswered_since(session: AsyncSession, promised_before: datetime) -> Sequence[Conversation]:
    """Open conversations whose promise has passed without a first reply, locked; who is being spoken in is left out."""
    return list(
        await session.scalars(
            select(Conversation)
            .where(
                Conversation.state == "open",
                Conversation.first_reply_at.is_(None),
                Conversation.promised_by <= promised_before,
            )
            .order_by(Conversation.id)
            .with_for_update(skip_locked=True)
        )
    )


async def idle_since(session: AsyncSession, before: datetime) -> Sequence[Conversation]:
    """Open conversations that were answered and in which nobody spoke since ``before``, locked; one that somebody
    is speaking in now is left out.
    """
    return list(
        await session.scalars(
            select(Conversation)
            .where(
                Conversation.state == "open",
                Conversation.first_reply_at.is_not(None),
                Conversation.last_at <= before,
            )
            .order_by(Conversation.id)
            .with_for_update(skip_locked=True)
        )
    )


async def ended_lately(session: AsyncSession, limit: int) -> Sequence[Conversation]:
    """The conversations that ended last and were answered."""
    return list(
        await session.scalars(
            select(Conversation)
            .where(Conversation.state == "ended", Conversation.first_reply_at.is_not(None))
            .order_by(Conversation.id.desc())
            .limit(limit)
        )
    )


async def said_by_staff(session: AsyncSession, conversation_id: int, client_chat: int) -> Sequence[Relay]:
    """The last edition of every text that staff wrote to the client."""
    found = await session.scalars(
        select(Relay)
        .where(
            Relay.conversation_id == conversation_id,
            Relay.from_chat != client_chat,
            Relay.text.is_not(None),
        )
        .order_by(Relay.id)
    )
    return list({(relay.from_chat, relay.from_message): relay for relay in found}.values())


async def asked_before(
    session: AsyncSession, conversation_id: int, client_chat: int, relay_id: int
) -> str | None:
    """What the client wrote last before a message of staff."""
    found: str | None = await session.scalar(
        select(Relay.text)
        .where(
            Relay.conversation_id == conversation_id,
            Relay.from_chat == client_chat,
            Relay.id < relay_id,
            Relay.text.is_not(None),
        )
        .order_by(Relay.id.desc())
        .limit(1)
    )
    return found


async def gap_of(session: AsyncSession, conversation_id: int, proposal: str) -> Gap | None:
    """The gap that an answer of a conversation made."""
    found: Gap | None = await session.scalar(
        select(Gap).where(Gap.talk_id == conversation_id, Gap.proposal == proposal)
    )
    return found
