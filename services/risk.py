"""The risk ladder: who climbed after a settlement, who is told, what is looked at again before the sessions.

An account is judged in the transaction that remembers its rung and queues its reminder, so a run that is cut off goes
on where it stopped and tells nobody twice.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from db import queues, settlements
from db import risk as rows
from db.models import AccountDay, Case, Client, Delivery, Notice
from db.models import Rung as RungRow
from domain.calendar import DAY_DEADLINE, NIGHT_DEADLINE, CalendarEnded, local, moment
from domain.errors import Refusal
from domain.people import Actor, Role, StaffMember
from domain.risk import Assessment, Climb, Ladder, Level, Rung, Why, assess, climb
from services import access, alerts, consents, estimates, outbox, reminders, tasks
from services.duty import Roster
from services.ladder import after_settlement, deadline, is_current, ladder, settled_day
from services.outbox import Button, Priority
from services.reminders import Told, figures_of
from services.work import Deps, Work, reading, working

_BATCH = 300
_CARDS = 5
_REMINDERS_LEAVE = timedelta(seconds=15)
_SHOWN = 20
_LOOKED_THROUGH = 200
_CALLS = tuple(level.value for level in Level if level.at_least(Level.CALL))
# What a card says of a client who did not agree to figures in chats.
_WITHHELD: dict[str, Any] = {
    "withheld": True,
    "equity": None,
    "margin": None,
    "risk_company": None,
    "risk_exchange": None,
    "shortfall": None,
}
_NIGHT_UNKNOWN = True  # of a client whose positions are not known the earlier deadline is told

Beat = Callable[[], Awaitable[None]]
Standing = tuple[RungRow, Client]


@dataclass(frozen=True, slots=True)
class RiskLine:
    """An account on a day: amounts in CNY, degrees as fractions, None where equity <= 0 or unknown."""

    account: str
    level: Level
    equity: Decimal
    company_margin: Decimal
    exchange_margin: Decimal | None
    risk_company: Decimal | None
    risk_exchange: Decimal | None
    shortfall: Decimal

    def as_json(self) -> dict[str, Any]:
        """As ``python -m bot risk --json`` prints it."""
        return {
            "account": self.account,
            "level": self.level.value,
            "equity": str(self.equity),
            "company_margin": str(self.company_margin),
            "exchange_margin": None if self.exchange_margin is None else str(self.exchange_margin),
            "risk_company": None if self.risk_company is None else round(float(self.risk_company), 6),
            "risk_exchange": None if self.risk_exchange is None else round(float(self.risk_exchange), 6),
            "shortfall": str(self.shortfall),
        }


async def risk_lines(work: Work, day: date | None = None) -> list[RiskLine]:
    """Every account of a day (the newest when none is named), worst first."""
    day = day or await settlements.newest_day(work.session)
    if day is None:
        return []
    rule = ladder(work.policy)
    lines = []
    for row in await rows.days_of(work.session, day):
        seen = assess(figures_of(row), rule)
        lines.append(
            RiskLine(
                account=row.account,
                level=seen.level,
                equity=seen.equity,
                company_margin=seen.company_margin,
                exchange_margin=seen.exchange_margin,
                risk_company=seen.company,
                risk_exchange=seen.exchange,
                shortfall=seen.shortfall,
            )
        )
    return sorted(lines, key=_worst_first)


def _worst_first(line: RiskLine) -> tuple[int, Decimal, str]:
    return (-line.level.rank, -(line.risk_company or -line.equity), line.account)


# --- after a settlement -----------------------------------------------------------------------------------


async def _no_beat() -> None:
    return None


async def judge_file(deps: Deps, file_id: int, beat: Beat = _no_beat) -> int:
    """Takes the ladder through the accounts of an imported file; how many are alerted.

    Older days are history. Where the calendar does not reach, nothing is said and the file waits. Short transactions;
    ``beat`` is called between them.
    """
    async with reading(deps) as work:
        day = await settlements.newest_day_of(work.session, file_id)
        newest = await settlements.newest_day(work.session)
        if day is None or newest is None or day < newest:
            accounts = []
        else:
            rule = ladder(deps.policy)
            accounts = await rows.to_be_judged(
                work.session,
                file_id,
                day,
                company_percent=int(rule.watch * 100),
                exchange_percent=int(rule.exchange_notice * 100),
            )
    try:
        current = bool(accounts) and day is not None and is_current(deps.calendar, day, deps.now())
        if current and day is not None:
            deadline(deps.calendar, day, night=False)
    except CalendarEnded as ended:
        async with working(deps) as work:
            await _calendar_ended(work, ended)
        return 0
    alerted = 0
    for start in range(0, len(accounts), _BATCH):
        assert day is not None
        async with working(deps) as work:
            await settlements.file(work.session, file_id)
            alerted += await _judge(work, day, accounts[start : start + _BATCH], current=current)
        await beat()
    async with working(deps) as work:
        await settlements.set_file(work.session, file_id, judged_at=work.now)
        await tell_staff(work)
        await tasks.announce(work)
    return alerted


async def _judge(work: Work, day: date, accounts: Sequence[str], *, current: bool) -> int:
    fixed_time = after_settlement(day)
    looked = await _corrected(work, day, await _look(work, day, accounts, fixed_time, {}))
    told = [item for item in looked if item.step.speak] if current else []
    roster = await Roster.load(work, [item.client.id for item in told])
    notices = await reminders.remind(work, await _tellings(work, day, told), roster)
    await _remember(work, day, looked, notices, client_told=current)
    return sum(1 for item in looked if item.step.speak and item.step.why is not Why.RECOVERED)


@dataclass(frozen=True, slots=True)
class _Looked:
    """An account that was looked at: where it stood, where it stands, and what is told."""

    client: Client
    day: AccountDay
    before: RungRow | None
    seen: Assessment
    step: Climb
    corrects: str | None = None


async def _corrected(work: Work, day: date, looked: Sequence[_Looked]) -> list[_Looked]:
    """A call that stands on figures which were replaced since is told anew, whatever the rung: its amount is wrong."""
    ids = {
        item.before.notice_id
        for item in looked
        if item.before is not None and item.before.notice_id is not None and item.before.day == day
    }
    notices = await rows.notices(work.session, ids)
    found = []
    for item in looked:
        notice = notices.get(item.before.notice_id or 0) if item.before else None
        stands = item.seen.level.at_least(Level.CALL) and not item.seen.empty
        if notice is not None and stands and notice.deadline is not None and _differs(notice, item.seen):
            step = item.step if item.step.speak else Climb(item.step.rung, True, Why.FIXED_TIME)
            item = replace(item, step=step, corrects=notice.number)
        found.append(item)
    return found


def _differs(notice: Notice, seen: Assessment) -> bool:
    told = (notice.facts.get("equity"), notice.facts.get("margin"))
    return told != (str(seen.equity), str(seen.company_margin))


async def _look(
    work: Work,
    day: date,
    accounts: Collection[str],
    fixed_time: datetime,
    deadlines: dict[str, datetime | None],
) -> list[_Looked]:
    """``deadlines``: of calls that are out, by account."""
    rule = ladder(work.policy)
    days = await settlements.accounts_of(work.session, day, accounts)
    clients = await rows.clients(work.session, accounts)
    rungs = await rows.rungs(work.session, accounts)
    found = []
    for account, (row, _) in sorted(days.items()):
        client, before = clients.get(account), rungs.get(account)
        if client is None:
            continue
        due = deadlines.get(account)
        seen = assess(figures_of(row), rule, deadline_passed=due is not None and due <= work.now)
        found.append(_Looked(client, row, before, seen, _climb(before, seen, rule, fixed_time)))
    return found


def _climb(before: RungRow | None, seen: Assessment, rule: Ladder, fixed_time: datetime) -> Climb:
    # Who was not told of the rung stands on none as far as the client is concerned.
    if before is None or not before.client_told:
        return climb(None, seen, rule, fixed_time)
    standing = Rung(Level(before.level), before.decile, before.fixed_time)
    return climb(standing, seen, rule, fixed_time)


async def _tellings(
    work: Work, day: date, looked: Sequence[_Looked], recheck: str | None = None
) -> list[Told]:
    calls = [item.client.account for item in looked if item.seen.level.at_least(Level.CALL)]
    held = await settlements.positions_of(work.session, day, calls)
    told = []
    for item in looked:
        positions = held.get(item.client.account)
        known = [estimates.held_of(position) for position in positions] if positions is not None else None
        night = _at_night(known, day)
        due = deadline(work.deps.calendar, day, night)
        told.append(
            Told(
                client=item.client,
                day=item.day,
                seen=item.seen,
                why=item.step.why,
                held=known,
                deadline=due,
                night=due.astimezone(after_settlement(day).tzinfo).time() == NIGHT_DEADLINE,
                late=recheck is None and due <= work.now and item.seen.level.at_least(Level.CALL),
                recheck=recheck,
                corrects=item.corrects,
            )
        )
    return told


def _at_night(held: Sequence[estimates.Held] | None, day: date) -> bool:
    return _NIGHT_UNKNOWN if held is None else estimates.trades_at_night(held, day)


async def _remember(
    work: Work, day: date, looked: Sequence[_Looked], notices: dict[str, int], *, client_told: bool
) -> None:
    values = []
    for item in looked:
        step, before = item.step, item.before
        quiet = step.rung.level is Level.NORMAL and not step.speak
        if quiet and before is None:
            continue
        same = before is not None and before.level == step.rung.level.value
        news = step.speak and _worth_a_card(item)
        values.append(
            {
                "account": item.client.account,
                "level": step.rung.level.value,
                "decile": step.rung.steps,
                "day": day,
                "since": before.since if before is not None and same else day,
                "fixed_time": step.rung.fixed_time,
                "why": step.why.value if step.speak else before.why if before else step.why.value,
                "client_told": client_told,
                "staff_told": not news and (before is None or before.staff_told),
                "notice_id": notices.get(item.client.account, before.notice_id if before else None),
            }
        )
    await rows.put_rungs(work.session, values)


def _worth_a_card(item: _Looked) -> bool:
    """Staff hear of warnings and worse, and of calls that ended."""
    if item.step.why is Why.RECOVERED:
        return item.before is not None and Level(item.before.level).at_least(Level.CALL)
    return item.step.rung.level.at_least(Level.WARNING)


async def go_on(deps: Deps, *, during_import: bool = False, but: int | None = None) -> int:
    """Finishes the ladder of files whose import was cut off, or that waited for the calendar; how many are alerted.

    An import that is running does so before its own file, ``but``; nobody else does meanwhile.
    """
    async with reading(deps) as work:
        if not during_import and await settlements.import_running(work.session, deps.wall()):
            return 0
        waiting = await settlements.unjudged(work.session)
    return sum([await judge_file(deps, file_id) for file_id in waiting if file_id != but])


async def _calendar_ended(work: Work, ended: CalendarEnded) -> None:
    """Nothing is guessed past the table's end: operators and the risk desk hear of it once a day."""
    if await queues.claim_job(work.session, "calendar.ended", work.today.isoformat(), work.now):
        for role in (Role.OPERATOR, Role.RISK):
            await alerts.roles(work, (role,), "alert.calendar_ended", last=ended.last, day=ended.day)


