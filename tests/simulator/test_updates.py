"""How updates reach the bot: offsets, long polls, two pollers, webhooks, and disorder on purpose."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import httpx
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, Conflict
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes

from simulator import Person, Sim
from simulator.server import bind
from tests.simulator.conftest import new_bot


async def test_unconfirmed_updates_come_again(sim: Sim, bot: Bot, ming: Person) -> None:
    """Only a higher offset confirms."""
    await ming.start()
    await ming.text("一")
    await ming.text("二")
    first = await bot.get_updates()
    again = await bot.get_updates()
    assert [u.update_id for u in first] == [u.update_id for u in again]
    rest = await bot.get_updates(offset=first[0].update_id + 1)
    assert [u.message.text for u in rest if u.message] == ["一", "二"]
    assert sim.pending == 2
    await bot.get_updates(offset=rest[-1].update_id + 1)
    assert sim.pending == 0


async def test_limit_and_negative_offset(sim: Sim, bot: Bot, ming: Person) -> None:
    """A limit holds back, a negative offset forgets all but the last."""
    for number in range(5):
        await ming.text(str(number))
    assert [u.message.text for u in await bot.get_updates(limit=2) if u.message] == ["0", "1"]
    assert [u.message.text for u in await bot.get_updates(offset=-2) if u.message] == ["3", "4"]
    assert sim.pending == 2


async def test_updates_are_kept_for_a_day(sim: Sim, bot: Bot, ming: Person) -> None:
    """What nobody fetched by then is gone; business time does not count."""
    await ming.text("alt")
    await ming.text("neu")
    sim.clock.advance(7 * 24 * 3600)
    next(iter(sim.world.updates.pending.values())).born -= 25 * 3600
    assert [u.message.text for u in await bot.get_updates() if u.message] == ["neu"]


async def test_an_update_between_looking_and_waiting_is_not_slept_through(sim: Sim) -> None:
    """It comes when the poll has found nothing and its wait has not begun."""
    updates = sim.world.updates
    updates.begin_poll(0, None)
    assert updates.take(100) == []
    waiting = asyncio.ensure_future(updates.wait(60))
    sim.inject({"update_id": 7})
    await asyncio.wait_for(waiting, timeout=5)
    assert len(updates.take(100)) == 1


async def test_an_application_of_the_library_polls_and_handles(sim: Sim, ming: Person) -> None:
    """Its updater, command and button handlers, unchanged."""

    async def greet(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        keys = InlineKeyboardMarkup([[InlineKeyboardButton("好", callback_data="go")]])
        await context.bot.send_message(ming.id, f"您好 {' '.join(context.args or [])}", reply_markup=keys)

    async def pressed(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer("收到")
        await update.callback_query.edit_message_text("已办")

    builder = Application.builder().token(sim.token).base_url(f"{sim.url}/bot").job_queue(None)
    application = builder.base_file_url(f"{sim.url}/file/bot").build()
    application.add_handler(CommandHandler("start", greet))
    application.add_handler(CallbackQueryHandler(pressed))
    async with application:
        assert application.updater is not None
        await application.start()
        await application.updater.start_polling(poll_interval=0)
        await ming.start("abc")
        await ming.wait_for("您好 abc")
        press = await ming.press("好")
        assert (await press.answer())["text"] == "收到"
        assert (await ming.wait_for("已办")).edited
        await application.updater.stop()
        await application.stop()
    assert sim.pending == 0


async def test_a_long_poll_ends_with_the_first_update(bot: Bot, ming: Person) -> None:
    """It waits, and is answered at once."""
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.05)
    assert not poll.done()
    await ming.start()
    assert len(await asyncio.wait_for(poll, 1)) == 1


async def test_allowed_updates_are_remembered(bot: Bot, ming: Person) -> None:
    """A call without them keeps the choice, an empty list means the default again."""
    await bot.get_updates(allowed_updates=["callback_query"])
    await ming.start()
    await bot.get_updates()
    assert not await bot.get_updates()
    await bot.get_updates(allowed_updates=[])
    note = await ming.text("wieder")
    await ming.react(note, "👍")
    assert [u.effective_message.text for u in await bot.get_updates() if u.effective_message] == ["wieder"]
    await bot.get_updates(allowed_updates=["message", "message_reaction"])
    await ming.react(note, "👎")
    assert (await bot.get_updates())[-1].message_reaction is not None


async def test_a_second_poller_ends_the_first_with_409(sim: Sim, bot: Bot) -> None:
    """Telegram's conflict, seen by the one that waited."""
    async with new_bot(sim) as other:
        first = asyncio.create_task(bot.get_updates(timeout=20))
        await asyncio.sleep(0.05)
        await other.get_updates()
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await first


