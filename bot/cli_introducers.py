"""Commands about introducers: registration, whom they brought, monthly statements, a change of model, fee plans."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli_house import opened, operator, running
from bot.cli_terminal import Json, json_line, table, told
from domain.fees import Introducer, Relation

if TYPE_CHECKING:
    from services.introducers import Statement

app = typer.Typer(no_args_is_help=True, help="Introducers and their pay; fee plans by equity and turnover.")
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]
Month = Annotated[datetime, typer.Option(formats=["%Y-%m"], help="The month.")]


def _day(value: datetime | None) -> date | None:
    return value.date() if value else None


@app.command(epilog="Example:  python -m bot introducers add J01 --name 赵某 --born 1990-08-01 ...")
def add(
    code: Annotated[str, typer.Argument(help="The house's own code of the introducer.")],
    name: Annotated[str, typer.Option(help="Name.")],
    kind: Annotated[str, typer.Option(help="person or institution.")] = "person",
    born: Day = None,
    exam_on: Day = None,
    trained_until: Day = None,
    promised_on: Day = None,
    licence: Annotated[str | None, typer.Option(help="Licence of a financial institution.")] = None,
    elsewhere: Annotated[int, typer.Option(help="Other companies that it stands with.")] = 0,
) -> None:
    """Register an introducer, or change one; refused where the registration rules do not hold."""
    who = Introducer(
        kind, _day(born), _day(exam_on), _day(trained_until), _day(promised_on), licence, elsewhere
    )

    async def work() -> None:
        from services import introducers
        from services.work import carried_out

        async with opened() as deps:
            await carried_out(deps, lambda unit: introducers.store(unit, operator(), code, name, who))

    running(work())
    print(f"{code}: registered")


@app.command(epilog="Example:  python -m bot introducers assign J01 80012345 --since 2026-07-01")
def assign(
    code: Annotated[str, typer.Argument(help="The introducer.")],
    account: Annotated[str, typer.Argument(help="The client's account.")],
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day that counts.")],
    relation: Annotated[Relation, typer.Option(help="Relatives may not be introduced.")] = Relation.NONE,
) -> None:
    """Write down who brought a client."""

    async def work() -> None:
        from services import introducers
        from services.work import carried_out

        async with opened() as deps:
            await carried_out(
                deps,
                lambda unit: introducers.assign(unit, operator(), code, account, relation, since.date()),
            )

    running(work())
    print(f"{account}: brought by {code} from {since:%Y-%m-%d}")


@app.command("list", epilog="Example:  python -m bot introducers list --json")
def list_(as_json: Json = False) -> None:
    """Every introducer, with what stands against the registration today."""

    async def work() -> list[tuple[Any, ...]]:
        from services import introducers
        from services.work import reading

        async with opened() as deps, reading(deps) as transaction:
            found = await introducers.registered(transaction)
        return [(one.code, one.name, one.who.kind, ", ".join(one.faults)) for one in found]

    headings = ("code", "name", "kind", "faults")
    lines = running(work())
    if as_json:
        for line in lines:
            json_line(dict(zip(headings, line, strict=True)))
    else:
        table(headings, lines, empty="no introducers")


@app.command(epilog="Example:  python -m bot introducers statement J01 --month 2026-07 --json")
def statement(
    code: Annotated[str, typer.Argument(help="The introducer.")], month: Month, as_json: Json = False
) -> None:
    """Make the statement of a month: fees less the wholesale price, less deductions, with what is carried."""

    async def work() -> "Statement":
        from services import introducers
        from services.work import carried_out

        async with opened() as deps:
            return await carried_out(
                deps, lambda unit: introducers.statement(unit, operator(), code, month.date())
            )

    found = running(work())
    amounts = {
        name: f"{getattr(found.pay, name):.2f}"
        for name in (
            "turnover",
            "fee",
            "exchange_fee",
            "gross",
            "carried_in",
            "deductions",
            "net",
            "carried_out",
            "company",
        )
    }
    if as_json:
        json_line(
            {
                "introducer": found.code,
                "month": f"{month:%Y-%m}",
                **amounts,
                "clients": len(found.pay.lines),
                "faults": list(found.faults),
                "unknown_trades": found.unknown,
            }
        )
        return
    table(
        ("account", "turnover", "fee", "wholesale", "difference"),
        [(line.account, line.turnover, line.fee, line.wholesale, line.margin) for line in found.pay.lines],
        empty="no clients",
    )
    table(("what", "CNY"), list(amounts.items()))
    if found.faults:
        told(f"{code}: do not pay yet: {', '.join(found.faults)}")
    if found.unknown:
        told(f"{code}: {found.unknown} trades of products that the table of contracts does not know")


@app.command(epilog="Example:  python -m bot introducers compare --changed 2026-06 --months 3")
def compare(
    changed: Annotated[datetime, typer.Option(formats=["%Y-%m"], help="The first month of the new model.")],
    months: Annotated[int, typer.Option(min=1, max=24, help="How many months on either side.")] = 3,
    as_json: Json = False,
) -> None:
    """Fees and rebates a month, before and after a change of the fee model."""

    async def work() -> Any:
        from services import introducers
        from services.work import reading

        async with opened() as deps, reading(deps) as transaction:
            return await introducers.compare(transaction, changed.date(), months)

    found = running(work())
    shown = {
        name: None if value is None else round(float(value), 6)
        for name, value in (("fees", found.fees), ("rebates", found.rebates))
    }
    if as_json:
        json_line(shown)
    else:
        table(
            ("what", "change"),
            [(name, "unknown" if value is None else f"{value:+.2%}") for name, value in shown.items()],
        )


@app.command(epilog="Example:  python -m bot introducers plans 80012345 80023456 --month 2026-07")
def plans(
    accounts: Annotated[list[str], typer.Argument(help="Accounts to look at.")],
    month: Month,
    as_json: Json = False,
) -> None:
    """Clients whose equity and turnover of the month stand for another fee plan than the register's."""

    async def work() -> list[tuple[Any, ...]]:
        from services import introducers
        from services.work import reading

        async with opened() as deps, reading(deps) as transaction:
            found = await introducers.plan_hints(transaction, accounts, month.date())
        return [(h.account, h.equity, h.turnover, h.plan, h.fits) for h in found]

    headings = ("account", "equity", "turnover", "plan", "fits")
    lines = running(work())
    if as_json:
        for line in lines:
            json_line(dict(zip(headings, line, strict=True)))
    else:
        table(headings, lines, empty="every plan fits")
