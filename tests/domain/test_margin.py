"""Money: exact, rounded half up a row, never below the exchange."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import margin
from domain.market import (
    ClientPlan,
    CompanyRates,
    ContractSpec,
    Fee,
    FeePlan,
    FeeRule,
    Fees,
    MarginPlan,
    MarginRate,
    RowSource,
    parse_contract,
)

PRODUCTS = {
    "rb": "SHFE",
    "m": "DCE",
    "SR": "CZCE",
    "IF": "CFFEX",
    "l": "DCE",
    "l_f": "DCE",
    "T": "CFFEX",
    "TL": "CFFEX",
}
NEAR = date(2026, 11, 23)
ROW = RowSource("contracts.csv", "rb@2026-08-18", date(2026, 8, 18), date(2026, 8, 18), "", False, False)

prices = st.decimals("0.5", "900000", places=2)
lots = st.integers(1, 5000)
ratios = st.decimals("0", "1", places=4)
multipliers = st.sampled_from([Decimal(n) for n in (1, 5, 10, 20, 60, 100, 300, 1000, 10000)])


def spec(
    ratio: str = "0.07", fees: Fees | None = None, product: str = "rb", contract: str | None = None
) -> ContractSpec:
    rate = Fee(by_turnover=Decimal("0.0001"))
    return ContractSpec(
        product=product,
        exchange="SHFE",
        name_zh="螺纹钢",
        name_en="Steel rebar",
        multiplier=Decimal(10),
        unit="吨",
        tick=Decimal(1),
        margin_ratio=Decimal(ratio),
        fees=fees or Fees(rate, rate, rate),
        night_close="23:00",
        effective_from=date(2026, 8, 18),
        effective_to=None,
        margin_source=ROW,
        fee_source=ROW,
        contract=contract,
    )


def test_two_lots_of_rebar_at_3030_take_4242_at_the_exchange() -> None:
    """3030 x 10 x 2 x 7 % is 4242.00, and 7272.00 at the company's 12 %."""
    assert margin.margin(Decimal(3030), Decimal(10), 2, Decimal("0.07")) == Decimal("4242.00")
    assert margin.margin(Decimal(3030), Decimal(10), 2, Decimal("0.12")) == Decimal("7272.00")


def test_the_sample_statement_s_fees_and_margins_come_out_to_the_cent() -> None:
    """Four lots of rb2610 closed at 3036 cost 14.57 at 1.2 in ten thousand; five lots of m2701 hold 21105.50."""
    assert margin.fee(Fee(by_turnover=Decimal("0.00012")), Decimal(3036), Decimal(10), 4) == Decimal("14.57")
    assert margin.margin(Decimal(3247), Decimal(10), 5, Decimal("0.13")) == Decimal("21105.50")


def test_an_index_future_closed_today_costs_ten_times_as_much() -> None:
    """IF at 4,670.2 closed today is 322.24, not 32.22."""
    assert margin.fee(Fee(by_turnover=Decimal("0.00023")), Decimal("4670.2"), Decimal(300), 1) == Decimal(
        "322.24"
    )
    assert margin.fee(Fee(by_turnover=Decimal("0.000023")), Decimal("4670.2"), Decimal(300), 1) == Decimal(
        "32.22"
    )


def test_rates_by_turnover_and_by_lot_add() -> None:
    """Both ratios of CTP's commission rate may be there, and add."""
    both = Fee(by_turnover=Decimal("0.0001"), by_lot=Decimal("1.5"))
    assert margin.fee(both, Decimal(3000), Decimal(10), 2) == Decimal("9.00")


def test_a_fee_by_the_lot_needs_no_price_and_one_by_turnover_does() -> None:
    """None stands for what cannot be known without a price."""
    assert margin.fee(Fee(by_lot=Decimal("1.5")), None, Decimal(10), 3) == Decimal("4.50")
    assert margin.fee(Fee(by_turnover=Decimal("0.0001")), None, Decimal(10), 3) is None
    assert margin.fee(Fee(), None, Decimal(10), 3) == Decimal("0.00")


def test_half_a_cent_is_rounded_up() -> None:
    """ROUND_HALF_UP, as counters do; banker's rounding would give 0.12."""
    assert margin.cents(Decimal("0.125")) == Decimal("0.13")


def test_a_short_position_gains_from_a_fall() -> None:
    """Three lots of copper short from 78,000 to 77,500 gain 7,500."""
    assert margin.pnl(Decimal(-500), Decimal(5), 3, long=False) == Decimal("7500.00")
    assert margin.pnl(Decimal(-500), Decimal(5), 3, long=True) == Decimal("-7500.00")


@given(prices, multipliers, lots, ratios)
def test_margin_grows_with_lots_and_ratio(
    price: Decimal, multiplier: Decimal, count: int, ratio: Decimal
) -> None:
    """Never negative, and more lots or a higher ratio never take less."""
    one = margin.margin(price, multiplier, count, ratio)
    assert one >= 0
    assert margin.margin(price, multiplier, count + 1, ratio) >= one
    assert margin.margin(price, multiplier, count, min(Decimal(1), ratio + Decimal("0.01"))) >= one


@given(prices, multipliers, lots, ratios)
def test_margin_is_within_half_a_cent_of_the_exact_product(
    price: Decimal, multiplier: Decimal, count: int, ratio: Decimal
) -> None:
    """Rounding happens once, at the end of the row."""
    assert abs(
        margin.margin(price, multiplier, count, ratio) - price * multiplier * count * ratio
    ) <= Decimal("0.005")


