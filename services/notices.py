"""The risk desk's market notices: written by one, seen as the client will see it, released by a second, provable.

draft -> waiting (for the second person) -> approved (waits for the end of the quiet hours) -> sent | stopped; a notice
that nobody released on its day has expired.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any

from db import locks, people, queues
from db import notices as rows
from db.models import Delivery, Dialog, Notice
from domain.calendar import CalendarEnded, local
from domain.errors import Refusal
from domain.people import Actor, Role
from messages.split import LIMIT, units
from services import access, audit, held, outbox
from services.outbox import Button, Priority
from services.work import Work

AUTHORS = (Role.RISK, Role.SUPERVISOR, Role.COMPLIANCE)
SEGMENTS = ("all", "watch", "call", "tier", "product")
_LEVELS = {
    "watch": ("watch", "warning", "call", "liquidation_notice", "liquidation", "negative_equity"),
    "call": ("call", "liquidation_notice", "liquidation", "negative_equity"),
}
_LONGEST = 3000
_MUTE = "market"


@dataclass(frozen=True, slots=True)
class Draft:
    """A notice as its author wrote it so far."""

    segment: str
    product: str | None
    mandatory: bool
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A notice and its ledger, for the list of the risk desk."""

    id: int
    number: str
    state: str
    text: str
    written_at: datetime
    counts: dict[str, int]


async def submit(work: Work, who: Actor, draft: Draft) -> str:
    """Asks a second person to release the notice; its number. Twice the same text on a day is refused."""
    author = access.require(who, *AUTHORS)
    _check(draft)
    check_words(work, f"{draft.zh}\n{draft.en}")
    day = _trading_day(work)
    number = await _number(work)
    notice = Notice(
        number=number,
        kind="market",
        state="waiting",
        day=day,
        segment=draft.segment if draft.product is None else f"product:{draft.product}",
        mandatory=draft.mandatory,
        text_zh=draft.zh,
        text_en=draft.en or draft.zh,
        hash=_hash(draft),
        facts={},
        written_by=author.code,
        written_at=work.now,
    )
    work.session.add(notice)
    await work.session.flush()
    await audit.note(work, who, "notice.submitted", f"notice:{number}", hash=notice.hash)
    reach = await reached(work, draft)
    for member in await access.staff_in(work, AUTHORS):
        if member.id != author.id and member.chat_id is not None:
            await outbox.say(
                work,
                member.chat_id,
                "notice.to_release",
                priority=Priority.STAFF,
                buttons=[
                    [
                        Button("notice.release", "notice.release", {"notice": notice.id}),
                        Button("notice.reject", "notice.reject", {"notice": notice.id}),
                    ]
                ],
                number=number,
                author=author.name,
                segment=segment_words(work, notice.segment, await outbox.language(work, member.chat_id)),
                mandatory=draft.mandatory,
                reach=reach,
                zh=draft.zh,
                en=draft.en,
            )
    return number


async def reached(work: Work, draft: Draft) -> int:
    """How many chats the segment has now."""
    return len(
        await _recipients(work, draft.segment if draft.product is None else f"product:{draft.product}")
    )


async def release(work: Work, who: Actor, notice_id: int) -> tuple[str, int | None]:
    """A second person releases the notice: (number, chats queued), or None for the count while it must be quiet."""
    releaser = access.require(who, *AUTHORS)
    notice = await rows.locked(work.session, notice_id)
    if notice is None or notice.kind != "market":
        raise Refusal("not_found")
    if notice.written_by == releaser.code:
        raise Refusal("second_person")
    if notice.state != "waiting":
        raise Refusal("notice_decided", number=notice.number)
    notice.released_by, notice.released_at = releaser.code, work.now
    await audit.note(work, who, "notice.released", f"notice:{notice.number}", hash=notice.hash)
    if not notice.mandatory and in_quiet_hours(work):
        notice.state = "approved"
        return notice.number, None
    return notice.number, await _send(work, notice)


async def reject(work: Work, who: Actor, notice_id: int) -> str:
    """A second person sends the notice back; the author is told."""
    releaser = access.require(who, *AUTHORS)
    notice = await rows.locked(work.session, notice_id)
    if notice is None or notice.kind != "market":
        raise Refusal("not_found")
    if notice.state != "waiting":
        raise Refusal("notice_decided", number=notice.number)
    notice.state, notice.released_by = "rejected", releaser.code
    await audit.note(work, who, "notice.rejected", f"notice:{notice.number}")
    await _tell_author(work, notice, "notice.rejected", by=releaser.name)
    return notice.number


