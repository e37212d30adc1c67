"""Complaints as services, on both databases: filed, handled, hidden, reopened, and carried up by the clock."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from db.engine import Database
from db.models import Case, CaseEvent, Client, Dialog, Link, OutboxMessage, Staff
from domain.calendar import Day, TradingCalendar
from domain.errors import Refusal
from services import access, case_cards, case_client, case_clocks, case_desk, cases, drafts
from services.casebook import File, book
from services.work import reading, working
from tests.services.complaining import CHATS, House, house, refused


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[House]:
    """The house on each database."""
    database = Database(database_url)
    built = house(database)
    await built.settle()
    yield built
    await database.close()


@pytest.fixture
async def lite(sqlite_url: str) -> AsyncIterator[House]:
    """The house on SQLite, where the kind of database does not matter."""
    database = Database(sqlite_url)
    built = house(database)
    await built.settle()
    yield built
    await database.close()


def file_of(number: int, chat: str = "wang") -> File:
    return File("photo", f"f{number}", CHATS[chat], 1000 + number)


# --- filed ----------------------------------------------------------------------------------------------------------


async def test_numbers_count_within_a_day_of_beijing(desk: House) -> None:
    """0001, 0002, and from midnight in Beijing 0001 again."""
    first = await desk.file("wang", "4")
    second = await desk.file("li", "3")
    desk.at("2026-08-18 00:01")
    third = await desk.file("wang", "8")
    assert [first.number, second.number, third.number] == [
        "CP-20260817-0001",
        "CP-20260817-0002",
        "CP-20260818-0001",
    ]


async def test_terms_follow_the_tier_and_the_severity(lite: House) -> None:
    """A premier client is contacted in two working hours; a standard one in a working day. Both get a result."""
    standard = await lite.file("wang", "5")
    premier = await lite.file("li", "5")
    major = await lite.file("li", "7")
    assert standard.contact_due is not None
    assert premier.contact_due is not None
    assert major.result_due is not None
    assert standard.contact_due.isoformat() == "2026-08-18T10:00:00+08:00"
    assert premier.contact_due.isoformat() == "2026-08-17T13:30:00+08:00"
    assert standard.result_due == premier.result_due
    assert major.result_due.isoformat() == "2026-09-07T17:30:00+08:00"


async def test_the_same_matter_again_is_major(lite: House) -> None:
    """The second complaint in a category within the configured days; another category is not."""
    await lite.file("wang", "5")
    await lite.file("wang", "4")
    assert (await lite.case()).severity == "general"
    await lite.file("wang", "5")
    assert (await lite.case()).severity == "major"
    lite.later(days=91)
    await lite.file("wang", "4")
    assert (await lite.case()).severity == "general"


async def test_the_fifth_client_with_the_same_cause_in_ten_days_makes_it_major(lite: House) -> None:
    """Four others by account or by chat; the same client twice counts once."""
    async with working(lite.deps) as work:
        for n in range(3):
            await lite.register(work, f"c{n}", f"8009000{n}")
    for key in ("c0", "c0", "c1", "stranger"):
        await lite.file(key, "3", reach="电话")
        lite.later(hours=1)
    await lite.file("c2", "3")
    assert (await lite.case()).severity == "general"
    await lite.file("wang", "3")
    assert (await lite.case()).severity == "major"
    lite.later(days=11)
    await lite.file("li", "3")
    assert (await lite.case()).severity == "general"


async def test_a_sixth_open_complaint_is_added_to_the_latest(lite: House) -> None:
    """No new number: the words and files go to the latest open one, whose owner is told."""
    for category in ("1", "2", "3", "4", "5"):
        last = await lite.file("wang", category)
    await lite.do("S01", case_desk.take, last.case_id)
    sixth = await lite.file("wang", "8", "出金没到账", demand="尽快到账", files=(file_of(1),))
    assert (sixth.number, sixth.appended) == (last.number, True)
    found = await lite.told("S01", "case.from_client")
    assert "出金没到账\n尽快到账" in found[-1]
    assert "added" in await lite.kinds(last.number)


async def test_a_secret_complaint_is_never_added_to_an_open_one(lite: House) -> None:
    """Conduct of staff over the limit gets a number of its own: the open ones are read by others."""
    for category in ("1", "2", "3", "4", "5"):
        await lite.file("wang", category)
    secret = await lite.file("wang", "10", "代我下单", about="M01")
    assert not secret.appended
    case = await lite.case(secret.number)
    assert (case.desk, case.restricted) == ("compliance", True)


@pytest.mark.parametrize("more", [{"about_name": "某经理"}, {"facts": "我要举报他私下收费"}])
async def test_a_person_nobody_can_find_and_a_report_go_to_compliance(
    lite: House, more: dict[str, str]
) -> None:
    """Where nobody can be ruled out, and where misconduct is reported, compliance alone knows."""
    facts = more.pop("facts", "态度差")
    filed = await lite.file("wang", "12", facts, **more)
    case = await lite.case(filed.number)
    assert (case.desk, case.restricted) == ("compliance", True)
    assert not await lite.told("S01", "case.card")


async def test_confirming_the_same_draft_twice_files_once(desk: House) -> None:
    """The second press finds the receipt of the first."""
    draft = await desk.do("wang", drafts.begin, said="多收手续费", category="5")
    first, new = await desk.do("wang", drafts.confirm, draft.id)
    again, repeated = await desk.do("wang", drafts.confirm, draft.id)
    assert (new, repeated) == (True, False)
    assert first.number == again.number
    with refused("draft_gone"):
        await desk.do("wang", drafts.confirm, "other")


async def test_at_the_end_of_the_calendar_the_complaint_is_filed_and_the_day_follows(lite: House) -> None:
    """The table ends on 31 December: no day is guessed; once the table goes on, the term is completed."""
    lite.at("2026-12-28 10:00")
    filed = await lite.file("wang", "5")
    assert filed.contact_due is not None
    assert filed.result_due is None
    assert filed.days == 5
    await lite.tick()
    known = lite.deps.calendar
    more = {
        day: Day(day, day.weekday() < 5, False, day.weekday() < 5, "test")
        for day in (date(2027, 1, 1) + timedelta(days=n) for n in range(90))
    }
    rows = {
        d: known.row(d)
        for d in (known.first + timedelta(n) for n in range((known.last - known.first).days + 1))
    }
    lite.deps = replace(lite.deps, calendar=TradingCalendar({**rows, **more}))
    lite.later(days=1, hours=1)
    await lite.tick()
    case = await lite.case()
    assert case.result_due is not None
    assert "termed" in await lite.kinds()


async def test_nul_and_overlong_words_are_refused_or_cleaned_and_never_stored(desk: House) -> None:
    """No database takes NUL; 10,001 characters are refused politely and nothing is kept of them."""
    draft = await desk.do("wang", drafts.begin, said="多收\x00手续费", category="5")
    assert draft.facts == "多收手续费"
    with refused("too_long"):
        await desk.do("wang", drafts.said, "长" * 10_001)
    with refused("complaint_facts_full"):
        await desk.do("wang", drafts.rewrite, draft.id, "facts")
        await desk.do("wang", drafts.said, "长" * 6_000)
        await desk.do("wang", drafts.said, "长" * 6_000)


async def test_at_most_twenty_files_and_each_message_counts_once(lite: House) -> None:
    """A file that is sent again under the same number of the chat is the same file."""
    draft = await lite.do("wang", drafts.begin, said="多收手续费", category="5")
    for n in (*range(20), 3, 4):
        taken = await lite.do("wang", drafts.said, "", file_of(n % 19))
    assert len(taken.draft.files) == 19
    await lite.do("wang", drafts.said, "", file_of(19))
    with refused("case_files_full"):
        await lite.do("wang", drafts.said, "", file_of(20))
    receipt, _ = await lite.do("wang", drafts.confirm, draft.id)
    with refused("case_files_full"):
        await lite.do("wang", cases.add, receipt.case_id, "", [file_of(21)])


@pytest.mark.parametrize(
    ("words", "about", "name", "facts"),
    [
        ("员工M01", "M01", None, "多收手续费"),
        ("我的经理员工M01总不回消息", "M01", None, "多收手续费\n我的经理员工M01总不回消息"),
        ("张三丰", None, "张三丰", "多收手续费"),
        ("客户经理", "M01", None, "多收手续费"),
        ("客户经理员工M01", "M01", None, "多收手续费"),
        ("没有", None, None, "多收手续费"),
        ("期货公司", None, None, "多收手续费"),
        ("8月14日多收了三次", None, None, "多收手续费\n8月14日多收了三次"),
    ],
)
async def test_a_person_is_named_in_words_and_a_sentence_is_no_name(
    lite: House, words: str, about: str | None, name: str | None, facts: str
) -> None:
    """A name finds the employee or is kept as it was said; whatever else is said is part of what happened."""
    draft = await lite.do("wang", drafts.begin, said="多收手续费", category="5")
    assert draft.step == "about"
    taken = await lite.do("wang", drafts.said, words)
    assert (taken.draft.about.code if taken.draft.about else None) == about
    assert (taken.draft.about_name, taken.draft.facts) == (name, facts)


async def test_one_answer_is_changed_from_the_summary_and_back(lite: House) -> None:
    """The category alone is asked again; everything else stays."""
    draft = await lite.do("wang", drafts.begin, said="多收手续费", category="5")
    await lite.do("wang", drafts.choose, draft.id, "about", None)
    await lite.do("wang", drafts.go_on, draft.id, "facts")
    await lite.do("wang", drafts.said, "退还")
    at_end = await lite.do("wang", drafts.go_on, draft.id, "evidence")
    assert at_end.draft.step == "confirm"
    await lite.do("wang", drafts.rewrite, draft.id, "category")
    changed = await lite.do("wang", drafts.choose, draft.id, "category", "4")
    assert (changed.draft.step, changed.draft.category, changed.draft.demand) == ("confirm", "4", "退还")
    await lite.do("wang", drafts.rewrite, draft.id, "facts")
    with refused("complaint_no_facts"):
        await lite.do("wang", drafts.confirm, draft.id)
    back = await lite.do("wang", drafts.back, draft.id, "facts")
    assert back.draft.step == "confirm"


async def test_a_link_that_ends_in_the_middle_neither_breaks_nor_loses_the_draft(lite: House) -> None:
    """Two accounts, asked which one, then unlinked: the person goes on as somebody without an account."""
    async with working(lite.deps) as work:
        await lite.register(work, "second", "80099999")
        await lite.link(work, CHATS["wang"], client_id=lite.clients["second"])
    draft = await lite.do("wang", drafts.begin, said="多收手续费", category="5")
    assert draft.step == "account"
    async with working(lite.deps) as work:
        await work.session.execute(
            update(Link).where(Link.chat_id == CHATS["wang"]).values(until=work.now, ended_why="test")
        )
    now = await lite.do("wang", drafts.current)
    assert (now.step, now.facts, "reach" in now.steps) == ("category", "多收手续费", True)


async def test_words_for_a_case_of_an_account_no_longer_linked_are_questions_again(lite: House) -> None:
    """The chat is not stuck in a conversation about something that it may no longer see."""
    filed = await lite.file()
    await lite.do("wang", cases.listen_for, filed.case_id)
    async with working(lite.deps) as work:
        await work.session.execute(
            update(Link).where(Link.chat_id == CHATS["wang"]).values(until=work.now, ended_why="test")
        )
    assert await lite.do("wang", cases.said, "怎么开户") is None
    async with reading(lite.deps) as work:
        assert list(await work.session.scalars(select(Dialog))) == []


# --- handled --------------------------------------------------------------------------------------------------------


async def test_two_presses_at_the_same_instant_give_it_to_one(desk: House) -> None:
    """On PostgreSQL the row lock decides, on SQLite the one writer."""
    async with working(desk.deps) as work:
        await desk.register(work, "zhou", "80045678", officer=None)
    filed = await desk.file("zhou")
    results = await asyncio.gather(
        desk.do("S01", case_desk.take, filed.case_id),
        desk.do("S02", case_desk.take, filed.case_id),
        return_exceptions=True,
    )
    refusals = [r for r in results if isinstance(r, Refusal)]
    assert [r.code for r in refusals] == ["case_taken"]
    assert results.count(True) == 1
    assert (await desk.kinds()).count("taken") == 1
    assert len(await desk.told("zhou", "complaint.taken")) == 1


async def test_the_stored_state_is_always_the_derived_one(desk: House) -> None:
    """After every verb the row says what the events say."""
    filed = await desk.file()
    steps = [
        ("S01", case_desk.take, (filed.case_id,)),
        ("S01", case_desk.ask, (filed.case_id, "请补充")),
        ("wang", cases.add, (filed.case_id, "这是补充")),
        ("S01", case_desk.reply, (filed.case_id, "收到")),
        ("S01", case_desk.phoned, (filed.case_id,)),
        ("S01", case_desk.transfer, (filed.case_id, desk.staff["S02"])),
        ("S02", case_desk.close, (filed.case_id, "原因", "处理")),
        ("wang", cases.reopen, (filed.case_id, "不认可")),
        ("V01", case_desk.take, (filed.case_id,)),
        ("V01", case_desk.close, (filed.case_id, "原因", "处理")),
    ]
    seen = []
    for key, verb, args in steps:
        desk.later(minutes=10)
        await desk.do(key, verb, *args)
        async with working(desk.deps) as work:
            found = await book(work, filed.case_id)
            assert found is not None
            assert found.row.state == str(found.standing.state)
            assert found.row.contacted_at == found.standing.contacted_at
            seen.append(found.row.state)
    assert seen == ["open", "waiting", "open", "open", "open", "open", "resolved", "open", "open", "resolved"]


async def test_a_major_result_is_extended_once_and_the_client_is_told_why(lite: House) -> None:
    """Fifteen working days more, with the reason; not twice, not for general ones, not when overdue."""
    general = await lite.file("wang", "5")
    await lite.do("S01", case_desk.take, general.case_id)
    with refused("case_no_extension"):
        await lite.do("S01", case_desk.prompt, general.case_id, "extend")
    major = await lite.file("li", "7")
    await lite.do("V01", case_desk.take, major.case_id)
    await lite.do("V01", case_desk.reply, major.case_id, "正在调取记录")
    await lite.do("V01", case_desk.prompt, major.case_id, "extend")
    sent = await lite.do("V01", case_desk.said, "等待供应商日志")
    assert sent.step == "sent"
    case = await lite.case(major.number)
    assert case.result_due is not None
    assert (
        case.result_due.date().isoformat() == "2026-09-28"
    )  # the 25th is a holiday, Sunday the 20th is worked
    assert "等待供应商日志" in (await lite.told("li", "complaint.extended"))[0]
    with refused("case_no_extension"):
        await lite.do("V01", case_desk.extend, major.case_id, "再次延长")


async def test_only_the_owner_may_speak_for_the_house(lite: House) -> None:
    """A colleague of the desk cannot answer a case that somebody else took, nor close it."""
    filed = await lite.file()
    await lite.do("S01", case_desk.take, filed.case_id)
    with refused("case_not_yours"):
        await lite.do("S02", case_desk.reply, filed.case_id, "我来回")
    with refused("not_found"):
        await lite.do("M01", case_desk.close, filed.case_id, "a", "b")
    await lite.do("S01", case_desk.close, filed.case_id, "原因", "处理")
    with refused("case_over"):
        await lite.do("S01", case_desk.reply, filed.case_id, "再说一句")


async def test_a_client_speaks_of_own_complaints_only(lite: House) -> None:
    """Another client's complaint is not found, whatever the button said."""
    filed = await lite.file("wang")
    for verb, args in (
        (cases.add, (filed.case_id, "x")),
        (cases.state_of, (filed.case_id,)),
        (cases.reopen, (filed.case_id, "x")),
        (cases.rate, (filed.case_id, 1, 5)),
        (cases.by_number, (filed.number,)),
        (cases.listen_for, (filed.case_id,)),
    ):
        with refused("not_found"):
            await lite.do("li", verb, *args)


