"""What a draft would change is known before anybody confirms it."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from knowledge.drafts import Effect, Question, Recipe
from knowledge.effects import effect_of
from knowledge.files import LibraryError
from knowledge.overlay import Sheet
from knowledge.writing import put_together, same, take_apart
from tests.knowledge.conftest import ARTICLES, FACTS, RATES, TODAY, write

DELAY = """---
id: opening-delay
topic: account.online_opening
title: 开户为什么这么慢
phrasings: [开户审核怎么这么慢, 开户审核要多久, 开户步骤有哪些, 审核几天, 开户申请交了没动静]
audience: public
effective_from: 2026-09-10
status: confirmed
source: 开户制度
---
审核约 8 天，见《开户制度》第3条。
"""
GOLDEN = """{"q": "开户审核得等多少天", "kind": "answer", "topic": "account.online_opening"}
{"q": "平今收多少手续费", "kind": "answer", "topic": "fee.close_today"}
"""


def question(folder: Path, text: str, *, cache: Path | None = None) -> Question:
    write(folder / "golden", {"zh.jsonl": GOLDEN})
    recipe = Recipe(
        write(folder / "kb", ARTICLES), FACTS, rates=RATES, cache_dir=cache, golden=folder / "golden"
    )
    return Question(recipe, (), (Sheet("zh", "opening-delay", text, "draft"),), TODAY, 0.5)


def test_a_draft_shows_overlaps_contradictions_and_figures_without_a_source(tmp_path: Path) -> None:
    """Near phrasings of another article, 8 days here and 3 there, and 8 stands in no fact."""
    seen: list[float] = []
    found = effect_of(question(tmp_path, DELAY), seen.append)
    assert found.asked == 2
    assert {"开户步骤有哪些"} <= {o["phrasing"] for o in found.overlaps}
    assert all(o["article"] == "open" for o in found.overlaps)
    (conflict,) = found.conflicts
    assert (conflict["mine"], conflict["theirs"], conflict["article"]) == ("8天", "3天", "open")
    assert [u["figure"] for u in found.unsourced] == ["8天"]
    assert seen == sorted(seen)
    assert seen[-1] <= 1.0
    assert Effect.read(json.loads(json.dumps(found.as_json()))) == found


def test_golden_questions_that_flip_are_named(tmp_path: Path) -> None:
    """A draft that takes another article's questions away is seen to do so."""
    thief = DELAY.replace("topic: account.online_opening", "topic: account.closure").replace(
        "phrasings: [", "phrasings: [平今收多少手续费呢, 平今收多少, 平今手续费收多少, "
    )
    found = effect_of(question(tmp_path, thief), lambda _: None)
    assert "平今收多少手续费" in {flip["q"] for flip in (*found.worse, *found.moved)}


def test_a_draft_with_an_unknown_variable_is_refused_with_its_line(tmp_path: Path) -> None:
    """As a file would be."""
    with pytest.raises(LibraryError, match=r"facts\.nothing"):
        effect_of(question(tmp_path, DELAY.replace("8 天", "{{ facts.nothing }} 天")), lambda _: None)


def test_the_comparison_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Progress first, the effect last, and the index is in the cache for whoever confirms."""
    asked = question(tmp_path, DELAY, cache=tmp_path / "cache")
    done = subprocess.run(
        [sys.executable, "-m", "knowledge.effects"],
        input=pickle.dumps(asked),
        capture_output=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all("progress" in line for line in lines[:-1])
    assert lines[-1]["effect"]["asked"] == 2
    assert len(list((tmp_path / "cache").glob("index-zh-*.pickle"))) == 2


@pytest.mark.parametrize("name", sorted(ARTICLES))
def test_an_article_taken_apart_and_put_together_says_the_same(name: str) -> None:
    """And once more changes nothing at all."""
    once = put_together(*take_apart(ARTICLES[name]))
    assert same(once, ARTICLES[name])
    assert put_together(*take_apart(once)) == once
    assert not same(once, once.replace("status: ", "status: x"))
