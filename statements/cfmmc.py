"""Workbooks of the margin monitoring centre (中国期货市场监控中心): one account, one day or month, as
.xlsx.

The summary sheet holds labels with values to their right and blocks with a heading; the other sheets
hold one table each. Labels and columns are found by name wherever they stand.
"""

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import sha256

from domain.settlement import (
    ZERO,
    Basis,
    Direction,
    Hedge,
    ParsedFile,
    Period,
    Position,
    StatementError,
    Trade,
)
from statements import ctp_words, figures
from statements.ctp_text import Statement, contract_of, record_of, trade_of, word
from statements.lots import Lot, gather
from statements.reasons import note, refuse
from statements.tables import Table, is_total
from statements.workbook import Row, Sheets

SUMMARY_SHEETS = ("客户交易结算日报", "客户交易结算月报")

_LABELS = {
    "上日结存": "pre_balance",
    "上月结存": "pre_balance",
    "当日存取合计": "net_deposit",
    "当月存取合计": "net_deposit",
    "当日盈亏": "profit",
    "当月盈亏": "profit",
    "平仓盈亏": "close_profit",
    "浮动盈亏": "floating_profit",
    "当日总权利金": "premium_received",
    "当月总权利金": "premium_received",
    "当日手续费": "commission",
    "当月手续费": "commission",
    "当日结存": "balance",
    "当月结存": "balance",
    "客户权益": "equity",
    "实有货币资金": "cash",
    "非货币充抵金额": "mortgage",
    "货币充抵金额": "fx_in",
    "冻结资金": "frozen",
    "保证金占用": "margin",
    "可用资金": "available",
    "风险度": "risk_degree",
    "追加保证金": "margin_call",
}
_NAMES = {key: label for label, key in reversed(_LABELS.items())}
_REQUIRED = (
    "pre_balance",
    "net_deposit",
    "commission",
    "balance",
    "equity",
    "margin",
    "available",
    "risk_degree",
)
_DAY_LABEL = re.compile(r"交易日期|日期|交易月份|月份")
_MONTH = re.compile(r"([0-9]{4})[-年/.]?([0-9]{1,2})月?", re.ASCII)
_HUNDRED = Decimal(100)
_HALF_A_STEP = Decimal("0.005")


@dataclass(slots=True)
class _Book:
    statement: Statement
    trades: list[tuple[Table, int, list[str]]] = field(default_factory=list)
    positions: Table | None = None
    margins: list[Table] = field(default_factory=list)


def is_monitoring_workbook(sheets: Sheets) -> bool:
    """Whether the workbook has the summary sheet of the monitoring centre."""
    return any(name in sheets for name in SUMMARY_SHEETS)


def read_monitoring_workbook(sheets: Sheets, data: bytes) -> ParsedFile:
    """The record, positions and trades of a workbook. ``data`` is only hashed. Raises StatementError."""
    summary = next(sheets[name] for name in SUMMARY_SHEETS if name in sheets)
    book = _Book(_statement(summary))
    _collect_tables(book, sheets)
    _check(book)
    statement = book.statement
    return ParsedFile(
        format="cfmmc-workbook",
        day=statement.day,
        records=(record_of(statement),),
        positions=tuple(_positions(book)),
        trades=tuple(_trades(book)),
        rejected=(),
        sha256=sha256(data).hexdigest(),
        notes=tuple(statement.notes),
    )


def _statement(rows: list[Row]) -> Statement:
    statement = Statement(line=1, company="", account_line=1)
    for row in rows:
        for place, cell in enumerate(row.cells):
            _read_particulars(statement, row, place, cell)
    _read_funds(statement, rows)
    if not statement.account:
        raise refuse("no_account", 1)
    if statement.day == date.min:
        raise refuse("no_date", 1)
    printed = "".join(cell for row in rows for cell in row.cells)
    by_trade = "逐笔对冲" in printed or "floating_profit" in statement.amounts
    statement.by = Basis.TRADE if by_trade and "逐日盯市" not in printed else Basis.MTM
    missing = [_NAMES[key] for key in _REQUIRED if key not in statement.amounts]
    if missing:
        raise refuse("cut", statement.account_line, what="、".join(missing))
    return statement


def _read_particulars(statement: Statement, row: Row, place: int, cell: str) -> None:
    label, _, inline = cell.replace("：", ":").partition(":")
    words = ctp_words.chinese(label)
    if not words or is_total(row.cells):
        return
    value = inline.strip() or next((other for other in row.cells[place + 1 :] if other), "")
    if not statement.account and words.endswith(("账户", "帐户", "资金账号", "资金帐号")) and value:
        account = figures.account(value)
        if account is None:
            raise refuse("bad_account", row.number, value=value)
        statement.account = account
    elif not statement.name and words == "客户名称":
        statement.name = value[:100]
        if figures.begins_like_a_formula(value):
            statement.notes.append(note("formula_like", row.number, column="客户名称", value=value))
    elif not statement.company and words in ("期货公司", "期货公司名称"):
        statement.company = value[:100]
    elif statement.day == date.min and _DAY_LABEL.fullmatch(words) and value:
        statement.day, statement.period = _period(value, row.number)


