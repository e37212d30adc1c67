"""The shipped library's files: articles, tables, rules, sentences; and what was wrong with them."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from domain.calendar import TradingCalendar, read_days
from domain.knowledge import Finding
from domain.market import CompanyRates
from knowledge.articles import LANGUAGES, SAFE_LOADER, Shelf, read_shelf
from knowledge.calculation import Calculator
from knowledge.contracts import TABLE, ContractTable
from knowledge.conversation import FollowUps
from knowledge.last_days import TABLE as LAST_DAYS
from knowledge.last_days import LastDays
from knowledge.overlay import Sheet, lay_over
from knowledge.slots import Names, SlotReader
from knowledge.timetable import CALENDAR, Timetable, TimetableReader
from knowledge.understanding import Rules

if TYPE_CHECKING:
    from knowledge.index import Corpus

# The search reads the beginning of an article's text: the short answer stands there.
_INDEXED_TEXT = 300


class LibraryError(Exception):
    """The library's files cannot be used; the text names each file and what to do."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the shipped library has beside articles: tables, rules, sentences."""

    table: ContractTable
    calculator: Calculator
    readers: Mapping[str, SlotReader]
    rules: Mapping[str, Rules]
    follow_ups: Mapping[str, FollowUps]
    timetables: Mapping[str, Timetable]
    timetable_readers: Mapping[str, TimetableReader]
    texts: Mapping[str, Mapping[str, Any]]
    major_amount: Decimal
    hours: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Files:
    """Everything of the shipped library that was read from disk, and what was wrong with it."""

    shelf: Shelf
    topics: Mapping[str, str]
    table: ContractTable
    last_days: LastDays | None
    yaml: Mapping[str, Any]
    findings: tuple[Finding, ...]

    @classmethod
    def read(
        cls,
        folder: Path,
        tables: Path,
        facts: Mapping[str, Mapping[str, object]] | None,
        overlay: Sequence[Sheet] = (),
    ) -> "Files":
        findings: list[Finding] = []
        loaded = {
            name: read_yaml(tables / where, findings)
            for name, where in (
                ("topics", "topics.yaml"),
                ("synonyms", "synonyms.yaml"),
                ("nicknames", "tables/nicknames.yaml"),
                ("rules", "tables/rules.yaml"),
                ("kinds", "tables/kinds.yaml"),
                ("texts", "tables/texts.yaml"),
                ("follow_ups", "tables/follow_ups.yaml"),
                ("timetable", "tables/timetable.yaml"),
                ("traditional", "tables/traditional.yaml"),
            )
        }
        topics = cast(Mapping[str, str], loaded["topics"])
        shelf = lay_over(read_shelf(folder, topics, facts), overlay, topics, facts)
        findings.extend(shelf.findings)
        if not shelf.articles and not shelf.findings:
            findings.append(Finding(str(folder), "has no articles", "put them into zh/ and en/"))
        table, wrong = ContractTable.read(tables / TABLE, loaded["nicknames"].get("traded", {}))
        findings.extend(wrong)
        nicknames = loaded["nicknames"].get("products", {})
        for product in nicknames:
            if product not in table.products:
                where = f"tables/nicknames.yaml: {product}"
                findings.append(Finding(where, "is no product of contracts.csv", "correct the code"))
        last_days = _last_days(tables / "tables", findings)
        return cls(shelf, topics, table, last_days, loaded, tuple(findings))

    def desk(
        self,
        rates: CompanyRates,
        facts: Mapping[str, Mapping[str, object]],
        major_amount: Decimal,
        major_words: Sequence[str] = (),
    ) -> Desk:
        names = self._names()
        rules = self.yaml["rules"]
        readers = {lang: SlotReader(names, rules[lang]["calc"]) for lang in LANGUAGES}
        hours: dict[str, str] = {}
        for lang in LANGUAGES:
            company = facts.get(lang, {}).get("company")
            if isinstance(company, Mapping) and company.get("service_hours"):
                hours[lang] = str(company["service_hours"])
        return Desk(
            table=self.table,
            calculator=Calculator(
                self.table, rates, {lang: self.yaml["texts"][lang]["calc"] for lang in LANGUAGES}
            ),
            readers=readers,
            rules={lang: Rules(rules[lang], major_words) for lang in LANGUAGES},
            follow_ups={
                lang: FollowUps(self.yaml["follow_ups"], lang, reader) for lang, reader in readers.items()
            },
            timetables={lang: self._timetable(lang) for lang in LANGUAGES},
            timetable_readers={lang: TimetableReader(self.yaml["timetable"], lang) for lang in LANGUAGES},
            texts=self.yaml["texts"],
            major_amount=major_amount,
            hours=hours,
        )

    def corpora(self, day: date | None) -> list["Corpus"]:
        pairs = self.yaml["traditional"]
        traditional = dict(zip(pairs["traditional"], pairs["simplified"], strict=True))
        return corpora_of(
            self.shelf, day, self.yaml["synonyms"], self.yaml["kinds"], self._names().words, traditional
        )

    def _timetable(self, lang: str) -> Timetable:
        assert self.last_days is not None
        texts = self.yaml["texts"][lang]["timetable"]
        return Timetable(self.table, self.last_days, texts, lang)

    def _names(self) -> Names:
        spoken = self.yaml["nicknames"]
        names: dict[str, list[str]] = {}
        for product in self.table.products:
            zh, en = self.table.names(product)
            legal = re.sub(r"\(.*?\)", "", self.table.legal_name(product))
            names[product] = [legal, zh, en, *map(str, spoken["products"].get(product, ()))]
        return Names(self.table.products, names, spoken["groups"], map(str, spoken["not_products"]))


