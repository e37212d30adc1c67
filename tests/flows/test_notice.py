"""A market notice leaves only with two people, reaches whom it should, and can be stopped."""

import pytest

from services import timetable
from simulator import Person
from tests.desk import Desk
from tests.services.settled import published

TEXT = "自8月19日结算时起，螺纹钢保证金比例调整为9%（上期所通知）"


@pytest.fixture
async def zhou(desk: Desk) -> Person:
    return await desk.staff("zhou", name="周严", role="risk", code="R01", line="risk")


@pytest.fixture
async def wu(desk: Desk) -> Person:
    return await desk.staff("wu", name="吴敏", role="supervisor", code="S01", line="service")


async def write(zhou: Person, *, kind: str = "必达") -> None:
    await zhou.text("/notice")
    await zhou.wait_for("发给谁")
    await zhou.press("全部已绑定客户")
    await zhou.wait_for("必达")
    await zhou.press(kind)
    await zhou.wait_for("中文正文")
    await zhou.text(TEXT)
    await zhou.wait_for("英文正文")
    await zhou.press("不写英文")
    await zhou.wait_for("以上即客户看到的内容")


async def submit(zhou: Person) -> None:
    await zhou.press("提交复核")
    await zhou.wait_for("等待另一位同事批准")


async def test_a_notice_leaves_only_when_a_second_person_releases_it(
    desk: Desk, zhou: Person, wu: Person
) -> None:
    """The author sees it as the client will; nothing reaches a client before the second person's press."""
    wang = await desk.client("wang")
    await write(zhou)
    assert any(TEXT in m.text and "风险提示" in m.text for m in zhou.messages)
    await submit(zhou)
    card = await wu.wait_for("待复核的风险提示")
    assert TEXT in card.text
    await desk.settled()
    assert not any(TEXT in m.text for m in wang.messages)
    await wu.press("批准发送")
    notice = await wang.wait_for(TEXT)
    assert "MN-20260817-0001" in notice.text
    await (await wang.press("我已知悉")).answer()
    await zhou.text("/notices")
    listed = await zhou.wait_for("最近的风险提示")
    assert "已确认 1" in listed.text


async def test_the_author_cannot_release_and_a_second_press_changes_nothing(
    desk: Desk, zhou: Person, wu: Person
) -> None:
    """The release card goes to others only; pressing it twice sends once."""
    wang = await desk.client("wang")
    await write(zhou)
    await submit(zhou)
    await wu.wait_for("待复核")
    await wu.press("批准发送")
    await wang.wait_for(TEXT)
    await wu.press("批准发送")
    await wu.wait_for("已有结果")
    await desk.settled()
    assert sum(TEXT in m.text for m in wang.messages) == 1
    assert not any("批准发送" in row for m in zhou.messages for row in m.buttons)


async def test_an_optional_notice_respects_the_opt_out(desk: Desk, zhou: Person, wu: Person) -> None:
    """Whoever refused optional notices does not get one; the ledger says so."""
    wang = await desk.client("wang")
    li = await desk.client("li", account="80012346", name="李静", phone="+8613800000002")
    await wang.text("/notify")
    await wang.press("不再接收此类提示")
    await wang.wait_for("已关闭")
    await write(zhou, kind="可退订")
    await submit(zhou)
    await wu.wait_for("待复核")
    await wu.press("批准发送")
    await li.wait_for(TEXT)
    await desk.settled()
    assert not any(TEXT in m.text for m in wang.messages)
    await zhou.text("/notices")
    assert "退订 1" in (await zhou.wait_for("最近的风险提示")).text


async def test_an_optional_notice_waits_for_the_end_of_the_quiet_hours(
    desk: Desk, zhou: Person, wu: Person
) -> None:
    """Released at 22:30, it leaves at 08:00."""
    wang = await desk.client("wang")
    desk.sim.set_clock("2026-08-17T22:30:00+08:00")
    await write(zhou, kind="可退订")
    await submit(zhou)
    await wu.wait_for("待复核")
    await wu.press("批准发送")
    await wu.wait_for("静默时段")
    await desk.settled()
    assert not any(TEXT in m.text for m in wang.messages)
    desk.sim.set_clock("2026-08-18T08:01:00+08:00")
    await wang.wait_for(TEXT, timeout=8)


