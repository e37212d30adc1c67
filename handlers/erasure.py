"""Erasure in chat: a person asks with /erase, compliance decides on a card."""

from telegram import Update

from handlers.context import Context
from handlers.registry import PUBLIC, ActionFn, Command, Press
from services import erasure
from services.outbox import Button


async def erase(_update: Update, context: Context) -> None:
    """/erase: what would go, what the law keeps, and whether to ask for it."""
    await context.reply(
        "erase.explain",
        known=bool(context.who.clients),
        years=context.deps.policy.fact_words(context.who.lang)["record_keeping_years"],
        buttons=[[Button("erase.ask", "erase.ask"), Button("erase.keep", "start.menu")]],
    )


async def pressed_ask(context: Context, _press: Press) -> None:
    number, new = await erasure.ask(context.work, context.who)
    await context.reply("erase.asked", number=number, new=new)


async def pressed_approve(context: Context, press: Press) -> None:
    number = await erasure.approve(context.work, context.who, press.args["id"])
    await context.reply("erase.decided", number=number, done=True)


async def pressed_refuse(context: Context, press: Press) -> None:
    number = await erasure.refuse(context.work, context.who, press.args["id"], press.args["reason"])
    await context.reply("erase.decided", number=number, done=False)


async def on_message(_update: Update, _context: Context) -> bool:
    return False


COMMANDS = [Command("erase", "删除个人信息", "Erase my data", erase, PUBLIC)]
ACTIONS: dict[str, ActionFn] = {
    "erase.ask": pressed_ask,
    "erase.approve": pressed_approve,
    "erase.refuse": pressed_refuse,
}
