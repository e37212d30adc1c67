"""What the library did not answer, or not well: grouped by likeness, given to somebody, closed with a reason.

A question is marked when it is asked or rated (services/questions.py). ``gather`` puts what is marked into gaps,
beside the transactions of the house; whoever opens a gap sees words without personal data.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from db import articles as drafts
from db import gaps as rows
from db import people, queues
from db.models import Gap
from domain.calendar import CalendarEnded
from domain.errors import Refusal
from domain.knowledge import Candidate
from domain.masking import masked_words
from domain.people import Actor, Role, StaffMember
from knowledge.lexicon import has_han
from knowledge.library import Lang, Library
from services import access, audit, outbox
from services.hours import is_open
from services.outbox import Button, Priority
from services.work import Deps, Work, reading, working

EDITORS = (Role.OFFICER, Role.SUPERVISOR, Role.COMPLIANCE)
"""Who works on gaps and writes articles."""
REASONS = ("smalltalk", "other_company", "advice", "test", "answered")
"""Why a gap is not for the library, beside words of one's own."""
_AT_ONCE = 200
_COMPARED = 600
_LOOKED_BACK = timedelta(days=180)
_LISTED = 8
_EXAMPLES = 6
_CANDIDATES = 3


@dataclass(frozen=True, slots=True)
class GapLine:
    """A gap as the list shows it."""

    id: int
    question: str
    count: int
    owner: str | None
    due: date
    overdue: bool
    from_talk: bool


@dataclass(frozen=True, slots=True)
class GapCard:
    """A gap with what helps to close it: how people asked, and what the engine came nearest to."""

    line: GapLine
    lang: Lang
    state: str
    examples: tuple[str, ...]
    why: Mapping[str, int]
    candidates: tuple[Candidate, ...]
    proposal: str | None
    mine: bool


# --- gathering ----------------------------------------------------------------------------------------------


async def gather(deps: Deps) -> int:
    """Puts questions that were marked long enough ago into gaps; how many. The comparing is done in a thread."""
    async with reading(deps) as work:
        before = work.now - timedelta(minutes=work.policy.library.gather_minutes)
        new = await rows.missed(work.session, before, _AT_ONCE)
        if not new:
            return 0
        known = await rows.grouped_before(work.session, work.now - _LOOKED_BACK, _COMPARED)
        alike = float(work.policy.library.alike)
    texts = {number: text for number, text, _ in (*new, *known)}
    groups = await asyncio.to_thread(_groups, deps.library(), texts, alike)
    gap_of = {number: gap for number, _, gap in known}
    asked_at = {number: at for number, _, at in new}
    async with working(deps) as work:
        for group in groups:
            joining = [number for number in group if number in asked_at]
            if joining:
                among = {gap_of[number] for number in group if number in gap_of}
                await _join(work, joining, texts, asked_at, among)
    return len(new)


def _groups(library: Library, texts: Mapping[int, str], alike: float) -> list[tuple[int, ...]]:
    from knowledge.grouping import Asked, grouped  # numpy; the operator's commands do without

    found: list[tuple[int, ...]] = []
    languages: tuple[Lang, ...] = ("zh", "en")
    for lang in languages:
        engine = library.engine(lang)
        mine = [Asked(key, text) for key, text in texts.items() if _language(text) == lang]
        if engine is not None and mine:
            found.extend(grouped(engine, mine, alike))
        else:
            found.extend((asked.key,) for asked in mine)
    return found


def _language(text: str) -> Lang:
    return "zh" if has_han(text) or not any(c.isascii() and c.isalpha() for c in text) else "en"


async def _join(
    work: Work,
    joining: Sequence[int],
    texts: Mapping[int, str],
    asked_at: Mapping[int, datetime],
    among: set[int],
) -> None:
    """Into the open gap that they belong to; one that was found to be nobody's business stays closed."""
    gap = await _home(work, among)
    if gap is None:
        names = await rows.names(work.session, joining)
        first = joining[0]
        gap = Gap(
            lang=_language(texts[first]),
            state="open",
            question=masked_words(texts[first], [names[first]] if first in names else []),
            count=0,
            owner_id=await _owner(work),
            due=_due(work, work.policy.library.due_days),
            first_at=asked_at[first],
            last_at=asked_at[first],
        )
        work.session.add(gap)
        await work.session.flush()
        await audit.note(work, "bot", "gap.opened", f"gap:{gap.id}")
    await rows.join(work.session, gap.id, joining)
    gap.count += len(joining)
    gap.last_at = max(gap.last_at, *(asked_at[number] for number in joining))
    if gap.count >= work.policy.library.frequent_count:
        gap.due = min(gap.due, _due(work, work.policy.library.due_days_frequent))


async def _home(work: Work, among: set[int]) -> Gap | None:
    found = sorted((await rows.gaps(work.session, among)).values(), key=lambda gap: gap.id)
    opened = [gap for gap in found if gap.state == "open"]
    dismissed = [gap for gap in found if gap.outcome == "not_ours"]
    return next(iter((*opened, *dismissed)), None)


async def _owner(work: Work) -> int | None:
    """The officer at work with the fewest open gaps; a supervisor where there is no officer."""
    load = await rows.load_of_owners(work.session)
    for role in (Role.OFFICER, Role.SUPERVISOR):
        desk = await access.staff_in(work, (role,))
        there = [member for member in desk if member.present(work.today)] or desk
        if there:
            return min(there, key=lambda member: (load.get(member.id, 0), member.id)).id
    return None


def _due(work: Work, days: int) -> date:
    """So many working days from today; calendar days where the table of working days has ended."""
    try:
        return work.deps.calendar.add_working_days(work.today, days)
    except CalendarEnded:
        return work.today + timedelta(days=days)


