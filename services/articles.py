"""The house's own articles: drafted by one, compared with the library, confirmed by another, in force from its first day.

fetching -> checking -> drafted -> waiting -> confirmed; or refused, dropped, sent_back on the way. The shipped files are
the base; what is confirmed lies over them in the order of its confirmation (knowledge/overlay.py). A withdrawal is a
version too, and rolling back is a new draft with old words.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from db import articles as rows
from db import locks, people, queues
from db.models import ArticleVersion, Gap
from domain.errors import Refusal
from domain.knowledge import Article, Status
from domain.people import Actor, Role, StaffMember
from domain.policy import Policy
from knowledge.articles import FaultError, read_article
from knowledge.drafts import Effect
from knowledge.lexicon import has_han
from knowledge.library import Lang
from knowledge.overlay import Sheet
from knowledge.writing import put_together, same, take_apart
from services import access, audit, gaps, held, outbox
from services.gaps import EDITORS
from services.outbox import Button, Priority
from services.work import Deps, Work, reading, working

CONFIRMERS = (Role.SUPERVISOR, Role.COMPLIANCE)
LONGEST = 20_000
_SEQUENCE = "article_version"
_LISTED = 12


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an article as staff see it. ``html`` is what a client will read."""

    id: int
    article: str
    lang: Lang
    kind: str
    state: str
    title: str
    topic: str
    source: str
    html: str
    phrasings: tuple[str, ...]
    effective_from: date | None
    version: str
    written_by: str
    written_at: datetime
    effect: Effect | None
    gap_id: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Checking:
    """Drafts to be compared with the library: the versions under them, and themselves; one, or a batch."""

    id: int
    sheets: tuple[Sheet, ...]
    drafts: tuple[Sheet, ...]
    today: date
    overlap: float


def facts(policy: Policy) -> dict[str, dict[str, Mapping[str, object]]]:
    """The variables that articles may name, by language."""
    return {
        lang: {"company": policy.company.words(lang), "facts": policy.fact_words(lang)}
        for lang in ("zh", "en")
    }


# --- the confirmed versions -----------------------------------------------------------------------------------


async def confirmed(work: Work) -> tuple[tuple[Sheet, ...], int]:
    """(what lies over the shipped files, the number of the latest confirmation)."""
    found = await rows.confirmed(work.session)
    return tuple(_sheet(row) for row in found), await rows.newest_sequence(work.session)


def _sheet(row: ArticleVersion) -> Sheet:
    text = None if row.kind == "withdrawal" else row.text
    return Sheet(row.lang, row.article, text, f"{row.lang}/{row.article}#{row.id}")


def current(work: Work, article: str, lang: Lang) -> Article | None:
    """The newest confirmed version on the shelf, in force or not yet; None where nothing answers under that id."""
    versions = [
        a
        for a in work.deps.library().articles()
        if (a.id, a.lang) == (article, lang) and a.status is Status.CONFIRMED
    ]
    return max(versions, key=lambda a: a.effective_from or date.min, default=None)


def unknown(article: str) -> Refusal:
    """No article answers under that id."""
    return Refusal("article_unknown", article=article[:60])


def read(work: Work, text: str, lang: Lang, name: str) -> Article:
    """A text as an article. Refuses with ``draft_faulty`` and every finding that keeps it from answering, and with
    ``rail_met`` what no client may read.
    """
    if len(text) > LONGEST:
        raise Refusal("too_long", longest=LONGEST)
    article, findings = read_article(
        text.encode(), name, lang, work.deps.library().topics(), facts(work.policy)
    )
    fatal = [finding for finding in findings if finding.fatal]
    if article is None or fatal:
        raise Refusal("draft_faulty", findings=[str(finding) for finding in fatal])
    if article.expires_on is not None and article.expires_on <= work.today:
        raise Refusal("draft_faulty", findings=[f"expires_on: {article.expires_on}"])
    if article.audience != "staff":
        held.require_clean(work, article.text)
    return article


def language_of(text: str) -> Lang:
    """Chinese where its title or its phrasings have Han characters."""
    head, _ = take_apart(text)
    words = f"{head.get('title')}{head.get('phrasings')}"
    return "zh" if has_han(words) else "en"


