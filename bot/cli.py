"""The operator's command line. Exit codes: 0 done, 1 refused with a reason on standard error, 2 usage."""

import asyncio
import json
import sys
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.logs import set_up as set_up_logs
from bot.settings import StartError, policy, settings
from domain.errors import Refusal

app = typer.Typer(
    name="python -m bot",
    help="期服 Qifu：期货公司聊天服务台。The service desk of a futures brokerage, in chat.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
database_app = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(database_app, name="db")

Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")]


def main() -> None:
    """Runs a command; an expected failure is one sentence on standard error and exit code 1."""
    try:
        app()
    except StartError as error:
        _stop(str(error))
    except Refusal as refusal:
        _stop(_words(refusal))
    except KeyboardInterrupt:
        sys.exit(130)


@app.command(epilog="Example:  QIFU_BOT_TOKEN=123:abc python -m bot run")
def run() -> None:
    """Run the bot: intake, answers, delivery, timetable."""
    set_up_logs()
    from bot.program import run as run_program

    found = settings()
    rules = policy(found.config)
    if rules.company.sample:
        print("config.yaml 是示例公司的配置 / config.yaml describes the sample brokerage", file=sys.stderr)
    asyncio.run(run_program(found, rules))


@app.command(epilog='Example:  python -m bot ask "螺纹钢两手保证金多少 按3030算"')
def ask(
    question: Annotated[str | None, typer.Argument(help="The question, as a client would type it.")] = None,
    kb: Annotated[Path | None, typer.Option(help="Answer from this folder of articles only.")] = None,
    lang: Annotated[str | None, typer.Option(help="zh or en; the question's own when left out.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Answer as of this day.")
    ] = None,
    explain: Annotated[bool, typer.Option(help="Matched terms, scores, rejected candidates.")] = False,
    client: Annotated[str | None, typer.Option(help="Account number: use this client's own plan.")] = None,
    as_json: Json = False,
    batch: Annotated[Path | None, typer.Option(help="JSON lines with a field q; one answer a line.")] = None,
) -> None:
    """Answer a question as the bot would, without Telegram."""
    from bot import asking

    if (question is None) == (batch is None):
        raise typer.BadParameter("give a question, or --batch FILE")
    if lang not in (None, "zh", "en"):
        raise typer.BadParameter("--lang is zh or en")
    day = as_of.date() if as_of else None
    asked = asking.Asked(kb=kb, lang=lang, as_of=day, explain=explain, client=client)
    questions = [question] if question is not None else asking.batch(batch)
    for found in asking.answers(asked, questions):
        if as_json or batch is not None:
            shown = found.as_json()
            if explain:
                shown["explanation"] = dict(found.explanation)
            print(json.dumps(shown, ensure_ascii=False, default=str))
        else:
            print(found.text)
            if explain:
                print(json.dumps(dict(found.explanation), ensure_ascii=False, indent=2, default=str))


@database_app.command("upgrade", epilog="Example:  python -m bot db upgrade")
def database_upgrade() -> None:
    """Bring the database to this program's revision (creates it where there is none)."""

    async def work() -> None:
        from db.engine import Database
        from db.migrate import upgrade

        database = Database(settings().database_url)
        try:
            before, after = await upgrade(database)
        finally:
            await database.close()
        print(
            f"database: {before or 'empty'} -> {after}"
            if before != after
            else f"database: {after}, nothing to do"
        )

    _async(work())


def _async(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def _words(refusal: Refusal) -> str:
    """A refusal on the terminal: the English message, without markup."""
    from messages.phrases import Phrases
    from messages.split import plain

    phrases = Phrases(policy(settings().config).company.words)
    return plain(phrases.text(f"refusal.{refusal.code}", "en", **refusal.facts))


def _stop(reason: str) -> None:
    print(reason, file=sys.stderr)
    sys.exit(1)
