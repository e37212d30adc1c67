"""One fsync for many commits, and never one that began before them."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from db.group_sync import GroupSync


async def test_many_that_wait_share_a_sync_that_began_after_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes while one runs is covered by the next, all of them together."""
    log = tmp_path / "log"
    log.write_bytes(b"")
    began, may_end, seen = threading.Event(), threading.Event(), []

    def fsync(file: int) -> None:
        seen.append(os.fstat(file).st_size)
        began.set()
        may_end.wait(5)

    monkeypatch.setattr(os, "fsync", fsync)
    sync = GroupSync(log)
    first = asyncio.create_task(sync.wait())
    await asyncio.to_thread(began.wait, 5)
    log.write_bytes(b"later")
    others = [asyncio.create_task(sync.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    may_end.set()
    await asyncio.gather(first, *others)
    assert seen == [0, 5]
    sync.close()


async def test_one_in_no_hurry_joins_the_sync_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are covered by one; alone it asks the disk itself when its patience ends."""
    log = tmp_path / "log"
    log.write_bytes(b"")
    seen = []
    monkeypatch.setattr(os, "fsync", lambda _file: seen.append(1))
    sync = GroupSync(log)
    patient = asyncio.create_task(sync.wait(patience=30.0))
    await asyncio.sleep(0)
    await sync.wait()
    await asyncio.wait_for(patient, 5)
    assert seen == [1]
    await asyncio.wait_for(sync.wait(patience=0.01), 5)
    assert seen == [1, 1]
    sync.close()


async def test_a_log_that_is_gone_was_synced_by_whoever_removed_it(tmp_path: Path) -> None:
    """SQLite moves the log into the database when its last connection closes."""
    sync = GroupSync(tmp_path / "log")
    await asyncio.wait_for(sync.wait(), 5)
    sync.close()


async def test_a_disk_that_refuses_is_told_to_everybody_who_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that may not be on the disk is no success; the next sync is tried anew."""
    log = tmp_path / "log"
    log.write_bytes(b"")
    failures = [OSError("no"), None]

    def fsync(_file: int) -> None:
        if (failure := failures.pop(0)) is not None:
            raise failure

    monkeypatch.setattr(os, "fsync", fsync)
    sync = GroupSync(log)
    told = await asyncio.gather(sync.wait(), sync.wait(), return_exceptions=True)
    assert [type(one) for one in told] == [OSError, OSError]
    await sync.wait()
    sync.close()
