"""Money to the fen, prices to 1e-8, instants with their zone: on both databases."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select
from sqlalchemy.exc import StatementError

from db.engine import Database
from db.types import Exact, Fen, Utc

SAMPLE = Table(
    "sample",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("money", Fen),
    Column("price", Exact),
    Column("at", Utc),
)


async def kept(url: str, **values: Any) -> Any:
    """What comes back of what was stored."""
    database = Database(url)
    try:
        async with database.write() as session:
            connection = await session.connection()
            await connection.run_sync(SAMPLE.metadata.create_all)
            await session.execute(insert(SAMPLE).values(**values))
        async with database.read() as session:
            return (await session.execute(select(SAMPLE.c[next(iter(values))]))).scalar_one()
    finally:
        await database.close()


@pytest.mark.parametrize(
    "amount",
    ["0.00", "0.01", "-0.01", "993.01", "1000000000000.00", "-999999999999.99", "92233720368547758.07"],
)
async def test_an_amount_comes_back_to_the_fen(database_url: str, amount: str) -> None:
    """Also above 10^12, where a float has lost its cents."""
    back = await kept(database_url, money=Decimal(amount))
    assert str(back) == amount


@pytest.mark.parametrize("amount", [Decimal("0.001"), Decimal("1.005"), Decimal("1E-9"), 993.01, 0.5, "1.00"])
async def test_what_is_no_whole_number_of_fen_is_refused(sqlite_url: str, amount: Any) -> None:
    """Not rounded in silence; a float or a text is no amount at all."""
    with pytest.raises(StatementError):
        await kept(sqlite_url, money=amount)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity"])
async def test_what_is_no_number_is_refused(sqlite_url: str, amount: str) -> None:
    """A spreadsheet's NaN is no money."""
    with pytest.raises((StatementError, ArithmeticError)):
        await kept(sqlite_url, money=Decimal(amount))


@given(st.decimals(-(10**12), 10**12, places=2))
def test_every_amount_of_two_decimals_survives(amount: Decimal) -> None:
    """The type alone, there and back."""
    dialect: Any = None
    stored = Fen().process_bind_param(amount, dialect)
    assert Fen().process_result_value(stored, dialect) == amount


@given(st.decimals(-(10**10), 10**10, places=8))
def test_every_price_of_eight_decimals_survives(price: Decimal) -> None:
    """Prices and rates."""
    dialect: Any = None
    stored = Exact().process_bind_param(price, dialect)
    assert isinstance(stored, int)
    assert Exact().process_result_value(stored, dialect) == price


async def test_a_price_finer_than_that_is_refused(sqlite_url: str) -> None:
    """As with money: whoever rounds does so knowingly."""
    with pytest.raises(StatementError):
        await kept(sqlite_url, price=Decimal("0.000000001"))


async def test_sums_are_exact(database_url: str) -> None:
    """Added up by the database, in fen."""
    database = Database(database_url)
    amounts = [Decimal("0.10"), Decimal("0.20"), Decimal("999999999999.99"), Decimal("-0.29")]
    async with database.write() as session:
        connection = await session.connection()
        await connection.run_sync(SAMPLE.metadata.create_all)
        await session.execute(insert(SAMPLE), [{"money": amount} for amount in amounts])
        total = await session.scalar(select(func.sum(SAMPLE.c.money)))
    assert total == sum(amounts)
    await database.close()


BEIJING = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 8, 17, 20, 55, tzinfo=BEIJING),
        datetime(2026, 8, 17, 4, tzinfo=UTC),
        datetime(2026, 8, 17, 4, 0, 0, 123_456, tzinfo=UTC),
    ],
)
async def test_an_instant_comes_back_as_the_same_instant_in_utc(database_url: str, instant: datetime) -> None:
    """SQLite alone would drop the zone."""
    back = await kept(database_url, at=instant)
    assert back == instant
    assert back.utcoffset() == timedelta(0)


async def test_a_time_without_a_zone_is_refused(database_url: str) -> None:
    """It is no instant."""
    with pytest.raises(StatementError):
        await kept(database_url, at=datetime(2026, 8, 17, 4))  # noqa: DTZ001  # that is what is refused
