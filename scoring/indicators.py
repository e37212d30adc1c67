"""The twelve indicators of a client, as one SQL text over daily rows, in two steps.

1. ``sums_sql``: every day of an account becomes whole numbers that can be added: counts, fen, and ratios in units of
   1e-8 (``UNIT``). Only the largest risk degree and the 5 % quantile of daily returns cannot be added.
2. ``indicators_sql``: sums become the twelve figures, each client's and its share of everybody's.

Both run on DuckDB as they stand; another engine needs a ``Dialect`` (the quantile's name, a wide integer). Sums are
integers, so engines, orders of rows and days kept incrementally agree exactly.

Sources: the names and groups are those of 基于交易数据的客户分类研究 (毛瑞), which gives no formulas. The formulas are the
usual ones of futures statistics, decided here and to be confirmed by compliance; each ``Indicator`` says how.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

UNIT = 100_000_000
"""Ratios are counted in whole 1e-8."""


class Group(StrEnum):
    CONTRIBUTION = "contribution"
    RISK = "risk"
    PROFIT = "profit"
    FUNDS = "funds"


class Better(StrEnum):
    """Which way is good."""

    HIGH = "high"
    LOW = "low"
    BAND = "band"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One figure of a client, a fraction (1 = 100 %). ``choices`` are its SQL by name, the first is the usual one.

    ``turned`` names a variant for which the other way is good. ``skewed`` figures are put on a logarithmic scale before they are compared: a few clients hold most of the total.
    """

    code: str
    zh: str
    en: str
    group: Group
    better: Better
    unit: str
    missing: str
    source: str
    choices: Mapping[str, str]
    skewed: bool = False
    turned: str | None = None


_NEVER = "never missing: 0 for a client without it"

INDICATORS: tuple[Indicator, ...] = (
    Indicator(
        "turnover_share",
        "交易量占有率",
        "share of turnover",
        Group.CONTRIBUTION,
        Better.HIGH,
        "share of all clients' turnover",
        _NEVER,
        "F1; by amount, since lots of different contracts cannot be compared (lots: the variant)",
        {
            "amount": "turnover * 1e0 / NULLIF(SUM(CAST(turnover AS {wide})) OVER () * 1e0, 0)",
            "lots": "lots * 1e0 / NULLIF(SUM(CAST(lots AS {wide})) OVER () * 1e0, 0)",
        },
        skewed=True,
    ),
    Indicator(
        "capital_share",
        "资金贡献率",
        "share of capital",
        Group.CONTRIBUTION,
        Better.HIGH,
        "share of all clients' day-average equity",
        "missing only where nobody has equity",
        "F1",
        {"mean": "mean_equity * 1e0 / NULLIF(SUM(CAST(mean_equity AS {wide})) OVER () * 1e0, 0)"},
        skewed=True,
    ),
    Indicator(
        "fee_share",
        "手续费贡献率",
        "share of fees",
        Group.CONTRIBUTION,
        Better.HIGH,
        "share of all fees that the company kept",
        _NEVER,
        "F1; net of the exchange's part (gross: the variant)",
        {
            "retained": "retained * 1e0 / NULLIF(SUM(CAST(retained AS {wide})) OVER () * 1e0, 0)",
            "gross": "commission * 1e0 / NULLIF(SUM(CAST(commission AS {wide})) OVER () * 1e0, 0)",
        },
        skewed=True,
    ),
    Indicator(
        "degree_max",
        "最大风险度",
        "highest risk degree",
        Group.RISK,
        Better.LOW,
        "margin / equity, at most the cap (300 %)",
        "never missing; equity of 0 or less counts as the cap",
        "intraday where a feed is there, else at settlement",
        {"peak": "degree_max / 1e8"},
    ),
    Indicator(
        "degree_overnight",
        "隔夜仓平均风险",
        "average overnight risk",
        Group.RISK,
        Better.LOW,
        "mean of margin / equity over days with a position at settlement",
        "never missing: 0 without an overnight position, and the client is marked",
        "mean over the days held, not over all days (that is 资金利用率)",
        {"held": "CASE WHEN held_days = 0 THEN 0e0 ELSE degree_held * 1e0 / held_days / 1e8 END"},
    ),
    Indicator(
        "call_rate",
        "追保频率",
        "margin calls",
        Group.RISK,
        Better.LOW,
        "days in a call / days with a position",
        "never missing: 0 without a position",
        "a formal call where a log is kept, else margin of 100 % of equity or more at settlement",
        {"days": "CASE WHEN position_days = 0 THEN 0e0 ELSE call_days * 1e0 / position_days END"},
    ),
    Indicator(
        "forced_rate",
        "强平频率",
        "forced liquidations",
        Group.RISK,
        Better.LOW,
        "days with a forced closing / days with a position",
        "never missing: 0 without a position",
        "trades with CTP's OffsetFlag 2, 5 or 6",
        {"days": "CASE WHEN position_days = 0 THEN 0e0 ELSE forced_days * 1e0 / position_days END"},
    ),
    Indicator(
        "return_on_capital",
        "投资报酬率",
        "return on capital",
        Group.PROFIT,
        Better.HIGH,
        "profit after fees / day-average equity",
        "missing without equity, or where no day states its profit",
        "not weighted by time: deposits count through the average",
        {
            "simple": "CASE WHEN profit_days > 0 AND mean_equity > 0 THEN profit * 1e0 / mean_equity END",
        },
    ),
    Indicator(
        "net_profit_rate",
        "投资净利润率",
        "net profit rate",
        Group.PROFIT,
        Better.HIGH,
        "profit after fees / sum of the days' gains, not below -100 %",
        "missing where no day brought a gain or a loss",
        "on_gains: what is left of the gains; on_turnover (the other reading): profit / turnover",
        {
            "on_gains": "CASE WHEN gains > 0 THEN GREATEST(-1e0, profit * 1e0 / gains) WHEN profit < 0 THEN -1e0 END",
            "on_turnover": "CASE WHEN turnover > 0 THEN profit * 1e0 / turnover END",
        },
    ),
    Indicator(
        "stability",
        "盈亏稳定性",
        "swing of daily results",
        Group.FUNDS,
        Better.LOW,
        "sample deviation of daily profit / (equity before + deposits)",
        "missing with fewer than two daily returns",
        "compared as 1 / (1 + deviation); over_mean: mean / deviation, high is better",
        {
            "deviation": "return_deviation",
            "over_mean": "CASE WHEN return_deviation > 0 "
            "THEN return_sum * 1e0 / returns / 1e8 / return_deviation END",
        },
        turned="over_mean",
    ),
    Indicator(
        "loss_var95",
        "亏损VAR95",
        "one-day loss at 95 %",
        Group.FUNDS,
        Better.LOW,
        "the loss that one day in twenty exceeded, of equity before + deposits, not below 0",
        "missing with fewer than the configured days of returns (60)",
        "historical: 5 % quantile, linear between neighbours, sign turned",
        {"historical": "CASE WHEN returns >= {var_days} THEN GREATEST(0e0, -return_low / 1e8) END"},
    ),
    Indicator(
        "fund_use",
        "资金利用率",
        "use of funds",
        Group.FUNDS,
        Better.BAND,
        "mean of margin / equity over all days",
        "never missing",
        "compared by the distance to a band (30 % to 60 %): idle and stretched are both worse",
        {"mean": "degree_sum * 1e0 / days / 1e8"},
    ),
)

