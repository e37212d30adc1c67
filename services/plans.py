"""What ``config.yaml`` says about fees and margins, in the words of the calculation."""

from decimal import Decimal

from domain.market import ClientPlan, CompanyRates, FeePlan, FeeRule, MarginPlan, MarginRate
from domain.people import ClientRef
from domain.policy import FeeAddon, Policy


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
    """The fee plan and the margin plan that the register names for a linked client."""
    if client is None:
        return None
    margin = policy.rates.margin_plans.get(client.margin_plan or "")
    fee = policy.rates.fee_plans.get(client.fee_plan or "")
    if margin is None and fee is None:
        return None
    return ClientPlan(
        margin=MarginPlan(
            client.margin_plan or "",
            {"": MarginRate(margin.default), **{p: MarginRate(a) for p, a in margin.products.items()}},
        )
        if margin
        else None,
        fee=FeePlan(
            client.fee_plan or "", {"": _rule(fee.default), **{p: _rule(a) for p, a in fee.products.items()}}
        )
        if fee
        else None,
    )


def _rule(addon: FeeAddon) -> FeeRule:
    times = Decimal(1) + addon.share
    return FeeRule(turnover_times=times, lot_times=times, lot_plus=addon.per_lot)
