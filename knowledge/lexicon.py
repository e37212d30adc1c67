"""Words of one language: normal spelling, word boundaries, pinyin, synonyms.

A ``Lexicon`` is built once from ``synonyms.yaml`` and the packages jieba and pypinyin, and kept with the
index: at question time neither package is loaded.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import compress, pairwise
from math import log
from pathlib import Path
from typing import Any

import numpy as np

HAN = r"\u3400-\u9fff"
_HAN_THERE = re.compile(rf"[{HAN}]")
_BETWEEN_HAN = re.compile(rf"(?<=[{HAN}])\s+(?=[{HAN}])")
_TOKENS = re.compile(rf"[{HAN}]+|[a-z0-9][a-z0-9_.%+\-]*[a-z0-9%+]|[a-z0-9]")
_ENGLISH = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_LATIN = re.compile(r"[a-z]+")
_KEPT_WORDS = 60_000
_LONGEST_WORD = 6
_LONGEST_SOUND = 4
# What a word's use in one phrasing of the library weighs against its frequency in the language.
_SAID = 20


def normalise(text: str, traditional: Mapping[int, int] | None = None) -> str:
    """NFKC, lower case, simplified characters, no spaces inside Han text, no control characters."""
    text = unicodedata.normalize("NFKC", text).lower()
    if traditional:
        text = text.translate(traditional)
    if not text.isprintable():
        text = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    text = text.replace("’", "'").replace("‘", "'")
    return _BETWEEN_HAN.sub("", " ".join(text.split()))


def has_han(text: str) -> bool:
    return _HAN_THERE.search(text) is not None


@cache
def _stem(word: str) -> str:
    """A light English stem: plural and -ing, -ed off; enough to bring fee and fees together."""
    for ending, least in (("ies", 5), ("ing", 6), ("ed", 5), ("es", 5), ("s", 4)):
        if word.endswith(ending) and len(word) >= least and not word.endswith(("ss", "us", "is")):
            root = word[: -len(ending)]
            if ending == "ies":
                return root + "y"
            if ending in ("ing", "ed") and len(root) > 3 and root[-1] == root[-2] and root[-1] not in "lsz":
                return root[:-1]
            return root + "e" if ending == "es" and root.endswith(("x", "ch", "sh")) is False else root
    return word


def stem(word: str) -> str:
    """``_stem`` without a final e, so that trade, trades and trading meet."""
    root = _stem(word)
    return root[:-1] if len(root) > 4 and root.endswith("e") else root


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as the views see it: tokens in order, terms appended for synonyms and homophones, concepts."""

    text: str
    tokens: tuple[str, ...]
    syllables: tuple[str, ...]
    appended: tuple[str, ...]
    concepts: tuple[str, ...]


