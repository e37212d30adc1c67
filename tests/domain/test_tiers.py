"""Service classes: bounds, gaps between them, frequency, buffers."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.people import TIERS
from domain.tiers import (
    Activity,
    Disagreement,
    Flag,
    Reason,
    Tier,
    TierRule,
    Turn,
    decide_tier,
    disagreements,
    settled_tier,
    turns,
)

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

RULE = TierRule()
QUIET = Activity(trading_days=240, round_trips_per_day=Decimal(2))


def tier_of(fee: str, capital: str) -> tuple[Tier, bool]:
    decision = decide_tier(Decimal(fee), Decimal(capital), QUIET, RULE)
    return decision.tier, Flag.MIXED in decision.flags


def test_the_codes_are_those_of_the_register() -> None:
    """Four internal codes, in the register's spelling."""
    assert tuple(Tier) == TIERS


@pytest.mark.parametrize(
    ("fee", "capital", "expected"),
    [
        ("19999.99", "99999.99", (Tier.RETAIL, False)),
        ("0", "0", (Tier.RETAIL, False)),
        ("-12.00", "0", (Tier.RETAIL, False)),
        ("20000", "100000", (Tier.KEY, False)),
        ("500000", "5000000", (Tier.KEY, False)),
        ("999999.99", "9999999.99", (Tier.KEY, False)),
        ("1000000", "10000000", (Tier.PREMIER, False)),
        ("5000000", "90000000", (Tier.PREMIER, False)),
        # between the classes
        ("30000", "50000", (Tier.KEY, True)),
        ("1500000", "5000000", (Tier.KEY, True)),
        ("10000", "100000", (Tier.KEY, True)),
        ("20000", "0", (Tier.KEY, True)),
        ("0", "50000000", (Tier.KEY, True)),
        ("1500000", "50000", (Tier.KEY, True)),
        # the upper bound alone still lies within the class
        ("1000000", "5000000", (Tier.KEY, False)),
        ("500000", "10000000", (Tier.KEY, False)),
    ],
)
def test_bounds_belong_to_the_upper_class_and_gaps_to_the_key_clients(
    fee: str, capital: str, expected: tuple[Tier, bool]
) -> None:
    """Retail and premier need both values; every other client is a key client, marked where they disagree."""
    assert expected == tier_of(fee, capital)


def test_a_decision_says_what_it_rests_on() -> None:
    """One reason for the fee, one for the capital."""
    decision = decide_tier(Decimal(30_000), Decimal(50_000), QUIET, RULE)
    assert decision.reasons == (Reason.FEE_KEY, Reason.CAPITAL_BELOW_KEY)
    assert {Flag.MIXED} == decision.flags


SCALPER = Activity(240, Decimal(3), Decimal("0.90"), timedelta(minutes=5), Decimal("0.000001"))


@pytest.mark.parametrize(
    ("activity", "reasons"),
    [
        (Activity(20, Decimal(50)), (Reason.ROUND_TRIPS,)),
        (Activity(20, Decimal("49.99")), None),
        (Activity(19, Decimal(500)), None),
        (SCALPER, (Reason.SHORT_HOLDING,)),
        (Activity(240, Decimal(3), Decimal("0.8999"), timedelta(minutes=5)), None),
        (Activity(240, Decimal(3), Decimal("0.95"), timedelta(minutes=5, seconds=1)), None),
        (Activity(240, Decimal(3), Decimal("0.95"), None), None),
        (Activity(240, Decimal(80), Decimal(1), timedelta(0)), (Reason.ROUND_TRIPS, Reason.SHORT_HOLDING)),
    ],
)
def test_frequency_goes_before_fee_and_capital(
    activity: Activity, reasons: tuple[Reason, ...] | None
) -> None:
    """Fifty round trips a day over twenty days, or closing within minutes of the same day."""
    decision = decide_tier(Decimal(2_000_000), Decimal(20_000_000), activity, RULE)
    assert (Tier.PREMIER if reasons is None else Tier.ACTIVE) is decision.tier
    if reasons is not None:
        assert reasons == decision.reasons
        assert {Flag.FEE_BOUND_UNSET} == decision.flags


