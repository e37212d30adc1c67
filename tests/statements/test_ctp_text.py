"""CTP settlement text: what it says, in every shape in which brokers print it."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from domain.settlement import Basis, BuySell, Direction, Hedge, Offset, ParsedFile, Period, product_code
from statements import read


def lines_changed(text: str, change: Callable[[str], str]) -> str:
    return "\n".join(change(line) for line in text.split("\n"))


def same_figures(parsed: ParsedFile, other: ParsedFile) -> bool:
    return (parsed.records, parsed.positions, parsed.trades) == (other.records, other.positions, other.trades)


def test_the_account_row_has_the_printed_figures(statement: str) -> None:
    """The published sample: 500,000.00 + 20,000.00 - 240.00 - 320.00 - 24.57 = 519,415.43."""
    parsed = read("20260817.txt", statement.encode())
    (record,) = parsed.records
    assert (parsed.format, parsed.day, record.account) == ("ctp-text", date(2026, 8, 17), "80012345")
    assert (record.name, record.company) == ("王明", "示例期货有限公司")
    assert (record.by, record.period) == (Basis.MTM, Period.DAY)
    assert (record.pre_balance, record.deposit, record.withdraw) == tuple(
        map(Decimal, ("500000.00", "20000.00", "0.00"))
    )
    assert (record.close_profit, record.position_profit) == (Decimal("-240.00"), Decimal("-320.00"))
    assert (record.commission, record.equity, record.balance) == tuple(
        map(Decimal, ("24.57", "519415.43", "519415.43"))
    )
    assert (record.curr_margin, record.available) == (Decimal("42921.50"), Decimal("476493.93"))
    assert (record.risk_degree, record.margin_call) == (Decimal("0.0826"), Decimal("0.00"))


def test_a_text_statement_does_not_know_the_exchange_margin(statement: str) -> None:
    """Nothing is guessed where the statement shows the company's margin only."""
    parsed = read("x", statement.encode())
    assert parsed.records[0].exchange_margin is None
    assert all(position.margin_exchange is None for position in parsed.positions)


def test_positions_carry_side_lots_prices_and_margin(statement: str) -> None:
    """Today's lots are those opened on the statement's day."""
    rebar, meal = read("x", statement.encode()).positions
    assert (rebar.exchange, rebar.instrument, rebar.product) == ("SHFE", "rb2610", "rb")
    assert (rebar.direction, rebar.hedge, rebar.lots, rebar.today_lots) == (
        Direction.LONG,
        Hedge.SPECULATION,
        6,
        0,
    )
    assert (rebar.open_price, rebar.pre_settlement, rebar.settlement_price) == (3050, 3042, 3030)
    assert (rebar.position_profit, rebar.profit_by_trade) == (Decimal("-720.00"), Decimal("-1200.00"))
    assert rebar.margin_company == Decimal("21816.00")
    assert (meal.exchange, meal.direction, meal.lots, meal.today_lots) == ("DCE", Direction.SHORT, 5, 5)


def test_trades_carry_flag_fee_and_result(statement: str) -> None:
    """SHFE names yesterday's lots in the flag."""
    closed, opened = read("x", statement.encode()).trades
    assert (closed.direction, closed.offset, closed.lots) == (BuySell.SELL, Offset.CLOSE_YESTERDAY, 4)
    assert (closed.price, closed.turnover) == (3036, Decimal("121440.00"))
    assert (closed.commission, closed.close_profit) == (Decimal("14.57"), Decimal("-240.00"))
    assert (closed.trade_id, closed.trade_date) == ("100001", date(2026, 8, 17))
    assert opened.offset is Offset.OPEN


