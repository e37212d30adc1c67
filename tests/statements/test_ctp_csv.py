"""CSV under CTP field names: what is taken, what is left out with its line, what refuses the file."""

import random
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest

from domain.settlement import BuySell, Direction, Hedge, Offset, ParsedFile, StatementError
from statements import Limits, read

ACCOUNTS = "AccountID,InvestorName,TradingDay,PreBalance,Deposit,Withdraw,CloseProfit,PositionProfit,Commission,CurrMargin,ExchangeMargin,Balance,Available\n"
GOOD = "1001,甲,20260818,1000.00,500.00,0.00,-20.00,30.50,10.50,600.00,350.00,1500.00,900.00\n"
POSITIONS = "InvestorID,InstrumentID,ExchangeID,PosiDirection,HedgeFlag,PositionDate,Position,TodayPosition,OpenCost,PositionCost,UseMargin,ExchangeMargin,PositionProfit,PreSettlementPrice,SettlementPrice,TradingDay\n"
REBAR = "80012345,rb2610,SHFE,2,1,2,6,0,183000,182520,21816,12726,-720,3042,3030,20260817\n"
TRADES = "InvestorID,TradingDay,InstrumentID,ExchangeID,TradeID,Direction,OffsetFlag,HedgeFlag,Price,Volume,TradeDate,TradeTime\n"
BOUGHT = "1001,20260818,rb2610,SHFE,   001,0,3,1,3030,2,20260817,21:05:01\n"


def parsed(text: str, encoding: str = "utf-8") -> ParsedFile:
    return read("x.csv", text.encode(encoding))


def refused(text: str) -> StatementError:
    with pytest.raises(StatementError) as caught:
        parsed(text)
    return caught.value


def rejected(text: str) -> list[tuple[int, str]]:
    return [(one.line, one.code) for one in parsed(text).rejected]


def test_a_row_is_an_account_with_both_margins() -> None:
    """ExchangeMargin makes the exchange line known; equity is Balance."""
    (record,) = parsed(ACCOUNTS + GOOD).records
    assert (record.account, record.name, record.day) == ("1001", "甲", date(2026, 8, 18))
    assert (record.equity, record.curr_margin, record.exchange_margin) == tuple(
        map(Decimal, ("1500.00", "600.00", "350.00"))
    )
    assert (record.deposit, record.commission, record.available) == tuple(
        map(Decimal, ("500.00", "10.50", "900.00"))
    )
    assert record.margin_call == Decimal("0.00")


def test_an_empty_exchange_margin_is_unknown_and_not_zero() -> None:
    """A risk degree of zero would be a false comfort."""
    assert parsed(ACCOUNTS + GOOD.replace("350.00", "")).records[0].exchange_margin is None
    assert parsed(ACCOUNTS + GOOD.replace("350.00", "0")).records[0].exchange_margin == 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("TradingAccount.csv", "csv-trading-account"),
        ("InvestorPosition.csv", "csv-investor-position"),
        ("Trade.csv", "csv-trade"),
        ("wide.csv", "csv-wide"),
    ],
)
def test_the_heading_tells_the_kind(samples: Path, name: str, kind: str) -> None:
    """The file's name does not matter."""
    assert read("anything", (samples / "formats" / name).read_bytes()).format == kind


def test_columns_are_found_in_any_order_case_encoding_and_separator() -> None:
    """Exports differ; the field names do not."""
    rows = [line.rstrip("\n").split(",") for line in (ACCOUNTS, GOOD)]
    turned = "\n".join("\t".join(reversed(row)) for row in rows) + "\n"
    expected = parsed(ACCOUNTS + GOOD).records
    assert parsed(turned).records == expected
    assert parsed(ACCOUNTS.upper() + GOOD, "gbk").records == expected
    assert parsed(ACCOUNTS.replace(",", ";") + GOOD.replace(",", ";"), "utf-8-sig").records == expected
    assert parsed((ACCOUNTS + GOOD).replace("\n", "\r\n")).records == expected


def test_columns_that_nobody_asks_for_are_left_alone() -> None:
    """CTP's struct grows; a file with more columns is still a file."""
    more = ACCOUNTS.replace("\n", ",BizType,RemainSwap\n") + GOOD.replace("\n", ",0,1e10\n")
    assert parsed(more).records == parsed(ACCOUNTS + GOOD).records


def test_a_wide_table_needs_account_day_balance_and_margin_only() -> None:
    """What is not stated is not checked and not invented."""
    (record,) = parsed("资金账号,交易日,Balance,CurrMargin\n1001,2026-08-18,100,30.5\n").records
    assert (record.equity, record.available, record.exchange_margin) == (Decimal(100), Decimal("69.5"), None)
    assert str(record.equity) == "100.00"


