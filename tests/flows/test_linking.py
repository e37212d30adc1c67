"""A stranger becomes a client by an invitation and a proof, decides what is shown, and can leave again."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from db import queues
from db.audit import first_break
from db.models import (
    AuditEntry,
    Case,
    Chat,
    Client,
    Consent,
    Delivery,
    Invite,
    Link,
    Notice,
    OutboxMessage,
    Staff,
)
from domain.people import Role
from services import access, leaving, linking, outbox, staff, tasks, withdrawals
from simulator import Person
from tests.desk import Desk

PHONE = "+8613800000001"


@pytest.fixture
async def chen(desk: Desk) -> Person:
    return await desk.staff("chen", name="陈静", role="manager", code="M01")


@pytest.fixture
async def wang(desk: Desk, chen: Person) -> Person:
    """In the register and looked after by 陈静; the chat is not linked yet."""
    person = await desk.client("wang", manager="M01", consent=False, phone=PHONE)
    async with desk.work() as work:
        link = await work.session.scalar(select(Link).where(Link.chat_id == person.id))
        assert link is not None
        await work.session.delete(link)
    return person


async def rows(desk: Desk, model: Any) -> list[Any]:
    async with desk.reading() as work:
        return list(await work.session.scalars(select(model).order_by(model.id)))


async def actions(desk: Desk) -> list[str]:
    """What the audit trail says happened, in order; the chain must hold."""
    async with desk.reading() as work:
        assert await first_break(work.session) is None
    return [entry.action for entry in await rows(desk, AuditEntry)]


async def invited(chen: Person, words: str = "/invite 80012345") -> str:
    """The code of an invitation that the manager just made."""
    await chen.text(words)
    card = await chen.wait_for("https://t.me/")
    return card.text.split("?start=")[1].split()[0]


async def proved(person: Person, code: str, told: str = "身份核对完成") -> None:
    """Opens an invitation and passes both checks."""
    await person.start(code)
    await person.wait_for("后四位")
    await person.text("2345")
    await person.wait_for("最后一步")
    await person.share_contact()
    await person.wait_for(told)


async def agreed(person: Person) -> None:
    await person.wait_for("单独授权", since=0)
    await person.press("同意")
    await person.wait_for("境外")
    await person.press("同意")
    await person.wait_for("设置完成")


async def test_an_invited_client_is_linked_after_tail_card_and_two_consents(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """From the manager's command to /my, with the manager told and every step in the audit trail."""
    await chen.text("/invite 80012345")
    card = await chen.wait_for("https://t.me/")
    assert card.kind == "photo"
    assert card.data.startswith(b"\x89PNG")
    assert "80012345" not in "".join(m.text for m in chen.messages if m.from_bot)
    await proved(wang, card.text.split("?start=")[1].split()[0])
    await chen.wait_for("已绑定")
    await agreed(wang)
    await wang.text("/my")
    shown = await wang.wait_for("账户 尾号 2345")
    assert "陈静" in shown.text
    assert "F0000001" in shown.text
    assert "80012345" not in shown.text
    assert [i.state for i in await rows(desk, Invite)] == ["used"]
    assert [c.purpose for c in await rows(desk, Consent)] == ["figures", "abroad"]
    wanted = ["invite.made", "invite.opened", "link.made", "consent.given", "consent.given"]
    assert [a for a in await actions(desk) if a in wanted] == wanted


async def test_only_the_hash_of_a_code_is_stored(desk: Desk, chen: Person, wang: Person) -> None:
    """Whoever reads the database cannot open an invitation."""
    code = await invited(chen)
    (invite,) = await rows(desk, Invite)
    assert code not in str(vars(invite))
    assert len(invite.code_hash) == 64


async def test_a_forwarded_contact_card_is_refused(desk: Desk, chen: Person, wang: Person) -> None:
    """Somebody else's card, even with the right number, proves nothing; typing the number proves nothing either."""
    code = await invited(chen)
    await wang.start(code)
    await wang.wait_for("后四位")
    await wang.text("2345")
    await wang.wait_for("最后一步")
    await wang.share_other_contact(phone=PHONE, first_name="王明")
    await wang.wait_for("不是您本人的名片")
    await wang.share_other_contact(of=chen)
    await wang.wait_for("不是您本人的名片")
    await wang.text("13800000001")
    await wang.wait_for("手动输入")
    assert [link for link in await rows(desk, Link) if link.client_id] == []
    await wang.share_contact()
    await wang.wait_for("身份核对完成")


