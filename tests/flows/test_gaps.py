"""What was not answered becomes an article: asked, grouped, drafted by one, compared, confirmed by another, answered."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from db import articles as rows
from db import gaps as gap_rows
from db.models import AuditEntry, Exchange, Gap
from domain.errors import Refusal
from knowledge.drafts import Recipe
from knowledge.library import Library
from services import access, article_files, articles, gaps
from services.article_files import Change
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
    """The whole house on SQLite, with the small library."""
    async with open_desk(sqlite_url, shipped, recipe=recipe) as opened:
        yield opened


@pytest.fixture
async def house_on_each(database_url: str, recipe: Recipe, shipped: Library) -> AsyncIterator[Desk]:
    """The same on SQLite and on PostgreSQL."""
    async with open_desk(database_url, shipped, recipe=recipe) as opened:
        yield opened


async def officer(house: Desk) -> Person:
    return await house.staff("li", name="李静", role="officer", code="O01", line="service")


async def supervisor(house: Desk) -> Person:
    return await house.staff("wu", name="吴敏", role="supervisor", code="S01", line="service")


@pytest.fixture
async def li(house: Desk) -> Person:
    return await officer(house)


@pytest.fixture
async def wu(house: Desk) -> Person:
    return await supervisor(house)


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


async def test_an_unanswered_question_becomes_an_article_that_answers(house_on_each: Desk) -> None:
    """From the question to the answer with its version; every step is in the audit trail."""
    house = house_on_each
    li, wu = await officer(house), await supervisor(house)
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


EFFECT = {
    "asked": 1,
    "better": [],
    "worse": [],
    "moved": [],
    "overlaps": [],
    "conflicts": [],
    "unsourced": [],
    "notes": [],
    "counts": {"better": 0, "worse": 0, "moved": 0, "overlaps": 0, "conflicts": 0, "unsourced": 0},
}
FILE = ARTICLES["zh/cost.md"].replace("2022-08-01", "2026-08-17")


async def written(house: Desk, author: Person, text: str) -> int:
    """A draft that was compared already and waits to be submitted."""
    async with house.work() as work:
        who = await access.actor(work, author.id)
        number = await articles.draft(work, who, text, "zh")
    await articles.checked(house.deps, number, EFFECT)
    await author.wait_for("这份稿件会改变什么", timeout=LONG)
    return number


async def test_the_writer_cannot_confirm_and_a_second_press_changes_nothing(house: Desk, wu: Person) -> None:
    """A supervisor's own draft goes to others only; forging the press is refused."""
    yan = await house.staff("yan", name="严合", role="compliance", code="C01", line="compliance")
    number = await written(house, wu, FILE.replace("单列", "单独列出"))
    await wu.press("提交复核")
    await yan.wait_for("待复核")
    assert not any("确认" in row for m in wu.messages for row in m.buttons)
    async with house.work() as work:
        who = await access.actor(work, wu.id)
        with pytest.raises(Refusal, match="second_person"):
            await articles.confirm(work, who, number)
    await yan.press("确认")
    await yan.wait_for("已确认")
    await yan.press("确认")
    await yan.wait_for("已有结果")
    async with house.reading() as work:
        (row,) = await rows.confirmed(work.session)
    assert (row.written_by, row.decided_by, row.sequence) == ("S01", "C01", 1)


async def test_a_draft_that_was_sent_back_says_why_and_can_be_written_anew(
    house: Desk, li: Person, wu: Person
) -> None:
    """The author reads the reason and rewrites the text; nothing answers in between."""
    await written(house, li, FILE.replace("单列", "单独列出"))
    await li.press("提交复核")
    await wu.wait_for("待复核")
    await wu.press("退回")
    await wu.wait_for("退回的原因")
    await wu.text("请写明是哪家交易所")
    await wu.wait_for("已退回")
    returned = await li.wait_for("稿件被退回")
    assert "请写明是哪家交易所" in returned.text
    await li.press("重写正文")
    await li.wait_for("现在的正文")
    await li.text("平今按各交易所的标准单独列出。")
    await li.wait_for("正在核对")
    async with house.reading() as work:
        assert await rows.confirmed(work.session) == []


