"""The score from the database and back into it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from db import queues
from db import scores as rows
from db.models import AccountDay, AuditEntry, ImportedFile, Lease, Score, ScoreRun
from domain.errors import Refusal
from domain.policy import Policy
from messages.canvas import font
from samples.history import contracts, load
from scoring import days as store
from scoring.sample import clients, history
from services import score_pictures, scores
from services.score_days import columns, export
from services.work import reading, working
from tests.scoring.house import CONTRACTS, weekdays
from tests.services.settled import Settled, published, settled

CLIENTS, DAYS, SEED = 150, 24, 20260818
ALL = weekdays(DAYS)


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[Settled]:
    async with settled(database_url) as opened:
        yield opened


@pytest.fixture
async def full(sqlite_url: str) -> AsyncIterator[Settled]:
    """A house with a month of 150 sample clients."""
    async with settled(sqlite_url) as opened:
        await load(opened.deps, history(clients(CLIENTS, DAYS, SEED), CONTRACTS, ALL, SEED))
        yield opened


async def lines(house: Settled, number: int) -> list[dict[str, object]]:
    return [line async for line in scores.report(house.deps, number)]


async def test_exported_days_hold_what_was_imported(house: Settled, tmp_path: Path) -> None:
    """A statement's figures, on both databases: equity, margin, cash, profit less fees, turnover with the multiplier."""
    await house.take(published())
    (file,) = await export(house.deps, tmp_path, date(2026, 8, 17), date(2026, 8, 17))
    with store.connected() as database:
        row = database.read_parquet(str(file.path)).df().iloc[0]
    assert row["account"] == "80012345"
    assert row["equity"] == 51_941_543
    assert row["margin"] == 4_292_150
    assert row["cash_flow"] == 2_000_000
    assert row["commission"] == 2_457
    assert row["profit"] == -24_000 - 32_000 - 2_457
    assert row["turnover"] == 28_419_000
    assert row["lots"] == 9
    assert row["trades"] == 2
    assert 0 < row["retained"] < row["commission"]


async def test_a_day_is_exported_again_only_when_it_changed(full: Settled, tmp_path: Path) -> None:
    first = await export(full.deps, tmp_path, ALL[0], ALL[-1])
    written = {file.path: file.path.stat().st_mtime_ns for file in first}
    async with full.deps.db.write() as session:
        await session.execute(
            delete(AccountDay).where(AccountDay.day == ALL[3], AccountDay.account > "81000100")
        )
    second = await export(full.deps, tmp_path, ALL[0], ALL[-1])
    changed = [file.day for file in second if written.get(file.path) != file.path.stat().st_mtime_ns]
    assert changed == [ALL[3]]
    assert len(store.files(tmp_path)) == DAYS


async def test_files_that_do_not_count_are_not_scored(full: Settled, tmp_path: Path) -> None:
    async with full.deps.db.write() as session:
        await session.execute(
            update(ImportedFile).where(ImportedFile.day == ALL[-1]).values(state="replaced")
        )
    found = await export(full.deps, tmp_path, ALL[0], ALL[-1])
    assert [file.day for file in found] == ALL[:-1]


async def test_a_run_is_stored_with_its_lines_and_says_why(full: Settled, tmp_path: Path) -> None:
    done = await scores.score(full.deps, tmp_path, "test")
    run, *accounts = await lines(full, done.number)
    assert done.fresh
    assert (run["from"], run["to"], run["accounts"]) == (ALL[0], ALL[-1], len(accounts))
    for key in ("run_id", "data_hash", "kmo", "bartlett_p", "factors", "explained_variance", "loadings"):
        assert key in run
    rated = [line for line in accounts if line["score"] is not None]
    assert rated
    for line in rated:
        assert line["reasons"]
        assert {"tier", "credit_grade", "cluster", "turnover_share", "fund_use"} <= set(line)
    assert "score.done" in [entry.action for entry in await full.all(AuditEntry)]


async def test_the_same_data_again_adds_no_run(full: Settled, tmp_path: Path) -> None:
    first = await scores.score(full.deps, tmp_path, "test")
    second = await scores.score(full.deps, tmp_path, "test")
    assert (second.number, second.fresh) == (first.number, False)
    assert len(await full.all(ScoreRun)) == 1


async def test_the_next_day_is_compared_with_the_last_run(full: Settled, tmp_path: Path) -> None:
    """Classes are matched, drift is told."""
    await scores.score(full.deps, tmp_path, "test", last=ALL[-2])
    done = await scores.score(full.deps, tmp_path, "test")
    run, *_ = await lines(full, done.number)
    card = run["card"]
    assert isinstance(card, dict)
    assert card["last_run"] == (await full.all(ScoreRun))[0].run_id
    assert {drift["name"] for drift in card["drift"]} >= {"score", "fund_use"}


async def test_two_runs_at_once_the_second_is_refused(full: Settled, tmp_path: Path) -> None:
    """And the first is not disturbed."""
    begun = asyncio.Event()
    first = asyncio.create_task(
        scores.score(full.deps, tmp_path, "one", progress=lambda _what, _done, _total: begun.set())
    )
    await begun.wait()
    with pytest.raises(Refusal) as refused:
        await scores.score(full.deps, tmp_path, "two")
    assert refused.value.code == "score_running"
    assert (await first).fresh
    assert await full.all(Lease) == []


async def test_a_run_that_was_killed_is_overtaken_when_it_is_silent(full: Settled, tmp_path: Path) -> None:
    long_ago = full.deps.wall() - 2 * scores.SILENT
    async with full.deps.db.write() as session:
        await queues.take_lease(session, rows.LEASE, "score/dead", long_ago, 0, instead_of=None)
    assert (await scores.score(full.deps, tmp_path, "test")).fresh


