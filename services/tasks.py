"""Tasks to phone a client: opened by the house where a message does not do, taken and reported on by a person.

A client has one open task: what happens meanwhile is added to it. Whoever presses 接单 owns it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from db import locks
from db import risk as rows
from db.models import Case, CaseEvent, Client, Notice
from domain.calendar import CalendarEnded
from domain.errors import Refusal
from domain.people import Actor, Role, StaffMember
from services import access, audit, consents, outbox
from services.duty import Roster
from services.hours import is_open
from services.outbox import Button, Priority, Row
from services.work import Work

RESULTS = ("met", "will_add", "will_reduce", "disputes", "no_answer", "other")
"""What a call can come to; after ``no_answer`` the task stays open."""

_CARDS = 5
_SHOWN = 20
_WITHIN = timedelta(minutes=30)
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A phone call that is wanted. ``reason``: undeliverable, no_chat, no_consent, unacknowledged, late, recheck,
    asked, asked_by_staff, risk_desk, leaving or unhappy. ``notice_id`` is the reminder that the call is about.
    """

    client_id: int
    reason: str
    notice_id: int | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskCard:
    """A task as staff see it. ``number`` is the task's, ``notice`` the reminder's.

    ``withheld``: the client did not agree to figures in chats, so there are no ``facts``.
    """

    id: int
    number: str
    state: str
    reason: str
    due: datetime
    client_id: int
    name: str
    account: str
    tier: str
    level: str | None
    notice: str | None
    facts: dict[str, Any]
    withheld: bool
    owner: str | None
    result: str | None


# --- opening ----------------------------------------------------------------------------------------------


async def open_many(
    work: Work, asked: Sequence[Asked], roster: Roster, clients: dict[int, Client]
) -> dict[int, int]:
    """client -> task, new or the one that is open already. Nothing is said yet: ``announce`` does that."""
    wanted = {item.client_id: item for item in asked}
    await rows.one_at_a_time(work.session, wanted)
    standing = await rows.open_tasks(work.session, wanted, to_change=True)
    events: list[dict[str, Any]] = []
    for client_id, case in standing.items():
        item = wanted[client_id]
        case.notice_id = item.notice_id or case.notice_id
        events.append(event(work, case.id, "again", item.reason))
    new = [item for item in wanted.values() if item.client_id not in standing]
    ids = await _insert(work, new, roster, clients)
    events += [event(work, task, "opened", item.reason) for item, task in zip(new, ids, strict=True)]
    await rows.add_events(work.session, events)
    opened = {item.client_id: task for item, task in zip(new, ids, strict=True)}
    return opened | {client_id: case.id for client_id, case in standing.items()}


async def _insert(work: Work, new: Sequence[Asked], roster: Roster, clients: dict[int, Client]) -> list[int]:
    if not new:
        return []
    day = f"{work.today:%Y%m%d}"
    first = await rows.reserve_numbers(work.session, f"TK-{day}", len(new))
    values = []
    for number, item in enumerate(new, start=first):
        owner = None if item.reason == "risk_desk" else roster.phones(item.client_id)
        soon = work.now + _WITHIN
        due = soon if item.due is None or item.due <= work.now else min(soon, item.due)
        values.append(
            {
                "number": f"TK-{day}-{number:04d}",
                "kind": "task",
                "category": item.reason,
                "severity": "general",
                "state": "open",
                "client_id": item.client_id,
                "tier": clients[item.client_id].tier,
                "facts": item.reason,
                "owner_id": owner.id if owner else None,
                "desk": "risk" if item.reason == "risk_desk" else "keeper" if owner else "pool",
                "opened_at": work.now,
                "contact_due": due,
                "result_due": max(due, item.due or due),
                "notice_id": item.notice_id,
            }
        )
    return await rows.add_tasks(work.session, values)


async def open_one(work: Work, client: Client, reason: str, notice: Notice | None = None) -> int:
    """As ``open_many``, for one client."""
    roster = await Roster.load(work, [client.id])
    deadline = notice.deadline if notice else None
    asked = Asked(client.id, reason, notice.id if notice else None, deadline)
    return (await open_many(work, [asked], roster, {client.id: client}))[client.id]


