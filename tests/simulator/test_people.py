"""What people do, and what the bot hears of it."""

import httpx
import pytest
from telegram import Bot, Update
from telegram.error import BadRequest, ChatMigrated, Forbidden

import simulator
from simulator import PICTURE, Group, Person, Sim, SimError


async def updates(bot: Bot) -> list[Update]:
    """What waits, confirmed."""
    got = await bot.get_updates(
        allowed_updates=["message", "edited_message", "callback_query", "my_chat_member", "message_reaction"]
    )
    if got:
        await bot.get_updates(offset=got[-1].update_id + 1)
    return list(got)


async def test_a_deep_link_starts_with_its_payload(bot: Bot, ming: Person) -> None:
    """And the command is marked, else no handler would run."""
    await ming.open("https://t.me/QifuBot?start=Ab_9-x")
    message = (await updates(bot))[0].message
    assert message is not None
    assert message.text == "/start Ab_9-x"
    assert [(e.type, e.offset, e.length) for e in message.entities] == [("bot_command", 0, 6)]
    with pytest.raises(SimError):
        await ming.open("https://t.me/OtherBot?start=x")
    with pytest.raises(SimError):
        await ming.start("钥匙")


async def test_ones_own_card_carries_ones_own_id_and_another_card_does_not(
    sim: Sim, bot: Bot, ming: Person
) -> None:
    """The only proof that a number is the sender's."""
    li = sim.person("li", phone="+8613900000002")
    await ming.share_contact()
    await ming.share_other_contact(of=li)
    await ming.share_other_contact(phone="13700000003", first_name="陌生人")
    contacts = [u.message.contact for u in await updates(bot) if u.message and u.message.contact]
    assert [(c.phone_number, c.user_id) for c in contacts] == [
        ("8613800000001", ming.id),
        ("+8613900000002", li.id),
        ("13700000003", None),
    ]


async def test_an_album_arrives_in_parts_that_share_a_number(bot: Bot, ming: Person) -> None:
    """The caption is the first part's."""
    await ming.send_album([PICTURE, PICTURE, PICTURE], caption="三张")
    messages = [u.message for u in await updates(bot) if u.message]
    assert len(messages) == 3
    assert len({m.media_group_id for m in messages}) == 1
    assert [m.caption for m in messages] == ["三张", None, None]


async def test_voice_sticker_and_an_edit_are_heard(bot: Bot, ming: Person) -> None:
    """A deletion is not."""
    await ming.send_voice()
    await ming.send_sticker()
    note = await ming.text("铝")
    await ming.edit(note, "铜")
    await ming.delete(note)
    got = await updates(bot)
    assert got[0].message is not None
    assert got[0].message.voice is not None
    assert got[1].message is not None
    assert got[1].message.sticker is not None
    assert got[3].edited_message is not None
    assert got[3].edited_message.text == "铜"
    assert len(got) == 4


async def test_blocking_is_announced_and_stops_the_persons_own_messages(bot: Bot, ming: Person) -> None:
    """my_chat_member both ways."""
    await ming.start()
    await ming.block()
    with pytest.raises(SimError):
        await ming.text("geht nicht")
    await ming.unblock()
    changes = [u.my_chat_member for u in await updates(bot) if u.my_chat_member]
    assert [(c.old_chat_member.status, c.new_chat_member.status) for c in changes] == [
        ("member", "kicked"),
        ("kicked", "member"),
    ]


async def test_longer_text_goes_out_in_parts_as_phones_do_it(bot: Bot, ming: Person) -> None:
    """10,000 characters are three messages."""
    await ming.text("字" * 10_000)
    assert [len(u.message.text) for u in await updates(bot) if u.message and u.message.text] == [
        4096,
        4096,
        1808,
    ]


async def test_a_forged_press_arrives_without_the_message(bot: Bot, ming: Person) -> None:
    """An old button of a message that is gone."""
    await ming.start()
    await ming.press_data("a:forged", message_id=999)
    query = (await updates(bot))[-1].callback_query
    assert query is not None
    assert query.data == "a:forged"
    assert query.message is not None
    assert not query.message.is_accessible


