"""What staff do with a complaint: take, ask the client, answer, close with cause and remedy, hand on.

Nothing is closed by silence, and who may have a case is asked again at every step.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from db import cases as rows
from db import people, queues
from domain.calendar import CalendarEnded
from domain.clocks import due_in_working_days
from domain.complaints import MAJOR, NUMBER, PAUSE_REASON, RATINGS, Kind
from domain.errors import Refusal
from domain.people import Actor, Role, StaffMember
from services import access, audit, case_cards, case_moves, held, outbox, routing
from services.case_cards import CaseLine, lines
from services.case_client import STAFF, listen, put_dialog, reopen_until, stop_listening, tell_client
from services.casebook import Book, File, book, checked, client_of, may_extend, record
from services.hours import service_hours
from services.outbox import Button, Row
from services.work import Work

LONGEST = 3_000  # characters of one message to the client
STEPS = ("ask", "reply", "extend", "cause", "remedy", "confirm")
_AGAIN = timedelta(minutes=5)
_FAR = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the employee is asked for next about a case. ``step`` is one of STEPS, ``sent`` or ``gone``."""

    step: str
    case_id: int
    number: str
    cause: str = ""
    remedy: str = ""


async def take(work: Work, who: Actor, case_id: int) -> bool:
    """Takes a case; False when it was one's own already. The second to press learns who has it."""
    member = access.require(who)
    found = await _for_staff(work, member, case_id)
    _must_run(found)
    if found.row.owner_id == member.id:
        return False
    if found.row.owner_id is not None:
        other = await access.staff(work, found.row.owner_id)
        raise Refusal("case_taken", number=found.row.number, name=other.name)
    if not routing.handles(work, found.row, member, await routing.house(work)):
        raise Refusal("not_found")
    found.row.owner_id = member.id
    event = await record(work, found, who.label, Kind.TAKEN, staff=member.id)
    await tell_client(
        work,
        found,
        "complaint.taken",
        event,
        contact=True,
        name=member.name,
        registration=member.registration_no,
        contact_due=found.row.contact_due,
    )
    await case_cards.refresh(work, found)
    await audit.note(work, who, "case.taken", f"case:{found.row.number}")
    return True


async def own(work: Work, who: Actor, case_id: int) -> Book:
    """A running case that the speaking employee has."""
    member = access.require(who)
    found = await _for_staff(work, member, case_id)
    _must_run(found)
    if found.row.owner_id != member.id:
        raise Refusal("case_not_yours", number=found.row.number)
    return found


async def ask(
    work: Work, who: Actor, case_id: int, text: str, file: File | None = None, source: int | None = None
) -> str:
    """Asks the client for more: the clock of the result stands until something comes. The case's number."""
    return await _say_to_client(work, who, case_id, Kind.ASKED, "complaint.asked", text, file, source)


async def reply(
    work: Work, who: Actor, case_id: int, text: str, file: File | None = None, source: int | None = None
) -> str:
    """Tells the client something; the case stays open. The same ``source`` message is told once."""
    return await _say_to_client(work, who, case_id, Kind.REPLIED, "complaint.answered", text, file, source)


async def _say_to_client(
    work: Work,
    who: Actor,
    case_id: int,
    kind: Kind,
    name: str,
    text: str,
    file: File | None,
    source: int | None,
) -> str:
    found = await own(work, who, case_id)
    if source is not None and any(e.data.get("source") == source for e in found.events):
        return found.row.number
    words = checked(text, LONGEST)
    held.require_clean(work, words)
    member = access.require(who)
    event = await record(
        work,
        found,
        who.label,
        kind,
        words or None,
        reason=PAUSE_REASON if kind is Kind.ASKED else None,
        sent=[file.as_json()] if file is not None else [],
        source=source,
    )
    chat_id = await tell_client(
        work, found, name, event, add=True, staff=member.name, text=words, has_file=file is not None
    )
    if file is not None and chat_id is not None:
        body = {"from_chat": file.chat_id, "message_id": file.message_id}
        client = await client_of(work, found)
        account = client.account if client else None
        await outbox.put(work, chat_id, "copy", body, about={"case_told": event.id}, account=account)
    if kind is Kind.ASKED and chat_id is not None:
        await listen(work, found, chat_id)
    await case_cards.refresh(work, found)
    return found.row.number


async def phoned(work: Work, who: Actor, case_id: int) -> str:
    """The client was reached by telephone; the client is told that this was recorded."""
    found = await own(work, who, case_id)
    last = found.last(Kind.PHONED)
    if last is not None and work.now - last.at < _AGAIN:
        return found.row.number
    member = access.require(who)
    event = await record(work, found, who.label, Kind.PHONED)
    await tell_client(work, found, "complaint.phoned", event, add=True, staff=member.name, at=work.now)
    await case_cards.refresh(work, found)
    return found.row.number


