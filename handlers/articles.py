"""Articles in chat: written for a gap or as a file, submitted, confirmed by another, brought back, withdrawn."""

from typing import Any

from telegram import Message, Update

from handlers import gaps as gap_cards
from handlers.context import Context, message_text
from handlers.registry import ActionFn, Command, Press
from knowledge.library import Lang
from services import access, articles, drafting, gaps
from services.drafting import Writing
from services.outbox import Button, Row

_ON_A_BUTTON = 28
_TOPICS = 6


# --- writing ------------------------------------------------------------------------------------------------


async def pressed_draft(context: Context, press: Press) -> None:
    """A gap: a new article, or one of the nearest to be changed."""
    card = await gaps.card(context.work, context.who, press.args["gap"])
    await drafting.go_to(context.work, context.who, "target", {"gap": card.line.id})
    rows: list[Row] = [[Button("draft.new", "draft.begin", {"gap": card.line.id})]]
    rows += [
        [Button(f" {c.title[:_ON_A_BUTTON]}", "draft.begin", {"gap": card.line.id, "article": c.article})]
        for c in card.candidates
    ]
    rows.append([Button("draft.cancel", "draft.cancel")])
    await context.reply("draft.ask_target", buttons=rows)


async def pressed_begin(context: Context, press: Press) -> None:
    begun = await drafting.begin(context.work, context.who, press.args["gap"], press.args.get("article"))
    await _ask(context, begun)


async def pressed_rewrite(context: Context, press: Press) -> None:
    await _ask(context, await drafting.rewrite(context.work, context.who, press.args["draft"]))


async def pressed_cancel(context: Context, _press: Press) -> None:
    await drafting.leave(context.work, context.who)
    await context.reply("draft.dropped")


async def _ask(context: Context, found: Writing) -> None:
    """Asks for what the present step needs."""
    rows: list[Row] = []
    facts: dict[str, Any] = {}
    changing = "raw" in found.data
    match found.step:
        case "topic":
            rows = [
                [Button(f" {name[:_ON_A_BUTTON]}", "draft.answer", {"step": "topic", "words": slug})]
                for slug, name in drafting.topics_for(context.work, found)[:_TOPICS]
            ]
        case "text":
            facts["now"] = drafting.present_text(found)
            if not changing and found.data.get("proposal"):
                words = {"step": "text", "words": found.data["proposal"]}
                rows = [[Button("draft.use_proposal", "draft.answer", words)]]
        case "source" if changing:
            rows = [[Button("draft.keep", "draft.answer", {"step": "source", "words": ""})]]
        case "day":
            rows = [[_day(context, "today", 0), _day(context, "tomorrow", 1)]]
        case "phrasings":
            facts["known"] = found.data["known"]
            if found.data["known"]:
                rows = [[Button("draft.enough", "draft.answer", {"step": "phrasings", "words": ""})]]
    rows.append([Button("draft.cancel", "draft.cancel")])
    await context.reply(f"draft.ask_{found.step}", buttons=rows, **facts)


def _day(context: Context, name: str, ahead: int) -> Button:
    day = context.work.today.fromordinal(context.work.today.toordinal() + ahead)
    return Button(f"draft.{name}", "draft.answer", {"step": "day", "words": day.isoformat()})


async def pressed_answer(context: Context, press: Press) -> None:
    found = await drafting.writing(context.work, context.who)
    if found is None or found.step != press.args["step"]:
        await context.reply("draft.gone")
        return
    await _answered(context, found, press.args["words"])


async def _answered(context: Context, found: Writing, words: str) -> None:
    """The answer to the present step: the next one, or the draft."""
    data = drafting.accepted(context.work, found, words)
    if data is None:
        facts: dict[str, Any] = {"topic": words[:60]} if found.step == "topic" else {}
        await context.reply(f"draft.bad_{found.step}", **facts)
        return
    answered = Writing(found.step, data)
    step = drafting.following(answered)
    if step is not None:
        await _ask(context, await drafting.go_to(context.work, context.who, step, data))
        return
    draft = await drafting.finish(context.work, context.who, answered)
    await _checking(context, draft)


async def _checking(context: Context, draft: int) -> None:
    await context.reply("draft.checking", about={"draft_progress": draft})


async def on_message(update: Update, context: Context) -> bool:
    """Words or a Markdown file of whoever is writing; a Markdown file alone is a draft too."""
    message = update.effective_message
    staff = context.who.staff
    if message is None or staff is None or staff.role not in gaps.EDITORS:
        return False
    if message.reply_to_message is not None:
        return False
    found = await drafting.writing(context.work, context.who)
    if message.document is not None:
        return await _file(message, context, found)
    text = message_text(update).strip()
    if found is None or not text:
        return False
    if found.step in drafting.ASIDE:
        await _aside(context, found, text)
    else:
        await _answered(context, found, text)
    return True


async def _file(message: Message, context: Context, found: Writing | None) -> bool:
    document = message.document
    assert document is not None
    name = document.file_name or ""
    if not name.lower().endswith((".md", ".markdown")):
        return False
    gap_id = found.gap_id if found is not None else None
    await drafting.leave(context.work, context.who)
    await articles.file_sent(context.work, context.who, document.file_id, document.file_size or 0, gap_id)
    await context.reply("draft.received", name=name)
    return True


