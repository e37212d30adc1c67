"""Free text and suggested questions: asks the library and shows its answer with the next steps."""

from collections.abc import Sequence
from dataclasses import replace

from telegram import Update

from domain.knowledge import Answer, Kind, NextStep
from handlers import account, complaints, contact
from handlers.context import Context, message_text
from handlers.registry import ActionFn, Command, Press
from services import outbox, questions, second_opinion
from services.outbox import Button, Row, UrlButton
from services.questions import Reply
from services.work import Deps

# What an article's next step does (``do`` of its front matter), as a button action.
_NEXT = {
    "complain": "complaint.begin",
    "link": "link.how",
    "my": "account.my",
}


async def on_message(update: Update, context: Context) -> bool:
    """Every text that nothing else wanted is a question; anything else is told what works here."""
    text = message_text(update)
    if not text.strip():
        await context.reply("ask.text_only", buttons=[[Button("ask.human", "contact.begin")]])
        return True
    await answer(context, text)
    return True


async def answer(context: Context, text: str, after: int | None = None) -> None:
    """Answers one message: an answer of the library, or the conversation that the words ask for."""
    reply = await questions.ask(context.work, context.who, text, after=after)
    for part in reply.answer.parts:
        await _act(context, Reply(part, reply.exchange_id), text)
    if not reply.answer.parts:
        await _act(context, reply, text)
    if reply.rail is not None and reply.answer.kind not in (Kind.COMPLAINT, Kind.HANDOFF):
        await _warn(context, reply)


async def _warn(context: Context, reply: Reply) -> None:
    """What the client's words tell of: the way to compliance, or why not to send such things in chat."""
    rail = reply.rail
    assert rail is not None
    if rail.client == "hint":
        await context.reply("rail.client_hint")
        return
    args = {"exchange": reply.exchange_id}
    complain = Button("rail.complain", "ask.complain_of", {**args, "category": rail.complaint})
    buttons: Row = [complain, Button("ask.human", "ask.person", args)]
    await context.reply("rail.client_route", rail=rail, buttons=[buttons])


async def _act(context: Context, reply: Reply, text: str) -> None:
    match reply.answer.kind:
        case Kind.ACCOUNT:
            await account.show(context, reply.answer)
        case Kind.COMPLAINT:
            await complaints.begin(context, text, reply.answer)
        case Kind.HANDOFF:
            await contact.begin(context, emergency=reply.answer.emergency, said=text)
        case _ if reply.person_due:
            await _offer_person(context, reply.exchange_id, _choices(reply.answer))
        case _:
            await show(context, reply)


async def show(context: Context, reply: Reply) -> None:
    """An answer, its rating buttons and its next steps; a model may look at it while it waits to leave."""
    found, deps, lang = reply.answer, context.deps, context.who.lang

    def buttons(answer: Answer) -> list[Row]:
        return _buttons(deps, lang, replace(reply, answer=answer))

    sent = await outbox.say_html(
        context.work,
        context.who.chat_id,
        found.html,
        lang=lang,
        template="answer",
        buttons=buttons(found),
    )
    await second_opinion.ask_for(context.work, context.who, reply.exchange_id, found, sent, buttons)


async def _offer_person(context: Context, exchange_id: int, choices: Sequence[Row] = ()) -> None:
    """After the second chance: a person, who is told what was asked."""
    person: Row = [Button("ask.human", "ask.person", {"exchange": exchange_id})]
    await context.reply("ask.person_due", buttons=[person, *choices, [Button("ask.menu", "start.menu")]])


def _choices(found: Answer) -> list[Row]:
    return [
        [Button(f" {choice.title}", "ask.article", {"article": choice.article})]
        for choice in found.choices[:4]
    ]


def _buttons(deps: Deps, lang: str, reply: Reply) -> list[Row]:
    found, exchange_id = reply.answer, reply.exchange_id
    person = Button("ask.human", "ask.person", {"exchange": exchange_id})
    missing = _missing(deps, reply)
    if found.kind is Kind.CLARIFY:
        none = Button("ask.none_of_these", "ask.none", {"exchange": exchange_id})
        return [*missing, *_choices(found), [none, person]]
    if found.kind in (Kind.ADVICE, Kind.OUT_OF_SCOPE):
        return [*missing, [person, Button("ask.menu", "start.menu")]]
    rows = [
        *missing,
        [
            Button("ask.helpful", "ask.rate", {"exchange": exchange_id, "helpful": True}),
            Button("ask.not_helpful", "ask.rate", {"exchange": exchange_id, "helpful": False}),
            person,
        ],
    ]
    if found.rest and found.article:
        rows.append([Button("ask.more", "ask.more", {"article": found.article})])
    steps = [button for step in found.next_steps if (button := _step(deps, lang, step)) is not None]
    if steps:
        rows.append(steps[:3])
    rows += [
        [Button(f" {other.title}", "ask.article", {"article": other.article})] for other in found.related[:2]
    ]
    return rows


