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


def write(path: str, data: bytes) -> None:
    target = HERE / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def text_file(days: list[Day], encoding: str) -> bytes:
    return "\n\n".join(statement(day) for day in days).encode(encoding)


def main() -> None:
    found = run()
    encodings = {"20260813": "gbk", "20260814": "utf-8", "20260817": "utf-8", "20260818": "gb18030"}
    encodings |= {"20260820": "utf-8-sig", "20260824": "gbk"}
    for day, encoding in encodings.items():
        write(f"settlements/{day}.txt", text_file(found[day], encoding))
    write("settlements/20260819_TradingAccount.csv", accounts_csv(found["20260819"]))
    write("settlements/20260819_InvestorPosition.csv", positions_csv(found["20260819"]))
    write("settlements/20260821.csv", wide_csv(found["20260821"]))
    one = next(day for day in found["20260817"] if day.account.number == "80012345")
    write("formats/by_trade.txt", statement(one, by_trade=True).encode("gbk"))
    write("formats/TradingAccount.csv", accounts_csv([one]))
    write("formats/InvestorPosition.csv", positions_csv([one]))
    write("formats/Trade.csv", trades_csv([one]))
    write("formats/wide.csv", wide_csv([one]))
    write("formats/monitoring_centre.xlsx", monitoring_workbook(one))
    for day, days in found.items():
        for result in days:
            exchange = exchange_margin(result)
            degree = f"{exchange / result.balance * 100:.2f}%" if result.balance > 0 else "-"
            print(
                day,
                result.account.number,
                result.balance,
                result.margin,
                result.risk,
                degree,
                result.available,
            )


if __name__ == "__main__":
    main()
