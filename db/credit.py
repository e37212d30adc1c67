"""A year of settlements for the scorecard, and what the last survey said."""

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import (
    AccountDay,
    Client,
    ClientCredit,
    CreditProof,
    ImportedFile,
    ProductMove,
    Proposal,
    SettlementPrice,
    TradeDay,
)
from db.queues import core

FORCED = ("force_close", "force_off", "local_force_close")
_COLUMNS = (
    AccountDay.account,
    AccountDay.day,
    AccountDay.equity,
    AccountDay.curr_margin,
    AccountDay.delivery_margin,
    AccountDay.exchange_margin,
    AccountDay.exchange_delivery_margin,
    AccountDay.cash_flow,
)


async def clients_after(session: AsyncSession, after: int, limit: int) -> dict[str, int]:
    """account -> client, the next ones by number."""
    rows = await session.execute(
        select(Client.account, Client.id).where(Client.id > after).order_by(Client.id).limit(limit)
    )
    return dict(rows.all())


async def figures(
    session: AsyncSession, accounts: Collection[str], first: date, last: date
) -> Sequence[tuple[object, ...]]:
    """(account, day, equity, the two company margins, the two exchange margins, cash flow), by account and day."""
    rows = await session.execute(
        select(*_COLUMNS)
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", AccountDay.account.in_(accounts))
        .where(AccountDay.day >= first, AccountDay.day <= last)
        .order_by(AccountDay.account, AccountDay.day)
    )
    return [tuple(row) for row in rows]


async def forced_days(
    session: AsyncSession, accounts: Collection[str], first: date, last: date
) -> dict[str, set[date]]:
    """account -> days with a liquidating trade."""
    rows = await session.execute(
        select(TradeDay.account, TradeDay.day)
        .join(ImportedFile, TradeDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", TradeDay.account.in_(accounts), TradeDay.offset.in_(FORCED))
        .where(TradeDay.day >= first, TradeDay.day <= last)
        .distinct()
    )
    found: dict[str, set[date]] = {}
    for account, day in rows:
        found.setdefault(account, set()).add(day)
    return found


async def prices(
    session: AsyncSession, product: str, first: date, last: date
) -> Sequence[tuple[str, date, object]]:
    """(contract, day, settlement price) of whatever begins with the product's letters."""
    rows = await session.execute(
        select(SettlementPrice.instrument, SettlementPrice.day, SettlementPrice.price)
        .where(SettlementPrice.instrument.like(f"{product}%"))
        .where(SettlementPrice.day >= first, SettlementPrice.day <= last)
    )
    return [(instrument, day, price) for instrument, day, price in rows]


async def put_credits(session: AsyncSession, rows: Sequence[dict[str, object]]) -> None:
    """Replaces these clients' scorecards."""
    if rows:
        ids = [row["client_id"] for row in rows]
        await session.execute(delete(ClientCredit).where(ClientCredit.client_id.in_(ids)))
        await session.execute(insert(core(ClientCredit)), list(rows))


async def put_proofs(session: AsyncSession, day: date, rows: Sequence[dict[str, object]]) -> None:
    """Replaces the proofs of a day."""
    await session.execute(delete(CreditProof).where(CreditProof.day == day))
    if rows:
        await session.execute(insert(core(CreditProof)), list(rows))


async def put_moves(session: AsyncSession, rows: Sequence[dict[str, object]]) -> None:
    """Replaces every product's move."""
    await session.execute(delete(ProductMove))
    if rows:
        await session.execute(insert(core(ProductMove)), list(rows))


async def credits(session: AsyncSession, client_ids: Collection[int]) -> dict[int, ClientCredit]:
    """client -> the newest scorecard."""
    rows = await session.scalars(select(ClientCredit).where(ClientCredit.client_id.in_(client_ids)))
    return {row.client_id: row for row in rows}


async def granted(session: AsyncSession, client_ids: Collection[int]) -> dict[int, str]:
    """client -> account, of those whose add-on two people lowered."""
    rows = await session.execute(
        select(Client.id, Client.account)
        .join(Proposal, Proposal.client_id == Client.id)
        .where(Proposal.kind == "margin", Proposal.state == "in_force", Client.id.in_(client_ids))
    )
    return dict(rows.all())


async def proofs(session: AsyncSession) -> dict[str, CreditProof]:
    """grade -> its proof of the newest survey."""
    newest = select(func.max(CreditProof.day)).scalar_subquery()
    rows = await session.scalars(select(CreditProof).where(CreditProof.day == newest))
    return {row.grade: row for row in rows}


async def moves(session: AsyncSession) -> dict[str, ProductMove]:
    """product -> the move that its margin must cover."""
    return {row.product: row for row in await session.scalars(select(ProductMove))}


async def grades(session: AsyncSession) -> dict[str | None, int]:
    """grade -> clients; None for those without one."""
    rows = await session.execute(select(ClientCredit.grade, func.count()).group_by(ClientCredit.grade))
    return {grade: int(count) for grade, count in rows}
