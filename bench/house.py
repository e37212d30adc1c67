"""The bot as a process of its own against the local Bot API, for benchmarks and for the kill test."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from simulator import Sim

ROOT = Path(__file__).parent.parent


class Bot:
    """``python -m bot run`` on a database; may be killed and started again."""

    def __init__(
        self, sim: Sim, database_url: str, *, config: Path | None = None, log: Path | None = None
    ) -> None:
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("QIFU_")},
            "QIFU_BOT_TOKEN": sim.token,
            "QIFU_API_URL": sim.url,
            "QIFU_DATABASE_URL": database_url,
            "QIFU_CONFIG": str(config or ROOT / "config.yaml"),
            "QIFU_CLOCK": sim.clock_url,
        }
        self.log = log
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        out = self.log.open("ab") if self.log else asyncio.subprocess.DEVNULL
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", cwd=ROOT, env=self.environment, stdout=out, stderr=out
        )

    async def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> float:
        """SIGTERM; the seconds until the process had ended."""
        assert self.process is not None
        since = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(self.process.wait(), timeout=20)
        return time.monotonic() - since


async def upgraded(database_url: str) -> None:
    """Brings a database to the program's revision."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "db",
        "upgrade",
        cwd=ROOT,
        env={**os.environ, "QIFU_DATABASE_URL": database_url},
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0


@asynccontextmanager
async def running(bot: Bot) -> AsyncIterator[Bot]:
    """The process for a block; killed at its end if it still runs."""
    await bot.start()
    try:
        yield bot
    finally:
        if bot.process is not None and bot.process.returncode is None:
            await bot.kill()
