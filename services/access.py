"""The one door to people: who is speaking, and whose data may be seen. "Not yours" and "not found" are one answer."""

from collections.abc import Collection, Sequence

from db import people
from db.models import Chat, Client, Staff
from domain.errors import Refusal
from domain.people import Actor, ClientRef, Role, StaffMember
from services import plans
from services.work import Work

# Roles that may see any client; managers and officers see the clients they look after.
_SEES_ALL = frozenset({Role.RISK, Role.SUPERVISOR, Role.COMPLIANCE, Role.OPERATOR})


async def actor(work: Work, chat_id: int, telegram_lang: str | None = None) -> Actor:
    """Who speaks in a private chat. A chat that never spoke is remembered, with its language guessed."""
    chat, links = await people.speaker(work.session, chat_id)
    if chat is None:
        lang = guess_language(telegram_lang)
        await people.add_chat(work.session, chat_id, lang, work.now)
        return Actor(chat_id, lang)
    if chat.blocked_at is not None:
        chat.blocked_at = None  # whoever writes to us does not block us
    return _actor(chat, links)


async def actor_of(work: Work, chat_id: int) -> Actor:
    """As ``actor``, for a chat that need not be speaking now (a recipient)."""
    chat, links = await people.speaker(work.session, chat_id)
    return _actor(chat, links) if chat else Actor(chat_id, "zh")


def _actor(chat: Chat, links: Sequence[people.Linked]) -> Actor:
    staff, clients = None, []
    for link, client, employee in links:
        if employee is not None and employee.active:
            staff = staff_value(employee, chat.chat_id, reachable=True)
        if client is not None:
            clients.append(client_ref(client, link.person))
    chosen = next((c for c in clients if c.id == chat.client_id), clients[0] if clients else None)
    return Actor(chat.chat_id, chat.lang, staff, chosen, tuple(clients), chat.lang_chosen)


def guess_language(telegram_lang: str | None) -> str:
    """Chinese first; English where Telegram names a language that is not Chinese."""
    return "zh" if not telegram_lang or telegram_lang.lower().startswith("zh") else "en"


async def client_for(work: Work, who: Actor, client_id: int) -> ClientRef:
    """A client that ``who`` may see, or the refusal ``not_found``: the only way to a client's data by id."""
    own = next((c for c in who.clients if c.id == client_id), None)
    if own is not None:
        return own
    client = await work.session.get(Client, client_id)
    if client is not None and who.staff is not None and await _looks_after(work, who.staff, client.id):
        return client_ref(client)
    raise Refusal("not_found")


async def client_by_account_for(work: Work, who: Actor, account: str) -> ClientRef:
    """As ``client_for``, by trading account number."""
    client = await people.client_by_account(work.session, account.strip())
    if client is None:
        raise Refusal("not_found")
    return await client_for(work, who, client.id)


async def _looks_after(work: Work, staff: StaffMember, client_id: int) -> bool:
    if staff.role in _SEES_ALL:
        return True
    keepers = {await people.assigned(work.session, client_id, kind) for kind in ("manager", "officer")}
    if staff.id in keepers:
        return True
    # A stand-in sees the clients of whoever is away.
    away = await people.staff_with_chat(work.session, ids=[k for k in keepers if k is not None])
    return any(
        row.stand_in_id == staff.id
        and not staff_value(row, chat, reachable=blocked is None).present(work.today)
        for row, chat, blocked in away
    )


def require(who: Actor, *roles: Role) -> StaffMember:
    """The speaking member of staff, if of one of these roles (any role when none is named)."""
    if who.staff is None or (roles and who.staff.role not in roles):
        raise Refusal("not_for_you")
    return who.staff


async def staff(work: Work, staff_id: int) -> StaffMember:
    """A member of staff by id."""
    (row, chat_id, blocked) = (await people.staff_with_chat(work.session, ids=[staff_id]))[0]
    return staff_value(row, chat_id, reachable=blocked is None)


async def staff_in(work: Work, roles: Collection[Role]) -> list[StaffMember]:
    """Active staff of these roles, in order of id."""
    rows = await people.staff_with_chat(work.session, roles=[str(r) for r in roles])
    return [staff_value(row, chat, reachable=blocked is None) for row, chat, blocked in rows if row.active]


async def keeper(work: Work, client_id: int, kind: str) -> StaffMember | None:
    """The account manager (``manager``) or service officer (``officer``) of a client."""
    staff_id = await people.assigned(work.session, client_id, kind)
    return await staff(work, staff_id) if staff_id is not None else None


def client_ref(client: Client, person: str = "holder") -> ClientRef:
    return ClientRef(
        client.id,
        client.account,
        client.name,
        client.kind,
        client.tier,
        person,
        client.fee_plan,
        client.margin_plan,
        client.phone,
        plans.granted(client.margin_grant),
    )


def staff_value(row: Staff, chat_id: int | None, *, reachable: bool) -> StaffMember:
    return StaffMember(
        row.id,
        row.code,
        row.name,
        Role(row.role),
        row.line,
        row.registration_no,
        row.lead_id,
        row.stand_in_id,
        row.active,
        row.on_duty,
        row.leave_until,
        chat_id,
        reachable,
    )
