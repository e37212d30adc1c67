"""How figures, days and names are written, and that no value can become markup."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateNotFound, UndefinedError

from messages import phrases
from messages.phrases import Phrases
from messages.split import plain

HERE = Path(phrases.__file__).parent


def company(_lang: str) -> dict[str, str]:
    return {"name": "示例期货 <b>"}


@pytest.fixture
def own(tmp_path: Path) -> Phrases:
    """Two templates and two labels of one's own."""
    for lang in ("zh", "en"):
        folder = tmp_path / "templates" / lang
        folder.mkdir(parents=True)
        (folder / "x.said.html.j2").write_text("  <b>{{ words }}</b> {{ company.name }}\n\n", "utf-8")
        (folder / "x.label.html.j2").write_text("{{ label('x.go') }} {{ at|moment }} {{ at|clock }}", "utf-8")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "x.yaml").write_text("x.go: {zh: 去, en: Go}\n", "utf-8")
    return Phrases(company, tmp_path)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("12921.5", "12,921.50"),
        ("0", "0.00"),
        ("-0.005", "-0.00"),
        ("1000000000000.01", "1,000,000,000,000.01"),
    ],
)
def test_money_has_separators_and_two_decimals(amount: str, text: str) -> None:
    """Also a million millions."""
    assert phrases.money(Decimal(amount)) == text


def test_a_degree_is_a_percentage_with_one_decimal() -> None:
    """1.073 is 107.3%."""
    assert phrases.percent(Decimal("1.073")) == "107.3%"
    assert phrases.percent(0.5, 0) == "50%"


def test_names_and_accounts_are_masked() -> None:
    """A star, and the last four."""
    assert phrases.masked("王明") == "王*"
    assert phrases.masked("Ada Lovelace") == "A*"
    assert phrases.tail("80012345") == "2345"


def test_days_and_moments_are_beijing_s() -> None:
    """Late on a UTC evening it is the next day in Beijing."""
    evening = datetime(2026, 8, 17, 17, 30, tzinfo=UTC)
    assert phrases.moment_text(evening, "zh") == "8月18日（周二）01:30"
    assert phrases.moment_text(evening, "en") == "Tue 18 Aug 01:30"
    assert phrases.day_text(date(2026, 11, 23), "zh") == "11月23日（周一）"


SHIPPED = Phrases(company)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30))
def test_whatever_a_person_is_called_is_only_letters(words: str) -> None:
    """Markup and template syntax in a value come out as they were written."""
    shown = SHIPPED._environments["zh"].from_string("<b>{{ words }}</b>").render(words=words)
    assert plain(shown) == words
    assert shown.count("<") == 2


def test_the_company_s_facts_are_escaped_too_and_blank_edges_go(own: Phrases) -> None:
    """Somebody writes config.yaml by hand."""
    assert own.text("x.said", "zh", words="{{ 7*7 }}") == "<b>{{ 7*7 }}</b> 示例期货 &lt;b&gt;"


def test_a_template_sees_the_labels_of_its_language(own: Phrases) -> None:
    """And writes times as its language does."""
    at = datetime(2026, 8, 17, 4, tzinfo=UTC)
    assert own.text("x.label", "zh", at=at) == "去 8月17日（周一）12:00 12:00"
    assert own.text("x.label", "en", at=at) == "Go Mon 17 Aug 12:00 12:00"


def test_a_fact_that_is_missing_is_a_defect_and_not_a_gap(own: Phrases) -> None:
    """Nobody is sent "您的保证金为  元"."""
    with pytest.raises(UndefinedError):
        own.text("x.said", "zh")
    with pytest.raises(TemplateNotFound):
        own.text("x.nothing", "zh")
    with pytest.raises(KeyError):
        own.label("x.nothing", "zh")


def test_words_with_a_blank_in_front_are_a_label_already(own: Phrases) -> None:
    """A suggested question on a button."""
    assert own.label(" 怎么开户", "zh") == "怎么开户"
    assert own.label("x.go", "en") == "Go"


def test_a_label_that_stands_twice_is_refused(tmp_path: Path, own: Phrases) -> None:
    """Two features must not fight over a word."""
    (tmp_path / "labels" / "y.yaml").write_text("x.go: {zh: 走, en: Walk}\n", "utf-8")
    with pytest.raises(ValueError, match=r"x\.go"):
        Phrases(company, tmp_path)


# Texts that a template of ours has made already: escaping them again would show its tags.
MADE_OF_TEMPLATES = {("risk.acknowledged", "{{ text|safe }}"), ("imports.refused", "{{ reason|safe }}")}


def test_no_template_switches_escaping_off() -> None:
    """Except for what is Telegram's HTML already."""
    unescaped = {
        (path.name.removesuffix(".html.j2"), line)
        for path in (HERE / "templates").rglob("*.j2")
        for line in path.read_text("utf-8").splitlines()
        if "autoescape" in line or "|safe" in line.replace(" ", "")
    }
    assert unescaped == MADE_OF_TEMPLATES
