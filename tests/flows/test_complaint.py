"""A client complains, and the complaint lands with the right person, is answered, reopened and rated."""

import asyncio
import re
from hashlib import sha256

import pytest
from sqlalchemy import func, select

from db.models import AuditEntry, Case, CaseEvent, EvidenceFile
from simulator import PICTURE, Person
from tests.desk import Desk

NUMBER = re.compile(r"CP-\d{8}-\d{4}")


@pytest.fixture
async def chen(desk: Desk) -> Person:
    return await desk.staff("chen", name="陈静", role="manager", code="M01", line="market-1")


@pytest.fixture
async def tang(desk: Desk) -> Person:
    return await desk.staff("tang", name="唐静", role="supervisor", code="V01", line="service")


@pytest.fixture
async def lin(desk: Desk, tang: Person) -> Person:
    return await desk.staff("lin", name="林悦", role="officer", code="S01", line="service", lead="V01")


@pytest.fixture
async def gao(desk: Desk, tang: Person) -> Person:
    return await desk.staff("gao", name="高翔", role="officer", code="S02", line="service", lead="V01")


@pytest.fixture
async def cao(desk: Desk) -> Person:
    return await desk.staff("cao", name="曹颖", role="compliance", code="C01", line="compliance")


@pytest.fixture
async def wang(desk: Desk, chen: Person, lin: Person, cao: Person) -> Person:
    return await desk.client("wang", tier="retail", manager="M01", officer="S01")


async def tell(
    person: Person, category: str, facts: str = "平今手续费多收了", about: str = "不涉及具体人员"
) -> str:
    """Goes through the questions to the receipt; the number of the complaint."""
    await person.text("/complain")
    await person.press(category)
    await person.wait_for("是否涉及具体人员")
    await person.press(about)
    await person.wait_for("事情经过")
    await person.text(facts)
    await person.press("写好了")
    await person.press("没有具体诉求")
    await person.press("没有材料")
    await person.wait_for("请核对后提交")
    await person.press("确认提交")
    found = NUMBER.search((await person.wait_for("投诉已登记")).text)
    assert found is not None
    return found[0]


async def test_a_complaint_is_told_step_by_step_and_gets_a_number_and_both_dates(
    wang: Person, lin: Person
) -> None:
    """From the menu to the receipt: the number, the first contact by tier, the result in working days."""
    await wang.text("/complain")
    await wang.wait_for("投诉类别")
    await wang.press("5 手续费")
    await wang.wait_for("是否涉及具体人员")
    await wang.press("不涉及具体人员")
    await wang.wait_for("事情经过")
    await wang.text("8月14日平今多收手续费")
    await wang.wait_for("已记下")
    await wang.text("螺纹钢十手")
    await wang.wait_for("已记下")
    await wang.press("写好了")
    await wang.wait_for("您的诉求")
    await wang.text("退还多收的 300 元")
    await wang.wait_for("证明材料")
    await wang.send_photo()
    await wang.wait_for("材料 1 份")
    await wang.press("材料发完了")
    summary = await wang.wait_for("请核对后提交")
    assert "8月14日平今多收手续费\n螺纹钢十手" in summary.text
    assert "尾号 2345" in summary.text
    await wang.press("确认提交")
    receipt = await wang.wait_for("投诉已登记")
    assert "CP-20260817-0001" in receipt.text
    assert "8月18日（周二）14:00 前" in receipt.text  # a working day later
    assert "8月24日（周一）17:30 前" in receipt.text
    assert "12386" in receipt.text
    assert "400-000-0002" in receipt.text
    card = await lin.wait_for("CP-20260817-0001")
    assert "王*（尾号 2345） · 普通" in card.text
    assert "8月14日平今多收手续费" in card.text
    assert "材料：1 份" in card.text
    assert "王明" not in card.text


