"""The library as a whole: a question in, a sourced answer out."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.knowledge import Ask, Context, Kind
from domain.market import ClientPlan, MarginPlan, MarginRate
from knowledge.library import Library, LibraryError
from tests.knowledge.conftest import ARTICLES, FACTS, write

Write = Callable[[dict[str, str]], Path]
FIELDS = [
    "q",
    "kind",
    "topic",
    "article",
    "confidence",
    "alternatives",
    "candidates",
    "calc",
    "severity",
    "urgent",
    "citations",
    "text",
    "ms",
    "parts",
]


def test_an_article_answers_with_its_source_on_the_last_line(small: Library) -> None:
    """Text, citation, version, and what comes next."""
    answer = small.ask("怎么开户")
    assert (answer.kind, answer.topic, answer.article) == (Kind.ANSWER, "account.online_opening", "open")
    assert answer.text.splitlines()[-1] == "依据：期货和衍生品法第50条，自 2022-08-01 起施行"
    (citation,) = answer.citations
    assert (citation.article, citation.effective_from) == ("open", date(2022, 8, 1))
    assert [other.article for other in answer.related] == ["cost"]
    assert [step.do for step in answer.next_steps] == ["human"]


@pytest.mark.parametrize(
    "q",
    [
        "怎么开户",
        "rb2701 手续费",
        "我要投诉",
        "转人工",
        "明天会涨吗",
        "今天天气",
        "how do I open an account",
        "",
    ],
)
def test_every_answer_is_the_command_s_json_object(small: Library, q: str) -> None:
    """All fields, no others, and it can be written as JSON."""
    shown = small.ask(q).as_json()
    assert list(shown) == FIELDS
    assert json.loads(json.dumps(shown, ensure_ascii=False))["q"] == q
    assert 0 <= shown["confidence"] <= 1
    assert len(shown["candidates"]) <= 4


def test_a_margin_is_worked_out_line_by_line(small: Library) -> None:
    """The figures of the contract's example, the arithmetic, the remarks and the source."""
    answer = small.ask("螺纹钢两手保证金多少 按3030算")
    assert answer.calc is not None
    shown = answer.calc.as_json()
    assert (shown["product"], shown["lots"], shown["ask"], shown["price"]) == ("rb", 2, "margin", "3030.00")
    assert (shown["margin_exchange"], shown["margin_company"]) == ("4242.00", "7272.00")
    assert answer.text.splitlines() == [
        "螺纹钢 2 手，按 3,030 计算，公司保证金 7,272.00 元。",
        "公司保证金：3,030 × 10 × 2 手 × 12% = 7,272.00 元",
        "交易所保证金：3,030 × 10 × 2 手 × 7% = 4,242.00 元",
        "保证金标准取自主力合约，其他月份可能不同。",
        "依据：螺纹钢期货保证金标准（上期所），截至 2026-08-18",
    ]
    assert [c.as_json() for c in answer.citations] == [
        {"table": "contracts.csv", "row": "rb@2026-08-18", "as_of": "2026-08-18"}
    ]


def test_without_a_price_the_text_asks_for_one(small: Library) -> None:
    """The rate is told, no amount is made up."""
    answer = small.ask("rb2701 保证金")
    assert answer.calc is not None
    assert answer.calc.margin_company is None
    assert answer.missing == ("price",)
    assert "请告诉我按什么价格计算" in answer.text
    assert "12%" in answer.text


def test_a_fee_by_the_lot_needs_no_price(small: Library) -> None:
    """Soybean meal costs 1.50 a lot at the exchange."""
    answer = small.ask("豆粕两手手续费多少")
    assert answer.calc is not None
    assert answer.calc.fee_exchange_open == Decimal("3.00")
    assert answer.missing == ()


def test_the_latest_settlement_price_is_used_and_shown(small: Library) -> None:
    """Of the very contract, or of the product's newest."""
    prices = {"rb2610": (Decimal(3030), date(2026, 8, 17)), "rb2701": (Decimal(3100), date(2026, 8, 16))}
    answer = small.ask("螺纹两手保证金", prices=prices)
    assert answer.calc is not None
    assert answer.calc.price_source == "settlement rb2610 2026-08-17"
    assert answer.calc.margin_exchange == Decimal("4242.00")
    assert "rb2610 2026-08-17 结算价 3,030" in answer.text
    own = small.ask("rb2701两手保证金", prices=prices).calc
    assert own is not None
    assert own.price == 3100


def test_a_price_in_the_question_goes_before_the_settlement(small: Library) -> None:
    """The client's own figure counts."""
    calc = small.ask("螺纹保证金 按3000算", prices={"rb2610": (Decimal(3030), date(2026, 8, 17))}).calc
    assert calc is not None
    assert (calc.price, calc.price_source) == (3000, "question")


def test_an_old_rate_says_so(small: Library) -> None:
    """More than thirty days after its date."""
    assert "已超过 30 天" not in small.ask("螺纹保证金").text
    assert "已超过 30 天" in small.ask("rb2612手续费").text


