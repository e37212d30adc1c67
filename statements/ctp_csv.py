"""CSV with CTP field names: TradingAccount, InvestorPosition, Trade, and a wide table with one row an
account.

A row that cannot be understood is rejected with its line and the rest stands; a row whose figures
contradict each other refuses the file. Columns are found by name in any order and any case.
"""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from hashlib import sha256

from domain.settlement import ZERO, Direction, ParsedFile, Trade, product_code
from statements import figures
from statements.ctp_accounts import take_accounts
from statements.ctp_fields import DIRECTIONS, HEDGES, OFFSETS, SIDES, TRADING_ACCOUNT_LOWER
from statements.limits import Limits
from statements.lots import Lot, gather
from statements.reasons import note, refuse
from statements.rows import Heading, RowError, Rows, bounded, field_name

_MARKS = TRADING_ACCOUNT_LOWER | {"instrumentid", "posidirection", "offsetflag", "tradeid"}
_PRICE_STEP = Decimal("0.0001")
_Lines = Iterator[tuple[int, list[str]]]
_Take = Callable[[Heading, _Lines, Rows], None]


def looks_like_ctp_csv(text_head: str) -> bool:
    """Whether the first line of a text has at least two CTP field names as headings."""
    first = text_head.lstrip("\r\n").split("\n", 1)[0]
    cells = {field_name(cell) for cell in first.replace("\t", ",").replace(";", ",").split(",")}
    return len(cells & _MARKS) >= 2


def read_csv(data: bytes, encoding: str, limits: Limits) -> ParsedFile:
    """The rows of a CSV file in the given encoding. Raises StatementError."""
    stream = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
    first = next((line for line in stream if line.strip()), "")
    stream.seek(0)
    lines = csv.reader(bounded(stream), delimiter=max(",\t;", key=first.count), strict=True)
    rows = Rows()
    try:
        heading = _heading_of(lines)
        kind, take = _kind_of(heading)
        numbered = ((lines.line_num, row) for row in lines)
        take(heading, _whole_rows(numbered, heading, limits, rows, data), rows)
    except csv.Error as error:
        raise refuse("broken_csv", lines.line_num, detail=str(error)) from None
    return _parsed(kind, rows, data)


def _parsed(kind: str, rows: Rows, data: bytes) -> ParsedFile:
    days = [row.day for found in (rows.records, rows.positions, rows.trades) for row in found]
    if not days:
        if rows.rejected:
            first = rows.rejected[0]
            raise refuse(first.code, first.line, **first.facts)
        raise refuse("no_rows")
    return ParsedFile(
        format=kind,
        day=max(days),
        records=tuple(rows.records),
        positions=tuple(rows.positions),
        trades=tuple(rows.trades),
        rejected=tuple(sorted(rows.rejected, key=lambda found: found.line)),
        sha256=sha256(data).hexdigest(),
        notes=tuple(rows.notes),
    )


def _heading_of(lines: Iterator[list[str]]) -> Heading:
    cells = next((row for row in lines if any(cell.strip() for cell in row)), [])
    places: dict[str, int] = {}
    for place, cell in enumerate(cells):
        name = field_name(cell)
        if name and name in places:
            raise refuse("duplicate_column", 1, column=cell.strip())
        places[name] = place
    return Heading(cells, places)


def _kind_of(heading: Heading) -> tuple[str, _Take]:
    if heading.has("posidirection") or heading.has("instrumentid", "position"):
        _need(heading, ("InstrumentID", "PosiDirection", "Position", "TradingDay"))
        return "csv-investor-position", _take_positions
    if heading.has("offsetflag") or heading.has("instrumentid", "price", "volume"):
        _need(heading, ("InstrumentID", "Direction", "OffsetFlag", "Price", "Volume", "TradingDay"))
        return "csv-trade", _take_trades
    _need(heading, ("TradingDay", "Balance", "CurrMargin"))
    wide = any(name not in TRADING_ACCOUNT_LOWER for name in heading.places)
    return "csv-wide" if wide else "csv-trading-account", take_accounts


def _need(heading: Heading, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name.lower() not in heading.places]
    if heading.first_of("accountid", "investorid") is None:
        missing.insert(0, "AccountID")
    if missing:
        raise refuse("missing_columns", 1, columns="、".join(missing))


def _whole_rows(lines: _Lines, heading: Heading, limits: Limits, rows: Rows, data: bytes) -> _Lines:
    """Rows of the right width; crooked ones are rejected, and a row cut off at the end refuses the file."""
    width = len(heading.cells)
    taken = 0
    short_line = last_line = 0
    for line, row in lines:
        last_line = line
        if row == heading.cells:
            rows.rejected.append(note("repeated_header", line))
        elif len(row) == width:
            taken += 1
            if taken > limits.max_rows:
                raise refuse("too_many_rows", line, limit=str(limits.max_rows))
            yield line, row
        elif any(cell.strip() for cell in row):
            short_line = line if len(row) < width else 0
            rows.rejected.append(note("row_cells", line, found=str(len(row)), expected=str(width)))
    if short_line and short_line == last_line and not data.endswith((b"\n", b"\r")):
        raise refuse("cut", last_line, what="行尾 end of row")


