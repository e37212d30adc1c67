"""Files of the broker and their rows, in bulk. Rows of a file count once its state is ``in``; all readers join on it.

The bulk functions take amounts as fen and prices as 1e-8 already (``fen``, ``exact``): the exact column types would
cost more than the database itself.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import (
    BigInteger,
    Select,
    column,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    table,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import TableClause

from db import locks
from db.models import (
    AccountDay,
    Base,
    Client,
    ImportedFile,
    IncomingFile,
    Lease,
    PositionDay,
    SettlementPrice,
    TradeDay,
)
from db.queues import changed, insert_or_ignore
from db.types import Exact, Fen

Item = TypeVar("Item")
Columns = TypeVarTuple("Columns")
Day = type[AccountDay] | type[PositionDay] | type[TradeDay]
KINDS: tuple[Day, ...] = (AccountDay, PositionDay, TradeDay)

IN_A_QUERY = 5_000
"""How many values a condition may name; both databases take about 32,000."""


def chunks(items: Collection[Item], size: int = IN_A_QUERY) -> Iterator[list[Item]]:
    """The items in lists of at most ``size``."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def fen(amount: Decimal | None) -> int | None:
    """CNY with at most two decimals as fen."""
    return int(amount * 100) if amount else None if amount is None else 0


def exact(price: Decimal | None) -> int | None:
    """A price as 1e-8."""
    return None if price is None else int((price * 10**8).to_integral_value())


def _plain(model: type[Base]) -> TableClause:
    """The table with integers where the model has money and prices."""
    return table(
        model.__tablename__,
        *(
            column(c.name, BigInteger() if isinstance(c.type, (Fen, Exact)) else c.type)
            for c in model.__table__.columns
        ),
    )


_PLAIN = {model: _plain(model) for model in (AccountDay, PositionDay, TradeDay, SettlementPrice)}


# --- files ------------------------------------------------------------------------------------------------


async def file_in(session: AsyncSession, sha256: str) -> ImportedFile | None:
    """The file with these bytes, if it counts."""
    found: ImportedFile | None = await session.scalar(
        select(ImportedFile).where(ImportedFile.sha256 == sha256, ImportedFile.state == "in").limit(1)
    )
    return found


async def unfinished(session: AsyncSession) -> list[int]:
    """Files whose loading was cut off."""
    return list(await session.scalars(select(ImportedFile.id).where(ImportedFile.state == "loading")))


async def add_file(session: AsyncSession, **values: Any) -> int:
    added: int | None = await session.scalar(insert(ImportedFile).values(**values).returning(ImportedFile.id))
    assert added is not None
    return added


async def set_file(session: AsyncSession, file_id: int, **values: Any) -> None:
    await session.execute(update(ImportedFile).where(ImportedFile.id == file_id).values(**values))


async def file(session: AsyncSession, file_id: int) -> ImportedFile | None:
    """The file, locked for this transaction."""
    return await locks.locked(session, ImportedFile, file_id)


async def unjudged(session: AsyncSession) -> list[int]:
    """Files that count and that the ladder has not gone through, oldest first."""
    return list(
        await session.scalars(
            select(ImportedFile.id)
            .where(ImportedFile.state == "in", ImportedFile.judged_at.is_(None))
            .order_by(ImportedFile.id)
        )
    )


IMPORT_LEASE = "import"
IMPORT_SILENT = timedelta(seconds=30)
"""An import that has not shown itself for so long was killed."""


async def import_running(session: AsyncSession, wall: datetime) -> bool:
    """Whether an import is at work, in this process or another."""
    lease = await session.get(Lease, IMPORT_LEASE)
    return lease is not None and wall - lease.renewed_at < IMPORT_SILENT


