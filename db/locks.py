"""Rows that are about to be changed: read as they are now, and nobody else's until the transaction ends."""

from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Base

Row = TypeVar("Row", bound=Base)


async def locked(session: AsyncSession, model: type[Row], key: Any) -> Row | None:
    """The row, locked. What the session knew of it before is read anew: it may have changed while it was waited for."""
    return await session.get(model, key, with_for_update=True, populate_existing=True)
