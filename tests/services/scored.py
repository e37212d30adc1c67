"""A history of sample clients in a database, as imports would have left it."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import pandas as pd

from db.models import AccountDay, ImportedFile, TradeDay
from db.settlements import insert_rows
from services.score_days import contract_table
from services.work import Deps

# Multiplier times price is a round sum: the turnover of the sample's rows comes out to the fen.
CONTRACT = "rb2610"


async def load(deps: Deps, frames: Iterable[tuple[date, pd.DataFrame]]) -> None:
    """Stores daily rows (scoring/days.py) as settlements of one file a day, with a trade row where there were trades."""
    for day, frame in frames:
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        async with deps.db.write() as session:
            file = ImportedFile(
                sha256=day.isoformat(), name="h", format="csv-wide", day=day, state="in", accounts=len(rows),
                positions=0, trades=0, by="test", at=deps.now(), judged_at=deps.now(),
            )  # fmt: skip
            session.add(file)
            await session.flush()
            await insert_rows(session, AccountDay, [_account(file.id, row) for row in rows])
            await insert_rows(session, TradeDay, _trades(file.id, day, rows))


def _account(file: int, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "file_id": file,
        "account": row["account"],
        "day": row["day"],
        "pre_balance": None,
        "cash_flow": row["cash_flow"],
        "close_profit": row["profit"] + row["commission"],
        "position_profit": 0,
        "commission": row["commission"],
        "equity": row["equity"],
        "available": None,
        "curr_margin": row["margin"],
        "delivery_margin": 0,
        "exchange_margin": row["exchange_margin"],
        "exchange_margin_estimated": False,
        "exchange_delivery_margin": None,
        "digest": "m" + str(row["account"])[-7:],
    }


def _trades(file: int, day: date, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One trade an account and day with any; a second one where there was a forced closing."""
    multiplier = int(contract_table().spec("rb", None, day).multiplier)
    found = []
    for row in rows:
        if not row["lots"]:
            continue
        price = row["turnover"] * 10**6 // (multiplier * row["lots"])
        plain = {
            "file_id": file, "account": row["account"], "day": day, "exchange": "SHFE", "instrument": CONTRACT,
            "direction": "buy", "offset": "open", "price": price, "lots": row["lots"], "fee": row["commission"],
        }  # fmt: skip
        found.append(plain)
        if row["forced"]:
            found.append(plain | {"offset": "force_close", "lots": 1, "price": 0, "fee": 0})
    return found