async def test_a_poller_that_went_away_is_no_conflict(
    sim: Sim, ming: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """A killed bot's open poll does not eat the next one's updates."""
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(f"{sim.url}/bot{sim.token}/getUpdates", data={"timeout": 30}, timeout=0.1)
    await ming.start()
    async with new_bot(sim) as bot:
        assert len(await bot.get_updates()) == 1
    assert not caplog.records
    assert not sim.calls_of("getUpdates")


class Hook:
    """A bot's webhook: a small HTTP server that keeps what it gets and answers as told."""

    def __init__(self) -> None:
        self.got: list[tuple[int, str]] = []
        self.status = 200
        self.reply = b""
        self.sock = bind(0)
        self.url = f"http://127.0.0.1:{self.sock.getsockname()[1]}/hook"
        self.news = asyncio.Event()
        self.lines: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.split("content-length: ")[1].split("\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                secret = head.partition("secret-token: ")[2].split("\r\n")[0]
                self.got.append((body["update_id"], secret))
                answer = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(self.reply)}\r\n\r\n"
                writer.write(answer.encode() + self.reply)
                await writer.drain()
                self.news.set()

    async def until(self, check: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not check():
                self.news.clear()
                await self.news.wait()


@pytest.fixture
async def hook(sim: Sim) -> AsyncIterator[Hook]:
    """A listening webhook."""
    made = Hook()
    server = await asyncio.start_server(made.serve, sock=made.sock)
    yield made
    await sim.server.close()
    server.close()
    for line in made.lines:
        line.transport.abort()
    await server.wait_closed()
    await asyncio.sleep(0)


async def test_a_webhook_gets_updates_with_its_secret_and_again_after_a_failure(
    sim: Sim, bot: Bot, ming: Person, hook: Hook
) -> None:
    """Polling is refused meanwhile; a failure is told by getWebhookInfo and tried again."""
    hook.status = 500
    await bot.set_webhook(hook.url, secret_token="geheim-1", allowed_updates=["message"])
    await ming.start()
    await hook.until(lambda: len(hook.got) >= 2)
    info = await bot.get_webhook_info()
    assert (info.pending_update_count, info.last_error_message) == (
        1,
        "Wrong response from the webhook: 500 X",
    )
    assert hook.got[0] == hook.got[1]
    assert hook.got[0][1] == "geheim-1"
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()
    hook.status = 200
    await sim.drained()
    await bot.delete_webhook()
    await ming.text("jetzt wieder gefragt")
    assert len(await bot.get_updates()) == 1


async def test_a_webhook_may_answer_with_a_call(bot: Bot, ming: Person, hook: Hook) -> None:
    """The call in the answer's body is made."""
    await bot.set_webhook(hook.url)
    hook.reply = b'{"method":"sendMessage","chat_id":%d,"text":"im Rueckweg"}' % ming.id
    await ming.start()
    assert (await ming.wait_for("im Rueckweg")).from_bot


async def test_a_webhook_on_a_strange_address_is_refused(bot: Bot) -> None:
    """HTTPS outside this machine, known ports, a clean secret."""
    with pytest.raises(BadRequest, match="https url must be provided"):
        await bot.set_webhook("http://example.com/hook")
    with pytest.raises(BadRequest, match="only on ports"):
        await bot.set_webhook("https://example.com:9999/hook")
    with pytest.raises(BadRequest, match="unallowed characters"):
        await bot.set_webhook("https://example.com/hook", secret_token="geheim!")


async def test_disorder_brings_everything_at_least_twice_and_out_of_order(
    sim: Sim, bot: Bot, ming: Person
) -> None:
    """Nothing is lost either, by polling."""
    sim.disturb(7)
    for number in range(40):
        await ming.text(str(number))
    got: list[int] = []
    offset = 0
    while batch := await bot.get_updates(offset=offset, limit=10):
        got += [u.update_id for u in batch]
        offset = max(offset, max(u.update_id for u in batch) + 1)
    assert len(set(got)) == 40
    assert got != sorted(got)
    assert all(got.count(number) >= 2 for number in set(got))


async def test_disorder_by_webhook(sim: Sim, bot: Bot, ming: Person, hook: Hook) -> None:
    """The same, pushed."""
    await bot.set_webhook(hook.url)
    sim.disturb(7)
    for number in range(20):
        await ming.text(str(number))
    await hook.until(lambda: len(hook.got) >= 40)
    numbers = [number for number, _ in hook.got]
    assert all(numbers.count(number) == 2 for number in set(numbers))
    assert numbers != sorted(numbers)


async def test_a_raw_update_is_delivered_as_it_stands_and_again(sim: Sim, bot: Bot, ming: Person) -> None:
    """Also one that no library can parse, and one whose number was confirmed long ago."""
    await ming.start()
    known = (await bot.get_updates())[-1]
    await bot.get_updates(offset=known.update_id + 1)
    sim.inject({"message": "not an object"})
    sim.inject(known.to_dict(), times=2)
    async with httpx.AsyncClient(trust_env=False) as http:
        url = f"{sim.url}/bot{sim.token}/getUpdates"
        answer = (await http.post(url, data={"offset": known.update_id + 1})).json()["result"]
    assert sorted(u["update_id"] - known.update_id for u in answer) == [0, 0, 1]


async def test_the_server_ends_at_once_while_a_poll_waits(ming: Person, sim: Sim, bot: Bot) -> None:
    """Stopping cuts the long poll instead of waiting for it."""
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await sim.server.close()
    with pytest.raises(Exception, match=r"(?i)disconnect|NetworkError|RemoteProtocol|ReadError|Connect"):
        await poll
    assert time.monotonic() - began < 5
