"""Introducers: who may be registered, whom they brought, what a month pays, what a change of model changed.

Amounts come from settlements: the fee that the client paid, turnover and the exchange's part from the trades and
``knowledge/contracts.csv``. Nothing here is shown to clients, and nobody promises a client a part of it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from db import introducers as rows
from db import people, register
from db.models import IntroducerMonth, IntroducerRow, Introduction
from domain.errors import Refusal
from domain.fees import (
    ZERO,
    Business,
    Change,
    Fault,
    FeeGrade,
    Introducer,
    Pay,
    Relation,
    Span,
    WholesaleRule,
    change,
    faults,
    fee_grade,
    pay,
)
from domain.margin import contract_value, fee
from domain.market import parse_contract
from domain.policy import Policy
from domain.settlement import Offset
from scoring.history import month_number
from services import audit
from services.estimates import contract_table
from services.work import Work


@dataclass(frozen=True, slots=True)
class Registered:
    """An introducer as registered, with what keeps the registration from standing today."""

    code: str
    name: str
    who: Introducer
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A month's statement. ``unknown`` trades are of products that the table does not know: options, new listings.

    ``faults`` at the end of the month: pay waits until they are cured.
    """

    code: str
    name: str
    month: int
    pay: Pay
    faults: tuple[Fault, ...]
    unknown: int


def wholesale(policy: Policy) -> WholesaleRule:
    """The configured wholesale price and deductions."""
    rule = policy.introducers
    return WholesaleRule(rule.wholesale, rule.deductions, rule.carry_forward)


async def store(work: Work, by: str, code: str, name: str, who: Introducer) -> Registered:
    """Adds or changes an introducer. Refuses ``introducer_faults`` where the registration would not stand."""
    found = faults(who, work.today, least_age=work.policy.introducers.least_age)
    if found:
        raise Refusal("introducer_faults", introducer=code, faults=[fault.value for fault in found])
    row = await rows.by_code(work.session, code)
    if row is None:
        row = IntroducerRow(code=code, created_at=work.now)
    row.name, row.kind, row.born, row.exam_on = name, who.kind, who.born, who.exam_on
    row.trained_until, row.promised_on = who.trained_until, who.promised_on
    row.licence, row.elsewhere = who.licence, who.elsewhere
    work.session.add(row)
    await audit.note(work, by, "introducer.stored", f"introducer:{code}")
    return Registered(code, name, who, found)


async def assign(work: Work, by: str, code: str, account: str, relation: Relation, since: date) -> None:
    """Writes down who brought a client. A relative, or a client whom somebody else brought, is refused."""
    row = await _row(work, code)
    client = await people.client_by_account(work.session, account)
    if client is None:
        raise Refusal("not_found")
    if relation is not Relation.NONE:
        raise Refusal("introducer_relative", introducer=code, relation=relation.value)
    found = faults(_value(row), work.today, least_age=work.policy.introducers.least_age)
    if found:
        raise Refusal("introducer_faults", introducer=code, faults=[fault.value for fault in found])
    if await rows.live(work.session, client.id) is not None:
        raise Refusal("introducer_has_one", account=account)
    work.session.add(Introduction(introducer_id=row.id, client_id=client.id, since=since))
    await audit.note(work, by, "introducer.assigned", f"client:{client.id}", introducer=code)


async def release(work: Work, by: str, account: str, until: date) -> None:
    """The last day on which a client counts for the introducer."""
    client = await people.client_by_account(work.session, account)
    live = await rows.live(work.session, client.id) if client is not None else None
    if live is None or client is None:
        raise Refusal("not_found")
    live.until = until
    await audit.note(work, by, "introducer.released", f"client:{client.id}", until=until.isoformat())


async def registered(work: Work) -> list[Registered]:
    """Every introducer, with what stands against the registration today."""
    least = work.policy.introducers.least_age
    return [
        Registered(row.code, row.name, _value(row), faults(_value(row), work.today, least_age=least))
        for row in await rows.every(work.session)
    ]


async def statement(work: Work, by: str, code: str, month: date) -> Statement:
    """Makes a month's statement and keeps it. A month before one that is made already stays as it is."""
    row = await _row(work, code)
    first, last = month.replace(day=1), _last_day(month)
    number = month_number(month.year, month.month)
    if await rows.statement(work.session, row.id, number + 1) is not None:
        raise Refusal("statement_closed", introducer=code, month=f"{month:%Y-%m}")
    before = await rows.statement(work.session, row.id, number - 1)
    business, unknown = await _business(work, row.id, first, last)
    found = pay(business, wholesale(work.policy), before.carried_out if before else ZERO)
    await work.session.merge(_kept(work, row.id, number, found))
    await audit.note(work, by, "introducer.statement", f"introducer:{code}", month=f"{month:%Y-%m}")
    against = faults(_value(row), last, least_age=work.policy.introducers.least_age)
    return Statement(code, row.name, number, found, against, unknown)


