"""``run`` and what keeps it from starting: one sentence each, and nothing lost."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bot import intake, program
from bot.settings import Settings, StartError, policy, settings
from simulator import Sim, running
from tests.desk import ROOT

RULES = policy(ROOT / "config.yaml")


@asynccontextmanager
async def at(sqlite_url: str, **changes: object) -> AsyncIterator[tuple[Sim, Settings]]:
    """A local Bot API, and the settings of a bot against it."""
    async with running() as sim:
        found = settings({"QIFU_CONFIG": str(ROOT / "config.yaml")}, Path("/nonexistent"))
        base = replace(found, token=sim.token, api_url=sim.url, database_url=sqlite_url)
        yield sim, replace(base, **changes)  # type: ignore[arg-type]  # as named


async def test_a_token_that_telegram_refuses_ends_the_run(sqlite_url: str) -> None:
    """The sentence names the variable and not its value."""
    async with at(sqlite_url, token="7654321:AAwrong-wrong-wrong-wrong-wrong-wrong") as (_, wrong):
        with pytest.raises(StartError, match="Telegram refuses QIFU_BOT_TOKEN") as refused:
            await asyncio.wait_for(program.run(wrong, RULES), timeout=10)
    assert "AAwrong" not in str(refused.value)


async def test_a_second_poller_ends_the_run(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two programs that poll with one token would take each other's updates: this one stops and says so."""
    monkeypatch.setattr(intake, "_CONFLICTS", 2)
    async with at(sqlite_url) as (sim, ours):

        async def poll() -> None:
            async with httpx.AsyncClient(trust_env=False, timeout=40) as other:
                while True:
                    await other.post(f"{sim.url}/bot{sim.token}/getUpdates", json={"timeout": 20})

        rival = asyncio.create_task(poll())
        with pytest.raises(StartError, match="another program polls Telegram with this token"):
            await asyncio.wait_for(program.run(ours, RULES), timeout=20)
        rival.cancel()
        with suppress(asyncio.CancelledError):
            await rival


async def test_a_port_that_is_taken_ends_the_run(sqlite_url: str) -> None:
    """The sentence names the variable that chooses another."""
    async with at(sqlite_url) as (sim, ours):
        taken = int(sim.url.rpartition(":")[2])
        with pytest.raises(StartError, match="QIFU_WEB_PORT"):
            await asyncio.wait_for(program.run(replace(ours, web_port=taken), RULES), timeout=10)


def start(**environment: str) -> subprocess.CompletedProcess[str]:
    """``python -m bot run`` as a process, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "QIFU_BOT_TOKEN": "1:demo", **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


def refused(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert done.returncode == 1, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_token_is_a_sentence() -> None:
    """The first thing that everybody forgets."""
    refused(start(QIFU_BOT_TOKEN=""), "QIFU_BOT_TOKEN is not set: put the token from @BotFather")


def test_an_old_database_is_a_sentence(sqlite_url: str) -> None:
    """The program never changes a database's tables by itself."""
    file = sqlite_url.removeprefix("sqlite:///")
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM alembic_version")
    connection.close()
    refused(start(QIFU_DATABASE_URL=sqlite_url), "type  python -m bot db upgrade")


def test_missing_company_facts_are_a_sentence_each(tmp_path: Path, sqlite_url: str) -> None:
    """A house that is no sample and still has the sample's telephone would send its clients nowhere."""
    shipped = (ROOT / "config.yaml").read_text("utf-8")
    own = tmp_path / "config.yaml"
    own.write_text(shipped.replace("sample: true", "sample: false", 1), "utf-8")
    done = start(QIFU_DATABASE_URL=sqlite_url, QIFU_CONFIG=str(own))
    refused(done, "company.hotline is still '400-000-0000': put your company's own value here")
    own.write_text(shipped.replace("  hotline:", "  hot_line:", 1), "utf-8")
    done = start(QIFU_DATABASE_URL=sqlite_url, QIFU_CONFIG=str(own))
    refused(done, "company.hot_line: unknown key")
