"""The pretended Telegram: accounts, chats, messages and files, all in memory, with numbers that repeat."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from simulator.clock import Clock
from simulator.errors import Json, SimError
from simulator.faults import Faults
from simulator.images import picture_size
from simulator.pacing import Pace
from simulator.updates import Updates

ADMIN_RIGHTS = {
    "can_be_edited": False,
    "is_anonymous": False,
    "can_manage_chat": True,
    "can_delete_messages": True,
    "can_manage_video_chats": True,
    "can_restrict_members": True,
    "can_promote_members": False,
    "can_change_info": True,
    "can_invite_users": True,
    "can_post_stories": False,
    "can_edit_stories": False,
    "can_delete_stories": False,
    "can_pin_messages": True,
    "can_manage_topics": True,
}


@dataclass(slots=True)
class Account:
    """A person (or the bot) as Telegram knows it; role and subtitle are for the chat page only."""

    id: int
    key: str
    first_name: str
    last_name: str = ""
    username: str = ""
    language_code: str = "zh-hans"
    phone: str = ""
    role: str = ""
    subtitle: str = ""
    is_bot: bool = False
    started: bool = False
    blocked: bool = False
    deactivated: bool = False

    @property
    def name(self) -> str:
        """First and last name as the messenger writes them."""
        return f"{self.first_name} {self.last_name}".strip()

    def as_user(self) -> Json:
        """Telegram's User object."""
        user: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        if self.last_name:
            user["last_name"] = self.last_name
        if self.username:
            user["username"] = self.username
        if self.language_code and not self.is_bot:
            user["language_code"] = self.language_code
        return user

    def as_card(self) -> Json:
        """What the chat page shows of a person."""
        return {
            "key": self.key,
            "id": self.id,
            "name": self.name,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "username": self.username,
            "language_code": self.language_code,
            "phone": self.phone,
            "role": self.role,
            "subtitle": self.subtitle,
            "started": self.started,
            "blocked": self.blocked,
        }


@dataclass(slots=True)
class StoredFile:
    """A file that somebody sent; the bot gets it by `file_id`, the page by `/sim/files/<file_id>`."""

    file_id: str
    unique_id: str
    data: bytes
    name: str
    mime: str
    path: str

    def as_json(self) -> Json:
        """The fields that every media object has."""
        return {"file_id": self.file_id, "file_unique_id": self.unique_id, "file_size": len(self.data)}


@dataclass(slots=True)
class Topic:
    """A topic of a forum; `gone` is the error text that a send into a deleted one gets."""

    id: int
    name: str
    icon_color: int = 7322096
    closed: bool = False
    gone: str = ""


@dataclass(slots=True, eq=False)
class Message:
    """A message in a chat; `seq` grows with every change of any, `at` is the monotonic time of its last."""

    chat: "Chat"
    id: int
    sender: Account
    date: int
    content: Json
    reply_to: "Message | None" = None
    thread: int | None = None
    in_topic: bool = False
    markup: Json | None = None
    edited: int | None = None
    extra: Json = field(default_factory=dict)
    protected: bool = False
    silent: bool = False
    deleted: bool = False
    anonymous: bool = False
    service: bool = False
    read: bool = False
    reactions: dict[int, list[Json]] = field(default_factory=dict)
    seq: int = 0
    at: float = 0.0

    def as_api(self, with_reply: bool = True) -> Json:
        """Telegram's Message object, as a bot reads it."""
        data: Json = {"message_id": self.id}
        if self.anonymous:
            data["from"] = {
                "id": 1087968824,
                "is_bot": True,
                "first_name": "Group",
                "username": "GroupAnonymousBot",
            }
            data["sender_chat"] = self.chat.as_api()
        else:
            data["from"] = self.sender.as_user()
        data["chat"] = self.chat.as_api()
        data["date"] = self.date
        if self.thread is not None:
            data["message_thread_id"] = self.thread
        if self.in_topic:
            data["is_topic_message"] = True
        if self.edited is not None:
            data["edit_date"] = self.edited
        if self.reply_to is not None and with_reply and not self.reply_to.deleted:
            data["reply_to_message"] = self.reply_to.as_api(with_reply=False)
        if self.protected:
            data["has_protected_content"] = True
        if self.markup is not None and "inline_keyboard" in self.markup:
            data["reply_markup"] = self.markup
        data.update(self.extra)
        data.update(self.content)
        return data

    def as_view(self) -> Json:
        """The message as the chat page draws it."""
        view = self.as_api(with_reply=False)
        view["sender"] = self.sender.key
        view["sender_name"] = self.sender.name
        view["from_bot"] = self.sender.is_bot
        view["seq"] = self.seq
        view["at"] = self.at
        if self.reply_to is not None and not self.reply_to.service:
            view["reply"] = {
                "message_id": self.reply_to.id,
                "name": self.reply_to.sender.name,
                "text": summary(self.reply_to.content),
            }
        if self.reactions:
            view["reactions"] = [e.get("emoji", "") for shown in self.reactions.values() for e in shown]
        if self.silent:
            view["silent"] = True
        if self.service:
            view["service"] = True
        if self.read:
            view["read"] = True
        if self.deleted:
            view["deleted"] = True
        return view


