"""Methods that put messages into chats."""

import time
from collections.abc import Callable
from typing import Any

from simulator.errors import ApiError, Json, bad
from simulator.images import is_picture
from simulator.keyboards import check_markup
from simulator.markup import CAPTION_LIMIT, TEXT_LIMIT, read_text, units
from simulator.methods.targets import find_chat, find_message, find_reply, find_thread, open_chat, pace
from simulator.params import LARGEST_UPLOAD, Params, Upload
from simulator.world import Chat, Message, StoredFile, World

LARGEST_PHOTO = 10 * 1024 * 1024
ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)
_FOLDERS = {
    "photo": "photos",
    "document": "documents",
    "voice": "voice",
    "video": "videos",
    "audio": "music",
    "sticker": "stickers",
}


def read_words(p: Params, name: str, limit: int, too_long: str) -> Json:
    """`text` or `caption` with its entities, checked against the limit after parsing."""
    text, entities = read_text(p.text(name), p.text("parse_mode"), p.json(_entity_field(name)))
    if units(text) > limit:
        raise bad(too_long)
    words: Json = {name: text} if text else {}
    if entities and text:
        words[_entity_field(name)] = entities
    return words


def _entity_field(name: str) -> str:
    return "entities" if name == "text" else "caption_entities"


def read_caption(p: Params) -> Json:
    """The caption of a medium."""
    return read_words(p, "caption", CAPTION_LIMIT, "message caption is too long")


def show(world: World, p: Params, make: Callable[[], Json], extra: Json | None = None) -> Message:
    """Check where a message goes, make its content, count it, and put it into the chat."""
    chat = open_chat(world, p)
    topic = find_thread(world, chat, p)
    reply = find_reply(chat, p)
    content = make()
    markup = check_markup(p.json("reply_markup"), chat.private)
    pace(world, chat, time.monotonic())
    message = world.post(
        chat,
        world.bot,
        content,
        reply_to=reply,
        thread=_thread_of(chat, topic.id if topic else None, reply),
        in_topic=topic is not None or bool(reply and reply.in_topic),
        markup=markup,
        protected=p.flag("protect_content"),
        silent=p.flag("disable_notification"),
        extra=extra or {},
    )
    _lay_keyboard(world, message)
    return message


def _thread_of(chat: Chat, topic: int | None, reply: Message | None) -> int | None:
    if topic is not None or chat.type != "supergroup" or reply is None:
        return topic
    return reply.thread or reply.id


def _lay_keyboard(world: World, message: Message) -> None:
    """A reply keyboard belongs to the chat, not to the message that brought it."""
    markup, chat = message.markup, message.chat
    if markup is None or "inline_keyboard" in markup:
        return
    chat.prompt = None
    if "keyboard" in markup:
        chat.keyboard = markup
    elif "remove_keyboard" in markup:
        chat.keyboard = None
    elif "force_reply" in markup:
        chat.prompt = {"message_id": message.id, **markup}
    world.tell("keyboard", {"chat": chat.id, "keyboard": chat.keyboard, "prompt": chat.prompt})


def send_message(world: World, p: Params) -> Json:
    def make() -> Json:
        words = read_words(p, "text", TEXT_LIMIT, "message is too long")
        if not words:
            raise bad("message text is empty")
        return words

    return show(world, p, make).as_api()


def _sender(kind: str) -> Callable[[World, Params], Json]:
    def send(world: World, p: Params) -> Json:
        def make() -> Json:
            caption = {} if kind == "sticker" else read_caption(p)
            return world.media(kind, read_media(world, p, p.values.get(kind), kind)) | caption

        return show(world, p, make).as_api()

    return send


send_photo = _sender("photo")
send_document = _sender("document")
send_voice = _sender("voice")
send_video = _sender("video")
send_audio = _sender("audio")
send_sticker = _sender("sticker")


def read_media(world: World, p: Params, given: Any, kind: str) -> StoredFile:
    """The file of a medium: an upload, `attach://name`, or the `file_id` of one that is known."""
    if given is None and kind in p.files:
        return keep_upload(world, p.files[kind], kind)
    if not isinstance(given, str) or not given:
        raise bad(f"there is no {kind} in the request")
    if given.startswith("attach://"):
        if given[9:] not in p.files:
            raise bad("wrong file identifier/HTTP URL specified")
        return keep_upload(world, p.files[given[9:]], kind)
    if given.startswith(("http://", "https://")):
        raise bad("failed to get HTTP URL content")
    if given not in world.files:
        raise bad("wrong file identifier/HTTP URL specified")
    return world.files[given]


def keep_upload(world: World, upload: Upload, kind: str) -> StoredFile:
    """Store an uploaded file; 400 or 413 for one that Telegram would not take."""
    if not upload.data:
        raise bad("file must be non-empty")
    if len(upload.data) > LARGEST_UPLOAD:
        raise ApiError(413, "Request Entity Too Large")
    if kind == "photo":
        if len(upload.data) > LARGEST_PHOTO:
            raise bad("file is too big")
        if not is_picture(upload.data):
            raise bad("IMAGE_PROCESS_FAILED")
    mime = upload.mime or "application/octet-stream"
    return world.add_file(upload.data, upload.name, mime, _FOLDERS[kind])


