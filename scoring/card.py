"""What a reader needs to trust or doubt a run: what was looked at and found, and how far figures moved since the last one."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring import clusters
from scoring.align import Aligned
from scoring.indicators import CODES
from scoring.model import Fitted
from scoring.run_values import Check, Clustering, Drift, LastRun, Method, ModelCard

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grouped:
    """The classes, and the number of each rated account's: as this run alone says, and as it stands."""

    clustering: Clustering
    proposed: NDArray[np.int64]
    standing: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's arrays. ``table`` has a row an account; ``rated`` says which of them the other arrays have a row of."""

    table: pd.DataFrame
    rated: NDArray[np.bool_]
    aligned: Aligned
    fitted: Fitted | None
    scores: Floats
    grouped: Grouped | None


def card(
    found: Outcome,
    rows: int,
    parameters: Mapping[str, str],
    classes: int,
    last: LastRun | None,
    checks: Sequence[Check],
) -> ModelCard:
    """The model card; ``checks`` are those that were made before, ``classes`` is the number that was asked for."""
    rated = found.table.loc[found.rated]
    return ModelCard(
        rows=rows,
        accounts=len(found.table),
        rated=len(rated),
        excluded={"few_active_days": int((~found.rated).sum())},
        parameters=parameters,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("duckdb", "numpy", "scipy", "pandas")},
        },
        checks=(
            *checks,
            *_data_checks(found.table, found.rated),
            *_model_checks(found.fitted, found.scores),
            *_class_checks(found.grouped, classes),
        ),
        drift=_drifts(rated, found.scores, last) if found.fitted else (),
        last_run=last.run_id if last else None,
    )


def days_checks(trading_days: Sequence[date], used: Sequence[date]) -> list[Check]:
    """Whether every day of the calendar is there; nothing where there is no calendar."""
    found = []
    if trading_days:
        missing = sorted(set(trading_days) - set(used))
        said = ", ".join(day.isoformat() for day in missing[:5]) + (" ..." if len(missing) > 5 else "")
        found.append(
            Check("days", not missing, f"missing: {said}" if missing else "every trading day is there")
        )
    return found


def _data_checks(table: pd.DataFrame, rated: NDArray[np.bool_]) -> list[Check]:
    found = []
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


def _class_checks(grouped: Grouped | None, classes: int) -> list[Check]:
    if grouped is None:
        return [
            Check(
                "classes",
                False,
                f"fewer than {10 * classes} accounts, or too much alike: no classes",
            )
        ]
    found = grouped.clustering
    step = clusters.largest_step(found.bic)
    width = "-" if found.silhouette is None else f"{found.silhouette:.2f}"
    return [
        Check(
            "classes",
            step == classes,
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
