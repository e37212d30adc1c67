"""What leaves, in which order, how fast, and what becomes of it when it does not arrive."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs
from telegram.error import InvalidToken

from bot import delivery
from db import queues, trouble
from db.models import Chat, OutboxMessage
from services import outbox, outcomes
from services.outbox import Priority
from services.work import Work, working
from simulator import PICTURE, Person
from tests.post import Post, open_post, paced


@pytest.fixture
async def post(sqlite_url: str) -> AsyncIterator[Post]:
    async with open_post(sqlite_url) as opened:
        yield opened


@pytest.fixture
async def post_on_each(database_url: str) -> AsyncIterator[Post]:
    async with open_post(database_url) as opened:
        yield opened


def shown(person: Any) -> list[str]:
    return [m.text for m in person.messages if m.from_bot]


def sends(post: Post) -> list[Any]:
    return post.sim.calls_of("sendMessage")


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while True:
            if check():
                return
            await asyncio.sleep(0.01)


# --- order -----------------------------------------------------------------------------------------------------


async def test_a_chat_reads_its_messages_in_the_order_they_were_written(post_on_each: Post) -> None:
    """Also where the first needs three attempts: the later ones do not overtake it."""
    post = post_on_each
    wang = await post.person()
    post.sim.fault("500", method="sendMessage", count=2)
    last = [await post.put(wang, f"第{n}条") for n in range(5)][-1]
    post.start()
    await post.until(last, "sent")
    assert shown(wang) == [f"第{n}条" for n in range(5)]


async def test_an_answer_to_a_button_does_not_let_a_message_overtake_another(post: Post) -> None:
    """The answer goes out while a message of the chat is on its way; the next message still waits for that one."""
    wang = await post.person()
    post.sim.fault("slow", method="sendMessage", count=1, seconds=0.3)
    first = await post.put(wang, "一")
    post.start()
    await post.until(first, "sending")
    async with working(post.deps) as work:
        await outbox.answer_button(work, wang.id, "no such query")
    second = await post.put(wang, "二")
    await post.sim.until(lambda: post.sim.calls_of("answerCallbackQuery"), what="the answer")
    await post.until(second, "sent")
    assert shown(wang) == ["一", "二"]


async def test_the_urgent_leaves_before_what_waits_longer(sqlite_url: str) -> None:
    """Margin calls before dialogue before staff before broadcasts."""
    async with open_post(sqlite_url, paced(in_flight=1)) as post:
        people = [await post.person(f"p{n}") for n in range(4)]
        order = [Priority.BROADCAST, Priority.STAFF, Priority.DIALOGUE, Priority.MARGIN]
        for person, priority in zip(people, order, strict=True):
            await post.put(person, priority.name, priority=priority)
        post.start()
        await post.sim.until(lambda: len(sends(post)) == 4, what="all four")
        assert [c.params["text"] for c in sends(post)] == ["MARGIN", "DIALOGUE", "STAFF", "BROADCAST"]


async def test_hundreds_for_one_chat_keep_nobody_else_waiting(sqlite_url: str) -> None:
    """The chat gets one a second; a message to another chat that is 300th in the queue leaves at once."""
    async with open_post(sqlite_url, paced(per_chat_per_second=1)) as post:
        wang, li = await post.person("wang"), await post.person("li")
        await post.put_many([wang.id] * 300, "给王")
        other = await post.put(li, "给李", priority=Priority.BROADCAST)
        post.start()
        await post.until(other, "sent")
        assert len(shown(wang)) <= 2


async def test_a_margin_call_passes_thousands_that_wait(sqlite_url: str) -> None:
    """Found by its place in the index, not behind the broadcast."""
    async with open_post(sqlite_url, paced(per_second=25)) as post:
        wang = await post.person()
        await post.put_many([10_000_000 + n for n in range(3_000)], "通知")
        post.start()
        await post.sim.until(lambda: len(sends(post)) >= 10, what="the broadcast to be under way")
        call = await post.put(wang, "追加保证金", priority=Priority.MARGIN)
        row = await post.until(call, "sent")
        assert row.sent_at is not None
        before = [c for c in sends(post) if c.params["text"].startswith("通知")]
        assert len(before) < 60
        assert "overall" not in post.sim.violations


async def test_a_group_gets_no_more_than_its_twenty_a_minute(sqlite_url: str) -> None:
    """The rest waits, and a person beside it does not."""
    async with open_post(sqlite_url, paced(per_group_per_minute=20)) as post:
        wang = await post.person()
        group = post.sim.group("值班群", [wang], kind="supergroup")
        await post.put_many([group.id] * 25, "群")
        other = await post.put(wang, "给王", priority=Priority.BROADCAST)
        post.start()
        await post.until(other, "sent")
        await post.sim.until(lambda: len(sends(post)) >= 21, what="twenty and one")
        assert (await post.states())["pending"] == 5
        assert not post.sim.violations


async def test_an_album_counts_as_many_messages_as_it_has_parts(sqlite_url: str) -> None:
    """Ten pictures fill a window of ten: the next message waits for the window."""
    async with open_post(sqlite_url, paced(per_second=10)) as post:
        wang, li = await post.person("wang"), await post.person("li")
        sent = [await wang.send_photo(PICTURE) for _ in range(2)]
        media = [{"type": "photo", "media": s.raw["photo"][-1]["file_id"], "caption": None} for s in sent] * 5
        async with working(post.deps) as work:
            await outbox.put(work, li.id, "album", {"media": media})
        after = await post.put(wang, "之后")
        post.start()
        await post.sim.until(lambda: post.sim.calls_of("sendMediaGroup"), what="the album")
        assert (await post.row(after)).state == "pending"


async def test_the_single_picture_of_an_album_goes_as_a_picture(post: Post) -> None:
    """Telegram refuses an album of one."""
    wang, li = await post.person("wang"), await post.person("li")
    sent = await wang.send_photo(PICTURE)
    media = [{"type": "photo", "media": sent.raw["photo"][-1]["file_id"], "caption": "一张"}]
    async with working(post.deps) as work:
        await outbox.put(work, li.id, "album", {"media": media})
    post.start()
    got = await li.wait_for("一张", since=0)
    assert got.kind == "photo"


# --- 429 ---------------------------------------------------------------------------------------------------------


async def test_nothing_at_all_leaves_before_retry_after(post: Post) -> None:
    """Neither to this chat nor to another, neither messages nor answers to buttons nor edits; then all of it."""
    wang, li = await post.person("wang"), await post.person("li")
    post.sim.fault("429", method="sendMessage", count=1, retry_after=1)
    first = await post.put(wang, "一")
    post.start()
    await post.sim.until(lambda: sends(post), what="the refused send")
    refused_at = sends(post)[0].at
    async with working(post.deps) as work:
        await outbox.answer_button(work, li.id, "no such query")
        await outbox.put(work, li.id, "edit", {"html": "改", "message_id": 1})
    other = await post.put(li, "给李")
    await post.until(first, "sent")
    await post.until(other, "sent")
    later = [c.at for c in post.sim.calls if c.at > refused_at]
    assert len(later) == 4
    assert min(later) - refused_at >= 1.0
    assert "retry_after" not in post.sim.violations


# --- what did not arrive ---------------------------------------------------------------------------------------------


async def test_a_blocked_chat_is_remembered_and_its_outcome_runs(
    post_on_each: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """403 is final: the chat is marked, whoever wrote the message learns it, nothing is tried again."""
    post = post_on_each
    wang = await post.person()
    async with working(post.deps) as work:
        work.session.add(Chat(chat_id=wang.id, lang="zh", muted=[], created_at=work.now))
    await wang.block()
    told: list[tuple[Any, str]] = []

    async def learn(work: Work, value: Any, state: str, _reason: str) -> None:
        told.append((value, state))

    monkeypatch.setitem(outcomes.ON_FAILED, "probe", learn)
    message = await post.put(wang, "您好", about={"probe": 7})
    post.start()
    row = await post.until(message, "failed")
    assert told == [(7, "blocked")]
    assert row.attempts == 1
    async with post.deps.db.read() as session:
        chat = await session.get(Chat, wang.id)
        assert chat is not None
        assert chat.blocked_at is not None


async def test_a_bad_request_is_final_and_blocks_nobody(post: Post) -> None:
    """A 400 is not tried again; the chat's next message goes out."""
    wang = await post.person()
    post.sim.fault("refuse", method="sendMessage", count=1, text="Bad Request: wrong something")
    first, second = await post.put(wang, "一"), await post.put(wang, "二")
    post.start()
    await post.until(second, "sent")
    assert (await post.row(first)).state == "failed"
    assert len(sends(post)) == 2