def _last_days(folder: Path, findings: list[Finding]) -> LastDays | None:
    """The last trading days over the calendar; None, with a finding, where the calendar cannot be used."""
    try:
        with (folder / CALENDAR).open(encoding="utf-8", newline="") as lines:
            calendar = TradingCalendar(read_days(csv.DictReader(lines)))
    except (OSError, ValueError) as reason:
        findings.append(Finding(CALENDAR, str(reason), f"it belongs to {folder}"))
        return None
    last_days, wrong = LastDays.read(folder / LAST_DAYS, calendar)
    findings.extend(wrong)
    return last_days


def read_yaml(path: Path, findings: list[Finding]) -> dict[str, Any]:
    try:
        loaded = yaml.load(path.read_text("utf-8"), Loader=SAFE_LOADER)  # noqa: S506 - a safe loader, in C
    except OSError:
        findings.append(Finding(path.name, "cannot be read", f"it belongs to {path.parent}"))
        return {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        findings.append(Finding(f"{path.name}{line}", f"is not YAML: {getattr(error, 'problem', '')}"))
        return {}
    return loaded if isinstance(loaded, dict) else {}


def corpora_of(
    shelf: Shelf,
    day: date | None,
    synonyms: Mapping[str, Any],
    kinds: Mapping[str, Any],
    terms: Sequence[str],
    traditional: Mapping[str, str],
) -> list["Corpus"]:
    """One corpus a language that has articles: under each id the phrasings by which it is found on a day."""
    from knowledge.index import Corpus, Group

    corpora = []
    for lang in LANGUAGES:
        groups: dict[str, Group] = {}
        for (of, name), versions in shelf.wordings(day).items():
            if of != lang:
                continue
            newest = versions[-1]
            groups[name] = Group(
                key=name,
                topic=newest.topic,
                title=newest.title,
                phrasings=tuple(dict.fromkeys(p for v in versions for p in v.phrasings)),
                keywords=newest.keywords,
                not_for=newest.not_for,
                text=newest.text[:_INDEXED_TEXT],
            )
        if not groups:
            continue
        examples = tuple(
            Group(f"kind:{kind}", f"kind:{kind}", kind, tuple(map(str, lines)))
            for kind, lines in (kinds.get(lang) or {}).items()
        )
        corpora.append(Corpus(lang, (*groups.values(), *examples), synonyms[lang], tuple(terms), traditional))
    return corpora
