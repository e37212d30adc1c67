"""When is traded: a product's hours, the days of the calendar, the last day of a contract; all from tables.

Words decide what is asked (``tables/timetable.yaml``), the calendar and the tables decide the answer; where the
calendar ends, the answer says so.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from domain.calendar import BOND_DAY, COMMODITY_DAY, INDEX_DAY, NIGHT_OPENS, CalendarEnded, DayHours
from domain.knowledge import Citation
from domain.market import EXCHANGES, ContractCode, ContractSpec, parse_contract
from knowledge.contracts import ContractTable
from knowledge.dates import Dates, Holiday, Said
from knowledge.last_days import LastDayRow, LastDays
from knowledge.slots import Mention

CALENDAR = "calendar.csv"
HOURS, NIGHT, LAST_DAY = "trading.hours", "trading.night_session", "trading.last_trading_day"
_BONDS = frozenset({"TS", "TF", "T", "TL"})
_TOMORROW = timedelta(days=1)
_MOST_MONTHS = 4

Months = Callable[[str], Iterable[str]]
"""Product -> codes of its contracts that have a settlement price."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer of the tables: its topic, its lines (the first is the answer), what it rests on."""

    topic: str
    lines: tuple[str, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question wants to know, and of which day: the night session, a product's hours, whether there is
    trading, the last day of a contract, whether it is still ``alive``. ``closing``: the end of a session; ``closed``: whether there is none.
    """

    said: Said
    night: bool = False
    hours: bool = False
    market: bool = False
    holiday: bool = False
    last_day: bool = False
    alive: bool = False
    closing: bool = False
    closed: bool = False


class TimetableReader:
    """Hears in one language what is asked of the tables. ``rules`` is ``tables/timetable.yaml``."""

    def __init__(self, rules: Mapping[str, Any], lang: str) -> None:
        self._dates = Dates(rules, lang)
        words = rules[lang]
        self._unless = _any(words["unless"])
        names = ("night", "hours", "market", "holiday", "last_day", "alive", "closing", "closed")
        self._asks = {name: _any(words[name]) for name in names}

    def read(self, text: str, day: date) -> Asked | None:
        """What a text (normalised, products as §) asks on ``day``; None where it speaks of something else."""
        if self._unless.search(text):
            return None
        asks = {name: bool(words.search(text)) for name, words in self._asks.items()}
        return Asked(self._dates.read(text, day), **asks) if any(asks.values()) else None


class Timetable:
    """Answers in one language. ``texts`` is the section ``timetable`` of ``texts.yaml``."""

    def __init__(
        self, table: ContractTable, last_days: LastDays, texts: Mapping[str, Any], lang: str
    ) -> None:
        self._table = table
        self._last_days = last_days
        self._calendar = last_days.calendar
        self._texts = texts
        self._lang = lang

    def answer(self, asked: Asked, mentions: Sequence[Mention], day: date, months: Months) -> Told | None:
        """The answer on ``day``; None where the tables have none. ``months``: contracts of a product to offer."""
        contracts = [m.contract for m in mentions if m.contract is not None]
        specs = tuple(self._table.spec(p, None, day) for m in mentions for p in m.products)
        if (asked.last_day or asked.alive) and contracts:
            return self._contracts(contracts, day, months)
        if asked.last_day and specs and not asked.night:
            return self._rules(specs)
        said = asked.said
        if said.holiday is not None and (asked.holiday or asked.night):
            return self._holiday(said.holiday, said.year, asked, day)
        if said.days and (asked.market or asked.night or asked.hours):
            return self._days(asked, specs)
        if specs and (asked.night or asked.hours or (asked.market and asked.closing)):
            return self._hours(specs, asked)
        return None

    def say(self, key: str, /, **facts: object) -> str:
        return str(self._texts[key]).format(**facts)

    def day(self, day: date) -> str:
        """11月24日（周二）, with the year where it is not the one the calendar ends in."""
        year = self.say("year", year=day.year) if day.year != self._calendar.last.year else ""
        weekday = self._texts["weekdays"][day.weekday()]
        month = self._texts["months"][day.month - 1]
        return self.say("day", year=year, month=month, day=day.day, weekday=weekday)

    # A product's hours ----------------------------------------------------------------------------------------

    def _hours(self, specs: Sequence[ContractSpec], asked: Asked) -> Told:
        lines = [self._head(names, spec, asked) for names, spec in self._alike(specs)]
        if asked.night or asked.closing:
            lines.extend(self._day_lines(specs))
        lines.append(self.say("night_note" if any(s.night_close for s in specs) else "no_night_note"))
        lines.append(self._source(specs))
        return Told(NIGHT if asked.night else HOURS, tuple(lines), self._of_specs(specs))

    def _head(self, names: str, spec: ContractSpec, asked: Asked) -> str:
        close = self._night_close(spec)
        if asked.night and (close is None or not asked.closing):
            return self.say("night" if close else "no_night", name=names, close=close)
        if asked.night:
            return self.say("night_closes", name=names, close=close)
        ends = _clock(_day_hours(spec)[-1][1])
        if asked.closing:
            return self.say("closes" if close else "closes_day", name=names, day=ends, night=close)
        hours = self._day_hours_of(spec)
        return self.say("hours" if close else "hours_day", name=names, day=hours, night=close)

    def _day_lines(self, specs: Sequence[ContractSpec]) -> list[str]:
        hours = dict.fromkeys(self._day_hours_of(spec) for spec in specs)
        return [self.say("day_hours", hours=said) for said in hours]

    def _alike(self, specs: Sequence[ContractSpec]) -> list[tuple[str, ContractSpec]]:
        """Products with the same hours together, by their names."""
        found: dict[tuple[DayHours, str | None], list[ContractSpec]] = {}
        for spec in specs:
            found.setdefault((_day_hours(spec), spec.night_close), []).append(spec)
        joint = self.say("joint")
        return [(joint.join(one.name(self._lang) for one in alike), alike[0]) for alike in found.values()]

    def _night_close(self, spec: ContractSpec) -> str | None:
        if spec.night_close is None:
            return None
        over_midnight = time.fromisoformat(spec.night_close) < NIGHT_OPENS
        return self.say("next_day" if over_midnight else "same_day", time=spec.night_close)

    def _day_hours_of(self, spec: ContractSpec) -> str:
        return self._spans(_day_hours(spec))

    def _spans(self, hours: DayHours) -> str:
        return self.say("joint").join(f"{_clock(a)}–{_clock(b)}" for a, b in hours)

    # Days of the calendar -------------------------------------------------------------------------------------

    def _days(self, asked: Asked, specs: Sequence[ContractSpec]) -> Told:
        said, topic = asked.said, NIGHT if asked.night else HOURS
        try:
            for day in said.days:
                self._calendar.row(day)
        except CalendarEnded as ended:
            return Told(topic, (self._unpublished(self.day(ended.day)), *self._until()), self._cited())
        day = said.days[0]
        lines = self._night_lines(day, specs) if asked.night else self._market_lines(said.days, asked, specs)
        told = (*lines, self._source(specs, day))
        return Told(topic, told, (*self._cited(*said.days), *self._of_specs(specs)))

    def _night_lines(self, day: date, specs: Sequence[ContractSpec]) -> list[str]:
        row, shown = self._calendar.row(day), self.day(day)
        if not row.has_night:
            why = "evening_of_holiday" if row.is_trading else "evening_closed"
            return [self.say(why, day=shown), *self._next_night(day)]
        without = [names for names, spec in self._alike(specs) if spec.night_close is None]
        held = [(names, spec) for names, spec in self._alike(specs) if spec.night_close is not None]
        lines = [
            self.say("evening_of", name=names, day=shown, close=self._night_close(spec))
            for names, spec in held
        ]
        lines.extend(self.say("no_night", name=names) for names in without)
        return lines or [self.say("evening", day=shown), self.say("evening_ends")]

    def _market_lines(self, days: Sequence[date], asked: Asked, specs: Sequence[ContractSpec]) -> list[str]:
        lines = []
        for day in days:
            traded = self._calendar.is_trading(day)
            key = ("not_closed" if asked.closed else "open") if traded else "closed"
            lines.append(self.say(key, day=self.day(day)))
        first = days[0]
        if not self._calendar.is_trading(first):
            return [*lines, *self._next_open(days[-1])]
        if specs:
            lines.extend(self._head(names, spec, Asked(asked.said)) for names, spec in self._alike(specs))
        else:
            spans = {
                name: self._spans(hours)
                for name, hours in (("goods", COMMODITY_DAY), ("index", INDEX_DAY), ("bonds", BOND_DAY))
            }
            lines.append(self.say("all_hours", **spans))
        lines.append(self.say("with_night" if self._calendar.has_night(first) else "without_night"))
        return lines

    def _next_open(self, day: date) -> list[str]:
        try:
            return [self.say("next_open", day=self.day(self._calendar.next_trading_day(day)))]
        except CalendarEnded:
            return self._until()

    def _next_night(self, day: date) -> list[str]:
        while self._calendar.covers(day := day + _TOMORROW):
            if self._calendar.has_night(day):
                return [self.say("next_night", day=self.day(day))]
        return self._until()

    # Holidays -------------------------------------------------------------------------------------------------

    def _holiday(self, holiday: Holiday, year: int | None, asked: Asked, today: date) -> Told:
        """The closure around a holiday: of the year said, else of the next one from today on."""
        topic, name = (NIGHT if asked.night else HOURS), holiday.name[self._lang]
        closed = self._closure(holiday, year) if year else self._coming(holiday, today)
        if closed is not None:
            told = (*self._closure_lines(name, closed, asked), self._source((), closed[0]))
            return Told(topic, told, self._cited(closed[0]))
        coming = year or self._next_year(holiday, today)
        eve = date(coming, *holiday.begins) - _TOMORROW
        lines = [self._unpublished(self.say("of_year", year=coming, name=name)), *self._until()]
        known_eve = self._calendar.covers(eve) and self._calendar.is_trading(eve)
        if known_eve and not self._calendar.has_night(eve):
            lines.insert(0 if asked.night else 1, self.say("evening_of_holiday", day=self.day(eve)))
        past = self._closure(holiday, coming - 1)
        if past is not None and not known_eve:
            closure, *night = self._closure_lines(name, past, asked)
            lines.extend((self.say("last_time", closure=closure), *night))
        return Told(topic, (*lines, self._source((), eve if known_eve else None)), self._cited())

    def _next_year(self, holiday: Holiday, today: date) -> int:
        return today.year if (today.month, today.day) <= holiday.ends else today.year + 1

    def _coming(self, holiday: Holiday, today: date) -> tuple[date, date] | None:
        for year in (today.year, today.year + 1):
            closed = self._closure(holiday, year)
            if closed is not None and closed[1] >= today:
                return closed
        return None

    def _closure(self, holiday: Holiday, year: int) -> tuple[date, date] | None:
        """First and last day without trading around a holiday; None where the calendar does not tell both."""
        day, last = date(year, *holiday.begins), date(year, *holiday.ends)
        while day <= last:
            if not self._calendar.covers(day):
                return None
            try:
                if self._calendar.is_holiday(day):
                    opens = self._calendar.next_trading_day(day)
                    return self._calendar.previous_trading_day(day) + _TOMORROW, opens - _TOMORROW
            except CalendarEnded:
                return None
            day += _TOMORROW
        return None

    def _closure_lines(self, name: str, closed: tuple[date, date], asked: Asked) -> list[str]:
        eve, opens = closed[0] - _TOMORROW, closed[1] + _TOMORROW
        of_year = self.say("of_year", year=opens.year, name=name)
        facts = {
            "name": of_year,
            "first": self.day(closed[0]),
            "last": self.day(closed[1]),
            "opens": self.day(opens),
        }
        closure = self.say("closure_one" if closed[0] == closed[1] else "closure", **facts)
        if self._calendar.has_night(eve):
            return [closure]
        night = self.say("closure_night", name=of_year, eve=self.day(eve), opens=self.day(opens))
        return [night, closure] if asked.night else [closure, night]

    # Last trading days ----------------------------------------------------------------------------------------

    def _contracts(self, contracts: Sequence[ContractCode], today: date, months: Months) -> Told | None:
        """When contracts end; None where nothing is known of one of them."""
        lines: list[str] = []
        rows: list[LastDayRow] = []
        for contract in contracts:
            row, last = (
                self._last_days.row(contract.exchange, contract.product),
                self._last_days.of(contract),
            )
            if row is not None:
                rows.append(row)
            if self._last_days.expired(contract, today):
                lines.extend(self.expired_lines(contract, today, months(contract.product)))
            elif row is None:
                return None
            elif last is not None:
                lines.append(self.say("ends", contract=contract, day=self.day(last)))
            else:
                lines.append(self.say("ends_by_rule", contract=contract, rule=self._rule(row)))
                lines.extend(self._until())
        if rows:
            lines.extend((self.say("last_day_note"), self._last_day_source(rows)))
        cited = tuple(row.citation() for row in dict.fromkeys(rows))
        return Told(LAST_DAY, tuple(lines), cited or self._cited())

    def expired(self, contract: ContractCode, today: date) -> bool:
        """Whether a contract is no longer traded."""
        return self._last_days.expired(contract, today)

    def expired_lines(self, contract: ContractCode, today: date, months: Iterable[str]) -> list[str]:
        """That a contract has expired, with its last day where that is known; and which of ``months`` have not."""
        last = self._last_days.of(contract)
        facts = {"contract": contract, "year": contract.year, "month": contract.month}
        head = (
            self.say("expired", day=self.day(last), **facts) if last else self.say("expired_month", **facts)
        )
        codes = [parse_contract(code, self._table.products, today) for code in months]
        alive = sorted(
            (code for code in codes if code is not None and not self.expired(code, today)),
            key=lambda code: (code.year, code.month),
        )
        if not alive:
            return [head, self.say("other_month")]
        shown = self.say("joint").join(map(str, alive[:_MOST_MONTHS]))
        return [head, self.say("current", contracts=shown)]

    def _rules(self, specs: Sequence[ContractSpec]) -> Told | None:
        """The rule for each product; None where it is not known for one of them."""
        rows = [self._last_days.row(spec.exchange, spec.product) for spec in specs]
        known = [row for row in rows if row is not None]
        if len(known) < len(rows):
            return None
        names: dict[str, list[str]] = {}
        for spec, row in zip(specs, known, strict=True):
            names.setdefault(self._rule(row), []).append(spec.name(self._lang))
        joint = self.say("joint")
        lines = [self.say("rule", name=joint.join(alike), rule=rule) for rule, alike in names.items()]
        told = (*lines, self.say("rule_note"), self.say("last_day_note"), self._last_day_source(known))
        return Told(LAST_DAY, told, tuple(row.citation() for row in dict.fromkeys(known)))

    def _rule(self, row: LastDayRow) -> str:
        assert row.rule is not None
        return str(self._texts["rules"][row.rule.what.value]).format(n=row.rule.n)

    # What it rests on -----------------------------------------------------------------------------------------

    def _unpublished(self, what: str) -> str:
        return self.say("unpublished", what=what)

    def _until(self) -> list[str]:
        return [self.say("until", day=self.day(self._calendar.last), year=self._calendar.last.year + 1)]

    def _source(self, specs: Sequence[ContractSpec], day: date | None = None) -> str:
        said = []
        if day is not None:
            notice = re.split(r"[；;]", self._calendar.row(day).source)[0]
            said.append(self.say("source_calendar", notice=notice))
        elif not specs:
            said.append(self.say("source_until", day=self._calendar.last))
        by_exchange: dict[tuple[str, date], list[str]] = {}
        for spec in specs:
            key = (spec.exchange, spec.margin_source.as_of)
            by_exchange.setdefault(key, []).append(spec.name(self._lang))
        for (exchange, as_of), names in by_exchange.items():
            facts = {"name": self.say("joint").join(names), "day": as_of}
            said.append(self.say("source_hours", exchange=self._exchange(exchange), **facts))
        return self.say("source", sources=self.say("semicolon").join(said))

    def _last_day_source(self, rows: Iterable[LastDayRow]) -> str:
        said = [
            self.say("source_last_day", exchange=self._exchange(exchange), day=as_of)
            for exchange, as_of in dict.fromkeys((row.exchange, row.as_of) for row in rows)
        ]
        return self.say("source", sources=self.say("semicolon").join(said))

    def _exchange(self, exchange: str) -> str:
        return EXCHANGES[exchange][0 if self._lang == "zh" else 1]

    def _cited(self, *days: date) -> tuple[Citation, ...]:
        """Rows of the calendar; its last one where an answer rests on its end."""
        rows = [self._calendar.row(day) for day in days or (self._calendar.last,)]
        return tuple(
            Citation(table=CALENDAR, row=row.day.isoformat(), as_of=row.day, source=row.source)
            for row in rows
        )

    def _of_specs(self, specs: Sequence[ContractSpec]) -> tuple[Citation, ...]:
        sources = [spec.margin_source for spec in specs]
        return tuple(
            Citation(table=s.table, row=s.row, as_of=s.as_of, source=s.source) for s in dict.fromkeys(sources)
        )


def _day_hours(spec: ContractSpec) -> DayHours:
    if spec.exchange != "CFFEX":
        return COMMODITY_DAY
    return BOND_DAY if spec.product in _BONDS else INDEX_DAY


def _clock(at: time) -> str:
    return f"{at:%H:%M}"


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
