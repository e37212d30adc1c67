"""Credit grade to margin add-on: what a client's two lines look like, what a lower add-on would free, who grants it.

A grade lowers nothing by itself: a risk officer proposes, a second person approves, the grant ends by itself
(services/proposals.py). Then it stands in the client's margin plan (services/plans.py). The trading counter is set by
people: the bot only calculates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from db import accounts as account_rows
from db import credit as rows
from db import settlements
from db.models import Client, ClientCredit, CreditProof, Proposal
from domain.credit import AddOn, add_on
from domain.errors import Refusal
from domain.margin import applied_rates
from domain.market import ClientPlan, MarginPlan, MarginRate
from domain.people import Actor, ClientRef, Role
from domain.policy import CreditGrade, Policy
from services import access, audit, consents, credit, estimates, plans
from services.accounts import Funds, funds
from services.work import Work

READERS = (Role.RISK, Role.SUPERVISOR, Role.COMPLIANCE)


@dataclass(frozen=True, slots=True)
class ProductLine:
    """One product that the client holds: its add-on now and as proposed, with the exchange's rate and the move."""

    product: str
    exchange: Decimal
    move: Decimal | None
    addon: AddOn


@dataclass(frozen=True, slots=True)
class Offer:
    """What the grade would allow. ``held_back`` says why it allows nothing: no_grade, no_proof, too_often, nothing.

    ``addons`` has every product whose add-on would fall; ``lines`` only what the client holds. ``freed``: the margin
    that the present positions would need less, CNY, None where a position cannot be reckoned.
    """

    held_back: str
    addons: Mapping[str, Decimal]
    lines: tuple[ProductLine, ...]
    freed: Decimal | None


@dataclass(frozen=True, slots=True)
class CreditLine:
    """A line of the scorecard in words; ``value`` None where there was nothing to measure."""

    code: str
    value: float | None
    points: int
    most: int


@dataclass(frozen=True, slots=True)
class GradeCard:
    """A client's scorecard of a survey; ``days`` with a position."""

    day: date
    grade: str | None
    points: int
    why: str
    days: int
    lines: tuple[CreditLine, ...]


@dataclass(frozen=True, slots=True)
class GradeProof:
    """The proof of a grade, as stored: shares and rates as fractions."""

    day: date
    accounts: int
    nights: int
    now: int
    crossed: int
    worst_night: int
    share: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class MarginCard:
    """A client's two lines, the grade with its points, its proof, and what it would allow.

    ``granted`` is the number of the grant in force. ``withheld``: no amounts may be shown in this chat.
    """

    client: ClientRef
    credit: GradeCard | None
    proof: GradeProof | None
    offer: Offer
    funds: Funds | None
    granted: str | None
    withheld: bool

    @property
    def distance(self) -> Decimal | None:
        """Between the lines, in degrees: company degree less exchange degree."""
        if self.funds is None or self.funds.company is None or self.funds.exchange is None:
            return None
        return self.funds.company - self.funds.exchange


async def card(work: Work, who: Actor, account: str) -> MarginCard:
    """The card of a client; for those who may propose or approve. The look is in the audit trail."""
    access.require(who, *READERS)
    return await _card(work, who, await access.client_by_account_for(work, who, account))


async def card_by_id(work: Work, who: Actor, client_id: int) -> MarginCard:
    """As ``card``, by the house's own number of the client."""
    access.require(who, *READERS)
    return await _card(work, who, await access.client_for(work, who, client_id))


async def _card(work: Work, who: Actor, client: ClientRef) -> MarginCard:
    scored = (await rows.credits(work.session, [client.id])).get(client.id)
    proof = (await rows.proofs(work.session)).get(scored.grade) if scored and scored.grade else None
    day = await account_rows.latest_day(work.session, client.account)
    row = await work.session.get(Client, client.id)
    assert row is not None
    await audit.note(work, who, "credit.seen", f"client:{client.id}")
    return MarginCard(
        client=client,
        credit=_grade_card(scored) if scored else None,
        proof=_grade_proof(proof) if proof else None,
        offer=await offer(work, client),
        funds=funds(day) if day else None,
        granted=(row.margin_grant or {}).get("number"),
        withheld=client.id not in await consents.open_to_staff(work, [client.id]),
    )


async def offer(work: Work, client: ClientRef) -> Offer:
    """What the newest survey would allow the client, product by product, against the register's plan."""
    client = replace(client, granted=())
    scored = (await rows.credits(work.session, [client.id])).get(client.id)
    grade = credit.grade_of(work.policy, scored.grade) if scored and scored.grade else None
    held_back = _held_back(work.policy, grade, (await rows.proofs(work.session)))
    if grade is None or held_back:
        return Offer(held_back, {}, (), None)
    day = await account_rows.latest_day(work.session, client.account)
    held = []
    if day is not None:
        positions = await settlements.positions_of(work.session, day.day, [client.account])
        held = [estimates.held_of(position) for position in positions.get(client.account, [])]
    lines = await _lines(work, client, grade)
    addons = {line.product: line.addon.proposed for line in lines if line.addon.proposed < line.addon.now}
    products = {position.product for position in held}
    return Offer(
        held_back="" if addons else "nothing",
        addons=addons,
        lines=tuple(line for line in lines if line.product in products),
        freed=_freed(work, client, held, day.day, addons) if day is not None else None,
    )