async def test_confirming_twice_files_one_complaint(desk: Desk, wang: Person) -> None:
    """The second press only names the number."""
    number = await tell(wang, "5 手续费")
    summary = next(m for m in wang.messages if "请核对后提交" in m.text)
    answer = await (await wang.press("确认提交", message=summary)).answer()
    assert number in answer["text"]
    async with desk.reading() as work:
        assert await work.session.scalar(select(func.count()).select_from(Case)) == 1


async def test_pressing_a_choice_twice_asks_the_next_question_once(desk: Desk, wang: Person) -> None:
    """A double press changes nothing and sends nothing."""
    await wang.text("/complain")
    question = await wang.wait_for("投诉类别")
    await wang.press("5 手续费")
    await wang.wait_for("是否涉及具体人员")
    answer = await (await wang.press("5 手续费", message=question)).answer()
    assert "已完成" in answer["text"]
    await desk.settled()
    assert len([m for m in wang.messages if "是否涉及具体人员" in m.text]) == 1


async def test_back_keeps_what_was_answered_and_cancel_forgets_it(desk: Desk, wang: Person) -> None:
    """Back from the demand to the facts and on again; then /cancel, and the old buttons say that it is over."""
    await wang.text("/complain")
    await wang.press("5 手续费")
    await wang.press("不涉及具体人员")
    await wang.text("多收手续费")
    await wang.press("写好了")
    await wang.wait_for("您的诉求")
    await wang.press("返回")
    assert "多收手续费" in (await wang.wait_for("事情经过")).text
    await wang.press("写好了")
    demand = await wang.wait_for("您的诉求")
    await wang.text("/cancel")
    await wang.wait_for("已退出当前步骤")
    await wang.press("没有具体诉求", message=demand)
    await wang.wait_for("这一步已失效")
    async with desk.reading() as work:
        assert await work.session.scalar(select(func.count()).select_from(Case)) == 0


async def test_a_half_told_complaint_survives_a_restart_and_is_offered_again(
    desk: Desk, wang: Person
) -> None:
    """The draft is in the database: after a restart /complain goes on where it stood."""
    await wang.text("/complain")
    await wang.press("5 手续费")
    await wang.press("不涉及具体人员")
    await wang.text("多收手续费")
    await wang.wait_for("已记下")
    await desk.stop()
    await desk.start()
    await wang.text("/complain")
    assert "多收手续费" in (await wang.wait_for("没有提交的投诉")).text
    await wang.press("继续填写")
    await wang.wait_for("事情经过")
    await wang.press("写好了")
    await wang.wait_for("您的诉求")


async def test_a_draft_expires_and_its_buttons_say_so(desk: Desk, wang: Person) -> None:
    """After the configured hours a new complaint begins; the words of last month's button are a polite no."""
    await wang.text("/complain")
    question = await wang.wait_for("投诉类别")
    desk.sim.set_clock("2026-08-19T14:00:00+08:00")
    await wang.press("5 手续费", message=question)
    await wang.wait_for("这一步已失效")
    await wang.text("/complain")
    await wang.wait_for("投诉类别")


@pytest.mark.parametrize("words", ["转人工", "人工。", "Human"])
async def test_the_wish_for_a_person_is_no_part_of_a_complaint(
    wang: Person, chen: Person, words: str
) -> None:
    """Asked whom it is about, "a person, please" is no name: the person comes, and the draft waits."""
    await wang.text("/complain")
    await wang.press("5 手续费")
    await wang.wait_for("是否涉及具体人员")
    await wang.text(words)
    await wang.wait_for("已为您接通")
    await chen.wait_for("客户对话")
    await wang.press("结束人工对话")
    await wang.wait_for("人工对话已结束")
    await wang.text("/complain")
    kept = await wang.wait_for("没有提交的投诉")
    assert words not in kept.text
    await wang.press("继续填写")
    assert "是否涉及具体人员" in (await wang.wait_for("2/6")).text