# --- drafting ---------------------------------------------------------------------------------------------


async def draft(
    work: Work,
    who: Actor,
    text: str,
    lang: Lang,
    *,
    gap_id: int | None = None,
    rollback: bool = False,
    replaces: int | None = None,
) -> int:
    """Stores a draft and has it compared with the library. Refuses what cannot answer and what changes nothing."""
    staff = access.require(who, *EDITORS)
    article = read(work, text, lang, "draft")
    if article.status is Status.DRAFT:
        head, body = take_apart(text)
        text = put_together({**head, "status": Status.CONFIRMED.value}, body)
    before = current(work, article.id, lang)
    if before is not None and same(before.raw, text):
        raise Refusal("draft_unchanged", title=article.title)
    kind = "rollback" if rollback else "change" if before else "new"
    row = ArticleVersion(
        article=article.id,
        lang=lang,
        kind=kind,
        state="checking",
        text=text,
        effective_from=article.effective_from,
        gap_id=gap_id,
        chat_id=who.chat_id,
        written_by=staff.code,
        written_at=work.now,
    )
    if replaces is not None:
        await _fetched(work, replaces, row)
        row_id = replaces
    else:
        work.session.add(row)
        await work.session.flush()
        row_id = row.id
    await audit.note(work, who, "article.drafted", f"article:{lang}/{article.id}", draft=row_id, kind=kind)
    return row_id


async def _fetched(work: Work, version_id: int, new: ArticleVersion) -> None:
    """The file of a draft has come: its row becomes what it says."""
    row = await rows.locked(work.session, version_id)
    assert row is not None
    for name in ("article", "lang", "kind", "state", "text", "effective_from"):
        setattr(row, name, getattr(new, name))


async def add_phrasings(work: Work, who: Actor, gap_id: int, article: str, lang: Lang) -> int:
    """A draft that lets an article answer a gap's wordings too; its text and its first day stay."""
    access.require(who, *EDITORS)
    gap = await gaps.opened(work, gap_id)
    found = current(work, article, lang)
    if found is None:
        raise unknown(article)
    head, body = take_apart(found.raw)
    said = [words for words in await gaps.wordings(work, gap) if "*" not in words]
    head["phrasings"] = list(dict.fromkeys((*map(str, head["phrasings"]), *said)))
    return await draft(work, who, put_together(head, body), lang, gap_id=gap.id)


async def file_sent(work: Work, who: Actor, file_id: str, size: int, gap_id: int | None) -> None:
    """A Markdown file that was sent as a draft: fetched outside of the update."""
    staff = access.require(who, *EDITORS)
    if size > 4 * LONGEST:
        raise Refusal("too_long", longest=LONGEST)
    work.session.add(
        ArticleVersion(
            article="",
            lang="zh",
            kind="new",
            state="fetching",
            gap_id=gap_id,
            file_id=file_id,
            chat_id=who.chat_id,
            written_by=staff.code,
            written_at=work.now,
        )
    )


async def to_fetch(deps: Deps) -> Sequence[tuple[int, str]]:
    """(draft, file id) of files that wait to be fetched."""
    async with reading(deps) as work:
        return [(row.id, row.file_id or "") for row in await rows.in_state(work.session, "fetching")]


async def fetched(deps: Deps, version_id: int, data: bytes | None) -> None:
    """The file is here (or will not come): it becomes a draft, or its writer learns why not."""
    async with reading(deps) as work:
        row = await work.session.get(ArticleVersion, version_id)
        if row is None or row.state != "fetching" or row.chat_id is None:
            return
        who, gap_id = await access.actor_of(work, row.chat_id), row.gap_id
    try:
        async with working(deps) as work:
            if data is None:
                raise Refusal("draft_not_fetched")
            text = _decoded(data)
            await draft(work, who, text, language_of(text), gap_id=gap_id, replaces=version_id)
            await outbox.say(work, who.chat_id, "draft.checking", about={"draft_progress": version_id})
    except Refusal as refusal:
        async with working(deps) as work:
            row = await rows.locked(work.session, version_id)
            assert row is not None
            row.state = "refused"
            await outbox.say(work, who.chat_id, f"refusal.{refusal.code}", **refusal.facts)


