"""Parts of the house in a test: the sender by itself, on a database of its own against the local Bot API; no library."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from telegram.request import HTTPXRequest

from bot import wiring
from bot.delivery import Delivery
from bot.raw import RawBot
from bot.settings import settings
from db.engine import Database
from db.models import OutboxMessage
from domain.knowledge import Answer, Kind
from domain.policy import Policy
from services import outbox
from services.outbox import Priority
from services.work import Deps, working
from simulator import Person, Sim, running
from tests.desk import ROOT, fast_policy


def paced(**limits: int) -> Policy:
    """The fast rules of the tests with some of the shipped speed limits."""
    rules = fast_policy()
    return rules.model_copy(update={"delivery": rules.delivery.model_copy(update=limits)})


class Ready:
    """A library that stands and knows nothing."""

    ready = True
    outdated = False

    def wait(self, _seconds: float | None = None) -> bool:
        return True

    def ask(self, q: str, **_: object) -> Answer:
        return Answer(q=q, kind=Kind.OUT_OF_SCOPE, text="", html="", lang="zh")


@dataclass
class Post:
    """The outbox and its sender. Nothing handles updates: people only read."""

    sim: Sim
    deps: Deps
    bot: RawBot
    delivery: Delivery
    task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.delivery.run())

    async def stop(self) -> None:
        """As the program ends: cancelled, what is on its way is waited for."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait({self.task})
            self.task = None

    def again(self) -> None:
        """Another run on the same database."""
        self.delivery = Delivery(self.deps, self.bot)

    async def person(self, key: str = "wang") -> Person:
        person = self.sim.person(key, first_name=key)
        await person.start()
        return person

    async def put(self, to: Person | int, text: str, **more: Any) -> int:
        """A message into the outbox; its id."""
        chat_id = to if isinstance(to, int) else to.id
        async with working(self.deps) as work:
            added = await outbox.put(work, chat_id, "text", {"html": text}, **more)
        assert added is not None
        self.delivery.news.set()
        return added

    async def put_many(self, chats: list[int], text: str, priority: Priority = Priority.BROADCAST) -> None:
        async with working(self.deps) as work:
            rows = [
                outbox.message(
                    work,
                    chat,
                    "text",
                    {"html": f"{text} {n}"},
                    priority=priority,
                    on_doubt="hold",
                    dedupe=f"{text}/{n}",
                )
                for n, chat in enumerate(chats)
            ]
            await outbox.put_all(work, rows)
        self.delivery.news.set()

    async def row(self, message: int) -> OutboxMessage:
        async with self.deps.db.read() as session:
            found = await session.get(OutboxMessage, message)
        assert found is not None
        return found

    async def until(self, message: int, *states: str) -> OutboxMessage:
        """The row once it is in one of the states."""
        async with asyncio.timeout(5):
            while True:
                row = await self.row(message)
                if row.state in states:
                    return row
                await asyncio.sleep(0.01)

    async def states(self) -> dict[str, int]:
        async with self.deps.db.read() as session:
            found = list(await session.scalars(select(OutboxMessage.state)))
        return {state: found.count(state) for state in set(found)}


@asynccontextmanager
async def open_post(
    url: str, rules: Policy | None = None, *, read_timeout: float = 5.0
) -> AsyncIterator[Post]:
    async with running() as sim:
        environment = {"QIFU_DATABASE_URL": url, "QIFU_BOT_TOKEN": sim.token, "QIFU_API_URL": sim.url}
        database = Database(url)
        deps = wiring.deps(settings(environment, ROOT / "none"), rules or fast_policy(), database)
        http = HTTPXRequest(
            connection_pool_size=8, httpx_kwargs={"trust_env": False}, read_timeout=read_timeout
        )
        bot = RawBot(token=sim.token, base_url=f"{sim.url}/bot", request=http)
        deps = replace(deps, bot_username=lambda: "bot")
        post = Post(sim, deps, bot, Delivery(deps, bot))
        try:
            yield post
        finally:
            await post.stop()
            await bot.close_connections()
            await database.close()
