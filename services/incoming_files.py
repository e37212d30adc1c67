"""Settlement files that come by chat or folder: noted, fetched later, and their senders told what became of them."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from db import settlements as rows
from domain.errors import Refusal
from domain.people import Actor, Role
from services import access, audit, outbox
from services.outbox import Button, Priority
from services.settlements import ImportSummary
from services.work import Deps, Work, reading, working

FETCHED_AT_MOST = 20 * 1000 * 1000
"""The Bot API gives bots no larger file."""

_REPLACE = re.compile(r"\s*(?:替换|replace)[\s:：,，]*(.*)", re.IGNORECASE | re.DOTALL)
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Incoming:
    """A document that waits to be fetched and imported. ``file_id`` is Telegram's."""

    id: int
    chat_id: int
    file_id: str
    name: str
    by: str
    reason: str | None
    attempts: int


async def receive(
    work: Work, who: Actor, *, message_id: int, file_id: str, name: str, size: int, caption: str
) -> None:
    """Notes a document that a risk officer or an operator sent; fetching and importing come after this transaction."""
    member = access.require(who, Role.RISK, Role.OPERATOR)
    if size > FETCHED_AT_MOST:
        raise Refusal("document_too_large", megabytes=FETCHED_AT_MOST // 1_000_000)
    found = _REPLACE.fullmatch(caption)
    await rows.add_incoming(
        work.session,
        chat_id=who.chat_id,
        message_id=message_id,
        file_id=file_id,
        name=name,
        by=member.code,
        reason=(found[1].strip() or None) if found else None,
        at=work.now,
    )
    await audit.note(work, who, "import.received", f"document:{who.chat_id}/{message_id}")


async def waiting(deps: Deps) -> list[Incoming]:
    """Documents to be fetched, oldest first."""
    async with reading(deps) as work:
        found = await rows.incoming(work.session)
    return [Incoming(r.id, r.chat_id, r.file_id, r.name, r.by, r.reason, r.attempts) for r in found]


async def fetched_in_vain(deps: Deps, document: Incoming, *, tries: int) -> None:
    """One more attempt failed; after ``tries`` the sender is told and nothing is tried again."""
    async with working(deps) as work:
        given_up = document.attempts + 1 >= tries
        await rows.set_incoming(
            work.session, document.id, attempts=document.attempts + 1, state="refused" if given_up else "new"
        )
        if given_up:
            await _say_refused(work, [document.chat_id], document.name, Refusal("document_not_fetched"))


async def finished(deps: Deps, document: Incoming, outcome: ImportSummary | Refusal) -> None:
    """Tells the sender of a document what became of it, once."""
    async with working(deps) as work:
        state = "refused" if isinstance(outcome, Refusal) else "done"
        await rows.set_incoming(work.session, document.id, state=state)
        await _say(work, [document.chat_id], document.name, outcome)


async def tell_risk_desk(deps: Deps, name: str, outcome: ImportSummary | Refusal) -> None:
    """Tells risk officers, and operators of a refusal, what became of a file that nobody sent in chat."""
    roles = (Role.RISK, Role.OPERATOR) if isinstance(outcome, Refusal) else (Role.RISK,)
    async with working(deps) as work:
        members = await access.staff_in(work, roles)
        await _say(work, [m.chat_id for m in members if m.chat_id is not None], name, outcome)


def in_words(deps: Deps, refusal: Refusal, lang: str) -> str:
    """A refusal as Telegram's HTML."""
    return deps.phrases.text(f"refusal.{refusal.code}", lang, **refusal.facts)


async def _say(work: Work, chats: Collection[int], name: str, outcome: ImportSummary | Refusal) -> None:
    if isinstance(outcome, Refusal):
        await _say_refused(work, chats, name, outcome)
        return
    for chat_id in chats:
        lang = await outbox.language(work, chat_id)
        rejected = [
            {"line": n.line, "reason": n.reason_zh if lang == "zh" else n.reason}
            for n in outcome.rejected[:_SHOWN]
        ]
        await outbox.say(
            work,
            chat_id,
            "imports.done",
            lang=lang,
            priority=Priority.STAFF,
            buttons=[[Button("risk.all", "risk.list")]],
            name=name,
            already=outcome.state == "already_imported",
            format=outcome.format,
            day=outcome.day,
            accounts=outcome.accounts,
            positions=outcome.positions,
            trades=outcome.trades,
            alerts=outcome.alerts,
            unchanged=outcome.unchanged,
            unknown=len(outcome.unknown_accounts),
            rejected=rejected,
            more_rejected=max(0, len(outcome.rejected) - _SHOWN),
        )


async def _say_refused(work: Work, chats: Collection[int], name: str, refusal: Refusal) -> None:
    for chat_id in chats:
        lang = await outbox.language(work, chat_id)
        await outbox.say(
            work,
            chat_id,
            "imports.refused",
            lang=lang,
            priority=Priority.STAFF,
            name=name,
            reason=in_words(work.deps, refusal, lang),
            may_replace=refusal.code == "figures_differ",
        )