async def test_an_angry_question_begins_the_complaint_with_its_words(wang: Person) -> None:
    """The library takes the words for a complaint: they are the first of what happened, the category is guessed."""
    await wang.text("我要投诉，你们多收了我的手续费")
    begun = await wang.wait_for("已记为事情经过")
    assert "12386" not in begun.text


async def test_a_stranger_may_complain_and_is_asked_how_to_be_reached(
    desk: Desk, lin: Person, cao: Person
) -> None:
    """No account is needed; the card says how the visitor wants to be reached."""
    someone = await desk.stranger()
    await someone.text("/complain")
    await someone.press("1 开户")
    await someone.wait_for("怎么联系您")
    await someone.text("李先生 13800000009")
    await someone.wait_for("是否涉及具体人员")
    await someone.press("不涉及具体人员")
    await someone.text("开户视频等了一小时")
    await someone.press("写好了")
    await someone.press("没有具体诉求")
    await someone.press("没有材料")
    await someone.press("确认提交")
    await someone.wait_for("投诉已登记")
    card = await lin.wait_for("CP-20260817-0001")
    assert "李先生 13800000009" in card.text
    assert "未绑定的访客" in card.text


async def test_taking_twice_gives_it_to_the_first_and_the_others_card_changes(
    desk: Desk, chen: Person, lin: Person, gao: Person, cao: Person
) -> None:
    """Without an own officer the desk gets the card; the first has it, and the second sees who."""
    zhou = await desk.client("zhou", account="80045678", name="周芳", tier="retail", manager="M01")
    number = await tell(zhou, "5 手续费")
    card = await gao.wait_for(number, since=0)
    await lin.wait_for(number, since=0)
    await lin.press("接单")
    taken = await zhou.wait_for("已受理")
    assert "林悦" in taken.text
    assert "F0000001" in taken.text
    await gao.wait_for(lambda m: m.id == card.id and "处理人：林悦" in m.text, since=0)
    assert not any("接单" in label for row in card.buttons for label in row)
    async with desk.reading() as work:
        owners = list(await work.session.scalars(select(CaseEvent.actor).where(CaseEvent.kind == "taken")))
    assert owners == ["staff:S01"]


async def test_the_second_to_press_an_old_take_button_is_told_who_has_it(
    desk: Desk, chen: Person, lin: Person, gao: Person, cao: Person
) -> None:
    """A phone that still shows the old card presses take: nothing changes."""
    zhou = await desk.client("zhou", account="80045678", name="周芳", tier="retail", manager="M01")
    number = await tell(zhou, "5 手续费")
    card = await gao.wait_for(number, since=0)
    old = card.keyboard["inline_keyboard"][0][0]["callback_data"]
    await lin.press("接单")
    await zhou.wait_for("已受理")
    await desk.settled()
    await gao.press_data(old, card.id)
    await gao.wait_for("已由 林悦 接单")


async def test_asking_the_client_pauses_the_result_and_the_answer_lets_it_run_on(
    desk: Desk, wang: Person, lin: Person
) -> None:
    """The client is told what is missing and just replies; the paused time is left out of the result's clock."""
    number = await tell(wang, "3 系统")
    await lin.wait_for(number, since=0)
    await lin.press("接单")
    await lin.press("请客户补充")
    await lin.wait_for("请写出要客户补充什么")
    await lin.text("请发登录失败的截图")
    asked = await wang.wait_for("请您补充", since=0)
    assert "请发登录失败的截图" in asked.text
    card = next(m for m in lin.messages if "客户原话" in m.text)
    await lin.wait_for(lambda m: m.id == card.id and "暂停中（等待客户材料）" in m.text, since=0)
    desk.sim.set_clock("2026-08-18T09:30:00+08:00")
    await wang.text("截图没有保存，错误码是 7001")
    await wang.wait_for("已记入")
    await lin.wait_for("错误码是 7001", since=0)
    await lin.wait_for(lambda m: m.id == card.id and "办理中" in m.text and "累计暂停" in m.text, since=0)
    async with desk.reading() as work:
        case = await work.session.scalar(select(Case))
        assert case.state == "open"
        assert case.result_due.isoformat() > "2026-08-24T09:30:00+00:00"
        reasons = [e.data.get("reason") for e in await work.session.scalars(select(CaseEvent))]
    assert "等待客户材料" in reasons


