"""Figures as brokers print them: amounts, prices, lots, dates. Each gives a value or None, never an
exception.
"""

import re
from datetime import date, time
from decimal import Decimal, InvalidOperation

from domain.settlement import ZERO

CENT = Decimal("0.01")
# Amounts beyond this do not fit the database's money columns, and no account of a brokerage has them.
LARGEST = Decimal(10) ** 13

TWO_DECIMALS = re.compile(r"-?[0-9]{1,13}\.[0-9]{2}", re.ASCII)
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,40})(?:\.[0-9]{0,40})?(?:[eE][-+]?[0-9]{1,3})?", re.ASCII
)
_LOTS = re.compile(r"[0-9]{1,9}(?:\.0{1,4})?", re.ASCII)
_DATE = re.compile(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})", re.ASCII)
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?", re.ASCII)
_ACCOUNT = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,23}", re.ASCII)
# Contracts, options and combinations: rb2610, m2701-C-3000, SPC a2609&m2609.
CONTRACT = re.compile(r"[A-Za-z][A-Za-z0-9&_. -]{1,39}")
ZEROS = {"0": ZERO, "0.0": ZERO, "0.00": ZERO, "-0.00": ZERO}


def amount(text: str) -> Decimal | None:
    """Money with at most two decimals; further decimals are kept for sums and must be noise or
    fractions of a cent.

    Thousands separators and an exponent are read; NaN, Infinity and amounts of 10^13 and more are no
    amount.
    """
    if (zero := ZEROS.get(text)) is not None:
        return zero
    if TWO_DECIMALS.fullmatch(text):
        return Decimal(text)
    value = number(text)
    return cents(value) if value is not None and value == cents(value) else value


def number(text: str) -> Decimal | None:
    """A finite number below 10^13 in size."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        value = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) >= LARGEST:
        return None
    return value


def is_number(text: str) -> bool:
    """Whether the text has the form of a number, however large."""
    return _NUMBER.fullmatch(text) is not None


def cents(value: Decimal) -> Decimal:
    """Rounded half up to the cent."""
    return value.quantize(CENT, rounding="ROUND_HALF_UP")


def same(left: Decimal, right: Decimal) -> bool:
    """Equal to the cent: amounts of two decimals must be equal, longer ones may differ by less than a
    cent.
    """
    return abs(left - right) < CENT


def lots(text: str) -> int | None:
    """A whole number of lots, zero or more."""
    return int(text.split(".")[0]) if _LOTS.fullmatch(text) else None


def day(text: str) -> date | None:
    """A date written 20260817, 2026-08-17 or 2026/8/17."""
    match = _DATE.fullmatch(text.strip())
    if match is None or (not match[2] and len(text.strip()) != 8):
        return None
    try:
        return date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        return None


def clock(text: str) -> time | None:
    """A time of day written 21:05:30."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return time(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def account(text: str) -> str | None:
    """An account number: letters, digits, ``-`` and ``_``, at most 24."""
    return text if _ACCOUNT.fullmatch(text) else None


def begins_like_a_formula(text: str) -> bool:
    """Whether a spreadsheet would take this text for a formula."""
    return text[:1] in ("=", "+", "-", "@", "\t", "\r") and text not in ("-", "--")


def plain(value: Decimal) -> str:
    """An amount as text with two decimals, or with all it has where it has more."""
    return str(cents(value)) if same(value, cents(value)) and cents(value) == value else f"{value:f}"
