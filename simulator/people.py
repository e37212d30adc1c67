"""What people do on their phones and in their groups, and the updates that the bot gets for it."""

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from simulator.errors import Json, SimError
from simulator.markup import CAPTION_LIMIT, TEXT_LIMIT, find_entities, units
from simulator.methods.chats import change_bot_status, open_topic, remove_topic
from simulator.world import Account, Callback, Chat, Message, Topic, World

STICKER = bytes.fromhex("524946461a000000574542505650384c0d0000002f00000010071011118888fe0700")
VOICE = b"OggS" + bytes(3996)


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as a person picks it. kind: photo, document, voice, video, audio or sticker."""

    kind: str
    data: bytes
    name: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a press did: a callback on its way, an opened address, or words sent to the chat."""

    callback: Callback | None = None
    url: str = ""
    message: Message | None = None


# -- writing


def say(
    world: World,
    who: Account,
    content: Json,
    chat: Chat | None = None,
    reply_to: int | None = None,
    thread: int | None = None,
    extra: Json | None = None,
    anonymous: bool = False,
) -> Message:
    """Put a message into a chat as this person; the bot is told where it may see it. Raises SimError.

    anonymous: an administrator of a supergroup posts in its name."""
    place = chat or world.chats[who.id]
    if anonymous and place.members.get(who.id) not in ("administrator", "creator"):
        raise SimError("only administrators can post anonymously")
    topic = _check_place(world, who, place, thread)
    answered = _find(place, reply_to) if reply_to else None
    if answered is not None and answered.in_topic and thread is None:
        thread = answered.thread
    if place.private:
        who.started = True
        place.prompt = None
    if place.type == "supergroup" and thread is None and answered is not None:
        thread = answered.thread or answered.id
    in_topic = topic is not None or bool(answered and answered.in_topic)
    # Telegram lets every plain message of a topic reply to the service message that opened it.
    opening = place.messages.get(thread or 0) if in_topic and answered is None else None
    message = world.post(
        place,
        who,
        content,
        reply_to=answered or opening,
        thread=thread,
        in_topic=in_topic,
        extra=extra or {},
        anonymous=anonymous,
    )
    if bot_sees(world, message):
        world.updates.add("message", message.as_api(), place.id)
    return message


def _check_place(world: World, who: Account, chat: Chat, thread: int | None) -> Topic | None:
    if chat.private:
        if chat.account is not who:
            raise SimError("this is somebody else's private chat")
        if who.blocked:
            raise SimError("the bot is blocked; unblock it first")
        return None
    if who.id not in chat.members:
        raise SimError(f"{who.key} is not in this group")
    if chat.migrated_to is not None:
        raise SimError("the group was upgraded")
    if thread is None:
        return None
    topic = chat.topics.get(thread)
    if topic is None or topic.gone:
        raise SimError("there is no such topic")
    if topic.closed and chat.members[who.id] not in ("administrator", "creator"):
        raise SimError("the topic is closed")
    return topic


def bot_sees(world: World, message: Message) -> bool:
    """Whether the bot gets an update: privacy mode hides what people in groups say to each other."""
    chat = message.chat
    if chat.private:
        return True
    status = chat.members.get(world.bot.id)
    if status is None:
        return False
    if message.service or status == "administrator" or not world.privacy:
        return True
    name = f"@{world.bot.username}".lower()
    text = str(message.content.get("text") or message.content.get("caption") or "").lower()
    if text.startswith("/"):
        addressed = text.split()[0].partition("@")[2]
        return not addressed or f"@{addressed}" == name
    return name in text or bool(message.reply_to and message.reply_to.sender is world.bot)


def text_content(text: str) -> Json:
    """A text message's content; raises SimError where a phone would not send it."""
    if not text.strip():
        raise SimError("a message needs text")
    if units(text) > TEXT_LIMIT:
        raise SimError("a message has at most 4096 characters; a phone sends longer text in parts")
    entities = find_entities(text)
    return {"text": text, "entities": entities} if entities else {"text": text}


