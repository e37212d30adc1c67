"""Pictures about clients: sixty days of both risk degrees, the flow between tiers, retention. Words and numbers in, PNG out.

Each gives None where the machine has no font with Chinese, or where there is nothing to see.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import PercentFormatter

from messages.canvas import HUES, INK, LINE, MARKS, QUIET, font, png, sheet

Label = Callable[[str], str]
_MARKED = 8


@dataclass(frozen=True, slots=True)
class DegreeDay:
    """Both degrees after a settlement, as fractions; None where equity <= 0 or unknown."""

    day: date
    company: float | None
    exchange: float | None


def degrees(
    days: Sequence[DegreeDay], lines: Sequence[tuple[float, str]], title: str, label: Label, corner: str
) -> bytes | None:
    """Both degrees day by day, with the thresholds as labelled lines."""
    if font() is None or len(days) < 2:
        return None
    with sheet(title, corner) as figure:
        draw_degrees(figure.add_axes((0.10, 0.14, 0.67, 0.68)), days, lines, label)
        return png(figure)


def draw_degrees(
    axes: Axes, days: Sequence[DegreeDay], lines: Sequence[tuple[float, str]], label: Label
) -> None:
    """The degrees on any sheet: the monthly report draws the same."""
    places = np.arange(len(days))
    for place, (name, values) in enumerate(
        (
            ("picture.company", [day.company for day in days]),
            ("picture.exchange", [day.exchange for day in days]),
        )
    ):
        shown = np.array([np.nan if value is None else value for value in values], dtype=float)
        axes.plot(
            places, shown, color=HUES[place], linewidth=2.2, linestyle=("-", "--")[place], marker=MARKS[place],
            markevery=max(1, len(days) // _MARKED), markersize=6, label=label(name),
        )  # fmt: skip
    top = max([value for day in days for value in (day.company, day.exchange) if value is not None] or [1.0])
    for level, name in lines:
        axes.axhline(level, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)
        axes.annotate(
            f"{name} {level:.0%}", (1.01, level), xycoords=("axes fraction", "data"), va="center", fontsize=11,
            color=QUIET, annotation_clip=False,
        )  # fmt: skip
    axes.set_ylim(0, max(1.08 * top, 1.08 * max(level for level, _ in lines)))
    _days(axes, [day.day for day in days])
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", bbox_to_anchor=(0, 1.09), ncols=2, frameon=False)


def _days(axes: Axes, days: Sequence[date]) -> None:
    """About six days named below the axis; the places are trading days, so that holidays make no gap."""
    step = max(1, round(len(days) / 6))
    places = list(range(0, len(days), step))
    axes.set_xticks(places, [f"{days[place].month}/{days[place].day}" for place in places])
    axes.set_xlim(-0.5, len(days) - 0.5)


# --- tiers --------------------------------------------------------------------------------------------------


def flow(
    moves: Mapping[tuple[str, str], int],
    order: Sequence[tuple[str, str]],
    ends: tuple[str, str],
    title: str,
    corner: str,
) -> bytes | None:
    """Who was where and is where: bands between two columns, as thick as their clients are many.

    ``moves``: (tier before, tier after) -> clients; ``order``: (tier, its name), the highest first. A thin line beside
    many stays visible: the number stands on each column, and those who moved are told in words at the right.
    """
    total = sum(moves.values())
    if font() is None or not total:
        return None
    with sheet(title, corner) as figure:
        axes = figure.add_axes((0.19, 0.08, 0.40, 0.72))
        gap = 0.03 * total
        left = _columns([sum(n for (a, _), n in moves.items() if a == tier) for tier, _ in order], gap)
        right = _columns([sum(n for (_, b), n in moves.items() if b == tier) for tier, _ in order], gap)
        _bands(axes, moves, [tier for tier, _ in order], left, right)
        for place, (_, name) in enumerate(order):
            for x, (bottom, size), side in ((0.0, left[place], "right"), (1.0, right[place], "left")):
                axes.text(
                    x + (-0.05 if side == "right" else 0.05), bottom + size / 2, f"{name}  {size:,.0f}",
                    ha=side, va="center",
                )  # fmt: skip
        for x, words in ((0.0, ends[0]), (1.0, ends[1])):
            axes.text(x, 1.01, words, transform=axes.get_xaxis_transform(), ha="center", color=QUIET)
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-gap, total + gap * len(order))
        axes.axis("off")
        names = dict(order)
        moved = sorted(((n, pair) for pair, n in moves.items() if pair[0] != pair[1]), reverse=True)
        for line, (count, (before, after)) in enumerate(moved[:8]):
            figure.text(0.765, 0.76 - 0.075 * line, f"{names[before]} → {names[after]}  {count:,}")
        return png(figure)


def _columns(sizes: Sequence[int], gap: float) -> list[tuple[float, float]]:
    """(bottom, height) of each block, the first on top."""
    found, bottom = [], 0.0
    for size in reversed(sizes):
        found.append((bottom, float(size)))
        bottom += size + gap
    return found[::-1]


def _bands(
    axes: Axes,
    moves: Mapping[tuple[str, str], int],
    order: Sequence[str],
    left: Sequence[tuple[float, float]],
    right: Sequence[tuple[float, float]],
) -> None:
    tops_left = [bottom + size for bottom, size in left]
    tops_right = [bottom + size for bottom, size in right]
    for a, before in enumerate(order):
        for b, after in enumerate(order):
            count = moves.get((before, after), 0)
            if not count:
                continue
            y, z = tops_left[a], tops_right[b]
            tops_left[a], tops_right[b] = y - count, z - count
            points = [
                (0.0, y), (0.5, y), (0.5, z), (1.0, z), (1.0, z - count), (0.5, z - count), (0.5, y - count),
                (0.0, y - count), (0.0, y),
            ]  # fmt: skip
            codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
            axes.add_patch(
                PathPatch(
                    Path(points, codes), facecolor=HUES[a % len(HUES)], alpha=0.3 if a == b else 0.75,
                    edgecolor=HUES[a % len(HUES)], linewidth=0.8,
                )
            )  # fmt: skip


# --- retention ----------------------------------------------------------------------------------------------


def retention(
    curves: Sequence[tuple[str, int, Sequence[float]]], title: str, label: Label, corner: str
) -> bytes | None:
    """The share that stays, by month since opening; each curve ends with its name and its last share.

    ``curves``: name, the month of the first share, the shares by month.
    """
    if font() is None or not any(len(shares) > 1 for *_, shares in curves):
        return None
    with sheet(title, corner) as figure:
        axes = figure.add_axes((0.10, 0.19, 0.56, 0.69))
        ends = []
        for place, (name, begins, shares) in enumerate(curves):
            hue, mark = HUES[place % len(HUES)], MARKS[place % len(MARKS)]
            axes.step(
                range(begins, begins + len(shares)), shares, where="post", color=hue, linewidth=3 if place == 0 else 1.8,
                marker=mark, markevery=6, markersize=7,
            )  # fmt: skip
            ends.append((shares[-1], begins + len(shares) - 1, f"{name}  {shares[-1]:.0%}", hue))
        _end_words(axes, ends)
        axes.set_ylim(0, 1.03)
        axes.set_xlim(left=min(begins for _, begins, _ in curves))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel(label("picture.months_since_opening"))
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        return png(figure)


def _end_words(axes: Axes, ends: Sequence[tuple[float, int, str, str]]) -> None:
    """Names beside the curves' ends, pushed apart where they would lie upon each other."""
    lowest = 2.0
    for share, month, words, hue in sorted(ends, reverse=True):
        place = min(share, lowest - 0.075)
        lowest = place
        axes.annotate(
            words, (month, share), xytext=(1.04, place), textcoords=axes.get_yaxis_transform(), va="center",
            color=INK, annotation_clip=False, arrowprops={"arrowstyle": "-", "color": hue, "linewidth": 1, "relpos": (0, 0.5)},
        )  # fmt: skip
