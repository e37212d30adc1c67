"""A chat that writes faster than anybody reads: one polite word a minute, no answers until it slows down."""

from db import talks
from domain.people import Actor
from services import outbox
from services.outbox import Button
from services.work import Work


async def held_back(work: Work, who: Actor) -> bool:
    """True where a message over the limit is not answered. Staff, and whoever talks with a person, are never held back."""
    if who.staff is not None or await talks.open_in_chat(work.session, who.chat_id) is not None:
        return False
    minute = work.deps.wall().strftime("%Y%m%d%H%M")
    await outbox.say(
        work,
        who.chat_id,
        "start.too_fast",
        lang=who.lang,
        buttons=[[Button("ask.human", "contact.begin")]],
        dedupe=f"flood/{who.chat_id}/{minute}",
    )
    return True
