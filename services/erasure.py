"""Erasure: a person asks, a second person of the house decides, what no law keeps goes, and the person is told what stays.

What stays: register, settlements, notices with their deliveries, complaints, consents and the audit trail, for as many
years as 期货和衍生品法 art. 117 asks. What the broker's files need of a link (which chat was whose, since when) stays too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db import erasure as rows
from db import linking as link_rows
from db import people, queues
from db.models import Client, Erasure, Link
from domain.errors import Refusal
from domain.people import Actor, Role
from services import access, alerts, audit, linking, outbox
from services.outbox import Button, Priority
from services.work import Work

REASONS = ("identity", "open", "law")
"""Why a request is refused: labels ``erase.reason.*``."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as staff see it. ``name`` and ``account`` are None for somebody whom nobody knows."""

    id: int
    number: str
    asked_by: str
    asked_at: datetime
    name: str | None
    account: str | None
    by_chat: bool


async def ask(work: Work, who: Actor) -> tuple[str, bool]:
    """The person in a chat asks; the number, and whether it is new."""
    if who.staff is not None:
        raise Refusal("erase_staff")
    client_id = who.clients[0].id if who.clients else None
    return await _ask(work, who, who.chat_id, client_id)


async def ask_for(work: Work, by: str, account: str) -> tuple[str, bool]:
    """A request that came by letter or phone, written down by ``by``."""
    client = await people.client_by_account(work.session, account.strip())
    if client is None:
        raise Refusal("not_found")
    return await _ask(work, by, None, client.id)


async def _ask(work: Work, who: Actor | str, chat_id: int | None, client_id: int | None) -> tuple[str, bool]:
    standing = await rows.waiting_for(work.session, chat_id, client_id)
    if standing is not None:
        return standing.number, False
    day = f"{work.today:%Y%m%d}"
    row = Erasure(
        number=f"ER-{day}-{await queues.next_number(work.session, f'ER-{day}'):04d}",
        chat_id=chat_id,
        client_id=client_id,
        state="waiting",
        asked_by=who if isinstance(who, str) else who.label,
        asked_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    await audit.note(work, who, "erasure.asked", f"erasure:{row.number}", client=client_id)
    await _show(work, row)
    return row.number, True


async def _show(work: Work, row: Erasure) -> None:
    """The card, to compliance; operators hear of it where nobody of compliance can be reached."""
    shown = await _request(work, row)
    told = [m for m in await access.staff_in(work, (Role.COMPLIANCE,)) if m.chat_id and m.reachable]
    for member in told:
        assert member.chat_id is not None
        await outbox.say(
            work,
            member.chat_id,
            "erase.card",
            priority=Priority.STAFF,
            buttons=[
                [Button("erase.approve", "erase.approve", {"id": row.id})],
                [Button(f"erase.reason.{r}", "erase.refuse", {"id": row.id, "reason": r}) for r in REASONS],
            ],
            number=shown.number,
            name=shown.name,
            account=shown.account,
            by_chat=shown.by_chat,
            at=shown.asked_at,
        )
    if not told:
        await alerts.operators(work, "alert.erasure_waits", dedupe=f"erasure/{row.number}", number=row.number)


async def waiting(work: Work) -> list[Request]:
    """Requests that wait for a decision, oldest first."""
    return [await _request(work, row) for row in await rows.waiting(work.session)]


async def _request(work: Work, row: Erasure) -> Request:
    client = await work.session.get(Client, row.client_id) if row.client_id is not None else None
    return Request(
        row.id,
        row.number,
        row.asked_by,
        row.asked_at,
        work.shown_name(client.name) if client else None,
        client.account if client else None,
        row.chat_id is not None,
    )


# --- deciding ---------------------------------------------------------------------------------------------


async def id_of(work: Work, number: str) -> int:
    """The id of a request by its number."""
    found = await rows.id_of_number(work.session, number.strip().upper())
    if found is None:
        raise Refusal("not_found")
    return found


async def approve(work: Work, who: Actor | str, erasure_id: int) -> str:
    """Erases what may go; the number. Refuses while something of the person's is not finished."""
    row = await _to_decide(work, who, erasure_id)
    links = await _links(work, row)
    chats = sorted({link.chat_id for link in links} | ({row.chat_id} if row.chat_id is not None else set()))
    client_ids = sorted({link.client_id for link in links if link.client_id is not None})
    if row.client_id is not None and row.client_id not in client_ids:
        client_ids.append(row.client_id)
    unfinished = await rows.open_cases(work.session, chats, client_ids)
    if unfinished:
        raise Refusal("erase_open_cases", number=row.number, cases=unfinished[:5], count=len(unfinished))
    languages = {chat_id: await outbox.language(work, chat_id) for chat_id in chats}
    live = [link for link in links if link.until is None]
    for link in live:
        await linking.end_link(work, link, "erased")
    for chat_id in chats:
        await people.drop_dialog(work.session, chat_id)
    accounts = [(await work.session.get_one(Client, client_id)).account for client_id in client_ids]
    counts: dict[str, Any] = {**await rows.erase(work.session, chats, client_ids, accounts)}
    row.erased = counts
    await _decided(work, who, row, "done", None)
    await audit.note(work, who, "erasure.done", f"erasure:{row.number}", **counts)
    for chat_id in _told(row, live):
        await outbox.say(
            work,
            chat_id,
            "erase.done",
            lang=languages[chat_id],
            number=row.number,
            years=work.policy.fact_words(languages[chat_id])["record_keeping_years"],
            known=row.client_id is not None,
            **counts,
        )
    return row.number


async def refuse(work: Work, who: Actor | str, erasure_id: int, reason: str) -> str:
    """Erases nothing; the person is told why. The number."""
    if reason not in REASONS:
        raise Refusal("not_found")
    row = await _to_decide(work, who, erasure_id)
    await _decided(work, who, row, "refused", reason)
    await audit.note(work, who, "erasure.refused", f"erasure:{row.number}", reason=reason)
    for chat_id in _told(row, [link for link in await _links(work, row) if link.until is None]):
        lang = await outbox.language(work, chat_id)
        words = work.deps.phrases.label(f"erase.reason.{reason}", lang)
        await outbox.say(work, chat_id, "erase.refused", lang=lang, number=row.number, reason=words)
    return row.number


async def _to_decide(work: Work, who: Actor | str, erasure_id: int) -> Erasure:
    """A request that waits, for somebody of compliance (or at the command line) who did not write it down."""
    if isinstance(who, Actor):
        access.require(who, Role.COMPLIANCE)
    row = await rows.locked(work.session, erasure_id)
    if row is None:
        raise Refusal("not_found")
    if row.state != "waiting":
        raise Refusal("erase_decided", number=row.number)
    if row.asked_by == (who if isinstance(who, str) else who.label):
        raise Refusal("erase_second_person", number=row.number)
    return row


async def _decided(work: Work, who: Actor | str, row: Erasure, state: str, reason: str | None) -> None:
    row.state, row.reason = state, reason
    row.decided_by, row.decided_at = who if isinstance(who, str) else who.label, work.now


async def _links(work: Work, row: Erasure) -> list[Link]:
    """The links that the request is about: those of the chat that asked, or the holder's, ended ones included."""
    if row.chat_id is not None:
        return await link_rows.links_of_chat(work.session, row.chat_id)
    assert row.client_id is not None
    return await link_rows.links_of_holder(work.session, row.client_id)


def _told(row: Erasure, live: Sequence[Link]) -> list[int]:
    return [row.chat_id] if row.chat_id is not None else sorted({link.chat_id for link in live})
