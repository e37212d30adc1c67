"""What was asked and answered, and the prices that answers use."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Exchange, ImportedFile, SettlementPrice
from db.queues import core

_LAST_EXCHANGE = (
    select(Exchange)
    .where(Exchange.chat_id == bindparam("chat_id"), Exchange.at >= bindparam("since"))
    .order_by(Exchange.id.desc())
    .limit(1)
)
_NEWEST_IMPORT = select(func.max(ImportedFile.id)).where(ImportedFile.state == "in")


_ADD_EXCHANGE = insert(core(Exchange)).returning(Exchange.id)


async def add_exchange(session: AsyncSession, **values: Any) -> int:
    """What was asked and answered; its number."""
    added: int | None = await session.scalar(_ADD_EXCHANGE, values)
    assert added is not None
    return added


async def last_exchange(session: AsyncSession, chat_id: int, *, since: datetime) -> Exchange | None:
    """The newest question of a chat, if it is not older than ``since``."""
    found: Exchange | None = await session.scalar(_LAST_EXCHANGE, {"chat_id": chat_id, "since": since})
    return found


async def newest_import(session: AsyncSession) -> int | None:
    """The id of the newest file that counts."""
    found: int | None = await session.scalar(_NEWEST_IMPORT)
    return found


async def settlement_prices(session: AsyncSession) -> dict[str, tuple[Decimal, date]]:
    """contract -> (price, day): the newest settlement known of each contract."""
    newest = (
        select(SettlementPrice.instrument, func.max(SettlementPrice.day).label("day"))
        .group_by(SettlementPrice.instrument)
        .subquery()
    )
    rows = await session.execute(
        select(SettlementPrice.instrument, SettlementPrice.price, SettlementPrice.day).join(
            newest,
            (SettlementPrice.instrument == newest.c.instrument) & (SettlementPrice.day == newest.c.day),
        )
    )
    return {instrument: (price, day) for instrument, price, day in rows}
