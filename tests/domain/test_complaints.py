"""Complaints as rules: weight, sums of money, lines, states derived from events, clocks."""

import csv
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.settings import policy
from domain.calendar import SHANGHAI, TradingCalendar, read_days
from domain.clocks import Hours, Span, due, due_in_working_days
from domain.complaints import (
    GENERAL,
    MAJOR,
    Event,
    Kind,
    State,
    Terms,
    amount_in,
    asks_for_progress,
    conflicted,
    contact_clock,
    desks_from,
    first_desk,
    may_handle,
    may_know,
    next_mark,
    result_clock,
    standing,
    weigh,
)
from domain.people import Role, StaffMember

ROOT = Path(__file__).parents[2]
POLICY = policy(ROOT / "config.yaml").complaints
MONDAY = datetime(2026, 8, 17, 10, 0, tzinfo=SHANGHAI)


def calendar() -> TradingCalendar:
    with (ROOT / "knowledge/tables/calendar.csv").open(encoding="utf-8") as lines:
        return TradingCalendar(read_days(csv.DictReader(lines)))


CALENDAR = calendar()
HOURS = Hours.of_working_days(
    *(Span(i.opens, i.closes) for i in policy(ROOT / "config.yaml").hours.working_day)
)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("赔偿12万元", "120000"),
        ("要求退还手续费 3000 元", "3000"),
        ("退还300000手续费", "300000"),
        ("１２万", "120000"),
        ("二十五万", "250000"),
        ("三万五千元", "35000"),
        ("一百二十万元", "1200000"),
        ("¥5,000.50", "5000.50"),
        ("损失 3 千元，要求赔偿 1.5 万", "15000"),
        ("refund of 200000 yuan", "200000"),
        ("赔偿我 150000", "150000"),
    ],
)
def test_sums_are_read_as_people_write_them(text: str, amount: str) -> None:
    """The largest sum of a text, in yuan."""
    assert amount_in(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text", ["rb2610 亏了 5000 点", "账号80012345", "8月17日 100 手", "几万元", "", "赔偿100手"]
)
def test_contracts_dates_lots_and_accounts_are_no_sums(text: str) -> None:
    """A figure that nobody called money does not make a complaint major."""
    assert amount_in(text) is None


@pytest.mark.parametrize(
    ("facts", "reasons"),
    [
        ({"category": "7"}, ("category",)),
        ({"category": "10"}, ("category",)),
        ({"amount": Decimal(100_000)}, ("amount",)),
        ({"words": "我会找律师"}, ("words",)),
        ({"words": "我要打12386"}, ("words",)),
        ({"words": "不想活了"}, ("words",)),
        ({"words": "see you in COURT"}, ("words",)),
        ({"again": True}, ("repeat",)),
        ({"others": 4}, ("cluster",)),
        ({"said_major": True}, ("said",)),
        ({"words": "我要举报"}, ("report",)),
    ],
)
def test_any_one_reason_makes_a_complaint_major(facts: dict[str, Any], reasons: tuple[str, ...]) -> None:
    """Each condition of the rules alone suffices, and is named."""
    category, words = facts.pop("category", "5"), facts.pop("words", "多收手续费")
    found = weigh(POLICY, category, words, **facts)
    assert (found.severity, found.reasons) == (MAJOR, reasons)


@pytest.mark.parametrize(
    "facts",
    [{"amount": Decimal("99999.99")}, {"others": 3}, {"words": "his courtesy"}, {}],
)
def test_just_below_every_bound_it_stays_general(facts: dict[str, Any]) -> None:
    """99,999.99 yuan, four clients in ten days, a word that merely contains another."""
    found = weigh(POLICY, "5", facts.pop("words", "多收手续费"), **facts)
    assert (found.severity, found.reasons) == (GENERAL, ())


def test_the_first_line_of_the_routing_table_that_holds_decides() -> None:
    """Conduct before severity before tier; everybody else comes to the service desk."""
    table = [("10", MAJOR, "retail"), ("7", MAJOR, "retail"), ("5", GENERAL, "key"), ("5", GENERAL, "active")]
    desks = [first_desk(POLICY, category=c, severity=s, tier=t) for c, s, t in table]
    assert desks == ["compliance", "supervisor", "supervisor", "officer"]
    assert desks_from(POLICY, "supervisor") == ("supervisor", "compliance")


def member(
    number: int, role: Role, line: str, lead: int | None = None, *, active: bool = True
) -> StaffMember:
    return StaffMember(
        number, f"X{number}", f"员工{number}", role, line, lead_id=lead, active=active, chat_id=number
    )


