"""The search: from a text to scored groups (articles, and kinds of questions that are no article's).

``build_engine`` makes it from a ``Corpus``; ``Engine.search`` asks it. Six scores a group are blended:

- linear support vectors over all phrasings, one classifier a topic; where a topic has several articles, another
that tells these apart;
- the best phrasing's similarity (less what a phrasing that must not land here comes closer), the similarity to the
article's centroid;
- BM25 over the article (title, phrasings, keywords), and over the words of its text.

The blend's weights are fitted when the index is built, on phrasings that were held out. Question time needs numpy
only.
"""

import itertools
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.features import VIEWS, Bag, bags
from knowledge.lexicon import Lexicon, Reading, build_lexicon

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Mask = NDArray[np.bool_]

SCORES = ("topic", "article", "nearest", "centroid", "bm25", "text")
VIEW_WEIGHTS: Mapping[str, tuple[float, ...]] = {
    "zh": (0.29, 0.15, 0.27, 0.14, 0.15),
    "en": (0.45, 0.3, 0.18, 0.07),
}
# The blend where a library is too small to fit it, and where there is no classifier.
_USUAL_BLEND = (1.5, 1.5, 2.0, 0.7, 5.0, 0.8)
_UNCLASSIFIED_BLEND = (0.0, 0.0, 9.0, 5.0, 6.0, 0.5)
# Below 1: a rare turn of phrase (几天能办好) must not outweigh the subject (销户).
_RARITY = 0.5
_SATURATION = 1.2
# How much what must not land here counts against a group, for each bit that it is closer than the phrasings.
_REFUSAL = 3.0
# In a large library a feature that so many rows or groups share tells nothing and costs time.
_MANY_ROWS = 20_000
_LONGEST_POSTING = 1_000

PHRASING, TITLE, KEYWORDS, NEGATIVE = range(4)