def _period(text: str, line: int) -> tuple[date, Period]:
    day = figures.day(text)
    if day is not None:
        return day, Period.DAY
    match = _MONTH.fullmatch(text)
    if match is None or not 1 <= int(match[2]) <= 12 or int(match[1]) < 1:
        raise refuse("bad_date", line, value=text)
    year, month = int(match[1]), int(match[2])
    return date(year, month, monthrange(year, month)[1]), Period.MONTH


def _read_funds(statement: Statement, rows: list[Row]) -> None:
    """Labels and values of the block 资金状况, which ends with the next title."""
    inside = False
    for row in rows:
        filled = [cell for cell in row.cells if cell]
        if "资金状况" in filled[0]:
            inside, statement.account_line = True, row.number
        elif inside and len(filled) == 1:
            return
        elif inside:
            _read_pairs(statement, row)


def _read_pairs(statement: Statement, row: Row) -> None:
    for place, cell in enumerate(row.cells):
        key = _LABELS.get(ctp_words.chinese(cell))
        if key is None:
            continue
        text = next((other for other in row.cells[place + 1 :] if other), "--")
        if _LABELS.get(ctp_words.chinese(text)) is not None or text == "--":
            text = "0" if key != "risk_degree" else "0%"
        number = text.removesuffix("%")
        value = figures.amount(number)
        if value is None:
            raise refuse("bad_amount", row.number, label=_NAMES[key], value=text)
        # A degree that is a number and not a text with % is the fraction itself.
        if key == "risk_degree" and not text.endswith("%"):
            value *= _HUNDRED
        statement.amounts.setdefault(key, (value, row.number))


def _collect_tables(book: _Book, sheets: Sheets) -> None:
    for name, rows in sheets.items():
        for table in _tables_of(name, rows):
            if table.total is not None or name not in SUMMARY_SHEETS:
                table.check_total()
            if name in SUMMARY_SHEETS:
                if table.has("margin") and table.has("long_lots"):
                    book.margins.append(table)
            elif table.has("long_lots"):
                book.positions = table
            elif table.has("fee") and table.has("price"):
                book.trades.extend((table, line, cells) for line, cells in table.rows)


def _tables_of(sheet: str, rows: list[Row]) -> list[Table]:
    """Every table of a sheet: a row of headings, the rows below it, the total row."""
    found: list[Table] = []
    open_table: Table | None = None
    for row in rows:
        filled = [cell for cell in row.cells if cell]
        known = {key for cell in filled if (key := ctp_words.column_of(cell)) is not None}
        if len(known) >= 4 and not any(character.isdigit() for cell in filled for character in cell):
            open_table = Table(sheet, row.number)
            open_table.add(row.number, row.cells)
            found.append(open_table)
        elif open_table is not None and len(filled) == 1 and not is_total(filled):
            open_table = None
        elif open_table is not None and open_table.total is None:
            width = len(open_table.keys)
            cells = row.cells + [""] * (width - len(row.cells))
            open_table.add(row.number, [ctp_words.fold(cell) for cell in cells[:width]])
    return found


def _check(book: _Book) -> None:
    statement = book.statement
    value = statement.value
    profit = value("profit") if "profit" in statement.amounts else value("close_profit")
    base = value("pre_balance") + value("net_deposit") + profit - value("commission")
    premium = value("premium_received")
    # Whether premium paid is printed with its sign is not documented.
    if not any(figures.same(base + sign * premium, value("balance")) for sign in (1, -1)):
        raise _wrong(statement, "sum_balance", "balance", base + premium)
    own = value("balance") + (value("floating_profit") if statement.by is Basis.TRADE else ZERO)
    pledges = (ZERO, value("mortgage"), value("fx_in"), value("mortgage") + value("fx_in"))
    if not any(figures.same(own + pledge, value("equity")) for pledge in pledges):
        raise _wrong(statement, "sum_equity", "equity", own)
    _check_funds(statement)
    _check_profit(book)
    _check_fees(book)
    _check_margins(book)


def _check_funds(statement: Statement) -> None:
    value = statement.value
    free = value("equity") - value("margin") - value("frozen")
    available, pledged = value("available"), value("mortgage") + value("fx_in")
    if not figures.same(free, available) and not (pledged and free - pledged <= available <= free):
        raise _wrong(statement, "sum_available", "available", free)
    if "margin_call" in statement.amounts and not figures.same(value("margin_call"), max(ZERO, -available)):
        raise _wrong(statement, "sum_call", "margin_call", max(ZERO, -available))
    if value("equity") > 0:
        degree = _HUNDRED * value("margin") / value("equity")
        if abs(degree - value("risk_degree")) > _HALF_A_STEP:
            raise refuse(
                "sum_risk",
                statement.line_of("risk_degree"),
                printed=f"{value('risk_degree'):f}",
                computed=f"{figures.cents(degree):f}",
            )