async def compare(work: Work, changed: date, months: int) -> Change:
    """Fees and rebates a month, the ``months`` before the month of the change against those from it on."""
    number = month_number(changed.year, changed.month)
    first, last = _first_of(number - months), _last_day(_first_of(number + months - 1))
    fees = await rows.fees_by_month(work.session, first, last)
    rebates: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for kept in await rows.statements(work.session, number - months, number + months - 1):
        rebates[kept.month] += kept.net + kept.deductions
    by_number = {month_number(year, month): amount for (year, month), amount in fees.items()}
    return change(_span(by_number, rebates, below=number), _span(by_number, rebates, above=number))


def _span(
    fees: dict[int, Decimal],
    rebates: dict[int, Decimal],
    *,
    below: int | None = None,
    above: int | None = None,
) -> Span:
    months = [n for n in fees if (below is None or n < below) and (above is None or n >= above)]
    return Span(len(months), sum((fees[n] for n in months), ZERO), sum((rebates[n] for n in months), ZERO))


async def _business(work: Work, introducer_id: int, first: date, last: date) -> tuple[list[Business], int]:
    found, unknown = [], 0
    for account, since, until in await rows.clients_of(work.session, introducer_id, first, last):
        begins, ends = max(first, since), min(last, until or last)
        turnover, exchange, missing = await _traded(work, account, begins, ends)
        paid = await rows.commission(work.session, account, begins, ends)
        found.append(Business(account, turnover, paid, exchange))
        unknown += missing
    return found, unknown


async def _traded(work: Work, account: str, first: date, last: date) -> tuple[Decimal, Decimal, int]:
    """(turnover, the exchange's fees, trades of products that nobody knows)."""
    table = contract_table()
    turnover, exchange, unknown = ZERO, ZERO, 0
    for _, day, instrument, offset, price, lots in await rows.trades(work.session, [account], first, last):
        code = parse_contract(instrument, table.products, day)
        if code is None:
            unknown += 1
            continue
        spec = table.spec(code.product, instrument, day)
        rates = {Offset.OPEN: spec.fees.open, Offset.CLOSE_TODAY: spec.fees.close_today}
        rate = rates.get(Offset(offset), spec.fees.close)
        turnover += contract_value(price, spec.multiplier, lots)
        exchange += fee(rate, price, spec.multiplier, lots) or ZERO
    return turnover, exchange, unknown


def _kept(work: Work, introducer_id: int, number: int, found: Pay) -> IntroducerMonth:
    return IntroducerMonth(
        introducer_id=introducer_id,
        month=number,
        turnover=found.turnover,
        fee=found.fee,
        exchange_fee=found.exchange_fee,
        gross=found.gross,
        carried_in=found.carried_in,
        deductions=found.deductions,
        net=found.net,
        carried_out=found.carried_out,
        company=found.company,
        lines=[[line.account, str(line.turnover), str(line.fee), str(line.margin)] for line in found.lines],
        made_at=work.now,
    )


# --- fee plans by equity and turnover -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanHint:
    """A client whose fee plan is not the one that equity and turnover of the month stand for."""

    account: str
    equity: Decimal
    turnover: Decimal
    plan: str | None
    fits: str


async def plan_hints(work: Work, accounts: Sequence[str], month: date) -> list[PlanHint]:
    """Which of these clients another plan would fit; the register decides, this only tells."""
    first, last = month.replace(day=1), _last_day(month)
    grades = [FeeGrade(g.plan, g.equity_from, g.turnover_from) for g in work.policy.rates.fee_grades]
    both = work.policy.rates.fee_grades_need == "both"
    clients = await register.clients_by_account(work.session, accounts)
    equities = await rows.equities(work.session, accounts, first, last)
    hints = []
    for account, equity in sorted(equities.items()):
        turnover, _, _ = await _traded(work, account, first, last)
        fits = fee_grade(equity, turnover, grades, both=both)
        client = clients.get(account)
        if fits is not None and client is not None and client.fee_plan != fits.plan:
            hints.append(PlanHint(account, equity, turnover, client.fee_plan, fits.plan))
    return hints


async def _row(work: Work, code: str) -> IntroducerRow:
    row = await rows.by_code(work.session, code)
    if row is None:
        raise Refusal("introducer_unknown", introducer=code)
    return row


def _value(row: IntroducerRow) -> Introducer:
    return Introducer(
        row.kind, row.born, row.exam_on, row.trained_until, row.promised_on, row.licence, row.elsewhere
    )


def _first_of(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)


def _last_day(month: date) -> date:
    return date.fromordinal(_first_of(month_number(month.year, month.month) + 1).toordinal() - 1)
