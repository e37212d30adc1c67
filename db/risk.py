"""The ladder, reminders and who is told: rungs, notices, deliveries, tasks, in bulk where an import needs it."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, and_, bindparam, cast, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import (
    AccountDay,
    Assignment,
    Case,
    CaseEvent,
    Chat,
    Client,
    Consent,
    Counter,
    Delivery,
    ImportedFile,
    Link,
    Notice,
    PositionDay,
    Rung,
)
from db.queues import add_rows, core, insert_or_ignore
from db.settlements import chunks


async def reserve_numbers(session: AsyncSession, name: str, count: int) -> int:
    """The first of ``count`` numbers in a row."""
    await session.execute(insert_or_ignore(session, Counter).values(name=name, last=0))
    last: int | None = await session.scalar(
        update(Counter).where(Counter.name == name).values(last=Counter.last + count).returning(Counter.last)
    )
    assert last is not None
    return last - count + 1


# --- accounts and rungs -----------------------------------------------------------------------------------


async def to_be_judged(
    session: AsyncSession, file_id: int, day: date, *, company_percent: int, exchange_percent: int
) -> list[str]:
    """Accounts of a file on a day that may have something to be told: over a line, or on a rung already.

    The lines are given in whole percent, rounded down: who lies below both and on no rung needs no look.
    """
    margin = AccountDay.curr_margin.cast(BigInteger) + AccountDay.delivery_margin.cast(BigInteger)
    exchange = cast(AccountDay.exchange_margin, BigInteger) + func.coalesce(
        cast(AccountDay.exchange_delivery_margin, BigInteger), 0
    )
    equity = cast(AccountDay.equity, BigInteger)
    positions = select(PositionDay.account).where(PositionDay.file_id == file_id)
    query = (
        select(AccountDay.account)
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .outerjoin(Rung, Rung.account == AccountDay.account)
        .where(
            ImportedFile.state == "in",
            AccountDay.day == day,
            or_(AccountDay.file_id == file_id, AccountDay.account.in_(positions)),
            or_(
                Rung.account.is_not(None),
                equity <= 0,
                margin * 100 >= equity * company_percent,
                exchange * 100 >= equity * exchange_percent,
            ),
        )
        .order_by(AccountDay.account)
    )
    return list(await session.scalars(query))


async def days_of(session: AsyncSession, day: date) -> list[AccountDay]:
    """Every account of a day, in order of account."""
    return list(
        await session.scalars(
            select(AccountDay)
            .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
            .where(ImportedFile.state == "in", AccountDay.day == day)
            .order_by(AccountDay.account)
        )
    )


async def clients(session: AsyncSession, accounts: Collection[str]) -> dict[str, Client]:
    """account -> client."""
    rows = await session.scalars(select(Client).where(Client.account.in_(accounts)))
    return {client.account: client for client in rows}


async def clients_by_id(session: AsyncSession, ids: Collection[int]) -> dict[int, Client]:
    """id -> client."""
    found = {}
    for chunk in chunks(ids):
        for client in await session.scalars(select(Client).where(Client.id.in_(chunk))):
            found[client.id] = client
    return found


async def rungs(session: AsyncSession, accounts: Collection[str]) -> dict[str, Rung]:
    """account -> rung, locked for this transaction."""
    rows = await session.scalars(
        select(Rung).where(Rung.account.in_(accounts)).order_by(Rung.account).with_for_update()
    )
    return {rung.account: rung for rung in rows}


async def put_rungs(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Stores rungs by account; rows that hold the same keys."""
    if not rows:
        return
    make = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgres_insert
    statement = make(core(Rung))
    changes = {name: getattr(statement.excluded, name) for name in rows[0] if name != "account"}
    await session.execute(
        statement.on_conflict_do_update(index_elements=["account"], set_=changes), list(rows)
    )


async def rungs_from(
    session: AsyncSession, levels: Collection[str], day: date, *, before: datetime, limit: int
) -> list[Rung]:
    """Rungs of these levels on a day that were last looked at before a fixed time."""
    return list(
        await session.scalars(
            select(Rung)
            .where(
                Rung.level.in_(levels),
                Rung.day == day,
                or_(Rung.fixed_time.is_(None), Rung.fixed_time < before),
            )
            .order_by(Rung.account)
            .limit(limit)
        )
    )


async def reminders_leaving(session: AsyncSession, since: datetime) -> bool:
    """Whether a reminder for somebody whom staff have not heard of was queued since then and has not left."""
    query = (
        select(Delivery.id)
        .join(Rung, Rung.notice_id == Delivery.notice_id)
        .where(Rung.staff_told.is_(False), Delivery.state == "queued", Delivery.queued_at > since)
        .limit(1)
    )
    return await session.scalar(query) is not None


