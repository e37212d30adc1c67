"""The client register as CSV and as XLSX: rows, and lines that are left out with a reason."""

import csv
import io
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from domain.settlement import StatementError
from statements.register import read_register

HEADING = "account,name,kind,phone,tier,manager,officer,opened_on,fee_plan,margin_plan,language\n"
GOOD = "1001,甲,person,13800000001,key,M01,S01,2024-03-18,standard,,zh\n"


def rejected(row: str) -> list[tuple[int, str]]:
    return [(one.line, one.code) for one in read_register("x", (HEADING + GOOD + row).encode()).rejected]


def test_the_sample_register_is_whole(samples: Path) -> None:
    """Eight clients, none left out, each with the staff of the sample brokerage."""
    register = read_register("register.csv", (samples / "register.csv").read_bytes())
    assert len(register.rows) == 8
    assert register.rejected == ()
    with (samples / "staff.csv").open(encoding="utf-8") as file:
        staff = {row["code"]: row["role"] for row in csv.DictReader(file)}
    assert {staff[row.manager] for row in register.rows if row.manager} == {"manager"}
    assert {staff[row.officer] for row in register.rows if row.officer} == {"officer"}
    demo = {row.account: row for row in register.rows}
    assert (demo["80012345"].name, demo["80012345"].phone) == ("王明", "13800000001")
    assert (demo["80023456"].name, demo["80023456"].tier) == ("李静", "premier")
    assert demo["80067890"].tier is None


def test_a_workbook_gives_the_same_rows(samples: Path) -> None:
    """Numbers in cells are account numbers and phones all the same; dates may be dates."""
    data = (samples / "register.csv").read_bytes()
    book = openpyxl.Workbook()
    for row in csv.reader(io.StringIO(data.decode())):
        book.active.append([int(cell) if cell.isdigit() else cell for cell in row])
    for cell in book.active["H"][1:]:
        cell.value = date.fromisoformat(cell.value)
    out = io.BytesIO()
    book.save(out)
    assert read_register("x", out.getvalue()).rows == read_register("x", data).rows


def test_chinese_headings_and_words_are_understood() -> None:
    """Registers are kept by people who write Chinese."""
    text = "客户名称,资金账号,客户类型,手机号,分级,客户经理\n样例公司,1001,机构,+86 138-0000-0001,重点,M01\n"
    (row,) = read_register("x", text.encode("gbk")).rows
    assert (row.kind, row.phone, row.tier, row.manager) == ("institution", "13800000001", "premier", "M01")
    assert (row.officer, row.language) == (None, None)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("1002,乙,person,13800000002,vip,,,,,,zh\n", "bad_word"),
        ("1002,乙,person,12345,,,,,,,zh\n", "bad_phone"),
        ("1002,乙,person,23800000002,,,,,,,zh\n", "bad_phone"),
        ("1001,乙,person,13800000002,,,,,,,zh\n", "twice"),
        ("1002,=1+1,person,,,,,,,,zh\n", "formula_text"),
        ("1002,@cmd,person,,,,,,,,zh\n", "formula_text"),
        ("=1002,乙,person,,,,,,,,zh\n", "formula_text"),
        ("../1002,乙,person,,,,,,,,zh\n", "bad_account"),
        ("1002,,person,,,,,,,,zh\n", "empty_cell"),
        ("1002,乙,alien,,,,,,,,zh\n", "bad_word"),
        ("1002,乙,person,,,<b>,,,,,zh\n", "bad_word"),
        ("1002,乙,person,,,,,2024-02-30,,,zh\n", "bad_date"),
        ("1002,乙,person,,,,,,,,fr\n", "bad_word"),
        (f"1002,{'乙' * 101},person,,,,,,,,zh\n", "too_long"),
    ],
)
def test_a_row_that_cannot_be_taken_is_left_out_with_its_line(row: str, code: str) -> None:
    """The others are taken."""
    assert rejected(row) == [(3, code)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"account,phone\n1,2\n", "missing_columns"),
        ("account,name,姓名\n1,2,3\n".encode(), "duplicate_column"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_xls"),
        (b"PK\x03\x04", "broken_workbook"),
        (HEADING.encode(), "no_rows"),
        ((HEADING + '1,"').encode(), "broken_csv"),
    ],
)
def test_a_file_that_is_no_register_is_refused(data: bytes, code: str) -> None:
    """With a sentence."""
    with pytest.raises(StatementError) as caught:
        read_register("x", data)
    assert caught.value.reason_code == code


def test_a_missing_column_is_named() -> None:
    """By the name that it should have."""
    with pytest.raises(StatementError, match="name"):
        read_register("x", b"account\n1\n")


def test_a_formula_cell_in_a_workbook_refuses_it() -> None:
    """Naming the cell."""
    book = openpyxl.Workbook()
    for row in (["account", "name"], ["1001", "=A1"]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(StatementError, match="B2"):
        read_register("x", out.getvalue())
