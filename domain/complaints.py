"""Complaints as rules: how heavy one is, who may know of it, how far it is, and what its clocks say.

- weigh, amount_in: general or major, with the reasons.
- first_desk, line_of, conflicted, may_know, may_handle: whose it is, and whose it must never be.
- Event, Standing, standing: the state, the terms and the pauses, derived from events that are only ever added.
- Clock, contact_clock, result_clock: used and remaining working time.

Who a complaint goes to and how fast depends on the tier; whether and how fairly it is handled does not.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from domain.calendar import CalendarEnded, TradingCalendar
from domain.clocks import Hours, Pause, Switch, due_with_pauses, elapsed, pauses_of, read
from domain.people import Role, StaffMember
from domain.policy import ComplaintPolicy

GENERAL, MAJOR = "general", "major"
MARKS = (50, 80, 100, 200)
"""Percent of a term: the owner is reminded, the head is told, the next desk gets it, the desk after that."""

PAUSE_REASON = "等待客户材料"
"""The one reason for which the clock of the result may stand still."""

NUMBER = re.compile(r"CP-\d{8}-\d{4,}")

_PROGRESS = re.compile(
    r"(?:请?(?:帮我)?查(?:询|看)?(?:一下|下)?)?我?的?投诉的?(?:处理)?(?:进度|进展|状态|情况)(?:如何|怎么样了?|查询|呢)?[?。]?"
    r"|(?:我?的?(?:那个|这个|上次的?)?投诉)(?:现在|目前)?(?:都|已经)?"
    r"(?:到哪(?:里|儿|一?步)?了?|怎么样了|处理(?:得|的)?(?:怎么样|如何|完|好)?了(?:吗|没有?)?|办(?:得怎么样|完|好)了(?:吗|没有?)?"
    r"|有(?:没有)?(?:结果|进展|回复)了?(?:吗|没有?)?|什么时候(?:能|会)?有(?:结果|答复|回复))[?。]?"
    r"|(?:my )?complaints?(?:'s)? (?:status|progress)\??|(?:status|progress) of my complaint\??"
)


def asks_for_progress(text: str) -> str | None:
    """The number of the complaint whose state is asked for, empty where none is named; None for other texts."""
    plain = unicodedata.normalize("NFKC", text).strip()
    number = NUMBER.search(plain.upper())
    if number is not None and len(plain) <= 40:
        return number[0]
    return "" if _PROGRESS.fullmatch(plain.lower()) else None


RATINGS = (1, 2, 3, 4, 5)
LOW_RATING = 2


# --- how heavy ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Weight:
    """``reasons`` are codes: category, amount, words, repeat, cluster, said. ``report``: a report of misconduct."""

    severity: str
    reasons: tuple[str, ...]
    report: bool = False


def weigh(
    policy: ComplaintPolicy,
    category: str,
    words: str,
    *,
    amount: Decimal | None = None,
    said_major: bool = False,
    again: bool = False,
    others: int = 0,
) -> Weight:
    """General, or major where any reason holds.

    ``said_major``: the library took the words for a major complaint. ``again``: the client complained of the
    same before. ``others``: how many other clients complained of the same category in ``cluster_days``.
    """
    chosen = next((c for c in policy.categories if c.code == category), None)
    found = {
        "category": chosen is not None and chosen.major,
        "amount": amount is not None and amount >= policy.major_amount,
        "words": mentions(words, policy.major_words),
        "repeat": again,
        "cluster": others + 1 >= policy.cluster_clients,
        "said": said_major,
    }
    report = mentions(words, policy.report_words)
    reasons = tuple(reason for reason, holds in found.items() if holds)
    return Weight(MAJOR if reasons or report else GENERAL, reasons or (("report",) if report else ()), report)


def mentions(words: str, wanted: Iterable[str]) -> bool:
    """Whether a text holds one of the words: a Chinese one anywhere, a Latin one as a whole word or its plural."""
    text = unicodedata.normalize("NFKC", words).lower()
    return any(
        re.search(rf"(?<![a-z0-9]){re.escape(w)}s?(?![a-z0-9])", text) is not None
        if w.isascii()
        else w in text
        for w in (word.lower() for word in wanted)
    )


_UNITS = {"万": 10_000, "w": 10_000, "亿": 100_000_000, "千": 1000, "k": 1000, "百万": 1_000_000}
_FIGURE = re.compile(
    r"(?:(?P<sign>[¥$]|rmb|cny|人民币)\s*)?(?<![a-z0-9_.,])(?P<number>\d[\d,]*(?:\.\d+)?)\s*(?P<unit>百万|万|亿|千|[wk](?![a-z]))?"
    r"\s*(?P<coin>多?元|多?块|rmb|cny|yuan)?"
)
_SPELT = re.compile(
    r"(?P<number>[一二两三四五六七八九十百千][零一二两三四五六七八九十百千万亿]*)[多余]?(?:元|块)"
    r"|(?P<bare>[一二两三四五六七八九十百]+[万亿])"
)
_ASKED_FOR = re.compile(
    r"(?:赔偿?|退还?|补偿?|compensat\w*|refund\w*|pay)\D{0,6}?(?P<number>\d{3,9}(?:\.\d+)?)(?!\d|手(?!续)|[点个天笔%年月日号])"
    r"|(?<![\d,.])(?P<grouped>\d{1,3}(?:,\d{3})+(?:\.\d+)?)"
)
_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2}
_POWERS = {"十": 10, "百": 100, "千": 1000}


def amount_in(text: str) -> Decimal | None:
    """The largest sum of money named in a text, CNY; None where no figure is said to be money.

    A figure counts with 万, 亿, 元 or ¥ beside it, after 赔偿 or 退还, or written 100,000: contracts, dates and
    account numbers do not.
    """
    plain = unicodedata.normalize("NFKC", text).lower()
    found: list[Decimal] = []
    for match in _FIGURE.finditer(plain):
        if match["sign"] or match["coin"] or match["unit"] in ("万", "亿", "w", "百万"):
            found.append(Decimal(match["number"].replace(",", "")) * _UNITS.get(match["unit"] or "", 1))
    for match in _ASKED_FOR.finditer(plain):
        found.append(Decimal((match["number"] or match["grouped"]).replace(",", "")))
    for match in _SPELT.finditer(plain):
        found.append(Decimal(_spelt(match["number"] or match["bare"])))
    return max(found, default=None)


def _spelt(text: str) -> int:
    """二十五万 -> 250000"""
    total = section = digit = 0
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char in _POWERS:
            section += max(digit, 1) * _POWERS[char]
            digit = 0
        else:
            total = (total + section + digit) * _UNITS[char]
            section = digit = 0
    return total + section + digit


# --- whose it is, and whose it must never be --------------------------------------------------------------------


def first_desk(policy: ComplaintPolicy, *, tier: str, category: str, severity: str) -> str:
    """The desk of the first line of the routing table that holds; compliance where none does."""
    for route in policy.routes:
        if (
            (not route.tiers or tier in route.tiers)
            and (not route.categories or category in route.categories)
            and route.severity in (None, severity)
        ):
            return route.desk
    return "compliance"


def desks_from(policy: ComplaintPolicy, desk: str) -> tuple[str, ...]:
    """The desks from this one upwards; compliance is always the last."""
    chain: list[str] = list(policy.chain)
    above = chain[chain.index(desk) :] if desk in chain else [desk]
    return tuple(above) if "compliance" in above else (*above, "compliance")


def line_of(accused: StaffMember, house: Collection[StaffMember]) -> frozenset[int]:
    """Who stands in one line with somebody: leads upwards, reports downwards, those under the same lead."""
    by_id = {member.id: member for member in house}
    line = {accused.id}
    above = accused
    while above.lead_id is not None and above.lead_id not in line and above.lead_id in by_id:
        line.add(above.lead_id)
        above = by_id[above.lead_id]
    below = {accused.id}
    while more := {m.id for m in house if m.lead_id in below} - below:
        below |= more
    beside = {m.id for m in house if accused.lead_id is not None and m.lead_id == accused.lead_id}
    return frozenset(line | below | beside)


def conflicted(candidate: StaffMember, accused: StaffMember | None, house: Collection[StaffMember]) -> bool:
    """Whether a complaint of ``accused`` must not come to ``candidate``.

    A shared desk (``Staff.line``) is no conflict for compliance; the line of leads and reports always is.
    """
    if accused is None:
        return False
    if candidate.id in line_of(accused, house):
        return True
    return candidate.role is not Role.COMPLIANCE and bool(accused.line) and candidate.line == accused.line


def may_know(
    member: StaffMember, *, restricted: bool, accused: StaffMember | None, house: Collection[StaffMember]
) -> bool:
    """Whether an employee may learn that the case is there: in lists, counts and cards alike."""
    if restricted and member.role is not Role.COMPLIANCE:
        return False
    return not conflicted(member, accused, house)


def may_handle(
    member: StaffMember,
    *,
    desk: str,
    restricted: bool,
    accused: StaffMember | None,
    house: Collection[StaffMember],
    policy: ComplaintPolicy,
) -> bool:
    """Whether an employee of this desk, or of one above it in the chain, may have the case."""
    return (
        member.active
        and str(member.role) in desks_from(policy, desk)
        and may_know(member, restricted=restricted, accused=accused, house=house)
    )


# --- how far it is ----------------------------------------------------------------------------------------------


class Kind(StrEnum):
    """What can happen to a case."""

    OPENED = "opened"
    SHOWN = "shown"  # a card went to an employee
    TAKEN = "taken"
    ASKED = "asked"  # of the client, and the clock of the result stands
    ADDED = "added"  # by the client: words or a file
    EDITED = "edited"  # the client changed, in the chat, words that belong to the case
    REPLIED = "replied"
    PHONED = "phoned"
    UNDELIVERED = "undelivered"  # a message to the client never arrived: no contact
    RAISED = "raised"  # to major
    MOVED = "moved"  # to another owner or desk
    MARKED = "marked"  # a mark of a clock was acted upon
    EXTENDED = "extended"  # more time for the result of a major one, once, told to the client
    TERMED = "termed"  # a term that the calendar could not give before
    RESOLVED = "resolved"
    REOPENED = "reopened"
    RATED = "rated"
    REVIEW = "review"  # a low rating asks for a second look
    CLOSED = "closed"  # the time to reopen is over


class State(StrEnum):
    OPEN = "open"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a case. ``actor`` as in the audit trail."""

    id: int
    at: datetime
    actor: str
    kind: str
    text: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """Both terms of a case, counted from ``start``; None where the calendar ends before."""

    start: datetime
    contact_due: datetime | None
    result_due: datetime | None

    def as_json(self) -> dict[str, str | None]:
        return {
            "start": self.start.isoformat(),
            "contact_due": self.contact_due.isoformat() if self.contact_due else None,
            "result_due": self.result_due.isoformat() if self.result_due else None,
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> "Terms":
        contact, result = data["contact_due"], data["result_due"]
        return cls(
            datetime.fromisoformat(data["start"]),
            datetime.fromisoformat(contact) if contact else None,
            datetime.fromisoformat(result) if result else None,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What the events of a case come to. ``marks``: the highest mark acted upon, by clock."""

    state: State
    terms: Terms
    contacted_at: datetime | None
    resolved_at: datetime | None
    pauses: tuple[Pause, ...]
    marks: Mapping[str, int]
    rating: int | None
    times_reopened: int
    extended: bool = False

    @property
    def paused(self) -> bool:
        return bool(self.pauses) and self.pauses[-1].ends is None

    @property
    def running(self) -> bool:
        return self.state in (State.OPEN, State.WAITING)


_CONTACTS = {Kind.ASKED, Kind.REPLIED, Kind.PHONED, Kind.RESOLVED}


def standing(events: Sequence[Event]) -> Standing:
    """The events, oldest first, beginning with ``opened``. Reopening begins both clocks anew."""
    assert events[0].kind == Kind.OPENED, "a case begins with its opening"
    lost = {event.data.get("event") for event in events if event.kind == Kind.UNDELIVERED}
    state, terms, times_reopened = State.OPEN, Terms.of_json(events[0].data["terms"]), 0
    contacted: datetime | None = None
    resolved: datetime | None = None
    rating: int | None = None
    switches: list[Switch] = []
    marks: dict[str, int] = {}
    extended = False
    for event in events:
        if event.kind in _CONTACTS and contacted is None and event.id not in lost:
            contacted = event.at
        match event.kind:
            case Kind.ASKED if event.id not in lost:
                state = State.WAITING
                switches.append(Switch(event.at, running=False))
            case Kind.ADDED if state is State.WAITING:
                state = State.OPEN
                switches.append(Switch(event.at, running=True))
            case Kind.TERMED:
                terms = Terms.of_json(event.data["terms"])
            case Kind.EXTENDED:
                terms, extended = Terms.of_json(event.data["terms"]), True
                marks.pop("result", None)
            case Kind.MARKED:
                clock = str(event.data["clock"])
                marks[clock] = max(marks.get(clock, 0), int(event.data["mark"]))
            case Kind.RESOLVED:
                state, resolved = State.RESOLVED, event.at
                switches.append(Switch(event.at, running=True))
            case Kind.REOPENED:
                state, resolved, contacted, marks, extended = State.OPEN, None, None, {}, False
                terms, switches = Terms.of_json(event.data["terms"]), []
                times_reopened += 1
            case Kind.RATED:
                rating = int(event.data["rating"])
            case Kind.CLOSED:
                state = State.CLOSED
    return Standing(
        state, terms, contacted, resolved, pauses_of(switches), marks, rating, times_reopened, extended
    )


# --- its clocks -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock at a moment. ``left`` is None where the term is not known, negative when overdue.

    ``due`` is None while the clock stands, and where the term is not known. ``stopped_at``: done at.
    """

    due: datetime | None
    left: timedelta | None
    paused: timedelta
    mark: int
    standing_still: bool = False
    stopped_at: datetime | None = None

    @property
    def overdue(self) -> bool:
        return self.left is not None and self.left < timedelta(0)


def contact_clock(found: Standing, now: datetime, hours: Hours, calendar: TradingCalendar) -> Clock:
    """Until the first word of a person reaches the client. It never pauses."""
    return _clock(found.terms.start, found.terms.contact_due, found.contacted_at, now, hours, calendar, ())


def result_clock(found: Standing, now: datetime, hours: Hours, calendar: TradingCalendar) -> Clock:
    """Until the result is told. It stands while the client was asked for something."""
    return _clock(
        found.terms.start, found.terms.result_due, found.resolved_at, now, hours, calendar, found.pauses
    )


def next_mark(found: Standing, hours: Hours, calendar: TradingCalendar) -> datetime | None:
    """When the next mark of a clock that runs is reached; None where none is, or the calendar ends before."""
    running = [("result", found.terms.result_due, found.pauses)]
    if found.contacted_at is None:
        running.append(("contact", found.terms.contact_due, ()))
    times: list[datetime] = []
    for name, term, pauses in running:
        for mark in MARKS if term is not None else ():
            if mark > found.marks.get(name, 0):
                times += _reached(found.terms.start, term, mark, hours, calendar, pauses)
    return min(times, default=None)


def _reached(
    start: datetime,
    term: datetime | None,
    mark: int,
    hours: Hours,
    calendar: TradingCalendar,
    pauses: tuple[Pause, ...],
) -> list[datetime]:
    assert term is not None
    try:
        budget = elapsed(start, term, hours, calendar) * mark / 100
        at = due_with_pauses(start, budget, hours, calendar, pauses)
    except CalendarEnded:
        return []
    return [at] if at is not None else []


def _clock(
    start: datetime,
    due: datetime | None,
    stopped_at: datetime | None,
    now: datetime,
    hours: Hours,
    calendar: TradingCalendar,
    pauses: tuple[Pause, ...],
) -> Clock:
    if due is None:
        return Clock(None, None, timedelta(0), 0, stopped_at=stopped_at)
    budget = elapsed(start, due, hours, calendar)
    reading = read(start, budget, stopped_at or now, hours, calendar, pauses, MARKS)
    still = stopped_at is None and bool(pauses) and pauses[-1].ends is None
    return Clock(reading.due, reading.left, reading.paused, reading.mark, still, stopped_at)
