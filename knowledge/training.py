"""Fits what the search needs: matrices, classifiers, the blend of scores, confidence. Runs when an index is
built.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

from knowledge import index
from knowledge.confidence import fit_confidence, fit_kinds
from knowledge.features import VIEWS
from knowledge.index import NEGATIVE, PHRASING, Engine, Floats, Ints, Postings, beside_best

# Linear support vectors: what an error costs, and how exactly they are solved (a tenth decides nothing here).
_COST, _TOLERANCE = 2.0, 0.1
# What stands in one row alone is left to the likeness of texts: a third of the features, half of the time.
_FEWEST_ROWS_A_FEATURE = 2
# One classifier a topic is worth its time up to so many entries of the matrix times topics.
_MOST_WORK = 6e8
_FEWEST_ROWS_FITTED = 150
_FEWEST_TOPICS_FITTED = 6
# A quarter is held out at a time, of the kinds' few examples a third; three times over is enough.
_FOLDS, _FOLDS_USED = 4, 3
# Likeness of held-out rows to all others is computed so many at a time: a block stays near the processor.
_ROWS_AT_ONCE = 256
# How strongly the fitted blend keeps to the usual one: phrasings of one writer are no fair sample of what clients
# ask, and make the classifiers look better than they are. Of a plain folder nothing is known: it is taken at its word.
_PULL, _PULL_IF_PLAIN = 2e-2, 1e-4

Matrix = Any
"""A scipy sparse matrix (the package has no types)."""


@dataclass(slots=True)
class Held:
    """Scores of phrasings as if they were not in the index; those of ``hidden`` as if their whole topic were not."""

    rows: Ints
    scores: Floats
    hidden: NDArray[np.bool_]
    known: Floats


@dataclass(frozen=True, slots=True)
class _Fold:
    """Rows that are trained on; phrasings of topics seen, and of topics that are wholly left out."""

    training: Ints
    asked: Ints
    unheard: Ints


@dataclass(frozen=True, slots=True)
class _Fitted:
    """Linear decisions: features x columns, and a constant a column."""

    weights: Floats
    constants: Floats

    def decide(self, rows: Matrix) -> Floats:
        return np.asarray(rows @ self.weights + self.constants, dtype=np.float32)


def train(raw: "index._Untrained") -> Engine:
    """The engine from rows and vocabulary."""
    matrix = _row_matrix(raw)
    counts, texts = _row_counts(raw, matrix), _texts(raw)
    engine = _assemble(raw, matrix, counts, texts)
    topics = len(set(engine.topics))
    if topics < 2 or matrix.nnz * topics > _MOST_WORK:
        engine.blend = np.asarray(index._UNCLASSIFIED_BLEND, dtype=np.float32)
        return engine
    enough = (raw.sort == PHRASING).sum() >= _FEWEST_ROWS_FITTED and topics >= _FEWEST_TOPICS_FITTED
    folds = _folds(raw, engine) if enough else []
    rows_of = np.bincount(matrix.indices, minlength=matrix.shape[1])
    often = np.flatnonzero(rows_of >= _FEWEST_ROWS_A_FEATURE).astype(np.int32)
    common = matrix[:, often]
    # One after another: liblinear shuffles with one random state a process, and an index must come out the same twice.
    _keep_classifier(raw, engine, often, _fit(engine, raw, common, engine.positive_rows))
    if enough:
        decided = [_fit(engine, raw, common, fold.training).decide(common) for fold in folds]
        held = _hold_out(raw, engine, matrix, counts, texts, folds, decided)
        engine.blend = _fit_blend(engine, held)
        engine.confidence = fit_confidence(engine, held) | {"kinds": fit_kinds(engine, held)}
    return engine


def _row_matrix(raw: "index._Untrained") -> Matrix:
    """Rows x features: unit length in each view, times the square root of the view's weight."""
    weights = _weights(raw)
    lengths = raw.lengths.ravel()
    bag_of = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    squares = np.bincount(bag_of, weights=weights * weights, minlength=len(lengths))
    view_scale = np.sqrt(np.tile(index.VIEW_WEIGHTS[raw.corpus.lang], len(raw.lengths)))
    weights *= (view_scale / np.sqrt(np.maximum(squares, 1e-12))).astype(np.float32)[bag_of]
    known = raw.features >= 0
    row_of = bag_of[known] // len(raw.idf)
    starts = np.concatenate([[0], np.cumsum(np.bincount(row_of, minlength=len(raw.lengths)))])
    return sparse.csr_matrix(
        (weights[known], raw.features[known], starts.astype(np.int32)),
        shape=(len(raw.lengths), raw.offsets[-1]),
    )


