"""Rows of a CSV table under CTP field names, and what comes of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeVar

from domain.settlement import LineNote, Position, SettlementRecord, Trade
from statements import ctp_fields, figures
from statements.reasons import refuse

Word = TypeVar("Word")

_LONGEST_LINE = 20_000


class RowError(Exception):
    """A row that is left out, with the code and the facts of its note."""

    def __init__(self, code: str, **facts: str) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


@dataclass(slots=True)
class Rows:
    """What has been read so far."""

    records: list[SettlementRecord] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    rejected: list[LineNote] = field(default_factory=list)
    notes: list[LineNote] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading as printed, and where each CTP field stands in a row, by lower-case name."""

    cells: list[str]
    places: dict[str, int]

    def has(self, *names: str) -> bool:
        """Whether all of these fields have a column."""
        return all(name in self.places for name in names)

    def first_of(self, *names: str) -> int | None:
        """The place of the first of these fields that has a column."""
        return next((self.places[name] for name in names if name in self.places), None)

    def text(self, row: list[str], name: str) -> str:
        """The cell of a field without blanks around it, empty where it has no column."""
        place = self.places.get(name.lower())
        return "" if place is None else row[place].strip()

    def meaning(self, row: list[str], name: str, words: dict[str, Word]) -> Word:
        """What the flag of a field means. Raises RowError for a flag that is not known."""
        text = self.text(row, name)
        found = words.get(text)
        if found is None:
            raise RowError("bad_word", label=name, value=text)
        return found

    def lots(self, row: list[str], name: str) -> int:
        """Lots, 0 where the cell is empty. Raises RowError for a negative or broken number."""
        text = self.text(row, name)
        count = figures.lots(text) if text else 0
        if count is None:
            raise RowError("bad_lots", label=name, value=text)
        return count

    def price(self, row: list[str], name: str) -> Decimal | None:
        """A price; None where the cell is empty or holds the largest double, which is CTP's way to say
        so.
        """
        text = self.text(row, name)
        value = figures.number(text)
        if value is None and text and not figures.is_number(text):
            raise RowError("bad_number", label=name, value=text)
        return value

    def amount(self, row: list[str], name: str, least: Decimal | None = None) -> Decimal | None:
        """Money as written, None where the cell is empty. Raises RowError for what is no amount."""
        text = self.text(row, name)
        if not text:
            return None
        value = figures.amount(text)
        if value is None or (least is not None and value < least):
            raise RowError("bad_amount", label=name, value=text)
        return value

    def account_and_day(self, row: list[str]) -> tuple[str, date]:
        """Whose row it is, and of which trading day."""
        text = self.text(row, "investorid") or self.text(row, "accountid")
        account = figures.account(text)
        if account is None:
            raise RowError("bad_account", value=text)
        day = figures.day(self.text(row, "tradingday"))
        if day is None:
            raise RowError("bad_date", value=self.text(row, "tradingday"))
        return account, day

    def contract(self, row: list[str]) -> str:
        """The contract code of a row."""
        text = self.text(row, "instrumentid")
        if not figures.CONTRACT.fullmatch(text):
            raise RowError("bad_contract", value=text)
        return text


def bounded(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a table, none longer than a table's lines are: a line may not cost unbounded memory."""
    for number, line in enumerate(lines, start=1):
        if len(line) > _LONGEST_LINE:
            raise refuse("long_line", number, limit=str(_LONGEST_LINE))
        yield line


def field_name(cell: str) -> str:
    """The CTP field that a heading names, in lower case; an unknown heading is its own name."""
    name = cell.strip().strip("\"'\ufeff").lower()
    return ctp_fields.CHINESE_HEADINGS.get(name, name)