async def test_an_edit_that_telegram_cannot_parse_goes_as_plain_words(post: Post) -> None:
    """As with a new message: better without bold than not at all."""
    wang = await post.person()
    first = await post.put(wang, "一")
    post.start()
    number = (await post.until(first, "sent")).message_id
    async with working(post.deps) as work:
        await outbox.put(work, wang.id, "edit", {"html": "改 <b>x</i>", "message_id": number})
    await wang.wait_for("改 x", since=0)


async def test_an_outage_loses_nothing_and_leaves_nothing_in_doubt(post: Post) -> None:
    """No connection at all: broadcasts too wait, and all arrive once when Telegram is back."""
    wang = await post.person()
    there, nowhere = post.bot._base_url, "http://127.0.0.1:9/bot1:demo"
    post.bot._base_url = nowhere
    ids = [await post.put(wang, f"第{n}条", on_doubt="hold") for n in range(3)]
    post.start()
    with capture_logs() as logs:
        await until(lambda: any("out of reach" in line["event"] for line in logs))
    assert set(await post.states()) <= {"pending", "sending"}
    post.bot._base_url = there
    for message in ids:
        await post.until(message, "sent")
    assert shown(wang) == ["第0条", "第1条", "第2条"]


async def test_while_telegram_is_away_it_is_asked_and_not_bombarded(post: Post) -> None:
    """After the first failure one harmless question at a time, with growing pauses; messages wait."""
    people = [await post.person(f"p{n}") for n in range(8)]
    post.sim.outage(True)
    ids = [await post.put(person, "您好") for person in people]
    post.start()
    await post.sim.until(lambda: len(post.sim.calls_of("getMe")) >= 2, what="two questions")
    assert len(sends(post)) <= post.deps.policy.delivery.in_flight
    post.sim.outage(False)
    for message in ids:
        await post.until(message, "sent")


