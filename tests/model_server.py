"""A local server that speaks the models' protocol, and can misbehave in every way a model does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Reply = Callable[[dict[str, Any]], Awaitable[Response]]


def says(text: str, **more: Any) -> Reply:
    """A chat reply with this text."""

    async def reply(_asked: dict[str, Any]) -> Response:
        return JSONResponse({"choices": [{"message": {"content": text, **more}, "finish_reason": "stop"}]})

    return reply


def raw(text: str, status: int = 200) -> Reply:
    """Exactly these characters."""

    async def reply(_asked: dict[str, Any]) -> Response:
        return PlainTextResponse(text, status, media_type="application/json")

    return reply


def silent() -> Reply:
    """Nothing until the caller has gone."""

    async def reply(_asked: dict[str, Any]) -> Response:
        await asyncio.Event().wait()
        raise AssertionError("never")

    return reply


def vectors(by_text: Callable[[str], list[float]]) -> Reply:
    """An embedding for each text, out of order as the protocol allows."""

    async def reply(asked: dict[str, Any]) -> Response:
        rows = [{"index": n, "embedding": by_text(text)} for n, text in enumerate(asked["input"])]
        return JSONResponse({"data": rows[::-1]})

    return reply


@dataclass
class ModelServer:
    url: str = ""
    chat: Reply = field(default_factory=lambda: says("{}"))
    embed: Reply = field(default_factory=lambda: raw("{}"))
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    async def chatted(self, request: Request) -> Response:
        return await self._answer(request, self.chat)

    async def embedded(self, request: Request) -> Response:
        return await self._answer(request, self.embed)

    async def _answer(self, request: Request, reply: Reply) -> Response:
        asked = await request.json()
        self.asked.append(asked)
        self.keys.append(request.headers.get("authorization", ""))
        return await reply(asked)


@asynccontextmanager
async def model_server() -> AsyncIterator[ModelServer]:
    """The server on a free port of this machine, in this event loop."""
    found = ModelServer()
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", found.chatted, methods=["POST"]),
            Route("/v1/embeddings", found.embedded, methods=["POST"]),
        ]
    )
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=0)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    found.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    try:
        yield found
    finally:
        server.should_exit = server.force_exit = True
        await serving
