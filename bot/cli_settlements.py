"""Commands about settlement: importing the broker's files, and where every account stands."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli_house import content, opened, operator, refused_file, running
from bot.cli_terminal import Json, json_line, progress, table, told
from bot.settings import StartError
from domain.errors import Refusal

if TYPE_CHECKING:
    from services.settlements import ImportSummary
    from services.work import Deps

app = typer.Typer()
_SHOWN = 20


@app.command("import", epilog="Example:  python -m bot import samples/settlements/20260818.txt --json")
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(help="CTP statements, monitoring-centre workbooks, CSV with CTP field names."),
    ],
    replace: Annotated[
        str | None, typer.Option(help="Why other figures take the place of those that are in.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read settlement files: sums checked to the cent, each file once, whole or not at all."""

    async def work() -> int:
        refused = 0
        async with opened() as deps:
            for file in files:
                try:
                    summary = await _import_one(deps, file, replace)
                except (Refusal, StartError) as error:
                    refused += 1
                    told(refused_file(deps, file, error) if isinstance(error, Refusal) else error)
                    continue
                if as_json:
                    json_line(summary.as_json())
                else:
                    _show(summary)
        return refused

    if refused := running(work()):
        raise StartError(
            f"{refused} of {len(files)} files refused" if len(files) > 1 else "nothing was imported"
        )


async def _import_one(deps: "Deps", file: Path, reason: str | None) -> "ImportSummary":
    from services.settlements import import_file
    from statements.limits import MEBIBYTE

    data = content(file, deps.policy.imports.max_megabytes * MEBIBYTE)
    with progress(file.name) as moved:
        return await import_file(deps, file.name, data, operator(), reason, moved)


def _show(summary: "ImportSummary") -> None:
    if summary.state == "already_imported":
        print(
            f"{summary.file}: already imported ({summary.day}, {summary.accounts} accounts); nothing was changed"
        )
        return
    counts = f"{summary.accounts} accounts, {summary.positions} positions, {summary.trades} trades"
    print(f"{summary.file}: {summary.format}, {summary.day}, {counts}, {summary.alerts} alerts")
    for line in summary.rejected[:_SHOWN]:
        told(f"{summary.file}: line {line.line}: {line.reason}")
    if more := len(summary.rejected) - _SHOWN:
        told(*([f"{summary.file}: {more} more lines were left out"] if more > 0 else []))
    for note in summary.notes[:_SHOWN]:
        told(f"{summary.file}: line {note.line}: {note.reason}")
    if unknown := summary.unknown_accounts:
        names = ", ".join(unknown[:_SHOWN]) + (" ..." if len(unknown) > _SHOWN else "")
        told(f"{summary.file}: {len(unknown)} accounts are not in the register: {names}")


@app.command(epilog="Example:  python -m bot risk --day 2026-08-18 --json")
def risk(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Trading day; the newest when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Every account's margin and risk degrees after settlement, worst first."""

    async def work() -> None:
        from services import risk as risks
        from services.work import reading

        async with opened() as deps, reading(deps) as unit:
            lines = await risks.risk_lines(unit, day.date() if day else None)
        if as_json:
            for line in lines:
                json_line(line.as_json())
            return
        headings = ("account", "level", "equity", "margin", "exchange margin", "degree", "exchange", "to add")
        rows = [
            (
                line.account,
                str(line.level),
                _money(line.equity),
                _money(line.company_margin),
                _money(line.exchange_margin),
                _degree(line.risk_company),
                _degree(line.risk_exchange),
                _money(line.shortfall),
            )
            for line in lines
        ]
        table(headings, rows, empty="no settlement of that day: python -m bot import --help")

    running(work())


def _money(amount: Decimal | None) -> str:
    return "-" if amount is None else f"{amount:,.2f}"


def _degree(degree: Decimal | None) -> str:
    return "-" if degree is None else f"{degree * 100:.2f}%"