def _weights(raw: "index._Untrained") -> Floats:
    """The weight of each member of each bag: a feature said twice weighs little more than one said once, one that was
    only appended less; what is unknown is as rare as can be (as rare as a feature of one row).
    """
    often = np.where(raw.counts >= 1, 1 + np.log(np.maximum(raw.counts, 1)), raw.counts)
    return np.asarray(often * np.concatenate(raw.idf)[raw.features], dtype=np.float32)


def _assemble(raw: "index._Untrained", matrix: Matrix, counts: Matrix, texts: Matrix) -> Engine:
    groups = raw.corpus.groups
    positive = np.flatnonzero(raw.sort != NEGATIVE).astype(np.int32)
    # A question's weights carry the view's weight whole, a row's its square root: the product must hold it once.
    row_weights = matrix @ sparse.diags(_per_feature(raw, -0.5))
    topic_of = np.unique([g.topic for g in groups], return_inverse=True)[1].astype(np.int32)
    large = len(raw.texts) > index._MANY_ROWS
    return Engine(
        lang=raw.corpus.lang,
        lexicon=raw.lexicon,
        keys=tuple(g.key for g in groups),
        topics=tuple(g.topic for g in groups),
        titles=tuple(g.title for g in groups),
        row_texts=tuple(raw.texts),
        row_group=raw.group,
        row_sort=raw.sort,
        group_starts=np.searchsorted(raw.group[positive], np.arange(len(groups))).astype(np.int32),
        positive_rows=positive,
        negative_rows=np.flatnonzero(raw.sort == NEGATIVE).astype(np.int32),
        vocabulary=tuple(raw.vocabulary),
        idf=tuple(raw.idf),
        offsets=tuple(raw.offsets),
        rows=_postings(row_weights, cap=large),
        bm25=_postings(_saturated(counts), cap=large),
        text=_postings(texts, cap=large),
        centroid_norm=_centroid_norms(raw, matrix, positive),
        topic_of=topic_of,
        kind_mask=np.asarray([g.is_kind for g in groups]),
        siblings=_siblings(topic_of),
        classifier=None,
        classified=np.zeros(0, dtype=np.int32),
        constants=np.zeros(0, dtype=np.float32),
        blend=np.asarray(index._USUAL_BLEND, dtype=np.float32),
    )


def _siblings(topic_of: Ints) -> Ints:
    """Groups that share their topic with another, topic by topic."""
    shared = np.flatnonzero(np.bincount(topic_of)[topic_of] > 1)
    return np.asarray(shared[np.argsort(topic_of[shared], kind="stable")], dtype=np.int32)


def _per_feature(raw: "index._Untrained", power: float) -> NDArray[np.float64]:
    weights = index.VIEW_WEIGHTS[raw.corpus.lang]
    return np.concatenate(
        [np.full(len(idf), weight**power) for idf, weight in zip(raw.idf, weights, strict=True)]
    )


def _postings(columns: Matrix, *, cap: bool) -> Postings:
    columns = columns.tocsc()
    starts, documents, weights = columns.indptr, columns.indices, columns.data
    if cap:
        lengths = np.diff(starts)
        keep = np.repeat(lengths <= index._LONGEST_POSTING, lengths)
        documents, weights = documents[keep], weights[keep]
        starts = np.concatenate([[0], np.cumsum(np.where(lengths <= index._LONGEST_POSTING, lengths, 0))])
    return Postings(
        starts.astype(np.int32), documents.astype(np.int32), weights.astype(np.float32), columns.shape[0]
    )


