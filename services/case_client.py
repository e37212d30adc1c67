"""Telling the client about a complaint, and hearing what the client writes next."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from db import cases as rows
from db import linking, people
from db.models import Case, Link
from domain.complaints import Event, Kind, State
from messages.phrases import BEIJING
from services import case_cards, outbox
from services.casebook import Book, book, client_of, record
from services.outbox import Button, Row
from services.work import Work


async def tell_client(
    work: Work,
    found: Book,
    message: str,
    event: Event,
    /,
    *,
    add: bool = False,
    contact: bool = False,
    buttons: Iterable[Row] = (),
    **shown: Any,
) -> int | None:
    """A message about an event, to the chat that speaks for the client now: its id, or None where there is none."""
    chat_id = await _chat_of(work, found.row)
    if chat_id is None:
        if event.kind != Kind.PHONED:
            await _never_arrived(work, found, event.id, blocked=True)
        return None
    lang = await outbox.language(work, chat_id)
    client = await client_of(work, found)
    args = {"case": found.row.id}
    keys: list[Row] = list(buttons)
    if add:
        keys.append(
            [
                Button("complaint.add", "complaint.add", args),
                Button("complaint.progress", "complaint.show", args),
            ]
        )
    elif contact or not keys:
        keys.append([Button("complaint.progress", "complaint.show", args)])
    if "desk" in shown:
        shown["desk"] = work.deps.phrases.label(f"desk.{shown['desk']}", lang)
    await outbox.say(
        work,
        chat_id,
        message,
        lang=lang,
        buttons=keys,
        about={"case_told": event.id, "case": found.row.id},
        number=found.row.number,
        account=client.account if client else None,
        **shown,
    )
    return chat_id


async def _chat_of(work: Work, case: Case) -> int | None:
    """The chat that filed the case while it is still the client's; else the account holder's."""
    if case.client_id is None:
        return case.chat_id
    live: list[Link] = await people.client_links(work.session, [case.client_id])
    chats = [link.chat_id for link in live]
    if case.chat_id in chats:
        return case.chat_id
    return next((link.chat_id for link in live if link.person == "holder"), None)


async def told_failed(work: Work, event_id: int, state: str, _reason: str) -> None:
    """Outcome: the client never got a message. It was no contact, and the owner has to phone."""
    event = await rows.event(work.session, event_id)
    if event is None or event.kind == Kind.PHONED:  # the call itself was the contact
        return
    found = await book(work, event.case_id)
    if found is not None:
        await _never_arrived(work, found, event_id, blocked=state == "blocked")


async def _never_arrived(work: Work, found: Book, event_id: int, *, blocked: bool) -> None:
    if any(e.kind == Kind.UNDELIVERED and e.data["event"] == event_id for e in found.events):
        return
    await record(work, found, "bot", Kind.UNDELIVERED, event=event_id, blocked=blocked)
    await case_cards.refresh(work, found)
    owner = await case_cards.owner(work, found)
    if owner is not None:
        await case_cards.tell(
            work, found, [owner], "case.undelivered", blocked=blocked, reach=found.row.reach
        )


def may_reopen(work: Work, found: Book) -> bool:
    until = reopen_until(work, found)
    return found.standing.state is State.RESOLVED and until is not None and work.now <= until


def reopen_until(work: Work, found: Book) -> datetime | None:
    """The last moment at which the client may reopen a case: the end of that day in Beijing."""
    resolved = found.standing.resolved_at
    if resolved is None:
        return None
    day = resolved.astimezone(BEIJING) + timedelta(days=work.policy.complaints.reopen_days)
    return day.replace(hour=23, minute=59, second=59, microsecond=0)


# --- guided conversations of a single step -------------------------------------------------------------------------

ADDING = "complaint_add"
REOPENING = "complaint_reopen"
STAFF = "case"


async def put_dialog(work: Work, chat_id: int, name: str, step: str, data: dict[str, Any]) -> None:
    hours = work.policy.complaints.resume_hours
    await linking.put_dialog(
        work.session,
        chat_id,
        name=name,
        step=step,
        data=data,
        at=work.now,
        expires_at=work.now + timedelta(hours=hours),
    )


async def stop_listening(work: Work, chat_id: int, case_id: int) -> None:
    """The chat's next words are questions again."""
    standing = await people.dialog(work.session, chat_id)
    if standing is not None and standing.name == ADDING and standing.data.get("case") == case_id:
        await people.drop_dialog(work.session, chat_id)


async def listen(work: Work, found: Book, chat_id: int) -> None:
    """What the client writes next belongs to the case, unless another guided conversation is under way."""
    standing = await people.dialog(work.session, chat_id)
    if standing is None or standing.name == ADDING or standing.expires_at <= work.now:
        await put_dialog(work, chat_id, ADDING, "add", {"case": found.row.id})
