"""Sums kept from day to day are those of all days at once."""

from pathlib import Path

import pandas as pd
import pytest

from scoring import days as store
from scoring import sums
from scoring.indicators import Rules
from scoring.running import Running, advance, as_frame, day_values
from scoring.running import kept as carried
from scoring.sums import differences
from tests.scoring.house import FIRST, frame, row, sample, stored, weekdays

RULES = Rules()


def kept(files: tuple, window: int) -> Running:
    running = Running.empty(window)
    for number, file in enumerate(files):
        leaving = day_values(files[number - window], RULES, running.accounts) if number >= window else None
        advance(running, day_values(file, RULES, running.accounts), leaving)
    return running


def test_day_by_day_and_all_at_once_agree(tmp_path: Path) -> None:
    """With clients that come and go, and a window shorter than the history."""
    files = stored(tmp_path, sample(70, 50))
    running = kept(files, 30)
    assert running.days == [file.day for file in files[-30:]]
    assert differences(as_frame(running, at_once=11), sums.full(files[-30:], RULES)) == ()


def test_a_client_who_left_the_window_is_gone(tmp_path: Path) -> None:
    days = weekdays(5)
    rows = [row("1", day) for day in days] + [row("2", days[0], margin=5)]
    files = stored(tmp_path, frame(rows))
    assert list(as_frame(kept(files, 3))["account"]) == ["1"]


def test_the_largest_degree_falls_when_its_day_leaves(tmp_path: Path) -> None:
    days = weekdays(4)
    degrees = (900_000, 100_000, 300_000, 200_000)
    files = stored(tmp_path, frame([row("1", d, margin=m) for d, m in zip(days, degrees, strict=True)]))
    assert int(as_frame(kept(files, 4))["degree_max"].iloc[0]) == 90_000_000
    assert int(as_frame(kept(files, 3))["degree_max"].iloc[0]) == 30_000_000


def test_days_out_of_order_are_refused(tmp_path: Path) -> None:
    files = stored(tmp_path, frame([row("1", day) for day in weekdays(2)]))
    running = Running.empty(5)
    advance(running, day_values(files[1], RULES, running.accounts), None)
    with pytest.raises(ValueError, match="not after"):
        advance(running, day_values(files[0], RULES, running.accounts), None)


def test_a_full_window_wants_the_day_that_leaves(tmp_path: Path) -> None:
    files = stored(tmp_path, frame([row("1", day) for day in weekdays(2)]))
    running = Running.empty(1)
    advance(running, day_values(files[0], RULES, running.accounts), None)
    with pytest.raises(ValueError, match="the window is full"):
        advance(running, day_values(files[1], RULES, running.accounts), None)


def test_what_was_kept_is_carried_on(tmp_path: Path) -> None:
    """Twenty days, then six more, then the same again: each time what all days at once give."""
    files = stored(tmp_path / "days", sample(40, 30))
    state = tmp_path / "state" / "sums.npz"
    for last in (20, 26, 26, 30):
        running = carried(state, files[:last], RULES, 15)
        assert differences(as_frame(running), sums.full(files[last - 15 : last], RULES)) == ()


def test_a_day_that_was_exported_again_makes_the_sums_anew(tmp_path: Path) -> None:
    rows = sample(20, 12)
    folder, state = tmp_path / "days", tmp_path / "sums.npz"
    carried(state, stored(folder, rows), RULES, 10)
    day = weekdays(12)[8]
    store.write(folder, day, rows[rows["day"] == day].assign(turnover=7), stamp="again")
    files = store.files(folder)
    assert differences(as_frame(carried(state, files, RULES, 10)), sums.full(files[-10:], RULES)) == ()


def test_a_spoilt_state_is_made_anew(tmp_path: Path) -> None:
    """Half a file is as good as none."""
    files = stored(tmp_path / "days", sample(10, 5))
    state = tmp_path / "sums.npz"
    carried(state, files, RULES, 5)
    state.write_bytes(state.read_bytes()[:100])
    assert differences(as_frame(carried(state, files, RULES, 5)), sums.full(files, RULES)) == ()


def test_the_check_names_what_differs(tmp_path: Path) -> None:
    """The nightly comparison is able to fail."""
    files = stored(tmp_path, sample(10, 10))
    full = sums.full(files, RULES)
    spoilt = full.copy()
    spoilt.loc[3, "turnover"] += 1
    assert differences(spoilt, full) == ("turnover",)
    assert differences(full.iloc[1:], full) == ("account",)
    assert differences(full.assign(return_low=full["return_low"] + 1), full) == ("return_low",)


def test_accounts_with_quotes_in_their_numbers_are_read(tmp_path: Path) -> None:
    rows = pd.concat([frame([row(name, FIRST)]) for name in ("a'b", "c", "d'", "e")])
    files = stored(tmp_path, rows)
    assert list(sums.full(files, RULES, accounts_at_once=1)["account"]) == ["a'b", "c", "d'", "e"]
