"""A table of a statement: headings, rows, the total row, and whether they agree.

Columns are found by their heading, never by their place. Both the text statement and the workbook use it.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal

from domain.settlement import ZERO
from statements import ctp_words, figures
from statements.reasons import refuse

_TOTAL = re.compile(r"共\s*([0-9]{1,9})\s*条|合\s*计|总\s*计|^total\b", re.IGNORECASE)
_EMPTY = ("", "-", "--")


@dataclass(slots=True)
class Table:
    """One table as it is read. ``keys`` names each column, None where nobody asks for it."""

    name: str
    line: int
    keys: list[str | None] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    total: tuple[int, list[str]] | None = None

    def add(self, line: int, cells: list[str]) -> None:
        """Take the next line: heading, second heading, row or total. Raises StatementError for a
        crooked row.
        """
        if not self.keys:
            self._take_heading(line, cells)
        elif is_total(cells):
            self.total = (line, cells)
        elif cells == self.headings:
            return
        elif not self.rows and not any(character.isdigit() for cell in cells for character in cell):
            self._take_second_heading(cells)
        elif len(cells) != len(self.keys):
            raise refuse("row_cells", line, found=str(len(cells)), expected=str(len(self.keys)))
        elif any(cells):
            self.rows.append((line, cells))

    def has(self, key: str) -> bool:
        """Whether the table has this column."""
        return key in self.keys

    def need(self, *keys: str) -> None:
        """Refuse a table without these columns, naming them."""
        missing = [ctp_words.COLUMN_NAMES[key] for key in keys if key not in self.keys]
        if missing:
            raise refuse("missing_columns", self.line, columns="、".join(missing))

    def text(self, cells: list[str], key: str) -> str:
        """The cell of a row, empty where the table has no such column."""
        return cells[self.keys.index(key)] if key in self.keys else ""

    def amount(self, line: int, cells: list[str], key: str) -> Decimal:
        """An amount of at most two decimals; 0.00 where the cell or the column is empty."""
        text = self.text(cells, key)
        if text in _EMPTY:
            return ZERO
        value = figures.amount(text)
        if value is None or value != figures.cents(value):
            raise refuse("bad_amount", line, label=ctp_words.COLUMN_NAMES[key], value=text)
        return value

    def price(self, line: int, cells: list[str], key: str) -> Decimal | None:
        """A price, None where the cell or the column is empty."""
        text = self.text(cells, key)
        if text in _EMPTY:
            return None
        value = figures.number(text)
        if value is None:
            raise refuse("bad_number", line, label=ctp_words.COLUMN_NAMES[key], value=text)
        return value

    def lots(self, line: int, cells: list[str], key: str) -> int:
        """Lots, 0 where the cell is empty."""
        text = self.text(cells, key)
        if text in _EMPTY:
            return 0
        value = figures.lots(text)
        if value is None:
            raise refuse("bad_lots", line, label=ctp_words.COLUMN_NAMES[key], value=text)
        return value

    def sum(self, key: str) -> Decimal:
        """The amounts of a column, added up over the rows; 0.00 where there is no such column."""
        return sum((self.amount(line, cells, key) for line, cells in self.rows), ZERO)

    def check_total(self) -> None:
        """Refuse a table without a total row, or one whose total does not agree with its rows."""
        if self.total is None:
            raise refuse(
                "cut", self.rows[-1][0] if self.rows else self.line, what=f"{self.name} 合计行 total row"
            )
        line, cells = self.total
        match = next(found for cell in cells if (found := _TOTAL.search(cell)))
        if match[1] is not None and int(match[1]) != len(self.rows):
            raise refuse(
                "total_count", line, section=self.name, printed=match[1], counted=str(len(self.rows))
            )
        if len(cells) == len(self.keys):
            self._check_cells(line, cells)
        else:
            self._check_merged(line, cells)

    def _take_heading(self, line: int, cells: list[str]) -> None:
        self.keys = [ctp_words.column_of(cell) for cell in cells]
        self.headings = cells
        self.line = line
        self._refuse_twins()

    def _take_second_heading(self, cells: list[str]) -> None:
        if len(cells) == len(self.keys):
            found = [ctp_words.column_of(cell) for cell in cells]
            self.keys = [
                key or (other if other not in self.keys else None)
                for key, other in zip(self.keys, found, strict=True)
            ]

    def _refuse_twins(self) -> None:
        seen: set[str] = set()
        for key, heading in zip(self.keys, self.headings, strict=True):
            if key is not None and key in seen:
                raise refuse("duplicate_column", self.line, column=heading)
            if key is not None:
                seen.add(key)

    def _check_cells(self, line: int, total: list[str]) -> None:
        """Every figure in the total row must be the sum of its column."""
        for place, text in enumerate(total):
            if text in _EMPTY or _TOTAL.search(text):
                continue
            printed = figures.number(text)
            counted = self._sum_of_place(place)
            if printed is None or counted is None or printed != counted:
                raise self._wrong_total(line, self.headings[place], text, counted)

    def _check_merged(self, line: int, total: list[str]) -> None:
        """Where CTP merges cells of the total row, its figures are the sums of the summed columns, in
        order.
        """
        printed = [text for text in total if text not in _EMPTY and not _TOTAL.search(text)]
        places = [place for place, key in enumerate(self.keys) if key in ctp_words.SUMMED]
        if len(printed) != len(places):
            raise refuse("row_cells", line, found=str(len(total)), expected=str(len(self.keys)))
        for text, place in zip(printed, places, strict=True):
            counted = self._sum_of_place(place)
            if figures.number(text) is None or figures.number(text) != counted:
                raise self._wrong_total(line, self.headings[place], text, counted)

    def _sum_of_place(self, place: int) -> Decimal | None:
        added = ZERO
        for _, cells in self.rows:
            text = cells[place]
            value = ZERO if text in _EMPTY else figures.number(text)
            if value is None:
                return None
            added += value
        return added

    def _wrong_total(self, line: int, column: str, printed: str, counted: Decimal | None) -> Exception:
        shown = "?" if counted is None else f"{counted:f}"
        return refuse("total_sum", line, section=self.name, column=column, printed=printed, counted=shown)


def is_total(cells: list[str]) -> bool:
    """Whether a row is the total row: ``共 2条`` or 合计 in one of its first three cells."""
    return any(_TOTAL.search(cell) for cell in cells[:3])
