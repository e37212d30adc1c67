"""What is known, and what is answered: articles, citations, calculations, answers.

An answer carries at least one citation (an article's version, or a dated table row), or it is no answer.
``Answer.as_json`` is the object that ``python -m bot ask --json`` prints.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What the bot does with a question."""

    ANSWER = "answer"
    CLARIFY = "clarify"
    CALC = "calc"
    ACCOUNT = "account"
    ADVICE = "advice"
    COMPLAINT = "complaint"
    HANDOFF = "handoff"
    OUT_OF_SCOPE = "out_of_scope"


class Ask(StrEnum):
    """Which figure a calculation is asked for."""

    MARGIN = "margin"
    FEE = "fee"
    MARGIN_AND_FEE = "margin+fee"
    MAX_LOTS = "max_lots"
    TICK_VALUE = "tick_value"
    PNL = "pnl"
    CONTRACT_VALUE = "contract_value"


class Severity(StrEnum):
    """How heavy a complaint weighs; what makes it major stands in ``knowledge/tables/rules.yaml``."""

    GENERAL = "general"
    MAJOR = "major"


class Status(StrEnum):
    """A draft never answers."""

    DRAFT = "draft"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class NextStep:
    """What an answer offers next: a label and what the chat does (``complain``, ``human``, ``ask: ...``)."""

    label: str
    do: str


@dataclass(frozen=True, slots=True)
class Article:
    """One text of the library in one language and one version.

    ``phrasings`` are how people ask, ``not_for`` phrasings that must not land here, ``keywords`` extra words
    for the search; ``text`` is plain, ``html`` carries Telegram's tags only; ``version`` is the first eight
    hex digits of the file's SHA-256; ``basis`` its confidence mark (S, K or D); ``raw`` the file as it was
    written. In force from ``effective_from`` to the day before ``expires_on``.
    """

    id: str
    lang: str
    topic: str
    title: str
    phrasings: tuple[str, ...]
    text: str
    html: str
    version: str
    audience: str = "public"
    effective_from: date | None = None
    expires_on: date | None = None
    review_by: date | None = None
    status: Status = Status.CONFIRMED
    source: str = ""
    keywords: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    next_steps: tuple[NextStep, ...] = ()
    basis: str = ""
    path: str = ""
    raw: str = ""

    def in_force(self, day: date | None) -> bool:
        """Whether the text holds on a day; with None, whether it holds at all (expired texts do not)."""
        if day is None:
            return self.expires_on is None
        begun = self.effective_from is None or self.effective_from <= day
        return begun and (self.expires_on is None or day < self.expires_on)


