"""What the bot may send, and each refusal in Telegram's words, asked by python-telegram-bot."""

import asyncio

import httpx
import pytest
from telegram import (
    Bot,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    KeyboardButton,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
)
from telegram.error import BadRequest, Forbidden, InvalidToken

from simulator import PICTURE, Person, Sim


async def test_initialize_reads_who_the_bot_is(bot: Bot) -> None:
    """getMe carries what the library needs."""
    assert (bot.id, bot.username, bot.first_name) == (1, "QifuBot", "期服")


async def test_a_message_reaches_the_phone_with_its_formatting(bot: Bot, ming: Person) -> None:
    """HTML becomes text and entities; offsets count UTF-16 units."""
    await ming.start()
    sent = await bot.send_message(ming.id, "😀<b>加粗</b> &lt;1&gt; <code>RB2601</code>", parse_mode="HTML")
    assert ming.last.text == "😀加粗 <1> RB2601"
    assert [(e.type, e.offset, e.length) for e in sent.entities] == [("bold", 2, 2), ("code", 9, 6)]
    assert sent.date.tzinfo is not None


async def test_a_wrong_token_is_unauthorized(sim: Sim) -> None:
    """401 becomes InvalidToken in the library."""
    wrong = Bot("1:wrong", base_url=f"{sim.url}/bot")
    with pytest.raises(InvalidToken):
        await wrong.initialize()
    await wrong.shutdown()


async def test_an_unknown_method_and_a_token_without_colon_are_404(sim: Sim) -> None:
    """The server has no catch-all answer."""
    async with httpx.AsyncClient(trust_env=False) as http:
        unknown = await http.post(f"{sim.url}/bot{sim.token}/sendTelepathy")
        shapeless = await http.get(f"{sim.url}/botdemo/getMe")
    assert (unknown.status_code, unknown.json()["description"]) == (404, "Not Found: method not found")
    assert shapeless.status_code == 404


async def test_every_way_to_pass_parameters_is_read(sim: Sim, ming: Person) -> None:
    """Query, form, JSON and multipart, method names in any case."""
    await ming.start()
    url = f"{sim.url}/bot{sim.token}/SENDmessage"
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.get(url, params={"chat_id": ming.id, "text": "in the address"})
        await http.post(url, data={"chat_id": ming.id, "text": "as a form"})
        await http.post(url, json={"chat_id": ming.id, "text": "as JSON"})
        await http.post(url, files={"chat_id": (None, str(ming.id)), "text": (None, "in parts")})
        broken = await http.post(url, content=b"{", headers={"Content-Type": "application/json"})
    assert [m.text for m in ming.messages if m.from_bot] == [
        "in the address",
        "as a form",
        "as JSON",
        "in parts",
    ]
    assert broken.status_code == 400


async def test_nobody_is_written_to_first(sim: Sim, bot: Bot, ming: Person) -> None:
    """Unknown chats, people who never began, people who blocked, deleted accounts."""
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(424242, "hello")
    with pytest.raises(Forbidden, match="bot can't initiate conversation with a user"):
        await bot.send_message(ming.id, "hello")
    await ming.start()
    await ming.block()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ming.id, "hello")
    await ming.unblock()
    await bot.send_message(ming.id, "hello")
    ming.deactivate()
    with pytest.raises(Forbidden, match="user is deactivated"):
        await bot.send_message(ming.id, "hello")
    assert [call.status for call in sim.calls_of("sendMessage")] == [400, 403, 403, 200, 403]


async def test_length_is_counted_after_parsing_in_utf16_units(bot: Bot, ming: Person) -> None:
    """4096 for text, 1024 for captions; tags do not count, an emoji counts twice."""
    await ming.start()
    await bot.send_message(ming.id, f"<b>{'长' * 4096}</b>", parse_mode="HTML")
    with pytest.raises(BadRequest, match="Message is too long"):
        await bot.send_message(ming.id, "长" * 4097)
    with pytest.raises(BadRequest, match="Message is too long"):
        await bot.send_message(ming.id, "😀" * 2049)
    await bot.send_photo(ming.id, PICTURE, caption="长" * 1024)
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_photo(ming.id, PICTURE, caption="长" * 1025)


