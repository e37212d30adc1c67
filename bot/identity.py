"""Questions that a command asks Telegram: who this token is, what it may see."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from telegram.error import InvalidToken, TelegramError

from bot import wiring
from bot.raw import RawBot
from bot.settings import Settings, StartError

Asking = Callable[..., Awaitable[dict[str, Any]]]


class Unreachable(Exception):
    """Telegram gave no answer, or a no; the text says why."""


@asynccontextmanager
async def telegram(settings: Settings) -> AsyncIterator[Asking]:
    """``await ask("getMe")``, ``await ask("getChat", chat_id=-100)``: the method's result.

    StartError for a token that is missing or refused, Unreachable for everything else.
    """
    bot = wiring.application(settings, 1).bot
    assert isinstance(bot, RawBot)

    async def ask(method: str, **params: Any) -> dict[str, Any]:
        try:
            return dict(await bot.raw(method, params, read_timeout=5.0))
        except InvalidToken:
            raise StartError("Telegram refuses QIFU_BOT_TOKEN: check it with @BotFather") from None
        except TelegramError as error:
            raise Unreachable(error.message) from None

    try:
        yield ask
    finally:
        await bot.close_connections()
