"""Who is told of a risk, in which words, until when, and who phones where a message does not do."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.settings import policy
from db.models import Case, CaseEvent, Chat, Consent, Delivery, Link, Notice, OutboxMessage, Rung
from domain.calendar import TradingCalendar
from domain.errors import Refusal
from domain.people import Actor
from services import access, consents, ladder, reminders, risk, tasks
from services.work import Work, reading, working
from tests.services.settled import Settled, at, positions, second_case, settled, table

ROOT = Path(__file__).parents[2]
CLIENT, OTHER, MANAGER, RISK, OPERATOR, OFFICER = 101, 102, 201, 202, 203, 204


@pytest.fixture
async def house(sqlite_url: str) -> AsyncIterator[Settled]:
    async with settled(sqlite_url) as opened:
        yield opened


@pytest.fixture
async def each_house(database_url: str) -> AsyncIterator[Settled]:
    async with settled(database_url) as opened:
        yield opened


@pytest.fixture
async def manager(house: Settled) -> int:
    return await house.staff("M01", "manager", MANAGER)


async def speaking(house: Settled, chat_id: int) -> Actor:
    async with reading(house.deps) as work:
        return await access.actor_of(work, chat_id)


async def open_reasons(house: Settled) -> list[str]:
    return [c.category for c in await house.all(Case) if c.kind == "task" and c.state != "closed"]


async def sent(house: Settled) -> None:
    """Telegram took everything that waits."""
    async with working(house.deps) as work:
        for message in await house.all(OutboxMessage):
            if message.about and "delivery" in message.about:
                await reminders.delivery_sent(work, message.about["delivery"], [message.id])


# --- the reminder -----------------------------------------------------------------------------------------


async def test_a_climb_to_a_call_brings_the_complete_reminder(each_house: Settled) -> None:
    """Everything that a notice must contain, in the words of the second published case."""
    house = each_house
    await house.client(chats=(CLIENT,))
    await house.take(second_case())
    [text] = await house.said(CLIENT)
    for part in (
        "追加保证金", "尾号 2345", "王*", "应追加 2,921.50 元", "截止：8月17日（周一）20:55（夜盘开盘前）",
        "8月17日（周一）结算", "客户权益 40,000.00 元", "公司保证金 42,921.50 元，公司风险度 107.30%",
        "交易所保证金 24,090.50 元，交易所风险度 60.23%（按交易所标准估算）", "可用资金 -2,921.50 元",
        "rb2610 多 6 手：约 1 手", "m2701 空 5 手：约 1 手", "估算", "《期货经纪合同》追加保证金与强行平仓条款",
        "银期转账", "风控电话 400-000-0001", "金额并非最终", "辅助提醒", "不构成交易建议", "MC-20260817-0001", "版本 2026-11",
    ):  # fmt: skip
        assert part in text
    assert "王明" not in text
    assert "80012345" not in text


async def test_the_words_are_frozen_with_their_hash_and_the_message_goes_first(house: Settled) -> None:
    """The ledger keeps both languages; a margin call passes everything else and is sent again when in doubt."""
    await house.client(chats=(CLIENT,))
    await house.take(second_case())
    [notice] = await house.all(Notice)
    [line] = await house.all(Delivery)
    [message] = [m for m in await house.all(OutboxMessage) if m.chat_id == CLIENT]
    assert message.body["html"] == notice.text_zh
    assert len(notice.hash) == 64
    assert "Margin call" in notice.text_en
    assert (notice.kind, notice.level, notice.number) == ("margin", "call", "MC-20260817-0001")
    assert notice.deadline == at("2026-08-17 20:55")
    assert (message.priority, message.on_doubt, message.about) == (10, "resend", {"delivery": line.id})
    assert (line.state, line.form, line.outbox_id) == ("queued", "full", message.id)
    assert line.acknowledge_by == at("2026-08-17 17:00")
    labels = [button["text"] for row in message.body["buttons"] for button in row]
    assert labels == ["我已知悉", "查看试算", "联系风控"]


async def test_where_the_contract_lists_this_channel_it_is_not_called_auxiliary(sqlite_url: str) -> None:
    """A setting of the brokerage."""
    shipped = policy(ROOT / "config.yaml")
    rules = shipped.model_copy(
        update={"risk": shipped.risk.model_copy(update={"contract_lists_this_channel": True})}
    )
    async with settled(sqlite_url, rules=rules) as house:
        await house.client(chats=(CLIENT,))
        await house.take(second_case())
        [text] = await house.said(CLIENT)
    assert "辅助提醒" not in text


async def test_without_consent_there_is_no_figure_and_somebody_phones(house: Settled, manager: int) -> None:
    """A hint, the risk desk's phone, and a task for the account manager."""
    await house.client(chats=(CLIENT,), manager=manager, consent=False)
    await house.take(second_case())
    [text] = await house.said(CLIENT)
    assert "尾号 2345" in text
    assert "电话联系您" in text
    assert not any(figure in text for figure in ("2,921", "40,000", "107", "追加"))
    [line] = await house.all(Delivery)
    assert line.form == "hint"
    [task] = await house.all(Case)
    assert (task.category, task.owner_id, task.notice_id) == ("no_consent", manager, line.notice_id)
    card = next(said for said in await house.said(MANAGER) if "电话任务" in said)
    assert "MC-20260817-0001" in card
    assert "王*（尾号 2345）" in card


