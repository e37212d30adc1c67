"""The shipped library against questions that were written apart from its phrasings: a floor that only moves up."""

import pytest
import yaml

from knowledge import evaluation, questions, soundness
from knowledge.library import KNOWLEDGE, Lang, Library

LANGUAGES: tuple[Lang, ...] = ("zh", "en")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_shipped_library_holds_its_floor(library: Library, lang: Lang) -> None:
    """The floors stand beside the questions; ``kb check`` refuses the same falls."""
    judged = [evaluation.judge(golden, library.ask(golden.q)) for golden in questions.shipped(lang)]
    assert evaluation.fallen(evaluation.measures(judged), questions.floors()[lang]) == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_golden_questions_are_not_copied_into_articles(library: Library, lang: Lang) -> None:
    """A golden set that the library has learnt by heart measures nothing; one in fifty is chance."""
    golden = questions.shipped(lang)
    assert len(list(soundness.copied(library.articles(), golden))) <= len(golden) / 50


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_example_of_a_kind_is_a_golden_question(lang: Lang) -> None:
    """What a kind is taught by, it is not examined with."""
    kinds = yaml.safe_load((KNOWLEDGE / "tables" / "kinds.yaml").read_text("utf-8"))[lang]
    asked = {soundness.bare(golden.q) for golden in questions.shipped(lang)}
    assert [example for kind in kinds.values() for example in kind if soundness.bare(example) in asked] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_topic_and_every_kind_is_asked_for(library: Library, lang: Lang) -> None:
    """A topic that nobody asks for could be lost without a sound."""
    golden = questions.shipped(lang)
    assert set(library.topics()) - {one.topic for one in golden} == set()
    assert {one.group for one in golden} == {
        "answer", "calc", "account", "advice", "complaint", "handoff", "emergency", "out_of_scope", "smalltalk",
        "several",
    }  # fmt: skip
