"""The card by which staff see a complaint: shown to whoever may have it, and kept true for everybody who has one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from db import cases as rows
from db.models import Case
from domain.complaints import MAJOR, Clock, Event, Kind, State
from domain.people import StaffMember
from services import access, outbox, routing
from services.casebook import PUBLIC_TIER, Book, book, books, category, client_of, clocks, may_extend, record
from services.hours import is_open, service_hours
from services.outbox import Button, Priority, Row
from services.work import Work


@dataclass(frozen=True, slots=True)
class ClockView:
    """A clock in the words of a card. ``known`` is False where the trading calendar ends before the term."""

    name: str  # contact | result
    known: bool
    due: datetime | None = None
    days: int = 0
    hours: int = 0
    minutes: int = 0
    overdue: bool = False
    still: bool = False
    paused_hours: int = 0
    paused_minutes: int = 0
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A complaint in a list. ``due`` is what comes next: the first contact, then the result."""

    id: int
    number: str
    category: str
    severity: str
    state: str
    opened_at: datetime
    due: datetime | None
    contacted: bool
    owner: str | None
    owner_id: int | None
    overdue: bool
    client_name: str | None = None
    account: str | None = None
    tier: str | None = None


async def show(work: Work, of: Book, members: Iterable[StaffMember], *, why: str | None = None) -> None:
    """Sends the card. ``why`` says in a line above it what it comes for (a label ``case.why.*``)."""
    major = of.row.severity == MAJOR
    staff = await routing.house(work)
    for member in members:
        if member.chat_id is None:
            continue
        lang = await outbox.language(work, member.chat_id)
        sent = await outbox.say(
            work,
            member.chat_id,
            "case.card",
            lang=lang,
            buttons=buttons(work, of, member, staff),
            priority=Priority.DIALOGUE if major else Priority.STAFF,
            quiet=not major and not is_open(work),
            about={"case": of.row.id, "case_card": {"case": of.row.id, "stamp": _stamp(of)}},
            **await facts(work, of, lang, staff, why=why),
        )
        await record(work, of, "bot", Kind.SHOWN, staff=member.id, outbox=sent)


async def refresh(work: Work, of: Book) -> None:
    """Brings every card of the case up to date; whoever may no longer know of it sees that it went elsewhere."""
    shown = {e.data["outbox"]: e.data["staff"] for e in of.events if e.kind == Kind.SHOWN}
    staff = await routing.house(work)
    by_id = {member.id: member for member in staff}
    for message in await rows.cards(work.session, shown):
        member = by_id.get(shown[message.id])
        if message.message_id is not None and member is not None:
            await _edit(work, of, member, message.chat_id, message.message_id, staff)


async def _edit(
    work: Work, of: Book, member: StaffMember, chat_id: int, message_id: int, staff: list[StaffMember]
) -> None:
    if member.chat_id != chat_id:
        return  # the employee has another phone now, or has left
    lang = await outbox.language(work, chat_id)
    if _sees(work, of, member, staff):
        name, shown = "case.card", await facts(work, of, lang, staff)
        keys = buttons(work, of, member, staff)
    else:
        name, shown, keys = "case.card_gone", {"number": of.row.number}, []
    html = work.deps.phrases.text(name, lang, **shown)
    await outbox.put(
        work,
        chat_id,
        "edit",
        {"html": html, "message_id": message_id},
        lang=lang,
        buttons=keys,
        template=name,
        priority=Priority.STAFF,
        about={"case": of.row.id},
    )


def _sees(work: Work, of: Book, member: StaffMember, staff: list[StaffMember]) -> bool:
    if of.row.owner_id == member.id:
        return routing.knows(of.row, member, staff)
    return routing.handles(work, of.row, member, staff)


async def card_sent(work: Work, value: Any, _message_ids: list[int]) -> None:
    """Outcome: a card arrived. What happened to the case while it was on its way is shown now."""
    found = await book(work, int(value["case"]))
    if found is not None and _stamp(found) != value["stamp"]:
        await refresh(work, found)


def _stamp(of: Book) -> int:
    return sum(1 for event in of.events if event.kind != Kind.SHOWN)


async def facts(
    work: Work, of: Book, lang: str, staff: list[StaffMember], *, why: str | None = None
) -> dict[str, Any]:
    """What stands on the card, in the reader's language; the client's words as they were said."""
    row = of.row
    client = await client_of(work, of)
    label = work.deps.phrases.label
    owner = next((m for m in staff if m.id == row.owner_id), None)
    blamed = routing.accused(row, staff)
    opened = of.events[0].data
    return {
        "why": label(f"case.why.{why}", lang) if why else None,
        "number": row.number,
        "state": row.state,
        "major": row.severity == MAJOR,
        "restricted": row.restricted,
        "reasons": [label(f"case.reason.{reason}", lang) for reason in _reasons(of)],
        "name": work.shown_name(client.name) if client else None,
        "account": client.account if client else None,
        "tier": work.policy.tier_name(client.tier, lang) if client else None,
        "reach": row.reach,
        "category": category(work, row.category).name[lang],
        "whom": f"{blamed.name} {label(f'role.{blamed.role}', lang)}" if blamed else opened.get("about_name"),
        "facts": row.facts,
        "demand": row.demand,
        "added": [said_words(work, e, lang) for e in of.said][-2:],
        "files": len(of.files),
        "clocks": clock_views(work, of),
        "owner": owner.name if owner else None,
        "desk": label(f"desk.{row.desk}", lang),
        "cause": row.cause,
        "remedy": row.remedy,
        "rating": row.rating,
        "earlier": opened.get("earlier"),
        "opened_at": row.opened_at,
    }