def _take_positions(heading: Heading, lines: _Lines, rows: Rows) -> None:
    lots: dict[tuple[str, date], list[Lot]] = {}
    seen: dict[tuple[str, ...], int] = {}
    for line, row in lines:
        try:
            _refuse_twin(seen, line, row)
            account, day = heading.account_and_day(row)
            lots.setdefault((account, day), []).append(_lot(heading, row))
        except RowError as bad:
            rows.rejected.append(note(bad.code, line, **bad.facts))
    for (account, day), found in lots.items():
        rows.positions.extend(gather(found, account, day))


def _lot(heading: Heading, row: list[str]) -> Lot:
    direction = heading.meaning(row, "PosiDirection", DIRECTIONS)
    count = heading.lots(row, "Position")
    settlement = heading.price(row, "SettlementPrice")
    profit = heading.amount(row, "PositionProfit") or ZERO
    sign = 1 if direction is Direction.LONG else -1
    multiplier = heading.price(row, "VolumeMultiple")
    if multiplier is None:
        multiplier = _multiplier(heading.amount(row, "PositionCost"), sign * profit, settlement, count)
    cost = heading.amount(row, "OpenCost")
    open_price = None
    if cost is not None and multiplier and count:
        open_price = (cost / (multiplier * count)).quantize(_PRICE_STEP, rounding="ROUND_HALF_UP")
    return Lot(
        exchange=heading.text(row, "exchangeid").upper(),
        instrument=heading.contract(row),
        direction=direction,
        hedge=heading.meaning(row, "HedgeFlag", HEDGES),
        lots=count,
        today_lots=heading.lots(row, "TodayPosition"),
        open_price=open_price,
        pre_settlement=heading.price(row, "PreSettlementPrice"),
        settlement=settlement,
        profit=figures.cents(profit),
        margin=figures.cents(heading.amount(row, "UseMargin", least=ZERO) or ZERO),
        floating=None,
        exchange_margin=_cents_or_none(heading.amount(row, "ExchangeMargin", least=ZERO)),
    )


def _multiplier(
    cost: Decimal | None, gain: Decimal, settlement: Decimal | None, count: int
) -> Decimal | None:
    """The contract multiplier that the row itself implies: value at settlement / (settlement price x
    lots).
    """
    if cost is None or not settlement or not count:
        return None
    multiplier = (cost + gain) / (settlement * count)
    whole = multiplier.to_integral_value()
    return whole if whole > 0 and abs(multiplier - whole) < Decimal("0.001") else None


def _cents_or_none(value: Decimal | None) -> Decimal | None:
    return None if value is None else figures.cents(value)


def _take_trades(heading: Heading, lines: _Lines, rows: Rows) -> None:
    seen: dict[tuple[str, ...], int] = {}
    for line, row in lines:
        try:
            _refuse_twin(seen, line, row)
            rows.trades.append(_trade(heading, row))
        except RowError as bad:
            rows.rejected.append(note(bad.code, line, **bad.facts))


def _trade(heading: Heading, row: list[str]) -> Trade:
    account, day = heading.account_and_day(row)
    count = heading.lots(row, "Volume")
    price = heading.price(row, "Price")
    if price is None or count == 0:
        name = "Volume" if price is not None else "Price"
        raise RowError("bad_number", label=name, value=heading.text(row, name.lower()))
    traded = heading.text(row, "tradedate")
    trade_date = figures.day(traded) if traded else None
    if traded and trade_date is None:
        raise RowError("bad_date", value=traded)
    instrument = heading.contract(row)
    return Trade(
        account=account,
        day=day,
        exchange=heading.text(row, "exchangeid").upper(),
        instrument=instrument,
        product=product_code(instrument),
        direction=heading.meaning(row, "Direction", SIDES),
        offset=heading.meaning(row, "OffsetFlag", OFFSETS),
        hedge=heading.meaning(row, "HedgeFlag", HEDGES),
        price=price,
        lots=count,
        trade_id=heading.text(row, "tradeid"),
        commission=figures.cents(heading.amount(row, "Commission") or ZERO),
        close_profit=figures.cents(heading.amount(row, "CloseProfit") or ZERO),
        trade_date=trade_date,
        trade_time=figures.clock(heading.text(row, "tradetime")),
    )


def _refuse_twin(seen: dict[tuple[str, ...], int], line: int, row: list[str]) -> None:
    other = seen.setdefault(tuple(row), line)
    if other != line:
        raise RowError("duplicate_row", other=str(other))
