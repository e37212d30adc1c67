"""What a question names: products and contracts, lots, price, capital, a price move, and which figure is
asked for.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from domain.knowledge import Ask
from domain.market import ContractCode, parse_contract
from knowledge.lexicon import has_han

_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
    "俩": 2,
    "壹": 1,
    "贰": 2,
    "叁": 3,
}
_UNITS = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
NUMBER = (
    r"(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
    r"(?:\s?(?:个?亿|个?万|个?w(?![a-z])|千|k(?![a-z])|百)(?:\d{1,4}(?!\s*(?:手|张|\d)))?)?"
    r"|[零一二两俩三四五六七八九十百千万半]+)"
)
_WORDS_EN = {
    w: n
    for n, w in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ]
    )
} | {"a": 1, "an": 1, "single": 1, "twenty": 20, "fifty": 50, "hundred": 100}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

# Two letters that are everyday words in English: they name a product only in capitals, with a number, or after a
# word like margin, fee, of, for.
_ENGLISH_WORDS = frozenset(
    [
        "a",
        "b",
        "c",
        "i",
        "j",
        "l",
        "m",
        "p",
        "t",
        "v",
        "y",
        "if",
        "is",
        "ic",
        "im",
        "ih",
        "as",
        "ad",
        "op",
        "pp",
        "pm",
        "ma",
        "sa",
        "sh",
        "si",
        "sm",
        "sf",
        "so",
        "br",
        "ps",
        "pt",
        "pd",
    ]
)
_NEVER_SMALL = frozenset(("a", "i", "if", "is", "as", "so", "im", "ad", "op", "pm"))
_NAMING = r"(?:of|for|on|in|trade|trading|lots?|lot of|contracts? of|margin|fees?|commission)\s+$"


@dataclass(frozen=True, slots=True)
class Mention:
    """One place in the text that names products, perhaps with a contract month."""

    start: int
    end: int
    products: tuple[str, ...]
    contract: ContractCode | None = None
    lots: int | None = None
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Slots:
    """Everything a calculation needs that the text gave. ``fee_parts``: of open, close, close_today.

    Beside a tick's value: ``size`` asks for the multiplier, ``with_fee`` for the fee too. ``enough_for``: whether the
    capital suffices for so many lots.
    """

    mentions: tuple[Mention, ...] = ()
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
    bare: bool = False
    fee_parts: tuple[str, ...] = ()
    size: bool = False
    with_fee: bool = False
    enough_for: int | None = None

    @property
    def products(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(p for m in self.mentions for p in m.products))


def number(text: str) -> Decimal | None:
    """``3,030``, ``8万5``, ``5w``, ``三千零三十``, ``两``; None where it is none."""
    text = text.replace(",", "").replace(" ", "").replace("个", "").lower()
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(亿|万|w|千|k|百)?(\d{1,4})?", text)
    if match:
        value = Decimal(match[1])
        if match[2]:
            scale = {"亿": 10**8, "万": 10**4, "w": 10**4, "千": 1000, "k": 1000, "百": 100}[match[2]]
            value *= scale
            if match[3]:
                # 8万5 is 85,000: what follows the unit without one of its own counts tenths of it.
                value += Decimal(match[3]) * scale / 10 ** len(match[3])
        elif match[3]:
            return None
        return value
    if "半" in text:
        return Decimal("0.5") if text == "半" else None
    return _han_number(text)


def _han_number(text: str) -> Decimal | None:
    if not text or any(c not in _DIGITS and c not in _UNITS and c != "万" for c in text):
        return None
    total = section = digit = 0
    last = 1
    for c in text:
        if c in _DIGITS:
            digit = _DIGITS[c]
        elif c == "万":
            total = (total + section + digit) * 10_000
            section, digit, last = 0, 0, 10_000
        else:
            section += (digit or 1) * _UNITS[c]
            digit, last = 0, _UNITS[c]
    if digit and last >= 100 and "零" not in text and "〇" not in text:
        digit *= last // 10
    return Decimal(total + section + digit)


class Names:
    """Finds products in a text by code, contract code, name or nickname."""

    def __init__(
        self,
        products: Mapping[str, str],
        names: Mapping[str, Iterable[str]],
        groups: Mapping[str, Sequence[str]],
        not_products: Iterable[str],
    ) -> None:
        self._products = products
        self._by_name: dict[str, tuple[str, ...]] = {}
        for product, words in names.items():
            for word in words:
                self._by_name[_plain(str(word))] = (product,)
        for word, members in groups.items():
            self._by_name[_plain(word)] = tuple(members)
        self._codes = {p.lower(): p for p in products if not p.endswith("_f")}
        longest_first = sorted(self._by_name, key=len, reverse=True)
        self._names = re.compile("|".join(_bounded(w) for w in longest_first) or r"(?!)")
        masked = sorted((_plain(w) for w in not_products), key=len, reverse=True)
        self._masked = re.compile("|".join(_bounded(w) for w in masked) or r"(?!)")
        codes = "|".join(sorted(self._codes, key=len, reverse=True))
        # re.ASCII: else the dotless ı counts as an i, which no code is written with.
        self._contract = re.compile(
            rf"(?<![a-z0-9])({codes})[ \-]?(\d{{3,4}})(f?)(?![0-9a-z.])", re.IGNORECASE | re.ASCII
        )
        self._code = re.compile(
            rf"(?<![a-z0-9+])({codes})(?=\d{{3,6}}(?![a-z\d])|(?![a-z0-9+']))", re.IGNORECASE | re.ASCII
        )
        self.words: tuple[str, ...] = tuple(w for w in self._by_name if has_han(w))
        # Rules, slots and memory each ask what the same question names.
        self._lately = lru_cache(maxsize=64)(self._find)

    def find(self, text: str, near: date) -> tuple[Mention, ...]:
        """All mentions in a text (NFKC, case kept), in order, the same product merged."""
        return self._lately(text, near)

    def _find(self, text: str, near: date) -> tuple[Mention, ...]:
        plain = text.lower()
        plain = self._masked.sub(lambda m: "\x00" * len(m[0]), plain)
        taken = [False] * len(plain)
        found: list[Mention] = []

        def take(mention: Mention) -> None:
            if not any(taken[mention.start : mention.end]):
                taken[mention.start : mention.end] = [True] * (mention.end - mention.start)
                found.append(mention)

        for match in self._contract.finditer(plain):
            code = parse_contract(match[1] + match[2] + match[3], self._products, near)
            if code and near.year - 1 <= code.year <= near.year + 4:
                take(Mention(match.start(), match.end(), (code.product,), code))
        for match in self._names.finditer(plain):
            take(self._named(match, plain, near))
        for match in self._code.finditer(plain):
            if self._is_code(match, text, plain):
                take(Mention(match.start(), match.end(), (self._codes[match[1].lower()],)))
        return _merged(sorted(found, key=lambda m: m.start))

    def _named(self, match: re.Match[str], plain: str, near: date) -> Mention:
        """A name, with the contract month that follows it (螺纹2701, 白糖701, 豆粕01合约, 豆粕1月)."""
        products = self._by_name[match[0]]
        mention = Mention(match.start(), match.end(), products)
        if len(products) > 1:
            return mention
        product, exchange = products[0], self._products[products[0]]
        after = re.match(r"(?:期货)?\s?(\d{3,4})(?![\d,.]|\s?(?:手|点|元|块|万|w|lot))", plain[match.end() :])
        if after and (len(after[1]) == 4 or exchange == "CZCE"):
            letters = product.removesuffix("_f")
            code = parse_contract(
                letters + after[1] + ("F" if product != letters else ""), self._products, near
            )
            if code and near.year - 1 <= code.year <= near.year + 2:
                return Mention(match.start(), match.end() + after.end(), products, code)
        month = re.match(r"\s?(?:的)?(0?[1-9]|1[0-2])(?:月份?合约|合约|月份?)", plain[match.end() :])
        if month:
            coming = int(month[1])
            year = near.year if coming > near.month else near.year + 1
            code = ContractCode(product, exchange, year, coming)
            return Mention(match.start(), match.end() + month.end(), products, code)
        return mention

    def _is_code(self, match: re.Match[str], text: str, plain: str) -> bool:
        written, code = text[match.start() : match.end()], match[1].lower()
        before, after = plain[: match.start()], plain[match.end() :]
        if after[:1] in ("股", "类", "级", "款", "轮", "卡") or (
            code == "t" and before.endswith(("做", "日内"))
        ):
            return False
        if has_han(text):
            return True
        if code not in _ENGLISH_WORDS:
            return True
        if written.isupper() and not text.isupper() and code not in ("a", "i"):
            return True
        return code not in _NEVER_SMALL and bool(re.search(_NAMING, before))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _bounded(word: str) -> str:
    """The word as a pattern; a Latin one only as a whole word (a plural s allowed)."""
    escaped = re.escape(word)
    if word[0].isascii() and word[0].isalnum():
        escaped = r"(?<![a-z0-9])" + escaped
    if word[-1].isascii() and word[-1].isalnum():
        escaped += r"(?![a-z0-9])"
    return escaped


def _merged(mentions: Sequence[Mention]) -> tuple[Mention, ...]:
    """One mention a product; the one with a contract wins (螺纹钢 rb2701)."""
    kept: list[Mention] = []
    for mention in mentions:
        same = next((k for k in kept if set(mention.products) <= set(k.products)), None)
        wider = next((k for k in kept if set(k.products) <= set(mention.products)), None)
        if same is None and wider is None:
            kept.append(mention)
        elif same is None:
            continue
        elif len(mention.products) == 1 < len(same.products):
            # 国债期货T means T: the name of the group only introduces it.
            kept[kept.index(same)] = mention
        elif mention.contract and not same.contract and len(same.products) == 1:
            kept[kept.index(same)] = Mention(same.start, mention.end, same.products, mention.contract)
        elif mention.contract and same.contract and mention.contract != same.contract:
            kept.append(mention)
    return tuple(kept)


_LOTS = re.compile(rf"({NUMBER})\s*(?:个)?(?:手|张(?!卡|银行))(?!机|续|上|里|头|动|册|把|数)", re.IGNORECASE)
_LOTS_EN = re.compile(
    r"\b(\d+|one|two|three|four|five|six|seven|eight|nine|ten|a|an|single|twenty|fifty)\s+(?:lots?|contracts?)\b"
)
# The figure right before a product that was bought or sold, without the word lots: short 5 iron ore, 空5个铜.
_LOTS_OF = re.compile(
    r"(?:(?<![a-z])(?:short(?:ed)?|long|buy|sell|bought|sold)\s+|(?:买|卖|空|多|开|平|做)了?)(\d{1,4})\s*个?\s*(?=\x00)",
    re.IGNORECASE,
)
_EACH = re.compile(r"(?:每|一)(?:手|张)(?!卡|机|续|银行)")
_PRICE = re.compile(
    rf"(?:按照?|以|价格?(?:格|位)?(?:是|为|在|到|算)?|现价|报价|成交价|结算价|收盘价|最新价|点位|@|\bat\b|\bprice(?:d| of| is| at)?\b)"
    rf"\s*[:：]?\s*({NUMBER})(?!\d|\s*(?:手|张|个?月|年|号|天|lots?|%|跳))",
    re.IGNORECASE,
)
_PRICE_AFTER = re.compile(rf"({NUMBER})\s*(?:元/吨|块/吨|的价格?|这个价|的话?价|元一吨|点的时候|价位)")
_CAPITAL = re.compile(
    rf"(?:rmb|cny|¥|￥|capital of|with|have|got)?\s*({NUMBER})\s*(?:块钱?|元|本金|资金|的?资金|yuan|cny|rmb|k\b|\b)?",
    re.IGNORECASE,
)
_FROM_TO = re.compile(
    rf"(?:从|自|from|在|以)?\s*({NUMBER})\s*(?:元|点|块)?\s*(?:附近|进场?的?|入场|开仓|买入?|卖出?|做多|做空|开多|开空|多|空|进多|进空|建仓|成本|买的|开的)?"
    rf"[,，、 ]*(?:涨到了?|跌到了?|升到|降到|到了?|至|平仓|平掉|平|出场?|卖出?|卖掉|买回|涨至|跌至|->|→|to)\s*(?:在|于|了|at)?\s*({NUMBER})"
    rf"(?!\d|\s*(?:手|张|lots?))",
    re.IGNORECASE,
)
_MOVE = re.compile(
    rf"(涨了?|跌了?|升了?|降了?|下跌|上涨|赚了?|亏了?|赔了?|挣了?|波动|变动|动了?|盈利|亏损|rises?|falls?|drops?|gains?|loses?|moves?|up|down|by)"
    rf"\s*(?:by\s*)?({NUMBER})\s*(?:个)?\s*(点|元|块|跳|points?|ticks?|yuan|$|\s)",
    re.IGNORECASE,
)
_MOVE_FIRST = re.compile(rf"({NUMBER})\s*(?:个)?\s*(点|跳|points?|ticks?)", re.IGNORECASE)
_SHORT = re.compile(
    r"(?<!多)空(?!仓|间|闲|头市)|做空|卖空|卖出开仓|开空|卖.{0,16}买回|\bshort(?:ed|ing)?\b|\bsold\b(?=.{0,40}\bbought\b)|\bsell\b(?=.{0,40}\bbuy\b)",
    re.IGNORECASE,
)
_OUTCOME = re.compile(
    r"赚|亏|赔|挣|盈亏|盈利|损益|利润|盈了|profit|loss|lose|\bmake\b|\bmade\b|gain|earn|p&l|pnl",
    re.IGNORECASE,
)
_CLOSE_TODAY = re.compile(
    r"平今|日内|当天平|\bclose(?:d|s)?[ -]today\b|\bintraday\b|\bday[ -]trad", re.IGNORECASE
)
_CLOSE = re.compile(
    r"平(?!今|台|均)|来回|往返|双边|\bclos(?:e|es|ed|ing)\b(?![ -]today)|\bround[ -]?(?:trip|turn)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"开(?!户|通|盘|始)|来回|往返|双边|\bopen(?:s|ed|ing)?\b|\bround[ -]?(?:trip|turn)\b", re.IGNORECASE
)
_ENOUGH = re.compile(r"够|足够|足以|[买做开]得起|\b(?:enough|sufficient|suffice|afford)\b", re.IGNORECASE)
# A position with its cost and the price of now asks for the result, also without the word.
_HELD = re.compile(
    r"(?:买|卖|开|做多|做空|多单|空单|成本|进场|bought|sold|long|short).*(?:现在|现价|目前|当前|最新|现报|now|平)",
    re.IGNORECASE,
)
_RESULT_WORDS = re.compile(
    r"赚|亏|赔|挣|盈亏|盈利|损益|利润|收益|多少钱|多少|profit|loss|lose|make|gain|earn|p&l|pnl|how much",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Asks:
    """Patterns of ``rules.yaml`` section ``calc``: which figure, and what speaks against a calculation."""

    patterns: tuple[tuple[Ask, re.Pattern[str]], ...]
    size: re.Pattern[str]
    unless: re.Pattern[str]

    @property
    def fee(self) -> re.Pattern[str]:
        return dict(self.patterns)[Ask.FEE]


class SlotReader:
    """Reads the slots of a calculation from a question."""

    def __init__(self, names: Names, rules: Mapping[str, Any]) -> None:
        self._names = names
        self._asks = _Asks(
            tuple(
                (Ask(ask), re.compile("|".join(words), re.IGNORECASE)) for ask, words in rules["asks"].items()
            ),
            re.compile("|".join(rules["size"]), re.IGNORECASE),
            re.compile("|".join(rules["unless"]), re.IGNORECASE),
        )

    def mentions(self, text: str, near: date) -> tuple[Mention, ...]:
        return self._names.find(unicodedata.normalize("NFKC", text), near)

    def without_products(self, text: str, near: date) -> str:
        """The text with each product as §, so that rules can speak of one."""
        plain = unicodedata.normalize("NFKC", text)
        for mention in reversed(self._names.find(plain, near)):
            plain = plain[: mention.start] + "§" + plain[mention.end :]
        return plain

    def read(self, text: str, near: date) -> Slots:
        """The slots of a text; ``ask`` is None where no figure is asked for."""
        text = unicodedata.normalize("NFKC", text).replace("’", "'")
        mentions = self._names.find(text, near)
        words = _blanked(text, mentions)
        lots, mentions, figures = _lots(words, mentions)
        slots = self._figures(words, figures, mentions, lots)
        unpriced = _PRICE.sub(" ", figures, count=1)
        if slots.ask is None and mentions and not re.search(r"[^\s?？。.!！,，的呢吗算\x00]", unpriced):
            price = _price(figures) if unpriced != figures else None
            return replace(slots, ask=Ask.MARGIN_AND_FEE, bare=True, price=price)
        if slots.ask is not None and self._asks.unless.search(words):
            return replace(slots, ask=None)
        return slots

    def _figures(self, words: str, figures: str, mentions: tuple[Mention, ...], lots: int | None) -> Slots:
        """The figure asked for (from ``words``) and its prices (from ``figures``, in which lots are
        blanked).
        """
        base = Slots(mentions=mentions, lots=lots, short=bool(_SHORT.search(words)))
        ask = self._ask(words)
        span = _FROM_TO.search(figures)
        if span and _RESULT_WORDS.search(words):
            first, second = number(span[1]), number(span[2])
            if first and second and first / 20 < second < first * 20:
                return replace(base, ask=Ask.PNL, price_from=first, price_to=second)
        left = _left_over(figures)
        result = _OUTCOME.search(words) or (mentions and ask is None and _HELD.search(words))
        if len(left) == 2 and result and left[0] / 3 < left[1] < left[0] * 3:
            return replace(base, ask=Ask.PNL, price_from=left[0], price_to=left[1])
        move = price_move(figures)
        if move is not None and ask is not Ask.MAX_LOTS and _RESULT_WORDS.search(words):
            amount, in_ticks, loss = move
            if ask is not Ask.TICK_VALUE or abs(amount) != 1:
                return replace(base, ask=Ask.PNL, move=amount, move_in_ticks=in_ticks, loss=loss)
        if ask is None:
            return base
        if ask is Ask.MAX_LOTS:
            priced = _PRICE.search(figures) or _PRICE_AFTER.search(figures)
            price = number(priced[1]) if priced else None
            others = figures.replace(priced[0], " ") if priced else figures
            capital, left = _largest(others), _left_over(others)
            if price is None and len(left) == 2 and capital in left and left[0] != left[1]:
                price = min(left)
            enough_for = (lots or 1) if _ENOUGH.search(words) else None
            return replace(base, ask=ask, lots=None, price=price, capital=capital, enough_for=enough_for)
        with_fee = ask is Ask.TICK_VALUE and bool(self._asks.fee.search(words))
        parts = _fee_parts(words) if ask in (Ask.FEE, Ask.MARGIN_AND_FEE) or with_fee else ()
        return replace(
            base,
            mentions=_priced(mentions, figures),
            ask=ask,
            price=_price(figures),
            fee_parts=parts,
            size=ask is Ask.TICK_VALUE and bool(self._asks.size.search(words)),
            with_fee=with_fee,
        )

    def _ask(self, words: str) -> Ask | None:
        return next((ask for ask, pattern in self._asks.patterns if pattern.search(words)), None)


def _fee_parts(words: str) -> tuple[str, ...]:
    """Which parts of a trade the fee is asked for: a round trip of one day closes today's position."""
    today, back = (
        bool(_CLOSE_TODAY.search(words)),
        bool(re.search(r"来回|往返|双边|round", words, re.IGNORECASE)),
    )
    said = {
        "open": bool(_OPEN.search(words)),
        "close": bool(_CLOSE.search(words)) and not (back and today),
        "close_today": today,
    }
    return tuple(part for part, wanted in said.items() if wanted)