async def number_of(work: Work, task_id: int) -> str:
    """The number of a task, as people name it."""
    task = await work.session.get(Case, task_id)
    assert task is not None
    return task.number


def event(
    work: Work, task_id: int, kind: str, text: str | None, actor: str = "house", **data: Any
) -> dict[str, Any]:
    return {"case_id": task_id, "at": work.now, "actor": actor, "kind": kind, "text": text, "data": data}


# --- telling ----------------------------------------------------------------------------------------------


async def announce(work: Work) -> None:
    """Tells owners, the pool and the risk desk of new tasks: a card each, or one list where they are many."""
    new = await rows.tasks_to_announce(work.session)
    if not new:
        return
    roster = await Roster.load(work, [case.client_id for case in new if case.client_id is not None])
    cards = await _cards(work, new, roster)
    told: dict[int, list[TaskCard]] = defaultdict(list)
    members: dict[int, StaffMember] = {}
    for case, card in zip(new, cards, strict=True):
        for member in _tellers(case, roster):
            members[member.id] = member
            told[member.id].append(card)
    for member_id, theirs in told.items():
        await _tell(work, members[member_id], theirs)
    await rows.add_events(work.session, [event(work, case.id, "told", None) for case in new])


def _tellers(case: Case, roster: Roster) -> list[StaffMember]:
    risk = roster.in_role(Role.RISK)
    if case.desk == "risk":
        return risk or roster.pool()
    owner = roster.staff.get(case.owner_id or 0)
    reached = [owner] if owner and owner.chat_id is not None and owner.reachable else roster.pool()
    return [*reached, *(member for member in risk if member not in reached)]


async def _tell(work: Work, member: StaffMember, cards: Sequence[TaskCard]) -> None:
    assert member.chat_id is not None
    lang = await outbox.language(work, member.chat_id)
    if len(cards) > _CARDS or member.role is Role.RISK:
        await outbox.say(
            work,
            member.chat_id,
            "task.list",
            lang=lang,
            priority=Priority.STAFF,
            buttons=[[Button("task.mine", "task.list")]],
            new=True,
            count=len(cards),
            lines=[card_facts(work, card, lang) for card in cards[:_SHOWN]],
        )
        return
    for card in cards:
        await outbox.say(
            work,
            member.chat_id,
            "task.card",
            lang=lang,
            priority=Priority.STAFF,
            buttons=buttons(card),
            about={"task_card": card.id},
            **card_facts(work, card, lang),
        )


async def _cards(work: Work, cases: Sequence[Case], roster: Roster) -> list[TaskCard]:
    notices = await rows.notices(work.session, {c.notice_id for c in cases if c.notice_id is not None})
    clients = await rows.clients_by_id(work.session, {c.client_id for c in cases if c.client_id is not None})
    shown = await consents.open_to_staff(work, clients)
    found = []
    for case in cases:
        assert case.client_id is not None
        assert case.contact_due is not None
        client, notice = clients[case.client_id], notices.get(case.notice_id or 0)
        owner = roster.staff.get(case.owner_id or 0)
        found.append(
            TaskCard(
                id=case.id,
                number=case.number,
                state=case.state,
                reason=case.category,
                due=case.contact_due,
                client_id=client.id,
                name=client.name,
                account=client.account,
                tier=client.tier,
                level=notice.level if notice else None,
                notice=notice.number if notice else None,
                facts=dict(notice.facts) if notice and client.id in shown else {},
                withheld=notice is not None and client.id not in shown,
                owner=owner.name if owner else None,
                result=case.remedy,
            )
        )
    return found


