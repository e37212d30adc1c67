"""Workbooks: the monitoring centre's figures, formulas and bombs."""

import io
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from domain.settlement import Direction, Offset, StatementError
from statements import Limits, read

Book = openpyxl.Workbook


def refused(data: bytes, limits: Limits | None = None) -> StatementError:
    with pytest.raises(StatementError) as caught:
        read("x.xlsx", data, limits=limits or Limits())
    return caught.value


def saved(book: Book) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.fixture
def workbook(samples: Path) -> bytes:
    """80012345 on 2026-08-17 as the monitoring centre shows it."""
    return (samples / "formats" / "monitoring_centre.xlsx").read_bytes()


def changed(workbook: bytes, change: Callable[[Book], None]) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(workbook))
    change(book)
    return saved(book)


def cell_of(book: Book, label: str) -> openpyxl.cell.Cell:
    """The cell that holds a label's value in the summary sheet."""
    sheet = book["客户交易结算日报"]
    for row in sheet.iter_rows():
        for cell in row:
            if cell.value == label:
                return sheet.cell(cell.row, cell.column + 2)
    raise AssertionError(label)


def test_the_workbook_says_what_the_statement_says(workbook: bytes, statement: str) -> None:
    """One account, one day, two sources, the same figures."""
    book, text = read("x", workbook), read("x", statement.encode())
    assert book.format == "cfmmc-workbook"
    items = [
        "account",
        "day",
        "name",
        "company",
        "by",
        "pre_balance",
        "deposit",
        "close_profit",
        "position_profit",
        "commission",
    ]
    items += [
        "equity",
        "balance",
        "curr_margin",
        "available",
        "risk_degree",
        "margin_call",
        "exchange_margin",
    ]
    for item in items:
        assert getattr(book.records[0], item) == getattr(text.records[0], item), item
    for one, other in zip(book.positions, text.positions, strict=True):
        assert (one.instrument, one.direction, one.lots, one.today_lots) == (
            other.instrument,
            other.direction,
            other.lots,
            other.today_lots,
        )
        assert (one.margin_company, one.position_profit) == (other.margin_company, other.position_profit)
        assert (one.open_price, one.settlement_price) == (other.open_price, other.settlement_price)
    assert [(trade.trade_id, trade.commission) for trade in book.trades] == [
        (trade.trade_id, trade.commission) for trade in text.trades
    ]


def test_labels_are_found_wherever_they_stand(workbook: bytes) -> None:
    """A column put in front moves everything and changes nothing."""

    def move(book: Book) -> None:
        for sheet in book.worksheets:
            sheet.insert_cols(1)

    assert read("x", changed(workbook, move)).records == read("x", workbook).records


@pytest.mark.parametrize(
    "label",
    [
        "上日结存",
        "当日存取合计",
        "当日盈亏",
        "当日手续费",
        "当日结存",
        "客户权益",
        "保证金占用",
        "可用资金",
        "追加保证金",
    ],
)
def test_a_wrong_amount_is_refused_with_its_row(workbook: bytes, label: str) -> None:
    """Each printed amount is bound to the others."""

    def spoil(book: Book) -> None:
        cell = cell_of(book, label)
        cell.value = float(cell.value) + 0.01

    error = refused(changed(workbook, spoil))
    assert error.line is not None


def test_a_wrong_risk_degree_is_refused(workbook: bytes) -> None:
    """8.26 % is 42,921.50 / 519,415.43."""

    def spoil(book: Book) -> None:
        cell_of(book, "风险度").value = "8.36%"

    assert refused(changed(workbook, spoil)).reason_code == "sum_risk"


def test_a_wrong_total_of_a_sheet_is_refused(workbook: bytes) -> None:
    """合计 must be the sum of its rows."""

    def spoil(book: Book) -> None:
        sheet = book["成交明细"]
        sheet.cell(sheet.max_row, 10).value = 25.57

    assert refused(changed(workbook, spoil)).reason_code == "total_sum"


def test_a_sheet_without_its_total_is_half_a_file(workbook: bytes) -> None:
    """The last row of each sheet is 合计."""

    def cut(book: Book) -> None:
        sheet = book["持仓明细"]
        sheet.delete_rows(sheet.max_row)

    assert refused(changed(workbook, cut)).reason_code == "cut"


