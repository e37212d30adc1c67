"""The manager's lists in chat, and the phone task that a press opens."""

from services import standing
from tests.desk import Desk
from tests.services.settled import Settled
from tests.services.test_standing import FALLING, months


async def test_a_manager_reads_who_is_leaving_and_opens_a_phone_task(desk: Desk) -> None:
    """/lists, a press, a task; the client hears nothing."""
    liu = await desk.staff("liu", name="刘洋", role="manager", code="M01")
    wang = await desk.client("wang", manager="M01", account="1001")
    before = len(wang.messages)
    await months(Settled(desk.deps, [desk.deps.now()]), "1001", *FALLING)
    await liu.text("/lists")
    told = await liu.wait_for("客户经营名单")
    assert "可能正在流失：1 位" in told.text
    assert "大额出金" in told.text
    await liu.press("建电话任务")
    await liu.wait_for("电话任务 TK-")
    await liu.text("/tasks")
    assert "可能正在流失" in (await liu.wait_for("可能正在流失")).text
    assert await standing.weekly(desk.deps) in (1, None)
    await desk.settled()
    assert len(wang.messages) == before