@dataclass(slots=True)
class Lexicon:
    """What a language knows about its words. Only plain dictionaries: it is kept in the cache file.

    The heads are what a concept or a homophone begins with (two characters, two syllables): most places of a text
    begin none, and are passed over.
    """

    lang: str
    fillers: tuple[str, ...]
    concepts: dict[str, tuple[str, ...]]
    words: dict[str, float] = field(default_factory=dict)
    syllables: dict[str, str] = field(default_factory=dict)
    homophones: dict[str, str] = field(default_factory=dict)
    known_syllables: frozenset[str] = frozenset()
    traditional: dict[int, int] = field(default_factory=dict)
    unknown_word: float = 0.0
    sounds: dict[str, tuple[str, float]] = field(default_factory=dict)
    concept_heads: frozenset[str] = frozenset()
    homophone_heads: frozenset[str] = frozenset()

    def normalise(self, text: str) -> str:
        return normalise(text, self.traditional)

    def read(self, text: str) -> Reading:
        """Tokens, appended terms and concepts of a text."""
        return self._read_zh(text) if self.lang == "zh" else self._read_en(text)

    def without_fillers(self, text: str) -> str:
        """The text without what carries no meaning, unless fewer than two characters would stay."""
        shorter = text
        for filler in self.fillers:
            if filler in shorter:
                rest = shorter.replace(filler, " ") if self.lang == "zh" else _without(shorter, filler)
                if len(re.findall(rf"[{HAN}a-z0-9]", rest)) >= 2:
                    shorter = rest
        return " ".join(shorter.split())

    def pinyin(self, text: str) -> tuple[str, ...]:
        """Toneless syllables of the Han characters; Latin and digits as they are."""
        return tuple(syllable for _, syllable in self._aligned(text))

    def split_pinyin(self, token: str) -> tuple[str, ...]:
        """``baozhengjin`` -> bao zheng jin; empty where the token is not pinyin of two syllables or more."""
        if not _LATIN.fullmatch(token) or len(token) < 4:
            return ()
        best: list[tuple[str, ...] | None] = [()] + [None] * len(token)
        for end in range(1, len(token) + 1):
            for length in range(min(6, end), 0, -1):
                before, syllable = best[end - length], token[end - length : end]
                if before is None or syllable not in self.known_syllables:
                    continue
                current = best[end]
                if current is None or len(before) + 1 < len(current):
                    best[end] = (*before, syllable)
        split = best[len(token)] or ()
        return split if len(split) >= 2 else ()

    def typed_in_pinyin(self, text: str) -> bool:
        """Whether a text in Latin letters is Chinese typed in pinyin: it splits, and names a known term."""
        tokens = _LATIN.findall(text)
        split = [self.split_pinyin(t) or ((t,) if t in self.known_syllables else ()) for t in tokens]
        letters = sum(len(t) for t in tokens)
        covered = sum(len(t) for t, s in zip(tokens, split, strict=True) if s)
        syllables = [s for one in split for s in one]
        if letters == 0 or covered < 0.8 * letters or len(syllables) < 2:
            return False
        return any(" ".join(w) in self.homophones for w in _windows(syllables, 2, 4))

    def hear(self, said: Mapping[str, int]) -> None:
        """Learn which word each pinyin stands for: the most frequent one, what the library says before others."""
        for word, weight in (
            *self.words.items(),
            *((w, self.unknown_word) for w in said if w not in self.words),
        ):
            if len(word) > _LONGEST_SOUND or not all("\u3400" <= c <= "\u9fff" for c in word):
                continue
            likely = weight + log(1 + _SAID * said.get(word, 0))
            sound = " ".join(self.syllables.get(c, c) for c in word)
            if sound not in self.sounds or likely > self.sounds[sound][1]:
                self.sounds[sound] = (word, likely)

    def from_pinyin(self, text: str) -> str:
        """``baozhengjin zenme suan`` as 保证金怎么算, the most probable words for it; codes and figures stay."""
        written: list[str] = []
        syllables: list[str] = []
        for token in (*_TOKENS.findall(text.lower()), ""):
            split = self.split_pinyin(token) or ((token,) if token in self.known_syllables else ())
            if split:
                syllables.extend(split)
                continue
            written.extend((self._words_of(syllables), token))
            syllables = []
        return " ".join(piece for piece in written if piece)

    def _words_of(self, syllables: Sequence[str]) -> str:
        best: list[tuple[float, str]] = [(0.0, "")]
        for end in range(1, len(syllables) + 1):
            choices = []
            for start in range(max(0, end - _LONGEST_SOUND), end):
                heard = self.sounds.get(" ".join(syllables[start:end]))
                if heard is not None:
                    choices.append((best[start][0] + heard[1], best[start][1] + heard[0]))
            best.append(
                max(choices, default=(best[-1][0] + self.unknown_word, best[-1][1] + syllables[end - 1]))
            )
        return best[-1][1]

    def segment(self, han: str) -> list[str]:
        """The most probable words of a run of Han characters (jieba's frequencies, no hidden Markov
        model).
        """
        size = len(han)
        route: list[tuple[float, int]] = [(0.0, 0)] * (size + 1)
        for start in range(size - 1, -1, -1):
            best = (self.words.get(han[start], self.unknown_word) + route[start + 1][0], start + 1)
            for end in range(start + 2, min(size, start + _LONGEST_WORD) + 1):
                weight = self.words.get(han[start:end])
                if weight is not None and weight + route[end][0] > best[0]:
                    best = (weight + route[end][0], end)
            route[start] = best
        words: list[str] = []
        at = 0
        while at < size:
            words.append(han[at : route[at][1]])
            at = route[at][1]
        return words

    def _read_zh(self, text: str) -> Reading:
        text = self.without_fillers(self.normalise(text))
        tokens: list[str] = []
        for run in _TOKENS.findall(text):
            tokens.extend(self.segment(run) if has_han(run) else [run])
        aligned = tuple(self._aligned(text))
        appended = list(dict.fromkeys(self._sounds_like(text, aligned)))
        concepts: list[str] = []
        for piece in (text, *appended):
            concepts.extend(c for c in self._concepts_in(piece) if c not in concepts)
        appended.extend(c for c in concepts if c not in text and c not in appended)
        joined = "".join(_TOKENS.findall(text))
        return Reading(joined, tuple(tokens), tuple(s for _, s in aligned), tuple(appended), tuple(concepts))

    def _read_en(self, text: str) -> Reading:
        text = self.without_fillers(self.normalise(text))
        words = _ENGLISH.findall(text)
        stems = tuple(stem(word.split("'")[0]) for word in words)
        concepts: list[str] = []
        at = 0
        while at < len(stems):
            for length in range(min(5, len(stems) - at), 0, -1):
                found = self.concepts.get(" ".join(stems[at : at + length]))
                if found:
                    concepts.extend(c for c in found if c not in concepts)
            at += 1
        return Reading(" ".join(words), stems, (), (), tuple(concepts))

    def _concepts_in(self, text: str) -> Iterator[str]:
        """Concepts named in a text; a word inside a longer known word does not count."""
        spans: list[tuple[int, int]] = []
        found: list[tuple[int, str]] = []
        starts = [
            at
            for at in range(len(text))
            if text[at : at + 2] in self.concept_heads or text[at] in self.concepts
        ]
        for length in range(10, 0, -1):
            for start in starts:
                word = text[start : start + length]
                if word not in self.concepts or len(word) < length or not _whole(text, start, start + length):
                    continue
                if any(s <= start and start + length <= e for s, e in spans):
                    continue
                spans.append((start, start + length))
                found.append((start, word))
        for _, word in sorted(found):
            yield from self.concepts[word]

    def _sounds_like(self, text: str, aligned: Sequence[tuple[str, str]]) -> Iterator[str]:
        """Known terms that a window of the text sounds like without being a word, the longest first."""
        sounds, written_as = [s for _, s in aligned], [c for c, _ in aligned]
        heads = [f"{one} {two}" in self.homophone_heads for one, two in pairwise(sounds)]
        covered: set[int] = set()
        for length in range(_LONGEST_SOUND, 1, -1):
            for start in compress(range(len(sounds) - length + 1), heads):
                term = self.homophones.get(" ".join(sounds[start : start + length]))
                span = set(range(start, start + length))
                if term is None or span <= covered:
                    continue
                written = "".join(written_as[start : start + length])
                covered |= span
                if term not in text and (length > 2 or len(written) < length or written not in self.words):
                    yield term

    def _aligned(self, text: str) -> Iterator[tuple[str, str]]:
        """Each syllable with the character that it is written with ("" where it was typed in pinyin)."""
        mixed = has_han(text)
        for token in _TOKENS.findall(text):
            if has_han(token):
                yield from ((c, self.syllables.get(c, c)) for c in token)
            elif mixed and len(token) > 1 and token in self.known_syllables:
                yield "", token
            else:
                yield from (("", s) for s in self.split_pinyin(token) or (token,))


