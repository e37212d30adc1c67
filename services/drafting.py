"""The guided writing of an article in chat: one question at a time, kept in the chat's dialog, put together at the end.

A new article asks for its title, topic, text, source, first day and phrasings; a change only for what changes.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from db import articles as rows
from db import people
from db.models import Dialog, Gap
from domain.people import Actor
from knowledge.library import Lang
from knowledge.writing import put_together, take_apart
from services import access, articles, gaps
from services.gaps import EDITORS
from services.work import Work

DIALOG = "draft"
NEW = ("title", "topic", "text", "source", "day", "phrasings")
CHANGE = ("text", "source", "day")
ASIDE = ("target", "article", "dismiss", "return", "withdraw")
"""Steps outside of the writing that wait for words too."""
_KEPT = timedelta(hours=24)
_REVIEWED_AFTER = timedelta(days=365)
_FEWEST = 2  # characters of a phrasing that is one


@dataclass(frozen=True, slots=True)
class Writing:
    """What is being written in a chat, and which step it is at."""

    step: str
    data: dict[str, Any]

    @property
    def lang(self) -> Lang:
        return "en" if self.data.get("lang") == "en" else "zh"

    @property
    def gap_id(self) -> int | None:
        found: int | None = self.data.get("gap")
        return found


async def writing(work: Work, who: Actor) -> Writing | None:
    """The draft of this chat that is not finished and has not expired."""
    found = await people.dialog(work.session, who.chat_id)
    if found is None or found.name != DIALOG or found.expires_at <= work.now:
        return None
    return Writing(found.step, dict(found.data))


async def go_to(work: Work, who: Actor, step: str, data: dict[str, Any]) -> Writing:
    """Stores the step."""
    access.require(who, *EDITORS)
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
    return Writing(step, data)


async def leave(work: Work, who: Actor) -> None:
    """Forgets what was being written here."""
    if await writing(work, who) is not None:
        await people.drop_dialog(work.session, who.chat_id)


async def begin(work: Work, who: Actor, gap_id: int | None, article: str | None = None) -> Writing:
    """A new article for a gap, or a change of ``article`` (its Markdown is what is changed)."""
    access.require(who, *EDITORS)
    gap = await gaps.opened(work, gap_id) if gap_id is not None else None
    lang: Lang = "en" if gap is not None and gap.lang == "en" else "zh"
    data: dict[str, Any] = {"gap": gap_id, "lang": lang}
    if gap is not None and gap.proposal:
        data["proposal"] = gap.proposal
    if article is None:
        return await go_to(work, who, "title", data | {"known": await _known(work, gap)})
    found = articles.current(work, article, lang) or articles.current(work, article, "zh")
    if found is None:
        raise articles.unknown(article)
    return await go_to(work, who, "text", data | {"lang": found.lang, "raw": found.raw})


async def rewrite(work: Work, who: Actor, version_id: int) -> Writing:
    """A draft of one's own, its text to be written anew; the former draft is dropped."""
    raw, lang, gap_id = await articles.text_of(work, who, version_id)
    await articles.drop(work, who, version_id)
    return await go_to(work, who, "text", {"gap": gap_id, "lang": lang, "raw": raw, "rewrite": True})


async def _known(work: Work, gap: Gap | None) -> list[str]:
    """The gap's own wordings that carry no stars: how people really asked."""
    if gap is None:
        return []
    return [words for words in await gaps.wordings(work, gap) if "*" not in words][:30]


def present_text(found: Writing) -> str:
    """The Markdown that is being changed; empty for a new article."""
    return take_apart(found.data["raw"])[1] if "raw" in found.data else str(found.data.get("proposal") or "")


def topics_for(work: Work, found: Writing) -> list[tuple[str, str]]:
    """(slug, name) of the topics that the title is nearest to."""
    answer = work.deps.library().ask(str(found.data.get("title", "")), lang=found.lang, as_of=work.today)
    names = work.deps.library().topics()
    slugs = dict.fromkeys(candidate.topic for candidate in answer.candidates if candidate.topic in names)
    return [(slug, names[slug]) for slug in slugs]


def following(found: Writing) -> str | None:
    """The step after this one; None where everything was asked."""
    steps = CHANGE if "raw" in found.data else NEW
    if found.step == "text" and found.data.get("rewrite"):
        return None
    at = steps.index(found.step) + 1
    return steps[at] if at < len(steps) else None


def accepted(work: Work, found: Writing, words: str) -> dict[str, Any] | None:
    """The data with what was answered to the present step; None where the words do not fit it."""
    words = words.strip()
    match found.step:
        case "topic":
            return found.data | {"topic": words} if words in work.deps.library().topics() else None
        case "day":
            day = _day(words)
            return None if day is None or day < work.today else found.data | {"day": day.isoformat()}
        case "phrasings":
            lines = [line.strip(" ·-\t") for line in words.splitlines()]
            said = [line for line in lines if len(line) >= _FEWEST]
            known = list(dict.fromkeys((*found.data.get("known", ()), *said)))
            return found.data | {"known": known}
        case step:
            return found.data | {step: words}


def _day(words: str) -> date | None:
    if not re.fullmatch(r"\d{4}-\d{1,2}-\d{1,2}", words):
        return None
    year, month, day = map(int, words.split("-"))
    try:
        return date(year, month, day)
    except ValueError:
        return None


async def finish(work: Work, who: Actor, found: Writing) -> int:
    """Puts the draft together and has it compared; its number."""
    text = _changed(found) if "raw" in found.data else await _new(work, found)
    await people.drop_dialog(work.session, who.chat_id)
    return await articles.draft(work, who, text, found.lang, gap_id=found.gap_id)


def _changed(found: Writing) -> str:
    data = found.data
    head, body = take_apart(data["raw"])
    if data.get("source"):
        head["source"] = data["source"]
    if data.get("day"):
        head |= {"effective_from": date.fromisoformat(data["day"]), "expires_on": None}
    return put_together(head, data.get("text") or body)


async def _new(work: Work, found: Writing) -> str:
    data = found.data
    first = date.fromisoformat(data["day"])
    head = {
        "id": await _free_id(work, data["topic"], found.lang),
        "topic": data["topic"],
        "title": data["title"],
        "phrasings": data["known"] or [data["title"]],
        "audience": "public",
        "effective_from": first,
        "expires_on": None,
        "review_by": first + _REVIEWED_AFTER,
        "status": "confirmed",
        "basis": "D",
        "source": data["source"],
        "next": [{"label": work.deps.phrases.label("ask.human", found.lang), "do": "human"}],
    }
    return put_together(head, data["text"])


async def _free_id(work: Work, topic: str, lang: Lang) -> str:
    """``risk.margin_call`` -> risk-margin-call, with a number where that is taken in this language."""
    taken = {a.id for a in work.deps.library().articles() if a.lang == lang}
    taken |= await rows.ids(work.session, lang)
    name = re.sub(r"[._]", "-", topic)
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found