def _decoded(data: bytes) -> str:
    """UTF-8, with front matter that can be read."""
    try:
        text = data.decode("utf-8-sig")
        take_apart(text)
    except UnicodeDecodeError as error:
        raise Refusal("draft_faulty", findings=[f"UTF-8: byte {error.start}"]) from None
    except FaultError as fault:
        raise Refusal("draft_faulty", findings=[f"file{fault.at}: {fault.problem}"]) from None
    return text


# --- what it would change -------------------------------------------------------------------------------------


async def next_to_check(deps: Deps) -> Checking | None:
    """The oldest draft that is still to be compared, with its whole batch where it came in one."""
    async with reading(deps) as work:
        found = await rows.in_state(work.session, "checking", limit=1)
        if not found:
            return None
        (first,) = found
        drafts = await rows.of_batch(work.session, first.batch, "checking") if first.batch else found
        sheets, _ = await confirmed(work)
        overlap = float(work.policy.library.overlap)
        return Checking(first.id, sheets, tuple(_sheet(row) for row in drafts), work.today, overlap)


async def progressed(deps: Deps, version_id: int, share: float) -> None:
    """Shows the writer how far the comparison is, on the message that announced it."""
    async with working(deps) as work:
        row = await work.session.get(ArticleVersion, version_id)
        if row is None or row.progress is None or row.chat_id is None or row.state != "checking":
            return
        await outbox.edit(
            work, row.chat_id, row.progress["message_id"], "draft.progress", percent=round(share * 100)
        )


async def progress_shown(work: Work, version_id: Any, message_ids: list[int]) -> None:
    """Outcome: the message that shows the progress stands under this number."""
    row = await rows.locked(work.session, version_id)
    if row is not None and message_ids:
        row.progress = {"message_id": message_ids[0]}


async def checked(deps: Deps, version_id: int, effect: Mapping[str, Any]) -> None:
    """The comparison is done: the writer sees what would change, and decides."""
    async with working(deps) as work:
        row = await rows.locked(work.session, version_id)
        if row is None or row.state != "checking":
            return
        row.effect, row.state = dict(effect), "drafted"
        if row.batch is not None:
            await _submit_batch(work, row.batch)
        elif row.chat_id is not None:
            await show_draft(work, row.chat_id, row)


async def _submit_batch(work: Work, batch: str) -> None:
    """An imported file needs no second press of its writer: it waits for whoever confirms."""
    for row in await rows.of_batch(work.session, batch, "checking", "drafted"):
        row.state = "waiting"
    for member in await access.staff_in(work, CONFIRMERS):
        if member.chat_id is not None:
            await show_batch(work, member.chat_id, batch)


async def show_batch(work: Work, chat_id: int, batch: str) -> None:
    """What an imported file would change, with the buttons to decide on all of it."""
    drafts = await rows.of_batch(work.session, batch, "waiting")
    if not drafts:
        raise Refusal("draft_decided")
    shown = [await _version(work, row) for row in drafts[:_LISTED]]
    effect = next((row.effect for row in drafts if row.effect), None)
    args = {"batch": batch}
    await outbox.say(
        work,
        chat_id,
        "draft.batch",
        priority=Priority.STAFF,
        buttons=[
            [
                Button("draft.confirm_all", "draft.confirm_all", args),
                Button("draft.return", "draft.return_all", args),
            ]
        ],
        count=len(drafts),
        drafts=shown,
        by=drafts[0].written_by,
        effect=Effect.read(effect) if effect else None,
    )


async def confirm_batch(work: Work, who: Actor, batch: str) -> int:
    """A second person confirms everything that an imported file changes; how many articles."""
    drafts = await rows.of_batch(work.session, batch, "waiting")
    if not drafts:
        raise Refusal("draft_decided")
    for row in drafts:
        await confirm(work, who, row.id)
    return len(drafts)


async def send_back_batch(work: Work, who: Actor, batch: str, reason: str) -> int:
    """A second person takes nothing of an imported file; how many drafts that ends."""
    drafts = await rows.of_batch(work.session, batch, "waiting")
    if not drafts:
        raise Refusal("draft_decided")
    for row in drafts:
        await send_back(work, who, row.id, reason)
    return len(drafts)


