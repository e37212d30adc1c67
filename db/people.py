"""Chats, links, clients, staff, assignments."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, delete, event, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from db.models import Assignment, Base, Chat, Client, Conversation, Dialog, Link, Staff
from db.queues import core

# Asked at every update: built once, because building a statement anew takes longer than running it.
_SPEAKER = (
    select(
        Chat,
        Link,
        Client,
        Staff,
        exists().where(Dialog.chat_id == Chat.chat_id),
        exists().where(Conversation.chat_id == Chat.chat_id, Conversation.state == "open"),
    )
    .outerjoin(Link, (Link.chat_id == Chat.chat_id) & Link.until.is_(None))
    .outerjoin(Client, Link.client_id == Client.id)
    .outerjoin(Staff, Link.staff_id == Staff.id)
    .where(Chat.chat_id == bindparam("chat_id"))
    .order_by(Link.id)
)
_DIALOG = select(Dialog).where(Dialog.chat_id == bindparam("chat_id"))

Linked = tuple[Link, Client | None, Staff | None]


async def speaker(session: AsyncSession, chat_id: int) -> tuple[Chat | None, list[Linked]]:
    """A chat, None where it never spoke, and what it is linked to now, oldest first."""
    rows = (await session.execute(_SPEAKER, {"chat_id": chat_id})).all()
    chat, *_, in_dialog, in_talk = rows[0] if rows else (None, False, False)
    for model, there in ((Dialog, in_dialog), (Conversation, in_talk)):
        if not there:
            remember_none(session, model, chat_id)
    return chat, [(link, client, staff) for _, link, client, staff, _, _ in rows if link is not None]


def remember_none(session: AsyncSession, model: type[Base], chat_id: int) -> None:
    """A chat has no row of this table: several features ask for it at every message."""
    session.info.setdefault(model, set()).add(chat_id)


def has_none(session: AsyncSession, model: type[Base], chat_id: int) -> bool:
    """Whether that is remembered, and this transaction has made none since."""
    return chat_id in session.info.get(model, ())


@event.listens_for(Session, "after_attach")
def _made_one(session: Session, row: object) -> None:
    """A row that is added ends what was remembered of its table."""
    session.info.pop(type(row), None)


async def add_chat(session: AsyncSession, chat_id: int, lang: str, at: datetime) -> None:
    """A chat that speaks for the first time."""
    row = {"chat_id": chat_id, "lang": lang, "lang_chosen": False, "muted": [], "created_at": at}
    await session.execute(insert(core(Chat)), row)


async def chat(session: AsyncSession, chat_id: int) -> Chat | None:
    return await session.get(Chat, chat_id)


async def live_links(session: AsyncSession, chat_id: int) -> list[Linked]:
    """What a chat is linked to now, oldest first."""
    return (await speaker(session, chat_id))[1]


async def client_links(session: AsyncSession, client_ids: Collection[int]) -> list[Link]:
    """The live chats of accounts."""
    return list(
        await session.scalars(
            select(Link).where(Link.client_id.in_(client_ids), Link.until.is_(None)).order_by(Link.id)
        )
    )


async def staff_with_chat(
    session: AsyncSession, *, ids: Collection[int] | None = None, roles: Collection[str] | None = None
) -> list[tuple[Staff, int | None, datetime | None]]:
    """(staff, chat id, blocked since) by id or role, in order of id; disabled staff included."""
    query = (
        select(Staff, Link.chat_id, Chat.blocked_at)
        .outerjoin(Link, (Link.staff_id == Staff.id) & Link.until.is_(None))
        .outerjoin(Chat, Chat.chat_id == Link.chat_id)
        .order_by(Staff.id)
    )
    if ids is not None:
        query = query.where(Staff.id.in_(ids))
    if roles is not None:
        query = query.where(Staff.role.in_(roles))
    return [(staff, chat_id, blocked) for staff, chat_id, blocked in await session.execute(query)]


async def assigned(session: AsyncSession, client_id: int, kind: str) -> int | None:
    """The staff id that looks after a client now, as ``manager`` or ``officer``."""
    found: int | None = await session.scalar(
        select(Assignment.staff_id)
        .where(Assignment.client_id == client_id, Assignment.kind == kind, Assignment.until.is_(None))
        .order_by(Assignment.id.desc())
    )
    return found


async def client_by_account(session: AsyncSession, account: str) -> Client | None:
    found: Client | None = await session.scalar(select(Client).where(Client.account == account))
    return found


async def staff_by_code(session: AsyncSession, code: str) -> Staff | None:
    found: Staff | None = await session.scalar(select(Staff).where(Staff.code == code))
    return found


async def end_link(session: AsyncSession, link_id: int, at: datetime, why: str) -> None:
    await session.execute(
        update(Link).where(Link.id == link_id, Link.until.is_(None)).values(until=at, ended_why=why)
    )


async def end_assignment(session: AsyncSession, client_id: int, kind: str, at: datetime) -> None:
    await session.execute(
        update(Assignment)
        .where(Assignment.client_id == client_id, Assignment.kind == kind, Assignment.until.is_(None))
        .values(until=at)
    )


async def dialog(session: AsyncSession, chat_id: int) -> Dialog | None:
    """Where a guided conversation stands. Several features ask at every message: none is remembered as none."""
    if has_none(session, Dialog, chat_id):
        return None
    found: Dialog | None = await session.scalar(_DIALOG, {"chat_id": chat_id})
    if found is None:
        remember_none(session, Dialog, chat_id)
    return found


async def drop_dialog(session: AsyncSession, chat_id: int) -> None:
    await session.execute(delete(Dialog).where(Dialog.chat_id == chat_id))