HEAD = member(1, Role.MANAGER, "总部")
MANAGER = member(2, Role.MANAGER, "市场一部", lead=1)
BESIDE = member(3, Role.MANAGER, "市场二部", lead=1)
BELOW = member(4, Role.MANAGER, "市场三部", lead=2)
OFFICER = member(5, Role.OFFICER, "客服", lead=7)
OTHER_OFFICER = member(6, Role.OFFICER, "客服", lead=7)
SUPERVISOR = member(7, Role.SUPERVISOR, "客服")
COMPLIANCE = member(8, Role.COMPLIANCE, "合规")
SECOND_COMPLIANCE = member(9, Role.COMPLIANCE, "合规")
HOUSE = [HEAD, MANAGER, BESIDE, BELOW, OFFICER, OTHER_OFFICER, SUPERVISOR, COMPLIANCE, SECOND_COMPLIANCE]


def test_the_whole_line_of_the_accused_stands_aside() -> None:
    """The person, the leads above, the reports below, those under the same lead, and the same desk."""
    assert {m.id for m in HOUSE if conflicted(m, MANAGER, HOUSE)} == {1, 2, 3, 4}
    assert {m.id for m in HOUSE if conflicted(m, OFFICER, HOUSE)} == {5, 6, 7}
    assert {m.id for m in HOUSE if conflicted(m, SUPERVISOR, HOUSE)} == {5, 6, 7}
    assert not any(conflicted(m, None, HOUSE) for m in HOUSE)


def test_compliance_may_look_into_its_own_desk_but_never_into_itself() -> None:
    """A colleague of the same desk is no conflict for compliance; oneself and a lead are."""
    assert not conflicted(SECOND_COMPLIANCE, COMPLIANCE, HOUSE)
    assert conflicted(COMPLIANCE, COMPLIANCE, HOUSE)
    led = replace(SECOND_COMPLIANCE, lead_id=COMPLIANCE.id)
    assert conflicted(led, COMPLIANCE, [*HOUSE[:-1], led])


def test_a_disabled_lead_still_joins_the_line() -> None:
    """Lines go through people who have left."""
    left = replace(HEAD, active=False)
    assert conflicted(BESIDE, MANAGER, [left, *HOUSE[1:]])


def test_two_leads_in_a_circle_end_the_search() -> None:
    """A register that names two people as each other's lead does not hang the desk."""
    a, b = member(20, Role.RISK, "风控", lead=21), member(21, Role.RISK, "风控", lead=20)
    assert conflicted(a, b, [a, b])


def test_what_is_restricted_is_known_to_compliance_alone() -> None:
    """Whoever accuses nobody by name is still heard by compliance only, where the matter is restricted."""
    knowing = {m.id for m in HOUSE if may_know(m, restricted=True, accused=None, house=HOUSE)}
    assert knowing == {8, 9}
    handling = {
        m.id
        for m in HOUSE
        if may_handle(m, desk="officer", restricted=False, accused=None, house=HOUSE, policy=POLICY)
    }
    assert handling == {5, 6, 7, 8, 9}


# --- events ---------------------------------------------------------------------------------------------------


def terms(start: datetime) -> dict[str, Any]:
    contact = due(start, timedelta(minutes=240), HOURS, CALENDAR)
    return Terms(start, contact, due_in_working_days(start, 5, HOURS, CALENDAR)).as_json()


def events(*steps: tuple[Kind, float, dict[str, Any]]) -> list[Event]:
    """An opened case and steps (kind, hours after opening, data)."""
    found = [Event(1, MONDAY, "client:1", Kind.OPENED, None, {"terms": terms(MONDAY)})]
    for number, (kind, hours, data) in enumerate(steps, 2):
        found.append(Event(number, MONDAY + timedelta(hours=hours), "x", kind, None, data))
    return found


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([], State.OPEN),
        ([(Kind.TAKEN, 1, {})], State.OPEN),
        ([(Kind.ASKED, 1, {})], State.WAITING),
        ([(Kind.ASKED, 1, {}), (Kind.REPLIED, 2, {})], State.WAITING),
        ([(Kind.ASKED, 1, {}), (Kind.MOVED, 2, {})], State.WAITING),
        ([(Kind.ASKED, 1, {}), (Kind.ADDED, 2, {})], State.OPEN),
        ([(Kind.ASKED, 1, {}), (Kind.UNDELIVERED, 1, {"event": 2})], State.OPEN),
        ([(Kind.RESOLVED, 1, {})], State.RESOLVED),
        ([(Kind.RESOLVED, 1, {}), (Kind.REOPENED, 2, {"terms": terms(MONDAY)})], State.OPEN),
        ([(Kind.RESOLVED, 1, {}), (Kind.CLOSED, 200, {})], State.CLOSED),
    ],
)
def test_the_state_follows_from_the_events(steps: list[Any], state: State) -> None:
    """What happened last decides; a question that never arrived does not wait for an answer."""
    assert standing(events(*steps)).state is state