def send_media_group(world: World, p: Params) -> list[Json]:
    chat = open_chat(world, p)
    topic = find_thread(world, chat, p)
    reply = find_reply(chat, p)
    media = p.json("media")
    if not isinstance(media, list) or not 2 <= len(media) <= 10:
        raise bad("media group must include 2-10 items")
    kinds = {item.get("type") for item in media if isinstance(item, dict)}
    if not kinds <= {"photo", "video", "document", "audio"}:
        raise bad("wrong message content type in the album")
    if len(kinds) > 1 and kinds != {"photo", "video"}:
        raise bad("document and audio can't be mixed with other media types")
    contents = []
    for item in media:
        inner = Params(item, p.files)
        stored = read_media(world, inner, item.get("media"), str(item["type"]))
        contents.append(world.media(str(item["type"]), stored) | read_caption(inner))
    pace(world, chat, time.monotonic(), cost=len(contents))
    album = world.new_album()
    return [
        world.post(
            chat,
            world.bot,
            content,
            reply_to=reply,
            thread=_thread_of(chat, topic.id if topic else None, reply),
            in_topic=topic is not None,
            protected=p.flag("protect_content"),
            silent=p.flag("disable_notification"),
            extra={"media_group_id": album},
        ).as_api()
        for content in contents
    ]


def send_contact(world: World, p: Params) -> Json:
    def make() -> Json:
        if not p.has("phone_number") or not p.has("first_name"):
            raise bad("PHONE_NUMBER_INVALID")
        contact = {"phone_number": p.text("phone_number"), "first_name": p.text("first_name")}
        if p.has("last_name"):
            contact["last_name"] = p.text("last_name")
        return {"contact": contact}

    return show(world, p, make).as_api()


def send_location(world: World, p: Params) -> Json:
    def make() -> Json:
        try:
            place = {"latitude": float(p.text("latitude")), "longitude": float(p.text("longitude"))}
        except ValueError:
            raise bad("latitude and longitude must be numbers") from None
        return {"location": place}

    return show(world, p, make).as_api()


def send_chat_action(world: World, p: Params) -> bool:
    chat = open_chat(world, p)
    action = p.text("action")
    if action not in ACTIONS:
        raise bad("wrong parameter action in request")
    world.tell("typing", {"chat": chat.id, "action": action, "thread": p.number("message_thread_id")})
    return True


# -- copies

_KEPT = (
    "text",
    "entities",
    "caption",
    "caption_entities",
    "photo",
    "document",
    "voice",
    "video",
    "audio",
    "sticker",
    "contact",
    "location",
)


def _source(world: World, p: Params, message_id: int | None, purpose: str) -> Message:
    message = find_message(find_chat(world, p, "from_chat_id"), message_id, purpose)
    if message.protected or message.service:
        raise bad(f"message can't be {'copied' if purpose == 'copy' else 'forwarded'}")
    return message


def _content(message: Message) -> Json:
    return {name: message.content[name] for name in _KEPT if name in message.content}


def copy_message(world: World, p: Params) -> Json:
    open_chat(world, p)
    source = _source(world, p, p.number("message_id"), "copy")

    def make() -> Json:
        content = _content(source)
        if "caption" in p.values and "text" not in content:
            content.pop("caption", None)
            content.pop("caption_entities", None)
            content |= read_caption(p)
        return content

    return {"message_id": show(world, p, make).id}


def forward_message(world: World, p: Params) -> Json:
    open_chat(world, p)
    source = _source(world, p, p.number("message_id"), "forward")
    return show(world, p, lambda: _content(source), extra=_origin(source)).as_api()


def _origin(source: Message) -> Json:
    if "forward_origin" in source.extra:
        return {"forward_origin": source.extra["forward_origin"]}
    return {"forward_origin": {"type": "user", "sender_user": source.sender.as_user(), "date": source.date}}


def _several(world: World, p: Params, purpose: str) -> list[Json]:
    """Copies or forwards in one call; messages that cannot travel are skipped, as Telegram does."""
    chat = open_chat(world, p)
    topic = find_thread(world, chat, p)
    ids = p.json("message_ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= 100:
        raise bad("message identifiers must be 1-100 numbers")
    sources = []
    for message_id in sorted(int(i) for i in ids):
        try:
            sources.append(_source(world, p, message_id, purpose))
        except ApiError:
            continue
    if not sources:
        raise bad(f"there are no messages to {purpose}")
    pace(world, chat, time.monotonic(), cost=len(sources))
    albums: dict[str, str] = {}
    sent = []
    for source in sources:
        extra = _origin(source) if purpose == "forward" else {}
        if "media_group_id" in source.extra:
            extra["media_group_id"] = albums.setdefault(source.extra["media_group_id"], world.new_album())
        posted = world.post(
            chat,
            world.bot,
            _content(source),
            thread=topic.id if topic else None,
            in_topic=topic is not None,
            protected=p.flag("protect_content"),
            extra=extra,
        )
        sent.append({"message_id": posted.id})
    return sent


def copy_messages(world: World, p: Params) -> list[Json]:
    return _several(world, p, "copy")


def forward_messages(world: World, p: Params) -> list[Json]:
    return _several(world, p, "forward")