@dataclass(frozen=True, slots=True)
class Group:
    """What a question can land on: an article (``topic`` is its slug), or a kind (``topic`` is
    ``kind:advice``).
    """

    key: str
    topic: str
    title: str
    phrasings: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()
    text: str = ""

    @property
    def is_kind(self) -> bool:
        return self.topic.startswith("kind:")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything that an index is made from, of one language."""

    lang: str
    groups: tuple[Group, ...]
    synonyms: Mapping[str, Any]
    terms: tuple[str, ...] = ()
    traditional: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Postings:
    """Feature -> documents and weights, as three flat arrays."""

    starts: Ints
    documents: Ints
    weights: Floats
    size: int

    def sums(self, features: Sequence[int], factors: Sequence[float]) -> Floats:
        """Sum of factor x weight over the features, for each document."""
        if not features:
            return np.zeros(self.size, dtype=np.float32)
        first, last = self.starts[features], self.starts[np.asarray(features) + 1]
        spans = [slice(*span) for span in zip(first.tolist(), last.tolist(), strict=True)]
        # In the types that bincount adds up in: it would copy any others.
        documents = np.concatenate([self.documents[s] for s in spans], dtype=np.intp)
        weights = np.concatenate([self.weights[s] for s in spans], dtype=np.float64)
        weights *= np.repeat(np.asarray(factors, dtype=np.float64), last - first)
        return np.bincount(documents, weights=weights, minlength=self.size).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Found:
    """A search: the scores of each group, their blend, and how much of the question the index knows."""

    reading: Reading
    scores: Floats
    blend: Floats
    similarities: Floats
    known: float


@dataclass(slots=True)
class Engine:
    """The index of one language. Plain arrays and dictionaries: kept in the cache file as they are.

    ``classifier`` is rows of features (``classified``: which, 0 for none) x (topics, then the groups of ``siblings``: those that share their topic with
    another, by topic), in half precision: a third decimal decides nothing. None in a library of too many topics for it.
    """

    lang: str
    lexicon: Lexicon
    keys: tuple[str, ...]
    topics: tuple[str, ...]
    titles: tuple[str, ...]
    row_texts: tuple[str, ...]
    row_group: Ints
    row_sort: Ints
    group_starts: Ints
    positive_rows: Ints
    negative_rows: Ints
    vocabulary: tuple[dict[str, int], ...]
    idf: tuple[Floats, ...]
    offsets: tuple[int, ...]
    rows: Postings
    bm25: Postings
    text: Postings
    centroid_norm: Floats
    topic_of: Ints
    kind_mask: Mask
    siblings: Ints
    classifier: NDArray[np.float16] | None
    classified: Ints
    constants: Floats
    blend: Floats
    confidence: "dict[str, Any]" = field(default_factory=dict)

    def search(self, q: str) -> Found:
        """Score every group against a question."""
        return self.search_reading(self.lexicon.read(q))

    def search_reading(self, reading: Reading) -> Found:
        features, factors, idfs, known = self._weigh(bags(self.lang, reading, self.lexicon))
        similarities = self.rows.sums(features, factors)
        scores = np.zeros((len(SCORES), len(self.keys)), dtype=np.float32)
        if self.classifier is not None:
            weights = np.asarray(factors, dtype=np.float32)
            decided = weights @ self.classifier[self.classified[features]].astype(np.float32) + self.constants
            scores[0] = decided[: len(decided) - len(self.siblings)][self.topic_of]
            scores[1] = beside_best(decided[len(decided) - len(self.siblings) :][None], self)[0]
        self._row_scores(similarities, scores)
        total = sum(idfs) or 1.0
        scores[4] = self.bm25.sums(features, idfs) / total
        scores[5] = self.text.sums(features, idfs) / total
        return Found(reading, scores, self.blend @ scores, similarities, known)

    def _row_scores(self, similarities: Floats, scores: Floats) -> None:
        own = similarities[self.positive_rows]
        nearest = np.maximum.reduceat(own, self.group_starts)
        scores[3] = np.add.reduceat(own, self.group_starts) / self.centroid_norm
        refused = np.zeros(len(self.keys), dtype=np.float32)
        np.maximum.at(refused, self.row_group[self.negative_rows], similarities[self.negative_rows])
        scores[2] = nearest - _REFUSAL * np.maximum(refused - nearest, 0.0)

    def _weigh(self, found: Sequence[Bag]) -> tuple[list[int], list[float], list[float], float]:
        """Known features, their weight (idf, unit length in each view, times the view's weight), their idf,
        and the share of the words' weight that is known.
        """
        features: list[int] = []
        factors: list[float] = []
        idfs: list[float] = []
        known, word_view = 0.0, VIEWS[self.lang].index("words")
        for view, bag in enumerate(found):
            vocabulary, idf, offset = self.vocabulary[view], self.idf[view], self.offsets[view]
            rare = float(idf[-1])
            squares = 0.0
            at = len(features)
            for feature, count in bag.items():
                number = vocabulary.get(feature)
                frequency = 1.0 + log(count) if count >= 1 else count
                weight = frequency * (rare if number is None else float(idf[number]))
                squares += weight * weight
                if number is not None:
                    features.append(offset + number)
                    factors.append(weight)
                    idfs.append(weight)
            scale = VIEW_WEIGHTS[self.lang][view] / (squares**0.5 or 1.0)
            if view == word_view:
                known = sum(f * f for f in factors[at:]) / (squares or 1.0)
            factors[at:] = [f * scale for f in factors[at:]]
        return features, factors, idfs, known

    def phrasings(self) -> dict[str, frozenset[str]]:
        """Key of each group -> its phrasings."""
        found: dict[str, set[str]] = {key: set() for key in self.keys}
        for text, group, sort in zip(self.row_texts, self.row_group, self.row_sort, strict=True):
            if sort == PHRASING:
                found[self.keys[group]].add(text)
        return {key: frozenset(texts) for key, texts in found.items()}

    def nearest(self, found: Found, group: int, count: int = 3) -> list[tuple[str, float]]:
        """The phrasings of a group that lie closest, for the explanation to staff."""
        rows = np.flatnonzero(self.row_group == group)
        best = rows[np.argsort(-found.similarities[rows])[:count]]
        return [(self.row_texts[r], float(found.similarities[r])) for r in best]


def beside_best(decided: Floats, engine: Engine) -> Floats:
    """Decisions between articles of one topic (questions x ``siblings``), less the best of each topic: 0 for that
    one, below 0 for the others; questions x groups.
    """
    scores = np.zeros((len(decided), len(engine.keys)), dtype=np.float32)
    if not len(engine.siblings):
        return scores
    topics = engine.topic_of[engine.siblings]
    starts = np.flatnonzero(np.diff(topics, prepend=-1))
    best = np.maximum.reduceat(decided, starts, axis=1)
    scores[:, engine.siblings] = decided - np.repeat(best, np.diff(starts, append=len(topics)), axis=1)
    return scores


def build_engine(corpus: Corpus) -> Engine:
    """Build the index of one language; about four seconds for a hundred articles."""
    from knowledge.training import train

    terms = (*corpus.terms, *(w for g in corpus.groups for w in g.keywords))
    lexicon = build_lexicon(corpus.lang, corpus.synonyms, terms, corpus.traditional)
    return train(_Untrained.of(corpus, lexicon))


@dataclass(frozen=True, slots=True)
class _Untrained:
    """Rows and vocabulary before anything is fitted.

    Bags lie one after another, each row's views in their order: ``lengths`` is rows x views, ``features`` and
    ``counts`` hold their members (a feature is -1 where no row that may answer has it).
    """

    corpus: Corpus
    lexicon: Lexicon
    texts: list[str]
    group: Ints
    sort: Ints
    features: Ints
    counts: Floats
    lengths: Ints
    vocabulary: list[dict[str, int]]
    idf: list[Floats]
    offsets: list[int]

    @classmethod
    def of(cls, corpus: Corpus, lexicon: Lexicon) -> "_Untrained":
        texts: list[str] = []
        group: list[int] = []
        sort: list[int] = []
        for number, one in enumerate(corpus.groups):
            for kind, lines in (
                (PHRASING, one.phrasings),
                (TITLE, () if one.is_kind else (one.title,)),
                (KEYWORDS, (" ".join(one.keywords),) if one.keywords else ()),
                (NEGATIVE, one.not_for),
            ):
                texts.extend(lines)
                group.extend([number] * len(lines))
                sort.extend([kind] * len(lines))
        sorts = np.asarray(sort, dtype=np.int32)
        seen, features, counts, lengths = _read_rows(corpus.lang, lexicon, texts)
        vocabulary, idf, offsets = _number(seen, features, lengths, sorts != NEGATIVE)
        return cls(
            corpus,
            lexicon,
            texts,
            np.asarray(group, dtype=np.int32),
            sorts,
            features,
            counts,
            lengths,
            vocabulary,
            idf,
            offsets,
        )


def _read_rows(
    lang: str, lexicon: Lexicon, texts: Iterable[str]
) -> tuple[list[dict[str, int]], Ints, Floats, Ints]:
    """Bags of all rows, features numbered view by view as they come; what the rows say teaches the lexicon."""
    seen: list[defaultdict[str, int]] = [defaultdict(itertools.count().__next__) for _ in VIEWS[lang]]
    features, counts, lengths = array("i"), array("f"), array("i")
    said: Counter[str] = Counter()
    for text in texts:
        reading = lexicon.read(text)
        said.update(reading.tokens)
        for numbers, bag in zip(seen, bags(lang, reading, lexicon), strict=True):
            features.extend(map(numbers.__getitem__, bag))
            counts.extend(bag.values())
            lengths.append(len(bag))
    if lang == "zh":
        lexicon.hear(said)
    return (
        [dict(numbers) for numbers in seen],
        np.frombuffer(features, dtype=np.int32).copy(),
        np.frombuffer(counts, dtype=np.float32),
        np.frombuffer(lengths, dtype=np.int32).reshape(-1, len(seen)),
    )


def _number(
    seen: Sequence[dict[str, int]], features: Ints, lengths: Ints, positive: Mask
) -> tuple[list[dict[str, int]], list[Floats], list[int]]:
    """Vocabulary, idf and first number of each view; ``features`` are renumbered in place over all views.

    One more idf at the end of each view stands for what is unknown.
    """
    rows = int(positive.sum())
    vocabulary: list[dict[str, int]] = []
    idf: list[Floats] = []
    offsets = [0]
    views = np.repeat(np.tile(np.arange(len(seen), dtype=np.int8), len(lengths)), lengths.ravel())
    counted = np.repeat(positive, lengths.sum(axis=1))
    for view, numbers in enumerate(seen):
        here = views == view
        frequency = np.bincount(features[here & counted], minlength=len(numbers))
        kept = frequency > 0
        renumbered = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
        local = renumbered[features[here]]
        features[here] = np.where(local < 0, -1, local + offsets[-1])
        found = renumbered.tolist()
        vocabulary.append({feature: found[at] for feature, at in numbers.items() if found[at] >= 0})
        rarity = np.log(1 + rows / np.append(frequency[kept], 1)) ** _RARITY
        idf.append(rarity.astype(np.float32))
        offsets.append(offsets[-1] + len(rarity))
    return vocabulary, idf, offsets