def _row_counts(raw: "index._Untrained", matrix: Matrix) -> Matrix:
    """Groups x features: in how many rows of the group a feature stands."""
    positive = np.flatnonzero(raw.sort != NEGATIVE)
    belongs = sparse.csr_matrix(
        (np.ones(len(positive), dtype=np.float32), (raw.group[positive], positive)),
        shape=(len(raw.corpus.groups), len(raw.texts)),
    )
    present = matrix.copy()
    present.data[:] = 1.0
    return (belongs @ present).tocsr()


def _saturated(counts: Matrix, less: float = 0.0) -> Matrix:
    """BM25's saturation, of counts less so many; no length norm, for a group has as many phrasings as its writer
    had time for.
    """
    found = counts.copy()
    found.data = (found.data - less) * (index._SATURATION + 1) / (found.data - less + index._SATURATION)
    return found


def _texts(raw: "index._Untrained") -> Matrix:
    """Groups x features: whether the group's text has the word (the view of words) or the concept."""
    names = VIEWS[raw.corpus.lang]
    groups: list[int] = []
    columns: list[int] = []
    for number, group in enumerate(raw.corpus.groups):
        if not group.text:
            continue
        reading = raw.lexicon.read(group.text)
        for view, said in (
            (names.index("words"), reading.tokens),
            (names.index("concepts"), reading.concepts),
        ):
            found = {raw.vocabulary[view].get(word) for word in said} - {None}
            groups.extend([number] * len(found))
            columns.extend(raw.offsets[view] + at for at in found if at is not None)
    return sparse.csr_matrix(
        (np.ones(len(groups), dtype=np.float32), (groups, columns)),
        shape=(len(raw.corpus.groups), raw.offsets[-1]),
    )


def _centroid_norms(raw: "index._Untrained", matrix: Matrix, positive: Ints) -> Floats:
    belongs = sparse.csr_matrix(
        (np.ones(len(positive), dtype=np.float32), (raw.group[positive], positive)),
        shape=(len(raw.corpus.groups), len(raw.texts)),
    )
    sums = (belongs @ matrix).tocsr()
    norms = np.sqrt(np.asarray(sums.multiply(sums).sum(axis=1)).ravel())
    return np.asarray(np.maximum(norms, 1e-6), dtype=np.float32)


def _folds(raw: "index._Untrained", engine: Engine) -> list[_Fold]:
    """Each leaves out a quarter of the topics whole, and of the others every fourth phrasing."""
    said = np.flatnonzero(raw.sort != NEGATIVE)
    phrasings = raw.sort == PHRASING
    topic, kinds = engine.topic_of[raw.group], engine.kind_mask[raw.group]
    turn = (np.cumsum(phrasings) - 1) % np.where(kinds, _FOLDS_USED, _FOLDS)
    folds = []
    for number in range(_FOLDS_USED):
        hidden = ~kinds & (topic % _FOLDS == number)
        asked = phrasings & ~hidden & (turn == number)
        folds.append(
            _Fold(
                said[~(hidden | asked)[said]],
                np.flatnonzero(asked).astype(np.int32),
                np.flatnonzero(phrasings & hidden & (turn == number)).astype(np.int32),
            )
        )
    return folds


def _fit(engine: Engine, raw: "index._Untrained", matrix: Matrix, rows: Ints) -> _Fitted:
    """One classifier a topic, then one an article among those of its topic."""
    topic = engine.topic_of[raw.group]
    topics = int(engine.topic_of.max()) + 1
    weights = np.zeros((matrix.shape[1], topics + len(engine.siblings)), dtype=np.float32)
    constants = np.full(topics + len(engine.siblings), -1.0, dtype=np.float32)
    columns, constant, classes = _support_vectors(matrix[rows], topic[rows])
    weights[:, classes], constants[classes] = columns, constant
    among = topic[rows]
    column_of = {int(group): topics + at for at, group in enumerate(engine.siblings)}
    for shared in np.unique(engine.topic_of[engine.siblings]):
        own = rows[among == shared]
        if len(set(raw.group[own].tolist())) > 1:
            columns, constant, classes = _support_vectors(matrix[own], raw.group[own])
            at = [column_of[int(group)] for group in classes]
            weights[:, at], constants[at] = columns, constant
    return _Fitted(weights, constants)


