"""``python -m bot run``: intake, inbox, delivery, timetable and web in one process, under one lease."""

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from typing import Any

import structlog
from telegram.error import BadRequest, InvalidToken, RetryAfter, TelegramError

from bot import schedule, webserver, wiring
from bot.delivery import Delivery
from bot.inbox import Inbox
from bot.intake import ALLOWED, Polling, SecondPoller, seconds_of
from bot.lease import HeldLease, LeaseLost
from bot.librarian import Librarian
from bot.live_library import LiveLibrary
from bot.nightly import Nightly
from bot.raw import RawBot
from bot.settings import Settings, StartError
from bot.watch import Watch
from db import trouble
from db.engine import Database
from db.migrate import behind
from domain.policy import Policy
from handlers.context import App
from knowledge.library import Library
from services.work import Deps

log = structlog.get_logger()


@dataclass(slots=True)
class Running:
    """The parts of a running program, for its health page."""

    deps: Deps
    app: App
    live: Callable[[], Library]
    lease: HeldLease
    inbox: Inbox
    delivery: Delivery
    polling: Polling | None


async def run(settings: Settings, policy: Policy) -> None:
    """Runs until SIGTERM or SIGINT. Raises StartError with one sentence when it cannot go on."""
    database = Database(settings.database_url)
    try:
        if remedy := await behind(database):
            raise StartError(remedy)
        app = wiring.application(settings, policy.delivery.in_flight)
        live = await wiring.live_library(settings, policy, database)
        deps = replace(wiring.deps(settings, policy, database, live), bot_username=lambda: app.bot.username)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await _until_stopped(_serve(settings, deps, app, live), stop)
    finally:
        await database.close()


async def _until_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    serving = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not serving.done():
        log.info("stopping; what was not handled waits in the database")
        serving.cancel()
        done, _ = await asyncio.wait({serving}, timeout=4.0)
        if done and not serving.cancelled() and (error := serving.exception()) is not None:
            log.error("something failed while stopping", error=type(error).__name__)
        return
    try:
        serving.result()
    except BaseExceptionGroup as group:
        raise _reason(group) from None


def _reason(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one sentence behind a failed program, or its first defect."""
    causes = list(_leaves(group))
    for error in causes:
        if isinstance(error, StartError):
            return error
        if isinstance(error, SecondPoller):
            return StartError(
                "another program polls Telegram with this token: stop it, or give this one a token of its own"
            )
        if isinstance(error, LeaseLost):
            return StartError(f"{error}: this one stops so that nothing is sent twice")
        if isinstance(error, InvalidToken):
            return StartError("Telegram refuses QIFU_BOT_TOKEN: check it with @BotFather")
    return causes[0]


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def _serve(settings: Settings, deps: Deps, app: App, live: LiveLibrary) -> None:
    lease = HeldLease(deps)
    bot = app.bot
    assert isinstance(bot, RawBot)
    delivery = Delivery(deps, bot)
    inbox = Inbox(deps, app, delivery, workers=4)
    polling = None if settings.webhook_url else Polling(deps.db, bot, deps.wall, inbox.offer)
    running = Running(deps, app, live, lease, inbox, delivery, polling)
    try:
        async with asyncio.TaskGroup() as tasks:
            if settings.web_port is not None or settings.webhook_url:
                tasks.create_task(webserver.serve(settings, running))
            await lease.take()
            tasks.create_task(lease.keep())
            await delivery.settle_doubts()
            await _connect(settings, app)
            if polling is not None:
                tasks.create_task(polling.run())
            tasks.create_task(delivery.run())
            await wiring.wait_ready(live)
            _spare_the_collector()
            tasks.create_task(inbox.run())
            tasks.create_task(schedule.run(deps, delivery.news))
            tasks.create_task(Watch(deps, bot).run())
            tasks.create_task(Nightly(deps).run())
            tasks.create_task(Librarian(deps, live, bot).run())
            log.info("ready", bot=app.bot.username, sample=deps.policy.company.sample)
    finally:
        # Only when every task has ended: whoever waits takes over at once, and must find nothing on its way.
        await asyncio.shield(_leave(app, lease))


def _spare_the_collector() -> None:
    """What stands for good (modules, the library) is not looked through again at every collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


async def _leave(app: App, lease: HeldLease) -> None:
    # Else DuckDB reports what the collector was spared as leaks, at every stop.
    gc.unfreeze()
    try:
        async with asyncio.timeout(2.0):
            await lease.release()
    except Exception as error:
        if not (isinstance(error, TimeoutError) or trouble.passes(error)):
            raise
        log.warning("the lease could not be given back; it ends by itself", error=type(error).__name__)
    finally:
        assert isinstance(app.bot, RawBot)
        await app.bot.close_connections()


async def _connect(settings: Settings, app: App) -> None:
    """Telegram out of reach: tries again with growing pauses, and says so. A wrong token is final."""
    pause = 1.0
    while True:
        try:
            await app.initialize()
            await _arrange_intake(settings, app)
            return
        except InvalidToken:
            raise
        except BadRequest as error:
            if settings.webhook_url:
                raise StartError(f"Telegram refuses QIFU_WEBHOOK_URL: {error.message}") from None
            raise
        except RetryAfter as error:
            pause = max(pause, seconds_of(error))
            log.warning("telegram asks to wait", again_in_seconds=pause)
        except TelegramError as error:
            log.warning(
                "telegram is out of reach; trying again", error=type(error).__name__, again_in_seconds=pause
            )
        await asyncio.sleep(pause)
        pause = min(60.0, pause * 2)


async def _arrange_intake(settings: Settings, app: App) -> None:
    if settings.webhook_url:
        await app.bot.set_webhook(
            settings.webhook_url,
            allowed_updates=ALLOWED,
            secret_token=settings.webhook_secret,
            drop_pending_updates=False,
        )
    else:
        await app.bot.delete_webhook(drop_pending_updates=False)
