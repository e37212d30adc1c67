"""Stores the client register: accounts, plans, tiers, and who looks after whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from db import people
from db import register as rows
from db.models import Client
from domain.policy import Policy
from services import audit
from services.work import Deps, Work, working
from statements.register import Register, RegisterRow

_CHUNK = 2000
_KEEPERS = ("manager", "officer")


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that was not stored, or stored without a part; ``value`` is what the code is about."""

    line: int
    code: str  # unknown_fee_plan | unknown_margin_plan | unknown_manager | unknown_officer
    value: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a register: accounts added, changed and left as they were; lines that need a look.

    ``refused`` lines were not stored; ``incomplete`` ones were, without the employee whom nobody knows.
    """

    added: int
    changed: int
    unchanged: int
    refused: tuple[Refused, ...]
    incomplete: tuple[Refused, ...]


def faults(policy: Policy, register: Register) -> tuple[Refused, ...]:
    """The lines that ``store`` would refuse, in order; nothing is changed."""
    return tuple(refused for row in register.rows if (refused := _unknown_plan(policy, row)) is not None)


async def store(deps: Deps, register: Register, by: str) -> Stored:
    """Adds and changes accounts, in short transactions; the same file twice changes nothing.

    A column that the file lacks leaves what stood; an empty cell clears it (a tier becomes the default).
    Accounts that the file does not name stay as they are.
    """
    total = Stored(0, 0, 0, (), ())
    for chunk in _chunks(register.rows):
        async with working(deps) as work:
            done = await _store_chunk(work, chunk, register.columns, by)
        total = Stored(
            total.added + done.added,
            total.changed + done.changed,
            total.unchanged + done.unchanged,
            total.refused + done.refused,
            total.incomplete + done.incomplete,
        )
    async with working(deps) as work:
        counts = {"added": total.added, "changed": total.changed, "refused": len(total.refused)}
        await audit.note(work, by, "register.stored", f"register:{register.sha256[:16]}", **counts)
    return total


def _chunks(register: Sequence[RegisterRow]) -> Iterator[Sequence[RegisterRow]]:
    for start in range(0, len(register), _CHUNK):
        yield register[start : start + _CHUNK]


async def _store_chunk(work: Work, chunk: Sequence[RegisterRow], columns: frozenset[str], by: str) -> Stored:
    refused = [r for r in (_unknown_plan(work.policy, row) for row in chunk) if r is not None]
    bad = {r.line for r in refused}
    good = [row for row in chunk if row.line not in bad]
    known = await rows.clients_by_account(work.session, [row.account for row in good])
    await rows.add_clients(work.session, [_new(work, row) for row in good if row.account not in known])
    changed = set()
    for row in good:
        client = known.get(row.account)
        if client is not None and await _change(work, client, row, columns, by):
            changed.add(row.account)
    clients = {
        **known,
        **await rows.clients_by_account(work.session, [r.account for r in good if r.account not in known]),
    }
    incomplete, moved = await _assign(work, good, clients, columns, by)
    changed |= moved & set(known)
    return Stored(
        added=len(good) - len(known),
        changed=len(changed),
        unchanged=len(known) - len(changed),
        refused=tuple(refused),
        incomplete=tuple(incomplete),
    )


def _unknown_plan(policy: Policy, row: RegisterRow) -> Refused | None:
    """A plan that the configuration does not know would silently become the default: the line is refused."""
    rates = policy.rates
    if row.fee_plan and row.fee_plan not in rates.fee_plans:
        return Refused(row.line, "unknown_fee_plan", row.fee_plan)
    if row.margin_plan and row.margin_plan not in rates.margin_plans:
        return Refused(row.line, "unknown_margin_plan", row.margin_plan)
    return None


def _new(work: Work, row: RegisterRow) -> dict[str, object]:
    return {
        "account": row.account,
        "name": row.name,
        "kind": row.kind,
        "phone": row.phone,
        "lang": row.language,
        "tier": row.tier or "retail",
        "tier_source": "register" if row.tier else "default",
        "fee_plan": row.fee_plan,
        "margin_plan": row.margin_plan,
        "opened_on": row.opened_on,
        "registered": True,
        "created_at": work.now,
    }


async def _change(work: Work, client: Client, row: RegisterRow, columns: frozenset[str], by: str) -> bool:
    """Writes what differs; True when something did. A tier that changes is told in the audit trail."""
    wanted: dict[str, object] = {"name": row.name, "registered": True}
    for column in ("kind", "phone", "fee_plan", "margin_plan", "opened_on"):
        if column in columns:
            wanted[column] = getattr(row, column)
    if "language" in columns:
        wanted["lang"] = row.language
    # A tier that the rule decided stays where the register names none; one that two people set, until it ends.
    if row.tier and client.tier_source != "override":
        wanted |= {"tier": row.tier, "tier_source": "register"}
    elif "tier" in columns and client.tier_source == "register":
        wanted |= {"tier": "retail", "tier_source": "default"}
    differs = {field for field, value in wanted.items() if getattr(client, field) != value}
    if "tier" in differs:
        change = {"before": client.tier, "after": wanted["tier"], "source": wanted["tier_source"]}
        await audit.note(work, by, "tier.changed", f"client:{client.id}", **change)
    if "phone" in differs:
        # A new number decides who may link the account: the fact is kept, the number is not.
        await audit.note(work, by, "client.phone_changed", f"client:{client.id}")
    for field in differs:
        setattr(client, field, wanted[field])
    return bool(differs)


async def _assign(
    work: Work, good: Sequence[RegisterRow], clients: dict[str, Client], columns: frozenset[str], by: str
) -> tuple[list[Refused], set[str]]:
    """Brings assignments to what the register says; lines with an unknown employee, accounts that moved."""
    staff = await rows.staff_ids(work.session)
    codes = {staff_id: code for code, staff_id in staff.items()}
    ids = [clients[row.account].id for row in good]
    incomplete, moved, new = [], set(), []
    for kind in (k for k in _KEEPERS if k in columns):
        standing = await rows.live_assignments(work.session, ids, kind)
        for row in good:
            client = clients[row.account]
            code = getattr(row, kind)
            wanted = staff.get(code.upper()) if code else None
            if code and wanted is None:
                incomplete.append(Refused(row.line, f"unknown_{kind}", code))
                continue
            before = standing.get(client.id)
            if wanted == before:
                continue
            moved.add(row.account)
            if before is not None:
                await people.end_assignment(work.session, client.id, kind, work.now)
                detail = {"kind": kind, "before": codes[before], "after": codes[wanted] if wanted else None}
                await audit.note(work, by, "assignment.changed", f"client:{client.id}", **detail)
            if wanted is not None:
                new.append({"client_id": client.id, "staff_id": wanted, "kind": kind, "since": work.now})
    await rows.add_assignments(work.session, new)
    return incomplete, moved
