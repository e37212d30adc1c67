"""The first line of a calculation carries the figure that was asked for; what is missing or over stands there too."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from domain.knowledge import Answer, Ask
from knowledge.contracts import ContractTable
from knowledge.library import KNOWLEDGE, Library

DAY = date(2026, 11, 24)
PRICES: Mapping[str, tuple[Decimal, date]] = {
    code: (Decimal(price), date(2026, 11, 23))
    for code, price in (("rb2705", 3050), ("rb2701", 3030), ("rb2610", 2990))
}


def told(library: Library, q: str, day: date = DAY) -> Answer:
    return library.ask(q, as_of=day)


@pytest.mark.parametrize(
    ("q", "head"),
    [
        ("sc一手多少桶", "原油合约乘数：每手 1,000 桶"),
        ("IF 合约乘数", "沪深300股指合约乘数：每手 300 元/点"),
        ("鸡蛋一手多少吨", "鸡蛋合约乘数：每手 10 × 500 千克"),
        ("10年国债合约乘数", "10年期国债合约乘数：每手 10,000 元/点（面值 100 万元）"),
        ("what is the multiplier of copper", "Copper: multiplier 5 tonnes a lot"),
        ("螺纹一跳多少钱", "螺纹钢最小变动价位 1，一跳 10.00 元"),
        ("IF平今手续费万几", "沪深300股指 1 手，平今手续费按成交额的万分之2.3。"),
        ("螺纹保证金", "螺纹钢 1 手，公司保证金比例 12%。"),
        ("5000元能做几手玉米", "玉米：还差一个价格，才能算出来。"),
        ("3万块够做一手铜吗", "沪铜：还差一个价格，才能算出来。"),
        ("is 30000 enough for one lot of copper", "Copper: one figure is missing, the price."),
    ],
)
def test_the_first_line_answers_what_was_asked(small: Library, q: str, head: str) -> None:
    """Whoever reads one line has read the answer."""
    assert told(small, q).text.splitlines()[0] == head


def test_a_tick_and_a_fee_in_one_sentence_are_both_answered(small: Library) -> None:
    """The fee is no longer dropped, and its row is cited."""
    answer = told(small, "au2612 跳一跳多少钱 手续费多少")
    assert answer.text.splitlines()[0] == "黄金 au2612最小变动价位 0.02，一跳 20.00 元，开仓手续费 20.00 元"
    assert "au2612@2026-01-08" in {c.row for c in answer.citations}
    assert answer.calc is not None
    assert answer.calc.ask is Ask.TICK_VALUE


@pytest.mark.parametrize(
    ("q", "head"),
    [
        (
            "3万块够做一手铜吗 按80000",
            "不够。做 1 手沪铜要公司保证金 64,000.00 元，还差 34,000.00 元",
        ),
        (
            "20万够做两手铜吗 按80000",
            "够。200,000.00 元做 2 手沪铜，公司保证金 128,000.00 元，还剩 72,000.00 元",
        ),
        (
            "is 30000 enough for one lot of copper at 80000",
            "Not enough. 1 lot(s) of Copper take CNY 64,000.00 company margin; CNY 34,000.00 are missing",
        ),
    ],
)
def test_enough_or_not_comes_first_with_the_sum(small: Library, q: str, head: str) -> None:
    """80,000 × 5 × 16 % a lot; the arithmetic follows."""
    answer = told(small, q)
    assert answer.text.splitlines()[0] == head
    assert "80,000 × 5 × 1" in answer.text


def test_without_a_price_the_capital_gives_the_price_up_to_which_it_does(small: Library) -> None:
    """30,000 ÷ (5 × 1 × 16 %)."""
    assert "= 37,500：价格不高于这个数才够" in told(small, "3万块够做一手铜吗").text


@pytest.mark.parametrize(
    ("q", "name", "full"),
    [
        ("阴极铜手续费", "沪铜", "沪铜（阴极铜）"),
        ("苞米手续费", "玉米", "玉米（黄玉米）"),
        ("平板玻璃手续费", "玻璃", "玻璃（平板玻璃）"),
    ],
)
def test_products_are_called_as_they_are_traded(small: Library, q: str, name: str, full: str) -> None:
    """The exchange's name stands in brackets in the source line, and both are understood."""
    lines = told(small, q).text.splitlines()
    assert lines[0].startswith(f"{name} 1 手")
    assert lines[-1].startswith(f"依据：{full}期货手续费标准")


def test_old_rates_are_told_once_before_the_source(small: Library) -> None:
    """Margin and fee of different days share one sentence."""
    lines = small.ask("au2612保证金和手续费 按900").text.splitlines()
    assert [line for line in lines if "已超过 30 天" in line] == [
        "以上标准的记录已超过 30 天，请以交易所最新公告为准。"
    ]
    assert lines.index("以上标准的记录已超过 30 天，请以交易所最新公告为准。") == len(lines) - 3


@pytest.mark.parametrize(
    ("q", "products"), [("黑色系保证金", 5), ("贵金属保证金", 2), ("有色手续费", 6), ("双焦保证金", 2)]
)
def test_a_group_of_the_market_is_listed(small: Library, q: str, products: int) -> None:
    """The same for every group, not an article for one and buttons for the next."""
    calc = told(small, q).calc
    assert calc is not None
    assert len(calc.items) == products


def test_an_expired_contract_says_so_first_and_offers_the_current_ones(small: Library) -> None:
    """The figures follow for whoever checks an earlier trade."""
    answer = small.ask("rb2610平今手续费", as_of=DAY, prices=PRICES)
    assert answer.text.splitlines()[:3] == [
        "rb2610 已到期，不能再交易：最后交易日是 10月15日（周四）。",
        "现在可以看的合约：rb2701、rb2705。",
        "以下按登记的标准计算，供核对以前的交易：",
    ]
    assert answer.calc is not None
    assert answer.calc.contract == "rb2610"


def test_the_same_contract_was_alive_in_september(small: Library) -> None:
    """As of a day, everything is as it was on that day."""
    assert "已到期" not in told(small, "rb2610平今手续费", date(2026, 9, 1)).text


def test_the_market_name_and_the_exchange_name_are_told_apart() -> None:
    """Names of answers come from nicknames.yaml, the exchange's from contracts.csv."""
    table, _ = ContractTable.read(KNOWLEDGE / "contracts.csv", {"cu": "沪铜"})
    spec = table.spec("cu", None, DAY)
    assert (spec.name("zh"), spec.full_name("zh"), spec.name("en")) == ("沪铜", "沪铜（阴极铜）", "Copper")
    assert (table.names("cu")[0], table.legal_name("cu")) == ("沪铜", "阴极铜")
    assert table.spec("al", None, DAY).full_name("zh") == "铝"
