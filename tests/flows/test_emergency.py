"""An emergency: whoever the client is, it goes to the people on duty as well, with a time sooner than any tier's."""

import pytest

from simulator import Person
from tests.desk import Desk


@pytest.fixture
async def chen(desk_on_each: Desk) -> Person:
    return await desk_on_each.staff("chen", name="陈静", role="manager", code="M01")


@pytest.fixture
async def zhou(desk_on_each: Desk) -> Person:
    return await desk_on_each.staff("zhou", name="周岩", role="risk", code="R01")


@pytest.mark.parametrize("tier", ["retail", "premier"])
async def test_an_emergency_reaches_risk_on_duty_and_the_manager_in_ten_minutes_for_every_tier(
    desk_on_each: Desk, chen: Person, zhou: Person, tier: str
) -> None:
    """The reason stands on both cards; the first to take it has it, and the other learns so."""
    wang = await desk_on_each.client("wang", manager="M01", tier=tier)
    desk_on_each.sim.set_clock("2026-08-17T14:00:00+08:00")
    await wang.text("救命，系统崩了下不了单")
    told = await wang.wait_for("已按紧急情况通知")
    assert "风控值班" in told.text
    assert "陈静" in told.text
    assert "8月17日（周一）14:10" in told.text
    for member in (zhou, chen):
        assert "紧急 · 无法下单或平仓" in (await member.wait_for("客户对话 #")).text
    await zhou.press("接单")
    await wang.wait_for("周岩")
    await chen.press("接单")
    await chen.wait_for("已由同事接手")


async def test_outside_duty_hours_it_is_said_who_was_told_until_when_and_whom_to_phone(
    desk_on_each: Desk, chen: Person, zhou: Person
) -> None:
    """Saturday noon: Monday morning is promised, not ten minutes."""
    wang = await desk_on_each.client("wang", manager="M01")
    desk_on_each.sim.set_clock("2026-08-22T12:00:00+08:00")
    await wang.text("我的账户被盗了")
    told = (await wang.wait_for("已按紧急情况通知")).text
    company = desk_on_each.deps.policy.company
    assert "现在不在值班时段" in told
    assert "8月24日（周一）08:40" in told
    assert company.hotline in told
    assert company.risk_phone in told
    assert "110" in told


async def test_the_night_session_has_people_on_duty(desk_on_each: Desk, chen: Person, zhou: Person) -> None:
    """At 22:00 before a trading day the desk's day is over, and the risk desk's is not."""
    wang = await desk_on_each.client("wang", manager="M01")
    desk_on_each.sim.set_clock("2026-08-17T22:00:00+08:00")
    await wang.text("要强平了怎么办快帮我")
    assert "8月17日（周一）22:10" in (await wang.wait_for("已按紧急情况通知")).text


async def test_where_nobody_of_risk_is_at_work_the_service_team_is_told(
    desk_on_each: Desk, chen: Person
) -> None:
    """And the client is not told that the risk desk knows."""
    li = await desk_on_each.staff("li", name="李服", role="officer", code="O01")
    wang = await desk_on_each.client("wang", manager="M01")
    await wang.text("救命，系统崩了下不了单")
    assert "已按紧急情况通知人工服务组" in (await wang.wait_for("已按紧急情况")).text
    await li.wait_for("紧急")
    await chen.wait_for("紧急")


async def test_who_waits_for_a_person_and_writes_of_an_emergency_is_heard(
    desk_on_each: Desk, chen: Person, zhou: Person
) -> None:
    """It turns out in an open conversation that nobody answered: more people get it, and the time is sooner."""
    wang = await desk_on_each.client("wang", manager="M01")
    await wang.text("/human")
    await wang.wait_for("已为您接通")
    await wang.text("救命，系统崩了平不掉仓")
    await wang.wait_for("已按紧急情况通知")
    await zhou.wait_for("紧急 · 无法下单或平仓")
    await zhou.press("接单")
    await zhou.wait_for("救命，系统崩了平不掉仓")
    await wang.text("救命，还是平不掉仓")
    await zhou.wait_for("还是平不掉仓")
    await desk_on_each.settled()
    assert len([m for m in wang.messages if "已按紧急情况" in m.text]) == 1
