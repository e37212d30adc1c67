"""Settlement statements as CTP prints them, 盯市 and 逐笔."""

import unicodedata
from collections.abc import Callable
from decimal import Decimal

from samples.brokerage import COMPANY, ZERO, Day, product_of, sums


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def centred(text: str, size: int) -> str:
    left = (size - width(text)) // 2
    return " " * left + text + " " * (size - width(text) - left)


def right(text: str, size: int) -> str:
    return " " * (size - width(text)) + text


def table(
    title: str, columns: list[tuple[str, str, int]], rows: list[list[str]], total: list[str]
) -> list[str]:
    rule = "-" * (sum(size for _, _, size in columns) + len(columns) + 1)
    sizes = [size for _, _, size in columns]

    def row(cells: list[str], place: Callable[[str, int], str]) -> str:
        return "|" + "|".join(place(cell, size) for cell, size in zip(cells, sizes, strict=True)) + "|"

    heads = [
        row([chinese for chinese, _, _ in columns], centred),
        row([english for _, english, _ in columns], centred),
    ]
    body = [row(cells, right) for cells in rows]
    return [centred(title, len(rule)).rstrip(), rule, *heads, rule, *body, rule, row(total, right), rule]


def money(value: Decimal) -> str:
    return f"{value:.2f}"


def pair(left: tuple[str, str], other: tuple[str, str] | None) -> str:
    text = left[0] + right(left[1], 46 - width(left[0]))
    return text + "  " + other[0] + right(other[1], 46 - width(other[0])) if other else text


CASH = [
    ("发生日期", "Date", 10),
    ("出入金类型", "Type", 16),
    ("入金", "Deposit", 14),
    ("出金", "Withdrawal", 14),
    ("说明", "Note", 30),
]
TRADES = [
    ("成交日期", "Date", 10),
    ("交易所", "Exchange", 8),
    ("品种", "Product", 10),
    ("合约", "Instrument", 12),
    ("买/卖", "B/S", 5),
    ("投/保", "S/H", 6),
    ("成交价", "Price", 11),
    ("手数", "Lots", 6),
    ("成交额", "Turnover", 14),
    ("开平", "O/C", 6),
    ("手续费", "Fee", 10),
    ("平仓盈亏", "Realized P/L", 14),
    ("权利金收支", "Premium Received/Paid", 21),
    ("成交序号", "Trans.No.", 10),
]
CLOSED = [
    ("平仓日期", "Close Date", 10),
    ("交易所", "Exchange", 8),
    ("品种", "Product", 10),
    ("合约", "Instrument", 12),
    ("开仓日期", "Open Date", 10),
    ("买/卖", "B/S", 5),
    ("手数", "Lots", 6),
    ("开仓价", "Pos. Open Price", 15),
    ("昨结算", "Prev. Sttl", 12),
    ("成交价", "Trans. Price", 12),
    ("平仓盈亏", "Realized P/L", 14),
    ("权利金收支", "Premium Received/Paid", 21),
]
DETAIL = [
    ("交易所", "Exchange", 9),
    ("品种", "Product", 10),
    ("合约", "Instrument", 12),
    ("开仓日期", "Open Date", 10),
    ("投/保", "S/H", 6),
    ("买/卖", "B/S", 5),
    ("持仓量", "Positon", 7),
    ("开仓价", "Pos. Open Price", 15),
    ("昨结算", "Prev. Sttl", 12),
    ("结算价", "Settlement Price", 16),
    ("浮动盈亏", "Accum. P/L", 12),
    ("盯市盈亏", "MTM P/L", 12),
    ("保证金", "Margin", 13),
    ("期权市值", "Market Value(Options)", 21),
]
SUMMARY = [
    ("品种", "Product", 10),
    ("合约", "Instrument", 12),
    ("买持", "Long Pos.", 10),
    ("买均价", "Avg Buy Price", 14),
    ("卖持", "Short Pos.", 10),
    ("卖均价", "Avg Sell Price", 14),
    ("昨结算", "Prev. Sttl", 12),
    ("今结算", "Sttl Today", 12),
    ("持仓盯市盈亏", "MTM P/L", 14),
    ("保证金占用", "Margin Occupied", 16),
    ("投/保", "S/H", 6),
    ("多头期权市值", "Market Value(Long)", 19),
    ("空头期权市值", "Market Value(Short)", 19),
]


