"""``kb check`` and ``kb eval``: what they print, and what they refuse."""

import asyncio
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from db.engine import Database
from db.models import ArticleVersion
from knowledge import questions, soundness
from knowledge.library import Library
from tests.bot.conftest import Command


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """Three questions, one of them with a wrong expectation."""
    lines = [
        {"q": "螺纹钢一手保证金按3000算", "kind": "calc", "calc": {"product": "rb", "price": "3000.00"}},
        {"q": "转人工", "kind": "handoff"},
        {"q": "请转人工", "kind": "advice"},
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    return path


def test_the_shipped_library_is_in_order(command: Command) -> None:
    """Files, index and floors as they leave the house."""
    ran = command("kb", "check")
    assert ran.code == 0, ran.err + ran.out


def test_a_fall_is_refused_with_its_measure(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes the library worse hears of it, in figures."""
    (tmp_path / "zh.jsonl").write_text(
        '{"q": "转人工", "kind": "handoff"}\n{"q": "人工", "kind": "calc"}', "utf-8"
    )
    (tmp_path / "en.jsonl").write_text("", "utf-8")
    (tmp_path / "floors.yaml").write_text("zh:\n  at_least: {handoff: 100, calc: 12.5}\n", "utf-8")
    monkeypatch.setattr(questions, "FOLDER", tmp_path)
    monkeypatch.setattr(questions, "FLOORS", tmp_path / "floors.yaml")
    ran = command("kb", "check", "--json")
    (fall,) = [line for line in map(json.loads, ran.lines) if line["fatal"]]
    assert ran.code == 1
    assert (fall["where"], fall["problem"]) == ("golden/zh.jsonl: calc", "0.0 %, and it was 12.5 % before")


def test_the_house_s_own_versions_are_looked_at(house: Command, database_file: Path) -> None:
    """What was confirmed in chat lies over the files, and is checked with them."""

    async def confirm(text: str) -> None:
        database = Database(f"sqlite:///{database_file}")
        async with database.write() as session:
            session.add(
                ArticleVersion(
                    article="own",
                    lang="zh",
                    kind="new",
                    state="confirmed",
                    sequence=1,
                    text=text,
                    written_by="staff:1",
                    written_at=datetime(2026, 11, 23, tzinfo=UTC),
                )
            )
        await database.close()

    asyncio.run(confirm("no front matter"))
    ran = house("kb", "check")
    assert ran.code == 1
    assert "zh/own#1" in ran.out


def test_an_own_set_is_measured(command: Command, asked: Path) -> None:
    """One object for the set, with every figure."""
    ran = command("kb", "eval", asked, "--json")
    (shown,) = map(json.loads, ran.lines)
    assert (shown["set"], shown["asked"]) == ("mine", 3)
    assert shown["measures"]["slots"] == 100.0
    assert shown["by_kind"]["advice"]["wrong"] == 1


def test_the_misses_are_shown_with_their_lines(command: Command, asked: Path) -> None:
    """The one wrong expectation, and nothing else."""
    ran = command("kb", "eval", asked, "--misses", "--json")
    (missed,) = map(json.loads, ran.lines)
    assert (missed["where"], missed["wanted"], missed["got"]) == ("mine.jsonl:3", "advice", "handoff")


def test_the_tables_are_for_people(command: Command, asked: Path) -> None:
    """Shares, kinds, calibration and confusions, one table after the other."""
    ran = command("kb", "eval", asked)
    assert ran.code == 0
    assert ran.lines[0].startswith("mine: 3 questions")
    assert "advice\thandoff\t1" in ran.lines


def test_a_bad_file_is_refused_by_line(command: Command, tmp_path: Path) -> None:
    """Before the library is loaded."""
    path = tmp_path / "bad.jsonl"
    path.write_text('{"q": "a", "kind": "calc"}\n{"q": "b"}\n', "utf-8")
    ran = command("kb", "eval", path)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("bad.jsonl:2: is no golden question: 'kind' is missing")


def test_an_unknown_half_is_wrong_usage(command: Command) -> None:
    """There are two halves."""
    assert command("kb", "eval", "--half", "third").code == 2


def test_what_answers_is_what_was_confirmed(library: Library) -> None:
    """The index is compared with the files, and asked with the words of what must not answer."""
    today = date(2026, 11, 23)
    assert list(soundness.unequal(library, today)) == []
    assert list(soundness.withdrawn(library, today)) == []