async def test_a_number_that_differs_from_the_register_is_refused_and_the_manager_hears_of_it(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """The own card of the wrong person does not link; the register's number is not given away."""
    code = await invited(chen)
    thief = desk.sim.person("thief", first_name="贼", phone="+8613999999999")
    await thief.start(code)
    await thief.text("2345")
    await thief.wait_for("最后一步")
    await thief.share_contact()
    refused = await thief.wait_for("与开户登记的不一致")
    assert "还可以再试 4 次" in refused.text
    await chen.wait_for("本人手机号与登记不一致")
    assert not any("13800000001" in m.text for m in thief.messages)
    assert [link for link in await rows(desk, Link) if link.client_id] == []


async def test_five_wrong_tries_lock_an_invitation_and_tell_the_manager(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """Tails and numbers count together; afterwards even the right tail does nothing."""
    code = await invited(chen)
    await wang.start(code)
    for left in (4, 3, 2, 1):
        await wang.text("9999")
        await wang.wait_for(f"还可以再试 {left} 次")
    await wang.text("0000")
    await wang.wait_for("邀请已锁定")
    await chen.wait_for("已锁定")
    await wang.start(code)
    await wang.wait_for("因多次核对失败已锁定")
    assert [i.state for i in await rows(desk, Invite)] == ["locked"]
    await chen.press("重新邀请")
    again = await chen.wait_for("https://t.me/")
    await proved(wang, again.text.split("?start=")[1].split()[0])


async def test_the_tail_of_another_client_is_wrong(desk: Desk, chen: Person, wang: Person) -> None:
    """A digit string that is somebody's account opens nothing but the invited account."""
    await desk.client("li", account="80016789", name="李强", manager="M01", phone="+8613800000002")
    code = await invited(chen)
    await wang.start(code)
    await wang.text("6789")
    await wang.wait_for("不一致")
    await wang.text("80016789")
    await wang.wait_for("不一致")
    await wang.text("尾号２３４５")
    await wang.wait_for("最后一步")


async def test_a_question_in_between_is_answered_and_costs_no_try(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """Only digits alone are a try: 'rb2701' is a question."""
    code = await invited(chen)
    await wang.start(code)
    await wang.wait_for("后四位")
    await wang.text("rb2701 手续费多少")
    await wang.wait_for(lambda m: "不一致" not in m.text)
    await desk.settled()
    assert [i.tries for i in await rows(desk, Invite)] == [0]
    await wang.text("2345")
    await wang.wait_for("最后一步")


async def test_a_forged_a_used_an_expired_and_a_replaced_code_each_get_their_own_answer(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """One clear refusal each, and nobody is linked by any of them."""
    stranger = await desk.stranger()
    await stranger.start("abcdefghijkl")
    await stranger.wait_for("邀请链接无效")
    first = await invited(chen)
    second = await invited(chen)
    await stranger.start(first)
    await stranger.wait_for("邀请已作废")
    desk.sim.set_clock(desk.sim.clock.now() + timedelta(hours=73), running=True)
    await wang.start(second)
    await wang.wait_for("邀请已过期")
    third = await invited(chen)
    await proved(wang, third)
    await stranger.start(third)
    await stranger.wait_for("已经用过")
    assert len([link for link in await rows(desk, Link) if link.client_id]) == 1


async def test_an_invitation_that_expires_half_way_ends_there(desk: Desk, chen: Person, wang: Person) -> None:
    """The right answer too late links nobody, and the timetable tells the manager."""
    code = await invited(chen)
    await wang.start(code)
    await wang.text("2345")
    await wang.wait_for("最后一步")
    desk.sim.set_clock(desk.sim.clock.now() + timedelta(hours=73), running=True)
    await wang.share_contact()
    await desk.settled()
    assert [link for link in await rows(desk, Link) if link.client_id] == []
    for _ in range(2):
        async with desk.work() as work:
            await linking.expire_invitations(work)
    await chen.wait_for("已过期，未使用")
    await desk.settled()
    assert len([m for m in chen.messages if "已过期，未使用" in m.text]) == 1


async def test_a_manager_invites_own_clients_only(desk: Desk, chen: Person, wang: Person) -> None:
    """Another manager's client and an account that never was are the same answer."""
    liu = await desk.staff("liu", name="刘洋", role="manager", code="M02")
    await liu.text("/invite 80012345")
    theirs = await liu.wait_for("没有查到")
    await liu.text("/invite 99999999")
    unknown = await liu.wait_for("没有查到")
    assert theirs.text == unknown.text
    assert await rows(desk, Invite) == []


async def test_staff_cannot_be_clients_and_clients_cannot_open_staff_invitations(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """The employee who tries the own link is told to pass it on; a client cannot become staff."""
    code = await invited(chen)
    await chen.start(code)
    await chen.wait_for("转发给客户本人")
    await proved(wang, code)
    async with desk.work() as work:
        staff_code, _ = await linking.invite_staff(
            work, "operator", name="赵敏", role=Role.OFFICER, line="service"
        )
    await wang.start(staff_code)
    await wang.wait_for("另一位员工的邀请")


async def test_consent_pressed_twice_is_recorded_once(desk: Desk, chen: Person, wang: Person) -> None:
    """The second press changes nothing and asks nothing twice."""
    await proved(wang, await invited(chen))
    asked = await wang.wait_for("单独授权", since=0)
    data = asked.keyboard["inline_keyboard"][0][0]["callback_data"]
    await wang.press_data(data, message_id=asked.id)
    await wang.press_data(data, message_id=asked.id)
    await desk.settled()
    assert [c.purpose for c in await rows(desk, Consent)] == ["figures"]
    assert len([m for m in wang.messages if "是否同意：上述信息" in m.text]) == 1


async def test_without_both_consents_only_hints_are_shown_and_a_call_back_is_offered(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """One no ends the questions; figures stay hidden; the manager gets one task to phone."""
    await proved(wang, await invited(chen))
    await wang.wait_for("单独授权", since=0)
    await wang.press("不同意")
    await wang.wait_for("不显示尾号 2345 的金额")
    await wang.text("/my")
    shown = await wang.wait_for("****")
    assert "客户经理：陈静" in shown.text
    await wang.press("请电话联系我")
    told = await wang.wait_for("给您回电")
    number = told.text.split("编号 ")[1].split("。")[0]
    card = await chen.wait_for(number)
    assert "客户请求回电" in card.text
    await wang.press("请电话联系我")
    await wang.wait_for(number)
    assert [c.number for c in await rows(desk, Case)] == [number]


async def test_a_consent_taken_back_hides_the_figures_again(desk: Desk, chen: Person, wang: Person) -> None:
    """/privacy shows what stands; taking back works at once and the manager knows."""
    await proved(wang, await invited(chen))
    await agreed(wang)
    await wang.text("/privacy")
    await wang.wait_for("个人信息与授权")
    await wang.press("撤回 · 境外传输")
    await wang.wait_for("已撤回")
    await chen.wait_for("撤回了聊天显示账户信息的授权")
    await wang.text("/my")
    await wang.wait_for("****")
    await wang.press("授权显示金额")
    await wang.wait_for("单独授权")
    await wang.press("同意")
    await wang.wait_for("授权已齐")
    assert "consent.revoked" in await actions(desk)


async def test_a_new_telegram_account_is_relinked_and_the_old_chat_is_told(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """The old chat loses the account the moment the new one proves it, not when the invitation is made."""
    await proved(wang, await invited(chen))
    await agreed(wang)
    await chen.text("/invite 80012345")
    await chen.wait_for("/relink")
    code = await invited(chen, "/relink 80012345")
    new = desk.sim.person("wang2", first_name="明", phone=PHONE)
    await wang.text("/my")
    await wang.wait_for("账户 尾号 2345")
    await proved(new, code)
    await wang.wait_for("重新绑定到您的另一个聊天")
    await wang.text("/my")
    await wang.wait_for("需要先绑定")
    await new.text("/my")
    await new.wait_for("****")
    live = [link for link in await rows(desk, Link) if link.client_id and link.until is None]
    assert [link.chat_id for link in live] == [new.id]
    assert all(c.revoked_at is not None for c in await rows(desk, Consent))


async def test_a_conversation_about_the_account_ends_with_the_link_of_its_chat(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """The manager's next words must not reach a chat that lost the account."""
    await proved(wang, await invited(chen))
    await agreed(wang)
    await wang.text("/human")
    card = await chen.wait_for("客户对话 #")
    code = await invited(chen, "/relink 80012345")
    new = desk.sim.person("wang2", first_name="明", phone=PHONE)
    await proved(new, code)
    await wang.wait_for("重新绑定到您的另一个聊天")
    await chen.text("您的权益是 186420.50 元", reply_to=card)
    await desk.settled()
    assert not any("186420.50" in m.text for m in wang.messages)


async def test_start_pressed_twice_alarms_nobody(desk: Desk, chen: Person, wang: Person) -> None:
    """Whoever was linked by an invitation is told so; anybody else that it is used."""
    code = await invited(chen)
    await proved(wang, code)
    await wang.start(code)
    await wang.wait_for("已经绑定在本聊天")
    async with desk.work() as work:
        join, _ = await linking.invite_staff(work, "operator", name="刘洋", role=Role.OFFICER, line="service")
    liu = desk.sim.person("liu", first_name="洋")
    for _ in range(2):
        await liu.start(join)
        await liu.wait_for("工作聊天已绑定")
    stranger = await desk.stranger()
    await stranger.start(join)
    await stranger.wait_for("已经用过")


async def test_an_authorised_person_is_linked_beside_the_holder_who_is_told(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """Several persons for one account; a number given with the invitation must be the card's."""
    await proved(wang, await invited(chen))
    code = await invited(chen, "/invite 80012345 授权 138 0000".replace("138 0000", "13800000009"))
    clerk = desk.sim.person("clerk", first_name="文", phone="+8613800000009")
    await clerk.start(code)
    await clerk.text("2345")
    await clerk.wait_for("最后一步")
    await clerk.share_contact()
    await clerk.wait_for("身份核对完成")
    await wang.wait_for("新增了一位被授权人")
    live = [link.person for link in await rows(desk, Link) if link.client_id and link.until is None]
    assert live == ["holder", "authorised"]


async def test_a_person_with_two_accounts_chooses_which_one_is_meant(desk: Desk, chen: Person) -> None:
    """/my asks first; afterwards it shows the chosen account and offers the other."""
    wang = await desk.client("wang", manager="M01", phone=PHONE)
    async with desk.work() as work:
        second = Client(
            account="80016789", name="王明", kind="person", phone=PHONE, tier="retail", tier_source="default",
            created_at=work.now,
        )  # fmt: skip
        work.session.add(second)
        await work.session.flush()
        work.session.add(Link(chat_id=wang.id, client_id=second.id, since=work.now))
    await wang.text("/my")
    await wang.wait_for("2 个账户")
    await wang.press("尾号 6789")
    await wang.wait_for("账户 尾号 6789")
    await wang.press("切换账户")
    await wang.wait_for("2 个账户")
    await wang.press("尾号 2345")
    await wang.wait_for("账户 尾号 2345")
    await wang.text("/my")
    await wang.wait_for("账户 尾号 2345")


async def test_a_client_unlinks_and_pressing_again_changes_nothing(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """After a confirmation the link and its consents end, and the manager is told."""
    await proved(wang, await invited(chen))
    await agreed(wang)
    await wang.text("/unlink")
    await wang.wait_for("确认解除")
    await wang.press("解除绑定")
    await wang.wait_for("已解除尾号 2345")
    await chen.wait_for("解除了聊天绑定")
    press = await wang.press("解除绑定")
    await press.answer()
    await desk.settled()
    assert len([m for m in wang.messages if "已解除尾号 2345" in m.text]) == 1
    await wang.text("/my")
    await wang.wait_for("需要先绑定")
    assert all(c.revoked_at is not None for c in await rows(desk, Consent))


async def test_the_manager_unlinks_a_chat_and_the_client_is_told(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """/unlink with an account shows its chats; other managers see none."""
    await proved(wang, await invited(chen))
    liu = await desk.staff("liu", name="刘洋", role="manager", code="M02")
    await liu.text("/unlink 80012345")
    await liu.wait_for("没有查到")
    await chen.text("/unlink 80012345")
    await chen.wait_for("账户本人")
    await chen.press("解除本人绑定")
    await wang.wait_for("已由我司解除")
    await chen.wait_for("对方已收到通知")
    await wang.text("/my")
    await wang.wait_for("需要先绑定")


async def test_a_stranger_gets_nothing_personal(desk: Desk, wang: Person, chen: Person) -> None:
    """Every door to an account is closed for somebody whom nobody knows."""
    stranger = await desk.stranger()
    for words in ("/my", "/accounts", "/privacy", "/unlink", "/client 80012345", "/invite 80012345", "/relink 80012345",
                  "/unlink 80012345", "/leave", "/back", "/standin", "2345", "80012345"):  # fmt: skip
        await stranger.text(words)
    await desk.settled()
    said = "\n".join(m.text for m in stranger.messages if m.from_bot)
    for secret in ("王", "陈静", "80012345", "关键", "13800000001", "F0000001"):
        assert secret not in said
    assert await rows(desk, Invite) == []


async def test_a_manager_learns_nothing_of_a_complaint_about_himself(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """The card lists the other case; compliance sees both."""
    cao = await desk.staff("cao", name="曹颖", role="compliance", code="C01", line="compliance")
    async with desk.work() as work:
        client_id, manager_id = (
            await work.session.scalar(select(Client.id)),
            await work.session.scalar(select(Staff.id).where(Staff.code == "M01")),
        )
        for number, about in (("CP-20260817-0001", manager_id), ("CP-20260817-0002", None)):
            work.session.add(
                Case(
                    number=number,
                    kind="complaint",
                    category="10" if about else "5",
                    severity="general",
                    state="open",
                    client_id=client_id,
                    facts="x",
                    about_staff_id=about,
                    restricted=bool(about),
                    desk="compliance" if about else "officer",
                    opened_at=work.now,
                )
            )
    await chen.text("/client 80012345")
    card = await chen.wait_for("未结事项")
    assert "0002" in card.text
    assert "0001" not in card.text
    await cao.text("/client 80012345")
    card = await cao.wait_for("未结事项")
    assert "0001" in card.text


# --- staff ---------------------------------------------------------------------------------------------------


async def test_an_invited_employee_is_linked_and_the_lead_is_told(desk: Desk, chen: Person) -> None:
    """One press; a second phone takes over and the first is told."""
    async with desk.work() as work:
        code, url = await linking.invite_staff(
            work,
            "operator",
            name="刘洋",
            role=Role.MANAGER,
            line="market-1",
            registration_no="F0000002",
            lead="M01",
        )
    assert url.endswith(f"?start={code}")
    liu = desk.sim.person("liu", first_name="洋")
    await liu.start(code)
    shown = await liu.wait_for("工作聊天已绑定")
    assert "客户经理" in shown.text
    assert "F0000002" in shown.text
    await chen.wait_for("刘洋（M001）已绑定")
    async with desk.work() as work:
        again, _ = await linking.invite_staff(
            work, "operator", name="刘洋", role=Role.MANAGER, line="market-1", code="m001"
        )
    other = desk.sim.person("liu2", first_name="洋")
    await other.start(again)
    await other.wait_for("工作聊天已绑定")
    await liu.wait_for("绑定到另一个聊天")
    assert [s.code for s in await rows(desk, Staff)] == ["M01", "M001"]


async def test_a_disabled_employee_is_out_at_the_next_word(desk: Desk, chen: Person, wang: Person) -> None:
    """The link ends with the command; what must be taken over is told to the operator."""
    root = await desk.staff("root", name="运维", role="operator", code="O01")
    async with desk.work() as work:
        unopened, _ = await linking.invite_staff(
            work, "operator", name="陈静", role=Role.MANAGER, line="market-1", code="M01"
        )
    async with desk.work() as work:
        left = await leaving.disable(work, "operator", "m01")
    assert left == staff.HandOver(clients=1, conversations=0, cases=0)
    await chen.wait_for("权限已停用")
    await root.wait_for("客户 1 位")
    await chen.text("/client 80012345")
    refused = await chen.wait_for(lambda m: "权限" in m.text and "停用" not in m.text)
    assert "王" not in refused.text
    async with desk.reading() as work:
        assert (await access.actor_of(work, chen.id)).is_stranger
        assert await access.staff_in(work, (Role.MANAGER,)) == []
    await chen.start(unopened)
    await chen.wait_for("邀请已作废")


async def test_what_a_disabled_employee_had_under_way_is_somebody_else_s_at_once(desk: Desk) -> None:
    """The client is told who has the conversation, the stand-in gets its card, the phone task goes to the pool."""
    liu = await desk.staff("liu", name="刘洋", role="manager", code="M02")
    chen = await desk.staff("chen", name="陈静", role="manager", code="M01", stand_in="M02")
    lin = await desk.staff("lin", name="林悦", role="officer", code="S01")
    wang = await desk.client("wang", manager="M01", officer="S01")
    await wang.text("/human")
    await chen.wait_for("客户对话")
    async with desk.work() as work:
        client = await work.session.scalar(select(Client))
        assert client is not None
        task_id = await tasks.open_one(work, client, "asked")
    async with desk.work() as work:
        left = await leaving.disable(work, "operator", "M01")
    assert (left.conversations, left.cases) == (1, 1)
    await wang.wait_for("刘洋", since=0)
    await liu.wait_for("客户对话", since=0)
    await lin.wait_for("电话任务", since=0)
    [task] = [case for case in await rows(desk, Case) if case.id == task_id]
    assert (task.owner_id, task.desk, task.state) == (None, "pool", "open")
    await wang.text("还在吗")
    await liu.wait_for("还在吗")


async def test_leave_names_the_stand_in_who_then_sees_the_clients(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """While one is away the other may look the client up; afterwards no more."""
    liu = await desk.staff("liu", name="刘洋", role="manager", code="M02")
    await liu.text("/client 80012345")
    await liu.wait_for("没有查到")
    await chen.text("/leave")
    await chen.wait_for("还没有指定代班人")
    await chen.press("指定代班人")
    await chen.press("刘洋")
    await chen.wait_for("已指定 刘洋")
    await liu.wait_for("指定您为代班人")
    await liu.text("/client 80012345")
    card = await liu.wait_for("分级：关键")
    assert "王*" in card.text
    assert "王明" not in card.text
    await chen.text("/leave 2026-08-28")
    away = await chen.wait_for("8月28日（周五）")
    assert "刘洋" in away.text
    await chen.text("/leave 2026-08-01")
    await chen.wait_for("日期没有看懂")
    await chen.text("/back")
    await chen.wait_for("恢复在岗")
    await liu.text("/client 80012345")
    await liu.wait_for("没有查到")


async def test_a_client_is_found_by_the_beginning_of_the_name_among_the_own_only(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """One hit shows the card, none says nothing found; every look is in the audit trail."""
    await chen.text("/client 王")
    await chen.wait_for("分级：关键")
    liu = await desk.staff("liu", name="刘洋", role="manager", code="M02")
    await desk.client("wang2", account="80019999", name="王芳", manager="M01", phone="+8613800000003")
    await liu.text("/client 王")
    await liu.wait_for("没有查到")
    await chen.text("/client")
    listed = await chen.wait_for("您负责的客户")
    assert [row[0] for row in listed.buttons] == ["王* 尾号 2345", "王* 尾号 9999"]
    assert (await actions(desk)).count("client.seen") == 1


@pytest.mark.parametrize(("chosen", "words"), [(False, "Verified"), (True, "身份核对完成")])
async def test_the_register_s_language_is_spoken_unless_the_person_chose_one(
    desk: Desk, chen: Person, wang: Person, chosen: bool, words: str
) -> None:
    """Telegram's guess gives way to the register, and both to the person."""
    async with desk.work() as work:
        client, chat = await work.session.scalar(select(Client)), await work.session.get(Chat, wang.id)
        assert client is not None
        assert chat is not None
        client.lang, chat.lang_chosen = "en", chosen
    await proved(wang, await invited(chen), words)


# --- what waits, and what stays ---------------------------------------------------------------------------


async def queued(desk: Desk, chat_id: int, template: str) -> OutboxMessage:
    async with desk.reading() as work:
        found = await work.session.scalar(
            select(OutboxMessage).where(OutboxMessage.chat_id == chat_id, OutboxMessage.template == template)
        )
    assert found is not None
    return found


async def put_by(desk: Desk, person: Person, name: str, account: str, **facts: Any) -> None:
    """A message that waits: it may not leave before tomorrow."""
    async with desk.work() as work:
        added = await outbox.say(work, person.id, name, account=account, **facts)
        assert added is not None
        await queues.set_messages(work.session, [added], not_before=work.deps.wall() + timedelta(days=1))


async def test_cancelling_at_the_contact_step_takes_the_keyboard_away(
    chen: Person, wang: Person, desk: Desk
) -> None:
    """The button that shares the number does not stay behind."""
    await wang.start(await invited(chen))
    await wang.wait_for("后四位")
    await wang.text("2345")
    await wang.wait_for("最后一步")
    assert wang.keyboard
    await wang.text("/cancel")
    await wang.wait_for("已退出")
    await desk.settled()
    assert not wang.keyboard


async def test_what_waits_for_a_chat_does_not_go_once_it_is_unlinked(desk: Desk, chen: Person) -> None:
    """Messages with the account's data end with the link, without their words; those of another account go on."""
    person = await desk.client("wang", manager="M01")
    await desk.client("zhao", account="80099999", name="赵", manager="M01")
    await put_by(desk, person, "risk.hint", "80012345", number="MC-1", kind="call")
    await put_by(desk, person, "link.moved", "80099999")
    await person.text("/unlink")
    await person.wait_for("确认解除")
    await person.press("解除绑定")
    await person.wait_for("已解除")
    ended, kept = await queued(desk, person.id, "risk.hint"), await queued(desk, person.id, "link.moved")
    assert (ended.state, ended.body, ended.error) == ("expired", {}, "unlinked")
    assert kept.state == "pending"


async def test_a_margin_call_that_was_withdrawn_is_phoned(desk: Desk, chen: Person) -> None:
    """What follows from a call that reaches nobody follows here too."""
    person = await desk.client("wang", manager="M01")
    async with desk.work() as work:
        client = await work.session.scalar(select(Client))
        assert client is not None
        notice = Notice(
            number="MC-20260817-0001",
            kind="margin",
            state="sent",
            account=client.account,
            level="call",
            text_zh="追保",
            text_en="call",
            hash="0" * 64,
            facts={},
            written_by="house",
            written_at=work.now,
        )
        work.session.add(notice)
        await work.session.flush()
        line = Delivery(
            notice_id=notice.id,
            client_id=client.id,
            chat_id=person.id,
            state="queued",
            queued_at=work.now,
        )
        work.session.add(line)
        await work.session.flush()
        line_id = line.id
    async with desk.work() as work:
        added = await outbox.put(
            work,
            person.id,
            "text",
            {"html": "1,000.00"},
            template="risk.call",
            about={"delivery": line_id},
            account="80012345",
        )
        assert added is not None
        await queues.set_messages(work.session, [added], not_before=work.deps.wall() + timedelta(days=1))
        who = await access.actor_of(work, person.id)
        await withdrawals.take_consent_back(work, who, who.clients[0].id, "figures")
    [task] = await rows(desk, Case)
    assert (task.kind, task.category) == ("task", "undeliverable")
    assert (await queued(desk, person.id, "risk.call")).body == {}


async def test_the_link_of_an_invitation_is_forgotten_once_it_was_sent(
    desk: Desk, chen: Person, wang: Person
) -> None:
    """Whoever reads the database or a backup finds nothing to open."""
    code = await invited(chen)
    await desk.settled()
    card = await queued(desk, chen.id, "invite.card")
    assert (card.state, card.body) == ("sent", {})
    async with desk.reading() as work:
        bodies = [str(body) for body in await work.session.scalars(select(OutboxMessage.body))]
    assert not [body for body in bodies if code in body]
