"""How good the library is on questions whose right answer is known: arithmetic only, no file and no engine.

``judge`` one answer, ``report`` many, ``fallen`` against the floors that were reached before, ``flips`` between two
runs over the same questions. All shares are per cent.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.knowledge import Answer, Kind
from knowledge.questions import Golden

_BINS = 10


class Outcome(StrEnum):
    """What became of a question."""

    RIGHT = "right"
    CLARIFIED = "clarified"
    DECLINED = "declined"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Judged:
    """A golden question and what it got.

    ``wanted`` and ``got`` are the topic of an article, else the kind; ``given`` is the answer's kind. ``first`` and ``among_three``: whether the
    right topic led the candidates, whatever was answered. ``extras``: what else had to be right (slots, severity,
    urgent, smalltalk, parts), only those that apply.
    """

    golden: Golden
    outcome: Outcome
    wanted: str
    got: str
    given: Kind
    first: bool
    among_three: bool
    extras: Mapping[str, bool]
    confidence: float
    ms: float


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of outcomes over some questions; ``first`` and ``among_three`` count questions with a topic."""

    asked: int
    right: int
    clarified: int
    declined: int
    wrong: int
    first: int
    among_three: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions of like confidence: its mean, how many of the best candidates were right, how many there are."""

    confidence: float
    right: float
    asked: int


@dataclass(frozen=True, slots=True)
class Report:
    """A run over a set of questions; what each measure is stands at ``measures``."""

    asked: int
    measures: Mapping[str, float]
    by_group: Mapping[str, Tally]
    by_topic: Mapping[str, Tally]
    calibration: tuple[Bin, ...]
    confusions: tuple[tuple[str, str, int], ...]
    ms_p50: float
    ms_p99: float


def judge(golden: Golden, answer: Answer) -> Judged:
    """What an answer is worth."""
    topics = [candidate.topic for candidate in answer.candidates]
    wanted = golden.topic or golden.kind.value
    got = answer.topic if answer.kind is Kind.ANSWER and answer.topic else answer.kind.value
    return Judged(
        golden=golden,
        outcome=_outcome(golden.kind, wanted, answer.kind, got),
        wanted=wanted,
        got=got,
        given=answer.kind,
        first=topics[:1] == [golden.topic],
        among_three=golden.topic in topics[:3],
        extras=dict(_extras(golden, answer)),
        confidence=answer.confidence,
        ms=answer.ms,
    )


def _outcome(kind: Kind, wanted: str, given: Kind, got: str) -> Outcome:
    if wanted == got and kind is given:
        return Outcome.RIGHT
    if given is Kind.CLARIFY:
        return Outcome.CLARIFIED
    return Outcome.DECLINED if given is Kind.OUT_OF_SCOPE else Outcome.WRONG


def _extras(golden: Golden, answer: Answer) -> Iterable[tuple[str, bool]]:
    if golden.calc:
        shown = answer.calc.as_json() if answer.calc else {}
        yield "slots", all(shown.get(slot) == value for slot, value in golden.calc.items())
    if golden.severity is not None:
        yield "severity", answer.severity == golden.severity
    if golden.urgent:
        yield "urgent", answer.urgent
    if golden.smalltalk:
        yield "smalltalk", answer.reason == "smalltalk"
    if golden.parts:
        told = [(part.kind, part.topic) for part in answer.parts]
        yield "several", told == [(meant.kind, meant.topic) for meant in golden.parts]


def report(judged: Sequence[Judged]) -> Report:
    """Everything that is said of a run."""
    by_group: dict[str, list[Judged]] = defaultdict(list)
    by_topic: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        by_group[one.golden.group].append(one)
        if one.golden.topic:
            by_topic[one.golden.topic].append(one)
    took = sorted(one.ms for one in judged)
    return Report(
        asked=len(judged),
        measures=measures(judged),
        by_group={name: _tally(by_group[name]) for name in sorted(by_group)},
        by_topic={name: _tally(by_topic[name]) for name in sorted(by_topic)},
        calibration=_calibration(judged),
        confusions=_confusions(judged),
        ms_p50=_percentile(took, 50),
        ms_p99=_percentile(took, 99),
    )


def measures(judged: Iterable[Judged]) -> dict[str, float]:
    """Shares in per cent, each over the questions that it concerns.

    Of the questions with a topic: ``first`` and ``third`` (the topic leads the candidates, is among three), ``right``,
    ``clarified``, ``declined``, ``wrong`` (told something else with confidence, be it an article or a figure). Of the
    others: each kind recognised, ``invented`` (answered with an article), and the extras.
    """
    hits: Counter[str] = Counter()
    asked: Counter[str] = Counter()

    def count(name: str, hit: bool) -> None:
        asked[name] += 1
        hits[name] += hit

    for one in judged:
        for name, held in one.extras.items():
            count(name, held)
        if one.golden.topic is None:
            count(one.golden.kind.value, one.outcome is Outcome.RIGHT)
            count("invented", one.given is Kind.ANSWER)
            continue
        count("first", one.first)
        count("third", one.among_three)
        for outcome in Outcome:
            count(outcome.value, one.outcome is outcome)
    return {name: 100 * hits[name] / asked[name] for name in asked}


def _tally(judged: Sequence[Judged]) -> Tally:
    outcomes = Counter(one.outcome for one in judged)
    return Tally(
        asked=len(judged),
        right=outcomes[Outcome.RIGHT],
        clarified=outcomes[Outcome.CLARIFIED],
        declined=outcomes[Outcome.DECLINED],
        wrong=outcomes[Outcome.WRONG],
        first=sum(one.first for one in judged),
        among_three=sum(one.among_three for one in judged),
    )


def _calibration(judged: Iterable[Judged]) -> tuple[Bin, ...]:
    """Over questions for the library and questions that no article can answer, where no candidate is right."""
    bins: dict[int, list[Judged]] = defaultdict(list)
    for one in judged:
        if one.golden.kind in (Kind.ANSWER, Kind.OUT_OF_SCOPE):
            bins[min(int(one.confidence * _BINS), _BINS - 1)].append(one)
    return tuple(
        Bin(
            sum(one.confidence for one in members) / len(members),
            sum(one.first for one in members) / len(members),
            len(members),
        )
        for _, members in sorted(bins.items())
    )


def _confusions(judged: Iterable[Judged]) -> tuple[tuple[str, str, int], ...]:
    """(wanted, got, how often), the worst first."""
    missed = Counter((one.wanted, one.got) for one in judged if one.outcome is not Outcome.RIGHT)
    return tuple((wanted, got, times) for (wanted, got), times in missed.most_common())


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """Nearest rank of sorted figures; 0 where there are none."""
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)] if ordered else 0.0


def fallen(
    found: Mapping[str, float], floors: Mapping[str, Mapping[str, float]]
) -> list[tuple[str, float, float]]:
    """(measure, found, floor) of each that is under ``at_least`` or over ``at_most``; one not measured is no fall."""
    low = [(n, found[n], v) for n, v in floors.get("at_least", {}).items() if n in found and found[n] < v]
    high = [(n, found[n], v) for n, v in floors.get("at_most", {}).items() if n in found and found[n] > v]
    return low + high


def flips(before: Sequence[Judged], after: Sequence[Judged]) -> list[tuple[Judged, Judged]]:
    """The questions whose answer changed, as (before, after), in order; both runs over the same questions."""
    return [
        (old, new)
        for old, new in zip(before, after, strict=True)
        if (old.outcome, old.got, old.extras) != (new.outcome, new.got, new.extras)
    ]


def as_json(found: Report) -> dict[str, Any]:
    """The object that ``kb eval --json`` prints."""
    return {
        "asked": found.asked,
        "measures": {name: round(share, 2) for name, share in found.measures.items()},
        "by_kind": {name: _shown(tally) for name, tally in found.by_group.items()},
        "by_topic": {name: _shown(tally) for name, tally in found.by_topic.items()},
        "calibration": [
            {"confidence": round(b.confidence, 4), "right": round(b.right, 4), "asked": b.asked}
            for b in found.calibration
        ],
        "confusions": [{"wanted": w, "got": g, "times": t} for w, g, t in found.confusions],
        "ms_p50": round(found.ms_p50, 3),
        "ms_p99": round(found.ms_p99, 3),
    }


def _shown(tally: Tally) -> dict[str, int]:
    return {name: getattr(tally, name) for name in Tally.__slots__}