async def close(work: Work, who: Actor, case_id: int, cause: str, remedy: str) -> str:
    """Tells the client the result in full; the client may reopen it for some days. The case's number."""
    found = await own(work, who, case_id)
    member = access.require(who)
    held.require_clean(work, f"{cause}\n{remedy}")
    found.row.cause, found.row.remedy = checked(cause, LONGEST), checked(remedy, LONGEST)
    event = await record(
        work, found, who.label, Kind.RESOLVED, cause=found.row.cause, remedy=found.row.remedy
    )
    args = {"case": found.row.id, "event": event.id}
    stars: Row = [Button(f" {n}", "complaint.rate", {**args, "rating": n}) for n in RATINGS]
    chat_id = await tell_client(
        work,
        found,
        "complaint.closed",
        event,
        buttons=[stars, [Button("complaint.reopen", "complaint.reopen", args)]],
        cause=found.row.cause,
        remedy=found.row.remedy,
        staff=member.name,
        until=reopen_until(work, found),
    )
    if chat_id is not None:
        await stop_listening(work, chat_id, found.row.id)
    await case_cards.refresh(work, found)
    await audit.note(work, who, "case.resolved", f"case:{found.row.number}")
    return found.row.number


async def extend(work: Work, who: Actor, case_id: int, reason: str) -> str:
    """More time for the result of a major case, once and before the term ends; the client is told why. Its number."""
    found = await own(work, who, case_id)
    words = checked(reason, LONGEST)
    held.require_clean(work, words)
    if not may_extend(work, found):
        raise Refusal("case_no_extension", number=found.row.number)
    known = found.standing.terms
    assert known.result_due is not None
    days = work.policy.complaints.extension_days
    try:
        longer = due_in_working_days(known.result_due, days, service_hours(work.policy), work.deps.calendar)
    except CalendarEnded:
        raise Refusal("case_no_extension", number=found.row.number) from None
    event = await record(
        work, found, who.label, Kind.EXTENDED, words, terms=replace(known, result_due=longer).as_json()
    )
    await tell_client(
        work,
        found,
        "complaint.extended",
        event,
        add=True,
        staff=access.require(who).name,
        text=words,
        result_due=None if found.standing.paused else found.row.result_due,
    )
    await case_cards.refresh(work, found)
    await audit.note(work, who, "case.extended", f"case:{found.row.number}", days=days)
    return found.row.number


async def targets(work: Work, who: Actor, case_id: int) -> list[StaffMember]:
    """To whom the speaking employee may hand a case."""
    member = access.require(who)
    found = await _directed(work, member, case_id)
    return await routing.colleagues(work, found.row, member)


async def transfer(work: Work, who: Actor, case_id: int, to: int) -> str:
    """Hands a case to a colleague, who has it from now on; conflicts are checked again. The colleague's name."""
    member = access.require(who)
    found = await _directed(work, member, case_id)
    target = next((m for m in await routing.colleagues(work, found.row, member) if m.id == to), None)
    if target is None:
        raise Refusal("case_no_target")
    if found.row.owner_id == target.id:
        return target.name
    await case_moves.give(work, found, who.label, target)
    await audit.note(work, who, "case.transferred", f"case:{found.row.number}", to=target.code)
    return target.name


async def card(work: Work, who: Actor, case_id: int) -> None:
    """Shows the speaking employee the card of a case; a look at a restricted one is in the audit trail."""
    member = access.require(who)
    found = await _for_staff(work, member, case_id)
    await _note_read(work, who, found)
    await case_cards.show(work, found, [member])


async def files(work: Work, who: Actor, case_id: int) -> int:
    """Sends the employee what the client said in full, and every file. How many files there are."""
    member = access.require(who)
    found = await _for_staff(work, member, case_id)
    await _note_read(work, who, found)
    slot = f"{found.row.id}/{member.id}/{int(work.now.timestamp()) // 30}"
    added = [(e.at, case_cards.said_words(work, e, who.lang)) for e in found.said]
    shown = await outbox.say(
        work,
        who.chat_id,
        "case.words",
        lang=who.lang,
        dedupe=f"case-words/{slot}",
        number=found.row.number,
        facts=found.row.facts,
        demand=found.row.demand,
        added=added,
        files=len(found.files),
    )
    if shown is None:
        return len(found.files)
    for file in found.files:
        body = {"from_chat": file["chat_id"], "message_id": file["message_id"]}
        await outbox.put(work, who.chat_id, "copy", body, about={"case_file": found.row.id})
    return len(found.files)


async def file_failed(work: Work, case_id: int, _state: str, _reason: str) -> None:
    """Outcome: a file could not be shown, because its sender has deleted it."""
    found = await book(work, case_id)
    owner = await case_cards.owner(work, found) if found is not None else None
    if found is not None and owner is not None:
        await case_cards.tell(work, found, [owner], "case.file_gone")


async def _note_read(work: Work, who: Actor, found: Book) -> None:
    if found.row.restricted:
        await audit.note(work, who, "case.read", f"case:{found.row.number}")


async def _for_staff(work: Work, member: StaffMember, case_id: int) -> Book:
    """A case that an employee may open: "not yours" and "not found" are one answer."""
    found = await book(work, case_id)
    staff = await routing.house(work)
    if found is None or not routing.knows(found.row, member, staff):
        raise Refusal("not_found")
    if found.row.owner_id != member.id and not routing.handles(work, found.row, member, staff):
        raise Refusal("not_found")
    return found


