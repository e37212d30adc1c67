"""Scores all clients once a night, in a process of its own: its minutes and its memory are not the bot's."""

import asyncio
import contextlib
import sys
from collections.abc import Sequence

import structlog

from domain.errors import place
from services import alerts, scores
from services.work import Deps, working

log = structlog.get_logger()
_PAUSE = 60.0
_COMMAND = (sys.executable, "-m", "bot", "score")


class Nightly:
    """Looks whether the score is due, until cancelled."""

    def __init__(self, deps: Deps, command: Sequence[str] = _COMMAND) -> None:
        self.deps = deps
        self.command = tuple(command)

    async def run(self) -> None:
        """A run that fails is reported; the next settlement gets another."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001  # the program goes on without a score rather than not at all
                log.error("the nightly score failed", error=type(error).__name__, place=place(error))
            await asyncio.sleep(_PAUSE)

    async def look(self) -> None:
        """Scores where it is due. Stopping the bot ends the process; a run that is cut off leaves nothing half."""
        if not await scores.due(self.deps):
            return
        process = await asyncio.create_subprocess_exec(
            *self.command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code:
            log.error("the nightly score failed", code=code)
            async with working(self.deps) as work:
                key = f"job/score/{work.today}"
                await alerts.operators(work, "alert.job_failed", dedupe=key, job="score")
