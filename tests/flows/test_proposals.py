"""Two people in chat: another tier, a lower add-on; one proposes with a reason, another decides, the card explains."""

from db.models import Client
from services import credit
from tests.desk import Desk
from tests.services.settled import Settled
from tests.services.surveyed import NEWEST, price, settle, weekdays


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


async def test_the_risk_desk_lowers_an_add_on_with_two_people(desk: Desk) -> None:
    """/credit shows points, proof and offer; one proposes, another approves; then the calculator uses it."""
    xu = await desk.staff("xu", name="徐强", role="risk", code="R01")
    zeng = await desk.staff("zeng", name="曾敏", role="risk", code="R02")
    wang = await desk.client("wang", account="1001")
    house = Settled(desk.deps, [desk.deps.now()])
    accounts = ["1001", *(f"{2000 + n}" for n in range(60))]
    for account in accounts[1:]:
        await house.client(account)
    days = weekdays(70)
    await settle(house, accounts, days)
    await price(house, days)
    await credit.survey(desk.deps, NEWEST)
    await xu.text("/credit 1001")
    card = await xu.wait_for("信用与保证金")
    assert "评级 A" in card.text
    assert "5.0% → 2.5%" in card.text
    assert "释放 7,575.00 元" in card.text
    await xu.press("申请降低加收")
    await xu.wait_for("有效多少天")
    await xu.press("90")
    await xu.wait_for("理由")
    await xu.text("两线相距过大，资金占用高")
    await xu.wait_for("等待另一位同事批准")
    assert "柜台系统" in (await zeng.wait_for("待批准：降低保证金加收")).text
    await zeng.press("批准")
    await xu.wait_for("已批准并生效")
    await wang.text("螺纹钢两手保证金多少 按3030算")
    answer = await wang.wait_for("保证金")
    assert "9.5%" in answer.text
    assert not any("评级" in m.text for m in wang.messages)