@given(st.decimals("1", "9999999", places=2), prices, multipliers, st.decimals("0.005", "1", places=3))
def test_the_lots_of_a_capital_fit_and_one_more_does_not(
    capital: Decimal, price: Decimal, multiplier: Decimal, ratio: Decimal
) -> None:
    """max_lots is the largest whole number whose margin the capital covers."""
    one = margin.margin(price, multiplier, 1, ratio)
    found = margin.max_lots(capital, one)
    if one > 0:
        assert found * one <= capital < (found + 1) * one


@given(ratios, st.decimals("-0.2", "0.5", places=3))
def test_the_client_s_ratio_is_never_below_the_exchange_s(ratio: Decimal, addon: Decimal) -> None:
    """Not even by a plan with a negative add-on (期货交易管理条例 art. 28)."""
    plan = ClientPlan(margin=MarginPlan("special", {"": MarginRate(addon)}))
    applied = margin.applied_rates(spec(str(ratio)), CompanyRates(), plan)
    assert applied.margin_ratio >= ratio


def test_the_company_adds_points_and_a_product_may_have_its_own() -> None:
    """Five points where nothing else is said; six for what the table names."""
    rates = CompanyRates(margin_per_product={"m": Decimal("0.06")})
    assert margin.applied_rates(spec(), rates).margin_ratio == Decimal("0.12")
    assert margin.applied_rates(spec(product="m"), rates).margin_ratio == Decimal("0.13")


def test_a_client_s_plan_wins_over_the_company_and_its_most_specific_rate_holds() -> None:
    """Contract before product before all; an absolute rate replaces, a relative one adds."""
    plan = ClientPlan(
        margin=MarginPlan(
            "vip", {"": MarginRate(Decimal("0.03")), "rb2701": MarginRate(Decimal("0.08"), relative=False)}
        )
    )
    assert margin.applied_rates(spec(), CompanyRates(), plan).margin_ratio == Decimal("0.10")
    found = margin.applied_rates(spec(contract="rb2701"), CompanyRates(), plan)
    assert (found.margin_ratio, found.margin_of) == (Decimal("0.08"), "vip")


def test_a_plan_that_has_not_begun_does_not_hold_yet() -> None:
    """As of a day before its first day the company's rates hold."""
    plan = ClientPlan(margin=MarginPlan("vip", {"": MarginRate(Decimal("0.01"))}, date(2026, 10, 1)))
    assert margin.applied_rates(spec(), CompanyRates(), plan, date(2026, 9, 30)).margin_of == "company"
    assert margin.applied_rates(spec(), CompanyRates(), plan, date(2026, 10, 1)).margin_of == "vip"


def test_the_company_s_fee_follows_the_exchange_s_way_of_charging_and_what_is_free_stays_free() -> None:
    """Times 1.2 by turnover, plus 0.5 by the lot, nothing where the exchange waives."""
    rule = FeeRule(turnover_times=Decimal("1.2"), lot_plus=Decimal("0.5"))
    fees = Fees(Fee(by_turnover=Decimal("0.0001")), Fee(by_lot=Decimal("1.5")), Fee())
    found = margin.applied_rates(spec(fees=fees), CompanyRates(fee=rule)).fees
    assert found.open == Fee(by_turnover=Decimal("0.00012"))
    assert found.close == Fee(by_lot=Decimal("2.0"))
    assert found.close_today.is_free


def test_a_fee_plan_may_name_rates_of_its_own() -> None:
    """Rates instead of a rule are taken as they are."""
    own = Fees(Fee(by_lot=Decimal(2)), Fee(by_lot=Decimal(2)), Fee())
    found = margin.applied_rates(spec(), CompanyRates(), ClientPlan(fee=FeePlan("flat", {"rb": own})))
    assert (found.fees, found.fees_of) == (own, "flat")


@pytest.mark.parametrize(
    ("typed", "spelled"),
    [
        ("RB2701", "rb2701"),
        ("sr701", "SR701"),
        ("SR2701", "SR701"),
        ("if2612", "IF2612"),
        ("l2607f", "l2607F"),
        ("L2607", "l2607"),
        ("tl2703", "TL2703"),
        ("SR605", "SR605"),
    ],
)
def test_a_contract_code_is_spelled_as_its_exchange_does(typed: str, spelled: str) -> None:
    """Any case in, the exchange's spelling out; a three-digit month finds its decade."""
    assert str(parse_contract(typed, PRODUCTS, NEAR)) == spelled


@pytest.mark.parametrize("typed", ["rb2713", "xx2701", "rb", "rb27", "27rb01", "rb2700", ""])
def test_what_is_no_contract_is_none(typed: str) -> None:
    """Month 13, unknown products and loose words are refused."""
    assert parse_contract(typed, PRODUCTS, NEAR) is None


def test_a_three_digit_year_is_the_nearest_one() -> None:
    """SR701 asked for in 2026 is January 2027, asked for in 2017 it was January 2017."""
    now, then = parse_contract("SR701", PRODUCTS, NEAR), parse_contract("SR701", PRODUCTS, date(2017, 1, 3))
    assert now is not None
    assert then is not None
    assert (now.year, then.year) == (2027, 2017)
