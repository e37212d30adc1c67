"""What the health page and the metrics say, and when they say that something is wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import health, wiring
from bot.delivery import Delivery
from bot.inbox import Inbox
from bot.intake import Polling
from bot.lease import HeldLease
from bot.program import Running
from bot.settings import settings
from db import trouble
from db.engine import Database
from db.models import InboxUpdate, OutboxMessage
from services import outbox
from services.outbox import Priority
from services.work import working
from tests.desk import ROOT, fast_policy

NOW = datetime(2026, 8, 17, 4, tzinfo=UTC)


@dataclass
class Library:
    ready: bool = True


@pytest.fixture
async def running(database_url: str) -> AsyncIterator[Running]:
    """A program that holds the lease and reaches Telegram; its parts stand still."""
    database = Database(database_url)
    environment = {"QIFU_DATABASE_URL": database_url, "QIFU_BOT_TOKEN": "1:demo"}
    deps = wiring.deps(settings(environment, ROOT / "none"), fast_policy(), database)
    deps = replace(deps, now=lambda: NOW, wall=lambda: NOW)
    bot: Any = None
    polling = Polling(database, bot, deps.wall, lambda stored: None)
    polling.reachable = True
    lease = HeldLease(deps)
    await lease.take()
    app: Any = None
    library: Any = Library()
    delivery = Delivery(deps, bot)
    inbox = Inbox(deps, app, delivery, workers=1)
    yield Running(deps, app, lambda: library, lease, inbox, delivery, polling)
    await database.close()


async def test_a_house_in_order_is_well(running: Running) -> None:
    """No problems, and figures that hold nobody's data."""
    state = await health.probe(running)
    assert state["ok"]
    assert state["problems"] == []
    assert all(isinstance(value, int | float) for key, value in state.items() if key != "problems")


async def test_each_trouble_is_said(running: Running) -> None:
    """Telegram, the index, both queues: each by its own sentence."""
    assert running.polling is not None
    running.polling.reachable = False
    running.live().ready = False  # type: ignore[misc]  # the stand-in's attribute
    old = NOW - timedelta(seconds=40)
    async with working(running.deps) as work:
        work.session.add(
            InboxUpdate(update_id=1, lane=7, body="{}", state="new", attempts=0, received_at=old)
        )
        await outbox.put(work, 7, "text", {"html": "x"}, priority=Priority.MARGIN)
        await work.session.execute(update(OutboxMessage).values(created_at=old))
    state = await health.probe(running)
    assert not state["ok"]
    assert state["problems"] == [
        "telegram is out of reach",
        "the index of the library is being built",
        "updates wait too long in the inbox",
        "margin calls or replies wait too long in the outbox",
    ]


async def test_a_broadcast_that_waits_is_no_trouble(running: Running) -> None:
    """Ten thousand notices take their time."""
    async with working(running.deps) as work:
        await outbox.put(work, 7, "text", {"html": "x"}, priority=Priority.BROADCAST)
        await work.session.execute(update(OutboxMessage).values(created_at=NOW - timedelta(hours=1)))
    state = await health.probe(running)
    assert state["ok"]
    assert state["outbox_waiting"] == 1


async def test_a_run_that_waits_for_another_says_so(running: Running) -> None:
    """Not well, so that nobody sends it anything, and not silent either."""
    await running.lease.release()
    state = await health.probe(running)
    assert not state["ok"]
    assert state["problems"] == ["another run holds this database; waiting to take over"]


async def test_a_database_that_is_away_is_a_problem_and_not_a_crash(
    sqlite_url: str, running: Running
) -> None:
    """503 with the reason."""

    class Away(Database):
        @asynccontextmanager
        async def read(self) -> AsyncIterator[AsyncSession]:
            raise trouble.TimeoutError("no connection is free")
            yield

    away = Away(sqlite_url)
    state = await health.probe(replace_deps(running, away))
    assert state == {"ok": False, "problems": ["the database cannot be used"]}
    await away.close()


def replace_deps(running: Running, database: Database) -> Running:
    return Running(
        replace(running.deps, db=database),
        running.app,
        running.live,
        running.lease,
        running.inbox,
        running.delivery,
        running.polling,
    )


async def test_the_metrics_are_prometheus_text_and_count_what_waits(running: Running) -> None:
    """Every family is named qifu_..., and what was handled and sent is a counter."""
    async with working(running.deps) as work:
        await outbox.put(work, 7, "text", {"html": "x"})
        held = await outbox.put(work, 8, "text", {"html": "x"})
        await work.session.execute(update(OutboxMessage).where(OutboxMessage.id == held).values(state="held"))
    running.inbox.handled = 3
    families = {f.name: f for f in text_string_to_metric_families((await health.metrics(running)).decode())}
    assert all(name.startswith("qifu_") for name in families)
    assert families["qifu_outbox_waiting"].samples[0].value == 1
    assert families["qifu_outbox_held"].samples[0].value == 1
    assert families["qifu_telegram_reachable"].samples[0].value == 1
    assert families["qifu_updates_handled"].type == "counter"
    assert families["qifu_updates_handled"].samples[0].name == "qifu_updates_handled_total"
    assert families["qifu_updates_handled"].samples[0].value == 3
