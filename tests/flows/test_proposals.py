"""An override in chat: the manager proposes with a reason, the supervisor decides, the card explains."""

from db.models import Client
from tests.desk import Desk


async def test_a_manager_proposes_another_tier_and_a_supervisor_approves_it(desk: Desk) -> None:
    """From /rating to the changed tier; a client's chat hears nothing of it."""
    liu = await desk.staff("liu", name="刘洋", role="manager", code="M01")
    wu = await desk.staff("wu", name="吴敏", role="supervisor", code="S01")
    wang = await desk.client("wang", manager="M01")
    before = len(wang.messages)
    await liu.text("/rating 80012345")
    await liu.wait_for("客户分级")
    await liu.press("申请调整分级")
    await liu.wait_for("应按哪一级服务")
    await liu.press("重点")
    await liu.wait_for("有效多少天")
    await liu.press("90")
    await liu.wait_for("理由")
    await liu.text("客户为集团套保户，按重点服务")
    await liu.wait_for("等待另一位同事批准")
    card = await wu.wait_for("待批准：调整客户分级")
    assert "关键 → 重点" in card.text
    assert "集团套保户" in card.text
    await wu.text("/decide")
    await desk.settled()
    await wu.press("批准")
    await wu.wait_for("已批准并生效")
    await liu.wait_for("已批准并生效")
    await desk.settled()
    async with desk.reading() as work:
        client = await work.session.get(Client, 1)
        assert (client.tier, client.tier_source) == ("premier", "override")
    assert len(wang.messages) == before
    await liu.text("/rating 80012345")
    assert "人工调整" in (await liu.wait_for("人工调整")).text
