"""Looks at everything that the bot needs before it starts: each finding with its place and its remedy.

``error``: the bot would not start. ``warning``: it starts, and something will not work. ``ok``: looked at, in order.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from bot.settings import Settings, StartError, policy
from domain.people import Role
from domain.policy import Policy
from knowledge.library import LibraryError

Level = Literal["error", "warning", "ok"]
_TOKEN = re.compile(r"[0-9]{1,12}:[A-Za-z0-9_-]+")
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
# Values of the shipped sample that no brokerage has: whole, or at the end of an address.
_SAMPLE_VALUES = re.compile(
    r"400-000-000[0-9]|.*\bexample\.(com|org|net)\b.*|示例.*|Sample .*|.*Sample Road.*"
)
_DESKS = {
    Role.MANAGER: "clients have no account manager to talk to",
    Role.OFFICER: "the service pool is empty, so nobody takes what a manager does not",
    Role.RISK: "nobody is told of margin calls, and no notice can be written",
    Role.SUPERVISOR: "complaints of important clients and overdue ones land with nobody",
    Role.COMPLIANCE: "complaints about conduct land with nobody",
    Role.OPERATOR: "nobody is told when something fails",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``where``: a file, a key, a variable."""

    level: Level
    where: str
    what: str
    remedy: str = ""


# --- the configuration --------------------------------------------------------------------------------------


def configuration(settings: Settings) -> tuple[Policy | None, list[Finding]]:
    """``config.yaml``: every wrong key, and what only the whole can show. None where it cannot be used."""
    where = str(settings.config)
    try:
        rules = policy(settings.config)
    except StartError as error:
        return None, [Finding("error", *_split(line, where)) for line in str(error).splitlines()]
    found = [Finding("error", f"{where}: {key}", what, remedy) for key, what, remedy in contradictions(rules)]
    if rules.company.sample:
        what = "describes the sample brokerage"
        found.append(
            Finding("warning", f"{where}: company.sample", what, "put your own facts in, then false")
        )
    return rules, found or [Finding("ok", where, "every key is known and typed")]


def _split(line: str, where: str) -> tuple[str, str]:
    """``config.yaml: company.hotline: is missing`` -> its place and its words."""
    place, _, what = line.removeprefix(f"{where}: ").partition(": ")
    return (f"{where}: {place}", what) if what else (where, line)


def contradictions(rules: Policy) -> Iterator[tuple[str, str, str]]:
    """(key, what is wrong, remedy) of values that are each well-formed and wrong together."""
    if not rules.company.sample:
        for name, words in _words(rules):
            if not words.strip() or _SAMPLE_VALUES.fullmatch(words.strip()):
                yield f"company.{name}", f"is still {words!r}", "put your company's own value here"
    for tier in ("retail", "key", "premier", "active"):
        if tier not in rules.tiers:
            yield "tiers", f"{tier} is missing", "all four tiers must stand here"
    risk = rules.risk
    if not risk.watch < risk.warning < risk.call:
        yield "risk", "watch, warning and call do not rise", "keep watch < warning < call"
    if risk.exchange_notice >= risk.exchange_liquidation:
        yield "risk.exchange_notice", "is not below exchange_liquidation", "keep it below"
    yield from _complaint_contradictions(rules)
    for purpose in ("figures", "abroad"):
        if purpose not in rules.privacy.purposes:
            yield "privacy.purposes", f"{purpose} is missing", "both purposes need a separate consent"
    for lang in ("zh", "en"):
        if not rules.chat.suggested.get(lang):
            yield f"chat.suggested.{lang}", "is empty", "give two to four questions"


def _words(rules: Policy) -> Iterator[tuple[str, str]]:
    for lang in ("zh", "en"):
        for name, words in rules.company.words(lang).items():
            yield name, str(words)


def _complaint_contradictions(rules: Policy) -> Iterator[tuple[str, str, str]]:
    complaints = rules.complaints
    codes = [category.code for category in complaints.categories]
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        yield "complaints.categories", f"code {code} stands twice", "give every category its own code"
    for number, route in enumerate(complaints.routes):
        for code in route.categories:
            if code not in codes:
                yield (
                    f"complaints.routes.{number}",
                    f"category {code} does not exist",
                    "use a code from categories",
                )
    last = complaints.routes[-1] if complaints.routes else None
    if last is None or last.tiers or last.categories or last.severity:
        yield "complaints.routes", "some complaints have no desk", "let the last line have a desk only"


