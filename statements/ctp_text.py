"""CTP settlement text, 盯市 and 逐笔, daily and monthly, one statement or many one after another.

Lines become statements, statements become labels and tables, and the sums decide (``ctp_sums``). A
file is taken whole or refused whole.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeVar

from domain.settlement import (
    ZERO,
    Basis,
    LineNote,
    Offset,
    Period,
    Position,
    SettlementRecord,
    Trade,
    product_code,
)
from statements import ctp_words, figures
from statements.lots import Lot, gather
from statements.reasons import note, refuse
from statements.tables import Table

Meaning = TypeVar("Meaning")

# Headings are searched with runs of blanks made one, so that no pattern can take more than one pass.
_ACCOUNT = re.compile(r"(?:客 ?户 ?号|资金账号|Client ?ID) ?(?:Client ?ID)? ?:+ ?(\S*)", re.IGNORECASE)
_NAME = re.compile(r"(?:客户名称|客户姓名|Client ?Name) ?(?:Client ?Name)? ?:+", re.IGNORECASE)
_DATE = re.compile(
    r"(?:交易日期|日 ?期 ?Date|日 ?期|^Date) ?:+ ?([0-9][0-9./-]*)(?: ?[~至-] ?([0-9]{8}))?", re.IGNORECASE
)
_RANGE = re.compile(r"([0-9]{8})-([0-9]{8})")
_MONTH = re.compile(r"([0-9]{4})-?([0-9]{2})")
_CURRENCY = re.compile(r"(?:币种|Currency)\s*:+\s*([^\s:]+)", re.IGNORECASE)
_TWO_BLANKS = re.compile(r"\s{2,}")
_LONGEST_LINE = 5000
_RULE = re.compile(r"[-=_—─]+")
_NOT_COMPANY = re.compile(r"制表时间|Creation\s*Date|\|", re.IGNORECASE)

_REQUIRED = (
    "pre_balance",
    "net_deposit",
    "balance",
    "close_profit",
    "equity",
    "commission",
    "margin",
    "available",
    "risk_degree",
    "margin_call",
)


@dataclass(slots=True)
class Statement:
    """One statement as printed: amounts by label with their lines, tables by section."""

    line: int
    company: str
    account: str = ""
    name: str = ""
    day: date = date.min
    period: Period = Period.DAY
    by: Basis | None = None
    account_line: int = 0
    amounts: dict[str, tuple[Decimal, int]] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    notes: list[LineNote] = field(default_factory=list)

    def value(self, key: str) -> Decimal:
        """The printed amount, 0.00 where the statement has no such label."""
        return self.amounts[key][0] if key in self.amounts else ZERO

    def line_of(self, key: str) -> int:
        """The line of a label, or the line where the account section begins."""
        return self.amounts[key][1] if key in self.amounts else self.account_line


def looks_like_a_statement(text: str) -> bool:
    """Whether some line is the title of a settlement statement."""
    if not any(word in text for word in ("结算单", "核算单")) and "settlement" not in text.lower():
        return False
    return any(ctp_words.is_title(ctp_words.fold(line)) for line in _lines_of(text))


def statements_of(text: str) -> list[Statement]:
    """Every statement of the text, read and with its tables added up. Raises StatementError."""
    lines = _lines_of(text)
    for number, line in enumerate(lines, start=1):
        if len(line) > _LONGEST_LINE:
            raise refuse("long_line", number, limit=str(_LONGEST_LINE))
    folded = [ctp_words.fold(line) for line in lines]
    starts = [place for place, line in enumerate(folded) if ctp_words.is_title(line)]
    found = []
    seen: dict[tuple[str, date, Period], int] = {}
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        statement = _read_statement(lines, folded, start, end)
        key = (statement.account, statement.day, statement.period)
        if key in seen:
            raise refuse(
                "duplicate_account",
                statement.line,
                account=statement.account,
                day=statement.day.isoformat(),
                other=str(seen[key]),
            )
        seen[key] = statement.line
        found.append(statement)
    return found


def record_of(statement: Statement) -> SettlementRecord:
    """The account row of a statement whose sums agree."""
    value = statement.value
    by = statement.by or Basis.MTM
    equity = value("equity")
    deposit, withdraw = _cash(statement)
    return SettlementRecord(
        account=statement.account,
        day=statement.day,
        by=by,
        equity=equity,
        balance=value("balance"),
        curr_margin=value("margin"),
        available=value("available"),
        name=statement.name,
        company=statement.company,
        period=statement.period,
        pre_balance=value("pre_balance"),
        deposit=deposit,
        withdraw=withdraw,
        close_profit=value("close_profit"),
        position_profit=value("mtm_profit" if by is Basis.MTM else "floating_profit"),
        commission=value("commission"),
        cash_in=value("premium_received") - abs(value("premium_paid")),
        exercise_profit=value("exercise_profit"),
        delivery_profit=value("delivery_profit"),
        exercise_fee=value("exercise_fee"),
        delivery_fee=value("delivery_fee"),
        mortgage=value("mortgage"),
        fx_mortgage=value("fx_in") - value("fx_out"),
        initial_margin=value("initial_margin"),
        delivery_margin=value("delivery_margin"),
        frozen=value("frozen"),
        margin_call=value("margin_call"),
        risk_degree=value("risk_degree") / 100 if equity > 0 else None,
        long_option_value=value("long_option_value"),
        short_option_value=value("short_option_value"),
    )


def trades_of(statement: Statement) -> list[Trade]:
    """The trades of a statement, in its order."""
    table = statement.tables.get("trades")
    if table is None:
        return []
    table.need("instrument", "side", "price", "lots", "offset", "fee")
    return [trade_of(statement, table, line, cells) for line, cells in table.rows]


def positions_of(statement: Statement) -> list[Position]:
    """The positions of a statement: the detail rows put together, or the summary where there is no
    detail.
    """
    by = statement.by or Basis.MTM
    detail = statement.tables.get("detail")
    if detail is not None:
        lots = [_detail_lot(statement, detail, line, cells, by) for line, cells in detail.rows]
    elif (summary := statement.tables.get("summary")) is not None:
        lots = [
            lot for line, cells in summary.rows for lot in _summary_lots(statement, summary, line, cells, by)
        ]
    else:
        return []
    return gather(lots, statement.account, statement.day, statement.period)


def _lines_of(text: str) -> list[str]:
    """Lines as an editor counts them; Python's splitlines() would also break at control characters."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", " ").split("\n")