CODES = tuple(indicator.code for indicator in INDICATORS)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the SQL needs to know of the configuration. ``choices``: indicator -> name of its variant."""

    degree_cap: float = 3.0
    var_days: int = 60
    choices: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        known = {indicator.code: indicator.choices for indicator in INDICATORS}
        for code, name in self.choices:
            if name not in known.get(code, {}):
                raise ValueError(f"no indicator {code} with a variant {name}")

    def choice(self, indicator: Indicator) -> str:
        """The name of the variant that is used."""
        return dict(self.choices).get(indicator.code, next(iter(indicator.choices)))


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where engines differ. ``quantile`` is filled with (values, share); ``wide`` is an integer above 64 bits."""

    name: str
    quantile: str
    wide: str


DUCKDB = Dialect("duckdb", "QUANTILE_CONT({values}, {share})", "HUGEINT")
SPARK = Dialect("spark", "PERCENTILE({values}, {share})", "DECIMAL(28, 0)")

ADDED = {
    "days": "1",
    "equity": "equity",
    "turnover": "turnover",
    "lots": "lots",
    "commission": "commission",
    "retained": "retained",
    "profit": "COALESCE(profit, 0)",
    "gains": "GREATEST(COALESCE(profit, 0), 0)",
    "profit_days": "CASE WHEN profit IS NULL THEN 0 ELSE 1 END",
    "degree_sum": "degree",
    "degree_held": "CASE WHEN margin > 0 THEN degree ELSE 0 END",
    "held_days": "CASE WHEN margin > 0 THEN 1 ELSE 0 END",
    "position_days": "CASE WHEN margin > 0 OR forced > 0 THEN 1 ELSE 0 END",
    "call_days": "CASE WHEN margin > 0 OR forced > 0 THEN in_call ELSE 0 END",
    "forced_days": "CASE WHEN forced > 0 THEN 1 ELSE 0 END",
    "active_days": "CASE WHEN margin > 0 OR trades > 0 THEN 1 ELSE 0 END",
    "negative_days": "CASE WHEN equity <= 0 THEN 1 ELSE 0 END",
    "returns": "CASE WHEN daily IS NULL THEN 0 ELSE 1 END",
    "return_sum": "COALESCE(daily, 0)",
    "return_squares": "COALESCE(CAST(daily AS BIGINT) * daily, 0)",
}
"""The sums: what one day adds to each. The largest degree and the quantile of ``daily`` cannot be added."""

