"""``contracts.csv``: multiplier, tick, margin ratio and fees of every product, as of a day.

Rows are dated. A row with an empty ``contract`` stands for the product (its main contract), a row with one
for that very contract, and carries only what differs. A row in force for the very contract wins over the
product's; the first known row of a product also holds for earlier days. Margins rise by steps as delivery comes
near, and before holidays: of a contract's margin rows in force the highest holds, and the product's where it is
younger than all of them and higher. What no longer holds carries ``effective_to``.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from domain.knowledge import Finding
from domain.market import EXCHANGES, ContractSpec, Fee, Fees, RowSource

TABLE = "contracts.csv"
_FEE_TYPES = ("by_turnover", "by_lot", "both")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; what the line leaves empty is None."""

    line: int
    effective_from: date
    effective_to: date | None
    contract: str | None
    product: str
    exchange: str
    name_zh: str
    name_en: str
    multiplier: Decimal | None
    unit: str
    tick: Decimal | None
    margin_ratio: Decimal | None
    fees: Fees | None
    night_close: str | None
    source: str
    as_of: date

    @property
    def name(self) -> str:
        return f"{self.contract or self.product}@{self.effective_from.isoformat()}"

    def in_force(self, day: date) -> bool:
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)


class ContractTable:
    """All rows by product and by contract."""

    def __init__(self, rows: Sequence[Row], traded: Mapping[str, str] | None = None) -> None:
        self._rows = tuple(rows)
        self._traded = traded or {}
        self._products: dict[str, list[Row]] = {}
        self._contracts: dict[str, list[Row]] = {}
        for row in sorted(rows, key=lambda row: row.effective_from):
            if row.contract is None:
                self._products.setdefault(row.product, []).append(row)
            else:
                self._contracts.setdefault(row.contract, []).append(row)

    @classmethod
    def read(
        cls, path: Path, traded: Mapping[str, str] | None = None
    ) -> tuple["ContractTable", tuple[Finding, ...]]:
        """The table, and a finding for each line that cannot be used (the line is left out). ``traded``: product
        -> its Chinese name in the market, where the exchange's is another one.
        """
        rows: list[Row] = []
        findings: list[Finding] = []
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for line, raw in enumerate(csv.DictReader(lines), start=2):
                try:
                    rows.append(_row(line, raw))
                except (KeyError, ValueError, InvalidOperation) as reason:
                    findings.append(Finding(f"{path.name}:{line}", _why(reason), "correct the line"))
        table = cls(rows, traded)
        findings.extend(table._gaps(path.name))
        return table, tuple(findings)

    @property
    def products(self) -> Mapping[str, str]:
        """Product code -> exchange."""
        return {product: rows[0].exchange for product, rows in self._products.items()}

    def names(self, product: str) -> tuple[str, str]:
        """Chinese and English name, as the market calls it."""
        row = self._products[product][-1]
        return self._traded.get(product, row.name_zh), row.name_en

    def legal_name(self, product: str) -> str:
        """The exchange's Chinese name."""
        return self._products[product][-1].name_zh

    def last_day(self) -> date:
        """The first day of the newest row."""
        return max(row.effective_from for row in self._rows)

    def spec(self, product: str, contract: str | None, day: date) -> ContractSpec:
        """What holds on ``day``; KeyError for an unknown product."""
        base, first_known = _in_force(self._products[product], day)
        own = [row for row in self._contracts.get(contract or "", ()) if row.in_force(day)]
        own_fees = next((row for row in reversed(own) if row.fees is not None), None)
        margin_row, fee_row = _highest_margin(base, own, replaced=not first_known), own_fees or base
        multiplier, tick, ratio, fees = base.multiplier, base.tick, margin_row.margin_ratio, fee_row.fees
        if multiplier is None or tick is None or ratio is None or fees is None:
            raise KeyError(product)
        return ContractSpec(
            product=product,
            exchange=base.exchange,
            name_zh=base.name_zh,
            name_en=base.name_en,
            multiplier=multiplier,
            unit=base.unit,
            tick=tick,
            margin_ratio=ratio,
            fees=fees,
            night_close=base.night_close,
            effective_from=base.effective_from,
            effective_to=base.effective_to,
            margin_source=_source(margin_row, first_known and margin_row is base),
            fee_source=_source(fee_row, first_known and own_fees is None),
            contract=contract,
            traded_zh=self._traded.get(product, ""),
        )

    def _gaps(self, name: str) -> Iterator[Finding]:
        for product, rows in self._products.items():
            for row in rows:
                if None in (row.multiplier, row.tick, row.margin_ratio, row.fees):
                    yield Finding(
                        f"{name}:{row.line}",
                        f"the row of product {product} leaves multiplier, tick, margin or a fee empty",
                        "only rows of a very contract may leave them empty",
                    )
        for contract, rows in self._contracts.items():
            if rows[0].product not in self._products:
                yield Finding(f"{name}:{rows[0].line}", f"{contract}: the product has no row of its own")