# --- staff ------------------------------------------------------------------------------------------------


async def tell_staff(work: Work) -> None:
    """Tells managers, officers and the risk desk who changed on the ladder: cards, or one list where they are many.

    They wait a moment for the clients' reminders to leave, so that a card says how far its reminder came.
    """
    if await rows.reminders_leaving(work.session, work.now - _REMINDERS_LEAVE):
        return
    changed = await rows.rungs_to_tell(work.session)
    if changed:
        await _tell_of(work, changed)
        await rows.rungs_told(work.session, [rung.account for rung, _ in changed])
    await rows.drop_normal_rungs(work.session)


async def _tell_of(work: Work, changed: Sequence[Standing]) -> None:
    roster = await Roster.load(work, [client.id for _, client in changed])
    theirs: dict[int, list[Standing]] = defaultdict(list)
    for rung, client in changed:
        for member in roster.alerted(client.id, _kinds(work, client.tier, Level(rung.level), rung.why)):
            theirs[member.id].append((rung, client))
    for member_id, found in theirs.items():
        await _tell_member(work, roster.staff[member_id], found)


def _kinds(work: Work, tier: str, level: Level, why: str) -> set[str]:
    kinds = set(work.policy.tiers[tier].alert)  # type: ignore[index]  # tiers of the register
    if level.at_least(Level.CALL) or why == Why.RECOVERED.value:
        kinds.add("risk")
    return set(kinds)


