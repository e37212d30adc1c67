"""What a person says to prove who it is: a telephone number, the tail of an account number."""

import re
import unicodedata

_MAINLAND = re.compile(r"1\d{10}")
_TAIL = re.compile(
    r"(?:我的)?(?:(?:资金)?账[号户])?(?:的)?(?:后四位|尾号|末四位)?(?:是|为)?[:：]?\s*(\d{4,12})[。.]?"
    r"|(?:my account )?(?:number )?(?:ends (?:in|with) )(\d{4})\.?",
    re.IGNORECASE,
)


def phone_number(text: str) -> str:
    """Digits with the country code and nothing else: ``+86 138-0000-0000`` and ``13800000000`` are one.

    ``+`` or ``00`` in front says that the country code is there; eleven digits from 1 on without it are a
    mainland mobile (an American number has such digits too, and is another number).
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    digits = "".join(c for c in plain if c in "0123456789")
    if plain.startswith("+"):
        return digits
    if digits.startswith("00"):
        return digits.removeprefix("00")
    return f"86{digits}" if _MAINLAND.fullmatch(digits) else digits


def telegram_number(text: str) -> str:
    """As ``phone_number``, of a contact card: the country code is always there, the plus not always."""
    return phone_number("+" + text.strip().removeprefix("+"))


def stated_number(text: str) -> str | None:
    """The digits of a message that says an account's tail (``尾号2345``) or its whole number, else None.

    A question that merely contains digits (``rb2701 保证金``) says none.
    """
    found = _TAIL.fullmatch(unicodedata.normalize("NFKC", text).strip())
    return (found[1] or found[2]) if found else None


def proves(stated: str, account: str) -> bool:
    """Whether ``stated`` is the account's last four digits or the whole number."""
    return stated == account or (len(stated) == 4 and stated == account[-4:])
