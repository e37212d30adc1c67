"""The standing questions in chat: /lists with the own clients' lists, a phone task from a line."""

from telegram import Update

from handlers.context import Context
from handlers.registry import STAFF, ActionFn, Command, Press
from services import standing


async def lists(_update: Update, context: Context) -> None:
    """/lists: who matters most, who is leaving, who is dissatisfied, ..."""
    found = await standing.own(context.work, context.who)
    await context.reply("standing.lists", found=found, buttons=standing.buttons(found))


async def pressed_phone(context: Context, press: Press) -> None:
    number = await standing.phone(context.work, context.who, press.args["client"], press.args["why"])
    await context.reply("standing.phone_task", number=number)


async def on_message(_update: Update, _context: Context) -> bool:
    return False


COMMANDS = [Command("lists", "客户经营名单", "Lists of my clients", lists, STAFF)]
ACTIONS: dict[str, ActionFn] = {"standing.phone": pressed_phone}
