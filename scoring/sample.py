"""An invented history of a brokerage's clients, for demonstrations, benches and tests: the same at every run.

Behaviour follows a client's segment: small and new, regular, wealthy, scalpers, hedgers, sleepers. Contracts come from
the caller (the real table); prices move at random. Nothing here says anything about real clients.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract that sample clients trade: its first price, and rates of the exchange and of the company."""

    product: str
    multiplier: float
    price: float
    margin_exchange: float
    margin_company: float
    fee_by_turnover: float
    fee_by_lot: float
    company_fee_share: float


@dataclass(frozen=True, slots=True)
class Segment:
    """How a kind of client behaves.

    ``capital`` is the median first equity in CNY and ``spread`` its logarithmic deviation; ``use`` the median margin /
    equity; ``trades`` the turnover a day in times of the position; ``active`` the chance of a trading day; ``overnight``
    the chance to keep the position at settlement; ``edge`` the daily result in shares of the position before fees;
    ``refill`` the chance to answer a margin call with money rather than be closed out.
    """

    code: str
    share: float
    capital: float
    spread: float
    use: float
    trades: float
    active: float
    overnight: float
    edge: float
    refill: float


SEGMENTS = (
    Segment("small", 0.50, 38_000, 0.8, 0.55, 0.5, 0.55, 0.75, -0.0005, 0.35),
    Segment("novice", 0.12, 18_000, 0.6, 0.70, 0.9, 0.45, 0.70, -0.0009, 0.25),
    Segment("regular", 0.21, 420_000, 0.9, 0.42, 0.6, 0.80, 0.85, -0.0001, 0.80),
    Segment("wealthy", 0.03, 14_000_000, 0.7, 0.30, 0.5, 0.92, 0.95, 0.0002, 0.98),
    Segment("scalper", 0.06, 90_000, 1.0, 0.45, 9.0, 0.95, 0.06, 0.0003, 0.60),
    Segment("hedger", 0.04, 6_000_000, 0.8, 0.38, 0.1, 0.50, 1.00, 0.0000, 0.97),
    Segment("sleeper", 0.04, 60_000, 1.2, 0.20, 0.2, 0.03, 0.60, -0.0005, 0.50),
)


@dataclass(frozen=True, slots=True)
class Clients:
    """Accounts in order, with their segment's number, their own use of funds, their first and last day."""

    accounts: NDArray[np.object_]
    segment: Ints
    capital: Floats
    use: Floats
    edge: Floats
    opened: Ints
    left: Ints


