"""Linking: invitations made by staff, opened and proved by clients and staff; consents; links ended."""

from telegram import Update

from domain.identity import stated_number
from domain.people import Actor
from handlers.context import Context, message_text
from handlers.registry import CLIENT, PUBLIC, ActionFn, Command, Press
from messages.pictures import qr
from services import access, chats, consents, linking, outbox, withdrawals
from services.linking import Proof, Step
from services.outbox import Button, Row
from services.outcomes import FORGET

_HUMAN = Button("ask.human", "contact.begin")
_MANAGERS = ("manager", "operator")


# --- being linked ---------------------------------------------------------------------------------------


async def open_invitation(context: Context, code: str) -> None:
    """/start with an invitation's code: staff are linked, clients are asked for the proof."""
    await _show_proof(context, await linking.open(context.work, context.who, code))


async def how(context: Context, _press: Press | None = None) -> None:
    """How a client comes to be linked."""
    await context.reply("link.how", hours=context.deps.policy.invites.client_hours, buttons=[[_HUMAN]])


async def link_command(_update: Update, context: Context) -> None:
    await how(context)


async def on_message(update: Update, context: Context) -> bool:
    """The account's tail and the contact card, while this chat proves an invitation; questions go past."""
    step = await linking.waiting_for(context.work, context.who)
    message = update.effective_message
    if step is None or message is None:
        return False
    if message.contact is not None:
        card = message.contact
        proof = await linking.share_contact(context.work, context.who, card.phone_number, card.user_id)
        await _show_proof(context, proof)
        return True
    stated = stated_number(message_text(update))
    if stated is None:
        return False
    if step == "contact":
        # A typed number proves nothing: only the card comes with its owner's id.
        await context.reply("link.use_the_button", ask_contact=True)
        return True
    await _show_proof(context, await linking.prove_tail(context.work, context.who, stated))
    return True


async def _show_proof(context: Context, proof: Proof) -> None:
    match proof.step:
        case Step.STAFF:
            await _welcome_staff(context)
        case Step.ASK_TAIL:
            await context.reply("link.ask_tail")
        case Step.WRONG_TAIL:
            await context.reply("link.wrong_tail", left=proof.left)
        case Step.ASK_CONTACT:
            await context.reply("link.ask_contact", ask_contact=True)
        case Step.NOT_OWN_CARD:
            await context.reply("link.not_own_card", ask_contact=True)
        case Step.WRONG_NUMBER:
            await context.reply("link.wrong_number", left=proof.left, ask_contact=True)
        case Step.LOCKED:
            await say_without_keyboard(context, "link.locked")
        case Step.GONE:
            await say_without_keyboard(context, f"refusal.invite_{proof.why}")
        case Step.LINKED:
            await _linked(context, proof)


async def say_without_keyboard(context: Context, name: str, **facts: object) -> None:
    """Says a message and takes the contact keyboard away; such a message cannot carry buttons of its own."""
    html = context.deps.phrases.text(name, context.who.lang, **facts)
    body = {"html": html, "remove_keyboard": True}
    await outbox.put(context.work, context.who.chat_id, "text", body, lang=context.who.lang, template=name)


async def _welcome_staff(context: Context) -> None:
    who = await _become(context)
    assert who.staff is not None
    await context.reply(
        "staff.welcome",
        name=who.staff.name,
        role=context.deps.phrases.label(f"role.{who.staff.role}", who.lang),
        line=who.staff.line,
        registration_no=who.staff.registration_no,
    )


async def _linked(context: Context, proof: Proof) -> None:
    """Linked: each purpose is asked for consent, one after the other, then welcome."""
    assert proof.client is not None
    await _become(context)
    await say_without_keyboard(context, "link.verified", account=proof.client.account)
    await ask_next(context, proof.client.id, flow=proof.link_id)


async def _become(context: Context) -> Actor:
    """The speaker is somebody else now: the rest of this turn and the command menu must know."""
    from handlers.start import command_menu  # start opens invitations with this module

    who = await access.actor_of(context.work, context.who.chat_id)
    context.turn.who = who
    await chats.show_menu_of_commands(context.work, who, command_menu(who.role, who.lang))
    return who


# --- consent --------------------------------------------------------------------------------------------


