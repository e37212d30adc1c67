"""What a client may see of the own account, and what staff see of a client: values, never rows."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from db import accounts as rows
from db import people, settlements
from db.models import AccountDay, Case, Client, Staff
from domain.errors import Refusal
from domain.knowledge import Answer
from domain.people import Actor, ClientRef, Role, StaffMember
from domain.policy import Words
from domain.risk import Figures, company_degree, exchange_degree, shortfall
from services import access, audit, consents, routing, tasks
from services.consents import Purpose
from services.work import Work

_MOST = 12  # how many clients a list of buttons shows
_MOST_POSITIONS = 15
_POSITIONS = re.compile(r"持仓|仓位|单子|[几哪].{0,3}[手仓]|\bposition|\blots?\b", re.IGNORECASE)
_RATES = re.compile(
    r"手续费|费率|佣金|保证金(比例|率|标准|方案)|加.{0,2}点|\bfees?\b|commission|margin rate", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Funds:
    """An account's newest settlement, CNY. Degrees are fractions, None where equity <= 0 or unknown.

    ``exchange_estimated``: the exchange's margin was reckoned from its rates; the statement names none.
    ``missing``: what would bring the company's degree back to 100 %, 0 where nothing is missing.
    """

    day: date
    equity: Decimal
    margin: Decimal
    available: Decimal | None
    company: Decimal | None
    exchange: Decimal | None
    exchange_estimated: bool
    missing: Decimal


@dataclass(frozen=True, slots=True)
class Held:
    """Lots of one contract on one side (long or short), with the settlement price of that day."""

    instrument: str
    direction: str
    lots: int
    price: Decimal | None
    profit: Decimal | None


class Asked(StrEnum):
    """What a question about the own account is after, besides the account as a whole."""

    POSITIONS = "positions"
    RATES = "rates"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case that is not closed. ``state``: open, waiting or resolved."""

    number: str
    kind: str
    category: str
    state: str
    opened_at: datetime
    due: datetime | None


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """The speaker's own account. ``funds`` is None without consent to all purposes, or before a settlement.

    ``settled_on`` says that there is a settlement, whatever the consent. ``services`` are the tier's, in the
    neutral words of the configuration; the tier itself is not in here. ``positions`` are given where they were
    asked for; ``more_positions`` did not fit.
    """

    client: ClientRef
    manager: StaffMember | None
    officer: StaffMember | None
    services: Words
    cases: tuple[OpenCase, ...]
    purposes: tuple[Purpose, ...]
    settled_on: date | None
    funds: Funds | None
    positions: tuple[Held, ...]
    more_positions: int
    others: tuple[ClientRef, ...]

    @property
    def consented(self) -> bool:
        return all(p.given_at is not None for p in self.purposes)


@dataclass(frozen=True, slots=True)
class ClientCard:
    """A client as staff see one: no amounts. ``level`` is the rung of the risk ladder, ``normal`` on none."""

    client: ClientRef
    level: str
    level_day: date | None
    settled_on: date | None
    manager: StaffMember | None
    officer: StaffMember | None
    cases: tuple[OpenCase, ...]
    linked: int
    consented: int


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """What happened to a client. ``kind``: register, assignment, link, consent, case, notice, tier, audit."""

    at: datetime
    kind: str
    what: str
    who: str
    detail: dict[str, Any] = field(default_factory=dict)


# --- the client's own view ------------------------------------------------------------------------------


def asked_for(answer: Answer | None) -> Asked | None:
    """What the words of a question about the own account ask for; None without a question."""
    if answer is None:
        return None
    if _POSITIONS.search(answer.q):
        return Asked.POSITIONS
    return Asked.RATES if _RATES.search(answer.q) else Asked.OTHER


async def summary(work: Work, who: Actor, asked: Asked | None = None) -> AccountSummary:
    """The account spoken of. Refuses ``not_linked`` for a chat without one."""
    client = who.client
    if client is None:
        raise Refusal("not_linked")
    purposes = tuple(await consents.purposes(work, who.chat_id, client.id))
    day = await rows.latest_day(work.session, client.account)
    shown = day is not None and all(p.given_at is not None for p in purposes)
    wanted = shown and asked is Asked.POSITIONS
    held = await _positions(work, client.account, day.day) if wanted and day else []
    return AccountSummary(
        client=client,
        manager=await _shown_keeper(work, client.id, "manager"),
        officer=await _shown_keeper(work, client.id, "officer"),
        services=work.policy.tiers[client.tier].services,  # type: ignore[index]  # checked at the register
        cases=tuple(map(_open_case, await rows.open_cases(work.session, client.id, ("complaint",)))),
        purposes=purposes,
        settled_on=day.day if day else None,
        funds=funds(day) if shown and day else None,
        positions=tuple(held[:_MOST_POSITIONS]),
        more_positions=len(held[_MOST_POSITIONS:]),
        others=tuple(c for c in who.clients if c.id != client.id),
    )


