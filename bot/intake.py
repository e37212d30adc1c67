"""Takes updates from Telegram: each is stored before Telegram is told that it was received."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.inbox import lane_of
from bot.raw import RawBot
from db import queues, trouble
from db.engine import Database
from db.models import InboxUpdate

log = structlog.get_logger()
POLL_SECONDS = 25
ALLOWED = ["message", "edited_message", "callback_query", "my_chat_member"]
_LARGEST_ID = 2**63 - 1
# Handling what was stored asks the disk in a moment anyway: one question to it less.
_JOIN_SECONDS = 0.03
# Whoever asked waits for the reply; nobody waits for the next poll to be put together.
_AFTER_YOU_SECONDS = 0.002
# Within a minute: a run that was just replaced hangs in its last long poll for some seconds only.
_CONFLICTS = 10


class SecondPoller(Exception):
    """Another program polls with the same token."""


def is_update(update: object) -> bool:
    """Whether it has the one thing that every update has: a number that can be stored."""
    number = update.get("update_id") if isinstance(update, dict) else None
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _LARGEST_ID


async def store(
    db: Database, updates: list[Any], at: datetime, stored: Callable[[list[InboxUpdate]], None]
) -> None:
    """Stores raw updates; those stored before are left alone, and what is no update is left out.

    ``stored`` hears of them as they stand in the table, handled before or not. Returns when they survive a power cut:
    only then Telegram may be told that they were received.
    """
    rows: list[dict[str, Any]] = [
        {
            "update_id": update["update_id"],
            "lane": lane_of(update),
            "body": json.dumps(update, separators=(",", ":")),
            "state": "new",
            "attempts": 0,
            "received_at": at,
        }
        for update in updates
        if is_update(update)
    ]
    async with db.write(durable=False) as session:
        await queues.store_updates(session, rows)
    stored([InboxUpdate(**row) for row in rows])
    await db.settle(patience=_JOIN_SECONDS)


def seconds_of(error: RetryAfter) -> float:
    """The pause that Telegram asked for."""
    asked = error.retry_after
    return asked.total_seconds() if isinstance(asked, timedelta) else float(asked)


class Polling:
    """getUpdates in a loop. The offset moves only past updates that are stored."""

    def __init__(
        self,
        db: Database,
        bot: RawBot,
        wall: Callable[[], datetime],
        stored: Callable[[list[InboxUpdate]], None],
    ) -> None:
        self.db = db
        self.bot = bot
        self.wall = wall
        self.stored = stored
        self.reachable = False
        self._offset = 0
        self._conflicts: deque[float] = deque()

    async def run(self) -> None:
        """Until cancelled. Raises InvalidToken, or SecondPoller; anything else is waited out with growing pauses."""
        pause = 1.0
        while True:
            try:
                updates = await self._ask()
                self._found()
                await self._keep(updates)
                pause = 1.0
                continue
            except InvalidToken:
                raise
            except Conflict:
                self._conflict()
                await asyncio.sleep(1.0)
                continue
            except RetryAfter as error:
                await asyncio.sleep(seconds_of(error))
                continue
            except TelegramError as error:
                self.reachable = False
                told = "telegram is out of reach; trying again, nothing is lost"
                log.warning(told, error=type(error).__name__, again_in_seconds=pause)
            except Exception as error:
                if not trouble.passes(error):
                    raise
                # The offset has not moved: Telegram keeps the updates until they can be stored.
                told = "the database cannot be used; updates stay with telegram"
                pause = min(5.0, pause)
                log.warning(told, error=type(error).__name__, again_in_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(60.0, pause * 2)

    async def _ask(self) -> list[Any]:
        # The first poll, and the first after a failure, does not wait for updates: it tells whether Telegram is there.
        seconds = POLL_SECONDS if self.reachable else 0
        params = {"offset": self._offset, "timeout": seconds, "limit": 100, "allowed_updates": ALLOWED}
        found = await self.bot.raw("getUpdates", params, read_timeout=seconds + 10)
        return found if isinstance(found, list) else []

    async def _keep(self, updates: list[Any]) -> None:
        if not updates:
            return
        await store(self.db, updates, self.wall(), self.stored)
        await asyncio.sleep(_AFTER_YOU_SECONDS)
        # Not the highest ever: after a quiet week Telegram goes on with another, perhaps lower number.
        self._offset = max((u["update_id"] + 1 for u in updates if is_update(u)), default=self._offset)

    def _conflict(self) -> None:
        now = time.monotonic()
        self._conflicts.append(now)
        while self._conflicts[0] < now - 60:
            self._conflicts.popleft()
        if len(self._conflicts) >= _CONFLICTS:
            raise SecondPoller
        log.warning("another program polls with this token", times=len(self._conflicts))

    def _found(self) -> None:
        if not self.reachable:
            log.info("connected to telegram")
        self.reachable = True
