"""What a message means after the ones before it: what carries over, what completes it, when a person is due.

A message is completed only where it says too little by itself ("那豆粕呢", "三手呢", "按3100", "为什么"), and what
was taken from earlier turns is always told (``Followed.carried``). The rules are data (``tables/follow_ups.yaml``).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from domain.knowledge import Answer, Ask, Context, Kind
from knowledge.slots import NUMBER, Mention, SlotReader, Slots, number, price_move

MOST_MISSES = 2
_LONGEST_FRAGMENT = 60
_UNKNOWN = ("unknown", "out_of_scope.example")
_FIGURE = re.compile(rf"(?<![\d.])({NUMBER})(?![\d%])", re.IGNORECASE)
_LOTS = re.compile(
    rf"(?:{NUMBER}|\b(?:a|an|one|two|three|four|five|six|seven|eight|nine|ten))\s*个?(?:手|张|lots?|contracts?)"
)
_UNIT = re.compile(r"[万w千k]")
_MONTH = re.compile(
    r"(?:那|换成|改成)?(?P<month>\d{3,4}|0?[1-9]|1[0-2])(?:月份?|合约|月份?合约)(?:呢|的)?[?？。]?"
)
_ENDS = re.compile(r"^[\s,，。.、!！?？~]+|[\s,，。.、!！?？~]+$")
_NOISE = re.compile(r"[\s,，。.、!！?？~§:：%]+")
_DAY_ISO = re.compile(r"(20\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})[日号]?")
_DAY_ZH = re.compile(r"(?<!\d)(\d{1,2})月(\d{1,2})[日号]")
_DAYS_AGO = re.compile(
    r"(前天|昨天|昨日|今天|今日|yesterday|today)(?!的?(?:结算|收盘|开盘|价)|'s (?:settlement|close|price))",
    re.IGNORECASE,
)
_AGO = {"前天": 2, "昨天": 1, "昨日": 1, "今天": 0, "今日": 0, "yesterday": 1, "today": 0}


@dataclass(frozen=True, slots=True)
class Followed:
    """A message as understood: ``q`` complete, ``slots`` where it asks for a figure of a product.

    ``carried`` names what came from earlier turns (product, contract, lots, price, day, ask, question).
    ``wanted``: a figure was asked for, and its product is missing. ``explains``: the topic that gives the reason.
    ``more``: the rest of the last article is asked for.
    """

    q: str
    slots: Slots | None = None
    day: date | None = None
    carried: tuple[str, ...] = ()
    wanted: Slots | None = None
    explains: str | None = None
    more: str | None = None


class FollowUps:
    """How one language takes up what was said before."""

    def __init__(self, rules: Mapping[str, Any], lang: str, reader: SlotReader) -> None:
        words = rules[lang]
        self._reader = reader
        self._explains: Mapping[str, str] = rules["explains"]
        self._formula: Mapping[str, str] = rules["formula"]
        self._of_products = tuple(rules["of_products"])
        self._ask_product = frozenset(rules["ask_product"])
        self._short, self._bare = int(words["short"]), int(words["bare"])
        self._fillers = _any_of(words["fillers"], whole=lang == "en")
        self._opens, self._why, self._how = (_any(words[name]) for name in ("opens", "why", "how"))
        self._asks, self._lacks_subject = _any(words["asks"]), _any(words["lacks_subject"])
        self._sides = {side: _any(said) for side, said in words["sides"].items()}
        self._down = _any(words["down"])
        self.products: tuple[str, ...] = tuple(rules["products"])

    def follow(self, q: str, context: Context, near: date) -> Followed:
        """The message completed from the last turns. ``near`` is today, or the day asked for."""
        text = unicodedata.normalize("NFKC", q)
        day, words = said_day(text, near)
        if context.ask is None and context.article is None and not context.products:
            now = self._reader.read(words, near)
            whole = now if now.ask and now.mentions else None
            return Followed(q, whole, day, wanted=now if now.ask and not now.mentions else None)
        plain = _ENDS.sub("", words).lower()
        if (month := _MONTH.fullmatch(plain)) and len(context.products) == 1 and context.ask:
            words = context.products[0] + _contract_month(month["month"], near)
        now = self._reader.read(words, near)
        bare = len(plain) <= _LONGEST_FRAGMENT and self._says_nothing(words, near)
        heard = Followed(q, now if now.ask and now.mentions else None, day)
        if now.mentions:
            return self._of_product(heard, now, context, bare, near)
        if reason := self._reason(plain, context):
            return replace(heard, explains=reason[0], more=reason[1])
        if now.ask is not None:
            return self._of_figure(heard, now, context, bare, near)
        if context.ask and context.products and (bare or day) and len(plain) <= self._bare:
            return self._of_amount(heard, now, context, plain, near)
        return heard

    def lacks_subject(self, q: str) -> bool:
        """Whether a message is a question so short that it may be about the last article."""
        return len(q.strip()) <= self._short and bool(self._lacks_subject.search(q.lower()))

    def about(self, ask: Ask) -> tuple[str, ...]:
        """The topics that explain a figure and how it comes about: what is asked next."""
        found = (self._explains.get(ask.value), self._formula.get(ask.value))
        return tuple(dict.fromkeys(topic for topic in found if topic is not None))

    def asks_for_product(self, topic: str | None) -> bool:
        """Whether the answer of a topic becomes a figure as soon as a product is named."""
        return topic in self._ask_product

    def _of_product(self, heard: Followed, now: Slots, context: Context, bare: bool, near: date) -> Followed:
        """Products are named: 那豆粕呢, 豆粕, rb2701呢."""
        fragment = (now.ask is None or now.bare) and bare
        if not fragment:
            return heard
        if context.topic is not None:
            rewritten = self._rewritten(heard.q, now.mentions, context, near)
            if rewritten is not None:
                return replace(heard, q=rewritten, slots=None, carried=("question",))
        if context.ask is not None:
            before = self._recalled(context, near)
            same = set(now.products) == set(context.products)
            slots = replace(
                before,
                mentions=now.mentions,
                lots=now.lots or before.lots,
                price=now.price or (before.price if same else None),
                price_from=before.price_from if same else None,
                price_to=before.price_to if same else None,
                bare=False,
            )
            if slots.ask is Ask.PNL and slots.price_from is None and slots.move is None:
                return heard
            kept = [name for name, told in (("lots", now.lots), ("day", heard.day)) if told is None]
            carried = ("ask", *(name for name in kept if getattr(context, name) is not None))
            return replace(heard, slots=slots, day=heard.day or context.day, carried=carried)
        return heard

    def _of_figure(self, heard: Followed, now: Slots, context: Context, bare: bool, near: date) -> Followed:
        """A figure is asked for without a product: 手续费呢, 一手多少钱."""
        short = len(heard.q.strip()) <= self._short and bool(self._asks.search(heard.q.lower()))
        opened = bool(self._opens.search(heard.q.strip().lower()))
        if not context.products or not (opened or short or (bare and context.ask)):
            return replace(heard, wanted=now)
        before = self._recalled(context, near)
        slots = replace(
            now,
            mentions=before.mentions,
            lots=now.lots or before.lots,
            price=now.price or before.price,
            capital=now.capital or before.capital,
        )
        carried = ["contract" if context.contract else "product"]
        carried += [
            name
            for name in ("lots", "price")
            if getattr(now, name) is None and getattr(context, name) is not None
        ]
        return replace(heard, slots=slots, day=heard.day or context.day, carried=tuple(carried))

    def _of_amount(self, heard: Followed, now: Slots, context: Context, plain: str, near: date) -> Followed:
        """Lots, a price, a capital, a move, a side or a day alone: 三手呢, 按3100, 做空呢, 昨天呢."""
        before = self._recalled(context, near)
        changed = self._changed(before, now, plain)
        if changed is None and heard.day is None:
            return heard
        slots = changed or before
        carried = ["contract" if context.contract else "product", "ask"]
        carried += [
            name
            for name in ("lots", "price")
            if getattr(context, name) is not None and getattr(slots, name) == getattr(before, name)
        ]
        return replace(heard, slots=slots, day=heard.day or context.day, carried=tuple(carried))

    def _changed(self, before: Slots, now: Slots, plain: str) -> Slots | None:
        """The last calculation with the amount that is said now; None where none is."""
        slots = before
        if now.lots is not None:
            slots = replace(
                slots, lots=now.lots, mentions=tuple(replace(m, lots=None) for m in slots.mentions)
            )
        for side, said in self._sides.items():
            if said.search(plain):
                slots = replace(slots, short=side == "short", loss=None)
        move = price_move(plain)
        if slots.ask is Ask.PNL and move is not None:
            amount, in_ticks, loss = move
            return replace(
                slots, move=amount, move_in_ticks=in_ticks, loss=loss, price_from=None, price_to=None
            )
        said_figure = _FIGURE.search(_LOTS.sub(" ", plain))
        figure = number(said_figure[1]) if said_figure else None
        if figure is not None and figure > 0:
            slots = self._with_figure(slots, figure, bool(_UNIT.search(plain)), plain)
        return slots if slots != before else None

    def _with_figure(self, slots: Slots, figure: Decimal, in_thousands: bool, plain: str) -> Slots:
        match slots.ask:
            case Ask.PNL if slots.price_from is not None:
                return replace(slots, price_to=figure)
            case Ask.PNL:
                return replace(slots, move=-figure if self._down.search(plain) else figure)
            case Ask.MAX_LOTS if in_thousands or slots.capital is None:
                return replace(slots, capital=figure)
            case _:
                return replace(
                    slots, price=figure, mentions=tuple(replace(m, price=None) for m in slots.mentions)
                )

    def _reason(self, plain: str, context: Context) -> tuple[str | None, str | None] | None:
        """The topic, or the article whose rest, that 为什么 and 怎么算的 ask for after the last turn."""
        why, how = self._why.search(plain), self._how.search(plain)
        if not why and not how:
            return None
        if context.article is not None:
            return None, context.article
        topic = (self._explains if why else self._formula).get(context.ask.value) if context.ask else None
        return (topic, None) if topic else None

    def _rewritten(self, q: str, mentions: Sequence[Mention], context: Context, near: date) -> str | None:
        """The last question about the product that is named now; None where it was about no product."""
        named = unicodedata.normalize("NFKC", q)[mentions[0].start : mentions[-1].end]
        last = unicodedata.normalize("NFKC", context.question)
        earlier = self._reader.mentions(last, near)
        if earlier:
            return last[: earlier[0].start] + named + last[earlier[0].end :]
        opened = self._opens.search(q.strip().lower())
        about = context.topic is not None and context.topic.startswith(self._of_products)
        return f"{named} {last}" if last and opened and about else None

    def _recalled(self, context: Context, near: date) -> Slots:
        """The last calculation as slots."""
        mentions: tuple[Mention, ...] = ()
        if context.contract is not None:
            mentions = tuple(
                replace(m, start=0, end=0) for m in self._reader.mentions(context.contract, near)
            )
        return Slots(
            mentions=mentions or ((Mention(0, 0, context.products),) if context.products else ()),
            ask=context.ask,
            lots=context.lots,
            price=context.price,
            capital=context.capital,
            price_from=context.price_from,
            price_to=context.price_to,
            move=context.move,
            move_in_ticks=context.move_in_ticks,
            short=context.short,
            loss=context.loss,
        )

    def _says_nothing(self, words: str, near: date) -> bool:
        """Whether products, figures and fillers are all that a message has."""
        rest = self._reader.without_products(words, near).lower()
        rest = _LOTS.sub(" ", rest)
        for said in self._sides.values():
            rest = said.sub(" ", rest)
        rest = _FIGURE.sub(" ", rest)
        rest = re.sub(r"上?[涨跌升降]了?", " ", rest)
        return not _NOISE.sub("", self._fillers.sub(" ", rest))


def said_day(text: str, today: date) -> tuple[date | None, str]:
    """The day that a text speaks of, and the text without it. A day without a year is of this year."""
    for pattern in (_DAY_ISO, _DAY_ZH):
        if match := pattern.search(text):
            figures = [int(part) for part in match.groups()]
            year, month, day = figures if len(figures) == 3 else (today.year, *figures)
            try:
                return date(year, month, day), text[: match.start()] + " " + text[match.end() :]
            except ValueError:
                return None, text
    if match := _DAYS_AGO.search(text):
        said = today - timedelta(days=_AGO[match[1].lower()])
        return said, text[: match.start()] + " " + text[match.end() :]
    return None, text


def _contract_month(said: str, near: date) -> str:
    """The digits of a contract code: a month alone is the next one of its name."""
    if len(said) > 2:
        return said
    year = near.year if int(said) > near.month else near.year + 1
    return f"{year % 100:02d}{int(said):02d}"


def remembered(slots: Slots, q: str, contract: str | None, day: date | None) -> Context:
    """What the next turn may take from a calculation. ``contract`` is the one that it was worked out for."""
    first = slots.mentions[0] if slots.mentions else Mention(0, 0, ())
    return Context(
        question=q,
        products=slots.products,
        contract=contract,
        ask=slots.ask,
        lots=slots.lots or first.lots,
        price=slots.price or first.price,
        capital=slots.capital,
        price_from=slots.price_from,
        price_to=slots.price_to,
        move=slots.move,
        move_in_ticks=slots.move_in_ticks,
        short=slots.short,
        loss=slots.loss,
        day=day,
    )


def misses(before: int, answer: Answer, *, offered: bool) -> int:
    """How many times running the bot has not understood. ``offered``: the turn before gave candidates.

    The first time it asks to put it in other words, at ``MOST_MISSES`` a person is due.
    """
    if answer.kind is Kind.OUT_OF_SCOPE and answer.reason in _UNKNOWN:
        return before + 1
    return before + offered if answer.kind is Kind.CLARIFY else 0


def fold(html: str, marker: str) -> tuple[str, str]:
    """An article's first message and the rest, cut at the paragraph that is nothing but the marker in bold.

    The rest is empty where the article has no such paragraph.
    """
    head, _, rest = html.partition(f"\n\n<b>{marker}</b>\n\n")
    return (head.strip(), rest.strip()) if head.strip() and rest.strip() else (html, "")


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


def _any_of(words: Iterable[str], *, whole: bool) -> re.Pattern[str]:
    """The words themselves, longest first; ``whole``: only as whole words."""
    found = "|".join(re.escape(word) for word in sorted(map(str, words), key=len, reverse=True))
    return re.compile(rf"\b(?:{found})\b" if whole else found, re.IGNORECASE)