async def has_chosen(work: Work, who: Actor) -> bool:
    """Whether the person with several accounts said which one is meant."""
    chat = await people.chat(work.session, who.chat_id)
    return len(who.clients) < 2 or (chat is not None and any(c.id == chat.client_id for c in who.clients))


async def choose(work: Work, who: Actor, client_id: int) -> Actor:
    """The account that the chat speaks of from now on."""
    consents.own(who, client_id)
    chat = await people.chat(work.session, who.chat_id)
    assert chat is not None
    chat.client_id = client_id
    return await access.actor_of(work, who.chat_id)


async def ask_call_back(work: Work, who: Actor) -> str:
    """Opens a task to phone the client and gives its number; while one is open, it is that one."""
    if who.client is None:
        raise Refusal("not_linked")
    client = await work.session.get(Client, who.client.id)
    assert client is not None
    task = await work.session.get(Case, await tasks.open_one(work, client, "asked"))
    assert task is not None
    await audit.note(work, who, "call_back.asked", f"client:{client.id}", task=task.number)
    return task.number


def funds(day: AccountDay) -> Funds:
    """The figures of one settlement; the company's margin with delivery margin, as on the statement."""
    figures = Figures(
        equity=day.equity,
        company_margin=day.curr_margin,
        exchange_margin=day.exchange_margin,
        delivery_margin=day.delivery_margin,
        exchange_delivery_margin=day.exchange_delivery_margin,
    )
    return Funds(
        day=day.day,
        equity=day.equity,
        margin=figures.company_total(),
        available=day.available,
        company=company_degree(figures),
        exchange=exchange_degree(figures),
        exchange_estimated=day.exchange_margin_estimated,
        missing=shortfall(figures),
    )


async def _positions(work: Work, account: str, day: date) -> list[Held]:
    rows_of_day = (await settlements.positions_of(work.session, day, [account])).get(account, [])
    return [
        Held(row.instrument, row.direction, row.lots, row.settlement_price, row.position_profit)
        for row in rows_of_day
    ]


# --- what staff see -------------------------------------------------------------------------------------


async def card(work: Work, who: Actor, account: str) -> ClientCard:
    """A client whom the speaking employee may see; every look is in the audit trail."""
    access.require(who)
    return await _card(work, who, await access.client_by_account_for(work, who, account))


async def card_by_id(work: Work, who: Actor, client_id: int) -> ClientCard:
    """As ``card``, by the house's own number of the client."""
    access.require(who)
    return await _card(work, who, await access.client_for(work, who, client_id))


async def find(work: Work, who: Actor, words: str) -> list[ClientRef]:
    """Clients whose name begins with ``words`` and whom the employee may see; all own ones for no words."""
    member = access.require(who)
    sees_all = member.role not in (Role.MANAGER, Role.OFFICER)
    if words:
        mine = None if sees_all else await _looks_after(work, member)
        found = await rows.clients_named(work.session, words, staff_ids=mine, limit=_MOST)
    else:
        found = await rows.clients_of(work.session, await _looks_after(work, member), limit=_MOST)
    return [access.client_ref(client) for client in found]


async def ids_looked_after(work: Work, who: Actor) -> list[int]:
    """The clients, by number, of the speaking employee and of those whom the employee stands in for."""
    return await rows.client_ids_of(work.session, await _looks_after(work, access.require(who)))


async def _looks_after(work: Work, member: StaffMember) -> list[int]:
    """Whose clients an employee sees: the own ones, and those of colleagues whom he stands in for."""
    away = [
        m.id
        for m in (
            access.staff_value(r, chat, reachable=b is None)
            for r, chat, b in await people.staff_with_chat(work.session)
        )
        if m.stand_in_id == member.id and not m.present(work.today)
    ]
    return [member.id, *away]


async def _cases_known_to(work: Work, who: Actor, client_id: int) -> tuple[OpenCase, ...]:
    """The open cases that an employee may learn of: never one about the own person or line."""
    member, house = access.require(who), await routing.house(work)
    found = await rows.open_cases(work.session, client_id)
    return tuple(_open_case(case) for case in found if routing.knows(case, member, house))


