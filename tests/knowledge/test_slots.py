"""Slots: products in any spelling, lots, prices, capital, moves, and which figure is asked for."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.knowledge import Ask
from knowledge.library import ARTICLES, KNOWLEDGE, Library
from knowledge.slots import Slots, number

NEAR = date(2026, 11, 23)


@pytest.fixture(scope="module")
def read(small: Library):  # type: ignore[no-untyped-def]
    """Reads Chinese or English text into slots."""
    assert small._desk is not None
    readers = small._desk.readers

    def reading(text: str) -> Slots:
        return readers["zh" if any(c > "\u3400" for c in text) else "en"].read(text, NEAR)

    return reading


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3,030", "3030"),
        ("8万5", "85000"),
        ("7.8万", "78000"),
        ("5w", "50000"),
        ("3千", "3000"),
        ("20个w", "200000"),
        ("两", "2"),
        ("十", "10"),
        ("十二", "12"),
        ("二十", "20"),
        ("三千零三十", "3030"),
        ("三千五", "3500"),
        ("十万", "100000"),
        ("一百二十", "120"),
        ("半", "0.5"),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, value: str) -> None:
    """Digits with thousands, units, and Chinese numerals."""
    assert number(text) == Decimal(value)


@given(st.integers(0, 99_999_999))
def test_plain_digits_are_read_as_themselves(value: int) -> None:
    """With and without thousands separators."""
    assert number(str(value)) == value
    assert number(f"{value:,}") == value


@pytest.mark.parametrize(
    ("text", "products", "contract"),
    [
        ("RB2701 手续费", ("rb",), "rb2701"),
        ("sr701手续费多少", ("SR",), "SR701"),
        ("白糖701 保证金", ("SR",), "SR701"),
        ("螺纹2701保证金", ("rb",), "rb2701"),
        ("豆粕01合约保证金多少", ("m",), "m2701"),
        ("螺纹钢rb2701保证金", ("rb",), "rb2701"),
        ("IF2612 保证金", ("IF",), "IF2612"),
        ("l2607F保证金", ("l_f",), "l2607F"),
        ("氧化铝一手保证金", ("ao",), None),
        ("低硫燃料油一手保证金", ("lu",), None),
        ("股指一手保证金", ("IF", "IH", "IC", "IM"), None),
        ("双焦手续费", ("j", "jm"), None),
        ("焦煤焦炭手续费", ("jm", "j"), None),
        ("豆柏手续费", ("m",), None),
        ("t2612保证金", ("T",), "T2612"),
        ("margin for RB", ("rb",), None),
        ("margin for one lot of soybean meal", ("m",), None),
        ("fee of IF", ("IF",), None),
        ("RB2713 手续费", ("rb",), None),
    ],
)
def test_products_are_found_in_any_spelling(
    read, text: str, products: tuple[str, ...], contract: str | None
) -> None:  # type: ignore[no-untyped-def]
    """Codes in any case, contract codes, Chinese and English names, nicknames, words for several."""
    slots = read(text)
    assert slots.products == products
    assert [str(m.contract) for m in slots.mentions if m.contract] == ([contract] if contract else [])


@pytest.mark.parametrize(
    "text",
    [
        "苹果手机多少钱",
        "银行卡保证金",
        "what if I do not pay the margin",
        "margin for a new client",
        "用国债抵保证金",
        "混蛋 手续费",
    ],
)
def test_everyday_words_are_no_products(read, text: str) -> None:  # type: ignore[no-untyped-def]
    """A code or a nickname inside another word names nothing."""
    assert read(text).products == ()


def said(slots: Slots) -> dict[str, object]:
    """The slots that were filled, as short words."""
    shown: dict[str, object] = {"ask": slots.ask.value if slots.ask else None}
    for name in ("lots", "price", "capital", "price_from", "price_to", "move"):
        value = getattr(slots, name)
        if value is not None:
            shown[name] = int(value)
    return shown


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("螺纹钢两手保证金多少 按3030算", {"ask": "margin", "lots": 2, "price": 3030}),
        ("豆粕手续费多少", {"ask": "fee"}),
        ("螺纹一手多少钱", {"ask": "margin", "lots": 1}),
        ("做5手螺纹要多少钱 现价3050", {"ask": "margin", "lots": 5, "price": 3050}),
        ("十手豆油手续费和保证金一共多少", {"ask": "margin+fee", "lots": 10}),
        ("10万能做几手螺纹 价格3100", {"ask": "max_lots", "capital": 100000, "price": 3100}),
        ("5w可以开几手豆粕", {"ask": "max_lots", "capital": 50000}),
        ("铁矿石一个点多少钱", {"ask": "tick_value"}),
        ("IF跳一下多少钱", {"ask": "tick_value"}),
        ("沪金一手合约价值多少 按900算", {"ask": "contract_value", "lots": 1, "price": 900}),
        ("豆粕从3200跌到3150 5手亏多少", {"ask": "pnl", "lots": 5, "price_from": 3200, "price_to": 3150}),
        ("棕榈涨20个点一手挣多少", {"ask": "pnl", "lots": 1, "move": 20}),
        ("螺纹跌100点两手亏多少", {"ask": "pnl", "lots": 2, "move": -100}),
        ("IF2612 按4700 一手保证金", {"ask": "margin", "lots": 1, "price": 4700}),
        ("碳酸锂按8万5算两手保证金", {"ask": "margin", "lots": 2, "price": 85000}),
        ("margin for 2 lots of rebar at 3030", {"ask": "margin", "lots": 2, "price": 3030}),
        (
            "how many lots of copper with 500k at 78000",
            {"ask": "max_lots", "capital": 500000, "price": 78000},
        ),
        ("tick value of iron ore", {"ask": "tick_value"}),
        ("rb2701", {"ask": "margin+fee"}),
    ],
)
def test_lots_prices_and_the_figure_asked_for_are_read(read, text: str, filled: dict[str, object]) -> None:  # type: ignore[no-untyped-def]
    """Each slot that was said, and no other."""
    assert said(read(text)) == filled


@pytest.mark.parametrize(
    "text",
    [
        "手续费怎么构成",
        "螺纹钢保证金为什么比交易所高",
        "螺纹钢夜盘几点收盘",
        "原油期货怎么开通权限",
        "豆粕进交割月保证金怎么变",
        "螺纹钢手续费能不能降",
        "卖棕榈期权保证金怎么收",
        "今天猪肉多少钱一斤",
    ],
)
def test_what_a_table_does_not_answer_asks_for_no_figure(read, text: str) -> None:  # type: ignore[no-untyped-def]
    """A product in a question is not yet a calculation."""
    slots = read(text)
    assert slots.ask is None or not slots.mentions


def test_two_products_keep_their_own_lots(read) -> None:  # type: ignore[no-untyped-def]
    """螺纹2手豆粕3手, and the other way round."""
    for text in ("螺纹2手豆粕3手保证金", "2手螺纹和3手豆粕保证金"):
        assert [(m.products[0], m.lots) for m in read(text).mentions] == [("rb", 2), ("m", 3)]


def test_two_products_keep_their_own_prices(read) -> None:  # type: ignore[no-untyped-def]
    """As many prices as products: each has the one that follows it."""
    slots = read("螺纹3030豆粕3250各两手保证金")
    assert [(m.products[0], m.price) for m in slots.mentions] == [("rb", 3030), ("m", 3250)]


def test_a_short_position_is_heard(read) -> None:  # type: ignore[no-untyped-def]
    """空 and short turn the sign."""
    assert read("空了3手铜 从78000跌到77500 赚多少").short
    assert read("copper drops 100 points, profit on one lot short").short
    assert not read("I bought rebar at 3000 and sold at 3100, how much profit").short


@given(st.text(max_size=80))
def test_any_text_can_be_read(small: Library, text: str) -> None:
    """Nothing that a person types raises."""
    assert small._desk is not None
    for lang in ("zh", "en"):
        assert isinstance(small._desk.readers[lang].read(text, NEAR).ask, Ask | None)


def test_every_product_is_known_by_its_code_and_its_names(small: Library) -> None:
    """All 91, in both languages."""
    assert small._desk is not None
    reader, table = small._desk.readers["zh"], small._desk.table
    assert ARTICLES.parent == KNOWLEDGE
    for product in table.products:
        name = table.names(product)[0].split("(")[0]
        assert reader.read(f"{name}保证金多少", NEAR).products == (product,), name
        if not product.endswith("_f"):
            assert reader.read(f"{product.upper()} 手续费", NEAR).products == (product,), product


@pytest.mark.parametrize(
    ("text", "ask", "product", "parts"),
    [
        ("IC平今手续费 按6500", "fee", ("IC",), ("close_today",)),
        ("铁矿石开仓加平今手续费", "fee", ("i",), ("open", "close_today")),
        ("螺纹来回手续费", "fee", ("rb",), ("open", "close")),
        ("日内来回螺纹手续费多少", "fee", ("rb",), ("open", "close_today")),
        ("rb手续费", "fee", ("rb",), ()),
        ("国债期货T跌0.5 一手亏多少", "pnl", ("T",), ()),
        ("sc一手多少桶", "tick_value", ("sc",), ()),
        ("甲醇多单2500买的现在2450 10手", "pnl", ("MA",), ()),
        ("棕榈油9000做空 8800平 3手", "pnl", ("p",), ()),
        ("100万 IF 4700 几手", "max_lots", ("IF",), ()),
        ("玉米按2300 一手", "margin+fee", ("c",), ()),
        ("碳酸锂 开平各多少", "fee", ("lc",), ("open", "close")),
    ],
)
def test_figures_are_asked_for_in_few_words(  # type: ignore[no-untyped-def]
    read, text: str, ask: str, product: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    """As clients type them: the figure, the very product, and the part of the trade that the fee is for."""
    slots = read(text)
    assert (slots.ask, slots.products, slots.fee_parts) == (Ask(ask), product, parts)