async def test_waiting_looks_only_at_what_is_new_since_ones_own_action(bot: Bot, ming: Person) -> None:
    """An older message with the same words does not count; an edit does."""
    await ming.start()
    sent = await bot.send_message(ming.id, "手续费 1 元")
    await ming.text("再问一次")
    with pytest.raises(TimeoutError, match="手续费"):
        await ming.wait_for("手续费", timeout=0.05)
    await bot.edit_message_text("手续费 2 元", ming.id, sent.message_id)
    assert (await ming.wait_for("手续费")).text == "手续费 2 元"
    assert await ming.quiet(0.05) is False


@pytest.fixture
def wang(sim: Sim) -> Person:
    """A member of staff."""
    return sim.person("wang", first_name="王")


async def test_privacy_hides_what_members_say_to_each_other(
    sim: Sim, bot: Bot, ming: Person, wang: Person
) -> None:
    """A plain member hears commands, mentions and answers to itself; an administrator hears all."""
    group = sim.group("群", [wang, ming], bot="member")
    await updates(bot)
    await wang.text("大家好", chat=group)
    await wang.text("/help", chat=group)
    await wang.text("/help@OtherBot", chat=group)
    await wang.text("@QifuBot 在吗", chat=group)
    sent = await bot.send_message(group.id, "在")
    await wang.text("谢谢", chat=group, reply_to=sent.message_id)
    heard = [u.message.text for u in await updates(bot) if u.message]
    assert heard == ["/help", "@QifuBot 在吗", "谢谢"]
    group.add_bot("administrator")
    await wang.text("都听见", chat=group)
    assert (await updates(bot))[-1].message is not None


async def test_an_anonymous_administrator_speaks_as_the_group(
    sim: Sim, bot: Bot, wang: Person, ming: Person
) -> None:
    """Who it was is lost; a plain member cannot."""
    group = sim.group("群", [wang, ming])
    await wang.text("接单", chat=group, anonymous=True)
    heard = (await updates(bot))[-1].message
    assert heard is not None
    assert heard.from_user is not None
    assert heard.sender_chat is not None
    assert (heard.from_user.username, heard.sender_chat.id) == ("GroupAnonymousBot", group.id)
    with pytest.raises(SimError):
        await ming.text("接单", chat=group, anonymous=True)


async def test_a_group_that_was_upgraded_refuses_with_its_new_number(
    sim: Sim, bot: Bot, wang: Person
) -> None:
    """And both service messages come once."""
    group = sim.group("群", [wang], kind="group", bot="member")
    old = group.id
    await updates(bot)
    group.upgrade()
    with pytest.raises(ChatMigrated) as refusal:
        await bot.send_message(old, "x")
    assert refusal.value.new_chat_id == group.id
    notices = [u.message for u in await updates(bot) if u.message]
    assert [m.migrate_to_chat_id for m in notices] == [group.id, None]
    assert [m.migrate_from_chat_id for m in notices] == [None, old]


async def test_joining_leaving_and_being_thrown_out(sim: Sim, bot: Bot, wang: Person) -> None:
    """Each is announced; afterwards nothing can be sent."""
    group = sim.group("陌生群", [wang], bot="member")
    joined = (await updates(bot))[0].my_chat_member
    assert joined is not None
    assert joined.new_chat_member.status == "member"
    assert [m.user.id for m in await bot.get_chat_administrators(group.id)] == [wang.id]
    await bot.leave_chat(group.id)
    with pytest.raises(Forbidden, match="not a member of the supergroup chat"):
        await bot.send_message(group.id, "x")
    group.add_bot()
    group.remove_bot()
    with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
        await bot.send_message(group.id, "x")


@pytest.fixture
def forum(sim: Sim, wang: Person) -> Group:
    """A staff group with topics."""
    return sim.group("值班", [wang], forum=True)


