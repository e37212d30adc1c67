"""Markdown to Telegram's HTML and to plain text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.markup import escape, to_html, to_plain

ALLOWED = re.compile(r"</?(?:b|i|u|s|code|pre|a|blockquote)(?: href=\"[^\"<>]*\")?>")


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("# 标题\n\n正文", "<b>标题</b>\n正文"),
        ("- 一\n- 二", "• 一\n• 二"),
        ("3. 一\n4. 二", "3. 一\n4. 二"),
        ("a **b** *c* ~~d~~ `e<f`", "a <b>b</b> <i>c</i> <s>d</s> <code>e&lt;f</code>"),
        ("> 引用", "<blockquote>引用</blockquote>"),
        ("<b>raw</b> & more", "&lt;b&gt;raw&lt;/b&gt; &amp; more"),
        ("|a|b|\n|-|-|\n|1|2|", "a | b\n1 | 2"),
        ("[官网](https://example.com/?a=1&b=2)", '<a href="https://example.com/?a=1&amp;b=2">官网</a>'),
    ],
)
def test_markdown_becomes_telegram_s_tags(markdown: str, html: str) -> None:
    """Only the tags that Telegram takes; everything else is escaped."""
    assert to_html(markdown) == html


def test_plain_text_keeps_a_link_s_address() -> None:
    """A client without a link to press can still read where it leads."""
    assert to_plain(to_html("[官网](https://example.com)")) == "官网 (https://example.com)"


@given(st.text(max_size=200))
def test_no_text_brings_in_a_tag_of_its_own(text: str) -> None:
    """What is left after the allowed tags holds no angle bracket."""
    assert not re.search(r"[<>]", ALLOWED.sub("", to_html(text)))


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=100))
def test_escaping_and_reading_plain_is_the_identity(text: str) -> None:
    """A calculation's text comes through HTML unchanged."""
    assert to_plain(escape(text)) == text
