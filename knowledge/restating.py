"""Whether a wording only restates a text: no number, date, product, promise, address or claim that the text has not.

A checker that errs does so on the safe side: where it is in doubt the curated text goes out.
"""

import re
import unicodedata
from collections.abc import Callable, Collection
from decimal import Decimal

from knowledge.guard_rails import GuardRails
from knowledge.lexicon import has_han
from knowledge.slots import number

Products = Callable[[str], Collection[str]]

_LONGEST = Decimal("1.3")
_OWN_SHARE = 0.5
_DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?")
_HAN_NUMBER = re.compile(
    r"(?<=分之)([零〇一二两三四五六七八九十百千万半]+)|([零〇一二两三四五六七八九十百千万亿半]{2,}"
    r"|[零〇一二两三四五六七八九十百千万亿半](?=[个手元块角分天日年月周倍成点跳次位家笔吨克股张份%]|小时|分钟|工作日|交易日|自然日))"
)
_LISTED = re.compile(r"^\s*\d+[.、)]\s", re.MULTILINE)
_NO_NUMBER = re.compile(
    r"一(?:般|些|下|定|样|起|致|旦|律|直|切|并|方面|同|经)|统一|唯一|万一|十分|千万(?=不|别|勿)|百分百"
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
} | {
    "twenty": 20,
    "thirty": 30,
    "fifty": 50,
    "hundred": 100,
    "thousand": 1000,
    "half": 0,
    "double": 2,
    "twice": 2,
}
# Each of these may stand in the wording only where it stands in the text.
_TIED = (
    re.compile(
        r"今天|今日|明天|明日|后天|昨天|次日|当天|当日|下周|本周|下个?月|本月|月底|年底|周[一二三四五六日末天]|星期[一二三四五六日天]|上午|下午|夜盘|日盘"
    ),
    re.compile(
        r"(?i)\b(?:today|tomorrow|yesterday|tonight|monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekends?|morning|afternoon|"
        r"january|february|march|april|june|july|august|september|october|november|december|next (?:day|week|month))\b"
    ),
    re.compile(
        r"上期所|上海期货交易所|大商所|大连商品交易所|郑商所|郑州商品交易所|中金所|中国金融期货交易所|广期所|广州期货交易所|能源中心|证监会|证监局|中期协|监控中心"
    ),
    re.compile(r"\b(?:SHFE|DCE|CZCE|ZCE|CFFEX|GFEX|INE|CSRC|CFA)\b"),
    re.compile(
        r"保证(?!金)|承诺|担保|一定|肯定|必然|绝对|确保|免费|免收|无需|赔偿|补偿|退还|减免|优惠|折扣|返还|立即到账|随时|马上|最低|最高|最快|永远|任何"
    ),
    re.compile(
        r"(?i)\b(?:guarantee\w*|promise\w*|certain\w*|definitely|always|never|free|no charge|refund\w*|compensat\w*|discount\w*|waive\w*|"
        r"immediately|instantly|lowest|highest|any time|must|shall)\b"
    ),
    re.compile(r"建议|推荐|应该|最好|不妨|适合|值得"),
    re.compile(r"(?i)\b(?:recommend\w*|advise\w*|suggest\w*|should|had better)\b"),
    re.compile(
        r"(?i)https?://\S+|www\.\S+|t\.me/\S+|[\w.+-]+@[\w.-]+|(?<!\w)@\w{3,}|微信|QQ|支付宝|WeChat|WhatsApp|Alipay"
    ),
)
_DENIED = re.compile(
    r"(?:不(?:得|能|会|可以|可|允许|必|需要|用|要|再|收|是)?|无法|无须|禁止|严禁|勿)(?=([\u4e00-\u9fff]{2}))"
    r"|\b(?:not|cannot|can't|never|don't|doesn't|won't|isn't)\s+(?:be\s+|to\s+)?(?=([a-z]{3,}))",
    re.IGNORECASE,
)
_ABSENT = re.compile(r"(?:没有|未)(?=([\u4e00-\u9fff]{2}))|\b(?:no|without)\s+(?=([a-z]{3,}))", re.IGNORECASE)
_SENTENCES = re.compile(r"[。！？!?；;\n]+|\.(?=\s|$)")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_LATIN = re.compile(r"[a-z]{4,}")


