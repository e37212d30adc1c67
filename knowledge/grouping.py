"""Questions that mean the same, put together: by the search's own features, whatever the order they came in.

Two questions are alike when the views of the search (characters, words, sounds, pairs, concepts) agree; a group is
what hangs together by likeness. Each weight depends on the index alone, so one more question never pulls a group
apart: it joins one, joins two into one, or begins its own.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from knowledge.features import VIEWS, views
from knowledge.index import VIEW_WEIGHTS, Engine

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
    holders: dict[tuple[int, str], list[int]] = defaultdict(list)
    for at, one in enumerate(weighed):
        for feature in one:
            holders[feature].append(at)
    root = list(range(len(ordered)))
    words = VIEWS[engine.lang].index("words")
    for at, one in enumerate(weighed):
        near = {other for f in one if f[0] == words for other in holders[f] if other > at}
        for other in sorted(near):
            if _root(root, at) != _root(root, other) and likeness(one, weighed[other]) >= alike:
                root[max(_root(root, at), _root(root, other))] = min(_root(root, at), _root(root, other))
    groups: dict[int, list[int]] = defaultdict(list)
    for at, asked in enumerate(ordered):
        groups[_root(root, at)].append(asked.key)
    return tuple(tuple(keys) for _, keys in sorted(groups.items()))


def _root(root: list[int], at: int) -> int:
    while root[at] != at:
        root[at] = root[root[at]]
        at = root[at]
    return at