def test_a_client_who_pays_well_for_the_turnover_is_not_active() -> None:
    """With a bound set, the retained fee per turnover must be known and lie below it."""
    rule = TierRule(active_fee_per_turnover=Decimal("0.00001"))
    busy = Activity(20, Decimal(100), fee_per_turnover=Decimal("0.00001"))
    cheap = Activity(20, Decimal(100), fee_per_turnover=Decimal("0.000009"))
    unknown = Activity(20, Decimal(100))
    found = [decide_tier(Decimal(0), Decimal(0), activity, rule) for activity in (busy, cheap, unknown)]
    assert [decision.tier for decision in found] == [Tier.RETAIL, Tier.ACTIVE, Tier.RETAIL]
    assert frozenset() == found[1].flags


def test_a_client_without_observed_days_is_judged_by_fee_and_capital() -> None:
    """And the decision says that the frequency is not known."""
    for activity in (None, Activity(5, Decimal(500))):
        decision = decide_tier(Decimal(20_000), Decimal(100_000), activity, RULE)
        assert (Tier.KEY, frozenset({Flag.ACTIVITY_UNKNOWN})) == (decision.tier, decision.flags)


@pytest.mark.parametrize(
    ("months", "fee", "tier", "flags"),
    [
        (0, "1666.67", Tier.KEY, {Flag.PROVISIONAL, Flag.ANNUALISED}),
        (0, "1666.66", Tier.RETAIL, {Flag.PROVISIONAL, Flag.ANNUALISED}),
        (2, "3333.34", Tier.KEY, {Flag.PROVISIONAL, Flag.ANNUALISED}),
        (3, "5000", Tier.KEY, {Flag.ANNUALISED}),
        (6, "9999.99", Tier.RETAIL, {Flag.ANNUALISED}),
        (12, "19999.99", Tier.RETAIL, set()),
    ],
)
def test_the_fee_of_a_new_client_is_reckoned_up_to_a_year(
    months: int, fee: str, tier: Tier, flags: set[Flag]
) -> None:
    """Less than a month counts as one; under three months the decision is provisional."""
    decision = decide_tier(Decimal(fee), Decimal(0), QUIET, RULE, months)
    assert tier is decision.tier
    assert flags == decision.flags - {Flag.MIXED}


amounts = st.integers(-100, 2_000_000_000).map(lambda cents: Decimal(cents) / 100)


@calm
@given(amounts, amounts, amounts, amounts, st.integers(0, 12))
def test_more_fee_or_capital_never_means_a_lower_class(
    fee: Decimal, capital: Decimal, more_fee: Decimal, more_capital: Decimal, months: int
) -> None:
    """At the same activity and the same months."""
    lower = decide_tier(fee, capital, QUIET, RULE, months)
    higher = decide_tier(fee + abs(more_fee), capital + abs(more_capital), QUIET, RULE, months)
    assert higher.tier.rank >= lower.tier.rank


@calm
@given(amounts, amounts, st.none() | st.builds(Activity, st.integers(0, 250), amounts))
def test_every_client_has_exactly_one_class_with_reasons(
    fee: Decimal, capital: Decimal, activity: Activity | None
) -> None:
    """No gap is left between the classes, and only key clients are mixed."""
    decision = decide_tier(fee, capital, activity, RULE)
    assert decision.reasons
    assert Flag.MIXED not in decision.flags or decision.tier is Tier.KEY
    assert decision == decide_tier(fee, capital, activity, RULE)


R, K, P, A = Tier.RETAIL, Tier.KEY, Tier.PREMIER, Tier.ACTIVE


@pytest.mark.parametrize(
    ("current", "monthly", "expected"),
    [
        (R, [K], K),
        (K, [R], K),
        (K, [R, R], R),
        (K, [R, K, R], K),
        (P, [K, R], K),  # two lower months: to the better of them
        (P, [R, K], K),
        (P, [K], P),
        (P, [R, P], P),
        (K, [A], K),
        (K, [A, A], A),
        (K, [R, A], A),
        (R, [A], A),
        (A, [R], R),
        (A, [K], K),
        (None, [K], K),
        (K, [], K),
    ],
)
def test_a_client_climbs_at_once_and_falls_after_two_months(
    current: Tier | None, monthly: list[Tier], expected: Tier
) -> None:
    """One weak month takes nothing away."""
    assert expected is settled_tier(current, monthly, RULE)