def write(world: World, who: Account, text: str, **place: object) -> Message:
    """Send text; longer than one message goes out in parts, as phones do it. Returns the last part."""
    message = None
    for part in _parts(text):
        message = say(world, who, text_content(part), **place)  # type: ignore[arg-type]  # passed on as given
    if message is None:
        raise SimError("a message needs text")
    return message


def _parts(text: str) -> list[str]:
    if units(text) <= TEXT_LIMIT:
        return [text]
    parts, current, size = [], "", 0
    for char in text:
        width = 2 if char > "\uffff" else 1
        if size + width > TEXT_LIMIT:
            parts.append(current)
            current, size = "", 0
        current += char
        size += width
    return [part for part in [*parts, current] if part.strip()]


def begin(world: World, who: Account, payload: str = "") -> Message:
    """Press Start (or open a deep link with a payload)."""
    if len(payload) > 64 or any(not (c.isascii() and (c.isalnum() or c in "_-")) for c in payload):
        raise SimError("a start payload has at most 64 characters of A-Z a-z 0-9 _ -")
    if who.blocked:
        unblock(world, who)
    return write(world, who, f"/start {payload}".strip())


def send_files(world: World, who: Account, files: Sequence[Sent], **place: object) -> list[Message]:
    """Send one file, or several as an album (each arrives as an update of its own)."""
    if not files or len(files) > 10:
        raise SimError("1 to 10 files at a time")
    extra = {"media_group_id": world.new_album()} if len(files) > 1 else {}
    return [say(world, who, file_content(world, sent), extra=dict(extra), **place) for sent in files]  # type: ignore[arg-type]  # passed on as given


_FOLDERS = {"photo": "photos", "voice": "voice", "video": "videos", "audio": "music", "sticker": "stickers"}


def file_content(world: World, sent: Sent) -> Json:
    """The content of a message that carries the file."""
    if not sent.data:
        raise SimError("the file is empty")
    if units(sent.caption) > CAPTION_LIMIT:
        raise SimError("a caption has at most 1024 characters")
    mime = (
        "audio/ogg"
        if sent.kind == "voice"
        else mimetypes.guess_type(sent.name)[0] or "application/octet-stream"
    )
    stored = world.add_file(sent.data, sent.name, mime, _FOLDERS.get(sent.kind, "documents"))
    content = world.media(sent.kind, stored)
    if sent.caption:
        content["caption"] = sent.caption
        if entities := find_entities(sent.caption):
            content["caption_entities"] = entities
    return content


def own_contact(who: Account) -> Json:
    """The card that the button "share my number" sends: digits only, with the sender's own id."""
    card = {"phone_number": who.phone.lstrip("+"), "first_name": who.first_name, "user_id": who.id}
    if who.last_name:
        card["last_name"] = who.last_name
    return {"contact": card}


def other_contact(phone: str, first_name: str, last_name: str = "", user_id: int | None = None) -> Json:
    """Somebody else's card; user_id only where that person is on Telegram."""
    card: Json = {"phone_number": phone, "first_name": first_name}
    if last_name:
        card["last_name"] = last_name
    if user_id is not None:
        card["user_id"] = user_id
    return {"contact": card}


# -- pressing


def press(world: World, who: Account, chat: Chat, message_id: int, button: Json) -> Pressed:
    """Press an inline button (as it stands in the message's keyboard)."""
    _check_place(world, who, chat, None)
    if "callback_data" in button:
        return Pressed(callback=press_data(world, who, chat, message_id, str(button["callback_data"])))
    url = str(button.get("url", ""))
    payload = deep_link(world, url)
    if payload is not None:
        return Pressed(url=url, message=begin(world, who, payload))
    return Pressed(url=url)


def press_data(world: World, who: Account, chat: Chat, message_id: int, data: str) -> Callback:
    """Send callback data for a message, whether or not it (still) has such a button."""
    pressed = world.new_callback(who, chat, message_id, data)
    message = chat.messages.get(message_id)
    if message is None or message.deleted:
        shown: Json = {"chat": chat.as_api(), "message_id": message_id, "date": 0}
    else:
        shown = message.as_api()
    query = {
        "id": pressed.id,
        "from": who.as_user(),
        "message": shown,
        "chat_instance": str(abs(chat.id) * 1_000_003),
        "data": data,
    }
    world.updates.add("callback_query", query, chat.id)
    return pressed


