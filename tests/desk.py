"""The whole house in a test: the real bot over HTTP against the local Bot API, on a database of its own.

``desk.client(...)`` and ``desk.staff(...)`` put a person into the register, link the chat, and give the phone's handle.
``await desk.settled()`` returns when every update is handled and every message sent. Business time is the simulator's.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bot import program, wiring
from bot.live_library import LiveLibrary
from bot.settings import Settings
from bot.settings import policy as read_policy
from db.engine import Database
from db.models import Assignment, Chat, Client, Consent, InboxUpdate, Link, OutboxMessage, Staff
from domain.calendar import local
from domain.policy import Policy
from knowledge.drafts import Recipe
from knowledge.library import Library
from services.work import Deps, Work, reading, working
from simulator import Person, Sim, running

ROOT = Path(__file__).parent.parent
MONDAY_AFTERNOON = "2026-08-17T14:00:00+08:00"


def fast_policy(**changes: Any) -> Policy:
    """The shipped configuration, with a delivery that does not wait between messages of a chat."""
    shipped = read_policy(ROOT / "config.yaml")
    fast = shipped.delivery.model_copy(
        update={"per_second": 1000, "per_chat_per_second": 1000, "per_group_per_minute": 1000}
    )
    return shipped.model_copy(update={"delivery": fast, **changes})


@dataclass
class Desk:
    sim: Sim
    deps: Deps
    settings: Settings
    live: LiveLibrary
    _serving: asyncio.Task[None] | None = None
    people: dict[str, Person] = field(default_factory=dict)

    # --- running ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Starts the program on the desk's database."""
        app = wiring.application(self.settings, self.deps.policy.delivery.in_flight)
        self.deps = replace(self.deps, bot_username=lambda: app.bot.username)
        self._serving = asyncio.create_task(program._serve(self.settings, self.deps, app, self.live))

    async def stop(self) -> None:
        """Stops the program as SIGTERM does."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait({self._serving})
            self._serving = None

    async def settled(self, timeout: float = 10.0) -> None:
        """Returns when the local Bot API has handed everything over and nothing waits in the two queues."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            if self._serving is not None and self._serving.done():
                self._serving.result()
            # Read before the queues: what is confirmed by now is stored by now.
            unconfirmed = self.sim.pending
            async with self.deps.db.read() as session:
                inbox = await session.scalar(select(func.count()).where(InboxUpdate.state == "new"))
                outbox = await session.scalar(
                    select(func.count()).where(OutboxMessage.state.in_(("pending", "sending")))
                )
            if not unconfirmed and not inbox and not outbox:
                return
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(
                    f"not settled: unconfirmed {unconfirmed}, inbox {inbox}, outbox {outbox}"
                )
            await asyncio.sleep(0.02)

    def work(self) -> Any:
        """A transaction that may write, as services use it."""
        return working(self.deps)

    def reading(self) -> Any:
        return reading(self.deps)

    # --- people ------------------------------------------------------------------------------------------------

    async def staff(
        self,
        key: str,
        *,
        name: str,
        role: str,
        code: str | None = None,
        line: str = "market-1",
        stand_in: str | None = None,
        lead: str | None = None,
        registration_no: str | None = "F0000001",
        lang: str = "zh",
    ) -> Person:
        """A linked member of staff. ``stand_in`` and ``lead`` are codes of staff made before."""
        person = self.sim.person(key, first_name=name)
        await person.start()
        await self.settled()
        async with working(self.deps) as work:
            row = Staff(
                code=code or key.upper(),
                name=name,
                role=role,
                line=line,
                registration_no=registration_no,
                stand_in_id=await self._staff_id(work, stand_in),
                lead_id=await self._staff_id(work, lead),
                created_at=work.now,
            )
            work.session.add(row)
            await work.session.flush()
            work.session.add(Link(chat_id=person.id, staff_id=row.id, since=work.now))
            await self._speaks(work, person.id, lang)
        self.people[key] = person
        return person

    async def client(
        self,
        key: str,
        *,
        account: str = "80012345",
        name: str = "王明",
        tier: str = "key",
        manager: str | None = None,
        officer: str | None = None,
        consent: bool = True,
        phone: str | None = "+8613800000001",
        lang: str = "zh",
        **columns: Any,
    ) -> Person:
        """A client of the register whose chat is linked. ``manager`` and ``officer`` are staff codes."""
        person = self.sim.person(key, first_name=name, phone=phone or "")
        await person.start()
        await self.settled()
        async with working(self.deps) as work:
            row = Client(
                account=account,
                name=name,
                kind="person",
                phone=phone,
                tier=tier,
                tier_source="register",
                created_at=work.now,
                **columns,
            )
            work.session.add(row)
            await work.session.flush()
            work.session.add(Link(chat_id=person.id, client_id=row.id, since=work.now))
            for kind, code in (("manager", manager), ("officer", officer)):
                staff_id = await self._staff_id(work, code)
                if staff_id is not None:
                    work.session.add(
                        Assignment(client_id=row.id, staff_id=staff_id, kind=kind, since=work.now)
                    )
            for purpose in work.policy.privacy.purposes if consent else ():
                work.session.add(
                    Consent(
                        chat_id=person.id,
                        client_id=row.id,
                        purpose=purpose,
                        text_version=work.policy.privacy.consent_version,
                        given_at=work.now,
                    )
                )
            await self._speaks(work, person.id, lang)
        self.people[key] = person
        return person

    async def stranger(
        self, key: str = "stranger", *, name: str = "路人", language_code: str = "zh-hans"
    ) -> Person:
        """Somebody whom nobody knows."""
        person = self.sim.person(key, first_name=name, language_code=language_code)
        await person.start()
        await self.settled()
        self.people[key] = person
        return person

    @staticmethod
    async def _staff_id(work: Work, code: str | None) -> int | None:
        if code is None:
            return None
        found: int | None = await work.session.scalar(select(Staff.id).where(Staff.code == code))
        assert found is not None, f"no staff {code}"
        return found

    @staticmethod
    async def _speaks(work: Work, chat_id: int, lang: str) -> None:
        chat = await work.session.get(Chat, chat_id)
        assert chat is not None
        chat.lang = lang


@asynccontextmanager
async def open_desk(
    database_url: str, library: Library, rules: Policy | None = None, recipe: Recipe | None = None
) -> AsyncIterator[Desk]:
    """A running house on an upgraded, empty database. ``recipe`` is how its library was loaded, to renew it."""
    async with running(clock=MONDAY_AFTERNOON) as sim:
        sim.set_clock(MONDAY_AFTERNOON, running=True)
        settings = Settings(
            token=sim.token,
            api_url=sim.url,
            database_url=database_url,
            config=ROOT / "config.yaml",
            proxy=None,
            web_port=None,
            web_host="127.0.0.1",
            webhook_url=None,
            webhook_secret=None,
            clock=None,
        )
        database = Database(database_url)
        policy = rules or fast_policy()
        live = LiveLibrary(
            recipe or wiring.recipe(policy), lambda: local(sim.clock.now()).date(), present=library
        )
        deps = replace(
            wiring.deps(settings, policy, database, live),
            now=lambda: sim.clock.now().astimezone(UTC),
            new_token=secrets.token_hex,
        )
        desk = Desk(sim, deps, settings, live)
        try:
            await desk.start()
            yield desk
        finally:
            await desk.stop()
            await database.close()


def at(text: str) -> datetime:
    """An instant of Beijing time: ``at("2026-08-18 20:55")``."""
    return datetime.fromisoformat(f"{text.replace(' ', 'T')}+08:00")
