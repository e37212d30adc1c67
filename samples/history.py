"""A year of 2,000 invented clients in the database, so that scores, classes and reports have something to say.

Run by hand on a database of this program's revision: QIFU_DATABASE_URL=... python -m samples.history [--clients 2000]
[--days 250]

Contracts, margins and fees are those of ``knowledge/contracts.csv`` with the add-ons of ``config.yaml``; first prices are
those of the sample brokerage, and move at random. The days end before the first sample statement. Days of the history
speak to nobody: they count as judged. It is refused where one of its days is in already.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd

from bot import wiring
from bot.cli_house import opened
from db import settlements as rows
from db.models import AccountDay, TradeDay
from domain.policy import Policy
from samples.brokerage import DAYS, PRICES
from scoring.sample import Contract, clients, history
from services.estimates import contract_table
from services.work import Deps, working

SEED = 20260818
INSTRUMENTS = {"rb": "rb2701", "cu": "cu2701", "m": "m2701", "y": "y2701", "i": "i2701", "SA": "SA701", "FG": "FG701",
               "IF": "IF2612", "ps": "ps2701"}  # fmt: skip
_EIGHT = Decimal("0.00000001")


def contracts(policy: Policy, day: date) -> tuple[Contract, ...]:
    """The sample brokerage's products with the rates of a day."""
    addons, fee = policy.rates.margin_addon, policy.rates.fee_addon.default
    found = []
    for product, instrument in INSTRUMENTS.items():
        spec = contract_table().spec(product, None, day)
        price = next(
            prices for name, prices in PRICES.items() if name.startswith(product) and "-" not in name
        )
        exchange = float(spec.margin_ratio)
        found.append(
            Contract(
                product=instrument,
                multiplier=float(spec.multiplier),
                price=float(price.split()[0]),
                margin_exchange=exchange,
                margin_company=exchange + float(addons.products.get(product, addons.default)),
                fee_by_turnover=float(spec.fees.open.by_turnover),
                fee_by_lot=float(spec.fees.open.by_lot),
                company_fee_share=float(fee.share),
            )
        )
    return tuple(found)


def days_before(count: int) -> list[date]:
    """So many trading days before the first sample statement."""
    first = datetime.strptime(DAYS[0], "%Y%m%d").date()  # noqa: DTZ007  # a day, not an instant
    found = wiring.calendar().trading_days(date(2025, 1, 1), first - timedelta(days=1))
    return list(found[-count:])


async def load(deps: Deps, frames: Iterable[tuple[date, pd.DataFrame]]) -> int:
    """Stores daily rows as settlements, one file a day, with a trade row where there were trades; how many days."""
    count = 0
    known: set[str] = set()
    for day, frame in frames:
        found = _rows(frame)
        async with working(deps) as work:
            file = await rows.add_file(
                work.session, sha256=f"sample history {day}", name=f"sample history {day}", format="sample", day=day,
                state="in", accounts=len(found), positions=0, trades=0, by="samples", reason=None, at=work.now,
                judged_at=work.now,
            )  # fmt: skip
            await rows.insert_rows(work.session, AccountDay, [_account(file, row) for row in found])
            await rows.insert_rows(work.session, TradeDay, _trades(file, day, found))
            new = [account for row in found if (account := str(row["account"])) not in known]
            await rows.add_unregistered(
                work.session, [(account, f"样例客户{account[-4:]}") for account in new], work.now
            )
            known.update(new)
        count += 1
    return count


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values; columns that the database has no place for are left out."""
    columns = {name: frame[name].tolist() for name in frame.columns if name != "peak_margin"}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


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
        "available": max(row["equity"] - row["margin"], 0),
        "curr_margin": row["margin"],
        "delivery_margin": 0,
        "exchange_margin": row["exchange_margin"],
        "exchange_margin_estimated": False,
        "exchange_delivery_margin": None,
        "digest": f"m{row['account']}",
    }


def _trades(file: int, day: date, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Half of the lots opened, half closed; a forced closing closes by force."""
    made = []
    for row in found:
        lots = int(row["lots"])
        price = rows.exact(Decimal(str(row["price"])).quantize(_EIGHT, ROUND_HALF_UP))
        closing = "force_close" if row["forced"] else "close"
        for offset, some in (("open", lots - lots // 2), (closing, lots // 2)):
            if some:
                made.append(
                    {
                        "file_id": file,
                        "account": row["account"],
                        "day": day,
                        "exchange": "",
                        "instrument": row["product"],
                        "direction": "buy" if offset == "open" else "sell",
                        "offset": offset,
                        "price": price,
                        "lots": some,
                        "fee": int(row["commission"]) * some // lots,
                    }
                )
    return made


async def run(count: int, days: int) -> int:
    """Loads the history; how many days."""
    async with opened() as deps:
        found = days_before(days)
        async with deps.db.read() as session:
            there = await rows.days_known(session, AccountDay, found)
        if there:
            sys.exit(f"{min(there)} is in the database already: the history is for one without it")
        frames = history(clients(count, len(found), SEED), contracts(deps.policy, found[-1]), found, SEED)
        return await load(deps, frames)


def main() -> None:
    told = argparse.ArgumentParser(description="A year of invented clients in the database.")
    told.add_argument("--clients", type=int, default=2_000)
    told.add_argument("--days", type=int, default=250)
    asked = told.parse_args()
    print(
        f"{asyncio.run(run(asked.clients, asked.days))} days of {asked.clients:,} clients: python -m bot score"
    )


if __name__ == "__main__":
    main()
