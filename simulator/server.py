"""One program on one or two ports: the Bot API for the bot, the chat page and `/sim` for people."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from simulator import people
from simulator.botapi import BotApi, Receive, Scope, Send
from simulator.clock import Clock
from simulator.errors import ApiError, Json
from simulator.params import Params
from simulator.sim_api import PeopleSide
from simulator.world import World


class Server:
    """The ASGI application and its listening sockets."""

    def __init__(self, world: World, operator: str = "") -> None:
        self.world = world
        self.lines: dict[tuple[str, int], asyncio.Transport] = {}
        self.bot_side = BotApi(world, self.lines)
        self.people_side = PeopleSide(world, self.bot_side, operator)
        self._state = ServerState()
        self._servers: list[asyncio.Server] = []
        world.updates.on_reply = self._run_reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith("/bot"):
            await self.bot_side.call(scope, receive, send)
        elif path.startswith("/file/bot"):
            await self.bot_side.file(scope, receive, send)
        else:
            await self.people_side(scope, receive, send)

    async def listen(self, sockets: Sequence[socket.socket]) -> None:
        """Serve on sockets that are bound already."""
        config = uvicorn.Config(
            self,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=300,
        )
        config.load()
        loop = asyncio.get_running_loop()
        for sock in sockets:
            self._servers.append(
                await loop.create_server(
                    lambda: _Line(config, self._state, self.lines), sock=sock, backlog=512
                )
            )

    async def close(self) -> None:
        """End at once: waiting polls, streams, hanging calls and connections."""
        for server in self._servers:
            server.close()
        self.bot_side.closing.set()
        self.people_side.close()
        self.world.updates.close()
        if self._state.tasks:
            await asyncio.wait(set(self._state.tasks), timeout=0.3)
        for connection in list(self._state.connections):
            connection.transport.abort()
        for server in self._servers:
            await server.wait_closed()
        await asyncio.sleep(0)

    def _run_reply(self, reply: Json) -> None:
        """A webhook's answer that is itself a call; its result is told to nobody, as with Telegram."""
        method = str(reply.pop("method")).lower()
        try:
            self.bot_side.run(method, Params(reply))
        except ApiError as refusal:
            self.world.tell("refused", refusal.body())


class _Joined(asyncio.Transport):
    """A transport that sends what one step of the loop writes (head and body) in one go: a system call less, and
    one waking of the bot instead of two."""

    def __init__(self, inner: asyncio.Transport) -> None:
        super().__init__()
        self._inner = inner
        self._waiting: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(bytes(data))

    def _flush(self) -> None:
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._inner.write(data)

    def close(self) -> None:
        self._flush()
        self._inner.close()

    def abort(self) -> None:
        self._waiting.clear()
        self._inner.abort()

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._inner.set_protocol(protocol)


class _Line(H11Protocol):
    """A connection that can be found by the address of its client, so that a fault can cut it."""

    def __init__(
        self, config: uvicorn.Config, state: ServerState, lines: dict[tuple[str, int], asyncio.Transport]
    ) -> None:
        super().__init__(config, state, {})
        self._lines = lines

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        joined = _Joined(transport)
        super().connection_made(joined)
        if self.client is not None:
            self._lines[self.client] = joined

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.client is not None:
            self._lines.pop(self.client, None)


def bind(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A bound socket (port 0: any free one); raises OSError where the port is taken."""
    # asyncio turns off Nagle's delay (40 ms an answer) only where the protocol is named.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


@asynccontextmanager
async def serving(
    sockets: Sequence[socket.socket],
    token: str,
    strict: bool,
    clock: datetime | None = None,
    roster: Json | list[Json] | None = None,
    operator: str = "",
    bot_name: str = "期服",
    bot_username: str = "QifuBot",
) -> AsyncIterator[Server]:
    """A server on the sockets, with the people of the roster in it, until the block ends."""
    world = World(token, Clock(clock), strict, bot_name, bot_username)
    server = Server(world, operator)
    server.people_side.roster = roster
    if roster:
        people.load(world, roster)
    await server.listen(sockets)
    try:
        yield server
    finally:
        await server.close()


def read_roster(path: str | Path) -> Any:
    """The JSON of a roster file; raises OSError or ValueError."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)