def clients(count: int, days: int, seed: int, first_account: int = 81_000_000) -> Clients:
    """Sample clients: nine in ten are there from the start, one in sixteen stops within the days."""
    rng = np.random.default_rng([seed, 1])
    shares = np.array([segment.share for segment in SEGMENTS])
    segment = rng.choice(len(SEGMENTS), size=count, p=shares / shares.sum())
    column = _by_segment(segment)
    capital = column("capital") * np.exp(rng.normal(0, 1, count) * column("spread"))
    use = np.clip(column("use") * np.exp(rng.normal(0, 0.35, count)), 0.03, 1.15)
    edge = column("edge") + rng.normal(0, 0.0003, count)
    opened = np.where(rng.random(count) < 0.9, 0, rng.integers(0, days, count))
    left = np.where(rng.random(count) < 0.0625, rng.integers(days // 3, days, count), days)
    return Clients(
        np.array([str(first_account + number) for number in range(count)], dtype=object),
        segment.astype(np.int64),
        np.maximum(np.round(capital, -2), 2_000.0),
        use,
        edge,
        opened.astype(np.int64),
        left.astype(np.int64),
    )


def history(
    who: Clients, contracts: Sequence[Contract], days: Sequence[date], seed: int
) -> Iterator[tuple[date, pd.DataFrame]]:
    """The daily rows (scoring/days.py) of each day in turn, for the accounts that are open; and ``product`` and ``price``."""
    rng = np.random.default_rng([seed, 2])
    market = _Market.opened(contracts)
    equity = np.round(who.capital * 100).astype(np.int64)
    lots = np.zeros(len(equity), dtype=np.int64)
    called = np.zeros(len(equity), dtype=bool)
    contract = rng.integers(0, len(contracts), len(equity))
    for number, day in enumerate(days):
        moved = market.move(rng)
        open_now = who.opened <= number
        today = _trade(rng, who, market, contract, moved, equity, lots, called, number)
        equity, lots, called = today.equity, today.lots, today.called
        turn = rng.random(len(equity)) < 0.01
        contract = np.where(turn & (lots == 0), rng.integers(0, len(contracts), len(equity)), contract)
        yield day, today.frame(who, day, open_now)


class _Market:
    """Prices of the contracts, moved from day to day; now and then one jumps."""

    def __init__(self, contracts: Sequence[Contract]) -> None:
        def column(name: str) -> Floats:
            return np.array([float(getattr(contract, name)) for contract in contracts])

        self.product = np.array([contract.product for contract in contracts], dtype=object)
        self.price, self.multiplier = column("price"), column("multiplier")
        self.margin_exchange, self.margin_company = column("margin_exchange"), column("margin_company")
        self.by_turnover, self.by_lot = column("fee_by_turnover"), column("fee_by_lot")
        self.company_share = column("company_fee_share")

    @classmethod
    def opened(cls, contracts: Sequence[Contract]) -> "_Market":
        if not contracts:
            raise ValueError("a history needs at least one contract")
        return cls(contracts)

    def move(self, rng: np.random.Generator) -> Floats:
        """Moves every price by a day; the relative changes."""
        calm = rng.normal(0, 1, len(self.price)) * self.margin_exchange * 0.13
        jump = (rng.random(len(self.price)) < 0.012) * rng.choice([-1, 1], len(self.price))
        moved: Floats = np.clip(calm + jump * self.margin_exchange * 0.55, -0.09, 0.09)
        self.price = self.price * (1 + moved)
        return moved


@dataclass(frozen=True, slots=True)
class _Today:
    """What a day left of every account, in fen."""

    equity: Ints
    lots: Ints
    margin: Ints
    exchange_margin: Ints
    cash_flow: Ints
    profit: Ints
    commission: Ints
    retained: Ints
    turnover: Ints
    traded: Ints
    trades: Ints
    forced: Ints
    called: Flags
    product: NDArray[np.object_]
    price: Floats

    def frame(self, who: Clients, day: date, which: Flags) -> pd.DataFrame:
        """The rows of the day's file, and beside them what was traded at which price; no intraday feed."""
        columns = {
            "account": who.accounts,
            "day": np.full(len(which), day, dtype=object),
            "equity": self.equity,
            "margin": self.margin,
            "exchange_margin": self.exchange_margin,
            "cash_flow": self.cash_flow,
            "profit": self.profit,
            "commission": self.commission,
            "retained": self.retained,
            "turnover": self.turnover,
            "lots": self.traded,
            "trades": self.trades,
            "forced": self.forced,
            "called": self.called.astype(np.int64),
            "product": self.product,
            "price": self.price,
        }
        frame = pd.DataFrame({name: values[which] for name, values in columns.items()})
        frame["peak_margin"] = pd.array([None] * len(frame), dtype="Int64")
        return frame


def _trade(
    rng: np.random.Generator,
    who: Clients,
    market: _Market,
    contract: Ints,
    moved: Floats,
    equity: Ints,
    lots: Ints,
    called: Flags,
    number: int,
) -> _Today:
    """One trading day of everybody."""
    column = _by_segment(who.segment)
    count = len(equity)
    here = (who.opened <= number) & (number < who.left) & (equity > 100_00)
    value = np.maximum(market.price * market.multiplier * 100, 1.0)[contract]
    cash = _cash(rng, who, column, equity, called, here, number)
    before = equity + np.maximum(cash, 0)
    forced = called & (cash <= 0) & (lots > 0)
    active = here & (rng.random(count) < column("active")) & ~forced
    wanted = np.where(before > 0, before * who.use * rng.uniform(0.75, 1.25, count), 0)
    goal = np.floor(wanted / (value * market.margin_company[contract])).astype(np.int64)
    held = np.where(forced, lots // 3, np.where(active, goal, lots))
    kept = np.where(active & (rng.random(count) > column("overnight")), 0, held)
    rounds = np.where(active, rng.poisson(np.maximum(held, 0) * column("trades")), 0)
    traded = np.abs(kept - lots) + 2 * rounds + np.where(active & (kept == 0), 2 * held, 0)
    turnover = np.round(traded * value).astype(np.int64)
    fee_exchange = turnover * market.by_turnover[contract] + traded * market.by_lot[contract] * 100
    commission = np.round(fee_exchange * (1 + market.company_share[contract])).astype(np.int64)
    side = np.where((who.segment * 31 + contract + number // 40) % 2 == 0, 1, -1)
    swing = moved[contract] * side + who.edge + rng.normal(0, 0.0015, count)
    profit = np.round(np.maximum(lots, held) * value * swing).astype(np.int64) - commission
    after = equity + cash + profit
    margin = np.round(kept * value * market.margin_company[contract]).astype(np.int64)
    return _Today(
        equity=after,
        lots=kept,
        margin=margin,
        exchange_margin=np.round(kept * value * market.margin_exchange[contract]).astype(np.int64),
        cash_flow=cash,
        profit=profit,
        commission=commission,
        retained=np.round(commission - fee_exchange).astype(np.int64),
        turnover=turnover,
        traded=traded,
        trades=np.where(traded > 0, np.maximum(1, np.minimum(traded, 2 * rounds + 2)), 0),
        forced=forced.astype(np.int64),
        called=(margin > 0) & (margin >= after),
        product=market.product[contract],
        price=market.price[contract],
    )


def _cash(
    rng: np.random.Generator,
    who: Clients,
    column: "_Column",
    equity: Ints,
    called: Flags,
    here: Flags,
    number: int,
) -> Ints:
    """Deposits and withdrawals in fen: the last day takes all out, a call is met or not, money comes and goes."""
    count = len(equity)
    chance, size = rng.random(count), rng.uniform(0.05, 0.4, count)
    cash = np.where(here & (chance < 0.012), who.capital * 100 * size, 0.0)
    cash = np.where(here & (chance > 0.992) & (equity > 0), -equity * size * 0.5, cash)
    rich = here & (equity > who.capital * 300) & (chance > 0.5)
    cash = np.where(rich, -equity * 0.5, cash)
    meets = here & called & (rng.random(count) < column("refill"))
    cash = np.where(meets, np.maximum(np.abs(equity) * 0.4, who.capital * 100 * 0.2), cash)
    cash = np.where((who.left == number) & (equity > 0) & ~called, -equity * 0.98, cash)
    return np.round(cash).astype(np.int64)


class _Column:
    """A figure of each client's segment."""

    def __init__(self, segment: Ints) -> None:
        self._segment = segment

    def __call__(self, name: str) -> Floats:
        return np.array([float(getattr(segment, name)) for segment in SEGMENTS])[self._segment]


def _by_segment(segment: Ints) -> _Column:
    return _Column(segment)
