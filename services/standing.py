"""The six standing questions about clients: who matters most, who is leaving and why, who is long-term, who may switch,
who is dissatisfied, what clients want most; and the stars among the small. Lists with reasons, for whoever looks after them.

Whole months of settlement, complaints and questions are looked at; rules and limits are ``config.yaml`` -> standing.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from db import queues, settlements
from db import ratings as months_rows
from db import standing as rows
from db.models import Client, JobRun, TierMonth
from domain.errors import Refusal
from domain.people import Actor, Role, StaffMember
from domain.policy import Policy
from domain.tiers import Tier, turns
from scoring.history import YEAR, month_number
from scoring.leaving import (
    LeavingRule,
    Sample,
    Stretch,
    Verdict,
    chances,
    gone,
    judged,
    points,
    spoken,
    stretches,
)
from services import access, accounts, audit, consents, ratings, tasks
from services.duty import Roster
from services.outbox import Button, Priority, Row, say
from services.work import Deps, Work, reading, working

_CHUNK = 300
_BACK = 3
Months = Mapping[int, tuple[float, float, float]]


class Question(StrEnum):
    """The standing questions that are answered by lists of clients."""

    MATTER = "matter"
    LEAVING = "leaving"
    UNHAPPY = "unhappy"
    SWITCH = "switch"
    LONG_TERM = "long_term"
    STARS = "stars"


@dataclass(frozen=True, slots=True)
class Why:
    """A reason by code, with its figure where there is one that may be shown."""

    code: str
    figure: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A client on a list; lists are ordered by ``weight``, the greatest first."""

    client_id: int
    name: str
    account: str
    weight: Decimal
    whys: tuple[Why, ...]


@dataclass(frozen=True, slots=True)
class Lists:
    """The answers for some clients. ``counts`` are whole numbers of clients, ``lists`` the first lines of each.

    ``wanted``: topics in words by how often they were asked about, the most first.
    """

    lists: dict[Question, tuple[Line, ...]]
    counts: dict[Question, int]
    wanted: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of a client when the questions are asked."""

    client: Client
    rated: TierMonth | None
    stretch: Stretch | None
    complaints: tuple[int, int, int | None]
    missed: int
    topics: Mapping[str, int]
    chance: Decimal | None


def leaving_rule(policy: Policy) -> LeavingRule:
    """The configured rule in the words of the calculation."""
    rule = policy.standing.leaving
    return LeavingRule(
        {str(sign): float(limit) for sign, limit in rule.limits.items()},
        {str(sign): weight for sign, weight in rule.points.items()},
        rule.flagged_from,
    )


# --- told ---------------------------------------------------------------------------------------------------


async def own(work: Work, who: Actor) -> Lists:
    """The lists of the speaker's own clients; of all clients for those who see all of them."""
    member = access.require(who)
    sees_all = member.role not in (Role.MANAGER, Role.OFFICER)
    ids = None if sees_all else await accounts.ids_looked_after(work, who)
    facts = await _facts(work, ids)
    await audit.note(work, who, "standing.seen", f"staff:{member.code}")
    return await _lists(work, facts)


async def weekly(deps: Deps) -> int | None:
    """Tells every owner the lists of the own clients, once a week on the configured day; how many were told."""
    async with reading(deps) as work:
        newest = await settlements.newest_day(work.session)
        year, week, weekday = work.today.isocalendar()
        slot = f"{year}-W{week:02d}"
        done = await work.session.get(JobRun, ("standing", slot)) is not None
        if newest is None or done or weekday < work.policy.standing.weekday:
            return None
    await learn(deps)
    async with reading(deps) as work:
        facts = await _facts(work, None)
    async with working(deps) as work:
        if not await queues.claim_job(work.session, "standing", slot, work.now):
            return None
        return await _tell(work, facts, slot)


