"""Serves web/ inside the program: health, metrics, webhook."""

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn

from bot import health, intake
from bot.settings import Settings, StartError
from web.app import build

if TYPE_CHECKING:
    from bot.program import Running

log = structlog.get_logger()


class _Server(uvicorn.Server):
    """Signals belong to the program, not to its web server."""

    def install_signal_handlers(self) -> None:
        return None

    def capture_signals(self) -> Any:
        return contextlib.nullcontext()


async def serve(settings: Settings, running: "Running") -> None:
    """Until cancelled. Port 0 takes any free port; the log says which."""
    deps = running.deps

    async def store(updates: list[dict[str, Any]]) -> None:
        await intake.store(deps.db, updates, deps.wall())
        running.inbox.news.set()

    async def probe() -> dict[str, Any]:
        return await health.probe(running)

    async def metrics() -> bytes:
        return await health.metrics(running)

    app = build(probe=probe, metrics=metrics, store=store, secret=settings.webhook_secret)
    try:
        listening = socket.create_server((settings.web_host, settings.web_port or 0))
    except OSError as error:
        place = f"{settings.web_host}:{settings.web_port}"
        raise StartError(
            f"QIFU_WEB_PORT: cannot listen on {place} ({error.strerror}): name another"
        ) from None
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    log.info("web pages", address=f"http://{settings.web_host}:{listening.getsockname()[1]}/health")
    try:
        await server.serve(sockets=[listening])
    except asyncio.CancelledError:
        server.should_exit = True
        raise
    finally:
        listening.close()