async def test_files_added_later_reach_the_owner_and_can_all_be_seen(
    desk: Desk, wang: Person, lin: Person
) -> None:
    """A voice message and a document become evidence; staff get every file as a copy."""
    number = await tell(wang, "3 系统")
    await lin.wait_for(number, since=0)
    await lin.press("接单")
    await wang.wait_for("已受理", since=0)
    await wang.press("补充材料")
    await wang.wait_for("请发送要补充到")
    await wang.send_voice()
    await wang.wait_for("已记入")
    await wang.send_document("流水.txt", b"100")
    await desk.settled()
    await wang.press("补充完毕")
    await wang.wait_for("补充完毕，谢谢")
    before = len([m for m in lin.messages if m.kind in ("voice", "document")])
    assert before == 2
    await lin.press("看全文与材料")
    await lin.wait_for("客户原话全文")
    await desk.settled()
    assert len([m for m in lin.messages if m.kind in ("voice", "document")]) == 4


async def test_closing_tells_the_client_everything_and_the_rating_counts_once(
    desk: Desk, wang: Person, lin: Person, tang: Person
) -> None:
    """Cause and remedy one by one, a check, then the client reads both in full; a low rating is reviewed."""
    number = await tell(wang, "5 手续费")
    await lin.wait_for(number, since=0)
    await lin.press("接单")
    await lin.press("结案")
    await lin.wait_for("结案 1/2")
    await lin.text("按开仓标准多计了 10 手平今")
    await lin.wait_for("结案 2/2")
    await lin.text("已退还 300 元 <b>到账</b>")
    await lin.wait_for("结案前核对")
    confirm = lin.last
    await lin.press("结案并通知客户")
    closed = await wang.wait_for("处理结果", since=0)
    assert "按开仓标准多计了 10 手平今" in closed.text
    assert "已退还 300 元 <b>到账</b>" in closed.text
    assert "12386" in closed.text
    assert closed.buttons[0] == ["1", "2", "3", "4", "5"]
    await (await lin.press("结案并通知客户", message=confirm)).answer()
    first = await (await wang.press("2", message=closed)).answer()
    second = await (await wang.press("5", message=closed)).answer()
    assert "已记录" in first["text"]
    assert "已评分" in second["text"]
    review = await tang.wait_for("客户评分 2", since=0)
    assert "林悦" in review.text
    await desk.settled()
    assert len([m for m in wang.messages if "处理结果（" in m.text or " 处理结果" in m.text]) == 1
    async with desk.reading() as work:
        case = await work.session.scalar(select(Case))
        assert (case.state, case.rating) == ("resolved", 2)
        kinds = list(await work.session.scalars(select(CaseEvent.kind).order_by(CaseEvent.id)))
    assert kinds.count("rated") == 1
    assert kinds.count("review") == 1


async def test_reopened_in_time_under_the_same_number_and_later_as_a_new_complaint(
    desk: Desk, wang: Person, lin: Person, tang: Person
) -> None:
    """Inside the window the supervisor gets it again with the reason; after it a new one names the old."""
    number = await tell(wang, "5 手续费")
    await lin.wait_for(number, since=0)
    await lin.press("接单")
    await close(lin)
    closed = await wang.wait_for("处理结果", since=0)
    await wang.press("重新提出", message=closed)
    await wang.wait_for("为什么不认可")
    await wang.text("退款没有到账")
    assert number in (await wang.wait_for("已重新办理")).text
    card = await tang.wait_for("客户重新提出", since=0)
    assert number in card.text
    assert "重大投诉" in card.text
    await tang.press("接单")
    await close(tang)
    again = await wang.wait_for(lambda m: "处理结果" in m.text and "唐静" in m.text, since=0)
    desk.sim.set_clock("2026-09-01T10:00:00+08:00")
    await wang.press("重新提出", message=again)
    assert number in (await wang.wait_for("本次为新的投诉")).text


