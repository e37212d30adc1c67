"""Text as Telegram reads it: the HTML subset, lengths in UTF-16 units, entities found by themselves."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from simulator.errors import ApiError, Json, bad

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
ENTITY_LIMIT = 100

_STYLES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "a": "text_link",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:(lt|gt|amp|quot);|#([0-9]{1,8});|#[xX]([0-9a-fA-F]{1,6});)")
_TAG_NAME = re.compile(r"[^\s>]*")
_ATTRIBUTE = re.compile(r"""\s*([^\s=>/]+)(?:\s*=\s*("[^"]*"|'[^']*'|[A-Za-z0-9.\-]+))?""")
_FOUND = re.compile(
    r"(?P<url>https?://[^\s<>\"，。；、）】》]+|(?<![\w@./])t\.me/[\w/?=&%-]+)"
    r"|(?P<email>(?<![\w.])[\w.+-]+@[\w-]+\.[A-Za-z]{2,}(?:\.[A-Za-z]{2,})*)"
    r"|(?P<mention>(?<![\w@])@[A-Za-z][A-Za-z0-9_]{3,31})"
    r"|(?P<bot_command>(?<![\w/@])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z][A-Za-z0-9_]{3,31})?(?![\w/]))"
    r"|(?P<phone_number>(?<![\w.,-])\+?\d{1,3}(?:[ -]?\d){9,12}(?![\w,.]*\d))"
    r"|(?P<hashtag>(?<![\w#])#[^\W\d]\w{0,63})"
)
_TRIGGERS = re.compile(r"[/@#]|\d{3}[ -]?\d{3}")


@dataclass(slots=True)
class _Open:
    """A start tag whose end tag has not come yet."""

    tag: str
    at: int
    entity: Json


def units(text: str) -> int:
    """Length in UTF-16 code units, as Telegram counts."""
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le")) // 2


def read_text(text: str, parse_mode: str | None, given: Iterable[Json] | None) -> tuple[str, list[Json]]:
    """Text and entities that a message will have; raises 400 for markup that Telegram cannot parse."""
    entities: list[Json]
    if not parse_mode:
        entities = [dict(entity) for entity in given or ()]
    elif parse_mode.lower() == "html":
        text, entities = parse_html(text)
    else:
        raise bad("unsupported parse_mode")
    text, entities = _trim(text, entities)
    entities = entities[:ENTITY_LIMIT]
    return text, sorted(entities + find_entities(text, entities), key=lambda e: (e["offset"], -e["length"]))


def find_entities(text: str, known: Iterable[Json] = ()) -> list[Json]:
    """Commands, links, mentions, numbers and tags that Telegram marks without being asked."""
    if not _TRIGGERS.search(text):
        return []
    taken = [(e["offset"], e["offset"] + e["length"]) for e in known if e["type"] in _LITERAL]
    found = []
    for match in _FOUND.finditer(text):
        start = units(text[: match.start()])
        length = units(match.group())
        if any(start < end and begin < start + length for begin, end in taken):
            continue
        found.append({"type": str(match.lastgroup), "offset": start, "length": length})
    return found


_LITERAL = {"code", "pre", "text_link", "text_mention", "url", "bot_command", "mention"}


def parse_html(source: str) -> tuple[str, list[Json]]:
    """Plain text and entities of Telegram's HTML; raises 400 "can't parse entities" with a byte offset."""
    if "<" not in source and "&" not in source:
        return source, []
    out: list[str] = []
    length = 0
    stack: list[_Open] = []
    entities: list[Json] = []
    at = 0
    while at < len(source):
        char = source[at]
        if char == "<":
            if source.startswith("</", at):
                at = _close(source, at, stack, entities, length, "".join(out))
            else:
                at = _start(source, at, stack, length)
            continue
        if char == "&":
            piece, at = _reference(source, at)
        else:
            stop = _next_special(source, at)
            piece, at = source[at:stop], stop
        out.append(piece)
        length += units(piece)
    if stack:
        raise _broken(f'Can\'t find end tag corresponding to start tag "{stack[-1].tag}"')
    entities.sort(key=lambda e: (e["offset"], -e["length"]))
    return "".join(out), entities


def _next_special(source: str, at: int) -> int:
    tag, reference = source.find("<", at), source.find("&", at)
    stops = [stop for stop in (tag, reference) if stop >= 0]
    return min(stops, default=len(source))


def _reference(source: str, at: int) -> tuple[str, int]:
    """The character behind a reference, or a plain ampersand where it is none that Telegram knows."""
    match = _REFERENCE.match(source, at)
    if match is None:
        return "&", at + 1
    named, decimal, hexadecimal = match.groups()
    if named:
        return _NAMED[named], match.end()
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if code == 0 or code > 0x10FFFF or 0xD800 <= code < 0xE000:
        return "&", at + 1
    return chr(code), match.end()


