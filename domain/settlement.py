"""What the brokerage's settlement says: one account on one trading day, its positions, its trades.

Names are CTP's where CTP has one, in Python spelling (``CurrMargin`` is ``curr_margin``). Money is CNY as
``Decimal`` with two decimals, ratios are fractions (0.12 is 12 %), volumes are lots.
"""

import re
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from enum import StrEnum

from domain.errors import Refusal

ZERO = Decimal("0.00")


class Basis(StrEnum):
    """How a statement counts profit: 逐日盯市 by the last settlement price, 逐笔对冲 by the opening price."""

    MTM = "mtm"
    TRADE = "trade"


class Period(StrEnum):
    """What a statement covers. A month's ``day`` is the last calendar day of that month."""

    DAY = "day"
    MONTH = "month"


class Direction(StrEnum):
    """Side of a position."""

    LONG = "long"
    SHORT = "short"


class BuySell(StrEnum):
    """Side of a trade."""

    BUY = "buy"
    SELL = "sell"


class Hedge(StrEnum):
    """CTP HedgeFlag; CFFEX statements print 交易 for speculation."""

    SPECULATION = "speculation"
    ARBITRAGE = "arbitrage"
    HEDGE = "hedge"
    MARKET_MAKER = "market_maker"


class Offset(StrEnum):
    """CTP OffsetFlag. Only SHFE and INE name today's lots; elsewhere ``CLOSE`` may close today's lots too.

    ``UNSTATED`` where the file does not say (option trades of the monitoring centre).
    """

    OPEN = "open"
    CLOSE = "close"
    FORCE_CLOSE = "force_close"
    CLOSE_TODAY = "close_today"
    CLOSE_YESTERDAY = "close_yesterday"
    FORCE_OFF = "force_off"
    LOCAL_FORCE_CLOSE = "local_force_close"
    UNSTATED = "unstated"


@dataclass(frozen=True, slots=True)
class SettlementRecord:
    """One account, one trading day (or one month, see ``period``). Unique by (account, day, period).

    ``equity`` is 客户权益, the denominator of both risk degrees. ``balance`` is the statement's
    期末结存 (in a by-trade statement without the floating result) or CTP's Balance. An amount that the
    file does not state is 0.00; what must not be taken for zero is None. A text statement shows company
    margin only: there ``exchange_margin`` is None. ``deposit`` and ``withdraw`` are >= 0; where only a
    net amount is printed, the other one is 0.00. ``cash_in`` is premium received less premium paid.
    ``risk_degree`` is the printed 风险度 as a fraction, never recalculated; ``frozen`` adds margin,
    cash and commission of open orders.
    """

    account: str
    day: date
    by: Basis
    equity: Decimal
    balance: Decimal
    curr_margin: Decimal
    available: Decimal
    name: str = ""
    company: str = ""
    period: Period = Period.DAY
    pre_balance: Decimal = ZERO
    pre_mortgage: Decimal = ZERO
    pre_credit: Decimal = ZERO
    deposit: Decimal = ZERO
    withdraw: Decimal = ZERO
    close_profit: Decimal = ZERO
    position_profit: Decimal = ZERO
    commission: Decimal = ZERO
    cash_in: Decimal = ZERO
    exercise_profit: Decimal = ZERO
    delivery_profit: Decimal = ZERO
    exercise_fee: Decimal = ZERO
    delivery_fee: Decimal = ZERO
    mortgage: Decimal = ZERO
    fx_mortgage: Decimal = ZERO
    credit: Decimal = ZERO
    initial_margin: Decimal = ZERO
    exchange_margin: Decimal | None = None
    delivery_margin: Decimal = ZERO
    exchange_delivery_margin: Decimal | None = None
    frozen: Decimal = ZERO
    margin_call: Decimal = ZERO
    risk_degree: Decimal | None = None
    long_option_value: Decimal = ZERO
    short_option_value: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Position:
    """Lots of one contract on one side with one hedge flag, history and today's lots together.

    ``open_price`` is the average by lots. ``exchange`` is CTP's id (``SHFE``), empty where the file
    does not say. ``position_profit`` follows the record's basis; ``profit_by_trade`` is the floating
    result since opening. ``option_value`` is as printed.
    """

    account: str
    day: date
    exchange: str
    instrument: str
    product: str
    direction: Direction
    hedge: Hedge
    lots: int
    today_lots: int
    open_price: Decimal | None
    pre_settlement: Decimal | None
    settlement_price: Decimal | None
    position_profit: Decimal
    margin_company: Decimal
    margin_exchange: Decimal | None = None
    profit_by_trade: Decimal | None = None
    option_value: Decimal = ZERO
    period: Period = Period.DAY


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade. ``day`` is the trading day; ``trade_date`` the calendar day where the file tells it.

    A night trade belongs to the next trading day. ``trade_id`` is text: exchanges pad it with zeros.
    """

    account: str
    day: date
    exchange: str
    instrument: str
    product: str
    direction: BuySell
    offset: Offset
    hedge: Hedge
    price: Decimal
    lots: int
    trade_id: str
    turnover: Decimal | None = None
    commission: Decimal = ZERO
    close_profit: Decimal = ZERO
    premium: Decimal = ZERO
    trade_date: date | None = None
    trade_time: time | None = None


@dataclass(frozen=True, slots=True)
class LineNote:
    """Something about one line (1-based; in a workbook the row): a code, its facts, the sentence twice."""

    line: int
    code: str
    facts: dict[str, str]
    reason: str
    reason_zh: str


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file that was understood and whose sums agree.

    ``format`` is one of ``ctp-text``, ``cfmmc-workbook``, ``csv-trading-account``,
    ``csv-investor-position``, ``csv-trade``, ``csv-wide``. ``day`` is the latest day in the file.
    ``rejected`` lines were left out and the rest stands; ``notes`` were taken in and a person should
    know. ``sha256`` is the bytes' digest in hexadecimal.
    """

    format: str
    day: date
    records: tuple[SettlementRecord, ...]
    positions: tuple[Position, ...]
    trades: tuple[Trade, ...]
    rejected: tuple[LineNote, ...]
    sha256: str
    notes: tuple[LineNote, ...] = ()


class StatementError(Refusal):
    """A file refused whole; the template ``refusal.statement_refused`` gets ``line``, ``reason``,
    ``reason_zh``.

    ``reason_code`` names the case, ``reason_facts`` its figures; ``line`` is 1-based, None where none
    is to blame.
    """

    def __init__(
        self, reason_code: str, line: int | None, reason_facts: dict[str, str], reason: str, reason_zh: str
    ) -> None:
        super().__init__(
            "statement_refused",
            line=line,
            reason_code=reason_code,
            reason_facts=reason_facts,
            reason=reason,
            reason_zh=reason_zh,
        )
        self.reason_code = reason_code
        self.line = line
        self.reason_facts = reason_facts
        self.reason = reason
        self.reason_zh = reason_zh

    def __str__(self) -> str:
        return self.reason


_INSTRUMENT = re.compile(r"([A-Za-z]{1,4})\d{3,4}(F?)(?:-?[CPcp]-?\d+|-MS-[CP]-\d+)?")


def product_code(instrument: str) -> str:
    """The product's code: ``rb2610`` gives ``rb``, ``l2607F`` gives ``l_f``, ``SR701C5000`` gives ``SR``.

    The spelling is the contract's; empty when the text is no contract code.
    """
    match = _INSTRUMENT.fullmatch(instrument)
    if match is None:
        return ""
    return match[1] + ("_f" if match[2] else "")
