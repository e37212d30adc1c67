"""Many people at once, on SQLite and on PostgreSQL with its four workers: nothing is lost, doubled or out of order."""

import asyncio
import re

from sqlalchemy import func, select

from db.audit import first_break
from db.models import AuditEntry, Case, CaseEvent, Conversation, InboxUpdate, OutboxMessage, Relay
from simulator import Person
from tests.desk import Desk

WORDS = 4
CLIENTS = 5
CATEGORIES = (
    "1 开户",
    "2 交易",
    "3 系统",
    "4 结算",
    "5 手续费",
)  # the same one of many would be a major matter


async def all_well(desk: Desk) -> None:
    """No update failed, no message stays, and the trail has no fork."""
    await desk.settled(timeout=40)
    async with desk.reading() as work:
        failed = await work.session.scalar(select(func.count()).where(InboxUpdate.state == "failed"))
        stuck = list(
            await work.session.scalars(
                select(OutboxMessage.error).where(OutboxMessage.state.in_(("failed", "held")))
            )
        )
        assert (failed, stuck) == (0, [])
        assert await first_break(work.session) is None


async def test_words_of_many_clients_reach_whoever_takes_them_once_and_in_order(desk_on_each: Desk) -> None:
    """Two officers grab at the pool's conversations while the clients go on writing."""
    desk = desk_on_each
    officers = [
        await desk.staff(f"officer{n}", name=f"专员{n}", role="officer", code=f"S{n:02d}") for n in (1, 2)
    ]
    clients = [
        await desk.client(f"client{n}", account=f"8001000{n}", name=f"客{n}", phone=f"+861380000001{n}")
        for n in range(CLIENTS)
    ]
    await asyncio.gather(*(client.text("/human") for client in clients))
    await desk.settled()

    async def writes(n: int, client: Person) -> None:
        for word in range(WORDS):
            await client.text(f"甲{n}话{word}")
            await asyncio.sleep(0.02)

    async def grabs(officer: Person) -> None:
        for message in [m for m in officer.messages if any("接单" in b for row in m.buttons for b in row)]:
            await officer.press("接单", message=message)

    await asyncio.gather(*(writes(n, c) for n, c in enumerate(clients)), *(grabs(o) for o in officers))
    await all_well(desk)
    async with desk.reading() as work:
        talks = list(await work.session.scalars(select(Conversation)))
        assert len(talks) == CLIENTS
        assert all(talk.staff_id is not None for talk in talks)
        lost = await work.session.scalar(select(func.count()).where(Relay.to_chat == 0))
        assert lost == 0
    heard = [re.findall(r"甲\d话\d", m.text) for officer in officers for m in officer.messages]
    words = [word for found in heard for word in found]
    for n in range(CLIENTS):
        assert [w for w in words if w.startswith(f"甲{n}")] == [f"甲{n}话{word}" for word in range(WORDS)]


async def test_complaints_filed_at_once_get_numbers_of_their_own_and_one_owner_each(
    desk_on_each: Desk,
) -> None:
    """Both officers press on every card; the second hears who has it."""
    desk = desk_on_each
    officers = [
        await desk.staff(f"officer{n}", name=f"专员{n}", role="officer", code=f"S{n:02d}", line="service")
        for n in (1, 2)
    ]
    await desk.staff("cao", name="曹颖", role="compliance", code="C01", line="compliance")
    clients = [
        await desk.client(
            f"client{n}", account=f"8001000{n}", name=f"客{n}", phone=f"+861380000001{n}", tier="retail"
        )
        for n in range(CLIENTS)
    ]

    async def complains(client: Person, category: str) -> None:
        await client.text("/complain")
        await client.press(category)
        await client.wait_for("是否涉及具体人员", timeout=20)
        await client.press("不涉及具体人员")
        await client.wait_for("事情经过", timeout=20)
        await client.text("平今手续费多收了")
        await client.press("写好了")
        await client.press("没有具体诉求")
        await client.press("没有材料")
        await client.wait_for("请核对后提交", timeout=20)
        await client.press("确认提交")
        await client.wait_for("投诉已登记", timeout=20)

    await asyncio.gather(*(complains(client, name) for client, name in zip(clients, CATEGORIES, strict=True)))
    await desk.settled(timeout=40)

    async def grabs(officer: Person) -> None:
        for message in [m for m in officer.messages if any("接单" in b for row in m.buttons for b in row)]:
            await officer.press("接单", message=message)

    await asyncio.gather(*(grabs(officer) for officer in officers))
    await all_well(desk)
    async with desk.reading() as work:
        cases = list(await work.session.scalars(select(Case)))
        taken = list(await work.session.scalars(select(CaseEvent.case_id).where(CaseEvent.kind == "taken")))
        opened = await work.session.scalar(select(func.count()).where(AuditEntry.action == "case.opened"))
    assert len({case.number for case in cases}) == len(cases) == opened == CLIENTS
    assert sorted(taken) == sorted(case.id for case in cases)
