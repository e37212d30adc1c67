"""The log is moved beside the writers, and begun anew when it has grown long."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from db import checkpoints
from db.engine import Database


async def _writing(database: Database, rows: int) -> None:
    for _ in range(rows):
        async with database.write() as session:
            await session.execute(text("INSERT INTO t (words) VALUES (:words)"), {"words": "x" * 4000})


async def _moved(database: Database) -> None:
    assert database._checkpoints is not None
    assert database._checkpoints._running is not None
    await asyncio.wait([database._checkpoints._running])


@pytest.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(checkpoints, "EVERY_SECONDS", 0.0)
    found = Database(f"sqlite:///{tmp_path}/d.db")
    async with found.write() as session:
        await session.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, words TEXT)"))
    await _moved(found)
    return found


async def test_no_commit_moves_the_log_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite would at a thousand pages; the loop would stand still for the disk."""
    monkeypatch.setattr(checkpoints, "EVERY_SECONDS", 1e9)
    database = Database(f"sqlite:///{tmp_path}/d.db")
    async with database.write() as session:
        await session.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, words TEXT)"))
    before = (tmp_path / "d.db").stat().st_size
    await _writing(database, 1100)
    assert (tmp_path / "d.db").stat().st_size == before
    await database.close()
    assert (tmp_path / "d.db").stat().st_size > before
    assert not (tmp_path / "d.db-wal").exists()


async def test_what_was_committed_is_moved_while_others_write(database: Database) -> None:
    """The checkpoint is passive: a writer in the middle of its transaction is not waited for, nor does it wait."""
    await _writing(database, 50)
    await _moved(database)
    await _writing(database, 1)
    await _moved(database)
    assert database.file is not None
    async with database.write() as session:
        await session.execute(text("INSERT INTO t (words) VALUES ('y')"))
        with closing(sqlite3.connect(f"file:{database.file}?immutable=1", uri=True)) as bare:
            # Immutable: the file itself, without its log.
            assert bare.execute("SELECT count(*) FROM t").fetchone()[0] >= 50
    await database.close()


async def test_a_log_that_grew_long_is_finished_with_the_writers_waiting(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would grow for as long as the house is busy: some commit comes during every passive move."""
    monkeypatch.setattr(checkpoints, "LONG_LOG_PAGES", 0)
    made = database._checkpoints
    assert made is not None
    moved, writers_waited = made._move, []

    def move() -> int:
        writers_waited.append(database._writers is not None and database._writers.locked())
        return moved()

    monkeypatch.setattr(made, "_move", move)
    await _writing(database, 1)
    await _moved(database)
    assert writers_waited == [False, True]
    await database.close()


async def test_a_checkpoint_that_fails_is_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log only stays longer; nothing is lost and nobody fails."""
    made = database._checkpoints
    assert made is not None
    moved = made._move
    failures = [True]

    def once() -> int:
        if failures:
            failures.pop()
            raise sqlite3.OperationalError("disk I/O error")
        return moved()

    monkeypatch.setattr(made, "_move", once)
    await _writing(database, 1)
    await _moved(database)
    await _writing(database, 1)
    await _moved(database)
    assert not failures
    await database.close()


async def test_a_database_that_was_taken_away_is_not_put_back_empty(database: Database) -> None:
    """Moved aside for a restore, say: an empty file in its place would be taken for the house's memory."""
    assert database.file is not None
    database.file.rename(database.file.with_suffix(".old"))
    await _writing(database, 1)
    await _moved(database)
    assert not database.file.exists()
    await database.close()


async def test_closing_does_not_wait_for_a_writer_that_hangs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that waits for its turn is given up: the log is moved at the next start."""
    monkeypatch.setattr(checkpoints, "LONG_LOG_PAGES", 0)
    hangs = asyncio.Event()

    async def hanging() -> None:
        async with database.write() as session:
            await session.execute(text("INSERT INTO t (words) VALUES ('y')"))
            hangs.set()
            await asyncio.Event().wait()

    await _writing(database, 1)
    writer = asyncio.create_task(hanging())
    await hangs.wait()
    made = database._checkpoints
    assert made is not None
    made.committed()
    await asyncio.sleep(0.05)
    async with asyncio.timeout(5):
        await made.close()
    writer.cancel()
    await asyncio.wait([writer])
    await database.close()