# --- the environment ----------------------------------------------------------------------------------------


def environment(settings: Settings) -> Iterator[Finding]:
    """Token, addresses, webhook."""
    if settings.token is None:
        remedy = "put the token from @BotFather into the environment or .env"
        yield Finding("error", "QIFU_BOT_TOKEN", "is not set", remedy)
    elif not _TOKEN.fullmatch(settings.token):
        yield Finding(
            "error", "QIFU_BOT_TOKEN", "is no token (digits, a colon, letters)", "copy it from @BotFather"
        )
    if settings.webhook_url is not None:
        if not settings.webhook_url.startswith("https://"):
            yield Finding(
                "error", "QIFU_WEBHOOK_URL", "does not begin with https://", "Telegram calls https only"
            )
        if settings.web_port is None:
            remedy = "name the port that your proxy passes the webhook to"
            yield Finding("error", "QIFU_WEB_PORT", "is not set although there is a webhook", remedy)
        if not _SECRET.fullmatch(settings.webhook_secret or ""):
            remedy = "set 1 to 256 letters, digits, _ or -"
            yield Finding("error", "QIFU_WEBHOOK_SECRET", "is missing or has other characters", remedy)


# --- library, tables, database --------------------------------------------------------------------------------


def library(settings: Settings, rules: Policy) -> Iterator[Finding]:
    """Articles, topics, contract and calendar tables, message templates."""
    from bot import wiring

    try:
        found = wiring.library(settings, rules, background=True).check()
    except LibraryError as error:
        found = error.findings
    for one in found:
        yield Finding("error" if one.fatal else "warning", f"knowledge/{one.where}", one.problem, one.remedy)
    if not found:
        yield Finding("ok", "knowledge", "articles, topics and contract table are in order")
    yield from _calendar(settings, rules)


def _calendar(settings: Settings, rules: Policy) -> Iterator[Finding]:
    from bot import wiring
    from bot.clock import business_clock
    from domain.calendar import local

    where = "knowledge/tables/calendar.csv"
    try:
        table = wiring.calendar()
    except (OSError, ValueError) as error:
        yield Finding("error", where, str(error), "mend the row, or bring the shipped table back")
        return
    today = local(business_clock(settings.clock)()).date()
    remedy = "add the days of the exchanges' next yearly notice"
    if table.last < today:
        what = f"ended on {table.last}: notices wait, deadlines are not told"
        yield Finding("warning", where, what, remedy)
    elif table.ends_within(rules.timetable.calendar_warning_days, today):
        left = table.last - today
        yield Finding("warning", where, f"ends on {table.last}, in {left // timedelta(days=1)} days", remedy)
    else:
        yield Finding("ok", where, f"trading days until {table.last}")


async def database(settings: Settings, rules: Policy) -> AsyncIterator[Finding]:
    """Reachable, of this program's revision, by whom it is held, which desks somebody sits at."""
    from db.engine import Database
    from db.migrate import behind

    opened = Database(settings.database_url)
    where = "QIFU_DATABASE_URL"
    try:
        if remedy := await behind(opened):
            what, _, then = remedy.partition(": ")
            yield Finding("error", where, what, then)
            return
        kind = "SQLite" if opened.is_sqlite else "PostgreSQL"
        yield Finding("ok", where, f"{kind}, this program's revision")
        async for finding in _house(settings, rules, opened):
            yield finding
    finally:
        await opened.close()


