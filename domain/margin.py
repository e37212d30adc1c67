"""Margin, fees and results of one position or one order, in CNY, exact to the cent.

Formulas: CTP's rate structures (a share of the turnover and an amount a lot, which add). Each row is rounded
half up to 0.01 CNY, as counters and statements do; sums add rounded rows.
"""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from domain.market import (
    ClientPlan,
    CompanyRates,
    ContractSpec,
    Fee,
    FeeRule,
    Fees,
    TurnoverRule,
    most_specific,
)

CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """Round half up to 0.01 CNY."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def contract_value(price: Decimal, multiplier: Decimal, lots: int) -> Decimal:
    """Turnover of ``lots``: price x multiplier x lots, in CNY."""
    return cents(price * multiplier * lots)


def margin(price: Decimal, multiplier: Decimal, lots: int, ratio: Decimal) -> Decimal:
    """RatioByMoney x price x multiplier x lots (CTP's InstrumentMarginRate), in CNY."""
    return cents(price * multiplier * lots * ratio)


def fee(rate: Fee, price: Decimal | None, multiplier: Decimal, lots: int) -> Decimal | None:
    """(RatioByVolume + RatioByMoney x price x multiplier) x lots (CTP's InstrumentCommissionRate), in CNY.

    None where the rate depends on a price and none is given.
    """
    if rate.by_turnover and price is None:
        return None
    by_money = rate.by_turnover * price * multiplier if price is not None else Decimal(0)
    return cents((rate.by_lot + by_money) * lots)


def max_lots(capital: Decimal, margin_per_lot: Decimal) -> int:
    """How many whole lots a capital covers at the margin of one lot; fees are not counted."""
    if margin_per_lot <= 0 or capital <= 0:
        return 0
    return int((capital / margin_per_lot).to_integral_value(rounding=ROUND_FLOOR))


def tick_value(tick: Decimal, multiplier: Decimal, lots: int) -> Decimal:
    """What the smallest price move is worth: tick x multiplier x lots, in CNY."""
    return cents(tick * multiplier * lots)


def pnl(move: Decimal, multiplier: Decimal, lots: int, *, long: bool) -> Decimal:
    """Result of a price move before fees: move x multiplier x lots, with the opposite sign for a short
    position.
    """
    return cents((move if long else -move) * multiplier * lots)


@dataclass(frozen=True, slots=True)
class AppliedRates:
    """The client's rates for a contract, and whose they are: ``company`` or the name of the client's plan."""

    margin_ratio: Decimal
    fees: Fees
    margin_of: str
    fees_of: str
    margin_addon: Decimal


def applied_rates(
    spec: ContractSpec, company: CompanyRates, plan: ClientPlan | None = None, day: date | None = None
) -> AppliedRates:
    """Exchange rate plus the company's add-on, or the client's own plan where it is in force on ``day``.

    The margin ratio is never below the exchange's (期货交易管理条例 art. 28).
    """
    ratio, addon, margin_of = _margin_ratio(spec, company, plan, day)
    fees, fees_of = _fees(spec, company, plan, day)
    return AppliedRates(max(ratio, spec.margin_ratio), fees, margin_of, fees_of, addon)


def _begun(effective_from: date | None, day: date | None) -> bool:
    return effective_from is None or day is None or effective_from <= day


def _margin_ratio(
    spec: ContractSpec, company: CompanyRates, plan: ClientPlan | None, day: date | None
) -> tuple[Decimal, Decimal, str]:
    if plan and plan.margin and _begun(plan.margin.effective_from, day):
        own = most_specific(plan.margin.rates, spec.product, spec.contract)
        if own is not None:
            ratio = spec.margin_ratio + own.ratio if own.relative else own.ratio
            return ratio, max(ratio - spec.margin_ratio, Decimal(0)), plan.margin.name
    addon = most_specific(company.margin_per_product, spec.product, spec.contract)
    addon = company.margin_addon if addon is None else addon
    return spec.margin_ratio + addon, max(addon, Decimal(0)), "company"


def _fees(
    spec: ContractSpec, company: CompanyRates, plan: ClientPlan | None, day: date | None
) -> tuple[Fees, str]:
    rule: FeeRule | TurnoverRule = (
        most_specific(company.fee_per_product, spec.product, spec.contract) or company.fee
    )
    whose = "company"
    if plan and plan.fee and _begun(plan.fee.effective_from, day):
        own = most_specific(plan.fee.rates, spec.product, spec.contract)
        if isinstance(own, Fees):
            return own, plan.fee.name
        if own is not None:
            rule, whose = own, plan.fee.name
    exchange = spec.fees
    return Fees(rule.of(exchange.open), rule.of(exchange.close), rule.of(exchange.close_today)), whose
