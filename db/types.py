"""Column types that keep money exact and instants unambiguous on SQLite and PostgreSQL alike."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator

_FEN = Decimal("0.01")


def _whole(value: Decimal, units: int) -> int:
    """``value`` in units of 1/``units``. A float is refused, and so is what is not a whole number of them."""
    if not isinstance(value, Decimal | int):
        raise TypeError(f"{value!r} is {type(value).__name__}; money and prices are Decimal")
    scaled = value * units
    if scaled != (whole := int(scaled)):
        raise ValueError(f"{value} is not a whole number of 1/{units}")
    return whole


class Fen(TypeDecorator[Decimal]):
    """CNY as integer fen. SQLite would store NUMERIC as a float and lose cents."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Refuses an amount with fractions of a fen instead of rounding it silently."""
        return None if value is None else _whole(value, 100)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-2).quantize(_FEN)


class Utc(TypeDecorator[datetime]):
    """An instant. Naive values are refused; SQLite would drop the zone otherwise."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime is no instant")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        found: datetime = value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class Exact(TypeDecorator[Decimal]):
    """A price or a rate with up to eight decimals, stored as an integer of 1e-8."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else _whole(value, 10**8)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value) / 10**8
