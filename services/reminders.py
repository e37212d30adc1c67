"""Risk reminders to clients: written once and frozen, delivered chat by chat, acknowledged once, phoned where that fails.

A person who did not consent to figures in the chat gets a hint without any, and for a call somebody phones.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from db import locks, settlements
from db import risk as rows
from db.models import AccountDay, Chat, Client, Delivery, Link, Notice
from domain.errors import Refusal
from domain.market import ClientPlan
from domain.people import Actor, ClientRef
from domain.risk import Assessment, Figures, Level, Why, assess
from domain.settlement import Direction
from messages.phrases import BEIJING, LANGUAGES
from services import access, audit, consents, estimates, outbox, plans, staff, tasks
from services.duty import Roster
from services.estimates import Held, Trial
from services.ladder import ladder
from services.outbox import Button, Priority
from services.outbox import Row as ButtonRow
from services.tasks import Asked
from services.work import Work

VERSION = "2026-11"
"""The edition of the reminder's wording, printed on it and kept with it."""

_MOST_CONTRACTS = 8
_WAITING = frozenset({"queued", "sent"})


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be told about an account. ``held`` is None where its positions are not known.

    ``late``: the deadline had passed before anything was told, so somebody phones instead. ``recheck``: ``evening``
    or ``morning`` where the call was told before and is looked at again. ``corrects``: the reminder of the same day
    whose figures were replaced.
    """

    client: Client
    day: AccountDay
    seen: Assessment
    why: Why
    held: list[Held] | None
    deadline: datetime | None
    night: bool
    late: bool = False
    recheck: str | None = None
    corrects: str | None = None

    @property
    def level(self) -> Level:
        return self.seen.level

    @property
    def recovered(self) -> bool:
        return self.why is Why.RECOVERED

    @property
    def is_call(self) -> bool:
        return self.seen.level.at_least(Level.CALL) and not self.recovered


# --- writing and queueing ---------------------------------------------------------------------------------


async def remind(work: Work, told: Sequence[Told], roster: Roster) -> dict[str, int]:
    """Writes reminders and queues them for every chat of the accounts; account -> notice.

    An account without a chat gets a reminder only where a call is due, to be read out on the phone.
    """
    chats = await _chats(work, [item.client.id for item in told])
    spoken = [item for item in told if item.is_call or chats.get(item.client.id)]
    if not spoken:
        return {}
    await rows.expire_notices(work.session, [item.client.account for item in spoken], "margin")
    notices = await _write(work, spoken)
    deliveries = [
        (item, notice_id, notice, link, chat, agreed)
        for item, (notice_id, notice) in zip(spoken, notices, strict=True)
        for link, chat, agreed in chats.get(item.client.id) or [(None, None, False)]
    ]
    ledger = [
        _ledger_line(work, item, notice_id, link, chat, agreed)
        for item, notice_id, _, link, chat, agreed in deliveries
    ]
    ids = await rows.add_deliveries(work.session, ledger)
    queued = [
        (delivery_id, _message(work, item, notice_id, notice, delivery_id, link, chat, agreed))
        for delivery_id, line, (item, notice_id, notice, link, chat, agreed) in zip(
            ids, ledger, deliveries, strict=True
        )
        if line["state"] == "queued" and link is not None
    ]
    messages = await outbox.put_all(work, [message for _, message in queued])
    await rows.set_outbox_ids(
        work.session, [(delivery, sent) for (delivery, _), sent in zip(queued, messages, strict=True)]
    )
    by_account = {
        item.client.account: notice_id for item, (notice_id, _) in zip(spoken, notices, strict=True)
    }
    await _phone(work, spoken, by_account, ledger, roster)
    return by_account


async def _chats(
    work: Work, client_ids: Sequence[int]
) -> dict[int, list[tuple[Link | None, Chat | None, bool]]]:
    """client -> its chats, and whether figures may be shown there."""
    privacy = work.policy.privacy
    agreed = await rows.consents(work.session, client_ids, privacy.consent_version)
    found: dict[int, list[tuple[Link | None, Chat | None, bool]]] = defaultdict(list)
    for link, chat in await rows.links(work.session, client_ids):
        assert link.client_id is not None
        given = agreed.get((link.chat_id, link.client_id), set())
        found[link.client_id].append((link, chat, set(privacy.purposes) <= given))
    return found


async def _write(work: Work, spoken: Sequence[Told]) -> list[tuple[int, dict[str, Any]]]:
    day = f"{work.today:%Y%m%d}"
    first = await rows.reserve_numbers(work.session, f"MC-{day}", len(spoken))
    written = [
        _notice(work, item, f"MC-{day}-{number:04d}") for number, item in enumerate(spoken, start=first)
    ]
    return list(zip(await rows.add_notices(work.session, written), written, strict=True))


def _notice(work: Work, item: Told, number: str) -> dict[str, Any]:
    facts = _facts(work, item, number)
    name = _template(item)
    texts = {lang: work.deps.phrases.text(name, lang, **facts) for lang in LANGUAGES}
    hints = {
        f"hint_{lang}": work.deps.phrases.text(
            "risk.hint", lang, number=number, account=item.client.account, kind=_hint_kind(item)
        )
        for lang in LANGUAGES
    }
    words = "\x1f".join((number, *texts.values(), *hints.values()))
    return {
        "number": number,
        "kind": "margin",
        "state": "sent",
        "account": item.client.account,
        "level": item.level.value,
        "day": item.day.day,
        "text_zh": texts["zh"],
        "text_en": texts["en"],
        "hash": hashlib.sha256(words.encode()).hexdigest(),
        "facts": {**_stored(item, facts), **hints, "template": name, "version": VERSION},
        "written_by": "house",
        "written_at": work.now,
        "released_by": "house",
        "released_at": work.now,
        "deadline": item.deadline if item.is_call else None,
    }


def _template(item: Told) -> str:
    if item.recovered:
        return "risk.recovered"
    return "risk.call" if item.is_call else f"risk.{item.level.value}"


def _hint_kind(item: Told) -> str:
    if item.recovered:
        return "recovered"
    return "call" if item.is_call else "notice"


def _facts(work: Work, item: Told, number: str) -> dict[str, Any]:
    seen = item.seen
    available = item.day.available
    shown: dict[str, Any] = {
        "number": number,
        "version": VERSION,
        "level": seen.level.value,
        "account": item.client.account,
        "name": item.client.name,
        "day": item.day.day,
        "equity": seen.equity,
        "margin": seen.company_margin,
        "risk_company": seen.company,
        "exchange_margin": seen.exchange_margin,
        "risk_exchange": seen.exchange,
        "estimated": item.day.exchange_margin_estimated,
        "available": seen.equity - seen.company_margin if available is None else available,
        "shortfall": seen.shortfall,
        "may_open": seen.may_open,
    }
    if not item.is_call:
        return shown
    found = trial_of(work, item.client, item.day, item.held or [])
    return shown | {
        "deadline": item.deadline,
        "night": item.night,
        "passed": item.deadline is not None and item.deadline <= work.now,
        "recheck": item.recheck,
        "further": item.why is Why.FURTHER,
        "corrects": item.corrects,
        "lots": _lots(found),
        "why_no_lots": _why_no_lots(found),
        "options": _short_options(item.held or [], item.day),
        "contract_lists_this_channel": work.policy.risk.contract_lists_this_channel,
    }


def _stored(item: Told, facts: dict[str, Any]) -> dict[str, Any]:
    """The figures of the reminder as plain words and numbers, exact."""
    names = ("equity", "margin", "exchange_margin", "risk_company", "risk_exchange", "available", "shortfall")
    amounts = {name: None if facts[name] is None else str(facts[name]) for name in names}
    return amounts | {
        "day": item.day.day.isoformat(),
        "estimated": facts["estimated"],
        "deadline": item.deadline.isoformat() if item.deadline and item.is_call else None,
        "why": item.why.value,
        "recheck": item.recheck,
        "corrects": item.corrects,
        "late": item.late,
    }


def trial_of(work: Work, client: Client | ClientRef, day: AccountDay, held: Sequence[Held]) -> Trial:
    """How many lots would suffice, by the client's own rates."""
    figures = figures_of(day)
    plan: ClientPlan | None = plans.of(
        work.policy, client if isinstance(client, ClientRef) else access.client_ref(client)
    )
    return estimates.trial(
        held,
        day.day,
        equity=day.equity,
        stated_margin=figures.company_margin,
        company=plans.company_rates(work.policy),
        plan=plan,
    )


