"""Degrees, levels, what is told, and how many lots would suffice."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.risk import (
    Alternative,
    Assessment,
    Blocked,
    Climb,
    Figures,
    Holding,
    Ladder,
    Level,
    Rung,
    Why,
    WhyNone,
    account_margin,
    assess,
    climb,
    company_degree,
    estimate_lots,
    exchange_degree,
    shortfall,
)
from domain.settlement import Basis, Direction, SettlementRecord

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

LADDER = Ladder()
EVENING = datetime(2026, 9, 9, 12, 0, tzinfo=UTC)
MORNING = datetime(2026, 9, 10, 0, 30, tzinfo=UTC)


def figures(company: str, exchange: str | None = None, equity: str = "100.00") -> Figures:
    return Figures(Decimal(equity), Decimal(company), None if exchange is None else Decimal(exchange))


def at(company: str, exchange: str | None = None, **more: bool) -> Assessment:
    return assess(figures(company, exchange), LADDER, **more)


def test_the_second_published_case_is_over_the_company_s_line_and_under_the_exchange_s() -> None:
    """Equity 40,000.00 with 42,921.50 and 24,090.50 margin: 107.30 %, 60.23 %, 2,921.50 to add."""
    case = figures("42921.50", "24090.50", "40000.00")
    company, exchange = company_degree(case), exchange_degree(case)
    assert company is not None
    assert exchange is not None
    assert (f"{company:.4f}", f"{exchange:.4f}") == ("1.0730", "0.6023")
    assert Decimal("2921.50") == shortfall(case)
    assert Level.CALL is assess(case, LADDER).level


def test_delivery_margin_counts_in_both_degrees() -> None:
    """A holder near delivery does not read 0 % while the margin stands there."""
    case = Figures(Decimal(100), Decimal(0), Decimal(0), Decimal(95), Decimal(80))
    assert (Decimal("0.95"), Decimal("0.8")) == (company_degree(case), exchange_degree(case))
    assert (Decimal(0), Decimal(0)) == (company_degree(case, False), exchange_degree(case, False))
    assert Level.WARNING is assess(case, LADDER).level
    assert Level.NORMAL is assess(case, Ladder(with_delivery=False)).level


def test_an_exchange_line_with_an_unknown_part_is_unknown() -> None:
    """Delivery margin stands, its exchange part is not known: no degree that would be too low."""
    case = Figures(Decimal(100), Decimal(50), Decimal(40), Decimal(10), None)
    assert exchange_degree(case) is None
    assert exchange_degree(replace(case, delivery_margin=Decimal(0))) == Decimal("0.4")
    assert exchange_degree(figures("50")) is None


@pytest.mark.parametrize("equity", ["0.00", "-0.01", "-5000.00"])
def test_equity_of_nothing_or_less_has_no_degree(equity: str) -> None:
    """Negative equity is a level of its own, never a percentage."""
    case = figures("10.00", "5.00", equity)
    found = assess(case, LADDER)
    assert (found.company, found.exchange, found.level) == (None, None, Level.NEGATIVE_EQUITY)
    assert Decimal("10.00") - Decimal(equity) == found.shortfall
    assert not found.may_open


def test_an_account_without_positions_stands_at_zero() -> None:
    """Equity and no margin: 0 %, normal."""
    found = at("0.00", "0.00")
    assert (Decimal(0), Level.NORMAL, True) == (found.company, found.level, found.may_open)


def test_figures_are_taken_from_a_settlement_record() -> None:
    """Company, exchange and delivery margin by CTP's names."""
    record = SettlementRecord(
        account="1", day=date(2026, 9, 9), by=Basis.MTM, equity=Decimal(10), balance=Decimal(10),
        curr_margin=Decimal(4), available=Decimal(5), exchange_margin=Decimal(3),
        delivery_margin=Decimal(2), exchange_delivery_margin=Decimal(1),
    )  # fmt: skip
    assert Figures(Decimal(10), Decimal(4), Decimal(3), Decimal(2), Decimal(1)) == Figures.of_record(record)