def _blanked(text: str, mentions: Iterable[Mention]) -> str:
    """The text with each mention replaced by NULs of the same length: its digits are no price."""
    for mention in mentions:
        text = text[: mention.start] + "\x00" * (mention.end - mention.start) + text[mention.end :]
    return text


def _lots(text: str, mentions: tuple[Mention, ...]) -> tuple[int | None, tuple[Mention, ...], str]:
    """Lots said once for all, or beside each product; and the text with NULs in their place."""
    said: list[tuple[int, int, int]] = []
    for match in _LOTS.finditer(text):
        value = number(match[1])
        if value is not None:
            said.append((match.start(), match.end(), max(1, int(value))))
    for match in _LOTS_EN.finditer(text.lower()):
        value = Decimal(match[1]) if match[1].isdigit() else Decimal(_WORDS_EN[match[1]])
        said.append((match.start(), match.end(), max(1, int(value))))
    if not said:
        said = [(m.start(1), m.end(1), max(1, int(m[1]))) for m in _LOTS_OF.finditer(text)]
    said.sort()
    for start, end, _ in said:
        text = text[:start] + "\x00" * (end - start) + text[end:]
    if len(said) < 2 or len(mentions) < 2:
        return (said[0][2] if said else None), mentions, text
    after = said[0][0] >= mentions[0].start
    owned = tuple(replace(mention, lots=_owned(mention, said, after=after)) for mention in mentions)
    return None, owned, text


