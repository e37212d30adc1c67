"""What follows when a message was sent, could not be sent, or is in doubt: in the transaction that stores the result."""

from collections.abc import Awaitable, Callable
from typing import Any

from db import messages, people
from db.models import OutboxMessage
from services import alerts, articles, case_cards, case_client, case_desk, contact, notices, reminders, tasks
from services.work import Work

OnSent = Callable[[Work, Any, list[int]], Awaitable[None]]
OnFailed = Callable[[Work, Any, str, str], Awaitable[None]]

FORGET = "forget"
"""The key of ``about`` in a message whose words are forgotten once it went, or can go no more."""

# key of OutboxMessage.about -> what the owner of that message does
ON_SENT: dict[str, OnSent] = {
    "relays": contact.relays_sent,
    "case_card": case_cards.card_sent,
    "broadcast": notices.broadcast_sent,
    "delivery": reminders.delivery_sent,
    "draft_progress": articles.progress_shown,
}
ON_FAILED: dict[str, OnFailed] = {
    "relays": contact.relays_failed,
    "broadcast": notices.broadcast_failed,
    "talk_card": contact.card_failed,
    "delivery": reminders.delivery_failed,
    "task_card": tasks.card_failed,
    "case_told": case_client.told_failed,
    "case_file": case_desk.file_failed,
}


async def sent(work: Work, message: OutboxMessage, message_ids: list[int]) -> None:
    """Telegram accepted the message and numbered it ``message_ids``."""
    for key, value in (message.about or {}).items():
        if key in ON_SENT:
            await ON_SENT[key](work, value, message_ids)
    await _forget_secret(work, message)


async def failed(work: Work, message: OutboxMessage, state: str, reason: str) -> None:
    """The message will never arrive. ``state``: blocked (the person is out of reach) or failed."""
    if state == "blocked":
        await blocked(work, message.chat_id)
    for key, value in (message.about or {}).items():
        if key in ON_FAILED:
            await ON_FAILED[key](work, value, state, reason)
    await _forget_secret(work, message)


async def _forget_secret(work: Work, message: OutboxMessage) -> None:
    """Whoever holds an invitation's link may use it: it does not stay where messages are kept."""
    if (message.about or {}).get(FORGET):
        await messages.scrub(work.session, message.id)


async def held(work: Work, message: OutboxMessage) -> None:
    """The message may or may not have arrived, and must not be sent twice: people decide."""
    await alerts.operators(
        work,
        "alert.message_held",
        dedupe=f"held/{message.id}",
        outbox_id=message.id,
        template=message.template or "",
    )
    for key, value in (message.about or {}).items():
        if key in ON_FAILED:
            await ON_FAILED[key](work, value, "held", "in doubt")


async def blocked(work: Work, chat_id: int) -> None:
    """A chat that cannot be reached: remembered until the person writes again."""
    chat = await people.chat(work.session, chat_id)
    if chat is not None and chat.blocked_at is None:
        chat.blocked_at = work.now
