"""Cuts Telegram's HTML into messages of at most 4,096 units, never inside a tag or a line where it can be helped."""

import re
from html import unescape

LIMIT = 4096
_TAG = re.compile(r"<(/?)([a-z-]+)[^>]*>")


def plain(html: str) -> str:
    """The visible text alone."""
    return unescape(_TAG.sub("", html))


def units(html: str) -> int:
    """UTF-16 units of the visible text: what Telegram counts after parsing entities."""
    return len(plain(html).encode("utf-16-le")) // 2


def split(html: str, limit: int = LIMIT) -> list[str]:
    """The parts of a text, cut between paragraphs, else between lines, else between characters outside tags.

    A part without anything to see is left out: Telegram refuses it.
    """
    parts: list[str] = []
    current = ""
    for piece in _pieces(html, limit):
        if current and units(current + piece) > limit:
            parts.append(current.strip("\n"))
            current = piece.lstrip("\n")
        else:
            current += piece
    if current.strip():
        parts.append(current.strip("\n"))
    return [part for part in _balanced(parts) if plain(part).strip()]


def _pieces(html: str, limit: int) -> list[str]:
    pieces: list[str] = []
    for paragraph in re.split(r"(?<=\n\n)", html):
        if units(paragraph) <= limit:
            pieces.append(paragraph)
            continue
        for line in re.split(r"(?<=\n)", paragraph):
            pieces.extend([line] if units(line) <= limit else _characters(line, limit))
    return pieces


def _characters(line: str, limit: int) -> list[str]:
    tokens = re.findall(r"<[^>]+>|&[a-z0-9#]+;|[^<&]|[<&]", line)
    pieces, current, size = [], "", 0
    for token in tokens:
        weight = 0 if _TAG.fullmatch(token) else units(token)
        if size + weight > limit:
            pieces.append(current)
            current, size = "", 0
        current += token
        size += weight
    return [*pieces, current]


def _balanced(parts: list[str]) -> list[str]:
    """Closes at each cut what is open, and opens it again in the next part."""
    balanced, opened = [], ""
    for part in parts:
        whole = opened + part
        stack: list[tuple[str, str]] = []
        for match in _TAG.finditer(whole):
            if match[1]:
                if stack and stack[-1][0] == match[2]:
                    stack.pop()
            else:
                stack.append((match[2], match[0]))
        balanced.append(whole + "".join(f"</{name}>" for name, _ in reversed(stack)))
        opened = "".join(tag for _, tag in stack)
    return balanced
