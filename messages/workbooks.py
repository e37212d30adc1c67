"""Tables as workbooks: every cell is text, so that nothing in them is ever calculated."""

import io
from collections.abc import Iterable, Sequence

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font

_WRAPPED = Alignment(wrap_text=True, vertical="top")


def workbook(sheet: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A workbook of one sheet; the first row stays in sight. Raises ``ValueError`` for characters that no cell may hold."""
    book = Workbook(write_only=True)
    page = book.create_sheet(sheet)
    page.freeze_panes = "A2"
    for number, row in enumerate((headings, *rows)):
        cells = []
        for words in row:
            cell = WriteOnlyCell(page, value=words)
            cell.data_type = "s"  # else words that begin with = would be a formula
            cell.alignment = _WRAPPED
            cell.font = Font(bold=number == 0)
            cells.append(cell)
        page.append(cells)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()