def _support_vectors(matrix: Matrix, labels: Ints) -> tuple[Floats, Floats, Ints]:
    """Weights (features x classes), constants, and the classes; rare classes weigh as much as frequent ones."""
    from sklearn.svm import LinearSVC

    fitted = LinearSVC(C=_COST, tol=_TOLERANCE, class_weight="balanced", random_state=0).fit(matrix, labels)
    weights, constants = fitted.coef_.T, fitted.intercept_
    if len(fitted.classes_) == 2:
        weights, constants = np.concatenate([-weights, weights], axis=1), np.append(-constants, constants)
    return weights, constants, fitted.classes_


def _keep_classifier(raw: "index._Untrained", engine: Engine, features: Ints, fitted: _Fitted) -> None:
    """Into the engine, for questions whose weights carry the view's weight whole."""
    scale = _per_feature(raw, -0.5)[features].astype(np.float32)
    engine.classifier = np.zeros((len(features) + 1, fitted.weights.shape[1]), dtype=np.float16)
    np.multiply(fitted.weights, scale[:, None], out=engine.classifier[1:], casting="same_kind")
    engine.constants = fitted.constants
    engine.classified = np.zeros(raw.offsets[-1], dtype=np.int32)
    engine.classified[features] = np.arange(1, len(features) + 1)


def _hold_out(
    raw: "index._Untrained",
    engine: Engine,
    matrix: Matrix,
    counts: Matrix,
    texts: Matrix,
    folds: Sequence[_Fold],
    decided: Sequence[Floats],
) -> Held:
    """What each fold's classifiers decided of the rows that they had not seen, and all other scores without the
    row's own share in them.
    """
    rows = np.concatenate([part for fold in folds for part in (fold.asked, fold.unheard)])
    scores = np.zeros((len(index.SCORES), len(rows), len(engine.keys)), dtype=np.float32)
    _hold_out_rows(raw, matrix, counts, texts, engine, rows, scores)
    topics = int(engine.topic_of.max()) + 1
    hidden = np.zeros(len(rows), dtype=bool)
    at = 0
    for fold, found in zip(folds, decided, strict=True):
        end = at + len(fold.asked) + len(fold.unheard)
        scores[0, at:end] = found[rows[at:end], :topics][:, engine.topic_of]
        scores[1, at:end] = beside_best(found[rows[at:end], topics:], engine)
        hidden[end - len(fold.unheard) : end] = True
        at = end
    return Held(rows, scores, hidden, _known(raw, engine.topic_of, counts, rows, hidden))


def _hold_out_rows(
    raw: "index._Untrained",
    matrix: Matrix,
    counts: Matrix,
    texts: Matrix,
    engine: Engine,
    rows: Ints,
    scores: Floats,
) -> None:
    """Nearest, centroid, BM25 and text scores of each row, its own contribution taken out."""
    own, numbers = raw.group[rows], np.arange(len(rows))
    others = matrix[engine.positive_rows].T.tocsr()
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        _hold_out_likeness(matrix[rows[part]] @ others, engine, rows[part], own[part], scores[:, part])
    weighted = matrix[rows].copy()
    weighted.data = np.concatenate(raw.idf)[weighted.indices].astype(np.float32)
    totals = np.maximum(np.asarray(weighted.sum(axis=1)).ravel(), 1e-6)
    scores[4] = (weighted @ _saturated(counts).T).toarray() / totals[:, None]
    scores[5] = (weighted @ texts.T).toarray() / totals[:, None]
    once = _saturated(counts[own].multiply(matrix[rows] > 0).tocsr(), less=1.0)
    scores[4, numbers, own] = np.asarray(once.multiply(weighted).sum(axis=1)).ravel() / totals


