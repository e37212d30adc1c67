"""Commands about people: employees, the client register, invitations."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli_house import content, opened, opened_with_name, operator, refused_file, running
from bot.cli_terminal import Json, json_line, table, told, waiting
from bot.settings import StartError
from domain.errors import Refusal
from domain.people import Role

if TYPE_CHECKING:
    from services.register import Refused
    from services.staff import StaffLine
    from services.work import Deps
    from statements.limits import Limits
    from statements.register import Register

app = typer.Typer()
staff_app = typer.Typer(no_args_is_help=True, help="Employees: invite, list, disable.")
client_app = typer.Typer(no_args_is_help=True, help="The client register and what happened to a client.")
app.add_typer(staff_app, name="staff")
app.add_typer(client_app, name="client")


# --- staff ------------------------------------------------------------------------------------------------


@staff_app.command(
    "invite",
    epilog="Example:  python -m bot staff invite --name 刘洋 --role manager --line 市场一部 --code M01",
)
def staff_invite(
    name: Annotated[str, typer.Option(help="The employee's name, as clients see it.")],
    role: Annotated[Role, typer.Option(help="What the employee does.")],
    line: Annotated[str, typer.Option(help="Department or team; complaints go to another line.")],
    code: Annotated[
        str | None, typer.Option(help="Employee number; the next of the role when left out.")
    ] = None,
    registration_no: Annotated[str | None, typer.Option(help="Registration number that clients see.")] = None,
    lead: Annotated[str | None, typer.Option(help="Employee number of the superior.")] = None,
    stand_in: Annotated[str | None, typer.Option(help="Employee number of the stand-in.")] = None,
    qr: Annotated[Path | None, typer.Option(help="Write the invitation as a QR picture (PNG).")] = None,
    as_json: Json = False,
) -> None:
    """Make an employee's invitation: a link that works once. A known number is invited again."""

    async def work() -> None:
        from services import linking
        from services.work import carried_out

        async with opened_with_name() as deps:
            _, link = await carried_out(
                deps,
                lambda unit: linking.invite_staff(
                    unit,
                    operator(),
                    name=name,
                    role=role,
                    line=line,
                    code=code,
                    registration_no=registration_no,
                    lead=lead,
                    stand_in=stand_in,
                ),
            )
            _show_invitation(link, deps.policy.invites.staff_hours, qr, as_json)

    running(work())


@staff_app.command("list", epilog="Example:  python -m bot staff list --json")
def staff_list(as_json: Json = False) -> None:
    """Everybody on the roll: role, line, chat, presence, clients."""

    async def work() -> None:
        from services import staff
        from services.work import reading

        async with opened() as deps, reading(deps) as unit:
            lines = await staff.roll(unit)
            shown = [
                {
                    "code": line.member.code,
                    "name": line.member.name,
                    "role": str(line.member.role),
                    "line": line.member.line,
                    "registration_no": line.member.registration_no,
                    "state": _state(line, unit.today),
                    "clients": line.clients,
                    "lead": line.lead,
                    "stand_in": line.stand_in,
                }
                for line in lines
            ]
        if as_json:
            for one in shown:
                json_line(one)
        else:
            table(
                ("code", "name", "role", "line", "registration", "state", "clients", "lead", "stand-in"),
                [list(one.values()) for one in shown],
                empty="nobody yet: python -m bot staff invite --help",
            )

    running(work())


@staff_app.command("disable", epilog="Example:  python -m bot staff disable M01")
def staff_disable(
    code: Annotated[str, typer.Argument(help="Employee number.")],
    as_json: Json = False,
) -> None:
    """End an employee's access at once and hand over what was under way. A new invitation brings it back."""

    async def work() -> None:
        from services import leaving
        from services.work import carried_out

        async with opened() as deps:
            left = await carried_out(deps, lambda unit: leaving.disable(unit, operator(), code))
        if as_json:
            json_line(
                {
                    "code": code,
                    "clients": left.clients,
                    "conversations": left.conversations,
                    "cases": left.cases,
                }
            )
        else:
            print(
                f"{code} is out. Handed over: {left.conversations} open conversations, {left.cases} open cases. "
                f"To be reassigned by  client import:  {left.clients} clients."
            )

    running(work())


def _state(line: "StaffLine", today: date) -> str:
    """Where an employee is, in a word or two."""
    member = line.member
    if not member.active:
        return "disabled"
    if member.chat_id is None:
        return "invited" if line.invited else "not linked"
    if not member.reachable:
        return "blocked the bot"
    return "present" if member.present(today) else "away"


# --- clients ----------------------------------------------------------------------------------------------