@pytest.mark.parametrize("text", ["", "   \n ", "<b> </b>"])
async def test_empty_text_is_refused(bot: Bot, ming: Person, text: str) -> None:
    """Also where only tags and white space are left."""
    await ming.start()
    with pytest.raises(BadRequest, match="Message text is empty"):
        await bot.send_message(ming.id, text, parse_mode="HTML")


async def test_unescaped_text_fails_the_whole_message(bot: Bot, ming: Person) -> None:
    """The text of the refusal names the tag and the byte."""
    await ming.start()
    with pytest.raises(BadRequest, match='nsupported start tag "保证金" at byte offset 6'):
        await bot.send_message(ming.id, "铝 & <保证金> 上调", parse_mode="HTML")
    assert not [m for m in ming.messages if m.from_bot]


async def test_callback_data_over_64_bytes_is_refused(bot: Bot, ming: Person) -> None:
    """21 Chinese characters fit, 22 do not."""
    await ming.start()

    async def send(data: str) -> None:
        await bot.send_message(ming.id, "?", reply_markup=_keyboard(("按", data)))

    await send("中" * 21)
    with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
        await send("中" * 22)


@pytest.mark.parametrize(
    ("button", "reason"),
    [
        ({"text": "x"}, "Text buttons are unallowed in the inline keyboard"),
        ({"text": "", "callback_data": "a"}, "must be a non-empty String"),
        ({"text": "x", "url": "javascript:alert(1)"}, "Unsupported URL protocol|Wrong HTTP URL"),
        ({"text": "x", "callback_data": ""}, "BUTTON_DATA_INVALID"),
    ],
)
async def test_a_broken_inline_button_is_refused(
    sim: Sim, ming: Person, button: dict[str, str], reason: str
) -> None:
    """As Telegram refuses it, by raw HTTP since the library would not build it."""
    await ming.start()
    payload = {"chat_id": ming.id, "text": "?", "reply_markup": {"inline_keyboard": [[button]]}}
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{sim.url}/bot{sim.token}/sendMessage", json=payload)
    assert answer.status_code == 400
    assert any(part in answer.json()["description"] for part in reason.split("|"))


async def test_an_edit_shows_and_an_edit_without_change_is_refused(bot: Bot, ming: Person) -> None:
    """An edit without reply_markup takes the buttons away."""
    await ming.start()
    sent = await bot.send_message(ming.id, "一", reply_markup=_keyboard(("按", "a")))
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text("一", ming.id, sent.message_id, reply_markup=_keyboard(("按", "a")))
    await bot.edit_message_text("二", ming.id, sent.message_id)
    assert (ming.last.text, ming.last.buttons, ming.last.edited) == ("二", [], True)
    await bot.edit_message_reply_markup(ming.id, sent.message_id, reply_markup=_keyboard(("按", "b")))
    assert ming.last.buttons == [["按"]]
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("三", ming.id, 4711)


async def test_somebody_elses_message_cannot_be_edited(bot: Bot, ming: Person) -> None:
    """The bot edits its own only."""
    mine = await ming.start()
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("x", ming.id, mine.id)


async def test_a_reply_to_a_missing_message_is_refused_unless_allowed(bot: Bot, ming: Person) -> None:
    """reply_parameters with allow_sending_without_reply."""
    first = await ming.start()
    await bot.send_message(ming.id, "答", reply_parameters=ReplyParameters(first.id))
    assert ming.last.reply_to == first.id
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(ming.id, "答", reply_parameters=ReplyParameters(999))
    lenient = ReplyParameters(999, allow_sending_without_reply=True)
    await bot.send_message(ming.id, "仍答", reply_parameters=lenient)
    assert ming.last.reply_to is None


async def test_a_callback_is_answered_once(bot: Bot, ming: Person) -> None:
    """A second answer, and an unknown query, are too old."""
    await ming.start()
    await bot.send_message(ming.id, "?", reply_markup=_keyboard(("好", "yes")))
    press = await ming.press("好")
    updates = await bot.get_updates()
    query = updates[-1].callback_query
    assert query is not None
    assert (query.data, query.from_user.id) == ("yes", ming.id)
    await query.answer("收到", show_alert=True)
    assert await press.answer() == {"text": "收到", "alert": True, "url": ""}
    with pytest.raises(BadRequest, match="Query is too old"):
        await query.answer()
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query("77")
    await ming.press("好")
    with pytest.raises(BadRequest, match=r"(?i)message_too_long"):
        await bot.answer_callback_query((await bot.get_updates())[-1].callback_query.id, "长" * 201)