def find_button(message: Message, label: str = "", data: str = "", at: Sequence[int] = ()) -> Json | None:
    """An inline button by place (row, column), data, or label (whole before part)."""
    rows: list[list[Json]] = (message.markup or {}).get("inline_keyboard", [])
    if at:
        row, column = at
        return rows[row][column] if row < len(rows) and column < len(rows[row]) else None
    flat = [button for row in rows for button in row]
    if data:
        return next((b for b in flat if b.get("callback_data") == data), None)
    return next((b for b in flat if b["text"] == label), None) or next(
        (b for b in flat if label in b["text"]), None
    )


def press_keyboard(world: World, who: Account, chat: Chat, label: str) -> Message:
    """Press a button of the reply keyboard: its text, or one's own contact, is sent."""
    rows: list[list[Json]] = (chat.keyboard or {}).get("keyboard", [])
    flat = [button for row in rows for button in row]
    button = next((b for b in flat if b["text"] == label), None) or next(
        (b for b in flat if label and label in b["text"]), None
    )
    if button is None:
        raise SimError(f"there is no key {label}")
    if chat.keyboard and chat.keyboard.get("one_time_keyboard"):
        chat.keyboard = None
        world.tell("keyboard", {"chat": chat.id, "keyboard": None, "prompt": None})
    if button.get("request_contact"):
        return say(world, who, own_contact(who), chat)
    if button.get("request_location"):
        return say(world, who, {"location": {"latitude": 31.2304, "longitude": 121.4737}}, chat)
    return say(world, who, text_content(button["text"]), chat)


def deep_link(world: World, url: str) -> str | None:
    """The payload of a link that starts this bot, or None for any other link."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.hostname not in ("t.me", "telegram.me") and parts.scheme != "tg":
        return None
    query = parse_qs(parts.query)
    name = query.get("domain", [""])[0] if parts.scheme == "tg" else parts.path.strip("/")
    if name.lower() != world.bot.username.lower():
        return None
    return query.get("start", [""])[0]


# -- changing


def _find(chat: Chat, message_id: int) -> Message:
    message = chat.messages.get(message_id)
    if message is None or message.deleted:
        raise SimError(f"there is no message {message_id}")
    return message


def edit(world: World, who: Account, chat: Chat, message_id: int, text: str) -> Message:
    """Change the text or caption of one's own message."""
    message = _find(chat, message_id)
    if message.sender is not who:
        raise SimError("only one's own messages can be edited")
    if "text" in message.content:
        message.content = text_content(text)
    else:
        kept = {name: value for name, value in message.content.items() if not name.startswith("caption")}
        message.content = kept | ({"caption": text} if text else {})
    message.edited = world.unix()
    world.touch(message, "edit")
    if bot_sees(world, message):
        world.updates.add("edited_message", message.as_api(), chat.id)
    return message


def delete(world: World, who: Account, chat: Chat, message_id: int) -> None:
    """Remove a message; Telegram does not tell the bot."""
    message = _find(chat, message_id)
    if message.sender is not who and not chat.private:
        raise SimError("only one's own messages can be deleted")
    message.deleted = True
    world.touch(message, "delete")


def react(world: World, who: Account, chat: Chat, message_id: int, emoji: str) -> None:
    """Put one reaction on a message (empty: take it back)."""
    message = _find(chat, message_id)
    before = message.reactions.pop(who.id, [])
    after = [{"type": "emoji", "emoji": emoji}] if emoji else []
    if after:
        message.reactions[who.id] = after
    world.touch(message, "edit")
    if chat.private or chat.members.get(world.bot.id) == "administrator":
        change = {
            "chat": chat.as_api(),
            "message_id": message.id,
            "user": who.as_user(),
            "date": world.unix(),
            "old_reaction": before,
            "new_reaction": after,
        }
        world.updates.add("message_reaction", change, chat.id)


def block(world: World, who: Account) -> None:
    """Block the bot: it is told, and its sends are refused."""
    _set_blocked(world, who, True)


def unblock(world: World, who: Account) -> None:
    """Let the bot write again."""
    _set_blocked(world, who, False)


