"""Question to answer over HTTP, every question from another chat: the bot as its own process, the local Bot API here.

    python -m bench.latency --rate 20 --seconds 60                       # the shipped pacing
    python -m bench.latency --rate 50 --seconds 60 --per-second 1000     # delivery.per_second: 1000

From the moment in which the phone sends the question to the moment in which it shows the answer.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import yaml

from bench.house import ROOT, Bot, running, upgraded
from simulator import Person, Sim
from simulator import running as simulated
from tests import postgres

QUESTIONS = (
    "怎么开户",
    "平今手续费怎么收",
    "螺纹钢两手保证金多少 按3030算",
    "为什么保证金比交易所高",
    "手续费什么时候扣",
    "怎么投诉",
    "开户要什么材料",
    "rb2701 手续费",
    "休眠账户怎么激活",
    "节前保证金会提高吗",
)
WARM_UP = 20


async def measure(sim: Sim, database_url: str, rate: float, seconds: float, config: Path) -> list[float]:
    """Milliseconds of every question after the warm-up."""
    await upgraded(database_url)
    count = int(rate * seconds)
    phones = [sim.person(f"p{n}", first_name=f"P{n}") for n in range(count + WARM_UP)]
    bot = Bot(sim, database_url, config=config)
    async with running(bot):
        for phone in phones[:WARM_UP]:
            await _ask(phone, QUESTIONS[0])
            await asyncio.sleep(0.1)
        begun = time.monotonic()
        asking = []
        for n, phone in enumerate(phones[WARM_UP:]):
            await asyncio.sleep(max(0.0, begun + n / rate - time.monotonic()))
            asking.append(asyncio.create_task(_ask(phone, QUESTIONS[n % len(QUESTIONS)])))
        taken = list(await asyncio.gather(*asking))
        await bot.stop()
    return taken


async def _ask(phone: Person, question: str) -> float:
    since = time.monotonic()
    await phone.text(question)
    answer = await phone.wait_for(lambda m: m.from_bot, timeout=60)
    return (answer.at - since) * 1000


def share(values: list[float], part: float) -> float:
    """The value below which that part of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def config_with(per_second: int | None, folder: Path) -> Path:
    """The shipped config.yaml, or a copy with another delivery.per_second."""
    if per_second is None:
        return ROOT / "config.yaml"
    values = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
    values["delivery"]["per_second"] = per_second
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), "utf-8")
    return path


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--per-second", type=int, default=None)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = config_with(options.per_second, folder)
        async with simulated(clock="2026-08-17T14:00:00+08:00") as sim:
            if options.database == "sqlite":
                taken = await measure(sim, f"sqlite:///{folder}/l.db", options.rate, options.seconds, config)
            else:
                with postgres.server() as pattern:
                    url = pattern.format(name="postgres")
                    taken = await measure(sim, url, options.rate, options.seconds, config)
    print(
        f"{options.database}: {len(taken)} questions at {options.rate:g}/s, ms from question to answer: "
        f"p50 {share(taken, 0.5):.1f}  p90 {share(taken, 0.9):.1f}  p99 {share(taken, 0.99):.1f}  max {max(taken):.1f}"
    )


if __name__ == "__main__":
    asyncio.run(main())
