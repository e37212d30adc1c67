"""One run of the score, from daily files to values: indicators, factors, scores, classes, model card.

Nothing here reads a clock or a database. Equal files, parameters and last run give an equal run, in whatever order the
rows stood; ``run_id`` is made of just these.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring import clusters
from scoring.align import Scale, align
from scoring.card import Grouped, Outcome, card, days_checks
from scoring.days import DayFile, UnusableRows
from scoring.indicators import CODES, Rules
from scoring.model import Demands, Fitted, fit
from scoring.run_values import Check, Class, Clustering, LastRun, Mark, Run, Scored
from scoring.running import as_frame, kept
from scoring.sums import differences, full, indicators

__all__ = ["Carried", "LastRun", "Parameters", "Run", "Scored", "run"]

METHOD = "2026-11"
"""Raised when the same data and parameters give another result than before."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Where sums are kept from day to day, over which window, and files of days before those of a run."""

    folder: Path
    window: int
    older: tuple[DayFile, ...] = ()


LETTERS = "ABCDEFGHIJ"

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a brokerage may decide. ``window``: trading days at most; ``least_active_days``: fewer are 未评级.

    ``close``: two classes whose mean scores differ by less keep the names of the last run; ``most_moved``: the share of
    clients whose class may change in a run.
    """

    window: int = 250
    least_active_days: int = 20
    classes: int = 3
    most_moved: float = 0.15
    close: float = 0.1
    rules: Rules = field(default_factory=Rules)
    scale: Scale = field(default_factory=Scale)
    demands: Demands = field(default_factory=Demands)

    def words(self) -> dict[str, str]:
        """Every parameter by name, for the model card."""
        return {
            "method": METHOD,
            "window": str(self.window),
            "least_active_days": str(self.least_active_days),
            "classes": str(self.classes),
            "most_moved": str(self.most_moved),
            "close": str(self.close),
            "degree_cap": str(self.rules.degree_cap),
            "var_days": str(self.rules.var_days),
            "choices": ", ".join(f"{code}={name}" for code, name in sorted(self.rules.choices)),
            "winsorised": str(self.scale.winsorised),
            "band": f"{self.scale.band[0]}-{self.scale.band[1]}",
            "rows_per_column": str(self.demands.rows_per_column),
            "least_kmo": str(self.demands.least_kmo),
            "most_p": str(self.demands.most_p),
            "weights": ", ".join(f"{group}={weight}" for group, weight in self.demands.weights.items()),
        }


def run(
    days: Sequence[DayFile],
    parameters: Parameters,
    last: LastRun | None = None,
    *,
    trading_days: Sequence[date] = (),
    carried: Carried | None = None,
    progress: Progress | None = None,
) -> Run:
    """Scores every account with a row in the last ``window`` of these days, oldest first.

    ``trading_days``: the calendar of the window, to say which days are missing. ``carried``: where sums are kept from day
    to day, to check that they agree with those of all days at once. Raises UnusableRows without a day.
    """
    if not days:
        raise UnusableRows("there is no day to score")
    told = progress or (lambda _done, _total: None)
    files = tuple(sorted(days, key=lambda file: file.day))[-parameters.window :]
    used = tuple(file.day for file in files)
    sums = full(files, parameters.rules)
    told(1, 4)
    found = _outcome(sums, parameters, last)
    told(2, 4)
    checks = [*days_checks(trading_days, used)]
    if carried is not None:
        checks.append(_agreement(carried, files, sums, parameters.rules))
    told(3, 4)
    data_hash = _hash(sums)
    done = Run(
        run_id=_identity(data_hash, used, parameters, last),
        data_hash=data_hash,
        first=used[0],
        last=used[-1],
        days=len(used),
        model=found.fitted.model if found.fitted else None,
        clustering=found.grouped.clustering if found.grouped else None,
        accounts=_lines(found, parameters),
        card=card(found, int(sums["days"].sum()), parameters.words(), parameters.classes, last, checks),
    )
    told(4, 4)
    return done


def _outcome(sums: pd.DataFrame, parameters: Parameters, last: LastRun | None) -> Outcome:
    table = indicators(sums, parameters.rules)
    rated = (table["active_days"] >= parameters.least_active_days).to_numpy()
    aligned = align(table.loc[rated], parameters.rules, parameters.scale)
    fitted = fit(aligned, parameters.demands) if rated.any() else None
    scores = np.round(aligned.data @ fitted.composite, 9) if fitted else np.zeros(int(rated.sum()))
    accounts = table.loc[rated, "account"].tolist()
    grouped = _classes(accounts, fitted, scores, parameters, last) if fitted else None
    return Outcome(table, rated, aligned, fitted, scores, grouped)


def _agreement(carried: Carried, files: Sequence[DayFile], sums: pd.DataFrame, rules: Rules) -> Check:
    """Sums kept from day to day against those of all days at once."""
    path = carried.folder / f"sums-{hashlib.sha256(repr(rules).encode()).hexdigest()[:12]}.npz"
    running = kept(path, (*carried.older, *files), rules, carried.window)
    apart = differences(as_frame(running), sums)
    said = (
        f"differ in {', '.join(apart)}" if apart else f"{len(files)} days carried on agree with all at once"
    )
    return Check("carried", not apart, said)


# --- classes ----------------------------------------------------------------------------------------------


def _classes(
    accounts: Sequence[str], fitted: Fitted, scores: Floats, parameters: Parameters, last: LastRun | None
) -> Grouped | None:
    """The classes of the rated accounts; None where they are too few for classes to mean anything."""
    count = parameters.classes
    if len(accounts) < 10 * count or len(np.unique(fitted.factors, axis=0)) < count:
        return None
    found = clusters.two_step(fitted.factors, count)
    was = np.array([LETTERS.find(last.clusters.get(a, "?")) if last else -1 for a in accounts])
    was = np.where(was < count, was, -1)
    ordered = clusters.by_score(found.labels, scores, count)
    proposed = clusters.matched(ordered, was, scores, count, parameters.close)
    likelihoods = _by_label(found.likelihoods, found.labels, proposed)
    standing = clusters.limited(proposed, was, likelihoods, parameters.most_moved)
    known = was >= 0
    return Grouped(
        Clustering(
            classes=tuple(_class(place, standing, scores, fitted.factors) for place in range(count)),
            bic=found.bic,
            silhouette=clusters.silhouette(fitted.factors, standing),
            moved=_named(accounts, known & (standing != was)),
            held_back=_named(accounts, standing != proposed),
        ),
        proposed,
        standing,
    )


def _by_label(likelihoods: Floats, labels: NDArray[np.int64], named: NDArray[np.int64]) -> Floats:
    """The columns of likelihoods under the names that the classes got."""
    found = np.full(likelihoods.shape, -np.inf)
    for label, name in set(zip(labels.tolist(), named.tolist(), strict=True)):
        found[:, name] = likelihoods[:, label]
    return found


def _class(place: int, labels: NDArray[np.int64], scores: Floats, factors: Floats) -> Class:
    own = labels == place
    if not own.any():
        return Class(LETTERS[place], 0, 0.0, ())
    centre = tuple(round(float(value), 6) for value in factors[own].mean(axis=0))
    return Class(LETTERS[place], int(own.sum()), round(float(scores[own].mean()), 6), centre)


def _named(accounts: Sequence[str], which: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(accounts[place] for place in np.flatnonzero(which).tolist())


# --- lines ------------------------------------------------------------------------------------------------


def _lines(found: Outcome, parameters: Parameters) -> tuple[Scored, ...]:
    """Every account, in order of accounts."""
    plain = _unscored(found.table, found.rated, parameters)
    fitted, aligned, scores = found.fitted, found.aligned, found.scores
    if fitted is None:
        return tuple(plain)
    ordered = np.sort(scores)
    below = np.searchsorted(ordered, scores, side="left").tolist()
    above = (len(ordered) - np.searchsorted(ordered, scores, side="right")).tolist()
    parts = np.round(aligned.data * fitted.composite, 9).tolist()
    data, factors, values = aligned.data.tolist(), fitted.factors.tolist(), scores.tolist()
    for place, number in enumerate(np.flatnonzero(found.rated).tolist()):
        line = replace(
            plain[number],
            aligned=dict(zip(aligned.columns, data[place], strict=True)),
            factors=tuple(factors[place]),
            parts=dict(zip(aligned.columns, parts[place], strict=True)),
            score=values[place],
            rank=above[place] + 1,
            percentile=below[place] / len(ordered),
        )
        plain[number] = _in_class(line, found.grouped, place) if found.grouped else line
    return tuple(plain)


def _unscored(table: pd.DataFrame, rated: NDArray[np.bool_], parameters: Parameters) -> list[Scored]:
    raw = table[list(CODES)].to_numpy(dtype=np.float64, na_value=np.nan).tolist()
    counts = ("account", "days", "active_days", "negative_days", "held_days", "returns")
    columns = zip(*(table[name].tolist() for name in counts), rated.tolist(), raw, strict=True)
    found = []
    for account, days, active, negative, held, returns, is_rated, values in columns:
        marks = {
            Mark.UNRATED: not is_rated,
            Mark.NEGATIVE_EQUITY: negative > 0,
            Mark.NO_OVERNIGHT: held == 0,
            Mark.SHORT_RETURNS: returns < parameters.rules.var_days,
        }
        found.append(
            Scored(
                account=account,
                days=days,
                active_days=active,
                indicators={
                    code: None if isnan(value) else value for code, value in zip(CODES, values, strict=True)
                },
                marks=tuple(mark for mark, holds in marks.items() if holds),
            )
        )
    return found


def _in_class(line: Scored, grouped: Grouped, place: int) -> Scored:
    standing, proposed = LETTERS[int(grouped.standing[place])], LETTERS[int(grouped.proposed[place])]
    if standing == proposed:
        return replace(line, cluster=standing)
    return replace(line, cluster=standing, proposed=proposed, marks=(*line.marks, Mark.HELD_BACK))


# --- identity ---------------------------------------------------------------------------------------------


def _hash(sums: pd.DataFrame) -> str:
    """Of every figure that the run rests on, in order of accounts: files and rows in another order give the same."""
    digest = hashlib.sha256()
    for name in sums.columns:
        values = sums[name]
        digest.update(name.encode())
        if name == "account":
            digest.update("\n".join(values).encode())
        else:
            digest.update(values.to_numpy(dtype=np.float64 if name == "return_low" else np.int64).tobytes())
    return digest.hexdigest()


def _identity(data_hash: str, used: Sequence[date], parameters: Parameters, last: LastRun | None) -> str:
    told: Mapping[str, str] = parameters.words()
    parts = [data_hash, used[0].isoformat(), used[-1].isoformat(), repr(sorted(told.items()))]
    parts.append(last.run_id if last else "")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