async def test_a_sold_phone_sees_nothing_and_the_new_one_gets_the_news(lite: House) -> None:
    """The link moved to another chat: the old chat cannot look, and what is told goes to the new one."""
    filed = await lite.file("wang")
    async with working(lite.deps) as work:
        await work.session.execute(
            update(Link).where(Link.chat_id == CHATS["wang"]).values(until=work.now, ended_why="moved")
        )
        CHATS["wang2"] = 777
        await lite.link(work, 777, client_id=lite.clients["wang"])
    await lite.do("S01", case_desk.take, filed.case_id)
    assert await lite.told("wang2", "complaint.taken")
    assert not await lite.told("wang", "complaint.taken")
    with refused("not_found"):
        await lite.do("wang", cases.state_of, filed.case_id)
    assert (await lite.do("wang2", cases.state_of, filed.case_id)).line.number == filed.number


async def test_an_authorised_person_sees_what_the_own_chat_filed(lite: House) -> None:
    """The holder sees every complaint of the account; the authorised person not the holder's."""
    filed = await lite.file("wang")
    async with working(lite.deps) as work:
        CHATS["agent"] = 778
        await lite.link(work, 778, client_id=lite.clients["wang"], person="authorised")
    assert await lite.do("agent", cases.of_client) == []
    own = await lite.file("agent", "4")
    assert [line.number for line in await lite.do("agent", cases.of_client)] == [own.number]
    assert {line.number for line in await lite.do("wang", cases.of_client)} == {own.number, filed.number}


