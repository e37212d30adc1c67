"""Figures in an article's text: where each comes from, and whether another article of the topic says another one.

A hint for the person who confirms, not a proof: words decide what a figure is about.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from domain.knowledge import Article

_VARIABLE = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)
# A law's article, a list's number, a document's own number and a date are no figures of the business.
_NAMED = re.compile(
    r"第\s*\d+\s*[条章款项号期]|《[^》]*》|^\s*\d+[.、)]\s|\d{4}\s*年(?:\s*\d+\s*月)?(?:\s*\d+\s*[日号])?|\d+\s*月\s*\d+\s*[日号]"
    r"|\d{4}-\d{2}-\d{2}|https?://\S+|\[[^\]]*\]\([^)]*\)|\bart(?:icle|\.)\s*\d+|[A-Za-z]+\d{3,4}",
    re.MULTILINE | re.IGNORECASE,
)
_FIGURE = re.compile(
    r"(?<![\w.])(\d[\d,]*(?:[.:：]\d+)?)\s*"
    r"(%|‰|％|个?百分点|万元|亿元|元|点|手|倍|吨|个?工作日|个?交易日|个?自然日|个?小时|小时|分钟|秒|天|日|周岁|岁|个?月|年|次|位|笔|"
    r"(?:working |trading |calendar )?days?|hours?|minutes?|months?|years?|lots?|yuan|CNY|times|percent|points?)?"
)
_SENTENCE = re.compile(r"[^。；\n.;!?！？]+(?:\.\d[^。；\n.;!?！？]*)*")
_OF_TABLES = (
    "",
    "%",
    "‰",
    "元",
    "点",
    "手",
    "倍",
    "吨",
    "yuan",
    "cny",
    "lot",
    "lots",
    "percent",
    "point",
    "points",
)
_CONTEXT = 14
_ABOUT_THE_SAME = 0.34


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit, and the sentence in which it stands."""

    number: str
    unit: str
    sentence: str
    before: str

    @property
    def shown(self) -> str:
        return f"{self.number}{' ' if self.unit[:1].isalpha() and self.unit.isascii() else ''}{self.unit}"


@dataclass(frozen=True, slots=True)
class Conflict:
    """The same thing with two figures: here, and in another article of the topic."""

    mine: Figure
    theirs: Figure
    article: str
    title: str


def figures(text: str) -> Iterator[Figure]:
    """The figures of a text without variables, law articles, list numbers and dates."""
    bare = _NAMED.sub(lambda m: "　" * len(m[0]), _VARIABLE.sub(lambda m: "　" * len(m[0]), text))
    for sentence in _SENTENCE.finditer(bare):
        for found in _FIGURE.finditer(sentence[0]):
            start = sentence.start() + found.start()
            yield Figure(
                number=found[1].replace(",", "").replace("：", ":"),
                unit=(found[2] or "").lower().removeprefix("个").replace("％", "%"),
                sentence=text[sentence.start() : sentence.end()].strip(" -*　\t"),
                before=bare[max(sentence.start(), start - _CONTEXT) : start],
            )


def unsourced(body: str, facts: Collection[str], tables: Collection[str] = ()) -> tuple[Figure, ...]:
    """Figures typed into an article's Markdown that no company fact and no table holds, by their numbers.

    Tables hold money, rates and sizes of contracts: a number of days that stands there too is chance.
    """
    return tuple(
        figure
        for figure in figures(body)
        if figure.number not in facts and not (figure.unit in _OF_TABLES and figure.number in tables)
    )


def numbers_in(words: Iterable[str]) -> frozenset[str]:
    """Every number that stands in some values, as ``Figure.number`` spells it."""
    return frozenset(
        found.replace(",", "").replace("：", ":")
        for value in words
        for found in re.findall(r"\d[\d,]*(?:[.:：]\d+)?", value)
    )


def conflicts(draft: Article, others: Iterable[Article]) -> tuple[Conflict, ...]:
    """Figures of the same unit about the same words that differ from those of the topic's other articles."""
    mine = [figure for figure in figures(draft.text) if figure.unit]
    found: list[Conflict] = []
    for other in others:
        if other.lang != draft.lang or other.topic != draft.topic or other.id == draft.id:
            continue
        theirs = [figure for figure in figures(other.text) if figure.unit]
        for figure in mine:
            alike = [t for t in theirs if t.unit == figure.unit and _alike(t.before, figure.before)]
            if alike and all(t.number != figure.number for t in alike):
                found.append(Conflict(figure, alike[0], other.id, other.title))
    return tuple(found)


def _alike(one: str, other: str) -> bool:
    """Whether two figures are about the same thing: pairs of characters that both have in front of them."""
    pairs = [
        {text[at : at + 2] for at in range(len(text) - 1) if text[at : at + 2].isalpha()}
        for text in (one, other)
    ]
    smaller = min(len(pairs[0]), len(pairs[1]))
    return smaller > 0 and len(pairs[0] & pairs[1]) >= _ABOUT_THE_SAME * smaller
