"""What ``config.yaml`` says about fees and margins, in the words of the calculation."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from domain.market import (
    ClientPlan,
    CompanyRates,
    FeePlan,
    FeeRule,
    Fees,
    MarginPlan,
    MarginRate,
    TurnoverRule,
)
from domain.people import ClientRef
from domain.policy import FeeAddon, FeePolicy, Policy


def company_rates(policy: Policy) -> CompanyRates:
    """The company's add-ons for everybody who has no plan of his own."""
    rates = policy.rates
    return CompanyRates(
        margin_addon=rates.margin_addon.default,
        margin_per_product=rates.margin_addon.products,
        fee=_rule(rates.fee_addon.default),
        fee_per_product={product: _rule(addon) for product, addon in rates.fee_addon.products.items()},
        stale_after_days=rates.stale_after_days,
    )


def of(policy: Policy, client: ClientRef | None) -> ClientPlan | None:
    """The fee plan and the margin plan of a client: the register's, and what two people granted above it."""
    if client is None:
        return None
    margin = _margin_rates(policy, client)
    fee = policy.rates.fee_plans.get(client.fee_plan or "")
    if not margin and fee is None:
        return None
    return ClientPlan(
        margin=MarginPlan(client.margin_plan or "", margin) if margin else None,
        fee=FeePlan(client.fee_plan or "", _fee_rates(fee)) if fee else None,
    )


def _fee_rates(plan: FeePolicy) -> dict[str, FeeRule | TurnoverRule | Fees]:
    every = TurnoverRule(plan.of_turnover) if plan.of_turnover is not None else _rule(plan.default)
    return {"": every, **{product: _rule(addon) for product, addon in plan.products.items()}}


def _margin_rates(policy: Policy, client: ClientRef) -> dict[str, MarginRate]:
    plan = policy.rates.margin_plans.get(client.margin_plan or "")
    rates = {"": MarginRate(plan.default)} if plan else {}
    for product, addon in (*(plan.products.items() if plan else ()), *client.granted):
        rates[product] = MarginRate(addon)
    return rates


def granted(grant: Mapping[str, Any] | None) -> tuple[tuple[str, Decimal], ...]:
    """The add-ons by product that a client's stored grant holds; none without one."""
    return tuple((product, Decimal(addon)) for product, addon in (grant or {}).get("addons", {}).items())


def _rule(addon: FeeAddon) -> FeeRule:
    times = Decimal(1) + addon.share
    return FeeRule(turnover_times=times, lot_times=times, lot_plus=addon.per_lot)