async def stop(work: Work, who: Actor, notice_id: int) -> tuple[str, int]:
    """Stops a notice that is on its way: (number, messages taken back). One person is enough to stop."""
    access.require(who, *AUTHORS)
    notice = await rows.locked(work.session, notice_id)
    if notice is None or notice.kind != "market":
        raise Refusal("not_found")
    taken_back = await rows.stop(work.session, notice.id)
    if notice.state in ("sent", "approved", "waiting"):
        notice.state = "stopped"
    await audit.note(work, who, "notice.stopped", f"notice:{notice.number}", taken_back=taken_back)
    return notice.number, taken_back


async def lines(work: Work, who: Actor) -> list[NoticeLine]:
    """The latest notices with their ledgers."""
    access.require(who, *AUTHORS)
    return [
        NoticeLine(n.id, n.number, n.state, n.text_zh, n.written_at, await rows.ledger(work.session, n.id))
        for n in await rows.recent(work.session, "market")
    ]


async def _send(work: Work, notice: Notice) -> int:
    """Freezes the recipients, writes their ledger lines and their messages."""
    found = await _recipients(work, notice.segment or "all")
    entries: list[dict[str, Any]] = []
    for client_id, chat_id, _lang, muted, blocked in found:
        state = "queued"
        if blocked is not None:
            state = "blocked"
        elif not notice.mandatory and _MUTE in muted:
            state = "muted"
        entries.append(
            {
                "notice_id": notice.id,
                "client_id": client_id,
                "chat_id": chat_id,
                "state": state,
                "queued_at": work.now,
            }
        )
    ids = await rows.add_deliveries(work.session, entries) if entries else []
    told: set[int] = set()  # a person with two accounts reads a notice once
    for delivery_id, entry, (_client, chat_id, lang, _muted, _blocked) in zip(
        ids, entries, found, strict=True
    ):
        if entry["state"] != "queued":
            continue
        if chat_id in told:
            await rows.set_delivery(work.session, delivery_id, state="same_chat")
            continue
        told.add(chat_id)
        sent = await _to_chat(work, notice, delivery_id, chat_id, lang)
        await rows.set_delivery(work.session, delivery_id, outbox_id=sent)
    notice.state = "sent"
    return len(told)


async def _to_chat(work: Work, notice: Notice, delivery_id: int, chat_id: int, lang: str) -> int | None:
    buttons = [[Button("notice.acknowledge", "notice.acknowledge", {"delivery": delivery_id})]]
    if not notice.mandatory:
        buttons[0].append(Button("notice.mute", "notice.mute"))
    return await outbox.say(
        work,
        chat_id,
        "notice.market",
        lang=lang,
        buttons=buttons,
        priority=Priority.BROADCAST,
        on_doubt="hold",
        dedupe=f"notice/{notice.id}/{chat_id}",
        about={"broadcast": delivery_id},
        **market_facts(
            notice.number, notice.day or work.today, notice.text_en if lang == "en" else notice.text_zh
        ),
    )


def market_facts(number: str, day: Any, text: str) -> dict[str, Any]:
    """What the client's message is made of: the preview and the real one are the same."""
    return {"number": number, "day": day, "text": text}


async def acknowledge(work: Work, who: Actor, delivery_id: int) -> datetime:
    """The client confirms; when it was confirmed first."""
    delivery = await locks.locked(work.session, Delivery, delivery_id)
    if delivery is None or delivery.chat_id != who.chat_id:
        raise Refusal("not_found")
    if delivery.acknowledged_at is None:
        delivery.acknowledged_at, delivery.state = work.now, "acknowledged"
    return delivery.acknowledged_at


async def mute(work: Work, who: Actor, muted: bool = True) -> None:
    """Optional notices on or off for this chat. Mandatory ones cannot be refused."""
    chat = await people.chat(work.session, who.chat_id)
    assert chat is not None
    chat.muted = [kind for kind in chat.muted if kind != _MUTE] + ([_MUTE] if muted else [])


async def is_muted(work: Work, who: Actor) -> bool:
    chat = await people.chat(work.session, who.chat_id)
    return chat is not None and _MUTE in chat.muted


# --- by the clock, and what became of the messages -----------------------------------------------------------------


async def release_after_quiet(work: Work) -> None:
    """What was approved in the quiet hours leaves when they end."""
    if in_quiet_hours(work):
        return
    for notice in await rows.in_state(work.session, "market", "approved"):
        await _send(work, notice)


