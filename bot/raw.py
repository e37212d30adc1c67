"""python-telegram-bot's HTTP, error mapping and token handling, with the Bot API's own JSON in and out."""

import os
import sys
from typing import Any

import httpx
from telegram.error import TelegramError
from telegram.ext import ExtBot

# retry_after as a timedelta, the library's way from its next version on; the old way warns at every use.
os.environ.setdefault("PTB_TIMEDELTA", "true")
# httpcore looks for this package at every request; not finding it costs more than the rest of the look.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]  # None makes its import fail at once

# No connection was made: the request never left. (A time-out while connecting is a time-out to the library.)
_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def may_have_arrived(error: TelegramError) -> bool:
    """Whether a call that failed may have been done all the same: the request left and no answer came back."""
    cause = error.__cause__
    return isinstance(cause, httpx.HTTPError) and not isinstance(cause, _NEVER_LEFT)


class RawBot(ExtBot[None]):
    """Adds ``raw``: a call that parses nothing.

    Intake stores updates as they came, and delivery needs of most answers only a number. ``do_api_request`` is
    the public way to this, but warns at every call of a method that the library has a typed one for.
    """

    async def raw(self, method: str, params: dict[str, Any], *, read_timeout: float | None = None) -> Any:
        """The ``result`` of a Bot API call, as JSON. Raises telegram.error as every other call does."""
        extra = {} if read_timeout is None else {"read_timeout": read_timeout}
        return await self._post(method, dict(params), **extra)  # type: ignore[arg-type]

    async def close_connections(self) -> None:
        """Closes both HTTP clients, whether or not the bot was ever initialised."""
        for request in self._request:
            await request.shutdown()
