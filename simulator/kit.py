"""Handles for tests and benchmarks that run the server in their own process."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from simulator import people
from simulator.clock import read_instant
from simulator.errors import Json, SimError
from simulator.faults import Fault
from simulator.server import Server, bind, read_roster, serving
from simulator.world import Account, Call, Callback, Chat, Message, World

T = TypeVar("T")
Match: TypeAlias = "str | re.Pattern[str] | Callable[[Shown], bool]"
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


class Shown:
    """A message as a phone shows it; it follows later edits."""

    def __init__(self, sim: "Sim", message: Message) -> None:
        self._sim = sim
        self._message = message

    def __repr__(self) -> str:
        return f"<{self.sender} #{self.id}: {self.text!r} {self.buttons or ''}>"

    @property
    def id(self) -> int:
        return self._message.id

    @property
    def text(self) -> str:
        """Plain text or caption."""
        content = self._message.content
        return str(content.get("text") or content.get("caption") or "")

    @property
    def buttons(self) -> list[list[str]]:
        """Labels of the inline keyboard, row by row."""
        return [[b["text"] for b in row] for row in (self._message.markup or {}).get("inline_keyboard", [])]

    @property
    def keyboard(self) -> Json:
        """The inline keyboard as the bot sent it."""
        return self._message.markup or {}

    @property
    def sender(self) -> str:
        """The sender's key; "bot" for the bot."""
        return self._message.sender.key

    @property
    def from_bot(self) -> bool:
        return self._message.sender.is_bot

    @property
    def kind(self) -> str:
        """text, photo, document, voice, video, audio, sticker, contact, location, or service."""
        if self._message.service:
            return "service"
        kinds = ("text", "photo", "document", "voice", "video", "audio", "sticker", "contact", "location")
        return next(kind for kind in kinds if kind in self._message.content)

    @property
    def date(self) -> datetime:
        """Business time of sending."""
        return datetime.fromtimestamp(self._message.date, self._sim.clock.now().tzinfo)

    @property
    def at(self) -> float:
        """time.monotonic() of the last change: when the phone showed it."""
        return self._message.at

    @property
    def seq(self) -> int:
        """Grows with every change of any message."""
        return self._message.seq

    @property
    def edited(self) -> bool:
        return self._message.edited is not None

    @property
    def deleted(self) -> bool:
        return self._message.deleted

    @property
    def protected(self) -> bool:
        return self._message.protected

    @property
    def silent(self) -> bool:
        return self._message.silent

    @property
    def thread(self) -> int | None:
        return self._message.thread

    @property
    def album(self) -> str:
        """The number that the parts of an album share, or nothing."""
        return str(self._message.extra.get("media_group_id", ""))

    @property
    def reply_to(self) -> int | None:
        """The number of the message that this one answers."""
        return self._message.reply_to.id if self._message.reply_to else None

    @property
    def reactions(self) -> list[str]:
        return [r.get("emoji", "") for shown in self._message.reactions.values() for r in shown]

    @property
    def file_name(self) -> str:
        return str(self._message.content.get("document", {}).get("file_name", ""))

    @property
    def data(self) -> bytes:
        """The bytes of its photo, document, voice, video, audio or sticker."""
        medium = self._message.content[self.kind]
        file_id = medium[-1]["file_id"] if isinstance(medium, list) else medium["file_id"]
        return self._sim.world.files[file_id].data

    @property
    def raw(self) -> Json:
        """Telegram's Message object."""
        return self._message.as_api()


class Press:
    """A pressed button; `url` where it opened an address."""

    def __init__(self, sim: "Sim", pressed: people.Pressed) -> None:
        self._sim = sim
        self.callback: Callback | None = pressed.callback
        self.url = pressed.url

    async def answer(self, timeout: float = 5) -> Json:  # noqa: ASYNC109  # part of the promised signature
        """The bot's answer {"text", "alert", "url"}; TimeoutError where none comes."""
        pressed = self.callback
        if pressed is None:
            raise SimError("this button asks the bot nothing")
        await self._sim.until(lambda: pressed.answer is not None, timeout, "an answer to the press")
        assert pressed.answer is not None
        return pressed.answer


