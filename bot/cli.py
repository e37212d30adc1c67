"""The operator's command line. Exit codes: 0 done, 1 refused with a reason on standard error, 2 usage."""

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import (
    cli_care,
    cli_clients,
    cli_erasure,
    cli_introducers,
    cli_kb,
    cli_people,
    cli_scores,
    cli_settlements,
)
from bot.cli_terminal import Json
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


def main() -> None:
    """The process: its streams, its logs, its exit code."""
    if not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # a text stream, always
    set_up_logs(level=logging.ERROR)
    sys.exit(answer(sys.argv[1:]))


def answer(arguments: Sequence[str]) -> int:
    """Runs a command; an expected failure is one sentence on standard error and exit code 1."""
    try:
        app(args=list(arguments), prog_name="python -m bot")
    except SystemExit as ended:
        return int(ended.code or 0)
    except (Exception, KeyboardInterrupt) as error:
        sentence = _expected(error)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _expected(error: BaseException) -> str | None:
    """The sentence for a failure that is no defect."""
    from db import trouble
    from knowledge.library import LibraryError

    if isinstance(error, StartError | trouble.Unusable | LibraryError):
        return str(error)
    if isinstance(error, Refusal):
        return _words(error)
    if isinstance(error, KeyboardInterrupt):
        return "stopped"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return None if isinstance(error, OSError) else trouble.sentence(error)


@app.command(epilog="Example:  QIFU_BOT_TOKEN=123:abc python -m bot run")
def run() -> None:
    """Run the bot: intake, answers, delivery, timetable."""
    set_up_logs()
    from bot import check
    from bot.program import run as run_program

    found = settings()
    rules = policy(found.config)
    check.before_start(found, rules)
    if rules.company.sample:
        print("config.yaml 是示例公司的配置 / config.yaml describes the sample brokerage", file=sys.stderr)
    asyncio.run(run_program(found, rules))


@app.command(epilog="Example:  python -m bot demo --no-browser")
def demo(
    browser: Annotated[
        bool, typer.Option(help="Open the chat page in a browser, where there is one.")
    ] = True,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the chat page.")] = 8090,
    api_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the local Bot API.")] = 8081,
) -> None:
    """Run a sample brokerage on this machine: local Bot API, chat page, the real bot. Ctrl-C ends all of it."""
    from bot import demo as demonstration

    ports = demonstration.Ports(port, api_port)
    asyncio.run(demonstration.run(ports, browser=browser, tell=_tell))


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


# Refusals whose message speaks of a chat's commands.
_AT_THE_TERMINAL = {
    "not_found": "there is no such account in the register: look at the number, or import the register",
    "already_linked": "the holder of this account is linked already: --relink moves the link to another chat, "
    "--authorised invites another person",
}


def _tell(text: str) -> None:
    print(text, flush=True)


def _words(refusal: Refusal) -> str:
    """A refusal on the terminal: the English message, without markup."""
    from messages.phrases import Phrases
    from messages.split import plain

    if refusal.code in _AT_THE_TERMINAL:
        return _AT_THE_TERMINAL[refusal.code]
    phrases = Phrases(policy(settings().config).company.words)
    return plain(phrases.text(f"refusal.{refusal.code}", "en", **refusal.facts))


app.add_typer(cli_settlements.app)
app.add_typer(cli_scores.app)
app.add_typer(cli_people.app)
app.add_typer(cli_care.app)
app.add_typer(cli_erasure.app, name="erase")
app.add_typer(cli_kb.app, name="kb")
app.add_typer(cli_clients.app)
app.add_typer(cli_introducers.app, name="introducers")
