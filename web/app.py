"""The browser's and the machines' way in: health, metrics, and Telegram's webhook (raw JSON into the inbox)."""

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

_LARGEST = 1_000_000

Store = Callable[[list[dict[str, Any]]], Awaitable[None]]
Probe = Callable[[], Awaitable[dict[str, Any]]]
Metrics = Callable[[], Awaitable[bytes]]


def build(*, probe: Probe, metrics: Metrics, store: Store, secret: str | None) -> Starlette:
    """``secret`` None: no webhook is offered."""

    async def health(_request: Request) -> Response:
        """200 while the program can work, 503 when it cannot; the body says what is wrong."""
        state = await probe()
        return JSONResponse(state, status_code=200 if state["ok"] else 503)

    async def show_metrics(_request: Request) -> Response:
        return Response(await metrics(), media_type=CONTENT_TYPE_LATEST)

    async def webhook(request: Request) -> Response:
        """Answers 200 only when the update is stored; Telegram sends it again otherwise."""
        told = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if secret is None or not hmac.compare_digest(told.encode(), secret.encode()):
            return PlainTextResponse("forbidden", status_code=403)
        body = await request.body()
        if len(body) > _LARGEST:
            return PlainTextResponse("too large", status_code=413)
        try:
            update = json.loads(body)
        except ValueError:
            return PlainTextResponse("not JSON", status_code=400)
        if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
            return PlainTextResponse("not an update", status_code=400)
        await store([update])
        return PlainTextResponse("stored")

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/metrics", show_metrics),
            Route("/telegram", webhook, methods=["POST"]),
        ]
    )
