"""The file of golden questions: read whole or refused by line, and split for ever."""

import json
from pathlib import Path

import pytest

from domain.knowledge import Kind, Severity
from knowledge import questions
from knowledge.files import LibraryError


def written(folder: Path, *lines: dict[str, object] | str) -> Path:
    path = folder / "asked.jsonl"
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines), "utf-8")
    return path


def test_a_line_says_what_a_right_answer_is(tmp_path: Path) -> None:
    """Every field of the format, and the line it stands in."""
    path = written(
        tmp_path,
        {"q": "a", "kind": "answer", "topic": "fee.standard"},
        "",
        {"q": "b", "kind": "complaint", "severity": "major"},
        {"q": "c", "kind": "handoff", "urgent": True},
        {"q": "d", "kind": "calc", "calc": {"lots": 1}, "parts": [{"kind": "calc"}, {"kind": "account"}]},
        {"q": "e", "kind": "out_of_scope", "smalltalk": True},
    )
    answer, complaint, emergency, several, greeting = questions.read(path)
    assert (answer.kind, answer.topic, answer.group) == (Kind.ANSWER, "fee.standard", "answer")
    assert (complaint.severity, complaint.where) == (Severity.MAJOR, "asked.jsonl:3")
    assert [one.group for one in (emergency, several, greeting)] == ["emergency", "several", "smalltalk"]
    assert [part.kind for part in several.parts] == [Kind.CALC, Kind.ACCOUNT]


def test_every_line_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Nobody mends a file one error at a time."""
    path = written(
        tmp_path,
        "{",
        "3",
        {"kind": "account"},
        {"q": "a", "kind": "guess"},
        {"q": "b", "kind": "answer"},
        {"q": "c", "kind": "complaint"},
        {"q": "d", "kind": "account", "colour": "red"},
        {"q": "e", "kind": "account"},
        {"q": "e", "kind": "account"},
    )
    with pytest.raises(LibraryError) as refused:
        questions.read(path)
    assert [finding.where for finding in refused.value.findings] == [
        f"asked.jsonl:{number}" for number in (1, 2, 3, 4, 5, 6, 7, 9)
    ]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """One sentence with its name."""
    with pytest.raises(LibraryError, match=r"nowhere\.jsonl: cannot be read"):
        questions.read(tmp_path / "nowhere.jsonl")


def test_a_question_keeps_its_half_for_ever() -> None:
    """What was tuned on must never turn up in the half that is reported."""
    assert [questions.half(q) for q in ("怎么开户", "转人工", "hello", "fee table")] == [
        "test",
        "dev",
        "test",
        "dev",
    ]


def test_the_halves_are_of_like_size() -> None:
    """A hash that leans measures one half badly."""
    asked = questions.shipped("zh")
    dev, test = questions.of_half(asked, "dev"), questions.of_half(asked, "test")
    assert len(dev) + len(test) == len(asked)
    assert 0.4 < len(dev) / len(asked) < 0.6
