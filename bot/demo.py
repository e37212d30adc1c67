"""``python -m bot demo``: the sample brokerage, the local Bot API with its chat page, and the real bot, as processes.

The supervisor starts them, watches them, and is the operator behind the page's panel. It ends all of them together.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import time
import webbrowser
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot import demo_opening
from bot.settings import Settings, StartError, policy
from domain.policy import Policy

PAGE_PORT = 8090
TOKEN = "1:demo"  # noqa: S105  # known to everybody: it opens the local Bot API only
_READY = '"event": "ready"'
_START_SECONDS = 300.0  # a slow machine may build the index of the library first
_STOP_SECONDS = 4.0
_LAST_LINES = 12
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the chat page and the local Bot API listen; 0 takes any free one."""

    page: int
    api: int


class Child:
    """One process: its output goes to its log file, the last lines are kept; ``died`` when nobody asked it to end."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self.name = arguments[0]
        self.log = log
        self.died = asyncio.Event()
        self._command = [sys.executable, "-m", *arguments]
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._appeared = asyncio.Event()
        self._asked_to_end = False

    async def start(self, wanted: str) -> None:
        """Starts it; ``appeared`` returns when a line with ``wanted`` came."""
        self._appeared.clear()
        self._lines.clear()
        self._asked_to_end = False
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C is for the supervisor, which ends its children in order.
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        self._watching = asyncio.create_task(self._watch(self._process, wanted))

    async def appeared(self) -> None:
        """Returns when the wanted line came; StartError when it takes too long."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._appeared.wait()
        except TimeoutError:
            raise StartError(f"{self.name} does not get ready; see {self.log}") from None

    def obituary(self) -> str:
        """Why it ended, as far as its last lines tell."""
        code = self._process.returncode if self._process else None
        said = "\n".join(f"  {line}" for line in self._lines)
        return f"{self.name} ended with exit code {code}; its log is {self.log}" + (
            f":\n{said}" if said else ""
        )

    async def stop(self) -> None:
        """Ends it, by force when it does not obey in time."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        self._asked_to_end = True
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        # Its watch must see that the end was asked for before a new start forgets it.
        if self._watching:
            await self._watching

    async def _watch(self, process: asyncio.subprocess.Process, wanted: str) -> None:
        assert process.stdout is not None
        with self.log.open("ab") as log:
            while line := await process.stdout.readline():
                log.write(line)
                log.flush()
                self._lines.append(line.decode("utf-8", "replace").rstrip())
                if wanted in self._lines[-1]:
                    self._appeared.set()
        await process.wait()
        if not self._asked_to_end:
            self.died.set()


def _die_with_parent() -> None:
    """In the child: the kernel ends it when the supervisor is killed, so that no port stays taken."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)


