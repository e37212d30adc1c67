"""What carries over from turn to turn, what is asked for, and when a person is due."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from domain.knowledge import Answer, Ask, Context, Kind
from knowledge.conversation import fold, misses, said_day
from knowledge.library import Library
from tests.knowledge.conftest import TODAY

PRICES = {"rb2610": (Decimal(3030), date(2026, 9, 9)), "m2701": (Decimal(3250), date(2026, 9, 9))}


def talk(library: Library, turns: Sequence[str]) -> Answer:
    """The answer to the last turn; between turns the context goes through its stored form, as in the house."""
    context = Context()
    for q in turns:
        answer = library.ask(q, context=context, prices=PRICES)
        stored = Context.read(answer.context.as_json())
        assert stored == answer.context
        context = stored
    return answer


@pytest.mark.parametrize(
    ("turns", "product", "contract", "lots", "ask", "price"),
    [
        (["螺纹两手保证金多少", "那豆粕呢"], "m", None, 2, Ask.MARGIN, 3250),
        (["螺纹两手保证金多少", "豆粕"], "m", None, 2, Ask.MARGIN, 3250),
        (["rb2610 两手保证金多少", "三手呢"], "rb", "rb2610", 3, Ask.MARGIN, 3030),
        (["rb2610 两手保证金多少", "那10手"], "rb", "rb2610", 10, Ask.MARGIN, 3030),
        (["rb2610 两手保证金多少", "按3100算"], "rb", "rb2610", 2, Ask.MARGIN, 3100),
        (["rb2610 两手保证金多少", "3100"], "rb", "rb2610", 2, Ask.MARGIN, 3100),
        (["rb2610 两手保证金多少", "手续费呢"], "rb", "rb2610", 2, Ask.FEE, 3030),
        (["rb2610 两手保证金按3100", "那豆粕呢"], "m", None, 2, Ask.MARGIN, 3250),
        (["rb2610 两手保证金多少", "2701合约呢"], "rb", "rb2701", 2, Ask.MARGIN, None),
        (["rb2610 两手保证金多少", "1月呢"], "rb", "rb2701", 2, Ask.MARGIN, None),
        (["rb2610 两手保证金多少", "谢谢", "三手呢"], "rb", "rb2610", 3, Ask.MARGIN, 3030),
        (["rb2610 两手保证金多少", "怎么开户", "三手呢"], "rb", "rb2610", 3, Ask.MARGIN, 3030),
        (["margin for 2 lots of rebar", "what about soybean meal"], "m", None, 2, Ask.MARGIN, 3250),
        (["margin for 2 lots of rebar", "3 lots"], "rb", None, 3, Ask.MARGIN, 3030),
        (["margin for 2 lots of rebar", "and the fee?"], "rb", None, 2, Ask.FEE, 3030),
        (["margin for 2 lots of rebar", "at 3100"], "rb", None, 2, Ask.MARGIN, 3100),
    ],
)
def test_a_fragment_is_completed_from_the_turns_before(
    small: Library,
    turns: list[str],
    product: str,
    contract: str | None,
    lots: int,
    ask: Ask,
    price: int | None,
) -> None:
    """Product, contract, lots, price and figure; what was carried is told."""
    answer = talk(small, turns)
    assert answer.calc is not None
    assert (answer.calc.product, answer.calc.contract, answer.calc.lots, answer.calc.ask) == (
        product,
        contract,
        lots,
        ask,
    )
    assert answer.calc.price == price
    assert answer.carried
    assert answer.text.startswith(answer.carried)


def test_what_was_carried_is_told_in_words(small: Library) -> None:
    """The contract and the lots that nobody said this time."""
    assert (
        talk(small, ["rb2610 两手保证金多少", "按3100算"]).carried
        == "按 rb2610、2 手、价格 3,100 计算（沿用上文）"
    )
    english = talk(small, ["margin for 2 lots of rebar", "3 lots"]).carried
    assert english == "Calculated for Steel rebar, 3 lot(s) (from what was said before)"


@pytest.mark.parametrize(
    "q", ["豆粕三手手续费多少", "螺纹一手保证金多少", "margin for one lot of gold", "10万能做几手螺纹"]
)
def test_a_whole_question_takes_nothing_from_before(small: Library, q: str) -> None:
    """Two lots said of another product are not three lots' business."""
    context = small.ask("rb2610 两手保证金按3100").context
    after, alone = small.ask(q, context=context, prices=PRICES), small.ask(q, prices=PRICES)
    assert after.calc == alone.calc
    assert after.carried == ""