async def test_consent_to_one_purpose_is_not_enough(house: Settled) -> None:
    """Figures and the messenger abroad are asked for separately."""
    await house.client(chats=(CLIENT,))
    async with working(house.deps) as work:
        consent = (await house.all(Consent))[0]
        row = await work.session.get(Consent, consent.id)
        assert row is not None
        row.revoked_at = work.now
    await house.take(second_case())
    [text] = await house.said(CLIENT)
    assert "2,921" not in text


async def test_an_account_without_a_chat_is_phoned_with_the_number_of_the_reminder(
    house: Settled, manager: int
) -> None:
    """The reminder exists to be read out, and the ledger says that there was no chat."""
    await house.client(manager=manager)
    await house.take(second_case())
    [line] = await house.all(Delivery)
    assert (line.state, line.chat_id) == ("no_chat", None)
    [task] = await house.all(Case)
    assert (task.category, task.number, line.task_id) == ("no_chat", "TK-20260817-0001", task.id)


async def test_a_blocked_chat_is_phoned_at_once(house: Settled, manager: int) -> None:
    """Nothing is queued for a chat that cannot be reached."""
    await house.client(chats=(CLIENT,), manager=manager)
    async with working(house.deps) as work:
        chat = await work.session.get(Chat, CLIENT)
        assert chat is not None
        chat.blocked_at = work.now
    await house.take(second_case())
    assert await house.said(CLIENT) == []
    assert await open_reasons(house) == ["undeliverable"]


async def test_every_authorised_person_gets_it_and_one_answer_is_enough(house: Settled, manager: int) -> None:
    """Two chats of an account, two lines of the ledger; after one acknowledged nobody is phoned."""
    await house.client(chats=(CLIENT, OTHER), manager=manager)
    await house.take(second_case())
    first, second = await house.all(Delivery)
    assert {first.chat_id, second.chat_id} == {CLIENT, OTHER}
    async with working(house.deps) as work:
        await reminders.acknowledge(work, await speaking(house, first.chat_id or 0), first.id)
    house.set_clock("2026-08-17 19:00")
    await house.run(reminders.overdue)
    assert await open_reasons(house) == []


async def test_a_warning_is_short_and_a_watch_can_be_refused(house: Settled) -> None:
    """Below the call no task follows; whoever refused watch notices gets none."""
    await house.client("80012345", chats=(CLIENT,))
    await house.client("80023456", chats=(OTHER,))
    async with working(house.deps) as work:
        await reminders.mute(work, await speaking(house, OTHER))
    await house.take(table(("80012345", "100.00", "95.00"), ("80023456", "100.00", "85.00")))
    [text] = await house.said(CLIENT)
    assert "预警" in text
    assert "95.00%" in text
    assert await house.said(OTHER) == []
    assert sorted(line.state for line in await house.all(Delivery)) == ["muted", "queued"]
    assert await open_reasons(house) == []


async def test_a_watch_notice_waits_until_the_quiet_hours_are_over(house: Settled) -> None:
    """A call does not."""
    await house.client("80012345", chats=(CLIENT,))
    await house.client("80023456", chats=(OTHER,))
    house.set_clock("2026-08-17 22:30")
    await house.take(table(("80012345", "100.00", "85.00"), ("80023456", "100.00", "95.00")))
    watch, warning = [m for m in await house.all(OutboxMessage) if m.chat_id in (CLIENT, OTHER)]
    assert watch.not_before is not None
    assert watch.not_before - house.deps.wall() > timedelta(hours=9)
    assert warning.not_before is None


# --- deadlines --------------------------------------------------------------------------------------------


async def test_a_holder_of_day_products_has_until_the_next_morning(house: Settled) -> None:
    """Index futures have no night session: 08:55 of the next trading day."""
    await house.client(chats=(CLIENT,))
    await house.take(positions(("80012345", "CFFEX", "IF2609", 1, "4600", "207000.00")))
    await house.take(table(("80012345", "200000.00", "207000.00")))
    [text] = await house.said(CLIENT)
    assert "截止：8月18日（周二）08:55（日盘开盘前）" in text


async def test_before_a_holiday_there_is_no_night_and_the_deadline_is_after_it(house: Settled) -> None:
    """2026-09-30: no night session before National Day, the next session is on 10-08."""
    house.set_clock("2026-09-30 16:30")
    await house.client(chats=(CLIENT,))
    await house.take(positions(("80012345", "SHFE", "rb2701", 6, "3030", "21816.00"), day="20260930"))
    await house.take(table(("80012345", "20000.00", "21816.00"), day="20260930"))
    [text] = await house.said(CLIENT)
    assert "截止：10月8日（周四）08:55（日盘开盘前）" in text


