"""One run of the score, from daily files to values: indicators, factors, scores, classes, model card.

Nothing here reads a clock or a database. Equal files, parameters and last run give an equal run, in whatever order the
rows stood; ``run_id`` is made of just these.
"""

import hashlib
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.metadata import version
from math import isnan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring import clusters
from scoring.align import Aligned, Scale, align
from scoring.days import DayFile, UnusableRows
from scoring.indicators import CODES, Rules
from scoring.model import Demands, Fitted, fit
from scoring.run_values import (
    Check,
    Class,
    Clustering,
    Drift,
    LastRun,
    Mark,
    Method,
    ModelCard,
    Run,
    Scored,
)
from scoring.sums import full, indicators

__all__ = ["LastRun", "Parameters", "Run", "Scored", "run"]

METHOD = "2026-11"
"""Raised when the same data and parameters give another result than before."""

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
    progress: Progress | None = None,
) -> Run:
    """Scores every account with a row in the last ``window`` of these days, oldest first.

    ``trading_days``: the calendar of the window, to say which days are missing. Raises UnusableRows without a day.
    """
    if not days:
        raise UnusableRows("there is no day to score")
    told = progress or (lambda _done, _total: None)
    used = tuple(sorted(days, key=lambda file: file.day))[-parameters.window :]
    sums = full(used, parameters.rules)
    told(1, 4)
    return score(sums, tuple(file.day for file in used), parameters, last, trading_days, told)


def score(
    sums: pd.DataFrame,
    used: Sequence[date],
    parameters: Parameters,
    last: LastRun | None,
    trading_days: Sequence[date] = (),
    told: Progress = lambda _done, _total: None,
) -> Run:
    """As ``run``, from sums that are there already."""
    table = indicators(sums, parameters.rules)
    rated = (table["active_days"] >= parameters.least_active_days).to_numpy()
    told(2, 4)
    aligned = align(table.loc[rated], parameters.rules, parameters.scale)
    fitted = fit(aligned, parameters.demands) if rated.any() else None
    scores = np.round(aligned.data @ fitted.composite, 9) if fitted else np.zeros(int(rated.sum()))
    accounts = table.loc[rated, "account"].tolist()
    grouped = _classes(accounts, fitted, scores, parameters, last) if fitted else None
    told(3, 4)
    data_hash = _hash(sums)
    lines = _lines(table, rated, aligned, fitted, scores, grouped, parameters)
    card = _card(table, rated, sums, fitted, scores, grouped, parameters, last, trading_days, used)
    told(4, 4)
    return Run(
        run_id=_identity(data_hash, used, parameters, last),
        data_hash=data_hash,
        first=used[0],
        last=used[-1],
        days=len(used),
        model=fitted.model if fitted else None,
        clustering=grouped.clustering if grouped else None,
        accounts=lines,
        card=card,
    )


# --- classes ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Grouped:
    clustering: Clustering
    proposed: NDArray[np.int64]
    standing: NDArray[np.int64]


def _classes(
    accounts: Sequence[str], fitted: Fitted, scores: Floats, parameters: Parameters, last: LastRun | None
) -> _Grouped | None:
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
    return _Grouped(
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


def _lines(
    table: pd.DataFrame,
    rated: NDArray[np.bool_],
    aligned: Aligned,
    fitted: Fitted | None,
    scores: Floats,
    grouped: _Grouped | None,
    parameters: Parameters,
) -> tuple[Scored, ...]:
    """Every account, in order of accounts."""
    plain = _unscored(table, rated, parameters)
    if fitted is None:
        return tuple(plain)
    ordered = np.sort(scores)
    below = np.searchsorted(ordered, scores, side="left").tolist()
    above = (len(ordered) - np.searchsorted(ordered, scores, side="right")).tolist()
    parts = np.round(aligned.data * fitted.composite, 9).tolist()
    data, factors, values = aligned.data.tolist(), fitted.factors.tolist(), scores.tolist()
    for place, number in enumerate(np.flatnonzero(rated).tolist()):
        line = replace(
            plain[number],
            aligned=dict(zip(aligned.columns, data[place], strict=True)),
            factors=tuple(factors[place]),
            parts=dict(zip(aligned.columns, parts[place], strict=True)),
            score=values[place],
            rank=above[place] + 1,
            percentile=below[place] / len(ordered),
        )
        plain[number] = _in_class(line, grouped, place) if grouped else line
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


def _in_class(line: Scored, grouped: _Grouped, place: int) -> Scored:
    standing, proposed = LETTERS[int(grouped.standing[place])], LETTERS[int(grouped.proposed[place])]
    if standing == proposed:
        return replace(line, cluster=standing)
    return replace(line, cluster=standing, proposed=proposed, marks=(*line.marks, Mark.HELD_BACK))


# --- the card ---------------------------------------------------------------------------------------------


def _card(
    table: pd.DataFrame,
    rated: NDArray[np.bool_],
    sums: pd.DataFrame,
    fitted: Fitted | None,
    scores: Floats,
    grouped: _Grouped | None,
    parameters: Parameters,
    last: LastRun | None,
    trading_days: Sequence[date],
    used: Sequence[date],
) -> ModelCard:
    return ModelCard(
        rows=int(sums["days"].sum()),
        accounts=len(table),
        rated=int(rated.sum()),
        excluded={"few_active_days": int((~rated).sum())},
        parameters=parameters.words(),
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("duckdb", "numpy", "scipy", "pandas")},
        },
        checks=(
            *_data_checks(table, rated, trading_days, used),
            *_model_checks(fitted, scores),
            *_class_checks(grouped, parameters),
        ),
        drift=_drifts(table.loc[rated], scores, last) if fitted else (),
        last_run=last.run_id if last else None,
    )