def figures_of(day: AccountDay) -> Figures:
    return Figures(
        equity=day.equity,
        company_margin=day.curr_margin,
        exchange_margin=day.exchange_margin,
        delivery_margin=day.delivery_margin,
        exchange_delivery_margin=day.exchange_delivery_margin,
    )


def _lots(found: Trial) -> list[dict[str, Any]]:
    if found.estimate is None or not found.estimate.reproduced:
        return []
    return [
        {
            "contract": a.holding.contract,
            "direction": a.holding.direction.value,
            "held": a.holding.lots,
            "lots": a.lots,
        }
        for a in sorted(found.estimate.alternatives, key=lambda a: a.lots is None)
    ][:_MOST_CONTRACTS]


def _why_no_lots(found: Trial) -> str | None:
    """``no_positions``, ``options_only``, ``not_reproduced`` or ``nothing_due``; None where lots are given."""
    if found.estimate is None:
        return found.why
    if not found.estimate.reproduced:
        return "not_reproduced"
    return None if found.estimate.alternatives else "nothing_due"


def _short_options(held: Sequence[Held], day: AccountDay) -> Decimal | None:
    """Margin of short option legs, which a reminder names separately; None where there is none."""
    legs = [
        position.margin
        for position in held
        if position.direction is Direction.SHORT
        and position.margin is not None
        and estimates.spec_of(position, day.day) is None
    ]
    return sum(legs, Decimal("0.00")) if legs else None


