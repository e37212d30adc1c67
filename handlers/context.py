"""How a handler finds its transaction and its speaker."""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from telegram import Update
from telegram.ext import Application, CallbackContext, ExtBot

from domain.people import Actor
from services import outbox
from services.outbox import Row
from services.work import Deps, Work


@dataclass(slots=True)
class Turn:
    """One update being handled: its transaction, and who speaks (None for updates without a private chat)."""

    work: Work
    who: Actor | None
    failure: Exception | None = None


current: ContextVar[Turn] = ContextVar("turn")


class Context(CallbackContext[ExtBot[None], Any, Any, Any]):
    """PTB's context with the house in it."""

    @property
    def turn(self) -> Turn:
        return current.get()

    @property
    def work(self) -> Work:
        return current.get().work

    @property
    def deps(self) -> Deps:
        return current.get().work.deps

    @property
    def who(self) -> Actor:
        """The speaker in a private chat."""
        who = current.get().who
        assert who is not None, "handlers of private chats only"
        return who

    async def reply(self, name: str, /, *, buttons: Sequence[Row] | None = None, **facts: Any) -> int | None:
        """Says a message to the speaker."""
        return await outbox.say(
            self.work, self.who.chat_id, name, lang=self.who.lang, buttons=buttons or (), **facts
        )


App = Application[Any, Context, Any, Any, Any, Any]


def message_text(update: Update) -> str:
    """The text or caption of the message, empty where there is none."""
    message = update.effective_message
    return (message.text or message.caption or "") if message else ""