def summary(content: Json) -> str:
    """A message in a few words, for quotes and lists."""
    words = str(content.get("text") or content.get("caption") or "")
    if words:
        return words
    if "document" in content:
        return str(content["document"].get("file_name", ""))
    for kind, label in (
        ("photo", "[图片]"),
        ("voice", "[语音]"),
        ("video", "[视频]"),
        ("sticker", "[表情]"),
        ("contact", "[名片]"),
        ("location", "[位置]"),
    ):
        if kind in content:
            return label
    return ""


@dataclass(slots=True, eq=False)
class Chat:
    """A private chat, a group, or a supergroup (perhaps with topics)."""

    id: int
    type: str
    title: str = ""
    key: str = ""
    account: Account | None = None
    forum: bool = False
    members: dict[int, str] = field(default_factory=dict)
    former: set[int] = field(default_factory=set)
    messages: dict[int, Message] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: count(1))
    migrated_to: int | None = None
    keyboard: Json | None = None
    prompt: Json | None = None
    pinned: list[int] = field(default_factory=list)

    @property
    def private(self) -> bool:
        return self.type == "private"

    def as_api(self) -> Json:
        """Telegram's Chat object."""
        if self.account is not None:
            user = self.account.as_user()
            user.pop("is_bot")
            user.pop("language_code", None)
            return {**user, "type": "private"}
        chat: Json = {"id": self.id, "title": self.title, "type": self.type}
        if self.forum:
            chat["is_forum"] = True
        return chat

    def newest(self) -> Message | None:
        """The last message that is still there."""
        return next((m for m in reversed(self.messages.values()) if not m.deleted), None)


@dataclass(slots=True, eq=False)
class Callback:
    """A pressed button that waits for the bot's answer."""

    id: str
    account: Account
    message_id: int
    chat: Chat
    data: str
    at: float
    answer: Json | None = None


@dataclass(slots=True)
class Call:
    """A call of the Bot API: `at` is monotonic seconds at arrival, `ms` the time in the server, `status` the
    HTTP status (0 where the connection was cut), `day` the business time."""

    n: int
    at: float
    day: str
    method: str
    chat_id: int | None
    status: int
    ms: float
    error: str
    fault: str
    params: Json

    def as_json(self) -> Json:
        return {
            "n": self.n,
            "at": self.at,
            "day": self.day,
            "method": self.method,
            "chat_id": self.chat_id,
            "status": self.status,
            "ms": round(self.ms, 3),
            "error": self.error,
            "fault": self.fault,
        }


Listener = Callable[[str, Json], None]