async def _tell(work: Work, facts: Sequence[_Facts], slot: str) -> int:
    roster = await Roster.load(work, [one.client.id for one in facts])
    mine: dict[int, list[_Facts]] = defaultdict(list)
    members: dict[int, StaffMember] = {}
    for one in facts:
        keeper = roster.present(one.client.id, "manager") or roster.present(one.client.id, "officer")
        if keeper is not None:
            members[keeper.id] = keeper
            mine[keeper.id].append(one)
    for member_id, theirs in mine.items():
        member = members[member_id]
        assert member.chat_id is not None
        found = await _lists(work, theirs)
        if any(found.counts.values()):
            await say(
                work,
                member.chat_id,
                "standing.lists",
                priority=Priority.STAFF,
                dedupe=f"standing/{slot}/{member.id}",
                buttons=buttons(found),
                found=found,
            )
    return len(mine)


def buttons(found: Lists) -> list[Row]:
    """The next step for the most urgent: their cards, and a phone task for who is leaving or dissatisfied."""
    shown: list[Row] = []
    for question in (Question.LEAVING, Question.UNHAPPY):
        for line in found.lists[question][:2]:
            args = {"client": line.client_id}
            shown.append(
                [
                    Button(f" {line.name} {line.account[-4:]}", "rating.card", args),
                    Button("standing.phone", "standing.phone", {**args, "why": question.value}),
                ]
            )
    return shown


async def phone(work: Work, who: Actor, client_id: int, why: str) -> str:
    """Opens the task to phone a client, or finds the one that is open; its number."""
    access.require(who)
    await access.client_for(work, who, client_id)
    client = await work.session.get(Client, client_id)
    if client is None or why not in (Question.LEAVING, Question.UNHAPPY):
        raise Refusal("not_found")
    number = await tasks.number_of(work, await tasks.open_one(work, client, why))
    await audit.note(work, who, "standing.phone", f"client:{client_id}", task=number, why=why)
    return number


# --- what is known ------------------------------------------------------------------------------------------


async def _facts(work: Work, ids: Collection[int] | None) -> list[_Facts]:
    newest = await settlements.newest_day(work.session)
    if newest is None:
        return []
    last = newest.replace(day=1) - timedelta(days=1)
    since = work.now - timedelta(days=work.policy.standing.days)
    found: list[_Facts] = []
    after = 0
    while some := await rows.clients_after(work.session, after, _CHUNK, ids):
        after = some[-1].id
        found += await _facts_of(work, some, last, since)
    return found


async def _facts_of(work: Work, clients: Sequence[Client], last: date, since: datetime) -> list[_Facts]:
    client_ids = [client.id for client in clients]
    months = await by_month(work, [client.account for client in clients], last)
    rated = await rows.newest_tier_months(work.session, client_ids)
    complaints = await rows.complaints(work.session, client_ids, since)
    missed = await rows.missed(work.session, client_ids, since)
    topics = await rows.topics(work.session, client_ids, since)
    number = month_number(last.year, last.month)
    likely = await rows.chances(work.session, client_ids, number)
    found = []
    for client in clients:
        seen = months.get(client.account, {})
        stretch = stretches(seen, client.account, number, _BACK)
        troubles = complaints.get(client.id, (0, 0, None))
        unanswered = missed.get(client.id, 0)
        if stretch is not None:
            stretch = replace(stretch, complaints=troubles[0], unanswered=unanswered)
        found.append(
            _Facts(
                client=client,
                rated=rated.get(client.id),
                stretch=stretch,
                complaints=troubles,
                missed=unanswered,
                topics=topics.get(client.id, {}),
                chance=likely.get(client.id),
            )
        )
    return found


