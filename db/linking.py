"""Invitations, the links that they make, consents, and where a guided conversation stands."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.models import Consent, Dialog, Invite, Link
from db.queues import changed


async def invite_by_hash(session: AsyncSession, code_hash: str) -> Invite | None:
    """The invitation, locked for this transaction."""
    found: Invite | None = await session.scalar(
        select(Invite).where(Invite.code_hash == code_hash).with_for_update(),
        execution_options={"populate_existing": True},
    )
    return found


async def invite_by_id(session: AsyncSession, invite_id: int) -> Invite | None:
    """The invitation, locked for this transaction."""
    return await locks.locked(session, Invite, invite_id)


async def settle_invite(session: AsyncSession, invite_id: int, state: str) -> bool:
    """Ends an open invitation; True for the one transaction that does."""
    done = await session.execute(
        update(Invite).where(Invite.id == invite_id, Invite.state == "open").values(state=state)
    )
    return changed(done) == 1


async def revoke_invites(
    session: AsyncSession,
    *,
    client_id: int | None = None,
    staff_id: int | None = None,
    person: str | None = None,
) -> int:
    """Revokes open invitations of a client (of a kind of person) or of a member of staff; how many."""
    statement = update(Invite).where(Invite.state == "open")
    if client_id is not None:
        statement = statement.where(Invite.client_id == client_id)
    if staff_id is not None:
        statement = statement.where(Invite.staff_id == staff_id)
    if person is not None:
        statement = statement.where(Invite.person == person)
    return changed(await session.execute(statement.values(state="revoked")))


async def invites_past(session: AsyncSession, at: datetime) -> list[Invite]:
    """Open invitations whose time is over."""
    return list(
        await session.scalars(
            select(Invite)
            .where(Invite.state == "open", Invite.expires_at <= at)
            .order_by(Invite.id)
            .limit(200)
        )
    )


async def link_of_chat(session: AsyncSession, chat_id: int, client_id: int) -> Link | None:
    """The live link between a chat and an account."""
    found: Link | None = await session.scalar(
        select(Link).where(Link.chat_id == chat_id, Link.client_id == client_id, Link.until.is_(None))
    )
    return found


async def link_of_staff(session: AsyncSession, staff_id: int) -> Link | None:
    """The live link of a member of staff."""
    found: Link | None = await session.scalar(
        select(Link).where(Link.staff_id == staff_id, Link.until.is_(None))
    )
    return found


async def live_consents(session: AsyncSession, chat_id: int, client_id: int) -> list[Consent]:
    """What a person consented to for an account and did not revoke, in any version of the text.

    None of it ends before this transaction does: what is written in it on its strength is there to be withdrawn.
    """
    return list(
        await session.scalars(
            select(Consent)
            .where(Consent.chat_id == chat_id, Consent.client_id == client_id, Consent.revoked_at.is_(None))
            .order_by(Consent.id)
            .with_for_update(read=True)
        )
    )


async def links_of_chat(session: AsyncSession, chat_id: int) -> list[Link]:
    """Every link to an account that a chat has or had."""
    return list(
        await session.scalars(
            select(Link).where(Link.chat_id == chat_id, Link.client_id.is_not(None)).order_by(Link.id)
        )
    )


async def links_of_holder(session: AsyncSession, client_id: int) -> list[Link]:
    """Every chat that an account's holder has or had."""
    return list(
        await session.scalars(
            select(Link).where(Link.client_id == client_id, Link.person == "holder").order_by(Link.id)
        )
    )


async def holders_consents(
    session: AsyncSession, client_ids: Collection[int], version: str
) -> list[tuple[int, int, str]]:
    """(client, chat, purpose) of the holders' live consents to these words, where the chat is still linked."""
    rows = await session.execute(
        select(Link.client_id, Link.chat_id, Consent.purpose)
        .join(Consent, (Consent.chat_id == Link.chat_id) & (Consent.client_id == Link.client_id))
        .where(
            Link.client_id.in_(client_ids),
            Link.person == "holder",
            Link.until.is_(None),
            Consent.revoked_at.is_(None),
            Consent.text_version == version,
        )
    )
    return [(client_id, chat_id, purpose) for client_id, chat_id, purpose in rows if client_id is not None]


async def revoke_consents(
    session: AsyncSession, chat_id: int, client_id: int, at: datetime, purpose: str | None = None
) -> int:
    """Revokes a person's consents for an account, of one purpose or of all; how many stood."""
    statement = update(Consent).where(
        Consent.chat_id == chat_id, Consent.client_id == client_id, Consent.revoked_at.is_(None)
    )
    if purpose is not None:
        statement = statement.where(Consent.purpose == purpose)
    return changed(await session.execute(statement.values(revoked_at=at)))


async def put_dialog(
    session: AsyncSession,
    chat_id: int,
    *,
    name: str,
    step: str,
    data: dict[str, Any],
    at: datetime,
    expires_at: datetime,
) -> None:
    """Where the guided conversation of a chat stands now; another one that stood there is left."""
    await session.merge(
        Dialog(chat_id=chat_id, name=name, step=step, data=data, updated_at=at, expires_at=expires_at)
    )
    await session.flush()
