"""Commands that look after the house: check, backup, restore, the database's revision."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli_house import running
from bot.cli_terminal import Json, confirmed, json_line, table, told, waiting
from bot.clock import wall
from bot.settings import StartError, settings

if TYPE_CHECKING:
    from db.engine import Database

app = typer.Typer()
database_app = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(database_app, name="db")


@database_app.command("upgrade", epilog="Example:  python -m bot db upgrade")
def database_upgrade() -> None:
    """Bring the database to this program's revision (creates it where there is none)."""

    async def work() -> None:
        from db.engine import Database
        from db.migrate import upgrade

        database = Database(settings().database_url)
        try:
            before, after = await upgrade(database)
        finally:
            await database.close()
        if before == after:
            print(f"database: {after}, nothing to do")
        else:
            print(f"database: {before or 'empty'} -> {after}")

    running(work())


@app.command(epilog="Example:  python -m bot check --json")
def check(as_json: Json = False) -> None:
    """Look at configuration, database, articles, tables, token and desks; exit 1 if the bot would not start."""
    from bot import check as checks

    with waiting("looking at everything"):
        found = running(checks.everything(settings()))
    shown = [(f.level, f.where, f.what, f.remedy) for f in found]
    if as_json:
        for line in shown:
            json_line(dict(zip(("level", "where", "what", "remedy"), line, strict=True)))
    else:
        table(("", "where", "what", "what to do"), shown)
    if errors := sum(one.level == "error" for one in found):
        raise StartError(
            f"{errors} {'finding keeps' if errors == 1 else 'findings keep'} the bot from starting"
        )


@app.command(epilog="Example:  python -m bot backup data/backups")
def backup(
    to: Annotated[
        Path | None, typer.Argument(help="File or folder; data/backups when left out.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy the database while the bot runs: one file, checked, with its SHA-256 beside it."""
    from bot import backup as copies
    from db.engine import Database

    database = Database(settings().database_url)
    with waiting("copying the database"):
        done = copies.backup(database, to, wall().astimezone())
    if as_json:
        json_line({"file": str(done.file), "bytes": done.size, "sha256": done.sha256})
    else:
        print(f"{done.file}  {done.size:,} bytes  sha256 {done.sha256}")


@app.command(epilog="Example:  python -m bot restore data/backups/qifu-20260818-173000.db --yes")
def restore(
    file: Annotated[Path, typer.Argument(help="A file that backup wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace the present database.")] = False,
    send_waiting: Annotated[
        bool,
        typer.Option(
            "--send-waiting", help="Send what waited in the copy; else it is held, lest it goes twice."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of the database, which is kept. Stop the bot first."""

    async def work() -> None:
        from bot import backup as copies
        from db.engine import Database
        from db.migrate import behind

        database = Database(settings().database_url)
        try:
            with waiting(f"checking {file.name}"):
                copies.inspect(file)
            await _refuse_while_used(database, yes)
            with waiting("restoring"):
                done = await copies.restore(database, file, wall().astimezone(), send_waiting=send_waiting)
            remedy = await behind(database)
        finally:
            await database.close()
        if as_json:
            former = str(done.former) if done.former else None
            json_line({"file": str(file), "former": former, "waiting": done.waiting, "next": remedy})
            return
        print(f"restored {file}" + (f"; the former database is {done.former}" if done.former else ""))
        if done.waiting:
            what = "will be sent" if send_waiting else "are held and will not be sent"
            told(f"{done.waiting} messages waited in the copy: they {what}")
        if remedy:
            told(remedy)

    running(work())


async def _refuse_while_used(database: "Database", yes: bool) -> None:
    """Raises StartError while a run holds the database, or when nobody agreed to replace it."""
    from bot.lease import in_use

    if database.file is not None and not database.file.exists():
        return
    if await in_use(database):
        raise StartError("a run holds this database: stop it, then restore")
    if not confirmed("Replace the present database? It is kept beside the new one.", yes):
        raise StartError("nothing was changed: give --yes to replace the present database (it is kept)")