def _windows(items: Sequence[str], shortest: int, longest: int) -> Iterator[Sequence[str]]:
    for length in range(shortest, longest + 1):
        for start in range(len(items) - length + 1):
            yield items[start : start + length]


def _whole(text: str, start: int, end: int) -> bool:
    """A Latin word counts only as a whole."""
    first, last = text[start], text[end - 1]
    if (
        first.isascii()
        and first.isalnum()
        and start
        and text[start - 1].isascii()
        and text[start - 1].isalnum()
    ):
        return False
    after = text[end] if end < len(text) else " "
    return not (last.isascii() and last.isalnum() and after.isascii() and after.isalnum())


def _without(text: str, phrase: str) -> str:
    return re.sub(rf"(?<![a-z0-9']){re.escape(phrase)}(?![a-z0-9'])", " ", text)


def build_lexicon(
    lang: str, synonyms: Mapping[str, Any], terms: Iterable[str], traditional: Mapping[str, str] | None = None
) -> Lexicon:
    """The lexicon of a language from its section of ``synonyms.yaml``; ``terms`` are kept as words (names of
    products, titles).
    """
    groups: list[list[str]] = [[str(w).lower() for w in group] for group in synonyms.get("groups", ())]
    # Sets have another order in every process: whatever is kept in order is sorted to the last tie.
    fillers = sorted({str(f).lower() for f in synonyms.get("fillers", ())}, key=lambda f: (-len(f), f))
    concepts: dict[str, tuple[str, ...]] = {}
    for group in groups:
        for word in group:
            key = word if lang == "zh" else " ".join(stem(w) for w in _ENGLISH.findall(word))
            concepts[key] = tuple(dict.fromkeys((*concepts.get(key, ()), group[0])))
    lexicon = Lexicon(lang, tuple(fillers), concepts, concept_heads=frozenset(c[:2] for c in concepts))
    if lang != "zh":
        return lexicon
    lexicon.traditional = {ord(t): ord(s) for t, s in (traditional or {}).items()}
    known = {t for t in (*concepts, *(str(term).lower() for term in terms)) if 2 <= len(t) <= _LONGEST_WORD}
    lexicon.words, lexicon.unknown_word = _word_weights(sorted(known))
    lexicon.syllables = _syllables()
    lexicon.known_syllables = frozenset(lexicon.syllables.values())
    for term in sorted(known, key=lambda t: (t in concepts, t)):
        if all("\u3400" <= c <= "\u9fff" for c in term) and len(term) <= 4:
            lexicon.homophones[" ".join(lexicon.pinyin(term))] = term
    lexicon.homophone_heads = frozenset(" ".join(sound.split()[:2]) for sound in lexicon.homophones)
    return lexicon