def _read_statement(lines: list[str], folded: list[str], start: int, end: int) -> Statement:
    statement = Statement(line=start + 1, company=_company(lines, folded, start))
    statement.by = ctp_words.basis_of(folded[start])
    first_section = next(
        (place for place in range(start + 1, end) if ctp_words.section_of(folded[place]) is not None), end
    )
    _read_heading(statement, lines, folded, start, first_section)
    if first_section == end:
        raise refuse("cut", end, what=ctp_words.SECTION_NAMES["account"])
    _read_sections(statement, lines, folded, first_section, end)
    _complete(statement, end)
    for table in statement.tables.values():
        table.check_total()
    return statement


def _company(lines: list[str], folded: list[str], start: int) -> str:
    for place in range(start - 1, max(start - 8, -1), -1):
        text = lines[place].strip()
        if text and not _RULE.fullmatch(text) and not _NOT_COMPANY.search(folded[place]):
            return text[:100]
    return ""


def _read_heading(statement: Statement, lines: list[str], folded: list[str], start: int, end: int) -> None:
    dated = False
    for place in range(start + 1, end):
        line = " ".join(folded[place].split())
        if not statement.account and (match := _ACCOUNT.search(line)):
            statement.account = _account(match[1], place + 1)
        if not statement.name and (match := _NAME.search(folded[place])):
            statement.name = _TWO_BLANKS.split(lines[place][match.end() :].strip())[0][:100]
            _note_formula(statement, place + 1)
        if not dated and (match := _DATE.search(line)):
            statement.day, statement.period = _period(match, place + 1)
            dated = True
    if not statement.account:
        raise refuse("no_account", statement.line)
    if not dated:
        raise refuse("no_date", statement.line)


def _account(text: str, line: int) -> str:
    account = figures.account(text)
    if account is None:
        raise refuse("bad_account", line, value=text)
    return account


def _note_formula(statement: Statement, line: int) -> None:
    if figures.begins_like_a_formula(statement.name):
        statement.notes.append(
            note("formula_like", line, column="客户名称 Client Name", value=statement.name)
        )


def _period(match: re.Match[str], line: int) -> tuple[date, Period]:
    text = match[1]
    span = _RANGE.fullmatch(text)
    first, last = (span[1], span[2]) if span else (text, match[2])
    if last:
        begins, ends = figures.day(first), figures.day(last)
        if begins is None or ends is None or ends < begins:
            raise refuse("bad_date", line, value=f"{first}-{last}")
        return ends, Period.DAY if begins == ends else Period.MONTH
    month = _MONTH.fullmatch(text)
    if month and len(text) <= 7 and 1 <= int(month[2]) <= 12 and int(month[1]) >= 1:
        year, number = int(month[1]), int(month[2])
        return date(year, number, monthrange(year, number)[1]), Period.MONTH
    day = figures.day(text)
    if day is None:
        raise refuse("bad_date", line, value=text)
    return day, Period.DAY


