"""What is traded, and what it costs: contract codes, rates of the exchange, of the company and of one client.

- ContractCode, parse_contract: a code in any spelling, written as its exchange writes it.
- ContractSpec: what holds for a product or a very contract on a day, and from which table row each figure
came.
- CompanyRates: what the brokerage adds to the exchange's rates.
- MarginPlan, FeePlan, ClientPlan: what was agreed with one client; it goes before the company's rates.
- Quote, Prices: the latest settlement price known.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeVar

EXCHANGES: Mapping[str, tuple[str, str]] = {
    "SHFE": ("上期所", "SHFE"),
    "INE": ("上期能源", "INE"),
    "DCE": ("大商所", "DCE"),
    "CZCE": ("郑商所", "CZCE"),
    "CFFEX": ("中金所", "CFFEX"),
    "GFEX": ("广期所", "GFEX"),
}
"""Exchange code -> its short name in Chinese and in English."""

Rate = TypeVar("Rate")

_CODE = re.compile(r"^([A-Za-z]{1,2})(\d{3,4})(F?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ContractCode:
    """A product's contract month. ``str()`` spells it as the exchange does: rb2701, SR701, IF2612, l2607F."""

    product: str
    exchange: str
    year: int
    month: int

    def __str__(self) -> str:
        if self.product.endswith("_f"):
            return f"{self.product[:-2]}{self.year % 100:02d}{self.month:02d}F"
        if self.exchange == "CZCE":
            return f"{self.product}{self.year % 10}{self.month:02d}"
        return f"{self.product}{self.year % 100:02d}{self.month:02d}"


def parse_contract(text: str, products: Mapping[str, str], near: date) -> ContractCode | None:
    """Read a contract code in any case and with three or four digits; None where it is none.

    ``products`` maps product codes in the exchange's spelling to the exchange. A three-digit month (SR701)
    names the decade that puts the contract closest to ``near``, from two years back to seven years ahead.
    """
    match = _CODE.match(text.strip())
    if match is None:
        return None
    letters, digits, average = match.groups()
    wanted = f"{letters}_f" if average else letters
    product = next((p for p in products if p.lower() == wanted.lower()), None)
    month = int(digits[-2:])
    if product is None or not 1 <= month <= 12:
        return None
    if len(digits) == 4:
        year = 2000 + int(digits[:2])
    else:
        year = near.year - 2 + (int(digits[0]) - (near.year - 2)) % 10
    return ContractCode(product, products[product], year, month)


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee rate: a share of the turnover and an amount a lot; where both are there, they add (CTP's
    rule).
    """

    by_turnover: Decimal = Decimal(0)
    by_lot: Decimal = Decimal(0)

    @property
    def is_free(self) -> bool:
        return not self.by_turnover and not self.by_lot


@dataclass(frozen=True, slots=True)
class Fees:
    """The three fee rates of a contract: opening, closing, closing a position of the same day."""

    open: Fee
    close: Fee
    close_today: Fee


@dataclass(frozen=True, slots=True)
class RowSource:
    """The table row that a figure was read from.

    ``row`` is ``product`` or ``contract`` with its first day (``rb@2026-08-18``); ``for_contract``: the row
    is the very contract's, otherwise it stands for the main contract of the product; ``first_known``: the day
    asked for lies before the first row, which then holds for it.
    """

    table: str
    row: str
    as_of: date
    effective_from: date
    source: str
    for_contract: bool
    first_known: bool


@dataclass(frozen=True, slots=True)
class ContractSpec:
    """What holds for a product (``contract`` None) or for a very contract on a day.

    ``multiplier`` in units a lot, ``tick`` the smallest price move, ``margin_ratio`` and ``fees`` the
    exchange's, ``night_close`` the end of the night session ("01:00") or None. Margin and fees each name
    their row, for a row of the very contract may carry only one of them. ``name_zh`` is the exchange's name,
    ``traded_zh`` the market's where that is another one.
    """

    product: str
    exchange: str
    name_zh: str
    name_en: str
    multiplier: Decimal
    unit: str
    tick: Decimal
    margin_ratio: Decimal
    fees: Fees
    night_close: str | None
    effective_from: date
    effective_to: date | None
    margin_source: RowSource
    fee_source: RowSource
    contract: str | None = None
    traded_zh: str = ""

    def name(self, lang: str) -> str:
        """As it is called in the market."""
        return (self.traded_zh or self.name_zh) if lang == "zh" else self.name_en

    def full_name(self, lang: str) -> str:
        """With the exchange's name in brackets where the market uses another one: 沪铜（阴极铜）."""
        name = self.name(lang)
        return f"{name}（{self.name_zh}）" if lang == "zh" and name != self.name_zh else name