def statement(day: Day, by_trade: bool = False) -> str:
    """A settlement statement as CTP prints it, 盯市 or 逐笔."""
    kind = "逐笔" if by_trade else "盯市"
    english = "by trade" if by_trade else "MTM"
    lines = [centred(COMPANY, 100).rstrip(), right(f"制表时间 Creation Date：{day.day}", 100), "-" * 100]
    lines += [centred(f"交易结算单({kind}) Settlement Statement({english})", 100).rstrip()]
    lines += [f"客户号 Client ID：  {day.account.number}          客户名称 Client Name：{day.account.name}"]
    lines += [f"日期 Date：{day.day}", "", ""]
    lines += [centred("资金状况  币种：人民币  Account Summary  Currency：CNY", 100).rstrip(), "-" * 100]
    lines += account_lines(day, by_trade)
    for part in (cash_table, trade_table, closed_table, detail_table, summary_table):
        block = part(day, by_trade)
        if block:
            lines += ["", "", *block]
    return "\n".join(lines) + "\n"


def account_lines(day: Day, by_trade: bool) -> list[str]:
    premium = day.total("trades", "premium")
    margin, balance = day.margin, day.balance
    gain = day.total("held", "mtm")
    before, printed_balance, closed = day.before, balance, day.total("trades", "profit")
    if by_trade:
        gain = day.total("held", "floating")
        before, printed_balance = day.before - day.floating_before, balance - gain
        closed = day.total("trades", "profit_by_trade")
    zero = money(ZERO)
    gain_label = "浮动盈亏 Accum. P/L：" if by_trade else "持仓盯市盈亏 MTM P/L："
    left = [
        ("期初结存 Balance b/f：", money(before)),
        ("出 入 金 Deposit/Withdrawal：", money(day.deposit - day.withdraw)),
        ("平仓盈亏 Realized P/L：", money(closed)),
        (gain_label, money(gain)),
        ("期权执行盈亏 Exercise P/L：", zero),
        ("手 续 费 Commission：", money(day.total("trades", "fee"))),
        ("行权手续费 Exercise Fee：", zero),
        ("交割手续费 Delivery Fee：", zero),
        ("货币质入 New FX Pledge：", zero),
        ("货币质出 FX Redemption：", zero),
        ("质押变化金额 Chg in Pledge Amt：", zero),
        ("权利金收入 Premium received：", money(max(premium, ZERO))),
        ("权利金支出 Premium paid：", money(max(-premium, ZERO))),
        ("货币质押变化金额 Chg in FX Pledge:", zero),
    ]
    other: list[tuple[str, str] | None] = [
        ("基础保证金 Initial Margin：", zero),
        ("期末结存 Balance c/f：", money(printed_balance)),
        ("质 押 金 Pledge Amount：", zero),
        ("客户权益 Client Equity：：", money(balance)),
        ("货币质押保证金占用 FX Pledge Occ.：", zero),
        ("保证金占用 Margin Occupied：", money(margin)),
        ("交割保证金 Delivery Margin：", zero),
        ("多头期权市值 Market value(long)：", money(day.option_value)),
        ("空头期权市值 Market value(short)：", zero),
        ("市值权益 Market value(equity)：", money(balance + day.option_value)),
        ("可用资金 Fund Avail.：", money(day.available)),
        ("风 险 度 Risk Degree：", day.risk),
        ("应追加资金 Margin Call：", money(max(-day.available, ZERO))),
        None,
    ]
    return [pair(label, opposite) for label, opposite in zip(left, other, strict=True)]


def count(number: int) -> str:
    return f"共 {number:>3}条"


def cash_table(day: Day, by_trade: bool) -> list[str]:
    rows = [
        [day.day, "银期转账", money(max(amount, ZERO)), money(max(-amount, ZERO)), word]
        for word, amount in day.cash
    ]
    # The published sample statement of this account and day has the net amount only.
    if not rows or (day.account.number, day.day) == ("80012345", "20260817"):
        return []
    total = [count(len(rows)), "", money(day.deposit), money(day.withdraw), ""]
    return table("出入金明细 Deposit/Withdrawal", CASH, rows, total)


