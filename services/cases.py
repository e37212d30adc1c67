"""A complaint from its client's side: filed, added to, reopened, rated, asked about.

The client is told every change. The bot neither judges nor promises anything, and closes nothing by silence.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from db import cases as rows
from db import people, queues, talks
from db.models import Case
from domain.complaints import GENERAL, LOW_RATING, MAJOR, RATINGS, Kind, State, Weight, amount_in, weigh
from domain.errors import Refusal
from domain.people import Actor, ClientRef, StaffMember
from messages.phrases import BEIJING
from services import audit, case_cards, case_moves, evidence, outbox, routing
from services.case_cards import CaseLine, lines
from services.case_client import ADDING, REOPENING, may_reopen, put_dialog, reopen_until, tell_client
from services.casebook import Book, File, book, books, category, checked, record, terms
from services.work import Work

LONGEST = 10_000  # characters of one addition
_LOOKED_BACK = 20  # cases of a chat that an edit may belong to


@dataclass(frozen=True, slots=True)
class Filing:
    """A complaint as its client confirmed it. ``about_name``: a person whom nobody of the house could be found for.

    ``messages``: the numbers of the messages that it was told in.
    """

    draft: str
    category: str
    client: ClientRef | None
    facts: str
    demand: str | None = None
    about_id: int | None = None
    about_name: str | None = None
    reach: str | None = None
    files: tuple[File, ...] = ()
    said_major: bool = False
    earlier: str | None = None
    messages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the client is told of a complaint that was filed. ``appended``: it went to an open one (``number``).

    ``days``: how many working days the result may take, for where the calendar does not say the day.
    """

    number: str
    case_id: int
    appended: bool
    contact_due: datetime | None
    result_due: datetime | None
    desk: str
    restricted: bool
    days: int