class Place:
    """A chat seen by the test: its messages and waiting for them."""

    def __init__(self, sim: "Sim", chat: Chat) -> None:
        self.sim = sim
        self.chat = chat
        self.mark = sim.world.seq

    @property
    def messages(self) -> list[Shown]:
        """What the chat shows, newest last; deleted messages are gone."""
        return [Shown(self.sim, m) for m in self.chat.messages.values() if not m.deleted]

    @property
    def last(self) -> Shown:
        """The newest message of the bot; LookupError where there is none."""
        found = next((m for m in reversed(self.messages) if m.from_bot and m.kind != "service"), None)
        if found is None:
            raise LookupError("the bot has written nothing here")
        return found

    def find(self, match: Match, since: int = 0) -> Shown | None:
        """The first message of the bot that matches and is newer than `since` (a `seq`)."""
        wanted = _matcher(match)
        for message in self.chat.messages.values():
            if message.seq > since and message.sender.is_bot and not message.deleted and not message.service:
                shown = Shown(self.sim, message)
                if wanted(shown):
                    return shown
        return None

    async def wait_for(
        self,
        match: Match = "",
        timeout: float = 5,  # noqa: ASYNC109  # part of the promised signature
        since: int | None = None,
    ) -> Shown:
        """A message of the bot, new or edited since one's own last action (or since a `seq`; 0: ever), whose
        text contains the words, matches the pattern, or passes the test. TimeoutError shows the chat."""
        mark = self.mark if since is None else since
        what = f"{match!r} in {self.name}"
        return await self.sim.until(lambda: self.find(match, mark), timeout, what, self.chat)

    async def quiet(self, seconds: float = 0.1) -> bool:
        """Whether the bot writes nothing new here for so long."""
        try:
            await self.wait_for("", seconds)
        except TimeoutError:
            return True
        return False

    @property
    def name(self) -> str:
        return self.chat.title or self.chat.key

    def shows(self) -> str:
        """The last messages as text, for failures."""
        lines = [f"  {m.sender}: {m.text or m.kind} {m.buttons or ''}" for m in self.messages[-8:]]
        return "\n".join(lines) or "  (nothing)"


