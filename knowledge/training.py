"""Fits what the search needs: matrices, classifiers, the blend of scores, confidence. Runs when an index is
built.
"""

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lapack
from scipy.optimize import minimize

from knowledge import index
from knowledge.confidence import fit_confidence, fit_kinds
from knowledge.features import VIEWS, bags
from knowledge.index import NEGATIVE, PHRASING, Engine, Floats, Ints, Postings

# How strongly the fitted blend keeps to the usual one: phrasings left out are no fair sample of what clients ask.
_PULL = 2e-3

Matrix = Any
"""A scipy sparse matrix (the package has no types)."""


@dataclass(slots=True)
class Held:
    """Scores of every phrasing as if it were not in the index, and as if its whole topic were not."""

    rows: Ints
    scores: Floats
    without_topic: Floats
    known: Floats


def train(raw: "index._Untrained") -> Engine:
    """The engine from rows and vocabulary."""
    matrix = _row_matrix(raw)
    counts, texts = _saturated(_row_counts(raw, matrix)), _texts(raw)
    engine = _assemble(raw, matrix, counts, texts)
    if len(raw.texts) > index._MOST_ROWS_CLASSIFIED:
        _classify_large(raw, matrix, engine)
        return engine
    held = _classify(raw, matrix, texts, engine)
    if len(held.rows) >= index._FEWEST_ROWS_FITTED and len(set(engine.topics)) > 5:
        engine.blend = _fit_blend(engine, held)
        engine.confidence = fit_confidence(engine, held) | {"kinds": fit_kinds(engine, held)}
    return engine


def _row_matrix(raw: "index._Untrained") -> Matrix:
    """Rows x features: unit length in each view, times the square root of the view's weight."""
    columns: list[int] = []
    counts: list[float] = []
    lengths: list[int] = []
    unknown = np.zeros((len(raw.row_bags), len(raw.idf)))
    for row, views in enumerate(raw.row_bags):
        for view, bag in enumerate(views):
            vocabulary, offset = raw.vocabulary[view], raw.offsets[view]
            before = len(columns)
            for feature, count in bag.items():
                number = vocabulary.get(feature)
                if number is None:
                    unknown[row, view] += (_frequency(count) * float(raw.idf[view][-1])) ** 2
                else:
                    columns.append(offset + number)
                    counts.append(count)
            lengths.append(len(columns) - before)
    column, count_of = np.asarray(columns, dtype=np.int32), np.asarray(counts)
    weights = (
        np.where(count_of >= 1, 1 + np.log(np.maximum(count_of, 1)), count_of)
        * np.concatenate(raw.idf)[column]
    )
    segment = np.repeat(np.arange(len(lengths)), lengths)
    squares = np.bincount(segment, weights=weights**2, minlength=len(lengths)) + unknown.ravel()
    view_scale = np.sqrt(np.tile(index.VIEW_WEIGHTS[raw.corpus.lang], len(raw.row_bags)))
    scale = view_scale / np.sqrt(np.maximum(squares, 1e-12))
    starts = np.concatenate([[0], np.cumsum(np.asarray(lengths).reshape(len(raw.row_bags), -1).sum(axis=1))])
    return sparse.csr_matrix(
        ((weights * scale[segment]).astype(np.float32), column, starts),
        shape=(len(raw.row_bags), raw.offsets[-1]),
    )


def _frequency(count: float) -> float:
    """A feature said twice weighs little more than one said once; one that was only appended weighs less."""
    return 1.0 + log(count) if count >= 1 else count


def _assemble(raw: "index._Untrained", matrix: Matrix, counts: Matrix, texts: Matrix) -> Engine:
    groups = raw.corpus.groups
    positive = np.flatnonzero(raw.sort != NEGATIVE).astype(np.int32)
    # A question's weights carry the view's weight whole, a row's its square root: the product must hold it once.
    row_weights = matrix @ sparse.diags(_per_feature(raw, -0.5))
    topics = sorted({g.topic for g in groups})
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
        vocabulary=tuple(raw.vocabulary),
        idf=tuple(raw.idf),
        offsets=tuple(raw.offsets),
        rows=_postings(row_weights.tocsc(), cap=len(raw.texts) > index._MOST_ROWS_CLASSIFIED),
        bm25=_postings(counts),
        text=_postings(texts),
        centroid_norm=_centroid_norms(raw, matrix, positive),
        topic_of=np.asarray([topics.index(g.topic) for g in groups], dtype=np.int32),
        kind_mask=np.asarray([g.is_kind for g in groups]),
        classifier=None,
        blend=np.asarray(index._USUAL_BLEND, dtype=np.float32),
    )