async def rungs_to_tell(session: AsyncSession) -> list[tuple[Rung, Client]]:
    """Changes on the ladder that staff have not been told of."""
    rows = await session.execute(
        select(Rung, Client)
        .join(Client, Client.account == Rung.account)
        .where(Rung.staff_told.is_(False))
        .order_by(Rung.account)
    )
    return [(rung, client) for rung, client in rows]


async def rungs_told(session: AsyncSession, accounts: Collection[str]) -> None:
    for chunk in chunks(accounts):
        await session.execute(update(Rung).where(Rung.account.in_(chunk)).values(staff_told=True))


async def drop_normal_rungs(session: AsyncSession) -> None:
    """Forgets accounts that are normal again and of whom everybody has heard."""
    await session.execute(delete(Rung).where(Rung.level == "normal", Rung.staff_told))


async def standing(session: AsyncSession, staff_ids: Collection[int] | None) -> list[tuple[Rung, Client]]:
    """Accounts above normal, looked after by some employees or all."""
    query = (
        select(Rung, Client)
        .join(Client, Client.account == Rung.account)
        .where(Rung.level != "normal")
        .order_by(Rung.account)
    )
    if staff_ids is not None:
        mine = select(Assignment.client_id).where(
            Assignment.staff_id.in_(staff_ids), Assignment.until.is_(None)
        )
        query = query.where(Client.id.in_(mine))
    return [(rung, client) for rung, client in await session.execute(query)]


# --- people -----------------------------------------------------------------------------------------------


async def links(session: AsyncSession, client_ids: Collection[int]) -> list[tuple[Link, Chat | None]]:
    """Live chats of clients, in order. None of them ends before this transaction does: what is queued for a chat in it
    is there to be withdrawn.
    """
    rows = await session.execute(
        select(Link, Chat)
        .outerjoin(Chat, Chat.chat_id == Link.chat_id)
        .where(Link.client_id.in_(client_ids), Link.until.is_(None))
        .order_by(Link.id)
        .with_for_update(read=True, of=Link)
    )
    return [(link, chat) for link, chat in rows]


async def consents(
    session: AsyncSession, client_ids: Collection[int], version: str
) -> dict[tuple[int, int], set[str]]:
    """(chat, client) -> purposes consented to in this version of the words; none ends before this transaction does."""
    rows = await session.execute(
        select(Consent.chat_id, Consent.client_id, Consent.purpose)
        .where(
            Consent.client_id.in_(client_ids), Consent.revoked_at.is_(None), Consent.text_version == version
        )
        .order_by(Consent.id)
        .with_for_update(read=True)
    )
    found: dict[tuple[int, int], set[str]] = {}
    for chat_id, client_id, purpose in rows:
        found.setdefault((chat_id, client_id), set()).add(purpose)
    return found