async def not_checked(deps: Deps, version_id: int, findings: Sequence[str]) -> None:
    """The draft cannot be compared: it is refused with its reasons."""
    async with working(deps) as work:
        row = await rows.locked(work.session, version_id)
        if row is None or row.state != "checking":
            return
        drafts = await rows.of_batch(work.session, row.batch, "checking") if row.batch else [row]
        for draft in drafts:
            draft.state = "refused"
        if row.chat_id is not None:
            await outbox.say(work, row.chat_id, "refusal.draft_faulty", findings=list(findings))


async def show_draft(work: Work, chat_id: int, row: ArticleVersion) -> None:
    """The draft as a client would read it, then what it would change."""
    found = await _version(work, row)
    args = {"draft": row.id}
    await _show_text(work, chat_id, found)
    await outbox.say(
        work,
        chat_id,
        "draft.effect",
        buttons=[
            [Button("draft.submit", "draft.submit", args), Button("draft.drop", "draft.drop", args)],
            [Button("draft.rewrite", "draft.rewrite", args)],
        ],
        draft=found,
        effect=found.effect,
    )


async def _show_text(work: Work, chat_id: int, found: Version) -> None:
    lang = await outbox.language(work, chat_id)
    head = work.deps.phrases.text("draft.head", lang, draft=found)
    await outbox.say_html(
        work, chat_id, f"{head}\n\n{found.html}", lang=lang, template="draft.head", priority=Priority.STAFF
    )


async def _version(work: Work, row: ArticleVersion) -> Version:
    lang: Lang = "zh" if row.lang == "zh" else "en"
    text = row.text or ""
    article, _ = read_article(text.encode(), "draft", lang, work.deps.library().topics(), facts(work.policy))
    writer = await people.staff_by_code(work.session, row.written_by)
    return Version(
        id=row.id,
        article=row.article,
        lang=lang,
        kind=row.kind,
        state=row.state,
        title=article.title if article else row.article,
        topic=article.topic if article else "",
        source=article.source if article else "",
        html=article.html if article else "",
        phrasings=article.phrasings if article else (),
        effective_from=row.effective_from,
        version=hashlib.sha256(text.encode()).hexdigest()[:8],
        written_by=writer.name if writer else row.written_by,
        written_at=row.written_at,
        effect=Effect.read(row.effect) if row.effect else None,
        gap_id=row.gap_id,
        reason=row.reason,
    )


# --- a second person ----------------------------------------------------------------------------------------


async def submit(work: Work, who: Actor, version_id: int) -> Version:
    """The writer asks a second person to confirm. Submitting twice changes nothing."""
    row = await _own(work, who, version_id, "drafted", "waiting")
    if row.state == "drafted":
        row.state = "waiting"
        await audit.note(work, who, "article.submitted", _subject(row), draft=row.id)
        for member in await _others(work, row.written_by):
            assert member.chat_id is not None
            await _ask_to_confirm(work, member.chat_id, row)
    return await _version(work, row)


async def _ask_to_confirm(work: Work, chat_id: int, row: ArticleVersion) -> None:
    found, args = await _version(work, row), {"draft": row.id}
    await _show_text(work, chat_id, found)
    await outbox.say(
        work,
        chat_id,
        "draft.to_confirm",
        priority=Priority.STAFF,
        buttons=[
            [Button("draft.confirm", "draft.confirm", args), Button("draft.return", "draft.return", args)]
        ],
        draft=found,
        effect=found.effect,
    )


async def _others(work: Work, author: str) -> list[StaffMember]:
    """Whoever may confirm what this person wrote, and has a chat."""
    desk = await access.staff_in(work, CONFIRMERS)
    return [member for member in desk if member.code != author and member.chat_id is not None]


async def drop(work: Work, who: Actor, version_id: int) -> None:
    """The writer takes a draft back; it may wait for confirmation already."""
    row = await _own(work, who, version_id, "checking", "drafted", "waiting", "sent_back", "dropped")
    if row.state in ("checking", "drafted", "waiting"):
        row.state = "dropped"
        await audit.note(work, who, "article.dropped", _subject(row), draft=row.id)


