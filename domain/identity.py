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

    Eleven digits that begin with 1 are a mainland mobile; ``00`` in front is the international prefix.
    """
    digits = "".join(c for c in unicodedata.normalize("NFKC", text) if c in "0123456789")
    digits = digits.removeprefix("00")
    return f"86{digits}" if _MAINLAND.fullmatch(digits) else digits


def stated_number(text: str) -> str | None:
    """The digits of a message that says an account's tail (``尾号2345``) or its whole number, else None.

    A question that merely contains digits (``rb2701 保证金``) says none.
    """
    found = _TAIL.fullmatch(unicodedata.normalize("NFKC", text).strip())
    return (found[1] or found[2]) if found else None


def proves(stated: str, account: str) -> bool:
    """Whether ``stated`` is the account's last four digits or the whole number."""
    return stated == account or (len(stated) == 4 and stated == account[-4:])
