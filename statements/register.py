"""The client register: CSV or XLSX with one row an account, rows and rejected rows with their reasons.

Columns are found by name, English or Chinese: account, name, kind, phone, tier, manager, officer,
opened_on, fee_plan, margin_plan, language. Only account and name must be there.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from domain.people import TIERS
from domain.settlement import LineNote
from statements import figures
from statements.encoding import decode
from statements.limits import Limits
from statements.reasons import note, refuse
from statements.rows import RowError, bounded
from statements.workbook import read_workbook

COLUMNS = {
    "account": "account",
    "accountid": "account",
    "资金账号": "account",
    "资金帐号": "account",
    "客户号": "account",
    "name": "name",
    "姓名": "name",
    "客户名称": "name",
    "客户姓名": "name",
    "kind": "kind",
    "客户类型": "kind",
    "类型": "kind",
    "phone": "phone",
    "手机": "phone",
    "手机号": "phone",
    "电话": "phone",
    "联系电话": "phone",
    "tier": "tier",
    "分级": "tier",
    "客户分级": "tier",
    "manager": "manager",
    "客户经理": "manager",
    "officer": "officer",
    "服务专员": "officer",
    "opened_on": "opened_on",
    "开户日期": "opened_on",
    "fee_plan": "fee_plan",
    "手续费方案": "fee_plan",
    "margin_plan": "margin_plan",
    "保证金方案": "margin_plan",
    "language": "language",
    "语言": "language",
}
KINDS = {
    "": "person",
    "person": "person",
    "个人": "person",
    "自然人": "person",
    "institution": "institution",
    "机构": "institution",
    "法人": "institution",
}
TIER_WORDS = {"普通": "retail", "关键": "key", "重点": "premier", "高频": "active"}
LANGUAGES = {"": "", "zh": "zh", "中文": "zh", "en": "en", "英文": "en"}

_LONGEST = 100
_PHONE = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})", re.ASCII)
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,31}", re.ASCII)
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """One account as the register has it. ``phone`` is eleven digits; empty cells are None.

    ``manager`` and ``officer`` are staff codes, ``fee_plan`` and ``margin_plan`` names of
    config.yaml; whether they exist is for the caller to see.
    """

    line: int
    account: str
    name: str
    kind: str
    phone: str | None
    tier: str | None
    manager: str | None
    officer: str | None
    opened_on: date | None
    fee_plan: str | None
    margin_plan: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class Register:
    """The rows that can be taken, the lines that cannot, and the columns that the file has."""

    rows: tuple[RegisterRow, ...]
    rejected: tuple[LineNote, ...]
    columns: frozenset[str]
    sha256: str


def read_register(name: str, data: bytes, *, limits: Limits = _DEFAULT) -> Register:
    """The register of a CSV or XLSX file. Raises StatementError where the file as a whole cannot be read.

    The bytes decide which of the two it is; ``name`` is never opened and never trusted.
    """
    if not data.strip():
        raise refuse("empty")
    if len(data) > limits.max_bytes:
        raise refuse("too_large", size=str(len(data)), limit=str(limits.max_bytes))
    if data.startswith(_OLE):
        raise refuse("old_xls")
    lines = _workbook_lines(data, limits) if data.startswith(_ZIP) else _csv_lines(data, limits)
    heading_line, heading = next(lines, (1, []))
    places = _places(heading_line, heading)
    rows: dict[str, RegisterRow] = {}
    rejected = []
    for line, cells in lines:
        try:
            row = _row(line, cells, places)
            if row.account in rows:
                raise RowError("twice", account=row.account, other=str(rows[row.account].line))
            rows[row.account] = row
        except RowError as bad:
            rejected.append(note(bad.code, line, **bad.facts))
    if not rows and not rejected:
        raise refuse("no_rows")
    return Register(tuple(rows.values()), tuple(rejected), frozenset(places), sha256(data).hexdigest())


def _csv_lines(data: bytes, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    text, _ = decode(data)
    first = text.lstrip().split("\n", 1)[0]
    reader = csv.reader(
        bounded(io.StringIO(text, newline="")), delimiter=max(",\t;", key=first.count), strict=True
    )
    taken = 0
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            taken += 1
            if taken > limits.max_rows:
                raise refuse("too_many_rows", reader.line_num, limit=str(limits.max_rows))
            yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise refuse("broken_csv", reader.line_num, detail=str(error)) from None


def _workbook_lines(data: bytes, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    sheets = read_workbook(data, limits)
    for row in next(iter(sheets.values()), []):
        if any(row.cells):
            yield row.number, row.cells


def _places(line: int, heading: list[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, cell in enumerate(heading):
        column = COLUMNS.get(cell.strip().strip("\"'\ufeff").lower())
        if column in places:
            raise refuse("duplicate_column", line, column=cell)
        if column is not None:
            places[column] = place
    missing = [column for column in ("account", "name") if column not in places]
    if missing:
        raise refuse("missing_columns", line, columns="、".join(missing))
    return places


def _row(line: int, cells: list[str], places: dict[str, int]) -> RegisterRow:
    texts = {column: cells[place] if place < len(cells) else "" for column, place in places.items()}
    for column, text in texts.items():
        if len(text) > _LONGEST:
            raise RowError("too_long", column=column, limit=str(_LONGEST))
        if column != "phone" and figures.begins_like_a_formula(text):
            raise RowError("formula_text", column=column, value=text)
    account = figures.account(texts["account"])
    if account is None:
        raise RowError("bad_account", value=texts["account"])
    if not texts["name"]:
        raise RowError("empty_cell", column="name")
    return RegisterRow(
        line=line,
        account=account,
        name=texts["name"],
        kind=_word(texts, "kind", KINDS),
        phone=_phone(texts.get("phone", "")),
        tier=_tier(texts.get("tier", "")),
        manager=_code(texts, "manager"),
        officer=_code(texts, "officer"),
        opened_on=_day(texts.get("opened_on", "")),
        fee_plan=_code(texts, "fee_plan"),
        margin_plan=_code(texts, "margin_plan"),
        language=_word(texts, "language", LANGUAGES) or None,
    )


def _word(texts: dict[str, str], column: str, words: dict[str, str]) -> str:
    text = texts.get(column, "")
    found = words.get(text.lower())
    if found is None:
        raise RowError("bad_word", label=column, value=text)
    return found


def _tier(text: str) -> str | None:
    tier = TIER_WORDS.get(text, text.lower())
    if tier and tier not in TIERS:
        raise RowError("bad_word", label="tier", value=text)
    return tier or None


def _phone(text: str) -> str | None:
    digits = re.sub(r"[\s()-]", "", text)
    if not digits:
        return None
    match = _PHONE.fullmatch(digits)
    if match is None:
        raise RowError("bad_phone", value=text)
    return match[1]


def _code(texts: dict[str, str], column: str) -> str | None:
    text = texts.get(column, "")
    if text and not _CODE.fullmatch(text):
        raise RowError("bad_word", label=column, value=text)
    return text or None


def _day(text: str) -> date | None:
    day = figures.day(text) if text else None
    if text and day is None:
        raise RowError("bad_date", value=text)
    return day
