"""Inbox, outbox, lease and counters. Functions take the session first and never commit."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CursorResult,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Base, Counter, InboxUpdate, JobRun, Lease, OutboxMessage


def _is(column: Any, word: str) -> ColumnElement[bool]:
    """``column = 'word'`` with the word in the statement: a plan made for a parameter cannot use a partial index."""
    condition: ColumnElement[bool] = column == literal(word, literal_execute=True)
    return condition


NEW = _is(InboxUpdate.state, "new")
FAILED = _is(InboxUpdate.state, "failed")
DONE = _is(InboxUpdate.state, "done")
PENDING = _is(OutboxMessage.state, "pending")
SENDING = _is(OutboxMessage.state, "sending")
HELD = _is(OutboxMessage.state, "held")


def insert_or_ignore(session: AsyncSession, table: Any) -> Any:
    """An INSERT that leaves existing rows alone, in the words of the session's database."""
    return _insert_or_ignore(session.get_bind().dialect.name, table)


@cache
def _insert_or_ignore(dialect: str, table: Any) -> Any:
    return (sqlite_insert if dialect == "sqlite" else postgres_insert)(table).on_conflict_do_nothing()


def core(model: type[Base]) -> Table:
    """The table itself, for many rows at once: the ORM would break them up wherever another column is empty."""
    assert isinstance(model.__table__, Table)
    return model.__table__


# What every update and every message needs is built once: building a statement anew takes longer than running it.
_INBOX = core(InboxUpdate)
_OUTBOX = core(OutboxMessage)
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_AT = bindparam("at", type_=_OUTBOX.c.not_before.type)

_MARK_DONE = (
    update(_INBOX)
    .where(_INBOX.c.update_id == bindparam("id"), _INBOX.c.state == "new")
    .values(state="done", done_at=_AT, body="")
)
_ADD_MESSAGE = insert(_OUTBOX).returning(_OUTBOX.c.id)
_CLAIM = select(OutboxMessage).from_statement(
    update(_OUTBOX)
    .where(
        _OUTBOX.c.id.in_(_IDS),
        _is(_OUTBOX.c.state, "pending"),
        or_(_OUTBOX.c.not_before.is_(None), _OUTBOX.c.not_before <= _AT),
    )
    .values(state="sending", attempts=_OUTBOX.c.attempts + 1)
    .returning(_OUTBOX)
)
_CLAIM_WRITTEN = (
    update(_OUTBOX)
    .where(_OUTBOX.c.id.in_(_IDS), _is(_OUTBOX.c.state, "pending"), _OUTBOX.c.attempts == 0)
    .values(state="sending", attempts=1)
    .returning(_OUTBOX.c.id)
)
_SETTLE = update(_OUTBOX).where(
    _OUTBOX.c.id == bindparam("of_id"),
    _is(_OUTBOX.c.state, "sending"),
    _OUTBOX.c.attempts == bindparam("of_attempts"),
)


def changed(result: Any) -> int:
    """How many rows a statement changed."""
    return result.rowcount if isinstance(result, CursorResult) else 0


# --- inbox ----------------------------------------------------------------------------------------------------