def test_a_day_before_the_first_row_is_answered_from_it_and_says_so(small: Library) -> None:
    """The table's first row holds for earlier days too."""
    text = small.ask("螺纹保证金", as_of=date(2026, 3, 1)).text
    assert "最早的记录是 2026-08-18" in text


def test_a_rate_of_the_very_contract_is_named(small: Library) -> None:
    """rb2612 has a fee of its own; the product's row stands for the main contract only."""
    assert "rb2612 合约自己的记录" in small.ask("rb2612手续费").text
    assert "取自主力合约" in small.ask("rb2701手续费").text


def test_a_client_s_own_plan_is_used_and_said(small: Library) -> None:
    """Three points instead of five; the plan's internal name is not shown."""
    plan = ClientPlan(margin=MarginPlan("优享", {"": MarginRate(Decimal("0.03"))}))
    answer = small.ask("螺纹两手保证金 按3030算", plan=plan)
    assert answer.calc is not None
    assert answer.calc.margin_company == Decimal("6060.00")
    assert "约定标准" in answer.text
    assert "优享" not in answer.text


def test_several_products_come_as_a_list_with_items(small: Library) -> None:
    """And the sum, where every figure is known."""
    answer = small.ask("螺纹3030豆粕3250各两手保证金")
    assert answer.calc is not None
    shown = answer.calc.as_json()
    assert shown["product"] == ["rb", "m"]
    assert [item["margin_exchange"] for item in shown["items"]] == ["4242.00", "4550.00"]
    assert shown["margin_exchange"] == "8792.00"


@pytest.mark.parametrize(
    ("q", "ask", "result"),
    [
        ("10万能做几手螺纹 价格3030", Ask.MAX_LOTS, "27"),
        ("铁矿石一跳多少钱", Ask.TICK_VALUE, "50.00"),
        ("空了3手铜 从78000跌到77500 赚多少", Ask.PNL, "7500.00"),
        ("豆粕跌5跳两手亏多少", Ask.PNL, "-100.00"),
        ("沪金一手合约价值多少 按900算", Ask.CONTRACT_VALUE, "900000.00"),
        ("tick value of IF", Ask.TICK_VALUE, "60.00"),
    ],
)
def test_other_figures_are_the_result(small: Library, q: str, ask: Ask, result: str) -> None:
    """Lots of a capital, value of a tick, result of a move, value of a contract."""
    calc = small.ask(q).calc
    assert calc is not None
    assert calc.ask is ask
    assert calc.as_json()["result"] == result


def test_the_version_in_force_on_the_day_answers(small: Library) -> None:
    """The old text until August, the new one since September, neither before the first."""
    now, then = small.ask("追加保证金怎么处理"), small.ask("追加保证金怎么处理", as_of=date(2026, 8, 31))
    assert (now.title, then.title) == ("追加保证金怎么办", "追加保证金怎么办（旧）")
    assert now.citations[0].version != then.citations[0].version
    before = small.ask("追加保证金怎么处理", as_of=date(2020, 1, 1))
    assert before.kind is Kind.OUT_OF_SCOPE
    assert before.citations == ()


def test_a_draft_never_answers(small: Library) -> None:
    """Not to its own phrasing, not by its id."""
    assert small.ask("怎么销户").article != "draft"
    assert small.article("draft", "zh") is None
    assert small.answer_with("draft", "zh") is None


def test_each_audience_sees_its_own_articles(small: Library) -> None:
    """Staff see what is theirs, the public does not."""
    assert small.ask("内部登记投诉台账", audience="staff").article == "staff"
    assert small.ask("内部登记投诉台账").article != "staff"
    assert small.answer_with("staff", "zh") is None


def test_the_language_is_the_question_s_unless_told(small: Library) -> None:
    """Chinese question, English answer of the same article, on wish."""
    assert small.ask("How do I open an account?").lang == "en"
    assert small.ask("怎么开户").lang == "zh"
    answer = small.ask("怎么开户", lang="en")
    assert (answer.article, answer.lang) == ("open", "en")
    assert answer.text.startswith("You open the account on your phone.")
    assert small.ask("margin for one lot of rebar at 3030", lang="zh").text.startswith("螺纹钢")


@pytest.mark.parametrize(
    "q", ["zenme kaihu", "怎麼開戶", "　怎 么 开 户　", "怎么kai户", "怎么凯户", "请问一下怎么开户啊谢谢"]
)
def test_a_question_is_understood_however_it_is_typed(small: Library, q: str) -> None:
    """Pinyin, traditional characters, full width, homophones, fillers."""
    assert small.ask(q).article == "open"


def test_several_questions_are_answered_each(small: Library) -> None:
    """The outer fields are the first's."""
    answer = small.ask("怎么开户？豆粕手续费多少？")
    assert [part.kind for part in answer.parts] == [Kind.ANSWER, Kind.CALC]
    assert (answer.kind, answer.article) == (Kind.ANSWER, "open")


