"""Texts that a guard rail kept back: the writer's buttons and reason, and the list of compliance."""

from telegram import Update

from handlers.context import Context, message_text
from handlers.registry import ActionFn, Command, Press
from services import contact, held
from services.outbox import Button


async def on_message(update: Update, context: Context) -> bool:
    """The reason for sending a held text all the same."""
    if context.who.staff is None:
        return False
    text = message_text(update)
    held_id = await held.waits_for_reason(context.work, context.who) if text.strip() else None
    if held_id is None:
        return False
    await contact.send_held(context.work, context.who, held_id, text)
    await context.reply("rail.sent")
    return True


async def pressed_send(context: Context, press: Press) -> None:
    await held.ask_reason(context.work, context.who, press.args["held"])
    await context.reply(
        "rail.ask_reason", buttons=[[Button("rail.drop", "rail.drop", {"held": press.args["held"]})]]
    )


async def pressed_dispute(context: Context, press: Press) -> None:
    new = await held.dispute(context.work, context.who, press.args["held"])
    press.toast = context.deps.phrases.label(
        "rail.disputed" if new else "rail.disputed_before", context.who.lang
    )


async def pressed_drop(context: Context, press: Press) -> None:
    await held.drop(context.work, context.who, press.args["held"])
    press.toast = context.deps.phrases.label("rail.dropped", context.who.lang)


async def listing(_update: Update, context: Context) -> None:
    """/held: what the guard rails kept back and nobody has reviewed."""
    found = await held.lines(context.work, context.who)
    states = {
        line.state: context.deps.phrases.label(f"rail.state.{line.state}", context.who.lang) for line in found
    }
    seen = [[Button("rail.review", "rail.review", {"held": [line.id for line in found]})]]
    await context.reply("rail.list", buttons=seen if found else [], lines=found, states=states)


async def pressed_review(context: Context, press: Press) -> None:
    reviewed = await held.review(context.work, context.who, press.args["held"])
    press.toast = context.deps.phrases.label(
        "rail.reviewed" if reviewed else "rail.reviewed_before", context.who.lang
    )


COMMANDS = [Command("held", "拦截的员工发言", "Held texts of staff", listing, ("supervisor", "compliance"))]
ACTIONS: dict[str, ActionFn] = {
    "rail.send": pressed_send,
    "rail.dispute": pressed_dispute,
    "rail.drop": pressed_drop,
    "rail.review": pressed_review,
}
