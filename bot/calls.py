"""The Bot API call behind each method of the outbox (services/outbox.py writes the rows, bot/delivery.py sends them)."""

import base64
from typing import Any

from telegram import InputFile, InputMediaDocument, InputMediaPhoto, InputMediaVideo

from bot.raw import RawBot
from db.models import OutboxMessage
from messages.split import plain

# Calls that put nothing into a chat: they need no room in its windows.
NO_MESSAGE = frozenset({"answer", "menu", "leave"})
_ALBUM = {"photo": InputMediaPhoto, "video": InputMediaVideo, "document": InputMediaDocument}


def weight(message: OutboxMessage) -> int:
    """As how many messages Telegram counts it."""
    if message.method in NO_MESSAGE:
        return 0
    return len(message.body["media"]) if message.method == "album" else 1


async def call(bot: RawBot, message: OutboxMessage) -> Any:
    """Makes the call; Telegram's answer. Raises telegram.error, and ValueError for a method that does not exist."""
    body, chat = message.body, {"chat_id": message.chat_id}
    match message.method:
        case "text" if "picture" in body:
            return await _picture(bot, message)
        case "text" if "document" in body:
            return await _document(bot, message)
        case "text":
            return await bot.raw("sendMessage", {**chat, **_words("text", body), **_options(body)})
        case "copy":
            source = {"from_chat_id": body["from_chat"], "message_id": body["message_id"]}
            return await bot.raw("copyMessage", {**chat, **source, **_options(body)})
        case "album":
            return await _album(bot, message)
        case "edit":
            which = {**chat, "message_id": body["message_id"]}
            return await bot.raw("editMessageText", {**which, **_words("text", body), **_markup(body)})
        case "edit_caption":
            which = {**chat, "message_id": body["message_id"]}
            return await bot.raw("editMessageCaption", {**which, **_words("caption", body)})
        case "answer":
            shown = {"text": body["text"], "show_alert": body["alert"]}
            return await bot.raw("answerCallbackQuery", {"callback_query_id": body["query_id"], **shown})
        case "leave":
            return await bot.raw("leaveChat", chat)
        case "menu":
            return await bot.raw("setMyCommands", body)
        case _:
            raise ValueError(f"no such method in the outbox: {message.method}")


async def _picture(bot: RawBot, message: OutboxMessage) -> Any:
    body = message.body
    words = _words("caption", body)
    return await bot.send_photo(
        message.chat_id,
        InputFile(base64.b64decode(body["picture"]), "qr.png"),
        caption=words["caption"],
        parse_mode=words.get("parse_mode"),
        api_kwargs=_markup(body),
    )


async def _document(bot: RawBot, message: OutboxMessage) -> Any:
    body = message.body
    words = _words("caption", body)
    return await bot.send_document(
        message.chat_id,
        InputFile(base64.b64decode(body["document"]), body["file_name"]),
        caption=words["caption"],
        parse_mode=words.get("parse_mode"),
    )


async def _album(bot: RawBot, message: OutboxMessage) -> Any:
    """Telegram takes two to ten; the one picture of a straggler is a picture."""
    media = message.body["media"]
    if len(media) > 1:
        parts = [_ALBUM[item["type"]](item["media"], caption=item.get("caption")) for item in media]
        return await bot.send_media_group(message.chat_id, parts)
    kind, words = media[0]["type"], {k: v for k, v in media[0].items() if k == "caption" and v}
    params = {"chat_id": message.chat_id, kind: media[0]["media"], **words, **_options(message.body)}
    return await bot.raw(f"send{kind.capitalize()}", params)


def message_ids(answer: Any) -> list[int]:
    """The numbers under which Telegram shows what it accepted."""
    if isinstance(answer, dict):
        return [int(answer["message_id"])] if "message_id" in answer else []
    if isinstance(answer, (list, tuple)):
        return [found for item in answer for found in message_ids(item)]
    found = getattr(answer, "message_id", None)
    return [int(found)] if found is not None else []


def _words(key: str, body: dict[str, Any]) -> dict[str, Any]:
    """HTML, or the same as plain words where Telegram refused our HTML."""
    return {key: plain(body["html"])} if body.get("plain") else {key: body["html"], "parse_mode": "HTML"}


def _options(body: dict[str, Any]) -> dict[str, Any]:
    options = _markup(body)
    if "reply_to" in body:
        options["reply_parameters"] = {"message_id": body["reply_to"], "allow_sending_without_reply": True}
    if body.get("protect"):
        options["protect_content"] = True
    if body.get("quiet"):
        options["disable_notification"] = True
    options["link_preview_options"] = {"is_disabled": True}
    return options


def _markup(body: dict[str, Any]) -> dict[str, Any]:
    if "buttons" in body:
        return {"reply_markup": {"inline_keyboard": body["buttons"]}}
    if "contact_button" in body:
        button = {"text": body["contact_button"], "request_contact": True}
        return {"reply_markup": {"keyboard": [[button]], "resize_keyboard": True, "one_time_keyboard": True}}
    if body.get("remove_keyboard"):
        return {"reply_markup": {"remove_keyboard": True}}
    return {}
