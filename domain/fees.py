"""Fees as a ratio of turnover, graded by equity and turnover, and what an introducer is paid of them.

- FeeGrade, fee_grade: which plan a client's day-average equity and turnover stand for.
- per_lot: what a ratio of turnover is for one lot at a price.
- Business, WholesaleRule, pay, Pay: (client's fee - wholesale price) less deductions, with what is carried forward.
- Introducer, faults, Relation: who may introduce, and whom not.
- Span, change: before and after a change of model.

Source of the model: 客户分类管理探讨 (fee model of June 2012); registration: 中国期货业协会 期货公司居间人管理办法 (2021-09; the
revised rule, in force since 2025-08-01, allows one company at a time).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from domain.margin import cents

ZERO = Decimal("0.00")
ONE_COMPANY_SINCE = date(2025, 8, 1)
COMPANIES_BEFORE = 3


@dataclass(frozen=True, slots=True)
class FeeGrade:
    """A fee plan by name, for clients from this day-average equity and this monthly turnover on, CNY."""

    plan: str
    equity_from: Decimal
    turnover_from: Decimal


def fee_grade(
    equity: Decimal, turnover: Decimal, grades: Sequence[FeeGrade], *, both: bool
) -> FeeGrade | None:
    """The last grade that is reached, grades from lowest to highest; None below all of them.

    ``both``: equity and turnover must reach it, otherwise either is enough.
    """
    reached = all if both else any
    found = [g for g in grades if reached((equity >= g.equity_from, turnover >= g.turnover_from))]
    return found[-1] if found else None


def per_lot(rate: Decimal, price: Decimal, multiplier: Decimal) -> Decimal:
    """A ratio of turnover as an amount for one lot, for products that are charged by the lot."""
    return cents(rate * price * multiplier)


# --- the introducer's pay -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Business:
    """What an introduced client did in a month: turnover, the fee paid, and the exchange's part of it, CNY."""

    account: str
    turnover: Decimal
    fee: Decimal
    exchange_fee: Decimal


@dataclass(frozen=True, slots=True)
class WholesaleRule:
    """``rate`` of turnover is the wholesale price; it never lies below the exchange's part of the fee.

    ``deductions``: share of the pay that is withheld for taxes and fees. ``carry``: a negative month is set off
    against the next ones, otherwise it is forgiven.
    """

    rate: Decimal
    deductions: Decimal
    carry: bool = True

    def __post_init__(self) -> None:
        if self.rate < 0 or not 0 <= self.deductions < 1:
            raise ValueError("wholesale rule: a rate from 0 on, deductions from 0 to below 1")


@dataclass(frozen=True, slots=True)
class PayLine:
    """One client's part: the fee less the wholesale price, negative where the client pays less than that."""

    account: str
    turnover: Decimal
    fee: Decimal
    wholesale: Decimal
    margin: Decimal


@dataclass(frozen=True, slots=True)
class Pay:
    """A month of an introducer. gross + carried_in is the base; net = base - deductions, never below 0.

    ``company``: what the company keeps of the fees after exchange and gross pay.
    """

    lines: tuple[PayLine, ...]
    turnover: Decimal
    fee: Decimal
    exchange_fee: Decimal
    gross: Decimal
    carried_in: Decimal
    deductions: Decimal
    net: Decimal
    carried_out: Decimal
    company: Decimal


def pay(business: Sequence[Business], rule: WholesaleRule, carried_in: Decimal = ZERO) -> Pay:
    """The month's pay. ``carried_in`` is 0 or negative, as the last month left it."""
    if carried_in > 0:
        raise ValueError("only a loss is carried forward")
    lines = tuple(_line(b, rule) for b in business)
    gross = sum((line.margin for line in lines), ZERO)
    fee = sum((b.fee for b in business), ZERO)
    exchange = sum((b.exchange_fee for b in business), ZERO)
    base = gross + carried_in
    withheld = cents(max(base, ZERO) * rule.deductions)
    return Pay(
        lines=lines,
        turnover=sum((b.turnover for b in business), ZERO),
        fee=fee,
        exchange_fee=exchange,
        gross=gross,
        carried_in=carried_in,
        deductions=withheld,
        net=max(base, ZERO) - withheld,
        carried_out=min(base, ZERO) if rule.carry else ZERO,
        company=fee - exchange - max(base, ZERO),
    )


def _line(business: Business, rule: WholesaleRule) -> PayLine:
    wholesale = max(cents(business.turnover * rule.rate), business.exchange_fee)
    return PayLine(business.account, business.turnover, business.fee, wholesale, business.fee - wholesale)


# --- who may introduce --------------------------------------------------------------------------------------


class Relation(StrEnum):
    """How a client is related to the introducer; only ``none`` may be introduced."""

    NONE = "none"
    SELF = "self"
    SPOUSE = "spouse"
    PARENT = "parent"
    CHILD = "child"
    CHILD_IN_LAW = "child_in_law"


class Fault(StrEnum):
    """Why a registration does not stand."""

    UNDER_AGE = "under_age"
    NO_EXAM = "no_exam"
    NO_TRAINING = "no_training"
    NO_PROMISE = "no_promise"
    NO_LICENCE = "no_licence"
    OTHER_COMPANY = "other_company"


@dataclass(frozen=True, slots=True)
class Introducer:
    """A natural person or a licensed financial institution; ``elsewhere`` counts other companies it stands with."""

    kind: str
    born: date | None
    exam_on: date | None
    trained_until: date | None
    promised_on: date | None
    licence: str | None
    elsewhere: int


def faults(introducer: Introducer, day: date, *, least_age: int) -> tuple[Fault, ...]:
    """What keeps an introducer from being registered on a day; empty where nothing does."""
    found = []
    if introducer.kind == "person":
        if introducer.born is None or _age(introducer.born, day) < least_age:
            found.append(Fault.UNDER_AGE)
        if introducer.exam_on is None or introducer.exam_on > day:
            found.append(Fault.NO_EXAM)
        if introducer.trained_until is None or introducer.trained_until < day:
            found.append(Fault.NO_TRAINING)
    elif not introducer.licence:
        found.append(Fault.NO_LICENCE)
    if introducer.promised_on is None or introducer.promised_on > day:
        found.append(Fault.NO_PROMISE)
    allowed = 0 if day >= ONE_COMPANY_SINCE else COMPANIES_BEFORE - 1
    if introducer.elsewhere > allowed:
        found.append(Fault.OTHER_COMPANY)
    return tuple(found)


def _age(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


# --- before and after ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """Some months of a fee model, CNY."""

    months: int
    fees: Decimal
    rebates: Decimal


@dataclass(frozen=True, slots=True)
class Change:
    """Monthly averages after against before, as shares (0.2556 is +25.56 %); None where there was nothing before."""

    fees: Decimal | None
    rebates: Decimal | None


def change(before: Span, after: Span) -> Change:
    """How fees and rebates a month changed. Says nothing of why: markets change, too."""
    return Change(
        _share(before.fees, before.months, after.fees, after.months),
        _share(before.rebates, before.months, after.rebates, after.months),
    )


def _share(before: Decimal, months_before: int, after: Decimal, months_after: int) -> Decimal | None:
    if not before or not months_before or not months_after:
        return None
    return (after / months_after) / (before / months_before) - 1
