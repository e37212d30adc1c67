"""Writes docs/config.md from config.yaml (values, comments) and domain/policy.py (keys, kinds): python -m tools.config_docs"""

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from bot.settings import policy
from domain.policy import Fact, Policy, Section, Words

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "config.yaml"
PAGE = ROOT / "docs" / "config.md"
_LONGEST = 70

# Every variable that the program reads: (what it is for, what holds without it).
ENVIRONMENT = {
    "QIFU_BOT_TOKEN": ("the bot's token from @BotFather; never in `config.yaml`, never in a log", "none: `run` refuses"),
    "QIFU_API_URL": ("Telegram's Bot API, or your own server of it", "`https://api.telegram.org`"),
    "QIFU_DATABASE_URL": ("`sqlite:///path/file.db` or `postgresql://user@host/name`", "`sqlite:///data/qifu.db`"),
    "QIFU_CONFIG": ("the configuration file", "`config.yaml`"),
    "QIFU_PROXY": ("an HTTP proxy, `http://host:port`, on the way to Telegram; not used for a local server", "none"),
    "QIFU_BOT_USERNAME": ("the bot's name, for invitations made on the command line while Telegram is out of reach", "asked of Telegram"),
    "QIFU_WEB_PORT": ("port of health page, metrics and webhook; 0 takes any", "no web pages"),
    "QIFU_WEB_HOST": ("address that the port listens on", "`127.0.0.1`"),
    "QIFU_WEBHOOK_URL": ("public `https://` address that Telegram calls instead of being polled", "polling"),
    "QIFU_WEBHOOK_SECRET": ("what Telegram must say with each call: 1 to 256 letters, digits, `_` or `-`", "none: needed with a webhook"),
    "QIFU_MODEL_KEY": ("the key of the language model in `config.yaml` -> model, where one is used", "no key is sent"),
    "QIFU_CLOCK": ("a file or an address that tells the business time; for demonstrations and tests only", "the real clock"),
}  # fmt: skip

_HEAD = """\
# config.yaml, key by key

Written by `python -m tools.config_docs` from `config.yaml` and `domain/policy.py`; a test fails when it is not current.

- After a change: `python -m bot check`, then start `run` again. A key that nobody knows, a key given twice and a value
  of another kind are refused by their path.
- The meanings are the comments of the shipped file, as the brokerage's own staff reads them. Marks: S has a source,
  K is usual practice, D was decided here; K and D wait for compliance to confirm them.
- `*` stands for each entry of a list or of a table; shipped values are then given in order.
- Times are Beijing times. The shipped file describes a sample brokerage.
"""


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    takes: str
    shipped: str
    meaning: str

    def __str__(self) -> str:
        cells = (f"`{self.key}`", self.takes, self.shipped, self.meaning)
        return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def page() -> str:
    """The text of docs/config.md."""
    shipped = policy(SOURCE)
    comments = _comments(SOURCE.read_text("utf-8"))
    parts = [_HEAD, _environment()]
    for name, field in Policy.model_fields.items():
        parts.append(f"\n## {name}\n\n")
        if name in comments:
            parts.append(f"{comments[name]}\n\n")
        parts.append("| key | takes | shipped | meaning |\n|---|---|---|---|\n")
        rows = _rows(name, field.annotation, field, [getattr(shipped, name)], comments)
        parts.extend(f"{row}\n" for row in rows)
    return "".join(parts)


def _environment() -> str:
    lines = [
        "\n## Environment\n",
        "\nRead from the process, else from `.env` in the working directory; the process wins.\n",
        "\n| variable | what it is for | without it |\n|---|---|---|\n",
    ]
    return "".join(
        [*lines, *(f"| `{name}` | {use} | {none} |\n" for name, (use, none) in ENVIRONMENT.items())]
    )


# --- rows -------------------------------------------------------------------------------------------------