async def test_a_result_is_rated_once_and_a_reopened_one_again(desk: House) -> None:
    """One rating a result; the buttons of an older result no longer count."""
    filed = await desk.file()
    await desk.do("S01", case_desk.take, filed.case_id)
    await desk.do("S01", case_desk.close, filed.case_id, "原因", "处理")
    first = await last_event(desk, "resolved")
    assert await desk.do("wang", cases.rate, filed.case_id, first, 1)
    assert not await desk.do("wang", cases.rate, filed.case_id, first, 5)
    assert (await desk.case()).rating == 1
    assert len(await desk.told("V01", "case.review")) == 1
    await desk.do("wang", cases.reopen, filed.case_id, "不认可")
    assert not await desk.do("wang", cases.rate, filed.case_id, first, 5)
    await desk.do("V01", case_desk.take, filed.case_id)
    await desk.do("V01", case_desk.close, filed.case_id, "原因", "处理")
    assert await desk.do("wang", cases.rate, filed.case_id, await last_event(desk, "resolved"), 4)
    with refused("not_found"):
        await desk.do("wang", cases.rate, filed.case_id, 1, 6)


async def last_event(of: House, kind: str) -> int:
    async with reading(of.deps) as work:
        found = await work.session.scalar(
            select(CaseEvent.id).where(CaseEvent.kind == kind).order_by(CaseEvent.id.desc()).limit(1)
        )
        assert found is not None
        return found