# --- one chat ---------------------------------------------------------------------------------------------


def _ledger_line(
    work: Work, item: Told, notice_id: int, link: Link | None, chat: Chat | None, agreed: bool
) -> dict[str, Any]:
    state = "queued"
    if link is None:
        state = "no_chat"
    elif item.late:
        state = "stopped"
    elif chat is not None and chat.blocked_at is not None:
        state = "blocked"
    elif chat is not None and item.level is Level.WATCH and not item.recovered and "watch" in chat.muted:
        state = "muted"
    acknowledge_by = None
    if state == "queued" and item.is_call:
        minutes = work.policy.tiers[item.client.tier].acknowledge_minutes  # type: ignore[index]  # tiers of the register
        acknowledge_by = work.now + timedelta(minutes=minutes)
        if item.deadline is not None and item.deadline > work.now:
            acknowledge_by = min(acknowledge_by, item.deadline)
    return {
        "notice_id": notice_id,
        "client_id": item.client.id,
        "chat_id": link.chat_id if link else None,
        "state": state,
        "form": "full" if agreed or link is None else "hint",
        "error": "deadline passed" if state == "stopped" else None,
        "queued_at": work.now,
        "acknowledge_by": acknowledge_by,
    }


def _message(
    work: Work,
    item: Told,
    notice_id: int,
    notice: dict[str, Any],
    delivery_id: int,
    link: Link,
    chat: Chat | None,
    agreed: bool,
) -> dict[str, Any]:
    lang = chat.lang if chat else "zh"
    html = notice[f"text_{lang}"] if agreed else notice["facts"][f"hint_{lang}"]
    expires = None
    if item.is_call and item.deadline is not None and item.deadline > work.now:
        expires = work.deps.wall() + (item.deadline - work.now)
    quiet = item.level is Level.WATCH and not item.recovered
    return outbox.message(
        work,
        link.chat_id,
        "text",
        {"html": html},
        lang=lang,
        buttons=_buttons(item, notice_id, delivery_id, agreed),
        template=notice["facts"]["template"] if agreed else "risk.hint",
        priority=Priority.MARGIN,
        dedupe=f"reminder/{delivery_id}",
        about={"delivery": delivery_id},
        not_before=_after_quiet_hours(work) if quiet else None,
        expires_at=expires,
        account=item.client.account,
    )


def _buttons(item: Told, notice_id: int, delivery_id: int, agreed: bool) -> list[ButtonRow]:
    if item.recovered:
        return []
    if item.level is Level.WATCH:
        return [[Button("risk.mute", "risk.mute")]]
    return buttons(notice_id, delivery_id, acknowledged=False, agreed=agreed, is_call=item.is_call)


def buttons(
    notice_id: int, delivery_id: int, *, acknowledged: bool, agreed: bool, is_call: bool
) -> list[ButtonRow]:
    """The steps under a reminder."""
    acknowledge = Button("risk.acknowledge", "risk.acknowledge", {"delivery": delivery_id})
    trial = Button("risk.trial", "risk.trial", {"delivery": delivery_id})
    desk = Button("risk.desk", "risk.desk", {"delivery": delivery_id})
    call_back = Button("risk.call_back", "risk.call_back", {"delivery": delivery_id})
    first: list[Button] = [] if acknowledged else [acknowledge]
    if agreed:
        return [[*first, trial, desk]] if is_call else [[*first, desk]]
    return [[*first, call_back, desk]]


def _after_quiet_hours(work: Work) -> datetime | None:
    """When a message that is not mandatory may leave, by the real clock; None for now."""
    times = work.policy.timetable
    here = work.now.astimezone(BEIJING)
    begins, ends = times.quiet_from, times.quiet_until
    quiet = begins <= here.time() or here.time() < ends if begins > ends else begins <= here.time() < ends
    if not quiet:
        return None
    day = here.date() + timedelta(days=1) if begins > ends and here.time() >= begins else here.date()
    return work.deps.wall() + (datetime.combine(day, ends, BEIJING) - work.now)


