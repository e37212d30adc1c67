"""The latest settlement prices, read anew only when a file was imported since."""

from datetime import date
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from db import answers

Settlements = dict[str, tuple[Decimal, date]]


class PriceBook:
    """contract -> (settlement price, trading day). Thousands of rows that change once a day: kept between questions."""

    def __init__(self) -> None:
        self._version: int | None = -1
        self._prices: Settlements = {}

    async def latest(self, session: AsyncSession) -> Settlements:
        version = await answers.newest_import(session)
        if version != self._version:
            self._prices = await answers.settlement_prices(session)
            self._version = version
        return self._prices