async def test_a_gap_that_is_nobodys_business_stays_closed(house: Desk, li: Person) -> None:
    """Questions like it join it silently; the list stays empty."""
    await asked(house, "公司食堂对外开放吗")
    await li.text("/gaps")
    await li.wait_for("#1")
    await li.press("#1")
    await li.wait_for("客户的问法")
    await li.press("不归知识库")
    await li.wait_for("为什么不归知识库")
    await li.press("其他原因")
    await li.text("内部活动")
    await li.wait_for("不归知识库（内部活动）")
    visitor = await house.stranger("later")
    await visitor.text("公司食堂对外开放么")
    await house.settled()
    house.sim.set_clock("2026-08-17T15:30:00+08:00")
    await gaps.gather(house.deps)
    async with house.reading() as work:
        gap = await work.session.get(Gap, 1)
        assert gap is not None
        assert (gap.state, gap.outcome, gap.count) == ("closed", "not_ours", 2)
        assert await gap_rows.count_open(work.session) == 0


async def test_staff_read_questions_without_personal_data(house: Desk, li: Person) -> None:
    """Account and name are stars, in the list and on the card."""
    wang = await house.client("wang")
    await wang.text("我叫王明，账号80012345，信托产品怎么买")
    await house.settled()
    house.sim.set_clock("2026-08-17T14:30:00+08:00")
    await gaps.gather(house.deps)
    await li.text("/gaps")
    await li.wait_for("信托产品")
    await li.press("#1")
    card = await li.wait_for("客户的问法")
    for secret in ("王明", "80012345"):
        assert not any(secret in m.text for m in li.messages)
    assert "信托产品" in card.text


async def test_another_article_can_take_a_gaps_wordings(house: Desk, li: Person) -> None:
    """The article keeps its text and its first day; only how people ask is new."""
    await asked(house, "信托产品怎么买")
    await li.text("/gaps")
    await li.press("#1")
    await li.wait_for("客户的问法")
    await li.press("加为已有文章的问法")
    await li.wait_for("哪篇文章")
    await li.text("cost")
    await li.wait_for("正在核对")
    async with house.reading() as work:
        (row,) = await rows.in_state(work.session, "checking") or await rows.in_state(work.session, "drafted")
    assert row.text is not None
    assert "信托产品怎么买" in row.text
    assert "平今按交易所标准单列。" in row.text
    assert str(row.effective_from) == "2022-08-01"


async def test_a_markdown_file_is_a_draft_and_a_faulty_one_is_refused_with_its_line(
    house: Desk, li: Person
) -> None:
    """The file as it would lie in the library."""
    await li.send_document("cost.md", FILE.replace("单列", "{{ facts.nothing }}").encode())
    refused = await li.wait_for("稿件不能使用", timeout=LONG)
    assert "facts.nothing" in refused.text
    await li.send_document("cost.md", b"\xff\xfe")
    await li.wait_for("UTF-8", timeout=LONG)
    await li.send_document("cost.md", FILE.replace("单列", "单独列出").encode())
    await li.wait_for("正在核对", timeout=LONG)


async def renewed(house: Desk, sequence: int) -> None:
    """The library stands with that many confirmations."""
    async with asyncio.timeout(LONG):
        while house.live.sequence < sequence:  # noqa: ASYNC110  # the program has no reason to tell anybody
            await asyncio.sleep(0.05)


