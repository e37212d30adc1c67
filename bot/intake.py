"""Takes updates from Telegram: each is stored before Telegram is told that it was received."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError
from bot.raw import RawBot

from bot.inbox import lane_of
from db import queues
from db.engine import Database

log = structlog.get_logger()
POLL_SECONDS = 25
ALLOWED = ["message", "edited_message", "callback_query", "my_chat_member"]


class SecondPoller(Exception):
    """Another program polls with the same token."""


async def store(db: Database, updates: list[dict[str, Any]], at: datetime) -> None:
    """Stores raw updates; those stored before are left alone."""
    rows = [
        {
            "update_id": update["update_id"],
            "lane": lane_of(update),
            "body": json.dumps(update, separators=(",", ":")),
            "state": "new",
            "attempts": 0,
            "received_at": at,
        }
        for update in updates
        if isinstance(update.get("update_id"), int)
    ]
    async with db.write() as session:
        await queues.store_updates(session, rows)


def seconds_of(error: RetryAfter) -> float:
    """The pause that Telegram asked for."""
    asked = error.retry_after
    return asked.total_seconds() if isinstance(asked, timedelta) else float(asked)


class Polling:
    """getUpdates in a loop. The offset moves only past updates that are stored."""

    def __init__(
        self, db: Database, bot: RawBot, wall: Callable[[], datetime], stored: asyncio.Event
    ) -> None:
        self.db = db
        self.bot = bot
        self.wall = wall
        self.stored = stored
        self.reachable = False
        self.received = 0

    async def run(self) -> None:
        offset = 0
        pause = 1.0
        conflicts = 0
        while True:
            try:
                updates = await self.bot.raw(
                    "getUpdates",
                    {
                        "offset": offset,
                        "timeout": POLL_SECONDS,
                        "limit": 100,
                        "allowed_updates": ALLOWED,
                    },
                    read_timeout=POLL_SECONDS + 10,
                )
            except Conflict:
                # A run that was just replaced may still hang in its last long poll: not at once fatal.
                conflicts += 1
                if conflicts >= 10:
                    raise SecondPoller from None
                await asyncio.sleep(1.0)
                continue
            except InvalidToken:
                raise
            except RetryAfter as error:
                await asyncio.sleep(seconds_of(error))
                continue
            except (NetworkError, TelegramError) as error:
                self._lost(error, pause)
                await asyncio.sleep(pause)
                pause = min(60.0, pause * 2)
                continue
            pause, conflicts = 1.0, 0
            self._found()
            if not updates:
                continue
            await store(self.db, updates, self.wall())
            offset = max(int(u["update_id"]) for u in updates) + 1
            self.received += len(updates)
            self.stored.set()

    def _lost(self, error: TelegramError, pause: float) -> None:
        log.warning(
            "telegram is out of reach; trying again, nothing is lost",
            error=type(error).__name__,
            again_in_seconds=pause,
        )
        self.reachable = False

    def _found(self) -> None:
        if not self.reachable:
            log.info("connected to telegram")
        self.reachable = True
