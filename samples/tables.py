"""The same days as CSV under CTP field names, and as a monitoring-centre workbook."""

import csv
import io
from datetime import datetime

import openpyxl

from samples.brokerage import COMPANY, ZERO, Day, HeldRow, exchange_margin, product_of, sums
from samples.text import average, money


def csv_bytes(heading: list[str], rows: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows(rows)
    return out.getvalue().encode("utf-8")


ACCOUNT_FIELDS = [
    "BrokerID",
    "AccountID",
    "TradingDay",
    "SettlementID",
    "CurrencyID",
    "PreBalance",
    "PreMortgage",
    "PreCredit",
    "Deposit",
    "Withdraw",
    "Mortgage",
    "Credit",
    "CloseProfit",
    "PositionProfit",
    "Commission",
    "CashIn",
    "CurrMargin",
    "ExchangeMargin",
    "DeliveryMargin",
    "ExchangeDeliveryMargin",
    "FrozenMargin",
    "FrozenCash",
    "FrozenCommission",
    "Balance",
    "Available",
]


def account_row(day: Day) -> list[str]:
    zero = money(ZERO)
    amounts = [day.before, ZERO, ZERO, day.deposit, day.withdraw, ZERO, ZERO, day.total("trades", "profit")]
    amounts += [
        day.total("held", "mtm"),
        day.total("trades", "fee"),
        day.total("trades", "premium"),
        day.margin,
    ]
    amounts += [exchange_margin(day)]
    row = ["9999", day.account.number, day.day, "1", "CNY", *map(money, amounts), *[zero] * 5]
    return [*row, money(day.balance), money(day.available)]


def accounts_csv(days: list[Day]) -> bytes:
    return csv_bytes(ACCOUNT_FIELDS, [account_row(day) for day in days])


def wide_csv(days: list[Day]) -> bytes:
    rows = [[row[1], day.account.name, *row[2:]] for day in days for row in [account_row(day)]]
    return csv_bytes(["AccountID", "InvestorName", *ACCOUNT_FIELDS[2:]], rows)


POSITION_FIELDS = [
    "BrokerID",
    "InvestorID",
    "TradingDay",
    "ExchangeID",
    "InstrumentID",
    "PosiDirection",
    "HedgeFlag",
    "PositionDate",
    "YdPosition",
    "Position",
    "TodayPosition",
    "OpenCost",
    "PositionCost",
    "UseMargin",
    "ExchangeMargin",
    "PositionProfit",
    "PreSettlementPrice",
    "SettlementPrice",
]


def positions_csv(days: list[Day]) -> bytes:
    return csv_bytes(POSITION_FIELDS, [position_row(day, held) for day in days for held in day.held])


def position_row(day: Day, held: HeldRow) -> list[str]:
    lot, product = held.lot, product_of(held.lot.instrument)
    today = lot.lots if lot.opened == day.day else 0
    base = lot.price if today else held.previous
    size = lot.lots * product.multiplier
    direction = "2" if lot.side == "买" else "3"
    hedge = "3" if lot.hedge == "套保" else "1"
    counts = [str(lot.lots - today), str(lot.lots), str(today)]
    amounts = [lot.price * size, base * size, held.margin, held.exchange_margin, held.mtm]
    head = ["9999", day.account.number, day.day, product.exchange, lot.instrument, direction, hedge]
    date_flag = "1" if today else "2"
    return [*head, date_flag, *counts, *map(money, amounts), str(held.previous), str(held.settlement)]


OFFSET_FLAGS = {"开": "0", "平": "1", "强平": "2", "平今": "3", "平昨": "4"}


def trades_csv(days: list[Day]) -> bytes:
    heading = ["BrokerID", "InvestorID", "TradingDay", "ExchangeID", "InstrumentID", "TradeID", "Direction"]
    heading += [
        "OffsetFlag",
        "HedgeFlag",
        "Price",
        "Volume",
        "TradeDate",
        "TradeTime",
        "Commission",
        "CloseProfit",
    ]
    rows = []
    for day in days:
        for trade in day.trades:
            order, product = trade.order, product_of(trade.order.instrument)
            rows.append(
                [
                    "9999",
                    day.account.number,
                    day.day,
                    product.exchange,
                    order.instrument,
                    trade.number,
                    "0" if order.side == "买" else "1",
                    OFFSET_FLAGS[order.offset],
                    "3" if trade.hedge == "套保" else "1",
                    order.price,
                    str(order.lots),
                    day.day,
                    "09:31:05",
                    money(trade.fee),
                    money(trade.profit),
                ]
            )
    return csv_bytes(heading, rows)


def monitoring_workbook(day: Day) -> bytes:
    """The workbook that an investor takes from the monitoring centre, 逐日盯市."""
    book = openpyxl.Workbook()
    summary = book.active
    summary.title = "客户交易结算日报"
    shown = f"{day.day[:4]}-{day.day[4:6]}-{day.day[6:]}"
    for row in [["客户交易结算日报(逐日盯市)"], [], ["基本资料"]]:
        summary.append(row)
    summary.append(
        ["客户期货期权内部资金账户", None, day.account.number, None, None, "交易日期", None, shown]
    )
    summary.append(["客户名称", None, day.account.name, None, None, "期货公司名称", None, COMPANY])
    summary.append([])
    summary.append(["期货期权账户资金状况（单位：人民币）"])
    profit = day.total("trades", "profit") + day.total("held", "mtm")
    left = [("上日结存", day.before), ("当日存取合计", day.deposit - day.withdraw), ("当日盈亏", profit)]
    left += [("当日总权利金", day.total("trades", "premium")), ("当日手续费", day.total("trades", "fee"))]
    left += [("当日结存", day.balance)]
    other: list[tuple[str, object]] = [("客户权益", float(day.balance)), ("实有货币资金", float(day.balance))]
    other += [
        ("非货币充抵金额", "--"),
        ("货币充抵金额", "--"),
        ("冻结资金", "--"),
        ("保证金占用", float(day.margin)),
    ]
    other += [("可用资金", float(day.available)), ("风险度", day.risk)]
    other += [("追加保证金", float(max(-day.available, ZERO)))]
    for place, (label, value) in enumerate(other):
        first = [left[place][0], None, float(left[place][1])] if place < len(left) else [None, None, None]
        summary.append([*first, None, None, label, None, value])
    fill_summary_block(summary, day)
    fill_detail_sheets(book, day)
    book.properties.created = book.properties.modified = datetime(2026, 8, 17, 18, 0)  # noqa: DTZ001 (naive in OOXML)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def fill_summary_block(summary: openpyxl.worksheet.worksheet.Worksheet, day: Day) -> None:
    summary.append([])
    summary.append(["期货持仓汇总（单位：人民币）"])
    heading = [
        "合约",
        "买持仓",
        "买均价",
        "卖持仓",
        "卖均价",
        "昨结算价",
        "今结算价",
        "持仓盈亏",
        "交易保证金",
    ]
    summary.append([*heading, "投机/套保"])
    groups = sums(day, by_trade=False)
    for group in groups:
        row: list[object] = [
            group.first.lot.instrument,
            group.long or "--",
            average(group.long_paid, group.long),
        ]
        row += [group.short or "--", average(group.short_paid, group.short), float(group.first.previous)]
        row += [
            float(group.first.settlement),
            float(group.profit),
            float(group.margin),
            group.first.lot.hedge,
        ]
        summary.append(row)
    totals = [
        "合计",
        sum(group.long for group in groups),
        None,
        sum(group.short for group in groups),
        None,
        None,
        None,
    ]
    summary.append([*totals, float(day.total("held", "mtm")), float(day.margin), None])


def fill_detail_sheets(book: openpyxl.Workbook, day: Day) -> None:
    shown = f"{day.day[:4]}-{day.day[4:6]}-{day.day[6:]}"
    trades = book.create_sheet("成交明细")
    trades.append(["成交明细"])
    heading = [
        "合约",
        "成交序号",
        "成交时间",
        "买/卖",
        "投机/套保",
        "成交价",
        "手数",
        "成交额",
        "开/平",
        "手续费",
    ]
    trades.append([*heading, "平仓盈亏", "实际成交日期"])
    for trade in day.trades:
        order = trade.order
        row = [
            order.instrument,
            trade.number,
            "09:31:05",
            order.side,
            trade.hedge,
            float(order.price),
            order.lots,
        ]
        row += [float(trade.turnover), order.offset, float(trade.fee)]
        trades.append([*row, float(trade.profit) if order.offset != "开" else "--", shown])
    lots = sum(trade.order.lots for trade in day.trades)
    total = ["合计", None, None, None, None, None, lots, float(day.total("trades", "turnover")), None]
    trades.append([*total, float(day.total("trades", "fee")), float(day.total("trades", "profit")), None])
    held_sheet = book.create_sheet("持仓明细")
    held_sheet.append(["持仓明细"])
    heading = ["合约", "成交序号", "买持仓", "买入价", "卖持仓", "卖出价", "昨结算价", "今结算价", "持仓盈亏"]
    held_sheet.append([*heading, "投机/套保", "交易编码", "实际成交日期"])
    for number, held in enumerate(day.held, start=1):
        lot = held.lot
        opened = f"{lot.opened[:4]}-{lot.opened[4:6]}-{lot.opened[6:]}"
        sides: list[object] = [lot.lots, float(lot.price), "--", "--"]
        sides = sides if lot.side == "买" else [*sides[2:], *sides[:2]]
        row = [lot.instrument, f"{number:08d}", *sides, float(held.previous), float(held.settlement)]
        held_sheet.append([*row, float(held.mtm), lot.hedge, "01234567", opened])
    long = sum(held.lot.lots for held in day.held if held.lot.side == "买")
    short = sum(held.lot.lots for held in day.held if held.lot.side == "卖")
    total = ["合计", None, long, None, short, None, None, None, float(day.total("held", "mtm"))]
    held_sheet.append([*total, None, None, None])
