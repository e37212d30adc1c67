"""contracts.csv: the rows in force, and what is refused."""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from domain.market import Fee
from knowledge.contracts import ContractTable
from knowledge.library import KNOWLEDGE

HEAD = (
    "effective_from,effective_to,contract,exchange,product_code,name_zh,name_en,multiplier,unit,price_tick,"
    "exchange_margin_ratio,fee_type,open_fee,close_fee,close_today_fee,night_session_close,source,as_of\n"
)
RB = "2026-08-18,,,SHFE,rb,螺纹钢,Steel rebar,10,吨,1,0.07,by_turnover,0.0001,0.0001,0.0001,23:00,notice,2026-08-18\n"


def table(path: Path, *lines: str) -> tuple[ContractTable, list[str]]:
    path.write_text(HEAD + "".join(lines), "utf-8")
    found, findings = ContractTable.read(path)
    return found, [str(finding) for finding in findings]


def test_the_shipped_table_holds_91_products_without_a_finding() -> None:
    """All products of six exchanges, the three month-average ones included."""
    found, findings = ContractTable.read(KNOWLEDGE / "contracts.csv")
    assert not findings
    assert len(found.products) == 91
    assert {"l_f", "IF", "SR", "rb", "pt", "ec"} <= set(found.products)


def test_every_product_of_the_shipped_table_resolves_on_any_day() -> None:
    """No product leaves a figure empty, today or years ago."""
    found, _ = ContractTable.read(KNOWLEDGE / "contracts.csv")
    for product in found.products:
        for day in (date(2020, 1, 2), date(2026, 11, 23)):
            spec = found.spec(product, None, day)
            assert spec.multiplier > 0
            assert spec.tick > 0
            assert 0 < spec.margin_ratio < 1


def test_the_first_known_row_also_holds_for_earlier_days_and_says_so() -> None:
    """A question about January is answered from the row of August, marked."""
    found, _ = ContractTable.read(KNOWLEDGE / "contracts.csv")
    earlier, later = found.spec("rb", None, date(2026, 1, 5)), found.spec("rb", None, date(2026, 9, 1))
    assert earlier.margin_ratio == later.margin_ratio
    assert (earlier.margin_source.first_known, later.margin_source.first_known) == (True, False)


def test_a_row_for_the_very_contract_wins_and_lends_the_rest_from_the_product() -> None:
    """rb2612 has its own fee since January and the product's margin."""
    found, _ = ContractTable.read(KNOWLEDGE / "contracts.csv")
    spec = found.spec("rb", "rb2612", date(2026, 9, 1))
    assert spec.fees.open == Fee(by_turnover=Decimal("0.00002"))
    assert (spec.fee_source.for_contract, spec.margin_source.for_contract) == (True, False)
    assert spec.margin_ratio == Decimal("0.07")


def test_a_newer_row_takes_over_on_its_first_day(tmp_path: Path) -> None:
    """The day before, the old one still holds."""
    newer = RB.replace("2026-08-18", "2026-10-01").replace("0.07", "0.09")
    found, _ = table(tmp_path / "contracts.csv", RB, newer)
    assert found.spec("rb", None, date(2026, 9, 30)).margin_ratio == Decimal("0.07")
    assert found.spec("rb", None, date(2026, 10, 1)).margin_ratio == Decimal("0.09")


def test_a_contract_s_row_that_has_ended_gives_way_to_the_product(tmp_path: Path) -> None:
    """effective_to is the last day."""
    own = "2026-09-01,2026-09-30,rb2701,SHFE,rb,,,,,,0.15,,,,,,notice,2026-09-01\n"
    found, _ = table(tmp_path / "contracts.csv", RB, own)
    assert found.spec("rb", "rb2701", date(2026, 9, 30)).margin_ratio == Decimal("0.15")
    assert found.spec("rb", "rb2701", date(2026, 10, 1)).margin_ratio == Decimal("0.07")


def test_fees_by_turnover_and_by_lot_may_stand_together(tmp_path: Path) -> None:
    """fee_type both is written 0.0001+1.5."""
    line = RB.replace("by_turnover,0.0001,0.0001,0.0001", "both,0.0001+1.5,0.0001,0+2")
    found, findings = table(tmp_path / "contracts.csv", line)
    assert not findings
    fees = found.spec("rb", None, date(2026, 9, 1)).fees
    assert fees.open == Fee(Decimal("0.0001"), Decimal("1.5"))
    assert fees.close_today == Fee(Decimal(0), Decimal(2))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("SHFE", "NYSE", "unknown exchange 'NYSE'"),
        ("0.07", "7", "margin ratio 7 is above 1"),
        ("by_turnover", "per_lot", "fee_type is 'per_lot'"),
        ("0.0001,0.0001,0.0001", "1,1,1", "by turnover is 1 or more"),
        (",10,", ",ten,", "a number cannot be read"),
        (",0.07,", ",,", "leaves multiplier, tick, margin or a fee empty"),
        ("2026-08-18,,,", "18.8.2026,,,", "Invalid isoformat string"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    """With the file and the line."""
    _, findings = table(tmp_path / "contracts.csv", RB.replace(old, new, 1))
    assert findings
    assert findings[0].startswith("contracts.csv:2: ")
    assert said in findings[0]


def test_the_shipped_table_can_be_opened_in_a_spreadsheet_and_saved() -> None:
    """Every line has as many cells as the head."""
    with (KNOWLEDGE / "contracts.csv").open(encoding="utf-8", newline="") as lines:
        widths = {len(row) for row in csv.reader(lines)}
    assert widths == {18}


def test_of_several_margin_steps_of_a_contract_the_highest_holds_and_is_named(tmp_path: Path) -> None:
    """Near delivery the steps rise; a raise before a holiday ends, and the step below it holds again."""
    step = "{0},{1},rb2610,SHFE,rb,,,,,,{2},,,,,,notice,{0}\n"
    found, findings = table(
        tmp_path / "t.csv",
        RB,
        step.format("2026-09-01", "", "0.10"),
        step.format("2026-09-20", "2026-09-30", "0.18"),
        step.format("2026-09-25", "", "0.15"),
    )
    assert findings == []
    held = {
        day: found.spec("rb", "rb2610", date(2026, *day))
        for day in ((8, 20), (9, 1), (9, 21), (9, 26), (10, 1))
    }
    assert [str(spec.margin_ratio) for spec in held.values()] == ["0.07", "0.10", "0.18", "0.18", "0.15"]
    assert held[(9, 26)].margin_source.row == "rb2610@2026-09-20"
    assert held[(10, 1)].margin_source.for_contract


def test_a_younger_and_higher_row_of_the_product_counts_beside_the_contract_s(tmp_path: Path) -> None:
    """A raise for all months also reaches a contract with a row of its own; a lower one does not lower it."""
    own = "2026-08-20,,rb2610,SHFE,rb,,,,,,0.10,,,,,,notice,2026-08-20\n"
    younger = RB.replace("2026-08-18", "2026-09-28")
    raised, _ = table(tmp_path / "a.csv", RB, own, younger.replace(",0.07,", ",0.14,"))
    lowered, _ = table(tmp_path / "b.csv", RB, own, younger.replace(",0.07,", ",0.05,"))
    assert raised.spec("rb", "rb2610", date(2026, 9, 28)).margin_ratio == Decimal("0.14")
    assert lowered.spec("rb", "rb2610", date(2026, 9, 28)).margin_ratio == Decimal("0.10")