class Person(Place):
    """Somebody with a phone. Actions happen at once; each sets the mark from which `wait_for` looks."""

    def __init__(self, sim: "Sim", account: Account) -> None:
        super().__init__(sim, sim.world.chats[account.id])
        self.account = account

    @property
    def id(self) -> int:
        """The Telegram id, also that of the private chat."""
        return self.account.id

    @property
    def key(self) -> str:
        return self.account.key

    @property
    def keyboard(self) -> list[list[str]]:
        """Labels of the reply keyboard now shown."""
        return [[b["text"] for b in row] for row in (self.chat.keyboard or {}).get("keyboard", [])]

    @property
    def commands(self) -> list[Json]:
        """The command menu of the private chat."""
        return self.sim.world.commands_for(self.account, self.chat)

    def _did(self, message: Message) -> Shown:
        self.mark = self.sim.world.seq
        return Shown(self.sim, message)

    async def start(self, payload: str = "") -> Shown:
        """Press Start, or open a deep link."""
        return self._did(people.begin(self.sim.world, self.account, payload))

    async def open(self, url: str) -> Shown:
        """Follow a t.me link to the bot."""
        payload = people.deep_link(self.sim.world, url)
        if payload is None:
            raise SimError(f"{url} does not lead to the bot")
        return await self.start(payload)

    async def text(
        self,
        text: str,
        reply_to: "Shown | int | None" = None,
        chat: "Group | None" = None,
        thread: int | None = None,
        anonymous: bool = False,
    ) -> Shown:
        """Write, in the private chat or in a group (there, as an administrator, anonymously too)."""
        where = _where(reply_to, chat, thread) | {"anonymous": anonymous}
        return self._did(people.write(self.sim.world, self.account, text, **where))

    async def send_photo(self, data: bytes = PICTURE, caption: str = "", **where: Any) -> Shown:
        """Send a picture (reply_to, chat, thread as with `text`)."""
        return (await self._files([people.Sent("photo", data, "photo.png", caption)], where))[0]

    async def send_document(self, name: str, data: bytes, caption: str = "", **where: Any) -> Shown:
        """Send a file under its name."""
        return (await self._files([people.Sent("document", data, name, caption)], where))[0]

    async def send_voice(self, data: bytes = people.VOICE, **where: Any) -> Shown:
        return (await self._files([people.Sent("voice", data, "voice.ogg")], where))[0]

    async def send_sticker(self, **where: Any) -> Shown:
        return (await self._files([people.Sent("sticker", people.STICKER, "sticker.webp")], where))[0]

    async def send_album(self, pictures: Sequence[bytes], caption: str = "", **where: Any) -> list[Shown]:
        """Send 2 to 10 pictures at once; each arrives as an update of its own."""
        files = [people.Sent("photo", p, f"{i}.png", "" if i else caption) for i, p in enumerate(pictures)]
        return await self._files(files, where)

    async def _files(self, files: list[people.Sent], where: Json) -> list[Shown]:
        place = _where(where.get("reply_to"), where.get("chat"), where.get("thread"))
        return [self._did(m) for m in people.send_files(self.sim.world, self.account, files, **place)]

    async def share_contact(self) -> Shown:
        """Share one's own number, as the button of a reply keyboard does."""
        return self._did(people.say(self.sim.world, self.account, people.own_contact(self.account)))

    async def share_other_contact(
        self, of: "Person | None" = None, phone: str = "", first_name: str = "他人"
    ) -> Shown:
        """Send somebody else's card: of a person of this world, or a number from the address book."""
        if of is not None:
            card = people.other_contact(of.account.phone, of.account.first_name, of.account.last_name, of.id)
        else:
            card = people.other_contact(phone or "+8613900000000", first_name)
        return self._did(people.say(self.sim.world, self.account, card))

    async def press(
        self,
        label: str,
        message: "Shown | None" = None,
        chat: "Group | None" = None,
        timeout: float = 5,  # noqa: ASYNC109  # part of the promised signature
    ) -> Press:
        """Press the newest button with this label (whole before part), inline or on the reply keyboard; waits
        for it to appear. `await (await p.press(...)).answer()` gives the bot's answer."""
        place = chat.chat if chat else self.chat

        def look() -> tuple[Message | None, Json] | None:
            on_keyboard = message is None and any(label in key for row in self.keyboard for key in row)
            return _newest_button(place, label, message) or ((None, {}) if on_keyboard else None)

        carrier, button = await self.sim.until(look, timeout, f"a button {label!r} for {self.key}", place)
        if carrier is None:
            return Press(self.sim, people.Pressed(message=self.press_key(label)._message))
        pressed = people.press(self.sim.world, self.account, place, carrier.id, button)
        self.mark = self.sim.world.seq
        return Press(self.sim, pressed)

    def press_key(self, label: str) -> Shown:
        """Press a key of the reply keyboard now."""
        return self._did(people.press_keyboard(self.sim.world, self.account, self.chat, label))

    async def press_data(self, data: str, message_id: int, chat: "Group | None" = None) -> Press:
        """Send callback data that no button (any more) carries: forged, old, or somebody else's."""
        place = chat.chat if chat else self.chat
        pressed = people.press_data(self.sim.world, self.account, place, message_id, data)
        self.mark = self.sim.world.seq
        return Press(self.sim, people.Pressed(callback=pressed))

    async def edit(self, message: Shown, text: str, chat: "Group | None" = None) -> Shown:
        """Edit one's own message."""
        place = chat.chat if chat else self.chat
        return self._did(people.edit(self.sim.world, self.account, place, message.id, text))

    async def delete(self, message: Shown, chat: "Group | None" = None) -> None:
        people.delete(self.sim.world, self.account, chat.chat if chat else self.chat, message.id)

    async def react(self, message: Shown, emoji: str, chat: "Group | None" = None) -> None:
        people.react(self.sim.world, self.account, chat.chat if chat else self.chat, message.id, emoji)

    async def block(self) -> None:
        """Block the bot."""
        people.block(self.sim.world, self.account)

    async def unblock(self) -> None:
        people.unblock(self.sim.world, self.account)

    def deactivate(self) -> None:
        """Delete the Telegram account."""
        self.account.deactivated = True