async def by_month(
    work: Work, accounts_: Sequence[str], last: date
) -> dict[str, dict[int, tuple[float, float, float]]]:
    """account -> month -> (lots, mean equity, withdrawn net), the twelve months up to ``last``."""
    number = month_number(last.year, last.month) - YEAR + 1
    first = date(number // 12, number % 12 + 1, 1)
    lots = await months_rows.lots_by_month(work.session, accounts_, first, last)
    cash = await rows.cash_by_month(work.session, accounts_, first, last)
    found: dict[str, dict[int, tuple[float, float, float]]] = defaultdict(dict)
    for account, year, month, _, equity, days in await months_rows.money_by_month(
        work.session, accounts_, first, last
    ):
        key = (account, year, month)
        mean, out = equity / days / 100, max(-cash.get(key, 0), 0) / 100
        found[account][month_number(year, month)] = (float(lots.get(key, 0)), mean, out)
    return found


# --- the questions ------------------------------------------------------------------------------------------


async def _lists(work: Work, facts: Sequence[_Facts]) -> Lists:
    shown = await consents.open_to_staff(work, [one.client.id for one in facts])
    found: dict[Question, list[Line]] = {question: [] for question in Question}
    wanted: Counter[str] = Counter()
    for one in facts:
        wanted.update(one.topics)
        for question, (weight, whys) in _answers(work, one).items():
            may = one.client.id in shown
            found[question].append(
                Line(
                    one.client.id,
                    work.shown_name(one.client.name),
                    one.client.account,
                    weight,
                    tuple(why if may else Why(why.code) for why in whys if may or why.code != "capital"),
                )
            )
    most = work.policy.standing.lines
    ordered = {q: sorted(lines, key=lambda line: (-line.weight, line.account)) for q, lines in found.items()}
    names = work.deps.library().topics() if wanted else {}
    return Lists(
        lists={question: tuple(lines[:most]) for question, lines in ordered.items()},
        counts={question: len(lines) for question, lines in ordered.items()},
        wanted=tuple((names.get(topic, topic), count) for topic, count in wanted.most_common(most)),
    )


def _answers(work: Work, one: _Facts) -> dict[Question, tuple[Decimal, list[Why]]]:
    """Which lists a client stands on, with weight and reasons."""
    policy = work.policy.standing
    found: dict[Question, tuple[Decimal, list[Why]]] = {}
    if one.rated is not None and one.rated.fee > 0:
        found[Question.MATTER] = (
            one.rated.fee,
            [Why("fee", one.rated.fee), Why("capital", one.rated.capital)],
        )
    if one.stretch is not None and (leaving := _leaving(work, one, one.stretch)):
        found[Question.LEAVING] = leaving
    if unhappy := _unhappy(work, one):
        found[Question.UNHAPPY] = (Decimal(len(unhappy)), unhappy)
    asked = sum(one.topics.get(topic, 0) for topic in policy.switch_topics)
    if asked >= policy.switch_asked and Question.LEAVING not in found:
        found[Question.SWITCH] = (Decimal(asked), [Why("asked_rates")])
    if _long_term(work, one):
        assert one.client.opened_on is not None
        years = Decimal((work.today - one.client.opened_on).days) / 365
        found[Question.LONG_TERM] = (years, [Why("years")])
    if one.rated is not None and (path := _path(work, one.client, one.rated)):
        found[Question.STARS] = path
    return found


def _leaving(work: Work, one: _Facts, stretch: Stretch) -> tuple[Decimal, list[Why]] | None:
    """By the model where it was chosen, else by the rule; what the client said counts by the rule in either case."""
    rule = leaving_rule(work.policy)
    weight, signs = points(stretch, rule), spoken(stretch, rule)
    said = weight >= rule.flagged_from and not {"complaint", "unanswered"}.isdisjoint(signs)
    if one.chance is None:
        likely = weight >= rule.flagged_from
    else:
        likely = said or one.chance >= work.policy.standing.leaving.model_from
    if not likely:
        return None
    whys = [Why(sign) for sign in signs] or [Why("model")]
    return (Decimal(weight) if one.chance is None else one.chance), whys


def _unhappy(work: Work, one: _Facts) -> list[Why]:
    _, still_open, rating = one.complaints
    return [
        Why(code)
        for code, so in (
            ("complaint_open", bool(still_open)),
            ("rated_low", rating is not None and rating <= work.policy.standing.unhappy_rating),
            ("unanswered", one.missed >= work.policy.standing.leaving.limits["unanswered"]),
        )
        if so
    ]


def _long_term(work: Work, one: _Facts) -> bool:
    opened, least = one.client.opened_on, work.policy.standing.long_term_months
    if opened is None or one.stretch is None or not one.stretch.lots:
        return False
    return month_number(work.today.year, work.today.month) - month_number(opened.year, opened.month) >= least


def _path(work: Work, client: Client, rated: TierMonth) -> tuple[Decimal, list[Why]] | None:
    """How near a small or frequent client is to the key clients, and what is missing."""
    if client.tier not in (Tier.RETAIL, Tier.ACTIVE) or rated.decided not in (Tier.RETAIL, Tier.ACTIVE):
        return None
    bounds = work.policy.tier_bounds
    near = max(rated.fee / bounds.fee_low, rated.capital / bounds.capital_low)
    if near < work.policy.standing.star_share:
        return None
    (up, *_) = turns(Tier.RETAIL, rated.fee, rated.capital, ratings.rule(work.policy))
    missing = [Why("fee_missing", up.fee), Why("capital_missing", up.capital)]
    return min(near, Decimal(1)), [why for why in missing if why.figure is not None] or [Why("by_frequency")]


# --- is a model better? -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lesson:
    """What there is to learn from: samples, the months of every account, the last of them, accounts by number."""

    learn: Sample
    test: Sample
    months: Mapping[str, Months]
    last: int
    clients: Mapping[str, int]


async def verdict(deps: Deps) -> Verdict:
    """Rule against logistic model: learned on the months before, tested on the last ones that can be known.

    Complaints and questions are not known for the past, so both are judged by trades and money alone.
    """
    return await _judged(deps, await _lesson(deps))


async def learn(deps: Deps) -> Verdict:
    """Judges anew, and keeps every client's probability where the model is better; otherwise the rule alone counts."""
    lesson = await _lesson(deps)
    found = await _judged(deps, lesson)
    kept: dict[int, Decimal] = {}
    if found.chosen == "model":
        now = [
            stretch
            for account in sorted(lesson.months)
            if (stretch := stretches(lesson.months[account], account, lesson.last, _BACK)) is not None
        ]
        likely = await asyncio.to_thread(chances, lesson.learn, now)
        kept = {
            lesson.clients[stretch.account]: Decimal(chance).quantize(Decimal("0.00000001"))
            for stretch, chance in zip(now, likely, strict=True)
        }
    async with working(deps) as work:
        await rows.put_chances(work.session, lesson.last, kept)
    return found


async def _judged(deps: Deps, lesson: _Lesson) -> Verdict:
    margin = float(deps.policy.standing.leaving.model_margin)
    return await asyncio.to_thread(judged, lesson.learn, lesson.test, leaving_rule(deps.policy), margin)


async def _lesson(deps: Deps) -> _Lesson:
    policy = deps.policy.standing.leaving
    async with reading(deps) as work:
        newest = await settlements.newest_day(work.session)
    if newest is None:
        return _Lesson([], [], {}, 0, {})
    last = newest.replace(day=1) - timedelta(days=1)
    months: dict[str, Months] = {}
    clients: dict[str, int] = {}
    after = 0
    while True:
        async with reading(deps) as work:
            some = await rows.clients_after(work.session, after, _CHUNK)
            if not some:
                break
            after = some[-1].id
            clients |= {client.account: client.id for client in some}
            months |= await by_month(work, [client.account for client in some], last)
    number = month_number(last.year, last.month)
    learned, test = samples(months, number, policy.horizon_months, float(policy.left_below))
    return _Lesson(learned, test, months, number, clients)


def samples(months: Mapping[str, Months], last: int, horizon: int, left: float) -> tuple[Sample, Sample]:
    """(to learn from, to test on): the test lies so much later that its past tells nothing of the lesson's future."""
    learn: list[tuple[Stretch, bool]] = []
    test: list[tuple[Stretch, bool]] = []
    tested = (last - horizon, last - horizon - 1)
    for account in sorted(months):
        for at in range(last - YEAR + 1 + _BACK, last - horizon + 1):
            stretch = stretches(months[account], account, at, _BACK)
            if stretch is None or not stretch.lots_before:
                continue
            if at in tested:
                test.append((stretch, gone(months[account], at, horizon, left)))
            elif at <= min(tested) - horizon:
                learn.append((stretch, gone(months[account], at, horizon, left)))
    return learn, test
