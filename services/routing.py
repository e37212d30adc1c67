"""Who gets a complaint: by tier, category and severity, and never the person complained of nor that person's line."""

from collections.abc import Collection
from dataclasses import dataclass

from db import people
from db.models import Case
from domain.complaints import desks_from, first_desk, may_handle, may_know
from domain.people import Role, StaffMember
from services import access
from services.casebook import PUBLIC_TIER
from services.work import Work


@dataclass(frozen=True, slots=True)
class Placement:
    """The desk that gets a case, and who of it sees the card; nobody where nobody may have it."""

    desk: str
    takers: tuple[StaffMember, ...]


async def house(work: Work) -> list[StaffMember]:
    """Every employee, disabled ones included: lines of leads and reports go through them too."""
    return [
        access.staff_value(row, chat_id, reachable=blocked is None)
        for row, chat_id, blocked in await people.staff_with_chat(work.session)
    ]


def start(work: Work, case: Case) -> str:
    """The desk that the routing table names. What is restricted begins with compliance."""
    if case.restricted:
        return "compliance"
    return first_desk(
        work.policy.complaints,
        tier=case.tier or PUBLIC_TIER,
        category=case.category,
        severity=case.severity,
    )


async def place(work: Work, case: Case, desk: str, *, without: Collection[int] = ()) -> Placement:
    """The first desk from ``desk`` upwards with somebody at work who may have the case.

    Where nobody is at work, the first with somebody who has a chat; compliance, and nobody, where there is none.
    """
    staff = await house(work)
    desks = desks_from(work.policy.complaints, desk)
    for at_work in (True, False):
        for name in desks:
            allowed = [
                member
                for member in _of_desk(work, case, name, staff)
                if member.id not in without and (not at_work or member.present(work.today))
            ]
            if allowed:
                own = await _own_officer(work, case, allowed) if name == "officer" else None
                return Placement(name, (own,) if own is not None else tuple(allowed))
    return Placement("compliance", ())


def _of_desk(work: Work, case: Case, desk: str, staff: list[StaffMember]) -> list[StaffMember]:
    return [
        member
        for member in staff
        if str(member.role) == desk
        and member.chat_id is not None
        and handles(work, case, member, staff, desk=desk)
    ]


async def _own_officer(work: Work, case: Case, allowed: list[StaffMember]) -> StaffMember | None:
    """The client's own service officer where that is one of them, else the officer's stand-in."""
    keeper = await access.keeper(work, case.client_id, "officer") if case.client_id is not None else None
    if keeper is None:
        return None
    return next((m for wanted in (keeper.id, keeper.stand_in_id) for m in allowed if m.id == wanted), None)


def accused(case: Case, staff: list[StaffMember]) -> StaffMember | None:
    return next((member for member in staff if member.id == case.about_staff_id), None)


def knows(case: Case, member: StaffMember, staff: list[StaffMember]) -> bool:
    """Whether an employee may learn of a case: not of a restricted one, nor of one about the own line."""
    return may_know(member, restricted=case.restricted, accused=accused(case, staff), house=staff)


def handles(
    work: Work, case: Case, member: StaffMember, staff: list[StaffMember], *, desk: str | None = None
) -> bool:
    """Whether an employee may have a case, as it stands now."""
    return may_handle(
        member,
        desk=desk or case.desk,
        restricted=case.restricted,
        accused=accused(case, staff),
        house=staff,
        policy=work.policy.complaints,
    )


def desks(work: Work, desk: str) -> tuple[str, ...]:
    """The desks from this one upwards."""
    return desks_from(work.policy.complaints, desk)


async def next_desk(work: Work, case: Case) -> Placement | None:
    """The next desk up the chain that may have an overdue case; None from the last one."""
    above = desks_from(work.policy.complaints, case.desk)[1:]
    if not above:
        return None
    found = await place(work, case, above[0])
    return found if found.takers else None


async def heads(work: Work, case: Case, owner: StaffMember | None) -> list[StaffMember]:
    """Who is told before a term runs out: the owner's lead, else the supervisors, else compliance."""
    staff = await house(work)
    lead = next((m for m in staff if owner is not None and m.id == owner.lead_id), None)
    supervisors = [m for m in staff if m.role is Role.SUPERVISOR]
    compliance = [m for m in staff if m.role is Role.COMPLIANCE]
    for group in ([lead] if lead is not None else [], supervisors, compliance):
        told = [
            m
            for m in group
            if m.present(work.today) and handles(work, case, m, staff) and (owner is None or m.id != owner.id)
        ]
        if told:
            return told
    return []


async def colleagues(work: Work, case: Case, giver: StaffMember) -> list[StaffMember]:
    """To whom a case may be handed: anybody at work of any desk in the chain who may have it."""
    staff = await house(work)
    desks: list[str] = [*work.policy.complaints.chain, "compliance"]
    found = [
        m
        for m in staff
        if m.id != giver.id
        and m.present(work.today)
        and str(m.role) in desks
        and handles(work, case, m, staff, desk=str(m.role))
    ]
    return sorted(found, key=lambda m: (desks.index(str(m.role)), m.id))


async def reviewers(work: Work, case: Case) -> list[StaffMember]:
    """Who looks again at a case that its client rated low: supervisors without the case, else compliance."""
    staff = await house(work)
    for role in (Role.SUPERVISOR, Role.COMPLIANCE):
        found = [
            m
            for m in staff
            if m.role is role
            and m.active
            and m.chat_id is not None
            and m.id != case.owner_id
            and knows(case, m, staff)
        ]
        if found:
            return found
    return []
