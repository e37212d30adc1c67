"""What one person proposed for a client and a second one decides."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.models import Client, Proposal


async def locked(session: AsyncSession, proposal_id: int) -> Proposal | None:
    """The proposal, held until the transaction ends: two presses at once decide it once."""
    return await locks.locked(session, Proposal, proposal_id)


async def standing(session: AsyncSession, client_id: int, kind: str, state: str) -> Proposal | None:
    """The one proposal of a kind that waits for a client, or is in force."""
    found: Proposal | None = await session.scalar(
        select(Proposal).where(
            Proposal.client_id == client_id, Proposal.kind == kind, Proposal.state == state
        )
    )
    return found


async def past(session: AsyncSession, today: date, proposed_before: datetime) -> Sequence[Proposal]:
    """What is in force beyond its last day, and what has waited since before ``proposed_before``."""
    ended = select(Proposal).where(Proposal.state == "in_force", Proposal.until < today)
    waited = select(Proposal).where(Proposal.state == "waiting", Proposal.proposed_at < proposed_before)
    return [*await session.scalars(ended), *await session.scalars(waited)]


async def with_client(session: AsyncSession, state: str, limit: int) -> Sequence[tuple[Proposal, Client]]:
    """Proposals in a state, oldest first."""
    rows = await session.execute(
        select(Proposal, Client)
        .join(Client, Proposal.client_id == Client.id)
        .where(Proposal.state == state)
        .order_by(Proposal.id)
        .limit(limit)
    )
    return [(proposal, client) for proposal, client in rows]