async def test_a_withdrawn_article_never_answers_again_until_it_is_brought_back(
    house: Desk, li: Person, wu: Person
) -> None:
    """One person is enough to stop it; bringing it back is a draft that a second one confirms."""
    await wu.text("/article cost")
    await wu.wait_for("随软件提供")
    await wu.press("撤下")
    await wu.wait_for("为什么撤下")
    await wu.text("交易所改了规则")
    await wu.wait_for("已撤下")
    await renewed(house, 2)
    visitor = await house.stranger("visitor")
    await visitor.text("平今手续费怎么收")
    await house.settled()
    assert not any("平今按交易所标准单列" in m.text for m in visitor.messages)
    await li.text("/article cost")
    await li.wait_for("不答复客户")
    await li.press("恢复 1")
    await li.wait_for("正在核对")
    async with house.reading() as work:
        (row,) = await rows.in_state(work.session, "checking") or await rows.in_state(work.session, "drafted")
    assert (row.kind, str(row.effective_from)) == ("rollback", "2026-08-17")


async def test_a_good_answer_becomes_a_gap_only_with_its_writers_consent(house: Desk, li: Person) -> None:
    """The manager is asked by name; the officer drafts from the masked words."""
    chen = await house.staff("chen", name="陈静", role="manager", code="M01")
    wang = await house.client("wang", manager="M01", officer="O01")
    await wang.text("/human")
    card = await chen.wait_for("客户对话 #")
    await wang.text("换了银行卡什么时候能出金")
    await chen.wait_for("换了银行卡")
    await chen.text("王明您好，新卡签约后下一个交易日可以出金。", reply_to=card)
    await wang.wait_for("下一个交易日可以出金")
    await wang.text("/end")
    await chen.wait_for("已结束")
    await li.text("/gaps")
    await li.wait_for("未答问题")
    await li.press("从人工对话选取")
    await li.wait_for("陈静：换了银行卡什么时候能出金")
    await li.press("#1")
    await li.wait_for("哪一条答复")
    await li.press("1")
    await li.wait_for("已请作者 陈静 确认")
    question = await chen.wait_for("您同意吗")
    assert "王明" not in question.text
    await chen.press("同意")
    await li.wait_for("同事的答复可以写成文章")
    await li.press("写答案")
    await li.wait_for("写成新文章")
    async with house.reading() as work:
        gap = await work.session.get(Gap, 1)
        steps = set(await work.session.scalars(select(AuditEntry.action)))
    assert gap is not None
    assert gap.question == "换了银行卡什么时候能出金"
    assert gap.proposal is not None
    assert gap.proposal.startswith("*您好，新卡签约后")
    assert {"answer.consent_asked", "answer.consented"} <= steps


async def test_a_client_cannot_see_what_others_asked(house: Desk) -> None:
    """The commands are refused for everybody outside the desk."""
    wang = await house.client("wang")
    for command in ("/gaps", "/article cost"):
        await wang.text(command)
        await wang.wait_for("没有这项权限")


async def test_an_import_is_confirmed_at_once_by_one_who_did_not_write_it(house: Desk, wu: Person) -> None:
    """What the operator imported waits as one batch with what it would change."""
    async with house.work() as work:
        article = articles.read(work, FILE.replace("单列", "单独列出"), "zh", "row 2")
        batch = await article_files.submit(
            work, "operator:qifu", [Change("row 2", "version", article)], work.deps.new_token
        )
    card = await wu.wait_for("待复核的导入", timeout=LONG)
    assert "operator:qifu" in card.text
    await wu.press("全部确认")
    await wu.wait_for("已确认 1 篇")
    await wu.wait_for("已进入索引", timeout=LONG)
    async with house.reading() as work:
        (row,) = await rows.confirmed(work.session)
    assert (row.batch, row.decided_by) == (batch, "S01")


async def test_owners_are_reminded_when_their_gaps_are_due(house_on_each: Desk) -> None:
    """Once a working day; a supervisor hears of what is overdue."""
    house = house_on_each
    li, wu = await officer(house), await supervisor(house)
    await asked(house, "信托产品怎么买")
    house.sim.set_clock("2026-08-24T09:00:00+08:00")
    await li.wait_for("未答问题提醒", timeout=LONG)
    told = await wu.wait_for("全组逾期 1 组")
    assert "您负责" not in told.text