# FLOOR(x + 0.5): engines round halves differently, and all of them take the floor alike.
_FACTS = """
SELECT *,
    CAST(CASE WHEN equity <= 0 THEN {cap}
        ELSE FLOOR(LEAST({cap}, margin * 1e0 / equity * 1e8) + 0.5e0) END AS INTEGER) AS degree,
    CAST(CASE WHEN equity <= 0 THEN {cap}
        ELSE FLOOR(LEAST({cap}, COALESCE(peak_margin, margin) * 1e0 / equity * 1e8) + 0.5e0) END AS INTEGER) AS peak,
    COALESCE(called, CASE WHEN margin > 0 AND margin >= equity THEN 1 ELSE 0 END) AS in_call,
    CASE WHEN profit IS NOT NULL AND equity - profit + GREATEST(-cash_flow, 0) > 0
        THEN CAST(FLOOR(LEAST(1e0, GREATEST(-1e0,
            profit * 1e0 / (equity - profit + GREATEST(-cash_flow, 0)))) * 1e8 + 0.5e0) AS INTEGER)
        END AS daily
FROM {rows}
"""

_DAY = """
SELECT account,
    {added},
    GREATEST(degree, peak) AS degree_max,
    daily
FROM ({facts}) AS facts
"""

_SUMS = """
SELECT account,
    {added},
    MAX(GREATEST(degree, peak)) AS degree_max,
    {quantile} AS return_low
FROM ({facts}) AS facts
GROUP BY account
"""

_INDICATORS = """
SELECT account, days, active_days, negative_days, held_days, returns,
    {columns}
FROM (
    SELECT *,
        CAST(FLOOR(equity * 1e0 / days + 0.5e0) AS BIGINT) AS mean_equity,
        CASE WHEN returns > 1 THEN SQRT(
            (CAST(returns AS {wide}) * CAST(return_squares AS {wide})
                - CAST(return_sum AS {wide}) * CAST(return_sum AS {wide})) * 1e0
            / (returns * 1e0 * (returns - 1))) / 1e8 END AS return_deviation
    FROM {sums}
) AS means
"""


def _facts(rows: str, rules: Rules) -> str:
    """A day of an account with its ratios in whole 1e-8.

    equity - profit + withdrawals is the equity of the day before plus the day's deposits: E(t) = E(t-1) + deposits -
    withdrawals + profit. So a day stands by itself, and one that is missing falsifies no other. A day's return beyond
    100 % of that counts as 100 %.
    """
    return _FACTS.format(rows=rows, cap=int(rules.degree_cap * UNIT))


def day_sql(rows: str, rules: Rules) -> str:
    """What each row of one day adds to the sums, its largest degree (``degree_max``) and its return (``daily``)."""
    added = ",\n    ".join(f"{expression} AS {name}" for name, expression in ADDED.items())
    return _DAY.format(added=added, facts=_facts(rows, rules))


def sums_sql(rows: str, rules: Rules, dialect: Dialect = DUCKDB) -> str:
    """From daily rows (a table or an expression, see scoring/days.py) to one row an account."""
    added = ",\n    ".join(
        f"CAST(SUM(CAST({expression} AS BIGINT)) AS BIGINT) AS {name}" for name, expression in ADDED.items()
    )
    quantile = dialect.quantile.format(values="daily", share="0.05")
    return _SUMS.format(added=added, quantile=quantile, facts=_facts(rows, rules))


def indicators_sql(sums: str, rules: Rules, dialect: Dialect = DUCKDB) -> str:
    """From sums (a table or an expression) to the twelve indicators, one row an account, in no order."""
    columns = ",\n    ".join(
        f"{indicator.choices[rules.choice(indicator)]} AS {indicator.code}" for indicator in INDICATORS
    )
    columns = columns.format(wide=dialect.wide, var_days=rules.var_days)
    return _INDICATORS.format(columns=columns, sums=sums, wide=dialect.wide)
