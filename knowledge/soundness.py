"""Is what answers exactly what was confirmed, and did nobody teach the library its own examination?"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date

from domain.knowledge import Article, Finding, Status
from knowledge.articles import Shelf
from knowledge.library import Lang, Library
from knowledge.questions import Golden


def unequal(library: Library, day: date) -> Iterator[Finding]:
    """Articles that are confirmed and in force and cannot answer, articles that can and should not, and those found by
    other phrasings than were confirmed.
    """
    languages: tuple[Lang, ...] = ("zh", "en")
    for lang in languages:
        due = {a.id for a in library.articles() if a.lang == lang and _answers(a, day)}
        can = library.answering(lang, day)
        for name in sorted(due - can):
            yield Finding(f"{lang}/{name}", "is confirmed and not in the index", "build the index anew")
        for name in sorted(can - due):
            yield Finding(f"{lang}/{name}", "answers and is not confirmed", "build the index anew")
        indexed = library.phrasings(lang)
        for (of, name), versions in Shelf(library.articles(), ()).wordings(day).items():
            if of == lang and name in indexed:
                confirmed = {phrasing for version in versions for phrasing in version.phrasings}
                for phrasing in sorted(confirmed ^ indexed[name]):
                    problem = (
                        "lacks the phrasing" if phrasing in confirmed else "is still found by the phrasing"
                    )
                    yield Finding(f"{lang}/{name}", f"{problem} {phrasing!r}", "build the index anew")


def withdrawn(library: Library, day: date) -> Iterator[Finding]:
    """Texts that answer one of their own phrasings although they are drafts, expired or not yet in force."""
    for article in library.articles():
        if _answers(article, day):
            continue
        for phrasing in (article.title, *article.phrasings):
            cited = library.ask(phrasing, as_of=day).citations
            if any(c.article == article.id and c.version == article.version for c in cited):
                where = f"{article.lang}/{article.id}"
                yield Finding(where, f"is not in force and answers: {phrasing}", "build the index anew")
                break


def copied(articles: Iterable[Article], questions: Iterable[Golden]) -> Iterator[Finding]:
    """Golden questions that stand in an article: what was learnt by heart measures nothing.

    One or two are chance, for short questions have few wordings; that is why none is fatal.
    """
    said = {bare(p): f"{a.lang}/{a.id}" for a in articles for p in a.phrasings}
    for golden in questions:
        if home := said.get(bare(golden.q)):
            what = f"stands in {home} word for word: {golden.q}"
            yield Finding(golden.where, what, "put other words into the article", fatal=False)


def unknown_topics(topics: Collection[str], questions: Iterable[Golden]) -> Iterator[Finding]:
    """Golden questions whose topic does not exist: they would be wrong for ever."""
    for golden in questions:
        for topic in (golden.topic, *(part.topic for part in golden.parts)):
            if topic is not None and topic not in topics:
                yield Finding(golden.where, f"{topic} is no topic", "use a slug of knowledge/topics.yaml")


def _answers(article: Article, day: date) -> bool:
    return article.status is Status.CONFIRMED and article.in_force(day)


def bare(text: str) -> str:
    """A text without what two writings of it differ in: case, spaces, signs."""
    return "".join(c for c in text.lower() if c.isalnum())
