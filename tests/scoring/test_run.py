"""A whole run: what it says, that it says it again, and that bad input gets an answer instead of a crash."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scoring import sums
from scoring.align import Scale, align
from scoring.card import psi
from scoring.days import UnusableRows
from scoring.indicators import CODES, Rules
from scoring.reasons import reasons
from scoring.run import Carried, LastRun, Parameters, Run, run
from scoring.run_values import Mark, Method
from tests.scoring.house import FIRST, frame, row, sample, stored, weekdays

PARAMETERS = Parameters()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return sample(260, 70)


@pytest.fixture(scope="module")
def usual(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(stored(tmp_path_factory.mktemp("days"), rows), PARAMETERS)


def as_last(found: Run, clusters: dict[str, str] | None = None) -> LastRun:
    rated = [line for line in found.accounts if line.score is not None]
    own = {line.account: line.cluster for line in rated if line.cluster}
    return LastRun(
        found.run_id,
        own if clusters is None else clusters,
        {line.account: line.score for line in rated if line.score is not None},
        {code: tuple(v for line in rated if (v := line.indicators[code]) is not None) for code in CODES},
    )


def test_a_usual_history_carries_components(usual: Run) -> None:
    """Four groups of indicators in, a handful of factors out."""
    assert usual.model is not None
    assert usual.model.method is Method.COMPONENTS
    assert 2 <= len(usual.model.factors) <= 6
    assert (usual.model.kmo or 0) >= 0.5
    assert sum(usual.model.weights) == pytest.approx(1)
    assert usual.clustering is not None
    means = [one.mean_score for one in usual.clustering.classes]
    assert means == sorted(means, reverse=True)


def test_parts_add_up_to_the_score(usual: Run) -> None:
    """Whoever doubts a score can add it up."""
    for line in usual.accounts:
        if line.score is not None:
            assert sum(line.parts.values()) == pytest.approx(line.score, abs=1e-7)


def test_scores_follow_from_factors_and_weights(usual: Run) -> None:
    assert usual.model is not None
    for line in usual.accounts:
        if line.score is not None:
            composite = np.dot(line.factors, usual.model.weights)
            assert composite == pytest.approx(line.score, abs=1e-7)


def test_rank_one_is_the_best_and_above_the_rest(usual: Run) -> None:
    rated = sorted((line for line in usual.accounts if line.rank), key=lambda line: line.rank or 0)
    assert rated[0].score == max(line.score or -9 for line in rated)
    assert rated[0].percentile == pytest.approx(1 - 1 / len(rated))
    assert rated[-1].percentile == 0


def test_shuffled_rows_and_a_second_run_say_the_same(rows: pd.DataFrame, usual: Run, tmp_path: Path) -> None:
    """Not nearly: every digit, every label, the same number of the run."""
    shuffled = rows.sample(frac=1, random_state=9)
    assert run(stored(tmp_path, shuffled), PARAMETERS) == usual


def test_other_parameters_are_another_run(rows: pd.DataFrame, usual: Run, tmp_path: Path) -> None:
    other = run(stored(tmp_path, rows), replace(PARAMETERS, classes=4))
    assert other.run_id != usual.run_id
    assert other.data_hash == usual.data_hash
    assert {line.cluster for line in other.accounts if line.cluster} <= set("ABCD")


def test_too_many_moves_are_held_back_and_listed(rows: pd.DataFrame, usual: Run, tmp_path: Path) -> None:
    """The last run said C of everybody: only the permitted share may leave."""
    everybody = {line.account: "C" for line in usual.accounts if line.score is not None}
    found = run(stored(tmp_path, rows), PARAMETERS, as_last(usual, everybody))
    assert found.clustering is not None
    assert len(found.clustering.moved) == int(PARAMETERS.most_moved * len(everybody) + 1e-9)
    held = [line for line in found.accounts if Mark.HELD_BACK in line.marks]
    assert {line.account for line in held} == set(found.clustering.held_back)
    assert all(line.cluster == "C" and line.proposed in "AB" for line in held)


def test_the_same_data_again_moves_nobody_and_does_not_drift(
    rows: pd.DataFrame, usual: Run, tmp_path: Path
) -> None:
    found = run(stored(tmp_path, rows), PARAMETERS, as_last(usual))
    assert found.clustering is not None
    assert found.clustering.moved == ()
    assert {one.psi for one in found.card.drift} == {0.0}
    assert found.card.last_run == usual.run_id


def test_a_moved_distribution_is_loud() -> None:
    """Above 0.25 by the usual reading; nothing to compare is 0."""
    calm = np.random.default_rng(1).normal(size=2_000)
    assert psi(calm, calm[::2]) < 0.02
    assert psi(calm, calm + 1) > 0.25
    assert psi(np.array([]), calm) == 0


def test_nine_clients_get_fixed_weights_and_no_classes(tmp_path: Path) -> None:
    found = run(stored(tmp_path, sample(9, 60, seed=4)), PARAMETERS)
    assert found.model is not None
    assert found.model.method is Method.WEIGHTS
    assert "clients" in (found.model.because or "")
    assert found.clustering is None
    assert all(line.cluster is None for line in found.accounts)
    assert any(line.score is not None for line in found.accounts)


def test_half_unrated_is_said(rows: pd.DataFrame, tmp_path: Path) -> None:
    """Every second client has ten days only."""
    few = rows["account"].astype(int) % 2 == 0
    found = run(stored(tmp_path, rows[~few | (rows["day"] <= weekdays(10)[-1])]), PARAMETERS)
    check = next(check for check in found.card.checks if check.name == "rated")
    assert not check.passed
    unrated = [line for line in found.accounts if Mark.UNRATED in line.marks]
    assert len(unrated) >= 130
    assert all(line.score is None and line.rank is None for line in unrated)
    assert found.card.excluded["few_active_days"] == len(unrated)


def test_one_day_rates_nobody(tmp_path: Path) -> None:
    found = run(stored(tmp_path, sample(20, 1)), PARAMETERS)
    assert found.model is None
    assert {line.score for line in found.accounts} == {None}


def test_clients_who_are_all_alike_are_not_told_apart(tmp_path: Path) -> None:
    """Zero variance everywhere: no model, no scores, no crash."""
    rows = frame([row(str(n), day, margin=5, trades=1) for n in range(150) for day in weekdays(25)])
    found = run(stored(tmp_path, rows), PARAMETERS)
    assert found.model is None
    assert not all(check.passed for check in found.card.checks)


def test_a_constant_indicator_is_left_out_and_named(rows: pd.DataFrame, tmp_path: Path) -> None:
    """Nobody was ever liquidated."""
    found = run(stored(tmp_path, rows.assign(forced=0)), PARAMETERS)
    assert found.model is not None
    assert found.model.constant == ("forced_rate",)
    assert "forced_rate" not in found.model.columns
    assert any(check.name == "constant" and "forced_rate" in check.said for check in found.card.checks)


def test_a_singular_matrix_falls_back_to_weights(rows: pd.DataFrame, tmp_path: Path) -> None:
    """Fees that are a share of turnover, and turnover a share of equity: three columns that are one."""
    same = rows.assign(turnover=rows["equity"].clip(lower=1), retained=rows["equity"].clip(lower=1))
    everyday = same[same["equity"] > 0].assign(equity=lambda table: table["retained"])
    found = run(stored(tmp_path, everyday), PARAMETERS)
    assert found.model is not None
    assert found.model.because == "the correlation matrix is singular"
    assert any(line.score is not None for line in found.accounts)


def test_negative_equity_and_a_billion_stand_beside_each_other(rows: pd.DataFrame, tmp_path: Path) -> None:
    """Extremes are cut before they are compared: the rest keeps its place."""
    days = sorted(set(rows["day"]))
    extreme = [row("1", day, equity=-5 * 10**8, margin=10**9, trades=3) for day in days]
    extreme += [row("2", day, equity=10**11, margin=10**10, turnover=10**13, trades=9) for day in days]
    found = run(stored(tmp_path, pd.concat([rows, frame(extreme)])), PARAMETERS)
    by_account = {line.account: line for line in found.accounts}
    assert Mark.NEGATIVE_EQUITY in by_account["1"].marks
    assert by_account["1"].indicators["degree_max"] == 3
    assert by_account["2"].score is not None
    assert all(np.isfinite(line.score) for line in found.accounts if line.score is not None)


def test_missing_days_are_named(rows: pd.DataFrame, tmp_path: Path) -> None:
    days = weekdays(70)
    found = run(stored(tmp_path, rows[rows["day"] != days[5]]), PARAMETERS, trading_days=days)
    check = next(check for check in found.card.checks if check.name == "days")
    assert not check.passed
    assert days[5].isoformat() in check.said


def test_no_day_is_refused() -> None:
    with pytest.raises(UnusableRows, match="no day"):
        run((), PARAMETERS)


def test_an_old_client_in_the_window_keeps_to_its_own_days(tmp_path: Path) -> None:
    """The window is cut from the newest day back."""
    rows = frame([row("1", day) for day in weekdays(12)] + [row("2", FIRST)])
    found = run(stored(tmp_path, rows), replace(PARAMETERS, window=10))
    assert [line.account for line in found.accounts] == ["1"]
    assert found.days == 10


def test_a_missing_figure_is_the_mean_of_its_group(tmp_path: Path) -> None:
    """Too few days for the loss quantile: swing and use of funds stand in for it."""
    rows = sample(40, 30)
    rules = Rules(var_days=30)
    table = sums.indicators(sums.full(stored(tmp_path, rows), rules), rules)
    found = align(table, rules, Scale())
    at = {code: place for place, code in enumerate(found.columns)}
    lacking = np.flatnonzero(table["loss_var95"].isna())
    assert len(lacking)
    for place in lacking:
        if np.isfinite(table["stability"].iloc[place]):
            others = (found.data[place, at["stability"]] + found.data[place, at["fund_use"]]) / 2
            assert found.data[place, at["loss_var95"]] == pytest.approx(others, abs=1e-8)


def test_high_is_good_in_every_aligned_column(usual: Run) -> None:
    """The client with the lowest overnight risk has the highest aligned figure for it."""
    rated = [line for line in usual.accounts if line.score is not None]
    calm = min(rated, key=lambda line: line.indicators["degree_overnight"] or 0)
    wild = max(rated, key=lambda line: line.indicators["degree_overnight"] or 0)
    assert calm.aligned["degree_overnight"] > 0 > wild.aligned["degree_overnight"]
    rich = max(rated, key=lambda line: line.indicators["capital_share"] or 0)
    assert rich.aligned["capital_share"] > 0


def test_reasons_name_what_lifts_first_and_then_what_lowers(usual: Run) -> None:
    line = next(line for line in usual.accounts if line.score is not None)
    found = reasons(line.parts, line.indicators)
    parts = [reason.part for reason in found]
    up, down = [p for p in parts if p > 0], [p for p in parts if p < 0]
    assert parts == sorted(up, reverse=True) + sorted(down)
    assert all(reason.zh and reason.en for reason in found)


def test_sums_carried_from_day_to_day_are_checked(rows: pd.DataFrame, tmp_path: Path) -> None:
    """They agree; and where somebody tampers with what was kept, the card says in what they differ."""
    files = stored(tmp_path / "days", rows)
    carried = Carried(tmp_path, window=50)
    parameters = replace(PARAMETERS, window=50)
    run(files[:60], parameters, carried=carried)
    found = run(files[10:], parameters, carried=replace(carried, older=files[:10]))
    check = next(check for check in found.card.checks if check.name == "carried")
    assert check.passed
    (state,) = tmp_path.glob("sums-*.npz")
    with np.load(state) as held:
        arrays = dict(held)
    arrays["turnover"][0] += 1
    np.savez(state, **arrays)
    found = run(files, parameters, carried=carried)
    check = next(check for check in found.card.checks if check.name == "carried")
    assert not check.passed
    assert "turnover" in check.said
