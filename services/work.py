"""What every service works with: the things built once (Deps), and one transaction (Work)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from db import trouble
from db.engine import Database
from domain.calendar import TradingCalendar
from domain.policy import Policy
from gateways.model import Model
from knowledge import guard_rails
from knowledge.guard_rails import GuardRails
from knowledge.library import Library
from messages.phrases import BEIJING, Phrases, masked
from services.prices import PriceBook

T = TypeVar("T")
_WAYS_GIVEN = 4  # how often a command lets others go first before it fails


@dataclass(frozen=True, slots=True)
class Deps:
    """Built once in ``bot/wiring.py``. ``now`` is business time; ``wall`` is the real clock (pacing, expiry)."""

    policy: Policy
    db: Database
    phrases: Phrases
    calendar: TradingCalendar
    library: Callable[[], Library]
    prices: PriceBook
    now: Callable[[], datetime]
    wall: Callable[[], datetime]
    new_token: Callable[[int], str]
    bot_username: Callable[[], str]
    rails: Callable[[], GuardRails] = guard_rails.shipped
    model: Model | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """An outbox row of this transaction, for the sender who lets it leave with the commit. ``row``: its columns."""

    id: int
    row: dict[str, Any]

    @property
    def chat_id(self) -> int:
        return int(self.row["chat_id"])

    @property
    def method(self) -> str:
        return str(self.row["method"])

    @property
    def on_doubt(self) -> str:
        return str(self.row["on_doubt"])


@dataclass(slots=True)
class Work:
    """One transaction: its session, its one instant, and what must be told after the commit."""

    deps: Deps
    session: AsyncSession
    now: datetime
    written: list[Written] = field(default_factory=list)
    # What was decided in a rolled back transaction is gone; only these run, after the commit.
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    @property
    def policy(self) -> Policy:
        return self.deps.policy

    @property
    def today(self) -> date:
        """The calendar day in Beijing."""
        return self.now.astimezone(BEIJING).date()

    def shown_name(self, name: str) -> str:
        """A client's name as staff see it in a chat: masked where the configuration says so."""
        return masked(name) if self.policy.privacy.mask_client_names_for_staff else name


@asynccontextmanager
async def working(deps: Deps) -> AsyncIterator[Work]:
    """One transaction that may write, for a job or a command: committed at the end, rolled back on an error."""
    async with deps.db.write() as session:
        work = Work(deps, session, deps.now())
        yield work
    for run in work.after_commit:
        run()


async def carried_out(deps: Deps, do: Callable[[Work], Awaitable[T]]) -> T:
    """One transaction of a command, begun anew where the database had it give way to another."""
    for _ in range(_WAYS_GIVEN):
        try:
            async with working(deps) as work:
                return await do(work)
        except Exception as error:
            if not trouble.gave_way(error):
                raise
    async with working(deps) as work:
        return await do(work)


@asynccontextmanager
async def reading(deps: Deps) -> AsyncIterator[Work]:
    """One transaction that only reads."""
    async with deps.db.read() as session:
        yield Work(deps, session, deps.now())
