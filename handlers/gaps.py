"""/gaps: what the library did not answer well, by likeness; each with who has it, until when, and what to do about it."""

from telegram import Update

from handlers.context import Context
from handlers.registry import ActionFn, Command, Press
from services import articles, drafting, gaps, good_answers, outbox
from services.gaps import GapCard
from services.outbox import Button, Row

DESK = ("officer", "supervisor", "compliance")
_ON_A_BUTTON = 24


async def listing(_update: Update, context: Context) -> None:
    """/gaps: the groups that are due first, and the drafts that wait for a second person."""
    found, count = await gaps.listing(context.work, context.who)
    waiting = await articles.waiting(context.work, context.who)
    rows: list[Row] = [
        [Button(f" #{gap.id} {gap.question[:_ON_A_BUTTON]}", "gap.show", {"gap": gap.id})] for gap in found
    ]
    if context.who.staff is not None and context.who.staff.role in articles.CONFIRMERS:
        review = context.deps.phrases.label("draft.review", context.who.lang)
        rows += [
            [Button(f" {review} {draft.title[:_ON_A_BUTTON]}", "draft.show", {"draft": draft.id})]
            for draft in waiting[:4]
        ]
    rows.append([Button("gap.talks", "gap.talks")])
    await context.reply("gap.list", buttons=rows, gaps=found, count=count, waiting=waiting)


async def pressed_list(context: Context, _press: Press) -> None:
    await listing(Update(0), context)


async def pressed_show(context: Context, press: Press) -> None:
    """A gap, opened on the list's own message."""
    card = await gaps.card(context.work, context.who, press.args["gap"])
    await context.reply("gap.card", buttons=_buttons(card), **_facts(context, card))


async def pressed_take(context: Context, press: Press) -> None:
    await gaps.take(context.work, context.who, press.args["gap"])
    card = await gaps.card(context.work, context.who, press.args["gap"])
    press.toast = context.deps.phrases.label("gap.taken", context.who.lang)
    await outbox.edit(
        context.work,
        context.who.chat_id,
        press.message_id,
        "gap.card",
        lang=context.who.lang,
        buttons=_buttons(card),
        **_facts(context, card),
    )


def _facts(context: Context, card: GapCard) -> dict[str, object]:
    label = context.deps.phrases.label
    return {
        "card": card,
        "why": [(label(f"gap.why.{name}", context.who.lang), n) for name, n in card.why.items()],
    }


def _buttons(card: GapCard) -> list[Row]:
    args, back = {"gap": card.line.id}, Button("gap.back", "gap.list")
    if card.state != "open":
        return [[back]]
    take = [] if card.mine else [Button("gap.take", "gap.take", args)]
    return [
        [*take, Button("gap.draft", "gap.draft", args)],
        [Button("gap.phrasing", "gap.phrasing", args)],
        [Button("gap.dismiss", "gap.dismiss", args), back],
    ]


# --- not for the library ------------------------------------------------------------------------------------


async def pressed_dismiss(context: Context, press: Press) -> None:
    label, lang = context.deps.phrases.label, context.who.lang
    rows: list[Row] = [
        [
            Button(
                f"gap.reason.{reason}",
                "gap.dismissed",
                {"gap": press.args["gap"], "reason": label(f"gap.reason.{reason}", lang)},
            )
        ]
        for reason in gaps.REASONS
    ]
    rows.append([Button("gap.reason.own", "gap.own_reason", press.args)])
    await context.reply("gap.ask_reason", buttons=rows)


async def pressed_own_reason(context: Context, press: Press) -> None:
    await drafting.go_to(context.work, context.who, "dismiss", {"gap": press.args["gap"]})
    await context.reply("gap.ask_own_reason")


async def pressed_dismissed(context: Context, press: Press) -> None:
    await dismiss(context, press.args["gap"], press.args["reason"])


async def dismiss(context: Context, gap_id: int, reason: str) -> None:
    """Closes a gap that is not for the library."""
    await gaps.dismiss(context.work, context.who, gap_id, reason)
    back: list[Row] = [[Button("gap.back", "gap.list")]]
    await context.reply("gap.dismissed", number=gap_id, reason=reason, buttons=back)


# --- a good answer of a conversation ------------------------------------------------------------------------


async def pressed_talks(context: Context, _press: Press) -> None:
    """Closed conversations to choose a good answer from."""
    found = await good_answers.lately(context.work, context.who)
    rows: list[Row] = [[Button(f" #{talk.id}", "talk.answers", {"talk": talk.id})] for talk in found]
    await context.reply("gap.talks", buttons=rows, talks=found)


async def pressed_answers(context: Context, press: Press) -> None:
    """A closed conversation: which answer is worth keeping."""
    talk = press.args["talk"]
    found = await good_answers.answers(context.work, context.who, talk)
    if not found:
        await context.reply("gap.no_answers", talk=talk)
        return
    rows: list[Row] = [
        [Button(f" {number}", "talk.answer", {"talk": talk, "relay": answer.relay_id})]
        for number, answer in enumerate(found, start=1)
    ]
    await context.reply("gap.choose_answer", talk=talk, answers=[a.text for a in found], buttons=rows)


async def pressed_answer(context: Context, press: Press) -> None:
    offered = await good_answers.offer(context.work, context.who, press.args["talk"], press.args["relay"])
    if offered.gap_id is None:
        await context.reply("gap.consent_asked", writer=offered.writer)
    else:
        await context.reply("gap.consented", number=offered.gap_id, owner=offered.owner or "")


async def pressed_consent(context: Context, press: Press) -> None:
    await good_answers.consent(context.work, context.who, press.args["talk"], press.args["relay"])
    press.toast = context.deps.phrases.label("gap.thanks", context.who.lang)


async def pressed_refuse(context: Context, press: Press) -> None:
    await good_answers.refuse(context.work, context.who, press.args["talk"], press.args["asked_by"])
    press.toast = context.deps.phrases.label("gap.thanks", context.who.lang)


async def on_message(_update: Update, _context: Context) -> bool:
    return False


COMMANDS = [Command("gaps", "未答问题", "Unanswered questions", listing, shown_to=DESK)]
ACTIONS: dict[str, ActionFn] = {
    "gap.list": pressed_list,
    "gap.show": pressed_show,
    "gap.take": pressed_take,
    "gap.dismiss": pressed_dismiss,
    "gap.own_reason": pressed_own_reason,
    "gap.dismissed": pressed_dismissed,
    "gap.talks": pressed_talks,
    "talk.answers": pressed_answers,
    "talk.answer": pressed_answer,
    "talk.consent": pressed_consent,
    "talk.refuse_consent": pressed_refuse,
}