async def test_where_positions_are_not_known_the_earlier_deadline_is_told(house: Settled) -> None:
    """Nobody is late because of a file that had not come."""
    await house.client(chats=(CLIENT,))
    await house.take(table(("80012345", "100.00", "107.00")))
    [text] = await house.said(CLIENT)
    assert "8月17日（周一）20:55" in text
    assert "持仓明细尚未导入" in text


async def test_a_call_whose_deadline_has_passed_is_not_sent_late_but_phoned(
    house: Settled, manager: int
) -> None:
    """The settlement came in at 21:30."""
    house.set_clock("2026-08-17 21:30")
    await house.client(chats=(CLIENT,), manager=manager)
    await house.take(second_case())
    assert await house.said(CLIENT) == []
    assert await open_reasons(house) == ["late"]
    [line] = await house.all(Delivery)
    assert line.state == "stopped"


# --- the ladder -------------------------------------------------------------------------------------------


async def test_the_same_rung_is_silent_until_the_next_settlement(house: Settled) -> None:
    """Another file of the day adds nothing; the next day's settlement is told again."""
    await house.client(chats=(CLIENT,))
    await house.take(table(("80012345", "100.00", "107.00")))
    await house.take(table(("80012345", "100.00", "107.00"), ("80023456", "1.00", "0.00")))
    assert len(await house.said(CLIENT)) == 1
    house.set_clock("2026-08-18 16:30")
    assert (await house.take(table(("80012345", "100.00", "107.00"), day="20260818"))).alerts == 1
    assert len(await house.said(CLIENT)) == 2


async def test_a_corrected_amount_is_told_anew_and_names_the_reminder_that_it_replaces(
    house: Settled,
) -> None:
    """The rung is the same, the amount is not: 7.00, then 9.00; equal figures once more say nothing."""
    await house.client(chats=(CLIENT,))
    await house.take(table(("80012345", "100.00", "107.00")))
    await house.take(table(("80012345", "100.00", "109.00")), reason="更正")
    await house.take(table(("80012345", "100.00", "109.00"), ("80023456", "1.00", "0.00")))
    first, second = await house.said(CLIENT)
    assert "应追加 7.00 元" in first
    assert "应追加 9.00 元" in second
    assert "取代 MC-20260817-0001" in second
    assert [n.state for n in await house.all(Notice)] == ["expired", "sent"]


async def test_ten_points_more_are_named_as_a_further_rise(house: Settled) -> None:
    """From 107 % to 117 % within a day."""
    await house.client(chats=(CLIENT,))
    await house.take(table(("80012345", "100.00", "107.00")))
    await house.take(table(("80012345", "100.00", "117.00")), reason="更正")
    assert "风险度继续上升" in (await house.said(CLIENT))[1]


async def test_recovery_is_told_and_ends_what_was_to_be_phoned(house: Settled, manager: int) -> None:
    """The rung is forgotten, the manager hears of it."""
    await house.client(manager=manager, chats=(CLIENT,))
    await house.take(table(("80012345", "100.00", "107.00")))
    house.set_clock("2026-08-17 19:00")
    await house.run(reminders.overdue)
    assert await open_reasons(house) == ["unacknowledged"]
    house.set_clock("2026-08-18 16:30")
    await house.take(table(("80012345", "100.00", "50.00"), day="20260818"))
    assert "风险已缓解" in (await house.said(CLIENT))[-1]
    await sent(house)
    await house.run(risk.tell_pending)
    assert any("风险已缓解" in text for text in await house.said(MANAGER))
    assert await open_reasons(house) == []
    assert await house.all(Rung) == []


async def test_an_older_day_is_history_and_nobody_is_spoken_to(house: Settled) -> None:
    """After Monday's settlement last Friday's brings no word, whatever it says."""
    await house.client(chats=(CLIENT,))
    await house.take(table(("80012345", "100.00", "50.00")))
    summary = await house.take(table(("80012345", "100.00", "150.00"), day="20260814"))
    assert (summary.state, summary.alerts) == ("imported", 0)
    assert await house.said(CLIENT) == []


async def test_figures_that_are_too_old_are_for_staff_only(house: Settled, manager: int) -> None:
    """The newest settlement is Friday's although Monday's session is over; Monday's then speaks to the client."""
    await house.client(chats=(CLIENT,), manager=manager)
    summary = await house.take(table(("80012345", "100.00", "107.00"), day="20260814"))
    assert summary.alerts == 1
    assert await house.said(CLIENT) == []
    assert "未提醒客户" in (await house.said(MANAGER))[0]
    await house.take(table(("80012345", "100.00", "107.00")))
    assert len(await house.said(CLIENT)) == 1


