"""What happens around messages: blocking, groups, edits, commands that nobody knows."""

from telegram import Update
from telegram.constants import ChatMemberStatus

from handlers import complaints, contact
from handlers.context import Context
from services import alerts, chats, outbox
from services.outbox import Button, Priority


async def on_membership(update: Update, context: Context) -> None:
    """The bot was blocked, unblocked, or added to a group. A group that nobody listed is left."""
    change = update.my_chat_member
    assert change is not None
    here = change.new_chat_member.status not in (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)
    if change.chat.type == "private":
        await chats.blocked(context.work, change.chat.id, not here)
    elif here and change.chat.id not in context.deps.policy.chat.allowed_groups:
        await _leave(context, change.chat.id)


async def on_group(update: Update, context: Context) -> None:
    """Words in a group: not answered; an unlisted group is left."""
    chat = update.effective_chat
    if chat is None or chat.type not in ("group", "supergroup"):
        return
    message = update.effective_message
    became = message.migrate_to_chat_id if message is not None else None
    if became is not None and chat.id in context.deps.policy.chat.allowed_groups:
        await alerts.operators(
            context.work, "alert.group_moved", dedupe=f"moved/{became}", old=chat.id, new=became
        )
    elif chat.id not in context.deps.policy.chat.allowed_groups:
        await _leave(context, chat.id)


async def _leave(context: Context, chat_id: int) -> None:
    await outbox.put(
        context.work,
        chat_id,
        "leave",
        {},
        priority=Priority.STAFF,
        dedupe=f"leave/{chat_id}/{context.work.today}",
    )


async def on_edit(update: Update, context: Context) -> None:
    """An edited message of a conversation or a complaint travels on; an edited question stays answered."""
    await contact.on_edit(update, context)
    await complaints.on_edit(update, context)


async def on_unknown_command(_update: Update, context: Context) -> None:
    await context.reply("start.unknown_command", buttons=[[Button("ask.menu", "start.menu")]])
