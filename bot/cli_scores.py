"""The command that scores all clients."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli_house import opened, operator, running
from bot.cli_terminal import Json, json_line, progress, table, told
from bot.settings import settings

if TYPE_CHECKING:
    from services.work import Deps

app = typer.Typer()

_WHAT = {"days": "days of settlement", "score": "score", "store": "lines"}
_SHOWN = 20


@app.command(epilog="Example:  python -m bot score --to 2026-08-18 --json")
def score(
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day; the configured number of days else."),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Last day; the newest settlement else."),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Write the pictures of the run into this folder, too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Score all clients: twelve indicators, factors, classes; stored, with the run's model card."""

    async def work() -> None:
        from services import scores

        async with opened() as deps:
            with _bars() as moved:
                done = await scores.score(
                    deps,
                    cache(settings().database_url),
                    operator(),
                    first=_day(first),
                    last=_day(last),
                    progress=moved,
                )
            if not done.fresh:
                told("nothing has changed since the newest run: that one is shown")
            if pictures is not None:
                await _draw(deps, done.number, pictures)
            if as_json:
                async for shown in scores.report(deps, done.number):
                    json_line(shown)
            else:
                await _show(deps, done.number)

    running(work())


async def _draw(deps: "Deps", number: int, folder: Path) -> None:
    from services import score_pictures

    found = await score_pictures.of_run(deps, number, "zh")
    _write(folder, found)
    told(f"{folder}: {', '.join(found) or 'nothing to draw, or no font with Chinese on this machine'}")


def _write(folder: Path, found: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in found.items():
        (folder / name).write_bytes(picture)


def cache(database_url: str) -> Path:
    """Where the days of a database are kept as Parquet; may be deleted at any time."""
    database = hashlib.sha256(database_url.encode()).hexdigest()[:12]
    return Path("data") / "scoring" / database


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each part of the work in turn, on a terminal."""
    with ExitStack() as stack:
        bars: dict[str, Callable[[int, int], None] | None] = {}

        def moved(what: str, done: int, total: int) -> None:
            if what not in bars:
                stack.pop_all().close()
                bars[what] = stack.enter_context(progress(_WHAT[what]))
            if (bar := bars[what]) is not None:
                bar(done, total)

        yield moved


async def _show(deps: "Deps", number: int) -> None:
    from services import scores

    lines = scores.report(deps, number)
    run = await anext(lines)
    card = run["card"]
    assert isinstance(card, dict)
    told(
        f"run {run['run_id']}: {run['from']} to {run['to']}, {run['rated']} of {run['accounts']} accounts rated"
    )
    for check in card["checks"]:
        told(f"{'ok  ' if check['passed'] else 'LOOK'} {check['name']}: {check['said']}")
    best = sorted(
        [line async for line in lines if line["rank"] is not None],
        key=lambda line: str(line["rank"]).zfill(9),
    )
    rows = [
        (
            line["rank"],
            line["account"],
            f"{line['score']:.2f}",
            line["cluster"],
            line["tier"],
            line["credit_grade"],
            _why(line),
        )
        for line in best[:_SHOWN]
    ]
    table(
        ("rank", "account", "score", "class", "tier", "grade", "why"), rows, empty="no account could be rated"
    )


def _why(line: dict[str, object]) -> str:
    found = line["reasons"]
    assert isinstance(found, list)
    return "; ".join(reason["en"] for reason in found[:2])