async def test_a_server_error_of_one_message_does_not_stop_the_others(post: Post) -> None:
    """A message that Telegram always fails on is given up after eight tries, when others got through meanwhile."""
    wang, li = await post.person("wang"), await post.person("li")
    post.delivery.pacer.pause = lambda *_: None  # type: ignore[method-assign]  # eight growing pauses take two minutes
    post.sim.fault("500", method="sendMessage", chat=wang, count=None)
    poison = await post.put(wang, "坏")
    post.start()
    numbers = itertools.count()
    async with asyncio.timeout(20):
        while (await post.row(poison)).state != "failed":
            await post.until(await post.put(li, f"给李{next(numbers)}"), "sent")
    assert len([c for c in sends(post) if c.chat_id == wang.id]) >= 8


async def test_a_cut_after_acceptance_is_a_doubt(post_on_each: Post) -> None:
    """Telegram took the message and the answer was lost: dialogue is sent again, a broadcast is held and reported."""
    post = post_on_each
    wang, li = await post.person("wang"), await post.person("li")
    post.sim.fault("cut", method="sendMessage", chat=wang, count=1)
    post.sim.fault("cut", method="sendMessage", chat=li, count=1)
    dialogue = await post.put(wang, "对话")
    broadcast = await post.put(li, "群发", on_doubt="hold", priority=Priority.BROADCAST)
    post.start()
    await post.until(dialogue, "sent")
    held = await post.until(broadcast, "held")
    assert shown(wang) == ["对话", "对话"]
    assert shown(li) == ["群发"]
    assert "in doubt" in str(held.error)