def _set_blocked(world: World, who: Account, blocked: bool) -> None:
    if who.blocked == blocked:
        return
    who.blocked = blocked
    before, after = ("member", "kicked") if blocked else ("kicked", "member")
    states = {
        name: {"user": world.bot.as_user(), "status": status}
        | ({"until_date": 0} if status == "kicked" else {})
        for name, status in (("old_chat_member", before), ("new_chat_member", after))
    }
    chat = world.chats[who.id]
    change = {"chat": chat.as_api(), "from": who.as_user(), "date": world.unix(), **states}
    world.updates.add("my_chat_member", change, who.id)
    world.tell("person", who.as_card())


# -- groups


def create_group(
    world: World,
    title: str,
    members: Sequence[Account],
    kind: str = "supergroup",
    forum: bool = False,
    bot: str = "administrator",
    key: str = "",
) -> Chat:
    """A group with people in it, the first its creator. bot: administrator, member, or "" for without."""
    chat = world.add_group(title, kind, forum, key)
    for index, member in enumerate(members):
        chat.members[member.id] = "member" if index else "creator"
    if bot:
        add_bot(world, chat, members[0] if members else world.bot, bot)
    world.tell("chat", {"chat": chat.id})
    return chat


def add_member(world: World, chat: Chat, who: Account, status: str = "member") -> None:
    """Somebody joins, or gets another status (administrator, member)."""
    joined = who.id not in chat.members
    chat.members[who.id] = status
    if joined:
        _service(world, chat, who, {"new_chat_members": [who.as_user()]})
    world.tell("chat", {"chat": chat.id})


def add_bot(world: World, chat: Chat, by: Account, status: str = "member") -> None:
    """The bot is brought into a group or gets another status there."""
    if status not in ("member", "administrator"):
        raise SimError("the bot can be member or administrator")
    joined = world.bot.id not in chat.members
    change_bot_status(world, chat, by, status)
    if joined:
        _service(world, chat, by, {"new_chat_members": [world.bot.as_user()]})


def remove_bot(world: World, chat: Chat, by: Account) -> None:
    """The bot is thrown out of a group."""
    change_bot_status(world, chat, by, "kicked")


def _service(world: World, chat: Chat, by: Account, content: Json) -> Message:
    message = world.post(chat, by, content, service=True)
    if bot_sees(world, message):
        world.updates.add("message", message.as_api(), chat.id)
    return message


def make_topic(world: World, chat: Chat, by: Account, name: str) -> Topic:
    """A person opens a topic in a forum."""
    if not chat.forum:
        raise SimError("this group has no topics")
    return open_topic(world, chat, by, name, 7322096)


def delete_topic(world: World, chat: Chat, thread: int, refusal: str = "message thread not found") -> None:
    """A topic is deleted; sends into it are refused with the text (Telegram also says TOPIC_DELETED)."""
    topic = chat.topics.get(thread)
    if topic is None or topic.gone:
        raise SimError("there is no such topic")
    remove_topic(world, chat, topic, refusal)


def upgrade(world: World, chat: Chat, by: Account) -> Chat:
    """A group becomes a supergroup with another id; the bot is told from both sides."""
    bigger = world.upgrade(chat)
    old = world.post(chat, by, {"migrate_to_chat_id": bigger.id}, service=True)
    new = world.post(bigger, by, {"migrate_from_chat_id": chat.id}, service=True)
    for message in (old, new):
        if world.bot.id in message.chat.members:
            world.updates.add("message", message.as_api(), message.chat.id)
    world.tell("chat", {"chat": bigger.id})
    return bigger


def load(world: World, data: Json | list[Json]) -> None:
    """People and groups of `--people`: a list of persons, or {"persons": [...], "groups": [...]}."""
    listed = {"persons": data} if isinstance(data, list) else data
    for person in listed.get("persons", []):
        facts = dict(person)
        world.add_person(str(facts.pop("key")), **facts)
    for group in listed.get("groups", []):
        create_group(
            world,
            str(group["title"]),
            [world.person(key) for key in group.get("members", [])],
            kind=str(group.get("type", "supergroup")),
            forum=bool(group.get("forum")),
            bot=str(group.get("bot", "administrator")),
            key=str(group.get("key", "")),
        )
