"""A margin reminder behind 10,000 waiting broadcasts; and what the local Bot API saw of the speed limits.

    python -m bench.priority
    python -m bench.priority --broadcasts 10000 --seconds 20

Prints how long the reminder took, the most messages over any second (overall, a chat) and over any minute (a group),
and whether anything left before a ``retry_after`` had passed.
"""

import argparse
import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from bench.house import ROOT, Bot, running, upgraded
from bot import wiring
from bot.settings import policy, settings
from db.engine import Database
from db.models import Chat
from services import outbox
from services.outbox import Priority
from services.work import working
from simulator import running as simulated

CLOCK = "2026-08-17T14:00:00+08:00"


def most_within(times: Sequence[float], window: float) -> int:
    """The largest number of instants within any window of that length."""
    ordered, first, most = sorted(times), 0, 0
    for last, instant in enumerate(ordered):
        while instant - ordered[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--broadcasts", type=int, default=10_000)
    parser.add_argument("--chats", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long to look on before the reminder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/priority.db"
        await upgraded(url)
        async with simulated(clock=CLOCK) as sim:
            phones = [sim.person(f"p{n}", first_name=f"P{n}") for n in range(options.chats)]
            for phone in phones:
                await phone.start()
            database = Database(url)
            found = settings({"QIFU_DATABASE_URL": url}, Path("none"))
            deps = wiring.deps(found, policy(ROOT / "config.yaml"), database)
            async with working(deps) as work:
                work.session.add_all(
                    [
                        Chat(chat_id=p.id, lang="zh", lang_chosen=False, muted=[], created_at=work.now)
                        for p in phones
                    ]
                )
                await work.session.flush()
                for n in range(options.broadcasts):
                    await outbox.say(
                        work,
                        phones[n % len(phones)].id,
                        "notice.market",
                        lang="zh",
                        priority=Priority.BROADCAST,
                        on_doubt="hold",
                        number=f"MN-{n}",
                        day=work.today,
                        text="测试",
                    )
            bot = Bot(sim, url)
            async with running(bot):
                await sim.until(
                    lambda: len(sim.calls_of("sendMessage")) > 50, timeout=60, what="the broadcasts"
                )
                sim.fault("429", method="sendMessage", count=1, retry_after=2)
                await asyncio.sleep(options.seconds)
                since = time.monotonic()
                async with working(deps) as work:
                    await outbox.say(
                        work,
                        phones[-1].id,
                        "talk.taken",
                        lang="zh",
                        priority=Priority.MARGIN,
                        staff="追保",
                        registration=None,
                    )
                told = await phones[-1].wait_for("追保", timeout=30)
                took = told.at - since
                await bot.stop()
            await database.close()
            calls = [c for c in sim.calls_of("sendMessage") if c.status == 200]
            refused = [c for c in sim.calls_of("sendMessage") if c.status == 429]
            by_chat: dict[object, list[float]] = defaultdict(list)
            for call in calls:
                by_chat[call.chat_id].append(call.at)
            # A request that was on its way when the 429 was answered cannot be called back.
            answered = [(r.at + r.ms / 1000, r) for r in refused[:1]]
            early = [
                c
                for told_at, r in answered
                for c in sim.calls_of("sendMessage")
                if told_at + 0.05 < c.at < r.at + 2.0
            ]
            print(f"broadcasts waiting {options.broadcasts}, sent in the meantime {len(calls)}")
            print(f"margin reminder: {took * 1000:.0f} ms from its transaction to the phone")
            print(
                f"most over any second: {most_within([c.at for c in calls], 1.0)} overall, "
                f"{max(most_within(t, 1.0) for t in by_chat.values())} a chat"
            )
            print(f"sent before a retry_after of 2 s had passed: {len(early)} (429 answered: {len(refused)})")


if __name__ == "__main__":
    asyncio.run(main())
