"""The twelve indicators: against the slow definition, and where input is bad."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring import days as store
from scoring import sums
from scoring.days import UnusableRows
from scoring.indicators import CODES, DUCKDB, INDICATORS, SPARK, Rules, indicators_sql, sums_sql
from tests.scoring import oracle
from tests.scoring.house import FIRST, frame, row, sample, stored, weekdays

RULES = Rules()


def found(folder: Path, rows: pd.DataFrame, rules: Rules = RULES) -> pd.DataFrame:
    table = sums.indicators(sums.full(stored(folder, rows), rules), rules)
    return table.set_index("account")


def agree(table: pd.DataFrame, slow: dict[str, dict[str, float | None]]) -> None:
    assert sorted(table.index) == sorted(slow)
    for account, values in slow.items():
        for code, value in values.items():
            got = table.loc[account, code]
            assert (pd.isna(got) and value is None) or got == pytest.approx(value, abs=1e-9, rel=1e-9), (
                account,
                code,
            )


def test_sql_and_the_slow_definition_agree(tmp_path: Path) -> None:
    """Every indicator of every client, to 1e-9."""
    rows = sample(80, 90)
    agree(found(tmp_path, rows), oracle.indicators(rows))


rows_of_days = st.lists(
    st.fixed_dictionaries(
        {
            "equity": st.integers(-(10**7), 10**11),
            "margin": st.integers(0, 10**10),
            "cash_flow": st.integers(-(10**9), 10**9),
            "profit": st.none() | st.integers(-(10**10), 10**10),
            "retained": st.integers(0, 10**6),
            "turnover": st.integers(0, 10**12),
            "forced": st.integers(0, 2),
            "called": st.none() | st.integers(0, 1),
            "peak_margin": st.none() | st.integers(0, 10**10),
        }
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows_of_days, min_size=1, max_size=4))
def test_any_rows_agree_with_the_slow_definition(
    tmp_path_factory: pytest.TempPathFactory, clients: list[list[dict[str, int | None]]]
) -> None:
    """Losses above equity, calls without a position, days without a stated profit."""
    days = weekdays(8)
    rows = frame(
        [
            row(f"8{n}", day, **values)
            for n, own in enumerate(clients)
            for day, values in zip(days, own, strict=False)
        ]
    )
    rules = Rules(var_days=2)
    agree(found(tmp_path_factory.mktemp("days"), rows, rules), oracle.indicators(rows, var_days=2))


def test_order_of_rows_and_size_of_ranges_change_nothing(tmp_path: Path) -> None:
    """Bit for bit: the sums are whole numbers."""
    rows = sample(50, 40)
    first = sums.full(stored(tmp_path / "a", rows), Rules())
    shuffled = rows.sample(frac=1, random_state=3)
    second = sums.full(stored(tmp_path / "b", shuffled), Rules(), accounts_at_once=7)
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_a_client_without_a_trade_has_figures_and_no_position(tmp_path: Path) -> None:
    """Nothing is divided by nothing."""
    table = found(tmp_path, frame([row("1", day) for day in weekdays(5)] + [row("2", FIRST, turnover=5)]))
    assert table.loc["1", "turnover_share"] == 0
    assert table.loc["1", "degree_overnight"] == 0
    assert table.loc["1", "held_days"] == 0
    assert pd.isna(table.loc["1", "net_profit_rate"])
    assert table.loc["1", "stability"] == 0


def test_one_day_gives_neither_a_swing_nor_a_quantile(tmp_path: Path) -> None:
    table = found(tmp_path, frame([row("1", FIRST, margin=200_000, profit=-5_000)]))
    assert pd.isna(table.loc["1", "stability"])
    assert pd.isna(table.loc["1", "loss_var95"])
    assert table.loc["1", "fund_use"] == 0.2
    assert table.loc["1", "net_profit_rate"] == -1


def test_negative_equity_counts_as_the_cap(tmp_path: Path) -> None:
    """Never a negative degree: the seed's 穿仓."""
    table = found(tmp_path, frame([row("1", FIRST, equity=-300, margin=500_000)]))
    assert table.loc["1", "degree_max"] == 3
    assert table.loc["1", "call_rate"] == 1
    assert table.loc["1", "negative_days"] == 1
    assert pd.isna(table.loc["1", "return_on_capital"])


def test_a_billion_is_counted_to_the_fen(tmp_path: Path) -> None:
    billion = 10**11
    rows = [row("1", day, equity=billion, turnover=10**13 + 1) for day in weekdays(40)]
    total = sums.full(stored(tmp_path, frame(rows)), Rules())
    assert int(total["equity"].iloc[0]) == 40 * billion
    assert int(total["turnover"].iloc[0]) == 40 * (10**13 + 1)


