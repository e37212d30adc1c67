"""A client's own picture and report in chat, and the supervisor's pictures of all."""

import pytest

from messages.canvas import font
from services import ratings
from tests.desk import Desk
from tests.services.settled import Settled
from tests.services.surveyed import NEWEST, settle, weekdays
from tests.services.test_ratings import history

pytestmark = pytest.mark.skipif(font() is None, reason="no font with Chinese on this machine: no pictures")


async def test_a_client_gets_sixty_days_and_the_months_report(desk: Desk) -> None:
    """The picture with its words, then the PDF by one press; both to the own chat only."""
    wang = await desk.client("wang", account="1001")
    li = await desk.client("li", account="1002", name="李静", phone="+8613800000002")
    before = len(li.messages)
    await settle(Settled(desk.deps, [desk.deps.now()]), ["1001"], weekdays(70))
    await wang.text("/trend")
    told = await wang.wait_for("近 60 个结算日风险度")
    assert "36.4%" in told.text
    await desk.settled()
    assert len(desk.sim.calls_of("sendPhoto")) == 1
    await wang.press("月度交易报告")
    told = await wang.wait_for("2026 年 7 月交易报告")
    await desk.settled()
    assert len(desk.sim.calls_of("sendDocument")) == 1
    assert len(li.messages) == before


async def test_without_consent_nothing_is_drawn(desk: Desk) -> None:
    """Neither the picture nor the report; the way to consent is named."""
    wang = await desk.client("wang", account="1001", consent=False)
    await settle(Settled(desk.deps, [desk.deps.now()]), ["1001"], weekdays(3))
    for command in ("/trend", "/report"):
        await wang.text(command)
        await wang.wait_for("/privacy")
    await desk.settled()
    assert not desk.sim.calls_of("sendPhoto")
    assert not desk.sim.calls_of("sendDocument")


async def test_a_supervisor_sees_the_flow_between_tiers(desk: Desk) -> None:
    """Before there are two months there is no picture, and the words say so; then there is one."""
    wu = await desk.staff("wu", name="吴敏", role="supervisor", code="S01")
    house = Settled(desk.deps, [desk.deps.now()])
    await house.client("1001", tier="retail", tier_source="default")
    await history(house, "1001", commission=120_120, equity=100_000, months=13)
    await ratings.rate(desk.deps, NEWEST.replace(month=7))
    await wu.text("/tiers")
    await wu.wait_for("分级总览")
    await wu.press("分级流动图")
    await wu.wait_for("数据还不够")
    await ratings.rate(desk.deps, NEWEST)
    await wu.press("分级流动图")
    await wu.wait_for("仅供内部使用")
    await desk.settled()
    assert len(desk.sim.calls_of("sendPhoto")) == 1
