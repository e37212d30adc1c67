"""What no text may carry past unseen, whoever writes it: promised returns, advice to trade, private payment, personal data.

The rules, their reasons and their examples are data (``tables/guard_rails.yaml``).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from knowledge.articles import SAFE_LOADER

TABLE = Path(__file__).parent / "tables" / "guard_rails.yaml"
_CLAUSES = re.compile(r"[。！？!?；;\n]+|\.(?=\s|$)")
# 加 微.信 is 加微信: what is put between Chinese characters to hide a word.
_HIDDEN = re.compile(
    r"(?<=[\u4e00-\u9fff])[\s.·•_*|/\\\-\u200b-\u200f\ufeff]+(?=[\u4e00-\u9fff])|[\u200b-\u200f\ufeff]"
)


@dataclass(frozen=True, slots=True)
class Rail:
    """One category. ``why`` and ``instead`` are told to whoever wrote; ``complaint`` is the category of a complaint."""

    code: str
    name: Mapping[str, str]
    why: Mapping[str, str]
    instead: Mapping[str, str]
    staff: Literal["refuse", "hold"] | None
    client: Literal["route", "hint"] | None
    complaint: str | None
    words: re.Pattern[str]
    unless: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A text met a rail: with these words."""

    rail: Rail
    words: str


class GuardRails:
    """Finds the first category that a text belongs to, in the order of the table."""

    def __init__(self, rails: Iterable[Rail], denials: re.Pattern[str], warnings: re.Pattern[str]) -> None:
        self.rails = tuple(rails)
        self._denials, self._warnings = denials, warnings

    @classmethod
    def read(cls, path: Path = TABLE) -> "GuardRails":
        """The shipped table."""
        raw = yaml.load(path.read_text("utf-8"), Loader=SAFE_LOADER)  # noqa: S506 - a safe loader, in C
        return cls(map(_rail, raw["rails"]), _any(raw["denials"]), _any(raw["warnings"]))

    def alone(self, code: str) -> "GuardRails":
        """Only one of the categories."""
        return GuardRails((r for r in self.rails if r.code == code), self._denials, self._warnings)

    def named(self, code: str) -> Rail:
        """The category of a code; KeyError where the table no longer has it."""
        return {rail.code: rail for rail in self.rails}[code]

    def of_staff(self, text: str) -> Hit | None:
        """Why a text of staff, or of the bot, must not go out as it is."""
        return self._first(text, (rail for rail in self.rails if rail.staff is not None))

    def of_client(self, text: str) -> Hit | None:
        """What a client's text tells or shows that somebody has to look at."""
        return self._first(text, (rail for rail in self.rails if rail.client is not None))

    def _first(self, text: str, rails: Iterable[Rail]) -> Hit | None:
        clauses = [_plain(clause) for clause in _CLAUSES.split(text) if clause.strip()]
        for rail in rails:
            for clause in clauses:
                words = self._met(rail, clause)
                if words is not None:
                    return Hit(rail, words)
        return None

    def _met(self, rail: Rail, clause: str) -> str | None:
        for match in rail.words.finditer(clause):
            if self._denials.search(clause[: match.start()]):
                continue
            if self._warnings.search(clause) or (rail.unless and rail.unless.search(clause)):
                return None
            return match[0]
        return None


@cache
def shipped() -> GuardRails:
    """The shipped table, read at the first text that has to be looked at."""
    return GuardRails.read()


def _plain(clause: str) -> str:
    return _HIDDEN.sub("", unicodedata.normalize("NFKC", clause)).lower().replace("’", "'").strip()


def _rail(raw: Mapping[str, Any]) -> Rail:
    return Rail(
        code=raw["code"],
        name=raw["name"],
        why=raw["why"],
        instead=raw["instead"],
        staff=raw["staff"],
        client=raw["client"],
        complaint=raw.get("complaint"),
        words=_any(raw["words"]),
        unless=_any(raw["unless"]) if "unless" in raw else None,
    )


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