async def test_a_low_rating_of_the_supervisor_is_reviewed_by_compliance(lite: House) -> None:
    """Nobody reviews the own work."""
    filed = await lite.file("li")
    await lite.do("V01", case_desk.take, filed.case_id)
    await lite.do("V01", case_desk.close, filed.case_id, "原因", "处理")
    await lite.do("li", cases.rate, filed.case_id, await last_event(lite, "resolved"), 2)
    assert not await lite.told("V01", "case.review")
    assert await lite.told("C01", "case.review")


async def test_after_the_window_it_is_closed_and_cannot_be_reopened(lite: House) -> None:
    """The end of the seventh day in Beijing is still in time; the day after is not."""
    filed = await lite.file()
    await lite.do("S01", case_desk.take, filed.case_id)
    await lite.do("S01", case_desk.close, filed.case_id, "原因", "处理")
    lite.at("2026-08-24 23:59")
    await lite.tick()
    assert (await lite.case()).state == "resolved"
    assert await lite.do("wang", cases.ask_why_reopen, filed.case_id) == (filed.number, True)
    lite.at("2026-08-25 00:01")
    await lite.tick()
    assert (await lite.case()).state == "closed"
    assert await lite.do("wang", cases.ask_why_reopen, filed.case_id) == (filed.number, False)
    with refused("case_reopen_late"):
        await lite.do("wang", cases.reopen, filed.case_id, "不认可")
    later = await lite.file("wang", "4", earlier=filed.number)
    assert (await lite.case(later.number)).severity == "major"


