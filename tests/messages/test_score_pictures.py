"""Pictures of the score: their size, their sameness, and what happens without a font."""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from messages import canvas, score_pictures
from messages.phrases import Phrases
from messages.score_pictures import Bar, Point


@pytest.fixture(params=["zh", "en"])
def label(request: pytest.FixtureRequest) -> score_pictures.Label:
    phrases = Phrases(lambda _lang: {})
    return lambda key: phrases.label(key, request.param)


@pytest.fixture
def fontless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(canvas, "FONTS", ("No Such Font",))
    canvas.font.cache_clear()
    yield
    canvas.font.cache_clear()


def size(picture: bytes | None) -> tuple[int, int]:
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def drawn(label: score_pictures.Label) -> dict[str, bytes | None]:
    """One of each, with a few extremes: a class of one, a part of nothing, a client far out."""
    rng = np.random.default_rng(3)
    points = [Point(float(x), float(y), "AB"[n % 2]) for n, (x, y) in enumerate(rng.normal(size=(200, 2)))]
    bars = [Bar("贡献力", "资金贡献率", "0.0010%", -9.0, -0.4), Bar("风险管理", "追保频率", "0.0%", 0.3, 0.0)]
    return {
        "classes": score_pictures.classes([*points, Point(40.0, 2.0, "C")], ("x", "y"), label, "corner"),
        "loadings": score_pictures.loadings(
            ["一", "二"], ["甲", "乙"], [(0.9, -0.001), (-0.6, 0.1)], label, "corner"
        ),
        "client": score_pictures.client(bars, "客户评分", label, "corner"),
    }


@pytest.mark.skipif(
    canvas.font() is None, reason="no font with Chinese on this machine: install fonts-noto-cjk"
)
def test_pictures_have_the_size_of_the_house(label: score_pictures.Label) -> None:
    assert {name: size(picture) for name, picture in drawn(label).items()} == dict.fromkeys(
        ("classes", "loadings", "client"), (1200, 800)
    )


@pytest.mark.skipif(
    canvas.font() is None, reason="no font with Chinese on this machine: install fonts-noto-cjk"
)
def test_the_same_figures_give_the_same_picture(label: score_pictures.Label) -> None:
    """To the byte: a picture can be checked against its run."""
    assert drawn(label) == drawn(label)


@pytest.mark.usefixtures("fontless")
def test_without_a_font_there_is_no_picture(label: score_pictures.Label) -> None:
    """The words carry everything then."""
    assert set(drawn(label).values()) == {None}


def test_nothing_to_see_is_no_picture(label: score_pictures.Label) -> None:
    assert score_pictures.classes([], ("x", "y"), label, "") is None
    assert score_pictures.loadings([], [], [], label, "") is None
    assert score_pictures.client([], "", label, "") is None


def test_every_group_of_the_indicators_has_its_words(label: score_pictures.Label) -> None:
    source = (Path(__file__).parents[2] / "scoring" / "indicators.py").read_text("utf-8")
    for group in ("contribution", "risk", "profit", "funds"):
        assert f'"{group}"' in source
        assert label(f"score.group.{group}")
