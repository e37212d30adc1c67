"""Whoever changes the trail afterwards is found out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from db import audit
from db.engine import Database
from db.models import AuditEntry

NOON = datetime(2026, 8, 17, 4, 0, 0, 123_456, tzinfo=UTC)


async def write(database: Database, number: int) -> None:
    async with database.write() as session:
        await audit.append(
            session,
            at=NOON + timedelta(seconds=number),
            actor="staff:M01",
            action="link.made",
            subject=f"client:{number}",
            detail={"way": "邀请", "number": number, "nested": {"b": [1, 2], "a": None}},
        )


async def first_break(database: Database) -> int | None:
    async with database.read() as session:
        return await audit.first_break(session)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Five entries."""
    database = Database(database_url)
    for number in range(1, 6):
        await write(database, number)
    yield database
    await database.close()


async def test_an_untouched_trail_holds(database: Database, sqlite_url: str) -> None:
    """Also an empty one, and on both databases the same bytes are hashed."""
    assert await first_break(database) is None
    empty = Database(sqlite_url)
    assert await first_break(empty) is None
    await empty.close()


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "staff:M02"},
        {"action": "link.ended"},
        {"subject": "client:9"},
        {"detail": {}},
        {"at": NOON + timedelta(microseconds=1)},
        {"previous": "0" * 64},
        {"hash": "f" * 64},
    ],
)
async def test_a_changed_column_is_found(database: Database, change: dict[str, Any]) -> None:
    """Whichever: the entry itself is named."""
    async with database.write() as session:
        third = (await session.scalars(select(AuditEntry.id).order_by(AuditEntry.id))).all()[2]
        await session.execute(update(AuditEntry).where(AuditEntry.id == third).values(**change))
    assert await first_break(database) == third


async def test_a_deleted_entry_is_found(database: Database) -> None:
    """In the middle by the next one; at the end by the count of all that were ever written."""
    async with database.write() as session:
        ids = (await session.scalars(select(AuditEntry.id).order_by(AuditEntry.id))).all()
        await session.execute(delete(AuditEntry).where(AuditEntry.id == ids[-1]))
    assert await first_break(database) == ids[-2] + 1
    async with database.write() as session:
        await session.execute(delete(AuditEntry).where(AuditEntry.id == ids[1]))
    assert await first_break(database) == ids[2]


async def test_an_entry_slipped_in_is_found(database: Database) -> None:
    """Even with a hash that fits the one before: it was never counted."""
    async with database.write() as session:
        last = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()))).first()
        assert last is not None
        words = {"at": NOON, "actor": "x", "action": "y", "subject": "z", "detail": {}}
        sealed = audit._hash(last.hash, NOON, "x", "y", "z", {})
        await session.execute(
            insert(AuditEntry).values(id=last.id + 1, previous=last.hash, hash=sealed, **words)
        )
    assert await first_break(database) is not None


async def test_writers_at_once_make_one_chain(database: Database) -> None:
    """No fork, whoever comes first; what is rolled back leaves no gap."""

    async def fail() -> None:
        async with database.write() as session:
            await audit.append(session, at=NOON, actor="x", action="y", subject="z", detail={})
            raise RuntimeError("rolled back")

    writers = [write(database, n) for n in range(20)]
    await asyncio.gather(*writers, fail(), fail(), return_exceptions=True)
    assert await first_break(database) is None
    async with database.read() as session:
        assert len((await session.scalars(select(AuditEntry.id))).all()) == 25
