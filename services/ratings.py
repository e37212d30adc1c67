"""A client's tier by fees and capital, where the register names none and twelve months of settlement are there.

The fee is what the company keeps: the commission less the exchange's part, by the add-on of the client's fee plan
(``config.yaml`` -> rates). Bounds come from ``config.yaml`` -> tier_bounds; the rule is domain/tiers.py. A client falls
only when two months in a row say so.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from db import queues, settlements
from db import ratings as rows
from db import risk as clients
from db.models import Client
from domain.policy import FeeAddon, Policy
from domain.tiers import Activity, Tier, TierDecision, TierRule, decide_tier, settled_tier
from scoring.history import YEAR, Month, Year, month_number, years
from services import audit
from services.work import Deps, Work, reading, working

_CHUNK = 500
_FREQUENCY_DAYS = 20


@dataclass(frozen=True, slots=True)
class Rated:
    """How many clients were rated, and how many got another tier."""

    rated: int
    changed: int


def rule(policy: Policy) -> TierRule:
    """The bounds of the configuration."""
    bounds = policy.tier_bounds
    return TierRule(
        fee_low=bounds.fee_low,
        fee_high=bounds.fee_high,
        capital_low=bounds.capital_low,
        capital_high=bounds.capital_high,
        active_round_trips_per_day=Decimal(bounds.active_round_trips_per_day),
        active_days=bounds.active_days,
        min_months=bounds.min_months,
    )


def retained(commission: Decimal, lots: int, addon: FeeAddon) -> Decimal:
    """What the company keeps of a commission of exchange fee x (1 + share) + lots x per_lot."""
    exchange = (commission - addon.per_lot * lots) / (1 + addon.share)
    return max(commission - max(exchange, Decimal(0)), Decimal(0))


async def daily(deps: Deps) -> Rated | None:
    """Rates once a day, if a settlement of a later month closes a year; None when today's was done already."""
    async with working(deps) as work:
        newest = await settlements.newest_day(work.session)
        if newest is None or not await queues.claim_job(
            work.session, "ratings", f"{work.today.isoformat()}", work.now
        ):
            return None
    return await rate(deps, newest)


async def rate(deps: Deps, newest: date) -> Rated:
    """Rates every client without a tier of the register over the whole months before ``newest``'s."""
    last = newest.replace(day=1) - timedelta(days=1)
    first = _months_before(last, YEAR)
    rated = changed = 0
    after = ""
    while True:
        async with reading(deps) as work:
            accounts = await rows.to_rate(
                work.session, _end_of_month(_months_before(last, YEAR - 1)), after, _CHUNK
            )
            if not accounts:
                return Rated(rated, changed)
            after = accounts[-1]
            months = await _months(work, accounts, first, last)
            days = await rows.last_days(work.session, last, _FREQUENCY_DAYS)
            trades = await rows.closings(work.session, accounts, days)
        number = month_number(last.year, last.month)
        now = await asyncio.to_thread(years, months, number)
        before = await asyncio.to_thread(years, months, number - 1)
        async with working(deps) as work:
            done = await _store(work, now, before, trades)
        rated, changed = rated + done.rated, changed + done.changed


async def _months(work: Work, accounts: Collection[str], first: date, last: date) -> list[Month]:
    lots = await rows.lots_by_month(work.session, accounts, first, last)
    return [
        Month(
            account, month_number(year, month), commission, lots.get((account, year, month), 0), equity, days
        )
        for account, year, month, commission, equity, days in await rows.money_by_month(
            work.session, accounts, first, last
        )
    ]


async def _store(
    work: Work, now: dict[str, Year], before: dict[str, Year], trades: dict[str, tuple[int, int]]
) -> Rated:
    bounds = rule(work.policy)
    found = await clients.clients(work.session, list(now))
    changed = 0
    for account, client in found.items():
        if client.tier_source == "register":
            continue
        latest = _decide(work.policy, client, now[account], trades.get(account), bounds)
        monthly = [latest.tier]
        if account in before:
            monthly.insert(0, _decide(work.policy, client, before[account], trades.get(account), bounds).tier)
        current = Tier(client.tier) if client.tier_source == "rule" else None
        tier = settled_tier(current, monthly, bounds)
        if tier.value != client.tier or client.tier_source != "rule":
            changed += tier.value != client.tier
            await audit.note(
                work,
                "house",
                "tier.changed",
                f"client:{client.id}",
                before=client.tier,
                after=tier.value,
                source="rule",
                reasons=[reason.value for reason in latest.reasons],
                flags=sorted(flag.value for flag in latest.flags),
            )
            client.tier, client.tier_source = tier.value, "rule"
    return Rated(len(found), changed)


def _decide(
    policy: Policy, client: Client, year: Year, trades: tuple[int, int] | None, bounds: TierRule
) -> TierDecision:
    activity = None
    if trades is not None and trades[0]:
        days, closed = trades
        activity = Activity(trading_days=days, round_trips_per_day=Decimal(closed) / days)
    fee = retained(year.commission, year.lots, _addon(policy, client))
    return decide_tier(fee, year.capital, activity, bounds)


def _addon(policy: Policy, client: Client) -> FeeAddon:
    plan = policy.rates.fee_plans.get(client.fee_plan or "")
    return (plan or policy.rates.fee_addon).default


def _months_before(day: date, months: int) -> date:
    """The first day of the month so many months before a day's."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _end_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