async def assigned(session: AsyncSession, client_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """client -> {manager: staff id, officer: staff id}."""
    found: dict[int, dict[str, int]] = {}
    for chunk in chunks(client_ids):
        rows = await session.execute(
            select(Assignment.client_id, Assignment.kind, Assignment.staff_id)
            .where(Assignment.client_id.in_(chunk), Assignment.until.is_(None))
            .order_by(Assignment.id)
        )
        for client_id, kind, staff_id in rows:
            found.setdefault(client_id, {})[kind] = staff_id
    return found


# --- notices and deliveries -------------------------------------------------------------------------------


async def add_notices(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> list[int]:
    """The ids, in the order of the rows."""
    return await add_rows(session, Notice, rows, "number")


async def add_deliveries(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> list[int]:
    """The ids, in the order of the rows, which belong to new notices."""
    if not rows:
        return []
    await session.execute(insert(core(Delivery)), list(rows))
    found: dict[tuple[int, int | None], int] = {}
    for chunk in chunks({row["notice_id"] for row in rows}):
        lines = await session.execute(
            select(Delivery.id, Delivery.notice_id, Delivery.chat_id).where(Delivery.notice_id.in_(chunk))
        )
        found.update({(notice_id, chat_id): line for line, notice_id, chat_id in lines})
    return [found[row["notice_id"], row["chat_id"]] for row in rows]


async def set_outbox_ids(session: AsyncSession, pairs: Sequence[tuple[int, int]]) -> None:
    """(delivery, outbox message) pairs."""
    if pairs:
        table = core(Delivery)
        await session.execute(
            update(table).where(table.c.id == bindparam("of")).values(outbox_id=bindparam("to")),
            [{"of": delivery, "to": message} for delivery, message in pairs],
        )


async def set_tasks(session: AsyncSession, pairs: Sequence[tuple[int, int]]) -> None:
    """(notice, task) pairs: every delivery of the notice names the task."""
    if pairs:
        table = core(Delivery)
        await session.execute(
            update(table).where(table.c.notice_id == bindparam("of")).values(task_id=bindparam("to")),
            [{"of": notice, "to": task} for notice, task in pairs],
        )


async def notices(session: AsyncSession, ids: Collection[int]) -> dict[int, Notice]:
    found = {}
    for chunk in chunks(ids):
        for notice in await session.scalars(select(Notice).where(Notice.id.in_(chunk))):
            found[notice.id] = notice
    return found


async def deliveries(session: AsyncSession, notice_ids: Collection[int]) -> dict[int, list[Delivery]]:
    """notice -> its deliveries."""
    found: dict[int, list[Delivery]] = {}
    for chunk in chunks(notice_ids):
        rows = await session.scalars(
            select(Delivery).where(Delivery.notice_id.in_(chunk)).order_by(Delivery.id)
        )
        for delivery in rows:
            found.setdefault(delivery.notice_id, []).append(delivery)
    return found


async def expire_notices(session: AsyncSession, accounts: Collection[str], kind: str) -> None:
    """Marks what was sent before as overtaken by what follows."""
    await session.execute(
        update(Notice)
        .where(Notice.account.in_(accounts), Notice.kind == kind, Notice.state == "sent")
        .values(state="expired")
    )


async def unacknowledged(session: AsyncSession, at: datetime, *, limit: int) -> list[Delivery]:
    """Margin calls that nobody acknowledged in time and that no task was made of."""
    return list(
        await session.scalars(
            select(Delivery)
            .join(Notice, Delivery.notice_id == Notice.id)
            .where(
                Notice.kind == "margin",
                Delivery.state.in_(("queued", "sent")),
                Delivery.acknowledge_by <= at,
                Delivery.task_id.is_(None),
            )
            .order_by(Delivery.id)
            .limit(limit)
        )
    )


# --- tasks ------------------------------------------------------------------------------------------------


async def add_tasks(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> list[int]:
    """The ids, in the order of the rows."""
    return await add_rows(session, Case, rows, "number")


async def add_events(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(core(CaseEvent)), list(rows))


async def open_tasks(
    session: AsyncSession, client_ids: Collection[int], *, to_change: bool = False
) -> dict[int, Case]:
    """client -> the task to phone that is not closed. ``to_change``: locked, and read as it is now."""
    query = (
        select(Case)
        .where(Case.client_id.in_(client_ids), Case.kind == "task", Case.state != "closed")
        .order_by(Case.id)
    )
    if to_change:
        query = query.with_for_update().execution_options(populate_existing=True)
    return {case.client_id: case for case in await session.scalars(query) if case.client_id is not None}


async def one_at_a_time(session: AsyncSession, client_ids: Collection[int]) -> None:
    """Whoever else opens tasks for one of these clients waits for the end of this transaction."""
    for chunk in chunks(sorted(client_ids)):
        await session.execute(
            select(Client.id).where(Client.id.in_(chunk)).order_by(Client.id).with_for_update(key_share=True)
        )


async def open_tasks_of(session: AsyncSession, client_ids: Collection[int]) -> dict[int, Case]:
    """As ``open_tasks``, for any number of clients."""
    found: dict[int, Case] = {}
    for chunk in chunks(client_ids):
        found |= await open_tasks(session, chunk)
    return found


async def tasks_to_announce(session: AsyncSession) -> list[Case]:
    """Open tasks that nobody was told of."""
    told = exists().where(CaseEvent.case_id == Case.id, CaseEvent.kind == "told")
    return list(
        await session.scalars(
            select(Case).where(Case.kind == "task", Case.state == "open", ~told).order_by(Case.id)
        )
    )


async def tasks_open(
    session: AsyncSession, *, owner_ids: Collection[int] | None, pool: bool, limit: int
) -> tuple[list[Case], int]:
    """Tasks that are not closed, the most urgent first, and how many there are; ``owner_ids`` None: everybody's.

    ``pool``: those without an owner too.
    """
    where = [Case.kind == "task", Case.state != "closed"]
    if owner_ids is not None:
        mine = Case.owner_id.in_(owner_ids)
        where.append(or_(mine, Case.owner_id.is_(None)) if pool else mine)
    count = await session.scalar(select(func.count()).select_from(Case).where(*where)) or 0
    rows = await session.scalars(select(Case).where(*where).order_by(Case.contact_due, Case.id).limit(limit))
    return list(rows), count


async def tasks_overdue(session: AsyncSession, at: datetime, *, limit: int) -> list[Case]:
    """Tasks that should have been done, and are to be looked at now, locked; oldest term first."""
    return list(
        await session.scalars(
            select(Case)
            .where(
                Case.kind == "task",
                Case.state.in_(("open", "waiting")),
                Case.contact_due <= at,
                or_(Case.look_at.is_(None), Case.look_at <= at),
            )
            .order_by(Case.contact_due, Case.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )


async def met(session: AsyncSession, notice_ids: Collection[int]) -> set[int]:
    """Notices whose call somebody reported as met after speaking with the client."""
    rows = await session.scalars(
        select(Case.notice_id).where(
            and_(Case.notice_id.in_(notice_ids), Case.kind == "task", Case.remedy == "met")
        )
    )
    return {notice_id for notice_id in rows if notice_id is not None}
