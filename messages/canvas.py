"""The sheet that every chart is drawn on: 1200 x 800, white, a title above, source and time in the corner.

A phone shows it a third as wide: the words are so large that they can be read there, and so they are few.

A chart needs a font with Chinese. Where the machine has none there is no chart, and the words carry everything.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import matplotlib
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Arial Unicode MS",
)
"""Names under which systems know a font with Chinese, the best first."""

INK, QUIET, LINE = "#1a1a1a", "#6b6b6b", "#d9d9d9"
HUES = ("#0072b2", "#e69f00", "#555555", "#cc79a7", "#009e73", "#56b4e9", "#d55e00", "#f0e442")
"""Okabe and Ito's colours: they stay apart for every kind of colour blindness. Marks differ as well."""
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")

_WIDTH, _HEIGHT, _DPI = 7.5, 5.0, 160


@cache
def font() -> str | None:
    """The first font of ``FONTS`` that this machine has."""
    known = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((name for name in FONTS if name in known), None)


@contextmanager
def sheet(title: str, corner: str) -> Iterator[Figure]:
    """A figure to draw on; only where ``font()`` is not None."""
    style = {
        "font.family": [font() or "sans-serif"],
        "axes.unicode_minus": False,
        "font.size": 13,
        "text.color": INK,
        "axes.edgecolor": QUIET,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(style):  # type: ignore[arg-type]  # its stub wants literal keys
        figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        figure.text(0.03, 0.94, title, fontsize=16, fontweight="bold", va="center")
        figure.text(0.965, 0.022, corner, fontsize=9.5, color=QUIET, ha="right", va="center")
        yield figure


def png(figure: Figure) -> bytes:
    """The sheet as a picture; equal sheets give equal bytes."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()