async def test_words_added_later_can_make_it_major_or_secret(lite: House) -> None:
    """A lawyer named in an addition moves it to the supervisor; a report of misconduct to compliance."""
    filed = await lite.file()
    await lite.do("S01", case_desk.take, filed.case_id)
    await lite.do("wang", cases.add, filed.case_id, "我已委托律师")
    case = await lite.case()
    assert (case.severity, case.desk, case.owner_id) == ("major", "supervisor", None)
    assert "重大投诉" in (await lite.told("wang", "complaint.moved"))[-1]
    await lite.do("V01", case_desk.take, filed.case_id)
    await lite.do("wang", cases.add, filed.case_id, "我要举报林某")
    case = await lite.case()
    assert (case.restricted, case.desk, case.owner_id) == (True, "compliance", None)
    with refused("not_found"):
        await lite.do("V01", case_desk.card, filed.case_id)


async def test_what_staff_may_not_know_is_in_no_list_and_no_count(lite: House) -> None:
    """A restricted complaint and one about the reader are absent for them, and there for compliance."""
    await lite.file("wang", "10", "代我下单", about="M01")
    await lite.file("wang", "12", "林某不回消息", about="S01")
    await lite.file("wang", "5")
    counts = {}
    lists = {}
    async with reading(lite.deps) as work:
        for code in ("M01", "S01", "V01", "C01"):
            member = await access.staff(work, lite.staff[code])
            counts[code] = await cases.count_known_to(work, member, lite.clients["wang"])
            lists[code] = len(await case_desk.of_desk(work, await lite.who(work, code)))
    assert counts == {"M01": 2, "S01": 1, "V01": 1, "C01": 3}
    assert lists == {"M01": 0, "S01": 1, "V01": 1, "C01": 3}


