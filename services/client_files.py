"""What clients get to see of their own account as a picture or a file, and what supervisors see of all: never advice.

A client's figures leave only for the own chat, with every consent (services/consents.py). Where the machine has no font with
Chinese there is no picture, and the words carry everything.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial

from db import client_files as rows
from db import introducers, ratings
from db.models import AccountDay
from domain.errors import Refusal
from domain.margin import contract_value
from domain.market import parse_contract
from domain.people import Actor, ClientRef
from domain.traits import MonthDay, Traits, traits
from messages import client_pictures, client_report
from messages.client_pictures import DegreeDay, Label
from messages.client_report import Report, ReportDay
from messages.phrases import BEIJING, masked, money, percent, tail
from scoring.history import month_number
from scoring.retention import Stay, retention
from services import accounts, audit, consents
from services.estimates import contract_table
from services.rating_cards import BOARD_READERS
from services.work import Work

DAYS = 60
_PRODUCTS = 5
_LONGEST, _LEAST_SEEN, _QUIET_MONTHS, _MANAGERS = 60, 10, 3, 5


@dataclass(frozen=True, slots=True)
class Trend:
    """The last settlements of the own account; ``picture`` is None where none can be drawn."""

    client: ClientRef
    days: int
    last: date
    highest: Decimal | None
    above_watch: int
    picture: bytes | None


@dataclass(frozen=True, slots=True)
class MonthFile:
    """A month's report as a file."""

    name: str
    month: date
    data: bytes


async def trend(work: Work, who: Actor) -> Trend:
    """Both degrees of the last sixty settlements, for the client whose account it is."""
    client = await _own(work, who)
    found = [_day(row, None) for row in await rows.last_days(work.session, client.account, DAYS)]
    if not found:
        raise Refusal("no_settlement")
    label = partial(_label, work, who.lang)
    highest = max((day.company for day in found if day.company is not None), default=None)
    picture = await asyncio.to_thread(
        client_pictures.degrees,
        [_degree(day) for day in found],
        _lines(work, label),
        f"{label('picture.degrees')}{label('picture.ending')} {tail(client.account)}",
        label,
        f"{label('picture.by_settlement')} {found[-1].day.isoformat()}",
    )
    watch = work.policy.risk.watch
    return Trend(
        client=client,
        days=len(found),
        last=found[-1].day,
        highest=highest,
        above_watch=sum(day.company is not None and day.company >= watch for day in found),
        picture=picture,
    )


async def month_file(work: Work, who: Actor) -> MonthFile:
    """The report of the last month that is whole, or of the running one where there is no other."""
    client = await _own(work, who)
    newest = await rows.last_days(work.session, client.account, 1)
    if not newest:
        raise Refusal("no_settlement")
    this = newest[-1].day.replace(day=1)
    before = date.fromordinal(this.toordinal() - 1).replace(day=1)
    for first in (before, this):
        last = date.fromordinal(_next(first).toordinal() - 1)
        days = await rows.days_between(work.session, client.account, first, last)
        if days:
            break
    report = await _report(work, who.lang, client, first, days)
    data = await asyncio.to_thread(client_report.pdf, report, partial(_label, work, who.lang))
    if data is None:
        raise Refusal("no_font")
    await audit.note(work, who, "report.made", f"client:{client.id}", month=f"{first:%Y-%m}")
    return MonthFile(f"report-{first:%Y-%m}-{tail(client.account)}.pdf", first, data)


async def _own(work: Work, who: Actor) -> ClientRef:
    if who.client is None:
        raise Refusal("not_linked")
    if not await consents.complete(work, who.chat_id, who.client.id):
        raise Refusal("files_need_consent")
    return who.client


