"""Markdown of articles to Telegram's HTML (b, i, u, s, code, pre, a, blockquote) and to plain text."""

import html
import re
from collections.abc import Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

_TAGS = {"strong": "b", "em": "i", "s": "s"}
_LINK = re.compile(r'<a href="([^"]*)">(.*?)</a>', re.DOTALL)
_TAG = re.compile(r"</?(?:b|i|u|s|code|pre|a|blockquote)(?: [^>]*)?>")
_BLANK_LINES = re.compile(r"\n{3,}")


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])


def to_html(markdown: str) -> str:
    """Telegram's HTML: headings are bold lines, list items start with a bullet or their number."""
    return _BLANK_LINES.sub("\n\n", _blocks(_parser().parse(markdown))).strip()


def to_plain(telegram_html: str) -> str:
    """The same text without tags; a link's address follows its words in brackets."""

    def link(match: re.Match[str]) -> str:
        address, words = match.groups()
        return words if address in (words, f"mailto:{words}", f"tel:{words}") else f"{words} ({address})"

    return html.unescape(_TAG.sub("", _LINK.sub(link, telegram_html)))


def escape(text: str) -> str:
    """Plain text as Telegram's HTML."""
    return html.escape(text, quote=False)


def _blocks(tokens: Sequence[Token]) -> str:
    out: list[str] = []
    lists: list[int | None] = []
    for at, token in enumerate(tokens):
        match token.type:
            case "inline":
                out.append(_inline(token.children or ()))
            case "heading_open":
                out.append("<b>")
            case "heading_close":
                out.append("</b>\n")
            case "paragraph_close":
                out.append("\n" if token.hidden or lists else "\n\n")
            case "bullet_list_open" | "ordered_list_open":
                if out and not out[-1].endswith("\n"):
                    out.append("\n")
                start = token.attrGet("start")
                lists.append(None if token.type.startswith("bullet") else int(start or 1))
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
                out.append("" if lists else "\n")
            case "list_item_open":
                out.append(_marker(lists))
            case "blockquote_open":
                out.append("<blockquote>")
            case "blockquote_close":
                out.append(out.pop().rstrip("\n") if out else "")
                out.append("</blockquote>\n")
            case "fence" | "code_block":
                out.append(f"<pre>{escape(token.content.rstrip())}</pre>\n")
            case "hr":
                out.append("\n")
            case "th_close" | "td_close":
                last_cell = tokens[at + 1].type == "tr_close"
                out.append("\n" if last_cell else " | ")
            case _:
                pass
    return "".join(out)


def _marker(lists: list[int | None]) -> str:
    indent = "  " * (len(lists) - 1)
    number = lists[-1]
    if number is None:
        return f"{indent}• "
    lists[-1] = number + 1
    return f"{indent}{number}. "


def _inline(children: Sequence[Token]) -> str:
    out: list[str] = []
    for token in children:
        name, _, end = token.type.rpartition("_")
        if name in _TAGS:
            out.append(f"<{'/' if end == 'close' else ''}{_TAGS[name]}>")
        elif token.type == "link_open":
            out.append(f'<a href="{html.escape(str(token.attrGet("href") or ""))}">')
        elif token.type == "link_close":
            out.append("</a>")
        elif token.type == "code_inline":
            out.append(f"<code>{escape(token.content)}</code>")
        elif token.type in ("softbreak", "hardbreak"):
            out.append("\n")
        else:
            out.append(escape(token.content))
    return "".join(out)
