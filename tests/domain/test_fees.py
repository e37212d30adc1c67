"""Fees by turnover, the introducer's pay to the cent, who may introduce, before and after."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.fees import (
    Business,
    Change,
    Fault,
    FeeGrade,
    Introducer,
    Span,
    WholesaleRule,
    change,
    faults,
    fee_grade,
    pay,
    per_lot,
)

D = Decimal
RULE = WholesaleRule(rate=D("0.00012"), deductions=D("0.2"))
PERSON = Introducer(
    "person", date(1990, 8, 1), date(2024, 3, 1), date(2026, 12, 31), date(2025, 9, 1), None, 0
)
DAY = date(2026, 8, 17)


def test_the_worked_example_to_the_cent() -> None:
    """A hundred million at 1.5, wholesale 1.2, exchange 1.0 in ten thousand; a fifth withheld."""
    month = Business("1", D(100_000_000), D("15000.00"), D("10000.00"))
    found = pay([month], RULE)
    assert (found.fee, found.gross, found.deductions, found.net) == (D(15_000), D(3_000), D(600), D(2_400))
    assert (found.company, found.carried_out) == (D(2_000), D(0))


def test_a_loss_is_set_off_against_the_next_month() -> None:
    """Minus 500 is carried; of the next 3,000 only 2,500 are paid for, and the company keeps the difference."""
    bad = pay([Business("1", D(10_000_000), D("700.00"), D("600.00"))], RULE)
    assert (bad.gross, bad.net, bad.deductions, bad.carried_out) == (D(-500), D(0), D(0), D(-500))
    good = pay([Business("1", D(100_000_000), D("15000.00"), D("10000.00"))], RULE, bad.carried_out)
    assert (good.net, good.deductions, good.carried_out) == (D(2_000), D(500), D(0))
    assert good.company == D(2_500)


def test_a_loss_is_forgiven_where_the_house_says_so() -> None:
    """Carrying forward is a choice of the configuration."""
    found = pay([Business("1", D(10_000_000), D("700.00"), D("600.00"))], replace(RULE, carry=False))
    assert (found.net, found.carried_out) == (D(0), D(0))


def test_one_client_s_loss_lessens_another_s_gain() -> None:
    """The pay is of all clients together."""
    found = pay(
        [
            Business("1", D(100_000_000), D(15_000), D(10_000)),
            Business("2", D(100_000_000), D(11_000), D(10_000)),
        ],
        RULE,
    )
    assert [line.margin for line in found.lines] == [D(3_000), D(-1_000)]
    assert found.net == D(1_600)


def test_the_wholesale_price_is_never_below_the_exchange_s_part() -> None:
    """Products that the exchange charges dearly are not sold below cost."""
    found = pay([Business("1", D(1_000_000), D(400), D(300))], RULE)
    assert found.lines[0].wholesale == D(300)


amount = st.decimals(0, 10_000_000, places=2, allow_nan=False)


@given(
    st.lists(st.tuples(amount, amount, amount), max_size=6),
    st.decimals(-10_000, 0, places=2, allow_nan=False),
)
@settings(deadline=None)
def test_the_sums_always_agree(rows: list[tuple[Decimal, Decimal, Decimal]], carried: Decimal) -> None:
    """Fees = exchange + company + net + withheld; nothing is paid out of a loss."""
    found = pay([Business(str(n), *row) for n, row in enumerate(rows)], RULE, carried)
    assert found.fee == found.exchange_fee + found.company + found.net + found.deductions
    assert found.net >= 0 >= found.carried_out
    assert found.net == 0 or found.carried_out == 0


def test_only_a_loss_is_carried() -> None:
    """A gain is paid, not kept."""
    with pytest.raises(ValueError, match="loss"):
        pay([], RULE, D(1))
    with pytest.raises(ValueError, match="wholesale"):
        WholesaleRule(D("-0.1"), D(0))


@pytest.mark.parametrize(
    ("introducer", "expected"),
    [
        (PERSON, ()),
        (replace(PERSON, elsewhere=1), (Fault.OTHER_COMPANY,)),
        (replace(PERSON, born=date(2008, 8, 18)), (Fault.UNDER_AGE,)),
        (replace(PERSON, born=date(2008, 8, 17)), ()),
        (replace(PERSON, exam_on=None), (Fault.NO_EXAM,)),
        (replace(PERSON, trained_until=date(2026, 8, 16)), (Fault.NO_TRAINING,)),
        (replace(PERSON, promised_on=None), (Fault.NO_PROMISE,)),
        (Introducer("institution", None, None, None, date(2025, 9, 1), None, 0), (Fault.NO_LICENCE,)),
        (Introducer("institution", None, None, None, date(2025, 9, 1), "证券 0001", 0), ()),
    ],
)
def test_who_may_introduce(introducer: Introducer, expected: tuple[Fault, ...]) -> None:
    """One company at a time since August 2025; exam, training and promises of a natural person."""
    assert faults(introducer, DAY, least_age=18) == expected


def test_before_august_2025_three_companies_were_allowed() -> None:
    """The rule of the day counts."""
    two = replace(PERSON, elsewhere=2, promised_on=date(2022, 1, 1))
    assert faults(two, date(2025, 7, 31), least_age=18) == ()
    assert faults(two, date(2025, 8, 1), least_age=18) == (Fault.OTHER_COMPANY,)
    assert faults(replace(two, elsewhere=3), date(2025, 7, 31), least_age=18) == (Fault.OTHER_COMPANY,)


def test_the_grade_by_equity_and_turnover() -> None:
    """Both must reach it, or either, as the house says."""
    grades = (FeeGrade("c", D(0), D(0)), FeeGrade("b", D(500_000), D(50_000_000)))
    assert fee_grade(D(600_000), D(10), grades, both=True) == grades[0]
    assert fee_grade(D(600_000), D(10), grades, both=False) == grades[1]
    assert fee_grade(D(500_000), D(50_000_000), grades, both=True) == grades[1]
    assert fee_grade(D(1), D(1), grades[1:], both=True) is None


def test_a_ratio_is_an_amount_for_a_lot() -> None:
    """3,030 x 10 x 1.5 in ten thousand = 4.545, rounded half up."""
    assert per_lot(D("0.00015"), D(3030), D(10)) == D("4.55")


def test_before_and_after_by_month() -> None:
    """The published change: fees up by 25.56 per cent, rebates down by a tenth; spans of unequal length."""
    before = Span(6, D("6000000.00"), D("1200000.00"))
    after = Span(3, D("3766800.00"), D("540000.00"))
    assert change(before, after) == Change(D("0.2556"), D("-0.1"))
    assert change(Span(0, D(0), D(0)), after) == Change(None, None)
