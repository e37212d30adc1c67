"""From a settlement file to a client who knows: sent by the risk desk, told, acknowledged, or phoned."""

import pytest

from services import chats
from simulator import Person
from tests.desk import Desk
from tests.services.settled import published, second_case

EVENING = "2026-08-17T16:30:00+08:00"


@pytest.fixture
async def xu(desk: Desk) -> Person:
    desk.sim.set_clock(EVENING, running=True)
    return await desk.staff("xu", name="许强", role="risk", code="R01")


@pytest.fixture
async def chen(desk: Desk) -> Person:
    return await desk.staff("chen", name="陈静", role="manager", code="M01")


@pytest.fixture
async def wang(desk: Desk, chen: Person) -> Person:
    return await desk.client("wang", manager="M01")


async def test_the_risk_officer_sends_the_statement_and_the_client_acknowledges(
    desk: Desk, xu: Person, chen: Person, wang: Person
) -> None:
    """A document becomes a reminder; one press records it, tells the manager and shows on the message."""
    await xu.send_document("20260817.txt", second_case().encode())
    await xu.wait_for("正在导入")
    told = await wang.wait_for("应追加 2,921.50 元")
    assert told.buttons == [["我已知悉", "查看试算", "联系风控"]]
    await xu.wait_for("已导入")
    assert "王*" in (await chen.wait_for("追加保证金")).text
    pressed = await wang.press("我已知悉")
    assert (await pressed.answer())["text"] == "已记录您的确认"
    await desk.settled()
    assert "已确认收到" in told.text
    assert told.buttons == [["查看试算", "联系风控"]]
    await chen.wait_for("已确认追加保证金提醒")


async def test_a_second_press_says_since_when(desk: Desk, xu: Person, chen: Person, wang: Person) -> None:
    """An old phone may still show the button."""
    await xu.send_document("20260817.txt", second_case().encode())
    told = await wang.wait_for("应追加")
    data = told.keyboard["inline_keyboard"][0][0]["callback_data"]
    await wang.press("我已知悉")
    await desk.settled()
    again = await wang.press_data(data, told.id)
    assert "您已在此前确认" in (await again.answer())["text"]
    await desk.settled()
    assert len([m for m in chen.messages if "已确认追加保证金提醒" in m.text]) == 1


async def test_the_client_sees_the_sums_and_asks_the_risk_desk_to_call(
    desk: Desk, xu: Person, chen: Person, wang: Person
) -> None:
    """The arithmetic line by line; the desk's number; a task of the risk desk."""
    await xu.send_document("20260817.txt", second_case().encode())
    await wang.wait_for("应追加")
    await wang.press("查看试算")
    await wang.wait_for("3,030 × 10 × 6 手 × 12.00% = 21,816.00 元")
    await wang.press("联系风控")
    await wang.wait_for("400-000-0001")
    await wang.press("请风控回电")
    await wang.wait_for("已通知风控")
    await xu.wait_for("客户请风控回电")


async def test_a_client_who_blocked_the_bot_is_phoned_by_the_manager(
    desk: Desk, xu: Person, chen: Person, wang: Person
) -> None:
    """Within seconds a task with the reminder's number; taken, called, done on the card itself."""
    await wang.block()
    await desk.settled()
    await xu.send_document("20260817.txt", second_case().encode())
    card = await chen.wait_for("提醒无法送达")
    assert "MC-20260817-0001" in card.text
    await chen.press("接单")
    await desk.settled()
    assert "已接单" in card.text
    await chen.press("已联系")
    await desk.settled()
    assert card.buttons[0] == ["已到位", "将入金", "将自行减仓"]
    await chen.press("将入金")
    await desk.settled()
    assert "结果：将入金" in card.text
    assert card.buttons == []


async def test_delivery_that_fails_after_all_becomes_a_task(
    desk: Desk, xu: Person, chen: Person, wang: Person
) -> None:
    """The block is noticed only when Telegram refuses the message."""
    await wang.block()
    await desk.settled()
    async with desk.work() as work:
        await chats.blocked(work, wang.id, False)
    await xu.send_document("20260817.txt", second_case().encode())
    assert "电话任务 TK-20260817-0001" in (await chen.wait_for("提醒无法送达")).text


async def test_the_manager_sees_only_the_own_clients_at_risk(
    desk: Desk, xu: Person, chen: Person, wang: Person
) -> None:
    """/risk: the desk all, a manager the own; a client does not have the command."""
    other = await desk.staff("he", name="何佳", role="manager", code="M02")
    await xu.send_document("20260817.txt", second_case().encode())
    await wang.wait_for("应追加")
    await xu.text("/risk")
    assert "王*" in (await xu.wait_for("风险账户 1 户")).text
    await chen.text("/risk")
    await chen.wait_for("风险账户 1 户")
    await other.text("/risk")
    await other.wait_for("目前没有关注档及以上的账户")
    await wang.text("/risk")
    await desk.settled()
    assert not any("风险账户" in m.text for m in wang.messages)


async def test_a_wrong_file_is_refused_in_chat_with_the_line_and_nothing_is_stored(
    desk: Desk, xu: Person
) -> None:
    """A cent too much."""
    await xu.send_document("x.txt", published().replace("519415.43", "519415.44", 1).encode())
    refused = await xu.wait_for("未导入")
    assert "行" in refused.text
    await xu.send_document("y.txt", b"hello")
    await desk.sim.until(
        lambda: len([m for m in xu.messages if "未导入" in m.text]) == 2, what="the second refusal"
    )


async def test_other_figures_need_a_reason_in_the_caption(desk: Desk, xu: Person) -> None:
    """Refused first, taken with 替换 and why."""
    await xu.send_document("a.txt", published().encode())
    await xu.wait_for("已导入")
    await xu.send_document("b.txt", second_case().encode())
    assert "替换" in (await xu.wait_for("未导入")).text
    await xu.send_document("b.txt", second_case().encode(), caption="替换 结算更正")
    await desk.sim.until(
        lambda: len([m for m in xu.messages if "✅ 已导入" in m.text]) == 2, what="the replacement"
    )


async def test_a_document_of_anybody_else_is_no_settlement(
    desk: Desk, xu: Person, chen: Person, wang: Person
) -> None:
    """A client's statement is not imported."""
    await wang.send_document("20260817.txt", second_case().encode())
    await chen.send_document("20260817.txt", second_case().encode())
    await desk.settled()
    assert not any("正在导入" in m.text for m in [*wang.messages, *chen.messages])
