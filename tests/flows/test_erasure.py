"""A person asks that what may go be erased; a second person decides; the person is told what stays."""

from typing import Any

import pytest
from sqlalchemy import select

from db.audit import first_break
from db.models import (
    AccountDay,
    AuditEntry,
    Case,
    Chat,
    Client,
    Consent,
    Erasure,
    Exchange,
    InboxUpdate,
    Link,
    OutboxMessage,
    Relay,
)
from domain.errors import Refusal
from services import access, erasure
from simulator import Person
from tests.desk import Desk


async def rows(desk: Desk, model: Any) -> list[Any]:
    async with desk.reading() as work:
        return list(await work.session.scalars(select(model)))


async def asked(person: Person) -> None:
    await person.text("/erase")
    await person.wait_for("删除个人信息")
    await person.press("申请删除")
    await person.wait_for("已收到您的删除申请")


async def test_what_may_go_goes_when_compliance_agrees_and_the_rest_stays(desk_on_each: Desk) -> None:
    """Texts, messages, raw updates and the link go; register, consents and the trail stay, and that is told."""
    desk = desk_on_each
    cao = await desk.staff("cao", name="曹颖", role="compliance", code="C01")
    chen = await desk.staff("chen", name="陈静", role="manager", code="M01")
    wang = await desk.client("wang", manager="M01")
    await wang.text("我的身份证忘带了怎么开户")
    await wang.text("/human")
    await chen.wait_for("客户对话")
    await wang.text("我住在北京路九号")
    await chen.wait_for("北京路九号")
    await wang.text("/end")
    await asked(wang)
    await cao.wait_for("删除申请")
    await desk.settled()
    await cao.press("已核实身份，批准删除")
    await cao.wait_for("已删除")
    told = await wang.wait_for("已办理", since=0)
    assert "至少 20 年" in told.text
    await desk.settled()
    kept = " ".join(str(m.body) for m in await rows(desk, OutboxMessage))
    kept += " ".join(str(u.body) for u in await rows(desk, InboxUpdate))
    kept += " ".join(f"{e.question}{e.answer}" for e in await rows(desk, Exchange))
    kept += " ".join(r.text or "" for r in await rows(desk, Relay))
    assert "北京路九号" not in kept
    assert "身份证忘带" not in kept
    assert all(link.until is not None for link in await rows(desk, Link) if link.client_id is not None)
    assert wang.id not in {chat.chat_id for chat in await rows(desk, Chat)}
    assert [c.account for c in await rows(desk, Client)] == ["80012345"]
    assert len(await rows(desk, Consent)) == 2
    [request] = await rows(desk, Erasure)
    assert (request.state, request.decided_by) == ("done", "staff:C01")
    assert request.erased["talk_texts"] >= 1
    async with desk.reading() as work:
        assert await first_break(work.session) is None
    assert "erasure.done" in {entry.action for entry in await rows(desk, AuditEntry)}
    await wang.text("/my")
    await wang.wait_for("需要先绑定")


async def test_nothing_goes_while_a_complaint_is_under_way(desk: Desk) -> None:
    """It has to be finished first; compliance refuses for that reason and the person is told."""
    cao = await desk.staff("cao", name="曹颖", role="compliance", code="C01")
    wang = await desk.client("wang")
    async with desk.work() as work:
        client = await work.session.scalar(select(Client))
        assert client is not None
        work.session.add(
            Case(
                number="CP-20260817-0001",
                kind="complaint",
                category="5",
                severity="general",
                state="open",
                client_id=client.id,
                chat_id=wang.id,
                facts="多收手续费",
                desk="officer",
                opened_at=work.now,
            )
        )
    await asked(wang)
    await cao.wait_for("删除申请")
    await cao.press("已核实身份，批准删除")
    await cao.wait_for("CP-20260817-0001")
    assert len(await rows(desk, Link)) == 2
    await cao.press("有未办结事项")
    refused = await wang.wait_for("未获批准")
    assert "有未办结事项" in refused.text
    assert (await rows(desk, Erasure))[0].state == "refused"


async def test_asking_twice_is_one_request_and_deciding_twice_decides_once(desk: Desk) -> None:
    """Buttons of a decided request say so."""
    cao = await desk.staff("cao", name="曹颖", role="compliance", code="C01")
    someone = await desk.stranger()
    await asked(someone)
    await someone.press("申请删除")
    await someone.wait_for("正在办理")
    assert len(await rows(desk, Erasure)) == 1
    await cao.wait_for("删除申请", since=0)
    await cao.press("身份未能核实")
    await cao.wait_for("已驳回")
    await cao.press("已核实身份，批准删除")
    await cao.wait_for("已经办理过了")


async def test_whoever_wrote_a_request_down_does_not_decide_it(desk: Desk) -> None:
    """Two people, also at the command line; another account's data is not touched."""
    await desk.client("wang")
    await desk.client("zhao", account="80099999", name="赵")
    async with desk.work() as work:
        number, new = await erasure.ask_for(work, "operator:li", "80012345")
        assert new
    with pytest.raises(Refusal, match="erase_second_person"):
        async with desk.work() as work:
            await erasure.approve(work, "operator:li", await erasure.id_of(work, number))
    async with desk.work() as work:
        await erasure.approve(work, "operator:he", await erasure.id_of(work, number))
    live = [link for link in await rows(desk, Link) if link.until is None]
    assert len(live) == 1
    assert await rows(desk, AccountDay) == []


async def test_staff_and_others_cannot_decide_or_ask(desk: Desk) -> None:
    """Compliance decides; work accounts are not erased here."""
    chen = await desk.staff("chen", name="陈静", role="manager", code="M01")
    wang = await desk.client("wang", manager="M01")
    await asked(wang)
    [request] = await rows(desk, Erasure)
    async with desk.reading() as work:
        manager = await access.actor_of(work, chen.id)
    with pytest.raises(Refusal, match="not_for_you"):
        async with desk.work() as work:
            await erasure.approve(work, manager, request.id)
    with pytest.raises(Refusal, match="erase_staff"):
        async with desk.work() as work:
            await erasure.ask(work, manager)
