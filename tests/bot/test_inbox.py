"""Each update once, in the order of its chat; a failure of one is nobody else's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs
from telegram import Update

from bot import inbox, wiring
from bot.departure import Departure
from bot.flood import Flood
from bot.inbox import Inbox
from bot.intake import store
from bot.settings import settings
from db import trouble
from db.engine import Database
from db.models import Chat, Conversation, Exchange, InboxUpdate, Link, OutboxMessage, Staff
from domain.errors import Refusal
from domain.policy import Policy
from handlers.context import current
from services import outbox, upkeep
from services.work import Deps, Work, Written, working
from tests.desk import ROOT, fast_policy

NOON = datetime(2026, 8, 17, 4, tzinfo=UTC)
Handler = Callable[[Update, Work], Awaitable[None]]


class NoCourier:
    """Takes nothing along: what is written stays in the outbox."""

    def look(self) -> None:
        return

    def book(self, _written: Sequence[Written]) -> list[Written]:
        return []

    @contextmanager
    def departure(self) -> Iterator[Departure]:
        yield Departure(self)


@dataclass
class Office:
    """The inbox alone: ``handler`` stands where the product's handlers stand, and fails as they do."""

    deps: Deps
    handler: Handler | None = None
    bot: Any = None
    inbox: Inbox | None = None
    task: asyncio.Task[None] | None = None
    said: list[str] = field(default_factory=list)

    async def process_update(self, update: Update) -> None:
        turn = current.get()
        try:
            if self.handler is not None:
                await self.handler(update, turn.work)
        except Exception as error:  # noqa: BLE001  # as handlers.errors.keep_failure does
            turn.failure = error

    def start(self) -> Inbox:
        workers = 1 if self.deps.db.is_sqlite else 4
        self.inbox = Inbox(self.deps, self, NoCourier(), workers=workers)  # type: ignore[arg-type]  # all that it uses of it
        self.task = asyncio.create_task(self.inbox.run())
        return self.inbox

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait({self.task})
            self.task = None

    async def put(self, *updates: dict[str, Any]) -> None:
        offer = self.inbox.offer if self.inbox is not None else lambda stored: None
        await store(self.deps.db, list(updates), self.deps.wall(), offer)

    async def row(self, number: int) -> InboxUpdate:
        async with self.deps.db.read() as session:
            return await session.get_one(InboxUpdate, number)

    async def until(self, number: int, *states: str) -> InboxUpdate:
        async with asyncio.timeout(10):
            while True:
                row = await self.row(number)
                if row.state in states:
                    return row
                await asyncio.sleep(0.01)

    async def out(self) -> list[OutboxMessage]:
        async with self.deps.db.read() as session:
            return list(await session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))

    async def count(self, model: type[Any]) -> int:
        async with self.deps.db.read() as session:
            return await session.scalar(select(func.count()).select_from(model)) or 0


@asynccontextmanager
async def open_office(
    url: str, rules: Policy | None = None, db: Database | None = None
) -> AsyncIterator[Office]:
    database = db or Database(url)
    environment = {"QIFU_DATABASE_URL": url, "QIFU_BOT_TOKEN": "1:demo"}
    deps = wiring.deps(settings(environment, ROOT / "none"), rules or fast_policy(), database)
    office = Office(replace(deps, now=lambda: NOON))
    try:
        yield office
    finally:
        await office.stop()
        await database.close()


@pytest.fixture
async def office(sqlite_url: str) -> AsyncIterator[Office]:
    async with open_office(sqlite_url) as opened:
        yield opened


