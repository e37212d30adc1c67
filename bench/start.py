"""Start with 100,000 clients in the database to the first answer, and stop on SIGTERM.

    python -m bench.start
    python -m bench.start --clients 100000 --runs 5

The question is asked before the start and waits at the local Bot API; the index of the library is in its cache, as
after every start but the first (the first is measured with --cold).
"""

import argparse
import asyncio
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert

from bench.house import ROOT, Bot, running, upgraded
from db.engine import Database
from db.models import Client
from simulator import running as simulated


async def register(url: str, clients: int) -> None:
    """Puts invented clients into the register."""
    database = Database(url)
    row = {"kind": "person", "tier": "retail", "tier_source": "default", "registered": True}
    async with database.write() as session:
        for first in range(0, clients, 5000):
            await session.execute(
                insert(Client),
                [
                    {**row, "account": f"{10_000_000 + n}", "name": "示例", "created_at": datetime.now(UTC)}
                    for n in range(first, min(first + 5000, clients))
                ],
            )
    await database.close()


async def once(url: str) -> tuple[float, float]:
    """Seconds from the start of the process to the first answer, and from SIGTERM to its end."""
    async with simulated(clock="2026-08-17T14:00:00+08:00") as sim:
        phone = sim.person("p", first_name="P")
        await phone.text("螺纹钢两手保证金多少 按3030算")
        bot = Bot(sim, url)
        since = time.monotonic()
        async with running(bot):
            told = await phone.wait_for("7,272.00", timeout=120)
            return told.at - since, await bot.stop()


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="build the index anew for each run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        await upgraded(f"sqlite:///{template}")
        await register(f"sqlite:///{template}", options.clients)
        starts, stops = [], []
        for run in range(options.runs):
            # A database of its own for each run: the local Bot API numbers its updates from the same start.
            copy = shutil.copy(template, Path(folder) / f"run{run}.db")
            if options.cold:
                shutil.rmtree(ROOT / "data" / "cache", ignore_errors=True)
            started, stopped = await once(f"sqlite:///{copy}")
            starts.append(started)
            stops.append(stopped)
    show = ", ".join(f"{s:.1f}" for s in starts)
    print(
        f"{options.clients} clients, index {'built' if options.cold else 'from its cache'}: first answer after {show} s"
    )
    print(f"stopped within {', '.join(f'{s:.2f}' for s in stops)} s of SIGTERM")


if __name__ == "__main__":
    asyncio.run(main())
