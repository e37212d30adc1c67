"""What a guard rail does in the chat: staff are stopped and told why, clients are shown the way to compliance."""

import pytest
from sqlalchemy import select

from db.models import Exchange, HeldText
from domain.errors import Refusal
from services import articles
from simulator import Person
from tests.desk import Desk
from tests.knowledge.conftest import ARTICLES


@pytest.fixture
async def compliance(desk: Desk) -> Person:
    return await desk.staff("gao", name="高合", role="compliance", code="C01")


@pytest.fixture
async def chen(desk: Desk) -> Person:
    return await desk.staff("chen", name="陈静", role="manager", code="M01")


@pytest.fixture
async def wang(desk: Desk, chen: Person) -> Person:
    return await desk.client("wang", manager="M01")


async def said_by_staff(wang: Person, chen: Person, words: str) -> None:
    """The client opens a conversation, the manager replies to the card."""
    await wang.text("/human")
    await wang.wait_for("陈静")
    card = await chen.wait_for("客户对话 #")
    await chen.text(words, reply_to=card)


async def held_texts(desk: Desk) -> list[HeldText]:
    async with desk.reading() as work:
        return list(await work.session.scalars(select(HeldText).order_by(HeldText.id)))


async def test_a_promise_is_never_sent(desk: Desk, wang: Person, chen: Person, compliance: Person) -> None:
    """The writer reads why on the very message, there is no way to send it, and compliance learns of it."""
    await said_by_staff(wang, chen, "跟着我做，保证赚钱")
    told = await chen.wait_for("没有发出")
    assert told.reply_to == chen.messages[-2].id
    assert "承诺收益或保本" in told.text
    assert "第七十八条" in told.text
    assert [b for row in told.buttons for b in row] == ["报告误判", "不发了"]
    assert "没有发出" in (await compliance.wait_for("承诺收益或保本", since=0)).text
    await desk.settled()
    assert not any("赚钱" in m.text for m in wang.messages)


async def test_an_edit_in_order_goes_out_by_itself(desk: Desk, wang: Person, chen: Person) -> None:
    """First edit still a promise: held again. Second edit in order: sent."""
    await said_by_staff(wang, chen, "这个月保证赚钱")
    await chen.wait_for("没有发出")
    written = next(m for m in chen.messages if m.text == "这个月保证赚钱")
    await chen.edit(written, "这个月稳赚")
    await chen.wait_for("稳赚")
    await chen.edit(written, "期货有风险，盈亏由您自行承担")
    await wang.wait_for("盈亏由您自行承担")
    await chen.wait_for("已发给客户")
    assert [h.state for h in await held_texts(desk)] == ["edited"]


async def test_what_may_be_sent_needs_a_reason_that_compliance_sees(
    desk: Desk, wang: Person, chen: Person, compliance: Person
) -> None:
    """The official account was meant: reason given, text sent, compliance told, listed."""
    await said_by_staff(wang, chen, "您可以加微信服务窗口")
    await chen.wait_for("转到私人聊天")
    await chen.press("说明理由并发送")
    await chen.wait_for("请写明")
    await chen.text("指公司服务窗口")
    await wang.wait_for("您可以加微信服务窗口")
    assert "指公司服务窗口" in (await compliance.wait_for("照原文发送", since=0)).text
    await compliance.text("/held")
    listed = await compliance.wait_for("待审阅的员工发言")
    assert "您可以加微信服务窗口" in listed.text
    assert "说明理由后发出" in listed.text


async def test_what_compliance_has_reviewed_is_not_listed_again(
    desk: Desk, wang: Person, chen: Person, compliance: Person
) -> None:
    """Pressed twice, noted once; the text stays stored."""
    await said_by_staff(wang, chen, "您可以加微信服务窗口")
    await chen.wait_for("转到私人聊天")
    await compliance.text("/held")
    await compliance.wait_for("待审阅的员工发言")
    for toast in ("不再列出", "此前已审阅"):
        answer = await (await compliance.press("以上已审阅")).answer()
        assert toast in answer["text"]
    (found,) = await held_texts(desk)
    assert found.reviewed_at is not None
    await compliance.text("/held")
    await compliance.wait_for("没有待审阅的记录")


async def test_a_reason_is_not_a_blank(wang: Person, chen: Person) -> None:
    """Too short: asked again, nothing sent."""
    await said_by_staff(wang, chen, "加我微信")
    await chen.press("说明理由并发送")
    await chen.wait_for("请写明")
    await chen.text("是")
    await chen.wait_for("理由请写")
    assert not any("加我微信" in m.text for m in wang.messages)


async def test_a_false_match_is_stored_for_review(
    desk: Desk, wang: Person, chen: Person, compliance: Person
) -> None:
    """Pressed twice, said once."""
    await said_by_staff(wang, chen, "今天赶紧加仓")
    await chen.wait_for("推荐买卖")
    await chen.press("报告误判")
    await compliance.wait_for("请复核", since=0)
    await chen.press("报告误判")
    await desk.settled()
    assert len([m for m in compliance.messages if "请复核" in m.text]) == 1
    (found,) = await held_texts(desk)
    assert found.disputed_at is not None
    assert found.state == "held"


