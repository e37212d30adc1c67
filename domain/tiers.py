"""Which service class a client belongs to, by the yearly fee, the capital and how the client trades.

- Tier: internal codes; a client never sees them.
- TierRule: the bounds, as configuration gives them.
- Activity, decide_tier, TierDecision: one month's decision, with its reasons.
- settled_tier: from decisions month by month, with a buffer against falling.
- turns: what would change a decision, in amounts.
- disagreements: the tier of the rule beside the class of the statistics.

Sources: the four classes of 客户分类管理探讨, with the gaps between them decided: 以上 and 以下 include the
number, 少于 does not (民法典 art. 1259, by analogy); a client between classes is a key client.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

YEAR = 12


class Tier(StrEnum):
    """Service classes; staff read 普通、关键、重点、高频."""

    RETAIL = "retail"
    KEY = "key"
    PREMIER = "premier"
    ACTIVE = "active"

    @property
    def rank(self) -> int:
        """How much service a class means: active clients get the basic one."""
        return {Tier.KEY: 1, Tier.PREMIER: 2}.get(self, 0)


class Reason(StrEnum):
    """What a decision rests on."""

    ROUND_TRIPS = "round_trips"
    SHORT_HOLDING = "short_holding"
    FEE_BELOW_KEY = "fee_below_key"
    FEE_KEY = "fee_key"
    FEE_PREMIER = "fee_premier"
    CAPITAL_BELOW_KEY = "capital_below_key"
    CAPITAL_KEY = "capital_key"
    CAPITAL_PREMIER = "capital_premier"


class Flag(StrEnum):
    """What whoever reads the decision should know."""

    MIXED = "mixed"  # fee and capital point to different classes
    PROVISIONAL = "provisional"  # fewer months than the rule asks for
    ANNUALISED = "annualised"  # the fee was reckoned up to a year
    ACTIVITY_UNKNOWN = "activity_unknown"  # nothing, or too few days, to judge the frequency by
    FEE_BOUND_UNSET = "fee_bound_unset"  # judged by frequency alone


@dataclass(frozen=True, slots=True)
class TierRule:
    """Bounds in CNY; each belongs to the upper class.

    A client is active with ``active_round_trips_per_day`` on average over at least ``active_days`` trading
    days, or with a same-day share of closed lots from ``active_same_day_share`` on at a median holding up to
    ``active_median_holding``; and, where ``active_fee_per_turnover`` is set, a retained fee per turnover
    below it.
    """

    fee_low: Decimal = Decimal(20_000)
    fee_high: Decimal = Decimal(1_000_000)
    capital_low: Decimal = Decimal(100_000)
    capital_high: Decimal = Decimal(10_000_000)
    active_round_trips_per_day: Decimal = Decimal(50)
    active_days: int = 20
    active_same_day_share: Decimal = Decimal("0.90")
    active_median_holding: timedelta = timedelta(minutes=5)
    active_fee_per_turnover: Decimal | None = None
    min_months: int = 3
    downgrade_after: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.fee_low <= self.fee_high:
            raise ValueError("tier rule: fee_low must lie above 0 and not above fee_high")
        if not 0 < self.capital_low <= self.capital_high:
            raise ValueError("tier rule: capital_low must lie above 0 and not above capital_high")
        if self.downgrade_after < 1:
            raise ValueError("tier rule: downgrade_after is at least 1")


@dataclass(frozen=True, slots=True)
class Activity:
    """How a client traded over ``trading_days`` observed days; None where it cannot be known.

    ``same_day_share``: lots closed on the day they were opened, of all lots closed. ``fee_per_turnover``:
    retained fee / turnover.
    """

    trading_days: int
    round_trips_per_day: Decimal
    same_day_share: Decimal | None = None
    median_holding: timedelta | None = None
    fee_per_turnover: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TierDecision:
    tier: Tier
    reasons: tuple[Reason, ...]
    flags: frozenset[Flag]


def decide_tier(
    fee_12m: Decimal,
    capital: Decimal,
    activity: Activity | None,
    rule: TierRule,
    months: int = YEAR,
) -> TierDecision:
    """The class by frequency first, then by the fee kept by the company and the day-average equity.

    ``months``: how many whole months ``fee_12m`` covers. Fewer than twelve are reckoned up to a year, less
    than one month counting as one; fewer than ``min_months`` make the decision provisional.
    """
    if months < 0:
        raise ValueError("months observed cannot be negative")
    flags = set[Flag]()
    if months < YEAR:
        fee_12m = fee_12m * YEAR / max(months, 1)
        flags.add(Flag.ANNUALISED)
    if months < rule.min_months:
        flags.add(Flag.PROVISIONAL)
    if activity is None or activity.trading_days < rule.active_days:
        flags.add(Flag.ACTIVITY_UNKNOWN)
    elif reasons := _active(activity, rule):
        if rule.active_fee_per_turnover is None:
            flags.add(Flag.FEE_BOUND_UNSET)
        return TierDecision(Tier.ACTIVE, reasons, frozenset(flags))
    reasons = (_fee_reason(fee_12m, rule), _capital_reason(capital, rule))
    if reasons == (Reason.FEE_PREMIER, Reason.CAPITAL_PREMIER):
        return TierDecision(Tier.PREMIER, reasons, frozenset(flags))
    if reasons == (Reason.FEE_BELOW_KEY, Reason.CAPITAL_BELOW_KEY):
        return TierDecision(Tier.RETAIL, reasons, frozenset(flags))
    within = rule.fee_low <= fee_12m <= rule.fee_high and rule.capital_low <= capital <= rule.capital_high
    if not within:
        flags.add(Flag.MIXED)
    return TierDecision(Tier.KEY, reasons, frozenset(flags))


def _active(activity: Activity, rule: TierRule) -> tuple[Reason, ...]:
    bound = rule.active_fee_per_turnover
    if bound is not None and (activity.fee_per_turnover is None or activity.fee_per_turnover >= bound):
        return ()
    reasons = []
    if activity.round_trips_per_day >= rule.active_round_trips_per_day:
        reasons.append(Reason.ROUND_TRIPS)
    share, holding = activity.same_day_share, activity.median_holding
    if share is None or holding is None:
        return tuple(reasons)
    if share >= rule.active_same_day_share and holding <= rule.active_median_holding:
        reasons.append(Reason.SHORT_HOLDING)
    return tuple(reasons)


def _fee_reason(fee: Decimal, rule: TierRule) -> Reason:
    if fee >= rule.fee_high:
        return Reason.FEE_PREMIER
    return Reason.FEE_KEY if fee >= rule.fee_low else Reason.FEE_BELOW_KEY


def _capital_reason(capital: Decimal, rule: TierRule) -> Reason:
    if capital >= rule.capital_high:
        return Reason.CAPITAL_PREMIER
    return Reason.CAPITAL_KEY if capital >= rule.capital_low else Reason.CAPITAL_BELOW_KEY


def settled_tier(current: Tier | None, monthly: Sequence[Tier], rule: TierRule) -> Tier:
    """The class that holds after the monthly decisions, oldest first; ``current`` held before them.

    Up (and sideways between retail and active) at once; down only when the last ``downgrade_after`` months
    all lie lower, and then to the best of them. Without months ``current`` stays; a new client takes the
    latest.
    """
    if not monthly:
        if current is None:
            raise ValueError("a client without a tier and without a decision")
        return current
    latest = monthly[-1]
    if current is None or latest.rank >= current.rank:
        return latest
    recent = monthly[-rule.downgrade_after :]
    if len(recent) < rule.downgrade_after or any(tier.rank >= current.rank for tier in recent):
        return current
    return max(reversed(recent), key=lambda tier: tier.rank)


@dataclass(frozen=True, slots=True)
class Turn:
    """What would bring a client to another class; amounts are CNY, None where the value plays no part.

    Upwards ``fee`` and ``capital`` are missing, downwards they are what may still be lost; ``both``: both must
    happen, otherwise either is enough. ``frequency``: trading less often.
    """

    to: Tier
    fee: Decimal | None = None
    capital: Decimal | None = None
    both: bool = False
    frequency: bool = False


def turns(tier: Tier, fee: Decimal, capital: Decimal, rule: TierRule) -> tuple[Turn, ...]:
    """The counter-sentence of a decision: the nearest ways up and down, by the yearly fee and the capital."""
    if tier is Tier.ACTIVE:
        quiet = decide_tier(fee, capital, None, rule).tier
        return (Turn(quiet, frequency=True),)
    if tier is Tier.RETAIL:
        return (Turn(Tier.KEY, _missing(fee, rule.fee_low), _missing(capital, rule.capital_low)),)
    if tier is Tier.PREMIER:
        return (Turn(Tier.KEY, fee - rule.fee_high, capital - rule.capital_high),)
    up = Turn(Tier.PREMIER, _missing(fee, rule.fee_high), _missing(capital, rule.capital_high), both=True)
    held = (
        fee - rule.fee_low if fee >= rule.fee_low else None,
        capital - rule.capital_low if capital >= rule.capital_low else None,
    )
    return (up, Turn(Tier.RETAIL, *held, both=True))


def _missing(value: Decimal, bound: Decimal) -> Decimal | None:
    return bound - value if value < bound else None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A client whose statistical class (0 is the best) is not the ``usual`` one of its tier.

    ``gap``: classes between them; positive where the statistics think better of the client than of its like.
    """

    account: str
    tier: Tier
    cluster: int
    usual: int

    @property
    def gap(self) -> int:
        return self.usual - self.cluster


def disagreements(tiers: Mapping[str, Tier], clusters: Mapping[str, int]) -> list[Disagreement]:
    """Accounts whose statistical class is not that of most in their tier, the widest gap first.

    Tiers and classes are no common scale: how a tier lies among the classes is taken from the clients themselves.
    """
    known = [(account, tiers[account], cluster) for account, cluster in clusters.items() if account in tiers]
    counted = Counter((tier, cluster) for _, tier, cluster in known)
    usual: dict[Tier, int] = {}
    for tier, cluster in sorted(counted, key=lambda pair: (counted[pair], -pair[1])):
        usual[tier] = cluster
    found = [
        Disagreement(account, tier, cluster, usual[tier])
        for account, tier, cluster in known
        if cluster != usual[tier]
    ]
    return sorted(found, key=lambda d: (-abs(d.gap), d.account))