async def waiting(work: Work, who: Actor) -> list[Version]:
    """Drafts that wait for a second person, oldest first; of an imported file the first one."""
    access.require(who, *EDITORS)
    found = await rows.in_state(work.session, "waiting")
    firsts = {row.batch or str(row.id): row for row in reversed(found)}
    return [await _version(work, row) for row in sorted(firsts.values(), key=lambda row: row.id)]


async def show_waiting(work: Work, who: Actor, version_id: int) -> None:
    """A waiting draft with its effect (or the batch that it came in), and the buttons to decide."""
    access.require(who, *CONFIRMERS)
    row = await rows.locked(work.session, version_id)
    if row is None:
        raise Refusal("not_found")
    if row.batch is not None:
        await show_batch(work, who.chat_id, row.batch)
    else:
        await _ask_to_confirm(work, who.chat_id, row)


async def confirm(work: Work, who: Actor, version_id: int) -> Version:
    """A second person confirms: it answers from its first day on, as soon as the index stands with it."""
    decider, row = await _to_decide(work, who, version_id)
    if row.written_by == decider.code:
        raise Refusal("second_person")
    if any(
        later.decided_at is not None
        and later.decided_at > row.written_at
        and (row.batch is None or later.batch != row.batch)
        for later in await rows.of_article(work.session, row.lang, row.article)
    ):
        raise Refusal("draft_outdated")
    assert row.text is not None
    read(work, row.text, cast(Lang, row.lang), "draft")
    row.state = "confirmed"
    row.decided_by, row.decided_at = decider.code, work.now
    row.sequence = await queues.next_number(work.session, _SEQUENCE)
    await audit.note(work, who, "article.confirmed", _subject(row), draft=row.id, sequence=row.sequence)
    if row.gap_id is not None:
        gap = await locks.locked(work.session, Gap, row.gap_id)
        if gap is not None and gap.state == "open":
            await gaps.close(work, who, gap, "article")
    return await _version(work, row)


async def send_back(work: Work, who: Actor, version_id: int, reason: str) -> Version:
    """A second person does not confirm; the writer is told why."""
    decider, row = await _to_decide(work, who, version_id)
    row.state, row.reason = "sent_back", reason.strip()[:500]
    row.decided_by, row.decided_at = decider.code, work.now
    await audit.note(work, who, "article.sent_back", _subject(row), draft=row.id)
    found = await _version(work, row)
    if row.chat_id is not None:
        await outbox.say(
            work,
            row.chat_id,
            "draft.returned",
            priority=Priority.STAFF,
            buttons=[[Button("draft.rewrite", "draft.rewrite", {"draft": row.id})]],
            title=found.title,
            by=decider.name,
            reason=row.reason,
        )
    return found


async def _to_decide(work: Work, who: Actor, version_id: int) -> tuple[StaffMember, ArticleVersion]:
    decider = access.require(who, *CONFIRMERS)
    row = await rows.locked(work.session, version_id)
    if row is None or row.kind == "withdrawal":
        raise Refusal("not_found")
    if row.state != "waiting":
        raise Refusal("draft_decided")
    return decider, row


async def _own(work: Work, who: Actor, version_id: int, *states: str) -> ArticleVersion:
    staff = access.require(who, *EDITORS)
    row = await rows.locked(work.session, version_id)
    if row is None or row.written_by != staff.code:
        raise Refusal("not_found")
    if row.state not in states:
        raise Refusal("draft_decided")
    return row


async def text_of(work: Work, who: Actor, version_id: int) -> tuple[str, Lang, int | None]:
    """(file, language, gap) of a draft of one's own, to be written anew."""
    row = await _own(work, who, version_id, "checking", "drafted", "waiting", "sent_back", "dropped")
    return row.text or "", "zh" if row.lang == "zh" else "en", row.gap_id


# --- in force, rolled back, withdrawn ---------------------------------------------------------------------------


async def stands(work: Work, sequence: int) -> None:
    """The index stands with every confirmation up to this number: writer and decider are told once."""
    batches: Counter[tuple[str, str]] = Counter()
    for row in await rows.untold(work.session, sequence):
        row.told = True
        if row.batch is not None:
            batches[row.batch, row.decided_by or ""] += 1
        elif row.kind != "withdrawal":
            await _tell_it_stands(work, row)
    for (_, code), count in batches.items():
        member = await _member(work, code)
        if member is not None and member.chat_id is not None:
            await outbox.say(work, member.chat_id, "draft.batch_stands", priority=Priority.STAFF, count=count)


