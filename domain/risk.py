"""How close an account is to its margin, when that is worth a word, and what would cure it.

- Figures, company_degree, exchange_degree: (margin + delivery margin) / equity, by the company's and the
  exchange's rates.
- Level, Ladder, Assessment, assess: the rung that figures stand on.
- shortfall: the amount that brings an account back under a line.
- Rung, Climb, climb: whether a change is told. The same thing twice is silent.
- Holding, Blocked, LotsEstimate, estimate_lots: how many lots of each contract alone would suffice.

Degrees are fractions (1.073 is 107.3 %), money is CNY with two decimals. Equity is without the market value
of options. Levels compare margin with equity times the threshold, so that no rounded degree decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from domain.margin import CENT, cents
from domain.settlement import Direction, SettlementRecord

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Figures:
    """What the degrees are made of. An unknown exchange margin is None, as in a text statement."""

    equity: Decimal
    company_margin: Decimal
    exchange_margin: Decimal | None = None
    delivery_margin: Decimal = ZERO
    exchange_delivery_margin: Decimal | None = None

    @classmethod
    def of_record(cls, record: SettlementRecord) -> "Figures":
        return cls(
            equity=record.equity,
            company_margin=record.curr_margin,
            exchange_margin=record.exchange_margin,
            delivery_margin=record.delivery_margin,
            exchange_delivery_margin=record.exchange_delivery_margin,
        )

    def company_total(self, with_delivery: bool = True) -> Decimal:
        return self.company_margin + self.delivery_margin if with_delivery else self.company_margin

    def exchange_total(self, with_delivery: bool = True) -> Decimal | None:
        """None where a part is unknown: a line that may be too low is no line."""
        if self.exchange_margin is None or not with_delivery:
            return self.exchange_margin
        if self.exchange_delivery_margin is None:
            return None if self.delivery_margin else self.exchange_margin
        return self.exchange_margin + self.exchange_delivery_margin


def company_degree(figures: Figures, with_delivery: bool = True) -> Decimal | None:
    """公司风险度: (CurrMargin + DeliveryMargin) / equity, unrounded; None where equity <= 0."""
    return _degree(figures.company_total(with_delivery), figures.equity)


def exchange_degree(figures: Figures, with_delivery: bool = True) -> Decimal | None:
    """交易所风险度: (ExchangeMargin + ExchangeDeliveryMargin) / equity; None where unknown or equity <= 0."""
    return _degree(figures.exchange_total(with_delivery), figures.equity)


def _degree(margin: Decimal | None, equity: Decimal) -> Decimal | None:
    return None if margin is None or equity <= 0 else margin / equity


def shortfall(figures: Figures, to: Decimal = Decimal(1), with_delivery: bool = True) -> Decimal:
    """应追加资金: what brings the company degree back to ``to``, max(0, margin / to - equity).

    Rounded up to the cent, so that the amount suffices.
    """
    missing = figures.company_total(with_delivery) / to - figures.equity
    return max(ZERO, missing.quantize(CENT, rounding=ROUND_CEILING))


class Level(StrEnum):
    """Where an account stands, from harmless to worst."""

    NORMAL = "normal"  # 正常
    WATCH = "watch"  # 关注
    WARNING = "warning"  # 预警
    CALL = "call"  # 追加保证金
    LIQUIDATION_NOTICE = "liquidation_notice"  # 强平预告
    LIQUIDATION = "liquidation"  # 强平: a person at the risk desk decides, nothing is executed here
    NEGATIVE_EQUITY = "negative_equity"  # 穿仓

    @property
    def rank(self) -> int:
        return _ORDER.index(self)

    def at_least(self, other: "Level") -> bool:
        return self.rank >= other.rank


_ORDER = tuple(Level)


@dataclass(frozen=True, slots=True)
class Ladder:
    """The thresholds, as shares of equity. The company's line calls above ``call``, not at it.

    ``after_deadline``: what an unmet call becomes when its deadline has passed (liquidation or its last
    notice). ``notice_needs_call``: the exchange's lines count only for accounts over the call line; without
    it a client whose rates are the exchange's gets the last notice while nothing is due. ``repeat_from``: the
    level from which a standing level is told again at each fixed time. ``step_above_call``: told again at
    each such step above ``call``; 0 for never.
    """

    watch: Decimal = Decimal("0.80")
    warning: Decimal = Decimal("0.90")
    call: Decimal = Decimal(1)
    exchange_notice: Decimal = Decimal("0.90")
    exchange_liquidation: Decimal = Decimal(1)
    step_above_call: Decimal = Decimal("0.10")
    after_deadline: Level = Level.LIQUIDATION
    notice_needs_call: bool = False
    repeat_from: Level = Level.CALL
    with_delivery: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.watch <= self.warning <= self.call:
            raise ValueError("risk ladder: watch, warning and call must climb from above 0")
        if not 0 < self.exchange_notice <= self.exchange_liquidation:
            raise ValueError("risk ladder: exchange_notice must not lie above exchange_liquidation")
        if self.step_above_call < 0:
            raise ValueError("risk ladder: step_above_call must not be negative")
        if self.after_deadline not in (Level.LIQUIDATION_NOTICE, Level.LIQUIDATION):
            raise ValueError("risk ladder: after_deadline is liquidation_notice or liquidation")


@dataclass(frozen=True, slots=True)
class Assessment:
    """An account's figures on the ladder. Margins include delivery margin where the ladder says so.

    ``may_open``: the margin is below the equity; at exactly 100 % nothing is due, but nothing may be opened.
    ``steps``: full steps above the call line. ``empty``: no equity and no margin, an account nobody uses.
    """

    level: Level
    equity: Decimal
    company_margin: Decimal
    exchange_margin: Decimal | None
    company: Decimal | None
    exchange: Decimal | None
    shortfall: Decimal
    may_open: bool
    steps: int
    empty: bool


def assess(figures: Figures, ladder: Ladder, deadline_passed: bool = False) -> Assessment:
    """Where an account stands; ``deadline_passed``: a call is out and its deadline is over."""
    margin = figures.company_total(ladder.with_delivery)
    exchange = figures.exchange_total(ladder.with_delivery)
    return Assessment(
        level=_level(figures.equity, margin, exchange, ladder, deadline_passed),
        equity=figures.equity,
        company_margin=margin,
        exchange_margin=exchange,
        company=_degree(margin, figures.equity),
        exchange=_degree(exchange, figures.equity),
        shortfall=shortfall(figures, with_delivery=ladder.with_delivery),
        may_open=margin < figures.equity,
        steps=_steps(figures.equity, margin, ladder),
        empty=figures.equity == 0 and margin == 0,
    )


def _level(
    equity: Decimal, margin: Decimal, exchange: Decimal | None, ladder: Ladder, deadline_passed: bool
) -> Level:
    if equity <= 0:
        return Level.NEGATIVE_EQUITY
    over = margin > equity * ladder.call
    if exchange is not None and (over or not ladder.notice_needs_call):
        if exchange >= equity * ladder.exchange_liquidation:
            return Level.LIQUIDATION
        if exchange >= equity * ladder.exchange_notice:
            return ladder.after_deadline if over and deadline_passed else Level.LIQUIDATION_NOTICE
    if over:
        return ladder.after_deadline if deadline_passed else Level.CALL
    if margin >= equity * ladder.warning:
        return Level.WARNING
    return Level.WATCH if margin >= equity * ladder.watch else Level.NORMAL


def _steps(equity: Decimal, margin: Decimal, ladder: Ladder) -> int:
    above = margin - equity * ladder.call
    if equity <= 0 or above <= 0 or not ladder.step_above_call:
        return 0
    return int((above / (equity * ladder.step_above_call)).to_integral_value(rounding=ROUND_FLOOR))


class Why(StrEnum):
    """Why something is told, or that nothing is."""

    CLIMBED = "climbed"
    FURTHER = "further"  # another step above the call line
    FIXED_TIME = "fixed_time"  # still there at a fixed time
    RECOVERED = "recovered"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Rung:
    """What was last seen of an account: its level, the highest step of this call, the last fixed time."""

    level: Level = Level.NORMAL
    steps: int = 0
    fixed_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Climb:
    """The rung to remember, and whether the client is spoken to."""

    rung: Rung
    speak: bool
    why: Why


def climb(
    previous: Rung | None, now: Assessment, ladder: Ladder, fixed_time: datetime | None = None
) -> Climb:
    """Decide what is told when an account is seen again; ``previous`` is None for one never seen.

    Told are: a level above the last one; each further step above the call line, once a call; at a fixed
    time (after settlement, before the night and the day session) a level from ``repeat_from`` on, once a
    fixed time; and recovery: a call that is met, a warning that is over. An empty account stands nowhere.
    """
    before = previous or Rung()
    level = Level.NORMAL if now.empty else now.level
    calling = level.at_least(Level.CALL)
    in_call = calling and before.level.at_least(Level.CALL)
    steps = max(now.steps, before.steps) if in_call else now.steps
    at_fixed = fixed_time is not None and fixed_time != before.fixed_time
    if level.rank > before.level.rank:
        why = Why.CLIMBED
    elif in_call and steps > before.steps:
        why = Why.FURTHER
    elif _recovered(before.level, level):
        why = Why.RECOVERED
    elif at_fixed and level.at_least(ladder.repeat_from) and level is not Level.NORMAL:
        why = Why.FIXED_TIME
    else:
        why = Why.NOTHING
    rung = Rung(level, steps if calling else 0, fixed_time or before.fixed_time)
    return Climb(rung, why is not Why.NOTHING, why)


def _recovered(before: Level, now: Level) -> bool:
    return any(before.at_least(line) and not now.at_least(line) for line in (Level.CALL, Level.WARNING))


@dataclass(frozen=True, slots=True)
class Holding:
    """Lots of one contract on one side; margin = (per lot + ratio x price x multiplier) x lots.

    ``cost_per_lot``: what closing a lot takes out of equity, the fee and, for a short option, the premium;
    negative where closing brings cash in. ``larger_side``: rows with the same key carry the larger of their
    long and short margin (大额单边: the product, at CFFEX the group of index products); None: margins add.
    """

    contract: str
    direction: Direction
    lots: int
    price: Decimal
    multiplier: Decimal
    margin_ratio: Decimal
    margin_per_lot: Decimal = ZERO
    cost_per_lot: Decimal = ZERO
    larger_side: str | None = None

    @property
    def one_lot(self) -> Decimal:
        return self.margin_per_lot + self.margin_ratio * self.price * self.multiplier

    def margin(self, lots: int) -> Decimal:
        """Margin of so many of these lots, in CNY."""
        return cents(self.one_lot * lots)


@dataclass(frozen=True, slots=True)
class Blocked:
    """A contract that cannot be closed now: at its limit, session closed, part of a combination.

    ``direction`` names the side that cannot be closed, None both.
    """

    contract: str
    reason: str
    direction: Direction | None = None


class WhyNone(StrEnum):
    """Why no number of lots of a holding alone suffices."""

    FREES_NOTHING = "frees_nothing"  # the other side carries the margin, or it costs as much as it frees
    NOT_ENOUGH = "not_enough"


@dataclass(frozen=True, slots=True)
class Alternative:
    """So many lots of this holding alone would suffice; ``lots`` None and the reason where no number does."""

    holding: Holding
    lots: int | None
    margin_after: Decimal
    cost: Decimal
    why_none: WhyNone | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A holding that was not considered, and why."""

    holding: Holding
    reason: str


