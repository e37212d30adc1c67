"""What employees do for themselves, and how they look a client up: /leave, /back, /standin, /client."""

from telegram import Update

from handlers.context import Context
from handlers.registry import STAFF, ActionFn, Command, Press
from services import accounts, staff
from services.accounts import ClientCard
from services.outbox import Button, Row


async def leave(_update: Update, context: Context) -> None:
    """/leave [UNTIL]: away up to and including a day; without one, until /back."""
    words = context.args or []
    until = staff.read_day(" ".join(words), context.work.today) if words else None
    stand_in = await staff.leave(context.work, context.who, until)
    rows: list[Row] = [] if stand_in else [[Button("staff.choose_stand_in", "staff.choose_stand_in")]]
    await context.reply(
        "staff.on_leave", until=until, stand_in=stand_in.name if stand_in else None, buttons=rows
    )


async def back(_update: Update, context: Context) -> None:
    """/back: on duty again."""
    changed = await staff.back(context.work, context.who)
    await context.reply("staff.back" if changed else "staff.was_here")


async def stand_in_command(_update: Update, context: Context) -> None:
    """/standin [NUMBER]: who answers while the speaker is away."""
    if context.args:
        await _set_stand_in(context, context.args[0])
        return
    await _offer_stand_ins(context)


async def pressed_choose_stand_in(context: Context, _press: Press) -> None:
    await _offer_stand_ins(context)


async def pressed_stand_in(context: Context, press: Press) -> None:
    await _set_stand_in(context, press.args["code"])


async def _offer_stand_ins(context: Context) -> None:
    found = await staff.possible_stand_ins(context.work, context.who)
    rows: list[Row] = [
        [Button(f" {m.name}（{m.line}）" if m.line else f" {m.name}", "staff.stand_in", {"code": m.code})]
        for m in found[:12]
    ]
    await context.reply("staff.offer_stand_ins", count=len(rows), buttons=rows)


async def _set_stand_in(context: Context, code: str) -> None:
    chosen = await staff.set_stand_in(context.work, context.who, code)
    await context.reply("staff.stand_in_set", name=chosen.name, linked=chosen.chat_id is not None)


async def client(_update: Update, context: Context) -> None:
    """/client ACCOUNT, /client NAME, /client: a card, or the clients that fit."""
    words = " ".join(context.args or [])
    if any(c.isdigit() for c in words):
        await _show_card(context, await accounts.card(context.work, context.who, words))
        return
    found = await accounts.find(context.work, context.who, words)
    if len(found) == 1 and words:
        await _show_card(context, await accounts.card(context.work, context.who, found[0].account))
        return
    phrases, lang = context.deps.phrases, context.who.lang
    ending = phrases.label("account.ending", lang)
    rows: list[Row] = [
        [
            Button(
                f" {context.work.shown_name(c.name)} {ending} {c.account[-4:]}",
                "staff.client",
                {"client": c.id},
            )
        ]
        for c in found
    ]
    await context.reply("account.matches", words=words, count=len(rows), buttons=rows)


async def pressed_client(context: Context, press: Press) -> None:
    await _show_card(context, await accounts.card_by_id(context.work, context.who, press.args["client"]))


async def _show_card(context: Context, card: ClientCard) -> None:
    lang = context.who.lang
    assert context.who.staff is not None
    rows: list[Row] = []
    if context.who.staff.role in ("manager", "operator"):
        args = {
            "account": card.client.account,
            "person": "holder",
            "kind": "relink" if card.linked else "client",
        }
        rows = [[Button("invite.relink" if card.linked else "invite.make", "invite.again", args)]]
    await context.reply(
        "account.card",
        name=context.work.shown_name(card.client.name),
        account=card.client.account,
        tier=context.deps.policy.tier_name(card.client.tier, lang),
        level=context.deps.phrases.label(f"level.{card.level}", lang),
        card=card,
        buttons=rows,
    )


async def on_message(_update: Update, _context: Context) -> bool:
    return False


COMMANDS = [
    Command("client", "查客户", "Look up a client", client, shown_to=STAFF),
    Command("leave", "请假或离岗", "Leave or off duty", leave, shown_to=STAFF),
    Command("back", "回到岗位", "Back on duty", back, shown_to=STAFF),
    Command("standin", "指定代班同事", "Name your stand-in", stand_in_command, shown_to=STAFF),
]
ACTIONS: dict[str, ActionFn] = {
    "staff.choose_stand_in": pressed_choose_stand_in,
    "staff.stand_in": pressed_stand_in,
    "staff.client": pressed_client,
}
