"""Article files taken apart and put together: the same keys and the same text, however often it is done."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import yaml

from knowledge.articles import KEYS, front_matter, split

_LONGEST_LINE = 10_000  # a phrasing stays on its line


class _Dumper(yaml.SafeDumper):
    """Lists of words in lines of their own, nothing for null but ``null``."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def take_apart(raw: str) -> tuple[dict[str, Any], str]:
    """Front matter and body of an article file. Raises ``FaultError`` where it has no front matter."""
    front, body, _ = split(raw.removeprefix("\ufeff"))
    return front_matter(front), body.strip("\n")


def put_together(head: Mapping[str, Any], body: str) -> str:
    """The file of an article, its keys in the house's order."""
    ordered = {key: head[key] for key in KEYS if key in head}
    front = yaml.dump(
        ordered,
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        width=_LONGEST_LINE,
        default_flow_style=False,
    )
    return f"---\n{front}---\n\n{body.strip(chr(10))}\n"


def same(one: str, other: str) -> bool:
    """Whether two article files say the same: equal keys and values, equal text; layout does not count."""
    return _told(one) == _told(other)


def _told(raw: str) -> tuple[dict[str, Any], str]:
    head, body = take_apart(raw)
    shown = {key: _plain(value) for key, value in head.items()}
    return {key: value for key, value in shown.items() if value not in ("", [])}, body.strip()


def _plain(value: Any) -> Any:
    """A value as words: a year in a list of words is a word too."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value).strip()