def _held_back(policy: Policy, grade: CreditGrade | None, proofs: Mapping[str, CreditProof]) -> str:
    if grade is None:
        return "no_grade"
    if grade.code not in proofs or not proofs[grade.code].nights:
        return "no_proof"
    proof = proofs[grade.code]
    if proof.share > credit.lowest_share(grade):
        return "no_proof"  # the configuration is bolder than what was proven
    return "too_often" if proof.high > policy.credit.crossing_limit else ""


async def _lines(work: Work, client: ClientRef, grade: CreditGrade) -> list[ProductLine]:
    """Every product of a configured group."""
    policy, company, table = work.policy.credit, plans.company_rates(work.policy), estimates.contract_table()
    moves = await rows.moves(work.session)
    own = plans.of(work.policy, client)
    found = []
    for name, group in policy.groups.items():
        share = grade.groups.get(name, grade.share)
        for product in group.products:
            if product not in table.products:
                continue
            spec = table.spec(product, None, work.today)
            move = moves[product].move if product in moves else None
            addon = add_on(
                now=applied_rates(spec, company, own).margin_addon,
                standard=applied_rates(spec, company).margin_addon,
                share=share,
                exchange=spec.margin_ratio,
                move=move,
                step=policy.step,
            )
            found.append(ProductLine(product, spec.margin_ratio, move, addon))
    return found


def _freed(
    work: Work, client: ClientRef, held: list[estimates.Held], day: date, addons: Mapping[str, Decimal]
) -> Decimal | None:
    company, own = plans.company_rates(work.policy), plans.of(work.policy, client)
    rates = dict(own.margin.rates) if own and own.margin else {}
    lowered = MarginPlan("", {**rates, **{product: MarginRate(rate) for product, rate in addons.items()}})
    now = estimates.company_margin(held, day, company, own)
    then = estimates.company_margin(held, day, company, ClientPlan(margin=lowered))
    return None if now is None or then is None else now - then


# --- granted by two people ----------------------------------------------------------------------------------


async def value(work: Work, client: Client, _choice: str) -> dict[str, Any]:
    """What a proposal holds: the offer of this moment. Refuses where the grade allows nothing."""
    found = await offer(work, access.client_ref(client))
    if found.held_back:
        raise Refusal("credit_held_back", why=found.held_back)
    scored = (await rows.credits(work.session, [client.id]))[client.id]
    proof = (await rows.proofs(work.session))[scored.grade or ""]
    return {
        "grade": scored.grade,
        "points": scored.points,
        "addons": {product: str(rate) for product, rate in found.addons.items()},
        "lines": [
            [line.product, str(line.addon.now), str(line.addon.proposed), line.addon.because.value]
            for line in found.lines
        ],
        "proof": [proof.nights, proof.crossed, str(proof.low), str(proof.high)],
    }


async def begin(work: Work, client: Client, proposal: Proposal) -> None:
    """The add-ons hold. Refuses where the newest survey no longer allows what was proposed."""
    found = await offer(work, access.client_ref(client))
    wanted = {product: Decimal(rate) for product, rate in proposal.value["addons"].items()}
    if found.held_back or any(found.addons.get(product, rate + 1) > rate for product, rate in wanted.items()):
        raise Refusal("credit_changed", number=proposal.number)
    client.margin_grant = {
        "number": proposal.number,
        "grade": proposal.value["grade"],
        "addons": proposal.value["addons"],
        "since": work.today.isoformat(),
        "until": proposal.until.isoformat(),
    }
    await audit.note(
        work,
        "house",
        "margin.granted",
        f"client:{client.id}",
        number=proposal.number,
        until=proposal.until.isoformat(),
    )


async def end(work: Work, client: Client, proposal: Proposal) -> None:
    """The client's plan is the register's again."""
    client.margin_grant = None
    await audit.note(work, "house", "margin.ended", f"client:{client.id}", number=proposal.number)


def _grade_card(row: ClientCredit) -> GradeCard:
    lines = tuple(CreditLine(*line) for line in row.lines)
    return GradeCard(row.day, row.grade, row.points, row.why, row.days, lines)


def _grade_proof(row: CreditProof) -> GradeProof:
    return GradeProof(
        row.day, row.accounts, row.nights, row.now, row.crossed, row.worst_night, row.share, row.low, row.high
    )
