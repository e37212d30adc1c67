"""Pictures about clients: the same every time, and none where there is nothing to see."""

from datetime import date, timedelta

import pytest

from messages.canvas import font
from messages.client_pictures import DegreeDay, degrees, flow, retention
from messages.client_report import Report, ReportDay, pages, pdf

pytestmark = pytest.mark.skipif(font() is None, reason="no font with Chinese on this machine: no pictures")
DAYS = [date(2026, 7, 1) + timedelta(days=n) for n in range(20)]
LINES = ((0.8, "关注"), (1.0, "追加保证金"))


def label(key: str) -> str:
    return key


def report(count: int = 20) -> Report:
    return Report(
        title="t",
        company="c",
        owner="王*",
        money=(("期初权益", "1.00"),),
        traits=(("结算日", "20"),),
        days=tuple(ReportDay(day, 100.0 + n, -1.0) for n, day in enumerate(DAYS[:count])),
        degrees=tuple(DegreeDay(day, 0.5, None) for day in DAYS[:count]),
        lines=LINES,
        products=(("螺纹钢", 5.0),),
        notes=("n",),
        stamp="s",
    )


def test_a_picture_is_a_png_and_the_same_every_time() -> None:
    """Gaps in the figures are gaps in the line; nothing else changes."""
    days = [DegreeDay(day, None if n == 3 else 0.5, 0.3) for n, day in enumerate(DAYS)]
    first = degrees(days, LINES, "t", label, "c")
    assert first is not None
    assert first.startswith(b"\x89PNG")
    assert first == degrees(days, LINES, "t", label, "c")


def test_nothing_to_see_is_no_picture() -> None:
    """One day, no client, a curve of one point."""
    assert degrees([DegreeDay(DAYS[0], 0.5, 0.3)], LINES, "t", label, "c") is None
    assert flow({}, [("key", "关键")], ("a", "b"), "t", "c") is None
    assert retention([("all", 0, (1.0,))], "t", label, "c") is None


def test_the_report_has_two_pages_and_equal_input_gives_equal_bytes() -> None:
    """A file that can be hashed; without a settlement there is none; one settlement is enough."""
    assert len(pages(report(), label)) == 2
    first = pdf(report(), label)
    assert first is not None
    assert first.startswith(b"%PDF")
    assert first == pdf(report(), label)
    assert pdf(report(0), label) is None
    assert pdf(report(1), label) is not None
