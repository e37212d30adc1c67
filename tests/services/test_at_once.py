"""Two transactions at once: what is written on the strength of a consent, and commands that meet in a circle."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from bot import wiring
from bot.settings import policy, settings
from db import people
from db.engine import Database
from db.models import AuditEntry, Client, Consent, Link, OutboxMessage
from services import access, audit, consents, linking, outbox, withdrawals
from services.work import Deps, Work, carried_out, working
from tests.desk import ROOT

NOON = datetime(2026, 8, 18, 4, tzinfo=UTC)
CHAT = 501


@pytest.fixture
async def deps(database_url: str) -> AsyncIterator[Deps]:
    """The services on a database with one linked client who agreed to figures in chat."""
    database = Database(database_url)
    built = wiring.deps(settings({}, ROOT / "none"), policy(ROOT / "config.yaml"), database)
    built = replace(built, now=lambda: NOON)
    async with working(built) as work:
        client = Client(
            account="80012345",
            name="王明",
            kind="person",
            tier="key",
            tier_source="register",
            created_at=NOON,
        )
        work.session.add(client)
        await people.add_chat(work.session, CHAT, "zh", NOON)
        await work.session.flush()
        work.session.add(Link(chat_id=CHAT, client_id=client.id, since=NOON))
        version = work.policy.privacy.consent_version
        for purpose in work.policy.privacy.purposes:
            work.session.add(
                Consent(
                    chat_id=CHAT, client_id=client.id, purpose=purpose, text_version=version, given_at=NOON
                )
            )
    yield built
    await database.close()


async def _figures(work: Work) -> bool:
    """What every feature does that shows figures in chat."""
    who = await access.actor(work, CHAT)
    if who.client is None or not await consents.complete(work, CHAT, who.client.id):
        return False
    await outbox.say_html(
        work, CHAT, "12,921.50", lang="zh", template="account.summary", account=who.client.account
    )
    return True


async def _take_back(work: Work) -> None:
    who = await access.actor(work, CHAT)
    assert who.client is not None
    await withdrawals.take_consent_back(work, who, who.client.id, next(iter(work.policy.privacy.purposes)))


async def _unlink(work: Work) -> None:
    who = await access.actor(work, CHAT)
    assert who.client is not None
    await linking.unlink(work, who, who.client.id)


async def _in_one(deps: Deps, do: object) -> object:
    async with working(deps) as work:
        return await do(work)  # type: ignore[operator]


async def _waiting(deps: Deps) -> list[str]:
    async with deps.db.read() as session:
        rows = await session.scalars(
            select(OutboxMessage.state).where(OutboxMessage.template == "account.summary")
        )
        return list(rows)


@pytest.mark.parametrize("end", [_take_back, _unlink])
async def test_figures_are_not_written_while_the_consent_is_being_ended(deps: Deps, end: object) -> None:
    """Ended first, not committed yet: whoever would show figures waits and finds no consent."""
    async with working(deps) as work:
        await end(work)  # type: ignore[operator]
        showing = asyncio.create_task(_in_one(deps, _figures))
        await asyncio.sleep(0.1)
    assert await showing is False
    assert await _waiting(deps) == []


@pytest.mark.parametrize("end", [_take_back, _unlink])
async def test_figures_that_were_written_before_the_consent_ended_are_withdrawn(
    deps: Deps, end: object
) -> None:
    """Written first, not committed yet: the end waits for it, and finds the message."""
    async with working(deps) as work:
        assert await _figures(work)
        ending = asyncio.create_task(_in_one(deps, end))
        await asyncio.sleep(0.1)
    await ending
    assert await _waiting(deps) == ["expired"]


async def test_a_command_that_met_another_in_a_circle_is_carried_out_once(deps: Deps) -> None:
    """One holds the audit trail's turn and wants a client's row, the other the other way round: both are done."""
    if deps.db.is_sqlite:
        pytest.skip("writers of SQLite take turns: there is no circle")
    holds, tries = asyncio.Event(), 0

    async def other() -> None:
        async with working(deps) as work:
            await work.session.execute(text("SET LOCAL deadlock_timeout = '10s'"))
            await work.session.execute(update(Client).values(name="李明"))
            holds.set()
            await audit.note(work, "other", "test.other", "client:1")

    async def command(work: Work) -> int:
        nonlocal tries
        tries += 1
        await work.session.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
        await audit.note(work, "operator", "test.command", "client:1")
        if tries == 1:
            running.append(asyncio.create_task(other()))
            await holds.wait()
            await asyncio.sleep(0.05)
        await work.session.execute(update(Client).values(tier="premier"))
        return tries

    running: list[asyncio.Task[None]] = []
    assert await carried_out(deps, command) == 2
    await asyncio.gather(*running)
    async with deps.db.read() as session:
        assert (await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))).all() == [
            "test.other",
            "test.command",
        ]
        assert (await session.execute(select(Client.name, Client.tier))).one() == ("李明", "premier")


async def test_what_is_wrong_with_a_command_is_said_at_the_first_try(deps: Deps) -> None:
    """Only giving way to another is tried again."""
    tries = []

    async def command(work: Work) -> None:
        tries.append(1)
        await work.session.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(DBAPIError):
        await carried_out(deps, command)
    assert len(tries) == 1