def _next(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


# --- the monthly report -------------------------------------------------------------------------------------


async def _report(
    work: Work, lang: str, client: ClientRef, first: date, rows_of_month: Sequence[AccountDay]
) -> Report:
    label = partial(_label, work, lang)
    days, before = [], None
    for row in rows_of_month:
        days.append(_day(row, before))
        before = row.equity
    found = traits(days)
    lots, by_product, traded_on = await _traded(work, lang, client.account, first, days[-1].day)
    made = work.now.astimezone(BEIJING)
    stamp = hashlib.sha256(
        "|".join(f"{d.day}{d.equity}{d.cash_flow}{d.commission}" for d in days).encode()
    ).hexdigest()[:12]
    turnover = sum(by_product.values(), Decimal(0))
    return Report(
        title=f"{first.year}-{first.month:02d}  {label('report.title')}",
        company=work.policy.company.name[lang],
        owner=f"{masked(client.name)}  {label('picture.ending')} {tail(client.account)}",
        money=_money(found, turnover, lots, label),
        traits=_traits(found, traded_on, lots, label),
        days=tuple(ReportDay(d.day, float(d.equity), float(d.result)) for d in days),
        degrees=tuple(map(_degree, days)),
        lines=_lines(work, label),
        products=tuple((name, float(amount)) for name, amount in _largest(by_product)),
        notes=tuple(label(f"report.note_{n}") for n in (1, 2, 3)),
        stamp=f"{made:%Y-%m-%d %H:%M} · {stamp}",
    )


async def _traded(
    work: Work, lang: str, account: str, first: date, last: date
) -> tuple[int, dict[str, Decimal], int]:
    """(lots, turnover by product's name, days with a trade); products that the table does not know have no turnover."""
    table = contract_table()
    lots, days = 0, set()
    by_product: dict[str, Decimal] = defaultdict(Decimal)
    for _, day, instrument, _, price, count in await introducers.trades(work.session, [account], first, last):
        lots += count
        days.add(day)
        code = parse_contract(instrument, table.products, day)
        if code is not None:
            spec = table.spec(code.product, instrument, day)
            by_product[spec.name(lang)] += contract_value(price, spec.multiplier, count)
    return lots, by_product, len(days)


def _largest(amounts: Mapping[str, Decimal]) -> list[tuple[str, Decimal]]:
    return sorted(amounts.items(), key=lambda item: (-item[1], item[0]))[:_PRODUCTS]


def _money(found: Traits, turnover: Decimal, lots: int, label: Label) -> tuple[tuple[str, str], ...]:
    return (
        (label("report.opening"), money(found.opening)),
        (label("report.closing"), money(found.closing)),
        (label("report.deposits"), money(found.deposits)),
        (label("report.withdrawals"), money(found.withdrawals)),
        (label("report.result"), money(found.result)),
        (label("report.commission"), money(found.commission)),
        (label("report.turnover"), money(turnover)),
        (label("report.lots"), f"{lots:,}"),
    )


def _traits(found: Traits, traded_on: int, lots: int, label: Label) -> tuple[tuple[str, str], ...]:
    return (
        (label("report.days"), str(found.days)),
        (label("report.traded_on"), str(traded_on)),
        (label("report.overnight"), str(found.overnight)),
        (label("report.gains_losses"), f"{found.gains} / {found.losses}"),
        (label("report.best"), money(found.best)),
        (label("report.worst"), money(found.worst)),
        (label("report.drawdown"), "-" if found.drawdown is None else percent(found.drawdown)),
        (label("report.fee_per_lot"), money(found.commission / lots) if lots else "-"),
        (label("report.highest"), "-" if found.highest is None else percent(found.highest)),
        (label("report.average"), "-" if found.average is None else percent(found.average)),
    )


def _day(row: AccountDay, before: Decimal | None) -> MonthDay:
    """A stored settlement; the equity before it as the statement says, else as the settlement before left it."""
    figures = accounts.funds(row)
    zero = Decimal("0.00")
    known = row.pre_balance if row.pre_balance is not None else before
    return MonthDay(
        day=row.day,
        before=known if known is not None else row.equity - (row.cash_flow or zero),
        equity=row.equity,
        cash_flow=row.cash_flow or zero,
        commission=row.commission or zero,
        company=figures.company,
        exchange=figures.exchange,
        overnight=row.curr_margin > 0,
    )


def _degree(day: MonthDay) -> DegreeDay:
    return DegreeDay(
        day.day,
        None if day.company is None else float(day.company),
        None if day.exchange is None else float(day.exchange),
    )


def _lines(work: Work, label: Label) -> tuple[tuple[float, str], ...]:
    risk = work.policy.risk
    levels = ((risk.watch, "watch"), (risk.warning, "warning"), (risk.call, "call"))
    return tuple((float(line), label(f"level.{name}")) for line, name in levels)


# --- for supervisors ----------------------------------------------------------------------------------------


async def tier_flow(work: Work, who: Actor) -> bytes | None:
    """Who was in which tier a month ago, and is now; None before there are two months."""
    _sees_all(who)
    months = await ratings.tier_months_known(work.session)
    if len(months) < 2:
        return None
    label = partial(_label, work, who.lang)
    moves = await ratings.tier_flow(work.session, months[1], months[0])
    order = [(t, work.policy.tier_name(t, who.lang)) for t in ("premier", "key", "retail", "active")]
    ends = tuple(f"{number // 12}-{number % 12 + 1:02d}" for number in (months[1], months[0]))
    return await asyncio.to_thread(
        client_pictures.flow,
        moves,
        order,
        (ends[0], ends[1]),
        label("picture.flow"),
        f"{label('picture.by_rule')} {ends[1]}",
    )


async def retention_curves(work: Work, who: Actor) -> bytes | None:
    """How long clients stay after opening: all of them, and those of the managers with the most clients."""
    _sees_all(who)
    seen = await rows.first_and_last_trades(work.session)
    if not seen:
        return None
    begins = min(number for *_, number, _ in seen)
    newest = max(number for *_, number in seen)
    stays: dict[str, list[Stay]] = defaultdict(list)
    for name, opened, first, last in seen:
        start = month_number(opened.year, opened.month) if opened else first
        ended = newest - last >= _QUIET_MONTHS
        stay = Stay(max(0, begins - start), max(0, (last if ended else newest) - start + 1), ended)
        stays[""].append(stay)
        stays[name or ""].extend([stay] if name else [])
    label = partial(_label, work, who.lang)
    names = sorted((n for n in stays if n), key=lambda n: -len(stays[n]))[:_MANAGERS]
    curves = [retention(label("picture.all"), stays[""], _LONGEST, _LEAST_SEEN)]
    curves += [retention(name, stays[name], _LONGEST, _LEAST_SEEN) for name in names]
    return await asyncio.to_thread(
        client_pictures.retention,
        [
            (f"{curve.name} ({curve.clients:,})", curve.begins, curve.shares)
            for curve in curves
            if len(curve.shares) > 1
        ],
        label("picture.retention"),
        label,
        f"{label('picture.by_trades')} {newest // 12}-{newest % 12 + 1:02d}",
    )


def _sees_all(who: Actor) -> None:
    """Only those who see every client see pictures of all."""
    if who.staff is None or who.staff.role not in BOARD_READERS:
        raise Refusal("not_for_you")


def _label(work: Work, lang: str, key: str) -> str:
    return work.deps.phrases.label(key, lang)