@pytest.mark.parametrize(
    ("company", "exchange", "level"),
    [
        ("79.99", "10", Level.NORMAL),
        ("80.00", "10", Level.WATCH),
        ("89.99", "10", Level.WATCH),
        ("90.00", "10", Level.WARNING),
        ("100.00", "10", Level.WARNING),
        ("100.01", "10", Level.CALL),
        ("150.00", "89.99", Level.CALL),
        ("150.00", None, Level.CALL),
        ("150.00", "90.00", Level.LIQUIDATION_NOTICE),
        ("150.00", "99.99", Level.LIQUIDATION_NOTICE),
        ("150.00", "100.00", Level.LIQUIDATION),
        ("95.00", "92.00", Level.LIQUIDATION_NOTICE),
    ],
)
def test_each_level_begins_at_its_line(company: str, exchange: str | None, level: Level) -> None:
    """The company's lines include their number but the call, which begins above 100 %."""
    assert level is at(company, exchange).level


def test_at_exactly_one_hundred_percent_nothing_is_due_and_nothing_may_be_opened() -> None:
    """A warning, no amount, no opening; below it opening is free."""
    found = at("100.00")
    assert (Level.WARNING, Decimal(0), False) == (found.level, found.shortfall, found.may_open)
    assert at("99.99").may_open


def test_an_unmet_call_after_its_deadline_is_liquidation() -> None:
    """At exactly 100 % the call is met, whatever the clock says."""
    assert Level.LIQUIDATION is at("100.01", deadline_passed=True).level
    assert Level.WARNING is at("100.00", deadline_passed=True).level
    last_notice_first = Ladder(after_deadline=Level.LIQUIDATION_NOTICE)
    assert Level.LIQUIDATION_NOTICE is assess(figures("120"), last_notice_first, deadline_passed=True).level
    assert Level.LIQUIDATION is assess(figures("120", "100"), last_notice_first, deadline_passed=True).level


def test_a_client_at_the_exchange_s_rates_can_be_spared_a_last_notice_while_nothing_is_due() -> None:
    """With notice_needs_call 95 % on both lines is a warning; over the call line nothing changes."""
    ladder = Ladder(notice_needs_call=True)
    assert Level.WARNING is assess(figures("95", "95"), ladder).level
    assert Level.LIQUIDATION_NOTICE is assess(figures("100.01", "95"), ladder).level


money = st.integers(0, 40000).map(lambda cents: Decimal(cents) / 100)
ladders = st.builds(
    Ladder,
    after_deadline=st.sampled_from([Level.LIQUIDATION_NOTICE, Level.LIQUIDATION]),
    notice_needs_call=st.booleans(),
)


@calm
@given(money, st.none() | money, money, money, money, money, ladders, st.booleans(), st.booleans())
def test_worse_figures_never_mean_a_lower_level(
    company: Decimal,
    exchange: Decimal | None,
    equity: Decimal,
    more: Decimal,
    more_exchange: Decimal,
    less: Decimal,
    ladder: Ladder,
    passed: bool,
    passed_too: bool,
) -> None:
    """More margin, less equity or a passed deadline never lowers the rung."""
    better = Figures(equity, company, exchange)
    worse = Figures(equity - less, company + more, None if exchange is None else exchange + more_exchange)
    assert assess(worse, ladder, passed or passed_too).level.at_least(assess(better, ladder, passed).level)


@calm
@given(money, money, st.sampled_from(["0.7", "0.8", "0.9", "1"]))
def test_the_amount_to_add_suffices_and_a_cent_less_does_not(
    equity: Decimal, margin: Decimal, to: str
) -> None:
    """To 100 % and to a lower degree, rounded up to the cent."""
    case = Figures(equity, margin)
    amount = shortfall(case, Decimal(to))
    assert margin <= (equity + amount) * Decimal(to)
    assert amount == 0 or margin > (equity + amount - Decimal("0.01")) * Decimal(to)


