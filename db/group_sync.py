"""One fsync for all the commits that wait for one, in a thread of its own.

SQLite's synchronous=FULL syncs its log inside every commit: the event loop stands still and the next writer waits.
Here a commit only writes the log (synchronous=NORMAL), the next writer begins, and whoever must be sure waits for a
sync that began after the own commit. The log is written in order, so a sync covers everything before it; what is no
longer in the log was synced into the database file by SQLite's checkpoint.
"""

import asyncio
import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


class GroupSync:
    """``wait`` returns when all that stood in ``log`` at its call is on the disk. Raises OSError as fsync does."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._asked = 0
        self._synced = 0
        self._running: asyncio.Future[None] | None = None
        self._begun = asyncio.Event()

    async def wait(self, patience: float = 0.0) -> None:
        """``patience``: seconds for which one that is in no hurry waits for others to begin a sync, and joins it."""
        self._asked += 1
        mine = self._asked
        until = time.monotonic() + patience
        while self._synced < mine:
            if self._running is None and (left := until - time.monotonic()) > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._begun.wait()
                continue
            if self._running is None:
                self._running = asyncio.ensure_future(self._run())
            await asyncio.shield(self._running)

    def close(self) -> None:
        self._thread.shutdown(wait=False)

    async def _run(self) -> None:
        covered = self._asked
        self._begun.set()
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._fsync)
            self._synced = covered
        finally:
            self._running = None
            self._begun.clear()

    def _fsync(self) -> None:
        try:
            # Opened anew: the log is another file when all connections were closed in between.
            log = os.open(self._log, os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            os.fsync(log)
        finally:
            os.close(log)