# --- phoning ----------------------------------------------------------------------------------------------


async def _phone(
    work: Work,
    spoken: Sequence[Told],
    notices: dict[str, int],
    ledger: Sequence[dict[str, Any]],
    roster: Roster,
) -> None:
    """Opens tasks for calls that no message carries: no chat, blocked, no consent, too late, told before."""
    lines: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for line in ledger:
        lines[line["client_id"]].append(line)
    asked = []
    for item in spoken:
        reason = _reason_to_phone(item, lines[item.client.id]) if item.is_call else None
        if reason is not None:
            asked.append(Asked(item.client.id, reason, notices[item.client.account], item.deadline))
    opened = await tasks.open_many(work, asked, roster, {i.client.id: i.client for i in spoken})
    await rows.set_tasks(
        work.session,
        [
            (notices[item.client.account], opened[item.client.id])
            for item in spoken
            if item.client.id in opened
        ],
    )
    recovered = [item.client.id for item in spoken if item.recovered]
    await tasks.close_for(work, recovered, "recovered")


def _reason_to_phone(item: Told, lines: Sequence[dict[str, Any]]) -> str | None:
    if item.late:
        return "late"
    if item.recheck is not None:
        return "recheck"
    states = {line["state"] for line in lines}
    if states == {"no_chat"}:
        return "no_chat"
    if not states & _WAITING:
        return "undeliverable"
    full = any(line["form"] == "full" and line["state"] in _WAITING for line in lines)
    return None if full else "no_consent"


async def delivery_sent(work: Work, delivery_id: int, message_ids: list[int]) -> None:
    """Telegram took a notice for a chat."""
    line = await locks.locked(work.session, Delivery, delivery_id)
    if line is None:
        return
    line.sent_at = work.now
    line.message_id = message_ids[0] if message_ids else None
    if line.state == "queued":
        line.state = "sent"


async def delivery_failed(work: Work, delivery_id: int, state: str, reason: str) -> None:
    """A notice will not reach a chat; where a call reaches no chat of the account at all, somebody phones."""
    line = await locks.locked(work.session, Delivery, delivery_id)
    if line is None or line.state == "acknowledged":
        return
    line.state, line.error = ("blocked" if state == "blocked" else "failed"), reason[:200]
    await work.session.flush()
    notice = await work.session.get(Notice, line.notice_id)
    assert notice is not None
    if notice.kind != "margin" or not Level(notice.level or "normal").at_least(Level.CALL):
        return
    others = (await rows.deliveries(work.session, [notice.id])).get(notice.id, [])
    if any(other.state in (*_WAITING, "acknowledged") for other in others):
        return
    await _open_task(work, line, notice, "undeliverable")


async def overdue(work: Work) -> None:
    """A job: calls that nobody acknowledged in time become tasks to phone."""
    late = await rows.unacknowledged(work.session, work.now, limit=200)
    if not late:
        return
    ids = {line.notice_id for line in late}
    all_lines = await rows.deliveries(work.session, ids)
    notices = await rows.notices(work.session, ids)
    for notice_id in sorted(ids):
        lines = all_lines[notice_id]
        notice = notices[notice_id]
        if notice.state != "sent" or any(line.state == "acknowledged" for line in lines):
            for line in lines:
                line.acknowledge_by = None
            continue
        await _open_task(work, lines[0], notice, "unacknowledged")


async def _open_task(work: Work, line: Delivery, notice: Notice, reason: str) -> None:
    client = await work.session.get(Client, line.client_id)
    assert client is not None
    task_id = await tasks.open_one(work, client, reason, notice)
    await rows.set_tasks(work.session, [(notice.id, task_id)])


# --- what a client does with a reminder -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """``first``: this press did it; ``at`` is when it was done."""

    number: str
    at: datetime
    first: bool


async def acknowledge(work: Work, who: Actor, delivery_id: int) -> Acknowledged:
    """Records once that the client knows; whoever looks after the client is told, and the message says so."""
    line, notice, client = await _own(work, who, delivery_id)
    if line.acknowledged_at is not None:
        return Acknowledged(notice.number, line.acknowledged_at, False)
    line.state, line.acknowledged_at = "acknowledged", work.now
    if line.message_id is not None:
        await _show_acknowledged(work, who, line, notice, client)
    await tasks.close_for(work, [client.id], "acknowledged", reasons=("unacknowledged",))
    await staff.tell_keepers(
        work,
        client,
        "risk.acknowledged_staff",
        dedupe=f"acknowledged/{notice.id}",
        number=notice.number,
        level=notice.level,
        at=work.now,
    )
    # Last: whoever holds the trail's turn must not wait for a task that its reporter holds.
    await audit.note(work, who, "notice.acknowledged", f"notice:{notice.number}", delivery=line.id)
    return Acknowledged(notice.number, work.now, True)


