"""One process at a time runs intake, timetable and delivery; a second waits here and takes over.

The lease is a row renewed every few seconds. A holder on this machine that is dead is replaced at once, any other
when its row has not changed for ``TTL`` seconds of this process's own monotonic clock (so clocks need not agree).
"""

import asyncio
import os
import socket
import time
from pathlib import Path

import structlog

from db import queues, trouble
from db.engine import Database
from services.work import Deps

log = structlog.get_logger()
NAME = "run"
TTL = 12.0
BEAT = 3.0


class LeaseLost(Exception):
    """Another process holds the lease, or it could not be renewed in time: stop before two of us send."""


class HeldLease:
    """This process's claim."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self.holder = f"{_machine()}/{os.getpid()}/{_started(os.getpid())}/{deps.new_token(6)}"
        self.held = asyncio.Event()
        self._beat = 0

    async def take(self) -> None:
        """Returns when this process holds the lease."""
        seen: tuple[str, int] | None = None
        since = time.monotonic()
        told = False
        while True:
            async with self.deps.db.write() as session:
                row = await queues.lease(session, NAME)
                state = (row.holder, row.beat) if row else None
                if state != seen:
                    seen, since = state, time.monotonic()
                free = row is None or _dead(row.holder) or time.monotonic() - since > TTL
                if free and await queues.take_lease(
                    session,
                    NAME,
                    self.holder,
                    self.deps.wall(),
                    self._beat,
                    instead_of=row.holder if row else None,
                ):
                    break
            if not told:
                log.info("another run holds this database; waiting to take over")
                told = True
            await asyncio.sleep(0.5)
        self.held.set()

    async def keep(self) -> None:
        """Renews until cancelled; raises LeaseLost when somebody else took it, or when it could not be renewed."""
        renewed = time.monotonic()
        pause = BEAT
        while True:
            await asyncio.sleep(pause)
            self._beat += 1
            try:
                async with asyncio.timeout(BEAT), self.deps.db.write() as session:
                    ours = await queues.renew_lease(session, NAME, self.holder, self.deps.wall(), self._beat)
            except Exception as error:
                if not (isinstance(error, TimeoutError) or trouble.passes(error)):
                    raise
                # Whoever waits counts to TTL from the last beat: be gone before, messages on their way included.
                if time.monotonic() - renewed > TTL - BEAT - 1:
                    raise LeaseLost("the database could not be written for too long") from None
                log.warning("the lease could not be renewed; trying again", error=type(error).__name__)
                pause = 0.5
                continue
            if not ours:
                raise LeaseLost("another run took over this database")
            renewed, pause = time.monotonic(), BEAT

    async def release(self) -> None:
        """Gives it back where it is held; the next run need not wait."""
        self.held.clear()
        async with self.deps.db.write() as session:
            await queues.drop_lease(session, NAME, self.holder)


async def in_use(database: Database) -> bool:
    """Whether a run holds the database. A holder on another machine is watched until it moves or is past its time.

    A database that cannot be read is held by nobody.
    """
    since = time.monotonic()
    first: int | None = None
    while True:
        try:
            async with database.read() as session:
                row = await queues.lease(session, NAME)
        except trouble.ERRORS:
            return False
        if row is None or _dead(row.holder) or time.monotonic() - since > TTL:
            return False
        if row.holder.startswith(f"{_machine()}/") or (first is not None and row.beat != first):
            return True
        first = row.beat
        await asyncio.sleep(0.5)


def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{socket.gethostname()}:{boot.read_text().strip()[:8] if boot.exists() else ''}"


def _started(pid: int) -> str:
    """When a process of this machine started, in kernel ticks: tells a process from a later one of the same number.

    A process that is dead and only not yet waited for by its parent has not started at all.
    """
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return "?"
    return "dead" if told[0] in ("Z", "X") else told[19]


def _dead(holder: str) -> bool:
    """True when the holder was a process of this machine that runs no more."""
    machine, pid, started, _ = holder.rsplit("/", 3)
    if machine != _machine():
        return False
    now = _started(int(pid))
    if now != "?":
        return now != started
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