async def test_an_interrupted_run_leaves_nothing_half(full: Settled, tmp_path: Path) -> None:
    """Stopped while lines are stored: no run counts, and the next one clears away and starts anew."""

    class Stopped(Exception):
        pass

    def stop(what: str, _done: int, _total: int) -> None:
        if what == "store":
            raise Stopped

    with pytest.raises(Stopped):
        await scores.score(full.deps, tmp_path, "test", progress=stop)
    async with reading(full.deps) as work:
        assert await rows.newest_run(work.session) is None
    left = {line.run for line in await full.all(Score)}
    assert left
    done = await scores.score(full.deps, tmp_path, "test")
    assert {line.run for line in await full.all(Score)} == {done.number}
    assert [run.state for run in await full.all(ScoreRun)] == ["in"]


async def test_only_the_lines_of_the_newest_runs_are_kept(full: Settled, tmp_path: Path) -> None:
    """Every run's card stays."""
    kept = full.deps.policy.scoring.keep_runs
    for back in range(kept + 1, -1, -1):
        await scores.score(full.deps, tmp_path, "test", last=ALL[-1 - back])
    assert len(await full.all(ScoreRun)) == kept + 2
    assert len({line.run for line in await full.all(Score)}) == kept


async def test_a_period_without_a_settlement_is_refused(full: Settled, tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        await scores.score(full.deps, tmp_path, "test", last=ALL[0] - timedelta(days=1))
    assert refused.value.code == "score_no_days"


async def test_the_score_is_due_once_a_settlement_and_in_the_evening(full: Settled, tmp_path: Path) -> None:
    full.set_clock(f"{ALL[-1]} 19:59")
    assert not await scores.due(full.deps)
    full.set_clock(f"{ALL[-1]} 20:00")
    assert await scores.due(full.deps)
    assert not await scores.due(full.deps)
    async with working(full.deps) as work:
        await rows.add_run(work.session, **_run(ALL[-1], full))
        await rows.make_count(work.session, 1)
    full.set_clock(f"{ALL[-1] + timedelta(days=1)} 20:00")
    assert not await scores.due(full.deps)


def _run(day: date, house: Settled) -> dict[str, object]:
    return {
        "run_id": "r", "data_hash": "h", "first": day, "last": day, "accounts": 0, "rated": 0, "model": {},
        "clustering": {}, "card": {}, "by": "test", "at": house.deps.now(),
    }  # fmt: skip


def test_statements_by_trade_and_of_a_month_state_no_profit_of_the_day(shipped: Policy) -> None:
    """Their equity and margin count, their profit does not."""
    day = date(2026, 8, 17)
    money = [rows.DaySums(str(n), 100, 5, None, 0, 7, 1, 2, basis) for n, basis in enumerate("mtx")]
    found = columns(day, money, [], {}, shipped)
    assert found["profit"] == [6, None, None]
    assert found["equity"] == [100, 100, 100]


def test_a_contract_that_the_table_does_not_know_adds_no_turnover(shipped: Policy) -> None:
    day = date(2026, 8, 17)
    money = [rows.DaySums("1", 100, 5, None, None, None, None, None, "m")]
    traded = [
        rows.TradeSums("1", "rb2610", 3030 * 10**8 * 2, 2, 1, 0),
        rows.TradeSums("1", "zz2610", 10**10, 1, 1, 1),
    ]
    found = columns(day, money, traded, {}, shipped)
    assert found["turnover"] == [3030 * 2 * 10 * 100]
    assert (found["lots"], found["trades"], found["forced"]) == ([3], [2], [1])


@pytest.fixture(scope="module")
def shipped() -> Policy:
    from bot.settings import policy

    return policy(Path(__file__).parents[2] / "config.yaml")


async def test_pictures_of_a_run_and_of_a_client(full: Settled, tmp_path: Path) -> None:
    """Drawn from what is stored; an account without a score has none."""
    done = await scores.score(full.deps, tmp_path, "test")
    found = await score_pictures.of_run(full.deps, done.number, "zh")
    rated = [line for line in await full.all(Score) if line.score is not None]
    unrated = next(line for line in await full.all(Score) if line.score is None)
    async with reading(full.deps) as work:
        own = await score_pictures.of_client(work, rated[0].account, "en")
        none = await score_pictures.of_client(work, unrated.account, "en")
    assert none is None
    if font() is not None:
        assert found
        assert own is not None


async def test_the_sample_history_is_scored_as_it_was_made(full: Settled, tmp_path: Path) -> None:
    """Through the database and back: the same equity, margin, profit and lots; turnover to a hundredth of a percent."""
    made = dict(history(clients(CLIENTS, DAYS, SEED), CONTRACTS, ALL, SEED))
    for file in await export(full.deps, tmp_path, ALL[0], ALL[-1]):
        with store.connected() as database:
            table = database.read_parquet(str(file.path)).df().set_index("account")
        expected = made[file.day].set_index("account").loc[table.index]
        for name in ("equity", "margin", "cash_flow", "profit", "commission", "lots"):
            assert (table[name] == expected[name]).all(), name
        assert table["turnover"].sum() == pytest.approx(expected["turnover"].sum(), rel=1e-4)
        assert ((table["forced"] > 0) == ((expected["forced"] > 0) & (expected["lots"] > 1))).all()


def test_the_sample_contracts_are_those_of_the_table(shipped: Policy) -> None:
    """Nine products, each with its margin and add-on of the day."""
    found = {contract.product: contract for contract in contracts(shipped, date(2026, 8, 12))}
    assert len(found) == 9
    assert found["rb2701"].margin_exchange == 0.07
    assert found["rb2701"].margin_company == pytest.approx(0.12)
    assert found["IF2612"].multiplier == 300
