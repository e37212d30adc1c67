"""Parse time and peak memory of a wide CSV table with 100,000 accounts.

Run: python -m bench.import_parse [ROWS]
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FIELDS = (
    "BrokerID,AccountID,InvestorName,TradingDay,CurrencyID,PreBalance,Deposit,Withdraw,Mortgage,Credit,CloseProfit,"
    "PositionProfit,Commission,CashIn,CurrMargin,ExchangeMargin,DeliveryMargin,ExchangeDeliveryMargin,FrozenMargin,"
    "FrozenCash,FrozenCommission,Balance,Available,WithdrawQuota"
)


def write_table(path: Path, rows: int) -> None:
    """A table of invented accounts whose sums agree, the same at every run."""
    rng = random.Random(20260818)
    with path.open("w", encoding="utf-8") as out:
        out.write(FIELDS + "\n")
        for number in range(rows):
            before = rng.randrange(1_000_00, 5_000_000_00)
            deposit = rng.choice((0, 0, 0, rng.randrange(1_000_000)))
            closed, held = rng.randrange(-900_000, 900_000), rng.randrange(-2_000_000, 2_000_000)
            fee = rng.randrange(50_000)
            balance = before + deposit + closed + held - fee
            margin = int(max(balance, 0) * rng.random())
            exchange = margin * 7 // 12
            fen = (before, deposit, 0, 0, 0, closed, held, fee, 0, margin, exchange, 0, 0, 0, 0, 0, balance)
            amounts = ",".join(f"{value / 100:.2f}" for value in fen)
            free = f"{(balance - margin) / 100:.2f}"
            out.write(f"9999,{80_000_000 + number},样例客户{number},20260818,CNY,{amounts},{free},{free}\n")


def measure(path: Path) -> None:
    """Parse in this process and print what it took. ru_maxrss is in KiB on Linux."""
    from statements import read

    data = path.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    parsed = read(path.name, data)
    took = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{len(parsed.records)} accounts, {len(data) / 1e6:.1f} MB CSV: {took:.2f} s, "
        f"peak {peak / 1024:.0f} MiB (of which {before / 1024:.0f} MiB before parsing)"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "accounts.csv"
            write_table(table, int(sys.argv[1]) if sys.argv[1:] else 100_000)
            subprocess.run([sys.executable, "-m", "bench.import_parse", "--measure", str(table)], check=True)