@pytest.mark.parametrize(
    ("steps", "contacted"),
    [
        ([(Kind.TAKEN, 1, {})], False),
        ([(Kind.MOVED, 1, {})], False),
        ([(Kind.ADDED, 1, {})], False),
        ([(Kind.ASKED, 1, {})], True),
        ([(Kind.REPLIED, 1, {})], True),
        ([(Kind.PHONED, 1, {})], True),
        ([(Kind.RESOLVED, 1, {})], True),
        ([(Kind.REPLIED, 1, {}), (Kind.UNDELIVERED, 1, {"event": 2})], False),
        (
            [(Kind.REPLIED, 1, {}), (Kind.RESOLVED, 2, {}), (Kind.REOPENED, 3, {"terms": terms(MONDAY)})],
            False,
        ),
    ],
)
def test_only_words_that_reached_the_client_are_a_contact(steps: list[Any], contacted: bool) -> None:
    """Taking a case or moving it about is none, nor is a message that never arrived."""
    assert (standing(events(*steps)).contacted_at is not None) is contacted


def test_the_contact_clock_runs_while_the_result_clock_stands() -> None:
    """Asking stops the clock of the result only, and what is left of it is kept."""
    never_reached = events((Kind.ASKED, 1, {}), (Kind.TAKEN, 2, {}))
    waiting = standing(never_reached)
    later = MONDAY + timedelta(days=1)
    result = result_clock(waiting, later, HOURS, CALENDAR)
    assert (result.due, result.standing_still) == (None, True)
    assert result.left == result_clock(waiting, MONDAY + timedelta(hours=1), HOURS, CALENDAR).left
    lost = standing([*never_reached, Event(9, MONDAY, "bot", Kind.UNDELIVERED, None, {"event": 2})])
    assert contact_clock(lost, later, HOURS, CALENDAR).mark == 100


def test_paused_time_moves_the_due_moment_by_as_much() -> None:
    """Asked at 11:00 and answered at 14:00: an hour and a half of working time later, the midday break not counted."""
    found = standing(events((Kind.ASKED, 1, {}), (Kind.ADDED, 4, {})))
    clock = result_clock(found, MONDAY + timedelta(hours=5), HOURS, CALENDAR)
    assert clock.paused == timedelta(hours=1, minutes=30)
    assert found.terms.result_due == datetime(2026, 8, 24, 17, 30, tzinfo=SHANGHAI)
    assert clock.due == datetime(2026, 8, 25, 10, 0, tzinfo=SHANGHAI)


def test_marks_are_acted_upon_once_and_begin_anew_with_a_reopening() -> None:
    """After 50 % comes 80 %; a reopened case begins with 50 % again."""
    found = standing(events())
    first = next_mark(found, HOURS, CALENDAR)
    assert first == due(MONDAY, timedelta(minutes=120), HOURS, CALENDAR)
    done = standing(events((Kind.MARKED, 2, {"clock": "contact", "mark": 50})))
    assert next_mark(done, HOURS, CALENDAR) == due(MONDAY, timedelta(minutes=192), HOURS, CALENDAR)
    again = standing(
        events(
            (Kind.MARKED, 2, {"clock": "contact", "mark": 100}),
            (Kind.RESOLVED, 3, {}),
            (Kind.REOPENED, 4, {"terms": terms(MONDAY + timedelta(hours=4))}),
        )
    )
    assert again.marks == {}
    assert again.times_reopened == 1


def test_a_term_beyond_the_calendar_is_unknown_and_nothing_is_guessed() -> None:
    """No due moment, no remaining time, no mark."""
    data = Terms(MONDAY, None, None).as_json()
    found = standing([Event(1, MONDAY, "client:1", Kind.OPENED, None, {"terms": data})])
    clock = result_clock(found, MONDAY, HOURS, CALENDAR)
    assert (clock.due, clock.left, clock.mark) == (None, None, 0)
    assert next_mark(found, HOURS, CALENDAR) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("投诉进度", ""),
        ("我的投诉进度怎么样了", ""),
        ("complaint status?", ""),
        ("cp-20260817-0001", "CP-20260817-0001"),
        ("我的投诉CP-20260818-0001到哪了", "CP-20260818-0001"),
        ("我的投诉到哪一步了", ""),
        ("我的投诉处理得怎么样了？", ""),
        ("投诉有结果了吗", ""),
        ("我那个投诉什么时候有结果", ""),
        ("投诉多久有结果", None),
        ("投诉处理流程", None),
        ("投诉进度怎么查", None),
        ("我要投诉", None),
    ],
)
def test_a_question_about_the_state_is_told_from_one_about_the_procedure(
    text: str, number: str | None
) -> None:
    """How progress is looked up is a question for the library."""
    assert asks_for_progress(text) == number