async def test_topics_are_made_renamed_closed_and_found_again(
    sim: Sim, bot: Bot, wang: Person, forum: Group
) -> None:
    """Members' words in a topic carry its number, and answer the message that opened it."""
    await updates(bot)
    topic = await bot.create_forum_topic(forum.id, "王* · CP-1")
    await bot.send_message(forum.id, "卡片", message_thread_id=topic.message_thread_id)
    await wang.text("收到", chat=forum, thread=topic.message_thread_id)
    heard = (await updates(bot))[-1].message
    assert heard is not None
    assert (heard.message_thread_id, heard.is_topic_message) == (topic.message_thread_id, True)
    assert heard.reply_to_message is not None
    assert heard.reply_to_message.forum_topic_created is not None
    await bot.edit_forum_topic(forum.id, topic.message_thread_id, name="已结案")
    with pytest.raises(BadRequest, match=r"(?i)topic_not_modified"):
        await bot.edit_forum_topic(forum.id, topic.message_thread_id, name="已结案")
    await bot.close_forum_topic(forum.id, topic.message_thread_id)
    await bot.reopen_forum_topic(forum.id, topic.message_thread_id)
    assert forum.topics == {topic.message_thread_id: "已结案"}


async def test_a_deleted_or_unknown_topic_is_refused(sim: Sim, bot: Bot, forum: Group) -> None:
    """Telegram says it in two ways."""
    first = await bot.create_forum_topic(forum.id, "一")
    second = await bot.create_forum_topic(forum.id, "二")
    forum.delete_topic(first.message_thread_id)
    forum.delete_topic(second.message_thread_id, "TOPIC_DELETED")
    for thread, reason in ((first, "thread not found"), (second, "topic_deleted")):
        with pytest.raises(BadRequest, match=rf"(?i){reason}"):
            await bot.send_message(forum.id, "x", message_thread_id=thread.message_thread_id)
    with pytest.raises(BadRequest, match="Message thread not found"):
        await bot.send_message(forum.id, "x", message_thread_id=4711)
    with pytest.raises(BadRequest, match=r"(?i)topic_id_invalid"):
        await bot.close_forum_topic(forum.id, first.message_thread_id)


async def test_topics_need_a_forum_and_an_administrator(sim: Sim, bot: Bot, wang: Person) -> None:
    """Each lack has its own words."""
    plain = sim.group("无话题", [wang])
    forum = sim.group("有话题", [wang], forum=True, bot="member")
    with pytest.raises(BadRequest, match="not a forum"):
        await bot.create_forum_topic(plain.id, "x")
    with pytest.raises(BadRequest, match=r"(?i)not enough rights"):
        await bot.create_forum_topic(forum.id, "x")


async def test_a_plain_reply_in_a_supergroup_has_a_thread_but_is_no_topic(
    sim: Sim, bot: Bot, wang: Person
) -> None:
    """The trap for bots that take message_thread_id for a topic."""
    group = sim.group("群", [wang])
    sent = await bot.send_message(group.id, "卡片")
    await wang.text("接单", chat=group, reply_to=sent.message_id)
    heard = (await updates(bot))[-1].message
    assert heard is not None
    assert heard.message_thread_id == sent.message_id
    assert not heard.is_topic_message


async def test_message_numbers_of_a_supergroup_are_its_own(
    sim: Sim, bot: Bot, ming: Person, wang: Person
) -> None:
    """Private chats share one count, a supergroup begins at one."""
    await ming.start()
    await wang.start()
    group = sim.group("群", [wang], bot="administrator")
    first = group.messages[0]
    assert first.id == 1
    assert [m.id for p in (ming, wang) for m in p.messages] == [1, 2]


async def test_the_same_script_gives_the_same_numbers() -> None:
    """Ids are counted, not drawn."""

    async def play() -> list[int]:
        async with simulator.running() as sim:
            ming = sim.person("ming")
            await ming.start()
            group = sim.group("群", [ming])
            return [ming.id, group.id, *(m.id for m in ming.messages)]

    assert await play() == await play()


