"""The sample brokerage of the demo: a fresh database with its staff, clients, linked chats and settlements so far."""

import asyncio
import csv
import json
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from bot import cli_scores, demo_opening, wiring
from bot.lease import HeldLease
from bot.settings import Settings
from db import people, register, settlements
from db.engine import Database
from db.migrate import upgrade
from db.models import Chat, Consent, Link, Staff
from domain.calendar import moment
from domain.policy import Policy
from services import register as registers
from services.settlements import ImportSummary, import_file
from services.work import Deps, Work, reading, working
from statements.register import Register, read_register

SAMPLES = Path(__file__).parent.parent / "samples"
PEOPLE = SAMPLES / "people.json"
# What a phone of the page is linked to: an account or an employee number. The others are strangers.
LINKED = {
    "wangming": "80012345",
    "lijing": "80023456",
    "liuyang": "M01",
    "linyue": "S01",
    "xuqiang": "R01",
    "zengmin": "R02",
    "tangjing": "V01",
    "caoying": "C01",
    "fengtao": "T01",
}
# The history that is in when the demo begins; from the next day on accounts climb the ladder.
LAST_SETTLED = date(2026, 8, 17)
BEGINS = moment(date(2026, 8, 18), time(14, 0))
_SETTLED_AT = time(16, 30)
_LONG_AGO = timedelta(days=30)


def settlement_days() -> list[tuple[date, list[Path]]]:
    """The sample settlements by trading day, oldest first; a day may have several files."""
    files = sorted((SAMPLES / "settlements").iterdir())
    days = groupby(files, key=lambda file: datetime.strptime(file.name[:8], "%Y%m%d").date())  # noqa: DTZ007
    # By name: positions stand before the money that is judged by them.
    return [(day, list(found)) for day, found in days]


def settled_at(day: date) -> datetime:
    """When the settlement of a day is there, in the afternoon."""
    return moment(day, _SETTLED_AT)


async def lay_out(settings: Settings) -> Database:
    """A new, empty database of this program's revision; what was there is deleted."""
    _cleared(settings)
    database = Database(settings.database_url)
    await upgrade(database)
    return database


async def copied(settings: Settings, opening: Path) -> Database:
    """A database as it stands in ``opening``, with the exported days beside it; what was there is deleted."""
    await asyncio.to_thread(_copy, opening, _cleared(settings), cli_scores.cache(settings.database_url))
    return Database(settings.database_url)


def _copy(opening: Path, file: Path, days: Path) -> None:
    shutil.copyfile(opening / demo_opening.DATABASE, file)
    shutil.rmtree(days, ignore_errors=True)
    shutil.copytree(opening / demo_opening.DAYS, days)


def _cleared(settings: Settings) -> Path:
    """Where the database will be: nothing of an earlier one is left there."""
    file = Database(settings.database_url).file
    assert file is not None
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    return file


@asynccontextmanager
async def closed(deps: Deps) -> AsyncIterator[None]:
    """While the block runs, the bot may start and build its index, but waits for the house to be opened."""
    lease = HeldLease(deps)
    await lease.take()
    keeping = asyncio.create_task(lease.keep())
    try:
        yield
    finally:
        keeping.cancel()
        await lease.release()


async def fill(settings: Settings, policy: Policy, database: Database) -> None:
    """Staff, register, the settlements so far, and the phones of the page."""
    await hire(at(settings, policy, database, BEGINS - _LONG_AGO))
    deps = at(settings, policy, database, BEGINS)
    for day, files in settlement_days():
        if day <= LAST_SETTLED:
            await load(deps, files)
    # Linked last: what the past had to tell is no news on the first morning.
    await link(deps)


def at(settings: Settings, policy: Policy, database: Database, instant: datetime) -> Deps:
    """The services' dependencies at one instant of the sample history."""
    still: Callable[[], datetime] = lambda: instant  # noqa: E731
    return replace(wiring.deps(replace(settings, clock=None), policy, database), now=still)


async def load(deps: Deps, files: list[Path]) -> list[ImportSummary]:
    """Imports the files of a day as ``import`` does."""
    return [await import_file(deps, file.name, file.read_bytes(), "demo") for file in files]


async def newest(deps: Deps) -> date:
    """The last day that is in."""
    async with reading(deps) as work:
        return await settlements.newest_day(work.session) or LAST_SETTLED


async def hire(deps: Deps, more: Sequence[dict[str, str]] = ()) -> None:
    """Staff and register; ``more`` employees as ``staff.csv`` has them."""
    with (SAMPLES / "staff.csv").open(encoding="utf-8", newline="") as lines:
        roll = [*csv.DictReader(lines), *more]
    async with working(deps) as work:
        rows = {line["code"]: _employee(work, line) for line in roll}
        work.session.add_all(rows.values())
        await work.session.flush()
        for line in roll:
            for column in ("lead", "stand_in"):
                if line[column]:
                    setattr(rows[line["code"]], f"{column}_id", rows[line[column]].id)
    await registers.store(deps, sample_register(), "demo")


def sample_register() -> Register:
    """The clients of the sample statements."""
    source = SAMPLES / "register.csv"
    return read_register(source.name, source.read_bytes())


def _employee(work: Work, line: dict[str, str]) -> Staff:
    return Staff(
        code=line["code"],
        name=line["name"],
        role=line["role"],
        line=line["line"],
        registration_no=line["registration_no"] or None,
        active=True,
        on_duty=True,
        created_at=work.now,
    )


async def link(deps: Deps) -> None:
    """Links the phones of the page, with every consent given."""
    persons: list[dict[str, Any]] = json.loads(PEOPLE.read_text("utf-8"))["persons"]
    async with working(deps) as work:
        clients = await register.clients_by_account(work.session, list(LINKED.values()))
        for person in persons:
            linked = LINKED.get(person["key"])
            if linked is None:
                continue
            chat_id = int(person["id"])
            work.session.add(
                Chat(chat_id=chat_id, lang="zh", lang_chosen=False, muted=[], created_at=work.now)
            )
            client = clients.get(linked)
            if client is None:
                employee = await people.staff_by_code(work.session, linked)
                assert employee is not None
                work.session.add(Link(chat_id=chat_id, staff_id=employee.id, since=work.now))
                continue
            work.session.add(Link(chat_id=chat_id, client_id=client.id, since=work.now))
            for purpose in work.policy.privacy.purposes:
                work.session.add(
                    Consent(
                        chat_id=chat_id,
                        client_id=client.id,
                        purpose=purpose,
                        text_version=work.policy.privacy.consent_version,
                        given_at=work.now,
                    )
                )
