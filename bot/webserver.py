"""Serves web/ inside the program: health, metrics, webhook."""

import asyncio
import contextlib
import errno
import socket
import time
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn

from bot import health, intake
from bot.settings import Settings, StartError
from web.app import build

if TYPE_CHECKING:
    from bot.program import Running

log = structlog.get_logger()
_PORT_SECONDS = 5.0


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
        await intake.store(deps.db, updates, deps.wall(), running.inbox.offer)

    async def probe() -> dict[str, Any]:
        return await health.probe(running)

    async def metrics() -> bytes:
        return await health.metrics(running)

    app = build(
        probe=probe,
        metrics=metrics,
        store=store,
        is_update=intake.is_update,
        secret=settings.webhook_secret,
    )
    listening = await _listen(settings, running.lease.held)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    log.info("web pages", address=f"http://{settings.web_host}:{listening.getsockname()[1]}/health")
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True  # a webhook's update that is being stored is stored
        await serving
        listening.close()


async def _listen(settings: Settings, held: asyncio.Event) -> socket.socket:
    """Another run on this machine has the port as long as it holds the lease; after that it must be free."""
    since: float | None = None
    while True:
        try:
            return socket.create_server((settings.web_host, settings.web_port or 0))
        except OSError as error:
            if held.is_set() and since is None:
                since = time.monotonic()
            waited = since is not None and time.monotonic() - since > _PORT_SECONDS
            if error.errno != errno.EADDRINUSE or waited:
                raise StartError(
                    f"QIFU_WEB_PORT {settings.web_port} on {settings.web_host} cannot be had ({error.strerror}): "
                    "name another, or 0 for any"
                ) from None
        await asyncio.sleep(0.5)
