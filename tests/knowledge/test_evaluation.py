"""The arithmetic of ``kb eval``: small runs whose figures are known beforehand."""

from dataclasses import replace

from domain.knowledge import Answer, Candidate, Kind, Severity
from knowledge.evaluation import Bin, Judged, Outcome, Tally, as_json, fallen, flips, judge, measures, report
from knowledge.questions import Golden, Meant


def answer(kind: Kind, *topics: str, confidence: float = 0.9, ms: float = 1.0) -> Answer:
    """An answer whose candidates are ``topics``; the first is its topic where it has one."""
    found = Answer(
        "q",
        kind,
        "",
        "",
        "zh",
        confidence=confidence,
        topic=topics[0] if topics and kind in (Kind.ANSWER, Kind.CLARIFY) else None,
        candidates=tuple(Candidate(topic, topic, 0.5) for topic in topics),
    )
    return replace(found, ms=ms)


def asked(topic: str) -> Golden:
    return Golden("q", Kind.ANSWER, topic)


RIGHT = judge(asked("a"), answer(Kind.ANSWER, "a", "b"))
CLARIFIED = judge(asked("a"), answer(Kind.CLARIFY, "b", "a", confidence=0.5))
DECLINED = judge(asked("a"), answer(Kind.OUT_OF_SCOPE, "b", "c", "d", "a", confidence=0.1))
WRONG = judge(asked("a"), answer(Kind.ANSWER, "b", "c", "a"))
MISROUTED = judge(asked("a"), answer(Kind.ADVICE, "a"))


def test_what_became_of_a_question() -> None:
    """Five fates of a question that an article answers."""
    judged = (RIGHT, CLARIFIED, DECLINED, WRONG, MISROUTED)
    assert [one.outcome for one in judged] == [
        Outcome.RIGHT, Outcome.CLARIFIED, Outcome.DECLINED, Outcome.WRONG, Outcome.WRONG,
    ]  # fmt: skip
    assert [(one.first, one.among_three) for one in judged] == [
        (True, True), (False, True), (False, False), (False, True), (True, True),
    ]  # fmt: skip


def test_the_shares_of_questions_with_a_topic() -> None:
    """One of five each, whatever kind went out instead."""
    assert measures([RIGHT, CLARIFIED, DECLINED, WRONG, MISROUTED]) == {
        "first": 40, "third": 80, "right": 20, "clarified": 20, "declined": 20, "wrong": 40,
    }  # fmt: skip


def test_a_kind_is_recognised_or_an_article_invented() -> None:
    """Refusing to predict is right; an article instead is an invention, asking back is neither."""
    advice = Golden("q", Kind.ADVICE)
    given = (
        answer(Kind.ADVICE, "a"),
        answer(Kind.ANSWER, "a"),
        answer(Kind.CLARIFY, "a"),
        answer(Kind.OUT_OF_SCOPE),
    )
    judged = [judge(advice, one) for one in given]
    assert measures(judged) == {"advice": 25, "invented": 25}
    assert [one.outcome for one in judged[1:]] == [Outcome.WRONG, Outcome.CLARIFIED, Outcome.DECLINED]


def test_what_else_has_to_be_right_is_counted_apart() -> None:
    """Severity, urgency, small talk, slots and parts, each over the questions that have it."""
    complaint = Golden("q", Kind.COMPLAINT, severity=Severity.MAJOR)
    told = replace(answer(Kind.COMPLAINT), severity=Severity.GENERAL)
    assert judge(complaint, told).extras == {"severity": False}
    urgent = Golden("q", Kind.HANDOFF, urgent=True)
    assert judge(urgent, replace(answer(Kind.HANDOFF), emergency="orders")).extras == {"urgent": True}
    greeting = Golden("q", Kind.OUT_OF_SCOPE, smalltalk=True)
    assert judge(greeting, replace(answer(Kind.OUT_OF_SCOPE), reason="unknown")).extras == {
        "smalltalk": False
    }
    slots = Golden("q", Kind.CALC, calc={"product": "rb", "lots": 2})
    assert judge(slots, answer(Kind.CALC)).extras == {"slots": False}


def test_several_questions_are_right_when_each_is() -> None:
    """In their order, none left out."""
    golden = Golden("q", Kind.ANSWER, "a", parts=(Meant(Kind.ANSWER, "a"), Meant(Kind.CALC)))
    first, second = answer(Kind.ANSWER, "a"), answer(Kind.CALC)
    assert judge(golden, replace(first, parts=(first, second))).extras == {"several": True}
    assert judge(golden, replace(first, parts=(first,))).extras == {"several": False}
    assert judge(golden, first).extras == {"several": False}


def test_a_report_counts_by_kind_and_topic() -> None:
    """Tallies, the worst confusion first, latency by nearest rank."""
    outside = judge(Golden("q", Kind.OUT_OF_SCOPE), answer(Kind.OUT_OF_SCOPE, "a", confidence=0.12, ms=9))
    found = report([RIGHT, WRONG, WRONG, CLARIFIED, outside])
    assert found.asked == 5
    assert found.by_topic == {"a": Tally(4, 1, 1, 0, 2, 1, 4)}
    assert found.by_group["out_of_scope"].right == 1
    assert found.confusions == (("a", "b", 2), ("a", "clarify", 1))
    assert (found.ms_p50, found.ms_p99) == (1.0, 9.0)


def test_calibration_is_of_the_best_candidate() -> None:
    """Nothing is right for a question from outside; complaints and figures say nothing of the candidates."""
    outside = judge(Golden("q", Kind.OUT_OF_SCOPE), answer(Kind.OUT_OF_SCOPE, "a", confidence=0.75))
    figure = judge(Golden("q", Kind.CALC), answer(Kind.CALC, "a", confidence=0.9))
    found = report([replace(RIGHT, confidence=0.75), outside, CLARIFIED, figure])
    assert found.calibration == (Bin(0.5, 0.0, 1), Bin(0.75, 0.5, 2))


def test_an_empty_run_has_no_figures() -> None:
    """Nothing asked, nothing claimed."""
    found = report([])
    assert (found.measures, found.calibration, found.ms_p99) == ({}, (), 0.0)


def test_a_fall_is_below_the_least_or_above_the_most() -> None:
    """Standing on the floor is no fall; what was not measured did not fall."""
    floors = {"at_least": {"first": 90, "right": 80, "advice": 97}, "at_most": {"wrong": 4}}
    assert fallen({"first": 90, "right": 79.9, "wrong": 4.1}, floors) == [
        ("right", 79.9, 80),
        ("wrong", 4.1, 4),
    ]
    assert fallen({"first": 10}, {}) == []


def test_a_flip_is_a_question_whose_answer_changed() -> None:
    """From right to wrong, from wrong to another wrong; a new confidence alone is none."""
    surer = replace(RIGHT, confidence=0.99)
    elsewhere = replace(WRONG, got="c")
    assert flips([RIGHT, WRONG, RIGHT], [surer, elsewhere, CLARIFIED]) == [
        (WRONG, elsewhere),
        (RIGHT, CLARIFIED),
    ]


def test_the_object_of_the_command_holds_everything() -> None:
    """Other programs read it."""
    judged: list[Judged] = [RIGHT, WRONG]
    shown = as_json(report(judged))
    assert shown["measures"]["right"] == 50.0
    assert shown["by_topic"]["a"]["wrong"] == 1
    assert shown["confusions"] == [{"wanted": "a", "got": "b", "times": 1}]
    assert set(shown) == {
        "asked", "measures", "by_kind", "by_topic", "calibration", "confusions", "ms_p50", "ms_p99",
    }  # fmt: skip
