"""What is refused, whole, with its line and a sentence: wrong sums, half files, foreign bytes, nonsense."""

import contextlib
import io
import re
import zipfile
from pathlib import Path

import pytest

from domain.settlement import StatementError
from statements import Limits, read
from statements.reasons import REASONS, sentences

AMOUNT = re.compile(r"-?\d+\.\d\d(?=%|\s|$)")


def refusal(data: bytes | str, limits: Limits | None = None) -> StatementError:
    raw = data.encode() if isinstance(data, str) else data
    with pytest.raises(StatementError) as caught:
        read("x", raw, limits=limits or Limits())
    return caught.value


def replaced(text: str, place: int, digit: str) -> str:
    return text[:place] + digit + text[place + 1 :]


def changed_digits(text: str) -> list[tuple[int, str]]:
    """Each digit of each amount in the account section and in the total rows, changed once."""
    found = []
    start = 0
    for line in text.split("\n"):
        in_account = "|" not in line and AMOUNT.search(line)
        if in_account or re.match(r"\| *共", line):
            for match in re.finditer(r"\d", line):
                if "Initial Margin" in line and match.start() > line.index("Initial Margin"):
                    # 基础保证金 enters no sum of the statement, so nothing can tell.
                    continue
                changed = replaced(line, match.start(), "7" if match[0] != "7" else "2")
                found.append((start + match.start(), changed[match.start()]))
        start += len(line) + 1
    return found


@pytest.mark.parametrize("kind", ["mtm", "by trade", "option"])
def test_any_changed_digit_of_the_summary_or_of_a_total_is_refused(
    statement: str, with_option: str, samples: Path, kind: str
) -> None:
    """Every printed amount is bound to the others by a sum."""
    by_trade = (samples / "formats" / "by_trade.txt").read_bytes().decode("gbk")
    text = {"mtm": statement, "by trade": by_trade, "option": with_option}[kind]
    changes = changed_digits(text)
    assert len(changes) > 150
    for place, digit in changes:
        refusal(replaced(text, place, digit))


def test_a_wrong_balance_is_named_with_its_line(statement: str) -> None:
    """The sentence says what is printed and what the items give."""
    error = refusal(statement.replace("519415.43", "519415.44", 1))
    assert (error.line, error.reason_code) == (12, "sum_balance")
    assert error.reason == "balance c/f is 519415.44, but the items give 519415.43"
    assert "519415.44" in error.reason_zh
    assert str(error) == error.reason
    assert error.code == "statement_refused"


@pytest.mark.parametrize(
    ("old", "new", "where", "code"),
    [
        ("476493.93", "476493.94", "Fund Avail.", "sum_available"),
        ("8.26%", "8.27%", "Risk Degree", "sum_risk"),
        (
            "Margin Call：                  0.00",
            "Margin Call：                  0.01",
            "Margin Call",
            "sum_call",
        ),
        ("42921.50\n", "42921.60\n", "Margin Occupied", "sum_margin"),
        (
            "|     21816.00|                 0.00|",
            "|     21817.00|                 0.00|",
            "|     11|",
            "total_sum",
        ),
        ("|  共   2条|        |", "|  共   3条|        |", "|  共   3条|        |", "total_count"),
        ("|      6|       3050.000|", "|      7|       3050.000|", "|     11|", "total_sum"),
        (
            "|         6|      3050.000|",
            "|         5|      3050.000|",
            "|         6|              |",
            "total_sum",
        ),
        ("|     14.57|       -240.00|", "|     14.57|       -250.00|", "|     24.57|", "total_sum"),
    ],
)
def test_each_sum_is_checked(statement: str, old: str, new: str, where: str, code: str) -> None:
    """One wrong figure refuses the file, and the line is the one where the sum is printed."""
    assert old in statement
    changed = statement.replace(old, new, 1)
    error = refusal(changed)
    line = next(number for number, text in enumerate(changed.split("\n"), start=1) if where in text)
    assert (error.reason_code, error.line) == (code, line)


def test_detail_and_summary_must_hold_the_same_lots(statement: str) -> None:
    """Two wrong figures that keep every total are still found."""
    text = statement.replace(
        "|         6|      3050.000|         0|", "|         0|      3050.000|         6|"
    )
    text = text.replace("|         6|              |         5|", "|         0|              |        11|")
    assert refusal(text).reason_code == "detail_summary"


def test_a_statement_cut_anywhere_is_refused(statement: str) -> None:
    """Half a statement is no statement, whether it ends between lines or inside one."""
    lines = statement.rstrip("\n").split("\n")
    last_total = max(place for place, line in enumerate(lines) if "共" in line)
    for count in range(1, last_total):
        refusal("\n".join(lines[:count]) + "\n")
    end = statement.rindex("共")
    for place in range(40, end, 97):
        refusal(statement[:place])


def test_one_wrong_statement_refuses_the_whole_file(statement: str, with_option: str) -> None:
    """The other accounts of the file are not taken either; the line is the file's."""
    error = refusal(statement + "\n\n" + with_option.replace("255761.28", "255761.29", 1))
    assert error.line is not None
    assert error.line > len(statement.split("\n"))


