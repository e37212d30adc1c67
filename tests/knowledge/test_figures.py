"""Figures in a text: which have a source, which contradict another article."""

from dataclasses import replace

import pytest

from domain.knowledge import Article
from knowledge.figures import conflicts, figures, numbers_in, unsourced

FEE = Article("fee", "zh", "fee.apply", "调手续费", (), "申请后 5 个工作日内答复。", "", "v1")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("3 个工作日内答复，收 0.5 元", ["3工作日", "0.5元"]),
        ("依据《办法（2022年修订）》第41条", []),
        ("1. 登录\n2. 点击", []),
        ("自 2026年11月23日 起，rb2610 另行通知", []),
        ("提前 {{ facts.days }} 天，另加 2 天", ["2天"]),
        ("时间 09:00–15:00，最高 1,000,000 元", ["09:00", "15:00", "1000000元"]),
        ("review takes 3 working days", ["3 working days"]),
    ],
)
def test_figures_are_those_of_the_business(text: str, shown: list[str]) -> None:
    """Not a law's article, a list's number, a date, a contract's code, a variable."""
    assert [figure.shown for figure in figures(text)] == shown


def test_a_figure_that_no_fact_and_no_table_holds_is_named_with_its_sentence() -> None:
    """Facts as config.yaml spells them."""
    held = numbers_in(["500,000", "09:00–15:00"])
    (found,) = unsourced("须有 500000 元。15:00 前办理。另收 8 元工本费。", held)
    assert (found.number, found.sentence) == ("8", "另收 8 元工本费")


def test_a_table_holds_money_and_rates_and_no_days() -> None:
    """A tick of 8 in the contract table says nothing about eight days."""
    assert unsourced("每手 8 元", (), ["8"]) == ()
    assert [figure.shown for figure in unsourced("约 8 天", (), ["8"])] == ["8天"]


def test_another_figure_for_the_same_thing_in_the_same_topic_is_a_conflict() -> None:
    """Three working days here, five there; the same figure, another topic or another thing are none."""
    mine = replace(FEE, id="new", text="申请后 3 个工作日内答复。")
    (found,) = conflicts(mine, [FEE])
    assert (found.mine.shown, found.theirs.shown, found.article) == ("3工作日", "5工作日", "fee")
    assert conflicts(replace(mine, text=FEE.text), [FEE]) == ()
    assert conflicts(replace(mine, topic="risk.level"), [FEE]) == ()
    assert conflicts(replace(mine, text="资料保存 3 个工作日。"), [FEE]) == ()
