"""Clears away what the queues no longer need."""

from datetime import timedelta

from db import queues
from services.work import Work

# Telegram repeats an update for a day at most; the numbers of handled ones are kept against that.
_KEPT = timedelta(days=7)
_AT_ONCE = 500  # a tick must not hold up the writers of the house


async def forget(work: Work) -> None:
    """A job: handled updates and answers to buttons older than a week.

    Messages stay: they are the record of what was said, and their buttons go on working. Failed updates stay for
    whoever looks for the reason.
    """
    await queues.forget(work.session, work.deps.wall() - _KEPT, limit=_AT_ONCE)
