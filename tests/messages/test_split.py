"""Long texts become several messages that Telegram takes: short enough, balanced, nothing lost."""

import re
from html import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from messages.split import LIMIT, plain, split, units

_TAG = re.compile(r"<(/?)([a-z]+)[^>]*>")


def balanced(html: str) -> bool:
    depth: list[str] = []
    for closing, tag in _TAG.findall(html):
        if not closing:
            depth.append(tag)
        elif not depth or depth.pop() != tag:
            return False
    return not depth


def letters(html: str) -> str:
    """The visible text without blanks: cuts may eat those."""
    return "".join(plain(html).split())


words = st.text(st.characters(exclude_categories=("Cs",)), max_size=40).map(escape)
marked = st.builds(
    lambda tag, inner: f"<{tag}>{inner}</{tag.split()[0]}>",
    st.sampled_from(["b", "i", "code", "blockquote", 'a href="https://example.com/?a=1&amp;b=2"']),
    words,
)
texts = st.lists(words | marked | st.sampled_from(["\n", "\n\n", " ", "😀", "<b>", "</b>"]), max_size=60)


def well_formed(pieces: list[str]) -> str:
    """Pieces as a text whose lone tags are balanced."""
    text, opened = "", 0
    for piece in pieces:
        if piece == "<b>":
            opened += 1
        elif piece == "</b>":
            if not opened:
                continue
            opened -= 1
        text += piece
    return text + "</b>" * opened


@given(texts, st.integers(8, 60))
@example(["\n"] * 40, 8)
@example(["&amp;"] * 20, 8)
@example(["<b>", "\n\n", "x" * 30, "</b>"], 10)
def test_every_part_is_short_balanced_and_visible_and_nothing_is_lost(pieces: list[str], limit: int) -> None:
    """For any text of our making and any limit."""
    html = well_formed(pieces)
    parts = split(html, limit)
    for part in parts:
        assert units(part) <= limit
        assert balanced(part)
        assert plain(part).strip()
    assert "".join(letters(part) for part in parts) == letters(html)


def test_a_text_that_fits_is_one_message() -> None:
    """Untouched."""
    html = "<b>标题</b>\n\n正文 &lt;3 😀"
    assert split(html) == [html]


def test_units_are_those_of_telegram() -> None:
    """UTF-16 units of what is seen: an emoji is two, a tag none, an entity one."""
    assert units("中😀<b>a</b>&amp;") == 5


def test_a_cut_falls_between_paragraphs_then_lines_then_letters() -> None:
    """As late in that order as it can be helped."""
    assert split("aaaa\n\nbbbb\n\ncccc", 12) == ["aaaa\n\nbbbb", "cccc"]
    assert split("aaaa bbbb\ncccc dddd", 12) == ["aaaa bbbb", "cccc dddd"]
    assert split("abcdefghij", 4) == ["abcd", "efgh", "ij"]


def test_what_is_open_at_a_cut_is_closed_and_opened_again() -> None:
    """Each message stands by itself."""
    assert split("<b>aaaa\n\nbbbb</b>", 5) == ["<b>aaaa</b>", "<b>bbbb</b>"]


@pytest.mark.parametrize("html", ["", "\n", " \n\n ", "<b></b>", "<b> \n</b>"])
def test_nothing_to_see_is_no_message(html: str) -> None:
    """Telegram refuses an empty text."""
    assert split(html) == []


def test_the_longest_message_of_a_person_passes() -> None:
    """4,096 letters that each become an entity are still one message."""
    assert len(split(escape("<" * LIMIT))) == 1
    assert len(split("好" * (LIMIT + 1))) == 2
    assert len(split("😀" * (LIMIT // 2 + 1))) == 2