async def test_a_notice_can_be_stopped_while_it_waits(desk: Desk, zhou: Person, wu: Person) -> None:
    """Stopped in the quiet hours: what has not left never leaves."""
    wang = await desk.client("wang")
    desk.sim.set_clock("2026-08-17T22:30:00+08:00")
    await write(zhou, kind="可退订")
    await submit(zhou)
    await wu.wait_for("待复核")
    await wu.press("批准发送")
    await wu.wait_for("静默时段")
    await wu.press("停止发送")
    await wu.wait_for("已停止")
    desk.sim.set_clock("2026-08-18T08:01:00+08:00")
    await timetable.tick(desk.deps)
    await desk.settled()
    assert not any(TEXT in m.text for m in wang.messages)


async def test_a_notice_that_nobody_released_expires_with_its_day(
    desk: Desk, zhou: Person, wu: Person
) -> None:
    """The next day its author is told, and releasing it does nothing."""
    await write(zhou)
    await submit(zhou)
    await wu.wait_for("待复核")
    desk.sim.set_clock("2026-08-18T09:00:00+08:00")
    await zhou.wait_for("已作废", timeout=8)
    await wu.press("批准发送")
    await wu.wait_for("已有结果")


async def test_a_client_cannot_write_a_notice(desk: Desk) -> None:
    """The command is refused for everybody outside the desk."""
    wang = await desk.client("wang")
    await wang.text("/notice")
    await wang.wait_for("没有这项权限")


@pytest.mark.parametrize("product", ["RB", "螺纹钢"])
async def test_a_notice_for_holders_takes_the_product_however_it_is_written(
    desk: Desk, zhou: Person, wu: Person, product: str
) -> None:
    """Code in any case or name; what names none is refused at once, and the notice goes on."""
    desk.sim.set_clock("2026-08-17T16:30:00+08:00")
    holder = await desk.client("wang")
    other = await desk.client("zhao", account="80099999", name="赵强")
    await zhou.send_document("20260817.txt", published().encode())
    await zhou.wait_for("已导入")
    await zhou.text("/notice")
    await zhou.press("持有某品种")
    await zhou.wait_for("一个品种")
    await zhou.text("大家")
    await zhou.wait_for("没有认出")
    await zhou.text(product)
    await zhou.press("必达")
    await zhou.wait_for("中文正文")
    await zhou.text(TEXT)
    await zhou.press("不写英文")
    assert "持有某品种 rb，当前 1 个会话" in (await zhou.wait_for("以上即客户看到的内容")).text
    await submit(zhou)
    await wu.press("批准发送")
    await holder.wait_for(TEXT)
    await desk.settled()
    assert not any(TEXT in m.text for m in other.messages)


async def test_a_notice_for_a_tier_reaches_that_tier_and_never_names_it(
    desk: Desk, zhou: Person, wu: Person
) -> None:
    """Staff choose by the tier's name; the client reads the notice alone."""
    key = await desk.client("wang", tier="key")
    retail = await desk.client("zhao", account="80099999", name="赵强", tier="retail")
    await zhou.text("/notice")
    await zhou.press("某一级别")
    await zhou.press("关键")
    await zhou.press("可退订")
    await zhou.wait_for("中文正文")
    await zhou.text(TEXT)
    await zhou.press("不写英文")
    await zhou.wait_for("以上即客户看到的内容")
    await submit(zhou)
    assert "关键" in (await wu.wait_for("待复核的风险提示")).text
    await wu.press("批准发送")
    assert "关键" not in (await key.wait_for(TEXT)).text
    await desk.settled()
    assert not any(TEXT in m.text for m in retail.messages)
