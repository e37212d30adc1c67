"""How sure a search is: the probability that its best topic is the right one.

A logistic model over a few signals of a search. It learns from every phrasing twice, scored as if it were not
in the index (right or wrong) and as if its whole topic were not (always wrong), and from the examples of what
is out of scope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from knowledge.index import Engine, Floats, Mask
    from knowledge.training import Held

# What a hidden topic's phrasing weighs against one that has an answer: far fewer such questions come in.
_HIDDEN_WEIGHT = 0.25
# A phrasing left out of its own article is harder than what clients ask: its writer avoided repeating himself.
_LEAVE_ONE_OUT_SHIFT = 0.35
_RIDGE = 1e-3
# What an example of a kind weighs against a phrasing of the library: there are far fewer of them.
_KIND_WEIGHT = 2.3
_KIND_RIDGE = 1e-3
# The lead over the second topic, and the likeness of the best phrasing, look better on phrasings held out than they are.
SIGNALS = ("share", "classifier", "bm25", "known", "kinds", "above")
_SIDES: tuple[tuple[float | None, float | None], ...] = (
    (0, None),
    (0, None),
    (0, None),
    (0, None),
    (None, 0),
    (0, None),
)
# The least that known words count in a plain library, in spreads of the signal. Hidden topics share its words, what is far
# outside does not: without examples of that, held-out phrasings find known words worth nothing.
_KNOWN_IF_PLAIN = 0.5
# Where a library is too small to learn it from: weights of the signals and the constant.
_USUAL: tuple[float, ...] = (2.5, 1.0, 4.0, 1.0, -3.0, 0.0)
_USUAL_CONSTANT = -2.6


@dataclass(frozen=True, slots=True)
class Ranking:
    """Library topics by probability: group numbers of each topic's best article, best first, and their
    shares.
    """

    groups: tuple[int, ...]
    shares: tuple[float, ...]
    confidence: float
    kind_shares: dict[str, float]
    """Probability that the question is of a kind (advice, account, ...) rather than for the library."""


def shares_of(blend: "NDArray[Any]") -> NDArray[np.float64]:
    """Softmax along the last axis; zeros where nothing is allowed."""
    moved = np.asarray(blend, dtype=np.float64)
    peak = moved.max(axis=-1, keepdims=True)
    shares = np.exp(moved - np.where(np.isfinite(peak), peak, 0.0))
    return np.asarray(shares / np.maximum(shares.sum(axis=-1, keepdims=True), 1e-300))


def rank(engine: "Engine", scores: "Floats", known: float, allowed: "Mask", count: int = 8) -> Ranking:
    """Rank the allowed articles' topics; kinds are apart and only counted."""
    blend = engine.blend @ scores
    is_kind = engine.kind_mask
    library = allowed & ~is_kind
    if not library.any():
        return Ranking((), (), 0.0, {})
    everything = shares_of(np.where(allowed | is_kind, blend, -np.inf))
    kinds = _kinds(engine, scores, everything)
    open_to = np.where(library, blend, -np.inf)
    among = shares_of(open_to)
    totals = np.asarray(np.bincount(engine.topic_of, weights=among), dtype=np.float64)
    order = [int(t) for t in np.argsort(-totals)[:count] if totals[t] > 0]
    groups = tuple(_best_groups(engine, among, len(totals))[order].tolist())
    top = totals[order]
    found = _signals(
        engine, scores[:, None, :], np.asarray([known]), open_to[None], totals[None], everything[None]
    )[0]
    return Ranking(groups, tuple(float(t) for t in top), _probability(engine, found), kinds)


def _best_groups(engine: "Engine", among: NDArray[np.float64], topics: int) -> NDArray[np.intp]:
    """The best group of each topic."""
    best = np.zeros(topics, dtype=np.intp)
    rising = np.argsort(-among, kind="stable")[::-1]
    best[engine.topic_of[rising]] = rising
    return best


