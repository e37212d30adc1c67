"""What the credit scorecard, its proof and the leaving rule say of the sample history: figures to argue with.

The history is invented (scoring/sample.py); it shows that grades separate and that the reckoning is fast, nothing about
real clients. Thresholds are the shipped ``config.yaml``.

Run: python -m bench.clients [--clients 2000] [--days 250]
"""

import argparse
import time
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd

from bench.scoring import CONTRACTS, SEED, weekdays
from bot.settings import policy
from domain.policy import Policy
from scoring.credit import Day, History, Tally, graded, measures
from scoring.history import month_number
from scoring.leaving import judged
from scoring.sample import SEGMENTS, clients, history
from services.credit import lowest_share, scorecard
from services.standing import leaving_rule, samples

CONFIG = Path(__file__).parent.parent / "config.yaml"
Months = dict[str, dict[int, tuple[float, float, float]]]


def read(count: int, days: int) -> tuple[list[History], dict[str, str], Months, int]:
    """Histories for the scorecard, the segment of each account, sums by month, and the last whole month."""
    who = clients(count, days, SEED)
    segment = {a: SEGMENTS[s].code for a, s in zip(who.accounts, who.segment, strict=True)}
    by_account: dict[str, list[Day]] = defaultdict(list)
    forced: dict[str, set[int]] = defaultdict(set)
    sums: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0, 0.0, 0.0]))
    calendar = weekdays(days)
    for number, (day, frame) in enumerate(history(who, CONTRACTS, calendar, SEED)):
        _take(frame, number, day, by_account, forced, sums)
    histories = [History(a, tuple(d), frozenset(forced[a])) for a, d in by_account.items()]
    months = {
        account: {m: (lots, equity / n, max(-cash, 0.0)) for m, (lots, equity, cash, n) in of.items()}
        for account, of in sums.items()
    }
    last = calendar[-1]
    return histories, segment, months, month_number(last.year, last.month) - 1


def _take(
    frame: pd.DataFrame,
    number: int,
    day: date,
    by_account: dict[str, list[Day]],
    forced: dict[str, set[int]],
    sums: dict[str, dict[int, list[float]]],
) -> None:
    month = month_number(day.year, day.month)
    for row in frame.itertuples():
        equity, cash = row.equity / 100, row.cash_flow / 100
        by_account[row.account].append(Day(number, equity, row.margin / 100, row.exchange_margin / 100, cash))
        if row.forced:
            forced[row.account].add(number)
        of = sums[row.account][month]
        for place, value in enumerate((float(row.lots), equity, cash, 1.0)):
            of[place] += value


def credit(rules: Policy, histories: list[History], segment: dict[str, str]) -> None:
    card = scorecard(rules.credit)
    tallies = {g.code: Tally(g.code, float(lowest_share(g))) for g in rules.credit.grades}
    seen: dict[str, dict[str | None, int]] = defaultdict(lambda: defaultdict(int))
    began = time.process_time()
    for one in histories:
        found = graded(measures(one), card)
        seen[segment[one.account]][found.grade] += 1
        if found.grade is not None:
            tallies[found.grade].add(one)
    proofs = [tally.proof(float(rules.credit.confidence)) for tally in tallies.values()]
    print(f"credit: {len(histories)} accounts in {time.process_time() - began:.1f} s of processor time")
    print("grade  share  accounts   nights  crossed now  crossed  worst night   95 % interval      lowers")
    for p in proofs:
        lowers = "yes" if p.nights and Decimal(p.high) <= rules.credit.crossing_limit else "no"
        print(
            f"{p.grade:5}  {p.share:5.0%}  {p.accounts:8}  {p.nights:7}  {p.now:11}  {p.crossed:7}  "
            f"{p.worst_night:11}   {p.low:.4%} - {p.high:.4%}  {lowers}"
        )
    print("by segment (grade: accounts; None: too few days with a position)")
    for code, counts in sorted(seen.items()):
        print(f"  {code:8} {dict(sorted(counts.items(), key=str))}")


def leaving(rules: Policy, months: Months, last: int) -> None:
    policy_ = rules.standing.leaving
    learn, test = samples(months, last, policy_.horizon_months, float(policy_.left_below))
    began = time.process_time()
    found = judged(learn, test, leaving_rule(rules), float(policy_.model_margin))
    print(f"leaving: {len(learn)} to learn from, {found.tested} to test on, {found.left} left", end="; ")
    print(f"{time.process_time() - began:.1f} s of processor time")
    if found.rule is not None and found.model is not None:
        print(f"average precision: chance {found.base:.3f}, rule {found.rule:.3f}, model {found.model:.3f}")
        print(f"Brier: model {found.brier:.4f}, always the average {found.brier_base:.4f}")
    for group in found.calibration:
        print(
            f"  {group.clients:5} clients: predicted {group.predicted:6.1%}, came true {group.came_true:6.1%}"
        )
    print(f"chosen: {found.chosen} {found.why}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=2_000)
    parser.add_argument("--days", type=int, default=250)
    given = parser.parse_args()
    rules = policy(CONFIG)
    histories, segment, months, last = read(given.clients, given.days)
    credit(rules, histories, segment)
    leaving(rules, months, last)


if __name__ == "__main__":
    main()
