"""The articles that ship: in both languages, asked for in many ways, with ways on that lead somewhere."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from bot.settings import policy
from domain.knowledge import Article
from knowledge.articles import LANGUAGES, read_shelf, source_for_clients

KNOWLEDGE = Path(__file__).parents[2] / "knowledge"
TOPICS = set(yaml.safe_load((KNOWLEDGE / "topics.yaml").read_text("utf-8")))
FEWEST = 25
STEPS = {"human", "my", "link", "complain", "open_account", "calc_margin", "calc_fee"}
INTERNAL = (
    "合规确认",
    "confirmed by compliance",
    "company's compliance",
    ".csv",
    "开平标志",
    "offset flag",
    "示例公司",
)
# An amount, a share or a telephone number typed into a text instead of being a fact of config.yaml.
FIGURE = re.compile(r"\d\s?%|\d\s?元(?!/)|\d\s?万|CNY \d|\d{3,4}-\d{3,4}-?\d{4}|\b\d{1,2}:\d{2}\b")


def shelf() -> tuple[Article, ...]:
    house = policy(KNOWLEDGE.parent / "config.yaml")
    facts = {
        lang: {"company": house.company.words(lang), "facts": house.fact_words(lang)} for lang in LANGUAGES
    }
    read = read_shelf(KNOWLEDGE / "articles", TOPICS, facts)
    assert [str(finding) for finding in read.findings] == []
    return read.articles


ALL = shelf()
IDS = {article.id for article in ALL}
article_of = pytest.mark.parametrize("article", ALL, ids=lambda article: f"{article.lang}/{article.id}")


def test_every_article_is_there_in_both_languages_under_the_same_topic() -> None:
    """A client may change the language in the middle of a talk."""
    topics = {lang: {a.id: a.topic for a in ALL if a.lang == lang} for lang in LANGUAGES}
    assert topics["zh"] == topics["en"]


def test_every_topic_has_an_article() -> None:
    """The table of contents has no empty chapter."""
    assert {article.topic for article in ALL} == TOPICS


@article_of
def test_an_article_is_asked_for_in_many_ways(article: Article) -> None:
    """Phrasings that differ in more than signs and capitals, keywords, and what belongs elsewhere."""
    said = Counter(re.sub(r"\W", "", phrasing).lower() for phrasing in article.phrasings)
    assert len(said) >= FEWEST
    assert len(article.keywords) >= 3
    assert article.not_for


@article_of
def test_every_way_on_leads_to_another_article(article: Article) -> None:
    """Next steps and related articles exist, and none leads back to itself."""
    assert article.related
    assert article.id not in article.related
    for step in article.next_steps:
        do, _, target = step.do.partition(":")
        assert do in STEPS or (do == "ask" and target in TOPICS | IDS)
        first = min((a.id for a in ALL if a.topic == target), default=target)
        assert do != "ask" or first != article.id


@pytest.mark.parametrize(
    "path", sorted((KNOWLEDGE / "articles").rglob("*.md")), ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_figures_are_facts_and_not_words(path: Path) -> None:
    """Rates, amounts, hours and telephones stand in config.yaml, where compliance confirms them."""
    body = path.read_text("utf-8").split("---\n", 2)[2]
    assert FIGURE.findall(re.sub(r"{{.*?}}", "", body)) == []


@article_of
def test_no_client_reads_what_is_meant_for_staff(article: Article) -> None:
    """Neither the mark of what compliance has yet to confirm, nor the name of a file or of an interface."""
    shown = f"{source_for_clients(article)}\n{article.text}"
    internal = [word for word in INTERNAL if word in shown]
    assert not internal, internal
    assert source_for_clients(article)
