"""A client talks with the account manager, and nothing that either says is lost."""

import pytest

from simulator import Person
from tests.desk import Desk


@pytest.fixture
async def chen(desk: Desk) -> Person:
    return await desk.staff("chen", name="陈静", role="manager", code="M01")


@pytest.fixture
async def wang(desk: Desk, chen: Person) -> Person:
    return await desk.client("wang", manager="M01")


async def begin(wang: Person) -> None:
    await wang.text("/human")
    await wang.wait_for("陈静")


async def test_one_press_reaches_the_account_manager_and_says_who_and_until_when(
    wang: Person, chen: Person
) -> None:
    """The client is told the name, the registration number and the time of the promised reply."""
    await wang.text("/human")
    told = await wang.wait_for("已为您接通")
    assert "陈静" in told.text
    assert "F0000001" in told.text
    assert "8月17日（周一）15:00" in told.text
    card = await chen.wait_for("客户对话 #")
    assert "王*" in card.text
    assert "2345" in card.text
    assert "80012345" not in card.text
    assert "王明" not in card.text


async def test_words_travel_both_ways_while_the_bot_is_silent(wang: Person, chen: Person) -> None:
    """What the client says reaches the manager, whose reply reaches the client; no answer of the library between."""
    await begin(wang)
    await wang.text("怎么开户")
    passed = await chen.wait_for("怎么开户")
    await chen.text("请带身份证来营业部", reply_to=passed)
    answer = await wang.wait_for("请带身份证来营业部")
    assert "陈静" in answer.text
    assert not any("依据" in m.text for m in wang.messages)


async def test_a_reply_to_the_card_reaches_the_client(wang: Person, chen: Person) -> None:
    """Replying to the card is replying to the client."""
    await begin(wang)
    card = await chen.wait_for("客户对话 #")
    await chen.text("您好", reply_to=card)
    await wang.wait_for("您好")


async def test_words_that_reply_to_nothing_are_not_sent_until_the_client_is_chosen(
    desk: Desk, wang: Person, chen: Person
) -> None:
    """A manager's stray words never reach a client by accident."""
    await begin(wang)
    await chen.text("下午开会")
    await chen.wait_for("发给哪位客户")
    await desk.settled()
    assert not any("下午开会" in m.text for m in wang.messages)
    await chen.press("王*")
    await wang.wait_for("下午开会")


async def test_pictures_documents_and_albums_travel(desk: Desk, wang: Person, chen: Person) -> None:
    """An album arrives as an album."""
    await begin(wang)
    await wang.send_photo(caption="截图")
    await chen.wait_for("截图")
    await wang.send_document("流水.txt", b"100")
    await desk.sim.until(lambda: any(m.file_name == "流水.txt" for m in chen.messages), what="the document")
    from simulator import PICTURE

    await wang.send_album([PICTURE, PICTURE], caption="两张")
    await desk.sim.until(lambda: len([m for m in chen.messages if m.album]) == 2, what="the album")
    await desk.settled()
    assert len({m.album for m in chen.messages if m.album}) == 1


async def test_an_edit_travels_and_both_editions_are_kept(desk: Desk, wang: Person, chen: Person) -> None:
    """An edited promise is evidence: the copy changes, the earlier words stay in the record."""
    await begin(wang)
    passed = await wang.text("出金一万")
    await chen.wait_for("出金一万")
    await desk.settled()
    await wang.edit(passed, "出金两万")
    copy = await chen.wait_for("出金两万")
    assert copy.edited
    async with desk.reading() as work:
        from sqlalchemy import select

        from db.models import Relay

        assert list(await work.session.scalars(select(Relay.text).order_by(Relay.id))) == [
            "出金一万",
            "出金两万",
        ]


async def test_a_reply_that_cannot_be_delivered_is_shown_on_the_very_message(
    desk: Desk, wang: Person, chen: Person
) -> None:
    """The client blocked the bot: staff learn it as a reply to what they wrote."""
    await begin(wang)
    card = await chen.wait_for("客户对话 #")
    await wang.block()
    written = await chen.text("请尽快补足", reply_to=card)
    failed = await chen.wait_for("未送达")
    assert failed.reply_to == written.id


async def test_either_side_ends_the_conversation_and_the_bot_answers_again(
    desk: Desk, wang: Person, chen: Person
) -> None:
    """Ended by the manager's button, told to both."""
    await begin(wang)
    await chen.wait_for("客户对话 #")
    await chen.press("结束人工对话")
    await wang.wait_for("人工对话已结束")
    await wang.text("/end")
    await wang.wait_for("当前没有进行中的人工对话")


async def test_an_absent_manager_is_replaced_by_the_stand_in_and_the_client_is_told(desk: Desk) -> None:
    """The manager blocked the bot: the stand-in has the conversation."""
    await desk.staff("zhao", name="赵敏", role="manager", code="M02", registration_no="F0000002")
    chen = await desk.staff("chen", name="陈静", role="manager", code="M01", stand_in="M02")
    wang = await desk.client("wang", manager="M01")
    await chen.block()
    await desk.settled()
    await wang.text("/human")
    told = await wang.wait_for("已为您接通")
    assert "赵敏" in told.text


async def test_a_stranger_is_served_by_the_pool_and_what_was_said_waits_for_the_taker(desk: Desk) -> None:
    """Two officers see the request; the first takes it and gets the words said before, the second is refused."""
    li = await desk.staff("li", name="李服", role="officer", code="O01")
    sun = await desk.staff("sun", name="孙服", role="officer", code="O02")
    someone = await desk.stranger()
    await someone.text("/human")
    await someone.wait_for("人工服务组")
    await someone.text("我想了解开户")
    await li.wait_for("待接单")
    await sun.wait_for("待接单")
    await li.press("接单")
    await someone.wait_for("李服")
    await li.wait_for("我想了解开户")
    await sun.press("接单")
    await sun.wait_for("已由同事接手")


async def test_nobody_answers_in_time_so_somebody_else_gets_the_conversation(
    desk: Desk, wang: Person, chen: Person
) -> None:
    """The owner is reminded at the promised time, and replaced after the configured wait; the client is told."""
    li = await desk.staff("li", name="李服", role="officer", code="O01")
    await begin(wang)
    desk.sim.set_clock("2026-08-17T15:01:00+08:00")
    await chen.wait_for("紧急", timeout=8)
    desk.sim.set_clock("2026-08-17T15:20:00+08:00")
    await wang.wait_for("让您久等", timeout=8)
    await li.wait_for("待接单")


async def test_the_card_shows_what_the_client_asked_and_not_that_a_person_was_wished_for(
    desk: Desk, wang: Person, chen: Person
) -> None:
    """The last real question with its answer, those before it, and nothing that was asked days ago."""
    for question in ("怎么出金", "怎么开户", "螺纹钢一手保证金多少"):
        await wang.text(question)
        await desk.settled()
        if question == "怎么出金":
            desk.sim.set_clock("2026-08-19T14:00:00+08:00")
    await wang.text("转人工")
    card = await chen.wait_for("客户对话")
    assert "上一个问题：螺纹钢一手保证金多少" in card.text
    assert "此前还问过：怎么开户" in card.text
    assert "怎么出金" not in card.text
