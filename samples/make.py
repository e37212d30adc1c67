"""Writes the sample brokerage's settlements day by day, and one account's day in every format that is
read.

Run by hand from the project's root: python -m samples.make. The output is committed; the product
imports none of this.
"""

from pathlib import Path

from samples.brokerage import Day, exchange_margin, run
from samples.tables import accounts_csv, monitoring_workbook, positions_csv, trades_csv, wide_csv
from samples.text import statement

HERE = Path(__file__).parent


ENCODINGS = {
    "20260813": "gbk",
    "20260814": "utf-8",
    "20260817": "utf-8",
    "20260818": "gb18030",
    "20260820": "utf-8-sig",
    "20260824": "gbk",
}


def text_file(days: list[Day], encoding: str) -> bytes:
    return "\n\n".join(statement(day) for day in days).encode(encoding)


def files(found: dict[str, list[Day]]) -> dict[str, bytes]:
    """Every file by its path below this folder."""
    one = next(day for day in found["20260817"] if day.account.number == "80012345")
    texts = {f"settlements/{day}.txt": text_file(found[day], encoding) for day, encoding in ENCODINGS.items()}
    return texts | {
        "settlements/20260819_TradingAccount.csv": accounts_csv(found["20260819"]),
        "settlements/20260819_InvestorPosition.csv": positions_csv(found["20260819"]),
        "settlements/20260821.csv": wide_csv(found["20260821"]),
        "formats/by_trade.txt": statement(one, by_trade=True).encode("gbk"),
        "formats/TradingAccount.csv": accounts_csv([one]),
        "formats/InvestorPosition.csv": positions_csv([one]),
        "formats/Trade.csv": trades_csv([one]),
        "formats/wide.csv": wide_csv([one]),
        "formats/monitoring_centre.xlsx": monitoring_workbook(one),
    }


def write_all(folder: Path) -> None:
    """Write the files below ``folder``."""
    for name, data in files(run()).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def describe(day: Day) -> str:
    """Account, equity, margin, both risk degrees and available funds of a day, for whoever changes the story."""
    degree = f"{exchange_margin(day) / day.balance * 100:.2f}%" if day.balance > 0 else "-"
    figures = (day.account.number, day.balance, day.margin, day.risk, degree, day.available)
    return " ".join(map(str, (day.day, *figures)))


if __name__ == "__main__":
    write_all(HERE)
    print("\n".join(describe(day) for days in run().values() for day in days))
