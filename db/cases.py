"""Complaints and what happened to them. Events are only ever added."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.models import Assignment, Case, CaseEvent, Dialog, Link, OutboxMessage, Staff

RUNNING = ("open", "waiting")


async def locked(session: AsyncSession, case_id: int) -> Case | None:
    """A complaint to be changed: two presses take turns."""
    case = await locks.locked(session, Case, case_id)
    return case if case is not None and case.kind == "complaint" else None


async def id_of_number(session: AsyncSession, number: str) -> int | None:
    found: int | None = await session.scalar(
        select(Case.id).where(Case.number == number, Case.kind == "complaint")
    )
    return found


async def events(session: AsyncSession, case_ids: Collection[int]) -> dict[int, list[CaseEvent]]:
    """case id -> its events, oldest first."""
    found: dict[int, list[CaseEvent]] = {case_id: [] for case_id in case_ids}
    rows = await session.scalars(
        select(CaseEvent).where(CaseEvent.case_id.in_(case_ids)).order_by(CaseEvent.id)
    )
    for event in rows:
        found[event.case_id].append(event)
    return found


async def add_event(
    session: AsyncSession,
    case_id: int,
    *,
    at: datetime,
    actor: str,
    kind: str,
    text: str | None,
    data: dict[str, Any],
) -> CaseEvent:
    event = CaseEvent(case_id=case_id, at=at, actor=actor, kind=kind, text=text, data=data)
    session.add(event)
    await session.flush()
    return event


async def event(session: AsyncSession, event_id: int) -> CaseEvent | None:
    return await session.get(CaseEvent, event_id)


async def running_in_chat(session: AsyncSession, chat_id: int) -> list[Case]:
    """Complaints filed in a chat that have no result yet, oldest first."""
    return list(
        await session.scalars(
            select(Case)
            .where(Case.kind == "complaint", Case.chat_id == chat_id, Case.state.in_(RUNNING))
            .order_by(Case.id)
        )
    )


async def newest_in_chat(session: AsyncSession, chat_id: int, limit: int) -> list[Case]:
    """The newest complaints filed in a chat, newest first."""
    return list(
        await session.scalars(
            select(Case)
            .where(Case.kind == "complaint", Case.chat_id == chat_id)
            .order_by(Case.id.desc())
            .limit(limit)
        )
    )


async def of_people(session: AsyncSession, *, client_ids: Collection[int], chat_id: int | None) -> list[Case]:
    """Complaints of accounts, and those that a chat filed without an account, newest first."""
    mine: list[ColumnElement[bool]] = [Case.client_id.in_(client_ids)]
    if chat_id is not None:
        mine.append(and_(Case.client_id.is_(None), Case.chat_id == chat_id))
    return list(
        await session.scalars(
            select(Case).where(Case.kind == "complaint", or_(*mine)).order_by(Case.id.desc())
        )
    )


async def running(session: AsyncSession) -> list[Case]:
    """Every complaint without a result, oldest first."""
    return list(
        await session.scalars(
            select(Case).where(Case.kind == "complaint", Case.state.in_(RUNNING)).order_by(Case.id)
        )
    )


async def to_look_at(session: AsyncSession, at: datetime) -> list[int]:
    """Ids of complaints without a result whose next mark is reached, or whose owner is no longer there."""
    gone = select(Staff.id).where(
        or_(
            Staff.active.is_(False),
            Staff.id.not_in(select(Link.staff_id).where(Link.staff_id.is_not(None), Link.until.is_(None))),
        )
    )
    return list(
        await session.scalars(
            select(Case.id)
            .where(
                Case.kind == "complaint",
                Case.state.in_(RUNNING),
                or_(Case.look_at <= at, Case.owner_id.in_(gone)),
            )
            .order_by(Case.id)
        )
    )


async def resolved_before(session: AsyncSession, at: datetime) -> list[int]:
    """Ids of complaints whose result was told before a moment and that nobody reopened."""
    return list(
        await session.scalars(
            select(Case.id)
            .where(Case.kind == "complaint", Case.state == "resolved", Case.closed_at < at)
            .order_by(Case.id)
        )
    )


async def same_matter(
    session: AsyncSession, *, category: str, client_id: int | None, chat_id: int, since: datetime
) -> bool:
    """Whether this client (or this chat, without an account) complained of the same category before."""
    whose = Case.client_id == client_id if client_id is not None else Case.chat_id == chat_id
    found = await session.scalar(
        select(Case.id)
        .where(Case.kind == "complaint", Case.category == category, Case.opened_at >= since, whose)
        .limit(1)
    )
    return found is not None


async def others_complaining(
    session: AsyncSession, *, category: str, client_id: int | None, chat_id: int, since: datetime
) -> int:
    """How many others, by account or by chat without one, complained of a category since a moment."""
    recent = (Case.kind == "complaint", Case.category == category, Case.opened_at >= since)
    clients = select(func.count(Case.client_id.distinct())).where(*recent)
    strangers = select(func.count(Case.chat_id.distinct())).where(*recent, Case.client_id.is_(None))
    if client_id is not None:
        clients = clients.where(Case.client_id != client_id)
    else:
        strangers = strangers.where(Case.chat_id != chat_id)
    return (await session.scalar(clients) or 0) + (await session.scalar(strangers) or 0)


async def ever_assigned(session: AsyncSession, client_ids: Collection[int]) -> list[int]:
    """Staff ids that look or looked after accounts, the present ones first."""
    rows = await session.execute(
        select(Assignment.staff_id, Assignment.until)
        .where(Assignment.client_id.in_(client_ids))
        .order_by(Assignment.until.is_not(None), Assignment.id)
    )
    return list(dict.fromkeys(staff_id for staff_id, _ in rows))


async def cards(session: AsyncSession, outbox_ids: Collection[int]) -> Sequence[OutboxMessage]:
    """The messages that show a case, to be brought up to date."""
    return list(
        await session.scalars(
            select(OutboxMessage).where(OutboxMessage.id.in_(outbox_ids)).order_by(OutboxMessage.id)
        )
    )


async def stale_dialogs(session: AsyncSession, names: Collection[str], at: datetime) -> list[int]:
    """Chats whose guided conversation of one of these names has expired."""
    return list(
        await session.scalars(select(Dialog.chat_id).where(Dialog.name.in_(names), Dialog.expires_at <= at))
    )