def test_a_balance_that_does_not_add_up_refuses_the_file_with_its_line() -> None:
    """One wrong row means that the export cannot be trusted."""
    error = refused(ACCOUNTS + GOOD + GOOD.replace("1001", "1002").replace("1500.00", "1500.01"))
    assert (error.line, error.reason_code) == (3, "sum_balance")
    assert error.reason_facts == {"printed": "1500.01", "computed": "1500.00"}


def test_available_funds_that_do_not_add_up_refuse_the_file() -> None:
    """1,500.00 less 600.00 is not 899.99."""
    assert refused(ACCOUNTS + GOOD.replace("900.00", "899.99")).reason_code == "sum_available"


@pytest.mark.parametrize("available", ["900.00", "869.50"])
def test_floating_gains_may_be_left_out_of_available_funds(available: str) -> None:
    """THOST_FTDC_AG: counting a floating gain or not is the brokerage's choice."""
    assert len(parsed(ACCOUNTS + GOOD.replace("900.00", available)).records) == 1


def test_credit_is_no_equity() -> None:
    """Where Balance counts a credit, the risk degree must not."""
    heading = "AccountID,TradingDay,PreBalance,Credit,Balance,CurrMargin,Available\n"
    (record,) = parsed(heading + "1001,20260818,100.00,50.00,150.00,80.00,70.00\n").records
    assert (record.equity, record.balance, record.credit) == tuple(
        map(Decimal, ("100.00", "150.00", "50.00"))
    )


def test_binary_noise_of_a_dump_is_rounded_away() -> None:
    """Doubles printed in full: 519415.43000000005 is 519,415.43; -3.6e-12 is nothing."""
    noisy = GOOD.replace("1500.00", "1500.0000000000002").replace(
        "0.00,-20.00", "-3.637978807091713e-12,-20.00"
    )
    assert rejected(ACCOUNTS + GOOD + noisy.replace("1001", "1002")) == [(3, "bad_amount")]
    fine = GOOD.replace("1500.00", "1500.0000000000002").replace("30.50", "30.500000000000004")
    assert parsed(ACCOUNTS + fine).records == parsed(ACCOUNTS + GOOD).records


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("1000.00", "NaN", "bad_amount"),
        ("1000.00", "Infinity", "bad_amount"),
        ("1000.00", "1e308", "bad_amount"),
        ("1000.00", "1.7976931348623157E308", "bad_amount"),
        ("1000.00", "1_000.00", "bad_amount"),
        ("1000.00", "=500*2", "bad_amount"),
        ("600.00", "-600.00", "bad_amount"),
        ("20260818", "20260231", "bad_date"),
        ("20260818", "tomorrow", "bad_date"),
        ("1001", "../../etc/passwd", "bad_account"),
        ("1001", "=1001", "bad_account"),
        ("1001", "", "bad_account"),
        (",1500.00,", ",,", "empty_cell"),
        ("甲", "甲,乙", "row_cells"),
    ],
)
def test_a_row_that_makes_no_sense_is_left_out_with_its_line(old: str, new: str, code: str) -> None:
    """The other rows stand; where nothing is left the file is refused with that line."""
    other = GOOD.replace("1001", "1002")
    bad = GOOD.replace(old, new, 1)
    assert rejected(ACCOUNTS + other + bad) == [(3, code)]
    error = refused(ACCOUNTS + bad)
    assert (error.line, error.reason_code) == (2, code)


def test_a_currency_other_than_cny_is_left_out() -> None:
    """Amounts in dollars must not be read as yuan."""
    heading = "AccountID,TradingDay,CurrencyID,Balance,CurrMargin\n"
    assert rejected(heading + "1001,20260818,CNY,1,0\n1001,20260818,USD,1,0\n") == [(3, "currency")]


def test_a_name_like_a_formula_is_kept_and_noted() -> None:
    """It is text here and stays text."""
    found = parsed(ACCOUNTS + GOOD.replace("甲", "@SUM(A1)"))
    assert found.records[0].name == "@SUM(A1)"
    assert [(one.line, one.code) for one in found.notes] == [(2, "formula_like")]


def test_the_same_account_twice_is_dropped_when_equal_and_refused_when_not() -> None:
    """Which of two different rows holds is not ours to choose."""
    assert rejected(ACCOUNTS + GOOD + GOOD) == [(3, "duplicate_row")]
    other = GOOD.replace("600.00", "500.00").replace("900.00", "1000.00")
    error = refused(ACCOUNTS + GOOD + other)
    assert (error.line, error.reason_code) == (3, "duplicate_account")
    two_days = parsed(ACCOUNTS + GOOD + GOOD.replace("20260818", "20260817"))
    assert (len(two_days.records), two_days.day) == (2, date(2026, 8, 18))


def test_a_heading_twice_is_noticed() -> None:
    """A column twice refuses; a heading line again, as in files put together, is left out."""
    assert refused(ACCOUNTS.replace("Deposit", "Withdraw") + GOOD).reason_code == "duplicate_column"
    assert rejected(ACCOUNTS + GOOD + ACCOUNTS) == [(3, "repeated_header")]


