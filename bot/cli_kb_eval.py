"""``python -m bot kb check`` and ``eval``: is the library in order, how good is it, and did it get worse?"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from bot.cli_house import opened, running
from bot.cli_terminal import Json, json_line, progress, table, waiting
from bot.settings import Settings, StartError, policy, settings
from domain.knowledge import Finding
from knowledge import evaluation, questions, soundness
from knowledge.articles import LANGUAGES
from knowledge.evaluation import Judged, Outcome, Report, Tally
from knowledge.library import Library, LibraryError
from knowledge.overlay import Sheet
from knowledge.questions import Golden

app = typer.Typer()

_WORST = 15


@app.command("check", epilog="Example:  python -m bot kb check")
def check(as_json: Json = False) -> None:
    """Files in order, index equal to the confirmed texts, golden questions no worse than they were."""
    with waiting("asking every golden question"):
        findings = _findings()
    for finding in findings:
        if as_json:
            json_line(
                {
                    "where": finding.where,
                    "problem": finding.problem,
                    "remedy": finding.remedy,
                    "fatal": finding.fatal,
                }
            )
        else:
            print(f"{'error' if finding.fatal else 'note'}\t{finding}")
    if fatal := sum(finding.fatal for finding in findings):
        raise StartError(f"{fatal} {'finding' if fatal == 1 else 'findings'}: the library is not in order")
    if not findings and not as_json:
        print("the library is in order")


@app.command("eval", epilog="Example:  python -m bot kb eval --half test --misses")
def evaluate(
    file: Annotated[
        Path | None, typer.Argument(help="JSON lines of questions; the shipped sets when left out.")
    ] = None,
    half: Annotated[
        str | None, typer.Option(help="Only dev or test, as a hash of the question says.")
    ] = None,
    misses: Annotated[bool, typer.Option("--misses", help="Only the questions that went wrong.")] = False,
    as_json: Json = False,
) -> None:
    """How often the library is right, declines, asks back or is wrong; how sure it is; how long it takes."""
    if half not in (None, "dev", "test"):
        raise typer.BadParameter("--half is dev or test")
    named = (
        {file.stem: questions.read(file)} if file else {lang: questions.shipped(lang) for lang in LANGUAGES}
    )
    library = _library()
    for name, asked in named.items():
        chosen = questions.of_half(asked, cast(Literal["dev", "test"], half)) if half else asked
        judged = _judged(library, chosen, name)
        if misses:
            _show_misses(judged, as_json)
        elif as_json:
            json_line({"set": name, **evaluation.as_json(evaluation.report(judged))})
        else:
            _show(name, judged)


def _library() -> Library:
    from bot import wiring

    found = settings()
    rules = policy(found.config)
    return wiring.library(found, rules, background=False, sheets=running(_sheets(found)))


async def _sheets(found: Settings) -> Sequence[Sheet]:
    """The versions that the house confirmed; none where there is no database yet."""
    from db.engine import Database
    from services import articles
    from services.work import reading

    file = Database(found.database_url).file
    if file is not None and not file.exists():
        return ()
    async with opened(found) as deps, reading(deps) as work:
        return (await articles.confirmed(work))[0]


def _findings() -> list[Finding]:
    """What is wrong with the files; where they can be used, with the index and the golden questions too."""
    from bot import wiring

    try:
        library = _library()
    except LibraryError as error:
        return list(error.findings)
    findings = list(library.check())
    today = wiring.today(settings())()
    findings += soundness.unequal(library, today)
    findings += soundness.withdrawn(library, today)
    floors = questions.floors()
    for lang in LANGUAGES:
        golden = questions.shipped(lang)
        findings += soundness.unknown_topics(library.topics(), golden)
        findings += soundness.copied(library.articles(), golden)
        found = evaluation.measures(evaluation.judge(one, library.ask(one.q)) for one in golden)
        findings += [_fall(lang, *fall) for fall in evaluation.fallen(found, floors.get(lang, {}))]
    return findings


def _fall(lang: str, measure: str, found: float, floor: float) -> Finding:
    return Finding(
        f"golden/{lang}.jsonl: {measure}",
        f"{found:.1f} %, and it was {floor:.1f} % before",
        "python -m bot kb eval --misses shows the questions",
    )


def _judged(library: Library, asked: Sequence[Golden], name: str) -> list[Judged]:
    judged = []
    with progress(f"asking {name}") as tell:
        for number, golden in enumerate(asked, 1):
            judged.append(evaluation.judge(golden, library.ask(golden.q)))
            if tell is not None:
                tell(number, len(asked))
    return judged


def _show_misses(judged: Sequence[Judged], as_json: bool) -> None:
    missed = [one for one in judged if one.outcome is not Outcome.RIGHT or not all(one.extras.values())]
    rows = [
        {
            "where": one.golden.where,
            "half": questions.half(one.golden.q),
            "wanted": one.wanted,
            "got": one.got,
            "confidence": round(one.confidence, 2),
            "wrong": ", ".join(name for name, held in one.extras.items() if not held),
            "q": one.golden.q,
        }
        for one in missed
    ]
    if as_json:
        for row in rows:
            json_line(row)
    elif rows:
        table(tuple(rows[0]), [tuple(row.values()) for row in rows])


def _show(name: str, judged: Sequence[Judged]) -> None:
    found = evaluation.report(judged)
    halves = {
        half: evaluation.measures(one for one in judged if questions.half(one.golden.q) == half)
        for half in ("dev", "test")
    }
    print(f"{name}: {found.asked} questions, {found.ms_p50:.1f} ms (p50), {found.ms_p99:.1f} ms (p99)")
    table(
        ("%", "all", "dev", "test"),
        [
            (measure, f"{share:.1f}", *(_share(halves[half].get(measure)) for half in ("dev", "test")))
            for measure, share in found.measures.items()
        ],
    )
    _show_tallies("kind", found.by_group)
    _show_tallies("topic", found.by_topic)
    _show_calibration(found)
    table(("wanted", "got", "times"), found.confusions[:_WORST], empty="no confusion")


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1f}"


def _show_tallies(heading: str, tallies: Mapping[str, Tally]) -> None:
    table((heading, *Tally.__slots__), [(name, *astuple(tally)) for name, tally in tallies.items()])


def _show_calibration(found: Report) -> None:
    table(
        ("confidence", "best candidate right", "questions"),
        [(f"{b.confidence:.2f}", f"{b.right:.2f}", b.asked) for b in found.calibration],
    )