@dataclass(frozen=True, slots=True)
class FeeRule:
    """How the company's fee follows from the exchange's: times a factor, plus an amount, in the same way of
    charging.

    What the exchange charges by turnover is multiplied and raised by turnover, what it charges by the lot by
    the lot; what the exchange waives stays free.
    """

    turnover_times: Decimal = Decimal(1)
    turnover_plus: Decimal = Decimal(0)
    lot_times: Decimal = Decimal(1)
    lot_plus: Decimal = Decimal(0)

    def of(self, exchange: Fee) -> Fee:
        turnover, lot = exchange.by_turnover, exchange.by_lot
        return Fee(
            by_turnover=turnover * self.turnover_times + self.turnover_plus if turnover else turnover,
            by_lot=lot * self.lot_times + self.lot_plus if lot else lot,
        )


@dataclass(frozen=True, slots=True)
class TurnoverRule:
    """The company's fee as a share of the turnover for every product, whatever the exchange's way of charging.

    Never below what the exchange charges by turnover; its charge by the lot is contained.
    """

    rate: Decimal

    def of(self, exchange: Fee) -> Fee:
        return Fee(by_turnover=max(self.rate, exchange.by_turnover))


@dataclass(frozen=True, slots=True)
class CompanyRates:
    """What the brokerage adds to the exchange's rates (config.yaml).

    ``margin_addon`` in points of the contract value (0.05 = five points), ``margin_per_product`` the same for
    a product or a contract; ``fee`` and ``fee_per_product`` likewise; a product in the exchange's spelling.
    """

    margin_addon: Decimal = Decimal("0.05")
    margin_per_product: Mapping[str, Decimal] = field(default_factory=dict)
    fee: FeeRule = FeeRule()
    fee_per_product: Mapping[str, FeeRule] = field(default_factory=dict)
    stale_after_days: int = 90
    effective_from: date | None = None


@dataclass(frozen=True, slots=True)
class MarginRate:
    """A client's margin rate: an add-on to the exchange's (``relative``, CTP's IsRelative) or a rate of its
    own.
    """

    ratio: Decimal
    relative: bool = True


@dataclass(frozen=True, slots=True)
class MarginPlan:
    """A client's own margin rates by contract, product or "" for all; the most specific one holds."""

    name: str
    rates: Mapping[str, MarginRate]
    effective_from: date | None = None


@dataclass(frozen=True, slots=True)
class FeePlan:
    """A client's own fees by contract, product or "" for all: a rule upon the exchange's fees, or rates of
    its own.
    """

    name: str
    rates: Mapping[str, FeeRule | TurnoverRule | Fees]
    effective_from: date | None = None


@dataclass(frozen=True, slots=True)
class ClientPlan:
    """What was agreed with one client; a part that is None follows the company's rates."""

    margin: MarginPlan | None = None
    fee: FeePlan | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A settlement price: of which contract, of which trading day."""

    contract: str
    price: Decimal
    day: date


Prices = Callable[[str, str | None], Quote | None]
"""(product, contract or None) -> the latest settlement price known; without a contract, that of the product's
main contract as far as the caller knows it."""


def most_specific(rates: Mapping[str, Rate], product: str, contract: str | None) -> Rate | None:
    """The rate of the contract, else of the product, else the one for all ("")."""
    for key in (contract, product, ""):
        if key is not None and key in rates:
            return rates[key]
    return None