class Demo:
    """The running demo. ``panel`` is what the page's buttons can ask for."""

    def __init__(self, ports: Ports, operator_port: int) -> None:
        # Two demos at once have two ports, and so two databases.
        self.folder = Path("data/demo" if ports.page == PAGE_PORT else f"data/demo-{ports.page}")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.page = f"http://127.0.0.1:{ports.page}"
        self.settings: Settings = replace(
            demo_opening.shipped(),
            token=TOKEN,
            api_url=f"http://127.0.0.1:{ports.api}",
            database_url=f"sqlite:///{self.folder / 'qifu.db'}",
            clock=f"{self.page}/sim/clock",
        )
        self.policy: Policy = policy(self.settings.config)
        arguments = self._simulator_arguments(ports, operator_port)
        self.simulator = Child(arguments, dict(os.environ), self.folder / "simulator.log")
        self.bot = Child(["bot", "run"], self._bot_environment(), self.folder / "bot.log")
        self.panel: dict[str, Callable[[dict[str, Any]], Awaitable[str]]] = {
            "next-settlement": self.next_settlement,
            "restart-bot": self.restart_bot,
            "clock": self.set_clock,
        }
        self._busy = asyncio.Lock()

    def _simulator_arguments(self, ports: Ports, operator_port: int) -> list[str]:
        from bot import demo_data

        where = ["--port", str(ports.api), "--page-port", str(ports.page), "--token", TOKEN]
        who = ["--people", str(demo_data.PEOPLE), "--operator", f"http://127.0.0.1:{operator_port}"]
        return ["simulator", *where, *who, "--clock", demo_data.BEGINS.isoformat()]

    def _bot_environment(self) -> dict[str, str]:
        """A token, proxy or database of the real house must not reach the demo: what is empty beats ``.env``."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QIFU_")}
        empty = dict.fromkeys(("QIFU_PROXY", "QIFU_WEBHOOK_URL", "QIFU_WEBHOOK_SECRET", "QIFU_WEB_HOST"), "")
        return {
            **kept,
            **empty,
            "QIFU_BOT_TOKEN": TOKEN,
            "QIFU_API_URL": self.settings.api_url,
            "QIFU_DATABASE_URL": self.settings.database_url,
            "QIFU_CONFIG": str(self.settings.config),
            "QIFU_CLOCK": str(self.settings.clock),
            "QIFU_WEB_PORT": "0",
        }

    # --- running ----------------------------------------------------------------------------------------------

    async def run(self, tell: Callable[[str], None], *, browser: bool) -> None:
        """Simulator, brokerage, bot, in this order; then watches. StartError when one of them ends by itself."""
        began = time.monotonic()
        for child in (self.simulator, self.bot):
            child.log.unlink(missing_ok=True)
        watching = asyncio.create_task(self._first_death())
        opening = asyncio.create_task(self._open(tell, browser, began))
        try:
            await asyncio.wait({watching, opening}, return_when=asyncio.FIRST_COMPLETED)
            if not watching.done():
                opening.result()
            raise StartError(await watching)
        finally:
            await _cancelled(watching, opening)

    async def _open(self, tell: Callable[[str], None], browser: bool, began: float) -> None:
        await self.simulator.start("Bot API")
        from bot import demo_data  # takes a second, in which the simulator starts

        opening = demo_opening.opening(self.settings.config)
        prepared = opening.is_dir()
        database, _ = await asyncio.gather(
            demo_data.copied(self.settings, opening) if prepared else demo_data.lay_out(self.settings),
            self._page_stands(tell, browser),
        )
        begin = demo_data.at(self.settings, self.policy, database, demo_data.BEGINS)
        try:
            async with demo_data.closed(begin):
                await self.bot.start(_READY)
                if not prepared:
                    await demo_data.fill(self.settings, self.policy, database)
                    tell("no scores yet: make env prepares a year of 2,000 clients for the next start")
        finally:
            await database.close()
        for key in demo_data.LINKED:
            await self._tell_page(f"persons/{key}/start", {})
        await self.bot.appeared()
        tell(f"the bot is ready after {time.monotonic() - began:.1f} s; logs are in {self.folder}")

    async def _page_stands(self, tell: Callable[[str], None], browser: bool) -> None:
        await self.simulator.appeared()
        tell(f"chat page  {self.page}  (Ctrl-C ends the demo)")
        if browser and sys.stdout.isatty() and _has_display():
            webbrowser.open(self.page)

    async def _first_death(self) -> str:
        children = (self.simulator, self.bot)
        tasks = {asyncio.create_task(child.died.wait()) for child in children}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancelled(*tasks)
        return next(child.obituary() for child in children if child.died.is_set())

    async def end(self) -> None:
        await asyncio.gather(self.bot.stop(), self.simulator.stop())

    # --- the panel --------------------------------------------------------------------------------------------

    async def operate(self, action: str, asked: dict[str, Any]) -> tuple[bool, str]:
        """Carries out a button; one at a time. Whether it was done, and a sentence for the person who pressed."""
        if action not in self.panel:
            return False, f"没有这个操作 / there is no {action}"
        async with self._busy:
            try:
                return True, await self.panel[action](asked)
            except StartError as error:
                return False, str(error)

    async def next_settlement(self, _asked: dict[str, Any]) -> str:
        """Imports the next day of the samples as the command does; the business time moves to that afternoon."""
        from bot import demo_data
        from db.engine import Database

        database = Database(self.settings.database_url)
        try:
            now = demo_data.at(self.settings, self.policy, database, demo_data.BEGINS)
            done = await demo_data.newest(now)
            following = [(day, files) for day, files in demo_data.settlement_days() if day > done]
            if not following:
                return f"样本数据到 {done} 为止，重新启动演示即可从头开始 / the samples end on {done}: start the demo again"
            day, files = following[0]
            instant = demo_data.settled_at(day)
            await self._tell_page("clock", {"set": instant.isoformat(), "running": True})
            deps = demo_data.at(self.settings, self.policy, database, instant)
            loaded = await demo_data.load(deps, files)
        finally:
            await database.close()
        accounts, alerts = max(one.accounts for one in loaded), max(one.alerts for one in loaded)
        return (
            f"已导入 {day} 结算：{accounts} 户，{alerts} 户需要提醒 / "
            f"imported the settlement of {day}: {accounts} accounts, {alerts} to be told"
        )

    async def restart_bot(self, _asked: dict[str, Any]) -> str:
        """Stops the bot and starts it again; what came in meanwhile waits."""
        began = time.monotonic()
        await self.bot.stop()
        await self.bot.start(_READY)
        await self.bot.appeared()
        seconds = time.monotonic() - began
        return f"机器人已重启，用时 {seconds:.1f} 秒 / the bot is back after {seconds:.1f} s"

    async def set_clock(self, asked: dict[str, Any]) -> str:
        """``{"set": ISO}`` or ``{"advance": seconds}``; without either the demo's beginning."""
        from bot import demo_data

        wanted = asked if asked.keys() & {"set", "advance"} else {"set": demo_data.BEGINS.isoformat()}
        told = await self._tell_page("clock", {"running": True, **wanted})
        now = datetime.fromisoformat(told["now"])
        return f"业务时间 {now:%Y-%m-%d %H:%M} / the business time is {now:%Y-%m-%d %H:%M}"

    async def _tell_page(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POSTs to the simulator's people's side. StartError with its words when it refuses."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
                answer = await client.post(f"{self.page}/sim/{path}", json=body)
        except httpx.HTTPError as error:
            raise StartError(f"the simulator is out of reach: {error}") from None
        told: dict[str, Any] = answer.json()
        if answer.status_code != 200:
            raise StartError(str(told.get("error", told)))
        return told


async def run(ports: Ports, *, browser: bool, tell: Callable[[str], None]) -> None:
    """Until Ctrl-C or SIGTERM. StartError when a port is taken or a process ends by itself."""
    ports = Ports(_free(ports.page, "--port"), _free(ports.api, "--api-port"))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    listening = socket.create_server(("127.0.0.1", 0))
    demo = Demo(ports, listening.getsockname()[1])
    running = asyncio.create_task(demo.run(tell, browser=browser))
    stopping = asyncio.create_task(stop.wait())
    async with _listening(demo, listening):
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            tell("the demo ends")
        finally:
            await _cancelled(running, stopping)
            await demo.end()


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _free(port: int, option: str) -> int:
    """The port, when nobody listens on it; for 0 a free one."""
    try:
        with socket.create_server(("127.0.0.1", port)) as found:
            return int(found.getsockname()[1])
    except OSError:
        raise StartError(
            f"port {port} is taken, perhaps by another demo: end that one, or give {option} {port + 100}"
        ) from None


def _has_display() -> bool:
    """A browser window can open; without a display a text browser would take over the terminal."""
    windows = sys.platform in ("darwin", "win32")
    return windows or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class _Quiet(uvicorn.Server):
    """Signals belong to the supervisor."""

    def capture_signals(self) -> Any:
        return contextlib.nullcontext()


@asynccontextmanager
async def _listening(demo: Demo, listening: socket.socket) -> AsyncIterator[None]:
    """The operator's address, for the simulator only."""

    async def act(request: Request) -> Response:
        # A page of another site, open in the same browser, must not press our buttons.
        if "origin" in request.headers:
            return JSONResponse({"ok": False, "text": "only the local page may ask"}, 403)
        raw = await request.body()
        try:
            asked = json.loads(raw) if raw else {}
        except ValueError:
            asked = {}
        ok, text = await demo.operate(request.path_params["action"], asked if isinstance(asked, dict) else {})
        return JSONResponse({"ok": ok, "text": text})

    app = Starlette(routes=[Route("/{action}", act, methods=["POST"])])
    server = _Quiet(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        await asyncio.wait({serving}, timeout=1.0)
        serving.cancel()