async def ask_next(context: Context, client_id: int, *, flow: int = 0, after: int = 0) -> None:
    """Asks for the next consent that is missing; when none is, says so.

    ``flow``: the link that this belongs to, 0 for none; ``after``: the message that was answered, so that a
    second press asks nothing twice.
    """
    purpose = await consents.next_open(context.work, context.who.chat_id, client_id)
    if purpose is not None:
        await ask_consent(context, client_id, purpose, flow=flow, after=after)
    elif flow:
        await _welcome(context, client_id, flow)
    else:
        await context.reply(
            "consent.complete",
            account=consents.own(context.who, client_id).account,
            buttons=[[Button("ask.my", "account.my")]],
            dedupe=f"consented/{context.who.chat_id}/{after}" if after else None,
        )


async def ask_consent(
    context: Context, client_id: int, purpose: str, *, flow: int = 0, after: int = 0
) -> None:
    """One purpose, with its own yes and no."""
    client = consents.own(context.who, client_id)
    privacy = context.deps.policy.privacy
    args = {"client": client_id, "purpose": purpose, "version": privacy.consent_version, "flow": flow}
    await context.reply(
        "consent.ask",
        account=client.account,
        purpose=privacy.purposes[purpose][context.who.lang],  # type: ignore[index]  # a code of the configuration
        version=privacy.consent_version,
        buttons=[
            [Button("consent.agree", "consent.give", args), Button("consent.refuse", "consent.refuse", args)]
        ],
        dedupe=f"consent/{context.who.chat_id}/{after}/{purpose}" if after else None,
    )


async def pressed_give(context: Context, press: Press) -> None:
    client_id, purpose, flow = press.args["client"], press.args["purpose"], press.args["flow"]
    client = await consents.give(context.work, context.who, client_id, purpose, press.args["version"])
    await _show_answer(context, press, client.account, given=True)
    await ask_next(context, client_id, flow=flow, after=press.message_id)


async def pressed_refuse(context: Context, press: Press) -> None:
    """A no to one purpose: both are needed for figures, so the others are not asked for."""
    client_id, purpose = press.args["client"], press.args["purpose"]
    client = await withdrawals.refuse_consent(context.work, context.who, client_id, purpose)
    await _show_answer(context, press, client.account, given=False)
    if press.args["flow"]:
        await _welcome(context, client_id, press.args["flow"])


async def _show_answer(context: Context, press: Press, account: str, *, given: bool) -> None:
    """The message that asked shows the answer instead of its buttons."""
    purpose = context.deps.policy.privacy.purposes[press.args["purpose"]][context.who.lang]
    await outbox.edit(
        context.work,
        context.who.chat_id,
        press.message_id,
        "consent.answered",
        lang=context.who.lang,
        account=account,
        purpose=purpose,
        given=given,
        at=context.work.now,
    )


async def _welcome(context: Context, client_id: int, flow: int) -> None:
    client = consents.own(context.who, client_id)
    await context.reply(
        "link.welcome",
        account=client.account,
        shown=await consents.complete(context.work, context.who.chat_id, client_id),
        buttons=[[Button("ask.my", "account.my"), _HUMAN], [Button("ask.menu", "start.menu")]],
        dedupe=f"welcome/{flow}",
    )


# --- invitations made -----------------------------------------------------------------------------------


async def invite_command(_update: Update, context: Context) -> None:
    """/invite ACCOUNT [authorised [PHONE]]"""
    words = context.args or []
    person = {"": "holder", "authorised": "authorised", "授权": "authorised", "holder": "holder"}.get(
        words[1].lower() if len(words) > 1 else ""
    )
    if not words or person is None or len(words) > 3:
        await context.reply("invite.usage")
        return
    await _invite(context, words[0], person, "client", phone=words[2] if len(words) == 3 else None)


async def relink_command(_update: Update, context: Context) -> None:
    """/relink ACCOUNT"""
    words = context.args or []
    if len(words) != 1:
        await context.reply("invite.usage")
        return
    await _invite(context, words[0], "holder", "relink")


async def pressed_invite_again(context: Context, press: Press) -> None:
    await _invite(context, press.args["account"], press.args["person"], press.args["kind"])


