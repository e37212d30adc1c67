"""A client's monthly trading report: two A4 pages as PDF. Own figures and characteristics, never advice.

Words and numbers in, bytes out; None where the machine has no font with Chinese. Equal input gives equal bytes.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from messages.canvas import HUES, INK, LINE, QUIET, font
from messages.client_pictures import DegreeDay, draw_degrees

Label = Callable[[str], str]
_A4 = (8.27, 11.69)
_LEFT, _WIDTH = 0.09, 0.82


@dataclass(frozen=True, slots=True)
class ReportDay:
    """One settlement of the month: closing equity and the day's result after fees, CNY."""

    day: date
    equity: float
    result: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything on the pages. ``money``, ``traits`` and ``notes`` are words already, in the reader's language.

    ``products``: (name, turnover in CNY), the largest first. ``stamp`` stands at the foot of each page.
    """

    title: str
    company: str
    owner: str
    money: tuple[tuple[str, str], ...]
    traits: tuple[tuple[str, str], ...]
    days: tuple[ReportDay, ...]
    degrees: tuple[DegreeDay, ...]
    lines: tuple[tuple[float, str], ...]
    products: tuple[tuple[str, float], ...]
    notes: tuple[str, ...]
    stamp: str


def pages(report: Report, label: Label) -> list[Figure]:
    """Both pages: money with equity and degrees; characteristics with daily results and products."""
    with _style():
        first, second = _page(report, 1), _page(report, 2)
        _table(first, 0.845, report.money, columns=2)
        _head(first, 0.665, label("report.equity"))
        _equity(first.add_axes((_LEFT + 0.05, 0.43, _WIDTH - 0.05, 0.21)), report.days)
        _head(first, 0.385, label("report.degrees"))
        if len(report.degrees) > 1:
            axes = first.add_axes((_LEFT + 0.05, 0.115, _WIDTH - 0.215, 0.225))
            draw_degrees(axes, report.degrees, report.lines, label)
        _table(second, 0.845, report.traits, columns=2)
        _head(second, 0.635, label("report.results"))
        _results(second.add_axes((_LEFT + 0.05, 0.44, _WIDTH - 0.05, 0.17)), report.days)
        _head(second, 0.395, label("report.products"))
        _products(second.add_axes((_LEFT + 0.12, 0.235, _WIDTH - 0.26, 0.135)), report.products)
        for line, note in enumerate(report.notes):
            second.text(_LEFT, 0.165 - 0.021 * line, note, fontsize=8.5, color=QUIET)
    return [first, second]


def pdf(report: Report, label: Label) -> bytes | None:
    """The report as a file."""
    if font() is None or not report.days:
        return None
    file = io.BytesIO()
    with _style(), PdfPages(file, metadata={"Title": report.title, "CreationDate": None}) as book:
        for figure in pages(report, label):
            book.savefig(figure)
    return file.getvalue()


@contextmanager
def _style() -> Iterator[None]:
    with matplotlib.rc_context():
        matplotlib.rcParams.update(
            {
                "font.family": [font() or "sans-serif"],
                "axes.unicode_minus": False,
                "font.size": 9.5,
                "text.color": INK,
                "axes.edgecolor": QUIET,
                "axes.labelcolor": INK,
                "axes.spines.top": False,
                "axes.spines.right": False,
            }
        )
        yield


def _page(report: Report, number: int) -> Figure:
    figure = Figure(figsize=_A4, facecolor="white")
    figure.text(_LEFT, 0.945, report.title, fontsize=17, fontweight="bold", va="center")
    figure.text(_LEFT, 0.917, report.owner, fontsize=10.5, color=QUIET, va="center")
    figure.text(_LEFT + _WIDTH, 0.945, report.company, fontsize=10.5, color=QUIET, ha="right", va="center")
    _rule(figure, 0.9)
    _rule(figure, 0.06)
    figure.text(_LEFT, 0.045, report.stamp, fontsize=7.5, color=QUIET, va="center")
    figure.text(_LEFT + _WIDTH, 0.045, f"{number} / 2", fontsize=8.5, color=QUIET, ha="right", va="center")
    return figure


def _rule(figure: Figure, y: float) -> None:
    figure.add_artist(Line2D((_LEFT, _LEFT + _WIDTH), (y, y), color=LINE, linewidth=1))


def _head(figure: Figure, y: float, words: str) -> None:
    figure.text(_LEFT, y, words, fontsize=12, fontweight="bold", va="center")


def _table(figure: Figure, top: float, rows: Sequence[tuple[str, str]], *, columns: int) -> None:
    """Name and value side by side, filled row by row."""
    width = _WIDTH / columns
    for place, (name, value) in enumerate(rows):
        x, y = _LEFT + width * (place % columns), top - 0.032 * (place // columns)
        figure.text(x, y, name, color=QUIET, va="center")
        end = x + width - (0.03 if place % columns < columns - 1 else 0.0)
        figure.text(end, y, value, ha="right", va="center", fontsize=11)


def _amounts(value: float, _place: int | None = None) -> str:
    return f"{value:,.0f}"


def _equity(axes: Axes, days: Sequence[ReportDay]) -> None:
    """The axis does not begin at zero: what matters is how the month went."""
    values = [day.equity for day in days]
    axes.plot(range(len(days)), values, color=HUES[0], linewidth=2)
    room = 0.15 * (max(values) - min(values)) or 1.0
    axes.set_ylim(min(values) - room, max(values) + room)
    _dress(axes, days)


def _results(axes: Axes, days: Sequence[ReportDay]) -> None:
    """Gains and losses differ by hue and by their side of the line, so that no colour has to be told apart."""
    values = [day.result for day in days]
    hues = [HUES[1] if value >= 0 else HUES[0] for value in values]
    axes.bar(range(len(days)), values, color=hues, width=0.7)
    axes.axhline(0, color=QUIET, linewidth=0.8)
    _dress(axes, days)


def _products(axes: Axes, products: Sequence[tuple[str, float]]) -> None:
    names = [name for name, _ in products][::-1]
    values = [value for _, value in products][::-1]
    axes.barh(range(len(names)), values, color=HUES[5], height=0.6)
    for place, value in enumerate(values):
        axes.text(value, place, f"  {value:,.0f}", va="center", fontsize=9)
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks([])
    for side in ("bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)


def _dress(axes: Axes, days: Sequence[ReportDay]) -> None:
    step = max(1, round(len(days) / 8))
    places = list(range(0, len(days), step))
    axes.set_xticks(places, [f"{days[place].day.month}/{days[place].day.day}" for place in places])
    axes.set_xlim(-0.5, len(days) - 0.5)
    axes.yaxis.set_major_formatter(FuncFormatter(_amounts))
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