async def close(staff: Person) -> None:
    await staff.press("结案")
    await staff.wait_for("结案 1/2")
    await staff.text("查明原因")
    await staff.wait_for("结案 2/2")
    await staff.text("已处理")
    await staff.wait_for("结案前核对")
    await staff.press("结案并通知客户")


async def test_conduct_of_staff_goes_to_compliance_and_stays_hidden_from_the_manager(
    desk: Desk, wang: Person, chen: Person, lin: Person, tang: Person, cao: Person
) -> None:
    """Category 10: compliance alone gets it, and neither lists nor numbers show it to anybody else."""
    number = await tell(wang, "10 员工行为", "客户经理代我下单", about="我的客户经理")
    receipt = next(m for m in wang.messages if "投诉已登记" in m.text)
    assert "您的客户经理和被投诉人看不到" in receipt.text
    card = await cao.wait_for(number, since=0)
    assert "仅合规可见" in card.text
    await desk.settled()
    for person in (chen, lin, tang):
        assert not any(number in m.text for m in person.messages)
        await person.text("/cases")
        assert number not in (await person.wait_for("")).text
        await person.text(number)
        await desk.settled()
        assert not any("代我下单" in m.text for m in person.messages)
    await cao.press("看全文与材料")
    await cao.wait_for("客户原话全文")
    async with desk.reading() as work:
        actions = list(await work.session.scalars(select(AuditEntry.action)))
        assert "case.read" in actions
        assert {e.detail.get("category") for e in await work.session.scalars(select(AuditEntry))} <= {
            None,
            "10",
        }


async def test_a_complaint_about_the_officer_passes_by_the_officers_whole_line(
    desk: Desk, wang: Person, lin: Person, gao: Person, tang: Person, cao: Person
) -> None:
    """The officer, the colleagues of the desk and the lead are left out: compliance gets it."""
    number = await tell(wang, "12 服务", "林悦一直不回消息", about="我的服务专员")
    await cao.wait_for(number, since=0)
    await desk.settled()
    for person in (lin, gao, tang):
        assert not any(number in m.text for m in person.messages)


async def test_an_amount_makes_it_major_and_the_supervisor_gets_it(
    desk: Desk, wang: Person, lin: Person, tang: Person
) -> None:
    """A demand of 120,000 goes to the supervisor, with fifteen working days."""
    await wang.text("/complain")
    await wang.press("2 交易")
    await wang.press("不涉及具体人员")
    await wang.text("委托没有成交")
    await wang.press("写好了")
    await wang.text("赔偿 12 万元")
    await wang.press("没有材料")
    await wang.press("确认提交")
    receipt = await wang.wait_for("投诉已登记")
    assert "9月7日（周一）17:30" in receipt.text
    card = await tang.wait_for("重大投诉", since=0)
    assert "金额达到重大标准" in card.text
    await desk.settled()
    assert not any("重大投诉" in m.text for m in lin.messages)


async def test_progress_is_told_on_demand(desk: Desk, wang: Person, lin: Person) -> None:
    """/cases, the words 投诉进度 and the number all lead to the state; another's number is not found."""
    number = await tell(wang, "5 手续费")
    await wang.text("投诉进度")
    assert number in (await wang.wait_for("您的投诉（共 1 件）")).text
    await wang.press(number)
    assert "待接单" in (await wang.wait_for("登记于")).text
    await wang.text(f"我的投诉{number}到哪了")
    await wang.wait_for("登记于")
    other = await desk.client("li", account="80023456", name="李静", tier="retail", officer="S01")
    await other.text(number)
    await other.wait_for("没有查到")


