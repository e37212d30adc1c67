"""Tiers in chat, for staff: /rating with its reasons and counter-sentence, another tier proposed for a while."""

from telegram import Update

from domain.people import TIERS
from handlers.context import Context
from handlers.registry import STAFF, ActionFn, Command, Press
from services import accounts, margins, proposals, rating_cards
from services.outbox import Button, Row
from services.rating_cards import RatingCard

_BOARD = ("supervisor", "risk", "compliance", "operator")


async def rating(_update: Update, context: Context) -> None:
    """/rating ACCOUNT or NAME: the card; of several the speaker chooses."""
    words = " ".join(context.args or [])
    if any(c.isdigit() for c in words):
        await _show(context, await rating_cards.card(context.work, context.who, words))
        return
    found = await accounts.find(context.work, context.who, words)
    ending = context.deps.phrases.label("account.ending", context.who.lang)
    rows: list[Row] = [
        [
            Button(
                f" {context.work.shown_name(c.name)} {ending} {c.account[-4:]}",
                "rating.card",
                {"client": c.id},
            )
        ]
        for c in found
    ]
    await context.reply("account.matches", words=words, count=len(rows), buttons=rows)


async def pressed_card(context: Context, press: Press) -> None:
    await _show(context, await rating_cards.card_by_id(context.work, context.who, press.args["client"]))


async def _show(context: Context, card: RatingCard) -> None:
    assert context.who.staff is not None
    lang = context.who.lang
    rows: list[Row] = []
    if context.who.staff.role in proposals.KINDS["tier"].proposers:
        rows.append([Button("rating.propose", "rating.propose", {"client": card.client.id})])
    if context.who.staff.role in margins.READERS:
        rows.append([Button("credit.card", "credit.card", {"client": card.client.id})])
    if card.cluster is not None and not card.withheld:
        rows.append([Button("rating.score", "rating.score", {"client": card.client.id})])
    if card.override is not None:
        rows.append([Button("proposal.take_back", "proposal.take_back", {"proposal": card.override.id})])
    await context.reply(
        "rating.card",
        card=card,
        client=card.client,
        cluster=card.cluster,
        buffer=context.deps.policy.tier_bounds.downgrade_after,
        name=context.work.shown_name(card.client.name),
        tiers={tier: words.name[lang] for tier, words in context.deps.policy.tiers.items()},
        buttons=rows,
    )


async def pressed_score(context: Context, press: Press) -> None:
    """The score and why it is so, with the picture of where the client stands by each indicator."""
    client, found = await rating_cards.score(context.work, context.who, press.args["client"])
    if found is None:
        await context.reply("client_files.nothing")
        return
    await context.reply(
        "rating.score",
        account=client.account,
        found=found,
        drawn=found.picture is not None,
        picture=found.picture,
    )


async def pressed_propose(context: Context, press: Press) -> None:
    """Which tier, of those that it is not."""
    card = await rating_cards.card_by_id(context.work, context.who, press.args["client"])
    lang = context.who.lang
    rows: list[Row] = [
        [
            Button(
                f" {context.deps.policy.tier_name(tier, lang)}",
                "rating.for_days",
                {"client": card.client.id, "tier": tier},
            )
        ]
        for tier in TIERS
        if tier != card.client.tier
    ]
    await context.reply("rating.which_tier", account=card.client.account, buttons=rows)


async def pressed_for_days(context: Context, press: Press) -> None:
    """For how long."""
    choices = [
        Button(
            f" {days}",
            "proposal.reason",
            {"kind": "tier", "client": press.args["client"], "choice": press.args["tier"], "days": days},
        )
        for days in context.deps.policy.tier_bounds.override_days
    ]
    await context.reply("proposal.how_long", buttons=[choices])


async def board(_update: Update, context: Context) -> None:
    """/tiers: how many clients each tier has, what moved, and where rule and statistics disagree."""
    found = await rating_cards.board(context.work, context.who)
    rows: list[Row] = [
        [Button(f" {odd.name} {odd.found.account[-4:]}", "rating.card", {"client": odd.client_id})]
        for odd in found.odd[:5]
    ]
    rows.append(
        [
            Button(f"client_files.{which}", "client_files.board", {"which": which})
            for which in ("flow", "retention")
        ]
    )
    lang = context.who.lang
    await context.reply(
        "rating.board",
        held=found.held,
        moved={f"{a}>{b}": n for (a, b), n in found.flow.items() if a != b} if found.flow else {},
        known=found.flow is not None,
        odd=found.odd,
        odd_count=found.odd_count,
        tiers={tier: words.name[lang] for tier, words in context.deps.policy.tiers.items()},
        buttons=rows,
    )


async def on_message(_update: Update, _context: Context) -> bool:
    return False


COMMANDS = [
    Command("rating", "客户分级与依据", "A client's tier, explained", rating, STAFF),
    Command("tiers", "分级总览", "All tiers at a glance", board, _BOARD),
]
ACTIONS: dict[str, ActionFn] = {
    "rating.card": pressed_card,
    "rating.score": pressed_score,
    "rating.propose": pressed_propose,
    "rating.for_days": pressed_for_days,
}
