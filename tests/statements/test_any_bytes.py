"""Whatever the bytes: records, or a StatementError. Never anything else."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.settlement import ParsedFile, StatementError
from statements import Limits, read
from statements.register import read_register

SAMPLES = Path(__file__).parents[2] / "samples"
GOOD = [path.read_bytes() for path in sorted((SAMPLES / "formats").iterdir())]
REGISTER = (SAMPLES / "register.csv").read_bytes()
HEADS = (
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"\xef\xbb\xbf",
    b"AccountID,TradingDay,Balance,CurrMargin\n",
    b"InvestorID,InstrumentID,PosiDirection,Position,TradingDay\n",
    "交易结算单(盯市)\n客户号 Client ID：1\n日期 Date：20260817\n资金状况\n".encode(),
)


def attempt(data: bytes) -> ParsedFile | StatementError:
    try:
        return read("x", data, limits=Limits(max_rows=5000))
    except StatementError as refused:
        error = refused
    assert error.reason
    assert error.reason_zh
    return error


@given(st.binary(max_size=400), st.sampled_from([b"", *HEADS]))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_records_or_a_statement_error(data: bytes, head: bytes) -> None:
    """With and without the beginning of something that is known."""
    attempt(head + data)


@given(st.text(max_size=300), st.sampled_from(["", *(head.decode("utf-8", "ignore") for head in HEADS)]))
@settings(max_examples=150, deadline=None)
def test_any_text_gives_records_or_a_statement_error(text: str, head: str) -> None:
    """Text gets further into the readers than bytes do."""
    attempt((head + text).encode("utf-8", "surrogatepass"))


@given(st.sampled_from(GOOD), st.data())
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.large_base_example])
def test_a_damaged_file_gives_records_or_a_statement_error(good: bytes, data: st.DataObject) -> None:
    """Bytes changed, cut out or doubled in every kind of good file."""
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        length = data.draw(st.integers(0, 40))
        damaged[place : place + length] = data.draw(st.binary(max_size=12))
        if not damaged:
            break
    attempt(bytes(damaged))


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_a_register_or_a_statement_error(data: bytes, appended: bool) -> None:
    """The register is somebody else's file too."""
    with contextlib.suppress(StatementError):
        read_register("x", REGISTER + data if appended else data)


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\x.csv", "\0", "名" * 5000, ""])
def test_the_name_of_a_file_is_never_a_path(name: str) -> None:
    """It is not opened, and the figures do not depend on it."""
    assert read(name, GOOD[0]).sha256 == read("x", GOOD[0]).sha256
