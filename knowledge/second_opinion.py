"""How a model's view counts among the candidates that the search found close: it may reorder and settle, never add."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# The search is ours and measured; a model only tips what is close.
_SEARCH, _MEANING, _CHOICE = 0.5, 0.2, 0.3
_LEAST_SHARE = 0.2
_SHARPNESS = 12.0


@dataclass(frozen=True, slots=True)
class Opinion:
    """The candidates' indices, best first; ``sure`` where the first may answer instead of being offered."""

    order: tuple[int, ...]
    sure: bool


def weighed(shares: Sequence[float], closeness: Sequence[float] | None, chosen: int | None) -> Opinion:
    """``shares`` are the search's, ``closeness`` the cosine of the question to each candidate (None: not known),
    ``chosen`` the candidate that the model picked (None: none).

    Sure only where the model picked the first, the search gave it a fair share, and the closeness, where it is known,
    does not point elsewhere.
    """
    total = sum(shares) or 1.0
    found = [share / total for share in shares]
    meaning = _softmax(closeness) if closeness is not None else found
    points = [
        _SEARCH * share + _MEANING * near + _CHOICE * (at == chosen)
        for at, (share, near) in enumerate(zip(found, meaning, strict=True))
    ]
    order = tuple(sorted(range(len(points)), key=lambda at: (-points[at], at)))
    if chosen is None or order[0] != chosen or found[chosen] < _LEAST_SHARE:
        return Opinion(order, False)
    return Opinion(order, closeness is None or meaning[chosen] == max(meaning))


def cosines(question: Sequence[float], others: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The cosine of the question's vector to each of the others; 0 for a vector of zeros."""
    return tuple(_cosine(question, other) for other in others)


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    lengths = math.sqrt(sum(a * a for a in one)) * math.sqrt(sum(b * b for b in other))
    return product / lengths if lengths else 0.0


def _softmax(values: Sequence[float]) -> list[float]:
    most = max(values)
    powers = [math.exp(_SHARPNESS * (value - most)) for value in values]
    return [power / sum(powers) for power in powers]