def _read_sections(statement: Statement, lines: list[str], folded: list[str], start: int, end: int) -> None:
    section: str | None = None
    for place in range(start, end):
        line = folded[place].strip()
        if not line or _RULE.fullmatch(line):
            continue
        if line.startswith("|"):
            _read_table_line(statement, section, line, lines[place].strip(), place + 1)
        elif (opened := ctp_words.section_of(line)) is not None:
            section = opened
            _open(statement, section, line, place + 1)
        elif section == "account":
            _read_labels(statement, line, place + 1)
        elif section is not None and statement.tables[section].total is not None:
            # Words after a total row introduce a table that nobody asks for.
            section = None


def _open(statement: Statement, section: str, line: str, number: int) -> None:
    if section == "account":
        statement.account_line = number
        currency = _CURRENCY.search(line)
        if currency and currency[1].upper() not in ("人民币", "CNY", "RMB"):
            raise refuse("currency", number, value=currency[1])
        return
    if section in statement.tables:
        raise refuse("duplicate_section", number, section=ctp_words.SECTION_NAMES[section])
    statement.tables[section] = Table(ctp_words.SECTION_NAMES[section], number)


def _read_table_line(statement: Statement, section: str | None, line: str, raw: str, number: int) -> None:
    if section is None or section == "account":
        return
    table = statement.tables[section]
    if table.total is not None:
        return
    if not line.endswith("|") or len(line) < 2:
        raise refuse("cut", number, what=f"{table.name} 行尾 end of row")
    table.add(number, [cell.strip() for cell in line[1:-1].split("|")])


def _read_labels(statement: Statement, line: str, number: int) -> None:
    for label, text in _pairs(line):
        key = ctp_words.label_of(label)
        if key is None or text in ("", "-", "--"):
            continue
        if key == "risk_degree":
            text = text.removesuffix("%")
        value = figures.amount(text)
        if value is None or (key != "risk_degree" and value != figures.cents(value)):
            # A label of the broker's own may end in CTP's English words; what stands first counts.
            if key in statement.amounts:
                continue
            raise refuse("bad_amount", number, label=ctp_words.LABEL_NAMES[key], value=text)
        known = statement.amounts.setdefault(key, (value, number))
        if known[0] != value and ctp_words.chinese(ctp_words.compact(label)) in ctp_words.LABELS:
            raise refuse("duplicate_label", number, label=ctp_words.LABEL_NAMES[key])


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """Labels and the words after their colons; a colon printed twice counts once."""
    label, *parts = line.split(":")
    for place, part in enumerate(parts):
        if not part and place + 1 < len(parts):
            continue
        text, _, following = part.strip().partition(" ")
        yield label, text
        label = following


def _complete(statement: Statement, end: int) -> None:
    """Refuse half a statement, and find the basis where the title does not tell it."""
    if statement.account_line == 0:
        raise refuse("cut", statement.line, what=ctp_words.SECTION_NAMES["account"])
    if statement.by is None:
        statement.by = Basis.MTM if "mtm_profit" in statement.amounts else Basis.TRADE
    required = [*_REQUIRED, "mtm_profit" if statement.by is Basis.MTM else "floating_profit"]
    missing = [key for key in required if key not in statement.amounts]
    if missing:
        raise refuse(
            "cut", statement.account_line, what="、".join(ctp_words.LABEL_NAMES[key] for key in missing)
        )
    needs = []
    if statement.value("margin") and "detail" not in statement.tables:
        needs = ["summary"]
    if "detail" in statement.tables:
        needs = ["summary"]
    if statement.value("commission") or statement.value("close_profit"):
        needs.append("trades")
    absent = [section for section in needs if section not in statement.tables]
    if absent:
        raise refuse("cut", end, what="、".join(ctp_words.SECTION_NAMES[section] for section in absent))


def _cash(statement: Statement) -> tuple[Decimal, Decimal]:
    table = statement.tables.get("cash")
    if table is not None and table.has("deposit") and table.has("withdraw"):
        return table.sum("deposit"), abs(table.sum("withdraw"))
    net = statement.value("net_deposit")
    return max(net, ZERO), max(-net, ZERO)