# --- working on them ----------------------------------------------------------------------------------------


async def listing(work: Work, who: Actor) -> tuple[list[GapLine], int]:
    """(the open gaps that are due first, how many there are)."""
    access.require(who, *EDITORS)
    found = await rows.open_gaps(work.session, _LISTED)
    return [await _line(work, gap) for gap in found], await rows.count_open(work.session)


async def card(work: Work, who: Actor, gap_id: int) -> GapCard:
    """A gap opened. Its words carry no personal data."""
    staff = access.require(who, *EDITORS)
    gap = await work.session.get(Gap, gap_id)
    if gap is None:
        raise Refusal("not_found")
    asked = await rows.of_gap(work.session, gap.id, 50)
    why: dict[str, int] = {}
    for exchange in asked:
        if exchange.missed:
            why[exchange.missed] = why.get(exchange.missed, 0) + 1
    lang: Lang = "zh" if gap.lang == "zh" else "en"
    answer = work.deps.library().ask(gap.question, lang=lang, as_of=work.today, audience="client")
    return GapCard(
        line=await _line(work, gap),
        lang=lang,
        state=gap.state,
        examples=(await wordings(work, gap))[:_EXAMPLES],
        why=why,
        candidates=answer.candidates[:_CANDIDATES],
        proposal=gap.proposal,
        mine=gap.owner_id == staff.id,
    )


async def wordings(work: Work, gap: Gap) -> tuple[str, ...]:
    """How people asked it, masked, each wording once, the gap's own first."""
    asked = await rows.of_gap(work.session, gap.id, 200)
    names = await rows.names(work.session, [exchange.id for exchange in asked])
    shown = (masked_words(e.question, [names[e.id]] if e.id in names else []) for e in asked)
    return tuple(dict.fromkeys((gap.question, *shown)))


async def take(work: Work, who: Actor, gap_id: int) -> None:
    """The speaker is the owner from now on."""
    staff = access.require(who, *EDITORS)
    gap = await opened(work, gap_id)
    if gap.owner_id != staff.id:
        gap.owner_id = staff.id
        await audit.note(work, who, "gap.taken", f"gap:{gap.id}")


async def dismiss(work: Work, who: Actor, gap_id: int, reason: str) -> None:
    """Not for the library, and why. Questions like it join it silently from now on."""
    access.require(who, *EDITORS)
    gap = await opened(work, gap_id)
    await close(work, who, gap, "not_ours", reason=masked_words(reason.strip())[:500])


async def opened(work: Work, gap_id: int) -> Gap:
    """An open gap to be changed, or a refusal."""
    gap = await rows.locked(work.session, gap_id)
    if gap is None:
        raise Refusal("not_found")
    if gap.state != "open":
        raise Refusal("gap_closed")
    return gap


async def close(work: Work, who: Actor, gap: Gap, outcome: str, *, reason: str | None = None) -> None:
    """The gap is closed: ``article`` (the library answers it now) or ``not_ours``."""
    gap.state, gap.outcome, gap.reason = "closed", outcome, reason
    gap.closed_at, gap.closed_by = work.now, who.label
    await audit.note(work, who, "gap.closed", f"gap:{gap.id}", outcome=outcome)


async def from_talk(work: Work, who: Actor, talk_id: int, question: str, proposal: str) -> Gap:
    """A gap that a good answer of a person makes; its owner is an officer (the speaker, where one)."""
    mine = who.staff if who.staff is not None and who.staff.role in EDITORS else None
    gap = Gap(
        lang=_language(question),
        state="open",
        origin="talk",
        question=question,
        proposal=proposal,
        talk_id=talk_id,
        count=1,
        owner_id=mine.id if mine else await _owner(work),
        due=_due(work, work.policy.library.due_days),
        first_at=work.now,
        last_at=work.now,
    )
    work.session.add(gap)
    await work.session.flush()
    await audit.note(work, who, "gap.opened", f"gap:{gap.id}", talk=talk_id)
    return gap


async def owner(work: Work, gap: Gap) -> StaffMember | None:
    """Whose gap it is."""
    return await access.staff(work, gap.owner_id) if gap.owner_id is not None else None


async def _line(work: Work, gap: Gap) -> GapLine:
    found = await people.staff_with_chat(work.session, ids=[gap.owner_id]) if gap.owner_id else []
    return GapLine(
        id=gap.id,
        question=gap.question,
        count=gap.count,
        owner=found[0][0].name if found else None,
        due=gap.due,
        overdue=gap.due < work.today,
        from_talk=gap.origin == "talk",
    )


# --- by the clock -------------------------------------------------------------------------------------------


async def remind(work: Work) -> None:
    """Once a working day, when the desk opens: owners hear what waits for them; whoever supervises, the rest."""
    if not is_open(work) or not await queues.claim_job(
        work.session, "gaps.remind", work.today.isoformat(), work.now
    ):
        return
    due = await rows.due_of_owners(work.session, work.today)
    late = await rows.due_of_owners(work.session, work.today - timedelta(days=1))
    overdue = sum(count for _, count in late.values())
    waiting = len(await drafts.in_state(work.session, "waiting"))
    for member in await access.staff_in(work, EDITORS):
        count, now = due.get(member.id, (0, 0))
        supervises = overdue if member.role is Role.SUPERVISOR else 0
        confirms = waiting if member.role is not Role.OFFICER else 0
        if member.chat_id is None or not (now or supervises or confirms):
            continue
        await outbox.say(
            work,
            member.chat_id,
            "gap.digest",
            priority=Priority.STAFF,
            buttons=[[Button("gap.list", "gap.list")]],
            count=count,
            due=now,
            overdue=supervises,
            waiting=confirms,
        )
