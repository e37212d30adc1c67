"""A complaint changes hands: to a colleague, to the next desk, to whoever may have it."""

from domain.complaints import Kind
from domain.people import StaffMember
from services import alerts, audit, case_cards
from services.case_client import tell_client
from services.casebook import Book, record
from services.routing import Placement
from services.work import Work


async def give(work: Work, found: Book, actor: str, target: StaffMember) -> None:
    """The case is the target's from now on: told to the client, shown to the target, updated for everybody else."""
    found.row.owner_id, found.row.desk = target.id, str(target.role)
    event = await record(
        work, found, actor, Kind.MOVED, why="handed", desk=found.row.desk, to=target.id, takers=1
    )
    await tell_client(
        work, found, "complaint.moved", event, why="handed", name=target.name, desk=found.row.desk
    )
    await case_cards.refresh(work, found)
    await case_cards.show(work, found, [target], why="handed")


async def move(work: Work, found: Book, placement: Placement, why: str) -> None:
    """The case goes to another desk and has no owner until somebody there takes it. ``why``: overdue, raised, left."""
    found.row.owner_id, found.row.desk = None, placement.desk
    found.row.level += 1
    event = await record(
        work, found, "bot", Kind.MOVED, why=why, desk=placement.desk, takers=len(placement.takers)
    )
    await tell_client(work, found, "complaint.moved", event, why=why, name=None, desk=placement.desk)
    await case_cards.refresh(work, found)
    await show_to(work, found, placement, why=why)
    await audit.note(work, "bot", "case.moved", f"case:{found.row.number}", why=why, desk=placement.desk)


async def show_to(work: Work, found: Book, placement: Placement, why: str | None = None) -> None:
    """The card for whoever may take the case; the operators where nobody may, by its number alone."""
    if placement.takers:
        await case_cards.show(work, found, placement.takers, why=why)
        return
    await alerts.operators(
        work,
        "alert.case_unplaced",
        dedupe=f"unplaced/{found.row.number}/{len(found.events)}",
        number=found.row.number,
    )