def _start(source: str, at: int, stack: list[_Open], length: int) -> int:
    name_match = _TAG_NAME.match(source, at + 1)
    name = name_match.group().lower() if name_match else ""
    cursor = at + 1 + len(name)
    if cursor >= len(source):
        raise _broken(f"Unclosed start tag at byte offset {_byte(source, at)}")
    if name not in _STYLES and name != "tg-emoji":
        raise _broken(f'Unsupported start tag "{name}" at byte offset {_byte(source, at)}')
    attributes, cursor = _attributes(source, cursor, name, at)
    if name == "span" and attributes.get("class") != "tg-spoiler":
        raise _broken(f'Tag "span" must have class "tg-spoiler" at byte offset {_byte(source, at)}')
    entity: Json = {"type": _STYLES.get(name, "custom_emoji"), "offset": length, "length": 0}
    if name == "a":
        entity["url"] = attributes.get("href", "")
    elif name == "blockquote" and "expandable" in attributes:
        entity["type"] = "expandable_blockquote"
    elif name == "code" and attributes.get("class", "").startswith("language-"):
        entity["language"] = attributes["class"].removeprefix("language-")
    elif name == "tg-emoji":
        entity["custom_emoji_id"] = attributes.get("emoji-id", "")
    stack.append(_Open(name, at, entity))
    return cursor


def _attributes(source: str, cursor: int, name: str, at: int) -> tuple[dict[str, str], int]:
    attributes: dict[str, str] = {}
    while True:
        while cursor < len(source) and source[cursor].isspace():
            cursor += 1
        if cursor >= len(source):
            raise _broken(f'Unclosed start tag "{name}" at byte offset {_byte(source, at)}')
        if source[cursor] == ">":
            return attributes, cursor + 1
        match = _ATTRIBUTE.match(source, cursor)
        if match is None:
            raise _broken(f'Empty attribute name in the tag "{name}" at byte offset {_byte(source, cursor)}')
        key, value = match.groups()
        if value is None and key.lower() != "expandable":
            raise _broken(
                f'Expected equal sign in declaration of an attribute of the tag "{name}" '
                f"at byte offset {_byte(source, cursor)}"
            )
        value = value or ""
        if value[:1] in ("'", '"'):
            value = value[1:-1]
        attributes[key.lower()] = _REFERENCE.sub(lambda m: _reference(m.group(), 0)[0], value)
        cursor = match.end()


def _close(source: str, at: int, stack: list[_Open], entities: list[Json], length: int, text: str) -> int:
    end = source.find(">", at)
    if end < 0:
        raise _broken(f"Unclosed end tag at byte offset {_byte(source, at)}")
    name = source[at + 2 : end].strip().lower()
    if not stack:
        raise _broken(f"Unexpected end tag at byte offset {_byte(source, at)}")
    opened = stack.pop()
    if name and name != opened.tag:
        raise _broken(
            f"Unmatched end tag at byte offset {_byte(source, at)}, "
            f'expected "</{opened.tag}>", found "</{name}>"'
        )
    entity = opened.entity
    entity["length"] = length - entity["offset"]
    if entity["length"] == 0:
        return end + 1
    if entity["type"] == "text_link" and not _link(entity, text):
        return end + 1
    if entity["type"] == "pre":
        _merge_language(entity, entities)
    entities.append(entity)
    return end + 1


def _link(entity: Json, text: str) -> bool:
    """Whether a link has an address that Telegram keeps; fills in the text where the tag names none."""
    url = str(entity["url"]) or text.encode("utf-16-le")[entity["offset"] * 2 :].decode("utf-16-le")
    if url.startswith("tg://user?id=") and url[13:].isdigit():
        entity["type"] = "text_mention"
        entity["user"] = {"id": int(entity.pop("url")[13:]), "is_bot": False, "first_name": ""}
        return True
    if "://" not in url and not url.startswith(("mailto:", "tel:")):
        url = f"http://{url}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "tg", "ton", "mailto", "tel"):
        return False
    if (
        parts.scheme in ("http", "https")
        and "." not in parts.netloc
        and not parts.netloc.startswith("localhost")
    ):
        return False
    entity["url"] = url
    return True


def _merge_language(pre: Json, entities: list[Json]) -> None:
    """`<pre><code class="language-x">` is one block with a language, not two entities."""
    for inner in entities:
        if inner["type"] == "code" and (inner["offset"], inner["length"]) == (pre["offset"], pre["length"]):
            if "language" in inner:
                pre["language"] = inner["language"]
            entities.remove(inner)
            return


def _trim(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Without white space at both ends, entities moved along."""
    stripped = text.strip()
    if len(stripped) == len(text):
        return text, entities
    lead = units(text[: len(text) - len(text.lstrip())])
    total = units(stripped)
    kept = []
    for entity in entities:
        start = max(entity["offset"] - lead, 0)
        end = min(entity["offset"] + entity["length"] - lead, total)
        if end > start:
            kept.append(entity | {"offset": start, "length": end - start})
    return stripped, kept


def _byte(source: str, at: int) -> int:
    return len(source[:at].encode())


def _broken(reason: str) -> ApiError:
    return bad(f"can't parse entities: {reason}")