@dataclass(frozen=True, slots=True)
class Citation:
    """What an answer rests on: an article's version, or a row of a table (one of the two)."""

    article: str | None = None
    version: str | None = None
    effective_from: date | None = None
    table: str | None = None
    row: str | None = None
    as_of: date | None = None
    source: str = ""

    def as_json(self) -> dict[str, Any]:
        if self.article is not None:
            return {
                "article": self.article,
                "version": self.version,
                "effective_from": _day(self.effective_from),
            }
        return {"table": self.table, "row": self.row, "as_of": _day(self.as_of)}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A topic that the search considered, by its best article; ``score`` between 0 and 1."""

    topic: str
    article: str
    score: float
    title: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"topic": self.topic, "article": self.article, "score": round(self.score, 4)}


@dataclass(frozen=True, slots=True)
class Calc:
    """A calculation from the tables; amounts in CNY for all ``lots``, None where no price is known.

    ``result`` is the figure of ``max_lots`` (lots), ``tick_value``, ``pnl`` and ``contract_value`` (CNY).
    ``price_source``: ``question`` or ``settlement <contract> <day>``. Several products: ``product`` is the
    tuple of their codes and ``items`` holds one calculation each.
    """

    product: str | tuple[str, ...]
    contract: str | None
    lots: int | None
    ask: Ask
    price: Decimal | None = None
    price_source: str | None = None
    margin_exchange: Decimal | None = None
    margin_company: Decimal | None = None
    fee_exchange_open: Decimal | None = None
    fee_exchange_close: Decimal | None = None
    fee_exchange_close_today: Decimal | None = None
    fee_company_open: Decimal | None = None
    fee_company_close: Decimal | None = None
    fee_company_close_today: Decimal | None = None
    result: Decimal | None = None
    as_of: date | None = None
    capital: Decimal | None = None
    price_from: Decimal | None = None
    price_to: Decimal | None = None
    move: Decimal | None = None
    items: "tuple[Calc, ...]" = ()

    def as_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "product": list(self.product) if isinstance(self.product, tuple) else self.product,
            "contract": self.contract,
            "lots": self.lots,
            "ask": self.ask.value,
            "price": _price(self.price),
            "price_source": self.price_source,
            "margin_exchange": _amount(self.margin_exchange),
            "margin_company": _amount(self.margin_company),
            "fee_exchange_open": _amount(self.fee_exchange_open),
            "fee_exchange_close": _amount(self.fee_exchange_close),
            "fee_exchange_close_today": _amount(self.fee_exchange_close_today),
            "fee_company_open": _amount(self.fee_company_open),
            "fee_company_close": _amount(self.fee_company_close),
            "fee_company_close_today": _amount(self.fee_company_close_today),
            "result": str(int(self.result))
            if self.ask is Ask.MAX_LOTS and self.result is not None
            else _amount(self.result),
            "as_of": _day(self.as_of),
        }
        if self.capital is not None or self.ask is Ask.MAX_LOTS:
            shown["capital"] = _amount(self.capital)
        if self.ask is Ask.PNL:
            shown["from"] = _price(self.price_from)
            shown["to"] = _price(self.price_to)
            shown["move"] = _price(self.move)
        if self.items:
            shown["items"] = [item.as_json() for item in self.items]
        return shown


@dataclass(frozen=True, slots=True)
class Context:
    """What the last turns were about, carried over by the chat for a set time.

    ``question`` is the last question as it was understood, ``title`` its article's; the figures are those of the
    last calculation (``ask`` None: there was none); ``lang`` is the language it went on in. ``as_json`` and ``read`` are each other's inverse.
    """

    question: str = ""
    topic: str | None = None
    article: str | None = None
    title: str = ""
    products: tuple[str, ...] = ()
    contract: str | None = None
    ask: Ask | None = None
    lots: int | None = None
    price: Decimal | None = None
    capital: Decimal | None = None
    price_from: Decimal | None = None
    price_to: Decimal | None = None
    move: Decimal | None = None
    move_in_ticks: bool = False
    short: bool = False
    loss: bool | None = None
    day: date | None = None
    lang: str = ""

    def as_json(self) -> dict[str, Any]:
        """What is not empty, in JSON's types: amounts as strings, days as ISO dates."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return {name: _stored(value) for name, value in told.items()}

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Context":
        """A context as it was stored; names that this version does not know are left out."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: _READ.get(name, _same)(value) for name, value in raw.items() if name in known})


def _same(value: Any) -> Any:
    return value


def _stored(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return (
        value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value
    )


_AMOUNTS = ("price", "capital", "price_from", "price_to", "move")
_READ: dict[str, Callable[[Any], Any]] = {
    "ask": Ask,
    "products": tuple,
    "day": date.fromisoformat,
    **dict.fromkeys(_AMOUNTS, Decimal),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot says to a question, and how it came to it.

    ``confidence`` is the probability that ``candidates[0]`` is right, whatever the kind. ``text`` is plain,
    ``html`` the same with Telegram's tags, but for ``rest``, which is shown on wish; ``title`` the article's. ``choices`` (with ``clarify``) are the
    candidates offered; ``related`` articles and ``next_steps`` come from the
    article. ``reason`` names the rule that decided (``advice.prediction``, ``handoff.urgent``); ``missing``
    the slots to ask for (``price``, ``product``); ``carried`` says in words what came from earlier turns;
    ``emergency``: what a person must see at once (``life``, ``liquidation``, ``orders``, ``security``, ``other``);
    ``category`` a complaint's code from 1 to 15.
    """

    q: str
    kind: Kind
    text: str
    html: str
    lang: str
    rest: str = ""
    confidence: float = 0.0
    topic: str | None = None
    article: str | None = None
    title: str | None = None
    candidates: tuple[Candidate, ...] = ()
    choices: tuple[Candidate, ...] = ()
    calc: Calc | None = None
    severity: Severity | None = None
    category: int | None = None
    citations: tuple[Citation, ...] = ()
    related: tuple[Candidate, ...] = ()
    next_steps: tuple[NextStep, ...] = ()
    reason: str = ""
    missing: tuple[str, ...] = ()
    carried: str = ""
    emergency: str | None = None
    context: Context = Context()
    ms: float = 0.0
    parts: "tuple[Answer, ...]" = ()
    explanation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def urgent(self) -> bool:
        """Whether a person must see it at once."""
        return self.emergency is not None

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The topics offered to choose from, best first, at most four; only with ``clarify``."""
        return tuple(choice.topic for choice in self.choices[:4])

    def as_json(self) -> dict[str, Any]:
        """The object of the command's ``--json`` output, exactly."""
        return {
            "q": self.q,
            "kind": self.kind.value,
            "topic": self.topic,
            "article": self.article,
            "confidence": round(self.confidence, 4),
            "alternatives": list(self.alternatives),
            "candidates": [candidate.as_json() for candidate in self.candidates[:4]],
            "calc": self.calc.as_json() if self.calc else None,
            "severity": self.severity.value if self.severity else None,
            "urgent": self.urgent,
            "citations": [citation.as_json() for citation in self.citations],
            "text": self.text,
            "ms": round(self.ms, 3),
            "parts": [part.as_json() for part in self.parts],
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a file of the library: where, what, what to do. ``fatal``: the bot must not
    start.
    """

    where: str
    problem: str
    remedy: str = ""
    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}" + (f" ({self.remedy})" if self.remedy else "")


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.2f}"


def _price(price: Decimal | None) -> str | None:
    """At least two decimals; more where the tick needs them (a bond future quotes 102.345)."""
    if price is None:
        return None
    shown = format(price.normalize(), "f")
    decimals = len(shown.partition(".")[2])
    return shown if decimals >= 2 else f"{price:.2f}"
