"""The golden questions: written apart from the library's phrasings, each with what a right answer to it is.

One JSON object a line: ``q``, ``kind``, and where it applies ``topic`` (an answer), ``calc`` (slots that must be
read as given), ``severity`` (a complaint), ``urgent`` (a person must see it at once), ``smalltalk`` (a greeting is no
gap in the library) and ``parts`` (several questions in one message: kind and topic of each).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from domain.knowledge import Finding, Kind, Severity
from knowledge.files import LibraryError, read_yaml

FOLDER = Path(__file__).parent / "golden"
FLOORS = FOLDER / "floors.yaml"

Half = Literal["dev", "test"]
_KEYS = {"q", "kind", "topic", "calc", "severity", "urgent", "smalltalk", "parts"}


@dataclass(frozen=True, slots=True)
class Meant:
    """What one question is: its kind, and its topic where the library answers it."""

    kind: Kind
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Golden:
    """A question with what a right answer to it is; ``where`` names its file and line."""

    q: str
    kind: Kind
    topic: str | None = None
    calc: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity | None = None
    urgent: bool = False
    smalltalk: bool = False
    parts: tuple[Meant, ...] = ()
    where: str = ""

    @property
    def group(self) -> str:
        """Under which name the question is counted: its kind, or what is special about it."""
        if self.parts:
            return "several"
        if self.urgent:
            return "emergency"
        return "smalltalk" if self.smalltalk else self.kind.value


def half(question: str) -> Half:
    """Which half of the golden set a question belongs to, for ever: tune on ``dev``, report ``test``."""
    return "dev" if hashlib.sha256(question.encode()).digest()[0] % 2 else "test"


def read(path: Path) -> tuple[Golden, ...]:
    """The questions of a file. Raises ``LibraryError`` with every line that cannot be used."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LibraryError([Finding(str(path), f"cannot be read: {error}")]) from None
    found: list[Golden] = []
    findings: list[Finding] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        try:
            golden = _golden(json.loads(line), where)
        except (ValueError, KeyError, TypeError) as error:
            findings.append(
                Finding(where, f"is no golden question: {_reason(error)}", "see knowledge/questions.py")
            )
            continue
        if golden.q in seen:
            findings.append(Finding(where, f"stands in line {seen[golden.q]} already", "keep one"))
        seen[golden.q] = number
        found.append(golden)
    if findings:
        raise LibraryError(findings)
    return tuple(found)


def shipped(lang: str) -> tuple[Golden, ...]:
    """The golden questions of a language that come with the program."""
    return read(FOLDER / f"{lang}.jsonl")


def floors() -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    """What the shipped sets reached: language -> ``at_least`` or ``at_most`` -> measure -> per cent."""
    findings: list[Finding] = []
    found = read_yaml(FLOORS, findings)
    if findings:
        raise LibraryError(findings)
    return found


def of_half(questions: Sequence[Golden], wanted: Half) -> tuple[Golden, ...]:
    return tuple(golden for golden in questions if half(golden.q) == wanted)


def _golden(raw: Mapping[str, Any], where: str) -> Golden:
    if unknown := sorted(set(raw) - _KEYS):
        raise ValueError(f"unknown field {unknown[0]}")
    kind, topic = Kind(raw["kind"]), raw.get("topic")
    if (kind is Kind.ANSWER) != (topic is not None):
        raise ValueError("an answer names its topic, nothing else does")
    severity = Severity(raw["severity"]) if "severity" in raw else None
    if (kind is Kind.COMPLAINT) != (severity is not None):
        raise ValueError("a complaint names its severity, nothing else does")
    return Golden(
        q=str(raw["q"]),
        kind=kind,
        topic=topic,
        calc=dict(raw.get("calc", {})),
        severity=severity,
        urgent=bool(raw.get("urgent", False)),
        smalltalk=bool(raw.get("smalltalk", False)),
        parts=tuple(Meant(Kind(part["kind"]), part.get("topic")) for part in raw.get("parts", ())),
        where=where,
    )


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