class Group(Place):
    """A group chat; `id` changes with an upgrade."""

    @property
    def id(self) -> int:
        return self.chat.id

    @property
    def topics(self) -> dict[int, str]:
        """Names of the topics that are there."""
        return {topic.id: topic.name for topic in self.chat.topics.values() if not topic.gone}

    def _someone(self) -> Account:
        accounts = self.sim.world.accounts
        return next((accounts[m] for m in self.chat.members if m in accounts), self.sim.world.bot)

    def add(self, person: Person, status: str = "member") -> None:
        people.add_member(self.sim.world, self.chat, person.account, status)

    def add_bot(self, status: str = "member") -> None:
        """Bring the bot in, or change its status (member, administrator)."""
        people.add_bot(self.sim.world, self.chat, self._someone(), status)

    def remove_bot(self) -> None:
        people.remove_bot(self.sim.world, self.chat, self._someone())

    def delete_topic(self, thread: int, refusal: str = "message thread not found") -> None:
        people.delete_topic(self.sim.world, self.chat, thread, refusal)

    def upgrade(self) -> None:
        """Become a supergroup with another id."""
        self.chat = people.upgrade(self.sim.world, self.chat, self._someone())


class Sim:
    """A running server and the people in it. The bot calls `url`; `page_url` has the chat page and `/sim`."""

    def __init__(self, server: Server, url: str, page_url: str) -> None:
        self.server = server
        self.world: World = server.world
        self.url = url
        self.page_url = page_url
        self.clock = self.world.clock
        self._people: dict[str, Person] = {}
        self._waiting: dict[int | None, set[asyncio.Future[None]]] = {}
        self.world.listeners.append(self._heard)

    # -- people

    def person(self, key: str, **facts: object) -> Person:
        """The person with this key, made with the facts where there is none: id, first_name, last_name,
        username, language_code, phone, role, subtitle."""
        if key not in self._people:
            account = self.world.people.get(key) or self.world.add_person(key, **facts)
            self._people[key] = Person(self, account)
        return self._people[key]

    def group(
        self,
        title: str,
        members: Sequence[Person] = (),
        kind: str = "supergroup",
        forum: bool = False,
        bot: str = "administrator",
        key: str = "",
    ) -> Group:
        """A new group, the first member its creator. bot: administrator, member, or "" for without."""
        accounts = [person.account for person in members]
        return Group(self, people.create_group(self.world, title, accounts, kind, forum, bot, key))

    # -- the bot's side

    @property
    def token(self) -> str:
        return self.world.token

    @property
    def calls(self) -> list[Call]:
        """Every call but quiet getUpdates, oldest first: n, at (monotonic), day, method, chat_id, status, ms,
        error, fault, params."""
        return list(self.server.bot_side.calls)

    def calls_of(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [call for call in self.server.bot_side.calls if call.method.lower() == method.lower()]

    @property
    def violations(self) -> dict[str, int]:
        """How often each of Telegram's limits was broken: overall, private, group, retry_after."""
        return dict(self.world.pace.violations)

    @property
    def pending(self) -> int:
        """Updates that the bot has not confirmed."""
        return self.world.updates.waiting

    async def drained(self, timeout: float = 5) -> None:  # noqa: ASYNC109  # part of the promised signature
        """Until the bot has confirmed every update."""
        await self.until(lambda: not self.pending, timeout, "every update to be confirmed")

    def inject(self, update: Json, times: int = 1) -> int:
        """Deliver a raw update (several times); returns its number."""
        return self.world.updates.inject(update, times)

    def disturb(self, seed: int | None = 1) -> None:
        """Deliver every update at least twice and out of order from now on (None: stop that)."""
        self.world.updates.disturb(seed)

    # -- faults

    def fault(
        self,
        kind: str,
        method: str | None = None,
        chat: "Person | Group | int | None" = None,
        count: int | None = 1,
        retry_after: int = 1,
        seconds: float = 30,
        code: int = 400,
        text: str = "Bad Request: refused",
    ) -> Fault:
        """Lay a fault: see `simulator.faults.Fault`."""
        chat_id = chat.id if isinstance(chat, Person | Group) else chat
        return self.world.faults.lay(Fault(kind, method, chat_id, count, retry_after, seconds, code, text))

    def outage(self, on: bool = True) -> None:
        """Cut every connection of the bot from now on, or stop that."""
        self.world.faults.outage = on

    def clear_faults(self) -> None:
        self.world.faults.clear()
        self.world.pace.release()

    # -- time and waiting

    def set_clock(self, instant: datetime | str, running: bool = True) -> None:
        """Set the business time (text without an offset is Beijing time)."""
        self.clock.set(read_instant(instant) if isinstance(instant, str) else instant, running)

    @property
    def clock_url(self) -> str:
        """The address for QIFU_CLOCK."""
        return f"{self.page_url}/sim/clock"

    async def until(
        self,
        check: Callable[[], T | None],
        timeout: float = 5,  # noqa: ASYNC109  # part of the promised signature
        what: str = "a condition",
        chat: Chat | None = None,
    ) -> T:
        """The first true value of the check, asked again after every event (of one chat, or of all).
        TimeoutError names what was awaited and shows the chat."""
        key = chat.id if chat else None
        try:
            async with asyncio.timeout(timeout):
                while not (found := check()):
                    waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiting.setdefault(key, set()).add(waiting)
                    try:
                        await waiting
                    finally:
                        self._waiting.get(key, set()).discard(waiting)
                return found
        except TimeoutError:
            shown = f"; the chat shows:\n{Place(self, chat).shows()}" if chat else ""
            raise TimeoutError(f"waited {timeout} s for {what}{shown}") from None

    def _heard(self, kind: str, facts: Json) -> None:
        self._wake(facts.get("chat"))
        self._wake(None)

    def _wake(self, key: int | None) -> None:
        for waiting in self._waiting.pop(key, ()):
            if not waiting.done():
                waiting.set_result(None)


@asynccontextmanager
async def running(
    token: str = "1:demo",  # noqa: S107  # the pretended bot's
    port: int = 0,
    page_port: int | None = None,
    strict: bool = False,
    clock: datetime | str | None = None,
    roster: Json | list[Json] | Path | None = None,
    operator: str = "",
    webhook_pause: float = 0.05,
) -> AsyncIterator[Sim]:
    """A server in this process until the block ends. Port 0 takes any; the page is on the same port unless
    `page_port` names another.

    strict: refuse what is over Telegram's limits with 429 (they are counted in any case). clock: start of the
    business time (None: the real time). roster: people and groups, or a JSON file of them.
    webhook_pause: seconds before the first retry of a webhook."""
    if isinstance(clock, str):
        clock = read_instant(clock)
    people_and_groups = await asyncio.to_thread(read_roster, roster) if isinstance(roster, Path) else roster
    sockets = [bind(port)] if page_port is None else [bind(port), bind(page_port)]
    urls = [f"http://127.0.0.1:{sock.getsockname()[1]}" for sock in sockets]
    async with serving(sockets, token, strict, clock, people_and_groups, operator) as server:
        server.world.updates.webhook_pause = webhook_pause
        yield Sim(server, urls[0], urls[-1])


def _matcher(match: Match) -> Callable[[Shown], bool]:
    if isinstance(match, str):
        return lambda shown: match in shown.text
    if isinstance(match, re.Pattern):
        return lambda shown: match.search(shown.text) is not None
    return match


def _where(reply_to: object, chat: object, thread: object) -> Json:
    return {
        "reply_to": reply_to.id if isinstance(reply_to, Shown) else reply_to,
        "chat": chat.chat if isinstance(chat, Group) else None,
        "thread": thread,
    }


def _newest_button(place: Chat, label: str, message: Shown | None) -> tuple[Message, Json] | None:
    for candidate in reversed(place.messages.values()):
        if candidate.deleted or (message is not None and candidate.id != message.id):
            continue
        button = people.find_button(candidate, label)
        if button is not None:
            return candidate, button
    return None
