"""Retention by hand."""

import pytest

from scoring.retention import Stay, retention


def test_leavers_and_those_who_are_still_there() -> None:
    """Four clients: one leaves in month 1, one in month 2, one is seen for two months only, one for three."""
    stays = [Stay(0, 1, True), Stay(0, 2, True), Stay(0, 2, False), Stay(0, 3, False)]
    found = retention("all", stays, 12, 1)
    assert found.shares == pytest.approx((1.0, 0.75, 0.5, 0.5))
    assert found.clients == 4


def test_who_enters_late_does_not_count_before() -> None:
    """A client seen only from month 2 on takes no part in month 1."""
    stays = [Stay(0, 1, True), Stay(0, 3, False), Stay(1, 3, False)]
    assert retention("all", stays, 3, 1).shares == pytest.approx((1.0, 0.5, 0.5, 0.5))


def test_a_curve_ends_where_too_few_are_seen() -> None:
    """Three clients are no curve where five are asked for."""
    assert retention("all", [Stay(0, 9, False)] * 3, 12, 5).shares == (1.0,)


def test_a_curve_begins_where_the_data_do() -> None:
    """Everybody opened long ago: of those who were there in month 30, half left in month 32."""
    found = retention("all", [Stay(30, 32, True), Stay(30, 34, False)], 60, 1)
    assert (found.begins, found.shares) == (30, (1.0, 1.0, 0.5, 0.5, 0.5))
