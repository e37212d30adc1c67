"""Statements to import in tests, and a house to import them into, without Telegram."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot import wiring
from bot.settings import policy, settings
from db.engine import Database
from db.models import Assignment, Base, Chat, Client, Consent, Link, OutboxMessage, Staff
from domain.calendar import TradingCalendar
from domain.policy import Policy
from messages.split import plain
from services.settlements import ImportSummary, import_file
from services.work import Deps, working
from statements.encoding import decode
from tests.post import Ready

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples" / "settlements"
AFTERNOON = "2026-08-17 16:30"
_SECOND_CASE = {
    "500000.00": "20584.57",
    "519415.43": "40000.00",
    "476493.93": "-2921.50",
    "8.26%": "107.30%",
    "Margin Call：                  0.00": "Margin Call：               2921.50",
}


def at(text: str) -> datetime:
    """An instant of Beijing time: ``at("2026-08-17 16:30")``."""
    return datetime.fromisoformat(f"{text.replace(' ', 'T')}+08:00")


def published() -> str:
    """The statement of 80012345 on 2026-08-17: equity 519,415.43, margin 42,921.50, two positions, two trades."""
    text, _ = decode((SAMPLES / "20260817.txt").read_bytes())
    end = text.index("示例期货有限公司\n", text.index("持仓汇总"))
    return text[:end].rstrip() + "\n"


def second_case() -> str:
    """The same positions with an equity of 40,000.00: 107.30 %, 60.23 %, 2,921.50 to add."""
    text = published()
    for old, new in _SECOND_CASE.items():
        assert old in text
        text = text.replace(old, new)
    return text


def table(*accounts: tuple[str, str, str], day: str = "20260817", exchange: float | None = 0.5) -> bytes:
    """A wide CSV: (account, equity, company margin); the exchange's margin is that share of the company's."""
    lines = ["AccountID,InvestorName,TradingDay,Balance,CurrMargin" + (",ExchangeMargin" if exchange else "")]
    for account, equity, margin in accounts:
        line = f"{account},王明,{day},{equity},{margin}"
        lines.append(line + (f",{float(margin) * exchange:.2f}" if exchange else ""))
    return "\n".join(lines).encode()


def positions(*rows: tuple[str, str, str, int, str, str], day: str = "20260817") -> bytes:
    """InvestorPosition: (account, exchange, contract, lots, short ones negative, settlement price, margin)."""
    lines = [
        "InvestorID,TradingDay,ExchangeID,InstrumentID,PosiDirection,HedgeFlag,Position,UseMargin,SettlementPrice"
    ]
    for account, exchange, contract, lots, price, margin in rows:
        side = 2 if lots > 0 else 3
        lines.append(f"{account},{day},{exchange},{contract},{side},1,{abs(lots)},{margin},{price}")
    return "\n".join(lines).encode()


@dataclass
class Settled:
    """A house on a database of its own, at a business time that tests set."""

    deps: Deps
    clock: list[datetime]

    def set_clock(self, text: str) -> None:
        self.clock[0] = at(text)

    async def take(self, data: bytes | str, name: str = "file", reason: str | None = None) -> ImportSummary:
        """Imports a file."""
        return await import_file(
            self.deps, name, data.encode() if isinstance(data, str) else data, "test", reason
        )

    async def run(self, job: Any) -> Any:
        """Runs a job or another function of the services in a transaction."""
        async with working(self.deps) as work:
            return await job(work)

    async def all(self, model: type[Base]) -> list[Any]:
        """Every row of a table, in order of its key."""
        async with self.deps.db.read() as session:
            key = next(iter(model.__table__.primary_key))  # type: ignore[attr-defined]
            return list(await session.scalars(select(model).order_by(key)))

    async def said(self, chat_id: int) -> list[str]:
        """The texts queued for a chat, oldest first."""
        found = [m for m in await self.all(OutboxMessage) if m.chat_id == chat_id and "html" in m.body]
        return [plain(m.body["html"]) for m in found]

    async def staff(self, code: str, role: str, chat_id: int | None, **columns: Any) -> int:
        async with working(self.deps) as work:
            row = Staff(code=code, name=f"员工{code}", role=role, line="line", created_at=work.now, **columns)
            work.session.add(row)
            await work.session.flush()
            if chat_id is not None:
                await self._chat(work.session, chat_id)
                work.session.add(Link(chat_id=chat_id, staff_id=row.id, since=work.now))
            return row.id

    async def client(
        self,
        account: str = "80012345",
        *,
        chats: tuple[int, ...] = (),
        manager: int | None = None,
        tier: str = "key",
        consent: bool = True,
        **columns: Any,
    ) -> int:
        async with working(self.deps) as work:
            row = Client(
                account=account,
                name="王明",
                kind="person",
                tier=tier,
                **{"tier_source": "register", "created_at": work.now, **columns},
            )
            work.session.add(row)
            await work.session.flush()
            if manager is not None:
                work.session.add(
                    Assignment(client_id=row.id, staff_id=manager, kind="manager", since=work.now)
                )
            for chat_id in chats:
                await self._chat(work.session, chat_id)
                work.session.add(Link(chat_id=chat_id, client_id=row.id, since=work.now))
                for purpose in work.policy.privacy.purposes if consent else ():
                    work.session.add(
                        Consent(
                            chat_id=chat_id,
                            client_id=row.id,
                            purpose=purpose,
                            text_version=work.policy.privacy.consent_version,
                            given_at=work.now,
                        )
                    )
            return row.id

    @staticmethod
    async def _chat(session: Any, chat_id: int) -> None:
        session.add(Chat(chat_id=chat_id, lang="zh", lang_chosen=True, muted=[], created_at=at(AFTERNOON)))
        await session.flush()


@asynccontextmanager
async def settled(
    database_url: str, *, rules: Policy | None = None, calendar: TradingCalendar | None = None
) -> AsyncIterator[Settled]:
    """A house on an upgraded, empty database, on Monday 2026-08-17 after settlement."""
    database = Database(database_url)
    clock = [at(AFTERNOON)]
    built = wiring.deps(settings({}, ROOT / "none"), rules or policy(ROOT / "config.yaml"), database)
    deps = replace(
        built,
        now=lambda: clock[0],
        new_token=lambda n: secrets.token_hex(n)[:n],
        calendar=calendar or built.calendar,
        library=lambda: Ready(),  # type: ignore[arg-type,return-value]
    )
    try:
        yield Settled(deps, clock)
    finally:
        await database.close()
