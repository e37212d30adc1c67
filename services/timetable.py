"""What happens by the clock. Each job looks for what is due and does it in a transaction of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from db import trouble
from domain.errors import place
from services import (
    alerts,
    case_clocks,
    contact,
    gaps,
    linking,
    notices,
    proposals,
    reminders,
    risk,
    tasks,
    upkeep,
)
from services.work import Deps, Work, working

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """``run`` does what is due at ``work.now``, once, however often it is called."""

    name: str
    run: Callable[[Work], Awaitable[None]]


JOBS: tuple[Job, ...] = (
    Job("talks.remind", contact.remind),
    Job("talks.end_idle", contact.end_idle),
    Job("cases.climb", case_clocks.climb_overdue),
    Job("cases.archive", case_clocks.archive),
    Job("notices.after_quiet", notices.release_after_quiet),
    Job("notices.expire", notices.expire),
    Job("invitations.expire", linking.expire_invitations),
    Job("proposals.expire", proposals.expire),
    Job("risk.recheck", risk.recheck),
    Job("risk.overdue", reminders.overdue),
    Job("risk.tell_staff", risk.tell_pending),
    Job("tasks.climb", tasks.climb),
    Job("risk.late_settlement", risk.late_settlement),
    Job("calendar.watch", risk.watch_calendar),
    Job("gaps.remind", gaps.remind),
    Job("queues.forget", upkeep.forget),
)


async def tick(deps: Deps) -> None:
    """Runs every job. A defect in one does not keep the others from their work."""
    for job in JOBS:
        try:
            async with working(deps) as work:
                await job.run(work)
        except Exception as error:  # noqa: BLE001  # one bad job must not stop margin calls
            if trouble.passes(error):
                log.warning(
                    "the database cannot be used; a job waits", job=job.name, error=type(error).__name__
                )
            else:
                log.error("job failed", job=job.name, error=type(error).__name__, place=place(error))
                await _report(deps, job)


async def _report(deps: Deps, job: Job) -> None:
    """Operators learn of a failing job once a day."""
    try:
        async with working(deps) as work:
            key = f"job/{job.name}/{work.today}"
            await alerts.operators(work, "alert.job_failed", dedupe=key, job=job.name)
    except Exception as error:  # noqa: BLE001  # it stands in the log already, and the other jobs wait
        log.error("job failure not reported", job=job.name, error=type(error).__name__, place=place(error))