@dataclass(frozen=True, slots=True)
class LotsEstimate:
    """An estimate, never advice: each holding alone, in the order given, without a choice between them.

    ``reproduced`` is False where our margin differs from the stated one (combinations, unknown rates): then
    there are no alternatives, as they would rest on a wrong sum.
    """

    margin: Decimal
    short_by: Decimal
    alternatives: tuple[Alternative, ...]
    left_out: tuple[LeftOut, ...]
    reproduced: bool = True


def estimate_lots(
    holdings: Sequence[Holding],
    equity: Decimal,
    *,
    blocked: Sequence[Blocked] = (),
    other_margin: Decimal = ZERO,
    stated_margin: Decimal | None = None,
    to: Decimal = Decimal(1),
) -> LotsEstimate:
    """For each holding alone, the fewest lots whose closing brings margin <= (equity - cost) x ``to``.

    The margin of the whole account is computed anew for each candidate. ``other_margin`` (delivery) stays;
    ``stated_margin`` is the statement's, to be met within a cent a row. Prices are taken as they stand.
    """
    if not 0 < to <= 1:
        raise ValueError("lots are estimated to a degree above 0 and up to 1")
    margin = account_margin(holdings) + other_margin
    short_by = max(ZERO, margin - equity * to)
    reasons = [_reason(holding, blocked) for holding in holdings]
    left_out = tuple(LeftOut(h, r) for h, r in zip(holdings, reasons, strict=True) if r is not None)
    tolerance = CENT * max(1, len(holdings))
    if stated_margin is not None and abs(stated_margin - margin) > tolerance:
        return LotsEstimate(margin, short_by, (), left_out, reproduced=False)
    if not short_by:
        return LotsEstimate(margin, short_by, (), left_out)
    alternatives = tuple(
        _fewest(holdings, index, equity, other_margin, to)
        for index, reason in enumerate(reasons)
        if reason is None and holdings[index].lots > 0
    )
    return LotsEstimate(margin, short_by, alternatives, left_out)