def test_lots_opened_on_several_days_become_one_position(statement: str) -> None:
    """The open price is the average by lots, the rest adds up."""
    row = next(line for line in statement.split("\n") if "3042.000|        3030.000" in line)
    older = (
        row.replace("|      6|", "|      4|").replace("-1200.00", " -800.00").replace("-720.00", "-480.00")
    )
    older = older.replace("21816.00", "14544.00")
    newer = (
        row.replace("|      6|", "|      2|").replace("-1200.00", " -400.00").replace("-720.00", "-240.00")
    )
    newer = newer.replace("21816.00", " 7272.00").replace("3050.000", "3047.000")
    text = statement.replace(row, older + "\n" + newer).replace(
        "| 共   2条|          |            |          |      |     |     11|",
        "| 共   3条|          |            |          |      |     |     11|",
    )
    rebar, _ = read("x", text.encode()).positions
    assert (rebar.lots, rebar.open_price) == (6, Decimal("3049.0000"))
    assert (rebar.position_profit, rebar.margin_company) == (Decimal("-720.00"), Decimal("21816.00"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_every_encoding_gives_the_same_figures(statement: str, encoding: str) -> None:
    """The bytes tell the encoding."""
    assert same_figures(read("x", statement.encode(encoding)), read("x", statement.encode()))


def without_english(text: str) -> str:
    def strip(line: str) -> str:
        if line.startswith("|"):
            cells = line.strip("|").split("|")
            return "" if not re.search("[\u4e00-\u9fff0-9]", "".join(cells)) else line
        return re.sub(r" [A-Z][A-Za-z/().& ]*(?=[:：]|$)", "", line)

    return "\n".join(line for line in lines_changed(text, strip).split("\n"))


def with_extra_columns(text: str) -> str:
    def widen(line: str) -> str:
        if not line.startswith("|"):
            return line
        cells = line.strip("|").split("|")
        chinese = "交易所" in line or "买持" in line
        english = "Exchange" in line or "Long Pos." in line
        first, last = (
            ("投资单元", "资金账号") if chinese else ("InvestUnit", "AccountID") if english else ("", "")
        )
        code = "交易编码" if chinese else "Trading Code" if english else ""
        if "共" in cells[0]:
            return "|" + "|".join([*cells[:1], "", "", *cells[1:], ""]) + "|"
        return "|" + "|".join([cells[0], first, code, *cells[1:], last]) + "|"

    return lines_changed(text, widen)


VARIANTS: dict[str, Callable[[str], str]] = {
    "capital B/F and C/F": lambda text: text.replace("b/f", "B/F").replace("c/f", "C/F"),
    "option labels in capitals": lambda text: text.replace("Market value", "Market Value"),
    "asset management title": lambda text: text.replace("交易结算单(盯市)", "交易核算单(盯市)"),
    "title with full-width brackets": lambda text: text.replace("(盯市)", "（盯市）"),
    "half-width colons": lambda text: text.replace("：", ":"),
    "full-width colons everywhere": lambda text: text.replace(":", "："),
    "labels without blanks": lambda text: text.replace("出 入 金", "出入金").replace("手 续 费", "手续费"),
    "labels with more blanks": lambda text: text.replace("客户权益", "客 户 权 益").replace(
        "平仓盈亏 ", "平 仓 盈 亏 "
    ),
    "no English": without_english,
    "extra columns": with_extra_columns,
    "average price of newer CTP": lambda text: text.replace("  买均价  ", "买开仓均价").replace(
        "卖均价", "卖开仓均价"
    ),
    "Windows line ends": lambda text: text.replace("\n", "\r\n"),
    "form feed before the statement": lambda text: "\f" + text,
    "the monitoring centre's paragraph": lambda text: text.replace(
        "\n\n\n                       资金状况",
        "\n\n尊敬的客户：期货公司每日发送《交易结算单》，您可登录监控中心查询。\n\n                 资金状况",
    ),
    "account number in the section's title": lambda text: text.replace(
        "资金状况  币种：人民币  Account Summary  Currency：CNY",
        "资金状况   资金账号：80012345  币种：人民币  Account Summary AccountID：80012345 Currency：CNY",
    ),
    "delivery result beside the last label": lambda text: text.replace(
        "货币质押变化金额 Chg", "交割盈亏 Delivery P/L：               0.00  货币质押变化金额 Chg"
    ),
    "thousands separators in the account": lambda text: text.replace("519415.43", "519,415.43"),
    "labels of the broker's own": lambda text: text.replace(
        "货币质押变化金额 Chg",
        "运行模式 Running Mode：    LIVE  结算时间 Margin Call：  15:45:00\n货币质押变化金额 Chg",
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_of_the_layout_gives_the_same_figures(statement: str, variant: str) -> None:
    """Labels and columns are found by name, whatever stands around them."""
    changed = VARIANTS[variant](statement)
    assert changed != statement
    assert same_figures(read("x", changed.encode()), read("x", statement.encode()))


def test_columns_in_another_order_give_the_same_figures(statement: str) -> None:
    """No column is found by its place."""

    def turn(line: str) -> str:
        if not line.startswith("|"):
            return line
        first, *others = line.strip("|").split("|")
        return "|" + "|".join([first, *reversed(others)]) + "|"

    assert same_figures(read("x", lines_changed(statement, turn).encode()), read("x", statement.encode()))


def test_a_total_row_with_merged_cells_is_understood(statement: str) -> None:
    """CTP merges empty cells of the total row of the trades."""
    merged = statement.replace(
        "|  共   2条|        |          |            |     |      |           |     9|",
        "|  共   2条|        |                             |      |     9|",
    )
    assert merged != statement
    assert same_figures(read("x", merged.encode()), read("x", statement.encode()))


def test_an_english_statement_is_read(statement: str) -> None:
    """Statements for overseas clients have no Chinese at all."""
    english = (
        re.sub(r"共 *(\d+)条", r"Total", statement).replace("币种：人民币", "").replace("王明", "Wang Ming")
    )
    for chinese, other in {
        "买": "Buy",
        "卖": "Sell",
        "平昨": "Close Prev.",
        "投机": "Speculation",
        "上期所": "SHFE",
        "大商所": "DCE",
        "螺纹钢": "Rebar",
        "豆粕": "Meal",
    }.items():
        english = re.sub(rf"(?<=\| )( *){chinese}(?=\|)", rf"\g<1>{other}", english)
        english = re.sub(rf"(?<=\|)( *){chinese}(?=\|)", rf"\g<1>{other}", english)
    english = re.sub(r"(?<=\|)( *)开(?=\|)", r"\1Open", english)
    kept = [
        line
        for line in english.split("\n")
        if not (line.startswith("|") and re.search("[\u4e00-\u9fff]", line))
    ]
    text = re.sub("[\u4e00-\u9fff]+ *", "", "\n".join(kept)).replace("()", "")
    parsed = read("x", text.encode())
    original = read("x", statement.encode())
    assert [record.equity for record in parsed.records] == [record.equity for record in original.records]
    assert parsed.trades == original.trades
    assert parsed.positions == original.positions


def test_a_by_trade_statement_keeps_the_equity(samples: Path) -> None:
    """By trade the balance is without the floating result; the equity is the same."""
    (record,) = read("x", (samples / "formats" / "by_trade.txt").read_bytes()).records
    assert record.by is Basis.TRADE
    assert (record.equity, record.curr_margin) == (Decimal("519415.43"), Decimal("42921.50"))
    assert record.position_profit == Decimal("-800.00")
    assert record.balance + record.position_profit == record.equity


@pytest.mark.parametrize("printed", ["202608", "2026-08", "20260801-20260831"])
def test_a_monthly_statement_stands_on_the_last_day_of_its_month(statement: str, printed: str) -> None:
    """A month's figures must not be taken for a day's."""
    parsed = read("x", statement.replace("日期 Date：20260817", f"日期 Date：{printed}").encode())
    assert (parsed.records[0].day, parsed.records[0].period) == (date(2026, 8, 31), Period.MONTH)
    assert {trade.day for trade in parsed.trades} == {date(2026, 8, 17)}
    assert {position.period for position in parsed.positions} == {Period.MONTH}


def test_several_statements_in_one_file_are_all_read(samples: Path) -> None:
    """One after another, each with its own account."""
    parsed = read("x", (samples / "settlements" / "20260818.txt").read_bytes())
    assert len({record.account for record in parsed.records}) == 8
    assert parsed.day == date(2026, 8, 18)
    assert all(trade.account in {record.account for record in parsed.records} for trade in parsed.trades)


def test_option_value_stays_outside_the_equity(with_option: str) -> None:
    """Premium is paid from the balance; the market value is a line of its own, margin is nothing."""
    parsed = read("x", with_option.encode())
    (record,) = parsed.records
    option = next(position for position in parsed.positions if position.instrument == "m2701-P-3200")
    assert record.cash_in == Decimal("-1760.00")
    assert (record.long_option_value, option.option_value) == (Decimal("1930.00"), Decimal("1930.00"))
    assert (option.product, option.margin_company) == ("m", Decimal("0.00"))


def test_cash_movements_split_the_net_amount(samples: Path) -> None:
    """With a cash section deposit and withdrawal are known apart."""
    parsed = read("x", (samples / "settlements" / "20260818.txt").read_bytes())
    record = next(one for one in parsed.records if one.account == "80012345")
    assert (record.deposit, record.withdraw) == (Decimal("0.00"), Decimal("475000.00"))


def test_only_the_summary_gives_positions_too(statement: str) -> None:
    """Some brokers print no detail; then the exchange and today's lots are not known."""
    start, end = statement.index("持仓明细"), statement.index("持仓汇总")
    cut = statement[: statement.rindex("\n", 0, start)] + "\n" + statement[statement.rindex("\n", 0, end) :]
    rebar, meal = read("x", cut.encode()).positions
    assert (rebar.exchange, rebar.lots, rebar.margin_company) == ("", 6, Decimal("21816.00"))
    assert (meal.direction, meal.position_profit) == (Direction.SHORT, Decimal("400.00"))


def test_a_name_like_a_formula_is_kept_as_text_and_noted(statement: str) -> None:
    """A spreadsheet might run it; nothing here does, and a person is told."""
    parsed = read("x", statement.replace("王明", "=HYPERLINK(1)").encode())
    assert parsed.records[0].name == "=HYPERLINK(1)"
    assert [(one.code, one.line) for one in parsed.notes] == [("formula_like", 5)]


def test_negative_equity_is_read(samples: Path) -> None:
    """穿仓: no risk degree, the whole debt is due."""
    parsed = read("x", (samples / "settlements" / "20260820.txt").read_bytes())
    record = next(one for one in parsed.records if one.account == "80056789")
    assert (record.equity, record.risk_degree, record.margin_call) == (
        Decimal("-728.66"),
        None,
        Decimal("728.66"),
    )
    forced = next(trade for trade in parsed.trades if trade.account == "80056789")
    assert forced.offset is Offset.FORCE_CLOSE


@pytest.mark.parametrize(
    ("contract", "product"),
    [
        ("rb2610", "rb"),
        ("SR701", "SR"),
        ("IF2609", "IF"),
        ("l2607F", "l_f"),
        ("m2701-C-3000", "m"),
        ("SR701C5000", "SR"),
        ("IO2609-P-4600", "IO"),
        ("SPC a2609&m2609", ""),
        ("../x", ""),
    ],
)
def test_the_product_is_read_from_the_contract(contract: str, product: str) -> None:
    """In the exchange's spelling; nothing for a combination."""
    assert product_code(contract) == product
