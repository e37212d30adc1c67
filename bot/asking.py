"""``python -m bot ask``: the library without Telegram, and without a database unless a client's plan is wanted."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

from bot.cli_house import confirmed_versions, opened, running
from bot.cli_terminal import told
from bot.settings import Settings, StartError, policy, settings
from domain.errors import Refusal
from domain.knowledge import Answer
from domain.market import ClientPlan
from knowledge.library import Lang, Library, LibraryError
from knowledge.overlay import Sheet


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command."""

    kb: Path | None
    lang: str | None
    as_of: date | None
    explain: bool
    client: str | None


def batch(path: Path | None) -> list[str]:
    """The questions of a file of JSON lines. A line without ``q`` is named."""
    assert path is not None
    questions = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{path} cannot be read: {error}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            questions.append(str(json.loads(line)["q"]))
        except (ValueError, KeyError, TypeError):
            raise StartError(f"{path}, line {number}: not a JSON object with a field q") from None
    return questions


def answers(asked: Asked, questions: Iterable[str]) -> Iterator[Answer]:
    """One answer a question, in order; the library is loaded once."""
    from bot import wiring

    found = settings()
    plan: ClientPlan | None = None
    try:
        if asked.kb is not None:
            library = Library.load_plain(asked.kb)
        else:
            rules = policy(found.config)
            library = wiring.library(found, rules, background=False, sheets=_confirmed(found))
            if asked.client is not None:
                plan = running(_plan(asked.client))
    except LibraryError as error:
        raise StartError(str(error)) from None
    for question in questions:
        yield library.ask(
            question, lang=cast(Lang | None, asked.lang), as_of=asked.as_of, plan=plan, explain=asked.explain
        )


def _confirmed(found: Settings) -> tuple[Sheet, ...]:
    """The house's own versions where there is a database; the shipped articles alone where it cannot be used."""
    from db import trouble

    try:
        return running(confirmed_versions(found))
    except StartError as error:
        reason = str(error)
    except Exception as error:
        if not trouble.passes(error):
            raise
        reason = type(error).__name__
    told(f"answered from the shipped articles alone: {reason}")
    return ()


async def _plan(account: str) -> ClientPlan | None:
    """The fee and margin plan of an account in the register."""
    from db import people
    from services import access, plans
    from services.work import reading

    async with opened() as deps, reading(deps) as work:
        client = await people.client_by_account(work.session, account)
        if client is None:
            raise Refusal("not_found")
        return plans.of(deps.policy, access.client_ref(client))
