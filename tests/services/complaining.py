"""A small house for tests of complaints: services alone, no chat, a clock that tests turn."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot import wiring
from bot.settings import policy, settings
from db.engine import Database
from db.models import Assignment, Case, CaseEvent, Chat, Client, Link, OutboxMessage, Staff
from domain.calendar import SHANGHAI
from domain.errors import Refusal
from domain.people import Actor
from services import access, case_clocks, cases
from services.cases import Filing, Receipt
from services.work import Deps, Work, reading, working

ROOT = Path(__file__).parents[2]
MONDAY = datetime(2026, 8, 17, 10, 0, tzinfo=SHANGHAI)
CHATS = {  # staff code or client key -> chat id
    "M01": 101,
    "S01": 102,
    "S02": 103,
    "V01": 104,
    "C01": 105,
    "T01": 106,
    "wang": 201,
    "li": 202,
    "stranger": 299,
}


@dataclass
class House:
    """Manager M01, officers S01 and S02 under supervisor V01, compliance C01, operator T01; clients wang and li."""

    deps: Deps
    now: datetime = MONDAY
    drafts: int = 0
    clients: dict[str, int] = field(default_factory=dict)
    staff: dict[str, int] = field(default_factory=dict)

    def at(self, text: str) -> None:
        """Turns the clock: ``"2026-08-18 09:00"`` in Beijing."""
        self.now = datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    async def settle(self) -> None:
        async with working(self.deps) as work:
            for code, role, line, lead in (
                ("V01", "supervisor", "service", None),
                ("M01", "manager", "market", None),
                ("S01", "officer", "service", "V01"),
                ("S02", "officer", "service", "V01"),
                ("C01", "compliance", "compliance", None),
                ("T01", "operator", "it", None),
            ):
                await self.hire(work, code, role, line, lead)
            for key, account, tier in (("wang", "80012345", "retail"), ("li", "80023456", "premier")):
                await self.register(work, key, account, tier)

    async def hire(
        self, work: Work, code: str, role: str, line: str, lead: str | None = None, *, linked: bool = True
    ) -> None:
        row = Staff(
            code=code,
            name=f"员工{code}",
            role=role,
            line=line,
            registration_no=f"F{code}",
            lead_id=self.staff[lead] if lead else None,
            created_at=work.now,
        )
        work.session.add(row)
        await work.session.flush()
        self.staff[code] = row.id
        if linked:
            await self.link(work, CHATS.setdefault(code, 300 + row.id), staff_id=row.id)

    async def register(
        self, work: Work, key: str, account: str, tier: str = "retail", *, officer: str | None = "S01"
    ) -> None:
        row = Client(
            account=account,
            name=f"客户{key}",
            kind="person",
            tier=tier,
            tier_source="register",
            created_at=work.now,
        )
        work.session.add(row)
        await work.session.flush()
        self.clients[key] = row.id
        await self.link(work, CHATS.setdefault(key, 400 + row.id), client_id=row.id)
        for kind, code in (("manager", "M01"), ("officer", officer)):
            if code is not None:
                work.session.add(
                    Assignment(client_id=row.id, staff_id=self.staff[code], kind=kind, since=work.now)
                )
        await work.session.flush()

    async def link(self, work: Work, chat_id: int, **whose: Any) -> None:
        if await work.session.get(Chat, chat_id) is None:
            work.session.add(Chat(chat_id=chat_id, lang="zh", muted=[], created_at=work.now))
            await work.session.flush()
        work.session.add(Link(chat_id=chat_id, since=work.now, **whose))
        await work.session.flush()

    async def who(self, work: Work, key: str) -> Actor:
        return await access.actor_of(work, CHATS[key])

    async def file(
        self, key: str = "wang", category: str = "5", facts: str = "多收手续费", **more: Any
    ) -> Receipt:
        """Files a complaint of a client (or of the stranger)."""
        self.drafts += 1
        async with working(self.deps) as work:
            who = await self.who(work, key)
            about = more.pop("about", None)
            return await cases.file(
                work,
                who,
                Filing(
                    draft=f"d{self.drafts}",
                    category=category,
                    client=who.client,
                    facts=facts,
                    about_id=self.staff[about] if about else None,
                    **more,
                ),
            )

    async def do(self, key: str, verb: Any, *args: Any, **more: Any) -> Any:
        """One verb of a service by a person, in a transaction of its own."""
        async with working(self.deps) as work:
            return await verb(work, await self.who(work, key), *args, **more)

    async def tick(self) -> None:
        async with working(self.deps) as work:
            await case_clocks.climb_overdue(work)
        async with working(self.deps) as work:
            await case_clocks.archive(work)

    async def case(self, number: str | None = None) -> Case:
        async with reading(self.deps) as work:
            query = select(Case).order_by(Case.id.desc()).limit(1)
            found = await work.session.scalar(query.where(Case.number == number) if number else query)
            assert found is not None
            return found

    async def kinds(self, number: str | None = None) -> list[str]:
        case = await self.case(number)
        async with reading(self.deps) as work:
            rows = await work.session.scalars(
                select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id)
            )
            return [e.kind for e in rows]

    async def told(self, key: str, template: str = "") -> list[str]:
        """The texts that a person was sent, of one template or of all, oldest first."""
        async with reading(self.deps) as work:
            rows = await work.session.scalars(
                select(OutboxMessage).where(OutboxMessage.chat_id == CHATS[key]).order_by(OutboxMessage.id)
            )
            return [
                str(r.body.get("html", ""))
                for r in rows
                if r.method == "text" and template in ("", r.template)
            ]


def house(database: Database, **changes: Any) -> House:
    """A house on an upgraded, empty database; ``changes`` of the complaints' part of the configuration."""
    shipped = policy(ROOT / "config.yaml")
    rules = shipped.model_copy(update={"complaints": shipped.complaints.model_copy(update=changes)})
    built = House(wiring.deps(settings({}, ROOT / "none"), rules, database))
    built.deps = replace(built.deps, now=lambda: built.now)
    return built


@contextmanager
def refused(code: str) -> Iterator[None]:
    """The block is refused with this code."""
    with pytest.raises(Refusal) as caught:
        yield
    assert caught.value.code == code