def _owned(mention: Mention, said: Sequence[tuple[int, int, int]], *, after: bool) -> int:
    """The lots of one product among several: those that follow it (螺纹2手豆粕3手), or those before it (2手螺纹)."""
    if after:
        following = [lots for start, _, lots in said if start >= mention.end]
        return following[0] if following else said[-1][2]
    before = [lots for _, end, lots in said if end <= mention.start]
    return before[-1] if before else said[0][2]


def _price(rest: str) -> Decimal | None:
    """The price said outright, else the only figure that is left over."""
    match = _PRICE.search(rest) or _PRICE_AFTER.search(rest)
    if match:
        return number(match[1])
    left = _left_over(rest)
    return left[0] if len(left) == 1 else None


def _left_over(rest: str) -> list[Decimal]:
    """Figures that are no share, no day, no count of ticks."""
    rest = re.sub(rf"{NUMBER}\s*(?:%|个点|跳|天|年|月|号|倍|成|次|期|档)", " ", rest)
    found = re.findall(r"(?<![\d.])\d[\d,]*(?:\.\d+)?\s?(?:万\d{0,4}|w|千|k(?![a-z]))?", rest)
    values = [number(text) for text in found]
    return [value for value in values if value is not None and value >= 10]


def _priced(mentions: tuple[Mention, ...], figures: str) -> tuple[Mention, ...]:
    """Each product with its own price, where as many prices as products were said (螺纹3030豆粕3250)."""
    left = _left_over(figures)
    if len(mentions) < 2 or len(left) != len(mentions):
        return mentions
    return tuple(replace(m, price=price) for m, price in zip(mentions, left, strict=True))


def _largest(rest: str) -> Decimal | None:
    numbers = [number(m) for m in re.findall(NUMBER, rest, re.IGNORECASE)]
    found = [n for n in numbers if n is not None and n >= 100]
    return max(found) if found else None


def price_move(rest: str) -> tuple[Decimal, bool, bool | None] | None:
    """Amount, whether it counts ticks, and whether a loss or a gain was said outright (None: a price
    move).
    """
    match = _MOVE.search(rest)
    if match is None:
        return None
    amount = number(match[2]) if not match[2].isalpha() or has_han(match[2]) else None
    if amount is None or (not match[3].strip() and amount < 2 and amount == int(amount)):
        return None
    word = match[1].lower()
    in_ticks = match[3] == "跳" or match[3].startswith("tick")
    if word[0] in "赚挣盈" or word.startswith("gain"):
        return amount, in_ticks, False
    if word[0] in "亏赔" or word.startswith("lose"):
        return amount, in_ticks, True
    down = word[0] in "跌降" or word in ("下跌", "down") or word.startswith(("fall", "drop"))
    return (-amount if down else amount), in_ticks, None
