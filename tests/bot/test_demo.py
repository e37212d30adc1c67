"""``python -m bot demo``: the page, an answer, the next settlement, a restart, and the end of all of it."""

import asyncio
import os
import re
import signal
import socket
import time
from datetime import date
from pathlib import Path

import httpx
import pytest

from bot import demo_data
from tests.bot.demonstrating import demo, line_with, until


def first_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.mark.usefixtures("library")
async def test_the_demo_answers_goes_through_days_and_ends_at_once(tmp_path: Path) -> None:
    """A newcomer's minute: open the page, ask, press next settlement, restart the bot, Ctrl-C."""
    async with demo(tmp_path, "--port", "0", "--api-port", "0") as process:
        page = (await line_with(process, "chat page")).split()[2]
        async with httpx.AsyncClient(base_url=page, trust_env=False, timeout=60) as client:

            async def texts(person: str) -> list[str]:
                shown = (await client.get(f"/sim/persons/{person}/messages")).json()
                return [m["text"] for m in shown if m["from_bot"] and "text" in m]

            async def said(person: str, words: str) -> bool:
                return any(re.search(words, text) for text in await texts(person))

            assert "<html" in (await client.get("/")).text
            # Asked before the bot has its index: the question waits and is answered.
            await client.post("/sim/persons/wangming/text", json={"text": "rb2701 手续费"})
            await until(lambda: said("wangming", "手续费"))
            await until(lambda: said("xuqiang", "风控专员"))
            for day in ("2026-08-18", "2026-08-19"):
                told = (await client.post("/sim/operator/next-settlement")).json()
                assert told["ok"]
                assert day in told["text"]
            await until(lambda: said("wangming", "追加保证金.*2345"))
            assert (await client.get("/sim/clock")).json()["now"].startswith("2026-08-19T16:30")
            assert (await client.post("/sim/operator/restart-bot")).json()["ok"]
            assert not (await client.post("/sim/operator/format-the-disk")).json()["ok"]
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), timeout=10)
        assert code == 0
        assert time.monotonic() - began < 5
    with pytest.raises(httpx.ConnectError):
        await asyncio.to_thread(httpx.get, page, trust_env=False)


async def test_a_dead_process_ends_the_demo_with_its_last_words(tmp_path: Path) -> None:
    """A demo that goes on with half of itself would only puzzle people."""
    async with demo(tmp_path, "--port", "0", "--api-port", "0") as process:
        await line_with(process, "chat page")
        os.kill(first_child(process.pid), signal.SIGKILL)
        _, told = await asyncio.wait_for(process.communicate(), timeout=15)
        assert process.returncode == 1
        assert "simulator ended with exit code -9" in told.decode()
        assert "Traceback" not in told.decode()


async def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    """It names the port and the option; nothing is touched."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with demo(tmp_path, "--port", "0", "--api-port", port) as process:
            _, told = await asyncio.wait_for(process.communicate(), timeout=15)
    assert process.returncode == 1
    assert f"port {port} is taken" in told.decode()
    assert "--api-port" in told.decode()
    assert os.listdir(tmp_path / "data") == ["cache"]


def test_the_sample_days_are_in_order_and_whole() -> None:
    """Eight trading days; positions before the money of the same day."""
    days = demo_data.settlement_days()
    assert [day for day, _ in days] == sorted({day for day, _ in days})
    assert len(days) == 8
    assert sum(len(files) for _, files in days) == 9
    assert dict(days)[date(2026, 8, 19)][0].name.endswith("InvestorPosition.csv")
    assert any(day == demo_data.LAST_SETTLED for day, _ in days)
