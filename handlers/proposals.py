"""What two people decide for a client: the reason from the first, the decision of the second, /decide for what waits."""

from telegram import Update

from handlers.context import Context, message_text
from handlers.registry import ActionFn, Command, Press
from services import proposals

_DECIDERS = ("risk", "supervisor", "compliance")


async def pressed_reason(context: Context, press: Press) -> None:
    """Everything is chosen; the author's next words are the reason."""
    await proposals.ask_reason(context.work, context.who, press.args)
    await context.reply("proposal.ask_reason")


async def on_message(update: Update, context: Context) -> bool:
    """The author's words while a reason is asked for."""
    if context.who.staff is None:
        return False
    data = await proposals.reason_for(context.work, context.who)
    text = message_text(update).strip()
    if data is None or not text:
        return False
    number = await proposals.propose(
        context.work, context.who, data["kind"], data["client"], data["choice"], text, data["days"]
    )
    await context.reply("proposal.made", number=number)
    return True


async def pressed_approve(context: Context, press: Press) -> None:
    decided = await proposals.approve(context.work, context.who, press.args["proposal"])
    await context.reply("proposal.decided", proposal=decided)


async def pressed_reject(context: Context, press: Press) -> None:
    decided = await proposals.reject(context.work, context.who, press.args["proposal"])
    await context.reply("proposal.decided", proposal=decided)


async def pressed_take_back(context: Context, press: Press) -> None:
    decided = await proposals.take_back(context.work, context.who, press.args["proposal"])
    await context.reply("proposal.decided", proposal=decided)


async def decide(_update: Update, context: Context) -> None:
    """/decide: what waits for the speaker's decision, each as its card."""
    found = await proposals.waiting(context.work, context.who)
    if not found:
        await context.reply("proposal.none")
    for proposed in found:
        await context.reply(
            f"proposal.{proposed.kind}",
            buttons=proposals.decision_buttons(proposed),
            **await proposals.card_facts(context.work, proposed, context.who.lang),
        )


COMMANDS = [Command("decide", "待我复核", "Waiting for my decision", decide, _DECIDERS)]
ACTIONS: dict[str, ActionFn] = {
    "proposal.reason": pressed_reason,
    "proposal.approve": pressed_approve,
    "proposal.reject": pressed_reject,
    "proposal.take_back": pressed_take_back,
}