@pytest.mark.parametrize(
    "q", ["怎么开户", "保证金不足怎么办", "我要投诉", "转人工", "你们客户经理让我把钱转给他"]
)
def test_another_matter_is_not_drawn_into_the_calculation(small: Library, q: str) -> None:
    """A new question after a calculation is answered as it is without one."""
    context = small.ask("rb2610 两手保证金多少").context
    after, alone = small.ask(q, context=context), small.ask(q)
    assert (after.kind, after.article, after.carried) == (alone.kind, alone.article, "")


def test_a_profit_is_worked_out_anew(small: Library) -> None:
    """Lots, the price it goes to, the side."""
    turns = ["螺纹从3000涨到3100赚多少", "两手呢", "到3200呢", "做空呢"]
    results = [talk(small, turns[: at + 1]).calc for at in range(4)]
    assert [calc.result if calc else None for calc in results] == [1000, 2000, 4000, -4000]


def test_a_capital_carries_over(small: Library) -> None:
    """20万呢 after 10万能做几手, then another product with the same money."""
    calc = talk(small, ["10万能做几手螺纹", "20万呢", "那豆粕呢"]).calc
    assert calc is not None
    assert (calc.product, calc.capital, calc.ask) == ("m", 200_000, Ask.MAX_LOTS)


def test_a_day_carries_over(small: Library) -> None:
    """The rates of the day that was asked for."""
    answer = talk(small, ["2026年9月1日螺纹一手保证金", "那豆粕呢"])
    assert "2026-09-01" in answer.carried
    assert answer.context.day == date(2026, 9, 1)


def test_a_figure_without_a_product_asks_for_one_and_takes_it(library: Library) -> None:
    """一手保证金多少 -> which product? -> 豆粕 is enough."""
    assert talk(library, ["做3手保证金多少"]).missing == ("product",)
    answer = talk(library, ["做3手保证金多少", "豆粕"])
    assert answer.calc is not None
    assert (answer.calc.product, answer.calc.lots, answer.calc.ask) == ("m", 3, Ask.MARGIN)


def test_a_short_question_is_about_the_last_article(library: Library) -> None:
    """要多久 after 怎么开户 asks how long that takes."""
    after = talk(library, ["怎么开户", "要多久"])
    assert (after.kind, after.topic) == (Kind.ANSWER, "account.duration_and_cost")


def test_why_explains_the_last_answer(library: Library) -> None:
    """The company's add-on after a margin, the arithmetic when asked how; the rest of an article after it."""
    assert talk(library, ["rb2610 两手保证金多少", "为什么"]).topic == "margin.company_addon"
    assert talk(library, ["rb2610 两手保证金多少", "怎么算的"]).topic == "margin.formula"
    whole, why = talk(library, ["怎么开户"]), talk(library, ["怎么开户", "为什么"])
    assert why.article == whole.article
    assert why.html == whole.rest