async def test_the_http_interface_does_what_the_kit_does(sim: Sim, bot: Bot) -> None:
    """Each doing by `/sim`, as the page uses it; refusals are 400 with a sentence."""
    async with httpx.AsyncClient(base_url=f"{sim.page_url}/sim", trust_env=False) as http:

        async def post(path: str, expected: int = 200, **body: object) -> dict[str, object]:
            answer = await http.post(path, json=body)
            assert answer.status_code == expected, answer.text
            found: dict[str, object] = answer.json()
            return found

        await post("/persons", key="ann", first_name="Ann", language_code="en", role="Client")
        await post("/persons/ann/start", payload="abc")
        await post("/persons/ann/text", text="hello")
        assert "error" in await post("/persons/ann/text", 400, text=" ")
        assert "error" in await post("/persons/nobody/text", 400, text="x")
        files = [("file", ("a.png", PICTURE)), ("file", ("b.png", PICTURE))]
        uploaded = await http.post("/persons/ann/upload", data={"as": "photo", "caption": "two"}, files=files)
        assert len(uploaded.json()["messages"]) == 2
        shown = uploaded.json()["messages"][0]["photo"][0]["file_id"]
        picture = await http.get(f"/files/{shown}")
        assert (picture.content, picture.headers["content-type"]) == (PICTURE, "image/png")
        await post("/persons/ann/contact")
        await post("/persons/ann/contact", phone="123456", first_name="B")
        await post("/persons/ann/block")
        await post("/persons/ann/unblock")
        group = await post("/groups", title="g", members=["ann"], forum=True)
        topic = await post(f"/groups/{group['id']}/topics", name="t")
        await post(f"/groups/{group['id']}/topics/{topic['id']}/delete")
        assert "error" in await post(f"/groups/{group['id']}/upgrade", 400)
        await post("/faults", kind="429", method="sendMessage", retry_after=3)
        assert "error" in await post("/faults", 400, kind="earthquake")
        assert len((await http.get("/faults")).json()["laid"]) == 1
        await post("/faults/clear")
        await post("/clock", set="2026-08-18T15:30", running=False)
        await post("/clock", advance=90)
        assert (await http.get("/clock")).json() == {"now": "2026-08-18T15:31:30.000+08:00", "running": False}
        assert "error" in await post("/clock", 400, set="tomorrow")
        assert [u.message.text for u in (await updates(bot))[:2] if u.message] == ["/start abc", "hello"]
        assert (await post("/updates", update={"message": {}}))["update_id"]
        assert len((await http.get("/updates")).json()) == 1
        assert (await http.get("/calls", params={"method": "getMe"})).json()[0]["status"] == 200
        state = (await http.get("/state")).json()
        assert [p["key"] for p in state["persons"]] == ["ann"]
        other = await http.post("/reset", headers={"Origin": "http://evil.example"})
        assert other.status_code == 400
        await post("/reset")
        assert (await http.get("/persons")).json() == []


async def test_a_press_over_http_returns_the_bots_answer(sim: Sim, bot: Bot, ming: Person) -> None:
    """It waits for the answer, and gives null where none comes."""
    await ming.start()
    keyboard = {"inline_keyboard": [[{"text": "好", "callback_data": "a"}]]}
    async with httpx.AsyncClient(trust_env=False) as http:
        url = f"{sim.url}/bot{sim.token}"
        await http.post(
            f"{url}/sendMessage", json={"chat_id": ming.id, "text": "?", "reply_markup": keyboard}
        )
        body = {"message_id": ming.last.id, "button": [0, 0], "wait": 0.05}
        unanswered = await http.post(f"{sim.page_url}/sim/persons/ming/press", json=body)
        assert unanswered.json() == {"url": "", "started": False, "answer": None}
        wrong = await http.post(f"{sim.page_url}/sim/persons/ming/press", json=body | {"button": [3, 3]})
        assert wrong.status_code == 400


async def test_after_a_reset_the_numbers_of_updates_go_on(sim: Sim, bot: Bot, ming: Person) -> None:
    """A bot that remembers its offset still hears everything."""
    await ming.start()
    before = (await updates(bot))[-1].update_id
    sim.world.reset()
    again = sim.world.add_person("neu", first_name="Neu")
    simulator.people.begin(sim.world, again)
    after = await bot.get_updates(offset=before + 1)
    assert len(after) == 1