def _per_feature(raw: "index._Untrained", power: float) -> NDArray[np.float64]:
    weights = index.VIEW_WEIGHTS[raw.corpus.lang]
    return np.concatenate(
        [np.full(len(idf), weight**power) for idf, weight in zip(raw.idf, weights, strict=True)]
    )


def _postings(columns: Matrix, *, cap: bool = False) -> Postings:
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


def _saturated(counts: Matrix) -> Matrix:
    """BM25's saturation; no length norm, for a group has as many phrasings as its writer had time for."""
    found = counts.copy()
    found.data = found.data * (index._SATURATION + 1) / (found.data + index._SATURATION)
    return found


def _texts(raw: "index._Untrained") -> Matrix:
    """Groups x features: whether the group's text has the word (the view of words) or the concept."""
    names = VIEWS[raw.corpus.lang]
    used = [names.index("words"), names.index("concepts")]
    groups, columns = [], []
    for number, group in enumerate(raw.corpus.groups):
        if not group.text:
            continue
        found = bags(raw.corpus.lang, raw.lexicon.read(group.text), raw.lexicon)
        for view in used:
            for feature in found[view]:
                at = raw.vocabulary[view].get(feature)
                if at is not None and "|" not in feature:
                    groups.append(number)
                    columns.append(raw.offsets[view] + at)
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


def _classify(raw: "index._Untrained", matrix: Matrix, texts: Matrix, engine: Engine) -> Held:
    """Kernel ridge by topic and by article, into the engine; the exact leave-one-out scores back."""
    kernel = (matrix @ matrix.T).toarray()
    size, groups = len(raw.texts), len(engine.keys)
    by_article = np.zeros((size, groups), dtype=np.float32)
    by_topic = np.zeros((size, int(engine.topic_of.max()) + 1), dtype=np.float32)
    for row in range(size):
        said = raw.sort[row] != NEGATIVE
        by_article[row, raw.group[row]] = 1.0 if said else -1.0
        if said:
            by_topic[row, engine.topic_of[raw.group[row]]] = 1.0
    inverse = _inverse(kernel)
    topic_weights, article_weights = inverse @ by_topic, inverse @ by_article
    per_row = matrix @ sparse.diags(_per_feature(raw, -0.5).astype(np.float32))
    folded = per_row.T @ np.concatenate([topic_weights, article_weights], axis=1)
    engine.classifier = np.asarray(folded, dtype=np.float16)
    rows = np.flatnonzero(raw.sort == PHRASING).astype(np.int32)
    diagonal = np.diag(inverse)[:, None]
    alone_topic = (by_topic - topic_weights / diagonal)[rows]
    alone_article = (by_article - article_weights / diagonal)[rows]
    scores = np.zeros((len(index.SCORES), len(rows), groups), dtype=np.float32)
    scores[0] = alone_topic[:, engine.topic_of]
    scores[1] = alone_article
    _hold_out_rows(raw, matrix, texts, engine, kernel, rows, scores)
    hidden = scores.copy()
    _hide_topics(raw, engine, inverse, by_topic, by_article, topic_weights, article_weights, rows, hidden)
    return Held(rows, scores, hidden, _known(raw, engine, rows))


def _classify_large(raw: "index._Untrained", matrix: Matrix, engine: Engine) -> None:
    """Linear support vectors by topic where there are many phrasings of few topics; else the search by
    likeness alone.

    Rows by the thousand make the exact method too dear; many phrasings make leaving one out needless.
    """
    rows = np.flatnonzero(raw.sort != NEGATIVE)
    topic = engine.topic_of[raw.group[rows]]
    if len(rows) < index._ROWS_A_TOPIC * (int(topic.max()) + 1):
        engine.blend = np.asarray(index._UNCLASSIFIED_BLEND, dtype=np.float32)
        return
    from sklearn.svm import LinearSVC

    fitted = LinearSVC(C=1.5, dual=True).fit(matrix[rows] * index._SVC_SCALE, topic)
    weights = np.zeros((int(topic.max()) + 1, matrix.shape[1]))
    weights[fitted.classes_] = (
        fitted.coef_ if len(fitted.classes_) > 2 else np.concatenate([-fitted.coef_, fitted.coef_])
    )
    per_feature = weights * _per_feature(raw, -0.5) * index._SVC_SCALE
    by_article = np.zeros((len(engine.keys), matrix.shape[1]))
    engine.classifier = np.concatenate([per_feature, by_article]).T.astype(np.float16)
    engine.blend = np.asarray(index._SUPPORT_VECTOR_BLEND, dtype=np.float32)


