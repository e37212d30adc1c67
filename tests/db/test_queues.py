"""The two queues, the counters and the lease as tables: found by an index, claimed once, numbered without gaps."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from db import health, queues
from db.engine import Database
from db.models import InboxUpdate, OutboxMessage

NOON = datetime(2026, 8, 17, 4, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


def message(**columns: Any) -> dict[str, Any]:
    row = {"chat_id": 7, "priority": 20, "on_doubt": "resend", "method": "text", "body": {"html": "x"}}
    return {**row, "state": "pending", "attempts": 0, "created_at": NOON, **columns}


async def fill(database: Database, *rows: dict[str, Any]) -> list[int]:
    async with database.write() as session:
        found = await session.scalars(
            insert(OutboxMessage).returning(OutboxMessage.id, sort_by_parameter_order=True), list(rows)
        )
        return list(found)


# --- found by an index --------------------------------------------------------------------------------------------


async def plans(database: Database, ask: Any) -> list[str]:
    """How the database would find what ``ask(session)`` asks for: its plan of each statement."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        asked.append((statement, parameters))

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    async with database.write() as session:
        await ask(session)
    event.remove(engine, "before_cursor_execute", note)
    found = []
    word = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    for statement, parameters in asked:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            async with database.engine.connect() as connection:
                lines = await connection.exec_driver_sql(f"{word} {statement}", parameters)
                found.append("\n".join(str(line[-1]) for line in lines))
    return found


@pytest.fixture
async def years(database: Database) -> Database:
    """A database in which nearly everything was done long ago."""
    old = [message(state="sent", chat_id=n % 500, priority=40) for n in range(4_000)]
    await fill(database, *old, *[message(priority=40, chat_id=n) for n in range(200)])
    await fill(database, message(state="sending"), message(state="held"), message(method="answer"))
    row = {"lane": 7, "body": "{}", "attempts": 0, "received_at": NOON}
    async with database.write() as session:
        await session.execute(
            insert(InboxUpdate),
            [{**row, "update_id": n, "state": "done", "done_at": NOON} for n in range(1, 4_001)],
        )
        await session.execute(
            insert(InboxUpdate), [{**row, "update_id": 9_000 + n, "state": "new"} for n in range(20)]
        )
    async with database.write() as session:
        await session.execute(text("ANALYZE"))
    return database


@pytest.mark.parametrize(
    ("index", "ask"),
    [
        (
            "ix_outbox_waiting",
            lambda s: queues.due_messages(s, at=NOON, not_chats=[1, 2], silent_chats=[3], limit=8),
        ),
        ("ix_outbox_waiting", lambda s: queues.due_messages(s, at=NOON, not_chats=[], limit=8)),
        ("ix_outbox_sending", queues.messages_in_doubt),
        ("ix_inbox_waiting", lambda s: queues.waiting_updates(s, {1, 2}, 200)),
    ],
)
async def test_what_waits_is_found_by_its_index(years: Database, index: str, ask: Any) -> None:
    """Not by reading years of what is done, and not sorted anew for each message."""
    (plan,) = await plans(years, ask)
    assert index in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


async def test_what_is_old_is_found_by_its_index(years: Database) -> None:
    """Looked for at every tick of the timetable."""
    inbox, outbox = await plans(years, lambda s: queues.forget(s, NOON - timedelta(days=7), limit=500))
    assert "ix_inbox_done" in inbox
    assert "ix_outbox_answers" in outbox


async def test_the_health_figures_read_no_table_of_years(years: Database) -> None:
    """Asked every few seconds by whoever watches."""
    for plan in await plans(years, lambda s: health.figures(s, NOON)):
        if "outbox" in plan or "inbox" in plan:
            assert "ix_" in plan


# --- claims -------------------------------------------------------------------------------------------------------