class World:
    """Everything that the server remembers. Listeners hear of each change as (kind, facts)."""

    def __init__(self, token: str, clock: Clock, strict: bool, bot_name: str, bot_username: str) -> None:
        self.token = token
        self.clock = clock
        self.strict = strict
        number = token.split(":", 1)[0]
        if not number.isdigit() or ":" not in token:
            raise SimError("the token must look like 1:demo")
        self.bot = Account(int(number), "bot", bot_name, username=bot_username, language_code="", is_bot=True)
        self.listeners: list[Listener] = []
        self.updates = Updates()
        self.updates.on_confirmed = self._confirmed
        self._fill()

    def reset(self) -> None:
        """Forget people, messages and faults; update numbers go on, since the bot remembers its offset."""
        self.updates.forget()
        self._fill()
        self.tell("reset", {})

    def _fill(self) -> None:
        self.accounts: dict[int, Account] = {}
        self.people: dict[str, Account] = {}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, StoredFile] = {}
        self.paths: dict[str, StoredFile] = {}
        self.callbacks: dict[str, Callback] = {}
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.texts: dict[tuple[str, str], str] = {}
        self.menu_buttons: dict[int | None, Json] = {}
        self.privacy = True
        self.pace = Pace(self.strict)
        self.faults = Faults()
        self._people_ids = count(7_000_000_001)
        self._group_ids = count(4_000_000_001)
        self._supergroup_ids = count(1_002_000_000_001)
        self._message_ids = count(1)
        self._file_ids = count(1)
        self._callback_ids = count(4_380_000_000_000_001)
        self._album_ids = count(13_700_000_000_000_001)
        self._seq = count(1)
        self.seq = 0

    # -- telling

    def tell(self, kind: str, facts: Json) -> None:
        """Pass a change on to the listeners."""
        for listener in tuple(self.listeners):
            listener(kind, facts)

    def _confirmed(self, body: Json) -> None:
        """The bot has an update: the page shows its message with a second tick."""
        facts = body.get("message") or body.get("edited_message")
        if isinstance(facts, dict) and isinstance(facts.get("chat"), dict):
            chat = self.chats.get(facts["chat"].get("id", 0))
            message = chat.messages.get(facts.get("message_id", 0)) if chat else None
            if message is not None:
                message.read = True
                self.tell("read", {"chat": message.chat.id, "message_id": message.id})
                return
        self.tell("confirmed", {})

    def unix(self) -> int:
        """Business time as Telegram writes dates."""
        return int(self.clock.now().timestamp())

    # -- making

    def add_person(self, key: str, **facts: Any) -> Account:
        """A new person, not yet in contact with the bot."""
        if key in self.people or key == "bot":
            raise SimError(f"there is a person {key} already")
        account_id = int(facts.pop("id", 0)) or next(self._people_ids)
        first_name = str(facts.pop("first_name", "") or key)
        account = Account(account_id, key, first_name, **facts)
        account.phone = account.phone or f"+8613{account_id % 1_000_000_000:09d}"
        self.people[key] = account
        self.accounts[account_id] = account
        self.chats[account_id] = Chat(account_id, "private", key=key, account=account, ids=self._message_ids)
        self.tell("person", account.as_card())
        return account

    def add_group(self, title: str, kind: str = "supergroup", forum: bool = False, key: str = "") -> Chat:
        """A new group without members. kind: group or supergroup."""
        if kind not in ("group", "supergroup") or (forum and kind == "group"):
            raise SimError("a group is a group or a supergroup, and only the latter has topics")
        if kind == "group":
            chat = Chat(-next(self._group_ids), kind, title, key, ids=self._message_ids)
        else:
            chat = Chat(-next(self._supergroup_ids), kind, title, key, forum=forum)
        chat.key = key or str(chat.id)
        self.chats[chat.id] = chat
        return chat

    def add_file(self, data: bytes, name: str, mime: str, folder: str) -> StoredFile:
        """Keep a file; folder is Telegram's: photos, documents, voice, stickers, videos."""
        number = next(self._file_ids)
        suffix = name.rpartition(".")[2] if "." in name else "bin"
        stored = StoredFile(
            file_id=f"BQACAgUAAxkBAAI{number:09d}{folder[:2]}AC",
            unique_id=f"AgAD{number:09d}",
            data=data,
            name=name,
            mime=mime,
            path=f"{folder}/file_{number}.{suffix}",
        )
        self.files[stored.file_id] = stored
        self.paths[stored.path] = stored
        return stored

    def media(self, kind: str, stored: StoredFile) -> Json:
        """Content that carries the file as photo, document, voice, video, audio or sticker."""
        facts = stored.as_json()
        if kind == "photo":
            width, height = picture_size(stored.data)
            return {"photo": [{**facts, "width": width, "height": height}]}
        if kind == "sticker":
            shape = {"width": 512, "height": 512, "is_animated": False, "is_video": False, "type": "regular"}
            return {"sticker": {**facts, **shape, "emoji": "👍"}}
        facts["mime_type"] = stored.mime
        if kind in ("document", "audio", "video"):
            facts["file_name"] = stored.name
        if kind in ("voice", "audio"):
            facts["duration"] = max(1, len(stored.data) // 4000)
        if kind == "video":
            facts |= {"duration": 1, "width": 640, "height": 360}
        return {kind: facts}

    def post(self, chat: Chat, sender: Account, content: Json, **facts: Any) -> Message:
        """Put a message into a chat and show it."""
        message = Message(chat, next(chat.ids), sender, self.unix(), content, **facts)
        chat.messages[message.id] = message
        self.touch(message, "message")
        return message

    def touch(self, message: Message, kind: str) -> None:
        """Note and announce that a message is new or has changed."""
        self.seq = message.seq = next(self._seq)
        message.at = time.monotonic()
        if self.listeners:
            self.tell(kind, {"chat": message.chat.id, "message": message.as_view()})

    def new_callback(self, account: Account, chat: Chat, message_id: int, data: str) -> Callback:
        """A pressed button with an id of its own."""
        pressed = Callback(str(next(self._callback_ids)), account, message_id, chat, data, time.monotonic())
        self.callbacks[pressed.id] = pressed
        return pressed

    def new_album(self) -> str:
        """The number that the parts of an album share."""
        return str(next(self._album_ids))

    def upgrade(self, chat: Chat) -> Chat:
        """Make a supergroup of a group; the old id refuses from then on."""
        if chat.type != "group" or chat.migrated_to is not None:
            raise SimError("only a plain group can be upgraded")
        bigger = self.add_group(chat.title, "supergroup", key=chat.key)
        bigger.members = dict(chat.members)
        chat.migrated_to = bigger.id
        return bigger

    # -- finding

    def person(self, key: str | int) -> Account:
        """A person by key or id; raises SimError."""
        found = self.people.get(str(key)) or self.accounts.get(
            int(key) if str(key).lstrip("-").isdigit() else 0
        )
        if found is None:
            raise SimError(f"nobody is called {key}")
        return found

    def chat(self, key: str | int) -> Chat:
        """A chat by id or key; raises SimError."""
        if str(key).lstrip("-").isdigit() and int(key) in self.chats:
            return self.chats[int(key)]
        found = next((c for c in self.chats.values() if c.key == str(key) and c.migrated_to is None), None)
        if found is None:
            raise SimError(f"there is no chat {key}")
        return found

    def chats_of(self, account: Account) -> list[Chat]:
        """The chats that a person's phone lists: the bot's first, then the groups."""
        groups = [c for c in self.chats.values() if account.id in c.members and c.migrated_to is None]
        return [self.chats[account.id], *groups]

    def commands_for(self, account: Account, chat: Chat) -> list[Json]:
        """The command menu that a person sees in a chat, by Telegram's order of scopes."""
        if chat.private:
            scopes = [f"chat:{chat.id}", "all_private_chats", "default"]
        else:
            scopes = [f"chat_member:{chat.id}:{account.id}", f"chat:{chat.id}", "all_group_chats", "default"]
            if chat.members.get(account.id) in ("administrator", "creator"):
                scopes[1:1] = [f"chat_administrators:{chat.id}"]
                scopes.insert(-2, "all_chat_administrators")
        language = account.language_code.split("-")[0]
        for scope in scopes:
            for code in (language, ""):
                if (scope, code) in self.commands:
                    return self.commands[scope, code]
        return []
