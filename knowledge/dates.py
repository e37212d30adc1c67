"""Days that a question speaks of: tomorrow, next Monday, 12月31日, National Day 2027."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

_WEEKDAYS = {c: n for n, c in enumerate("一二三四五六日")} | {"天": 6} | {str(n): n - 1 for n in range(1, 8)}
_WEEKDAYS_EN = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS_EN = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEK_ZH = re.compile(
    r"(下下|下|上|这|本)?(?:个)?(?:周|星期|礼拜)([一二三四五六日天]|[1-7](?!\d)|末)(?!线|报|刊|期权)"
)
_WEEK_EN = re.compile(rf"\b(next|this|last|coming)?\s?({'|'.join(_WEEKDAYS_EN)}|weekend)s?\b")
_ISO = re.compile(r"(?<!\d)(20\d{2})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_DAY_ZH = re.compile(r"(?:(20\d{2}|\d{2}|今|明|去)年)?(?<!\d)(\d{1,2})月(\d{1,2})(?:日|号)?")
_DAY_EN = re.compile(
    rf"\b(?:({'|'.join(_MONTHS_EN)})[a-z]*\.? (\d{{1,2}})|(\d{{1,2}})(?: of)? ({'|'.join(_MONTHS_EN)})[a-z]*)"
    r"(?:st|nd|rd|th)?(?:,? (20\d{2}))?\b"
)
_OF_MONTH = re.compile(r"(?<![\d月第])(\d{1,2})号(?!胶|合约|机)")
_YEAR = re.compile(r"(?<!\d)(20\d{2}|\d{2})年|([今明去后])年|\b(20\d{2})\b|\b(this|next|last) year\b")
_YEARS = {"今": 0, "明": 1, "后": 2, "去": -1, "this": 0, "next": 1, "last": -1}


@dataclass(frozen=True, slots=True)
class Holiday:
    """A public holiday: the days of the year between which its free days begin or lie, as (month, day)."""

    name: Mapping[str, str]
    words: Mapping[str, re.Pattern[str]]
    begins: tuple[int, int]
    ends: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Said:
    """What a text says of a day: days outright, or a holiday, perhaps with its year."""

    days: tuple[date, ...] = ()
    holiday: Holiday | None = None
    year: int | None = None


class Dates:
    """Reads the days of a text in one language. ``rules`` is the section of ``tables/timetable.yaml``."""

    def __init__(self, rules: Mapping[str, Any], lang: str) -> None:
        self._lang = lang
        words = rules[lang]["days"]
        longest = sorted(words, key=len, reverse=True)
        self._relative = re.compile("|".join(rf"(?<![a-z]){re.escape(w)}(?![a-z])" for w in longest))
        self._offsets: Mapping[str, int] = words
        self._holidays = tuple(_holiday(raw) for raw in rules["holidays"])

    def read(self, text: str, today: date) -> Said:
        """The first day of a text (normalised, products taken out)."""
        holiday = next((h for h in self._holidays if h.words[self._lang].search(text)), None)
        days = self._days(text, today)
        if holiday is not None and not days:
            return Said(holiday=holiday, year=_year(text, today))
        return Said(days=days)

    def _days(self, text: str, today: date) -> tuple[date, ...]:
        if match := _ISO.search(text):
            return _real(int(match[1]), int(match[2]), int(match[3]))
        if match := self._relative.search(text):
            return (today + timedelta(days=self._offsets[match[0]]),)
        if self._lang == "en":
            return _english(text, today)
        if match := _DAY_ZH.search(text):
            year = _year(match[0], today)
            return _coming(int(match[2]), int(match[3]), year, today)
        if match := _WEEK_ZH.search(text):
            weeks = {"下下": 2, "下": 1, "上": -1, "这": 0, "本": 0}.get(match[1] or "")
            return _of_week(5 if match[2] == "末" else _WEEKDAYS[match[2]], weeks, match[2] == "末", today)
        if match := _OF_MONTH.search(text):
            month = today if int(match[1]) >= today.day else _month_after(today)
            return _real(month.year, month.month, int(match[1]))
        return ()


def _english(text: str, today: date) -> tuple[date, ...]:
    if match := _DAY_EN.search(text):
        month = _MONTHS_EN.index(match[1] or match[4]) + 1
        return _coming(month, int(match[2] or match[3]), int(match[5]) if match[5] else None, today)
    if match := _WEEK_EN.search(text):
        weekend = match[2] == "weekend"
        weeks = {"next": 1, "this": 0, "last": -1}.get(match[1] or "")
        return _of_week(5 if weekend else _WEEKDAYS_EN.index(match[2]), weeks, weekend, today)
    return ()


def _of_week(weekday: int, weeks: int | None, weekend: bool, today: date) -> tuple[date, ...]:
    """A weekday of the week that many weeks away; None: the next one of its name, today among them."""
    if weeks is None:
        first = today + timedelta(days=(weekday - today.weekday()) % 7)
    else:
        first = today + timedelta(days=weekday - today.weekday() + 7 * weeks)
    return (first, first + timedelta(days=1)) if weekend else (first,)


def _coming(month: int, day: int, year: int | None, today: date) -> tuple[date, ...]:
    """A day of a month; without a year the nearest one that is at most three months past."""
    if year is not None:
        return _real(year, month, day)
    found = _real(today.year, month, day)
    if found and found[0] < today - timedelta(days=92):
        return _real(today.year + 1, month, day)
    return found


def _month_after(today: date) -> date:
    return (today.replace(day=28) + timedelta(days=4)).replace(day=1)


def _real(year: int, month: int, day: int) -> tuple[date, ...]:
    try:
        return (date(year, month, day),)
    except ValueError:
        return ()


def _year(text: str, today: date) -> int | None:
    match = _YEAR.search(text)
    if match is None:
        return None
    if figures := match[1] or match[3]:
        return int(figures) % 100 + 2000
    return today.year + _YEARS[match[2] or match[4]]


def _holiday(raw: Mapping[str, Any]) -> Holiday:
    return Holiday(
        name={lang: str(raw["name"][lang]) for lang in raw["name"]},
        words={lang: _any(raw[lang]) for lang in raw["name"]},
        begins=_month_and_day(raw["from"]),
        ends=_month_and_day(raw["to"]),
    )


def _month_and_day(text: str) -> tuple[int, int]:
    month, day = text.split("-")
    return int(month), int(day)


def _any(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{word})" for word in words))