async def _directed(work: Work, member: StaffMember, case_id: int) -> Book:
    """A case that an employee may hand on: the owner, anybody of its desk while it has none, and the desks above."""
    found = await _for_staff(work, member, case_id)
    _must_run(found)
    above = member.role in (Role.SUPERVISOR, Role.COMPLIANCE)
    if found.row.owner_id not in (None, member.id) and not above:
        raise Refusal("case_not_yours", number=found.row.number)
    return found


def _must_run(found: Book) -> None:
    if not found.standing.running:
        raise Refusal("case_over", number=found.row.number)


async def of_desk(work: Work, who: Actor) -> list[CaseLine]:
    """What the employee's desk has to do, by severity, then deadline, then age; own cases and those of desks below."""
    member = access.require(who)
    staff = await routing.house(work)
    found = [
        case
        for case in await rows.running(work.session)
        if routing.knows(case, member, staff)
        and (case.owner_id == member.id or routing.handles(work, case, member, staff))
    ]
    far = work.now + _FAR
    listed = await lines(work, found)
    return sorted(listed, key=lambda line: (line.severity != MAJOR, line.due or far, line.opened_at))


# --- guided by prompts --------------------------------------------------------------------------------------------


async def prompt(work: Work, who: Actor, case_id: int, step: str) -> Prompt:
    """The employee's next words are for this case: a question, an answer, the cause of closing."""
    found = await own(work, who, case_id)
    if step == "extend" and not may_extend(work, found):
        raise Refusal("case_no_extension", number=found.row.number)
    await put_dialog(work, who.chat_id, STAFF, step, {"case": case_id})
    return Prompt(step, case_id, found.row.number)


async def said(
    work: Work, who: Actor, text: str, file: File | None = None, *, about: int | None = None
) -> Prompt | None:
    """Takes the employee's words for the prompt that stands; None where none does.

    ``about``: the case that the words reply to; a prompt for another case does not get them.
    """
    standing = await people.dialog(work.session, who.chat_id)
    if standing is None or standing.name != STAFF or standing.expires_at <= work.now:
        return None
    step, data = standing.step, dict(standing.data)
    case_id = int(data["case"])
    if about not in (None, case_id):
        return None
    found = await book(work, case_id)
    member = access.require(who)
    gone = found is None or found.row.owner_id != member.id or not found.standing.running
    if found is not None and step == "extend":
        gone = gone or not may_extend(work, found)
    if found is None or gone or not routing.knows(found.row, member, await routing.house(work)):
        await people.drop_dialog(work.session, who.chat_id)
        return Prompt("gone", case_id, found.row.number if found is not None else "")
    if not text.strip() and file is None:
        return _prompt(found, step, data)
    if step in ("ask", "reply"):
        number = await (ask if step == "ask" else reply)(work, who, case_id, text, file)
        await people.drop_dialog(work.session, who.chat_id)
        return Prompt("sent", case_id, number)
    if step == "extend" and text.strip():
        number = await extend(work, who, case_id, text)
        await people.drop_dialog(work.session, who.chat_id)
        return Prompt("sent", case_id, number)
    words = checked(text, LONGEST)
    if words and step in ("cause", "remedy"):
        data[step] = words
        step = STEPS[STEPS.index(step) + 1]
        await put_dialog(work, who.chat_id, STAFF, step, data)
    return _prompt(found, step, data)


async def leave(work: Work, who: Actor) -> None:
    """The prompt is left; nothing was sent."""
    standing = await people.dialog(work.session, who.chat_id)
    if standing is not None and standing.name == STAFF:
        await people.drop_dialog(work.session, who.chat_id)


async def confirm_close(work: Work, who: Actor, case_id: int) -> str | None:
    """Closes with the cause and the remedy just written; None where nothing of it stands any more."""
    standing = await people.dialog(work.session, who.chat_id)
    if standing is None or standing.name != STAFF or standing.step != "confirm":
        return None
    data = standing.data
    if data["case"] != case_id:
        return None
    await people.drop_dialog(work.session, who.chat_id)
    return await close(work, who, case_id, data["cause"], data["remedy"])


def _prompt(found: Book, step: str, data: dict[str, Any]) -> Prompt:
    return Prompt(step, found.row.id, found.row.number, data.get("cause", ""), data.get("remedy", ""))


async def of_message(work: Work, who: Actor, message_id: int, text: str) -> int | None:
    """The case that a message in the employee's chat is about: by its row, else by the number in its words."""
    row = await queues.message_at(work.session, who.chat_id, message_id)
    case_id = (row.about or {}).get("case") if row is not None else None
    if case_id is None and (number := NUMBER.search(text)) is not None:
        case_id = await rows.id_of_number(work.session, number[0])
    return int(case_id) if case_id is not None else None


async def by_number(work: Work, who: Actor, number: str) -> int:
    """The id of a case by its number, if the employee may open it."""
    case_id = await rows.id_of_number(work.session, number)
    if case_id is None:
        raise Refusal("not_found")
    return (await _for_staff(work, access.require(who), case_id)).row.id
