"""The speaker's own account: figures where consent stands, who looks after it, privacy."""

from typing import Any

from telegram import Update

from domain.knowledge import Answer
from handlers import linking
from handlers.context import Context
from handlers.registry import CLIENT, ActionFn, Command, Press
from services import accounts, consents, withdrawals
from services.accounts import AccountSummary
from services.outbox import Button, Row

_HUMAN = Button("ask.human", "contact.begin")


async def show(context: Context, answer: Answer | None = None) -> None:
    """The account spoken of; a stranger is told how to be linked, with several accounts the person chooses.

    ``answer`` is the library's to a question about the own account: positions are listed where it asks for
    them, and it is said where to look for what is not held here.
    """
    if context.who.client is None:
        await _no_account(context)
        return
    if not await accounts.has_chosen(context.work, context.who):
        await choose(context)
        return
    asked = accounts.asked_for(answer)
    found = await accounts.summary(context.work, context.who, asked)
    await context.reply("account.summary", buttons=_buttons(found), **_facts(context, found), asked=asked)


def _facts(context: Context, found: AccountSummary) -> dict[str, Any]:
    risk = context.deps.policy.risk
    return {
        "name": found.client.name,
        "account": found.client.account,
        "funds": found.funds,
        "settled_on": found.settled_on,
        "positions": found.positions,
        "more_positions": found.more_positions,
        "consented": found.consented,
        "lines": {
            "watch": risk.watch,
            "warning": risk.warning,
            "call": risk.call,
            "notice": risk.exchange_notice,
            "liquidation": risk.exchange_liquidation,
        },
        "manager": found.manager,
        "officer": found.officer,
        "services": found.services[context.who.lang],
        "cases": found.cases,
    }


def _buttons(found: AccountSummary) -> list[Row]:
    rows: list[Row] = [[_HUMAN]]
    if not found.consented:
        args = {"client": found.client.id}
        rows = [
            [
                Button("account.consent", "account.consent", args),
                Button("account.call_back", "account.call_back"),
            ],
            [_HUMAN],
        ]
    if found.others:
        rows.append([Button("account.other", "account.list")])
    return rows


async def _no_account(context: Context) -> None:
    if context.who.staff is not None:
        await context.reply("account.for_staff")
        return
    await context.reply("account.need_link", buttons=[[Button("ask.link", "link.how"), _HUMAN]])


async def my(_update: Update, context: Context) -> None:
    """/my"""
    await show(context)


async def pressed_my(context: Context, _press: Press) -> None:
    await show(context)


async def choose(context: Context) -> None:
    """The person's accounts, to choose the one that is meant."""
    if not context.who.clients:
        await _no_account(context)
        return
    ending = context.deps.phrases.label("account.ending", context.who.lang)
    rows: list[Row] = [
        [Button(f" {ending} {c.account[-4:]}", "account.choose", {"client": c.id})]
        for c in context.who.clients
    ]
    await context.reply("account.choose", count=len(rows), buttons=rows)


async def accounts_command(_update: Update, context: Context) -> None:
    """/accounts"""
    await choose(context)


async def pressed_list(context: Context, _press: Press) -> None:
    await choose(context)


async def pressed_choose(context: Context, press: Press) -> None:
    context.turn.who = await accounts.choose(context.work, context.who, press.args["client"])
    await show(context)


async def pressed_consent(context: Context, press: Press) -> None:
    """Asks for what is missing, one purpose after the other as each is given."""
    await linking.ask_next(context, press.args["client"])


async def pressed_call_back(context: Context, _press: Press) -> None:
    number = await accounts.ask_call_back(context.work, context.who)
    await context.reply("account.call_back_asked", number=number)


# --- privacy --------------------------------------------------------------------------------------------


async def privacy(_update: Update, context: Context) -> None:
    """/privacy: what was agreed to for the account spoken of, and how to take it back."""
    if context.who.client is None:
        await context.reply("consent.nothing_held")
        return
    client = context.who.client
    policy = context.deps.policy.privacy
    given = await consents.purposes(context.work, context.who.chat_id, client.id)
    rows: list[Row] = []
    for purpose in given:
        args = {"client": client.id, "purpose": purpose.code}
        label = "consent.take_back" if purpose.given_at else "consent.give_now"
        phrases, lang = context.deps.phrases, context.who.lang
        words = f" {phrases.label(label, lang)} · {phrases.label(f'consent.{purpose.code}', lang)}"
        rows.append([Button(words, "consent.revoke" if purpose.given_at else "consent.open", args)])
    rows.append([Button("link.unlink_yes", "link.unlink_ask", {"client": client.id})])
    shown = [(_words(context, p.code), p.given_at) for p in given]
    await context.reply(
        "consent.overview",
        account=client.account,
        purposes=shown,
        version=policy.consent_version,
        buttons=rows,
    )


async def pressed_open(context: Context, press: Press) -> None:
    await linking.ask_consent(context, press.args["client"], press.args["purpose"])


async def pressed_revoke(context: Context, press: Press) -> None:
    client = await withdrawals.take_consent_back(
        context.work, context.who, press.args["client"], press.args["purpose"]
    )
    if client is None:
        press.toast = context.deps.phrases.label("consent.none_stands", context.who.lang)
        return
    purpose = _words(context, press.args["purpose"])
    await context.reply("consent.taken_back", account=client.account, purpose=purpose, buttons=[[_HUMAN]])


def _words(context: Context, purpose: str) -> str:
    return context.deps.policy.privacy.purposes[purpose][context.who.lang]  # type: ignore[index]  # of the policy


async def on_message(_update: Update, _context: Context) -> bool:
    return False


COMMANDS = [
    Command("my", "我的账户", "My account", my, shown_to=(CLIENT,)),
    Command("accounts", "切换账户", "Switch account", accounts_command, shown_to=(CLIENT,)),
    Command("privacy", "个人信息与授权", "Privacy and consent", privacy, shown_to=(CLIENT,)),
]
ACTIONS: dict[str, ActionFn] = {
    "account.my": pressed_my,
    "account.list": pressed_list,
    "account.choose": pressed_choose,
    "account.consent": pressed_consent,
    "account.call_back": pressed_call_back,
    "consent.open": pressed_open,
    "consent.revoke": pressed_revoke,
}
