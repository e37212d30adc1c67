"""``check``: every finding with its place and remedy; an error for whatever keeps the bot from starting."""

import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bot import check
from bot.settings import Settings, StartError, policy, settings
from domain.policy import Policy
from simulator import Sim, running
from tests.bot.conftest import Command
from tests.desk import ROOT, Desk

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@pytest.fixture
def rules() -> Policy:
    return policy(ROOT / "config.yaml")


@pytest.fixture
def plain() -> Settings:
    found = settings({"QIFU_BOT_TOKEN": TOKEN}, Path("/nonexistent"))
    return replace(found, config=ROOT / "config.yaml")


def keys(rules: Policy) -> list[str]:
    return [key for key, _, _ in check.contradictions(rules)]


def test_the_shipped_configuration_contradicts_itself_nowhere(rules: Policy) -> None:
    """The sample runs as it is."""
    assert keys(rules) == []


def test_a_company_that_is_no_sample_has_facts_of_its_own(rules: Policy) -> None:
    """Clients would be told to phone a number that does not exist."""
    company = rules.company.model_copy(update={"sample": False})
    found = keys(rules.model_copy(update={"company": company}))
    assert {"company.hotline", "company.risk_phone", "company.complaint_email", "company.name"} <= set(found)
    assert "company.service_hours" not in found


def test_rules_that_cannot_both_hold_are_found(rules: Policy) -> None:
    """Each value is well-formed; together they leave a complaint without a desk, or a ladder upside down."""
    complaints = rules.complaints
    routes = [complaints.routes[0].model_copy(update={"categories": ["99"]}), *complaints.routes[1:-1]]
    categories = [*complaints.categories, complaints.categories[0]]
    broken = rules.model_copy(
        update={
            "risk": rules.risk.model_copy(update={"watch": rules.risk.warning}),
            "tiers": {code: tier for code, tier in rules.tiers.items() if code != "key"},
            "complaints": complaints.model_copy(update={"routes": routes, "categories": categories}),
        }
    )
    assert keys(broken) == [
        "tiers",
        "risk",
        "complaints.categories",
        "complaints.routes.0",
        "complaints.routes",
    ]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"token": None}, "QIFU_BOT_TOKEN"),
        ({"token": "my-token"}, "QIFU_BOT_TOKEN"),
        ({"webhook_url": "http://bot.example.com", "web_port": 1, "webhook_secret": "s"}, "QIFU_WEBHOOK_URL"),
        ({"webhook_url": "https://bot.example.com", "webhook_secret": "s"}, "QIFU_WEB_PORT"),
        ({"webhook_url": "https://bot.example.com", "web_port": 1}, "QIFU_WEBHOOK_SECRET"),
    ],
)
def test_an_environment_that_cannot_work_keeps_the_bot_from_starting(
    plain: Settings, rules: Policy, change: dict[str, object], where: str
) -> None:
    """``run`` refuses the same things without asking anybody, and never prints the token."""
    broken = replace(plain, **change)  # type: ignore[arg-type]  # as named
    (found,) = list(check.environment(broken))
    assert (found.level, found.where) == ("error", where)
    with pytest.raises(StartError, match=where) as refused:
        check.before_start(broken, rules)
    assert "my-token" not in str(refused.value)


def test_the_calendar_warns_before_it_ends(plain: Settings, rules: Policy, tmp_path: Path) -> None:
    """Thirty days before its last row, and from then on."""
    clock = tmp_path / "now"
    told = replace(plain, clock=str(clock))
    for instant, level, words in (
        ("2026-11-23T10:00:00+08:00", "ok", "until 2026-12-31"),
        ("2026-12-05T10:00:00+08:00", "warning", "in 26 days"),
        ("2027-01-04T10:00:00+08:00", "warning", "ended on 2026-12-31"),
    ):
        clock.write_text(instant, "utf-8")
        (found,) = list(check._calendar(told, rules))
        assert found.level == level
        assert words in found.what


