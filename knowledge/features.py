"""Views of a text: bags of features in which questions and phrasings are compared.

Chinese: characters 1-3, words, pinyin syllables 1-3, unordered word pairs, concepts. English: characters 2-5
within word bounds, words 1-2, unordered pairs within six words, concepts.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from operator import add

from knowledge.lexicon import Lexicon, Reading

VIEWS: dict[str, tuple[str, ...]] = {
    "zh": ("characters", "words", "pinyin", "pairs", "concepts"),
    "en": ("characters", "words", "pairs", "concepts"),
}
# What was appended weighs less than what was said.
_APPENDED = 0.6
_PAIRED_WORDS = 14
_NEAR = 6

Bag = Mapping[str, float]


def views(lexicon: Lexicon, text: str) -> tuple[Bag, ...]:
    """One bag a view, in the order of ``VIEWS``."""
    return bags(lexicon.lang, lexicon.read(text), lexicon)


def bags(lang: str, reading: Reading, lexicon: Lexicon) -> tuple[Bag, ...]:
    """The bags of a text that was read already."""
    if lang == "zh":
        return (
            _with(_grams(reading.text), (_grams(term) for term in reading.appended)),
            _with(Counter(reading.tokens), (Counter((term,)) for term in reading.appended)),
            _with(
                _syllable_grams(reading.syllables),
                (_syllable_grams(lexicon.pinyin(term)) for term in reading.appended),
            ),
            Counter(_pairs(_content(reading), _PAIRED_WORDS)),
            _concepts(reading),
        )
    return (
        Counter(_word_grams(reading.tokens)),
        Counter(
            (
                *reading.tokens,
                *(" ".join(two) for two in zip(reading.tokens, reading.tokens[1:], strict=False)),
            )
        ),
        Counter(_pairs(reading.tokens, _NEAR)),
        _concepts(reading),
    )


def _with(bag: Counter[str], more: Iterator[Counter[str]]) -> Bag:
    found: dict[str, float] = dict(bag)
    for one in more:
        for feature, count in one.items():
            if feature not in bag:
                found[feature] = _APPENDED * count
    return found


def _content(reading: Reading) -> Sequence[str]:
    """Words that can meet in a pair: the said ones of two characters or more, and the concepts."""
    return tuple(
        dict.fromkeys((*(t for t in reading.tokens if len(t) > 1 or t.isdigit()), *reading.concepts))
    )


def _concepts(reading: Reading) -> Bag:
    found: dict[str, float] = dict.fromkeys(reading.concepts, 1.0)
    for pair in _pairs(reading.concepts, _PAIRED_WORDS):
        found[pair] = 1.0
    return found


def _pairs(words: Sequence[str], near: int) -> Iterator[str]:
    for at, word in enumerate(words):
        for other in words[at + 1 : at + 1 + near]:
            if word != other:
                yield f"{word}|{other}" if word < other else f"{other}|{word}"


def _grams(text: str) -> Counter[str]:
    """Characters 1-3."""
    pairs = list(map(add, text, text[1:]))
    return Counter((*text, *pairs, *map(add, pairs, text[2:])))


def _syllable_grams(syllables: Sequence[str]) -> Counter[str]:
    """Syllables 1-3."""
    return Counter(
        (
            *syllables,
            *map(" ".join, pairwise(syllables)),
            *map(" ".join, zip(syllables, syllables[1:], syllables[2:], strict=False)),
        )
    )


def _word_grams(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        bounded = f"_{word}_"
        for length in (2, 3, 4, 5):
            for start in range(max(1, len(bounded) - length + 1)):
                yield bounded[start : start + length]
