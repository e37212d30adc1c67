"""Methods that change, remove or answer what is there: edits, deletions, reactions, pins, callbacks."""

import time
from datetime import UTC, datetime

from simulator.errors import Json, bad
from simulator.keyboards import check_markup
from simulator.markup import TEXT_LIMIT, units
from simulator.methods.sending import read_caption, read_media, read_words
from simulator.methods.targets import find_chat, find_message, need_admin, open_chat, own_message, pace
from simulator.params import Params
from simulator.world import Message, World

DELETABLE_SECONDS = 48 * 3600
QUERY_SECONDS = 60.0
ANSWER_LIMIT = 200
_MEDIA = ("photo", "document", "video", "audio", "voice")
_SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)


def _edit(world: World, p: Params, message: Message, content: Json) -> Json:
    markup = check_markup(p.json("reply_markup"), message.chat.private, inline_only=True)
    if content == message.content and markup == message.markup:
        raise bad(_SAME)
    if not message.chat.private:
        pace(world, message.chat, time.monotonic())
    if content != message.content:
        message.edited = world.unix()
    message.content = content
    message.markup = markup
    world.touch(message, "edit")
    return message.as_api()


def edit_message_text(world: World, p: Params) -> Json:
    message = own_message(world, open_chat(world, p), p)
    if "text" not in message.content:
        raise bad("there is no text in the message to edit")
    words = read_words(p, "text", TEXT_LIMIT, "message is too long")
    if not words:
        raise bad("message text is empty")
    return _edit(world, p, message, words)


def edit_message_caption(world: World, p: Params) -> Json:
    message = own_message(world, open_chat(world, p), p)
    if not any(kind in message.content for kind in _MEDIA):
        raise bad("there is no caption in the message to edit")
    kept = {name: value for name, value in message.content.items() if not name.startswith("caption")}
    return _edit(world, p, message, kept | read_caption(p))


def edit_message_media(world: World, p: Params) -> Json:
    message = own_message(world, open_chat(world, p), p)
    media = p.json("media")
    if not isinstance(media, dict) or media.get("type") not in _MEDIA:
        raise bad("can't parse media JSON object")
    inner = Params(media, p.files)
    stored = read_media(world, inner, media.get("media"), str(media["type"]))
    return _edit(world, p, message, world.media(str(media["type"]), stored) | read_caption(inner))


def edit_message_reply_markup(world: World, p: Params) -> Json:
    message = own_message(world, open_chat(world, p), p)
    return _edit(world, p, message, message.content)


def delete_message(world: World, p: Params) -> bool:
    chat = find_chat(world, p)
    message = find_message(chat, p.number("message_id"), "delete")
    _remove(world, message)
    return True


def delete_messages(world: World, p: Params) -> bool:
    chat = find_chat(world, p)
    ids = p.json("message_ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= 100:
        raise bad("message identifiers must be 1-100 numbers")
    for message_id in ids:
        message = chat.messages.get(int(message_id))
        if message is not None and not message.deleted:
            _remove(world, message)
    return True


def _remove(world: World, message: Message) -> None:
    own = message.sender is world.bot
    if not own and not message.chat.private:
        need_admin(world, message.chat, "message can't be deleted")
    if message.chat.private and world.unix() - message.date > DELETABLE_SECONDS:
        raise bad("message can't be deleted for everyone")
    message.deleted = True
    world.touch(message, "delete")


def set_message_reaction(world: World, p: Params) -> bool:
    chat = open_chat(world, p)
    message = find_message(chat, p.number("message_id"), "react")
    wanted = p.json("reaction") or []
    if not isinstance(wanted, list) or len(wanted) > 1:
        raise bad("REACTIONS_TOO_MANY")
    for reaction in wanted:
        if not isinstance(reaction, dict) or reaction.get("type") not in ("emoji", "custom_emoji"):
            raise bad("REACTION_INVALID")
    if wanted:
        message.reactions[world.bot.id] = wanted
    else:
        message.reactions.pop(world.bot.id, None)
    world.touch(message, "edit")
    return True


def pin_chat_message(world: World, p: Params) -> bool:
    chat = open_chat(world, p)
    if not chat.private:
        need_admin(world, chat, "not enough rights to manage pinned messages in the chat")
    message = find_message(chat, p.number("message_id"), "pin")
    if message.id in chat.pinned:
        chat.pinned.remove(message.id)
    chat.pinned.append(message.id)
    world.tell("pin", {"chat": chat.id, "pinned": chat.pinned})
    notice = world.post(
        chat,
        world.bot,
        {"pinned_message": message.as_api(with_reply=False)},
        thread=message.thread if message.in_topic else None,
        in_topic=message.in_topic,
        service=True,
    )
    world.updates.add("message", notice.as_api(), chat.id)
    return True


def unpin_chat_message(world: World, p: Params) -> bool:
    chat = open_chat(world, p)
    message_id = p.number("message_id") or (chat.pinned[-1] if chat.pinned else 0)
    if message_id not in chat.pinned:
        raise bad("message to unpin not found")
    chat.pinned.remove(message_id)
    world.tell("pin", {"chat": chat.id, "pinned": chat.pinned})
    return True


def answer_callback_query(world: World, p: Params) -> bool:
    pressed = world.callbacks.get(p.text("callback_query_id"))
    if pressed is None or pressed.answer is not None or time.monotonic() - pressed.at > QUERY_SECONDS:
        raise bad("query is too old and response timeout expired or query ID is invalid")
    text = p.text("text")
    if units(text) > ANSWER_LIMIT:
        raise bad("MESSAGE_TOO_LONG")
    pressed.answer = {"text": text, "alert": p.flag("show_alert"), "url": p.text("url")}
    facts = {"id": pressed.id, "person": pressed.account.key, "chat": pressed.chat.id, **pressed.answer}
    world.tell("answer", facts | {"message_id": pressed.message_id, "at": datetime.now(UTC).isoformat()})
    return True
