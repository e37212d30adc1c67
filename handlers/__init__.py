"""Telegram in, Telegram out. FEATURES is the one table: every command and every button comes from a module in it.

A message goes to the first feature whose ``on_message`` wants it; ``questions`` is last and wants everything.
"""

from types import ModuleType

from telegram import Update
from telegram.ext import CallbackQueryHandler, ChatMemberHandler, CommandHandler, MessageHandler, filters

from handlers import (
    account,
    articles,
    buttons,
    cases,
    chats,
    client_files,
    complaints,
    contact,
    credit,
    erasure,
    errors,
    gaps,
    held,
    linking,
    notices,
    proposals,
    questions,
    ratings,
    risk,
    staff,
    standing,
    start,
)
from handlers.context import App, Context
from handlers.registry import Command

FEATURES: tuple[ModuleType, ...] = (
    start,
    account,
    linking,
    erasure,
    staff,
    held,
    notices,
    gaps,
    articles,
    proposals,
    ratings,
    credit,
    standing,
    client_files,
    risk,
    cases,
    complaints,
    contact,
    questions,
)


def all_commands() -> list[Command]:
    """Every command, in the order of the menu."""
    return [command for feature in FEATURES for command in feature.COMMANDS]


async def on_message(update: Update, context: Context) -> None:
    """Messages of private chats: the first feature that wants one gets it."""
    for feature in FEATURES:
        if await feature.on_message(update, context):
            return


def install(app: App) -> None:
    """Registers every handler with the application. Only private chats are spoken in; other groups are left."""
    private = filters.ChatType.PRIVATE
    for feature in FEATURES:
        buttons.register(feature.ACTIONS)
    for command in all_commands():
        app.add_handler(
            CommandHandler(command.name, command.run, filters=private & filters.UpdateType.MESSAGE)
        )
    app.add_handler(CallbackQueryHandler(buttons.on_press))
    app.add_handler(ChatMemberHandler(chats.on_membership, ChatMemberHandler.MY_CHAT_MEMBER))
    app.add_handler(MessageHandler(private & filters.UpdateType.EDITED_MESSAGE, chats.on_edit))
    app.add_handler(
        MessageHandler(private & filters.COMMAND & filters.UpdateType.MESSAGE, chats.on_unknown_command)
    )
    app.add_handler(MessageHandler(private & filters.UpdateType.MESSAGE, on_message))
    app.add_handler(MessageHandler(~private, chats.on_group))
    app.add_error_handler(errors.keep_failure)