async def test_a_time_out_is_a_doubt_too(sqlite_url: str) -> None:
    """No answer within the time: resent or held, as the message says."""
    async with open_post(sqlite_url, read_timeout=0.1) as post:
        wang, li = await post.person("wang"), await post.person("li")
        post.sim.fault("hang", method="sendMessage", chat=wang, count=1, seconds=5)
        post.sim.fault("hang", method="sendMessage", chat=li, count=1, seconds=5)
        dialogue = await post.put(wang, "对话")
        broadcast = await post.put(li, "群发", on_doubt="hold")
        post.start()
        await post.until(dialogue, "sent")
        await post.until(broadcast, "held")
        assert shown(wang) == ["对话"]


async def test_tries_in_an_outage_do_not_use_up_a_message(sqlite_url: str) -> None:
    """Twenty time-outs while nobody gets an answer blame nobody: the message stays."""
    async with open_post(sqlite_url, read_timeout=0.05) as post:
        wang = await post.person()
        post.delivery.pacer.pause = lambda *_: None  # type: ignore[method-assign]  # the pauses alone are half an hour
        post.sim.fault("hang", method="sendMessage", count=12, seconds=0.1)
        message = await post.put(wang, "对话")
        post.start()
        row = await post.until(message, "sent", "failed")
        assert row.state == "sent"
        assert row.attempts == 13