@client_app.command("import", epilog="Example:  python -m bot client import samples/register.csv")
def client_import(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX with one row an account.")],
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Store the good rows although others are bad.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Store the client register; a file with a bad row changes nothing. Accounts it does not name stay."""

    async def work() -> None:
        from services import register as registers
        from statements.limits import MEBIBYTE, Limits

        async with opened() as deps:
            limits = Limits(max_bytes=deps.policy.imports.max_megabytes * MEBIBYTE)
            data = content(file, limits.max_bytes)
            with waiting(f"reading {file.name}"):
                found = _register(deps, file, data, limits)
                bad = [(note.line, note.reason) for note in found.rejected]
                bad += [(r.line, _unknown_plan(r)) for r in registers.faults(deps.policy, found)]
            bad.sort()
            if bad and not skip_bad:
                told(*(f"{file}: line {line}: {reason}" for line, reason in bad))
                raise StartError(
                    f"{file}: {len(bad)} bad rows, nothing was stored (--skip-bad stores the others)"
                )
            with waiting(f"storing {len(found.rows)} accounts"):
                stored = await registers.store(deps, found, operator())
        missing = Counter((r.code.removeprefix("unknown_"), r.value) for r in stored.incomplete)
        if as_json:
            json_line(
                {
                    "file": str(file),
                    "added": stored.added,
                    "changed": stored.changed,
                    "unchanged": stored.unchanged,
                    "rejected": [{"line": line, "reason": reason} for line, reason in bad],
                    "unknown_staff": sorted({code for _, code in missing}),
                }
            )
            return
        print(f"{file}: {stored.added} added, {stored.changed} changed, {stored.unchanged} as before")
        told(*(f"{file}: line {line}: {reason}" for line, reason in bad))
        for (role, code), clients in sorted(missing.items()):
            told(
                f"{role} {code} of {clients} clients is not on the roll: staff invite --code {code}, then import again"
            )

    running(work())


def _register(deps: "Deps", file: Path, data: bytes, limits: "Limits") -> "Register":
    from statements.register import read_register

    try:
        return read_register(file.name, data, limits=limits)
    except Refusal as refusal:
        raise StartError(refused_file(deps, file, refusal)) from None


def _unknown_plan(refused: "Refused") -> str:
    kind = refused.code.removeprefix("unknown_")
    return f"{kind.replace('_', ' ')} {refused.value} does not stand in config.yaml (rates.{kind}s)"


@client_app.command("history", epilog="Example:  python -m bot client history 80012345")
def client_history(
    account: Annotated[str, typer.Argument(help="Account number.")],
    as_json: Json = False,
) -> None:
    """Everything that happened to a client, oldest first; the look itself is put on record."""

    async def work() -> None:
        from messages.phrases import BEIJING
        from services import accounts
        from services.work import carried_out

        async with opened() as deps:
            lines = await carried_out(deps, lambda unit: accounts.history(unit, operator(), account))
        if as_json:
            for line in lines:
                json_line(
                    {
                        "at": line.at.isoformat(),
                        "kind": line.kind,
                        "what": line.what,
                        "who": line.who,
                        "detail": line.detail,
                    }
                )
            return
        table(
            ("when (Beijing)", "kind", "what", "who", "detail"),
            [
                (
                    f"{line.at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}",
                    line.kind,
                    line.what,
                    line.who,
                    ", ".join(f"{key} {value}" for key, value in line.detail.items() if value is not None),
                )
                for line in lines
            ],
        )

    running(work())


@app.command(epilog="Example:  python -m bot invite 80012345 --qr invitation.png")
def invite(
    account: Annotated[str, typer.Argument(help="Account number.")],
    authorised: Annotated[
        bool, typer.Option("--authorised", help="For an authorised person, beside the holder.")
    ] = False,
    phone: Annotated[
        str | None, typer.Option(help="The authorised person's number, which the contact card must have.")
    ] = None,
    relink: Annotated[
        bool, typer.Option("--relink", help="The holder moves to another chat; the old one ends.")
    ] = False,
    qr: Annotated[Path | None, typer.Option(help="Write the invitation as a QR picture (PNG).")] = None,
    as_json: Json = False,
) -> None:
    """Make a client's invitation: a link that works once, proven by account number and contact card."""
    if relink and (authorised or phone):
        raise typer.BadParameter("--relink is for the holder; leave --authorised and --phone out")
    if phone and not authorised:
        raise typer.BadParameter("--phone is for --authorised; the holder's number stands in the register")

    async def work() -> None:
        from services import linking
        from services.work import Work, carried_out

        async def invited(unit: Work) -> tuple[str, str]:
            if relink:
                return await linking.relink(unit, operator(), account)
            person = "authorised" if authorised else "holder"
            return await linking.invite_client(unit, operator(), account, person, phone=phone)

        async with opened_with_name() as deps:
            _, link = await carried_out(deps, invited)
            _show_invitation(link, deps.policy.invites.client_hours, qr, as_json)

    running(work())


def _show_invitation(link: str, hours: int, qr: Path | None, as_json: bool) -> None:
    from messages.pictures import qr as picture

    if qr is not None:
        qr.write_bytes(picture(link))
    if as_json:
        json_line({"link": link, "hours": hours, "qr": str(qr) if qr else None})
        return
    print(link)
    told(f"works once, for {hours} hours" + (f"; as a picture: {qr}" if qr else ""))
