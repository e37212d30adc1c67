"""Tells the people who run the house that something needs them."""

from typing import Any

from domain.people import Role
from services import access
from services.outbox import Priority, say
from services.work import Work


async def operators(work: Work, name: str, *, dedupe: str | None = None, **facts: Any) -> None:
    """A message to every operator with a chat."""
    await roles(work, (Role.OPERATOR,), name, dedupe=dedupe, **facts)


async def roles(
    work: Work, wanted: tuple[Role, ...], name: str, *, dedupe: str | None = None, **facts: Any
) -> None:
    """A message to everybody of these roles with a chat."""
    for member in await access.staff_in(work, wanted):
        if member.chat_id is not None:
            key = f"{dedupe}/{member.id}" if dedupe else None
            await say(work, member.chat_id, name, priority=Priority.STAFF, dedupe=key, **facts)