def faults(
    wording: str, cited: str, *, lang: str, question: str, products: Products, rails: GuardRails
) -> tuple[str, ...]:
    """Why a wording must not go out; empty where it only restates ``cited``.

    ``question`` is what it answers: its words are no news, but its figures and products are no source either.
    ``products`` finds the products that a text names.
    """
    said, source = _plain(wording), _plain(cited)
    found: list[str] = []
    if not said.strip() or len(said) > len(source) * _LONGEST + 20:
        found.append("length")
    if has_han(said) != (lang == "zh") and has_han(source) == (lang == "zh"):
        found.append("language")
    if _numbers(said) - _numbers(source):
        found.append("number")
    if set(products(said)) - set(products(source)):
        found.append("product")
    if any(_new(pattern, said, source) for pattern in _TIED):
        found.append("claim")
    if rails.of_staff(wording) is not None:
        found.append("rail")
    if _turned(said, source):
        found.append("denial")
    if not _of_the_same_words(said, source, _plain(question)):
        found.append("news")
    return tuple(found)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _numbers(text: str) -> set[Decimal]:
    """Every figure, in digits or in words, as its value."""
    text = _LISTED.sub("", text)
    found = {Decimal(m[0].replace(",", "")) for m in _DIGITS.finditer(text)}
    for match in _HAN_NUMBER.finditer(_NO_NUMBER.sub(" ", text)):
        value = number(match[1] or match[2])
        if value is not None:
            found.add(value)
    words = re.findall(r"[a-z]+", text.lower())
    found |= {Decimal(_WORDS_EN[word]) for word in words if word in _WORDS_EN and word not in ("one", "half")}
    return found


def _new(pattern: re.Pattern[str], said: str, source: str) -> bool:
    """Whether something of this sort is said that the source does not say."""
    known = {m[0].lower() for m in pattern.finditer(source)}
    return any(m[0].lower() not in known for m in pattern.finditer(said))


def _turned(said: str, source: str) -> bool:
    """Whether something denied in the source is affirmed, or something else denied."""
    denied, denied_now = _what(source, _DENIED), _what(said, _DENIED)
    absent, absent_now = _what(source, _ABSENT), _what(said, _ABSENT)
    if denied_now - denied - absent or absent_now - absent - denied:
        return True
    return any(_affirmed(words, said) and not _affirmed(words, source) for words in denied)


def _what(text: str, denial: re.Pattern[str]) -> set[str]:
    """What follows each denial: two characters, or a word."""
    return {(match[1] or match[2]).lower() for match in denial.finditer(text)}


def _affirmed(words: str, text: str) -> bool:
    """Whether the words stand somewhere that no denial stands right before."""
    places = (match.start() for match in re.finditer(re.escape(words), text, re.IGNORECASE))
    ends = {at for match in _DENIED.finditer(text) for at in range(match.end(), match.end() + 5)}
    return any(at not in ends for at in places)


def _of_the_same_words(said: str, source: str, question: str) -> bool:
    """Whether each sentence is mostly made of the source's and the question's words."""
    known = _pieces(source) | _pieces(question)
    for sentence in _SENTENCES.split(said):
        pieces = _pieces(sentence)
        if len(pieces) >= 4 and len(pieces & known) < _OWN_SHARE * len(pieces):
            return False
    return True


def _pieces(text: str) -> set[str]:
    """Pairs of Chinese characters, and English words of four letters or more by their stem."""
    pairs = {run[n : n + 2] for run in _HAN.findall(text) for n in range(len(run) - 1)}
    return pairs | {word[:6] for word in _LATIN.findall(text.lower())}