async def _invite(context: Context, account: str, person: str, kind: str, phone: str | None = None) -> None:
    """Makes an invitation; the first message is for the employee, the second one is there to be passed on."""
    work, who = context.work, context.who
    if kind == "relink":
        _, url = await linking.relink(work, who, account)
    else:
        _, url = await linking.invite_client(work, who, account, person, phone=phone)
    hours = context.deps.policy.invites.client_hours
    await context.reply("invite.made", account=account, person=person, kind=kind, hours=hours)
    await context.reply("invite.card", url=url, hours=hours, picture=qr(url), about={FORGET: True})


# --- links ended ----------------------------------------------------------------------------------------


async def unlink_command(_update: Update, context: Context) -> None:
    """/unlink: a client's own accounts; with an account number, staff see its chats."""
    if context.who.staff is not None:
        await _offer_links(context, context.args or [])
        return
    if not context.who.clients:
        await context.reply("refusal.not_linked", buttons=[[Button("ask.link", "link.how")]])
        return
    rows: list[Row] = [
        [Button(f" {_tail_words(context, c.account)}", "link.unlink_ask", {"client": c.id})]
        for c in context.who.clients
    ]
    if len(rows) == 1:
        await _ask_unlink(context, context.who.clients[0].id)
        return
    await context.reply("link.choose_unlink", buttons=rows)


async def pressed_unlink_ask(context: Context, press: Press) -> None:
    await _ask_unlink(context, press.args["client"])


async def _ask_unlink(context: Context, client_id: int) -> None:
    client = consents.own(context.who, client_id)
    await context.reply(
        "link.confirm_unlink",
        account=client.account,
        buttons=[
            [
                Button("link.unlink_yes", "link.unlink", {"client": client_id}),
                Button("link.keep", "link.keep"),
            ]
        ],
    )


async def pressed_unlink(context: Context, press: Press) -> None:
    client = await linking.unlink(context.work, context.who, press.args["client"])
    if client is None:
        press.toast = context.deps.phrases.label("link.ended_already", context.who.lang)
        return
    await _become(context)
    await context.reply("link.ended_by_client", account=client.account)


async def pressed_keep(context: Context, press: Press) -> None:
    press.toast = context.deps.phrases.label("link.kept", context.who.lang)


async def _offer_links(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        await context.reply("invite.usage")
        return
    client, found = await linking.linked_chats(context.work, context.who, words[0])
    rows: list[Row] = [
        [
            Button(
                f" {context.deps.phrases.label(f'link.end_{link.person}', context.who.lang)} #{link.link_id}",
                "link.unlink_chat",
                {"link": link.link_id},
            )
        ]
        for link in found
    ]
    await context.reply(
        "link.chats_of_client",
        name=context.work.shown_name(client.name),
        account=client.account,
        links=found,
        buttons=rows,
    )


async def pressed_unlink_chat(context: Context, press: Press) -> None:
    client = await linking.unlink_chat(context.work, context.who, press.args["link"])
    if client is None:
        press.toast = context.deps.phrases.label("link.ended_already", context.who.lang)
        return
    await context.reply(
        "link.ended_for_staff", name=context.work.shown_name(client.name), account=client.account
    )


def _tail_words(context: Context, account: str) -> str:
    return f"{context.deps.phrases.label('account.ending', context.who.lang)} {account[-4:]}"


COMMANDS = [
    Command("link", "绑定账户", "Link an account", link_command, shown_to=PUBLIC),
    Command("unlink", "解除绑定", "Unlink an account", unlink_command, shown_to=(CLIENT, *_MANAGERS)),
    Command("invite", "邀请客户绑定", "Invite a client", invite_command, shown_to=_MANAGERS),
    Command(
        "relink", "客户换手机或账号后重新绑定", "Move a client's link", relink_command, shown_to=_MANAGERS
    ),
]
ACTIONS: dict[str, ActionFn] = {
    "link.how": how,
    "consent.give": pressed_give,
    "consent.refuse": pressed_refuse,
    "invite.again": pressed_invite_again,
    "link.unlink_ask": pressed_unlink_ask,
    "link.unlink": pressed_unlink,
    "link.keep": pressed_keep,
    "link.unlink_chat": pressed_unlink_chat,
}