async def _aside(context: Context, found: Writing, text: str) -> None:
    """Words that are no part of an article: an id, a reason."""
    await drafting.leave(context.work, context.who)
    match found.step:
        case "target":
            await _ask(context, await drafting.begin(context.work, context.who, found.gap_id, text))
        case "article":
            await _add_phrasings(context, found.data["gap"], text)
        case "dismiss":
            await gap_cards.dismiss(context, found.data["gap"], text)
        case "return" if "batch" in found.data:
            count = await articles.send_back_batch(context.work, context.who, found.data["batch"], text)
            await context.reply("draft.batch_sent_back", count=count)
        case "return":
            returned = await articles.send_back(context.work, context.who, found.data["draft"], text)
            await context.reply("draft.sent_back", title=returned.title)
        case _:
            await articles.withdraw(context.work, context.who, found.data["article"], text)
            await context.reply("article.withdrawn", article=found.data["article"])


# --- another article answers it too ---------------------------------------------------------------------------


async def pressed_phrasing(context: Context, press: Press) -> None:
    card = await gaps.card(context.work, context.who, press.args["gap"])
    await drafting.go_to(context.work, context.who, "article", {"gap": card.line.id})
    rows: list[Row] = [
        [Button(f" {c.title[:_ON_A_BUTTON]}", "gap.phrase", {"gap": card.line.id, "article": c.article})]
        for c in card.candidates
    ]
    rows.append([Button("draft.cancel", "draft.cancel")])
    await context.reply("gap.choose_article", buttons=rows)


async def pressed_phrase(context: Context, press: Press) -> None:
    await drafting.leave(context.work, context.who)
    await _add_phrasings(context, press.args["gap"], press.args["article"])


async def _add_phrasings(context: Context, gap_id: int, article: str) -> None:
    card = await gaps.card(context.work, context.who, gap_id)
    await _checking(
        context, await articles.add_phrasings(context.work, context.who, gap_id, article, card.lang)
    )


# --- submitting and deciding ----------------------------------------------------------------------------------


async def pressed_submit(context: Context, press: Press) -> None:
    found = await articles.submit(context.work, context.who, press.args["draft"])
    await context.reply("draft.submitted", title=found.title)


async def pressed_drop(context: Context, press: Press) -> None:
    await articles.drop(context.work, context.who, press.args["draft"])
    await context.reply("draft.dropped")


async def pressed_show(context: Context, press: Press) -> None:
    await articles.show_waiting(context.work, context.who, press.args["draft"])


async def pressed_confirm(context: Context, press: Press) -> None:
    found = await articles.confirm(context.work, context.who, press.args["draft"])
    await context.reply("draft.confirmed", title=found.title)


async def pressed_confirm_all(context: Context, press: Press) -> None:
    count = await articles.confirm_batch(context.work, context.who, press.args["batch"])
    await context.reply("draft.batch_confirmed", count=count)


async def pressed_return_all(context: Context, press: Press) -> None:
    access.require(context.who, *articles.CONFIRMERS)
    await drafting.go_to(context.work, context.who, "return", {"batch": press.args["batch"]})
    await context.reply("draft.ask_return", buttons=[[Button("draft.cancel", "draft.cancel")]])


async def pressed_return(context: Context, press: Press) -> None:
    access.require(context.who, *articles.CONFIRMERS)
    await drafting.go_to(context.work, context.who, "return", {"draft": press.args["draft"]})
    await context.reply("draft.ask_return", buttons=[[Button("draft.cancel", "draft.cancel")]])


# --- an article and its versions ------------------------------------------------------------------------------


async def article(_update: Update, context: Context) -> None:
    """/article ID: the versions of an article, in the speaker's language or else in the other."""
    access.require(context.who, *gaps.EDITORS)
    if not context.args:
        await context.reply("article.how")
        return
    name = context.args[0].strip()
    order: tuple[Lang, ...] = ("en", "zh") if context.who.lang == "en" else ("zh", "en")
    for lang in order:
        versions = await articles.history(context.work, context.who, name, lang)
        if versions:
            break
    else:
        raise articles.unknown(name)
    now = context.deps.library().article(name, lang)
    rows: list[Row] = []
    bring = context.deps.phrases.label("article.roll_back", context.who.lang)
    for number, version in enumerate(versions[:5], start=1):
        if now is None or version.version != now.version:
            args = {"article": name, "lang": lang, "version": version.id}
            rows.append([Button(f" {bring} {number}", "article.roll_back", args)])
    if now is not None and context.who.staff is not None and context.who.staff.role in articles.CONFIRMERS:
        rows.append([Button("article.withdraw", "article.withdraw", {"article": name})])
    await context.reply("article.card", buttons=rows, article=name, versions=versions, now=now)


async def pressed_roll_back(context: Context, press: Press) -> None:
    args = press.args
    draft = await articles.roll_back(
        context.work, context.who, args["article"], args["lang"], args["version"]
    )
    await _checking(context, draft)


async def pressed_withdraw(context: Context, press: Press) -> None:
    access.require(context.who, *articles.CONFIRMERS)
    await drafting.go_to(context.work, context.who, "withdraw", {"article": press.args["article"]})
    await context.reply("article.ask_withdraw", buttons=[[Button("draft.cancel", "draft.cancel")]])


COMMANDS = [
    Command("article", "知识库文章与版本", "An article and its versions", article, shown_to=gap_cards.DESK)
]
ACTIONS: dict[str, ActionFn] = {
    "gap.draft": pressed_draft,
    "gap.phrasing": pressed_phrasing,
    "gap.phrase": pressed_phrase,
    "draft.begin": pressed_begin,
    "draft.answer": pressed_answer,
    "draft.cancel": pressed_cancel,
    "draft.rewrite": pressed_rewrite,
    "draft.submit": pressed_submit,
    "draft.drop": pressed_drop,
    "draft.show": pressed_show,
    "draft.confirm": pressed_confirm,
    "draft.return": pressed_return,
    "draft.confirm_all": pressed_confirm_all,
    "draft.return_all": pressed_return_all,
    "article.roll_back": pressed_roll_back,
    "article.withdraw": pressed_withdraw,
}