async def expire(work: Work) -> None:
    """A notice that nobody released within its day is no longer true: its author is told."""
    for notice in await rows.in_state(work.session, "market", "waiting"):
        if local(notice.written_at).date() < work.today:
            notice.state = "expired"
            await _tell_author(work, notice, "notice.expired")


async def broadcast_sent(work: Work, delivery_id: Any, message_ids: list[int]) -> None:
    await rows.settle_delivery(
        work.session,
        delivery_id,
        "sent",
        sent_at=work.now,
        message_id=message_ids[0] if message_ids else None,
    )


async def broadcast_failed(work: Work, delivery_id: Any, state: str, reason: str) -> None:
    await rows.settle_delivery(work.session, delivery_id, state, error=reason)


def in_quiet_hours(work: Work) -> bool:
    """Whether optional messages must wait now."""
    table = work.policy.timetable
    now = local(work.now).time()
    if table.quiet_from <= table.quiet_until:
        return table.quiet_from <= now < table.quiet_until
    return now >= table.quiet_from or now < table.quiet_until


async def _recipients(work: Work, segment: str) -> Sequence[tuple[int, int, str, list[Any], datetime | None]]:
    kind, _, value = segment.partition(":")
    return await rows.recipients(
        work.session,
        levels=_LEVELS.get(kind),
        product=value if kind == "product" else None,
        tiers=(value,) if kind == "tier" else None,
    )


def segment_words(work: Work, segment: str | None, lang: str) -> str:
    """Who gets it, in words."""
    kind, _, value = (segment or "all").partition(":")
    words = work.deps.phrases.label(f"notice.segment.{kind}", lang)
    if kind == "tier":
        return f"{words} {work.policy.tier_name(value, lang)}"
    return f"{words} {value}".rstrip()


async def _tell_author(work: Work, notice: Notice, name: str, **facts: Any) -> None:
    author = await people.staff_by_code(work.session, notice.written_by)
    if author is None:
        return
    member = await access.staff(work, author.id)
    if member.chat_id is not None:
        await outbox.say(work, member.chat_id, name, priority=Priority.STAFF, number=notice.number, **facts)


async def _number(work: Work) -> str:
    day = f"{work.today:%Y%m%d}"
    return f"MN-{day}-{await queues.next_number(work.session, f'MN-{day}'):04d}"


def _trading_day(work: Work) -> Any:
    try:
        return work.deps.calendar.trading_day_of(work.now)
    except CalendarEnded:
        raise Refusal("calendar_ended") from None


def _check(draft: Draft) -> None:
    for text in (draft.zh, draft.en):
        if units(escape(text)) > min(_LONGEST, LIMIT):
            raise Refusal("too_long", longest=_LONGEST)
    if not draft.zh.strip():
        raise Refusal("notice_empty")


def product_named(work: Work, text: str, lang: str) -> str:
    """The code, in the exchange's spelling, of the one product that the words name; ``notice_product`` otherwise."""
    found = work.deps.library().products_in(text, lang)
    if len(found) != 1:
        raise Refusal("notice_product")
    return next(iter(found))


def check_words(work: Work, text: str) -> None:
    """Refuses words that no notice may carry (``rail_met``)."""
    held.require_clean(work, text)


def _hash(draft: Draft) -> str:
    return hashlib.sha256(f"{draft.zh}\x1f{draft.en}".encode()).hexdigest()


# --- the author's dialog --------------------------------------------------------------------------------------------

DIALOG = "notice"
_KEPT = timedelta(hours=12)


async def dialog_of(work: Work, who: Actor) -> Dialog | None:
    """The author's unfinished notice, if there is one that has not expired."""
    found = await people.dialog(work.session, who.chat_id)
    if found is None or found.name != DIALOG or found.expires_at <= work.now:
        return None
    return found


async def set_dialog(work: Work, who: Actor, step: str, data: dict[str, Any]) -> None:
    """Stores where the author stands."""
    await people.drop_dialog(work.session, who.chat_id)
    await work.session.flush()
    work.session.add(
        Dialog(
            chat_id=who.chat_id,
            name=DIALOG,
            step=step,
            data=data,
            updated_at=work.now,
            expires_at=work.now + _KEPT,
        )
    )


async def drop_draft(work: Work, who: Actor) -> None:
    """Forgets the unfinished notice."""
    if await dialog_of(work, who) is not None:
        await people.drop_dialog(work.session, who.chat_id)


def draft_of(data: dict[str, Any]) -> Draft:
    return Draft(
        segment=data.get("segment", "all"),
        product=data.get("product"),
        mandatory=bool(data.get("mandatory", True)),
        zh=data.get("zh", ""),
        en=data.get("en", ""),
    )
