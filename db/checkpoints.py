"""Moves SQLite's log into the database file in a thread of its own.

SQLite's automatic checkpoint runs inside whatever commit fills the log: the event loop stood still for two syncs of the
disk, up to half a second on a busy one. A passive checkpoint runs beside writers and readers. Only a log that grew long
is finished with the writers waiting, so that the next of them begins it anew instead of appending for ever.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import structlog

log = structlog.get_logger()
EVERY_SECONDS = 10.0
# Of 4 KiB each: reading slows down with the log's length, and the disk holds it beside the database.
LONG_LOG_PAGES = 10_000


class Checkpoints:
    """``committed`` is told of every commit; ``turn`` holds the other writers of this process off."""

    def __init__(self, file: Path, turn: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        # Not created anew where it was taken away: an empty file would be taken for the house's memory.
        self._file = f"{file.absolute().as_uri()}?mode=rw"
        self._turn = turn
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._running: asyncio.Task[None] | None = None
        self._due = time.monotonic() + EVERY_SECONDS

    def committed(self) -> None:
        """Begins a checkpoint when one is due. The log of a process that ends sooner is moved by SQLite at its close."""
        if time.monotonic() >= self._due and (self._running is None or self._running.done()):
            self._due = time.monotonic() + EVERY_SECONDS
            self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Waits for the move that runs, for no turn: nobody opens the file again behind the one who closes it."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
        await asyncio.to_thread(self._thread.shutdown)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            if await loop.run_in_executor(self._thread, self._move) >= LONG_LOG_PAGES:
                async with self._turn():
                    await loop.run_in_executor(self._thread, self._move)
        except sqlite3.Error as error:
            log.warning("the log stays long; it is tried again", error=str(error), seconds=EVERY_SECONDS)

    def _move(self) -> int:
        """One passive checkpoint; how many pages the log holds, moved ones included."""
        with closing(sqlite3.connect(self._file, uri=True)) as connection:
            _busy, pages, _moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            return int(pages)