@pytest.fixture
async def office_on_each(database_url: str) -> AsyncIterator[Office]:
    async with open_office(database_url) as opened:
        yield opened


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second and the third attempt come at once."""
    monkeypatch.setattr(inbox, "_PAUSES", (0.01, 0.01))


def message(number: int, chat: int = 7, text: str = "您好", **more: Any) -> dict[str, Any]:
    person = {"id": chat, "is_bot": False, "first_name": "明", "language_code": "zh-hans"}
    body = {"message_id": number, "date": 1_786_939_200, "chat": {"id": chat, "type": "private"}}
    return {"update_id": number, "message": {**body, "from": person, "text": text, **more}}


def press(number: int, chat: int = 7) -> dict[str, Any]:
    person = {"id": chat, "is_bot": False, "first_name": "明", "language_code": "en"}
    query = {"id": f"q{number}", "from": person, "chat_instance": "1", "data": "x.0"}
    carrier = {"message_id": 1, "date": 1_786_939_200, "chat": {"id": chat, "type": "private"}}
    return {"update_id": number, "callback_query": {**query, "message": carrier}}


def text_of(update: Update) -> str:
    assert update.message is not None
    return str(update.message.text)


async def write(work: Work, text: str, chat: int = 7) -> None:
    """An effect in the database."""
    work.session.add(
        Exchange(
            chat_id=chat,
            at=work.now,
            question=text,
            kind="answer",
            confidence=1.0,
            citations=[{"words": text}],
            answer=text,
        )
    )
    await work.session.flush()


# --- order ------------------------------------------------------------------------------------------------------


async def test_a_chat_is_handled_in_its_order_while_another_is_tried_again(office_on_each: Office) -> None:
    """The first update of one chat fails twice: its later ones wait, another chat's do not."""
    order: list[tuple[int, str]] = []
    failures = [2]

    async def handle(update: Update, work: Work) -> None:
        chat = update.effective_chat.id  # type: ignore[union-attr]
        if text_of(update) == "一" and chat == 7 and failures[0]:
            failures[0] -= 1
            raise RuntimeError("a defect")
        order.append((chat, text_of(update)))

    office_on_each.handler = handle
    await office_on_each.put(
        message(1, 7, "一"), message(2, 7, "二"), message(3, 8, "甲"), message(4, 8, "乙")
    )
    office_on_each.start()
    await office_on_each.until(2, "done")
    assert [text for chat, text in order if chat == 7] == ["一", "二"]
    assert [text for chat, text in order if chat == 8] == ["甲", "乙"]
    assert order[0][0] == 8


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
async def test_on_postgresql_a_slow_chat_keeps_nobody_waiting(office_on_each: Office) -> None:
    """Four at a time: one lane waits for the database, three go on."""
    gate = asyncio.Event()

    async def handle(update: Update, _work: Work) -> None:
        if text_of(update) == "慢":
            await gate.wait()

    office_on_each.handler = handle
    await office_on_each.put(message(1, 7, "慢"), *(message(n, 100 + n) for n in range(2, 12)))
    office_on_each.start()
    for n in range(2, 12):
        await office_on_each.until(n, "done")
    assert (await office_on_each.row(1)).state == "new"
    gate.set()
    await office_on_each.until(1, "done")


