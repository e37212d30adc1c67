"""How long clients stay: the share still trading so many months after opening (Kaplan and Meier 1958, with late entry)."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stay:
    """A client's months since opening: seen from ``entered`` to ``months``; ``ended`` there, or still a client.

    Whoever opened before the data begin enters late: the months before say nothing, for only those who stayed are seen.
    """

    entered: int
    months: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """The share that stays by month since opening, 1.0 at month ``begins``; ``clients`` behind it.

    ``begins`` is 0 unless the first months cannot be seen: then the share is of those who were still there.
    """

    name: str
    clients: int
    begins: int
    shares: tuple[float, ...]


def retention(name: str, stays: Sequence[Stay], longest: int, least: int) -> Curve:
    """The curve over the months in which at least ``least`` clients can be seen, up to ``longest``."""
    share, shares, begins = 1.0, [1.0], 0
    for month in range(1, longest + 1):
        seen = [stay for stay in stays if stay.entered < month <= stay.months]
        if len(seen) < least:
            if len(shares) > 1:
                break
            begins = month
            continue
        left = sum(1 for stay in seen if stay.ended and stay.months == month)
        share *= 1 - left / len(seen)
        shares.append(share)
    return Curve(name, len(stays), begins if len(shares) > 1 else 0, tuple(shares))
