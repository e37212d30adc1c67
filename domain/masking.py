"""Personal data taken out of words that others will read: numbers, phones, addresses, names. What stays is the question."""

import re
from collections.abc import Iterable

_LINK = re.compile(r"(?:https?://|t\.me/|www\.)\S+", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_HANDLE = re.compile(r"(?<![\w@])@\w{4,}", re.ASCII)
_IDENTITY = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")
_PHONE = re.compile(
    r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)|(?<!\d)0\d{2,3}[- ]\d{7,8}(?!\d)"
)
# Contract codes (rb2610) have letters in front; years, prices and amounts have at most four digits or a unit behind.
_NUMBER = re.compile(
    r"(?<![A-Za-z\d.])\d(?:[ -]?\d){4,}(?![\d.]|\s*(?:元|块|点|万|手|yuan|CNY))", re.IGNORECASE
)
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜"
    "崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_TITLED = re.compile(rf"[{_SURNAMES}][\u4e00-\u9fff]{{0,2}}(?=经理|先生|女士|小姐|老师|总监|主任|老板)")
_CALLED = re.compile(
    rf"((?:我叫|我是|本人|姓名[:：]?|户名[:：]?|名字[是叫]?)\s*)([{_SURNAMES}][\u4e00-\u9fff]{{1,2}})(?![\u4e00-\u9fff])"
)
_CALLED_EN = re.compile(r"\b((?i:my name is|i am|i'm|this is)\s+)([A-Z][a-z]+(?:\s[A-Z][a-z]+)?)\b")


def masked_words(text: str, names: Iterable[str] = ()) -> str:
    """The text with stars where personal data stood. ``names`` are those known to belong to the speaker."""
    for name in sorted((name for name in names if len(name) > 1), key=len, reverse=True):
        text = text.replace(name, "*")
    for pattern in (_LINK, _MAIL, _HANDLE, _IDENTITY, _PHONE, _NUMBER):
        text = pattern.sub("***", text)
    text = _TITLED.sub("*", text)
    text = _CALLED.sub(r"\1*", text)
    return _CALLED_EN.sub(r"\1*", text)