def _inverse(kernel: NDArray[Any]) -> NDArray[Any]:
    """Inverse of the kernel plus the ridge, by Cholesky in single precision (the ridge keeps it well
    conditioned).
    """
    ridged = kernel.copy(order="F")
    ridged[np.diag_indices(len(ridged))] += index._RIDGE
    factor, failed = lapack.spotrf(ridged, lower=1, overwrite_a=1)
    if failed:
        return np.asarray(np.linalg.inv(kernel + index._RIDGE * np.eye(len(kernel))), dtype=np.float32)
    lower, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    return np.asarray(np.tril(lower) + np.tril(lower, -1).T)


def _hold_out_rows(
    raw: "index._Untrained",
    matrix: Matrix,
    texts: Matrix,
    engine: Engine,
    kernel: NDArray[Any],
    rows: Ints,
    scores: Floats,
) -> None:
    """Nearest, centroid, BM25 and text scores of each row, its own contribution taken out."""
    own = raw.group[rows]
    similar = kernel[np.ix_(rows, engine.positive_rows)].astype(np.float32)
    sums = np.add.reduceat(similar, engine.group_starts, axis=1)
    at = np.searchsorted(engine.positive_rows, rows)
    numbers = np.arange(len(rows))
    itself = similar[numbers, at].copy()
    scores[3] = sums / engine.centroid_norm
    rest = sums[numbers, own] - itself
    norm = engine.centroid_norm[own] ** 2 - 2 * rest - itself
    scores[3, numbers, own] = rest / np.sqrt(np.maximum(norm, 1e-6))
    similar[numbers, at] = 0.0
    scores[2] = np.maximum.reduceat(similar, engine.group_starts, axis=1)
    counts = _row_counts(raw, matrix)
    idf = np.concatenate(raw.idf)
    weighted = matrix[rows].copy()
    weighted.data = idf[weighted.indices].astype(np.float32)
    totals = np.maximum(np.asarray(weighted.sum(axis=1)).ravel(), 1e-6)
    scores[4] = np.asarray((weighted @ _saturated(counts).T).todense()) / totals[:, None]
    scores[5] = np.asarray((weighted @ texts.T).todense()) / totals[:, None]
    for group in np.unique(own):
        in_group = np.asarray(counts[int(group)].todense()).ravel()
        for number in np.flatnonzero(own == group):
            span = slice(weighted.indptr[number], weighted.indptr[number + 1])
            tf = in_group[weighted.indices[span]] - 1.0
            saturated = tf * (index._SATURATION + 1) / (tf + index._SATURATION)
            scores[4, number, group] = float(saturated @ weighted.data[span]) / totals[number]


def _hide_topics(
    raw: "index._Untrained",
    engine: Engine,
    inverse: NDArray[Any],
    by_topic: NDArray[Any],
    by_article: NDArray[Any],
    topic_weights: NDArray[Any],
    article_weights: NDArray[Any],
    rows: Ints,
    scores: Floats,
) -> None:
    """The classifiers' predictions for a row when no row of its topic was ever there (block inverse)."""
    topic_of_row = engine.topic_of[raw.group]
    for topic in range(by_topic.shape[1]):
        block = np.flatnonzero(topic_of_row == topic)
        asked = np.flatnonzero(np.isin(rows, block))
        if not len(asked):
            continue
        solved = np.linalg.inv(inverse[np.ix_(block, block)])
        place = np.searchsorted(block, rows[asked])
        hidden_topic = by_topic[block] - solved @ topic_weights[block]
        hidden_article = by_article[block] - solved @ article_weights[block]
        scores[0, asked] = hidden_topic[place][:, engine.topic_of]
        scores[1, asked] = hidden_article[place]


def _known(raw: "index._Untrained", engine: Engine, rows: Ints) -> Floats:
    """For each row, the share of its words' weight that other rows know too."""
    view = VIEWS[engine.lang].index("words")
    vocabulary, idf = raw.vocabulary[view], raw.idf[view]
    once = float(idf[-1]) - 1e-5
    found = np.zeros(len(rows), dtype=np.float32)
    for number, row in enumerate(rows):
        known = total = 0.0
        for feature, count in raw.row_bags[row][view].items():
            rarity = float(idf[vocabulary[feature]])
            weight = (_frequency(count) * rarity) ** 2
            total += weight
            known += 0.0 if rarity >= once else weight
        found[number] = known / (total or 1.0)
    return found


def _fit_blend(engine: Engine, held: Held) -> Floats:
    """Weights that make the right topic the most probable one among all, by maximum likelihood, none
    negative.
    """
    own = engine.row_group[held.rows]
    features = np.moveaxis(held.scores, 0, 2).astype(np.float64)
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
        return value + _PULL * float(pull @ pull), slope + 2 * _PULL * pull

    start = np.asarray(index._USUAL_BLEND, dtype=np.float64)
    bounds = [(0.0, 40.0)] * len(start)
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60})
    return np.asarray(fitted.x, dtype=np.float32)
