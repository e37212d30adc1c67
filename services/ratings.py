"""A client's tier by fees and capital, month by month: what the rule says, which tier holds, who must know.

The fee is what the company keeps: the commission less the exchange's part, by the add-on of the client's fee plan
(``config.yaml`` -> rates). Bounds come from ``config.yaml`` -> tier_bounds; the rule is domain/tiers.py. The rule moves a
client only where neither the register nor two people (services/proposals.py) said otherwise, and only on enough months;
before that its word is shown to staff. A client falls only when two months in a row say so.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from db import queues, settlements
from db import ratings as rows
from db import risk as clients
from db.models import Client, TierMonth
from domain.margin import cents
from domain.people import StaffMember
from domain.policy import FeeAddon, Policy
from domain.tiers import Activity, Tier, TierDecision, TierRule, decide_tier, settled_tier
from scoring.history import YEAR, Month, Year, month_number, years
from services import audit
from services.duty import Roster
from services.outbox import Button, Priority, say
from services.work import Deps, Work, reading, working

_CHUNK = 500
_BUTTONS = 5
# Whose word stands against the rule's.
FIXED = ("register", "override")


@dataclass(frozen=True, slots=True)
class Rated:
    """How many clients the rule may move, and how many got another tier."""

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
        active_same_day_share=bounds.active_same_day_share,
        active_median_holding=timedelta(minutes=bounds.active_median_minutes),
        active_fee_per_turnover=bounds.active_fee_per_turnover,
        min_months=bounds.min_months,
        downgrade_after=bounds.downgrade_after,
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
    """Assesses every client over the whole months before ``newest``'s, and moves whom the rule may move."""
    last = newest.replace(day=1) - timedelta(days=1)
    buffer = deps.policy.tier_bounds.downgrade_after - 1
    first = _months_before(last, YEAR - 1 + buffer)
    number = month_number(last.year, last.month)
    rated = changed = 0
    after = ""
    while True:
        async with reading(deps) as work:
            accounts = await rows.to_rate(work.session, last, after, _CHUNK)
            if not accounts:
                break
            after = accounts[-1]
            months = await _months(work, accounts, first, last)
            days = await rows.last_days(work.session, last, deps.policy.tier_bounds.active_days)
            trades = await rows.closings(work.session, accounts, days)
        now = await asyncio.to_thread(years, months, number, 1)
        before = [await asyncio.to_thread(years, months, number - n) for n in range(buffer, 0, -1)]
        async with working(deps) as work:
            done = await _store(work, number, now, before, trades)
        rated, changed = rated + done.rated, changed + done.changed
    async with working(deps) as work:
        await _tell_owners(work)
    return Rated(rated, changed)


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
    work: Work,
    number: int,
    now: dict[str, Year],
    before: list[dict[str, Year]],
    trades: dict[str, tuple[int, int]],
) -> Rated:
    bounds = rule(work.policy)
    found = await clients.clients(work.session, list(now))
    known = await rows.tier_months(work.session, number, [client.id for client in found.values()])
    rated = changed = 0
    for account, client in found.items():
        latest = _decide(work.policy, client, now[account], trades.get(account), bounds)
        row = known.get(client.id)
        if row is None:
            row = TierMonth(client_id=client.id, month=number, held=client.tier, told=True)
        row.decided, row.months, row.capital = latest.tier.value, now[account].months, now[account].capital
        row.fee = yearly_fee(work.policy, client, now[account])
        row.reasons = [reason.value for reason in latest.reasons]
        row.flags = sorted(flag.value for flag in latest.flags)
        if client.tier_source not in FIXED and row.months >= work.policy.tier_bounds.act_from_months:
            rated += 1
            years_before = [year[account] for year in before if account in year]
            monthly = [
                _decide(work.policy, client, y, trades.get(account), bounds).tier for y in years_before
            ]
            changed += await _move(work, client, row, [*monthly, latest.tier], bounds)
        row.held = client.tier
        work.session.add(row)
    return Rated(rated, changed)


async def _move(work: Work, client: Client, row: TierMonth, monthly: list[Tier], bounds: TierRule) -> bool:
    """Gives the client the tier that holds after these months; True where it is another one."""
    current = Tier(client.tier) if client.tier_source == "rule" else None
    tier = settled_tier(current, monthly, bounds)
    if tier.value == client.tier and client.tier_source == "rule":
        return False
    await audit.note(
        work,
        "house",
        "tier.changed",
        f"client:{client.id}",
        before=client.tier,
        after=tier.value,
        source="rule",
        reasons=row.reasons,
        flags=row.flags,
    )
    differs = tier.value != client.tier
    if differs:
        row.before, row.told = client.tier, False
    client.tier, client.tier_source = tier.value, "rule"
    return differs


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """A client whose tier the rule changed, as a digest names one; tiers in their internal codes."""

    client_id: int
    name: str
    account: str
    before: str
    after: str
    reasons: tuple[str, ...]


async def _tell_owners(work: Work) -> None:
    """One digest to each employee whose clients changed their tier, in the transaction that marks them told."""
    untold = await rows.untold(work.session)
    roster = await Roster.load(work, [row.client_id for row, _ in untold])
    digests: dict[int, list[ChangeLine]] = defaultdict(list)
    people: dict[int, StaffMember] = {}
    for row, client in untold:
        assert row.before is not None
        name = work.shown_name(client.name)
        line = ChangeLine(client.id, name, client.account, row.before, row.held, tuple(row.reasons))
        for member in roster.alerted(client.id, ("manager", "officer")):
            people[member.id] = member
            digests[member.id].append(line)
        row.told = True
    for member_id, lines in digests.items():
        await _say_digest(work, people[member_id], lines)


async def _say_digest(work: Work, member: StaffMember, lines: list[ChangeLine]) -> None:
    assert member.chat_id is not None
    shown = lines[: work.policy.tier_bounds.digest_lines]
    buttons = [
        [Button(f" {line.name} {line.account[-4:]}", "rating.card", {"client": line.client_id})]
        for line in shown[:_BUTTONS]
    ]
    await say(
        work,
        member.chat_id,
        "rating.changes",
        priority=Priority.STAFF,
        buttons=buttons,
        count=len(lines),
        lines=shown,
        tiers={tier: words.name for tier, words in work.policy.tiers.items()},
    )


def yearly_fee(policy: Policy, client: Client, year: Year) -> Decimal:
    """The retained fee of these months, reckoned up to a year."""
    return cents(retained(year.commission, year.lots, _addon(policy, client)) * YEAR / year.months)


def _decide(
    policy: Policy, client: Client, year: Year, trades: tuple[int, int] | None, bounds: TierRule
) -> TierDecision:
    activity = None
    if trades is not None and trades[0]:
        days, closed = trades
        activity = Activity(trading_days=days, round_trips_per_day=Decimal(closed) / days)
    fee = retained(year.commission, year.lots, _addon(policy, client))
    return decide_tier(fee, year.capital, activity, bounds, year.months)


def _addon(policy: Policy, client: Client) -> FeeAddon:
    plan = policy.rates.fee_plans.get(client.fee_plan or "")
    return (plan or policy.rates.fee_addon).default


def _months_before(day: date, months: int) -> date:
    """The first day of the month so many months before a day's."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
