"""Questions that mean the same, put together: by the search's own features, whatever the order they came in.

Two questions are alike when the views of the search (characters, words, sounds, pairs, concepts) agree. The likest
pairs are joined first, and two groups only where their questions are alike on the whole: a chain of questions, each a
little like the next, is no group. Each weight depends on the index alone.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

from knowledge.features import VIEWS, views
from knowledge.index import VIEW_WEIGHTS, Engine

# Two groups are one where the mean likeness of their questions is at least this share of what makes a pair alike.
_ON_THE_WHOLE = 0.7

Weights = Mapping[tuple[int, str], float]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to be grouped. ``key`` tells it from the others and orders equals."""

    key: int
    text: str


def weights(engine: Engine, text: str) -> Weights:
    """(view, feature) -> weight; the squares of a text's weights sum to at most 1.

    A word that the index does not know weighs as much as its rarest: what nobody wrote an article about is what
    unanswered questions are about.
    """
    found: dict[tuple[int, str], float] = {}
    for view, bag in enumerate(views(engine.lexicon, text)):
        known, idf = engine.vocabulary[view], engine.idf[view]
        weighed = {
            feature: (1.0 + log(count) if count >= 1 else count) * float(idf[known.get(feature, -1)])
            for feature, count in bag.items()
        }
        length = sum(weight * weight for weight in weighed.values()) ** 0.5
        share = VIEW_WEIGHTS[engine.lang][view] ** 0.5
        found.update({(view, feature): share * weight / length for feature, weight in weighed.items()})
    return found


def likeness(one: Weights, other: Weights) -> float:
    """0 to 1: the cosines of the views, blended as the search blends them."""
    small, large = sorted((one, other), key=len)
    return sum(weight * large[feature] for feature, weight in small.items() if feature in large)


def grouped(engine: Engine, questions: Sequence[Asked], alike: float) -> tuple[tuple[int, ...], ...]:
    """The keys of each group in order, groups by their first key; alone where nothing is alike."""
    ordered = sorted(questions, key=lambda asked: asked.key)
    weighed = [weights(engine, asked.text) for asked in ordered]
    group_of = [[at] for at in range(len(ordered))]
    for _, one, other in sorted(_pairs(engine, weighed, alike)):
        left, right = group_of[one], group_of[other]
        if left is right or _mean(weighed, left, right) < _ON_THE_WHOLE * alike:
            continue
        joined = sorted((*left, *right))
        for at in joined:
            group_of[at] = joined
    groups = {group[0]: group for group in group_of}
    return tuple(tuple(ordered[at].key for at in group) for _, group in sorted(groups.items()))


def _pairs(engine: Engine, weighed: Sequence[Weights], alike: float) -> Iterator[tuple[float, int, int]]:
    """(-likeness, one, other) of the pairs that are alike; only those with a word in common are compared."""
    words = VIEWS[engine.lang].index("words")
    holders: dict[tuple[int, str], list[int]] = defaultdict(list)
    for at, one in enumerate(weighed):
        near = {other for feature in one if feature[0] == words for other in holders[feature]}
        for other in near:
            value = likeness(weighed[other], one)
            if value >= alike:
                yield -value, other, at
        for feature in one:
            holders[feature].append(at)


def _mean(weighed: Sequence[Weights], left: Sequence[int], right: Sequence[int]) -> float:
    """The likeness of two groups: of each question of one with each of the other, on average."""
    total = sum(likeness(weighed[one], weighed[other]) for one in left for other in right)
    return total / (len(left) * len(right))
