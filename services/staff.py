"""Employees: leave and stand-ins, the roll, and who of the house is told about a client."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from db import accounts as account_rows
from db import people
from db.models import Staff
from domain.errors import Refusal
from domain.people import Actor, ClientRef, Role, StaffMember
from services import access, alerts, audit
from services.outbox import Priority, Row, say
from services.work import Work

_LONGEST_LEAVE = timedelta(days=366)
_DAY = re.compile(r"(?:(\d{4})[-/.年])?(\d{1,2})[-/.月](\d{1,2})日?")


@dataclass(frozen=True, slots=True)
class HandOver:
    """What a member of staff leaves behind: live assignments, open conversations, open cases."""

    clients: int
    conversations: int
    cases: int


@dataclass(frozen=True, slots=True)
class StaffLine:
    """One line of the roll. ``invited``: an invitation is open and no chat is linked yet."""

    member: StaffMember
    lead: str | None
    stand_in: str | None
    clients: int
    invited: bool


async def hand_over(work: Work, staff_id: int) -> HandOver:
    """What somebody must take over from a member of staff."""
    return HandOver(*await account_rows.work_of_staff(work.session, staff_id))


async def roll(work: Work) -> list[StaffLine]:
    """Every employee, disabled ones included, in order of code."""
    found = await people.staff_with_chat(work.session)
    codes = {row.id: row.code for row, _, _ in found}
    clients = await account_rows.clients_per_staff(work.session)
    invited = await account_rows.staff_with_open_invitation(work.session, work.now)
    lines = [
        StaffLine(
            access.staff_value(row, chat_id, reachable=blocked is None),
            codes.get(row.lead_id) if row.lead_id else None,
            codes.get(row.stand_in_id) if row.stand_in_id else None,
            clients.get(row.id, 0),
            chat_id is None and row.id in invited,
        )
        for row, chat_id, blocked in found
    ]
    return sorted(lines, key=lambda line: line.member.code)


async def leave(work: Work, who: Actor, until: date | None) -> StaffMember | None:
    """Away up to and including ``until``, or (None) until ``back``. The stand-in, who is told, or None."""
    member = access.require(who)
    if until is not None and not work.today <= until <= work.today + _LONGEST_LEAVE:
        raise Refusal("leave_day")
    row = await _row(work, member)
    row.on_duty = until is not None
    row.leave_until = until
    await audit.note(
        work, who, "staff.away", f"staff:{member.code}", until=until.isoformat() if until else None
    )
    stand_in = await _stand_in(work, member)
    if stand_in is not None and stand_in.chat_id is not None:
        await say(
            work,
            stand_in.chat_id,
            "staff.stands_in_now",
            priority=Priority.STAFF,
            name=member.name,
            until=until,
        )
    return stand_in


async def back(work: Work, who: Actor) -> bool:
    """On duty again; False when the person was there all along."""
    member = access.require(who)
    row = await _row(work, member)
    if row.on_duty and row.leave_until is None:
        return False
    row.on_duty, row.leave_until = True, None
    await audit.note(work, who, "staff.back", f"staff:{member.code}")
    stand_in = await _stand_in(work, member)
    if stand_in is not None and stand_in.chat_id is not None:
        await say(work, stand_in.chat_id, "staff.is_back", priority=Priority.STAFF, name=member.name)
    return True


async def possible_stand_ins(work: Work, who: Actor) -> list[StaffMember]:
    """Active colleagues of the same role, those of the same line first."""
    member = access.require(who)
    others = [m for m in await access.staff_in(work, (member.role,)) if m.id != member.id]
    return sorted(others, key=lambda m: (m.line != member.line, m.code))


async def set_stand_in(work: Work, who: Actor, code: str) -> StaffMember:
    """Names who answers while the speaker is away; the stand-in is told."""
    member = access.require(who)
    wanted = code.strip().upper()
    chosen = next((m for m in await possible_stand_ins(work, who) if m.code.upper() == wanted), None)
    if chosen is None:
        raise Refusal("stand_in_unknown")
    row = await _row(work, member)
    if row.stand_in_id == chosen.id:
        return chosen
    row.stand_in_id = chosen.id
    await audit.note(work, who, "staff.stand_in", f"staff:{member.code}", stand_in=chosen.code)
    if chosen.chat_id is not None:
        await say(work, chosen.chat_id, "staff.you_stand_in", priority=Priority.STAFF, name=member.name)
    return chosen


async def tell_keepers(
    work: Work,
    client: ClientRef,
    template: str,
    /,
    *,
    buttons: Sequence[Row] = (),
    dedupe: str | None = None,
    **facts: Any,
) -> list[StaffMember]:
    """Tells whoever looks after a client: the account manager and, while he is away, the stand-in.

    Without a manager in reach it is the service officer, then the service pool, then the operators. The
    template gets ``name`` and ``account`` of the client besides ``facts``. Returns who was told.
    """
    told = await _keepers_in_reach(work, client.id)
    facts = {"name": work.shown_name(client.name), "account": client.account, **facts}
    for member in told:
        assert member.chat_id is not None
        key = f"{dedupe}/{member.id}" if dedupe else None
        await say(
            work, member.chat_id, template, priority=Priority.STAFF, buttons=buttons, dedupe=key, **facts
        )
    return told


async def by_code(work: Work, code: str) -> Staff:
    """The row of an employee, or the refusal ``staff_unknown``. For services only: rows stay inside."""
    row = await people.staff_by_code(work.session, code.strip().upper())
    if row is None:
        raise Refusal("staff_unknown", staff_code=code.strip())
    return row


def read_day(text: str, today: date) -> date:
    """``2026-11-30``, ``11-30``, ``11月30日``: without a year the next such day. Refuses what is no day."""
    found = _DAY.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found is None:
        raise Refusal("leave_day")
    try:
        day = date(int(found[1] or today.year), int(found[2]), int(found[3]))
        return day.replace(year=today.year + 1) if found[1] is None and day < today else day
    except ValueError:
        raise Refusal("leave_day") from None


async def _keepers_in_reach(work: Work, client_id: int) -> list[StaffMember]:
    manager = await access.keeper(work, client_id, "manager")
    if manager is not None:
        stand_in = None if manager.present(work.today) else await _stand_in(work, manager)
        reached = [m for m in (manager, stand_in) if m is not None and _can_read(m)]
        if reached:
            return reached
    officer = await access.keeper(work, client_id, "officer")
    if officer is not None and _can_read(officer):
        return [officer]
    for role in (Role.OFFICER, Role.OPERATOR):
        pool = [m for m in await access.staff_in(work, (role,)) if _can_read(m)]
        if pool:
            return pool
    return []


def _can_read(member: StaffMember) -> bool:
    return member.active and member.chat_id is not None and member.reachable


async def _stand_in(work: Work, member: StaffMember) -> StaffMember | None:
    if member.stand_in_id is None:
        return None
    found = await access.staff(work, member.stand_in_id)
    return found if found.active else None


async def _row(work: Work, member: StaffMember) -> Staff:
    row = await work.session.get(Staff, member.id)
    assert row is not None
    return row


async def tell_lead(work: Work, row: Staff, name: str, **facts: Any) -> None:
    """The lead of an employee, or the operators where there is none in reach."""
    lead = await access.staff(work, row.lead_id) if row.lead_id else None
    facts = {"employee": row.name, "staff_code": row.code, **facts}
    if lead is not None and _can_read(lead):
        assert lead.chat_id is not None
        await say(work, lead.chat_id, name, priority=Priority.STAFF, **facts)
        return
    await alerts.operators(work, name, **facts)


async def tell_lead_of_new(work: Work, row: Staff) -> None:
    """Tells the lead that an employee linked a chat."""
    await tell_lead(work, row, "staff.joined")
