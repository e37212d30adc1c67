"""What a chat itself has: its language, its command menu, whether the bot is blocked in it."""

from dataclasses import replace

from db import people
from domain.people import Actor
from services import outbox
from services.outbox import Priority
from services.work import Work


async def set_language(work: Work, who: Actor, lang: str) -> Actor:
    """The person's own choice, which no guess overrides."""
    chat = await people.chat(work.session, who.chat_id)
    assert chat is not None
    chat.lang, chat.lang_chosen = lang, True
    return replace(who, lang=lang, lang_chosen=True)


async def show_menu_of_commands(work: Work, who: Actor, commands: list[dict[str, str]]) -> None:
    """Sets Telegram's command menu of this chat, when its role or language changed since."""
    chat = await people.chat(work.session, who.chat_id)
    wanted = f"{who.role}:{who.lang}:{len(commands)}"
    if chat is None or chat.menu == wanted:
        return
    chat.menu = wanted
    body = {"commands": commands, "scope": {"type": "chat", "chat_id": who.chat_id}}
    await outbox.put(work, who.chat_id, "menu", body, priority=Priority.BROADCAST)


async def forget_menu(work: Work, chat_id: int) -> None:
    """Takes the command menu of a role from a chat that lost it; the next /start sets the one that fits."""
    chat = await people.chat(work.session, chat_id)
    if chat is not None and chat.menu is not None:
        chat.menu = None
        body = {"commands": [], "scope": {"type": "chat", "chat_id": chat_id}}
        await outbox.put(work, chat_id, "menu", body, priority=Priority.BROADCAST)


async def leave_dialog(work: Work, who: Actor) -> tuple[str, str] | None:
    """Forgets the guided conversation of a chat: which one it was and its step; None when there was none."""
    left = await people.dialog(work.session, who.chat_id)
    if left is None:
        return None
    name, step = left.name, left.step
    await people.drop_dialog(work.session, who.chat_id)
    return name, step


async def blocked(work: Work, chat_id: int, is_blocked: bool) -> None:
    """The person blocked or unblocked the bot."""
    chat = await people.chat(work.session, chat_id)
    if chat is not None:
        chat.blocked_at = work.now if is_blocked else None
