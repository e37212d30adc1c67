"""What was not answered becomes an article: asked, grouped, drafted by one, compared, confirmed by another, answered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from db.models import AuditEntry, Exchange, Gap
from knowledge.drafts import Recipe
from knowledge.library import Library
from services import articles, gaps
from simulator import Person
from tests.desk import Desk, fast_policy, open_desk
from tests.knowledge.conftest import ARTICLES, RATES, write

GOLDEN = '{"q": "平今收多少手续费", "kind": "answer", "topic": "fee.close_today"}\n'
LONG = 30  # seconds: the comparison is a process of its own on a machine that does other things too
ASKED = "宠物饲料期权账户怎么申请权限"


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """A library of a few articles."""
    folder = tmp_path_factory.mktemp("kb")
    write(folder / "golden", {"zh.jsonl": GOLDEN, "en.jsonl": ""})
    facts = {
        lang: {**known, "facts": {**known["facts"], "days": "3"}}
        for lang, known in articles.facts(fast_policy()).items()
    }
    return Recipe(
        write(folder / "articles", ARTICLES),
        facts,
        rates=RATES,
        cache_dir=folder / "cache",
        golden=folder / "golden",
    )


@pytest.fixture(scope="module")
def shipped(recipe: Recipe) -> Library:
    return recipe.load((), today=None)


@pytest.fixture
async def house(sqlite_url: str, recipe: Recipe, shipped: Library) -> AsyncIterator[Desk]:
    async with open_desk(sqlite_url, shipped, recipe=recipe) as opened:
        yield opened


@pytest.fixture
async def li(house: Desk) -> Person:
    return await house.staff("li", name="李静", role="officer", code="O01", line="service")


@pytest.fixture
async def wu(house: Desk) -> Person:
    return await house.staff("wu", name="吴敏", role="supervisor", code="S01", line="service")


async def asked(house: Desk, *questions: str) -> None:
    """Clients ask, and the questions are old enough to be gathered."""
    for number, question in enumerate(questions):
        person = await house.stranger(f"visitor{number}", name="路人")
        await person.text(question)
    await house.settled()
    house.sim.set_clock("2026-08-17T14:30:00+08:00")
    await gaps.gather(house.deps)


async def draft(li: Person) -> None:
    """The officer writes a new article for the first gap, step by step."""
    await li.text("/gaps")
    await li.wait_for("未答问题")
    await li.press("#1")
    await li.wait_for("客户的问法")
    await li.press("写答案")
    await li.wait_for("写成新文章")
    await li.press("写新文章")
    await li.wait_for("请发送标题")
    await li.text("期权权限怎么申请")
    await li.wait_for("归入哪个主题")
    await li.text("account.options_permission")
    await li.wait_for("请发送正文")
    await li.text("**期权权限在 App 的业务办理里申请，约 97 天。**")
    await li.wait_for("依据是什么")
    await li.text("公司适当性管理办法")
    await li.wait_for("从哪天起生效")
    await li.press("今天")
    await li.wait_for("客户会怎么问")
    await li.text("期权账户怎么申请\n期权权限去哪开\n申请期权权限要多久\n想做期权怎么申请")
    await li.wait_for("正在核对")


async def test_an_unanswered_question_becomes_an_article_that_answers(
    house: Desk, li: Person, wu: Person
) -> None:
    """From the question to the answer with its version; every step is in the audit trail."""
    await asked(house, ASKED)
    await draft(li)
    effect = await li.wait_for("这份稿件会改变什么", timeout=LONG)
    assert "97天" in effect.text
    await li.press("提交复核")
    await li.wait_for("已提交复核")
    card = await wu.wait_for("待复核")
    assert "李静" in card.text
    await wu.press("确认")
    await li.wait_for("已开始答复客户", timeout=LONG)
    client = await house.stranger("again")
    await client.text("期权账户怎么申请")
    answer = await client.wait_for("业务办理里申请")
    assert "公司适当性管理办法" in answer.text
    async with house.reading() as work:
        exchange = await work.session.scalar(select(Exchange).order_by(Exchange.id.desc()).limit(1))
        gap = await work.session.get(Gap, 1)
        steps = set(await work.session.scalars(select(AuditEntry.action)))
    assert exchange is not None
    assert exchange.citations[0]["effective_from"] == "2026-08-17"
    assert len(exchange.citations[0]["version"]) == 8
    assert gap is not None
    assert (gap.state, gap.outcome) == ("closed", "article")
    assert {"gap.opened", "article.drafted", "article.submitted", "article.confirmed", "gap.closed"} <= steps