async def test_an_article_cannot_carry_a_promise(desk: Desk) -> None:
    """What the bot would say to clients is held to the same rails; a text for staff may quote what is forbidden."""
    text = ARTICLES["zh/cost.md"].replace("2022-08-01", "2026-08-17")
    promising = text.replace("平今按交易所标准单列。", "跟着我们做，保证赚钱。")
    async with desk.work() as work:
        with pytest.raises(Refusal, match="rail_met"):
            articles.read(work, promising, "zh", "draft")
        assert articles.read(work, text, "zh", "draft").id == "cost"
        for_staff = promising.replace("audience: public", "audience: staff")
        assert articles.read(work, for_staff, "zh", "draft").audience == "staff"


async def test_it_is_the_same_on_both_databases(desk_on_each: Desk) -> None:
    """Held, edited, sent; a reply that carries over; the stored context read back."""
    desk = desk_on_each
    chen = await desk.staff("chen", name="陈静", role="manager", code="M01")
    wang = await desk.client("wang", manager="M01")
    await wang.text("螺纹两手保证金 按3030")
    await wang.wait_for("7,272.00")
    await wang.text("三手呢")
    await wang.wait_for("螺纹钢、3 手")
    await said_by_staff(wang, chen, "这个月保证赚钱")
    await chen.wait_for("没有发出")
    written = next(m for m in chen.messages if m.text == "这个月保证赚钱")
    await chen.press("报告误判")
    await chen.edit(written, "盈亏由您自行承担")
    await wang.wait_for("盈亏由您自行承担")
    (found,) = await held_texts(desk)
    assert found.state == "edited"
    assert found.disputed_at is not None


async def test_a_caption_is_held_with_its_picture(desk: Desk, wang: Person, chen: Person) -> None:
    """And goes with it, once there is a reason."""
    await wang.text("/human")
    await wang.wait_for("陈静")
    card = await chen.wait_for("客户对话 #")
    await chen.send_photo(caption="加我微信看资料", reply_to=card)
    await chen.wait_for("转到私人聊天")
    await desk.settled()
    assert not any("资料" in m.text for m in wang.messages)
    await chen.press("说明理由并发送")
    await chen.wait_for("请写明")
    await chen.text("客户要求核对公司名片")
    await wang.wait_for("看资料")


async def test_honest_words_pass(wang: Person, chen: Person) -> None:
    """Warnings that use the same words are not held."""
    await said_by_staff(wang, chen, "公司不得承诺收益，请勿把钱转给个人")
    await wang.wait_for("公司不得承诺收益")


async def test_a_notice_cannot_carry_advice(desk: Desk) -> None:
    """The text is refused with its reason; the draft waits for other words."""
    zhou = await desk.staff("zhou", name="周严", role="risk", code="R01")
    await zhou.text("/notice")
    await zhou.press("全部")
    await zhou.press("必达")
    await zhou.text("建议大家做空螺纹")
    await zhou.wait_for("推荐买卖或预测行情")
    await zhou.text("螺纹钢保证金比例自今日结算起上调")
    await zhou.wait_for("请发送英文正文")


async def test_a_client_who_tells_of_private_payment_is_shown_the_way_to_compliance(
    desk: Desk, wang: Person
) -> None:
    """One press begins the filing with what was said, in the category of conduct."""
    await wang.text("有个老师说可以把钱转给他 微信转账给他就行")
    await wang.wait_for("由合规部门直接受理")
    await wang.press("登记投诉")
    await wang.wait_for("员工行为")


async def test_compliance_hears_what_a_client_tells_a_person(
    desk: Desk, wang: Person, chen: Person, compliance: Person
) -> None:
    """Whoever that person is; once for a conversation."""
    await wang.text("/human")
    await wang.wait_for("陈静")
    await wang.text("上次那个老师让我转账到他银行卡")
    await compliance.wait_for("请核实", since=0)
    await wang.text("他还说微信转账也行")
    await desk.settled()
    assert len([m for m in compliance.messages if "请核实" in m.text]) == 1


async def test_personal_data_is_masked_where_it_is_kept(desk: Desk, wang: Person) -> None:
    """A card number in a question: told not to, and not stored."""
    await wang.text("我的银行卡6222021234567890123怎么绑定")
    await wang.wait_for("请不要在聊天中发送")
    await desk.settled()
    async with desk.reading() as work:
        (asked,) = await work.session.scalars(select(Exchange.question))
    assert "6222" not in asked
    assert "怎么绑定" in asked


async def test_whoever_was_drawn_into_a_private_chat_hears_of_compliance_although_it_sounds_like_advice(
    wang: Person, compliance: Person
) -> None:
    """The words ask for gains, and tell of somebody who lures clients away."""
    await wang.text("你们客服加我微信说带我赚钱")
    shown = await wang.wait_for("合规")
    assert any("投诉" in button or "合规" in button for row in shown.buttons for button in row)
