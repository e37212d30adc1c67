"""A client's month from settlements and trades, and how long clients stay, on both databases."""

from collections.abc import AsyncIterator
from datetime import date

import pytest

from db import client_files as rows
from db.models import OutboxMessage
from domain.errors import Refusal
from messages.canvas import font
from services import access, client_files, outbox, withdrawals
from services.work import working
from tests.services.settled import Settled, settled
from tests.services.surveyed import settle, weekdays
from tests.services.test_introducers import traded

drawing = pytest.mark.skipif(font() is None, reason="no font with Chinese on this machine: no pictures")


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[Settled]:
    async with settled(database_url) as opened:
        yield opened


async def test_the_month_is_the_last_whole_one(house: Settled) -> None:
    """July, though August has begun; the figures are the account's own."""
    client = await house.client("1001", chats=(31,))
    await settle(house, ["1001", "1002"], weekdays(50))
    async with working(house.deps) as work:
        who = await access.actor_of(work, 31)
        days = await rows.days_between(work.session, "1001", date(2026, 7, 1), date(2026, 7, 31))
        assert who.client is not None
        report = await client_files._report(work, "zh", who.client, date(2026, 7, 1), days)
    assert client == who.client.id
    assert report.title == "2026-07  交易报告"
    assert report.owner == "王*  尾号 1001"
    assert dict(report.money)["期末权益"] == "100,000.00"
    assert dict(report.traits)["最高公司风险度"] == "36.4%"
    assert len(report.days) == len(days) == 23


async def test_turnover_by_product_and_days_with_a_trade(house: Settled) -> None:
    """A thousand lots of rb at 3,000 x 10."""
    await house.client("1001", chats=(31,))
    await traded(house, "1001", date(2026, 7, 15), lots=1000, fee="4500.00")
    async with working(house.deps) as work:
        who = await access.actor_of(work, 31)
        days = await rows.days_between(work.session, "1001", date(2026, 7, 1), date(2026, 7, 31))
        assert who.client is not None
        report = await client_files._report(work, "zh", who.client, date(2026, 7, 1), days)
    assert report.products == (("螺纹钢", 30_000_000.0),)
    assert dict(report.traits)["每手平均手续费"] == "4.50"
    assert dict(report.money)["手续费"] == "4,500.00"


async def test_only_the_own_account_and_only_with_consent(house: Settled) -> None:
    """A stranger, a client without consent, a client before the first settlement: each with its own words."""
    await house.client("1001", chats=(31,), consent=False)
    await house.client("1002", chats=(32,))
    for chat_id, code in ((99, "not_linked"), (31, "files_need_consent"), (32, "no_settlement")):
        async with working(house.deps) as work:
            who = await access.actor_of(work, chat_id)
            for ask in (client_files.trend, client_files.month_file):
                with pytest.raises(Refusal, match=code):
                    await ask(work, who)


@drawing
async def test_retention_is_drawn_from_trades_and_opening_days(house: Settled) -> None:
    """Twelve clients of one manager, one of whom stopped in March; only supervisors see it."""
    manager = await house.staff("M1", "manager", 11)
    await house.staff("S1", "supervisor", 12)
    for n in range(12):
        account = f"{1001 + n}"
        await house.client(account, manager=manager, opened_on=date(2026, 1, 5))
        for month in range(1, 8):
            if n or month < 4:
                await traded(house, account, date(2026, month, 15), lots=1, fee="1.00")
    async with working(house.deps) as work:
        seen = await rows.first_and_last_trades(work.session)
        assert {(name, last - first) for name, _, first, last in seen} == {("员工M1", 6), ("员工M1", 2)}
        picture = await client_files.retention_curves(work, await access.actor_of(work, 12))
        assert picture is not None
        with pytest.raises(Refusal, match="not_for_you"):
            await client_files.retention_curves(work, await access.actor_of(work, 11))


@drawing
async def test_a_report_on_its_way_does_not_leave_once_consent_is_taken_back(house: Settled) -> None:
    """The file that waits is emptied; nothing else of the chat is touched."""
    client = await house.client("1001", chats=(31,))
    await settle(house, ["1001"], weekdays(3))
    async with working(house.deps) as work:
        who = await access.actor_of(work, 31)
        found = await client_files.month_file(work, who)
        facts = {"month": found.month, "account": "1001"}
        await outbox.say_file(
            work, 31, "client_files.report", file_name=found.name, data=found.data, lang="zh", **facts
        )
        await outbox.say(work, 31, "client_files.nothing")
    async with working(house.deps) as work:
        await withdrawals.take_consent_back(work, await access.actor_of(work, 31), client, "figures")
    states = {m.template: (m.state, bool(m.body)) for m in await house.all(OutboxMessage) if m.chat_id == 31}
    assert states == {"client_files.report": ("expired", False), "client_files.nothing": ("pending", True)}
