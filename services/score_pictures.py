"""Pictures of the newest score, for staff and for the operator: never for a client."""

import asyncio
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial

from db import scores as rows
from db.models import Score, ScoreRun
from messages import score_pictures
from messages.phrases import tail
from messages.score_pictures import Bar, Label, Point
from scoring.indicators import INDICATORS
from scoring.reasons import reasons, shown
from services.scores import stored_lines
from services.work import Deps, Work, reading


async def of_run(deps: Deps, number: int, lang: str) -> dict[str, bytes]:
    """File name -> picture: the classes on the first two factors, the loadings; only what there is something to see of."""
    async with reading(deps) as work:
        run = await rows.run(work.session, number)
    assert run is not None
    label = partial(_label, deps, lang)
    names = _factors(run, label)
    corner = _corner(deps, run, lang)
    found: dict[str, bytes | None] = {}
    if len(names) > 1:
        points = [
            Point(line.factors[0], line.factors[1], line.cluster)
            async for line in stored_lines(deps, number)
            if line.cluster is not None
        ]
        found["classes.png"] = await asyncio.to_thread(
            score_pictures.classes,
            points,
            (_axis(run, names, 0, label), _axis(run, names, 1, label)),
            label,
            corner,
        )
    if run.model.get("loadings"):
        columns = [_name(code, lang) for code in run.model["columns"]]
        found["loadings.png"] = await asyncio.to_thread(
            score_pictures.loadings, columns, names, run.model["loadings"], label, corner
        )
    return {name: picture for name, picture in found.items() if picture is not None}


@dataclass(frozen=True, slots=True)
class ClientScore:
    """A client in the newest run: score, place among those rated, class, what lifted and lowered the score, up to which day.

    ``picture`` is None where none can be drawn: the words carry all.
    """

    score: Decimal
    rank: int | None
    rated: int
    cluster: str | None
    reasons: tuple[str, ...]
    last: date
    picture: bytes | None


async def of_client(work: Work, account: str, lang: str) -> ClientScore | None:
    """A client's score in the newest run, in words and as a picture; None where it has none.

    Whoever asks must have been let in to the client's figures before (services/access.py).
    """
    run = await rows.newest_run(work.session)
    line = await rows.line(work.session, run.id, account) if run else None
    if run is None or line is None or line.score is None:
        return None
    label = partial(_label, work.deps, lang)
    bars = [
        Bar(
            label(f"score.group.{indicator.group}"),
            _name(indicator.code, lang),
            shown(line.indicators.get(indicator.code)) or "-",
            line.aligned[indicator.code],
            line.parts[indicator.code],
        )
        for indicator in INDICATORS
        if indicator.code in line.parts
    ]
    title = _title(line, run, label)
    return ClientScore(
        score=line.score,
        rank=line.rank,
        rated=run.rated,
        cluster=line.cluster,
        reasons=tuple(why.zh if lang == "zh" else why.en for why in reasons(line.parts, line.indicators)),
        last=run.last,
        picture=await asyncio.to_thread(
            score_pictures.client, bars, title, label, _corner(work.deps, run, lang)
        ),
    )


def _title(line: Score, run: ScoreRun, label: Label) -> str:
    parts = [
        label("score.picture.client"),
        tail(line.account),
        f"{line.score:+.2f}",
        f"{line.rank} / {run.rated}",
    ]
    return "  ·  ".join([*parts, *([line.cluster] if line.cluster else [])])


def _factors(run: ScoreRun, label: Label) -> list[str]:
    """``risk-2`` is the second factor of that group."""
    found = []
    for name in run.model.get("factors", []):
        group, _, number = name.partition("-")
        found.append(f"{label(f'score.group.{group}')}{f' {number}' if number else ''}")
    return found


def _axis(run: ScoreRun, names: list[str], place: int, label: Label) -> str:
    explained = run.model.get("explained", [])
    share = f"  ({label('score.picture.explained')} {explained[place]:.0%})" if explained else ""
    return f"{label('score.picture.factor')} {place + 1}  {names[place]}{share}"


def _corner(deps: Deps, run: ScoreRun, lang: str) -> str:
    company = deps.policy.company.short_name[lang]
    return f"{company} · {run.first} - {run.last} · {run.run_id} · {_label(deps, lang, 'score.picture.internal')}"


def _name(code: str, lang: str) -> str:
    return next(i.zh if lang == "zh" else i.en for i in INDICATORS if i.code == code)


def _label(deps: Deps, lang: str, key: str) -> str:
    return deps.phrases.label(key, lang)