async def test_overdue_cases_climb_and_the_client_is_told(
    desk: Desk, wang: Person, lin: Person, tang: Person, cao: Person
) -> None:
    """50 %: the officer is reminded; 80 %: the lead; 100 %: the supervisor gets it; 200 %: compliance. Each once."""
    number = await tell(wang, "5 手续费")
    await lin.wait_for(number, since=0)
    desk.sim.set_clock("2026-08-18T08:46:00+08:00")
    await lin.wait_for("时限已过半", since=0, timeout=8)
    desk.sim.set_clock("2026-08-18T11:01:00+08:00")
    assert number in (await tang.wait_for("即将超时", since=0, timeout=8)).text
    desk.sim.set_clock("2026-08-18T14:01:00+08:00")
    await tang.wait_for("逾期上报", since=0, timeout=8)
    assert "客服主管" in (await wang.wait_for("未能按时办理", since=0)).text
    desk.sim.set_clock("2026-08-19T14:01:00+08:00")
    await cao.wait_for("逾期上报", since=0, timeout=8)
    await desk.settled()
    assert len([m for m in lin.messages if "时限已过半" in m.text and "首次联系" in m.text]) == 1
    assert len([m for m in tang.messages if "已转出" in m.text]) == 1
    assert len([m for m in cao.messages if "客户原话" in m.text]) == 1
    gone = next(m for m in lin.messages if number in m.text)
    assert "接单" not in str(gone.buttons)


async def test_handing_on_leaves_out_whoever_is_connected_and_tells_the_client(
    desk: Desk, wang: Person, chen: Person, lin: Person, gao: Person, tang: Person
) -> None:
    """The colleague has it from then on; the client learns the name."""
    number = await tell(wang, "5 手续费")
    await lin.wait_for(number, since=0)
    await lin.press("接单")
    await lin.press("转交")
    whom = await lin.wait_for("转交给谁")
    assert any("高翔" in label for row in whom.buttons for label in row)
    assert not any("陈静" in label for row in whom.buttons for label in row)
    await lin.press("高翔", message=whom)
    assert "高翔" in (await wang.wait_for("已转由", since=0)).text
    await gao.wait_for("同事转交给您", since=0)
    await gao.press("答复客户")
    await gao.wait_for("请写答复内容")
    await gao.text("正在核对")
    await wang.wait_for("正在核对", since=0)


async def test_a_client_out_of_reach_is_no_contact_and_the_owner_is_told_to_phone(
    desk: Desk, wang: Person, lin: Person
) -> None:
    """The client blocked the bot: the answer does not stop the clock of the first contact."""
    number = await tell(wang, "5 手续费")
    await lin.wait_for(number, since=0)
    await lin.press("接单")
    await wang.wait_for("已受理", since=0)
    await wang.block()
    await lin.press("答复客户")
    await lin.wait_for("请写答复内容")
    await lin.text("请回电")
    await lin.wait_for("没有送达客户", since=0)
    async with desk.reading() as work:
        case = await work.session.scalar(select(Case))
        assert case.contacted_at is None
    await lin.press("已电话联系")
    await desk.settled()
    async with desk.reading() as work:
        assert (await work.session.scalar(select(Case.contacted_at))) is not None


async def test_a_bare_reply_to_a_card_is_not_sent_until_it_is_said_what_it_is(
    desk: Desk, wang: Person, lin: Person
) -> None:
    """A remark of staff never reaches a client by accident; chosen twice, it is sent once."""
    number = await tell(wang, "5 手续费")
    card = await lin.wait_for(number, since=0)
    await lin.press("接单")
    await wang.wait_for("已受理", since=0)
    await lin.text("明天答复", reply_to=card)
    asked = await lin.wait_for("要发给客户吗")
    await desk.settled()
    assert not any("明天答复" in m.text for m in wang.messages)
    await lin.press("答复客户", message=asked)
    await wang.wait_for("明天答复", since=0)
    await (await lin.press("答复客户", message=asked)).answer()
    await desk.settled()
    assert len([m for m in wang.messages if "明天答复" in m.text]) == 1


