"""What people and networks do to a bot: nothing is lost, nobody sees a stack trace."""

import io
import json
import zipfile

import pytest
from sqlalchemy import func, select

from db.models import Exchange, ImportedFile, InboxUpdate, OutboxMessage
from simulator import Person
from tests.desk import Desk
from tests.services.settled import published


@pytest.fixture
async def someone(desk: Desk) -> Person:
    return await desk.stranger()


async def states(desk: Desk) -> dict[str, int]:
    async with desk.reading() as work:
        rows = await work.session.execute(select(InboxUpdate.state, func.count()).group_by(InboxUpdate.state))
        return {row[0]: row[1] for row in rows}


async def test_stickers_voice_and_places_get_a_word_about_what_works(desk: Desk, someone: Person) -> None:
    """No silence, and a person is one press away."""
    await someone.send_sticker()
    told = await someone.wait_for("请用文字")
    assert any("转人工" in label for row in told.buttons for label in row)
    await someone.send_voice()
    await someone.wait_for("请用文字")


async def test_ten_thousand_characters_are_refused_politely(desk: Desk, someone: Person) -> None:
    """Too long for a question: said, with what to do; Telegram cuts at 4,096, other servers may not."""
    await someone.text("手续费" * 1300)
    await someone.wait_for("没有处理")


async def test_markup_and_template_syntax_in_names_and_texts_are_only_letters(desk: Desk) -> None:
    """A name like <b>{{ 7*7 }}</b> reaches staff as it was written."""
    li = await desk.staff("li", name="李服", role="officer", code="O01")
    rogue = await desk.client("rogue", name="<b>{{ 7*7 }}", consent=False)
    await rogue.text("/human")
    await rogue.wait_for("人工")
    await rogue.text("<b>{{ 7*7 }} & </pre>")
    await li.press("接单")
    passed = await li.wait_for("{{ 7*7 }} & </pre>")
    assert "49" not in passed.text


async def test_a_button_of_somebody_else_does_nothing(desk: Desk, someone: Person) -> None:
    """The id of another chat's button is the same answer as an unknown id."""
    wang = await desk.client("wang")
    await someone.text("/menu")
    menu = await someone.wait_for("服务台")
    data = menu.keyboard["inline_keyboard"][0][0]["callback_data"]
    own = await wang.wait_for(lambda m: m.from_bot and m.buttons)
    press = await wang.press_data(data, message_id=own.id)
    assert "失效" in (await press.answer())["text"]
    press = await wang.press_data("nonsense", message_id=own.id)
    assert "失效" in (await press.answer())["text"]


async def test_an_update_that_cannot_be_parsed_blocks_nobody(desk: Desk, someone: Person) -> None:
    """It is set aside as failed with an alert; the next message of everybody else is answered."""
    operator = await desk.staff("op", name="运维", role="operator", code="OP1")
    desk.sim.inject({"update_id": 999_001, "message": {"message_id": "x", "chat": {"id": someone.id}}})
    wang = await desk.stranger("other")
    await wang.text("/help")
    await wang.wait_for("可用指令")
    await operator.wait_for("三次均失败", timeout=10)
    assert (await states(desk))["failed"] == 1