def trade_of(statement: Statement, table: Table, line: int, cells: list[str]) -> Trade:
    """The trade of a row. Raises StatementError for a row that makes no sense."""
    instrument = contract_of(table, line, cells)
    price = table.price(line, cells, "price")
    lots = table.lots(line, cells, "lots")
    if price is None or lots == 0:
        raise refuse("bad_lots" if lots == 0 else "bad_number", line, **_blame(table, cells, lots))
    printed = table.text(cells, "date")
    traded = figures.day(printed) if printed else statement.day
    if traded is None:
        raise refuse("bad_date", line, value=printed)
    offset = ctp_words.OFFSETS.get(ctp_words.compact(table.text(cells, "offset")))
    if offset is None and table.has("offset"):
        statement.notes.append(
            note("bad_word", line, label=ctp_words.COLUMN_NAMES["offset"], value=table.text(cells, "offset"))
        )
    return Trade(
        account=statement.account,
        day=traded if statement.period is Period.MONTH else statement.day,
        exchange=exchange_of(table.text(cells, "exchange")),
        instrument=instrument,
        product=product_code(instrument),
        direction=word(table, line, cells, "side", ctp_words.SIDES),
        offset=offset or Offset.UNSTATED,
        hedge=word(table, line, cells, "hedge", ctp_words.HEDGES),
        price=price,
        lots=lots,
        trade_id=table.text(cells, "trade_id"),
        turnover=table.amount(line, cells, "turnover") if table.has("turnover") else None,
        commission=table.amount(line, cells, "fee"),
        close_profit=table.amount(line, cells, "close_profit"),
        premium=table.amount(line, cells, "premium"),
        trade_date=traded if printed else None,
        trade_time=figures.clock(table.text(cells, "time")),
    )


def _blame(table: Table, cells: list[str], lots: int) -> dict[str, str]:
    key = "lots" if lots == 0 else "price"
    return {"label": ctp_words.COLUMN_NAMES[key], "value": table.text(cells, key)}


def contract_of(table: Table, line: int, cells: list[str]) -> str:
    """The contract code of a row. Raises StatementError where the cell is none."""
    instrument = table.text(cells, "instrument")
    if not figures.CONTRACT.fullmatch(instrument):
        raise refuse("bad_contract", line, value=instrument)
    return instrument


def exchange_of(text: str) -> str:
    """CTP's exchange id for a printed name, empty where the name is not known."""
    return ctp_words.EXCHANGES.get(ctp_words.compact(text), "")


def word(table: Table, line: int, cells: list[str], key: str, meanings: dict[str, Meaning]) -> Meaning:
    """What a printed word means. Raises StatementError for a word that is not known."""
    text = table.text(cells, key)
    meaning = meanings.get(ctp_words.compact(text))
    if meaning is None:
        raise refuse("bad_word", line, label=ctp_words.COLUMN_NAMES[key], value=text)
    return meaning


def _detail_lot(statement: Statement, table: Table, line: int, cells: list[str], by: Basis) -> Lot:
    table.need("instrument", "side", "lots", "margin")
    opened = table.text(cells, "open_date")
    open_day = figures.day(opened) if opened else None
    if opened and open_day is None:
        raise refuse("bad_date", line, value=opened)
    lots = table.lots(line, cells, "lots")
    return Lot(
        exchange=exchange_of(table.text(cells, "exchange")),
        instrument=contract_of(table, line, cells),
        direction=ctp_words.POSITION_SIDES[word(table, line, cells, "side", ctp_words.SIDES)],
        hedge=word(table, line, cells, "hedge", ctp_words.HEDGES),
        lots=lots,
        today_lots=lots if open_day == statement.day else 0,
        open_price=table.price(line, cells, "open_price"),
        pre_settlement=table.price(line, cells, "pre_settlement"),
        settlement=table.price(line, cells, "settlement"),
        profit=table.amount(line, cells, "mtm_profit" if by is Basis.MTM else "floating_profit"),
        margin=table.amount(line, cells, "margin"),
        floating=table.amount(line, cells, "floating_profit") if table.has("floating_profit") else None,
        option_value=table.amount(line, cells, "option_value"),
    )


def _summary_lots(statement: Statement, table: Table, line: int, cells: list[str], by: Basis) -> list[Lot]:
    """A summary row as lots of each side; profit and margin of a row with both sides go to the larger
    one.
    """
    table.need("instrument", "long_lots", "short_lots", "margin")
    sides = [("long", ctp_words.SIDES["买"]), ("short", ctp_words.SIDES["卖"])]
    counted = {name: table.lots(line, cells, f"{name}_lots") for name, _ in sides}
    larger = max(counted, key=lambda name: counted[name])
    profit = table.amount(line, cells, "mtm_profit" if by is Basis.MTM else "floating_profit")
    return [
        Lot(
            exchange=exchange_of(table.text(cells, "exchange")),
            instrument=contract_of(table, line, cells),
            direction=ctp_words.POSITION_SIDES[side],
            hedge=word(table, line, cells, "hedge", ctp_words.HEDGES),
            lots=counted[name],
            today_lots=0,
            open_price=table.price(line, cells, f"{name}_price"),
            pre_settlement=table.price(line, cells, "pre_settlement"),
            settlement=table.price(line, cells, "settlement"),
            profit=profit if name == larger else ZERO,
            margin=table.amount(line, cells, "margin") if name == larger else ZERO,
            floating=None,
            option_value=table.amount(line, cells, f"{name}_value"),
        )
        for name, side in sides
        if counted[name]
    ]
