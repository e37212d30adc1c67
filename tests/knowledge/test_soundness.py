"""Does what answers equal what was confirmed? Small libraries that are in order, and some that are not."""

from dataclasses import replace
from datetime import date

from domain.knowledge import Kind, Status
from knowledge import soundness
from knowledge.articles import Shelf
from knowledge.library import Library
from knowledge.questions import Golden, Meant

TODAY = date(2026, 9, 10)


def withdrawn_behind_its_back(small: Library, article: str) -> Library:
    """The library with an article withdrawn on the shelf, while index and texts still have it."""
    shelf = Shelf(
        tuple(replace(a, status=Status.DRAFT) if a.id == article else a for a in small.articles()), ()
    )
    stale = object.__new__(Library)
    stale.__dict__.update(small.__dict__, _shelf=shelf)
    return stale


def test_a_sound_library_has_no_findings(small: Library) -> None:
    """Drafts, expired texts and those for staff are where they belong."""
    assert list(soundness.unequal(small, TODAY)) == []
    assert list(soundness.withdrawn(small, TODAY)) == []


def test_a_withdrawn_text_that_still_answers_is_found(small: Library) -> None:
    """Once by comparing, once by asking it with its own words."""
    stale = withdrawn_behind_its_back(small, "open")
    assert [f.where for f in soundness.unequal(stale, TODAY)] == ["zh/open", "en/open"]
    found = list(soundness.withdrawn(stale, TODAY))
    assert [f.where for f in found] == ["zh/open", "en/open"]
    assert "is not in force and answers" in found[0].problem


def test_a_confirmed_text_that_the_index_lacks_is_found(small: Library) -> None:
    """Somebody confirmed it, and no client gets it."""
    more = Shelf((*small.articles(), replace(small.articles()[0], id="new", lang="zh")), ())
    lacking = object.__new__(Library)
    lacking.__dict__.update(small.__dict__, _shelf=more)
    (finding,) = soundness.unequal(lacking, TODAY)
    assert (finding.where, finding.problem) == ("zh/new", "is confirmed and not in the index")


def test_a_golden_question_in_an_article_is_named(small: Library) -> None:
    """Case, spaces and punctuation do not hide it; another question is none of its business."""
    asked = [
        Golden("怎么 开户？", Kind.ANSWER, "account.online_opening", where="zh.jsonl:1"),
        Golden("怎么开", Kind.ANSWER),
    ]
    (finding,) = soundness.copied(small.articles(), asked)
    assert finding.where == "zh.jsonl:1"
    assert "zh/open" in finding.problem
    assert not finding.fatal


def test_a_golden_question_of_an_unknown_topic_is_named() -> None:
    """In a part of it too."""
    asked = [
        Golden("a", Kind.ANSWER, "fee.standard", where="1"),
        Golden("b", Kind.ANSWER, "fee.nonsense", where="2"),
        Golden("c", Kind.CALC, parts=(Meant(Kind.CALC), Meant(Kind.ANSWER, "no.topic")), where="3"),
    ]
    assert [f.where for f in soundness.unknown_topics({"fee.standard"}, asked)] == ["2", "3"]