async def test_a_reply_keyboard_stays_until_it_is_removed(bot: Bot, ming: Person) -> None:
    """It belongs to the chat, and the message that brought it carries no markup."""
    await ming.start()
    keys = ReplyKeyboardMarkup([["查询"], [KeyboardButton("分享手机号", request_contact=True)]])
    sent = await bot.send_message(ming.id, "请选择", reply_markup=keys)
    assert sent.reply_markup is None
    await bot.send_message(ming.id, "另一条")
    assert ming.keyboard == [["查询"], ["分享手机号"]]
    await ming.press("查询")
    assert ming.messages[-1].text == "查询"
    await bot.send_message(ming.id, "完", reply_markup=ReplyKeyboardRemove())
    assert ming.keyboard == []
    await bot.send_message(ming.id, "请回复", reply_markup=ForceReply(input_field_placeholder="后四位"))
    assert ming.chat.prompt is not None


async def test_photo_document_and_album_arrive_with_their_bytes(bot: Bot, ming: Person) -> None:
    """Uploads, file_id again, albums with one group number."""
    await ming.start()
    sent = await bot.send_photo(ming.id, PICTURE, caption="<i>图</i>", parse_mode="HTML")
    assert (ming.last.kind, ming.last.data, ming.last.text) == ("photo", PICTURE, "图")
    await bot.send_photo(ming.id, sent.photo[-1].file_id)
    assert ming.last.data == PICTURE
    await bot.send_document(ming.id, b"a,b\n1,2\n", filename="结算单.csv")
    assert (ming.last.file_name, ming.last.data) == ("结算单.csv", b"a,b\n1,2\n")
    album = await bot.send_media_group(
        ming.id, [InputMediaPhoto(PICTURE, caption="甲"), InputMediaPhoto(sent.photo[-1].file_id)]
    )
    assert len({m.media_group_id for m in album}) == 1
    assert [m.kind for m in ming.messages[-2:]] == ["photo", "photo"]
    with pytest.raises(BadRequest, match=r"(?i)document and audio can't be mixed"):
        await bot.send_media_group(
            ming.id, [InputMediaPhoto(PICTURE), InputMediaDocument(b"x", filename="x.txt")]
        )


