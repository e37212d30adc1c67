"""The score at night, in a process of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.nightly import Nightly
from tests.services.settled import Settled, published, settled


@pytest.fixture
async def house(sqlite_url: str) -> AsyncIterator[Settled]:
    async with settled(sqlite_url) as opened:
        await opened.staff("01", "operator", 101)
        await opened.take(published())
        opened.set_clock("2026-08-17 21:00")
        yield opened


def program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


async def test_the_command_runs_once_a_settlement(house: Settled, tmp_path: Path) -> None:
    """Two looks, one run."""
    mark = tmp_path / "ran"
    nightly = Nightly(house.deps, program(f"open({str(mark)!r}, 'a').write('x')"))
    await nightly.look()
    await nightly.look()
    assert await asyncio.to_thread(mark.read_text) == "x"


async def test_a_run_that_fails_is_told_to_operators(house: Settled) -> None:
    await Nightly(house.deps, program("raise SystemExit(1)")).look()
    assert any("score" in text for text in await house.said(101))


async def test_stopping_the_bot_ends_the_run(house: Settled, tmp_path: Path) -> None:
    """Nothing is left behind that holds the database."""
    number = tmp_path / "pid"
    text = f"import os, time; open({str(number)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    looking = asyncio.create_task(Nightly(house.deps, program(text)).look())
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(lambda: number.exists() and number.read_text()):  # noqa: ASYNC110  # a file has no event
            await asyncio.sleep(0.02)  # another process's file has no event
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    pid = int(await asyncio.to_thread(number.read_text))
    assert not await asyncio.to_thread(Path(f"/proc/{pid}").exists)