@calm
@given(st.sampled_from(Tier), st.lists(st.sampled_from(Tier), max_size=6))
def test_a_single_month_never_takes_a_class_away(current: Tier, months: list[Tier]) -> None:
    """Whatever came before, a month at the current class or above keeps it for the next one."""
    monthly = [*months, current, Tier.RETAIL]
    assert settled_tier(current, monthly, RULE).rank >= current.rank


def test_a_client_without_a_tier_and_without_months_is_a_defect() -> None:
    """There is nothing to decide from."""
    with pytest.raises(ValueError, match="without a decision"):
        settled_tier(None, [], RULE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fee_low": Decimal(0)},
        {"fee_high": Decimal(1)},
        {"capital_low": Decimal(20_000_000)},
        {"downgrade_after": 0},
    ],
)
def test_bounds_that_do_not_climb_are_refused(wrong: dict[str, Decimal]) -> None:
    """ValueError at construction."""
    with pytest.raises(ValueError, match="tier rule"):
        TierRule(**wrong)  # type: ignore[arg-type]


def test_negative_months_are_refused() -> None:
    """A count of months cannot be negative."""
    with pytest.raises(ValueError, match="negative"):
        decide_tier(Decimal(0), Decimal(0), None, RULE, -1)


def test_what_would_change_a_retail_client_is_either_amount() -> None:
    """One of both bounds makes a key client."""
    (up,) = turns(Tier.RETAIL, Decimal(5000), Decimal(40_000), RULE)
    assert up == Turn(Tier.KEY, Decimal(15_000), Decimal(60_000))


def test_what_would_change_a_key_client_needs_both_upwards_and_downwards() -> None:
    """A bound that is reached already is not asked for again."""
    up, down = turns(Tier.KEY, Decimal(1_200_000), Decimal(50_000), RULE)
    assert up == Turn(Tier.PREMIER, None, Decimal(9_950_000), both=True)
    assert down == Turn(Tier.RETAIL, Decimal(1_180_000), None, both=True)


def test_a_premier_client_falls_by_either_and_an_active_one_by_trading_less() -> None:
    """The counter-sentence names what may still be lost."""
    assert turns(Tier.PREMIER, Decimal(1_500_000), Decimal(12_000_000), RULE) == (
        Turn(Tier.KEY, Decimal(500_000), Decimal(2_000_000)),
    )
    assert turns(Tier.ACTIVE, Decimal(30_000), Decimal(1), RULE) == (Turn(Tier.KEY, frequency=True),)


@calm
@given(
    st.decimals(0, 3_000_000, places=2, allow_nan=False),
    st.decimals(0, 30_000_000, places=2, allow_nan=False),
)
def test_what_is_said_to_change_a_decision_does_change_it(fee: Decimal, capital: Decimal) -> None:
    """Adding what is missing upwards gives the class that was named."""
    tier = decide_tier(fee, capital, QUIET, RULE).tier
    for turn in turns(tier, fee, capital, RULE):
        if turn.to.rank <= tier.rank:
            continue
        more_fee, more_capital = turn.fee or Decimal(0), turn.capital or Decimal(0)
        if turn.both:
            ways = [(more_fee, more_capital)]
        else:
            ways = [(more_fee, Decimal(0)), (Decimal(0), more_capital)]
        for one, other in ways:
            assert decide_tier(fee + one, capital + other, QUIET, RULE).tier is turn.to


def test_a_client_whose_class_is_not_that_of_its_tier_is_named() -> None:
    """Most of a tier are no news, wherever the tier lies among the classes; the gap is signed from the client's side."""
    tiers = dict.fromkeys("abcd", Tier.RETAIL) | dict.fromkeys("xyz", Tier.PREMIER)
    clusters = {"a": 1, "b": 1, "c": 0, "d": 1, "x": 0, "y": 0, "z": 2, "gone": 2}
    assert disagreements(tiers, clusters) == [
        Disagreement("z", Tier.PREMIER, 2, 0),
        Disagreement("c", Tier.RETAIL, 0, 1),
    ]
    assert [d.gap for d in disagreements(tiers, clusters)] == [-2, 1]


def test_where_a_tier_is_split_evenly_its_better_class_is_the_usual_one() -> None:
    """Whatever the order of the rows."""
    for order in ("ab", "ba"):
        clusters = {account: "ab".index(account) for account in order}
        (odd,) = disagreements(dict.fromkeys("ab", Tier.KEY), clusters)
        assert odd.account == "b"
