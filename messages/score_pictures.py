"""Pictures of the score, for staff: classes on two factors, loadings, one client. Words and numbers in, PNG bytes out.

Each gives None where the machine has no font with Chinese.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from messages.canvas import HUES, INK, LINE, MARKS, QUIET, font, png, sheet

Label = Callable[[str], str]
"""A label's words in the reader's language."""

_MOST_POINTS = 6_000


@dataclass(frozen=True, slots=True)
class Point:
    """An account in the plane of two factors, with its class."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """An indicator of a client: its name, its value in words, where the client stands (standard deviations from the
    mean, high is good) and what it gave to the score. ``group`` is told once a group.
    """

    group: str
    name: str
    value: str
    aligned: float
    part: float


def classes(points: Sequence[Point], axes: tuple[str, str], label: Label, corner: str) -> bytes | None:
    """The accounts of each class as marks on two factors, the class's size in the legend, its centre as a letter."""
    if font() is None or not points:
        return None
    with sheet(label("score.picture.classes"), corner) as figure:
        plane = figure.add_axes((0.10, 0.19, 0.87, 0.70))
        for place, name in enumerate(sorted({point.label for point in points})):
            own = [point for point in points if point.label == name]
            some = own[:: max(1, len(own) * len(points) // (_MOST_POINTS * max(len(own), 1)))]
            _cloud(plane, some, name, len(own), place)
        _cut(plane, points)
        plane.set_xlabel(axes[0])
        plane.set_ylabel(axes[1])
        plane.axhline(0, color=LINE, linewidth=1, zorder=0)
        plane.axvline(0, color=LINE, linewidth=1, zorder=0)
        plane.legend(loc="upper left", frameon=False, markerscale=2)
        return png(figure)


def _cloud(plane: Axes, points: Sequence[Point], name: str, count: int, place: int) -> None:
    hue, mark = HUES[place % len(HUES)], MARKS[place % len(MARKS)]
    x, y = [point.x for point in points], [point.y for point in points]
    plane.scatter(x, y, s=18, c=hue, marker=mark, alpha=0.45, linewidths=0, label=f"{name}  {count:,}")
    plane.text(
        float(np.mean(x)), float(np.mean(y)), name, fontsize=22, fontweight="bold", color=INK, ha="center",
        va="center", bbox={"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": hue, "linewidth": 2.5},
    )  # fmt: skip


def _cut(plane: Axes, points: Sequence[Point]) -> None:
    """The plane shows 99 % of the accounts in each direction; the few beyond would squeeze the rest."""
    x, y = np.array([point.x for point in points]), np.array([point.y for point in points])
    for values, limit in ((x, plane.set_xlim), (y, plane.set_ylim)):
        low, high = np.quantile(values, [0.005, 0.995])
        room = max(high - low, 1e-6) * 0.06
        limit(float(low - room), float(high + room))


def loadings(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    label: Label,
    corner: str,
) -> bytes | None:
    """Which indicator makes which factor: purple goes with it, orange against it, the figure stands in every field."""
    if font() is None or not rows:
        return None
    with sheet(label("score.picture.loadings"), corner) as figure:
        field = figure.add_axes((0.29, 0.08, 0.565, 0.75))
        image = field.imshow(np.array(values), cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
        field.set_xticks(range(len(columns)), columns)
        field.set_yticks(range(len(rows)), rows)
        field.xaxis.tick_top()
        field.tick_params(length=0)
        field.tick_params(axis="x", labelsize=11.5)
        for spine in field.spines.values():
            spine.set_visible(False)
        for y, row in enumerate(values):
            for x, value in enumerate(row):
                strong = abs(value) >= 0.5
                field.text(
                    x, y, _signed(value), ha="center", va="center", fontweight="bold" if strong else "normal",
                    color="white" if abs(value) > 0.55 else INK if strong else QUIET,
                )  # fmt: skip
        bar = figure.colorbar(image, cax=figure.add_axes((0.88, 0.08, 0.018, 0.75)))
        bar.outline.set_visible(False)
        return png(figure)


def _signed(value: float) -> str:
    """+0.42; never -0.00."""
    return f"{round(value, 2) + 0.0:+.2f}"


def client(bars: Sequence[Bar], title: str, label: Label, corner: str) -> bytes | None:
    """A client's indicators in groups: where it stands among all (left), what that gave to its score (right)."""
    if font() is None or not bars:
        return None
    with sheet(title, corner) as figure:
        left = figure.add_axes((0.37, 0.19, 0.30, 0.70))
        right = figure.add_axes((0.70, 0.19, 0.27, 0.70))
        places = _places(bars)
        _standing(left, bars, places, label)
        _giving(right, bars, places, label)
        for axes in (left, right):
            axes.set_ylim(places[-1] + 0.8, -1.3)
            axes.spines["left"].set_visible(False)
            axes.tick_params(axis="y", length=0)
        return png(figure)


def _places(bars: Sequence[Bar]) -> list[float]:
    """A line a bar, with a gap in front of each group."""
    found, place = [], -1.0
    for number, bar in enumerate(bars):
        place += 1.0 if number == 0 or bars[number - 1].group == bar.group else 1.9
        found.append(place)
    return found


def _standing(axes: Axes, bars: Sequence[Bar], places: Sequence[float], label: Label) -> None:
    axes.axvline(0, color=QUIET, linewidth=1)
    for bar, place in zip(bars, places, strict=True):
        value = max(-3.0, min(3.0, bar.aligned))
        hue = HUES[0] if bar.aligned >= 0 else HUES[1]
        axes.plot([0, value], [place, place], color=hue, linewidth=3, solid_capstyle="round")
        axes.plot([value], [place], marker="o" if bar.aligned >= 0 else "s", color=hue, markersize=9)
    for number, (bar, place) in enumerate(zip(bars, places, strict=True)):
        if number == 0 or bars[number - 1].group != bar.group:
            axes.text(
                -1.02, place - 0.78, bar.group, transform=axes.get_yaxis_transform(), color=QUIET, fontsize=12
            )
    axes.set_xlim(-3.2, 3.2)
    axes.set_yticks(list(places), [f"{bar.name}  {bar.value}" for bar in bars])
    axes.set_xlabel(label("score.picture.standing"))


def _giving(axes: Axes, bars: Sequence[Bar], places: Sequence[float], label: Label) -> None:
    parts = [bar.part for bar in bars]
    most = max(max((abs(part) for part in parts), default=0.0), 0.05)
    axes.axvline(0, color=QUIET, linewidth=1)
    axes.barh(list(places), parts, height=0.55, color=[HUES[0] if part >= 0 else HUES[1] for part in parts])
    for part, place in zip(parts, places, strict=True):
        axes.text(
            part + (0.04 if part >= 0 else -0.04) * most, place, _signed(part), va="center", fontsize=11,
            ha="left" if part >= 0 else "right",
        )  # fmt: skip
    axes.set_xlim(-1.35 * most, 1.35 * most)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:+.1f}" if value else "0"))
    axes.set_yticks([])
    axes.set_xlabel(label("score.picture.giving"))
