"""What a draft would change, computed beside the running bot: golden questions, overlaps, contradictions, figures.

``python -m knowledge.effects`` reads a pickled ``Question`` on standard input and writes JSON lines: ``{"progress":
0.4}`` while it works, ``{"effect": {...}}`` at the end. It builds the index with the draft in, which is then in the
cache for the bot when the draft is confirmed.
"""

import json
import pickle
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date

from domain.knowledge import Article, Finding, Status
from knowledge import evaluation, questions
from knowledge.articles import read_article
from knowledge.drafts import SHOWN, Effect, Question, Recipe
from knowledge.evaluation import Judged, Outcome
from knowledge.figures import conflicts, numbers_in, unsourced
from knowledge.files import LibraryError
from knowledge.grouping import likeness, weights
from knowledge.library import Library
from knowledge.overlay import Sheet
from knowledge.questions import Golden
from knowledge.soundness import copied
from knowledge.writing import take_apart

_COMPARED = 10
_BUILT = 0.3  # the share of the work that building the index is
_EVERY = 25

Report = Callable[[float], None]


def effect_of(question: Question, report: Report) -> Effect:
    """Compares the library with and without the drafts. Raises ``LibraryError`` where one cannot be read."""
    recipe = question.recipe
    before = recipe.load(question.sheets, today=lambda: question.today)
    read = [_read(before, question, draft) for draft in question.drafts]
    drafts = [article for article, _ in read]
    report(_BUILT / 3)
    # As of the last first day: drafts for next month are compared as it will be.
    day = max((question.today, *(d.effective_from for d in drafts if d.effective_from is not None)))
    after = recipe.load([*question.sheets, *question.drafts], today=lambda: day)
    report(_BUILT)
    languages = sorted({article.lang for article in drafts})
    golden = [one for lang in languages for one in questions.read(recipe.golden / f"{lang}.jsonl")]
    flips = _flips(before, after, golden, day, report)
    found = {
        "better": [_flip(old, new) for old, new in flips if new.outcome is Outcome.RIGHT],
        "worse": [_flip(old, new) for old, new in flips if old.outcome is Outcome.RIGHT],
        "moved": [_flip(old, new) for old, new in flips if Outcome.RIGHT not in (old.outcome, new.outcome)],
        **_beside(after, drafts, question, day),
    }
    notes = [
        *(str(finding) for _, findings in read for finding in findings),
        *(str(finding) for finding in copied(drafts, golden)),
        *(note for article in drafts for note in _notes(article)),
    ]
    return Effect(
        asked=len(golden),
        notes=tuple(notes[:SHOWN]),
        counts={name: len(lines) for name, lines in found.items()},
        **{name: tuple(lines[:SHOWN]) for name, lines in found.items()},
    )


def _beside(
    after: Library, drafts: Sequence[Article], question: Question, day: date
) -> dict[str, list[dict[str, str]]]:
    """What the drafts say that others say too, say otherwise, or that nothing holds."""
    own = {(article.lang, article.id) for article in drafts}
    others = [a for a in after.articles() if (a.lang, a.id) not in own and _holds(a, day)]
    held = _held(question.recipe)
    # Comparing every phrasing of a whole library with every other takes too long to wait for.
    compared = drafts if len(drafts) <= _COMPARED else ()
    return {
        "overlaps": [line for d in compared for line in _overlaps(after, d, others, question.overlap)],
        "conflicts": [
            {
                "mine": c.mine.shown,
                "said": c.mine.sentence,
                "theirs": c.theirs.shown,
                "there": c.theirs.sentence,
                "article": c.article,
                "title": c.title,
            }
            for draft in drafts
            for c in conflicts(draft, others)
        ],
        "unsourced": [
            {"figure": figure.shown, "said": figure.sentence}
            for draft in drafts
            for figure in unsourced(take_apart(draft.raw)[1], *held)
        ],
    }


def _read(library: Library, question: Question, draft: Sheet) -> tuple[Article, Sequence[Finding]]:
    assert draft.text is not None
    article, findings = read_article(
        draft.text.encode(), draft.name, draft.lang, library.topics(), question.recipe.facts
    )
    if article is None or any(finding.fatal for finding in findings):
        raise LibraryError([finding for finding in findings if finding.fatal])
    return article, findings


def _flips(
    before: Library, after: Library, golden: Sequence[Golden], day: date, report: Report
) -> list[tuple[Judged, Judged]]:
    runs: tuple[list[Judged], list[Judged]] = ([], [])
    for number, one in enumerate(golden):
        for library, judged in zip((before, after), runs, strict=True):
            judged.append(evaluation.judge(one, library.ask(one.q, as_of=day)))
        if number % _EVERY == 0:
            report(_BUILT + (1 - _BUILT) * number / len(golden))
    return evaluation.flips(*runs)


def _flip(old: Judged, new: Judged) -> dict[str, str]:
    return {"q": old.golden.q, "wanted": old.wanted, "before": old.got, "after": new.got}


def _overlaps(
    library: Library, draft: Article, others: Sequence[Article], alike: float
) -> Iterator[dict[str, str]]:
    """The draft's phrasings that another article has too, or nearly: the nearest of each, worst first."""
    engine = library.engine("zh" if draft.lang == "zh" else "en")
    if engine is None:
        return
    theirs = [
        (other, said, weights(engine, said)) for other in others for said in (other.title, *other.phrasings)
    ]
    found = []
    for said in (draft.title, *draft.phrasings):
        mine = weights(engine, said)
        value, other, near = max(
            ((likeness(mine, weighed), other, near) for other, near, weighed in theirs),
            key=lambda one: one[0],
            default=(0.0, draft, ""),
        )
        if value >= alike:
            found.append((value, said, near, other))
    for value, said, near, other in sorted(found, key=lambda one: -one[0]):
        yield {
            "phrasing": said,
            "near": near,
            "article": other.id,
            "title": other.title,
            "like": f"{value:.2f}",
        }


def _holds(article: Article, day: date) -> bool:
    return article.status is Status.CONFIRMED and article.in_force(day)


def _held(recipe: Recipe) -> tuple[Collection[str], Collection[str]]:
    """(the numbers of the company's facts, those of the contract table)."""
    words: list[str] = []
    for sections in (recipe.facts or {}).values():
        for section in sections.values():
            if isinstance(section, Mapping):
                words.extend(map(str, section.values()))
    table = recipe.tables / "contracts.csv"
    return numbers_in(words), numbers_in([table.read_text("utf-8")] if table.exists() else [])


def _notes(article: Article) -> Iterator[str]:
    first, last = article.effective_from, article.expires_on
    if first is not None and last is not None and last <= first:
        yield f"{article.id}: expires_on is not after effective_from"
    if article.status is not Status.CONFIRMED:
        yield f"{article.id}: status is draft: it would not answer"


def main() -> None:
    """One question in, JSON lines out."""

    def line(**told: object) -> None:
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    question: Question = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - from our own process
    try:
        line(effect=effect_of(question, lambda share: line(progress=round(share, 3))).as_json())
    except LibraryError as error:
        line(refused=[str(finding) for finding in error.findings])


if __name__ == "__main__":
    main()
