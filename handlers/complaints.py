"""Complaints in chat: the guided filing, the client's own cases, and the staff's cards."""

from telegram import Update

from domain.knowledge import Answer
from handlers.context import Context
from handlers.registry import ActionFn, Command


async def begin(context: Context, said: str = "", answer: Answer | None = None) -> None:
    """Starts the guided filing; the words said become the first draft of what happened."""


async def on_message(_update: Update, _context: Context) -> bool:
    return False


COMMANDS: list[Command] = []
ACTIONS: dict[str, ActionFn] = {}