async def delete_some(session: AsyncSession, file_id: int, limit: int) -> bool:
    """Deletes rows of a file, at most ``limit`` of a kind, and the file when none is left; whether that was all."""
    left = False
    for model in KINDS:
        some = select(model.id).where(model.file_id == file_id).limit(limit)
        left |= changed(await session.execute(delete(model).where(model.id.in_(some)))) == limit
    if not left:
        await session.execute(delete(ImportedFile).where(ImportedFile.id == file_id))
    return not left


async def add_incoming(session: AsyncSession, **values: Any) -> None:
    """A document to be imported; the same message twice is one."""
    await session.execute(insert_or_ignore(session, IncomingFile).values(state="new", attempts=0, **values))


async def incoming(session: AsyncSession) -> list[IncomingFile]:
    """Documents that wait, oldest first."""
    return list(
        await session.scalars(
            select(IncomingFile).where(IncomingFile.state == "new").order_by(IncomingFile.id).limit(20)
        )
    )


async def set_incoming(session: AsyncSession, incoming_id: int, **values: Any) -> None:
    await session.execute(update(IncomingFile).where(IncomingFile.id == incoming_id).values(**values))


async def newest_day(session: AsyncSession) -> date | None:
    """The newest trading day with an account that counts."""
    found: date | None = await session.scalar(
        select(AccountDay.day)
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in")
        .order_by(AccountDay.day.desc())
        .limit(1)
    )
    return found


async def newest_day_of(session: AsyncSession, file_id: int) -> date | None:
    """The newest day that a file has accounts or positions of."""
    days = [
        await session.scalar(select(func.max(model.day)).where(model.file_id == file_id))
        for model in (AccountDay, PositionDay)
    ]
    return max((day for day in days if day is not None), default=None)


# --- rows -------------------------------------------------------------------------------------------------


async def insert_rows(session: AsyncSession, model: Day, rows: Sequence[dict[str, Any]]) -> None:
    """Inserts rows whose amounts are fen and whose prices are 1e-8."""
    if rows:
        await session.execute(insert(_PLAIN[model]), list(rows))


async def renew_statistics(session: AsyncSession) -> None:
    """After a large load PostgreSQL's planner still believes the tables to be small, and reads them whole."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for model in KINDS:
        await session.execute(text(f"ANALYZE {model.__tablename__}"))


async def put_prices(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Settlement prices (1e-8) by contract and day; a later file's price holds."""
    make = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgres_insert
    prices = _PLAIN[SettlementPrice]
    for chunk in chunks(rows):
        statement = make(prices)
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["instrument", "day"], set_={"price": statement.excluded.price}
            ),
            chunk,
        )


def _that_count(query: Select[*Columns], model: Day) -> Select[*Columns]:
    return query.join(ImportedFile, model.file_id == ImportedFile.id).where(ImportedFile.state == "in")


async def days_known(session: AsyncSession, model: Day, days: Collection[date]) -> set[date]:
    """Those of ``days`` that have rows that count."""
    found = set()
    for day in days:
        query = _that_count(select(model.id), model).where(model.day == day).limit(1)
        if await session.scalar(query) is not None:
            found.add(day)
    return found


async def digests(session: AsyncSession, day: date, accounts: Collection[str]) -> dict[str, str]:
    """account -> digest of the money that counts for a day."""
    query = _that_count(select(AccountDay.account, AccountDay.digest), AccountDay)
    rows = await session.execute(query.where(AccountDay.day == day, AccountDay.account.in_(accounts)))
    return dict(rows.all())


async def accounts_of(
    session: AsyncSession, day: date, accounts: Collection[str]
) -> dict[str, tuple[AccountDay, str]]:
    """account -> (its day, the format of its file), for what counts."""
    found = {}
    for chunk in chunks(accounts):
        query = _that_count(select(AccountDay, ImportedFile.format), AccountDay)
        rows = await session.execute(query.where(AccountDay.day == day, AccountDay.account.in_(chunk)))
        found.update({row.account: (row, kind) for row, kind in rows})
    return found