@pytest.mark.parametrize(
    "wrong",
    [
        {"watch": Decimal("0.95")},
        {"warning": Decimal("1.1")},
        {"watch": Decimal(0)},
        {"exchange_notice": Decimal("1.1")},
        {"step_above_call": Decimal("-0.1")},
        {"after_deadline": Level.CALL},
    ],
)
def test_a_ladder_that_does_not_climb_is_refused(wrong: dict[str, Decimal | Level]) -> None:
    """ValueError names the key."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Ladder(**wrong)  # type: ignore[arg-type]


def tell(*seen: str, fixed: dict[int, datetime] | None = None) -> list[Why]:
    """What is told of a client seen at these company degrees, one after the other."""
    rung: Rung | None = None
    told = []
    for number, company in enumerate(seen):
        step = climb(rung, at(company), LADDER, (fixed or {}).get(number))
        assert step.speak is (step.why is not Why.NOTHING)
        rung = step.rung
        told.append(step.why)
    return told


NO, UP, ON, BACK, AGAIN = Why.NOTHING, Why.CLIMBED, Why.FURTHER, Why.RECOVERED, Why.FIXED_TIME


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (["50"], [NO]),
        (["85"], [UP]),
        (["85", "86"], [UP, NO]),
        (["85", "91", "107"], [UP, UP, UP]),
        (["107", "107"], [UP, NO]),
        (["107", "109.99", "110", "119", "125"], [UP, NO, ON, NO, ON]),
        (["107", "135"], [UP, ON]),
        (["135", "107", "125", "141"], [UP, NO, NO, ON]),  # a step is told once a call
        (["135", "95", "135"], [UP, BACK, UP]),
        (["107", "95", "85"], [UP, BACK, BACK]),
        (["107", "50"], [UP, BACK]),
        (["91", "85", "91"], [UP, BACK, UP]),
        (["85", "50"], [UP, NO]),
    ],
)
def test_only_a_climb_a_further_step_and_recovery_are_told(seen: list[str], told: list[Why]) -> None:
    """The same rung twice is silent; a watch that ends is not worth a word."""
    assert told == tell(*seen)


def test_a_standing_call_is_told_again_at_each_fixed_time_and_once_only() -> None:
    """20:00 and 08:30 speak, the same 20:00 run twice does not; a warning is not repeated."""
    fixed = {1: EVENING, 2: EVENING, 3: MORNING}
    assert tell("107", "107", "107", "107", fixed=fixed) == [UP, AGAIN, NO, AGAIN]
    assert tell("95", "95", fixed={1: EVENING}) == [UP, NO]


def test_a_climb_at_a_fixed_time_is_one_message() -> None:
    """It is told as a climb, and the fixed time is done with."""
    assert tell("107", "107", fixed={0: EVENING, 1: EVENING}) == [UP, NO]


def test_a_level_can_be_repeated_from_a_lower_rung_on() -> None:
    """With repeat_from watch a standing watch is told once a session; normal never is."""
    ladder = Ladder(repeat_from=Level.WATCH)
    assert Why.FIXED_TIME is climb(Rung(Level.WATCH), at("85"), ladder, EVENING).why
    assert Why.NOTHING is climb(Rung(), at("50"), Ladder(repeat_from=Level.NORMAL), EVENING).why


def test_a_passed_deadline_is_a_climb() -> None:
    """The figures are the same, the level is not."""
    first = climb(None, at("107"), LADDER)
    assert Why.CLIMBED is climb(first.rung, at("107", deadline_passed=True), LADDER).why


def test_a_fall_from_liquidation_to_a_call_is_silent_and_climbing_again_is_not() -> None:
    """The call still stands; the level follows the figures."""
    notice = climb(None, at("150", "95"), LADDER)
    fallen = climb(notice.rung, at("150", "85"), LADDER)
    assert (fallen.why, fallen.rung.level) == (Why.NOTHING, Level.CALL)
    assert Why.CLIMBED is climb(fallen.rung, at("150", "95"), LADDER).why


def test_an_account_that_nobody_uses_is_not_spoken_to() -> None:
    """Equity 0.00 and no margin is negative_equity by the letter; after a call it counts as met."""
    unused = assess(Figures(Decimal("0.00"), Decimal("0.00")), LADDER)
    assert Level.NEGATIVE_EQUITY is unused.level
    assert Climb(Rung(), False, Why.NOTHING) == climb(None, unused, LADDER)
    assert Why.RECOVERED is climb(Rung(Level.CALL), unused, LADDER).why
    owing = assess(Figures(Decimal("-0.01"), Decimal("0.00")), LADDER)
    assert Why.CLIMBED is climb(None, owing, LADDER).why


rungs = st.none() | st.builds(
    Rung, st.sampled_from(Level), st.integers(0, 30), st.sampled_from([None, EVENING])
)


@calm
@given(rungs, money, st.none() | money, money, st.booleans(), st.sampled_from([None, EVENING, MORNING]))
def test_the_same_thing_twice_is_silent(
    before: Rung | None,
    company: Decimal,
    exchange: Decimal | None,
    equity: Decimal,
    passed: bool,
    fixed_time: datetime | None,
) -> None:
    """Whatever was before, seeing the same figures again says nothing and keeps the rung."""
    seen = assess(Figures(equity, company, exchange), LADDER, passed)
    first = climb(before, seen, LADDER, fixed_time)
    assert Climb(first.rung, False, Why.NOTHING) == climb(first.rung, seen, LADDER, fixed_time)


@calm
@given(st.lists(money, min_size=1, max_size=8))
def test_a_client_who_only_recovers_is_never_told_of_a_climb(margins: list[Decimal]) -> None:
    """After the first sighting falling degrees bring at most the two words of recovery."""
    rung: Rung | None = None
    told = []
    for margin in sorted(margins, reverse=True):
        step = climb(rung, assess(Figures(Decimal(100), margin), LADDER), LADDER)
        rung = step.rung
        told.append(step.why)
    assert not {Why.CLIMBED, Why.FURTHER} & set(told[1:])
    assert told.count(Why.RECOVERED) <= 2


def rebar(direction: Direction, lots: int, **more: object) -> Holding:
    """rb2610 at 3,030, ten tonnes, 12 %: 3,636 a lot; the larger side of the product counts."""
    base = Holding(
        "rb2610", direction, lots, Decimal(3030), Decimal(10), Decimal("0.12"), larger_side="SHFE.rb"
    )
    return replace(base, **more)  # type: ignore[arg-type]


LONG, SHORT = Direction.LONG, Direction.SHORT
MEAL = Holding("m2701", LONG, 5, Decimal(3247), Decimal(10), Decimal("0.13"), cost_per_lot=Decimal("1.51"))


def lots_of(holdings: list[Holding], equity: str, **more: object) -> list[int | None]:
    found = estimate_lots(holdings, Decimal(equity), **more)  # type: ignore[arg-type]
    return [alternative.lots for alternative in found.alternatives]


def test_locked_rebar_carries_its_larger_side_and_closing_the_smaller_frees_nothing() -> None:
    """Long 10 and short 8 carry 36,360; with 30,000 two long lots suffice, no short lots do."""
    holdings = [rebar(LONG, 10), rebar(SHORT, 8)]
    assert Decimal("36360.00") == account_margin(holdings)
    found = estimate_lots(holdings, Decimal(30000))
    assert Decimal("6360.00") == found.short_by
    long, short = found.alternatives
    assert (2, Decimal("29088.00"), None) == (long.lots, long.margin_after, long.why_none)
    assert (short.lots, short.why_none) == (None, WhyNone.FREES_NOTHING)


def test_below_the_smaller_side_no_single_contract_suffices() -> None:
    """With 29,000 the short side still carries 29,088 after every long lot is closed."""
    found = estimate_lots([rebar(LONG, 10), rebar(SHORT, 8)], Decimal(29000))
    assert [(a.lots, a.why_none) for a in found.alternatives] == [
        (None, WhyNone.NOT_ENOUGH),
        (None, WhyNone.FREES_NOTHING),
    ]


def test_without_the_larger_side_rule_both_sides_add() -> None:
    """65,448 for the same lots; either side can cure it."""
    holdings = [rebar(LONG, 10, larger_side=None), rebar(SHORT, 8, larger_side=None)]
    assert Decimal("65448.00") == account_margin(holdings)
    assert lots_of(holdings, "29088") == [10, None]


def test_the_published_case_needs_one_lot_of_either_contract() -> None:
    """Six rebar and five meal with 40,000.00: one lot of rebar or one of meal."""
    assert lots_of([rebar(LONG, 6), MEAL], "40000", stated_margin=Decimal("42921.50")) == [1, 1]


def test_fees_count() -> None:
    """One lot frees 3,636.00 but costs 1.00, so a shortfall of 3,635.50 takes two."""
    assert lots_of([rebar(LONG, 10)], "32724.50") == [1]
    assert lots_of([rebar(LONG, 10, cost_per_lot=Decimal(1))], "32724.50") == [2]


def test_buying_back_a_short_option_costs_its_premium() -> None:
    """A lot that carries 5,000 margin and costs 2,000 to buy back cures 3,000."""
    option = Holding(
        "m2701-C-3300", SHORT, 4, Decimal(200), Decimal(10), Decimal(0), Decimal(5000), Decimal(2000)
    )
    assert lots_of([option], "15000") == [2]
    dear = replace(option, cost_per_lot=Decimal(6000))
    assert [a.why_none for a in estimate_lots([dear], Decimal(15000)).alternatives] == [WhyNone.FREES_NOTHING]


def test_a_contract_that_cannot_be_closed_is_named_and_left_out() -> None:
    """Its margin still counts, its lots are not offered; a side may be blocked alone."""
    holdings = [rebar(LONG, 6), MEAL]
    found = estimate_lots(holdings, Decimal(40000), blocked=[Blocked("rb2610", "limit_locked")])
    assert [(left.holding.contract, left.reason) for left in found.left_out] == [("rb2610", "limit_locked")]
    assert [a.holding.contract for a in found.alternatives] == ["m2701"]
    assert Decimal("42921.50") == found.margin
    one_side = estimate_lots(
        [rebar(LONG, 10), rebar(SHORT, 8)], Decimal(30000), blocked=[Blocked("rb2610", "limit_locked", SHORT)]
    )
    assert [a.holding.direction for a in one_side.alternatives] == [LONG]


def test_nothing_is_offered_when_nothing_is_short() -> None:
    """Margin equal to equity is enough."""
    found = estimate_lots([rebar(LONG, 10)], Decimal(36360))
    assert (Decimal("0.00"), ()) == (found.short_by, found.alternatives)


def test_no_estimate_rests_on_a_margin_that_differs_from_the_statement_s() -> None:
    """A combination discount that we do not know: say so instead of counting lots."""
    found = estimate_lots([rebar(LONG, 10)], Decimal(30000), stated_margin=Decimal("30000.00"))
    assert (found.reproduced, found.alternatives) == (False, ())
    assert estimate_lots([rebar(LONG, 10)], Decimal(30000), stated_margin=Decimal("36360.01")).reproduced


def test_delivery_margin_stays_and_a_lower_degree_takes_more_lots() -> None:
    """10,000 of delivery margin is not freed by closing; to 90 % takes more than to 100 %."""
    assert lots_of([rebar(LONG, 10)], "39500", other_margin=Decimal(10000)) == [2]
    assert lots_of([rebar(LONG, 10)], "39500", other_margin=Decimal(10000), to=Decimal("0.75")) == [5]
    with pytest.raises(ValueError, match="up to 1"):
        estimate_lots([rebar(LONG, 10)], Decimal(1), to=Decimal("1.1"))


holdings_strategy = st.lists(
    st.builds(
        Holding,
        contract=st.sampled_from(["rb2610", "rb2701", "m2701"]),
        direction=st.sampled_from(Direction),
        lots=st.integers(0, 25),
        price=st.integers(1, 90000).map(lambda p: Decimal(p) / 10),
        multiplier=st.sampled_from([Decimal(1), Decimal(5), Decimal(10)]),
        margin_ratio=st.sampled_from([Decimal(0), Decimal("0.07"), Decimal("0.1234")]),
        margin_per_lot=st.sampled_from([Decimal(0), Decimal("12.345")]),
        cost_per_lot=st.sampled_from([Decimal(0), Decimal("3.333"), Decimal("-20"), Decimal(900)]),
        larger_side=st.sampled_from([None, "a", "b"]),
    ),
    min_size=1,
    max_size=5,
)


def fewest_by_trying(holdings: list[Holding], index: int, equity: Decimal) -> int | None:
    holding = holdings[index]
    for lots in range(holding.lots + 1):
        left = [*holdings[:index], replace(holding, lots=holding.lots - lots), *holdings[index + 1 :]]
        cost = (holding.cost_per_lot * lots).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
        if account_margin(left) <= equity - cost:
            return lots
    return None


@calm
@given(holdings_strategy, st.integers(0, 130))
def test_the_fewest_lots_are_those_found_by_trying_each_number(holdings: list[Holding], percent: int) -> None:
    """Skipping numbers that cannot be enough never changes the answer."""
    equity = (account_margin(holdings) * percent / 100).quantize(Decimal("0.01"))
    for alternative in estimate_lots(holdings, equity).alternatives:
        index = next(i for i, h in enumerate(holdings) if h is alternative.holding)
        assert fewest_by_trying(holdings, index, equity) == alternative.lots


def test_a_large_position_is_estimated_at_once() -> None:
    """A million lots are not tried one by one: the answer is exact all the same."""
    found = estimate_lots([rebar(LONG, 1_000_000)], Decimal(3636) * 400_000)
    assert [Alternative(found.alternatives[0].holding, 600_000, Decimal(1454400000), Decimal(0))] == list(
        found.alternatives
    )
