"""A month in figures, by hand."""

from datetime import date
from decimal import Decimal

import pytest

from domain.traits import MonthDay, drawdown, traits

D = Decimal


def day(number: int, before: str, equity: str, cash: str = "0", degree: str | None = "0.5") -> MonthDay:
    company = None if degree is None else D(degree)
    return MonthDay(
        date(2026, 7, number), D(before), D(equity), D(cash), D("1.00"), company, company, company is not None
    )


MONTH = [day(1, "100", "110"), day(2, "110", "148", "60", "0.8"), day(3, "148", "129", "-30", None)]


def test_the_sums_and_extremes_of_a_month() -> None:
    """Plus 10, minus 22 with 60 paid in, plus 11 with 30 taken out."""
    found = traits(MONTH)
    assert (found.opening, found.closing) == (100, 129)
    assert (found.deposits, found.withdrawals, found.result) == (60, 30, -1)
    assert found.opening + found.deposits - found.withdrawals + found.result == found.closing
    assert (found.gains, found.losses, found.best, found.worst) == (2, 1, 11, -22)
    assert (found.days, found.overnight, found.commission) == (3, 2, 3)
    assert (found.highest, found.average) == (D("0.8"), D("0.65"))


def test_the_fall_is_measured_without_deposits() -> None:
    """22 of 170 lost on the second day, whatever came in."""
    assert drawdown(MONTH) == pytest.approx(D(22) / D(170))
    assert drawdown([day(1, "0", "5")]) is None


def test_a_month_without_a_settlement_is_refused() -> None:
    """There is nothing to report."""
    with pytest.raises(ValueError, match="settlement"):
        traits([])