def said_words(work: Work, event: Event, lang: str) -> str:
    """An addition of the client; a new edition of earlier words says that it is one."""
    prefix = work.deps.phrases.label("case.edition", lang) if event.kind == Kind.EDITED else ""
    return f"{prefix}{event.text}"


def _reasons(of: Book) -> list[str]:
    weighed = of.last(Kind.REOPENED, Kind.RAISED, Kind.OPENED)
    return list(weighed.data.get("reasons", [])) if weighed else []


def clock_views(work: Work, of: Book) -> list[ClockView]:
    """Both clocks as a card shows them."""
    found = clocks(work, of)
    if found is None:
        return [ClockView("contact", False), ClockView("result", False)]
    return [view(work, name, clock) for name, clock in zip(("contact", "result"), found, strict=True)]


def view(work: Work, name: str, clock: Clock) -> ClockView:
    """One clock as a card shows it."""
    if clock.left is None:
        return ClockView(name, False, done_at=clock.stopped_at)
    days, hours, minutes = _parts(work, abs(clock.left))
    paused = int(clock.paused.total_seconds()) // 60
    return ClockView(
        name,
        True,
        clock.due,
        days,
        hours,
        minutes,
        clock.overdue,
        clock.standing_still,
        paused // 60,
        paused % 60,
        clock.stopped_at,
    )


def _parts(work: Work, span: timedelta) -> tuple[int, int, int]:
    """Working days, hours and minutes; a working day is as long as the house is open on one."""
    opened = service_hours(work.policy).week[0]
    day = [span.on(work.today) for span in opened]
    length = sum((closes - opens for opens, closes in day), timedelta(0))
    days, rest = divmod(span, length)
    minutes = int(rest.total_seconds()) // 60
    return days, minutes // 60, minutes % 60


def buttons(work: Work, of: Book, member: StaffMember, staff: list[StaffMember]) -> list[Row]:
    """What an employee can do with the case now."""
    args = {"case": of.row.id}
    files: Row = [Button("case.files", "case.files", args)]
    if of.standing.state not in (State.OPEN, State.WAITING):
        return [files]
    if of.row.owner_id is None:
        return [
            [Button("case.take", "case.take", args), Button("case.transfer", "case.transfer", args)],
            files,
        ]
    if of.row.owner_id != member.id:
        return [files]
    return [
        [Button("case.ask", "case.ask", args), Button("case.reply", "case.reply", args)],
        [Button("case.phoned", "case.phoned", args), Button("case.transfer", "case.transfer", args)],
        [Button("case.close", "case.close", args), *files],
        *([[Button("case.extend", "case.extend", args)]] if may_extend(work, of) else []),
    ]


async def tell(
    work: Work, of: Book, members: Iterable[StaffMember], name: str, *, reply: bool = False, **shown: Any
) -> None:
    """A short message about a case, with a button that opens its card. Quiet outside working hours unless major."""
    quiet = of.row.severity != MAJOR and not is_open(work)
    for member in members:
        if member.chat_id is None:
            continue
        lang = await outbox.language(work, member.chat_id)
        args = {"case": of.row.id}
        keys: list[Button] = [Button("case.open", "case.open", args)]
        if reply and of.row.owner_id == member.id:
            keys.insert(0, Button("case.reply", "case.reply", args))
        await outbox.say(
            work,
            member.chat_id,
            name,
            lang=lang,
            buttons=[keys],
            priority=Priority.STAFF,
            quiet=quiet,
            about={"case": of.row.id},
            number=of.row.number,
            **shown,
        )


async def owner(work: Work, of: Book) -> StaffMember | None:
    """Who has the case now."""
    return await access.staff(work, of.row.owner_id) if of.row.owner_id is not None else None


async def lines(work: Work, found: Iterable[Case]) -> list[CaseLine]:
    staff = {m.id: m for m in await routing.house(work)}
    lines = []
    for of in await books(work, found):
        row, standing = of.row, of.standing
        contacted = standing.contacted_at is not None
        both = clocks(work, of)
        clock = both[1 if contacted else 0] if both is not None else None
        client = await client_of(work, of)
        owner = staff.get(row.owner_id) if row.owner_id is not None else None
        lines.append(
            CaseLine(
                row.id,
                row.number,
                row.category,
                row.severity,
                str(standing.state),
                row.opened_at,
                row.result_due if contacted else row.contact_due,
                contacted,
                owner.name if owner is not None else None,
                row.owner_id,
                standing.running and clock is not None and clock.overdue,
                client.name if client else None,
                client.account if client else None,
                (client.tier if client else PUBLIC_TIER),
            )
        )
    return lines
