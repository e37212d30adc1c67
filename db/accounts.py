"""What is known about an account: its newest settlement, cases, history; and what employees look after."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import (
    AccountDay,
    Assignment,
    AuditEntry,
    Case,
    Client,
    Consent,
    Conversation,
    Delivery,
    ImportedFile,
    Invite,
    Link,
    Notice,
    Rung,
    Staff,
)


async def latest_day(session: AsyncSession, account: str) -> AccountDay | None:
    """The newest settlement of an account among the files that count."""
    found: AccountDay | None = await session.scalar(
        select(AccountDay)
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(AccountDay.account == account, ImportedFile.state == "in")
        .order_by(AccountDay.day.desc(), AccountDay.file_id.desc())
        .limit(1)
    )
    return found


async def rung(session: AsyncSession, account: str) -> Rung | None:
    """The rung of the risk ladder; None where an account stands on none."""
    return await session.get(Rung, account)


async def open_cases(
    session: AsyncSession, client_id: int, kinds: Collection[str] | None = None
) -> list[Case]:
    """Cases of a client that are not closed, of some kinds or of all, oldest first."""
    query = select(Case).where(Case.client_id == client_id, Case.state != "closed")
    if kinds is not None:
        query = query.where(Case.kind.in_(kinds))
    return list(await session.scalars(query.order_by(Case.id)))


async def clients_named(
    session: AsyncSession, words: str, *, staff_ids: Collection[int] | None, limit: int
) -> list[Client]:
    """Clients whose name begins with ``words``, looked after by one of ``staff_ids`` (None: by anybody)."""
    query = select(Client).where(Client.name.startswith(words, autoescape=True))
    return await _looked_after(session, query, staff_ids, limit)


async def clients_of(session: AsyncSession, staff_ids: Collection[int], *, limit: int) -> list[Client]:
    """Clients looked after by one of ``staff_ids``, in order of account."""
    return await _looked_after(session, select(Client), staff_ids, limit)


async def client_ids_of(session: AsyncSession, staff_ids: Collection[int]) -> list[int]:
    """The numbers of the clients looked after by one of ``staff_ids``."""
    return list(
        await session.scalars(
            select(Assignment.client_id)
            .where(Assignment.staff_id.in_(staff_ids), Assignment.until.is_(None))
            .distinct()
            .order_by(Assignment.client_id)
        )
    )


async def _looked_after(
    session: AsyncSession, query: Select[Client], staff_ids: Collection[int] | None, limit: int
) -> list[Client]:
    if staff_ids is not None:
        mine = select(Assignment.client_id).where(
            Assignment.staff_id.in_(staff_ids), Assignment.until.is_(None)
        )
        query = query.where(Client.id.in_(mine))
    return list(await session.scalars(query.order_by(Client.account).limit(limit)))


async def work_of_staff(session: AsyncSession, staff_id: int) -> tuple[int, int, int]:
    """(clients looked after, open conversations, open cases) of an employee."""
    counts = [
        select(func.count(Assignment.client_id.distinct())).where(
            Assignment.staff_id == staff_id, Assignment.until.is_(None)
        ),
        select(func.count())
        .select_from(Conversation)
        .where(Conversation.staff_id == staff_id, Conversation.state == "open"),
        select(func.count()).select_from(Case).where(Case.owner_id == staff_id, Case.state != "closed"),
    ]
    clients, conversations, cases = [await session.scalar(count) or 0 for count in counts]
    return clients, conversations, cases


async def clients_per_staff(session: AsyncSession) -> dict[int, int]:
    """staff id -> how many clients it looks after."""
    rows = await session.execute(
        select(Assignment.staff_id, func.count(Assignment.client_id.distinct()))
        .where(Assignment.until.is_(None))
        .group_by(Assignment.staff_id)
    )
    return dict(rows.all())


async def staff_with_open_invitation(session: AsyncSession, at: datetime) -> set[int]:
    """Employees who were invited and may still open the invitation."""
    rows = await session.scalars(
        select(Invite.staff_id).where(
            Invite.staff_id.is_not(None), Invite.state == "open", Invite.expires_at > at
        )
    )
    return {staff_id for staff_id in rows if staff_id is not None}


# --- history -----------------------------------------------------------------------------------------------


async def assignments(session: AsyncSession, client_id: int) -> Sequence[tuple[Assignment, Staff]]:
    """Who looked after a client, past ones included."""
    rows = await session.execute(
        select(Assignment, Staff)
        .join(Staff, Assignment.staff_id == Staff.id)
        .where(Assignment.client_id == client_id)
        .order_by(Assignment.id)
    )
    return [(assignment, staff) for assignment, staff in rows]


async def links(session: AsyncSession, client_id: int) -> list[Link]:
    """Every chat that was linked to an account."""
    return list(await session.scalars(select(Link).where(Link.client_id == client_id).order_by(Link.id)))


async def consents(session: AsyncSession, client_id: int) -> list[Consent]:
    return list(
        await session.scalars(select(Consent).where(Consent.client_id == client_id).order_by(Consent.id))
    )


async def cases(session: AsyncSession, client_id: int) -> list[Case]:
    return list(await session.scalars(select(Case).where(Case.client_id == client_id).order_by(Case.id)))


async def notices(session: AsyncSession, client_id: int) -> Sequence[tuple[Delivery, Notice]]:
    """Every notice that was addressed to a client, with what became of it."""
    rows = await session.execute(
        select(Delivery, Notice)
        .join(Notice, Delivery.notice_id == Notice.id)
        .where(Delivery.client_id == client_id)
        .order_by(Delivery.id)
    )
    return [(delivery, notice) for delivery, notice in rows]


async def audit_of(session: AsyncSession, subjects: Collection[str]) -> list[AuditEntry]:
    """The audit trail of some subjects, in order."""
    return list(
        await session.scalars(
            select(AuditEntry).where(AuditEntry.subject.in_(subjects)).order_by(AuditEntry.id)
        )
    )
