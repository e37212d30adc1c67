"""The library out as files and in again: nothing changes on the way, and what cannot be taken is named by its row."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.knowledge import Article
from knowledge.articles import read_article
from knowledge.transfer import COLUMNS, from_cells, to_cells
from knowledge.writing import put_together, same
from services.article_files import Plan, as_workbook, markdown_files, plan, read_folder, read_one, read_table
from tests.knowledge.conftest import ARTICLES, FACTS

TODAY = date(2026, 9, 10)
TOPICS = ("account.online_opening", "fee.close_today", "risk.margin_call", "account.closure", "complaint.how")


def shelf() -> list[Article]:
    """The articles of the small library."""
    found = []
    for name, text in ARTICLES.items():
        article, _ = read_article(text.encode(), name, name.partition("/")[0], TOPICS, FACTS)
        assert article is not None
        found.append(article)
    return found


def planned(data: bytes, on: Sequence[Article] | None = None) -> Plan:
    incoming, problems = read_table("kb.xlsx", data)
    return plan(shelf() if on is None else on, incoming, TOPICS, FACTS, TODAY, problems=problems)


def edited(change: dict[tuple[int, str], Any]) -> bytes:
    """The exported workbook with other values at (row, column)."""
    book = openpyxl.load_workbook(io.BytesIO(as_workbook(shelf())))
    page = book.worksheets[0]
    for (row, column), value in change.items():
        page.cell(row, COLUMNS.index(column) + 1).value = value
    return saved(book)


def saved(book: Any) -> bytes:
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def test_what_was_exported_changes_nothing_when_it_is_imported(tmp_path: Path) -> None:
    """As a workbook and as files; the files are byte for byte what they were."""
    assert planned(as_workbook(shelf())) == Plan((), len(ARTICLES), ())
    for name, raw in markdown_files(shelf()):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(raw, "utf-8")
        assert raw == ARTICLES[name]
    incoming, problems = read_folder(tmp_path)
    assert plan(shelf(), incoming, TOPICS, FACTS, TODAY, problems=problems) == Plan((), len(ARTICLES), ())


def test_an_import_into_an_empty_house_brings_everything() -> None:
    """What was not there is new."""
    found = planned(as_workbook([a for a in shelf() if a.expires_on is None]), on=[])
    assert {change.kind for change in found.changes} == {"new"}
    assert (len(found.changes), found.problems) == (len(ARTICLES) - 1, ())


def test_two_versions_from_one_name_are_two_files() -> None:
    """The second carries its first day in its name."""
    first = shelf()[0]
    twice = [replace(first, path="zh/open#1"), replace(first, path="zh/open#2", effective_from=TODAY)]
    assert [name for name, _ in markdown_files(twice)] == ["zh/open.md", "zh/open@2026-09-10.md"]


@pytest.mark.parametrize(
    ("change", "row", "told"),
    [
        ({(2, "source"): ""}, 2, "source is missing"),
        ({(2, "text"): "热线 {{ company.fax }}"}, 2, "company.fax"),
        ({(3, "id"): "open", (3, "effective_from"): "2022-08-01"}, 3, "there twice"),
        ({(2, "expires_on"): "2026-09-01"}, 2, "expired on 2026-09-01"),
        ({(2, "effective_from"): "soon"}, 2, "is no date"),
        ({(3, "phrasings"): "怎么开户\n平今多少钱\n日内平仓\n当天平\n平今费"}, 3, "also a phrasing of open"),
        ({(2, "topic"): "account.moon"}, 2, "not in topics.yaml"),
        ({(2, "lang"): "ru"}, 2, "lang is 'ru'"),
        ({(2, "id"): ""}, 2, "missing or empty"),
        ({(2, "text"): "{% for %}"}, 2, "cannot be read"),
    ],
)
def test_what_is_wrong_is_named_by_its_row(change: dict[tuple[int, str], Any], row: int, told: str) -> None:
    """And nothing else is blamed."""
    problems = planned(edited(change)).problems
    assert [p.where for p in problems] == [f"kb.xlsx: row {row}"]
    assert told in problems[0].problem


def test_a_changed_cell_is_a_changed_article() -> None:
    """Another text on the same day, another first day, another id."""
    same_day = planned(edited({(2, "text"): "**在手机上办理。**"})).changes
    assert [(c.kind, c.article.id, c.where) for c in same_day] == [("text", "open", "kb.xlsx: row 2")]
    later = planned(edited({(2, "effective_from"): "2026-10-01"})).changes
    assert [(c.kind, c.article.effective_from) for c in later] == [("version", date(2026, 10, 1))]


def test_merged_cells_and_formulas_are_refused() -> None:
    """A merged cell belongs to no row, and a formula is not what its writer sees."""
    book = openpyxl.load_workbook(io.BytesIO(as_workbook(shelf())))
    book.worksheets[0].merge_cells("C2:C3")
    assert [p.problem for p in planned(saved(book)).problems] == ["has merged cells"]
    (found,) = planned(edited({(2, "title"): "=1+1"})).problems
    assert found.where == "kb.xlsx: row 2"
    assert "formula" in found.problem


def test_words_that_begin_like_a_formula_stay_words() -> None:
    """They are written as text and come back as they were."""
    raw = ARTICLES["zh/cost.md"].replace("title: 平今手续费怎么收", 'title: "=SUM(A1)"')
    article = replace(shelf()[1], raw=raw)
    (change,) = planned(as_workbook([article])).changes
    assert change.article.title == "=SUM(A1)"


def test_too_many_rows_are_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand rows are no library."""
    monkeypatch.setattr("services.article_files.MOST_ROWS", 5)
    (found,) = planned(as_workbook(shelf())).problems
    assert found.problem == "the table has more than 5 rows"


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"no workbook", "workbook"), (b"", "workbook")],
)
def test_what_is_no_workbook_is_refused(data: bytes, told: str) -> None:
    """With a sentence and not a traceback."""
    (found,) = planned(data).problems
    assert told in found.problem


