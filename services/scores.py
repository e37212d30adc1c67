"""The score of all clients: export what changed, reckon, store. One at a time; a run that is cut off leaves nothing half.

The reckoning (scoring/run.py) knows no database. Lines are stored in short transactions and count from one last one on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from db import queues, settlements
from db import scores as rows
from db.models import Score, ScoreRun
from domain.calendar import CalendarEnded, local
from domain.errors import Refusal
from domain.policy import ScoringPolicy
from scoring.align import Scale
from scoring.days import files
from scoring.indicators import CODES, Group, Rules
from scoring.model import Demands
from scoring.reasons import reasons, unrated
from scoring.run import Carried, LastRun, Parameters, Run, Scored, run
from services import audit
from services.score_days import export
from services.work import Deps, reading, working

Progress = Callable[[str, int, int], None]

SILENT = timedelta(seconds=60)
"""A run that has not shown itself for so long was killed."""

_BEAT = 5.0
_CHUNK = 2_000
_ALL = 100_000


def parameters(policy: ScoringPolicy) -> Parameters:
    """The configured parameters in the words of the reckoning."""
    return Parameters(
        window=policy.days,
        least_active_days=policy.least_active_days,
        classes=policy.classes,
        most_moved=float(policy.most_moved),
        close=float(policy.close),
        rules=Rules(float(policy.degree_cap), policy.var_days, tuple(sorted(policy.choices.items()))),
        scale=Scale(float(policy.winsorised), (float(policy.use_band.low), float(policy.use_band.high))),
        demands=Demands(
            policy.components.rows_per_column,
            float(policy.components.least_kmo),
            float(policy.components.most_p),
            {group: float(policy.fallback_weights[group.value]) for group in Group},
        ),
    )


@dataclass(frozen=True, slots=True)
class Scoring:
    """``number`` of the run in the database; ``fresh`` is False where the newest one rests on the same data already."""

    number: int
    fresh: bool


async def score(
    deps: Deps,
    folder: Path,
    by: str,
    *,
    first: date | None = None,
    last: date | None = None,
    progress: Progress | None = None,
) -> Scoring:
    """Scores every account from ``first`` to ``last``: the configured number of days up to the newest settlement.

    Refuses ``score_running`` while another run is at work, ``score_no_days`` where there is no settlement.
    """
    told = progress or (lambda _what, _done, _total: None)
    async with _alone(deps):
        await _clear_away(deps)
        days = await _days(deps, first, last)
        exported = await export(
            deps, folder, days[0], days[-1], lambda done, total: told("days", done, total)
        )
        newest = await _newest(deps)
        found = await asyncio.to_thread(
            run,
            exported,
            replace(parameters(deps.policy.scoring), window=len(days)),
            await _as_last(deps, newest) if newest else None,
            trading_days=_trading_days(deps, days[0], days[-1]),
            carried=await _carried(deps, folder, days[0]) if first is None else None,
            progress=lambda done, total: told("score", done, total),
        )
        if newest is not None and _same_data(newest, found):
            return Scoring(newest.id, fresh=False)
        return Scoring(await _store(deps, found, by, told), fresh=True)


async def _days(deps: Deps, first: date | None, last: date | None) -> list[date]:
    """The days with a settlement, oldest first."""
    async with reading(deps) as work:
        until = last or await settlements.newest_day(work.session)
        count = deps.policy.scoring.days if first is None else _ALL
        found = await rows.last_days(work.session, until, count) if until else []
    days = [day for day in reversed(found) if first is None or day >= first]
    if not days:
        raise Refusal("score_no_days")
    return days


async def _carried(deps: Deps, folder: Path, first: date) -> Carried:
    """The sums that are kept beside the days, with the days that have left the window since."""
    older = await asyncio.to_thread(files, folder, None, first - timedelta(days=1))
    return Carried(folder, deps.policy.scoring.days, older)


def _same_data(newest: ScoreRun, found: Run) -> bool:
    """Whether the newest run rests on the same figures and parameters: then another one would say the same."""
    return (
        newest.data_hash == found.data_hash
        and newest.card["parameters"] == dict(found.card.parameters)
        and (newest.first, newest.last) == (found.first, found.last)
    )


def _trading_days(deps: Deps, first: date, last: date) -> Sequence[date]:
    """The calendar of the window; nothing where it does not reach that far."""
    try:
        return deps.calendar.trading_days(first, last)
    except CalendarEnded:
        return ()


# --- one at a time ----------------------------------------------------------------------------------------


@asynccontextmanager
async def _alone(deps: Deps) -> AsyncIterator[None]:
    """Holds the lease while the block runs; a run that was killed is overtaken when it shows no life."""
    holder = f"score/{deps.new_token(10)}"
    async with deps.db.write() as session:
        lease = await queues.lease(session, rows.LEASE)
        if lease is not None and deps.wall() - lease.renewed_at < SILENT:
            raise Refusal("score_running")
        taken = await queues.take_lease(
            session, rows.LEASE, holder, deps.wall(), 0, instead_of=lease.holder if lease else None
        )
    if not taken:
        raise Refusal("score_running")
    beating = asyncio.create_task(_beat(deps, holder))
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
        async with deps.db.write() as session:
            await queues.drop_lease(session, rows.LEASE, holder)


async def _beat(deps: Deps, holder: str) -> None:
    count = 0
    while True:
        await asyncio.sleep(_BEAT)
        count += 1
        async with deps.db.write() as session:
            await queues.renew_lease(session, rows.LEASE, holder, deps.wall(), count)


async def _clear_away(deps: Deps) -> None:
    """Deletes what interrupted runs left."""
    async with reading(deps) as work:
        left = await rows.cut_off(work.session)
    for number in left:
        await _delete_lines(deps, number)
        async with working(deps) as work:
            await rows.delete_run(work.session, number)


async def _delete_lines(deps: Deps, number: int) -> None:
    gone = False
    while not gone:
        async with working(deps) as work:
            gone = await rows.delete_lines(work.session, number, _CHUNK)


# --- storing ----------------------------------------------------------------------------------------------


async def _store(deps: Deps, found: Run, by: str, told: Progress) -> int:
    """Stores a run; its number. It counts from the transaction on that makes it count."""
    async with working(deps) as work:
        number = await rows.add_run(
            work.session,
            run_id=found.run_id,
            data_hash=found.data_hash,
            first=found.first,
            last=found.last,
            accounts=found.card.accounts,
            rated=found.card.rated,
            model=asdict(found.model) if found.model else {},
            clustering=_plain(asdict(found.clustering)) if found.clustering else {},
            card=asdict(found.card),
            by=by,
            at=work.now,
        )
    for start in range(0, len(found.accounts), _CHUNK):
        async with working(deps) as work:
            await rows.add_lines(
                work.session, [_row(number, line) for line in found.accounts[start : start + _CHUNK]]
            )
        told("store", min(start + _CHUNK, len(found.accounts)), len(found.accounts))
    async with working(deps) as work:
        await rows.make_count(work.session, number)
        await audit.note(
            work,
            by,
            "score.done",
            f"score_run:{number}",
            run_id=found.run_id,
            first=found.first.isoformat(),
            last=found.last.isoformat(),
            accounts=found.card.accounts,
            rated=found.card.rated,
        )
    async with reading(deps) as work:
        old = await rows.older_runs(work.session, deps.policy.scoring.keep_runs)
    for one in old:
        await _delete_lines(deps, one)
    return number


def _plain(clustering: dict[str, Any]) -> dict[str, Any]:
    """JSON has no numbers as keys."""
    return {**clustering, "bic": {str(classes): value for classes, value in clustering["bic"].items()}}


def _stored(value: float | None) -> Decimal | None:
    """With eight decimals, as the column keeps it."""
    return None if value is None else Decimal(f"{value:.8f}")


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _row(number: int, line: Scored) -> dict[str, Any]:
    return {
        "run": number,
        "account": line.account,
        "days": line.days,
        "active_days": line.active_days,
        "score": _stored(line.score),
        "rank": line.rank,
        "percentile": _stored(line.percentile),
        "cluster": line.cluster,
        "proposed": line.proposed,
        "indicators": dict(line.indicators),
        "aligned": dict(line.aligned),
        "parts": dict(line.parts),
        "factors": list(line.factors),
        "marks": [mark.value for mark in line.marks],
    }


# --- reading ----------------------------------------------------------------------------------------------


async def _newest(deps: Deps) -> ScoreRun | None:
    async with reading(deps) as work:
        return await rows.newest_run(work.session)


async def _as_last(deps: Deps, newest: ScoreRun) -> LastRun:
    """The newest run as the next one compares itself with it."""
    clusters: dict[str, str] = {}
    scores: dict[str, float] = {}
    indicators: dict[str, list[float]] = {code: [] for code in CODES}
    async for line in stored_lines(deps, newest.id):
        if line.score is None:
            continue
        scores[line.account] = float(line.score)
        if line.cluster is not None:
            clusters[line.account] = line.cluster
        _collect(indicators, line.indicators.items())
    return LastRun(
        newest.run_id, clusters, scores, {code: tuple(values) for code, values in indicators.items()}
    )


async def stored_lines(deps: Deps, number: int) -> AsyncIterator[Score]:
    """The lines of a run in order of accounts, read in short transactions."""
    after = ""
    while True:
        async with reading(deps) as work:
            found = await rows.lines(work.session, number, after, _CHUNK)
        for line in found:
            yield line
        if len(found) < _CHUNK:
            return
        after = found[-1].account


def _collect(indicators: dict[str, list[float]], values: Iterable[tuple[str, float | None]]) -> None:
    for code, value in values:
        if value is not None and code in indicators:
            indicators[code].append(value)


async def report(deps: Deps, number: int) -> AsyncIterator[dict[str, object]]:
    """A stored run as the command prints it: the run first, then a line an account, in order of accounts."""
    async with reading(deps) as work:
        found = await rows.run(work.session, number)
    assert found is not None
    model = found.model
    yield {
        "run_id": found.run_id,
        "data_hash": found.data_hash,
        "from": found.first,
        "to": found.last,
        "accounts": found.accounts,
        "rated": found.rated,
        "method": model.get("method"),
        "because": model.get("because"),
        "kmo": model.get("kmo"),
        "bartlett_p": model.get("bartlett_p"),
        "factors": model.get("factors", []),
        "explained_variance": model.get("explained", []),
        "weights": model.get("weights", []),
        "loadings": dict(zip(model.get("columns", []), model.get("loadings", []), strict=False)),
        "classes": found.clustering.get("classes", []),
        "moved": len(found.clustering.get("moved", [])),
        "held_back": found.clustering.get("held_back", []),
        "card": found.card,
    }
    names = model.get("factors", [])
    async for some in _in_chunks(stored_lines(deps, number)):
        async with reading(deps) as work:
            standing = await rows.standing(work.session, [line.account for line in some])
        for line in some:
            tier, grade = standing.get(line.account, (None, None))
            yield _shown(line, names, tier, grade, deps.policy.scoring.least_active_days)


async def _in_chunks(lines: AsyncIterator[Score]) -> AsyncIterator[list[Score]]:
    some: list[Score] = []
    async for line in lines:
        some.append(line)
        if len(some) == _CHUNK:
            yield some
            some = []
    if some:
        yield some


def _shown(
    line: Score, factors: Sequence[str], tier: str | None, grade: str | None, least: int
) -> dict[str, object]:
    why: list[dict[str, object]] = [asdict(reason) for reason in reasons(line.parts, line.indicators)]
    if line.score is None:
        zh, en = unrated(line.active_days, least)
        why = [{"indicator": None, "value": None, "part": None, "zh": zh, "en": en}]
    return {
        "account": line.account,
        **{code: line.indicators.get(code) for code in CODES},
        "factors": dict(zip(factors, line.factors, strict=False)),
        "score": _number(line.score),
        "rank": line.rank,
        "percentile": _number(line.percentile),
        "cluster": line.cluster,
        "proposed": line.proposed,
        "tier": tier,
        "credit_grade": grade,
        "marks": line.marks,
        "reasons": why,
    }


async def due(deps: Deps) -> bool:
    """True for the one caller that may score today: the newest settlement has no run yet, and it is late enough."""
    async with working(deps) as work:
        if local(work.now).time() < deps.policy.scoring.after:
            return False
        day = await settlements.newest_day(work.session)
        newest = await rows.newest_run(work.session)
        if day is None or (newest is not None and newest.last >= day):
            return False
        if await settlements.import_running(work.session, deps.wall()):
            return False
        return await queues.claim_job(work.session, "score", day.isoformat(), work.now)
