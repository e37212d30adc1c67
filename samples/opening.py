"""Makes what the demo begins with: the sample brokerage with thirteen months of 2,000 invented clients, assessed and scored.

Run before the demo, by make: python -m samples.opening. It takes a minute or two, once; where this program's opening stands
already it returns at once. A run that was cut off leaves nothing that would be taken for whole.
"""

import asyncio
import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot import demo_opening

if TYPE_CHECKING:
    import pandas as pd

    from bot.settings import Settings
    from services.work import Deps

CLIENTS = 2_000
DAYS = 276
"""The score looks at 250 of them; the rule moves tiers from the thirteenth month on, and its flow needs two months."""

_MAKING = "making"


def make(found: "Settings", clients: int = CLIENTS, days: int = DAYS) -> bool:
    """Makes this program's opening, and removes those of older ones; False where it stood already."""
    wanted = demo_opening.opening(found.config)
    if wanted.is_dir():
        return False
    with _alone():
        if wanted.is_dir():
            return False
        _told(f"inventing a year of {clients:,} clients for the demo (one or two minutes, once)")
        making = demo_opening.FOLDER / _MAKING
        shutil.rmtree(making, ignore_errors=True)
        asyncio.run(fill(making, found, clients, days))
        making.rename(wanted)
        for other in demo_opening.FOLDER.iterdir():
            if other.is_dir() and other != wanted:
                shutil.rmtree(other, ignore_errors=True)
    return True


@contextmanager
def _alone() -> Iterator[None]:
    """A second run waits for the first; the system lets go of the lock of one that was killed."""
    demo_opening.FOLDER.mkdir(parents=True, exist_ok=True)
    with (demo_opening.FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def fill(folder: Path, found: "Settings", clients: int, count: int) -> None:
    """A database and the exported days in ``folder``, as of the demo's beginning."""
    from bot import demo_data
    from bot.settings import policy

    found = replace(found, database_url=f"sqlite:///{folder / demo_opening.DATABASE}")
    database = await demo_data.lay_out(found)
    try:
        deps = demo_data.at(found, policy(found.config), database, demo_data.BEGINS)
        await _live(deps, clients, count)
        await _assess(deps, folder / demo_opening.DAYS)
        await demo_data.link(deps)
    finally:
        await database.close()


async def _live(deps: "Deps", clients: int, count: int) -> None:
    """Everybody's days: the invented ones', and the sample statements with the year before them."""
    from bot import demo_data
    from samples import history, invented
    from samples.past import past
    from scoring import sample
    from services import register as registers
    from statements.register import read_register

    statements = {day: files for day, files in demo_data.settlement_days() if day <= demo_data.LAST_SETTLED}
    before = history.days_before(count - len(statements))
    days = [*before, *statements]
    who = sample.clients(clients, count, history.SEED)
    await demo_data.hire(deps, invented.MORE_STAFF)
    register = read_register("invented.csv", invented.register(who, days, history.SEED))
    await registers.store(deps, register, "demo")
    contracts = history.contracts(deps.policy, before[-1])
    many = sample.history(who, contracts, days, history.SEED)
    opened = {row.account: row.opened_on or before[0] for row in demo_data.sample_register().rows}
    few = past(contracts, before, opened, history.SEED)
    await history.load(deps, _together(few, many))
    for day, frame in many:
        await history.load(deps, [(day, frame)])
        await demo_data.load(deps, statements[day])


def _together(
    few: "Iterator[tuple[date, pd.DataFrame]]", many: "Iterator[tuple[date, pd.DataFrame]]"
) -> "Iterator[tuple[date, pd.DataFrame]]":
    """Day by day, as long as both have days."""
    import pandas as pd

    for day, frame in few:
        yield day, pd.concat([frame, next(many)[1]], ignore_index=True)


async def _assess(deps: "Deps", days: Path) -> None:
    """Tiers of two months, credit grades, who may leave, the score: as the house does it by day and by week."""
    from bot import demo_data
    from services import credit, ratings, scores, standing

    await ratings.rate(deps, demo_data.LAST_SETTLED.replace(day=1) - timedelta(days=1))
    await ratings.daily(deps)
    await credit.weekly(deps)
    await standing.weekly(deps)
    await scores.score(deps, days, "demo")


def _told(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    make(demo_opening.shipped())
