"""Import of 100,000 accounts from CSV, risk levels and reminders queued: time, peak memory, and how long the bot is kept
from answering meanwhile.

Run: python -m bench.import_accounts [ACCOUNTS]          (SQLite in a temporary folder; QIFU_DATABASE_URL for another, empty one)

The accounts are registered before; a twentieth have a linked chat with consent to figures. About 3 % stand at watch,
2 % at warning, 1 % in a call. A second task does what the bot does meanwhile: a short write every 50 ms.
"""

# run as a script, by this name

import asyncio
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

DAY = "20260818"
EVENING = datetime.fromisoformat("2026-08-18T16:30:00+08:00")
FIRST = 80_000_000
LINKED_EVERY = 20
FIELDS = (
    "BrokerID,AccountID,InvestorName,TradingDay,CurrencyID,PreBalance,Deposit,Withdraw,CloseProfit,PositionProfit,"
    "Commission,CurrMargin,ExchangeMargin,DeliveryMargin,ExchangeDeliveryMargin,Balance,Available"
)


def write_table(path: Path, accounts: int) -> None:
    """A table of invented accounts whose sums agree, the same at every run."""
    rng = random.Random(20260818)
    with path.open("w", encoding="utf-8") as out:
        out.write(FIELDS + "\n")
        for number in range(accounts):
            before = rng.randrange(1_000_00, 5_000_000_00)
            closed, held = (
                rng.randrange(-before // 20, before // 20),
                rng.randrange(-before // 20, before // 20),
            )
            fee = rng.randrange(50_00)
            balance = before + closed + held - fee
            margin = int(balance * _degree(rng))
            fen = (before, 0, 0, closed, held, fee, margin, margin * 7 // 12, 0, 0, balance, balance - margin)
            amounts = ",".join(f"{value / 100:.2f}" for value in fen)
            out.write(f"9999,{FIRST + number},样例客户{number},{DAY},CNY,{amounts}\n")


def _degree(rng: random.Random) -> float:
    chance = rng.random()
    if chance < 0.01:
        return rng.uniform(1.001, 1.4)
    if chance < 0.03:
        return rng.uniform(0.9, 1.0)
    if chance < 0.06:
        return rng.uniform(0.8, 0.9)
    return rng.uniform(0.0, 0.79)


async def prepare(url: str, accounts: int) -> None:
    """The register, two employees, chats and consents."""
    from sqlalchemy import insert

    from bot.settings import policy
    from db.engine import Database
    from db.migrate import upgrade
    from db.models import Assignment, Chat, Client, Consent, Link, Staff

    rules = policy(Path("config.yaml"))
    database = Database(url)
    await upgrade(database)
    at = EVENING
    async with database.write() as session:
        for number, role in ((1, "manager"), (2, "risk")):
            session.add(
                Staff(
                    id=number, code=f"B{number}", name=f"员工{number}", role=role, line="bench", created_at=at
                )
            )
        await session.flush()
        for start in range(0, accounts, 5000):
            ids = range(start, min(start + 5000, accounts))
            await session.execute(
                insert(Client),
                [
                    {
                        "id": n + 1, "account": str(FIRST + n), "name": f"样例客户{n}", "kind": "person",
                        "tier": "retail", "tier_source": "register", "registered": True, "created_at": at,
                    }
                    for n in ids
                ],
            )  # fmt: skip
            linked = [n for n in ids if n % LINKED_EVERY == 0]
            chats = [
                {"chat_id": n + 1, "lang": "zh", "lang_chosen": True, "muted": [], "created_at": at}
                for n in linked
            ]
            await session.execute(insert(Chat), chats)
            await session.execute(
                insert(Link), [{"chat_id": n + 1, "client_id": n + 1, "since": at} for n in linked]
            )
            await session.execute(
                insert(Assignment),
                [{"client_id": n + 1, "staff_id": 1, "kind": "manager", "since": at} for n in ids],
            )
            consents = [
                {
                    "chat_id": n + 1, "client_id": n + 1, "purpose": purpose,
                    "text_version": rules.privacy.consent_version, "given_at": at,
                }
                for n in linked
                for purpose in rules.privacy.purposes
            ]  # fmt: skip
            await session.execute(insert(Consent), consents)
    await database.close()


async def measure(url: str, path: Path) -> None:
    """Imports in this process and prints what it took. ru_maxrss is in KiB on Linux."""
    from sqlalchemy import func, select

    from bot import wiring
    from bot.settings import policy, settings
    from db.engine import Database
    from db.models import Case, Delivery, Notice, Rung
    from db.queues import next_number
    from services.settlements import import_file

    database = Database(url)
    deps = replace(wiring.deps(settings({}), policy(Path("config.yaml")), database), now=lambda: EVENING)
    waits: list[float] = []

    async def bot_meanwhile() -> None:
        while True:
            started = time.perf_counter()
            async with database.write() as session:
                await next_number(session, "bench")
            waits.append(time.perf_counter() - started)
            await asyncio.sleep(0.05)

    meanwhile = asyncio.create_task(bot_meanwhile())
    data = path.read_bytes()
    size = len(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, used = time.perf_counter(), time.process_time()
    summary = await import_file(deps, path.name, data, "bench")
    took, used = time.perf_counter() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    meanwhile.cancel()
    async with database.read() as session:
        counts = {
            "rungs": await session.scalar(select(func.count()).select_from(Rung)),
            "reminders": await session.scalar(select(func.count()).select_from(Notice)),
            "queued": await session.scalar(select(func.count()).where(Delivery.state == "queued")),
            "phone tasks": await session.scalar(select(func.count()).where(Case.kind == "task")),
        }
    await database.close()
    waits.sort()
    print(
        f"{summary.accounts} accounts, {size / 1e6:.1f} MB CSV, {summary.alerts} alerted: {took:.1f} s "
        f"({used:.1f} s of processor time, the bot's included), peak {peak / 1024:.0f} MiB (of which {before / 1024:.0f} MiB before)"
    )
    print(", ".join(f"{name} {count}" for name, count in counts.items()))
    print(
        f"a short write of the bot meanwhile, {len(waits)} times: p50 {waits[len(waits) // 2] * 1000:.0f} ms, "
        f"p99 {waits[int(len(waits) * 0.99)] * 1000:.0f} ms, longest {waits[-1] * 1000:.0f} ms"
    )


def main() -> None:
    accounts = int(sys.argv[1]) if sys.argv[1:] else 100_000
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("QIFU_DATABASE_URL", f"sqlite:///{folder}/bench.db")
        table = Path(folder) / "accounts.csv"
        write_table(table, accounts)
        asyncio.run(prepare(url, accounts))
        # In a process of its own, so that the peak is the import's.
        subprocess.run(
            [sys.executable, "-m", "bench.import_accounts", "--measure", url, str(table)], check=True
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        asyncio.run(measure(sys.argv[2], Path(sys.argv[3])))
    else:
        main()