async def _card(work: Work, who: Actor, client: ClientRef) -> ClientCard:
    rung = await rows.rung(work.session, client.account)
    day = await rows.latest_day(work.session, client.account)
    links = await people.client_links(work.session, [client.id])
    agreed = [link for link in links if await consents.complete(work, link.chat_id, client.id)]
    await audit.note(work, who, "client.seen", f"client:{client.id}")
    return ClientCard(
        client=client,
        level=rung.level if rung else "normal",
        level_day=rung.day if rung else None,
        settled_on=day.day if day else None,
        manager=await access.keeper(work, client.id, "manager"),
        officer=await access.keeper(work, client.id, "officer"),
        cases=await _cases_known_to(work, who, client.id),
        linked=len(links),
        consented=len(agreed),
    )


async def _shown_keeper(work: Work, client_id: int, kind: str) -> StaffMember | None:
    """Who looks after a client, as told to the client: somebody who left is not named."""
    member = await access.keeper(work, client_id, kind)
    return member if member is not None and member.active else None


def _open_case(case: Case) -> OpenCase:
    return OpenCase(case.number, case.kind, case.category, case.state, case.opened_at, case.result_due)


# --- history --------------------------------------------------------------------------------------------


async def history(work: Work, who: str, account: str) -> list[HistoryLine]:
    """What happened to an account, oldest first: for the operator, so without what compliance alone may know.

    The look is itself audited.
    """
    client = await people.client_by_account(work.session, account.strip())
    if client is None:
        raise Refusal("not_found")
    lines = [HistoryLine(client.created_at, "register", "account known", "", {"source": client.tier_source})]
    lines += await _assignment_lines(work, client.id)
    lines += await _link_lines(work, client.id)
    cases = [case for case in await rows.cases(work.session, client.id) if not case.restricted]
    lines += [
        HistoryLine(
            c.opened_at, "case", f"{c.kind} opened", c.number, {"category": c.category, "state": c.state}
        )
        for c in cases
    ]
    lines += [
        HistoryLine(c.closed_at, "case", f"{c.kind} closed", c.number, {"cause": c.cause, "remedy": c.remedy})
        for c in cases
        if c.closed_at is not None
    ]
    deliveries = await rows.notices(work.session, client.id)
    lines += [
        HistoryLine(d.queued_at, "notice", f"{n.kind} {d.state}", n.number, {"level": n.level})
        for d, n in deliveries
    ]
    subjects = {
        f"client:{client.id}",
        *(f"case:{c.number}" for c in cases),
        *(f"notice:{n.number}" for _, n in deliveries),
    }
    for entry in await rows.audit_of(work.session, subjects):
        kind = "tier" if entry.action.startswith("tier.") else "audit"
        lines.append(
            HistoryLine(entry.at, kind, entry.action, entry.actor, {**entry.detail, "subject": entry.subject})
        )
    await audit.note(work, who, "client.history_read", f"client:{client.id}")
    return sorted(lines, key=lambda line: line.at)


async def _assignment_lines(work: Work, client_id: int) -> list[HistoryLine]:
    lines = []
    for assignment, employee in await rows.assignments(work.session, client_id):
        lines.append(
            HistoryLine(assignment.since, "assignment", f"{assignment.kind} from here", _named(employee))
        )
        if assignment.until is not None:
            lines.append(
                HistoryLine(assignment.until, "assignment", f"{assignment.kind} until here", _named(employee))
            )
    return lines


async def _link_lines(work: Work, client_id: int) -> list[HistoryLine]:
    """Links and consents, by the number of the link: the Telegram id stays in its table."""
    lines, numbers = [], {}
    for link in await rows.links(work.session, client_id):
        numbers[link.chat_id] = f"link {link.id}"
        lines.append(HistoryLine(link.since, "link", f"{link.person} linked", f"link {link.id}"))
        if link.until is not None:
            lines.append(HistoryLine(link.until, "link", f"ended: {link.ended_why}", f"link {link.id}"))
    for consent in await rows.consents(work.session, client_id):
        who = numbers.get(consent.chat_id, "")
        detail = {"version": consent.text_version}
        lines.append(HistoryLine(consent.given_at, "consent", f"{consent.purpose} given", who, detail))
        if consent.revoked_at is not None:
            lines.append(
                HistoryLine(consent.revoked_at, "consent", f"{consent.purpose} revoked", who, detail)
            )
    return lines


def _named(employee: Staff) -> str:
    return f"{employee.code} {employee.name}"