def trade_table(day: Day, by_trade: bool) -> list[str]:
    if not day.trades:
        return []
    profit = "profit_by_trade" if by_trade else "profit"
    rows = []
    for trade in day.trades:
        order, product = trade.order, product_of(trade.order.instrument)
        rows.append(
            [
                day.day,
                product.exchange_zh,
                product.name,
                order.instrument,
                order.side,
                trade.hedge,
                f"{Decimal(order.price):.3f}",
                str(order.lots),
                money(trade.turnover),
                order.offset,
                money(trade.fee),
                money(getattr(trade, profit)),
                money(trade.premium),
                trade.number,
            ]
        )
    lots = sum(trade.order.lots for trade in day.trades)
    total = [count(len(rows)), *[""] * 6, str(lots), money(day.total("trades", "turnover")), ""]
    total += [money(day.total("trades", item)) for item in ("fee", profit, "premium")] + [""]
    legend = [
        "能源中心---INE  上期所---SHFE   中金所---CFFEX  大商所---DCE   郑商所---CZCE   广期所---GFEX",
        "买---Buy   卖---Sell",
        "开---Open  平---Close  平今---Close Today  强平---Forced Liquidation",
    ]
    return table("成交记录 Transaction Record", TRADES, rows, total) + legend


def closed_table(day: Day, by_trade: bool) -> list[str]:
    if not day.closed:
        return []
    profit = "profit_by_trade" if by_trade else "profit"
    rows = []
    for closed in day.closed:
        product = product_of(closed.lot.instrument)
        rows.append(
            [
                day.day,
                product.exchange_zh,
                product.name,
                closed.lot.instrument,
                closed.lot.opened,
                closed.order.side,
                str(closed.lots),
                f"{closed.lot.price:.3f}",
                f"{closed.previous:.3f}",
                f"{Decimal(closed.order.price):.3f}",
                money(getattr(closed, profit)),
                money(ZERO),
            ]
        )
    lots = sum(closed.lots for closed in day.closed)
    total = [
        count(len(rows)),
        *[""] * 5,
        str(lots),
        "",
        "",
        "",
        money(day.total("closed", profit)),
        money(ZERO),
    ]
    return table("平仓明细 Position Closed", CLOSED, rows, total)


def detail_table(day: Day, by_trade: bool) -> list[str]:
    if not day.held:
        return []
    rows = []
    for held in day.held:
        lot, product = held.lot, product_of(held.lot.instrument)
        rows.append(
            [
                product.exchange_zh,
                product.name,
                lot.instrument,
                lot.opened,
                lot.hedge,
                lot.side,
                str(lot.lots),
                f"{lot.price:.3f}",
                f"{held.previous:.3f}",
                f"{held.settlement:.3f}",
                money(held.floating),
                money(held.mtm),
                money(held.margin),
                money(held.option_value),
            ]
        )
    lots = sum(held.lot.lots for held in day.held)
    total = [count(len(rows)), *[""] * 5, str(lots), "", "", ""]
    total += [money(day.total("held", item)) for item in ("floating", "mtm", "margin", "option_value")]
    return table("持仓明细 Positions Detail", DETAIL, rows, total)


def average(paid: Decimal, lots: int) -> str:
    return f"{paid / lots:.3f}" if lots else "0.000"


def summary_table(day: Day, by_trade: bool) -> list[str]:
    if not day.held:
        return []
    columns = list(SUMMARY)
    if by_trade:
        columns[8] = ("浮动盈亏", "Accum. P/L", 14)
    rows, groups = [], sums(day, by_trade)
    for group in groups:
        lot, product = group.first.lot, product_of(group.first.lot.instrument)
        rows.append(
            [
                product.name,
                lot.instrument,
                str(group.long),
                average(group.long_paid, group.long),
                str(group.short),
                average(group.short_paid, group.short),
                f"{group.first.previous:.3f}",
                f"{group.first.settlement:.3f}",
                money(group.profit),
                money(group.margin),
                lot.hedge,
                money(group.option_value),
                money(ZERO),
            ]
        )
    long, short = sum(group.long for group in groups), sum(group.short for group in groups)
    profit, margin = sum((group.profit for group in groups), ZERO), day.margin
    total = [count(len(rows)), "", str(long), "", str(short), "", "", "", money(profit), money(margin), ""]
    total += [money(day.option_value), money(ZERO)]
    return table("持仓汇总 Positions", columns, rows, total)