def _hold_out_likeness(similar: Matrix, engine: Engine, rows: Ints, own: Ints, scores: Floats) -> None:
    """Nearest and centroid of some rows from their likeness to all rows that may answer."""
    similar = similar.toarray()
    sums = np.add.reduceat(similar, engine.group_starts, axis=1)
    at, numbers = np.searchsorted(engine.positive_rows, rows), np.arange(len(rows))
    itself = similar[numbers, at].copy()
    scores[3] = sums / engine.centroid_norm
    rest = sums[numbers, own] - itself
    norm = engine.centroid_norm[own] ** 2 - 2 * rest - itself
    scores[3, numbers, own] = rest / np.sqrt(np.maximum(norm, 1e-6))
    similar[numbers, at] = 0.0
    scores[2] = np.maximum.reduceat(similar, engine.group_starts, axis=1)


def _known(
    raw: "index._Untrained", topic_of: Ints, counts: Matrix, rows: Ints, hidden: NDArray[np.bool_]
) -> Floats:
    """For each row, the share of its words' weight that other rows know too; of a hidden one, those of other topics."""
    view = VIEWS[raw.corpus.lang].index("words")
    bag_of = np.repeat(np.arange(raw.lengths.size, dtype=np.int32), raw.lengths.ravel())
    words = bag_of % len(raw.idf) == view
    row_of, features = bag_of[words] // len(raw.idf), raw.features[words]
    weights = _weights(raw)[words] ** 2
    in_rows = np.asarray(counts.sum(axis=0)).ravel()
    total = np.bincount(row_of, weights=weights, minlength=len(raw.lengths))
    by_others = np.bincount(row_of, weights=weights * (in_rows[features] > 1), minlength=len(raw.lengths))
    alone = _sole_topics(topic_of, counts)[features] == topic_of[raw.group][row_of]
    by_topics = np.bincount(row_of, weights=weights * ~alone, minlength=len(raw.lengths))
    known = np.where(hidden, by_topics[rows], by_others[rows])
    return np.asarray(known / np.where(total > 0, total, 1.0)[rows], dtype=np.float32)


def _sole_topics(topic_of: Ints, counts: Matrix) -> Ints:
    """For each feature the only topic that has it; -1 where several do."""
    topics = sparse.csr_matrix((np.ones(len(topic_of)), (topic_of, np.arange(len(topic_of)))))
    members = (topics @ counts).tocsc()
    found = np.full(members.shape[1], -1, dtype=np.int32)
    sole = np.diff(members.indptr) == 1
    found[sole] = members.indices[members.indptr[:-1][sole]]
    return found


def _fit_blend(engine: Engine, held: Held) -> Floats:
    """Weights that make the right topic the most probable one among all, by maximum likelihood, none
    negative.
    """
    firmness = _PULL if engine.kind_mask.any() else _PULL_IF_PLAIN
    heard = ~held.hidden
    own = engine.row_group[held.rows[heard]]
    features = np.moveaxis(held.scores[:, heard], 0, 2).astype(np.float64)
    right = engine.topic_of[None, :] == engine.topic_of[own][:, None]
    exact = np.zeros_like(right)
    exact[np.arange(len(own)), own] = True

    def loss(weights: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        scores = features @ weights
        scores -= scores.max(axis=1, keepdims=True)
        shares = np.exp(scores)
        shares /= shares.sum(axis=1, keepdims=True)
        value, slope = 0.0, np.zeros(len(weights))
        for target, part in ((right, 0.8), (exact, 0.2)):
            inside = np.maximum((shares * target).sum(axis=1), 1e-12)
            pulled = shares * target / inside[:, None] - shares
            value -= part * float(np.log(inside).mean())
            slope -= part * np.einsum("ij,ijk->k", pulled, features) / len(own)
        usual = np.asarray(index._USUAL_BLEND)
        pull = weights - usual
        return value + firmness * float(pull @ pull), slope + 2 * firmness * pull

    start = np.asarray(index._USUAL_BLEND, dtype=np.float64)
    bounds = [(0.0, 40.0)] * len(start)
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60})
    return np.asarray(fitted.x, dtype=np.float32)
