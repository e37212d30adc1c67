"""The register in bulk: clients by account, who looks after them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Assignment, Client, Staff


async def clients_by_account(session: AsyncSession, accounts: Sequence[str]) -> dict[str, Client]:
    """account -> client, for those that are known."""
    if not accounts:
        return {}
    rows = await session.scalars(select(Client).where(Client.account.in_(accounts)))
    return {client.account: client for client in rows}


async def add_clients(session: AsyncSession, values: Sequence[dict[str, Any]]) -> None:
    if values:
        await session.execute(insert(Client), list(values))


async def staff_ids(session: AsyncSession) -> dict[str, int]:
    """Employee number, in capitals, -> id."""
    rows = await session.execute(select(Staff.code, Staff.id))
    return {code.upper(): staff_id for code, staff_id in rows}


async def live_assignments(session: AsyncSession, client_ids: Sequence[int], kind: str) -> dict[int, int]:
    """client id -> staff id, as ``manager`` or ``officer`` now."""
    if not client_ids:
        return {}
    rows = await session.execute(
        select(Assignment.client_id, Assignment.staff_id)
        .where(Assignment.client_id.in_(client_ids), Assignment.kind == kind, Assignment.until.is_(None))
        .order_by(Assignment.id)
    )
    return dict(rows.all())


async def add_assignments(session: AsyncSession, values: Sequence[dict[str, Any]]) -> None:
    if values:
        await session.execute(insert(Assignment), list(values))
