"""Erasure at the command line: requests that came by letter or phone, and decisions where compliance has no chat."""

from typing import Annotated

import typer

from bot.cli_house import opened, operator, running
from bot.cli_terminal import Json, json_line, table

app = typer.Typer(no_args_is_help=True, help="Requests for erasure: write down, list, decide.")


@app.command("ask", epilog="Example:  python -m bot erase ask 80012345")
def ask(
    account: Annotated[str, typer.Argument(help="Trading account number.")], as_json: Json = False
) -> None:
    """Write down a request that came by letter or phone. Somebody else decides it."""

    async def work() -> None:
        from services import erasure
        from services.work import carried_out

        async with opened() as deps:
            number, new = await carried_out(deps, lambda unit: erasure.ask_for(unit, operator(), account))
        if as_json:
            json_line({"number": number, "new": new})
        else:
            print(f"{number} {'waits for a decision' if new else 'waits already'}")

    running(work())


@app.command("list", epilog="Example:  python -m bot erase list")
def list_(as_json: Json = False) -> None:
    """Requests that nobody decided yet."""

    async def work() -> None:
        from services import erasure
        from services.work import reading

        async with opened() as deps, reading(deps) as unit:
            found = await erasure.waiting(unit)
        lines = [(r.number, f"{r.asked_at:%Y-%m-%d %H:%M}", r.account, r.name, r.asked_by) for r in found]
        headings = ("number", "asked", "account", "name", "asked by")
        if as_json:
            for line in lines:
                json_line(dict(zip(headings, line, strict=True)))
        else:
            table(headings, lines, empty="no request waits")

    running(work())


@app.command("approve", epilog="Example:  python -m bot erase approve ER-20260818-0001")
def approve(number: Annotated[str, typer.Argument(help="Number of the request.")]) -> None:
    """Erase what no law keeps, and tell the person what stays. Not for whoever wrote the request down."""

    async def work() -> None:
        from services import erasure
        from services.work import Work, carried_out

        async def approved(unit: Work) -> str:
            return await erasure.approve(unit, operator(), await erasure.id_of(unit, number))

        async with opened() as deps:
            done = await carried_out(deps, approved)
        print(f"{done}: erased; the person is told what stays")

    running(work())


@app.command("refuse", epilog="Example:  python -m bot erase refuse ER-20260818-0001 --reason identity")
def refuse(
    number: Annotated[str, typer.Argument(help="Number of the request.")],
    reason: Annotated[str, typer.Option(help="identity, open or law.")],
) -> None:
    """Erase nothing, and tell the person why."""

    async def work() -> None:
        from services import erasure
        from services.work import Work, carried_out

        async def refused(unit: Work) -> str:
            return await erasure.refuse(unit, operator(), await erasure.id_of(unit, number), reason)

        async with opened() as deps:
            done = await carried_out(deps, refused)
        print(f"{done}: refused")

    running(work())