async def _tell_member(work: Work, member: StaffMember, found: Sequence[Standing]) -> None:
    assert member.chat_id is not None
    lang = await outbox.language(work, member.chat_id)
    if len(found) <= _CARDS:
        for card in await _standings(work, found):
            await outbox.say(
                work,
                member.chat_id,
                "risk.staff_card",
                lang=lang,
                priority=Priority.STAFF,
                buttons=_card_buttons(card),
                **_in_words(work, card, lang),
            )
        return
    await outbox.say(
        work,
        member.chat_id,
        "risk.list",
        lang=lang,
        priority=Priority.STAFF,
        buttons=[[Button("risk.all", "risk.list"), Button("task.mine", "task.list")]],
        changed=True,
        day=found[0][0].day,
        count=len(found),
        levels=_counts(work, found, lang),
        lines=await _worst(work, found, lang),
    )


async def _worst(work: Work, found: Sequence[Standing], lang: str) -> list[dict[str, Any]]:
    """The lines of a list, worst first: by level and step, among those by degree."""
    coarse = sorted(found, key=lambda f: (-Level(f[0].level).rank, -f[0].decile, f[0].account))
    cards = await _standings(work, coarse[:_LOOKED_THROUGH])
    ordered = sorted(cards, key=lambda card: card["order"])
    return [_in_words(work, card, lang) for card in ordered[:_SHOWN]]


