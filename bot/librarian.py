"""The library while it is in use: renewed when a version is confirmed, drafts compared beside it, questions grouped.

The bot goes on answering from the old index until the new one stands; both are built in processes of their own.
"""

import asyncio
import json
import os
import pickle
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from telegram.error import TelegramError

from bot.live_library import LiveLibrary
from bot.raw import RawBot
from db import trouble
from domain.errors import place
from knowledge.drafts import Question
from knowledge.library import LibraryError
from services import alerts, articles, gaps
from services.articles import Checking
from services.work import Deps, reading, working

log = structlog.get_logger()
_PAUSE = 1.0
_TRY_AGAIN = 60.0  # after a defect while building
_GATHER_EVERY = 20.0
_TOLD_EVERY = 0.15  # of the work: progress is an edit of a message, and those are paced
_LARGEST_LINE = 4 * 1024 * 1024


class Librarian:
    """Looks after a live library until cancelled."""

    def __init__(self, deps: Deps, live: LiveLibrary, bot: RawBot | None) -> None:
        self.deps = deps
        self.live = live
        self.bot = bot
        self._failed: int | None = None
        self._renew_after = float("-inf")
        self._gathered = float("-inf")

    async def run(self) -> None:
        """Renewing does not wait for a comparison, which takes long: a wrong answer that was withdrawn stops at once."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._often(self.look))
            tasks.create_task(self._often(self.compare))

    async def _often(self, work: Callable[[], Awaitable[None]]) -> None:
        """A defect here keeps nobody from being answered: the present library goes on."""
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001  # answering goes on without renewal rather than not at all
                if not trouble.passes(error):
                    log.error("the librarian failed", error=type(error).__name__, place=place(error))
            await asyncio.sleep(_PAUSE)

    async def look(self) -> None:
        """Renews, fetches files, groups questions, where any of it is due."""
        await self.renew()
        await self._fetch()
        if time.monotonic() - self._gathered > _GATHER_EVERY:
            self._gathered = time.monotonic()
            await gaps.gather(self.deps)

    async def compare(self) -> None:
        """Compares the oldest draft that waits for it."""
        if (draft := await articles.next_to_check(self.deps)) is not None:
            await self._compare(draft)

    async def renew(self) -> None:
        """Brings the library to the latest confirmation, and to the versions of the day. One that cannot be read is reported once, and the old stays."""
        async with reading(self.deps) as work:
            sheets, sequence = await articles.confirmed(work)
        known = sequence in (self.live.sequence, self._failed) and not self.live.outdated
        if known or time.monotonic() < self._renew_after:
            return
        self._renew_after = time.monotonic() + _TRY_AGAIN
        try:
            await self.live.renew(sheets, sequence)
        except LibraryError as error:
            self._failed = sequence
            await self._report(sequence, error)
            return
        self._renew_after = float("-inf")
        log.info("the library is renewed", confirmation=sequence)
        async with working(self.deps) as work:
            await articles.stands(work, sequence)

    async def _report(self, sequence: int, error: LibraryError) -> None:
        log.error("a confirmed version cannot be used", findings=[f.where for f in error.findings])
        async with working(self.deps) as work:
            await alerts.operators(
                work,
                "alert.library_not_renewed",
                dedupe=f"library/{sequence}",
                findings=[str(finding) for finding in error.findings[:5]],
            )

    async def _fetch(self) -> None:
        if self.bot is None:
            return
        for draft, file_id in await articles.to_fetch(self.deps):
            data: bytes | None = None
            with suppress(TelegramError):
                found = await self.bot.get_file(file_id)
                data = bytes(await found.download_as_bytearray())
            await articles.fetched(self.deps, draft, data)

    # --- comparing a draft --------------------------------------------------------------------------------

    async def _compare(self, draft: Checking) -> None:
        question = Question(self.live.recipe, draft.sheets, draft.drafts, draft.today, draft.overlap)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "knowledge.effects",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LARGEST_LINE,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parent.parent),
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
        assert process.stdin is not None
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(pickle.dumps(question))
                await process.stdin.drain()
                process.stdin.close()
            await self._listen(draft, process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _listen(self, draft: Checking, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        told = 0.0
        async for line in process.stdout:
            said: dict[str, Any] = json.loads(line)
            if "effect" in said:
                await articles.checked(self.deps, draft.id, said["effect"])
                return
            if "refused" in said:
                await articles.not_checked(self.deps, draft.id, said["refused"])
                return
            if said["progress"] - told >= _TOLD_EVERY:
                told = said["progress"]
                await articles.progressed(self.deps, draft.id, told)
        log.error("a draft could not be compared", draft=draft.id, code=await process.wait())
        await articles.not_checked(self.deps, draft.id, [self.deps.phrases.label("draft.not_compared", "zh")])