async def test_files_that_telegram_would_not_take_are_refused(sim: Sim, bot: Bot, ming: Person) -> None:
    """Empty, not a picture, unknown file_id, an address, over 50 MB."""
    await ming.start()
    with pytest.raises(BadRequest, match="File must be non-empty"):
        await bot.send_document(ming.id, b"", filename="leer.txt")
    with pytest.raises(BadRequest, match=r"(?i)image_process_failed"):
        await bot.send_photo(ming.id, b"not a picture")
    with pytest.raises(BadRequest, match="Wrong file identifier/http url specified"):
        await bot.send_document(ming.id, "BQACAgUAAxkBAAI000000999doAC")
    with pytest.raises(BadRequest, match="Failed to get http url content"):
        await bot.send_document(ming.id, "https://example.com/a.pdf")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sim.url.rpartition(":")[2]))
    writer.write(f"POST /bot{sim.token}/sendDocument HTTP/1.1\r\nHost: x\r\n".encode())
    writer.write(b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 62914560\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()


async def test_a_file_of_a_client_is_downloaded_by_its_id(bot: Bot, ming: Person) -> None:
    """getFile and the download address."""
    await ming.start()
    await ming.send_document("证据.pdf", b"%PDF-1.7 ...", caption="见附件")
    message = (await bot.get_updates())[-1].message
    assert message is not None
    assert message.document is not None
    assert (message.document.file_name, message.caption) == ("证据.pdf", "见附件")
    file = await bot.get_file(message.document.file_id)
    assert bytes(await file.download_as_bytearray()) == b"%PDF-1.7 ..."
    with pytest.raises(BadRequest, match="Invalid file_id"):
        await bot.get_file("nothing")


async def test_a_file_over_20_mb_cannot_be_downloaded(bot: Bot, ming: Person) -> None:
    """The person may send it, the bot may not fetch it."""
    await ming.start()
    await ming.send_document("big.zip", bytes(20 * 1024 * 1024 + 1))
    message = (await bot.get_updates())[-1].message
    assert message is not None
    assert message.document is not None
    with pytest.raises(BadRequest, match="File is too big"):
        await bot.get_file(message.document.file_id)


async def test_a_copy_hides_its_origin_and_a_forward_shows_it(sim: Sim, bot: Bot, ming: Person) -> None:
    """Copies lose their buttons; protected content travels neither way."""
    wang = sim.person("wang", first_name="王")
    await wang.start()
    mine = await ming.start()
    note = await ming.text("请回电")
    await bot.copy_message(wang.id, ming.id, note.id)
    assert wang.last.text == "请回电"
    assert "forward_origin" not in wang.last.raw
    await bot.forward_message(wang.id, ming.id, note.id)
    assert wang.last.raw["forward_origin"]["sender_user"]["id"] == ming.id
    await bot.copy_messages(wang.id, ming.id, [mine.id, note.id])
    assert [m.text for m in wang.messages[-2:]] == ["/start", "请回电"]
    secret = await bot.send_message(ming.id, "保密", protect_content=True)
    with pytest.raises(BadRequest, match="can't be forwarded"):
        await bot.forward_message(wang.id, ming.id, secret.message_id)
    with pytest.raises(BadRequest, match="Message to copy not found"):
        await bot.copy_message(wang.id, ming.id, 4711)


async def test_deleting_reacting_pinning_and_typing(sim: Sim, bot: Bot, ming: Person) -> None:
    """Each does what it says; a message is not deleted twice, nor after 48 hours."""
    said = await ming.start()
    note = await bot.send_message(ming.id, "一会儿就没了")
    assert await bot.delete_message(ming.id, note.message_id)
    assert len(ming.messages) == 1
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(ming.id, note.message_id)
    old = await bot.send_message(ming.id, "旧")
    sim.clock.advance(49 * 3600)
    with pytest.raises(BadRequest, match="Message can't be deleted"):
        await bot.delete_message(ming.id, old.message_id)
    await bot.set_message_reaction(ming.id, said.id, "👍")
    assert ming.messages[0].reactions == ["👍"]
    await bot.pin_chat_message(ming.id, old.message_id)
    assert ming.chat.pinned == [old.message_id]
    await bot.send_chat_action(ming.id, "typing")
    with pytest.raises(BadRequest, match="Wrong parameter action in request"):
        await bot.send_chat_action(ming.id, "dancing")


async def test_commands_are_shown_by_scope_and_language(sim: Sim, bot: Bot, ming: Person) -> None:
    """The narrower scope wins, then the language."""
    from telegram import BotCommandScopeChat

    english = sim.person("ann", first_name="Ann", language_code="en")
    await ming.start()
    await bot.set_my_commands([("help", "帮助")])
    await bot.set_my_commands([("help", "Help")], language_code="en")
    await bot.set_my_commands([("invite", "邀请")], scope=BotCommandScopeChat(ming.id))
    assert [c["command"] for c in ming.commands] == ["invite"]
    assert english.commands == [{"command": "help", "description": "Help"}]
    with pytest.raises(BadRequest, match=r"(?i)bot_command_invalid"):
        await bot.set_my_commands([("HELP!", "x")])
    await bot.delete_my_commands(scope=BotCommandScopeChat(ming.id))
    assert ming.commands == [{"command": "help", "description": "帮助"}]
    assert [c.command for c in await bot.get_my_commands()] == ["help"]


async def test_the_rest_of_the_bots_own_methods(bot: Bot, ming: Person) -> None:
    """Descriptions, menu button, profile pictures, chat facts."""
    await ming.start()
    await bot.set_my_description("服务台")
    assert (await bot.get_my_description()).description == "服务台"
    await bot.set_my_short_description("短")
    await bot.set_my_name("期服测试")
    await bot.set_chat_menu_button(ming.id)
    assert (await bot.get_user_profile_photos(ming.id)).total_count == 0
    chat = await bot.get_chat(ming.id)
    assert (chat.first_name, chat.type) == ("明", "private")
    assert (await bot.get_chat_member(ming.id, ming.id)).status == "member"
    await bot.log_out()


def _keyboard(*buttons: tuple[str, str]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(text, callback_data=data) for text, data in buttons]])