def _missing(deps: Deps, reply: Reply) -> list[Row]:
    """The products or the prices to choose from where the question named none; pressed, they complete it."""
    settled = deps.phrases.label("ask.settled_at", reply.answer.lang)
    said = [(name, name) for name in reply.products]
    said += [(f"{contract} {settled} {price:,f}", f"{price:f}") for contract, price in reply.quotes]
    buttons = [Button(f" {words}", "ask.question", {"q": q, "after": reply.exchange_id}) for words, q in said]
    wide = 4 if reply.products else 1
    return [buttons[at : at + wide] for at in range(0, len(buttons), wide)]


def _step(deps: Deps, lang: str, step: NextStep) -> Button | UrlButton | None:
    """The button of an article's next step; a person is offered under every answer anyway."""
    do, _, topic = step.do.partition(":")
    if do == "ask" and topic:
        return Button(f" {step.label}", "ask.topic", {"topic": topic.strip()})
    if do == "open_account":
        return UrlButton(f" {step.label}", deps.policy.company.open_account_url)
    if do in ("calc_margin", "calc_fee"):
        example = deps.phrases.label(f"ask.{do}.example", lang)
        return Button(f" {step.label}", "ask.question", {"q": example})
    return Button(f" {step.label}", _NEXT[do]) if do in _NEXT else None


async def pressed_article(context: Context, press: Press) -> None:
    await show(context, await questions.ask_article(context.work, context.who, press.args["article"]))


async def pressed_topic(context: Context, press: Press) -> None:
    await show(context, await questions.ask_topic(context.work, context.who, press.args["topic"]))


async def pressed_rate(context: Context, press: Press) -> None:
    helpful = bool(press.args["helpful"])
    await questions.rate(context.work, context.who, press.args["exchange"], helpful)
    press.toast = context.deps.phrases.label("ask.thanks", context.who.lang)
    if not helpful:
        await context.reply(
            "ask.sorry", buttons=[[Button("ask.human", "contact.begin"), Button("ask.menu", "start.menu")]]
        )


async def pressed_none(context: Context, press: Press) -> None:
    """None of the candidates: one rephrase, then a person."""
    exchange_id = press.args["exchange"]
    if await questions.none_fits(context.work, context.who, exchange_id):
        await _offer_person(context, exchange_id)
        return
    person = Button("ask.human", "ask.person", {"exchange": exchange_id})
    await context.reply("ask.rephrase", buttons=[[person, Button("ask.menu", "start.menu")]])


async def pressed_person(context: Context, press: Press) -> None:
    """A person takes over, and reads what was asked."""
    asked = await questions.asked_in(context.work, context.who, press.args["exchange"])
    await contact.begin(context, said=asked)


async def pressed_complaint(context: Context, press: Press) -> None:
    """The filing begins with what was said; a matter of conduct goes to compliance."""
    asked = await questions.asked_in(context.work, context.who, press.args["exchange"])
    await complaints.begin(
        context, asked, questions.complaint_of(asked, context.who.lang, press.args["category"])
    )


async def pressed_more(context: Context, press: Press) -> None:
    """The rest of an article."""
    await outbox.say_html(
        context.work,
        context.who.chat_id,
        await questions.rest_of(context.work, context.who, press.args["article"]),
        lang=context.who.lang,
        template="answer.rest",
        buttons=[[Button("ask.human", "contact.begin"), Button("ask.menu", "start.menu")]],
    )


async def pressed_question(context: Context, press: Press) -> None:
    """A suggested question of the menu, or the product or price that a question lacked."""
    await answer(context, press.args["q"], press.args.get("after"))


COMMANDS: list[Command] = []
ACTIONS: dict[str, ActionFn] = {
    "ask.article": pressed_article,
    "ask.topic": pressed_topic,
    "ask.rate": pressed_rate,
    "ask.none": pressed_none,
    "ask.person": pressed_person,
    "ask.more": pressed_more,
    "ask.complain_of": pressed_complaint,
    "ask.question": pressed_question,
}