def _rows(
    path: str, kind: Any, field: FieldInfo | None, values: Sequence[Any], comments: Mapping[str, str]
) -> Iterator[Row]:
    """The rows of one key; ``values`` are what the shipped file says there, one for each entry of a ``*``."""
    kind = _bare(kind)
    inner = get_args(kind)
    if _is_section(kind):
        if "." in path and path in comments:
            yield Row(path, "section", "", comments[path])
        for name, child in kind.model_fields.items():
            told = [getattr(value, name) for value in values if value is not None]
            yield from _rows(f"{path}.{name}", child.annotation, child, told, comments)
    elif get_origin(kind) is dict and _is_section(inner[1]):
        tables = [value for value in values if value]
        if inner[1] is Fact:
            for name, fact in (item for table in tables for item in table.items()):
                yield Row(
                    f"{path}.{name}", "text, or zh and en", _short(fact.value), f"{fact.note} ({fact.mark})"
                )
            return
        entries = [entry for table in tables for entry in table.values()]
        if "." in path:
            names = ", ".join(name for table in tables for name in table)
            yield Row(path, "table by name", names, comments.get(path, ""))
        yield from _rows(f"{path}.*", inner[1], None, entries, comments)
    elif get_origin(kind) is list and _is_section(inner[0]):
        entries = [entry for value in values for entry in value]
        yield Row(path, "list", f"{len(entries)} entries", comments.get(path, ""))
        yield from _rows(f"{path}.*", inner[0], None, entries, comments)
    else:
        yield Row(path, _takes(kind, field), _shipped(values), comments.get(path, ""))


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section) and kind is not Words


def _bare(kind: Any) -> Any:
    """The kind without ``Annotated``."""
    return get_args(kind)[0] if hasattr(kind, "__metadata__") else kind


def _takes(kind: Any, field: FieldInfo | None) -> str:
    words = _words_for(kind) + _bounds(field.metadata if field else ())
    return words if field is None or field.is_required() else f"{words}; may be left out"


def _bounds(metadata: Sequence[Any]) -> str:
    limits = {name: getattr(m, name) for m in metadata for name in ("gt", "ge", "le") if hasattr(m, name)}
    if not limits:
        return ""
    if limits == {"gt": 0}:
        return " above 0"
    lowest = limits["ge"] if "ge" in limits else limits["gt"] + 1
    return f", {lowest} to {limits['le']}"


_WORDS = {
    str: "text",
    int: "whole number",
    bool: "true or false",
    Decimal: "number",
    time: "time of day",
    Words: "zh and en",
    type(None): "null",
}


def _words_for(kind: Any) -> str:
    if hasattr(kind, "__metadata__"):
        return _words_for(_bare(kind)) + _bounds([m for info in kind.__metadata__ for m in info.metadata])
    origin, inner = get_origin(kind), get_args(kind)
    if kind in _WORDS:
        return _WORDS[kind]
    if origin is Literal:
        return " / ".join(f"`{choice}`" for choice in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_words_for(choice) for choice in inner)
    if origin is list:
        return f"list of {_words_for(inner[0])}"
    if origin is dict:
        names = "" if inner[0] is str else f" ({_words_for(inner[0])})"
        return f"table, name{names}: {_words_for(inner[1])}"
    raise ValueError(f"no words for {kind}")


def _shipped(values: Sequence[Any]) -> str:
    if len(values) < 2:
        return _short(values[0]) if values else ""
    shown = [value.zh if isinstance(value, Words) else _short(value) for value in values]
    joined = shown[0] if len(set(shown)) == 1 else " · ".join(shown)
    # A column of many or of long values is read in the file itself.
    return joined if len(joined) <= _LONGEST and not isinstance(values[0], list) else ""


def _short(value: Any) -> str:
    if isinstance(value, Words):
        return _cut(f"{value.zh} · {value.en}")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, dict):
        return f"{len(value)} entries" if len(value) > 4 else _cut(", ".join(map(str, value)) or "none")
    if isinstance(value, list):
        return _cut(", ".join(_short(item) for item in value)) or "none"
    return "null" if value is None else _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


# --- comments ---------------------------------------------------------------------------------------------


def _comments(text: str) -> dict[str, str]:
    """Path -> the comment behind its key; a path is given with the names of its entries and with ``*`` for them."""
    lines = text.splitlines()
    found: dict[str, str] = {}

    def walk(node: yaml.Node, paths: Sequence[str]) -> None:
        if isinstance(node, yaml.SequenceNode):
            for entry in node.value:
                walk(entry, [f"{path}*." for path in paths])
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                line = lines[key.start_mark.line]
                if line.lstrip("- ").startswith(
                    str(key.value)
                ):  # the comment behind a line is its first key's
                    for path in paths:
                        found.setdefault(f"{path}{key.value}", _behind(line))
                walk(value, [f"{path}{name}." for path in paths for name in (key.value, "*")])

    tree = yaml.compose(text, Loader=yaml.SafeLoader)
    assert tree is not None
    walk(tree, [""])
    return {path: comment for path, comment in found.items() if comment}


def _behind(line: str) -> str:
    """What stands behind ``#``, outside of quotes."""
    bare = re.sub(r'"[^"]*"', lambda quoted: "q" * len(quoted[0]), line)
    _, mark, _ = bare.partition(" #")
    return line[bare.index(" #") + 2 :].strip() if mark else ""


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
