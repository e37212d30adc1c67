"""Updates are stored before Telegram is told that they were received, whatever fails in between."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs
from telegram.error import Conflict, NetworkError, RetryAfter, TelegramError

from bot import intake
from bot.inbox import clean, lane_of
from bot.intake import Polling, SecondPoller
from db import trouble
from db.engine import Database
from db.models import InboxUpdate

LARGEST = 2**63 - 1


def wall() -> datetime:
    return datetime.now(UTC)


def message(number: int, chat: int = 7, text: str = "您好") -> dict[str, Any]:
    body = {"message_id": number, "date": 1, "chat": {"id": chat, "type": "private"}, "text": text}
    return {"update_id": number, "message": body}


class Scripted:
    """A bot whose getUpdates answers from a script; after its end it waits for ever."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.asked: list[dict[str, Any]] = []

    async def raw(self, method: str, params: dict[str, Any], *, read_timeout: float | None = None) -> Any:
        assert method == "getUpdates"
        self.asked.append(params)
        if not self.script:
            await asyncio.Event().wait()
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Flaky(Database):
    """A database that cannot be written the first times."""

    def __init__(self, url: str, failures: int) -> None:
        super().__init__(url)
        self.failures = failures

    @asynccontextmanager
    async def write(self, *, durable: bool = True) -> AsyncIterator[AsyncSession]:
        if self.failures:
            self.failures -= 1
            raise trouble.TimeoutError("no connection is free")
        async with super().write(durable=durable) as session:
            yield session


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses pass at once; they are noted in the log that the tests read."""
    real = asyncio.sleep

    async def sleep(_seconds: float) -> None:
        await real(0)

    monkeypatch.setattr(intake.asyncio, "sleep", sleep)


async def polled(polling: Polling, done: Callable[[], bool]) -> None:
    """Polls until ``done``."""
    task = asyncio.create_task(polling.run())
    async with asyncio.timeout(5):
        while not (done() or task.done()):  # noqa: ASYNC110  # a turn of the loop, no time
            await asyncio.sleep(0)
    if task.done():
        task.result()
    task.cancel()
    await asyncio.wait({task})


async def stored(db: Database) -> list[int]:
    async with db.read() as session:
        return list(await session.scalars(select(InboxUpdate.update_id).order_by(InboxUpdate.update_id)))


# --- polling --------------------------------------------------------------------------------------------------


async def test_the_offset_does_not_move_past_an_update_that_could_not_be_stored(database_url: str) -> None:
    """A database that is away: the same updates are asked for again, and polling goes on."""
    db = Flaky(database_url, failures=2)
    bot = Scripted([message(5)], [message(5)], [message(5), message(6)])
    with capture_logs() as logs:
        await polled(Polling(db, bot, wall, lambda stored: None), lambda: len(bot.asked) == 4)
    assert [params["offset"] for params in bot.asked] == [0, 0, 0, 7]
    assert await stored(db) == [5, 6]
    assert sum("updates stay with telegram" in line["event"] for line in logs) == 2
    await db.close()


async def test_a_defect_while_storing_ends_the_program_instead_of_losing_updates(sqlite_url: str) -> None:
    """Only what may pass by itself is waited out."""

    class Broken(Flaky):
        @asynccontextmanager
        async def write(self, *, durable: bool = True) -> AsyncIterator[AsyncSession]:
            raise RuntimeError("a defect")
            yield

    db = Broken(sqlite_url, failures=0)
    with pytest.raises(RuntimeError):
        await polled(Polling(db, Scripted([message(5)]), wall, lambda stored: None), lambda: False)
    await db.close()


async def test_polling_goes_on_below_the_highest_number(sqlite_url: str) -> None:
    """After a quiet week Telegram goes on with another number, perhaps a lower one: asking above it would lose it."""
    db = Database(sqlite_url)
    bot = Scripted([message(900)], [message(12)], [message(13)])
    await polled(Polling(db, bot, wall, lambda stored: None), lambda: len(bot.asked) == 4)
    assert [params["offset"] for params in bot.asked] == [0, 901, 13, 14]
    assert await stored(db) == [12, 13, 900]
    await db.close()


async def test_whether_telegram_is_there_is_known_at_once(sqlite_url: str) -> None:
    """The first poll, and the first after a failure, does not hang for half a minute before it says so."""
    db = Database(sqlite_url)
    bot = Scripted([], [], NetworkError("away"), NetworkError("away"), [], [])
    polling = Polling(db, bot, wall, lambda stored: None)
    with capture_logs() as logs:
        await polled(polling, lambda: len(bot.asked) == 7)
    assert [params["timeout"] for params in bot.asked] == [0, 25, 25, 0, 0, 25, 25]
    assert polling.reachable
    assert [line["again_in_seconds"] for line in logs if "out of reach" in line["event"]] == [1.0, 2.0]
    await db.close()


@pytest.mark.parametrize(
    "failure", [NetworkError("x"), RetryAfter(1), TelegramError("Invalid server response")]
)
async def test_nothing_that_telegram_or_the_network_does_ends_polling(
    failure: Exception, sqlite_url: str
) -> None:
    """Out of reach, too fast, nonsense for an answer: asked again."""
    db = Database(sqlite_url)
    bot = Scripted(failure, {"not": "a list"}, [message(5)])
    await polled(Polling(db, bot, wall, lambda stored: None), lambda: len(bot.asked) == 4)
    assert await stored(db) == [5]
    await db.close()


async def test_a_second_poller_is_told_even_while_updates_come_in_between(sqlite_url: str) -> None:
    """Two bots with one token take turns: each gets updates now and then, and a 409 in between."""
    db = Database(sqlite_url)
    turns = [turn for n in range(1, 12) for turn in (Conflict("409"), [message(n)])]
    with pytest.raises(SecondPoller):
        await polled(Polling(db, Scripted(*turns), wall, lambda stored: None), lambda: False)
    await db.close()


async def test_the_last_poll_of_a_replaced_run_is_no_second_poller(sqlite_url: str) -> None:
    """A few 409 after a restart pass by themselves."""
    db = Database(sqlite_url)
    bot = Scripted(*[Conflict("409")] * 5, [message(5)])
    await polled(Polling(db, bot, wall, lambda stored: None), lambda: len(bot.asked) == 7)
    assert await stored(db) == [5]
    await db.close()


# --- storing --------------------------------------------------------------------------------------------------


async def test_both_ways_in_at_once_store_each_update_once(database_url: str) -> None:
    """Polling and webhook, each update twice and in any order, at the same time: no deadlock, no double."""
    db = Database(database_url)
    dice = random.Random(4)
    updates = [message(n, chat=n % 9) for n in range(1, 201)]

    async def one_way() -> None:
        mine = updates * 2
        dice.shuffle(mine)
        for start in range(0, len(mine), 40):
            await intake.store(db, mine[start : start + 40], wall(), lambda stored: None)

    await asyncio.gather(*(one_way() for _ in range(4)))
    assert await stored(db) == list(range(1, 201))
    await db.close()


async def test_what_is_no_update_is_left_out_and_the_rest_is_stored(sqlite_url: str) -> None:
    """Whatever a server answers: it keeps nothing else from being stored."""
    db = Database(sqlite_url)
    strange: list[Any] = [None, 7, "x", [], {}, {"update_id": "5"}, {"update_id": True}, {"update_id": -1}]
    strange += [{"update_id": LARGEST + 1}, {"update_id": 8}, {"update_id": 9, "message": "words"}]
    strange += [{"update_id": 10, "message": {"chat": {"id": 2**70}}}, {"update_id": LARGEST, "poll": {}}]
    await intake.store(db, [*strange, message(11)], wall(), lambda stored: None)
    assert await stored(db) == [8, 9, 10, 11, LARGEST]
    await db.close()


async def test_an_update_stored_before_is_left_as_it_is(database_url: str) -> None:
    """A second delivery does not make a handled update new."""
    db = Database(database_url)
    await intake.store(db, [message(5)], wall(), lambda stored: None)
    async with db.write() as session:
        row = await session.get_one(InboxUpdate, 5)
        row.state = "done"
    await intake.store(db, [message(5, text="anders"), message(6)], wall(), lambda stored: None)
    async with db.read() as session:
        assert (await session.get_one(InboxUpdate, 5)).state == "done"
        assert await session.scalar(select(func.count()).select_from(InboxUpdate)) == 2
    await db.close()


# --- lanes and texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("update", "lane"),
    [
        (message(1, chat=42), 42),
        ({"update_id": 1, "edited_message": {"chat": {"id": -100}}}, -100),
        ({"update_id": 1, "callback_query": {"from": {"id": 5}, "message": {"chat": {"id": 6}}}}, 6),
        ({"update_id": 1, "callback_query": {"from": {"id": 5}, "message": {}}}, 5),
        ({"update_id": 1, "my_chat_member": {"chat": {"id": 9}, "from": {"id": 5}}}, 9),
        ({"update_id": 1, "callback_query": {"message": "words"}}, 0),
        ({"update_id": 1, "message": {"chat": {"id": 2**70}}}, 0),
        ({"update_id": 1}, 0),
    ],
)
def test_the_lane_is_the_chat(update: dict[str, Any], lane: int) -> None:
    """Also of updates that nobody expects."""
    assert lane_of(update) == lane


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["message", "chat", "id", "from", "text"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["update_id", "message", "callback_query"]), json_values))
def test_any_json_has_a_lane_that_can_be_stored(update: dict[str, Any]) -> None:
    """No update, however malformed, makes storing fail."""
    assert abs(lane_of(update)) <= LARGEST


@given(
    st.recursive(st.text(st.characters()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_a_cleaned_text_can_be_stored_and_a_whole_one_is_untouched(value: Any) -> None:
    """Lone surrogates and NUL become the replacement mark; everything else, emoji included, stays."""
    cleaned = clean(value)
    words = json.dumps(cleaned, ensure_ascii=False)
    words.encode("utf-8")
    assert "\0" not in words
    assert clean(cleaned) == cleaned
    if isinstance(value, str) and "\0" not in value and not any(0xD800 <= ord(c) < 0xE000 for c in value):
        assert cleaned == value


def test_an_emoji_survives_and_half_of_one_does_not() -> None:
    """Telegram sends emoji as pairs of surrogates in JSON."""
    body = json.loads('{"text": "\\ud83d\\ude00 \\ud83d x \\u0000"}')
    assert clean(body) == {"text": "😀 \ufffd x \ufffd"}