async def _show_acknowledged(
    work: Work, who: Actor, line: Delivery, notice: Notice, client: ClientRef
) -> None:
    agreed = line.form == "full" and await consents.complete(work, who.chat_id, client.id)
    text = notice.text_zh if who.lang == "zh" else notice.text_en
    assert line.message_id is not None
    await outbox.edit(
        work,
        who.chat_id,
        line.message_id,
        "risk.acknowledged",
        lang=who.lang,
        buttons=buttons(
            notice.id,
            line.id,
            acknowledged=True,
            agreed=agreed,
            is_call=Level(notice.level or "normal").at_least(Level.CALL),
        ),
        account=client.account,
        text=text if agreed else notice.facts[f"hint_{who.lang}"],
        at=work.now,
    )


async def number(work: Work, who: Actor, delivery_id: int) -> str:
    """The number of a reminder that the speaker got."""
    _, notice, _ = await _own(work, who, delivery_id)
    return notice.number


async def trial(work: Work, who: Actor, delivery_id: int) -> dict[str, Any]:
    """The facts of ``risk.trial``: margins row by row, and what remains after closing. Refuses without consent."""
    _, notice, client = await _own(work, who, delivery_id)
    if not await consents.complete(work, who.chat_id, client.id):
        raise Refusal("figures_need_consent")
    assert notice.day is not None
    day = (await settlements.accounts_of(work.session, notice.day, [client.account])).get(client.account)
    if day is None:
        raise Refusal("not_found")
    held = (await settlements.positions_of(work.session, notice.day, [client.account])).get(
        client.account, []
    )
    figures = figures_of(day[0])
    seen = assess(figures, ladder(work.policy))
    found = trial_of(work, client, day[0], [estimates.held_of(position) for position in held])
    estimate = found.estimate
    return {
        "number": notice.number,
        "account": client.account,
        "day": notice.day,
        "equity": seen.equity,
        "margin": seen.company_margin,
        "risk_company": seen.company,
        "shortfall": seen.shortfall,
        "rows": [
            {
                "contract": row.contract,
                "direction": row.direction.value,
                "lots": row.lots,
                "price": _plain(row.price),
                "multiplier": _plain(row.multiplier),
                "ratio": row.margin_ratio,
                "margin": row.margin(row.lots),
            }
            for row in found.rows
        ],
        "why_no_lots": _why_no_lots(found),
        "after": [
            {
                "contract": a.holding.contract,
                "direction": a.holding.direction.value,
                "lots": a.lots,
                "margin": a.margin_after,
            }
            for a in (estimate.alternatives if estimate else ())
            if a.lots is not None
        ],
    }


def _plain(number: Decimal) -> str:
    """3030.000 -> 3,030"""
    return f"{number.normalize():,f}"


async def ask_call_back(work: Work, who: Actor, delivery_id: int, reason: str) -> bool:
    """Somebody phones: the account manager (``asked``) or the risk desk (``risk_desk``); False when it was asked."""
    _, notice, client = await _own(work, who, delivery_id)
    standing = (await rows.open_tasks(work.session, [client.id])).get(client.id)
    row = await work.session.get(Client, client.id)
    assert row is not None
    await tasks.open_one(work, row, reason, notice)
    await audit.note(work, who, "call_back.asked", f"client:{client.id}", notice=notice.number, reason=reason)
    return standing is None


async def mute(work: Work, who: Actor) -> None:
    """No more reminders of the level 关注 in this chat; calls and warnings stay."""
    chat = await work.session.get(Chat, who.chat_id)
    assert chat is not None
    if "watch" not in chat.muted:
        chat.muted = [*chat.muted, "watch"]
        await audit.note(work, who, "notice.muted", f"chat:{who.chat_id}", kind="watch")


async def _own(work: Work, who: Actor, delivery_id: int) -> tuple[Delivery, Notice, ClientRef]:
    """A delivery to the speaker's own chat, of an account that is still linked there."""
    line = await locks.locked(work.session, Delivery, delivery_id)
    if line is None or line.chat_id != who.chat_id:
        raise Refusal("not_found")
    client = consents.own(who, line.client_id)
    notice = await work.session.get(Notice, line.notice_id)
    assert notice is not None
    return line, notice, client
