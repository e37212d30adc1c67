"""The browser's and the machines' way in: health, metrics, and Telegram's webhook (raw JSON into the inbox)."""

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

log = structlog.get_logger()
_LARGEST = 1_000_000

Store = Callable[[list[dict[str, Any]]], Awaitable[None]]
Probe = Callable[[], Awaitable[dict[str, Any]]]
Metrics = Callable[[], Awaitable[bytes]]
IsUpdate = Callable[[object], bool]


def build(
    *, probe: Probe, metrics: Metrics, store: Store, is_update: IsUpdate, secret: str | None
) -> Starlette:
    """``secret`` None: no webhook is offered. ``store`` gets only what ``is_update`` accepts."""

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
        body = await _body(request)
        if body is None:
            return PlainTextResponse("too large", status_code=413)
        try:
            update = json.loads(body)
        except (ValueError, RecursionError):
            return PlainTextResponse("not JSON", status_code=400)
        if not is_update(update):
            return PlainTextResponse("not an update", status_code=400)
        try:
            await store([update])
        except Exception as error:  # noqa: BLE001  # the web server would write the update itself into its log
            log.error("update not stored; telegram sends it again", error=type(error).__name__)
            return PlainTextResponse("not stored", status_code=503)
        return PlainTextResponse("stored")

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/metrics", show_metrics),
            Route("/telegram", webhook, methods=["POST"]),
        ]
    )


async def _body(request: Request) -> bytes | None:
    """The body, or None where it is too large: no more of it is read than that takes."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            return None
    return body
