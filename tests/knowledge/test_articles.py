"""Article files: what is read, and what is refused by file and key."""

from collections.abc import Callable
from pathlib import Path

import pytest

from domain.knowledge import Article
from knowledge.articles import read_plain, read_shelf, source_for_clients
from tests.knowledge.conftest import ARTICLES, FACTS

Write = Callable[[dict[str, str]], Path]
TOPICS = {"account.online_opening", "fee.close_today"}
GOOD = ARTICLES["zh/open.md"]


def findings(folder: Path) -> list[str]:
    return [str(finding) for finding in read_shelf(folder, TOPICS, FACTS).findings]


def test_company_facts_are_filled_in_and_the_text_comes_plain_and_as_html(shelf: Write) -> None:
    """Variables become words, bold becomes a tag in HTML and nothing in plain text."""
    (article,) = read_shelf(shelf({"zh/open.md": GOOD}), TOPICS, FACTS).articles
    assert article.text == "开户全程在手机上办理。 热线 400-000-0000。\n\n• 准备身份证\n• 审核约 3 天"
    assert article.html.startswith("<b>开户全程在手机上办理。</b>")
    assert [step.do for step in article.next_steps] == ["human"]
    assert len(article.version) == 8


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "topic: account.online_opening",
            "topic: account.nothing",
            "zh/open.md: topic: account.nothing is not in topics",
        ),
        ("company.hotline", "company.fax", "zh/open.md:14: uses the variable company.fax"),
        ("{{ facts.days }}", "{{ facts.days", "zh/open.md:17: has a variable that cannot be read"),
        ("title: 怎么开户", "title:", "zh/open.md: title: is missing or empty"),
        ("status: confirmed", "status: ready", "zh/open.md: status: is ready, not one of draft, confirmed"),
        (
            "effective_from: 2022-08-01",
            "effective_from: someday",
            "zh/open.md: effective_from: is no date: someday",
        ),
        ("source: 期货和衍生品法第50条", "", "zh/open.md: source: is missing or empty"),
        ("keywords:", "keyword:", "zh/open.md: keyword: is not a key that articles have"),
        ("title: 怎么开户", "title: [怎么", "zh/open.md:5: is not YAML"),
        ("audience: public", "audience: everybody", "zh/open.md: audience: is everybody"),
        ("---\nid: open", "id: open", "zh/open.md:1: does not begin with front matter"),
        (
            "phrasings: [怎么开户, 手机开户的流程, 想开个期货账户, ",
            "phrasings: [",
            "zh/open.md: phrasings: has 2, at least 5",
        ),
    ],
)
def test_a_fault_is_named_by_file_and_key_or_line(shelf: Write, old: str, new: str, said: str) -> None:
    """Each finding is a sentence that begins with the place."""
    assert old in GOOD
    assert any(
        finding.startswith(said) for finding in findings(shelf({"zh/open.md": GOOD.replace(old, new, 1)}))
    )


def test_the_same_id_from_the_same_day_twice_is_refused(shelf: Write) -> None:
    """Versions of an article differ in their first day."""
    said = findings(shelf({"zh/open.md": GOOD, "zh/again.md": GOOD}))
    assert any("open is there twice from the same day" in finding for finding in said)


def test_a_phrasing_in_two_articles_is_pointed_out(shelf: Write) -> None:
    """It cannot land on both."""
    other = ARTICLES["zh/cost.md"].replace("平今免吗", "怎么开户")
    said = findings(shelf({"zh/open.md": GOOD, "zh/cost.md": other}))
    assert any("'怎么开户' is also a phrasing of" in finding for finding in said)


def test_an_article_without_a_text_is_refused(shelf: Write) -> None:
    """Front matter alone answers nothing."""
    front = GOOD[: GOOD.rindex("---") + 4]
    assert any("has no text" in finding for finding in findings(shelf({"zh/open.md": front})))


def test_a_file_that_is_not_utf8_is_refused(shelf: Write) -> None:
    """The finding says what to do."""
    folder = shelf({"zh/open.md": GOOD})
    (folder / "zh/open.md").write_bytes(GOOD.encode("gbk"))
    assert any("is not UTF-8" in finding for finding in findings(folder))


def test_a_plain_folder_needs_four_keys_and_keeps_braces_as_they_are(shelf: Write) -> None:
    """``--kb`` reads other people's articles: no variables, any topic."""
    folder = shelf(
        {
            "a.md": "---\nid: a\ntopic: x.y\ntitle: Card lost\nphrasings: [card is gone]\n---\nUse {{ this }}.\n"
        }
    )
    (article,) = read_plain(folder).articles
    assert (article.lang, article.text) == ("en", "Use {{ this }}.")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("行业通行做法，待公司合规确认；交易所结算细则", "行业通行做法；交易所结算细则"),
        ("期货和衍生品法第40条；安全存管制度（部分待公司合规确认）", "期货和衍生品法第40条；安全存管制度"),
        ("各交易所行权规则的通行口径，截止时间待公司合规确认", "各交易所行权规则的通行口径"),
        ("Company standard, to be confirmed by the company's compliance", "Company standard"),
        ("Usual terms; deadline to be confirmed by compliance", "Usual terms"),
        ("待公司合规确认", "标题"),
    ],
)
def test_a_client_reads_the_source_without_the_mark_for_staff(source: str, shown: str) -> None:
    """The clause that is in question goes with the mark; a source that was nothing else becomes the title."""
    article = Article("x", "zh", "fee.standard", "标题", (), "", "", "0", source=source)
    assert source_for_clients(article) == shown