def _word_weights(terms: Iterable[str]) -> tuple[dict[str, float], float]:
    """Log probabilities of jieba's most frequent words and of our own terms."""
    import jieba

    # A line is: word, count, part of speech.
    fields = Path(jieba.__file__).with_name("dict.txt").read_text("utf-8").split()
    words, counts = fields[::3], np.asarray(fields[1::3], dtype=np.int64)
    short = np.fromiter((len(word) <= _LONGEST_WORD for word in words), dtype=bool, count=len(words))
    frequent = np.argsort(-np.where(short, counts, 0), kind="stable")[:_KEPT_WORDS]
    kept = {words[at]: int(counts[at]) for at in frequent}
    for term in terms:
        kept[term] = max(kept.get(term, 0), 3000)
    total = int(counts[short].sum())
    return {word: log(max(count, 1) / total) for word, count in kept.items()}, log(1 / total)


def _syllables() -> dict[str, str]:
    """Each Han character's most usual reading without its tone, ü as v."""
    from pypinyin.pinyin_dict import pinyin_dict

    found: dict[str, str] = {}
    for code, readings in pinyin_dict.items():
        if 0x3400 <= code <= 0x9FFF:
            first = unicodedata.normalize("NFD", readings.split(",")[0])
            plain = first.replace("u\u0308", "v")
            found[chr(code)] = "".join(c for c in plain if "a" <= c <= "z")
    return found
