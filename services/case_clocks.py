"""What happens to complaints by the clock: reminders, the way up the chain, the end of the time to reopen."""

from datetime import timedelta
from typing import Any

from db import cases as rows
from db import people
from domain.complaints import MAJOR, Clock, Kind
from domain.people import Role, StaffMember
from services import access, audit, case_cards, case_moves, routing
from services.case_client import ADDING, REOPENING, STAFF, may_reopen
from services.casebook import Book, book, clocks, look_again, record, terms
from services.hours import is_open
from services.work import Work

_REMINDED, _HEAD_TOLD = 50, 80
DIALOGS = ("complaint", ADDING, REOPENING, STAFF)


async def climb_overdue(work: Work) -> None:
    """At half of a term the owner is reminded, at 80 % the head is told, at 100 % the next desk gets the case.

    Each step once, and for general complaints in working time only.
    """
    for case_id in await rows.to_look_at(work.session, work.now):
        found = await book(work, case_id)
        if found is not None and found.standing.running and not await _rescued(work, found):
            await _look(work, found)


async def _rescued(work: Work, found: Book) -> bool:
    """A case whose owner left the house, or that nobody could be given: placed again."""
    owner = await case_cards.owner(work, found)
    if owner is not None:
        if owner.active and owner.chat_id is not None:
            return False
        await case_moves.move(work, found, await routing.place(work, found.row, found.row.desk), "left")
        return True
    placed = found.last(Kind.OPENED, Kind.MOVED, Kind.REOPENED)
    if placed is None or placed.data.get("takers"):
        return False
    placement = await routing.place(work, found.row, routing.start(work, found.row))
    if not placement.takers:
        return False
    await case_moves.move(work, found, placement, "placed")
    return True


async def _look(work: Work, found: Book) -> None:
    await _complete_terms(work, found)
    both = clocks(work, found)
    if both is None or (found.row.severity != MAJOR and not is_open(work)):
        return
    moved = False
    for name, clock in zip(("contact", "result"), both, strict=True):
        done = found.standing.marks.get(name, 0)
        if clock.stopped_at is not None or clock.mark <= done:
            continue
        await record(work, found, "bot", Kind.MARKED, clock=name, mark=clock.mark)
        moved = await _step(work, found, name, clock, may_move=not moved) or moved
    look_again(work, found)


async def _step(work: Work, found: Book, name: str, clock: Clock, *, may_move: bool) -> bool:
    """Does what a mark asks for; True when the case went to another desk."""
    owner = await case_cards.owner(work, found)
    shown: dict[str, Any] = {"clock": name, "left": case_cards.view(work, name, clock)}
    if clock.mark == _REMINDED:
        told = [owner] if owner is not None else await _who_has_the_card(work, found)
        await case_cards.tell(work, found, told, "case.reminder", **shown)
        return False
    if clock.mark == _HEAD_TOLD:
        told = await routing.heads(work, found.row, owner)
        await case_cards.tell(
            work, found, told, "case.head", owner=owner.name if owner is not None else None, **shown
        )
        return False
    placement = await routing.next_desk(work, found.row) if may_move else None
    if placement is not None:
        await case_moves.move(work, found, placement, "overdue")
        return True
    if may_move:
        told = [m for m in await access.staff_in(work, (Role.COMPLIANCE,)) if await _knows(work, found, m)]
        told += [owner] if owner is not None and owner not in told else []
        await case_cards.tell(work, found, told, "case.overdue", **shown)
    return False


async def _knows(work: Work, found: Book, member: StaffMember) -> bool:
    return routing.knows(found.row, member, await routing.house(work))


async def _who_has_the_card(work: Work, found: Book) -> list[StaffMember]:
    """Whoever was shown the case at the desk where it lies now, and may still have it."""
    since = found.last(Kind.OPENED, Kind.MOVED, Kind.REOPENED)
    ids = {e.data["staff"] for e in found.events if e.kind == Kind.SHOWN and since and e.id > since.id}
    staff = await routing.house(work)
    return [m for m in staff if m.id in ids and routing.handles(work, found.row, m, staff)]


async def _complete_terms(work: Work, found: Book) -> None:
    """Terms that the calendar could not give when the case was opened."""
    known = found.standing.terms
    if known.contact_due is not None and known.result_due is not None:
        return
    now_known = terms(work, found.row.tier, found.row.severity, known.start)
    if now_known != known:
        await record(work, found, "bot", Kind.TERMED, terms=now_known.as_json())


async def archive(work: Work) -> None:
    """Results that may no longer be reopened are closed for good; drafts that nobody finished are dropped."""
    before = work.now - timedelta(days=work.policy.complaints.reopen_days)
    for case_id in await rows.resolved_before(work.session, before):
        found = await book(work, case_id)
        if found is not None and not may_reopen(work, found):
            await record(work, found, "bot", Kind.CLOSED)
            await case_cards.refresh(work, found)
            await audit.note(work, "bot", "case.closed", f"case:{found.row.number}")
    for chat_id in await rows.stale_dialogs(work.session, DIALOGS, work.now):
        await people.drop_dialog(work.session, chat_id)