def test_columns_are_named_when_they_are_missing_or_unknown() -> None:
    """A heading that was misspelt must not lose a column silently."""
    book = openpyxl.load_workbook(io.BytesIO(as_workbook(shelf())))
    book.worksheets[0].cell(1, COLUMNS.index("text") + 1).value = "txt"
    assert {p.problem for p in planned(saved(book)).problems} == {
        "column txt is not known",
        "column text is missing",
    }


def test_a_single_file_says_its_language_by_its_words() -> None:
    """Where it lies in no folder that would."""
    assert [one.lang for name in ("zh/open.md", "en/open.md") for one in read_one("a.md", ARTICLES[name].encode(), None)[0]] == ["zh", "en"]  # fmt: skip
    assert "front matter" in read_one("a.md", b"no article", None)[1][0].problem


WORD = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=30
).map(str.strip)
WORDS = WORD.filter(bool)
LISTS = st.lists(WORDS, max_size=4, unique=True)
HEADS = st.fixed_dictionaries(
    {
        "id": st.just("any"),
        "topic": st.just("fee.close_today"),
        "title": WORDS,
        "phrasings": st.lists(WORDS, min_size=1, max_size=4, unique=True),
        "keywords": LISTS,
        "not_for": LISTS,
        "effective_from": st.dates(date(2000, 1, 1), date(2099, 12, 31)),
        "expires_on": st.none() | st.dates(date(2000, 1, 1), date(2099, 12, 31)),
        "source": WORDS,
        "status": st.just("confirmed"),
        "next": st.lists(
            st.fixed_dictionaries(
                {"label": WORDS, "do": st.sampled_from(["human", "ask:fee.close_today", "complain"])}
            ),
            max_size=2,
        ),
    }
)


@settings(max_examples=60, deadline=None)
@given(HEADS, st.lists(WORD, min_size=1, max_size=4).map("\n".join).filter(lambda t: bool(t.strip())))
def test_any_article_comes_back_from_its_cells(head: dict[str, Any], body: str) -> None:
    """Whatever its words are."""
    raw = put_together(head, body)
    lang, again = from_cells(dict(zip(COLUMNS, to_cells("zh", raw), strict=True)))
    assert lang == "zh"
    assert same(raw, again)
    assert put_together(head, body) == raw


@settings(max_examples=25, deadline=None)
@given(HEADS, WORDS)
def test_any_article_comes_back_from_a_workbook(head: dict[str, Any], body: str) -> None:
    """Through the real file format."""
    raw = put_together(head, body)
    article = replace(shelf()[0], id="any", raw=raw)
    incoming, problems = read_table("kb.xlsx", as_workbook([article]))
    assert problems == []
    assert same(raw, incoming[0].raw)
