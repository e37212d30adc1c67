"""What the demo begins with: made once, whole or not at all, and the statements of the days go on from it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from bot import cli_scores, demo_data, demo_opening
from bot.settings import policy
from db import scores as score_rows
from db import settlements
from db.models import AccountDay, Client, ClientCredit, Link, Score, TierMonth
from samples import opening
from samples.brokerage import accounts
from services import scores
from services.work import Deps, reading
from tests.bot.demonstrating import demo, line_with, until
from tests.desk import ROOT

FOUND = replace(demo_opening.shipped(), config=ROOT / "config.yaml")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small opening: 40 invented clients, 30 days."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_opening, "FOLDER", folder)
        assert opening.make(FOUND, clients=40, days=30)
        yield demo_opening.opening(FOUND.config)


@pytest.fixture
async def deps(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Deps]:
    """The house as the demo begins, on a copy."""
    monkeypatch.chdir(tmp_path)
    copy = replace(FOUND, database_url="sqlite:///demo.db")
    database = await demo_data.copied(copy, made)
    yield demo_data.at(copy, policy(copy.config), database, demo_data.BEGINS)
    await database.close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for openings, with an empty one in place of the real work."""
    monkeypatch.setattr(demo_opening, "FOLDER", tmp_path)

    async def fill(folder: Path, *_: object) -> None:
        await asyncio.to_thread(folder.mkdir)

    monkeypatch.setattr(opening, "fill", fill)
    return tmp_path


async def test_the_year_ends_where_the_first_statement_begins(deps: Deps) -> None:
    """Every client of the statements has days before them, flat at the end, with that balance brought forward."""
    begins = demo_data.settlement_days()[0][0]
    async with reading(deps) as work:
        for client in accounts():
            (*_, last, first) = await work.session.scalars(
                select(AccountDay)
                .where(AccountDay.account == client.number, AccountDay.day <= begins)
                .order_by(AccountDay.day)
            )
            assert first.day == begins
            assert first.pre_balance in (None, last.equity)
            assert last.equity == client.opening
            assert last.curr_margin == 0


async def test_there_are_tiers_grades_and_a_score_from_the_first_minute(deps: Deps) -> None:
    """And the phones are linked; the newest settlement is scored, so that nothing is due when the bot starts."""
    async with reading(deps) as work:
        run = await score_rows.newest_run(work.session)
        assert run is not None
        assert run.last == demo_data.LAST_SETTLED
        assert not await settlements.unjudged(work.session)
        for model, least in ((Client, 48), (ClientCredit, 40), (TierMonth, 40), (Score, 40), (Link, 9)):
            count = await work.session.scalar(select(func.count()).select_from(model))
            assert count is not None
            assert count >= least, model
    days = cli_scores.cache("sqlite:///demo.db")
    assert not (await scores.score(deps, days, "test")).fresh


@pytest.mark.usefixtures("library")
async def test_the_demo_begins_with_it(made: Path, tmp_path: Path) -> None:
    """A risk officer asks for a client's grade as soon as the page stands."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "opening").symlink_to(made.parent)
    async with (
        demo(tmp_path, "--port", "0", "--api-port", "0") as process,
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        persons = (await line_with(process, "chat page")).split()[2] + "/sim/persons/xuqiang"
        await client.post(f"{persons}/text", json={"text": "/credit 80012345"})

        async def graded() -> bool:
            shown = (await client.get(f"{persons}/messages")).json()
            return any(m["from_bot"] and "评级" in m.get("text", "") for m in shown)

        await until(graded)


def test_it_is_made_once(place: Path) -> None:
    assert opening.make(FOUND)
    assert not opening.make(FOUND)
    assert [path.name for path in place.iterdir() if path.is_dir()] == [demo_opening.stamp(FOUND.config)]


def test_that_of_another_program_or_configuration_is_not_taken(place: Path, tmp_path: Path) -> None:
    """After an upgrade the old one is removed, and a new one made."""
    opening.make(FOUND)
    other = tmp_path / "other.yaml"
    other.write_bytes(FOUND.config.read_bytes() + b"\n")
    assert not demo_opening.opening(other).exists()
    assert opening.make(replace(FOUND, config=other))
    assert not demo_opening.opening(FOUND.config).exists()


def test_what_a_kill_left_half_is_not_taken_and_not_in_the_way(place: Path) -> None:
    half = place / "making"
    half.mkdir()
    (half / "half.db").touch()
    assert not demo_opening.opening(FOUND.config).exists()
    assert opening.make(FOUND)
    assert not half.exists()
    assert not (demo_opening.opening(FOUND.config) / "half.db").exists()
