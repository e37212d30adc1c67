"""The credit survey: every client's scorecard, the proof of each grade on history, what each product's margin must cover.

Once a week, or by command. It changes nobody's margin: a lower add-on needs two people (services/margins.py).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from db import credit as rows
from db import queues, settlements
from db import ratings as days
from db.models import JobRun
from domain.market import parse_contract
from domain.people import Role
from domain.policy import CreditGrade, CreditPolicy, Policy
from scoring.credit import (
    Day,
    Factor,
    Graded,
    History,
    Proof,
    Scorecard,
    Tally,
    graded,
    measures,
    overnight_move,
)
from services import alerts
from services.estimates import contract_table
from services.work import Deps, Work, reading, working

_CHUNK = 100
_HIGH_IS_GOOD = ("met", "cover")
_EIGHT = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Survey:
    """What a survey found: clients by grade (None: not graded), the proofs, how many products have a move."""

    day: date
    grades: dict[str | None, int]
    proofs: tuple[Proof, ...]
    products: int


def scorecard(policy: CreditPolicy) -> Scorecard:
    """The configured scorecard in the words of the calculation."""
    factors = tuple(
        Factor(
            code,
            tuple((float(band.limit), band.points) for band in factor.bands),
            code in _HIGH_IS_GOOD,
            factor.unknown,
        )
        for code, factor in policy.factors.items()
    )
    return Scorecard(factors, tuple((g.code, g.points) for g in policy.grades), policy.least_days)


def lowest_share(grade: CreditGrade) -> Decimal:
    """The smallest share of the standard add-on that a grade keeps: what its proof is made with."""
    return min(grade.share, *grade.groups.values()) if grade.groups else grade.share


async def weekly(deps: Deps) -> Survey | None:
    """Surveys once a week, where there is a settlement; None when this week's was done."""
    async with reading(deps) as work:
        newest = await settlements.newest_day(work.session)
        year, week, _ = work.today.isocalendar()
        slot = f"{year}-W{week:02d}"
        if newest is None or await work.session.get(JobRun, ("credit", slot)) is not None:
            return None
    found = await survey(deps, newest)
    async with working(deps) as work:
        # Afterwards: a survey that is cut off is done again.
        await queues.claim_job(work.session, "credit", slot, work.now)
    return found


async def survey(deps: Deps, newest: date) -> Survey:
    """Grades every client over the configured days up to ``newest`` and stores grades, proofs and moves."""
    policy = deps.policy.credit
    async with reading(deps) as work:
        known = sorted(await days.last_days(work.session, newest, policy.days + 1))
    numbers = {day: number for number, day in enumerate(known)}
    tallies = {grade.code: Tally(grade.code, float(lowest_share(grade))) for grade in policy.grades}
    await _grade_all(deps, numbers, tallies)
    proofs = tuple(tally.proof(float(policy.confidence)) for tally in tallies.values())
    products = await _moves(deps, known)
    async with working(deps) as work:
        await rows.put_proofs(work.session, newest, [_proof_row(newest, proof) for proof in proofs])
        found = await rows.grades(work.session)
    return Survey(newest, found, proofs, products)


async def _grade_all(deps: Deps, numbers: dict[date, int], tallies: dict[str, Tally]) -> None:
    card = scorecard(deps.policy.credit)
    first, last = min(numbers), max(numbers)
    after = 0
    while True:
        async with reading(deps) as work:
            clients = await rows.clients_after(work.session, after, _CHUNK)
            if not clients:
                return
            after = max(clients.values())
            found = await rows.figures(work.session, list(clients), first, last)
            forced = await rows.forced_days(work.session, list(clients), first, last)
        histories = _histories(found, forced, numbers)
        cards = await asyncio.to_thread(_judge, histories, card, tallies)
        async with working(deps) as work:
            await _store(work, {clients[account]: one for account, one in cards.items()}, last)


