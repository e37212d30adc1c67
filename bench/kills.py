"""kill -9 of the whole bot at random instants under load: what is lost, what happens twice, what is in doubt.

    python -m bench.kills --kills 200                      # SQLite
    python -m bench.kills --kills 200 --database postgresql
    python -m bench.kills --kills 200 --disturb            # each update twice and out of order as well

Every question is different and is remembered by the bot in one row, so rows that lack are lost updates, and rows that
stand twice are effects twice. A reply that a phone shows twice was in doubt: cut off between request and receipt.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from bench.house import Bot, running, upgraded
from db.engine import Database
from db.models import Exchange, InboxUpdate, OutboxMessage
from simulator import Person, Sim
from simulator import running as simulated
from tests import postgres

_PATIENCE_SECONDS = 120
CLOCK = "2026-08-17T14:00:00+08:00"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a campaign of kills did."""

    kills: int
    asked: int
    lost: int
    effects_twice: int
    unanswered: int
    replies_twice: int
    most_in_doubt: int
    in_doubt_by_kill: float
    failed: int


async def campaign(
    sim: Sim,
    database_url: str,
    *,
    kills: int,
    rate: float,
    seed: int,
    people: int = 30,
    log: Path | None = None,
) -> Outcome:
    """Asks ``rate`` questions a second from ``people`` chats and kills the bot ``kills`` times on the way."""
    chance = random.Random(seed)
    await upgraded(database_url)
    phones = [sim.person(f"p{n}", first_name=f"P{n}") for n in range(people)]
    for phone in phones:
        await phone.start()
    asked: list[str] = []
    stop = asyncio.Event()
    in_doubt: list[int] = []
    bot = Bot(sim, database_url, log=log)
    async with running(bot):
        await sim.drained(timeout=60)
        asking = asyncio.create_task(_ask(phones, asked, rate, stop))
        seen = 0
        for _ in range(kills):
            # A kill hits every phase: start, catching up, steady load; on a slow machine too, where it starts slowly.
            if chance.random() < 0.5:
                await _speaking(phones)
            await asyncio.sleep(chance.uniform(0.0, 3.0))
            await bot.kill()
            await bot.start()
            doubled = _doubled(phones)
            in_doubt.append(doubled - seen)
            seen = doubled
        stop.set()
        await asking
        await _settled(sim, database_url)
        in_doubt.append(_doubled(phones) - seen)
        await bot.stop()
    return await _judge(database_url, phones, asked, kills, in_doubt)


async def _ask(phones: list[Person], asked: list[str], rate: float, stop: asyncio.Event) -> None:
    while not stop.is_set():
        lots = len(asked) + 1
        question = f"螺纹钢{lots}手保证金多少 按3030算"
        asked.append(question)
        await phones[lots % len(phones)].text(question)
        await asyncio.sleep(1 / rate)


async def _speaking(phones: list[Person]) -> None:
    """Until some phone shows another message of the bot."""
    shown = _shown(phones)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while _shown(phones) <= shown:
            await asyncio.sleep(0.1)


def _shown(phones: list[Person]) -> int:
    return sum(m.from_bot for phone in phones for m in phone.messages)


async def _settled(sim: Sim, database_url: str) -> None:
    """Until nothing waits anywhere. Raises when something waits and nothing moves."""
    await sim.drained(timeout=_PATIENCE_SECONDS)
    database = Database(database_url)
    try:
        waited, since = None, time.monotonic()
        while time.monotonic() - since < _PATIENCE_SECONDS:
            async with database.read() as session:
                inbox = await session.scalar(select(func.count()).where(InboxUpdate.state == "new"))
                outbox = await session.scalar(
                    select(func.count()).where(OutboxMessage.state.in_(("pending", "sending")))
                )
            if not inbox and not outbox:
                return
            if (inbox, outbox) != waited:
                waited, since = (inbox, outbox), time.monotonic()
            await asyncio.sleep(0.1)
    finally:
        await database.close()
    raise RuntimeError(f"the queues stand still: {waited} wait in the inbox and in the outbox")


def _doubled(phones: list[Person]) -> int:
    """Replies that some phone shows more than once."""
    return sum(count - 1 for phone in phones for count in Counter(_replies(phone)).values())


def _replies(phone: Person) -> list[str]:
    return [m.text for m in phone.messages if m.from_bot and "螺纹钢" in m.text]


async def _judge(
    database_url: str, phones: list[Person], asked: list[str], kills: int, in_doubt: list[int]
) -> Outcome:
    database = Database(database_url)
    try:
        async with database.read() as session:
            rows = Counter(await session.scalars(select(Exchange.question)))
            failed = await session.scalar(select(func.count()).where(InboxUpdate.state == "failed"))
    finally:
        await database.close()
    wanted = set(asked)
    replies = sum(len(set(_replies(phone))) for phone in phones)
    return Outcome(
        kills=kills,
        asked=len(asked),
        lost=len(wanted - rows.keys()),
        effects_twice=sum(count - 1 for question, count in rows.items() if question in wanted),
        unanswered=len(asked) - replies,
        replies_twice=sum(in_doubt),
        most_in_doubt=max(in_doubt, default=0),
        in_doubt_by_kill=sum(in_doubt) / max(kills, 1),
        failed=failed or 0,
    )


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate", type=float, default=12.0, help="questions a second")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--disturb", action="store_true", help="deliver each update twice and out of order")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "bot.log"
        async with simulated(clock=CLOCK) as sim:
            if options.disturb:
                sim.disturb(seed=options.seed)
            if options.database == "sqlite":
                url = f"sqlite:///{folder}/kills.db"
                outcome = await campaign(
                    sim, url, kills=options.kills, rate=options.rate, seed=options.seed, log=log
                )
            else:
                with postgres.server() as pattern:
                    url = pattern.format(name="postgres")
                    outcome = await campaign(
                        sim, url, kills=options.kills, rate=options.rate, seed=options.seed, log=log
                    )
    print(options.database, "disturbed" if options.disturb else "", outcome)


if __name__ == "__main__":
    asyncio.run(main())
