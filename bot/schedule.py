"""APScheduler ticks; the database knows what is due."""

import asyncio

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from services import timetable
from services.work import Deps

_SECONDS = 2


async def run(deps: Deps, told: asyncio.Event) -> None:
    """Ticks until cancelled. A tick that comes late or twice changes nothing: jobs ask the database."""
    scheduler = AsyncIOScheduler(timezone="UTC")

    async def tick() -> None:
        await timetable.tick(deps)
        told.set()

    scheduler.add_job(
        tick, "interval", seconds=_SECONDS, max_instances=1, coalesce=True, misfire_grace_time=None, id="tick"
    )
    scheduler.start()
    try:
        await asyncio.Event().wait()
    finally:
        scheduler.shutdown(wait=False)
