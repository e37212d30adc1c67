"""Talking with a person: the client's side, the staff's side, and the messages between them."""

from telegram import Message, Update

from handlers.context import Context
from handlers.registry import PUBLIC, ActionFn, Command, Press
from services import contact
from services.contact import Said
from services.outbox import Button


async def begin(context: Context, *, emergency: str | None = None, said: str = "") -> None:
    """Connects the speaker with a person, and says who and until when."""
    begun = await contact.begin(context.work, context.who, said=said, emergency=emergency)
    # A conversation that somebody has goes on; only while it waits there is more to say of an emergency.
    waits = begun.emergency is not None and not begun.taken
    name = "talk.emergency" if waits else "talk.already" if begun.already else "talk.begun"
    await context.reply(
        name,
        buttons=[[Button("talk.end", "contact.end")]],
        **contact.begun_facts(context.work, begun, context.who.lang),
    )


async def on_message(update: Update, context: Context) -> bool:
    """A client's words while a person has the conversation; a member of staff's replies."""
    message = update.effective_message
    assert message is not None
    if context.who.staff is not None:
        return await _from_staff(message, context)
    return await contact.client_says(context.work, context.who, said(message))


async def _from_staff(message: Message, context: Context) -> bool:
    replied = message.reply_to_message
    passed = said(message)
    found = await contact.staff_says(
        context.work,
        context.who,
        passed,
        reply_to=replied.message_id if replied else None,
        replied_text=(replied.text or replied.caption or "") if replied else "",
    )
    if found is not None:
        return True
    running = await contact.open_talks(context.work, context.who)
    if not running:
        return replied is not None and await _nothing_there(context)
    args = {"message": passed.message_id, "text": passed.text, "file": passed.is_file}
    buttons = [
        [Button(f" #{number} {name}", "contact.send", {"talk": number, **args})]
        for number, name in running[:8]
    ]
    await context.reply("talk.whom", buttons=buttons)
    return True


async def _nothing_there(context: Context) -> bool:
    await context.reply("talk.no_talk")
    return True


async def on_edit(update: Update, context: Context) -> None:
    """An edited message of a conversation."""
    message = update.edited_message
    if message is None:
        return
    text = message.text or message.caption or ""
    await contact.edited(context.work, context.who, message.message_id, text, is_caption=message.text is None)


def said(message: Message) -> Said:
    """What is passed on of a Telegram message."""
    if message.text is not None:
        return Said(message.message_id, message.text)
    kind, file_id = None, None
    if message.photo:
        kind, file_id = "photo", message.photo[-1].file_id
    elif message.video:
        kind, file_id = "video", message.video.file_id
    elif message.document:
        kind, file_id = "document", message.document.file_id
    return Said(message.message_id, message.caption or "", kind, file_id, True, message.media_group_id)


async def human(update: Update, context: Context) -> None:
    """/human"""
    await begin(context)


async def end(_update: Update, context: Context) -> None:
    """/end: the client ends the conversation with a person."""
    if not await contact.end(context.work, context.who):
        await context.reply("talk.nothing_to_end")


async def pressed_begin(context: Context, _press: Press) -> None:
    await begin(context)


async def pressed_end(context: Context, press: Press) -> None:
    if not await contact.end(context.work, context.who, press.args.get("talk")):
        await context.reply("talk.nothing_to_end")


async def pressed_take(context: Context, press: Press) -> None:
    await contact.take(context.work, context.who, press.args["talk"])
    press.toast = context.deps.phrases.label("talk.yours", context.who.lang)


async def pressed_pass_on(context: Context, press: Press) -> None:
    await contact.pass_on(context.work, context.who, press.args["talk"])
    press.toast = context.deps.phrases.label("talk.passed", context.who.lang)


async def pressed_send(context: Context, press: Press) -> None:
    chosen = Said(press.args["message"], press.args["text"], is_file=press.args["file"])
    if await contact.send_to(context.work, context.who, press.args["talk"], chosen):
        press.toast = context.deps.phrases.label("talk.sent", context.who.lang)


COMMANDS = [
    Command("human", "转人工", "Talk to a person", human, PUBLIC),
    Command("end", "结束人工对话", "End the conversation", end, PUBLIC),
]
ACTIONS: dict[str, ActionFn] = {
    "contact.begin": pressed_begin,
    "contact.end": pressed_end,
    "contact.take": pressed_take,
    "contact.pass_on": pressed_pass_on,
    "contact.send": pressed_send,
}