def _data_checks(
    table: pd.DataFrame, rated: NDArray[np.bool_], trading_days: Sequence[date], used: Sequence[date]
) -> list[Check]:
    found = []
    if trading_days:
        missing = sorted(set(trading_days) - set(used))
        said = ", ".join(day.isoformat() for day in missing[:5]) + (" ..." if len(missing) > 5 else "")
        found.append(
            Check("days", not missing, f"missing: {said}" if missing else "every trading day is there")
        )
    share = float(rated.mean()) if len(rated) else 0.0
    found.append(
        Check("rated", share > 0.5, f"{int(rated.sum())} of {len(rated)} accounts have enough active days")
    )
    for code in ("turnover_share", "capital_share", "fee_share"):
        total = float(table[code].sum())
        if total:
            found.append(Check(code, abs(total - 1) < 1e-9, f"shares add up to {total:.12g}"))
    return found


def _model_checks(fitted: Fitted | None, scores: Floats) -> list[Check]:
    if fitted is None:
        return [Check("model", False, "no account could be rated, or no indicator differs between accounts")]
    model = fitted.model
    said = model.because or f"{len(model.factors)} factors explain {sum(model.explained):.1%}"
    found = [Check("model", model.method is Method.COMPONENTS, said)]
    if model.kmo is not None and model.bartlett_p is not None:
        found.append(
            Check("kmo", model.because is None, f"KMO {model.kmo:.3f}, Bartlett p {model.bartlett_p:.3g}")
        )
    if model.constant:
        found.append(
            Check("constant", False, f"left out, the same for everybody: {', '.join(model.constant)}")
        )
    if model.method is Method.COMPONENTS and fitted.composite.min() < -1e-9:
        turned = [code for code, part in zip(model.columns, fitted.composite, strict=True) if part < -1e-9]
        found.append(Check("direction", False, f"count against their direction: {', '.join(turned)}"))
    found.append(Check("finite", bool(np.isfinite(scores).all()), "every score is a number"))
    return found


def _class_checks(grouped: _Grouped | None, parameters: Parameters) -> list[Check]:
    if grouped is None:
        return [
            Check(
                "classes",
                False,
                f"fewer than {10 * parameters.classes} accounts, or too much alike: no classes",
            )
        ]
    found = grouped.clustering
    step = clusters.largest_step(found.bic)
    width = "-" if found.silhouette is None else f"{found.silhouette:.2f}"
    return [
        Check(
            "classes",
            step == parameters.classes,
            f"the criterion steps at {step} classes; silhouette {width}",
        ),
        Check("moved", not found.held_back, f"{len(found.moved)} moved, {len(found.held_back)} held back"),
    ]


def _drifts(table: pd.DataFrame, scores: Floats, last: LastRun | None) -> tuple[Drift, ...]:
    if last is None:
        return ()
    found = [Drift("score", psi(np.array(list(last.scores.values())), scores))]
    for code in CODES:
        before = np.array(last.indicators.get(code, ()), dtype=np.float64)
        now = table[code].to_numpy(dtype=np.float64, na_value=np.nan)
        found.append(Drift(code, psi(before, now[np.isfinite(now)])))
    return tuple(found)


def psi(before: Floats, now: Floats, bins: int = 10) -> float:
    """Population stability index over the tenths of ``before``; 0 where one of the two is empty.

    An empty tenth counts as half a client, so that the logarithm has a value.
    """
    if not len(before) or not len(now):
        return 0.0
    edges = np.unique(np.quantile(before, np.arange(1, bins) / bins))

    def shares(values: Floats) -> Floats:
        count = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        found: Floats = np.maximum(count, 0.5) / np.maximum(count, 0.5).sum()
        return found

    was, are = shares(before), shares(now)
    return round(float(((are - was) * np.log(are / was)).sum()), 6)


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