async def positions_of(
    session: AsyncSession, day: date, accounts: Collection[str]
) -> dict[str, list[PositionDay]]:
    """account -> its positions that count, in order of contract."""
    found: dict[str, list[PositionDay]] = {}
    for chunk in chunks(accounts):
        query = _that_count(select(PositionDay), PositionDay).order_by(
            PositionDay.account, PositionDay.instrument, PositionDay.direction, PositionDay.id
        )
        for row in await session.scalars(query.where(PositionDay.day == day, PositionDay.account.in_(chunk))):
            found.setdefault(row.account, []).append(row)
    return found


async def trades_of(session: AsyncSession, day: date, accounts: Collection[str]) -> dict[str, list[TradeDay]]:
    """account -> its trades that count."""
    found: dict[str, list[TradeDay]] = {}
    for chunk in chunks(accounts):
        query = _that_count(select(TradeDay), TradeDay)
        for row in await session.scalars(query.where(TradeDay.day == day, TradeDay.account.in_(chunk))):
            found.setdefault(row.account, []).append(row)
    return found


async def without_exchange_margin(session: AsyncSession, file_id: int, day: date) -> list[str]:
    """Accounts that a file speaks of whose exchange margin of that day is unknown while positions are there."""
    holds = exists().where(PositionDay.account == AccountDay.account, PositionDay.day == day)
    here = exists().where(PositionDay.account == AccountDay.account, PositionDay.file_id == file_id)
    query = _that_count(select(AccountDay.account), AccountDay).where(
        AccountDay.day == day,
        AccountDay.exchange_margin.is_(None),
        or_(AccountDay.file_id == file_id, here),
        holds,
    )
    return list(await session.scalars(query))


async def set_exchange_margin(
    session: AsyncSession, day: date, account: str, margin: Decimal, estimated: bool
) -> None:
    """Stores an exchange margin that the account's own file did not state."""
    files = select(ImportedFile.id).where(ImportedFile.state == "in")
    await session.execute(
        update(AccountDay)
        .where(AccountDay.day == day, AccountDay.account == account, AccountDay.file_id.in_(files))
        .values(exchange_margin=margin, exchange_margin_estimated=estimated)
    )


async def supersede(
    session: AsyncSession, model: Day, day: date, accounts: Collection[str], *, by: int, into: int
) -> set[int]:
    """Moves rows of these accounts and day from the files that count to the file ``into``; those files.

    ``by`` is the file that replaces them and keeps its rows.
    """
    files = select(ImportedFile.id).where(ImportedFile.state == "in", ImportedFile.id != by)
    emptied: set[int] = set()
    for chunk in chunks(accounts):
        these = (model.day == day, model.account.in_(chunk), model.file_id.in_(files))
        emptied |= set(await session.scalars(select(model.file_id).where(*these).distinct()))
        await session.execute(update(model).where(*these).values(file_id=into))
    return emptied


async def is_empty(session: AsyncSession, file_id: int) -> bool:
    """Whether no row of any kind is left in a file."""
    for model in KINDS:
        if await session.scalar(select(model.id).where(model.file_id == file_id).limit(1)) is not None:
            return False
    return True


# --- accounts and clients ---------------------------------------------------------------------------------


async def registered(session: AsyncSession, accounts: Collection[str]) -> set[str]:
    """Those of ``accounts`` that the register knows; where many are asked for, all that it knows."""
    query = select(Client.account).where(Client.registered)
    if len(accounts) > IN_A_QUERY:
        return set(await session.scalars(query))
    return set(await session.scalars(query.where(Client.account.in_(accounts))))


async def add_unregistered(session: AsyncSession, accounts: Sequence[tuple[str, str]], at: datetime) -> None:
    """Makes clients of accounts (number, printed name) that settlement brought before the register."""
    rows = [
        {
            "account": account,
            "name": name,
            "kind": "unknown",
            "tier": "retail",
            "tier_source": "default",
            "registered": False,
            "created_at": at,
        }
        for account, name in accounts
    ]
    if rows:
        await session.execute(insert_or_ignore(session, Client), rows)