@dataclass(frozen=True, slots=True)
class CaseState:
    """A complaint as its client sees it."""

    line: CaseLine
    desk: str
    restricted: bool
    registration: str | None
    contact_due: datetime | None
    contacted_at: datetime | None
    result_due: datetime | None
    waiting: bool
    facts: str
    files: int
    cause: str | None
    remedy: str | None
    rating: int | None
    reopen_until: datetime | None
    history: tuple[tuple[datetime, str], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Heard:
    """What a client's message did: ``added``, ``reopened``, ``empty`` (nothing that can be kept), or came too late
    (``over``).
    """

    what: str
    case_id: int
    number: str


# --- filed --------------------------------------------------------------------------------------------------------


async def file(work: Work, who: Actor, filing: Filing) -> Receipt:
    """Files a confirmed complaint and places it, or adds it to an open one where the chat has too many."""
    weight = await _weigh(work, who, filing)
    restricted = category(work, filing.category).compliance or weight.report or bool(filing.about_name)
    full = await _full_chat(work, who, filing, restricted=restricted)
    if full is not None:
        return await _append(work, who, full, filing)
    case = await _new_case(work, who, filing, weight, restricted=restricted)
    placement = await routing.place(work, case, routing.start(work, case))
    case.desk = placement.desk
    work.session.add(case)
    await work.session.flush()
    found = Book(case, [])
    await record(
        work,
        found,
        who.label,
        Kind.OPENED,
        terms=terms(work, case.tier, case.severity, work.now).as_json(),
        draft=filing.draft,
        reasons=list(weight.reasons),
        files=[f.as_json() for f in filing.files],
        messages=list(filing.messages),
        about_name=filing.about_name,
        earlier=filing.earlier,
        takers=len(placement.takers),
    )
    await evidence.note(work, case.id, filing.files)
    await audit.note(
        work,
        who,
        "case.opened",
        f"case:{case.number}",
        category=case.category,
        severity=case.severity,
        desk=case.desk,
    )
    await case_moves.show_to(work, found, placement)
    return receipt(work, found)


async def _weigh(work: Work, who: Actor, filing: Filing) -> Weight:
    policy = work.policy.complaints
    words = f"{filing.facts}\n{filing.demand or ''}"
    whose: dict[str, Any] = {
        "category": filing.category,
        "client_id": filing.client.id if filing.client else None,
        "chat_id": who.chat_id,
    }
    return weigh(
        policy,
        filing.category,
        words,
        amount=amount_in(words),
        said_major=filing.said_major,
        again=filing.earlier is not None
        or await rows.same_matter(work.session, **whose, since=work.now - timedelta(days=policy.repeat_days)),
        others=await rows.others_complaining(
            work.session, **whose, since=work.now - timedelta(days=policy.cluster_days)
        ),
    )


async def _new_case(work: Work, who: Actor, filing: Filing, weight: Weight, *, restricted: bool) -> Case:
    day = work.now.astimezone(BEIJING).strftime("%Y%m%d")
    number = await queues.next_number(work.session, f"CP-{day}")
    tier = filing.client.tier if filing.client else None
    until = terms(work, tier, weight.severity, work.now)
    return Case(
        number=f"CP-{day}-{number:04d}",
        kind="complaint",
        category=filing.category,
        severity=weight.severity,
        state="open",
        chat_id=who.chat_id,
        client_id=filing.client.id if filing.client else None,
        tier=tier,
        facts=filing.facts,
        demand=filing.demand,
        amount=_money(filing),
        about_staff_id=filing.about_id,
        restricted=restricted,
        reach=filing.reach,
        desk="compliance",
        level=0,
        opened_at=work.now,
        contact_due=until.contact_due,
        result_due=until.result_due,
    )


def _money(filing: Filing) -> Decimal | None:
    found = amount_in(filing.demand or "")
    return found.quantize(Decimal("0.01")) if found is not None else None


async def _full_chat(work: Work, who: Actor, filing: Filing, *, restricted: bool) -> Book | None:
    """The open complaint that a chat with too many of them goes on with; only one whose staff may know of this one."""
    running = await rows.running_in_chat(work.session, who.chat_id)
    if len(running) < work.policy.complaints.max_open:
        return None
    for case in reversed(running):
        same_person = filing.about_id is None or case.about_staff_id == filing.about_id
        if case.restricted == restricted and same_person:
            return (await books(work, [case]))[0]
    return None


async def _append(work: Work, who: Actor, found: Book, filing: Filing) -> Receipt:
    locked = await rows.locked(work.session, found.row.id)
    assert locked is not None
    words = filing.facts if not filing.demand else f"{filing.facts}\n{filing.demand}"
    await _added(work, who, found, words, filing.files, draft=filing.draft, messages=list(filing.messages))
    return receipt(work, found, appended=True)


def receipt(work: Work, found: Book, *, appended: bool = False) -> Receipt:
    """What the client is told of a filed complaint."""
    row, policy = found.row, work.policy.complaints
    return Receipt(
        row.number,
        row.id,
        appended,
        row.contact_due,
        row.result_due,
        row.desk,
        row.restricted,
        policy.result_days_major if row.severity == MAJOR else policy.result_days,
    )


# --- what the client does -----------------------------------------------------------------------------------------


async def add(
    work: Work,
    who: Actor,
    case_id: int,
    text: str,
    files: Iterable[File] = (),
    message_id: int | None = None,
) -> str:
    """Adds the client's words or files to an open case, which runs on. The case's number."""
    found = await _for_client(work, who, case_id)
    if not found.standing.running:
        raise Refusal("case_over_client", number=found.row.number)
    sent = tuple(files)
    if sent and len(found.files) + len(sent) > work.policy.complaints.max_files:
        raise Refusal("case_files_full", most=work.policy.complaints.max_files)
    messages = [message_id] if message_id is not None else []
    await _added(work, who, found, checked(text, LONGEST), sent, messages=messages)
    return found.row.number


async def edited(work: Work, who: Actor, message_id: int, text: str) -> None:
    """The client changed a message that belongs to a case: both editions are kept, and the owner is told."""
    words = checked(text, LONGEST)
    newest = await rows.newest_in_chat(work.session, who.chat_id, _LOOKED_BACK)
    for told in await books(work, newest):
        if words and _is_own(who, told.row) and _edition(told, message_id) not in (None, words):
            found = await book(work, told.row.id)
            assert found is not None
            await record(work, found, who.label, Kind.EDITED, words, messages=[message_id])
            await _weigh_again(work, found)
            await case_cards.refresh(work, found)
            owner = await case_cards.owner(work, found)
            if owner is not None and found.standing.running:
                await case_cards.tell(
                    work, found, [owner], "case.from_client", reply=True, text=words, files=0, edited=True
                )


def _edition(found: Book, message_id: int) -> str | None:
    """The last words of a message that belongs to the case, empty where they stand among others; None of no such."""
    last = next((e for e in reversed(found.events) if message_id in e.data.get("messages", ())), None)
    return None if last is None else (last.text or "")


async def _added(
    work: Work, who: Actor, found: Book, words: str, files: tuple[File, ...], **data: Any
) -> None:
    await record(
        work, found, who.label, Kind.ADDED, words or None, files=[f.as_json() for f in files], **data
    )
    await evidence.note(work, found.row.id, files)
    if words:
        await _weigh_again(work, found)
    await case_cards.refresh(work, found)
    owner = await case_cards.owner(work, found)
    if owner is None or owner.chat_id is None:
        return
    await case_cards.tell(
        work, found, [owner], "case.from_client", reply=True, text=words, files=len(files), edited=False
    )
    for file in files:
        body = {"from_chat": file.chat_id, "message_id": file.message_id}
        await outbox.put(work, owner.chat_id, "copy", body, about={"case": found.row.id})


async def _weigh_again(work: Work, found: Book) -> None:
    """What was added may make a general complaint major, or a report of misconduct. It never becomes less."""
    row = found.row
    said = [row.facts, row.demand or "", *(e.text or "" for e in found.said)]
    words = "\n".join(said)
    weight = weigh(work.policy.complaints, row.category, words, amount=amount_in(words))
    graver = row.severity == GENERAL and weight.severity == MAJOR
    secret = weight.report and not row.restricted
    if not graver and not secret:
        return
    row.severity, row.restricted = MAJOR, row.restricted or secret
    await record(work, found, "bot", Kind.RAISED, reasons=list(weight.reasons), report=secret)
    await audit.note(work, "bot", "case.raised", f"case:{row.number}", report=secret)
    staff = await routing.house(work)
    desk = routing.start(work, row)
    if row.desk in routing.desks(work, desk):  # it lies with that desk already, or above
        return
    owner = next((m for m in staff if m.id == row.owner_id), None)
    if owner is None or not routing.handles(work, row, owner, staff, desk=desk):
        await case_moves.move(work, found, await routing.place(work, row, desk), "raised")


async def reopen(work: Work, who: Actor, case_id: int, reason: str) -> str:
    """Begins a case anew under its number, with the reason, at a desk not below the last. Its number."""
    found = await _for_client(work, who, case_id)
    if found.standing.running:
        return found.row.number
    if not may_reopen(work, found):
        raise Refusal("case_reopen_late", number=found.row.number)
    words = checked(reason, LONGEST)
    row = found.row
    row.severity = MAJOR  # a second complaint on the same matter
    desk = routing.start(work, row)
    if row.desk in routing.desks(work, desk):
        desk = row.desk
    placement = await routing.place(work, row, desk)
    row.owner_id, row.desk, row.cause, row.remedy = None, placement.desk, None, None
    event = await record(
        work,
        found,
        who.label,
        Kind.REOPENED,
        words or None,
        terms=terms(work, row.tier, MAJOR, work.now).as_json(),
        reasons=["repeat"],
        takers=len(placement.takers),
    )
    await tell_client(
        work,
        found,
        "complaint.reopened",
        event,
        add=True,
        contact_due=row.contact_due,
        result_due=row.result_due,
        desk=row.desk,
    )
    await case_cards.refresh(work, found)
    await case_moves.show_to(work, found, placement, why="reopened")
    await audit.note(work, who, "case.reopened", f"case:{row.number}")
    return row.number


async def rate(work: Work, who: Actor, case_id: int, event_id: int, rating: int) -> bool:
    """Stores the client's satisfaction with a result, once; False when that result was rated. Low ones are reviewed."""
    found = await _for_client(work, who, case_id)
    if rating not in RATINGS:
        raise Refusal("not_found")
    rated = any(e.kind == Kind.RATED and e.data.get("event") == event_id for e in found.events)
    result = found.last(Kind.RESOLVED)
    if rated or result is None or result.id != event_id:
        return False
    await record(work, found, who.label, Kind.RATED, rating=rating, event=event_id)
    if rating <= LOW_RATING:
        await _ask_review(work, found, rating)
    await case_cards.refresh(work, found)
    return True


async def listen_for(work: Work, who: Actor, case_id: int) -> str:
    """The chat's next words and files belong to this case. Its number."""
    found = await _for_client(work, who, case_id)
    if not found.standing.running:
        raise Refusal("case_over_client", number=found.row.number)
    await put_dialog(work, who.chat_id, ADDING, "add", {"case": case_id})
    return found.row.number


async def ask_why_reopen(work: Work, who: Actor, case_id: int) -> tuple[str, bool]:
    """The number, and whether the case may be reopened: then the chat's next words are the reason."""
    found = await _for_client(work, who, case_id)
    allowed = may_reopen(work, found)
    if allowed:
        await put_dialog(work, who.chat_id, REOPENING, "why", {"case": case_id})
    return found.row.number, allowed or found.standing.running


async def said(
    work: Work, who: Actor, text: str, file: File | None = None, message_id: int | None = None
) -> Heard | None:
    """Takes a message for the case that the chat is adding to or reopening; None where it does neither.

    A person who has the conversation comes first, if it began later.
    """
    standing = await people.dialog(work.session, who.chat_id)
    if standing is None or standing.name not in (ADDING, REOPENING) or standing.expires_at <= work.now:
        return None
    talk = await talks.open_in_chat(work.session, who.chat_id)
    if talk is not None and talk.opened_at > standing.updated_at:
        return None
    case_id = int(standing.data["case"])
    found = await book(work, case_id)
    if found is None or not _is_own(
        who, found.row
    ):  # unlinked meanwhile: the chat speaks of other things again
        await people.drop_dialog(work.session, who.chat_id)
        return None
    if standing.name == REOPENING:
        await people.drop_dialog(work.session, who.chat_id)
        number = await reopen(work, who, case_id, text)
        if file is not None:
            await add(work, who, case_id, "", [file], message_id)
        return Heard("reopened", case_id, number)
    if not found.standing.running:
        await people.drop_dialog(work.session, who.chat_id)
    return await _heard(work, who, found, text, file, message_id)


async def replied(
    work: Work,
    who: Actor,
    reply_to: int,
    text: str,
    file: File | None = None,
    message_id: int | None = None,
) -> Heard | None:
    """A reply to what was told about a case belongs to it; None where the message was about something else."""
    row = await queues.message_at(work.session, who.chat_id, reply_to)
    case_id = (row.about or {}).get("case") if row is not None else None
    found = await book(work, int(case_id)) if case_id is not None else None
    if found is None or not _is_own(who, found.row):
        return None
    return await _heard(work, who, found, text, file, message_id)


async def _heard(
    work: Work, who: Actor, found: Book, text: str, file: File | None, message_id: int | None
) -> Heard:
    case_id, number = found.row.id, found.row.number
    if not found.standing.running:
        return Heard("over", case_id, number)
    if not text.strip() and file is None:
        return Heard("empty", case_id, number)
    return Heard("added", case_id, await add(work, who, case_id, text, [file] if file else [], message_id))


async def done_adding(work: Work, who: Actor, case_id: int) -> bool:
    """The chat's next words are questions again; False when they were already."""
    standing = await people.dialog(work.session, who.chat_id)
    if standing is None or standing.name != ADDING or standing.data["case"] != case_id:
        return False
    await people.drop_dialog(work.session, who.chat_id)
    return True


async def _ask_review(work: Work, found: Book, rating: int) -> None:
    owner = await case_cards.owner(work, found)
    told = await routing.reviewers(work, found.row)
    await record(work, found, "bot", Kind.REVIEW, rating=rating, staff=[m.id for m in told])
    await case_cards.tell(
        work, found, told, "case.review", rating=rating, owner=owner.name if owner is not None else None
    )


async def is_talking(work: Work, who: Actor) -> bool:
    """Whether a person has the conversation of this chat."""
    return await talks.open_in_chat(work.session, who.chat_id) is not None


async def _for_client(work: Work, who: Actor, case_id: int) -> Book:
    found = await book(work, case_id)
    if found is None or not _is_own(who, found.row):
        raise Refusal("not_found")
    return found


def _is_own(who: Actor, case: Case) -> bool:
    """Whether a chat may speak of a case: the account's holder, the authorised person who filed it, or a stranger's
    own chat. A chat whose link has ended may not.
    """
    if case.client_id is None:
        return case.chat_id == who.chat_id
    link = next((c for c in who.clients if c.id == case.client_id), None)
    return link is not None and (link.person == "holder" or case.chat_id == who.chat_id)


# --- lists and states ---------------------------------------------------------------------------------------------


async def open_cases(work: Work, client_id: int) -> list[CaseLine]:
    """A client's complaints that are not closed, newest first: for the client's own eyes."""
    found = await rows.of_people(work.session, client_ids=[client_id], chat_id=None)
    return await lines(work, [c for c in found if c.state != "closed"])


async def count_known_to(work: Work, member: StaffMember, client_id: int | None) -> int:
    """How many complaints of a client wait for a result, of those that an employee may know of."""
    if client_id is None:
        return 0
    staff = await routing.house(work)
    found = await rows.of_people(work.session, client_ids=[client_id], chat_id=None)
    return sum(1 for c in found if c.state in rows.RUNNING and routing.knows(c, member, staff))


async def of_client(work: Work, who: Actor) -> list[CaseLine]:
    """The complaints that the chat may speak of, newest first, closed ones included."""
    ids = [c.id for c in who.clients]
    found = await rows.of_people(work.session, client_ids=ids, chat_id=who.chat_id)
    return await lines(work, [c for c in found if _is_own(who, c)])


async def state_of(work: Work, who: Actor, case_id: int) -> CaseState:
    """A complaint as its client sees it."""
    found = await _for_client(work, who, case_id)
    row, standing = found.row, found.standing
    owner = await case_cards.owner(work, found)
    return CaseState(
        line=(await lines(work, [row]))[0],
        desk=row.desk,
        restricted=row.restricted,
        registration=owner.registration_no if owner is not None else None,
        contact_due=row.contact_due,
        contacted_at=row.contacted_at,
        result_due=row.result_due,
        waiting=standing.state is State.WAITING,
        facts=row.facts,
        files=len(found.files),
        cause=row.cause,
        remedy=row.remedy,
        rating=row.rating,
        reopen_until=reopen_until(work, found) if may_reopen(work, found) else None,
        history=tuple((e.at, e.kind) for e in found.events if e.kind in _TOLD),
    )


_TOLD = {
    Kind.OPENED,
    Kind.TAKEN,
    Kind.ASKED,
    Kind.ADDED,
    Kind.REPLIED,
    Kind.PHONED,
    Kind.MOVED,
    Kind.EXTENDED,
    Kind.RESOLVED,
    Kind.REOPENED,
    Kind.CLOSED,
}


async def by_number(work: Work, who: Actor, number: str) -> int:
    """The id of a complaint by its number, if the chat may speak of it."""
    case_id = await rows.id_of_number(work.session, number)
    if case_id is None:
        raise Refusal("not_found")
    return (await _for_client(work, who, case_id)).row.id
