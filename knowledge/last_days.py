"""``tables/last_days.csv``: by which rule a product's contracts end, and from where the rule is known.

A row without a product stands for the exchange's other products. Rows whose status is ``draft`` are known to differ
and not yet checked: they answer nothing.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from domain.calendar import CalendarEnded, TradingCalendar
from domain.expiry import ExpiryRule, last_trading_day, read_rule
from domain.knowledge import Citation, Finding
from domain.market import EXCHANGES, ContractCode

TABLE = "last_days.csv"


@dataclass(frozen=True, slots=True)
class LastDayRow:
    """One line of the table. ``rule`` is None in a draft."""

    exchange: str
    product: str
    rule: ExpiryRule | None
    source: str
    as_of: date

    def citation(self) -> Citation:
        return Citation(table=TABLE, row=self.product or self.exchange, as_of=self.as_of, source=self.source)


class LastDays:
    """The rules with the calendar that makes days of them."""

    def __init__(self, rows: tuple[LastDayRow, ...], calendar: TradingCalendar) -> None:
        self._rows: Mapping[tuple[str, str], LastDayRow] = {(row.exchange, row.product): row for row in rows}
        self.calendar = calendar

    @classmethod
    def read(cls, path: Path, calendar: TradingCalendar) -> tuple["LastDays", tuple[Finding, ...]]:
        """The table, and a finding for each line that cannot be used (the line is left out)."""
        rows: list[LastDayRow] = []
        findings: list[Finding] = []
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for line, raw in enumerate(csv.DictReader(lines), start=2):
                try:
                    rows.append(_row(raw))
                except (KeyError, ValueError) as reason:
                    findings.append(Finding(f"{path.name}:{line}", str(reason), "correct the line"))
        return cls(tuple(rows), calendar), tuple(findings)

    def row(self, exchange: str, product: str) -> LastDayRow | None:
        """The row whose rule holds for a product; None where none is confirmed."""
        found = self._rows.get((exchange, product)) or self._rows.get((exchange, ""))
        return found if found is not None and found.rule is not None else None

    def of(self, contract: ContractCode) -> date | None:
        """The last trading day; None where no rule is confirmed or the calendar ends before it."""
        row = self.row(contract.exchange, contract.product)
        if row is None or row.rule is None:
            return None
        try:
            return last_trading_day(row.rule, contract.year, contract.month, self.calendar)
        except CalendarEnded:
            return None

    def expired(self, contract: ContractCode, day: date) -> bool:
        """Whether a contract was no longer traded on ``day``; none outlives its delivery month."""
        last = self.of(contract)
        if last is not None:
            return last < day
        return (contract.year, contract.month) < (day.year, day.month)


def _row(raw: Mapping[str, str]) -> LastDayRow:
    if raw["exchange"] not in EXCHANGES:
        raise ValueError(f"unknown exchange {raw['exchange']!r}")
    if raw["status"] not in ("confirmed", "draft"):
        raise ValueError(f"status is {raw['status']!r}, neither confirmed nor draft")
    confirmed = raw["status"] == "confirmed"
    return LastDayRow(
        exchange=raw["exchange"],
        product=raw["product_code"],
        rule=read_rule(raw["rule"]) if confirmed else None,
        source=raw["source"],
        as_of=date.fromisoformat(raw["as_of"]),
    )