def test_a_missing_column_is_named() -> None:
    """The sentence says which."""
    error = refused("AccountID,PreBalance,Balance\n1,2,3\n")
    assert error.reason == "column missing: TradingDay、CurrMargin"


def test_a_file_cut_inside_a_row_is_refused() -> None:
    """A row that ends early at the end of the file is half a file; in the middle it is a bad row."""
    assert refused(ACCOUNTS + GOOD + GOOD[:30]).reason_code == "cut"
    assert refused(ACCOUNTS + GOOD + '1002,"乙').reason_code == "broken_csv"
    assert rejected(ACCOUNTS + GOOD[:30] + "\n" + GOOD) == [(2, "row_cells")]


def test_a_heading_without_rows_is_refused() -> None:
    """Nothing to import is not a success."""
    assert refused(ACCOUNTS).reason_code == "no_rows"


def test_more_rows_than_allowed_are_refused() -> None:
    """The bound is the caller's."""
    with pytest.raises(StatementError, match="more than 1 rows"):
        read("x", (ACCOUNTS + GOOD + GOOD.replace("1001", "1002")).encode(), limits=Limits(max_rows=1))


def test_rows_of_today_and_of_history_are_one_position() -> None:
    """SHFE keeps two rows; the average open price comes from the cost and the multiplier that the row implies."""
    today = "80012345,rb2610,SHFE,2,1,1,2,2,60400,60400,7272,4242,200,3042,3030,20260817\n"
    (position,) = parsed(POSITIONS + REBAR + today).positions
    assert (position.lots, position.today_lots, position.direction) == (8, 2, Direction.LONG)
    assert (position.margin_company, position.margin_exchange) == (Decimal("29088.00"), Decimal("16968.00"))
    assert position.open_price == Decimal("3042.5000")
    assert (position.product, position.hedge) == ("rb", Hedge.SPECULATION)


def test_ctp_says_no_price_with_the_largest_double() -> None:
    """It is no price, and no reason to leave the row out."""
    found = parsed(POSITIONS + REBAR.replace(",3030,", ",1.7976931348623157e+308,"))
    assert found.positions[0].settlement_price is None
    assert found.rejected == ()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [(",6,0,", ",-6,0,", "bad_lots"), (",2,1,2,", ",9,1,2,", "bad_word"), ("rb2610", "../x", "bad_contract")],
)
def test_a_position_that_makes_no_sense_is_left_out(old: str, new: str, code: str) -> None:
    """Negative lots, unknown sides, contracts that are paths."""
    other = REBAR.replace("80012345", "80012346")
    assert rejected(POSITIONS + other + REBAR.replace(old, new, 1)) == [(3, code)]


def test_the_same_position_row_twice_counts_once() -> None:
    """An export pasted twice must not double the lots."""
    found = parsed(POSITIONS + REBAR + REBAR)
    assert [position.lots for position in found.positions] == [6]
    assert [(one.line, one.code) for one in found.rejected] == [(3, "duplicate_row")]


def test_a_trade_has_flag_time_and_both_days() -> None:
    """A night trade belongs to the next trading day."""
    (trade,) = parsed(TRADES + BOUGHT).trades
    assert (trade.direction, trade.offset, trade.trade_id) == (BuySell.BUY, Offset.CLOSE_TODAY, "001")
    assert (trade.day, trade.trade_date, trade.trade_time) == (
        date(2026, 8, 18),
        date(2026, 8, 17),
        time(21, 5, 1),
    )


def test_an_unknown_flag_leaves_the_trade_out() -> None:
    """A flag that CTP does not have is not guessed."""
    assert rejected(TRADES + BOUGHT + BOUGHT.replace(",0,3,1,", ",0,8,1,")) == [(3, "bad_word")]


def test_rows_with_right_sums_are_all_taken_and_with_wrong_sums_never() -> None:
    """Made-up accounts in any number: exact fen in, exact fen out."""
    rng = random.Random(8)
    rows = []
    for number in range(300):
        fen = [
            rng.randrange(10**9),
            rng.randrange(10**6),
            rng.randrange(10**6),
            rng.randrange(-(10**6), 10**6),
        ]
        fee, margin = rng.randrange(10**4), rng.randrange(10**8)
        balance = fen[0] + fen[1] - fen[2] + fen[3] - fee
        amounts = [*fen[:3], fen[3], 0, fee, margin, margin // 2, balance, balance - margin]
        rows.append(
            f"{number},客户,20260818," + ",".join(f"{Decimal(one).scaleb(-2):.2f}" for one in amounts) + "\n"
        )
    found = parsed(ACCOUNTS + "".join(rows))
    assert (len(found.records), found.rejected) == (300, ())
    wrong = rows[150].rsplit(",", 2)
    rows[150] = f"{wrong[0]},{Decimal(wrong[1]) + 1},{wrong[2]}"
    assert refused(ACCOUNTS + "".join(rows)).line == 152
