"""The one place where real things are chosen: clocks, tokens, database, library, Telegram."""

import asyncio
import csv
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from bot.clock import business_clock, wall
from bot.live_library import LiveLibrary
from bot.settings import Settings, StartError
from db.engine import Database
from domain.calendar import TradingCalendar, read_days
from domain.policy import Policy
from gateways.model import Connection, Model
from knowledge.drafts import Recipe
from knowledge.library import Library
from knowledge.overlay import Sheet
from messages.phrases import BEIJING, Phrases
from services import articles, plans
from services.prices import PriceBook
from services.work import Deps, reading

if TYPE_CHECKING:
    from handlers.context import App

CALENDAR = Path(__file__).parent.parent / "knowledge" / "tables" / "calendar.csv"
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def new_token(length: int) -> str:
    """A random word of letters and digits that are hard to confuse (5.7 bits each)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def calendar(path: Path = CALENDAR) -> TradingCalendar:
    """The shipped table of trading days."""
    with path.open(encoding="utf-8", newline="") as lines:
        return TradingCalendar(read_days(csv.DictReader(lines)))


def recipe(policy: Policy) -> Recipe:
    """How the house's library is loaded: the shipped articles and tables, the company's facts and rates."""
    return Recipe(
        facts=articles.facts(policy),
        rates=plans.company_rates(policy),
        major_amount=policy.complaints.major_amount,
        major_words=tuple(policy.complaints.major_words),
    )


def today(settings: Settings) -> Callable[[], date]:
    """The day of business time in Beijing."""
    now = business_clock(settings.clock)
    return lambda: now().astimezone(BEIJING).date()


def library(settings: Settings, policy: Policy, *, background: bool, sheets: Sequence[Sheet] = ()) -> Library:
    """The library as of business time; ``sheets`` are the house's confirmed versions."""
    return recipe(policy).load(sheets, today=today(settings), background=background)


async def live_library(settings: Settings, policy: Policy, database: Database) -> LiveLibrary:
    """The library with the versions confirmed by now, its index on its way."""
    async with reading(deps(settings, policy, database)) as work:
        sheets, sequence = await articles.confirmed(work)
    return LiveLibrary(recipe(policy), today(settings), sheets, sequence)


def deps(
    settings: Settings, policy: Policy, database: Database, live: Callable[[], Library] | None = None
) -> Deps:
    """Everything the services work with. Without ``live`` no question can be asked (imports, the operator)."""

    def no_library() -> Library:
        raise StartError("this command does not load the library")

    return Deps(
        policy=policy,
        db=database,
        phrases=Phrases(policy.company.words),
        calendar=calendar(),
        library=live or no_library,
        prices=PriceBook(),
        now=business_clock(settings.clock),
        wall=wall,
        new_token=new_token,
        bot_username=lambda: settings.bot_username or "",
        model=model(settings, policy),
    )


def model(settings: Settings, policy: Policy) -> Model | None:
    """The outside model, where the configuration names one; its key comes from the environment."""
    named = policy.model
    if not named.enabled or named.url is None:
        return None
    connection = Connection(
        url=named.url,
        key=settings.model_key,
        chat_model=named.chat_model,
        embedding_model=named.embedding_model,
        timeout_seconds=float(named.timeout_seconds),
        break_after=named.break_after,
        rest_seconds=float(named.rest_seconds),
        proxy=named.proxy,
    )
    return Model(connection, time.monotonic)


def application(settings: Settings, in_flight: int) -> "App":
    """python-telegram-bot, never started: no updater, no job queue, no persistence. Intake and delivery are ours."""
    # Most commands of the operator never speak to Telegram, and its library takes half a second to load.
    from telegram.ext import Application, ContextTypes
    from telegram.request import HTTPXRequest

    import handlers
    from bot.raw import RawBot
    from handlers.context import Context

    if settings.token is None:
        raise StartError(
            "QIFU_BOT_TOKEN is not set: put the token from @BotFather into the environment or .env"
        )
    local = settings.api_url.startswith(("http://127.", "http://localhost"))
    proxy = None if local else settings.proxy
    # trust_env is off for a local server: a proxy variable must not catch the loopback.
    http = {"trust_env": False} if local else {}
    bot = RawBot(
        token=settings.token,
        base_url=f"{settings.api_url}/bot",
        base_file_url=f"{settings.api_url}/file/bot",
        request=HTTPXRequest(connection_pool_size=in_flight + 4, httpx_kwargs=http, proxy=proxy),
        get_updates_request=HTTPXRequest(connection_pool_size=1, httpx_kwargs=http, proxy=proxy),
    )
    app = (
        Application.builder()
        .bot(bot)
        .updater(None)
        .job_queue(None)
        .context_types(ContextTypes(context=Context))
        .build()
    )
    handlers.install(app)
    return app


async def wait_ready(live: Callable[[], Library]) -> None:
    """Returns when the index stands."""
    while not live().ready:
        await asyncio.to_thread(live().wait, 0.5)
