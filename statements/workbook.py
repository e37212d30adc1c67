"""Workbooks (.xlsx) as rows of text. Size and shape are checked before anything is unpacked; formulas
are refused.
"""

import contextlib
import io
import struct
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime, time

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from statements.limits import MEBIBYTE, Limits
from statements.reasons import refuse

# What openpyxl and zipfile raise on bytes that only look like a workbook; ParseError is a SyntaxError.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    InvalidFileException,
    SyntaxError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    OSError,
    RuntimeError,
)
_XLSX_PART = "[Content_Types].xml"
_DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY", "<!DOCTYPE".encode("utf-16-le"), "<!DOCTYPE".encode("utf-16-be"))


@dataclass(frozen=True, slots=True)
class Row:
    """A row with its 1-based number; cells are text without blanks around it, empty where nothing
    stands.
    """

    number: int
    cells: list[str]


Sheets = dict[str, list[Row]]


def read_workbook(data: bytes, limits: Limits) -> Sheets:
    """Every sheet of a workbook by name. Raises StatementError for bombs, formulas and broken files."""
    try:
        _check_parts(data, limits)
        with warnings.catch_warnings():
            # openpyxl warns of styles and extensions that it leaves out; values are all that is read.
            warnings.simplefilter("ignore")
            # It also prints a line for a broken style, which would end up in the command's JSON.
            with contextlib.redirect_stdout(io.StringIO()):
                book = openpyxl.load_workbook(
                    io.BytesIO(data), read_only=True, data_only=False, keep_links=False
                )
            try:
                return {sheet.title: _rows_of(sheet, limits) for sheet in book.worksheets}
            finally:
                book.close()
    except _BROKEN as broken:
        raise refuse("broken_workbook") from broken


def _check_parts(data: bytes, limits: Limits) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        unpacked = sum(part.file_size for part in parts)
        if unpacked > limits.max_unpacked_bytes:
            raise refuse("zip_bomb", size=str(unpacked), limit=str(limits.max_unpacked_bytes))
        for size, packed in [
            (unpacked, len(data)),
            *((part.file_size, part.compress_size) for part in parts),
        ]:
            if size > MEBIBYTE and size > limits.max_ratio * max(packed, 1):
                raise refuse("zip_ratio", ratio=str(size // max(packed, 1)), limit=str(limits.max_ratio))
        if _XLSX_PART not in archive.namelist():
            raise refuse("broken_workbook")
        for part in parts:
            _refuse_declarations(archive, part)


def _refuse_declarations(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """A spreadsheet has no use for document types; entities that unfold are made of them."""
    if part.filename.endswith((".xml", ".rels")):
        with archive.open(part) as stream:
            head = stream.read(4096)
        if any(declaration in head for declaration in _DECLARATIONS):
            raise refuse("broken_workbook")


def _rows_of(sheet: openpyxl.worksheet._read_only.ReadOnlyWorksheet, limits: Limits) -> list[Row]:
    # The declared dimension is often wrong, and too small a one would hide cells.
    sheet.reset_dimensions()
    rows = []
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if number > limits.max_rows:
            raise refuse("too_many_rows", number, limit=str(limits.max_rows))
        if len(cells) > limits.max_columns:
            raise refuse("too_many_columns", number, limit=str(limits.max_columns))
        for cell in cells:
            if getattr(cell, "data_type", "") == "f":
                raise refuse("formula", number, cell=cell.coordinate, sheet=sheet.title)
        texts = [_text(cell.value) for cell in cells]
        if any(texts):
            rows.append(Row(number, texts))
    return rows


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        # Six decimals are more than any price has; what lies beyond is the noise of binary fractions.
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(round(value, 6))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()