async def _house(settings: Settings, rules: Policy, opened: Any) -> AsyncIterator[Finding]:
    from bot import wiring
    from bot.lease import in_use
    from services import access
    from services.work import reading

    if await in_use(opened):
        yield Finding(
            "warning", "lease", "a run holds this database", "a second run waits until the first ends"
        )
    deps = wiring.deps(settings, rules, opened)
    async with reading(deps) as work:
        for finding in await _versions(work, rules):
            yield finding
        for role, consequence in _DESKS.items():
            desk = await access.staff_in(work, (role,))
            sitting = [one for one in desk if one.chat_id is not None and one.reachable]
            if not sitting:
                what = "nobody is linked" if desk else "nobody is on the roll"
                remedy = f"python -m bot staff invite --role {role} ..."
                yield Finding("warning", f"desk {role}", f"{what}: {consequence}", remedy)
            elif not any(one.present(work.today) for one in sitting):
                yield Finding("warning", f"desk {role}", "everybody is away", "somebody types /back")
            else:
                yield Finding("ok", f"desk {role}", f"{len(sitting)} linked")


async def _versions(work: Any, rules: Policy) -> list[Finding]:
    """Articles that the house confirmed and that can no longer be used, such as for a fact that is gone."""
    from knowledge.files import Files
    from knowledge.library import ARTICLES, KNOWLEDGE
    from services import articles

    sheets, _ = await articles.confirmed(work)
    if not sheets:
        return []
    shipped = set(Files.read(ARTICLES, KNOWLEDGE, articles.facts(rules)).findings)
    both = Files.read(ARTICLES, KNOWLEDGE, articles.facts(rules), sheets).findings
    return [
        Finding("error" if one.fatal else "warning", f"confirmed {one.where}", one.problem, one.remedy)
        for one in both
        if one not in shipped
    ]


# --- Telegram -------------------------------------------------------------------------------------------------


async def telegram(settings: Settings, rules: Policy) -> AsyncIterator[Finding]:
    """Who the token is, privacy mode, a webhook left behind, the groups of the configuration."""
    from bot.identity import Unreachable
    from bot.identity import telegram as asking

    async with asking(settings) as ask:
        try:
            me = await ask("getMe")
        except StartError as error:
            what, _, remedy = str(error).partition(": ")
            yield Finding("error", "QIFU_BOT_TOKEN", what, remedy)
            return
        except Unreachable as error:
            remedy = "the bot keeps trying; where Telegram needs a proxy, set QIFU_PROXY"
            yield Finding("warning", "Telegram", f"is out of reach: {error}", remedy)
            return
        yield Finding("ok", "QIFU_BOT_TOKEN", f"is the bot @{me.get('username')}")
        if me.get("can_read_all_group_messages"):
            what = "privacy mode is off: the bot would get every word said in a group"
            yield Finding("warning", "@BotFather", what, "/setprivacy, Enable")
        try:
            left = (await ask("getWebhookInfo")).get("url")
            if left and left != settings.webhook_url:
                what = "a webhook of another program is set" if settings.webhook_url else "a webhook is set"
                yield Finding("warning", "Telegram", what, "run replaces it: stop that program first")
        except Unreachable as error:
            yield Finding("warning", "Telegram", f"getWebhookInfo: {error}")
        for group in rules.chat.allowed_groups:
            try:
                await ask("getChat", chat_id=group)
            except Unreachable as error:
                remedy = "add the bot to the group, or take the number out"
                yield Finding("warning", "config.yaml: chat.allowed_groups", f"{group}: {error}", remedy)


async def everything(settings: Settings) -> list[Finding]:
    """All findings. What cannot be looked at because something before it is wrong is left out."""
    found = list(environment(settings))
    token_is_fine = not any(f.where == "QIFU_BOT_TOKEN" for f in found)
    rules, more = configuration(settings)
    found += more
    if rules is None:
        return found
    try:
        found += list(library(settings, rules))
        found += [finding async for finding in database(settings, rules)]
    except StartError as error:
        found.append(Finding("error", "environment", str(error)))
    if token_is_fine:
        found += [finding async for finding in telegram(settings, rules)]
    return found


def before_start(settings: Settings, rules: Policy) -> None:
    """What ``run`` refuses without asking anybody: StartError with every sentence."""
    found = [finding for finding in environment(settings) if finding.level == "error"]
    found += [Finding("error", f"{settings.config}: {key}", *told) for key, *told in contradictions(rules)]
    if found:
        raise StartError("\n".join(f"{one.where} {one.what}: {one.remedy}" for one in found))