async def store_updates(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Stores updates as they came; one that is there already is left alone, whatever the order."""
    if rows:
        # In order of their ids, so that two intakes at once cannot wait for each other's rows.
        in_order = sorted(rows, key=lambda row: row["update_id"])
        await session.execute(insert_or_ignore(session, _INBOX), in_order)


async def waiting_updates(session: AsyncSession, known: Collection[int], limit: int) -> list[InboxUpdate]:
    """Updates not yet handled, oldest first, without those in ``known``."""
    query = select(InboxUpdate).where(NEW)
    if known:
        query = query.where(InboxUpdate.update_id.not_in(known))
    return list(await session.scalars(query.order_by(InboxUpdate.update_id).limit(limit)))


async def mark_done(session: AsyncSession, update_id: int, at: datetime) -> bool:
    """True when this transaction is the one that handled the update; only its number is kept, against repetition."""
    return changed(await session.execute(_MARK_DONE, {"id": update_id, "at": at})) == 1


async def mark_attempt(
    session: AsyncSession, update_id: int, error: str, *, failed: bool, at: datetime
) -> bool:
    """Counts a failed attempt; False when the update is no longer waiting."""
    values: dict[str, Any] = {"attempts": InboxUpdate.attempts + 1, "error": error}
    if failed:
        values |= {"state": "failed", "done_at": at}
    marked = await session.execute(
        update(InboxUpdate).where(InboxUpdate.update_id == update_id, NEW).values(**values)
    )
    return changed(marked) == 1


# --- outbox ---------------------------------------------------------------------------------------------------


async def add_message(session: AsyncSession, values: dict[str, Any]) -> int | None:
    """The new message's id, or None when its dedupe key is there already."""
    statement = _ADD_MESSAGE
    if values.get("dedupe_key"):
        statement = insert_or_ignore(session, _OUTBOX).returning(_OUTBOX.c.id)
    added: int | None = await session.scalar(statement, values)
    return added


async def add_messages(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> list[int]:
    """The new messages' ids, in the order of the rows, each of which has a dedupe key of its own."""
    return await add_rows(session, OutboxMessage, rows, "dedupe_key")


async def add_rows(
    session: AsyncSession, model: type[Base], rows: Sequence[dict[str, Any]], key: str
) -> list[int]:
    """Inserts many rows at once; their ids, in order, found again by a unique column.

    Ordered RETURNING would send them to SQLite one by one.
    """
    if not rows:
        return []
    table = core(model)
    await session.execute(insert(table), list(rows))
    found: dict[Any, int] = {}
    for start in range(0, len(rows), 5_000):
        keys = [row[key] for row in rows[start : start + 5_000]]
        added = await session.execute(select(table.c[key], table.c.id).where(table.c[key].in_(keys)))
        found.update(added.all())
    return [found[row[key]] for row in rows]


async def due_messages(
    session: AsyncSession,
    *,
    at: datetime,
    not_chats: Collection[int],
    silent_chats: Collection[int] = (),
    limit: int,
) -> list[OutboxMessage]:
    """Messages ready to go, most urgent first, leaving out chats that must rest.

    The answer to a pressed button is no message and goes to a resting chat too, but not to a silent one.
    """
    query = select(OutboxMessage).where(PENDING, _ready(at))
    if not_chats:
        query = query.where(or_(OutboxMessage.method == "answer", OutboxMessage.chat_id.not_in(not_chats)))
    if silent_chats:
        query = query.where(OutboxMessage.chat_id.not_in(silent_chats))
    return list(await session.scalars(query.order_by(OutboxMessage.priority, OutboxMessage.id).limit(limit)))


async def pending_beyond(session: AsyncSession, ids: Collection[int]) -> bool:
    """Whether messages wait besides these."""
    found = await session.scalar(
        select(OutboxMessage.id).where(PENDING, OutboxMessage.id.not_in(ids)).limit(1)
    )
    return found is not None


def _ready(at: datetime) -> ColumnElement[bool]:
    return or_(OutboxMessage.not_before.is_(None), OutboxMessage.not_before <= at)


async def set_messages(session: AsyncSession, ids: Collection[int], **values: Any) -> int:
    done = await session.execute(update(OutboxMessage).where(OutboxMessage.id.in_(ids)).values(**values))
    return changed(done)


async def claim_messages(session: AsyncSession, ids: Collection[int], at: datetime) -> list[OutboxMessage]:
    """Marks those that still wait as being sent, and gives them as they are now, most urgent first.

    Between being found and being claimed a message may have been stopped, edited, or claimed by another process.
    """
    options = {"populate_existing": True}
    claimed = await session.scalars(_CLAIM, {"ids": list(ids), "at": at}, execution_options=options)
    return sorted(claimed, key=lambda message: (message.priority, message.id))


async def claim_written(session: AsyncSession, ids: Collection[int]) -> set[int]:
    """Marks messages as being sent that this transaction has written; which of them still wait."""
    return set(await session.scalars(_CLAIM_WRITTEN, {"ids": list(ids)}))


async def unclaim_messages(session: AsyncSession, ids: Collection[int]) -> None:
    """Gives back claims of which nothing was sent."""
    await session.execute(
        update(OutboxMessage).where(OutboxMessage.id.in_(ids), SENDING).values(state="pending")
    )


async def settle_message(session: AsyncSession, message: OutboxMessage, **values: Any) -> bool:
    """Stores the result of a claimed message; False when the claim is no longer the one that counts.

    Another run that took over has settled the doubt in its own way: this attempt's number tells them apart.
    """
    which = {"of_id": message.id, "of_attempts": message.attempts}
    return changed(await session.execute(_SETTLE, {**values, **which})) == 1


async def messages_in_doubt(session: AsyncSession) -> list[OutboxMessage]:
    """Messages that were being sent when the last run ended."""
    return list(await session.scalars(select(OutboxMessage).where(SENDING).order_by(OutboxMessage.id)))


async def move_chat(session: AsyncSession, old: int, new: int) -> None:
    """A group became a supergroup with another id: what waits for it goes there."""
    await session.execute(
        update(OutboxMessage).where(PENDING, OutboxMessage.chat_id == old).values(chat_id=new)
    )


async def message_by_token(session: AsyncSession, token: str) -> OutboxMessage | None:
    found: OutboxMessage | None = await session.scalar(
        select(OutboxMessage).where(OutboxMessage.token == token)
    )
    return found


async def message_at(session: AsyncSession, chat_id: int, message_id: int) -> OutboxMessage | None:
    """The outbox row behind a message in a chat."""
    found: OutboxMessage | None = await session.scalar(
        select(OutboxMessage)
        .where(OutboxMessage.chat_id == chat_id, OutboxMessage.message_id == message_id)
        .order_by(OutboxMessage.id.desc())
        .limit(1)
    )
    return found


async def forget(session: AsyncSession, before: datetime, *, limit: int) -> int:
    """Deletes updates that were done, and answers to buttons that were written, before then; how many."""
    old = select(InboxUpdate.update_id).where(DONE, InboxUpdate.done_at < before).limit(limit)
    handled = await session.execute(delete(InboxUpdate).where(InboxUpdate.update_id.in_(old)))
    answers = (
        select(OutboxMessage.id)
        .where(
            _is(OutboxMessage.method, "answer"),
            OutboxMessage.created_at < before,
            OutboxMessage.state.in_(("sent", "expired", "failed")),
        )
        .limit(limit)
    )
    answered = await session.execute(delete(OutboxMessage).where(OutboxMessage.id.in_(answers)))
    return changed(handled) + changed(answered)


# --- lease, counters, jobs -------------------------------------------------------------------------------------


async def lease(session: AsyncSession, name: str) -> Lease | None:
    return await session.get(Lease, name, with_for_update=True)


async def take_lease(
    session: AsyncSession, name: str, holder: str, at: datetime, beat: int, *, instead_of: str | None
) -> bool:
    """Takes a lease that nobody (None) or ``instead_of`` holds; False when somebody else was faster."""
    if instead_of is not None:
        await session.execute(delete(Lease).where(Lease.name == name, Lease.holder == instead_of))
    row = {"name": name, "holder": holder, "renewed_at": at, "beat": beat}
    return changed(await session.execute(insert_or_ignore(session, Lease).values(**row))) == 1


async def renew_lease(session: AsyncSession, name: str, holder: str, at: datetime, beat: int) -> bool:
    """False when another holder has it."""
    done = await session.execute(
        update(Lease).where(Lease.name == name, Lease.holder == holder).values(renewed_at=at, beat=beat)
    )
    return changed(done) == 1


async def drop_lease(session: AsyncSession, name: str, holder: str) -> None:
    await session.execute(delete(Lease).where(Lease.name == name, Lease.holder == holder))


async def settle_copy(session: AsyncSession, *, hold: bool) -> int:
    """In a restored copy: nobody holds a lease; ``hold`` keeps what waited there from being sent once more.

    Returns how many messages waited.
    """
    await session.execute(delete(Lease))
    waited = or_(PENDING, SENDING)
    if not hold:
        return await session.scalar(select(func.count()).select_from(OutboxMessage).where(waited)) or 0
    why = "waited in a backup that was restored"
    return changed(await session.execute(update(OutboxMessage).where(waited).values(state="held", error=why)))


async def next_number(session: AsyncSession, name: str) -> int:
    """1, 2, 3 ... without gaps inside committed transactions."""
    await session.execute(insert_or_ignore(session, Counter).values(name=name, last=0))
    number: int | None = await session.scalar(
        update(Counter).where(Counter.name == name).values(last=Counter.last + 1).returning(Counter.last)
    )
    assert number is not None
    return number


async def claim_job(session: AsyncSession, job: str, slot: str, at: datetime) -> bool:
    """True for the one transaction that may do this job for this slot."""
    done = await session.execute(insert_or_ignore(session, JobRun).values(job=job, slot=slot, done_at=at))
    return changed(done) == 1