def test_by_trade_workbooks_count_the_floating_result(workbook: bytes) -> None:
    """逐笔对冲: 当日结存 is without 浮动盈亏, the equity is with it."""

    def by_trade(book: Book) -> None:
        sheet = book["客户交易结算日报"]
        sheet["A1"].value = "客户交易结算日报(逐笔对冲)"
        label = next(cell for row in sheet.iter_rows() for cell in row if cell.value == "当日盈亏")
        label.value = "平仓盈亏"
        cell_of(book, "平仓盈亏").value = -240
        cell_of(book, "当日结存").value = 519735.43
        row = cell_of(book, "当日结存").row + 1
        sheet.cell(row, 1).value, sheet.cell(row, 3).value = "浮动盈亏", -320

    (record,) = read("x", changed(workbook, by_trade)).records
    assert (record.by.value, record.equity, record.position_profit) == (
        "trade",
        Decimal("519415.43"),
        Decimal("-320.00"),
    )


def test_option_trades_without_open_or_close_are_taken(workbook: bytes) -> None:
    """期权成交明细 does not say whether a position is opened."""

    def add(book: Book) -> None:
        sheet = book.create_sheet("期权成交明细")
        sheet.append(["品种合约", "流水号", "成交时间", "买/卖", "权利金单价", "成交量", "权利金", "手续费"])
        sheet.append(["m2701-P-3200", "00000077", "10:00:00", "买", 88, 2, 1760, 0])
        sheet.append(["合计", None, None, None, None, 2, 1760, 0])

    trade = read("x", changed(workbook, add)).trades[-1]
    assert (trade.instrument, trade.offset, trade.trade_id) == ("m2701-P-3200", Offset.UNSTATED, "00000077")


def test_positions_of_both_sides_keep_their_sides(workbook: bytes) -> None:
    """买持仓 and 卖持仓 are columns of one table."""
    sides = {position.instrument: position.direction for position in read("x", workbook).positions}
    assert sides == {"rb2610": Direction.LONG, "m2701": Direction.SHORT}


def test_a_formula_is_refused_naming_the_cell(workbook: bytes) -> None:
    """What a formula gives depends on who opens it."""

    def add(book: Book) -> None:
        book["持仓明细"]["C4"] = "=1+1"

    error = refused(changed(workbook, add))
    assert error.reason_code == "formula"
    assert error.reason_facts == {"cell": "C4", "sheet": "持仓明细"}


def test_a_workbook_without_the_summary_sheet_says_which_is_missing() -> None:
    """Any other workbook is not guessed at."""
    assert refused(saved(Book())).reason_facts["sheet"] == "客户交易结算日报"


def bomb(size: int, name: str = "xl/worksheets/sheet1.xml") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open(name, "w") as part:
            for _ in range(size // 2**20):
                part.write(b"0" * 2**20)
    return out.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    """130 MB of zeros in 130 kB: neither the size nor the ratio is a workbook's."""
    packed = bomb(130 * 2**20)
    assert len(packed) < 200_000
    assert refused(packed).reason_code == "zip_bomb"
    assert refused(packed, Limits(max_unpacked_bytes=10**12)).reason_code == "zip_ratio"


def test_a_lie_about_the_unpacked_size_does_not_help() -> None:
    """The directory says one kilobyte; what unpacks beyond it is never read."""
    packed = bytearray(bomb(4 * 2**20))
    with zipfile.ZipFile(io.BytesIO(bytes(packed))) as archive:
        real = archive.infolist()[1].file_size
    central = packed.rindex(b"PK\x01\x02")
    place = packed.index(real.to_bytes(4, "little"), central)
    packed[place : place + 4] = (1000).to_bytes(4, "little")
    assert refused(bytes(packed)).reason_code == "broken_workbook"


def test_entities_are_refused(workbook: bytes) -> None:
    """A spreadsheet has no document type; a billion laughs do."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as source, zipfile.ZipFile(out, "w") as target:
        for part in source.infolist():
            data = source.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                data = b'<!DOCTYPE x [<!ENTITY a "ha">]>' + data
            target.writestr(part, data)
    assert refused(out.getvalue()).reason_code == "broken_workbook"


def test_cut_workbooks_are_refused(workbook: bytes) -> None:
    """Cut anywhere, a workbook is broken and says so."""
    for place in range(4, len(workbook) - 1, len(workbook) // 23):
        assert refused(workbook[:place]).reason_code == "broken_workbook"


def test_a_sheet_as_wide_as_the_grid_is_refused() -> None:
    """One cell in the last column must not cost a grid of memory."""
    book = Book()
    book.active["XFD1"] = "x"
    assert refused(saved(book)).reason_code == "too_many_columns"


def test_a_cell_in_the_last_row_is_beyond_the_limit() -> None:
    """A million empty rows are not built to reach it."""
    book = Book()
    book.active["A1048576"] = "x"
    assert refused(saved(book), Limits(max_rows=50_000)).reason_code == "too_many_rows"
