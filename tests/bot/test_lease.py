"""One process at a time runs the house."""

import asyncio
import sys

from sqlalchemy import select

from bot import lease
from bot.lease import HeldLease
from db.models import Lease
from tests.desk import Desk


async def test_a_second_run_waits_and_takes_over_when_the_first_leaves(desk: Desk) -> None:
    """The desk holds the lease; a second claim gets it only after the desk has stopped."""
    second = HeldLease(desk.deps)
    waiting = asyncio.create_task(second.take())
    done, _ = await asyncio.wait({waiting}, timeout=0.8)
    assert not done
    await desk.stop()
    await asyncio.wait_for(waiting, timeout=5)
    await second.release()


async def test_the_lease_of_a_process_that_died_here_is_taken_at_once(desk: Desk) -> None:
    """A kill leaves the row behind; the next run need not wait for its time to pass."""
    await desk.stop()
    dead = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
    await dead.wait()
    async with desk.work() as work:
        holder = f"{lease._machine()}/{dead.pid}/12345/x"
        work.session.add(Lease(name=lease.NAME, holder=holder, renewed_at=work.now, beat=0))
    held = HeldLease(desk.deps)
    await asyncio.wait_for(held.take(), timeout=2)
    async with desk.reading() as work:
        assert held.holder == await work.session.scalar(select(Lease.holder))
    await held.release()


async def test_a_run_that_lost_the_lease_stops(desk: Desk) -> None:
    """Somebody else took it: renewing tells so, before two of us send."""
    await desk.stop()
    first, second = HeldLease(desk.deps), HeldLease(desk.deps)
    await first.take()
    async with desk.work() as work:
        from db import queues

        await queues.take_lease(work.session, lease.NAME, second.holder, work.now, 0, instead_of=first.holder)
        assert not await queues.renew_lease(work.session, lease.NAME, first.holder, work.now, 1)