def test_an_account_twice_in_a_file_is_refused(statement: str) -> None:
    """Two statements of one account and day leave it open which one holds."""
    error = refusal(statement + "\n\n" + statement)
    assert error.reason_code == "duplicate_account"
    assert error.reason_facts["account"] == "80012345"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b" \r\n\t ", "empty"),
        (b"\xef\xbb\xbf", "not_a_statement"),
        ("今天的结算单请查收。".encode(), "not_a_statement"),
        (b"%PDF-1.7 ...", "not_a_statement"),
        (b"<html><body>404</body></html>", "not_a_statement"),
        (b"hello,world\n1,2\n", "not_a_statement"),
        ("交易结算单".encode("utf-16"), "utf16"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old_xls"),
        (b"PK\x03\x04 not really", "broken_workbook"),
        (b"\x00\xff\x81\n\x80", "encoding"),
    ],
)
def test_what_is_no_statement_is_said_so(data: bytes, code: str) -> None:
    """A sentence, and never a stack trace."""
    error = refusal(data)
    assert error.reason_code == code
    assert error.reason
    assert error.reason_zh


def test_an_old_workbook_is_told_to_be_saved_as_xlsx() -> None:
    """The remedy is in the sentence."""
    assert ".xlsx" in refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600).reason


def test_a_large_file_is_refused_before_it_is_read() -> None:
    """50 MB is beyond the shipped limit; the sentence names the setting."""
    error = refusal(b"x" * (50 * 1024 * 1024))
    assert error.reason_code == "too_large"
    assert "max_bytes" in error.reason


@pytest.mark.parametrize("filler", [" ", "|", "a:", "共 "])
def test_a_line_without_end_is_refused(statement: str, filler: str) -> None:
    """No line may cost more than a pass, and no table more columns than a screen has."""
    error = refusal(statement + filler * 6000)
    assert (error.reason_code, error.line) == ("long_line", len(statement.split("\n")))
    assert refusal("AccountID,TradingDay,Balance,CurrMargin" + "," * 30_000).reason_code == "long_line"


def test_the_limit_is_the_callers(statement: str) -> None:
    """A broker may allow less."""
    assert refusal(statement, Limits(max_bytes=100)).reason_code == "too_large"


def test_mixed_encodings_are_refused_with_the_line(statement: str) -> None:
    """GBK lines in a UTF-8 file would turn names into something else."""
    lines = [line.encode() for line in statement.split("\n")]
    lines[4] = statement.split("\n")[4].encode("gbk")
    error = refusal(b"\n".join(lines))
    assert (error.reason_code, error.line) == ("mixed_encoding", 5)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("日期 Date：20260817", "日期 Date：20260230", "bad_date"),
        ("日期 Date：20260817", "日期 Date：20261301", "bad_date"),
        ("日期 Date：20260817", "日期：", "no_date"),
        ("Client ID：  80012345", "Client ID：  ../../etc/passwd", "bad_account"),
        ("Client ID：  80012345", "Client ID：  =80012345", "bad_account"),
        ("客户号 Client ID：  80012345", "客户：80012345", "no_account"),
        ("Commission：                    24.57", "Commission：                      NaN", "bad_amount"),
        ("Commission：                    24.57", "Commission：                    1e308", "bad_amount"),
        ("Commission：                    24.57", "Commission：                 Infinity", "bad_amount"),
        ("Commission：                    24.57", "Commission：                   24.571", "bad_amount"),
        ("币种：人民币", "币种：美元", "currency"),
        ("|      6|", "|     -6|", None),
        ("|     5|     162750.00|", "|    -5|     162750.00|", None),
        ("|  投机|   3036.000|", "|  投帆|   3036.000|", "bad_word"),
        ("|   卖|  投机|   3036.000|", "|   丢|  投机|   3036.000|", "bad_word"),
        ("      rb2610|   卖|", "      =1+1  |   卖|", "bad_contract"),
        ("| 手数 |    成交额    |", "| 手数 |    手数      |", "duplicate_column"),
        ("    成交记录 ", "    持仓明细 ", None),
    ],
)
def test_nonsense_in_a_statement_is_refused(statement: str, old: str, new: str, code: str | None) -> None:
    """Dates that do not exist, NaN, negative lots, path-like numbers: one sentence each."""
    assert old in statement
    error = refusal(statement.replace(old, new, 1))
    assert code is None or error.reason_code == code


def test_every_reason_speaks_both_languages() -> None:
    """A code has an English and a Chinese sentence with the same facts."""
    for code, (english, chinese) in REASONS.items():
        facts = set(re.findall(r"\{(\w+)\}", english))
        assert facts == set(re.findall(r"\{(\w+)\}", chinese)), code
        assert re.search("[\u4e00-\u9fff]", chinese), code
        assert all(sentences(code, dict.fromkeys(facts, "1"))), code


def test_broken_styles_print_nothing(samples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """openpyxl prints for a style out of range; standard output belongs to the command's JSON."""
    workbook = (samples / "formats" / "monitoring_centre.xlsx").read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as source, zipfile.ZipFile(out, "w") as target:
        for part in source.infolist():
            data = source.read(part)
            if part.filename == "xl/styles.xml":
                data = data.replace(b'xfId="0"', b'xfId="77"')
            target.writestr(part, data)
    with contextlib.suppress(StatementError):
        read("x", out.getvalue())
    assert capsys.readouterr().out == ""


def test_a_hostile_value_is_shortened_and_printable(statement: str) -> None:
    """What came out of the file cannot fill a screen or move a cursor."""
    error = refusal(statement.replace("Client ID：  80012345", "Client ID：  " + "\x1b[2J" + "9" * 500))
    assert len(error.reason) < 200
    assert error.reason.isprintable()
