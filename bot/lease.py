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
    """Another process holds the lease: stop before two of us send."""


class HeldLease:
    """This process's claim."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self.holder = f"{_machine()}/{os.getpid()}/{_started(os.getpid())}/{deps.new_token(6)}"
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
                if row is None or _dead(row.holder) or time.monotonic() - since > TTL:
                    await queues.take_lease(session, NAME, self.holder, self.deps.wall(), self._beat)
                    return
            if not told:
                log.info("another run holds this database; waiting to take over")
                told = True
            await asyncio.sleep(0.5)

    async def keep(self) -> None:
        """Renews until cancelled; raises LeaseLost when somebody else took it, or when it could not be renewed."""
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(BEAT)
            self._beat += 1
            try:
                async with asyncio.timeout(BEAT), self.deps.db.write() as session:
                    ours = await queues.renew_lease(session, NAME, self.holder, self.deps.wall(), self._beat)
                if not ours:
                    raise LeaseLost
                renewed = time.monotonic()
            except TimeoutError:
                if time.monotonic() - renewed > TTL - BEAT:
                    raise LeaseLost from None

    async def release(self) -> None:
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
    """When a process of this machine started, in kernel ticks: tells a process from a later one of the same number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return "?"


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