def _card_buttons(card: dict[str, Any]) -> list[list[Button]]:
    if card["notice_id"] is None or not Level(card["level"]).at_least(Level.CALL):
        return []
    return [[Button("risk.phone", "risk.phone", {"notice": card["notice_id"]})]]


def _counts(work: Work, found: Sequence[Standing], lang: str) -> list[tuple[str, int]]:
    """(level in words, how many), worst first."""
    numbers: dict[str, int] = defaultdict(int)
    for rung, _ in found:
        numbers[rung.level] += 1
    ordered = sorted(numbers, key=lambda level: -Level(level).rank)
    return [(work.deps.phrases.label(f"level.{level}", lang), numbers[level]) for level in ordered]


async def _standings(work: Work, found: Sequence[Standing]) -> list[dict[str, Any]]:
    """What a card says of each account; words come later, by the reader's language."""
    accounts: dict[date, list[str]] = defaultdict(list)
    for rung, _ in found:
        accounts[rung.day].append(rung.account)
    days: dict[str, tuple[AccountDay, str]] = {}
    for day, names in accounts.items():
        days |= await settlements.accounts_of(work.session, day, names)
    ids = {rung.notice_id for rung, _ in found if rung.notice_id is not None}
    notices = await rows.notices(work.session, ids)
    lines = await rows.deliveries(work.session, ids)
    open_tasks = await rows.open_tasks_of(work.session, [client.id for _, client in found])
    shown = await consents.open_to_staff(work, [client.id for _, client in found])
    rule = ladder(work.policy)
    cards = [
        _standing(work, rung, client, days.get(rung.account), notices, lines, open_tasks, rule)
        for rung, client in found
    ]
    return [card if card["client_id"] in shown else card | _WITHHELD for card in cards]


