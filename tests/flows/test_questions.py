"""A conversation of questions: what carries over, what is asked for by buttons, and the way to a person."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from db.models import ImportedFile, SettlementPrice
from domain.knowledge import Answer, Candidate, Kind
from knowledge.library import Library
from simulator import Person
from tests.desk import Desk


@pytest.fixture
async def wang(desk: Desk) -> Person:
    return await desk.stranger("wang")


async def settled_prices(desk: Desk) -> None:
    """Settlements of two contracts, as an import leaves them."""
    async with desk.work() as work:
        work.session.add(
            ImportedFile(
                sha256="0" * 64,
                name="prices.csv",
                format="csv",
                day=date(2026, 8, 14),
                state="in",
                accounts=0,
                positions=0,
                trades=0,
                by="test",
                at=work.now,
            )
        )
        for contract, price in (("rb2610", "3030"), ("m2701", "3250")):
            work.session.add(
                SettlementPrice(instrument=contract, day=date(2026, 8, 14), price=Decimal(price))
            )


async def test_fragments_are_completed_and_say_what_they_took(desk: Desk, wang: Person) -> None:
    """Margin of two lots, the same of another product, three lots of it, at another price, its fee."""
    await wang.text("螺纹两手保证金 按3030")
    await wang.wait_for("7,272.00")
    await wang.text("那豆粕呢")
    assert "按 豆粕、2 手 计算（沿用上文）" in (await wang.wait_for("沿用上文")).text
    await wang.text("三手呢")
    await wang.wait_for("豆粕、3 手")
    await wang.text("3100")
    assert "12,090.00" in (await wang.wait_for("价格 3,100 计算")).text
    await wang.text("手续费呢")
    await wang.wait_for("开仓手续费 5.40")


async def test_after_the_set_time_nothing_carries_over(desk: Desk, wang: Person) -> None:
    """A quarter of an hour later 三手呢 is nobody's three lots."""
    await wang.text("螺纹两手保证金 按3030")
    await wang.wait_for("7,272.00")
    desk.sim.set_clock("2026-08-17T14:16:00+08:00")
    await wang.text("三手呢")
    await desk.settled()
    assert "沿用上文" not in wang.messages[-1].text


async def test_a_missing_product_is_chosen_by_button(wang: Person) -> None:
    """How much is three lots of what? One press, and the figure comes."""
    await wang.text("做3手要多少保证金")
    await wang.press("豆粕")
    assert "豆粕 3 手" in (await wang.wait_for("豆粕、3 手")).text


async def test_a_missing_price_is_chosen_by_button(desk: Desk, wang: Person) -> None:
    """The month asked for has no settlement: the product's others are offered."""
    await settled_prices(desk)
    await wang.text("rb2701 两手保证金多少")
    await wang.wait_for("请告诉我按什么价格计算")
    await wang.press("rb2610 结算价 3,030")
    assert "7,272.00" in (await wang.wait_for("价格 3,030")).text


async def test_a_button_completes_its_own_question_however_late(desk: Desk, wang: Person) -> None:
    """Pressed after the set time and after another question, it still means what it stood under."""
    await wang.text("做3手要多少保证金")
    asked = await wang.wait_for(lambda m: "豆粕" in str(m.buttons))
    await wang.text("怎么开户")
    await wang.wait_for("线上开户")
    desk.sim.set_clock("2026-08-17T15:00:00+08:00")
    await wang.press("豆粕", message=asked)
    await wang.wait_for("豆粕、3 手")


class Unsure(Library):
    """A library that is asked for candidates, or for what it does not know, by the first words of a question."""

    def ask(self, q: str, **how: Any) -> Answer:
        if q.startswith("不清楚"):
            choices = tuple(
                Candidate(a.topic, a.id, 0.4, a.title)
                for name in ("account-documents", "account-duration")
                if (a := self.article(name, "zh"))
            )
            return Answer(q, Kind.CLARIFY, "您想问的是哪一个？", "您想问的是哪一个？", "zh", choices=choices)
        if q.startswith("不知道"):
            return Answer(q, Kind.OUT_OF_SCOPE, "没有依据", "没有依据", "zh", reason="unknown")
        return super().ask(q, **how)


