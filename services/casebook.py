"""The book of a complaint: its row, its events, and the one way to write another event into it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from db import cases as rows
from db.models import Case, CaseEvent, Client
from domain.calendar import CalendarEnded
from domain.clocks import due, due_in_working_days
from domain.complaints import (
    MAJOR,
    Clock,
    Event,
    Kind,
    Standing,
    Terms,
    contact_clock,
    next_mark,
    result_clock,
    standing,
)
from domain.errors import Refusal
from domain.policy import Category
from services.hours import service_hours
from services.work import Work

_TRY_AGAIN = timedelta(minutes=10)
PUBLIC_TIER = "retail"
"""Somebody without an account is answered as fast as a standard client."""


@dataclass(frozen=True, slots=True)
class File:
    """Something that the client sent as evidence. It is kept by its number in the chat and by Telegram's id."""

    kind: str  # photo | document | video | voice | audio | ...
    file_id: str
    chat_id: int
    message_id: int

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "file_id": self.file_id,
            "chat_id": self.chat_id,
            "message_id": self.message_id,
        }


@dataclass(slots=True)
class Book:
    """A complaint and everything that happened to it. It does not leave ``services/``."""

    row: Case
    events: list[Event]

    @property
    def standing(self) -> Standing:
        return standing(self.events)

    @property
    def evidence(self) -> list[Event]:
        """The events that carry a file of the client."""
        return [e for e in self.events if e.kind in (Kind.OPENED, Kind.ADDED) and e.data.get("files")]

    @property
    def files(self) -> list[dict[str, Any]]:
        return [file for event in self.evidence for file in event.data["files"]]

    @property
    def said(self) -> list[Event]:
        """What the client said after filing: additions, and new editions of earlier words."""
        return [e for e in self.events if e.kind in (Kind.ADDED, Kind.EDITED) and e.text]

    def last(self, *kinds: str) -> Event | None:
        return next((e for e in reversed(self.events) if e.kind in kinds), None)


async def book(work: Work, case_id: int) -> Book | None:
    """A complaint to be changed, its row locked."""
    row = await rows.locked(work.session, case_id)
    return (await books(work, [row]))[0] if row is not None else None


async def books(work: Work, found: Iterable[Case]) -> list[Book]:
    """Books of rows, in their order, with two queries."""
    cases = list(found)
    events = await rows.events(work.session, [c.id for c in cases]) if cases else {}
    return [Book(c, [_event(e) for e in events[c.id]]) for c in cases]


async def record(work: Work, of: Book, actor: str, kind: Kind, text: str | None = None, **data: Any) -> Event:
    """Adds an event; the row's state, terms and dates follow from the events."""
    added = await rows.add_event(
        work.session, of.row.id, at=work.now, actor=actor, kind=str(kind), text=text, data=data
    )
    of.events.append(_event(added))
    found = of.standing
    row = of.row
    row.state = str(found.state)
    row.contacted_at, row.closed_at, row.rating = found.contacted_at, found.resolved_at, found.rating
    row.contact_due = found.terms.contact_due
    if not found.paused:
        clock = clocks(work, of)
        row.result_due = clock[1].due if clock is not None else found.terms.result_due
    look_again(work, of)
    return of.events[-1]


def look_again(work: Work, of: Book) -> None:
    """Notes when the clocks have to be looked at next."""
    of.row.look_at = _look_at(work, of)


def _look_at(work: Work, of: Book) -> datetime | None:
    """A day from now where a term is not known yet, minutes from now where nobody could be given the case."""
    found = of.standing
    if not found.running:
        return None
    placed = of.last(Kind.OPENED, Kind.MOVED, Kind.REOPENED)
    if of.row.owner_id is None and placed is not None and not placed.data.get("takers"):
        return work.now + _TRY_AGAIN
    known = next_mark(found, service_hours(work.policy), work.deps.calendar)
    if None in (found.terms.contact_due, found.terms.result_due):
        tomorrow = work.now + timedelta(days=1)
        return min(known, tomorrow) if known is not None else tomorrow
    return known


def clocks(work: Work, of: Book) -> tuple[Clock, Clock] | None:
    """The clocks of the first contact and of the result; None where the calendar has ended."""
    hours, calendar, found = service_hours(work.policy), work.deps.calendar, of.standing
    try:
        return contact_clock(found, work.now, hours, calendar), result_clock(found, work.now, hours, calendar)
    except CalendarEnded:
        return None


def may_extend(work: Work, of: Book) -> bool:
    """Whether the result of a case may have more time: major ones, once, before the term ends."""
    found = of.standing
    both = clocks(work, of)
    known = both is not None and found.terms.result_due is not None and not both[1].overdue
    return of.row.severity == MAJOR and found.running and not found.extended and known


def terms(work: Work, tier: str | None, severity: str, start: datetime) -> Terms:
    """Until when the client shall be contacted, by tier, and answered; what the calendar cannot say is None."""
    policy = work.policy
    hours, calendar = service_hours(policy), work.deps.calendar
    minutes = policy.tiers[tier or PUBLIC_TIER].contact_minutes  # type: ignore[index]  # checked at the register
    days = policy.complaints.result_days_major if severity == MAJOR else policy.complaints.result_days
    contact: datetime | None = None
    result: datetime | None = None
    try:
        contact = due(start, timedelta(minutes=minutes), hours, calendar)
        result = due_in_working_days(start, days, hours, calendar)
    except CalendarEnded:
        return Terms(start, contact, None)
    return Terms(start, contact, result)


def category(work: Work, code: str) -> Category:
    """A category of the configuration; one that was taken out is shown by its number."""
    found = next((c for c in work.policy.complaints.categories if c.code == code), None)
    return found or Category.model_validate({"code": code, "name": {"zh": code, "en": code}})


async def client_of(work: Work, of: Book) -> Client | None:
    return await work.session.get(Client, of.row.client_id) if of.row.client_id is not None else None


def _event(row: CaseEvent) -> Event:
    return Event(row.id, row.at, row.actor, row.kind, row.text, dict(row.data))


def checked(text: str, longest: int) -> str:
    """Words as they are kept: without NUL, which no database takes, and refused where too long."""
    words = text.replace("\x00", "").strip()
    if len(words) > longest:
        raise Refusal("too_long", longest=longest)
    return words
