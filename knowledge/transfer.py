"""Articles as rows of a table and back: one row a version, one column a key, the text in Markdown.

Words of a list stand in lines of their own; a next step is ``label | what it does``. Nothing is lost on the way there
and back, line breaks inside words included.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from knowledge.articles import KEYS
from knowledge.writing import put_together, take_apart

COLUMNS = ("lang", *KEYS, "text")
LONGEST_CELL = 32_767  # what a cell of a workbook holds
_LISTS = ("phrasings", "keywords", "not_for", "related")
_DATES = ("effective_from", "expires_on", "review_by")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def to_cells(lang: str, raw: str) -> tuple[str, ...]:
    """An article file as the cells of ``COLUMNS``."""
    head, body = take_apart(raw)
    return (lang, *(_cell(key, head.get(key)) for key in KEYS), body)


def from_cells(cells: Mapping[str, str]) -> tuple[str, str]:
    """(language, article file) of a row, by column; a column that is not there is an empty one."""
    head = {key: value for key in KEYS if (value := _value(key, cells.get(key, ""))) not in ("", [])}
    return cells.get("lang", "").strip(), put_together(head, cells.get("text", ""))


def _cell(key: str, value: Any) -> str:
    if value is None:
        return ""
    if key == "next":
        return "\n".join(_line(f"{step['label']} | {step['do']}") for step in value)
    if key in _LISTS:
        return "\n".join(_line(str(word)) for word in ([value] if isinstance(value, str) else value))
    return value.isoformat() if isinstance(value, date) else str(value)


def _value(key: str, cell: str) -> Any:
    if key == "next":
        steps = (_words(line).rpartition(" | ") for line in cell.split("\n") if line.strip())
        return [{"label": label.strip() or do, "do": do.strip()} for label, _, do in steps]
    if key in _LISTS:
        return [_words(line) for line in cell.split("\n") if line.strip()]
    if key in _DATES:
        return _day(cell.strip())
    return cell.strip()


def _day(cell: str) -> Any:
    """A date where it is one; else the words, which the article's own check refuses by name."""
    try:
        return date.fromisoformat(cell)
    except ValueError:
        return cell


def _line(words: str) -> str:
    return words.replace("\\", "\\\\").replace("\n", "\\n")


def _words(line: str) -> str:
    return _ESCAPED.sub(lambda m: "\n" if m[1] == "n" else m[1], line.strip("\r"))


def table_of(headings: Sequence[str]) -> tuple[dict[int, str], list[str]]:
    """(position -> column, what is wrong with the headings) of a table's first row."""
    places = {at: heading.strip() for at, heading in enumerate(headings) if heading.strip()}
    wrong = [f"column {name} is not known" for name in places.values() if name not in COLUMNS]
    wrong += [f"column {n} stands twice" for n in COLUMNS if list(places.values()).count(n) > 1]
    wrong += [
        f"column {n} is missing" for n in ("lang", "id", "topic", "title", "phrasings", "text")
        if n not in places.values()
    ]  # fmt: skip
    return places, wrong