async def test_an_expired_answer_is_dropped_and_an_expired_message_is_told(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A button's answer is worthless after ten seconds; whoever wrote a message with a term learns that it lapsed."""
    told: list[str] = []

    async def learn(work: Work, value: Any, state: str, reason: str) -> None:
        told.append(f"{value} {state} {reason}")

    monkeypatch.setitem(outcomes.ON_FAILED, "probe", learn)
    wang = await post.person()
    past = post.deps.wall() - timedelta(seconds=1)
    async with working(post.deps) as work:
        await outbox.answer_button(work, wang.id, "late")
        await work.session.execute(update(OutboxMessage).values(expires_at=past))
    message = await post.put(wang, "过期", expires_at=past, about={"probe": 1})
    post.start()
    await post.until(message, "expired")
    assert await post.states() == {"expired": 2}
    assert told == ["1 failed expired"]
    assert not post.sim.calls


async def test_a_refused_token_keeps_every_message_and_ends_the_sender(post: Post) -> None:
    """A revoked token is no reason to call messages failed."""
    wang = await post.person()
    message = await post.put(wang, "您好")
    post.sim.fault("refuse", method="sendMessage", code=401, text="Unauthorized")
    post.start()
    assert post.task is not None
    with pytest.raises(InvalidToken):
        await asyncio.wait_for(post.task, 5)
    assert (await post.row(message)).state == "pending"


async def test_a_supergroup_gets_what_was_meant_for_the_group(post_on_each: Post) -> None:
    """The group's id changed: this message and those behind it follow."""
    post = post_on_each
    wang = await post.person()
    group = post.sim.group("值班群", [wang], kind="group")
    old = group.id
    group.upgrade()
    ids = [await post.put(old, f"第{n}条") for n in range(2)]
    post.start()
    for message in ids:
        assert (await post.until(message, "sent")).chat_id == group.id
    assert shown(group) == ["第0条", "第1条"]


async def test_a_row_that_cannot_be_sent_is_failed_and_not_tried_for_ever(post: Post) -> None:
    """A defect of ours in a row: reported once, nobody waits behind it."""
    wang = await post.person()
    async with working(post.deps) as work:
        broken = await outbox.put(work, wang.id, "no_such_method", {})
    assert broken is not None
    after = await post.put(wang, "之后")
    post.start()
    await post.until(after, "sent")
    assert (await post.row(broken)).state == "failed"


# --- results ---------------------------------------------------------------------------------------------------------


async def test_a_defect_in_what_follows_does_not_leave_a_sent_message_in_doubt(
    post_on_each: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message arrived: that is stored even where the owner's own step fails."""
    post = post_on_each

    async def broken(work: Work, _value: Any, _ids: list[int]) -> None:
        await work.session.execute(select(1))
        raise RuntimeError("a defect of a feature")

    monkeypatch.setitem(outcomes.ON_SENT, "probe", broken)
    wang = await post.person()
    post.start()
    with capture_logs() as logs:
        await post.until(await post.put(wang, "您好", about={"probe": 1}), "sent")
    assert any(line["event"] == "what follows from a message failed" for line in logs)
    assert shown(wang) == ["您好"]


async def test_a_result_waits_for_a_database_that_is_away(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Telegram has the message: its result is stored when that is possible, and it is not sent again."""
    wang = await post.person()
    real, left = queues.settle_message, [2]

    async def busy(*arguments: Any, **values: Any) -> bool:
        if left[0]:
            left[0] -= 1
            raise trouble.TimeoutError("no connection is free")
        return await real(*arguments, **values)

    monkeypatch.setattr(delivery.queues, "settle_message", busy)
    post.start()
    await post.until(await post.put(wang, "您好"), "sent")
    assert shown(wang) == ["您好"]


async def test_what_was_stopped_between_finding_and_claiming_does_not_leave(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notice was stopped, a text edited, in the instant between: the claim sees it."""
    wang, li = await post.person("wang"), await post.person("li")
    stopped, edited = await post.put(wang, "停发"), await post.put(li, "旧")
    real = queues.due_messages

    async def found_then_changed(session: Any, **facts: Any) -> Any:
        found = await real(session, **facts)
        async with post.deps.db.write() as other:
            await queues.set_messages(other, [stopped], state="expired")
            if (await other.get_one(OutboxMessage, edited)).state == "pending":
                await queues.set_messages(other, [edited], body={"html": "新"})
        return found

    monkeypatch.setattr(delivery.queues, "due_messages", found_then_changed)
    post.start()
    await post.until(edited, "sent")
    assert shown(li) == ["新"]
    assert shown(wang) == []


# --- kills, stops, two at once -------------------------------------------------------------------------------------


async def test_doubts_after_a_kill_are_settled_by_what_each_message_says(post_on_each: Post) -> None:
    """Rows left in ``sending``: dialogue again, broadcasts held, answers to buttons forgotten."""
    post = post_on_each
    wang = await post.person()
    again = await post.put(wang, "对话")
    held = await post.put(wang, "群发", on_doubt="hold")
    async with working(post.deps) as work:
        await outbox.answer_button(work, wang.id, "q")
        answer = await work.session.scalar(select(OutboxMessage.id).where(OutboxMessage.method == "answer"))
        await queues.set_messages(work.session, [again, held, answer], state="sending", attempts=1)
    await post.delivery.settle_doubts()
    assert (await post.row(again)).state == "pending"
    assert (await post.row(held)).state == "held"
    assert (await post.row(answer)).state == "expired"


async def test_a_defect_in_a_held_messages_owner_does_not_keep_the_house_from_starting(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settling doubts is the first thing a start does: one bad row must not end every start."""

    async def broken(*_: Any) -> None:
        raise RuntimeError("a defect of a feature")

    monkeypatch.setitem(outcomes.ON_FAILED, "probe", broken)
    held = await post.put(await post.person(), "群发", on_doubt="hold", about={"probe": 1})
    async with working(post.deps) as work:
        await queues.set_messages(work.session, [held], state="sending")
    await post.delivery.settle_doubts()
    assert (await post.row(held)).state == "held"


async def test_a_stop_waits_for_the_message_on_its_way(post: Post) -> None:
    """Its result is stored: nothing is in doubt after an ordinary stop."""
    wang = await post.person()
    post.sim.fault("slow", method="sendMessage", count=1, seconds=0.2)
    message = await post.put(wang, "您好", on_doubt="hold")
    post.start()
    await post.sim.until(lambda: bool(post.delivery._tasks), 5, "the request to be on its way")
    await post.stop()
    assert (await post.row(message)).state == "sent"


async def test_a_result_of_a_run_that_was_replaced_changes_nothing(post_on_each: Post) -> None:
    """Another run took over and sent the message itself: the late result of the first does not send it a third time."""
    post = post_on_each
    wang = await post.person()
    message = await post.put(wang, "您好")
    async with working(post.deps) as work:
        mine = (await queues.claim_messages(work.session, [message], post.deps.wall()))[0]
    other = delivery.Delivery(post.deps, post.bot)
    await other.settle_doubts()
    async with working(post.deps) as work:
        await queues.claim_messages(work.session, [message], post.deps.wall())
    await post.delivery._store(mine, state="pending", error="late")
    row = await post.row(message)
    assert (row.state, row.attempts) == ("sending", 2)


async def test_two_senders_at_once_send_each_message_once(post_on_each: Post) -> None:
    """While two runs overlap for a moment, a claim is one run's alone."""
    post = post_on_each
    people = [await post.person(f"p{n}") for n in range(6)]
    other = delivery.Delivery(post.deps, post.bot)
    ids = [await post.put(person, f"第{n}条") for person in people for n in range(3)]
    beside = asyncio.create_task(other.run())
    post.start()
    for message in ids:
        await post.until(message, "sent")
    beside.cancel()
    await asyncio.wait({beside})
    assert len(sends(post)) == len(ids)
    assert all(shown(person) == ["第0条", "第1条", "第2条"] for person in people)


async def written_and_left(
    post: Post, *texts: tuple[Person, str], inside: type[Exception] | None = None, after: bool = False
) -> list[int]:
    """Messages written and claimed as the inbox does it; ``inside`` or ``after`` the transaction something fails."""
    with post.delivery.departure() as leaving:
        async with post.deps.db.write() as session:
            work = Work(post.deps, session, post.deps.now())
            added = [await outbox.put(work, to.id, "text", {"html": text}) for to, text in texts]
            await leaving.claim(work)
            if inside is not None:
                raise inside
        if after:
            raise ConnectionError
    return [message for message in added if message is not None]


async def idle(post: Post) -> None:
    """The sender has looked and found nothing."""
    post.start()
    async with asyncio.timeout(5):
        while post.delivery._held_back:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_message_leaves_with_its_commit(post_on_each: Post) -> None:
    """It is claimed in the transaction that wrote it: nobody has to look for it."""
    post = post_on_each
    wang, li = await post.person("wang"), await post.person("li")
    await idle(post)
    first, second = await written_and_left(post, (wang, "一"), (li, "二"))
    assert (await post.until(first, "sent")).attempts == 1
    assert (await post.until(second, "sent")).attempts == 1
    assert [m.text for m in wang.messages if m.from_bot] == ["一"]


async def test_what_is_rolled_back_does_not_leave(post: Post) -> None:
    """Its place is free again, and the chat's next message goes out."""
    wang = await post.person()
    await idle(post)
    with pytest.raises(RuntimeError):
        await written_and_left(post, (wang, "nie"), inside=RuntimeError)
    (message,) = await written_and_left(post, (wang, "doch"))
    await post.until(message, "sent")
    assert [m.text for m in wang.messages if m.from_bot] == ["doch"]


async def test_nothing_overtakes_what_waits(post: Post) -> None:
    """A chat's second message waits for its turn, and whatever is written then goes behind it."""
    wang = await post.person()
    await idle(post)
    written = await written_and_left(post, (wang, "一"), (wang, "二"))
    written += await written_and_left(post, (wang, "三"))
    for message in written:
        await post.until(message, "sent")
    assert [m.text for m in wang.messages if m.from_bot] == ["一", "二", "三"]


async def test_a_claim_whose_commit_is_lost_is_sent_all_the_same(post: Post) -> None:
    """The commit was done, its answer was lost: the message is not left as being sent for ever."""
    wang = await post.person()
    await idle(post)
    with pytest.raises(ConnectionError):
        await written_and_left(post, (wang, "您好"), after=True)
    await post.until(1, "sent")