async def test_long_texts_emoji_and_markup_arrive_as_they_were_said(
    desk: Desk, wang: Person, lin: Person
) -> None:
    """4,000 emoji, template syntax and HTML: the card fits, the full text is sent whole."""
    facts = "<b>{{ 7*7 }}</b> & " + "😡" * 2000
    number = await tell(wang, "5 手续费", facts)
    card = await lin.wait_for(number, since=0)
    assert "<b>{{ 7*7 }}</b> &" in card.text
    await lin.press("看全文与材料")
    await desk.settled()
    assert sum(m.text.count("😡") for m in lin.messages if m.id > card.id) == 2000


async def test_stickers_are_no_evidence_and_albums_are_acknowledged_once(desk: Desk, wang: Person) -> None:
    """A sticker at the evidence step is refused politely; three pictures of an album are three files."""
    await wang.text("/complain")
    await wang.press("5 手续费")
    await wang.press("不涉及具体人员")
    await wang.text("多收手续费")
    await wang.press("写好了")
    await wang.press("没有具体诉求")
    await wang.wait_for("证明材料")
    await wang.send_sticker()
    await wang.wait_for("不能作为材料")
    await wang.send_album([PICTURE, PICTURE, PICTURE])
    await desk.settled()
    assert len([m for m in wang.messages if "已记下" in m.text and "经过 5 字" in m.text]) <= 2
    await wang.press("材料发完了")
    assert "材料：3 份" in (await wang.wait_for("请核对后提交")).text


async def test_a_person_who_has_the_conversation_comes_before_the_draft(
    desk: Desk, wang: Person, chen: Person
) -> None:
    """Talking with the manager begun in the middle of a complaint: the words go to the manager, the draft stays."""
    await wang.text("/complain")
    await wang.press("5 手续费")
    await wang.press("不涉及具体人员")
    await wang.wait_for("事情经过")
    await wang.text("/human")
    await wang.wait_for("已为您接通")
    await wang.text("先问一句")
    await chen.wait_for("先问一句", since=0)
    await wang.text("/complain")
    await wang.wait_for("没有提交的投诉")
    await wang.press("继续填写")
    await wang.wait_for("事情经过")
    await wang.text("多收手续费")
    await wang.wait_for("已记下")


async def test_an_english_client_and_chinese_staff_each_read_their_own_language(
    desk: Desk, lin: Person, cao: Person
) -> None:
    """Questions, receipt and state in English; the card in Chinese; the words of both as they were said."""
    ada = await desk.client("ada", name="Ada", tier="retail", officer="S01", lang="en")
    await ada.text("/complain")
    await ada.press("5 Fees")
    await ada.press("Nobody in particular")
    await ada.wait_for("What happened")
    await ada.text("close-today fee charged twice")
    await ada.press("That is all")
    await ada.press("Nothing in particular")
    await ada.press("No files")
    await ada.press("Submit")
    receipt = await ada.wait_for("Your complaint is registered")
    assert "by Tue 18 Aug 14:00" in receipt.text
    assert "12386" in receipt.text
    card = await lin.wait_for("客户原话", since=0)
    assert "close-today fee charged twice" in card.text
    await lin.press("接单")
    await ada.wait_for("was accepted and is handled by 林悦", since=0)
    await ada.text("complaint status")
    await ada.wait_for("Your complaints (1)")