async def test_a_desks_list_is_by_severity_then_deadline_then_age(lite: House) -> None:
    """Major first; of general ones the one whose contact is due first."""
    slow = await lite.file("wang", "4")
    lite.later(minutes=1)
    fast = await lite.file("li", "4")
    lite.later(minutes=1)
    major = await lite.file("wang", "7")
    lines = await lite.do("V01", case_desk.of_desk)
    assert [line.number for line in lines] == [major.number, fast.number, slow.number]


async def test_a_card_that_was_on_its_way_is_corrected_on_arrival(lite: House) -> None:
    """Taken before the second officer's card had a number: the outcome of its sending edits it."""
    async with working(lite.deps) as work:
        await lite.register(work, "zhou", "80045678", officer=None)
    filed = await lite.file("zhou")
    await lite.do("S01", case_desk.take, filed.case_id)
    async with working(lite.deps) as work:
        card = await work.session.scalar(
            select(OutboxMessage).where(
                OutboxMessage.chat_id == CHATS["S02"], OutboxMessage.template == "case.card"
            )
        )
        assert card is not None
        assert card.about is not None
        card.message_id, card.state = 55, "sent"
        await work.session.flush()
        await case_cards.card_sent(work, card.about["case_card"], [55])
        edited = await work.session.scalar(
            select(OutboxMessage).where(OutboxMessage.chat_id == CHATS["S02"], OutboxMessage.method == "edit")
        )
    assert edited is not None
    assert edited.body["message_id"] == 55
    assert "员工S01" in edited.body["html"]
    assert "接单" not in str(edited.body["buttons"])


async def test_a_question_that_never_arrived_neither_pauses_nor_counts_as_contact(lite: House) -> None:
    """Reported by the outbox: the clock runs on, and the owner is told to phone, once."""
    filed = await lite.file()
    await lite.do("S01", case_desk.take, filed.case_id)
    await lite.do("S01", case_desk.ask, filed.case_id, "请补充")
    asked = await last_event(lite, "asked")
    for _ in range(2):
        async with working(lite.deps) as work:
            await case_client.told_failed(work, asked, "blocked", "Forbidden")
    case = await lite.case()
    assert (case.state, case.contacted_at) == ("open", None)
    assert len(await lite.told("S01", "case.undelivered")) == 1


# --- by the clock ---------------------------------------------------------------------------------------------------


async def test_each_step_up_the_chain_happens_once(desk: House) -> None:
    """However often the timetable ticks, and whichever steps it slept through."""
    filed = await desk.file()
    await desk.do("S01", case_desk.take, filed.case_id)
    for moment in ("2026-08-17 15:16", "2026-08-18 08:31", "2026-08-18 10:01"):
        desk.at(moment)
        for _ in range(3):
            await desk.tick()
    assert len(await desk.told("S01", "case.reminder")) == 1
    assert len(await desk.told("V01", "case.head")) == 1
    case = await desk.case()
    assert (case.desk, case.owner_id, case.level) == ("supervisor", None, 1)
    assert len(await desk.told("wang", "complaint.moved")) == 1
    assert (await desk.kinds()).count("moved") == 1


async def test_steps_slept_through_are_not_made_up_for(lite: House) -> None:
    """The bot was down over two marks: only the highest is acted upon."""
    await lite.file()
    lite.at("2026-08-18 10:01")
    await lite.tick()
    assert not await lite.told("S01", "case.reminder")
    assert (await lite.case()).desk == "supervisor"


async def test_a_contact_between_the_mark_and_the_tick_stops_the_step(lite: House) -> None:
    """The step looks again in the transaction that would send it."""
    filed = await lite.file()
    await lite.do("S01", case_desk.take, filed.case_id)
    lite.at("2026-08-17 15:16")
    await lite.do("S01", case_desk.reply, filed.case_id, "您好，正在核对")
    await lite.tick()
    assert not await lite.told("S01", "case.reminder")