def _probability(engine: "Engine", signals: NDArray[np.float64]) -> float:
    model = engine.confidence
    weights = np.asarray(model.get("weights", _USUAL))
    constant = float(model.get("constant", _USUAL_CONSTANT))
    return float(1.0 / (1.0 + np.exp(-(signals @ weights + constant + model.get("shift", 0.0)))))


def _signals(
    engine: "Engine",
    scores: "Floats",
    known: NDArray[Any],
    blend: NDArray[Any],
    totals: NDArray[np.float64],
    everything: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Signals of each question: rows x ``SIGNALS``. ``blend`` is -inf for what cannot be answered with, ``totals`` are
    shares of topics; the last signal is how far the best article stands above the usual one.
    """
    best = np.argmax(blend, axis=1)
    numbers = np.arange(len(blend))
    kinds = everything[:, engine.kind_mask].sum(axis=1) if engine.kind_mask.any() else np.zeros(len(blend))
    # Where all that there is was hidden, nothing stands above anything.
    possible = np.isfinite(blend)
    finite = np.where(possible, blend, 0.0)
    usual = finite.sum(axis=1) / np.maximum(possible.sum(axis=1), 1)
    return np.stack(
        [
            totals.max(axis=1),
            scores[0][numbers, best],
            scores[4][numbers, best],
            known,
            kinds,
            finite[numbers, best] - usual,
        ],
        axis=1,
    ).astype(np.float64)


def _kinds(engine: "Engine", scores: "Floats", everything: NDArray[np.float64]) -> dict[str, float]:
    model = engine.confidence.get("kinds")
    if model is None:
        return {engine.topics[g][5:]: float(everything[g]) for g in np.flatnonzero(engine.kind_mask)}
    features = _kind_features(engine, scores[:, None, :], everything[None], model["firsts"])[0]
    shares = shares_of(np.append(features, 1.0) @ model["weights"])
    return {kind: float(share) for kind, share in zip(model["kinds"], shares[1:], strict=True)}


def _kind_features(
    engine: "Engine", scores: "Floats", everything: NDArray[np.float64], firsts: NDArray[np.intp]
) -> NDArray[np.float64]:
    """What tells kinds from the library: classifier, nearest and centroid of each, and their shares. ``firsts`` are
    one group of each library topic: the classifier decides by topic.
    """
    library = ~engine.kind_mask
    by_topic = scores[0][:, firsts]
    columns = [
        by_topic.sum(axis=1),
        by_topic.max(axis=1),
        scores[2][:, library].max(axis=1),
        scores[3][:, library].max(axis=1),
        np.log(everything[:, library].sum(axis=1) + 1e-4),
    ]
    kinds = np.flatnonzero(engine.kind_mask)
    by_kind = np.stack([*scores[[0, 2, 3]][:, :, kinds], np.log(everything[:, kinds] + 1e-4)], axis=2)
    of_library = np.stack(columns, axis=1)
    return np.concatenate([of_library, by_kind.reshape(len(of_library), -1)], axis=1).astype(np.float64)


def fit_kinds(engine: "Engine", held: "Held") -> dict[str, Any] | None:
    """A multinomial model of library against kinds on the leave-one-out scores; None where there are no
    kinds.
    """
    from scipy.optimize import minimize

    groups = np.flatnonzero(engine.kind_mask)
    if not len(groups):
        return None
    heard = ~held.hidden
    own, scores = engine.row_group[held.rows[heard]], held.scores[:, heard]
    label = np.zeros(len(own), dtype=int)
    for number, group in enumerate(groups, start=1):
        label[own == group] = number
    blend = np.einsum("s,sij->ij", engine.blend.astype(np.float64), scores.astype(np.float64))
    library = np.flatnonzero(~engine.kind_mask)
    firsts = library[np.unique(engine.topic_of[library], return_index=True)[1]]
    features = _kind_features(engine, scores, shares_of(blend), firsts)
    middle, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
    design = np.concatenate([(features - middle) / spread, np.ones((len(features), 1))], axis=1)
    weight = np.where(label == 0, 1.0, _KIND_WEIGHT)
    weight /= weight.sum()
    target = np.eye(len(groups) + 1)[label]
    shape = (design.shape[1], len(groups) + 1)

    def loss(flat: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        weights = flat.reshape(shape)
        shares = shares_of(design @ weights)
        kept = weights.copy()
        kept[-1] = 0.0
        value = -float((weight[:, None] * target * np.log(shares + 1e-12)).sum())
        slope = design.T @ (weight[:, None] * (shares - target)) + 2 * _KIND_RIDGE * kept
        return value + _KIND_RIDGE * float((kept**2).sum()), slope.ravel()

    fitted = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    weights = fitted.x.reshape(shape)
    weights[-1] -= (middle / spread) @ weights[:-1]
    weights[:-1] /= spread[:, None]
    return {"weights": weights, "kinds": [engine.topics[g][5:] for g in groups], "firsts": firsts}


def fit_confidence(engine: "Engine", held: "Held") -> dict[str, Any]:
    """Weights of the signals, by penalised maximum likelihood."""
    own = engine.row_group[held.rows]
    heard = ~engine.kind_mask[own] & ~held.hidden
    outside = np.asarray([engine.topics[g] == "kind:out_of_scope" for g in own])
    signals, right = _examine(engine, held.scores, held.known, own)
    hidden, _ = _examine(
        engine, held.scores[:, held.hidden], held.known[held.hidden], own[held.hidden], hide=True
    )
    features = np.concatenate([signals[heard], signals[outside], hidden])
    labels = np.concatenate([right[heard], np.zeros(outside.sum() + len(hidden))])
    share = _HIDDEN_WEIGHT * heard.sum() / max(1, len(hidden))
    weight = np.concatenate([np.ones(heard.sum() + outside.sum()), np.full(len(hidden), share)])
    sides = list(_SIDES)
    if not engine.kind_mask.any():
        sides[SIGNALS.index("known")] = (_KNOWN_IF_PLAIN, None)
    weights, constant = _logistic(features, labels, weight, sides)
    return {"weights": weights, "constant": constant, "shift": _LEAVE_ONE_OUT_SHIFT}


def _examine(
    engine: "Engine",
    scores: "Floats",
    known: NDArray[Any],
    own: Sequence[int] | NDArray[Any],
    *,
    hide: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    blend = np.einsum("s,sij->ij", engine.blend.astype(np.float64), scores.astype(np.float64))
    own_topic = engine.topic_of[np.asarray(own)]
    if hide:
        blend[engine.topic_of[None, :] == own_topic[:, None]] = -np.inf
    everything = shares_of(blend)
    open_to = np.where(engine.kind_mask[None, :], -np.inf, blend)
    among = shares_of(open_to)
    totals = among @ np.eye(int(engine.topic_of.max()) + 1)[engine.topic_of]
    right = engine.topic_of[np.argmax(among, axis=1)] == own_topic
    return _signals(engine, scores, known, open_to, totals, everything), right.astype(np.float64)


def _logistic(
    features: NDArray[np.float64],
    labels: NDArray[np.float64],
    weight: NDArray[np.float64],
    sides: Sequence[tuple[float | None, float | None]],
) -> tuple[NDArray[np.float64], float]:
    """Penalised likelihood on scaled features, each signal kept to the side on which it makes sense."""
    from scipy.optimize import minimize

    spread = np.maximum(features.std(axis=0), 1e-6)
    design = np.concatenate([features / spread, np.ones((len(features), 1))], axis=1)
    total = weight.sum()

    def loss(solution: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        margin = design @ solution
        value = float((weight * (np.logaddexp(0.0, margin) - labels * margin)).sum() / total)
        chance = 1.0 / (1.0 + np.exp(-margin))
        slope = design.T @ (weight * (chance - labels)) / total
        kept = np.append(solution[:-1], 0.0)
        return value + _RIDGE * float(kept @ kept), slope + 2 * _RIDGE * kept

    bounds = [*sides, (None, None)]
    fitted = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(fitted.x[:-1] / spread), float(fitted.x[-1])