async def test_a_reply_to_what_was_told_about_a_case_belongs_to_it(
    desk: Desk, wang: Person, lin: Person
) -> None:
    """Days later, without any button: replying to the receipt adds to the complaint."""
    number = await tell(wang, "5 手续费")
    receipt = next(m for m in wang.messages if "投诉已登记" in m.text)
    await lin.wait_for(number, since=0)
    await lin.press("接单")
    await wang.text("怎么开户")
    await wang.wait_for("依据")
    await wang.text("忘了说，是夜盘", reply_to=receipt)
    await wang.wait_for("已记入")
    await lin.wait_for("忘了说，是夜盘", since=0)


# --- what the client changes afterwards, and what proves the files ------------------------------------------


async def test_an_edit_while_telling_changes_the_draft(desk: Desk, wang: Person) -> None:
    """The summary says the new words, shown again where it stood already."""
    await wang.text("/complain")
    await wang.press("5 手续费")
    await wang.wait_for("是否涉及具体人员")
    await wang.press("不涉及具体人员")
    await wang.wait_for("事情经过")
    told = await wang.text("平今手续费多收了二十元")
    await wang.press("写好了")
    await wang.press("没有具体诉求")
    await wang.press("没有材料")
    await wang.wait_for("请核对后提交")
    await wang.edit(told, "平今手续费多收了三十元")
    summary = await wang.wait_for("请核对后提交")
    assert "三十元" in summary.text
    assert "二十元" not in summary.text


async def test_an_edit_of_what_went_into_a_case_is_kept_beside_the_first_words(
    desk: Desk, wang: Person, lin: Person
) -> None:
    """The owner is told, both editions stay, and the same edit twice is one."""
    number = await tell(wang, "3 系统")
    await lin.wait_for(number, since=0)
    await lin.press("接单")
    await wang.wait_for("已受理", since=0)
    await wang.press("补充材料")
    await wang.wait_for("请发送要补充到")
    added = await wang.text("软件是电脑版")
    await wang.wait_for("已记入")
    await wang.edit(added, "软件是手机版")
    told = await lin.wait_for("改写了之前的话")
    assert "软件是手机版" in told.text
    await wang.edit(added, "软件是手机版")
    await desk.settled()
    async with desk.reading() as work:
        events = list(await work.session.scalars(select(CaseEvent).order_by(CaseEvent.id)))
    assert [e.text for e in events if e.kind in ("added", "edited")] == ["软件是电脑版", "软件是手机版"]
    await lin.press("看全文与材料")
    words = await lin.wait_for("客户原话全文")
    assert "软件是电脑版" in words.text
    assert "（改写）软件是手机版" in words.text


async def test_an_edit_by_somebody_else_changes_no_case(desk: Desk, wang: Person) -> None:
    """Numbers of messages are the chat's own: another chat's message with the same number is another one."""
    await tell(wang, "3 系统")
    other = await desk.stranger("other")
    said = await other.text("怎么开户")
    await desk.settled()
    await other.edit(said, "我要改别人的投诉")
    await desk.settled()
    async with desk.reading() as work:
        assert not await work.session.scalar(select(func.count()).where(CaseEvent.kind == "edited"))


async def test_each_file_of_a_complaint_gets_its_digest(desk: Desk, wang: Person, lin: Person) -> None:
    """In its row and in the audit trail, without the file being kept."""
    await tell(wang, "3 系统")
    await wang.press("补充材料")
    await wang.wait_for("请发送要补充到")
    await wang.send_document("流水.txt", b"100")
    await wang.wait_for("已记入")

    async def digests() -> list[str | None]:
        async with desk.reading() as work:
            return list(await work.session.scalars(select(EvidenceFile.sha256)))

    for _ in range(100):
        if None not in await digests():
            break
        await asyncio.sleep(0.05)
    assert await digests() == [sha256(b"100").hexdigest()]
    async with desk.reading() as work:
        entry = await work.session.scalar(select(AuditEntry).where(AuditEntry.action == "evidence.read"))
    assert entry is not None
    assert entry.detail == {"sha256": sha256(b"100").hexdigest(), "size": 3}