async def _member(work: Work, code: str | None) -> StaffMember | None:
    found = await people.staff_by_code(work.session, code or "")
    return await access.staff(work, found.id) if found else None


async def _tell_it_stands(work: Work, row: ArticleVersion) -> None:
    found = await _version(work, row)
    decider = await _member(work, row.decided_by)
    later = row.effective_from is not None and row.effective_from > work.today
    ask = Button("draft.ask_it", "ask.question", {"q": (*found.phrasings, found.title)[0]})
    for chat_id in dict.fromkeys((row.chat_id, decider.chat_id if decider else None)):
        if chat_id is not None:
            await outbox.say(
                work,
                chat_id,
                "draft.stands",
                priority=Priority.STAFF,
                buttons=[] if later else [[ask]],
                draft=found,
                later=later,
            )


async def history(work: Work, who: Actor, article: str, lang: Lang) -> list[Version]:
    """The confirmed versions of an article, newest first; the shipped one last, under the number 0."""
    access.require(who, *EDITORS)
    found = [await _version(work, row) for row in await rows.of_article(work.session, lang, article)]
    shipped = [a for a in work.deps.library().articles() if (a.id, a.lang) == (article, lang) and _is_file(a)]
    return [*found, *(_shipped(a, work) for a in shipped)]


def _is_file(article: Article) -> bool:
    return "#" not in article.path


def _shipped(article: Article, work: Work) -> Version:
    return Version(
        id=0,
        article=article.id,
        lang="zh" if article.lang == "zh" else "en",
        kind="shipped",
        state="confirmed",
        title=article.title,
        topic=article.topic,
        source=article.source,
        html=article.html,
        phrasings=article.phrasings,
        effective_from=article.effective_from,
        version=article.version,
        written_by="",
        written_at=work.now,
        effect=None,
        gap_id=None,
        reason=None,
    )


async def roll_back(work: Work, who: Actor, article: str, lang: Lang, version_id: int) -> int:
    """A draft with the words of an earlier version (0: the shipped one), from today on; a second person confirms it."""
    access.require(who, *EDITORS)
    if version_id:
        row = await rows.locked(work.session, version_id)
        text = row.text if row is not None and row.article == article and row.sequence is not None else None
    else:
        text = next(
            (
                a.raw
                for a in work.deps.library().articles()
                if (a.id, a.lang) == (article, lang) and _is_file(a)
            ),
            None,
        )
    if text is None:
        raise unknown(article)
    head, body = take_apart(text)
    head |= {"effective_from": work.today, "expires_on": None}
    return await draft(work, who, put_together(head, body), lang, rollback=True)


async def withdraw(work: Work, who: Actor, article: str, reason: str) -> tuple[str, ...]:
    """Takes an article away at once, in every language; its languages. One person is enough to stop a wrong answer."""
    decider = access.require(who, *CONFIRMERS)
    languages: tuple[Lang, ...] = ("zh", "en")
    gone = [found for lang in languages if (found := current(work, article, lang)) is not None]
    if not gone:
        raise unknown(article)
    for found in gone:
        row = ArticleVersion(
            article=article,
            lang=found.lang,
            kind="withdrawal",
            state="confirmed",
            sequence=await queues.next_number(work.session, _SEQUENCE),
            text=found.raw,
            effective_from=work.today,
            chat_id=who.chat_id,
            written_by=decider.code,
            written_at=work.now,
            decided_by=decider.code,
            decided_at=work.now,
            reason=reason.strip()[:500],
        )
        work.session.add(row)
        await work.session.flush()
        await audit.note(work, who, "article.withdrawn", _subject(row), sequence=row.sequence)
    for member in await _others(work, decider.code):
        assert member.chat_id is not None
        await outbox.say(
            work,
            member.chat_id,
            "article.withdrawn_by",
            priority=Priority.STAFF,
            title=gone[0].title,
            article=article,
            by=decider.name,
            reason=reason,
        )
    return tuple(found.lang for found in gone)


def _subject(row: ArticleVersion) -> str:
    return f"article:{row.lang}/{row.article}"
