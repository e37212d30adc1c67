"""A draft and what it would change, as values: what the comparing process is given, and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from domain.market import CompanyRates
from knowledge.library import ARTICLES, CACHE, KNOWLEDGE, Library
from knowledge.overlay import Sheet
from knowledge.questions import FOLDER

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the house's library is loaded, everything but the confirmed versions; ``golden`` is the golden set's folder."""

    folder: Path = ARTICLES
    facts: Mapping[str, Mapping[str, object]] | None = None
    tables: Path = KNOWLEDGE
    rates: CompanyRates | None = None
    major_amount: Decimal = Decimal(100_000)
    major_words: tuple[str, ...] = ()
    cache_dir: Path | None = CACHE
    golden: Path = FOLDER

    def load(
        self, sheets: Sequence[Sheet], *, today: Callable[[], date] | None, background: bool = False
    ) -> Library:
        """The library with the house's confirmed versions. Raises ``LibraryError``."""
        return Library.load(
            self.folder,
            facts=self.facts,
            tables=self.tables,
            rates=self.rates,
            today=today,
            major_amount=self.major_amount,
            major_words=self.major_words,
            cache_dir=self.cache_dir,
            background=background,
            overlay=sheets,
        )


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be computed: drafts (of one language or two) over the confirmed versions, on a day."""

    recipe: Recipe
    sheets: tuple[Sheet, ...]
    drafts: tuple[Sheet, ...]
    today: date
    overlap: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What would change, in JSON's types, at most ``SHOWN`` of each kind."""

    asked: int
    better: tuple[Mapping[str, str], ...]
    worse: tuple[Mapping[str, str], ...]
    moved: tuple[Mapping[str, str], ...]
    overlaps: tuple[Mapping[str, str], ...]
    conflicts: tuple[Mapping[str, str], ...]
    unsourced: tuple[Mapping[str, str], ...]
    notes: tuple[str, ...]
    counts: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in type(self).__slots__}

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """An effect as it was stored."""
        lists = {name: tuple(raw[name]) for name in cls.__slots__ if name not in ("asked", "counts")}
        return cls(asked=raw["asked"], counts=raw["counts"], **lists)