def test_context_survives_being_stored() -> None:
    """Every field, and a field of a later version is left out."""
    context = Context(
        question="q", topic="t", article="a", title="T", products=("rb", "m"), contract="rb2610", ask=Ask.PNL,
        lots=2, price=Decimal("3030.50"), capital=Decimal(1), price_from=Decimal(1), price_to=Decimal(2),
        move=Decimal(-5), move_in_ticks=True, short=True, loss=False, day=TODAY, lang="en",
    )  # fmt: skip
    assert Context.read(context.as_json()) == context
    assert Context.read({**context.as_json(), "mood": "good"}) == context
    assert Context.read({}) == Context()


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-09-01的保证金", date(2026, 9, 1)),
        ("2026年9月1日螺纹", date(2026, 9, 1)),
        ("9月1号螺纹保证金", date(2026, 9, 1)),
        ("昨天豆粕保证金", date(2026, 9, 9)),
        ("前天的标准", date(2026, 9, 8)),
        ("rates of yesterday", date(2026, 9, 9)),
        ("按昨天的结算价算", None),
        ("2026-13-45", None),
        ("rb2610 一手", None),
    ],
)
def test_a_day_is_read(text: str, day: date | None) -> None:
    """And taken out, so that its digits are no price."""
    found, rest = said_day(text, TODAY)
    assert found == day
    if day is not None:
        assert not any(c.isdigit() for c in rest)


def answer(kind: Kind, reason: str = "") -> Answer:
    return Answer("q", kind, "t", "t", "zh", reason=reason)


@pytest.mark.parametrize(
    ("before", "given", "offered", "after"),
    [
        (0, answer(Kind.OUT_OF_SCOPE, "unknown"), False, 1),
        (1, answer(Kind.OUT_OF_SCOPE, "unknown"), False, 2),
        (0, answer(Kind.CLARIFY), False, 0),
        (0, answer(Kind.CLARIFY), True, 1),
        (1, answer(Kind.CLARIFY), False, 1),
        (1, answer(Kind.ANSWER), True, 0),
        (1, answer(Kind.OUT_OF_SCOPE, "smalltalk"), False, 0),
    ],
)
def test_the_second_chance_is_never_skipped(before: int, given: Answer, offered: bool, after: int) -> None:
    """Not understood once: other words; twice: a person; an answer forgets."""
    assert misses(before, given, offered=offered) == after


def test_a_long_article_folds_at_its_marker() -> None:
    """The first message is short, the rest is there on wish; without the marker nothing is hidden."""
    assert fold("<b>短</b>\n\n• 一\n\n<b>更多说明</b>\n\n• 二", "更多说明") == ("<b>短</b>\n\n• 一", "• 二")
    assert fold("<b>短</b>\n\n更多说明", "更多说明") == ("<b>短</b>\n\n更多说明", "")
    assert fold("<b>更多说明</b>\n\n• 二", "更多说明") == ("<b>更多说明</b>\n\n• 二", "")


def test_the_language_goes_on(small: Library) -> None:
    """A product or a figure alone has none: it is answered as the talk went."""
    assert talk(small, ["margin for 2 lots of rebar", "au?"]).lang == "en"
    assert talk(small, ["margin for 2 lots of rebar", "3100"]).lang == "en"
    assert talk(small, ["螺纹两手保证金多少", "au"]).lang == "zh"
    assert talk(small, ["au"]).lang == "zh"


def test_why_without_a_rest_offers_what_is_related(library: Library) -> None:
    """Rather than guessing at a word that says nothing."""
    article = next(
        a
        for of, name in library._versions
        if of == "zh" and (a := library.answer_with(name, "zh")) and not a.rest and len(a.related) > 1
    )
    context = Context(question=article.title or "", article=article.article, topic=article.topic)
    answer = library.ask("为什么", context=context)
    assert answer.kind is Kind.CLARIFY
    assert [c.article for c in answer.choices] == [c.article for c in article.related[:4]]


def test_a_figure_offers_what_explains_it(library: Library) -> None:
    """What is asked next, in the language of the answer."""
    assert [c.topic for c in library.ask("rb2610 两手保证金多少").related] == [
        "margin.company_addon",
        "margin.formula",
    ]
    (english,) = library.ask("fee for 1 lot of rebar").related
    assert english.topic == "fee.composition"
    assert english.title.isascii()
