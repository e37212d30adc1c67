"""The house's own confirmed versions over the shipped articles: files are the base, the newest confirmation wins."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from domain.knowledge import Article, Status
from knowledge.articles import Shelf, across, read_article


@dataclass(frozen=True, slots=True)
class Sheet:
    """One confirmed version: ``text`` is the whole article file, None withdraws the article.

    ``name`` is what findings call it.
    """

    lang: str
    article: str
    text: str | None
    name: str


def lay_over(
    shelf: Shelf,
    sheets: Sequence[Sheet],
    topics: Collection[str],
    facts: Mapping[str, Mapping[str, object]] | None,
) -> Shelf:
    """The shelf with ``sheets`` on it, in the order of their confirmation.

    From its first day on a version replaces every version that was confirmed before it; until then they hold as they
    did. A withdrawal takes every earlier version away, for questions about the past too.
    """
    articles = list(shelf.articles)
    findings = list(shelf.findings)
    for sheet in sheets:
        if sheet.text is None:
            articles = [a for a in articles if (a.lang, a.id) != (sheet.lang, sheet.article)]
            continue
        article, wrong = read_article(sheet.text.encode(), sheet.name, sheet.lang, topics, facts)
        findings.extend(wrong)
        if article is not None:
            articles = [*_until(articles, article), article]
    if sheets:
        findings.extend(across(articles))
    return Shelf(tuple(articles), tuple(dict.fromkeys(findings)))


def _until(articles: Sequence[Article], new: Article) -> Iterator[Article]:
    """Earlier versions of the same article end on the first day of the new one; those that never began are gone."""
    first = new.effective_from or date.min
    for article in articles:
        if (article.lang, article.id) != (new.lang, new.id) or new.status is not Status.CONFIRMED:
            yield article
        elif (article.effective_from or date.min) < first:
            ends = min(article.expires_on or date.max, first)
            yield replace(article, expires_on=ends)
