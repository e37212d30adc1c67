"""Opens the house for one command of the operator: settings, rules, database, services' dependencies."""

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bot.settings import Settings, StartError, policy, settings
from domain.errors import Refusal

if TYPE_CHECKING:
    from knowledge.overlay import Sheet
    from services.work import Deps

T = TypeVar("T")


def running(work: Coroutine[None, None, T]) -> T:
    """Runs a command's coroutine to its end."""
    return asyncio.run(work)


@asynccontextmanager
async def opened(found: Settings | None = None) -> AsyncIterator["Deps"]:
    """The services' dependencies on a database of this program's revision, else StartError."""
    from bot import wiring
    from db.engine import Database
    from db.migrate import behind

    found = found or settings()
    rules = policy(found.config)
    database = Database(found.database_url)
    try:
        if remedy := await behind(database):
            raise StartError(remedy)
        yield wiring.deps(found, rules, database)
    finally:
        await database.close()


@asynccontextmanager
async def opened_with_name() -> AsyncIterator["Deps"]:
    """As ``opened``, knowing the bot's name in Telegram, which invitations need."""
    found = settings()
    async with opened(found) as deps:
        name = found.bot_username or await _name(found)
        yield replace(deps, bot_username=lambda: name)


async def _name(found: Settings) -> str:
    from bot.identity import Unreachable, telegram

    try:
        async with telegram(found) as ask:
            return str((await ask("getMe"))["username"])
    except Unreachable as error:
        raise StartError(
            f"Telegram is out of reach ({error}), and an invitation needs the bot's name: "
            "set QIFU_BOT_USERNAME, or QIFU_PROXY"
        ) from None


async def confirmed_versions(found: Settings) -> tuple["Sheet", ...]:
    """The articles that the house confirmed; none where there is no database yet."""
    from db.engine import Database
    from services import articles
    from services.work import reading

    file = Database(found.database_url).file
    if file is not None and not file.exists():
        return ()
    async with opened(found) as deps, reading(deps) as work:
        return (await articles.confirmed(work))[0]


def operator() -> str:
    """Who types, for the audit trail: the account on this machine."""
    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"operator:{os.getuid()}"


def content(file: Path, limit: int) -> bytes:
    """The bytes of a file; one above ``limit`` is not read."""
    try:
        if file.stat().st_size > limit:
            raise StartError(
                f"{file} has {file.stat().st_size:,} bytes; the limit is {limit:,} (imports.max_megabytes)"
            )
        return file.read_bytes()
    except OSError as error:
        raise StartError(f"{file} cannot be read: {error.strerror}") from None


def refused_file(deps: "Deps", file: Path, refusal: Refusal) -> str:
    """A refused file in one sentence, with its line."""
    from messages.split import plain

    if refusal.code == "statement_refused":
        line = refusal.facts.get("line")
        return f"{file}: " + (f"line {line}: " if line else "") + str(refusal.facts["reason"])
    words = plain(deps.phrases.text(f"refusal.{refusal.code}", "en", **refusal.facts))
    return f"{file}: {' '.join(words.split())}"