def test_a_missing_day_falsifies_no_other(tmp_path: Path) -> None:
    """A day stands by itself: the base of its return follows from its own figures."""
    days = weekdays(6)
    rows = [row("1", day, equity=1_000_000 + n * 10_000, profit=10_000) for n, day in enumerate(days)]
    with_gap = sums.full(stored(tmp_path, frame(rows[:2] + rows[3:])), Rules())
    assert int(with_gap["returns"].iloc[0]) == 5
    expected = sum(round(10_000 / (990_000 + n * 10_000) * 1e8) for n in (0, 1, 3, 4, 5))
    assert int(with_gap["return_sum"].iloc[0]) == expected


def test_a_day_given_twice_counts_once_and_two_truths_are_refused(tmp_path: Path) -> None:
    once = frame([row("1", FIRST, margin=1)])
    file = store.write(tmp_path, FIRST, pd.concat([once, once]))
    assert int(sums.full([file], Rules())["days"].iloc[0]) == 1
    with pytest.raises(UnusableRows, match="account 1 has two rows"):
        store.write(tmp_path, FIRST, frame([row("1", FIRST, margin=1), row("1", FIRST, margin=2)]))


def test_rows_of_another_day_or_without_equity_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableRows, match="account 7 has a row of 2025-09-02"):
        store.write(tmp_path, FIRST, frame([row("7", date(2025, 9, 2))]))
    with pytest.raises(UnusableRows, match="account 7 lacks a figure"):
        store.write(tmp_path, FIRST, frame([row("7", FIRST, equity=None)]))
    assert store.files(tmp_path) == ()


def test_a_new_file_of_a_day_takes_the_place_of_the_old(tmp_path: Path) -> None:
    store.write(tmp_path, FIRST, frame([row("1", FIRST)]), stamp="a")
    store.write(tmp_path, FIRST, frame([row("1", FIRST, equity=5)]), stamp="b")
    (only,) = store.files(tmp_path)
    assert int(sums.full([only], Rules())["equity"].iloc[0]) == 5


@pytest.mark.parametrize(
    ("code", "choice"), [(i.code, choice) for i in INDICATORS for choice in list(i.choices)[1:]]
)
def test_every_variant_runs(tmp_path: Path, code: str, choice: str) -> None:
    """And changes its own column only."""
    rows = sample(12, 30)
    usual, other = found(tmp_path, rows), found(tmp_path, rows, Rules(choices=((code, choice),)))
    assert not usual[code].equals(other[code])
    assert all(usual[name].equals(other[name]) for name in CODES if name != code)


def test_a_variant_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no indicator fund_use with a variant best"):
        Rules(choices=(("fund_use", "best"),))


def test_the_two_dialects_differ_in_two_words_only() -> None:
    """What a firm would have to look at is this, and nothing else."""
    ours, theirs = sums_sql("t", Rules(), DUCKDB), sums_sql("t", Rules(), SPARK)
    assert ours.replace("QUANTILE_CONT", "PERCENTILE") == theirs
    ours, theirs = indicators_sql("s", Rules(), DUCKDB), indicators_sql("s", Rules(), SPARK)
    assert ours.replace("HUGEINT", "DECIMAL(28, 0)") == theirs


def test_a_days_file_can_be_read_by_other_engines(tmp_path: Path) -> None:
    """Parquet's own kinds only: text, date, whole numbers."""
    (file,) = stored(tmp_path, sample(3, 1))
    with store.connected() as database:
        kinds = {str(kind) for kind in database.read_parquet(str(file.path)).types}
    assert kinds == {"VARCHAR", "DATE", "BIGINT", "INTEGER"}


def test_one_large_amount_among_many_small_ones_is_kept(tmp_path: Path) -> None:
    """Thirty million CNY in fen need more than 32 bits, wherever the account stands in the day."""
    rows = [row(f"{number:05}", FIRST, margin=1) for number in range(3_000)]
    rows[1_001] |= {"equity": 30_000_000_00}
    columns = {name: [one[name] for one in rows] for name in store.COLUMNS}
    file = store.write(tmp_path, FIRST, store.as_frame(columns))
    table = sums.indicators(sums.full([file], RULES), RULES).set_index("account")
    total = 30_000_000_00 + 2_999 * 1_000_000
    assert table.loc["01001", "capital_share"] == pytest.approx(30_000_000_00 / total)
