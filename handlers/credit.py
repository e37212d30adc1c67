"""Credit and margin in chat, for the risk desk: /credit with both lines, points, proof, and a lower add-on proposed."""

from telegram import Update

from handlers.context import Context
from handlers.registry import ActionFn, Command, Press
from services import margins, proposals
from services.margins import MarginCard
from services.outbox import Button, Row

_READERS = ("risk", "supervisor", "compliance")


async def credit(_update: Update, context: Context) -> None:
    """/credit ACCOUNT"""
    if not context.args:
        await context.reply("credit.usage")
        return
    await _show(context, await margins.card(context.work, context.who, context.args[0]))


async def pressed_card(context: Context, press: Press) -> None:
    await _show(context, await margins.card_by_id(context.work, context.who, press.args["client"]))


async def _show(context: Context, card: MarginCard) -> None:
    assert context.who.staff is not None
    rows: list[Row] = []
    if context.who.staff.role in proposals.KINDS["margin"].proposers and not card.offer.held_back:
        rows.append([Button("credit.propose", "credit.propose", {"client": card.client.id})])
    standing = await proposals.in_force(context.work, card.client.id, "margin")
    if standing is not None:
        rows.append([Button("proposal.take_back", "proposal.take_back", {"proposal": standing.id})])
    policy, lang = context.deps.policy.credit, context.who.lang
    await context.reply(
        "credit.card",
        card=card,
        client=card.client,
        offer=card.offer,
        distance=card.distance,
        name=context.work.shown_name(card.client.name),
        whys={code: factor.why[lang] for code, factor in policy.factors.items()},
        confidence=policy.confidence,
        limit=policy.crossing_limit,
        quantile=policy.coverage_quantile,
        buttons=rows,
    )


async def pressed_propose(context: Context, press: Press) -> None:
    """For how long; what is proposed is the offer of the moment."""
    choices = [
        Button(
            f" {days}",
            "proposal.reason",
            {"kind": "margin", "client": press.args["client"], "choice": "", "days": days},
        )
        for days in context.deps.policy.credit.grant_days
    ]
    await context.reply("proposal.how_long", buttons=[choices])


async def on_message(_update: Update, _context: Context) -> bool:
    return False


COMMANDS = [Command("credit", "信用评级与保证金", "Credit grade and margin", credit, _READERS)]
ACTIONS: dict[str, ActionFn] = {
    "credit.card": pressed_card,
    "credit.propose": pressed_propose,
}