def card_facts(work: Work, card: TaskCard, lang: str) -> dict[str, Any]:
    """What the template ``task.card`` shows."""
    label = work.deps.phrases.label
    return {
        "number": card.number,
        "reason": label(f"task.reason.{card.reason}", lang),
        "due": card.due,
        "name": work.shown_name(card.name),
        "account": card.account,
        "tier": work.policy.tier_name(card.tier, lang),
        "level": label(f"level.{card.level}", lang) if card.level else None,
        "notice": card.notice,
        "owner": card.owner,
        "taken": card.state == "waiting",
        "closed": card.state == "closed",
        "result": label(f"task.result.{card.result}", lang) if card.result else None,
        "figures": figures(card.facts),
        "withheld": card.withheld,
        "minutes_left": max(0, int((card.due - work.now).total_seconds() // 60)),
    }


def figures(facts: dict[str, Any]) -> dict[str, Any] | None:
    """A reminder's figures as they were stored with it: amounts, degrees, its day and its deadline."""
    if "equity" not in facts:
        return None
    names = ("equity", "margin", "exchange_margin", "risk_company", "risk_exchange", "shortfall")
    amounts: dict[str, Any] = {
        name: None if facts.get(name) is None else Decimal(facts[name]) for name in names
    }
    deadline = facts.get("deadline")
    return amounts | {
        "day": date.fromisoformat(facts["day"]),
        "estimated": bool(facts.get("estimated")),
        "deadline": datetime.fromisoformat(deadline) if deadline else None,
    }


def buttons(card: TaskCard) -> list[Row]:
    """The verbs on a card: take it, report the call; none on a closed task."""
    args = {"task": card.id}
    called = Button("task.called", "task.called", args)
    if card.state == "closed":
        return []
    return [[Button("task.take", "task.take", args), called]] if card.state == "open" else [[called]]


# --- doing ------------------------------------------------------------------------------------------------


async def mine(work: Work, who: Actor) -> tuple[list[TaskCard], int]:
    """Open tasks that the employee may take, the most urgent first, at most twenty; and how many there are."""
    member = access.require(who)
    sees_all = member.role not in (Role.MANAGER, Role.OFFICER)
    roster = await Roster.load(work, ())
    away = [
        other.id
        for other in roster.staff.values()
        if other.stand_in_id == member.id and not other.present(work.today)
    ]
    owners = None if sees_all else [member.id, *away]
    found, count = await rows.tasks_open(
        work.session, owner_ids=owners, pool=member.role is Role.OFFICER, limit=_SHOWN
    )
    return await _cards(work, found, roster), count


async def take(work: Work, who: Actor, task_id: int) -> TaskCard:
    """The employee owns the task from now on; the second to press learns who has it."""
    case, member = await _allowed(work, who, task_id)
    if case.state == "closed":
        raise Refusal("task_closed", number=case.number)
    if case.state == "waiting" and case.owner_id not in (None, member.id):
        owner = await access.staff(work, case.owner_id)
        raise Refusal("task_taken", number=case.number, owner=owner.name)
    if case.state != "waiting":
        case.owner_id, case.state = member.id, "waiting"
        await rows.add_events(work.session, [event(work, case.id, "taken", None, who.label)])
        await audit.note(work, who, "task.taken", f"case:{case.number}")
    return await _card(work, case)


async def card(work: Work, who: Actor, task_id: int) -> TaskCard:
    """A task that the employee may see."""
    case, _ = await _allowed(work, who, task_id)
    return await _card(work, case)


async def report(work: Work, who: Actor, task_id: int, result: str) -> TaskCard:
    """What a call came to. ``no_answer`` keeps the task open; any other result closes it, once."""
    case, member = await _allowed(work, who, task_id)
    if result not in RESULTS:
        raise Refusal("not_found")
    if case.state == "closed":
        raise Refusal("task_closed", number=case.number)
    case.owner_id = member.id
    case.contacted_at = case.contacted_at or work.now
    if result == "no_answer":
        case.state = "waiting"
        case.contact_due, case.look_at = work.now + _WITHIN, None
    else:
        await close(work, case, result)
    await rows.add_events(work.session, [event(work, case.id, "called", result, who.label)])
    await audit.note(work, who, "task.called", f"case:{case.number}", result=result)
    return await _card(work, case)


async def close(work: Work, case: Case, result: str) -> None:
    """Ends a task with what it came to."""
    case.state, case.remedy, case.closed_at = "closed", result, work.now


async def close_for(
    work: Work, client_ids: Collection[int], result: str, *, reasons: Collection[str] = ()
) -> None:
    """Ends open tasks that have become needless: the client acknowledged, or the figures recovered."""
    found = await rows.open_tasks(work.session, client_ids, to_change=True)
    ended = [case for case in found.values() if not reasons or case.category in reasons]
    for case in ended:
        await close(work, case, result)
    await rows.add_events(work.session, [event(work, case.id, "closed", result) for case in ended])


# --- overdue ----------------------------------------------------------------------------------------------


async def climb(work: Work) -> None:
    """A job: a task that nobody took in time goes to the pool, one that was taken to the owner's lead as well; half
    an hour later supervisors and the risk desk hear of it, then once a day. Calls about risk climb at any hour.
    """
    late = await rows.tasks_overdue(work.session, work.now, limit=_MOST)
    due = [case for case in late if case.notice_id is not None or _people_answer(work)]
    if not due:
        return
    roster = await Roster.load(work, [case.client_id for case in due if case.client_id is not None])
    for case in due:
        first = case.look_at is None
        told = _first_to_climb_to(case, roster) if first else _next_to_climb_to(case, roster)
        if first and case.state == "open":
            case.owner_id, case.desk = None, "pool"
        case.look_at = work.now + (_WITHIN if first else timedelta(days=1))
        await rows.add_events(work.session, [event(work, case.id, "climbed", "first" if first else "next")])
        (card,) = await _cards(work, [case], roster)
        for member in told:
            await _tell_late(work, member, card)


def _people_answer(work: Work) -> bool:
    try:
        return is_open(work)
    except CalendarEnded:  # nobody knows: rather once too often than never
        return True


def _first_to_climb_to(case: Case, roster: Roster) -> list[StaffMember]:
    if case.state == "open":
        return roster.pool()
    return _reached(roster, [case.owner_id, _lead(case, roster)])


def _next_to_climb_to(case: Case, roster: Roster) -> list[StaffMember]:
    heads = roster.in_role(Role.SUPERVISOR, Role.RISK)
    lead = _reached(roster, [_lead(case, roster)])
    return [*heads, *(member for member in lead if member not in heads)]


def _lead(case: Case, roster: Roster) -> int | None:
    owner = roster.staff.get(case.owner_id or 0)
    return owner.lead_id if owner else None


def _reached(roster: Roster, ids: Sequence[int | None]) -> list[StaffMember]:
    members = [roster.staff.get(staff_id or 0) for staff_id in ids]
    return [m for m in members if m is not None and m.chat_id is not None and m.reachable]


async def _tell_late(work: Work, member: StaffMember, card: TaskCard) -> None:
    assert member.chat_id is not None
    lang = await outbox.language(work, member.chat_id)
    await outbox.say(
        work,
        member.chat_id,
        "task.overdue",
        lang=lang,
        priority=Priority.STAFF,
        buttons=buttons(card),
        **card_facts(work, card, lang),
    )


async def _allowed(work: Work, who: Actor, task_id: int) -> tuple[Case, StaffMember]:
    """A task of the own client, of the pool (officers), or any (risk, supervisor); else not found."""
    member = access.require(who)
    case = await locks.locked(work.session, Case, task_id)
    if case is None or case.kind != "task" or case.client_id is None:
        raise Refusal("not_found")
    from_pool = case.desk == "pool" and member.role in (Role.OFFICER, Role.SUPERVISOR)
    if case.owner_id != member.id and not from_pool:
        await access.client_for(work, who, case.client_id)
    return case, member


async def _card(work: Work, case: Case) -> TaskCard:
    assert case.client_id is not None
    return (await _cards(work, [case], await Roster.load(work, [case.client_id])))[0]


async def card_failed(work: Work, task_id: int, state: str, reason: str) -> None:
    """A card did not reach its owner: the pool gets the task."""
    case = await work.session.get(Case, task_id)
    if case is None or case.state != "open":
        return
    work.session.add(
        CaseEvent(case_id=case.id, at=work.now, actor="house", kind="undelivered", text=state, data={})
    )
    if case.owner_id is not None:
        await _to_pool(work, case)


async def hand_over(work: Work, staff_id: int) -> None:
    """The tasks of an employee who left are the pool's."""
    found, _ = await rows.tasks_open(work.session, owner_ids=[staff_id], pool=False, limit=_MOST)
    for case in found:
        case.state = "open"
        await _to_pool(work, case)


async def _to_pool(work: Work, case: Case) -> None:
    case.owner_id, case.desk = None, "pool"
    roster = await Roster.load(work, [case.client_id or 0])
    found = (await _cards(work, [case], roster))[0]
    for member in roster.pool():
        await _tell(work, member, [found])
