"""The people's side over HTTP: the chat page, its events, and `/sim/...`, which does what people do.

Every answer is JSON; a refusal is 400 {"error": text}. Where a chat is asked for, its id or key does; without
one it is the person's private chat with the bot.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from simulator import people
from simulator.botapi import BotApi
from simulator.clock import read_instant
from simulator.errors import Json, SimError
from simulator.faults import Fault
from simulator.outgoing import Poster, UnreachableError
from simulator.world import Account, Callback, Chat, World

STATIC = Path(__file__).parent / "static"
ANSWER_SECONDS = 10.0
OPERATOR_SECONDS = 120.0
SHOWN_MESSAGES = 200
# A page that does not read for so long starts over instead of filling the memory.
LARGEST_BACKLOG = 2000
_FAULT_FIELDS = ("method", "chat", "count", "retry_after", "seconds", "code", "text")


class PeopleSide:
    """The page and the JSON interface that it uses."""

    def __init__(self, world: World, bot_side: BotApi, operator: str = "") -> None:
        self.world = world
        self.bot_side = bot_side
        self.operator = operator.rstrip("/")
        self.roster: Json | list[Json] | None = None
        self._page: dict[str, bytes] = {}
        self._streams: set[asyncio.Queue[bytes]] = set()
        self._poster = Poster()
        refusals = dict.fromkeys((SimError, KeyError, TypeError, ValueError), _refuse)
        self._app = Starlette(routes=self._routes(), exception_handlers=refusals)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/sim/events":
            await self._events(receive, send)
        else:
            await self._app(scope, receive, send)

    def close(self) -> None:
        """End the streams of events."""
        for stream in self._streams:
            stream.put_nowait(b"")
        self._poster.close()

    def _routes(self) -> list[Route]:
        def post(path: str, act: Callable[[Request, Json], Any]) -> Route:
            return Route(f"/sim/{path}", self._acting(act), methods=["POST"])

        def get(path: str, show: Callable[[Request], Any]) -> Route:
            async def answer(request: Request) -> Response:
                return _json(show(request))

            return Route(f"/sim/{path}", answer, methods=["GET"])

        return [
            Route("/", self._static, methods=["GET"]),
            Route("/static/{name}", self._static, methods=["GET"]),
            get("state", lambda r: self._state()),
            get("persons", lambda r: [self._card(a) for a in self.world.people.values()]),
            post("persons", self._add_person),
            post("persons/{who}", self._change_person),
            post(
                "persons/{who}/start",
                lambda r, b: self._shown(people.begin(*self._me(r), b.get("payload", ""))),
            ),
            post("persons/{who}/text", self._text),
            Route("/sim/persons/{who}/upload", self._upload, methods=["POST"]),
            post("persons/{who}/contact", self._contact),
            post("persons/{who}/location", self._location),
            Route("/sim/persons/{who}/press", self._press, methods=["POST"]),
            post("persons/{who}/keyboard", self._keyboard),
            post("persons/{who}/edit", self._edit),
            post("persons/{who}/delete", self._delete),
            post("persons/{who}/react", self._react),
            post("persons/{who}/block", lambda r, b: people.block(*self._me(r))),
            post("persons/{who}/unblock", lambda r, b: people.unblock(*self._me(r))),
            get("persons/{who}/messages", lambda r: self._transcript(self._place(r, dict(r.query_params)))),
            get("persons/{who}/commands", self._commands),
            post("groups", self._add_group),
            post("groups/{chat}/members", self._add_member),
            post("groups/{chat}/bot", self._set_bot),
            post("groups/{chat}/topics", self._add_topic),
            post("groups/{chat}/topics/{thread:int}/delete", self._delete_topic),
            post("groups/{chat}/upgrade", self._upgrade),
            get("chats/{chat}/messages", lambda r: self._transcript(self.world.chat(r.path_params["chat"]))),
            get("calls", self._calls),
            get("violations", lambda r: dict(self.world.pace.violations)),
            get("faults", lambda r: self._faults()),
            post("faults", self._lay_fault),
            post("faults/clear", self._clear_faults),
            post("outage", self._outage),
            get("clock", lambda r: self.world.clock.state()),
            post("clock", self._set_clock),
            get("updates", lambda r: [u.body for u in self.world.updates.pending.values()]),
            post("updates", lambda r, b: {"update_id": self._inject(b)}),
            post("disturb", lambda r, b: self.world.updates.disturb(b.get("seed"))),
            post("reset", self._reset),
            Route("/sim/operator/{action}", self._operate, methods=["POST"]),
            Route("/sim/files/{file_id}", self._file, methods=["GET"]),
        ]

    def _acting(self, act: Callable[[Request, Json], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            _check_origin(request)
            raw = await request.body()
            body = json.loads(raw) if raw else {}
            if not isinstance(body, dict):
                raise SimError("the body must be an object")
            return _json(act(request, body))

        return answer

    # -- who and where

    def _me(self, request: Request) -> tuple[World, Account]:
        return self.world, self.world.person(request.path_params["who"])

    def _place(self, request: Request, body: Json) -> Chat:
        if body.get("chat"):
            return self.world.chat(body["chat"])
        return self.world.chats[self._me(request)[1].id]

    def _where(self, request: Request, body: Json) -> Json:
        """The keyword arguments of `people.say` that a request gives."""
        return {
            "chat": self._place(request, body),
            "reply_to": int(body["reply_to"]) if body.get("reply_to") else None,
            "thread": int(body["thread"]) if body.get("thread") else None,
        }

    # -- showing

    def _card(self, account: Account) -> Json:
        chats = self.world.chats_of(account)
        commands = {str(chat.id): self.world.commands_for(account, chat) for chat in chats}
        return account.as_card() | {"chats": [chat.id for chat in chats], "commands": commands}

    def _chat(self, chat: Chat) -> Json:
        topics = [
            {"id": t.id, "name": t.name, "closed": t.closed} for t in chat.topics.values() if not t.gone
        ]
        return {
            "id": chat.id,
            "key": chat.key,
            "type": chat.type,
            "title": chat.title,
            "forum": chat.forum,
            "bot": chat.private or self.world.bot.id in chat.members,
            "members": list(chat.members),
            "topics": topics,
            "pinned": chat.pinned,
            "keyboard": chat.keyboard,
            "prompt": chat.prompt,
            "messages": self._transcript(chat)[-SHOWN_MESSAGES:],
        }

    def _transcript(self, chat: Chat) -> list[Json]:
        return [message.as_view() for message in chat.messages.values() if not message.deleted]

    def _shown(self, message: Any) -> Json:
        return {"message": message.as_view()}

    def _state(self) -> Json:
        world = self.world
        return {
            "bot": {"name": world.bot.first_name, "username": world.bot.username, "id": world.bot.id},
            "persons": [self._card(account) for account in world.people.values()],
            "chats": [self._chat(chat) for chat in world.chats.values() if chat.migrated_to is None],
            "clock": world.clock.state(),
            "faults": self._faults(),
            "violations": dict(world.pace.violations),
            "calls": [call.as_json() for call in list(self.bot_side.calls)[-100:]],
            "operator": bool(self.operator),
            "strict": world.strict,
            "description": world.texts.get(("description", "zh")) or world.texts.get(("description", ""), ""),
        }

    def _commands(self, request: Request) -> list[Json]:
        return self.world.commands_for(self._me(request)[1], self._place(request, dict(request.query_params)))

    def _calls(self, request: Request) -> list[Json]:
        since = int(request.query_params.get("since", 0))
        wanted = request.query_params.get("method", "").lower()
        limit = int(request.query_params.get("limit", 1000))
        found = [c for c in self.bot_side.calls if c.n > since and (not wanted or c.method.lower() == wanted)]
        return [call.as_json() for call in found[-limit:]]

    def _faults(self) -> Json:
        faults = self.world.faults
        return {"outage": faults.outage, "laid": [fault.as_json() for fault in faults.laid]}

    # -- people's doings

    def _add_person(self, request: Request, body: Json) -> Json:
        facts = dict(body)
        return self._card(self.world.add_person(str(facts.pop("key", "")) or "somebody", **facts))

    def _change_person(self, request: Request, body: Json) -> Json:
        account = self._me(request)[1]
        for name in ("first_name", "last_name", "username", "language_code", "phone", "role", "subtitle"):
            if name in body:
                setattr(account, name, str(body[name]))
        if "deactivated" in body:
            account.deactivated = bool(body["deactivated"])
        self.world.tell("person", self._card(account))
        return self._card(account)

    def _text(self, request: Request, body: Json) -> Json:
        where = self._where(request, body)
        return self._shown(people.write(*self._me(request), str(body.get("text", "")), **where))

    async def _upload(self, request: Request) -> Response:
        _check_origin(request)
        async with request.form(max_part_size=1024 * 1024) as form:
            words = {name: value for name, value in form.items() if isinstance(value, str)}
            kind = words.get("as", "document")
            files = [
                people.Sent(kind, await value.read(), value.filename or "file", words.get("caption", ""))
                for value in form.getlist("file")
                if isinstance(value, UploadFile)
            ]
        if not files and kind in ("voice", "sticker"):
            data, name = (people.VOICE, "voice.ogg") if kind == "voice" else (people.STICKER, "sticker.webp")
            files = [people.Sent(kind, data, name)]
        # A caption belongs to the first part of an album only.
        files = [people.Sent(f.kind, f.data, f.name, "" if i else f.caption) for i, f in enumerate(files)]

        sent = people.send_files(*self._me(request), files, **self._where(request, words))
        return JSONResponse({"messages": [message.as_view() for message in sent]})

    def _contact(self, request: Request, body: Json) -> Json:
        world, who = self._me(request)
        if body.get("of"):
            other = world.person(body["of"])
            card = people.other_contact(other.phone, other.first_name, other.last_name, other.id)
        elif body.get("phone"):
            card = people.other_contact(str(body["phone"]), str(body.get("first_name") or body["phone"]))
        else:
            card = people.own_contact(who)
        return self._shown(people.say(world, who, card, **self._where(request, body)))

    def _location(self, request: Request, body: Json) -> Json:
        place = {
            "latitude": float(body.get("latitude", 31.2304)),
            "longitude": float(body.get("longitude", 121.4737)),
        }
        return self._shown(people.say(*self._me(request), {"location": place}, **self._where(request, body)))

    async def _press(self, request: Request) -> Response:
        _check_origin(request)
        body = await request.json()
        pressed = self._do_press(request, body)
        answer = None
        if pressed.callback is not None:
            answer = await self._answer_of(pressed.callback, float(body.get("wait", ANSWER_SECONDS)))
        return JSONResponse({"url": pressed.url, "started": pressed.message is not None, "answer": answer})

    def _do_press(self, request: Request, body: Json) -> people.Pressed:
        world, who = self._me(request)
        chat = self._place(request, body)
        message_id = int(body["message_id"])
        if body.get("raw"):
            return people.Pressed(callback=people.press_data(world, who, chat, message_id, str(body["data"])))
        message = chat.messages.get(message_id)
        button = None
        if message is not None and not message.deleted:
            button = people.find_button(
                message, str(body.get("text", "")), str(body.get("data", "")), body.get("button") or ()
            )
        if button is None:
            raise SimError("there is no such button")
        return people.press(world, who, chat, message_id, button)

    async def _answer_of(self, pressed: Callback, seconds: float) -> Json | None:
        """The bot's answer to a press, or None where none came in time."""
        answered = asyncio.Event()

        def listen(kind: str, facts: Json) -> None:
            if kind == "answer" and facts["id"] == pressed.id:
                answered.set()

        self.world.listeners.append(listen)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await answered.wait()
        finally:
            self.world.listeners.remove(listen)
        return pressed.answer

    def _keyboard(self, request: Request, body: Json) -> Json:
        place = self._place(request, body)
        return self._shown(people.press_keyboard(*self._me(request), place, str(body.get("text", ""))))

    def _edit(self, request: Request, body: Json) -> Json:
        place, text = self._place(request, body), str(body.get("text", ""))
        return self._shown(people.edit(*self._me(request), place, int(body["message_id"]), text))

    def _delete(self, request: Request, body: Json) -> None:
        people.delete(*self._me(request), self._place(request, body), int(body["message_id"]))

    def _react(self, request: Request, body: Json) -> None:
        place, emoji = self._place(request, body), str(body.get("emoji", ""))
        people.react(*self._me(request), place, int(body["message_id"]), emoji)

    # -- groups

    def _add_group(self, request: Request, body: Json) -> Json:
        members = [self.world.person(key) for key in body.get("members", [])]
        chat = people.create_group(
            self.world,
            str(body.get("title", "")) or "群",
            members,
            kind=str(body.get("type", "supergroup")),
            forum=bool(body.get("forum")),
            bot=str(body.get("bot", "administrator")),
            key=str(body.get("key", "")),
        )
        return self._chat(chat)

    def _group(self, request: Request) -> Chat:
        return self.world.chat(request.path_params["chat"])

    def _by(self, request: Request, body: Json) -> Account:
        """Who does something to a group: the named person, else its creator."""
        chat = self._group(request)
        return self.world.person(body.get("by") or next(iter(chat.members), 0))

    def _add_member(self, request: Request, body: Json) -> Json:
        chat = self._group(request)
        people.add_member(
            self.world, chat, self.world.person(body["person"]), str(body.get("status", "member"))
        )
        return self._chat(chat)

    def _set_bot(self, request: Request, body: Json) -> Json:
        chat, status = self._group(request), str(body.get("status", "member"))
        if status in ("left", "kicked"):
            people.remove_bot(self.world, chat, self._by(request, body))
        else:
            people.add_bot(self.world, chat, self._by(request, body), status)
        return self._chat(chat)

    def _add_topic(self, request: Request, body: Json) -> Json:
        by = self._by(request, body)
        return {
            "id": people.make_topic(self.world, self._group(request), by, str(body.get("name", "话题"))).id
        }

    def _delete_topic(self, request: Request, body: Json) -> None:
        refusal = str(body.get("error", "message thread not found"))
        people.delete_topic(self.world, self._group(request), request.path_params["thread"], refusal)

    def _upgrade(self, request: Request, body: Json) -> Json:
        return self._chat(people.upgrade(self.world, self._group(request), self._by(request, body)))

    # -- the day

    def _lay_fault(self, request: Request, body: Json) -> Json:
        known = {name: body[name] for name in _FAULT_FIELDS if name in body}
        fault = self.world.faults.lay(Fault(str(body.get("kind", "429")), **known))
        self._tell_faults()
        return fault.as_json()

    def _clear_faults(self, request: Request, body: Json) -> None:
        self.world.faults.clear(body.get("id"))
        self.world.pace.release()
        self._tell_faults()

    def _outage(self, request: Request, body: Json) -> Json:
        self.world.faults.outage = bool(body.get("on"))
        self._tell_faults()
        return self._faults()

    def _tell_faults(self) -> None:
        self.world.tell("faults", self._faults())

    def _set_clock(self, request: Request, body: Json) -> Json:
        clock = self.world.clock
        try:
            if "set" in body:
                clock.set(read_instant(str(body["set"])), bool(body.get("running", True)))
            if "advance" in body:
                clock.advance(float(body["advance"]))
        except (ValueError, OverflowError):
            raise SimError(
                "an instant looks like 2026-08-18T15:30, an advance is a number of seconds"
            ) from None
        self.world.tell("clock", clock.state())
        return clock.state()

    def _inject(self, body: Json) -> int:
        update = body.get("update", body)
        if not isinstance(update, dict):
            raise SimError("an update is an object")
        return self.world.updates.inject(update, int(body.get("times", 1)))

    def _reset(self, request: Request, body: Json) -> None:
        self.world.reset()
        self.bot_side.calls.clear()
        if self.roster:
            people.load(self.world, self.roster)

    async def _operate(self, request: Request) -> Response:
        _check_origin(request)
        if not self.operator:
            return JSONResponse({"ok": False, "text": "没有启动日程主管进程 / no supervisor is running"}, 503)
        url = f"{self.operator}/{request.path_params['action']}"
        headers = {"Content-Type": "application/json"}
        try:
            status, _, body = await self._poster.post(url, await request.body(), headers, OPERATOR_SECONDS)
        except UnreachableError as problem:
            return JSONResponse(
                {"ok": False, "text": f"无法连接主管进程 / the supervisor is out of reach: {problem}"}, 502
            )
        return Response(body, status, media_type="application/json")

    async def _static(self, request: Request) -> Response:
        """The page's own files, kept in memory: it stands within a second even on a busy machine."""
        name = request.path_params.get("name", "index.html")
        if name not in self._page:
            path = STATIC / name
            if path.parent != STATIC or not path.is_file():
                return JSONResponse({"error": "there is no such page"}, 404)
            self._page[name] = path.read_bytes()
        kind = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        return Response(self._page[name], media_type=kind, headers=_PAGE_HEADERS)

    async def _file(self, request: Request) -> Response:
        stored = self.world.files.get(request.path_params["file_id"])
        if stored is None:
            return JSONResponse({"error": "there is no such file"}, 404)
        inline = stored.mime if stored.mime in _SAFE_INLINE else _picture_type(stored.data)
        headers = {"Cache-Control": "max-age=86400", "X-Content-Type-Options": "nosniff"}
        return Response(stored.data, media_type=inline or "application/octet-stream", headers=headers)

    # -- events

    async def _events(self, receive: Receive, send: Send) -> None:
        """Server-sent events; every event is one change as {"kind": ..., ...facts}."""
        stream: asyncio.Queue[bytes] = asyncio.Queue()

        def listen(kind: str, facts: Json) -> None:
            if stream.qsize() < LARGEST_BACKLOG:
                stream.put_nowait(
                    f"data: {json.dumps({'kind': kind, **facts}, ensure_ascii=False)}\n\n".encode()
                )
            elif stream.qsize() == LARGEST_BACKLOG:
                stream.put_nowait(b'data: {"kind": "reset"}\n\n')

        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"retry: 500\n\n", "more_body": True})
        self._streams.add(stream)
        self.world.listeners.append(listen)
        gone = asyncio.ensure_future(_until_gone(receive))
        gone.add_done_callback(lambda _: stream.put_nowait(b""))
        try:
            while (chunk := await stream.get()) and not gone.done():
                while not stream.empty() and chunk[-1:]:
                    more = stream.get_nowait()
                    if not more:
                        stream.put_nowait(b"")
                        break
                    chunk += more
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            self.world.listeners.remove(listen)
            self._streams.discard(stream)


_PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:",
}
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_SAFE_INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "audio/ogg", "video/mp4"})


def _picture_type(data: bytes) -> str:
    if data[:4] == b"\x89PNG":
        return "image/png"
    if data[:2] == b"\xff\xd8":
        return "image/jpeg"
    if data[8:12] == b"WEBP":
        return "image/webp"
    return ""


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _check_origin(request: Request) -> None:
    """Another site's page, open in the same browser, must not act in people's names."""
    origin = request.headers.get("origin")
    if origin and origin.partition("://")[2] != request.headers.get("host"):
        raise SimError("requests from other sites are not taken")


def _refuse(request: Request, problem: Exception) -> Response:
    text = str(problem) if isinstance(problem, SimError) else f"missing or wrong: {problem}"
    return JSONResponse({"error": text}, 400)


def _json(result: Any) -> Response:
    return JSONResponse({"ok": True} if result is None else result)
