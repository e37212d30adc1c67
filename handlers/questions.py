"""Free text and suggested questions: asks the library and shows its answer with the next steps."""

from telegram import Update

from domain.knowledge import Answer, Kind
from handlers import account, complaints, contact
from handlers.context import Context, message_text
from handlers.registry import ActionFn, Command, Press
from services import outbox, questions
from services.outbox import Button, Row, UrlButton
from services.questions import Reply

# What an article's next step does, and the words on its button.
_NEXT = {
    "calc_margin": ("ask.calc_margin", "ask.question"),
    "calc_fee": ("ask.calc_fee", "ask.question"),
    "complain": ("ask.complain", "complaint.begin"),
    "link": ("ask.link", "link.how"),
    "my": ("ask.my", "account.my"),
}


async def on_message(update: Update, context: Context) -> bool:
    """Every text that nothing else wanted is a question; anything else is told what works here."""
    text = message_text(update)
    if not text.strip():
        await context.reply("ask.text_only", buttons=[[Button("ask.human", "contact.begin")]])
        return True
    await answer(context, text)
    return True


async def answer(context: Context, text: str) -> None:
    """Answers one message: an answer of the library, or the conversation that the words ask for."""
    reply = await questions.ask(context.work, context.who, text)
    parts = reply.answer.parts or (reply.answer,)
    for part in parts:
        await _act(context, Reply(part, reply.exchange_id), text)


async def _act(context: Context, reply: Reply, text: str) -> None:
    match reply.answer.kind:
        case Kind.ACCOUNT:
            await account.show(context, reply.answer)
        case Kind.COMPLAINT:
            await complaints.begin(context, text, reply.answer)
        case Kind.HANDOFF:
            await contact.begin(context, urgent=reply.answer.urgent, said=text)
        case _:
            await show(context, reply)


async def show(context: Context, reply: Reply) -> None:
    """An answer, its rating buttons and its next steps."""
    found = reply.answer
    await outbox.say_html(
        context.work,
        context.who.chat_id,
        found.html,
        lang=context.who.lang,
        template="answer",
        buttons=_buttons(context, found, reply.exchange_id),
    )


def _buttons(context: Context, found: Answer, exchange_id: int) -> list[Row]:
    person = Button("ask.human", "contact.begin")
    if found.kind is Kind.CLARIFY:
        rows: list[Row] = [
            [Button(f" {choice.title}", "ask.article", {"article": choice.article})]
            for choice in found.choices[:4]
        ]
        return [*rows, [Button("ask.none_of_these", "ask.none", {"exchange": exchange_id}), person]]
    if found.kind in (Kind.ADVICE, Kind.OUT_OF_SCOPE):
        return [[person, Button("ask.menu", "start.menu")]]
    rows = [
        [
            Button("ask.helpful", "ask.rate", {"exchange": exchange_id, "helpful": True}),
            Button("ask.not_helpful", "ask.rate", {"exchange": exchange_id, "helpful": False}),
            person,
        ]
    ]
    steps = [step for step in found.next_steps if step in _NEXT or step == "open_account"]
    if steps:
        rows.append([_step(context, step) for step in steps[:3]])
    rows += [
        [Button(f" {other.title}", "ask.article", {"article": other.article})] for other in found.related[:2]
    ]
    return rows


def _step(context: Context, step: str) -> Button | UrlButton:
    if step == "open_account":
        return UrlButton("ask.open_account", context.deps.policy.company.open_account_url)
    label, do = _NEXT[step]
    return Button(
        label,
        do,
        {"q": context.deps.phrases.label(f"{label}.example", context.who.lang)}
        if do == "ask.question"
        else {},
    )


async def pressed_article(context: Context, press: Press) -> None:
    await show(context, await questions.ask_article(context.work, context.who, press.args["article"]))


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
    await questions.rate(context.work, context.who, press.args["exchange"], False)
    await context.reply(
        "ask.rephrase", buttons=[[Button("ask.human", "contact.begin"), Button("ask.menu", "start.menu")]]
    )


async def pressed_question(context: Context, press: Press) -> None:
    """A suggested question of the menu."""
    await answer(context, press.args["q"])


COMMANDS: list[Command] = []
ACTIONS: dict[str, ActionFn] = {
    "ask.article": pressed_article,
    "ask.rate": pressed_rate,
    "ask.none": pressed_none,
    "ask.question": pressed_question,
}