async def test_while_the_client_is_waited_for_the_result_does_not_fall_due(lite: House) -> None:
    """Asked on the first day and silent for a month: nobody is reminded, and nothing is closed by silence."""
    filed = await lite.file()
    await lite.do("S01", case_desk.take, filed.case_id)
    await lite.do("S01", case_desk.ask, filed.case_id, "请补充")
    lite.at("2026-09-21 10:00")
    await lite.tick()
    case = await lite.case()
    assert (case.state, case.desk) == ("waiting", "officer")
    assert not await lite.told("S01", "case.reminder")
    await lite.do("wang", cases.add, filed.case_id, "补充如下")
    lite.at("2026-09-30 10:00")
    await lite.tick()
    assert (await lite.case()).desk == "supervisor"


async def test_at_night_a_general_case_waits_for_the_morning_and_a_major_one_does_not(lite: House) -> None:
    """The bot was down when the mark was reached and comes back at night."""
    general = await lite.file("wang", "5")
    major = await lite.file("li", "7")
    lite.at("2026-08-17 23:00")
    await lite.tick()
    assert (await lite.case(general.number)).level == 0
    assert not await lite.told("S01", "case.reminder")
    assert (await lite.case(major.number)).desk == "compliance"
    lite.at("2026-08-18 08:31")
    await lite.tick()
    assert await lite.told("V01", "case.head")


async def test_at_the_end_of_the_chain_compliance_and_the_owner_are_told(lite: House) -> None:
    """Nobody above: the case stays, and both hear that it is overdue."""
    filed = await lite.file("wang", "10", "代我下单", about="M01")
    await lite.do("C01", case_desk.take, filed.case_id)
    lite.at("2026-08-18 10:01")
    await lite.tick()
    assert (await lite.case()).desk == "compliance"
    assert len(await lite.told("C01", "case.overdue")) == 1


async def test_who_leaves_the_house_leaves_no_case_behind(lite: House) -> None:
    """A disabled owner's case goes back to the desk, and the client is told."""
    filed = await lite.file()
    await lite.do("S01", case_desk.take, filed.case_id)
    async with working(lite.deps) as work:
        await work.session.execute(update(Staff).where(Staff.code == "S01").values(active=False))
    await lite.tick()
    case = await lite.case()
    assert (case.owner_id, case.desk) == (None, "officer")
    assert await lite.told("S02", "case.card")
    assert await lite.told("wang", "complaint.moved")


async def test_a_case_that_nobody_may_have_alerts_the_operators_and_is_tried_again(lite: House) -> None:
    """The only compliance officer is complained of: by number alone the operators learn it, until somebody comes."""
    filed = await lite.file("wang", "10", "私下收费", about="C01")
    alert = await lite.told("T01", "alert.case_unplaced")
    assert filed.number in alert[0]
    assert "私下收费" not in alert[0]
    assert not await lite.told("C01", "case.card")
    async with working(lite.deps) as work:
        await lite.hire(work, "C02", "compliance", "compliance")
    lite.later(minutes=11)
    await lite.tick()
    assert await lite.told("C02", "case.card")
    assert len(await lite.told("T01", "alert.case_unplaced")) == 1


async def test_drafts_that_nobody_finished_are_dropped(lite: House) -> None:
    """After the configured hours nothing of what was typed is kept."""
    await lite.do("wang", drafts.begin, said="多收手续费")
    lite.later(hours=25)
    async with working(lite.deps) as work:
        await case_clocks.archive(work)
    async with reading(lite.deps) as work:
        assert list(await work.session.scalars(select(Dialog))) == []


async def test_the_tier_changes_the_speed_and_nothing_else(lite: House) -> None:
    """Two clients of different tiers: the same result term, the same rights to reopen and to rate."""
    one, two = await lite.file("wang", "4"), await lite.file("li", "4")
    assert one.result_due == two.result_due
    async with reading(lite.deps) as work:
        tiers = list(await work.session.scalars(select(Client.tier).order_by(Client.id)))
        stored = list(await work.session.scalars(select(Case.tier).order_by(Case.id)))
    assert stored == tiers
    for texts in (await lite.told("wang"), await lite.told("li")):
        assert not any(word in text for text in texts for word in ("普通", "重点", "premier", "retail"))
