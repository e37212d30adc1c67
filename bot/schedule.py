"""APScheduler ticks; the database knows what is due."""

import asyncio

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from services import timetable
from services.work import Deps

_SECONDS = 2


async def run(deps: Deps, told: asyncio.Event) -> None:
    """Ticks until cancelled. A tick that comes late or twice changes nothing: jobs ask the database.

    The scheduler only wakes this loop, at once: a coroutine of its own would be reported as a failed job, traceback
    and all, whenever the program stops.
    """
    due = asyncio.Event()
    scheduler = AsyncIOScheduler(timezone="UTC", executors={"default": DebugExecutor()})
    scheduler.add_job(
        due.set,
        "interval",
        seconds=_SECONDS,
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
        id="tick",
    )
    scheduler.start()
    try:
        while True:
            await due.wait()
            due.clear()
            await timetable.tick(deps)
            told.set()
    finally:
        scheduler.shutdown(wait=False)
