"""Bytes of a text file into text: UTF-8 with or without mark, GBK, GB18030; never two at once."""

import re

from statements.reasons import refuse

# What Chinese in UTF-8 is made of; GBK bytes that happen to be valid UTF-8 do not land in these blocks.
_CHINESE = re.compile("[\u3000-\u9fff\uff00-\uffef]")


def decode(data: bytes) -> tuple[str, str]:
    """The text and the name of its encoding. Raises StatementError for UTF-16, for a line in neither
    encoding, and for mixed encodings.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise refuse("utf16")
    try:
        return data.decode("utf-8-sig"), "utf-8-sig"
    except UnicodeDecodeError:
        pass
    return _decode_gb18030(data), "gb18030"


def _decode_gb18030(data: bytes) -> str:
    utf8_line = None
    other_line = None
    for position, line in enumerate(data.split(b"\n"), start=1):
        if line.isascii():
            continue
        try:
            chinese = _CHINESE.search(line.decode("utf-8")) is not None
        except UnicodeDecodeError:
            other_line = other_line or position
            _refuse_foreign_bytes(line, position, utf8_line)
            continue
        if chinese:
            utf8_line = utf8_line or position
        else:
            _refuse_foreign_bytes(line, position, utf8_line)
    if utf8_line is not None and other_line is not None:
        raise refuse("mixed_encoding", other_line, other=str(utf8_line))
    return data.decode("gb18030")


def _refuse_foreign_bytes(line: bytes, position: int, utf8_line: int | None) -> None:
    try:
        line.decode("gb18030")
    except UnicodeDecodeError:
        if utf8_line is not None:
            raise refuse("mixed_encoding", position, other=str(utf8_line)) from None
        raise refuse("encoding", position) from None