async def test_desks_without_anybody_are_named(desk: Desk) -> None:
    """Who is linked counts; a desk where everybody is away is a finding of its own."""
    await desk.staff("lin", name="林悦", role="officer", code="S01")
    await desk.staff("xu", name="许强", role="risk", code="R01")
    async with desk.work() as work:
        from db import people

        row = await people.staff_by_code(work.session, "R01")
        assert row is not None
        row.leave_until = date(2099, 1, 1)
    found = {
        finding.where: finding
        async for finding in check.database(desk.settings, desk.deps.policy)
        if finding.where.startswith("desk")
    }
    assert found["desk officer"].level == "ok"
    assert found["desk risk"].what == "everybody is away"
    assert found["desk manager"].what.startswith("nobody is on the roll")


async def test_a_run_that_holds_the_database_is_told(desk: Desk) -> None:
    """The operator who looks sees that the house is open."""
    await desk.stranger()
    found = [f async for f in check.database(desk.settings, desk.deps.policy) if f.where == "lease"]
    assert [f.level for f in found] == ["warning"]


@pytest.fixture
async def sim() -> AsyncIterator[Sim]:
    async with running() as opened:
        yield opened


async def test_telegram_tells_who_the_token_is(sim: Sim, plain: Settings, rules: Policy) -> None:
    """The bot's name; a wrong token is an error, a group that the bot is not in a warning."""
    here = replace(plain, api_url=sim.url, token=sim.token)
    elsewhere = rules.model_copy(
        update={"chat": rules.chat.model_copy(update={"allowed_groups": [-1001234567890]})}
    )
    found = [f async for f in check.telegram(here, elsewhere)]
    assert [(f.level, f.where) for f in found] == [
        ("ok", "QIFU_BOT_TOKEN"),
        ("warning", "config.yaml: chat.allowed_groups"),
    ]
    wrong = [f async for f in check.telegram(replace(here, token=TOKEN), rules)]
    assert [(f.level, f.where) for f in wrong] == [("error", "QIFU_BOT_TOKEN")]


async def test_telegram_out_of_reach_is_a_warning(plain: Settings, rules: Policy) -> None:
    """The bot itself keeps trying, so it would start."""
    nowhere = replace(plain, api_url="http://127.0.0.1:9")
    (found,) = [f async for f in check.telegram(nowhere, rules)]
    assert (found.level, found.where) == ("warning", "Telegram")
    assert "QIFU_PROXY" in found.remedy


def test_the_command_counts_errors(
    command: Command, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a token and a database: two errors, exit 1; the database's remedy is what to type."""
    shown = command("check", "--json")
    errors = [one for line in shown.lines if (one := json.loads(line))["level"] == "error"]
    assert shown.code == 1
    assert [one["where"] for one in errors] == ["QIFU_BOT_TOKEN", "QIFU_DATABASE_URL"]
    assert errors[1]["remedy"].endswith("python -m bot db upgrade")
    assert shown.err == "2 findings keep the bot from starting\n"
    monkeypatch.setenv("QIFU_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("QIFU_API_URL", "http://127.0.0.1:9")
    command("db", "upgrade")
    assert command("check").code == 0
    with sqlite3.connect(database_file) as connection:
        connection.execute("DELETE FROM alembic_version")
    connection.close()
    assert command("check").code == 1


def test_the_library_s_files_are_in_order(command: Command) -> None:
    """The shipped articles, topics and tables have no finding."""
    assert command("kb", "check").out == "the library is in order\n"


def test_a_confirmed_version_that_cannot_be_used_any_more_is_found(
    house: Command, database_file: Path
) -> None:
    """A fact was taken out of config.yaml, and an article that two people confirmed names it."""
    with sqlite3.connect(database_file) as database:
        database.execute(
            "INSERT INTO article_version (article, lang, kind, state, sequence, text, told, written_by, written_at) "
            "VALUES ('own', 'zh', 'new', 'confirmed', 1, 'no front matter', 0, 'O01', '2026-11-23 00:00:00')"
        )
    ran = house("check", "--json")
    (found,) = [line for line in map(json.loads, ran.lines) if line["where"].startswith("confirmed ")]
    assert (found["level"], found["where"]) == ("error", "confirmed zh/own#1:1")
    assert ran.code == 1