def _standing(
    work: Work,
    rung: RungRow,
    client: Client,
    day: tuple[AccountDay, str] | None,
    notices: dict[int, Notice],
    lines: dict[int, list[Delivery]],
    open_tasks: dict[int, Case],
    rule: Ladder,
) -> dict[str, Any]:
    notice = notices.get(rung.notice_id or 0)
    seen = assess(figures_of(day[0]), rule) if day else None
    task = open_tasks.get(client.id)
    due = notice.deadline if notice else None
    level = Level(rung.level)
    return {
        "level": rung.level,
        "why": rung.why,
        "name": work.shown_name(client.name),
        "client_id": client.id,
        "withheld": False,
        "account": client.account,
        "tier": client.tier,
        "day": rung.day,
        "since": rung.since,
        "equity": seen.equity if seen else None,
        "margin": seen.company_margin if seen else None,
        "risk_company": seen.company if seen else None,
        "risk_exchange": seen.exchange if seen else None,
        "estimated": day[0].exchange_margin_estimated if day else False,
        "shortfall": seen.shortfall if seen else None,
        "deadline": due,
        "minutes_left": max(0, int((due - work.now).total_seconds() // 60)) if due else None,
        "notice": notice.number if notice else None,
        "notice_id": rung.notice_id,
        "told": _told_state(lines.get(rung.notice_id or 0, [])),
        "task": task.number if task else None,
        "stale": not rung.client_told,
        "order": (-level.rank, -(seen.company or Decimal(99)) if seen else Decimal(0), client.account),
    }


def _told_state(lines: Sequence[Delivery]) -> str:
    """How far the reminder came: acknowledged, hint (without figures), sent, queued, blocked, no_chat or none."""
    states = {line.state for line in lines}
    if "acknowledged" in states:
        return "acknowledged"
    for state in ("sent", "queued"):
        if state in states:
            full = any(line.state == state and line.form == "full" for line in lines)
            return state if full else "hint"
    return next(iter(sorted(states)), "none")


def _in_words(work: Work, card: dict[str, Any], lang: str) -> dict[str, Any]:
    label = work.deps.phrases.label
    words = {
        "level": label(f"level.{card['level']}", lang),
        "tier": work.policy.tier_name(card["tier"], lang),
        "told": label(f"told.{card['told']}", lang),
        "is_call": Level(card["level"]).at_least(Level.CALL),
        "recovered": card["why"] == Why.RECOVERED.value,
    }
    return {
        key: value
        for key, value in {**card, **words}.items()
        if key not in ("order", "why", "notice_id", "client_id")
    }


@dataclass(frozen=True, slots=True)
class RiskList:
    """Accounts above normal that an employee may see, worst first: the lines shown, how many, and of which level."""

    day: date | None
    count: int
    levels: list[tuple[str, int]]
    lines: list[dict[str, Any]]


async def standings(work: Work, who: Actor) -> RiskList:
    """For the risk desk all accounts, for managers and officers their own and those they stand in for."""
    member = access.require(who)
    keepers: list[int] | None = None
    if member.role in (Role.MANAGER, Role.OFFICER):
        roster = await Roster.load(work, ())
        away = [
            m.id for m in roster.staff.values() if m.stand_in_id == member.id and not m.present(work.today)
        ]
        keepers = [member.id, *away]
    found = await rows.standing(work.session, keepers)
    return RiskList(
        day=max((rung.day for rung, _ in found), default=None),
        count=len(found),
        levels=_counts(work, found, who.lang),
        lines=await _worst(work, found, who.lang),
    )


async def phone(work: Work, who: Actor, notice_id: int) -> tasks.TaskCard:
    """The employee phones the client of a reminder himself: a task of his own, new or the one that is open."""
    access.require(who)
    notice = await work.session.get(Notice, notice_id)
    if notice is None or notice.account is None:
        raise Refusal("not_found")
    client = await access.client_by_account_for(work, who, notice.account)
    row = await work.session.get(Client, client.id)
    assert row is not None
    task_id = await tasks.open_one(work, row, "asked_by_staff", notice)
    await rows.add_events(work.session, [tasks.event(work, task_id, "told", None)])
    return await tasks.take(work, who, task_id)


# --- by the clock -----------------------------------------------------------------------------------------


async def recheck(work: Work) -> None:
    """A job: unmet calls are told again before the night session and before the day session, and phoned."""
    try:
        due = _fixed_time(work)
        if due is None:
            return
        name, slot = due
        day = settled_day(work.deps.calendar, work.now)
    except CalendarEnded as ended:
        await _calendar_ended(work, ended)
        return
    if await settlements.newest_day(work.session) != day:
        return
    standing = await rows.rungs_from(work.session, _CALLS, day, before=slot, limit=_BATCH)
    if not standing:
        return
    notices = await rows.notices(work.session, {r.notice_id for r in standing if r.notice_id is not None})
    deadlines = {r.account: notices[r.notice_id].deadline for r in standing if r.notice_id in notices}
    looked = await _look(work, day, [rung.account for rung in standing], slot, deadlines)
    spoken = await _still_unmet(work, day, looked, only_night=name == "evening")
    roster = await Roster.load(work, [item.client.id for item in spoken])
    written = await reminders.remind(work, await _tellings(work, day, spoken, recheck=name), roster)
    silent = {item.client.account for item in looked} - {item.client.account for item in spoken}
    await _remember(
        work,
        day,
        [_unsaid(i) if i.client.account in silent else i for i in looked],
        written,
        client_told=True,
    )


def _fixed_time(work: Work) -> tuple[str, datetime] | None:
    """The re-check whose window is open: from its hour until the session's opening auction."""
    today, here = work.today, local(work.now).time()
    times = work.policy.timetable
    row = work.deps.calendar.row(today)
    windows: tuple[tuple[str, bool, time, time], ...] = (
        ("morning", row.is_trading, times.recheck_morning, DAY_DEADLINE),
        ("evening", row.has_night, times.recheck_evening, NIGHT_DEADLINE),
    )
    for name, held, begins, ends in windows:
        if held and begins <= here < ends:
            return name, moment(today, begins)
    return None


async def _still_unmet(
    work: Work, day: date, looked: Sequence[_Looked], *, only_night: bool
) -> list[_Looked]:
    """Who is told again: not who was reported as having met the call, before the night only who trades at night."""
    ids = {item.before.notice_id for item in looked if item.before and item.before.notice_id}
    met = await rows.met(work.session, ids)
    held = await settlements.positions_of(work.session, day, [item.client.account for item in looked])
    spoken = []
    for item in looked:
        positions = held.get(item.client.account)
        known = [estimates.held_of(position) for position in positions] if positions is not None else None
        done = item.before is not None and item.before.notice_id in met
        if item.step.speak and not done and (not only_night or _at_night(known, day)):
            spoken.append(item)
    return spoken


def _unsaid(item: _Looked) -> _Looked:
    """The account was looked at, and stays on its rung without a word."""
    assert item.before is not None
    rung = Rung(Level(item.before.level), item.before.decile, item.step.rung.fixed_time)
    return replace(item, step=Climb(rung, False, Why.NOTHING))


async def late_settlement(work: Work) -> None:
    """A job: an hour before the evening's re-check the settlement of the day should be in; staff hear if it is not."""
    try:
        day = settled_day(work.deps.calendar, work.now)
    except CalendarEnded:
        return
    here = local(work.now)
    begins = datetime.combine(here.date(), work.policy.timetable.recheck_evening, here.tzinfo) - timedelta(
        hours=1
    )
    newest = await settlements.newest_day(work.session)
    if day != here.date() or here < begins or newest is None or newest >= day:
        return
    if await queues.claim_job(work.session, "settlement.late", day.isoformat(), work.now):
        for role in (Role.OPERATOR, Role.RISK):
            await alerts.roles(work, (role,), "alert.settlement_late", day=day, newest=newest)


async def watch_calendar(work: Work) -> None:
    """A job: the operator hears once a day that the trading calendar ends soon, or has ended."""
    calendar = work.deps.calendar
    days = work.policy.timetable.calendar_warning_days
    if not calendar.ends_within(days, work.today):
        return
    if await queues.claim_job(work.session, "calendar.ends", work.today.isoformat(), work.now):
        left = (calendar.last - work.today).days
        await alerts.operators(
            work, "alert.calendar_ends", last=calendar.last, days=max(left, 0), ended=left < 0
        )


async def tell_pending(work: Work) -> None:
    """A job: what changed outside of an import is told to staff."""
    if await settlements.import_running(work.session, work.deps.wall()):
        return
    await tell_staff(work)
    await tasks.announce(work)