def _highest_margin(base: Row, own: Sequence[Row], *, replaced: bool) -> Row:
    """The row whose margin ratio holds, of the product's and the very contract's rows in force. ``replaced``: a
    younger row of the product counts beside the contract's.
    """
    steps = [row for row in own if row.margin_ratio is not None]
    if not steps or (replaced and base.effective_from > max(row.effective_from for row in steps)):
        steps.append(base)
    return max(steps, key=lambda row: (row.margin_ratio or 0, row.effective_from))


def _in_force(rows: Sequence[Row], day: date) -> tuple[Row, bool]:
    """The newest row in force; before the first one, the first one."""
    begun = [row for row in rows if row.effective_from <= day]
    if not begun:
        return rows[0], True
    held = [row for row in begun if row.in_force(day)]
    return (held or begun)[-1], False


def _source(row: Row, first_known: bool) -> RowSource:
    return RowSource(
        table=TABLE,
        row=row.name,
        as_of=row.as_of,
        effective_from=row.effective_from,
        source=row.source,
        for_contract=row.contract is not None,
        first_known=first_known,
    )


def _row(line: int, raw: Mapping[str, str]) -> Row:
    exchange = raw["exchange"].strip()
    if exchange not in EXCHANGES:
        raise ValueError(f"unknown exchange {exchange!r}")
    if not raw["product_code"].strip():
        raise ValueError("product_code is empty")
    return Row(
        line=line,
        effective_from=date.fromisoformat(raw["effective_from"].strip()),
        effective_to=date.fromisoformat(raw["effective_to"].strip()) if raw["effective_to"].strip() else None,
        contract=raw["contract"].strip() or None,
        product=raw["product_code"].strip(),
        exchange=exchange,
        name_zh=raw["name_zh"].strip(),
        name_en=raw["name_en"].strip(),
        multiplier=_number(raw["multiplier"]),
        unit=raw["unit"].strip(),
        tick=_number(raw["price_tick"]),
        margin_ratio=_ratio(raw["exchange_margin_ratio"]),
        fees=_fees(raw),
        night_close=raw["night_session_close"].strip() or None,
        source=raw["source"].strip(),
        as_of=date.fromisoformat(raw["as_of"].strip()),
    )


def _number(text: str) -> Decimal | None:
    text = text.strip()
    if not text:
        return None
    number = Decimal(text)
    if number < 0:
        raise ValueError(f"{text} is negative")
    return number


def _ratio(text: str) -> Decimal | None:
    ratio = _number(text)
    if ratio is not None and ratio > 1:
        raise ValueError(f"margin ratio {text} is above 1 (write 12 % as 0.12)")
    return ratio


def _fees(raw: Mapping[str, str]) -> Fees | None:
    kind = raw["fee_type"].strip()
    if not kind:
        return None
    if kind not in _FEE_TYPES:
        raise ValueError(f"fee_type is {kind!r}, not one of {', '.join(_FEE_TYPES)}")
    return Fees(_fee(kind, raw["open_fee"]), _fee(kind, raw["close_fee"]), _fee(kind, raw["close_today_fee"]))


def _fee(kind: str, text: str) -> Fee:
    """``0.0001`` by turnover, ``3`` by the lot, or with ``both``: ``0.0001+3``."""
    first, _, second = text.partition("+")
    if kind == "both":
        return Fee(by_turnover=_number(first) or Decimal(0), by_lot=_number(second) or Decimal(0))
    amount = _number(text)
    if amount is None:
        raise ValueError("a fee is empty")
    if kind == "by_lot":
        return Fee(by_lot=amount)
    if amount >= 1:
        raise ValueError(f"fee {text} by turnover is 1 or more (write one in ten thousand as 0.0001)")
    return Fee(by_turnover=amount)


def _why(reason: Exception) -> str:
    if isinstance(reason, KeyError):
        return f"column {reason.args[0]} is missing"
    if isinstance(reason, InvalidOperation):
        return "a number cannot be read"
    return str(reason)
