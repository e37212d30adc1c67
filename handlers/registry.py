"""What a feature of the chat consists of: its commands, its buttons, its messages."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from telegram import Message, Update

from handlers.context import Context

CommandFn = Callable[[Update, Context], Coroutine[Any, Any, None]]

STRANGER, CLIENT = "stranger", "client"
EVERYBODY = ("stranger", "client", "manager", "officer", "risk", "supervisor", "compliance", "operator")
PUBLIC = (STRANGER, CLIENT)
STAFF = EVERYBODY[2:]


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command: its words in the menu of each language, and whose menu it stands in."""

    name: str
    zh: str
    en: str
    run: CommandFn
    shown_to: Sequence[str] = EVERYBODY
    hidden: bool = False


@dataclass(slots=True)
class Press:
    """A pressed button: what its message's row meant by it. ``toast`` is shown for a moment after the press."""

    args: dict[str, Any]
    message: Message | None
    message_id: int
    about: dict[str, Any] = field(default_factory=dict)
    toast: str = ""
    alert: bool = False


ActionFn = Callable[[Context, Press], Awaitable[None]]


class Feature(Protocol):
    """A module of ``handlers/``. ``on_message`` answers True when the message was its own."""

    COMMANDS: Sequence[Command]
    ACTIONS: Mapping[str, ActionFn]

    @staticmethod
    async def on_message(update: Update, context: Context) -> bool: ...
