"""Two transactions at once: whoever comes second sees what the first one did, on PostgreSQL as on SQLite."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from db import locks, talks
from db.models import Case, Client, Conversation, Counter, Delivery, OutboxMessage, Relay
from domain.people import Actor
from services import access, contact, notices, reminders, tasks
from services.contact import Said
from services.work import Work, reading, working
from tests.services.settled import Settled, second_case, settled

CLIENT, OFFICER = 101, 204


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[Settled]:
    async with settled(database_url) as opened:
        yield opened


async def speaking(house: Settled, chat_id: int) -> Actor:
    async with reading(house.deps) as work:
        return await access.actor_of(work, chat_id)


async def while_open(
    house: Settled,
    first: Callable[[Work], Awaitable[Any]],
    second: Callable[[Work], Awaitable[Any]],
) -> None:
    """``first`` has done its work and not committed yet when ``second`` begins."""
    done, begun = asyncio.Event(), asyncio.Event()

    async def one() -> None:
        async with working(house.deps) as work:
            await first(work)
            done.set()
            await begun.wait()
            await asyncio.sleep(0.1)

    async def two() -> None:
        await done.wait()
        begun.set()
        async with working(house.deps) as work:
            await second(work)

    await asyncio.gather(one(), two())


async def test_a_locked_row_is_read_as_it_is_now(house: Settled) -> None:
    """Not as the session knew it before it waited."""
    async with working(house.deps) as work:
        work.session.add(Counter(name="x", last=1))

    async def counts(work: Work) -> None:
        (await work.session.get_one(Counter, "x")).last = 2

    async with house.deps.db.read() as session:
        await session.get_one(Counter, "x")
        await house.run(counts)
        found = await locks.locked(session, Counter, "x") if not house.deps.db.is_sqlite else None
        assert found is None or found.last == 2


async def a_talk(house: Settled, staff_id: int | None) -> int:
    async with working(house.deps) as work:
        row = Conversation(
            chat_id=CLIENT,
            staff_id=staff_id,
            state="open",
            opened_at=work.now,
            promised_by=work.now,
            last_at=work.now,
        )
        work.session.add(row)
        await work.session.flush()
        return row.id


async def test_words_said_while_somebody_takes_the_conversation_reach_the_taker(house: Settled) -> None:
    """They are neither kept for nobody nor passed on twice."""
    await house.client(chats=(CLIENT,))
    await house.staff("S01", "officer", OFFICER)
    talk = await a_talk(house, None)
    client, officer = await speaking(house, CLIENT), await speaking(house, OFFICER)
    await while_open(
        house,
        lambda work: contact.take(work, officer, talk),
        lambda work: contact.client_says(work, client, Said(7, "在吗")),
    )
    [relay] = await house.all(Relay)
    assert relay.to_chat == OFFICER
    assert [text for text in await house.said(OFFICER) if "在吗" in text]


async def test_words_said_while_the_taking_is_under_way_the_other_way_round(house: Settled) -> None:
    """The client was faster: the taker gets what was kept."""
    await house.client(chats=(CLIENT,))
    await house.staff("S01", "officer", OFFICER)
    talk = await a_talk(house, None)
    client, officer = await speaking(house, CLIENT), await speaking(house, OFFICER)
    await while_open(
        house,
        lambda work: contact.client_says(work, client, Said(7, "在吗")),
        lambda work: contact.take(work, officer, talk),
    )
    [relay] = await house.all(Relay)
    assert relay.to_chat == OFFICER


async def test_a_conversation_that_both_sides_end_ends_once(house: Settled) -> None:
    """One goodbye each."""
    await house.client(chats=(CLIENT,))
    officer_id = await house.staff("S01", "officer", OFFICER)
    talk = await a_talk(house, officer_id)
    client, officer = await speaking(house, CLIENT), await speaking(house, OFFICER)

    async def ends_again(work: Work) -> None:
        assert not await contact.end(work, client)

    await while_open(house, lambda work: contact.end(work, officer, talk), ends_again)
    assert len(await house.said(CLIENT)) == 1


async def test_who_is_speaking_is_not_cut_off_for_silence(house: Settled) -> None:
    """The clock leaves a conversation alone in which a message is being handled."""
    await house.client(chats=(CLIENT,))
    officer_id = await house.staff("S01", "officer", OFFICER)
    talk = await a_talk(house, officer_id)
    async with working(house.deps) as work:
        row = await work.session.get_one(Conversation, talk)
        row.first_reply_at = work.now
    client = await speaking(house, CLIENT)
    house.set_clock("2026-08-18 16:30")
    await while_open(
        house, lambda work: contact.client_says(work, client, Said(7, "还有一个问题")), contact.end_idle
    )
    [row] = await house.all(Conversation)
    assert row.state == "open"


async def test_an_acknowledgement_is_not_overwritten_by_the_receipt_of_its_message(house: Settled) -> None:
    """The client may press before Telegram's answer is stored."""
    await house.client(chats=(CLIENT,))
    await house.take(second_case())
    [line] = await house.all(Delivery)
    client = await speaking(house, CLIENT)
    await while_open(
        house,
        lambda work: reminders.acknowledge(work, client, line.id),
        lambda work: reminders.delivery_sent(work, line.id, [9]),
    )
    [line] = await house.all(Delivery)
    assert (line.state, line.message_id) == ("acknowledged", 9)


