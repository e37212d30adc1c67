"""What one run of the score says: frozen values that are stored, shown, and compared with the next run's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Method(StrEnum):
    """How indicators became a score."""

    COMPONENTS = "principal_components_varimax"
    WEIGHTS = "fixed_group_weights"


class Mark(StrEnum):
    """What whoever reads a line should know of it."""

    UNRATED = "unrated"  # 未评级: fewer active days than the rule asks for
    NEGATIVE_EQUITY = "negative_equity"  # on at least one day: the risk degree counts as its cap
    NO_OVERNIGHT = "no_overnight"  # never a position at settlement: overnight risk is 0 by definition
    SHORT_RETURNS = "short_returns"  # too few days for the loss quantile
    HELD_BACK = "held_back"  # the class of the last run still stands: too many moved in this one


@dataclass(frozen=True, slots=True)
class Scored:
    """One account. ``indicators`` are raw values (fractions, not percent) by code, None where there is none.

    ``aligned`` are the indicators as they were compared: in standard deviations from the mean, high is good. ``parts``
    says what each of them gave: they add up to ``score``, which is 0 on average. ``rank`` is its place (1 is best, equal
    scores share one), ``percentile`` the share of rated accounts that it is above. All of this is empty or None for an
    account that was not rated.
    ``cluster`` is A (best) to C, ``proposed`` what this run alone says where the class was held back.
    """

    account: str
    days: int
    active_days: int
    indicators: Mapping[str, float | None]
    aligned: Mapping[str, float] = field(default_factory=dict)
    factors: tuple[float, ...] = ()
    parts: Mapping[str, float] = field(default_factory=dict)
    score: float | None = None
    rank: int | None = None
    percentile: float | None = None
    cluster: str | None = None
    proposed: str | None = None
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """The statistics behind the scores. ``columns`` are indicator codes in the order of every matrix here.

    ``loadings`` has a row a column and a column a factor; ``explained`` is each factor's share of all variance.
    ``because`` says why fixed weights were used, None for principal components.
    """

    method: Method
    because: str | None
    columns: tuple[str, ...]
    constant: tuple[str, ...]
    kmo: float | None
    bartlett_chi2: float | None
    bartlett_p: float | None
    eigenvalues: tuple[float, ...]
    factors: tuple[str, ...]
    explained: tuple[float, ...]
    loadings: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the two-step clustering: its mean score, its size, its centre in factor scores."""

    label: str
    accounts: int
    mean_score: float
    centre: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Clustering:
    """``bic`` by number of classes; ``silhouette`` of the classes that stand (on at most 2,000 accounts).

    ``moved`` and ``held_back`` are accounts whose class differs, or would differ, from the last run's.
    """

    classes: tuple[Class, ...]
    bic: Mapping[int, float]
    silhouette: float | None
    moved: tuple[str, ...]
    held_back: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, in words, with its outcome."""

    name: str
    passed: bool
    said: str


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a distribution moved since the last run: population stability index (below 0.1 is quiet, above 0.25 loud)."""

    name: str
    psi: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a reader needs to trust or doubt a run."""

    rows: int
    accounts: int
    rated: int
    excluded: Mapping[str, int]
    parameters: Mapping[str, str]
    versions: Mapping[str, str]
    checks: tuple[Check, ...]
    drift: tuple[Drift, ...]
    last_run: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """One run over the trading days ``first`` to ``last``. Equal data and parameters give an equal run."""

    run_id: str
    data_hash: str
    first: date
    last: date
    days: int
    model: Model | None
    clustering: Clustering | None
    accounts: tuple[Scored, ...]
    card: ModelCard


@dataclass(frozen=True, slots=True)
class LastRun:
    """What the next run compares itself with: class and score of each rated account."""

    run_id: str
    clusters: Mapping[str, str]
    scores: Mapping[str, float]
    indicators: Mapping[str, tuple[float, ...]]