@pytest.fixture
def unsure(monkeypatch: pytest.MonkeyPatch, library: Library) -> None:
    """What the engine takes for close changes with every article; what follows from it must not."""
    monkeypatch.setattr(library, "__class__", Unsure)


@pytest.mark.usefixtures("unsure")
async def test_the_second_chance_is_never_skipped_and_then_comes_a_person(desk: Desk, wang: Person) -> None:
    """Candidates, none fits, other words, none fits: a person, who reads what was asked."""
    li = await desk.staff("li", name="李服", role="officer", code="O01")
    await wang.text("不清楚一")
    asked = await wang.wait_for("您想问的是哪一个")
    assert len(asked.buttons) == 3
    await wang.press("都不是")
    await wang.wait_for("请换个说法")
    assert not any("不再猜测" in m.text for m in wang.messages)
    await wang.text("不清楚二")
    asked = await wang.wait_for("您想问的是哪一个")
    await wang.press("都不是", message=asked)
    due = await wang.wait_for("不再猜测")
    await wang.press("转人工", message=due)
    await wang.wait_for("人工服务组")
    assert "不清楚二" in (await li.wait_for("待接单", since=0)).text


@pytest.mark.usefixtures("unsure")
async def test_none_of_these_counts_once(desk: Desk, wang: Person) -> None:
    """Pressed twice, the second chance is still there."""
    await wang.text("不清楚")
    asked = await wang.wait_for("您想问的是哪一个")
    for _ in range(2):
        await wang.press("都不是", message=asked)
        await desk.settled()
    assert not any("不再猜测" in m.text for m in wang.messages)


@pytest.mark.usefixtures("unsure")
async def test_an_answer_forgets_what_was_not_understood(desk: Desk, wang: Person) -> None:
    """Not understood, understood, not understood: that is the first time again."""
    for words in ("不知道一", "怎么开户", "不知道二"):
        await wang.text(words)
        await desk.settled()
    assert not any("不再猜测" in m.text for m in wang.messages)
    await wang.text("不知道三")
    await wang.wait_for("不再猜测")


async def test_a_long_article_comes_short_and_the_rest_on_wish(wang: Person) -> None:
    """更多说明 is a button; 为什么 asks for the same."""
    await wang.text("怎么开户")
    first = await wang.wait_for("线上开户")
    assert "更多说明" not in first.text
    assert "依据：" in first.text
    await wang.press("更多说明")
    rest = await wang.wait_for("风险说明书必须先阅读")
    assert "依据：" in rest.text
    assert rest.text not in first.text


async def test_the_next_questions_of_an_article_are_offered(wang: Person) -> None:
    """Related articles stand as buttons under the answer, and are answered when pressed."""
    await wang.text("怎么开户")
    first = await wang.wait_for("线上开户")
    related = first.buttons[-1][0]
    await wang.press(related)
    answer = await wang.wait_for("依据：")
    assert answer.id != first.id


async def test_another_person_s_turns_are_not_mine(desk: Desk, wang: Person) -> None:
    """What carries over belongs to the chat."""
    await wang.text("螺纹两手保证金 按3030")
    await wang.wait_for("7,272.00")
    other = await desk.stranger("other")
    await other.text("三手呢")
    await desk.settled()
    assert not any("沿用上文" in m.text for m in other.messages)


async def test_a_next_step_opens_the_very_article_it_names(desk: Desk, wang: Person) -> None:
    """Not the first of its topic: from the night session to the night before a holiday."""
    await wang.text("哪些品种有夜盘")
    await wang.wait_for("按品种分三档结束")
    await wang.press("节前夜盘")
    await wang.wait_for("法定节假日前最后一个交易日的晚上没有夜盘")


async def test_hours_and_nights_are_answered_in_chat_and_taken_up(desk: Desk, wang: Person) -> None:
    """A product's night session, the next product's, and whether the market opens on a Saturday."""
    await wang.text("豆粕夜盘到几点")
    await wang.wait_for("豆粕夜盘到 23:00，21:00 开始。")
    await wang.text("那白糖呢")
    assert "白糖夜盘到 23:00" in (await wang.wait_for("沿用上文")).text
    await wang.text("周六开盘吗")
    assert "依据：交易日历" in (await wang.wait_for("不开盘。")).text