def _histories(
    found: Sequence[tuple[object, ...]], forced: dict[str, set[date]], numbers: dict[date, int]
) -> list[History]:
    by_account: dict[str, list[Day]] = {}
    for account, day, equity, margin, delivery, exchange, exchange_delivery, cash_flow in cast(
        Sequence[tuple[Any, ...]], found
    ):
        # A part that is not known makes the whole unknown: a line that may be too low is no line.
        whole = exchange is not None and (exchange_delivery is not None or not delivery)
        by_account.setdefault(account, []).append(
            Day(
                number=numbers[day],
                equity=float(equity),
                company_margin=float(margin + delivery),
                exchange_margin=float(exchange + (exchange_delivery or 0)) if whole else None,
                cash_flow=float(cash_flow or 0),
            )
        )
    return [
        History(account, tuple(rows_of), frozenset(numbers[d] for d in forced.get(account, ())))
        for account, rows_of in by_account.items()
    ]


def _judge(
    histories: Sequence[History], card: Scorecard, tallies: dict[str, Tally]
) -> dict[str, tuple[Graded, int]]:
    found = {}
    for history in histories:
        seen = measures(history)
        one = graded(seen, card)
        if one.grade is not None:
            tallies[one.grade].add(history)
        found[history.account] = (one, seen.days)
    return found


async def _store(work: Work, cards: dict[int, tuple[Graded, int]], day: date) -> None:
    before = await rows.credits(work.session, list(cards))
    granted = await rows.granted(work.session, list(cards))
    order = [grade.code for grade in work.policy.credit.grades]
    for client_id, account in granted.items():
        old, new = before.get(client_id), cards[client_id][0].grade
        if old is not None and old.grade != new and (new is None or _worse(order, new, old.grade)):
            await alerts.roles(
                work,
                (Role.RISK,),
                "credit.fell",
                dedupe=f"credit/{client_id}/{day}",
                account=account,
                before=old.grade,
                after=new,
            )
    await rows.put_credits(
        work.session,
        [
            {
                "client_id": client_id,
                "day": day,
                "grade": one.grade,
                "points": one.points,
                "why": one.why,
                "days": used,
                "lines": [[line.code, line.value, line.points, line.most] for line in one.lines],
            }
            for client_id, (one, used) in cards.items()
        ],
    )


def _worse(order: list[str], new: str, old: str | None) -> bool:
    return old in order and order.index(new) > order.index(old)


async def _moves(deps: Deps, known: Sequence[date]) -> int:
    """Stores the move of every product with enough prices; how many there are."""
    policy, table = deps.policy.credit, contract_table()
    found: list[dict[str, object]] = []
    for product in table.products:
        async with reading(deps) as work:
            stored = await rows.prices(work.session, product, known[0], known[-1])
        by_contract: dict[str, dict[date, float]] = {}
        for instrument, day, price in stored:
            code = parse_contract(instrument, table.products, day)
            if code is not None and code.product == product:
                by_contract.setdefault(instrument, {})[day] = float(cast(Decimal, price))
        move = overnight_move(by_contract, known, float(policy.coverage_quantile), policy.coverage_days)
        if move is not None:
            found.append({"product": product, "day": known[-1], "move": Decimal(move).quantize(_EIGHT)})
    async with working(deps) as work:
        await rows.put_moves(work.session, found)
    return len(found)


def _proof_row(day: date, proof: Proof) -> dict[str, object]:
    return {
        "day": day,
        "grade": proof.grade,
        "accounts": proof.accounts,
        "nights": proof.nights,
        "now": proof.now,
        "crossed": proof.crossed,
        "worst_night": proof.worst_night,
        "share": Decimal(proof.share).quantize(_EIGHT),
        "low": Decimal(proof.low).quantize(_EIGHT),
        "high": Decimal(proof.high).quantize(_EIGHT),
    }


def grade_of(policy: Policy, code: str) -> CreditGrade | None:
    """The configured grade of this code."""
    return next((grade for grade in policy.credit.grades if grade.code == code), None)