async def test_a_handler_that_fails_leaves_no_half_effect(
    desk: Desk, someone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rolled back three times, then failed with an apology that carries a reference."""
    from handlers import questions

    real = questions.questions.ask

    async def half(work, who, text):  # type: ignore[no-untyped-def]
        await questions.outbox.say(work, who.chat_id, "ask.sorry")
        await work.session.execute(select(1))
        raise RuntimeError("a defect after half an effect")

    monkeypatch.setattr(questions.questions, "ask", half)
    await someone.text("怎么开户")
    sorry = await someone.wait_for("处理时出错", timeout=10)
    assert "E" in sorry.text
    monkeypatch.setattr(questions.questions, "ask", real)
    await desk.settled()
    assert not any("没有帮到您" in m.text for m in someone.messages)
    await someone.text("/help")
    await someone.wait_for("可用指令")


async def test_each_update_twice_and_out_of_order_has_its_effect_once(desk_on_each: Desk) -> None:
    """Unique by update_id, not by "greater than the last"."""
    desk = desk_on_each
    someone = await desk.stranger()
    desk.sim.disturb(seed=3)
    for n in range(12):
        await someone.text(f"螺纹钢{n + 1}手保证金多少 按3030算")
    await desk.settled(timeout=30)
    async with desk.reading() as work:
        assert await work.session.scalar(select(func.count()).select_from(Exchange)) == 12


async def test_telegram_out_of_reach_loses_nothing(desk: Desk, someone: Person) -> None:
    """Questions of an outage are answered after it."""
    desk.sim.outage(True)
    await someone.text("/help")
    desk.sim.outage(False)
    await someone.wait_for("可用指令", timeout=15)


async def test_an_unlisted_group_is_left(desk: Desk) -> None:
    """Whoever adds the bot to a group that nobody listed sees it leave."""
    someone = await desk.stranger()
    group = desk.sim.group("闲聊群", [someone], kind="supergroup", bot="member")
    await someone.text("大家好", chat=group)
    await desk.sim.until(lambda: desk.sim.calls_of("leaveChat"), timeout=5, what="leaving")


async def test_a_block_is_remembered_until_the_person_writes_again(desk: Desk, someone: Person) -> None:
    """my_chat_member tells; the chat is not written to in vain."""
    from db.models import Chat

    await someone.block()
    await desk.settled()
    async with desk.reading() as work:
        chat = await work.session.get(Chat, someone.id)
        assert chat is not None
        assert chat.blocked_at is not None
    await someone.unblock()
    await someone.text("/help")
    await someone.wait_for("可用指令")


async def test_a_text_that_telegram_cannot_parse_goes_out_as_plain_words(desk: Desk, someone: Person) -> None:
    """The whole message is not lost for one bad tag."""
    from services.outbox import say_html

    async with desk.work() as work:
        await say_html(work, someone.id, "金额 <b>100</i>", lang="zh")
    await someone.wait_for("金额 100")
    async with desk.reading() as work:
        rows = await work.session.scalars(
            select(OutboxMessage.body).where(OutboxMessage.chat_id == someone.id)
        )
        assert any(json.loads(json.dumps(body)).get("plain") for body in rows)


async def test_an_empty_text_is_told_what_works(desk: Desk, someone: Person) -> None:
    """Nothing but blanks and invisible signs is no question: it gets what can be asked here."""
    await someone.text("\u200b \u200b")
    await someone.wait_for("可以答复")
    await someone.text("/help")
    await someone.wait_for("可用指令")


async def test_an_edited_question_stays_answered(desk: Desk, someone: Person) -> None:
    """The edit of a message that was dealt with neither answers again nor fails."""
    asked = await someone.text("怎么出金")
    await desk.settled()
    before = len(someone.messages)
    await someone.edit(asked, "怎么入金")
    await someone.edit(asked, "<b>{{ 7*7 }}")
    await desk.settled()
    assert len(someone.messages) == before
    assert set(await states(desk)) == {"done"}


async def test_a_button_of_last_month_still_means_what_it_said(desk: Desk, someone: Person) -> None:
    """A menu of July opens the menu's page in August; the question is asked as of today."""
    await someone.text("/menu")
    await someone.wait_for("服务台")
    desk.sim.set_clock("2026-09-21T14:00:00+08:00")
    await someone.press("怎么开户")
    await someone.wait_for("依据")


async def test_a_button_pressed_twice_at_once_acts_once(desk: Desk) -> None:
    """Two presses of "a person, please" open one conversation."""
    li = await desk.staff("li", name="李服", role="officer", code="O01")
    wang = await desk.client("wang", officer="O01")
    await wang.text("/menu")
    menu = await wang.wait_for(lambda m: m.from_bot and any("转人工" in b for row in m.buttons for b in row))
    rows = menu.keyboard["inline_keyboard"]
    data = next(b["callback_data"] for row in rows for b in row if "转人工" in b["text"])
    await wang.press_data(data, message_id=menu.id)
    await wang.press_data(data, message_id=menu.id)
    await desk.settled()
    assert len([m for m in li.messages if "客户对话" in m.text]) == 1


def _bomb() -> bytes:
    """A workbook of a few kilobytes that unpacks to 130 megabytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (130 * 2**20))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bomb.xlsx", _bomb()),
        ("half.txt", published().encode()[:1500]),
        ("mixed.txt", published().encode("gb18030") + "结算单".encode()),
        ("picture.txt", b"\x89PNG\r\n\x1a\n" + bytes(200)),
        ("formula.csv", b"TradingDay,AccountID,Balance\n20260817,80012345,=1+1\n"),
    ],
)
async def test_a_hostile_file_is_refused_in_words_and_the_desk_goes_on(
    desk: Desk, name: str, data: bytes
) -> None:
    """Sent to the bot as a settlement: one sentence with the reason, nothing stored, no update failed."""
    desk.sim.set_clock("2026-08-17T16:30:00+08:00")
    xu = await desk.staff("xu", name="许强", role="risk", code="R01")
    await xu.send_document(name, data)
    refused = await xu.wait_for("没有写入任何数据", timeout=20)
    assert name in refused.text
    assert "Traceback" not in refused.text
    async with desk.reading() as work:
        assert await work.session.scalar(select(func.count()).select_from(ImportedFile)) == 0
    await xu.text("/help")
    await xu.wait_for("可用指令")
    assert set(await states(desk)) == {"done"}


async def test_fifty_megabytes_in_chat_are_not_fetched(desk: Desk) -> None:
    """The Bot API gives bots no larger file: said at once, with the two ways that work."""
    xu = await desk.staff("xu", name="许强", role="risk", code="R01")
    person = {"id": xu.id, "is_bot": False, "first_name": "许强"}
    document = {
        "file_id": "large",
        "file_unique_id": "large",
        "file_name": "20260817.txt",
        "file_size": 50 * 2**20,
    }
    desk.sim.inject(
        {
            "update_id": 999_002,
            "message": {
                "message_id": 900_001,
                "date": 1_787_032_800,
                "chat": {"id": xu.id, "type": "private", "first_name": "许强"},
                "from": person,
                "document": document,
            },
        }
    )
    told = await xu.wait_for("超过 20 MB")
    assert "监控目录" in told.text
    assert not desk.sim.calls_of("getFile")