def account_margin(holdings: Sequence[Holding]) -> Decimal:
    """Margin of all holdings: rows of a larger-side group count by the larger of their sides, others add."""
    total = ZERO
    sides: dict[str, dict[Direction, Decimal]] = {}
    for holding in holdings:
        margin = holding.margin(holding.lots)
        if holding.larger_side is None:
            total += margin
            continue
        group = sides.setdefault(holding.larger_side, {})
        group[holding.direction] = group.get(holding.direction, ZERO) + margin
    return total + sum((max(group.values()) for group in sides.values()), ZERO)


def _reason(holding: Holding, blocked: Sequence[Blocked]) -> str | None:
    for block in blocked:
        if block.contract == holding.contract and block.direction in (None, holding.direction):
            return block.reason
    return None


def _fewest(
    holdings: Sequence[Holding], index: int, equity: Decimal, other_margin: Decimal, to: Decimal
) -> Alternative:
    holding = holdings[index]
    # No lot cures more than this (a cent each for the rounding of margin and cost), so that numbers which
    # cannot be enough are skipped and the first sufficient one never is.
    cure = holding.one_lot + 2 * CENT - holding.cost_per_lot * to
    lots = 0
    while lots <= holding.lots and cure > 0:
        margin = _margin_without(holdings, index, lots) + other_margin
        cost = cents(holding.cost_per_lot * lots)
        missing = margin - (equity - cost) * to
        if missing <= 0:
            return Alternative(holding, lots, margin, cost)
        lots += max(1, int(missing / cure))
    margin = _margin_without(holdings, index, holding.lots) + other_margin
    cost = cents(holding.cost_per_lot * holding.lots)
    freed = _margin_without(holdings, index, 0) + other_margin - margin
    why = WhyNone.NOT_ENOUGH if freed > cost * to else WhyNone.FREES_NOTHING
    return Alternative(holding, None, margin, cost, why)


def _margin_without(holdings: Sequence[Holding], index: int, lots: int) -> Decimal:
    holding = holdings[index]
    left = replace(holding, lots=holding.lots - lots)
    return account_margin([*holdings[:index], left, *holdings[index + 1 :]])
