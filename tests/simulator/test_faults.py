"""Faults, outages and Telegram's speed limits, as python-telegram-bot meets them."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from telegram import Bot
from telegram.error import BadRequest, NetworkError, RetryAfter, TimedOut

import simulator
from simulator import Person, Sim
from simulator.errors import ApiError
from simulator.pacing import Pace
from tests.simulator.conftest import new_bot

# The library warns that retry_after will be a timedelta one day.
STILL_SECONDS = pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")


@STILL_SECONDS
async def test_a_429_carries_the_wait_and_holds_until_it_is_over(sim: Sim, bot: Bot, ming: Person) -> None:
    """A send before its end is refused again and counted as an offence."""
    await ming.start()
    li = sim.person("li")
    await li.start()
    sim.fault("429", method="sendMessage", chat=ming, retry_after=1)
    with pytest.raises(RetryAfter):
        await bot.send_message(ming.id, "zu früh")
    await bot.send_message(li.id, "ein anderer Chat")
    assert sim.violations == {}
    await asyncio.sleep(0.2)
    with pytest.raises(RetryAfter):
        await bot.send_message(ming.id, "immer noch zu früh")
    assert sim.violations == {"retry_after": 1}
    assert [(c.status, c.fault) for c in sim.calls_of("sendMessage")] == [(429, "429"), (200, ""), (429, "")]
    sim.clear_faults()
    await bot.send_message(ming.id, "jetzt")


@pytest.mark.parametrize("kind", ["500", "502"])
async def test_a_server_error_is_a_network_error(sim: Sim, bot: Bot, ming: Person, kind: str) -> None:
    """Nothing is done; the count runs out."""
    await ming.start()
    sim.fault(kind, count=2)
    for _ in range(2):
        with pytest.raises(NetworkError):
            await bot.send_message(ming.id, "x")
    await bot.send_message(ming.id, "x")
    assert [m.text for m in ming.messages] == ["/start", "x"]


async def test_a_cut_connection_leaves_the_message_sent(sim: Sim, bot: Bot, ming: Person) -> None:
    """The doubt that a bot must live with: it was done, and the answer is lost."""
    await ming.start()
    sim.fault("cut", method="sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(ming.id, "angekommen")
    assert ming.last.text == "angekommen"
    assert [c.status for c in sim.calls_of("sendMessage")] == [0]


async def test_a_hanging_call_times_out_and_does_nothing(sim: Sim, ming: Person) -> None:
    """The bot's own time-out ends it."""
    await ming.start()
    sim.fault("hang", method="sendMessage", seconds=20)
    async with new_bot(sim, read_timeout=0.1) as bot:
        with pytest.raises(TimedOut):
            await bot.send_message(ming.id, "x")
    assert len(ming.messages) == 1


async def test_a_slow_call_is_done(sim: Sim, bot: Bot, ming: Person) -> None:
    """Only later."""
    await ming.start()
    sim.fault("slow", seconds=0.05)
    began = time.monotonic()
    await bot.send_message(ming.id, "x")
    assert time.monotonic() - began >= 0.05


async def test_a_refusal_in_any_words_can_be_laid(sim: Sim, bot: Bot, ming: Person) -> None:
    """By method, chat, code and text."""
    await ming.start()
    sim.fault("refuse", method="sendMessage", code=400, text="Bad Request: TOPIC_CLOSED")
    with pytest.raises(BadRequest, match=r"(?i)topic_closed"):
        await bot.send_message(ming.id, "x")


async def test_an_outage_cuts_everything_until_it_ends(sim: Sim, bot: Bot, ming: Person) -> None:
    """Nothing is lost on the server's side meanwhile."""
    sim.outage()
    with pytest.raises(NetworkError):
        await bot.get_updates()
    await ming.start()
    sim.outage(False)
    assert len(await bot.get_updates()) == 1


@STILL_SECONDS
async def test_strict_means_429_past_the_burst_of_a_private_chat() -> None:
    """Four at once, then one a second."""
    async with simulator.running(strict=True) as sim, new_bot(sim) as bot:
        ming = sim.person("ming")
        await ming.start()
        for number in range(4):
            await bot.send_message(ming.id, str(number))
        with pytest.raises(RetryAfter):
            await bot.send_message(ming.id, "5")
        assert sim.violations == {"private": 1}


def test_a_private_chat_may_have_one_a_second_forever() -> None:
    """The bucket fills again."""
    pace = Pace(strict=True)
    for second in range(100):
        pace.take(1, False, 1000.0 + second)
    assert pace.violations == {}


def test_a_group_may_have_twenty_a_minute() -> None:
    """A sliding window; the refusal names the time until the oldest leaves it."""
    pace = Pace(strict=True)
    for number in range(20):
        pace.take(-1, True, 1000.0 + number)
    with pytest.raises(ApiError) as refusal:
        pace.take(-1, True, 1030.0)
    assert refusal.value.parameters == {"retry_after": 30}
    pace.take(-1, True, 1060.5)


def test_the_whole_bot_may_send_thirty_a_second() -> None:
    """Over all chats together; without strictness the offence is only counted."""
    strict, lenient = Pace(strict=True), Pace(strict=False)
    for chat in range(30):
        strict.take(chat, False, 1000.0)
        lenient.take(chat, False, 1000.0)
    with pytest.raises(ApiError):
        strict.take(99, False, 1000.5)
    lenient.take(99, False, 1000.5)
    assert strict.violations == lenient.violations == {"overall": 1}


async def test_the_command_line_starts_two_ports_and_ends_on_a_signal(tmp_path: Path) -> None:
    """People from a file, the clock from an option, exit code 0."""
    people = tmp_path / "people.json"
    people.write_text('[{"key": "ming", "first_name": "明", "role": "客户"}]', "utf-8")
    command = [sys.executable, "-m", "simulator", "--port", "0", "--page-port", "0", "--people", str(people)]
    command += ["--clock", "2026-08-18T15:30"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    words = (await process.stdout.readline()).decode().split()
    api, page = (word for word in words if word.startswith("http"))
    async with httpx.AsyncClient(trust_env=False) as http:
        me = (await http.get(f"{api}/bot1:demo/getMe")).json()
        persons = (await http.get(f"{page}/sim/persons")).json()
        clock = (await http.get(f"{page}/sim/clock")).json()
    assert me["ok"]
    assert [p["role"] for p in persons] == ["客户"]
    assert clock["now"].startswith("2026-08-18T15:30:0")
    assert clock["now"].endswith("+08:00")
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 5) == 0


def test_a_taken_port_is_told_in_a_sentence() -> None:
    """Exit code 1, no stack trace."""
    from simulator.server import bind

    with bind(0) as taken:
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "simulator", "--port", port, "--page-port", "0"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("simulator: ")
    assert "Traceback" not in ended.stderr
