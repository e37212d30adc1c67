"""``python -m bot run``: intake, inbox, delivery, timetable and web in one process, under one lease."""

import asyncio
import signal
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any

import structlog
from telegram.error import InvalidToken, NetworkError, TelegramError

from bot import schedule, webserver, wiring
from bot.delivery import Delivery
from bot.inbox import Inbox
from bot.intake import ALLOWED, Polling, SecondPoller
from bot.lease import HeldLease, LeaseLost
from bot.raw import RawBot
from bot.settings import Settings, StartError
from bot.watch import Watch
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
    library: Library
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
        library = wiring.library(settings, policy, background=True)
        deps = replace(
            wiring.deps(settings, policy, database, library), bot_username=lambda: app.bot.username
        )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await _until_stopped(_serve(settings, deps, app, library), stop)
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
        await asyncio.wait({serving}, timeout=4.0)
        return
    try:
        serving.result()
    except BaseExceptionGroup as group:
        raise _reason(group) from None


def _reason(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one sentence behind a failed program, or its first defect."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            return _reason(error)
        if isinstance(error, SecondPoller):
            return StartError(
                "another program polls Telegram with this token: stop it, or give this one a token of its own"
            )
        if isinstance(error, LeaseLost):
            return StartError(
                "another run took over this database: this one stops so that nothing is sent twice"
            )
        if isinstance(error, InvalidToken):
            return StartError("Telegram refuses QIFU_BOT_TOKEN: check it with @BotFather")
    return group.exceptions[0]


async def _serve(settings: Settings, deps: Deps, app: App, library: Library) -> None:
    lease = HeldLease(deps)
    inbox = Inbox(deps, app, workers=1 if deps.db.is_sqlite else 4)
    bot = app.bot
    assert isinstance(bot, RawBot)
    delivery = Delivery(deps, bot)
    polling = None if settings.webhook_url else Polling(deps.db, bot, deps.wall, inbox.news)
    inbox.sent_something = delivery.news
    running = Running(deps, app, library, inbox, delivery, polling)
    async with asyncio.TaskGroup() as tasks:
        if settings.web_port is not None or settings.webhook_url:
            tasks.create_task(webserver.serve(settings, running))
        await lease.take()
        try:
            tasks.create_task(lease.keep())
            await delivery.settle_doubts()
            await _connect(app)
            await _arrange_intake(settings, app)
            if polling is not None:
                tasks.create_task(polling.run())
            tasks.create_task(delivery.run())
            await wiring.wait_ready(library)
            tasks.create_task(inbox.run())
            tasks.create_task(schedule.run(deps, delivery.news))
            tasks.create_task(Watch(deps, bot).run())
            log.info("ready", bot=app.bot.username, sample=deps.policy.company.sample)
            await asyncio.Event().wait()
        finally:
            await asyncio.shield(_leave(app, lease))


async def _leave(app: App, lease: HeldLease) -> None:
    await lease.release()
    assert isinstance(app.bot, RawBot)
    await app.bot.close_connections()


async def _connect(app: App) -> None:
    """Telegram out of reach: tries again with growing pauses, and says so. A wrong token is final."""
    pause = 1.0
    while True:
        try:
            await app.initialize()
            return
        except InvalidToken:
            raise
        except (NetworkError, TelegramError) as error:
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