async def test_a_day_s_backlog_is_handled_a_part_at_a_time(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits stays in the table: memory and statements are bounded, also where it is tens of thousands."""
    monkeypatch.setattr(inbox, "_MOST", 20)
    monkeypatch.setattr(inbox, "_BATCH", 7)
    most = [0]

    async def handle(_update: Update, _work: Work) -> None:
        assert office.inbox is not None
        most[0] = max(most[0], len(office.inbox._known))

    office.handler = handle
    await office.put(*(message(n, n % 5 + 1) for n in range(1, 121)))
    office.start()
    for n in range(1, 121):
        await office.until(n, "done")
    assert most[0] <= 20


# --- failures ---------------------------------------------------------------------------------------------------


async def test_a_defect_takes_its_effects_and_replies_with_it(office_on_each: Office) -> None:
    """Three attempts, nothing of any of them stays; an apology with a reference, an alert, and the lane goes on."""
    office = office_on_each
    async with working(office.deps) as work:
        work.session.add(Chat(chat_id=99, lang="zh", muted=[], created_at=NOON))
        staff = Staff(code="OP1", name="运维", role="operator", line="it", created_at=NOON)
        work.session.add(staff)
        await work.session.flush()
        work.session.add(Link(chat_id=99, staff_id=staff.id, since=NOON))

    async def handle(update: Update, work: Work) -> None:
        await write(work, "半个效果")
        await outbox.say(work, 7, "ask.sorry")
        if text_of(update) == "坏":
            raise RuntimeError("a defect")

    office.handler = handle
    await office.put(message(1, 7, "坏"), message(2, 7, "好"))
    with capture_logs() as logs:
        office.start()
        row = await office.until(1, "failed")
        await office.until(2, "done")
    assert row.attempts == 3
    assert "RuntimeError" in str(row.error)
    assert await office.count(Exchange) == 1
    assert [(m.chat_id, m.template) for m in await office.out()] == [
        (7, "error.sorry"),
        (99, "alert.update_failed"),
        (7, "ask.sorry"),
    ]
    assert sum(line["event"] == "update failed" for line in logs) == 3


async def test_a_refusal_takes_its_effects_with_it_and_is_said(office_on_each: Office) -> None:
    """Said in the person's language, once; the update is done; a pressed button stops waiting."""
    office = office_on_each

    async def handle(_update: Update, work: Work) -> None:
        await write(work, "半个效果")
        await outbox.answer_button(work, 7, "q1", "顺利")
        raise Refusal("not_found")

    office.handler = handle
    await office.put(press(1))
    office.start()
    await office.until(1, "done")
    assert await office.count(Exchange) == 0
    answer, said = await office.out()
    assert (answer.method, answer.body["query_id"], answer.body["text"]) == ("answer", "q1", "")
    assert said.template == "refusal.not_found"
    assert not any("一" <= c <= "鿿" for c in said.body["html"])


async def test_a_refusal_without_a_template_is_a_defect_and_not_a_stuck_chat(office: Office) -> None:
    """The chat goes on, and the update is failed with a reference."""

    async def handle(update: Update, _work: Work) -> None:
        if text_of(update) == "坏":
            raise Refusal("nobody_wrote_this_template")

    office.handler = handle
    await office.put(message(1, 7, "坏"), message(2, 7, "好"))
    office.start()
    await office.until(2, "done")
    assert (await office.row(1)).state == "failed"


async def test_a_failed_press_stops_waiting_too(office: Office) -> None:
    """The button's waiting sign ends where the apology is said."""

    async def handle(_update: Update, _work: Work) -> None:
        raise RuntimeError("a defect")

    office.handler = handle
    await office.put(press(1))
    office.start()
    await office.until(1, "failed")
    assert [m.method for m in await office.out()] == ["answer", "text"]


async def test_a_handler_that_never_ends_is_ended(
    office_on_each: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is up, its effects are gone, it is failed after three; the others were handled meanwhile."""
    office = office_on_each
    monkeypatch.setattr(inbox, "_HANDLER_SECONDS", 0.3)

    async def handle(update: Update, work: Work) -> None:
        await write(work, text_of(update))
        if text_of(update) == "坏":
            await asyncio.Event().wait()

    office.handler = handle
    await office.put(message(1, 7, "坏"), message(2, 7, "后"), message(3, 8, "好"))
    office.start()
    await office.until(3, "done")
    row = await office.until(1, "failed")
    await office.until(2, "done")
    assert "TimeoutError" in str(row.error)
    assert await office.count(Exchange) == 2


async def test_waiting_for_another_writer_is_not_the_handler_s_time(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import holds SQLite's one writer lane for long: nobody's update fails for that."""
    monkeypatch.setattr(inbox, "_HANDLER_SECONDS", 0.05)
    await office.put(message(1))
    async with office.deps.db.write():
        office.start()
        await asyncio.sleep(0.1)
    assert (await office.until(1, "done")).attempts == 0


async def test_a_database_that_is_away_costs_no_attempt(sqlite_url: str) -> None:
    """Neither the update's own transaction nor the one that would count its failure: it waits and is handled."""

    class Away(Database):
        left = 0

        @asynccontextmanager
        async def write(self, *, durable: bool = True) -> AsyncIterator[AsyncSession]:
            if self.left:
                self.left -= 1
                raise trouble.TimeoutError("no connection is free")
            async with super().write(durable=durable) as session:
                yield session

    away = Away(sqlite_url)
    async with open_office(sqlite_url, db=away) as office:
        await office.put(message(1))
        away.left = 3
        office.start()
        assert (await office.until(1, "done")).attempts == 0


async def test_attempts_are_counted_across_restarts(office: Office) -> None:
    """An update that failed twice before a restart has one attempt left."""
    tries = [0]

    async def handle(_update: Update, _work: Work) -> None:
        tries[0] += 1
        raise RuntimeError("a defect")

    office.handler = handle
    await office.put(message(1))
    async with working(office.deps) as work:
        (await work.session.get_one(InboxUpdate, 1)).attempts = 2
    office.start()
    await office.until(1, "failed")
    assert tries == [1]


async def test_a_stop_in_the_middle_of_a_handler_leaves_the_update_new(office_on_each: Office) -> None:
    """Rolled back, and handled once by the next run."""
    office = office_on_each
    begun = asyncio.Event()

    async def handle(_update: Update, work: Work) -> None:
        await write(work, "效果")
        if not begun.is_set():
            begun.set()
            await asyncio.Event().wait()

    office.handler = handle
    await office.put(message(1))
    office.start()
    await begun.wait()
    await office.stop()
    assert (await office.row(1)).state == "new"
    assert await office.count(Exchange) == 0
    office.start()
    await office.until(1, "done")
    assert await office.count(Exchange) == 1


async def test_two_workers_on_one_database_handle_an_update_once(office_on_each: Office) -> None:
    """While two runs overlap for a moment, the done mark decides."""
    office = office_on_each

    async def handle(update: Update, work: Work) -> None:
        await write(work, text_of(update))

    office.handler = handle
    other = Office(office.deps, handler=handle)
    await office.put(*(message(n, n % 3 + 1) for n in range(1, 31)))
    office.start()
    other.start()
    for n in range(1, 31):
        await office.until(n, "done")
    await other.stop()
    await office.stop()
    assert await office.count(Exchange) == 30


async def test_words_that_no_database_takes_are_mended(office_on_each: Office) -> None:
    """Half an emoji and NUL become the replacement mark, in text and JSON columns and on the way out; emoji stay."""
    office = office_on_each

    async def handle(update: Update, work: Work) -> None:
        await write(work, text_of(update))
        await outbox.say_html(work, 7, text_of(update), lang="zh")

    office.handler = handle
    await office.put(message(1, text="好😀 \ud83d 坏\0"))
    office.start()
    await office.until(1, "done")
    async with office.deps.db.read() as session:
        assert await session.scalar(select(Exchange.question)) == "好😀 \ufffd 坏\ufffd"
    assert (await office.out())[0].body == {"html": "好😀 \ufffd 坏\ufffd"}


@pytest.mark.parametrize(
    "update",
    [
        {"update_id": 1},
        {"update_id": 1, "chat_join_request": None},
        {"update_id": 1, "something_of_next_year": {"chat": {"id": 7, "type": "private"}}},
        {"update_id": 1, "channel_post": {"message_id": 1, "date": 1, "chat": {"id": -5, "type": "channel"}}},
    ],
)
async def test_an_update_of_a_kind_that_nobody_knows_is_done(office: Office, update: dict[str, Any]) -> None:
    """It is no defect, and no answer."""
    await office.put(update)
    office.start()
    await office.until(1, "done")
    assert await office.out() == []


# --- flood --------------------------------------------------------------------------------------------------------


def slow(limit: int) -> Policy:
    rules = fast_policy()
    return rules.model_copy(update={"chat": rules.chat.model_copy(update={"messages_per_minute": limit})})


async def test_a_chat_over_its_limit_hears_one_polite_word(sqlite_url: str) -> None:
    """The first three are handled; the rest are done, not answered, and noticed once. Others are not touched."""
    async with open_office(sqlite_url, slow(3)) as office:
        handled: list[str] = []

        async def handle(update: Update, _work: Work) -> None:
            handled.append(text_of(update))

        office.handler = handle
        await office.put(*(message(n, 7, f"第{n}条") for n in range(1, 9)), message(9, 8, "别人"))
        office.start()
        for n in range(1, 10):
            await office.until(n, "done")
        assert sorted(handled) == ["别人", "第1条", "第2条", "第3条"]
        assert {m.template for m in await office.out()} == {"start.too_fast"}
        assert len(await office.out()) <= 2  # two where the minute turned in between


async def test_staff_and_whoever_talks_with_a_person_are_not_held_back(sqlite_url: str) -> None:
    """An account manager answers many clients; a client in trouble writes many lines."""
    async with open_office(sqlite_url, slow(1)) as office:
        async with working(office.deps) as work:
            work.session.add_all(Chat(chat_id=c, lang="zh", muted=[], created_at=NOON) for c in (7, 8))
            staff = Staff(code="M01", name="陈静", role="manager", line="m", created_at=NOON)
            work.session.add(staff)
            await work.session.flush()
            work.session.add(Link(chat_id=7, staff_id=staff.id, since=NOON))
            times = {"opened_at": NOON, "promised_by": NOON, "last_at": NOON}
            work.session.add(Conversation(chat_id=8, state="open", **times))
        handled: list[int] = []

        async def handle(update: Update, _work: Work) -> None:
            handled.append(update.update_id)

        office.handler = handle
        await office.put(*(message(n, 7) for n in range(1, 5)), *(message(n, 8) for n in range(5, 9)))
        office.start()
        for n in range(1, 9):
            await office.until(n, "done")
        assert sorted(handled) == list(range(1, 9))
        assert await office.out() == []


def at(seconds: float, **more: Any) -> dict[str, Any]:
    return {"message": {"date": int(seconds), **more}}


def test_the_limit_is_of_any_sixty_seconds() -> None:
    """Two a minute: the third waits until the first is a minute old; what was held back does not count."""
    flood = Flood(2)
    assert [flood.over(1, t, at(t)) for t in (0.0, 10.0, 20.0, 59.0, 61.0, 62.0, 71.0)] == [
        False,
        False,
        True,
        True,
        False,
        True,
        False,
    ]


def test_what_waited_at_telegram_was_not_written_at_once() -> None:
    """After an outage an hour's messages are stored in one second: their own dates count too."""
    flood = Flood(2)
    assert not any(flood.over(1, 5_000.0, at(60.0 * n)) for n in range(20))


def test_an_album_is_one_message_and_presses_and_edits_are_none() -> None:
    """Ten pictures at once are nobody's flood."""
    flood = Flood(2)
    assert not any(flood.over(1, 1.0, at(1.0, media_group_id="a")) for _ in range(10))
    assert not any(flood.over(1, 1.0, {"callback_query": {}}) for _ in range(10))
    assert not any(flood.over(1, 1.0, {"edited_message": {"date": 1}}) for _ in range(10))
    assert not flood.over(1, 1.0, at(1.0))
    assert flood.over(1, 1.0, at(1.0))


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 3)), max_size=150))
def test_no_chat_gets_more_than_its_limit_in_a_minute(steps: list[tuple[float, int]]) -> None:
    """Whatever the order of chats and pauses."""
    flood, now = Flood(5), 0.0
    passed: dict[int, list[float]] = {}
    for pause, chat in steps:
        now += pause
        if not flood.over(chat, now, at(now)):
            passed.setdefault(chat, []).append(now)
    for times in passed.values():
        assert all(times[n + 5] - times[n] >= 59 for n in range(len(times) - 5))