def _check_profit(book: _Book) -> None:
    """Realised result from the trades, floating result from the positions; both are 当日盈亏."""
    statement = book.statement
    closed = sum((table.amount(line, cells, "close_profit") for table, line, cells in book.trades), ZERO)
    held = ZERO
    if book.positions is not None:
        key = "position_profit" if book.positions.has("position_profit") else "floating_profit"
        held = book.positions.sum(key)
    if "profit" not in statement.amounts:
        statement.amounts.setdefault("mtm_profit", (held, statement.account_line))
        if not figures.same(statement.value("close_profit"), closed):
            raise _wrong_sheet(statement, "close_profit", "成交明细", closed)
        if statement.by is Basis.TRADE and not figures.same(statement.value("floating_profit"), held):
            raise _wrong_sheet(statement, "floating_profit", "持仓明细", held)
        return
    if statement.period is Period.DAY and not figures.same(statement.value("profit"), closed + held):
        raise _wrong_sheet(statement, "profit", "成交明细、持仓明细", closed + held)
    line = statement.line_of("profit")
    statement.amounts["close_profit"] = (closed, line)
    statement.amounts["mtm_profit"] = (statement.value("profit") - closed, line)


def _check_fees(book: _Book) -> None:
    statement = book.statement
    fees = sum((table.amount(line, cells, "fee") for table, line, cells in book.trades), ZERO)
    more = statement.value("commission") - fees
    if more < 0:
        raise _wrong_sheet(statement, "commission", "成交明细", fees)
    if more > 0:
        line = statement.line_of("commission")
        statement.notes.append(note("other_fees", line, amount=figures.plain(more)))


def _check_margins(book: _Book) -> None:
    statement = book.statement
    if not book.margins:
        if statement.value("margin"):
            raise refuse("cut", statement.line_of("margin"), what="期货持仓汇总")
        return
    rows = sum((table.sum("margin") for table in book.margins), ZERO)
    if figures.same(rows, statement.value("margin")):
        return
    both = all(any(table.sum(key) for table in book.margins) for key in ("long_lots", "short_lots"))
    if not both or statement.value("margin") > rows:
        raise _wrong_sheet(statement, "margin", "期货持仓汇总", rows)
    line = statement.line_of("margin")
    printed = figures.plain(statement.value("margin"))
    statement.notes.append(note("large_side", line, rows=figures.plain(rows), printed=printed))


def _wrong(statement: Statement, code: str, key: str, computed: Decimal) -> StatementError:
    printed = figures.plain(statement.value(key))
    return refuse(code, statement.line_of(key), printed=printed, computed=figures.plain(computed))


def _wrong_sheet(statement: Statement, key: str, sheet: str, counted: Decimal) -> StatementError:
    return refuse(
        "sum_section",
        statement.line_of(key),
        label=_NAMES[key],
        printed=figures.plain(statement.value(key)),
        section=sheet,
        computed=figures.plain(counted),
    )


def _trades(book: _Book) -> list[Trade]:
    return [trade_of(book.statement, table, line, cells) for table, line, cells in book.trades]


def _positions(book: _Book) -> list[Position]:
    statement, table = book.statement, book.positions
    if table is None:
        return []
    table.need("instrument", "long_lots", "short_lots")
    margins = _margins_by_side(book)
    lots = []
    for line, cells in table.rows:
        for name, direction in (("long", Direction.LONG), ("short", Direction.SHORT)):
            count = table.lots(line, cells, f"{name}_lots")
            if count:
                instrument = contract_of(table, line, cells)
                # The detail has no margin: the first row of a side carries what the summary says of it.
                margin = margins.pop((instrument, direction), ZERO)
                lots.append(_lot(statement, table, line, cells, name, direction, count, margin))
    return gather(lots, statement.account, statement.day, statement.period)


def _lot(
    statement: Statement,
    table: Table,
    line: int,
    cells: list[str],
    name: str,
    direction: Direction,
    count: int,
    margin: Decimal,
) -> Lot:
    opened = figures.day(table.text(cells, "date"))
    profit_key = "position_profit" if table.has("position_profit") else "floating_profit"
    return Lot(
        exchange="",
        instrument=contract_of(table, line, cells),
        direction=direction,
        hedge=word(table, line, cells, "hedge", ctp_words.HEDGES)
        if table.has("hedge")
        else Hedge.SPECULATION,
        lots=count,
        today_lots=count if opened == statement.day else 0,
        open_price=table.price(line, cells, f"{name}_price"),
        pre_settlement=table.price(line, cells, "pre_settlement"),
        settlement=table.price(line, cells, "settlement"),
        profit=table.amount(line, cells, profit_key),
        margin=margin,
        floating=None,
    )


def _margins_by_side(book: _Book) -> dict[tuple[str, Direction], Decimal]:
    margins: dict[tuple[str, Direction], Decimal] = {}
    for table in book.margins:
        for line, cells in table.rows:
            long, short = table.lots(line, cells, "long_lots"), table.lots(line, cells, "short_lots")
            side = (table.text(cells, "instrument"), Direction.LONG if long >= short else Direction.SHORT)
            margins[side] = margins.get(side, ZERO) + table.amount(line, cells, "margin")
    return margins
