"""The bot's side over HTTP: `/bot<token>/<method>` and `/file/bot<token>/<path>`."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from itertools import count
from typing import Any

from starlette.requests import Request

from simulator.errors import ApiError, Json, slow_down
from simulator.faults import Fault
from simulator.methods import METHODS
from simulator.methods.account import read_allowed
from simulator.params import Params, read_body, read_params
from simulator.world import Call, World

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Waiting polls would drown the log of what the bot does; refused ones stay in it.
QUIET = frozenset({"getupdates"})
LONGEST_POLL = 50
CALLS_KEPT = 200_000
_JSON = [(b"content-type", b"application/json")]


class CutError(Exception):
    """The connection is to be cut without an answer."""


class BotApi:
    """Answers the bot's calls and writes them down in `calls`."""

    def __init__(self, world: World, lines: dict[tuple[str, int], asyncio.Transport]) -> None:
        self.world = world
        self.lines = lines
        self.closing = asyncio.Event()
        self.calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self._numbers = count(1)

    async def call(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call of a method."""
        arrived = time.monotonic()
        token, _, name = scope["path"][4:].partition("/")
        method = name.rstrip("/").lower()
        params = Params({})
        status, error, fault = 0, "", None
        try:
            self._check_token(token)
            if self.world.faults.outage:
                raise CutError
            params = await _read(scope, receive)
            fault = self.world.faults.meet(method, _chat_id(params))
            answer = await self._answer(method, params, fault, receive)
            status, body = 200, b'{"ok":true,"result":' + json.dumps(answer).encode() + b"}"
        except ApiError as refusal:
            status, error = refusal.code, refusal.description
            body = json.dumps(refusal.body()).encode()
        except CutError:
            error = "connection cut"
            self._cut(scope)
        if method not in QUIET or status >= 400 or fault is not None:
            self._note(arrived, name, params, status, error, fault)
        if status:
            await _reply(send, status, body)
        else:
            await receive()

    async def file(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A download by the path that getFile gave."""
        token, _, path = scope["path"][9:].partition("/")
        stored = self.world.paths.get(path)
        if self.world.faults.outage:
            self._cut(scope)
            await receive()
        elif token != self.world.token:
            await _reply(send, 401, json.dumps(ApiError(401, "Unauthorized").body()).encode())
        elif stored is None:
            await _reply(send, 404, json.dumps(ApiError(404, "Not Found").body()).encode())
        else:
            headers = [
                (b"content-type", b"application/octet-stream"),
                (b"content-length", str(len(stored.data)).encode()),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": stored.data})

    def run(self, method: str, params: Params) -> Any:
        """Do what a method does; raises ApiError."""
        known = METHODS.get(method)
        if known is None:
            raise ApiError(404, "Not Found: method not found")
        return known(self.world, params)

    def _check_token(self, token: str) -> None:
        if token == self.world.token:
            return
        number, colon, _ = token.partition(":")
        if not colon or not number.isdigit():
            raise ApiError(404, "Not Found")
        raise ApiError(401, "Unauthorized")

    async def _answer(self, method: str, params: Params, fault: Fault | None, receive: Receive) -> Any:
        if fault is not None:
            await self._suffer(method, params, fault)
        if method == "getupdates":
            answer = await self._get_updates(params, receive)
        else:
            answer = self.run(method, params)
        if fault is not None and fault.kind == "cut":
            raise CutError
        return answer

    async def _suffer(self, method: str, params: Params, fault: Fault) -> None:
        """What a fault does before the call is done."""
        self.world.tell("fault", fault.as_json())
        if fault.kind == "429":
            scope = fault.chat if fault.chat is not None else None
            self.world.pace.hold(scope, fault.retry_after, time.monotonic())
            raise slow_down(fault.retry_after)
        if fault.kind in ("500", "502"):
            raise ApiError(int(fault.kind), "Internal Server Error" if fault.kind == "500" else "Bad Gateway")
        if fault.kind == "refuse":
            raise ApiError(fault.code, fault.text)
        if fault.kind in ("hang", "slow"):
            await self._pause(fault.seconds)
            if fault.kind == "hang" or self.closing.is_set():
                raise CutError

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.closing.wait()

    async def _get_updates(self, params: Params, receive: Receive) -> list[Json]:
        limit = params.number("limit") or 100
        limit = limit if 1 <= limit <= 100 else 100
        seconds = min(params.number("timeout") or 0, LONGEST_POLL)
        updates = self.world.updates
        updates.begin_poll(params.number("offset") or 0, read_allowed(params))
        batch = updates.take(limit)
        if batch or seconds <= 0:
            return batch
        waiting = asyncio.ensure_future(updates.wait(seconds))
        gone = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done() or waiting.cancelled():
                raise CutError
            waiting.result()
        finally:
            for task in (waiting, gone):
                task.cancel()
            await asyncio.gather(waiting, gone, return_exceptions=True)
        return updates.take(limit)

    def _cut(self, scope: Scope) -> None:
        line = self.lines.get(tuple(scope["client"]))
        # A poll that ends because its bot went away has no connection any more.
        if line is not None:
            line.abort()

    def _note(
        self, arrived: float, name: str, params: Params, status: int, error: str, fault: Fault | None
    ) -> None:
        call = Call(
            n=next(self._numbers),
            at=arrived,
            day=self.world.clock.now().isoformat(timespec="milliseconds"),
            method=name,
            chat_id=_chat_id(params),
            status=status,
            ms=(time.monotonic() - arrived) * 1000,
            error=error,
            fault=fault.kind if fault else "",
            params=params.values,
        )
        self.calls.append(call)
        if self.world.listeners:
            self.world.tell("call", call.as_json())


def _chat_id(params: Params) -> int | None:
    given = str(params.values.get("chat_id") or "")
    return int(given) if given.lstrip("-").isdigit() else None


async def _read(scope: Scope, receive: Receive) -> Params:
    """The parameters; the common form-urlencoded call goes a short way."""
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    if kind != b"application/x-www-form-urlencoded" or scope["query_string"]:
        return await read_params(Request(scope, receive))
    message = await receive()
    body = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return read_body(body, "", {})


async def _reply(send: Send, status: int, body: bytes) -> None:
    headers = [*_JSON, (b"content-length", str(len(body)).encode())]
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