def test_the_counts_of_quiet_chats_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand people who wrote once do not stay in memory."""
    monkeypatch.setattr("bot.flood._TIDY_EVERY", 10)
    flood = Flood(5)
    for chat in range(100):
        flood.over(chat, 100.0 * chat, at(100.0 * chat))
    assert len(flood._chats) <= 11


# --- upkeep -------------------------------------------------------------------------------------------------------


async def test_the_words_of_an_update_go_with_its_handling_and_stay_where_it_failed(
    office_on_each: Office,
) -> None:
    """An invitation's code, a complaint, a phone number: only the number is needed then, against repetition."""
    office = office_on_each

    async def handler(update: Update, _work: Work) -> None:
        if update.update_id == 2:
            raise Refusal("withdrawn")
        if update.update_id == 3:
            raise RuntimeError

    office.handler = handler
    office.start()
    await office.put(*(message(n, chat=n, text="/start c0de") for n in (1, 2, 3)))
    for number, state, holds in ((1, "done", False), (2, "done", False), (3, "failed", True)):
        assert ("c0de" in (await office.until(number, state)).body) is holds
    await office.put(message(1, chat=1, text="/start c0de"))
    assert (await office.row(1)).body == ""


async def test_what_was_handled_a_week_ago_is_forgotten_and_the_rest_stays(office_on_each: Office) -> None:
    """Messages stay (they are the record, and carry buttons); failed updates stay for whoever looks for the cause."""
    office = office_on_each
    old, new = office.deps.wall() - timedelta(days=8), office.deps.wall()
    await office.put(*(message(n) for n in range(1, 6)))
    async with working(office.deps) as work:
        for number, state, when in (
            (1, "done", old),
            (2, "done", new),
            (3, "failed", old),
            (4, "new", old),
        ):
            row = await work.session.get_one(InboxUpdate, number)
            row.state, row.done_at, row.received_at = state, when, when
        said = await outbox.say(work, 7, "ask.sorry")
        await outbox.answer_button(work, 7, "q1")
        await outbox.answer_button(work, 7, "q2")
        await work.session.flush()
        rows = list(await work.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))
        for row in rows:
            row.state, row.created_at = "sent", old
        rows[-1].created_at = new
    async with working(office.deps) as work:
        await upkeep.forget(work)
    async with office.deps.db.read() as session:
        assert set(await session.scalars(select(InboxUpdate.update_id))) == {2, 3, 4, 5}
    assert [m.id for m in await office.out()] == [said, rows[-1].id]