async def test_a_confirmed_notice_is_not_overwritten_by_the_receipt_of_its_message(house: Settled) -> None:
    """The same for notices to many."""
    await house.client(chats=(CLIENT,))
    await house.take(second_case())
    [line] = await house.all(Delivery)
    client = await speaking(house, CLIENT)
    async with working(house.deps) as work:
        await notices.acknowledge(work, client, line.id)
    async with working(house.deps) as work:
        await notices.broadcast_sent(work, line.id, [9])
    [line] = await house.all(Delivery)
    assert (line.state, line.message_id) == ("acknowledged", 9)


async def test_two_reasons_at_once_are_one_task(house: Settled) -> None:
    """A client has one open task to phone, whoever asks."""
    await house.staff("S01", "officer", OFFICER)
    client_id = await house.client(chats=(CLIENT,))

    async def ask(work: Work, reason: str) -> None:
        await tasks.open_one(work, await work.session.get_one(Client, client_id), reason)

    await while_open(house, lambda work: ask(work, "asked"), lambda work: ask(work, "risk_desk"))
    assert len(await house.all(Case)) == 1


async def test_an_edit_made_while_its_message_is_on_the_way_follows_it(house: Settled) -> None:
    """Too late for the outbox, too early for the other chat: it is sent as an edit once the copy stands there."""
    await house.client(chats=(CLIENT,))
    officer_id = await house.staff("S01", "officer", OFFICER)
    await a_talk(house, officer_id)
    client = await speaking(house, CLIENT)
    async with working(house.deps) as work:
        await contact.client_says(work, client, Said(7, "卖出"))
    async with working(house.deps) as work:
        [copy] = [m for m in await house.all(OutboxMessage) if m.chat_id == OFFICER]
        (await work.session.get_one(OutboxMessage, copy.id)).state = "sending"
    async with working(house.deps) as work:
        await contact.edited(work, client, 7, "买入", is_caption=False)
    async with working(house.deps) as work:
        [first, _] = await house.all(Relay)
        await contact.relays_sent(work, [first.id], [55])
    [edit] = [m for m in await house.all(OutboxMessage) if m.method == "edit"]
    assert (edit.chat_id, edit.body["message_id"]) == (OFFICER, 55)
    assert "买入" in edit.body["html"]
    async with working(house.deps) as work:
        assert (await talks.relays_from(work.session, CLIENT, 7))[-1].to_message == 55
