"""What a message is before the library is searched: a wish for a person, a complaint, a request for advice, a
question about the asker's own account, small talk. The rules are data (``tables/rules.yaml``): classes of words, and
patterns made of them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.complaints import mentions
from domain.knowledge import Kind, Severity
from knowledge.slots import NUMBER, number

_SENTENCES = re.compile(
    r"[?？!！;；。\n]+|(?:[,，、\s]+(?=(?:另外|还有(?!多)|顺便|再问|第二)))|(?:,? (?:and|also),? (?=(?:how|what|where|when|who|can|do|is)\b))"
)
_LEAD = re.compile(
    r"^(?:另外|还有|顺便(?:问一?下)?|再问(?:一?下)?|第[一二三]|以及|[,，、\s]|and\b|also\b)+", re.IGNORECASE
)
_MOST_PARTS = 4
_NAMED = re.compile(r"<(\w+)>")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A kind that a rule recognised, with the rule's name; severity and category for a complaint, what it is about
    for an emergency (``other`` where no words tell).
    """

    kind: Kind
    reason: str
    severity: Severity | None = None
    category: int | None = None
    emergency: str | None = None


@dataclass(frozen=True, slots=True)
class _Signs:
    """What a text must say: one pattern of ``any``, or all parts of a line of ``together``, wherever they stand;
    and nothing of ``unless``.
    """

    any: re.Pattern[str] | None
    together: tuple[tuple[re.Pattern[str], ...], ...]
    unless: re.Pattern[str] | None

    def matches(self, text: str) -> bool:
        said = bool(self.any and self.any.search(text)) or any(
            all(part.search(text) for part in parts) for parts in self.together
        )
        return said and not self.speak_against(text)

    def speak_against(self, text: str) -> bool:
        return bool(self.unless and self.unless.search(text))


class _Words:
    """The classes of words of one language; ``<name>`` in a pattern, or in a later class, stands for any of them."""

    def __init__(self, classes: Mapping[str, Sequence[str]]) -> None:
        self._classes: dict[str, str] = {}
        for name, patterns in classes.items():
            self._classes[name] = self._one_of(patterns)

    def any(self, patterns: Iterable[str]) -> re.Pattern[str]:
        return re.compile(self._one_of(patterns), re.IGNORECASE)

    def signs(self, raw: Mapping[str, Any]) -> _Signs:
        return _Signs(
            any=self.any(raw["any"]) if raw.get("any") else None,
            together=tuple(tuple(self.any([part]) for part in parts) for parts in raw.get("together", ())),
            unless=self.any(raw["unless"]) if raw.get("unless") else None,
        )

    def _one_of(self, patterns: Iterable[str]) -> str:
        return "|".join(f"(?:{_NAMED.sub(self._class, pattern)})" for pattern in patterns)

    def _class(self, name: re.Match[str]) -> str:
        if name[1] not in self._classes:
            raise ValueError(f"tables/rules.yaml: no words are called <{name[1]}>")
        return f"(?:{self._classes[name[1]]})"


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: Kind
    reason: str
    signs: _Signs


class Rules:
    """The rules of one language. ``major_words`` are the house's (``config.yaml`` -> complaints): any of them makes
    a complaint major.
    """

    def __init__(self, section: Mapping[str, Any], major_words: Sequence[str] = ()) -> None:
        words = _Words(section.get("words", {}))
        self._major_words = tuple(major_words)
        self._rules = [_Rule(Kind(raw["kind"]), raw["reason"], words.signs(raw)) for raw in section["rules"]]
        self._account = words.signs(section["account"])
        self._against = {Kind(kind): words.any(said) for kind, said in section["not_by_example"].items()}
        severity = section["severity"]
        self._major = words.signs(severity["major"])
        self._loss = re.compile(
            rf"(?:{'|'.join(severity['loss_words'])}).{{0,16}}?({NUMBER})|({NUMBER}).{{0,10}}?(?:{'|'.join(severity['loss_words'])})",
            re.IGNORECASE,
        )
        self._emergencies = [(code, words.any(said)) for code, said in section["emergencies"].items()]
        self._categories = [(int(code), words.any(said)) for code, said in section["categories"].items()]

    def before_calculation(self, text: str, major_amount: Decimal) -> Verdict | None:
        """A wish for a person or a complaint: they go before any figure in the same message."""
        return self._first(text, (Kind.HANDOFF, Kind.COMPLAINT), major_amount)

    def after_calculation(self, text: str) -> Verdict | None:
        """Advice, own account, small talk."""
        found = self._first(text, (Kind.ADVICE,), Decimal(0))
        if found is None and self._account.matches(text):
            return Verdict(Kind.ACCOUNT, "account")
        return found or self._first(text, (Kind.OUT_OF_SCOPE,), Decimal(0))

    def speaks_against(self, kind: Kind, text: str) -> bool:
        """Whether the words speak against a kind that only its examples suggest: they ask how something is done,
        which is the same for everybody.
        """
        if kind is Kind.ACCOUNT:
            return self._account.speak_against(text)
        against = self._against.get(kind)
        return against is not None and bool(against.search(text))

    def complaint(self, text: str, major_amount: Decimal, reason: str = "complaint") -> Verdict:
        """Severity and category of a complaint."""
        claimed = self._claimed(text)
        said = self._major.matches(text) or mentions(text, self._major_words)
        major = said or (major_amount > 0 and claimed >= major_amount)
        category = next((code for code, words in self._categories if words.search(text)), 15)
        severity = Severity.MAJOR if major else Severity.GENERAL
        return Verdict(Kind.COMPLAINT, reason, severity, category)

    def _first(self, text: str, kinds: Sequence[Kind], major_amount: Decimal) -> Verdict | None:
        for rule in self._rules:
            if rule.kind in kinds and rule.signs.matches(text):
                if rule.kind is Kind.COMPLAINT:
                    return self.complaint(text, major_amount, rule.reason)
                return Verdict(rule.kind, rule.reason, emergency=self._emergency(rule, text))
        return None

    def _emergency(self, rule: _Rule, text: str) -> str | None:
        if rule.reason != "handoff.urgent":
            return None
        return next((code for code, said in self._emergencies if said.search(text)), "other")

    def _claimed(self, text: str) -> Decimal:
        """The largest amount that stands next to a word of loss, in CNY."""
        found = [number(m[1] or m[2]) for m in self._loss.finditer(text)]
        return max((amount for amount in found if amount is not None), default=Decimal(0))


def split_questions(text: str) -> list[str]:
    """The sentences of a message, at most four; one where it does not fall apart."""
    pieces = [_LEAD.sub("", piece).strip(" ,，、") for piece in _SENTENCES.split(text)]
    kept = [piece for piece in pieces if len(re.findall(r"[\u3400-\u9fffa-zA-Z0-9]", piece)) >= 4]
    return kept[:_MOST_PARTS] if len(kept) > 1 else [text]