def test_the_last_turn_s_product_and_figure_carry_over(small: Library) -> None:
    """那豆粕呢 after a margin, 手续费呢 after a product."""
    first = small.ask("螺纹两手保证金 按3030算")
    second = small.ask("那豆粕呢", context=first.context)
    assert second.calc is not None
    assert (second.calc.product, second.calc.ask, second.calc.lots) == ("m", Ask.MARGIN, 2)
    third = small.ask("手续费呢", context=Context(products=("rb",)))
    assert third.calc is not None
    assert (third.calc.product, third.calc.ask) == ("rb", Ask.FEE)


def test_a_button_gives_an_article_s_answer(small: Library) -> None:
    """Without a search, with its source."""
    answer = small.answer_with("cost", "zh")
    assert answer is not None
    assert (answer.kind, answer.article, answer.confidence) == (Kind.ANSWER, "cost", 1.0)
    assert "依据：" in answer.text


def test_staff_are_told_why(small: Library) -> None:
    """What was read, what decided, which phrasings lay nearest."""
    told = small.ask("怎么开户", explain=True).explanation
    assert told["candidates"][0]["article"] == "open"
    assert told["candidates"][0]["nearest"][0][0] == "怎么开户"
    assert {"words", "concepts", "kinds", "confidence", "rule"} <= told.keys()
    assert small.ask("怎么开户").explanation == {}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.text(max_size=120))
def test_anything_can_be_asked(small: Library, q: str) -> None:
    """Every text gets an answer of a known kind; an answer has a citation."""
    answer = small.ask(q)
    assert answer.as_json()["q"] == q
    if answer.kind in (Kind.ANSWER, Kind.CALC):
        assert answer.citations


def test_ten_thousand_characters_are_answered(small: Library) -> None:
    """A flood is cut, not refused with a trace."""
    assert small.ask("怎么开户" * 2500).kind in Kind


def test_faults_are_all_told_at_once(shelf: Write) -> None:
    """Loading refuses with every finding, inspecting lists them."""
    files = {**ARTICLES, "zh/open.md": ARTICLES["zh/open.md"].replace("company.hotline", "company.fax")}
    files["zh/cost.md"] = files["zh/cost.md"].replace("fee.close_today", "fee.nothing")
    folder = shelf(files)
    with pytest.raises(LibraryError) as refused:
        Library.load(folder, facts=FACTS, cache_dir=None)
    assert "company.fax" in str(refused.value)
    assert "fee.nothing" in str(refused.value)
    assert len([f for f in Library.inspect(folder, facts=FACTS) if f.fatal]) == 2


def test_a_folder_of_plain_articles_answers_without_rules_of_ours(shelf: Write) -> None:
    """The command contract's example: two articles in English."""
    folder = shelf(
        {
            f"{name}.md": f"---\nid: {name}\ntopic: test.{name}\ntitle: {title}\nphrasings: {json.dumps(asks)}\n---\nText of {title}.\n"
            for name, title, asks in (
                ("a", "Card lost", ["i lost my card", "card is gone"]),
                ("b", "Top up", ["top up by bank", "add money"]),
            )
        }
    )
    library = Library.load_plain(folder, cache_dir=None)
    answer = library.ask("i have lost my card", lang="en")
    assert (answer.article, answer.topic) == ("a", "test.a")
    assert library.ask("rb2701 手续费").calc is None


def test_an_empty_folder_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """Not with an index error."""
    with pytest.raises(LibraryError, match="has no articles"):
        Library.load_plain(tmp_path)
    with pytest.raises(LibraryError, match="is no folder"):
        Library.load_plain(tmp_path / "none")


def test_the_index_is_kept_by_the_hash_of_its_sources(tmp_path: Path) -> None:
    """A second load reads it; a changed phrasing or a damaged file builds anew."""
    folder, cache = (
        write(tmp_path / "kb", {name: ARTICLES[name] for name in ("en/open.md", "en/cost.md")}),
        tmp_path / "cache",
    )
    plain = {"cache_dir": cache}
    first = Library.load_plain(folder, **plain)
    (kept,) = cache.glob("index-*.pickle")
    before = kept.stat().st_mtime_ns
    assert (
        Library.load_plain(folder, **plain).ask("open account").article == first.ask("open account").article
    )
    assert kept.stat().st_mtime_ns == before
    kept.write_bytes(b"damaged")
    assert Library.load_plain(folder, **plain).ask("open account").article == "open"
    write(folder, {"en/open.md": ARTICLES["en/open.md"].replace("start an account", "begin an account")})
    Library.load_plain(folder, **plain)
    assert len(list(cache.glob("index-*.pickle"))) == 2


def test_a_library_in_the_background_becomes_ready(tmp_path: Path) -> None:
    """Loading returns at once; waiting ends when the index stands."""
    folder = write(tmp_path / "kb", {"en/open.md": ARTICLES["en/open.md"]})
    library = Library.load(folder, facts=FACTS, cache_dir=None, background=True)
    assert library.wait(60)
    assert library.ready
    assert library.ask("open an account online").article == "open"
