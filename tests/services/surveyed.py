"""A year's settlements of many accounts for the credit survey, put straight into the tables."""

from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import insert

from db.models import AccountDay, ImportedFile, PositionDay, SettlementPrice
from tests.services.settled import Settled

NEWEST = date(2026, 8, 17)
HELD = 10  # lots of rb2610 long, 10 t a lot, settled at 3,030: 303,000.00


def weekdays(count: int) -> list[date]:
    """The last weekdays up to NEWEST, oldest first."""
    found: list[date] = []
    day = NEWEST
    while len(found) < count:
        if day.weekday() < 5:
            found.append(day)
        day -= timedelta(days=1)
    return found[::-1]


async def settle(
    house: Settled, accounts: list[str], days: list[date], *, equity: int = 100_000, margin: int = 36_360
) -> None:
    """The same equity and margin on each day; the exchange's margin is seven twelfths; rb2610 is held at the end."""
    async with house.deps.db.write() as session:
        file = ImportedFile(
            sha256=f"{accounts[0]}/{equity}", name="h", format="csv-wide", day=NEWEST, state="in",
            accounts=len(accounts), positions=0, trades=0, by="test", at=house.clock[0], judged_at=house.clock[0],
        )  # fmt: skip
        session.add(file)
        await session.flush()
        rows = [
            {
                "file_id": file.id, "account": account, "day": day, "equity": Decimal(equity),
                "curr_margin": Decimal(margin), "delivery_margin": Decimal(0), "cash_flow": Decimal(0),
                "exchange_margin": Decimal(margin * 7 // 12), "digest": "m",
            }
            for account in accounts
            for day in days
        ]  # fmt: skip
        await session.execute(insert(AccountDay), rows)
        await session.execute(
            insert(PositionDay),
            [
                {
                    "file_id": file.id, "account": account, "day": days[-1], "exchange": "SHFE",
                    "instrument": "rb2610", "product": "rb", "direction": "long", "hedge": "speculation",
                    "lots": HELD, "settlement_price": Decimal(3030), "margin": Decimal(margin),
                }
                for account in accounts
            ],
        )  # fmt: skip


async def price(house: Settled, days: list[date], *, swing: Decimal = Decimal(30)) -> None:
    """rb2610 goes up and down by ``swing`` around 3,000."""
    async with house.deps.db.write() as session:
        rows = [
            {"instrument": "rb2610", "day": day, "price": Decimal(3000) + swing * (place % 2)}
            for place, day in enumerate(days)
        ]
        await session.execute(insert(SettlementPrice), rows)
