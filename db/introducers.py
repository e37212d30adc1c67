"""Introducers, whom they brought, their monthly statements, and the business of their clients."""

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import BigInteger, cast, extract, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import (
    AccountDay,
    Client,
    ImportedFile,
    IntroducerMonth,
    IntroducerRow,
    Introduction,
    TradeDay,
)

_CENT = Decimal("0.01")


async def by_code(session: AsyncSession, code: str) -> IntroducerRow | None:
    found: IntroducerRow | None = await session.scalar(
        select(IntroducerRow).where(IntroducerRow.code == code)
    )
    return found


async def every(session: AsyncSession) -> Sequence[IntroducerRow]:
    """All introducers, by code."""
    return list(await session.scalars(select(IntroducerRow).order_by(IntroducerRow.code)))


async def live(session: AsyncSession, client_id: int) -> Introduction | None:
    """Who introduced a client, now."""
    found: Introduction | None = await session.scalar(
        select(Introduction).where(Introduction.client_id == client_id, Introduction.until.is_(None))
    )
    return found


async def clients_of(
    session: AsyncSession, introducer_id: int, first: date, last: date
) -> Sequence[tuple[str, date, date | None]]:
    """(account, since, until) of the clients whose introduction touches these days."""
    rows = await session.execute(
        select(Client.account, Introduction.since, Introduction.until)
        .join(Client, Introduction.client_id == Client.id)
        .where(Introduction.introducer_id == introducer_id, Introduction.since <= last)
        .where((Introduction.until.is_(None)) | (Introduction.until >= first))
        .order_by(Client.account)
    )
    return [(account, since, until) for account, since, until in rows]


async def commission(session: AsyncSession, account: str, first: date, last: date) -> Decimal:
    """The fees that an account paid on these days."""
    found: int | None = await session.scalar(
        select(func.sum(cast(AccountDay.commission, BigInteger)))
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", AccountDay.account == account)
        .where(AccountDay.day >= first, AccountDay.day <= last)
    )
    return (Decimal(int(found or 0)) / 100).quantize(_CENT)


async def equities(
    session: AsyncSession, accounts: Collection[str], first: date, last: date
) -> dict[str, Decimal]:
    """account -> day-average equity on these days."""
    rows = await session.execute(
        select(AccountDay.account, func.sum(cast(AccountDay.equity, BigInteger)), func.count())
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", AccountDay.account.in_(accounts))
        .where(AccountDay.day >= first, AccountDay.day <= last)
        .group_by(AccountDay.account)
    )
    return {account: (Decimal(int(total)) / count / 100).quantize(_CENT) for account, total, count in rows}


async def trades(
    session: AsyncSession, accounts: Collection[str], first: date, last: date
) -> Sequence[tuple[str, date, str, str, Decimal, int]]:
    """(account, day, contract, offset, price, lots) of what was traded on these days."""
    rows = await session.execute(
        select(
            TradeDay.account,
            TradeDay.day,
            TradeDay.instrument,
            TradeDay.offset,
            TradeDay.price,
            TradeDay.lots,
        )
        .join(ImportedFile, TradeDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", TradeDay.account.in_(accounts))
        .where(TradeDay.day >= first, TradeDay.day <= last)
    )
    return [(a, d, i, o, p, n) for a, d, i, o, p, n in rows]


async def statement(session: AsyncSession, introducer_id: int, month: int) -> IntroducerMonth | None:
    return await session.get(IntroducerMonth, (introducer_id, month))


async def statements(session: AsyncSession, first: int, last: int) -> Sequence[IntroducerMonth]:
    """Every introducer's statements of these months."""
    return list(
        await session.scalars(
            select(IntroducerMonth).where(IntroducerMonth.month >= first, IntroducerMonth.month <= last)
        )
    )


async def fees_by_month(session: AsyncSession, first: date, last: date) -> dict[tuple[int, int], Decimal]:
    """(year, month) -> the fees that all clients paid."""
    year, month = extract("year", AccountDay.day), extract("month", AccountDay.day)
    rows = await session.execute(
        select(year, month, func.sum(cast(AccountDay.commission, BigInteger)))
        .join(ImportedFile, AccountDay.file_id == ImportedFile.id)
        .where(ImportedFile.state == "in", AccountDay.day >= first, AccountDay.day <= last)
        .group_by(year, month)
    )
    return {(int(y), int(m)): (Decimal(int(fee or 0)) / 100).quantize(_CENT) for y, m, fee in rows}