async def test_an_import_that_was_cut_off_while_telling_goes_on_and_tells_nobody_twice(
    house: Settled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the first of three accounts; the next look finishes the other two."""
    for number, chat_id in (("80012345", CLIENT), ("80023456", OTHER), ("80034567", 103)):
        await house.client(number, chats=(chat_id,))
    whole = risk._judge
    monkeypatch.setattr(risk, "_BATCH", 1)

    class Killed(BaseException):
        pass

    async def cut_off(work: Work, day: date, accounts: list[str], *, current: bool) -> int:
        if "80012345" not in accounts:
            raise Killed
        return await whole(work, day, accounts, current=current)

    monkeypatch.setattr(risk, "_judge", cut_off)
    with pytest.raises(Killed):
        await house.take(table(*((n, "100.00", "107.00") for n in ("80012345", "80023456", "80034567"))))
    assert [len(await house.said(c)) for c in (CLIENT, OTHER, 103)] == [1, 0, 0]
    monkeypatch.setattr(risk, "_judge", whole)
    await risk.go_on(house.deps)
    await risk.go_on(house.deps)
    assert [len(await house.said(c)) for c in (CLIENT, OTHER, 103)] == [1, 1, 1]


async def test_importing_the_same_file_again_finishes_what_a_kill_left_untold(
    house: Settled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Already imported, but one account had not been told."""
    await house.client(chats=(CLIENT,))

    class Killed(BaseException):
        pass

    async def cut_off(*_: object, **__: object) -> int:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(risk, "_judge", cut_off)
        with pytest.raises(Killed):
            await house.take(second_case())
    again = await house.take(second_case())
    assert (again.state, again.alerts) == ("already_imported", 1)
    assert len(await house.said(CLIENT)) == 1


# --- by the clock -----------------------------------------------------------------------------------------


async def test_before_the_night_session_only_those_who_trade_at_night_are_told_again(house: Settled) -> None:
    """At 20:00, once, with a task to phone; the holder of index futures is left in peace until the morning."""
    await house.client("80012345", chats=(CLIENT,))
    await house.client("80023456", chats=(OTHER,))
    await house.take(positions(
        ("80012345", "SHFE", "rb2610", 6, "3030", "21816.00"), ("80023456", "CFFEX", "IF2609", 1, "4600", "207000.00")
    ))  # fmt: skip
    await house.take(table(("80012345", "20000.00", "21816.00"), ("80023456", "200000.00", "207000.00")))
    house.set_clock("2026-08-17 19:59")
    await house.run(risk.recheck)
    assert len(await house.said(CLIENT)) == 1
    house.set_clock("2026-08-17 20:01")
    await house.run(risk.recheck)
    await house.run(risk.recheck)
    assert len(await house.said(CLIENT)) == 2
    assert "夜盘前复核" in (await house.said(CLIENT))[1]
    assert len(await house.said(OTHER)) == 1
    assert await open_reasons(house) == ["recheck"]


async def test_before_the_day_session_an_unmet_call_is_told_again(house: Settled) -> None:
    """At 08:30: the night client's deadline has passed, which is the last notice; the day client's has not."""
    await house.client("80012345", chats=(CLIENT,))
    await house.client("80023456", chats=(OTHER,))
    await house.take(positions(
        ("80012345", "SHFE", "rb2610", 6, "3030", "21816.00"), ("80023456", "CFFEX", "IF2609", 1, "4600", "207000.00")
    ))  # fmt: skip
    await house.take(table(("80012345", "20000.00", "21816.00"), ("80023456", "200000.00", "207000.00")))
    house.set_clock("2026-08-18 08:31")
    await house.run(risk.recheck)
    night, day = (await house.said(CLIENT))[-1], (await house.said(OTHER))[-1]
    assert night.startswith("⚠️ 强平预告")
    assert "已过" in night
    assert day.startswith("⚠️ 追加保证金")
    assert "截止：8月18日（周二）08:55" in day
    assert "开盘前复核" in day


async def test_a_bot_that_starts_after_the_auction_does_not_check_again_late(house: Settled) -> None:
    """The window of a re-check closes with the opening auction."""
    await house.client(chats=(CLIENT,))
    await house.take(second_case())
    house.set_clock("2026-08-17 20:56")
    await house.run(risk.recheck)
    assert len(await house.said(CLIENT)) == 1


async def test_an_evening_without_a_night_session_has_no_check(house: Settled) -> None:
    """The eve of National Day."""
    house.set_clock("2026-09-30 16:30")
    await house.client(chats=(CLIENT,))
    await house.take(table(("80012345", "100.00", "107.00"), day="20260930"))
    house.set_clock("2026-09-30 20:01")
    await house.run(risk.recheck)
    assert len(await house.said(CLIENT)) == 1


async def test_who_was_reported_to_have_paid_in_is_not_told_again(house: Settled, manager: int) -> None:
    """A result of a call counts."""
    await house.client(chats=(CLIENT,), manager=manager)
    await house.take(second_case())
    house.set_clock("2026-08-17 18:00")
    await house.run(reminders.overdue)
    [task] = await house.all(Case)
    async with working(house.deps) as work:
        await tasks.report(work, await speaking(house, MANAGER), task.id, "met")
    house.set_clock("2026-08-17 20:01")
    await house.run(risk.recheck)
    assert len(await house.said(CLIENT)) == 1


async def test_a_settlement_that_is_not_in_by_evening_is_missed_once(house: Settled) -> None:
    """Operators and the risk desk hear of it, and nobody is told of old figures."""
    await house.staff("T01", "operator", OPERATOR)
    await house.client(chats=(CLIENT,))
    await house.take(second_case())
    house.set_clock("2026-08-18 20:01")
    await house.run(risk.late_settlement)
    await house.run(risk.late_settlement)
    await house.run(risk.recheck)
    assert ["还没有导入" in text for text in await house.said(OPERATOR)] == [True]
    assert len(await house.said(CLIENT)) == 1


async def test_past_the_calendar_s_end_reminders_wait_staff_are_told_and_nothing_is_guessed(
    sqlite_url: str,
) -> None:
    """The figures are in, risk shows them; with the calendar extended the reminder goes out."""
    async with settled(sqlite_url) as house:
        whole = house.deps.calendar
    days = {day: whole.row(day) for day in _days(date(2026, 1, 1), date(2026, 8, 16))}
    async with settled(sqlite_url, calendar=TradingCalendar(days)) as house:
        await house.staff("T01", "operator", OPERATOR)
        await house.client(chats=(CLIENT,))
        summary = await house.take(second_case())
        await risk.go_on(house.deps)
        assert (summary.state, summary.alerts) == ("imported", 0)
        assert await house.said(CLIENT) == []
        assert ["风险提醒已暂停" in text for text in await house.said(OPERATOR)] == [True]
        [line] = await house.run(risk.risk_lines)
        assert line.level == "call"
    async with settled(sqlite_url) as house:
        await risk.go_on(house.deps)
        assert len(await house.said(CLIENT)) == 1


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


async def test_the_operator_hears_once_a_day_that_the_calendar_ends(house: Settled) -> None:
    """Thirty days before the last row."""
    await house.staff("T01", "operator", OPERATOR)
    house.set_clock("2026-11-30 09:00")
    await house.run(risk.watch_calendar)
    assert await house.said(OPERATOR) == []
    house.set_clock("2026-12-01 09:00")
    await house.run(risk.watch_calendar)
    await house.run(risk.watch_calendar)
    house.set_clock("2026-12-02 09:00")
    await house.run(risk.watch_calendar)
    said = await house.said(OPERATOR)
    assert len(said) == 2
    assert "还剩 30 天" in said[0]


def test_the_current_settlement_is_that_of_the_last_session_that_is_over(house: Settled) -> None:
    """Before 15:00 yesterday's, from then on today's; over a weekend Friday's."""
    calendar = house.deps.calendar
    assert ladder.settled_day(calendar, at("2026-08-17 14:59")) == date(2026, 8, 14)
    assert ladder.settled_day(calendar, at("2026-08-17 15:00")) == date(2026, 8, 17)
    assert ladder.settled_day(calendar, at("2026-08-16 20:00")) == date(2026, 8, 14)
    assert ladder.is_current(calendar, date(2026, 8, 17), at("2026-08-18 09:00"))
    assert not ladder.is_current(calendar, date(2026, 8, 19), at("2026-08-18 16:00"))


# --- acknowledging ----------------------------------------------------------------------------------------


async def test_an_acknowledgement_is_recorded_once_and_the_manager_told_once(
    house: Settled, manager: int
) -> None:
    """A second press says since when; the message shows it."""
    await house.client(chats=(CLIENT,), manager=manager)
    await house.take(second_case())
    await sent(house)
    [line] = await house.all(Delivery)
    who = await speaking(house, CLIENT)
    house.set_clock("2026-08-17 16:40")
    async with working(house.deps) as work:
        first = await reminders.acknowledge(work, who, line.id)
    house.set_clock("2026-08-17 16:50")
    async with working(house.deps) as work:
        second = await reminders.acknowledge(work, who, line.id)
    assert (first.first, second.first) == (True, False)
    assert first.at == second.at == at("2026-08-17 16:40")
    assert [text for text in await house.said(MANAGER) if "已确认" in text and "追加保证金提醒" in text] != []
    edits = [m for m in await house.all(OutboxMessage) if m.method == "edit"]
    assert len(edits) == 1
    assert "已确认收到：8月17日（周一）16:40" in edits[0].body["html"]
    [line] = await house.all(Delivery)
    assert line.state == "acknowledged"


async def test_nobody_acknowledges_for_somebody_else(house: Settled) -> None:
    """Not yours and not found are one answer."""
    await house.client("80012345", chats=(CLIENT,))
    await house.client("80023456", chats=(OTHER,))
    await house.take(second_case())
    [line] = await house.all(Delivery)
    with pytest.raises(Refusal, match="not_found"):
        async with working(house.deps) as work:
            await reminders.acknowledge(work, await speaking(house, OTHER), line.id)


async def test_not_acknowledged_in_time_becomes_one_task_and_a_late_answer_ends_it(
    each_house: Settled,
) -> None:
    """A key client has thirty minutes."""
    house = each_house
    manager = await house.staff("M01", "manager", MANAGER)
    await house.client(chats=(CLIENT,), manager=manager)
    await house.take(second_case())
    await sent(house)
    house.set_clock("2026-08-17 16:59")
    await house.run(reminders.overdue)
    assert await open_reasons(house) == []
    house.set_clock("2026-08-17 17:01")
    await house.run(reminders.overdue)
    await house.run(reminders.overdue)
    await house.run(tasks.announce)
    await house.run(tasks.announce)
    assert await open_reasons(house) == ["unacknowledged"]
    assert len([t for t in await house.said(MANAGER) if "提醒未按时确认" in t]) == 1
    [line] = await house.all(Delivery)
    async with working(house.deps) as work:
        await reminders.acknowledge(work, await speaking(house, CLIENT), line.id)
    assert await open_reasons(house) == []


async def test_a_reminder_that_fails_in_every_chat_is_phoned(house: Settled, manager: int) -> None:
    """One chat of two fails: the other may still answer. Both fail: a task."""
    await house.client(chats=(CLIENT, OTHER), manager=manager)
    await house.take(second_case())
    first, second = await house.all(Delivery)
    async with working(house.deps) as work:
        await reminders.delivery_failed(work, first.id, "blocked", "bot was blocked by the user")
    assert await open_reasons(house) == []
    async with working(house.deps) as work:
        await reminders.delivery_failed(work, second.id, "failed", "Bad Request")
    assert await open_reasons(house) == ["undeliverable"]
    assert [line.state for line in await house.all(Delivery)] == ["blocked", "failed"]


async def test_the_sums_need_consent_at_the_moment_they_are_asked_for(house: Settled) -> None:
    """Row by row with the formula; after a revocation nothing."""
    await house.client(chats=(CLIENT,))
    await house.take(second_case())
    [line] = await house.all(Delivery)
    who = await speaking(house, CLIENT)
    async with working(house.deps) as work:
        facts = await reminders.trial(work, who, line.id)
        text = house.deps.phrases.text("risk.trial", "zh", **facts)
    assert "rb2610 多：3,030 × 10 × 6 手 × 12.00% = 21,816.00 元" in text
    assert "m2701 空单减 1 手" in text
    async with working(house.deps) as work:
        for consent in await house.all(Consent):
            row = await work.session.get(Consent, consent.id)
            assert row is not None
            row.revoked_at = work.now
    with pytest.raises(Refusal, match="figures_need_consent"):
        async with working(house.deps) as work:
            await reminders.trial(work, who, line.id)


async def test_locked_positions_give_no_lots_rather_than_wrong_ones(house: Settled) -> None:
    """Long and short rebar whose margin is not ours to reproduce."""
    await house.client(chats=(CLIENT,))
    await house.take(positions(
        ("80012345", "SHFE", "rb2610", 10, "3030", "36360.00"), ("80012345", "SHFE", "rb2610", -8, "3030", "9999.00")
    ))  # fmt: skip
    await house.take(table(("80012345", "40000.00", "46359.00")))
    [text] = await house.said(CLIENT)
    assert "按结算单无法测算" in text


# --- staff ------------------------------------------------------------------------------------------------


async def test_the_tier_decides_who_hears_of_a_warning(house: Settled, manager: int) -> None:
    """A premier client's warning reaches the risk desk too, a retail client's only the manager."""
    await house.staff("R01", "risk", RISK)
    await house.client("80012345", manager=manager, tier="premier")
    await house.client("80023456", manager=manager, tier="retail")
    await house.take(table(("80012345", "100.00", "95.00"), ("80023456", "100.00", "95.00")))
    assert len(await house.said(MANAGER)) == 2
    [text] = await house.said(RISK)
    assert "尾号 2345" in text
    assert "重点" in text


async def test_a_call_always_reaches_the_risk_desk_with_the_remaining_time(
    house: Settled, manager: int
) -> None:
    """Masked, with figures, what became of the reminder, and what is left until the deadline."""
    await house.staff("R01", "risk", RISK)
    await house.client(chats=(CLIENT,), manager=manager, tier="retail")
    await house.take(second_case())
    assert await house.said(RISK) == []
    await sent(house)
    await house.run(risk.tell_pending)
    [text] = await house.said(RISK)
    for part in (
        "追加保证金",
        "王*（尾号 2345）",
        "107.3%",
        "60.2%（估算）",
        "应追加 2,921.50 元",
        "剩 4 小时 25 分",
        "MC-20260817-0001",
        "已发送，未确认",
    ):
        assert part in text
    assert "王明" not in text


async def test_many_climbs_are_one_list_and_not_a_flood(house: Settled, manager: int) -> None:
    """Thirty accounts: one message to the manager, the worst first."""
    await house.staff("R01", "risk", RISK)
    for number in range(30):
        await house.client(str(70000000 + number), manager=manager)
    await house.take(table(*((str(70000000 + n), "100.00", f"{101 + n}.00") for n in range(30))))
    about_risk = [text for text in await house.said(MANAGER) if "风险档变化" in text]
    assert len(about_risk) == 1
    assert "30 户" in about_risk[0]
    assert about_risk[0].index("0029") < about_risk[0].index("0028")
    assert "其余 10 户未列出" in about_risk[0]
    assert len(await house.said(RISK)) == 2  # the ladder, and the tasks of clients without a chat


async def test_while_the_manager_is_away_the_stand_in_is_told_and_phones(house: Settled) -> None:
    """On leave: card and task go to the stand-in."""
    stand_in = await house.staff("M02", "manager", 205)
    away = await house.staff("M01", "manager", MANAGER, stand_in_id=stand_in, leave_until=date(2026, 8, 20))
    await house.client(manager=away)
    await house.take(second_case())
    assert await house.said(MANAGER) == []
    assert len(await house.said(205)) == 2
    [task] = await house.all(Case)
    assert task.owner_id == stand_in


async def test_an_account_that_nobody_looks_after_goes_to_the_pool(house: Settled) -> None:
    """Service officers hear of it, and the first to take the task owns it."""
    officer = await house.staff("S01", "officer", OFFICER)
    other = await house.staff("S02", "officer", 206)
    await house.take(second_case())
    [task] = await house.all(Case)
    assert (task.owner_id, task.desk) == (None, "pool")
    assert len(await house.said(OFFICER)) == len(await house.said(206)) == 2
    async with working(house.deps) as work:
        await tasks.take(work, await speaking(house, OFFICER), task.id)
    with pytest.raises(Refusal, match="task_taken"):
        async with working(house.deps) as work:
            await tasks.take(work, await speaking(house, 206), task.id)
    [task] = await house.all(Case)
    assert (task.owner_id, other != officer) == (officer, True)


async def test_a_task_is_closed_by_its_result_and_stays_open_without_an_answer(
    house: Settled, manager: int
) -> None:
    """Nobody answered: again later. Reached: closed, once, with what was said."""
    await house.client(manager=manager)
    await house.take(second_case())
    [task] = await house.all(Case)
    who = await speaking(house, MANAGER)
    async with working(house.deps) as work:
        card = await tasks.report(work, who, task.id, "no_answer")
    assert card.state == "waiting"
    async with working(house.deps) as work:
        card = await tasks.report(work, who, task.id, "will_add")
    assert (card.state, card.result) == ("closed", "will_add")
    with pytest.raises(Refusal, match="task_closed"):
        async with working(house.deps) as work:
            await tasks.report(work, who, task.id, "met")
    assert [e.kind for e in await house.all(CaseEvent)] == ["opened", "told", "called", "called"]


async def test_a_task_of_somebody_else_s_client_is_not_found(house: Settled, manager: int) -> None:
    """Another manager sees neither the task nor the account."""
    await house.staff("M02", "manager", 205)
    await house.client(manager=manager)
    await house.take(second_case())
    [task] = await house.all(Case)
    stranger = await speaking(house, 205)
    with pytest.raises(Refusal, match="not_found"):
        async with working(house.deps) as work:
            await tasks.take(work, stranger, task.id)
    async with working(house.deps) as work:
        assert (await tasks.mine(work, stranger)) == ([], 0)
        assert (await risk.standings(work, stranger)).count == 0
        assert (await risk.standings(work, await speaking(house, MANAGER))).count == 1


# --- figures in chats of staff ----------------------------------------------------------------------------

FIGURES = ("2,921", "40,000", "107.3", "60.2")


async def test_staff_see_no_figure_of_a_client_who_did_not_agree(house: Settled, manager: int) -> None:
    """The level and where to look; the figures of a consenting client stand on the same desk's cards."""
    await house.staff("R01", "risk", RISK)
    await house.client(chats=(CLIENT,), manager=manager, consent=False)
    await house.take(second_case())
    [task] = await house.all(Case)
    who = await speaking(house, MANAGER)
    async with working(house.deps) as work:
        shown = tasks.card_facts(work, await tasks.take(work, who, task.id), "zh")
        listed = await risk.standings(work, who)
    said = await house.said(MANAGER) + await house.said(RISK)
    assert not [text for text in said if any(figure in text for figure in FIGURES)]
    assert any("追加保证金" in text and "公司系统中查看" in text for text in said)
    assert (shown["figures"], shown["withheld"]) == (None, True)
    assert [(line["shortfall"], line["withheld"]) for line in listed.lines] == [(None, True)]


async def test_staff_see_the_figures_of_a_client_who_agreed(house: Settled, manager: int) -> None:
    """Consent to both purposes opens the cards, until it is taken back."""
    client = await house.client(chats=(CLIENT,), manager=manager)
    await house.take(second_case())
    house.set_clock("2026-08-17 16:31")
    await house.run(risk.tell_pending)
    card = next(text for text in await house.said(MANAGER) if "风险度" in text)
    assert all(figure in card for figure in FIGURES)
    async with working(house.deps) as work:
        await consents.end_all(work, CLIENT, client)
        listed = await risk.standings(work, await speaking(house, MANAGER))
    assert [line["withheld"] for line in listed.lines] == [True]


async def test_an_authorised_person_does_not_agree_for_the_holder(house: Settled, manager: int) -> None:
    """The figures are the holder's: another person's consent opens nothing to staff."""
    await house.client(chats=(CLIENT,), manager=manager)
    async with working(house.deps) as work:
        (link,) = [x for x in await house.all(Link) if x.client_id is not None]
        (await work.session.get_one(Link, link.id)).person = "authorised"
    await house.take(second_case())
    assert not [text for text in await house.said(MANAGER) if any(figure in text for figure in FIGURES)]


async def test_an_acknowledged_reminder_loses_its_figures_where_the_consent_is_gone(house: Settled) -> None:
    """The message is redrawn by what stands now, not by what stood when it was sent."""
    client = await house.client(chats=(CLIENT,))
    await house.take(second_case())
    await sent(house)
    [line] = await house.all(Delivery)
    who = await speaking(house, CLIENT)
    async with working(house.deps) as work:
        await consents.end_all(work, CLIENT, client)
        await reminders.acknowledge(work, who, line.id)
    redrawn = [m for m in await house.all(OutboxMessage) if m.method == "edit"]
    assert [m.account for m in redrawn] == ["80012345"]
    assert "2,921" not in redrawn[0].body["html"]


# --- overdue ----------------------------------------------------------------------------------------------


async def test_a_task_that_nobody_took_in_time_goes_to_the_pool_and_then_up(each_house: Settled) -> None:
    """First the pool, half an hour later supervisors and the risk desk, and each of them once."""
    house = each_house
    manager = await house.staff("M01", "manager", MANAGER)
    await house.staff("S01", "officer", OFFICER)
    await house.staff("R01", "risk", RISK)
    await house.staff("V01", "supervisor", 207)
    await house.client(manager=manager)
    await house.take(second_case())
    house.set_clock("2026-08-17 17:01")
    await house.run(tasks.climb)
    await house.run(tasks.climb)
    [task] = await house.all(Case)
    assert (task.owner_id, task.desk, task.state) == (None, "pool", "open")
    late = "电话任务超时"
    assert [late in text for text in await house.said(OFFICER)].count(True) == 1
    assert not [text for text in await house.said(207) if late in text]
    house.set_clock("2026-08-17 17:32")
    await house.run(tasks.climb)
    await house.run(tasks.climb)
    for chat_id in (207, RISK):
        assert [late in text for text in await house.said(chat_id)].count(True) == 1
    assert [e.text for e in await house.all(CaseEvent) if e.kind == "climbed"] == ["first", "next"]


async def test_a_task_that_was_taken_and_not_done_climbs_to_the_owner_s_lead(house: Settled) -> None:
    """It stays the owner's; trying in vain gives half an hour more."""
    lead = await house.staff("M00", "manager", 208)
    manager = await house.staff("M01", "manager", MANAGER, lead_id=lead)
    await house.client(manager=manager)
    await house.take(second_case())
    [task] = await house.all(Case)
    who = await speaking(house, MANAGER)
    async with working(house.deps) as work:
        await tasks.take(work, who, task.id)
    house.set_clock("2026-08-17 17:01")
    async with working(house.deps) as work:
        await tasks.report(work, who, task.id, "no_answer")
    await house.run(tasks.climb)
    assert not [text for text in await house.said(208) if "超时" in text]
    house.set_clock("2026-08-17 17:32")
    await house.run(tasks.climb)
    assert [text for text in await house.said(208) if "超时" in text]
    assert [text for text in await house.said(MANAGER) if "超时" in text]
    [task] = await house.all(Case)
    assert (task.owner_id, task.state) == (manager, "waiting")


async def test_a_done_task_does_not_climb(house: Settled, manager: int) -> None:
    """Whoever was reached is not called anew."""
    await house.staff("S01", "officer", OFFICER)
    await house.client(manager=manager)
    await house.take(second_case())
    [task] = await house.all(Case)
    async with working(house.deps) as work:
        await tasks.report(work, await speaking(house, MANAGER), task.id, "met")
    house.set_clock("2026-08-17 18:30")
    await house.run(tasks.climb)
    assert not [text for text in await house.said(OFFICER) if "超时" in text]