async def test_the_due_are_the_ready_in_order_of_urgency(database: Database) -> None:
    """Not those of a later time, of another state, of a resting chat; a button's answer also to a resting chat."""
    ids = await fill(
        database,
        message(priority=40),
        message(priority=10),
        message(priority=10, not_before=NOON + timedelta(seconds=1)),
        message(priority=10, not_before=NOON),
        message(priority=0, state="sending"),
        message(priority=0, state="held"),
        message(priority=20, chat_id=8),
        message(priority=0, chat_id=8, method="answer"),
        message(priority=0, chat_id=9, method="answer"),
    )
    async with database.read() as session:
        due = await queues.due_messages(session, at=NOON, not_chats=[8], silent_chats=[9], limit=10)
    assert [m.id for m in due] == [ids[7], ids[1], ids[3], ids[0]]


async def test_a_message_is_claimed_by_one(database: Database) -> None:
    """And only while it waits; what comes back is the row as it is now."""
    ids = await fill(database, message(priority=40), message(), message(state="expired"), message())
    async with database.write() as session:
        await queues.set_messages(session, [ids[1]], body={"html": "neu"})
        await queues.set_messages(session, [ids[3]], not_before=NOON + timedelta(hours=1))
    async with database.write() as session:
        first = await queues.claim_messages(session, ids, NOON)
    async with database.write() as session:
        second = await queues.claim_messages(session, ids, NOON)
    assert [(m.id, m.state, m.attempts) for m in first] == [(ids[1], "sending", 1), (ids[0], "sending", 1)]
    assert first[0].body == {"html": "neu"}
    assert second == []


async def test_a_result_counts_once_and_for_its_own_attempt(database: Database) -> None:
    """A late result of an earlier attempt changes nothing."""
    (number,) = await fill(database, message())
    async with database.write() as session:
        (first,) = await queues.claim_messages(session, [number], NOON)
        assert await queues.settle_message(session, first, state="pending")
    async with database.write() as session:
        (second,) = await queues.claim_messages(session, [number], NOON)
    async with database.write() as session:
        assert (first.attempts, second.attempts) == (1, 2)
        assert not await queues.settle_message(session, first, state="failed")
        assert await queues.settle_message(session, second, state="sent")
        assert not await queues.settle_message(session, second, state="failed")


async def test_a_dedupe_key_is_used_once(database: Database) -> None:
    """The second message of the same key is none."""
    async with database.write() as session:
        assert await queues.add_message(session, message(dedupe_key="x")) is not None
        assert await queues.add_message(session, message(dedupe_key="x")) is None
        assert await queues.add_message(session, message(dedupe_key=None)) is not None


# --- counters, jobs, lease -------------------------------------------------------------------------------------------


async def test_numbers_have_no_gaps_and_no_doubles(database: Database) -> None:
    """Twenty writers at once, some of whom fail: 1 to 15."""
    given: list[int] = []

    async def take(fails: bool) -> None:
        async with database.write() as session:
            number = await queues.next_number(session, "CP-20260817")
            await asyncio.sleep(0)
            if fails:
                raise RuntimeError("rolled back")
            given.append(number)

    await asyncio.gather(*(take(n % 4 == 0) for n in range(20)), return_exceptions=True)
    assert sorted(given) == list(range(1, 16))


async def test_a_job_is_claimed_once_for_its_slot(database: Database) -> None:
    """Also by two ticks at once."""

    async def claim(slot: str) -> bool:
        async with database.write() as session:
            return await queues.claim_job(session, "recheck", slot, NOON)

    assert sorted(await asyncio.gather(*(claim("evening") for _ in range(5)))) == [False] * 4 + [True]
    assert await claim("morning")


async def test_a_lease_is_taken_once_and_only_from_its_holder(database: Database) -> None:
    """Nobody's, or that of the one who was seen dead; not that of somebody who was faster."""
    async with database.write() as session:
        assert await queues.take_lease(session, "run", "a", NOON, 0, instead_of=None)
        assert not await queues.take_lease(session, "run", "b", NOON, 0, instead_of=None)
        assert await queues.take_lease(session, "run", "b", NOON, 0, instead_of="a")
        assert not await queues.take_lease(session, "run", "c", NOON, 0, instead_of="a")
        assert not await queues.renew_lease(session, "run", "a", NOON, 1)
        assert await queues.renew_lease(session, "run", "b", NOON, 1)
        await queues.drop_lease(session, "run", "a")
        row = await queues.lease(session, "run")
        assert row is not None
        assert row.holder == "b"
