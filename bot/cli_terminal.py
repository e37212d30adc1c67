"""What commands show: tables and progress on a terminal, plain lines in a pipe, JSON where it is asked for."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

_NUMBER = re.compile(r"-|-?[0-9][0-9,.]*%?")

Json = Annotated[
    bool, typer.Option("--json", help="JSON on standard output, one object a line, nothing else.")
]


def json_line(shown: Mapping[str, object]) -> None:
    """One object on one line; dates and amounts as text."""
    print(json.dumps(shown, ensure_ascii=False, default=str))


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str = "nothing") -> None:
    """A table on a terminal; in a pipe a heading and a line a row, separated by tabs."""
    words = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not words:
        print(empty)
    elif sys.stdout.isatty():
        from rich import box
        from rich.console import Console
        from rich.table import Table

        shown = Table(box=box.SIMPLE_HEAD, header_style="bold")
        for place, heading in enumerate(headings):
            numbers = all(_NUMBER.fullmatch(row[place]) for row in words)
            shown.add_column(heading, overflow="fold", justify="right" if numbers else "left")
        for row in words:
            shown.add_row(*(_literal(cell) for cell in row))
        Console().print(shown)
    else:
        for row in [list(headings), *words]:
            print("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))


def _literal(text: str) -> str:
    from rich.markup import escape

    return escape(text)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A spinner beside ``what`` while the block runs, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal; gives what the work calls with (done, total), or None in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def told(*lines: object) -> None:
    """Words for the person at the terminal, beside the output: standard error."""
    for line in lines:
        print(line, file=sys.stderr)


def confirmed(question: str, yes: bool) -> bool:
    """True when ``--yes`` was given or the person at the terminal says so; False in a pipe."""
    if yes or not sys.stdin.isatty():
        return yes
    return typer.confirm(question, err=True)
