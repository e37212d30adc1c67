"""One way to read and one way to write, on both databases; SQLite's traps stay shut."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from db.engine import Database
from db.models import Assignment, Counter, Lease

NOON = datetime(2026, 8, 17, 4, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(sqlite_url)
    yield database
    await database.close()


async def counters(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(Counter)) or 0


async def test_a_reference_to_nobody_is_refused(database: Database) -> None:
    """Foreign keys are kept: SQLite does so only when told to, on every connection."""
    for _ in range(3):
        with pytest.raises(IntegrityError):
            async with database.write() as session:
                session.add(Assignment(client_id=1, staff_id=1, kind="manager", since=NOON))


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    """Neither what was flushed before."""

    async def fail() -> None:
        async with database.write() as session:
            session.add(Counter(name="x", last=1))
            await session.flush()
            raise RuntimeError("a defect")

    with pytest.raises(RuntimeError):
        await fail()
    assert await counters(database) == 0


async def test_a_savepoint_that_fails_takes_its_rows_with_it(database: Database) -> None:
    """The driver's own BEGIN would leave them committed on SQLite."""

    async def fail(session: AsyncSession) -> None:
        async with session.begin_nested():
            session.add(Counter(name="inner", last=1))
            await session.flush()
            raise RuntimeError("a defect")

    async with database.write() as session:
        session.add(Counter(name="outer", last=1))
        await session.flush()
        with pytest.raises(RuntimeError):
            await fail(session)
    async with database.read() as session:
        assert list(await session.scalars(select(Counter.name))) == ["outer"]


async def test_a_transaction_that_is_cancelled_leaves_nothing_and_no_lock(database: Database) -> None:
    """A stop in the middle: the next writer need not wait."""
    written = asyncio.Event()

    async def write() -> None:
        async with database.write() as session:
            session.add(Counter(name="x", last=1))
            await session.flush()
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await written.wait()
    task.cancel()
    await asyncio.wait({task})
    async with asyncio.timeout(2), database.write() as session:
        session.add(Counter(name="y", last=1))
    assert await counters(database) == 1


async def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    """They see what was there before."""
    async with database.write() as session:
        session.add(Counter(name="x", last=1))
        await session.flush()
        async with asyncio.timeout(2):
            assert await counters(database) == 0


async def test_two_processes_write_in_turns(sqlite_url: str) -> None:
    """Each transaction reads and then writes: none fails because the other was faster, none overwrites the other."""
    one, other = Database(sqlite_url), Database(sqlite_url)
    async with one.write() as session:
        session.add(Counter(name="x", last=0))

    async def count_up(database: Database) -> None:
        for _ in range(10):
            async with database.write() as session:
                row = await session.get_one(Counter, "x")
                row.last += 1

    await asyncio.gather(count_up(one), count_up(other), count_up(one))
    async with one.read() as session:
        assert (await session.get_one(Counter, "x")).last == 30
    await one.close()
    await other.close()


async def test_sqlite_syncs_every_commit_and_keeps_a_log_beside_the_file(sqlite: Database) -> None:
    """A power cut loses no acknowledged update."""
    async with sqlite.read() as session:
        told = {
            pragma: await session.scalar(text(f"PRAGMA {pragma}"))
            for pragma in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert told == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1}


async def test_text_of_every_kind_survives(database: Database) -> None:
    """Chinese, emoji, right to left, quotes and semicolons."""
    words = "出金 😀👨‍👩‍👧 مرحبا '; DROP TABLE lease; -- \\ % _ \u2028"
    async with database.write() as session:
        session.add(Lease(name=words, holder=words, renewed_at=NOON, beat=2**62))
    async with database.read() as session:
        row = await session.get_one(Lease, words)
        assert (row.holder, row.beat) == (words, 2**62)


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///data/x.db", "sqlite+aiosqlite"),
        ("postgresql://h/x", "postgresql+asyncpg"),
        ("postgres://h/x", "postgresql+asyncpg"),
    ],
)
async def test_a_plain_url_chooses_the_driver(
    url: str, driver: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    """Operators write sqlite:/// and postgresql:// as everywhere."""
    monkeypatch.chdir(str(tmp_path))
    database = Database(url)
    assert database.url.drivername == driver
    await database.close()
