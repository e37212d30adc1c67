"""The arithmetic of a settlement statement, to the cent. A sum that does not agree refuses the file
with its line.

Formulas: 期末结存 = 期初结存 + 出入金 + 平仓盈亏 + 盯市盈亏 - 手续费 + premium, exercise and
delivery items; 客户权益 = 期末结存 (+ 浮动盈亏 by trade) + pledge; 可用资金 = 客户权益 - 保证金占用 -
交割保证金; 风险度 = 保证金占用 / 客户权益. Where CTP's practice is not documented (pledged currency,
fees inside or outside 手续费) the documented readings are tried in turn; with those items at zero they
are all the same, and nothing is left open.
"""

from decimal import Decimal
from itertools import combinations

from domain.settlement import ZERO, Basis, Direction, Period, StatementError
from statements import ctp_words, figures
from statements.ctp_text import Statement, exchange_of
from statements.reasons import note, refuse
from statements.tables import Table

_HUNDRED = Decimal(100)


def check(statement: Statement) -> None:
    """Refuse a statement whose figures contradict each other; add notes for what is unusual but
    explained.
    """
    _check_sections(statement)
    _check_balance(statement)
    _check_pledges(statement)
    _check_equity(statement)
    _check_margin(statement)
    _check_funds(statement)
    _check_risk_degree(statement)


def _check_sections(statement: Statement) -> None:
    _check_fees(statement)
    settled_otherwise = "delivery" in statement.tables or "exercise" in statement.tables
    for section in ("trades", "closed"):
        table = statement.tables.get(section)
        if table is not None and table.has("close_profit") and not settled_otherwise:
            _agree(statement, "close_profit", table, table.sum("close_profit"))
    trades = statement.tables.get("trades")
    if trades is not None and trades.has("premium"):
        premium = statement.value("premium_received") - abs(statement.value("premium_paid"))
        if not figures.same(trades.sum("premium"), premium):
            raise _wrong_section(statement, "premium_received", trades, trades.sum("premium"))
    cash = statement.tables.get("cash")
    if cash is not None and cash.has("deposit") and cash.has("withdraw"):
        _agree(statement, "net_deposit", cash, cash.sum("deposit") - abs(cash.sum("withdraw")))
    _check_position_profit(statement)
    summary = statement.tables.get("summary")
    if summary is not None:
        for key, label in (("long_value", "long_option_value"), ("short_value", "short_option_value")):
            if summary.has(key) and label in statement.amounts:
                _agree(statement, label, summary, summary.sum(key))


def _check_fees(statement: Statement) -> None:
    table = statement.tables.get("trades")
    if table is None or not table.has("fee"):
        return
    fees = table.sum("fee")
    commission = statement.value("commission")
    if commission in (fees, fees + _other_fees(statement)):
        return
    # CFFEX charges for orders, filled or not; those fees are in the commission and in no trade.
    if commission > fees and _deals_at_cffex(statement):
        line = statement.line_of("commission")
        statement.notes.append(note("other_fees", line, amount=figures.plain(commission - fees)))
        return
    raise _wrong_section(statement, "commission", table, fees)


def _other_fees(statement: Statement) -> Decimal:
    return statement.value("exercise_fee") + statement.value("delivery_fee")


def _counts_other_fees(statement: Statement) -> bool:
    """Whether 手续费 holds the fees of exercise and delivery already, so that they are paid once only."""
    table = statement.tables.get("trades")
    fees = table.sum("fee") if table is not None else ZERO
    return _other_fees(statement) != 0 and statement.value("commission") == fees + _other_fees(statement)


def _deals_at_cffex(statement: Statement) -> bool:
    return any(
        exchange_of(table.text(cells, "exchange")) == "CFFEX"
        for table in statement.tables.values()
        for _, cells in table.rows
    )


def _check_position_profit(statement: Statement) -> None:
    # A month's result is not the sum of its last day's rows.
    if statement.period is Period.MONTH and statement.by is Basis.MTM:
        return
    key = "mtm_profit" if statement.by is Basis.MTM else "floating_profit"
    for section in ("detail", "summary"):
        table = statement.tables.get(section)
        if table is None or not table.has(key):
            continue
        futures = sum(
            (
                table.amount(line, cells, key)
                for line, cells in table.rows
                if not _is_option(table, line, cells)
            ),
            ZERO,
        )
        if statement.value(key) not in (table.sum(key), futures):
            raise _wrong_section(statement, key, table, table.sum(key))
    if not statement.tables.keys() & {"detail", "summary"} and statement.value(key):
        raise refuse("cut", statement.line_of(key), what=ctp_words.SECTION_NAMES["detail"])


def _is_option(table: Table, line: int, cells: list[str]) -> bool:
    return any(table.amount(line, cells, key) for key in ("option_value", "long_value", "short_value"))


def _agree(statement: Statement, key: str, table: Table, counted: Decimal) -> None:
    if statement.value(key) != counted:
        raise _wrong_section(statement, key, table, counted)


def _wrong_section(statement: Statement, key: str, table: Table, counted: Decimal) -> StatementError:
    return refuse(
        "sum_section",
        statement.line_of(key),
        label=ctp_words.LABEL_NAMES[key],
        printed=figures.plain(statement.value(key)),
        section=table.name,
        computed=figures.plain(counted),
    )


def _check_balance(statement: Statement) -> None:
    value = statement.value
    base = (
        value("pre_balance")
        + value("net_deposit")
        + value("close_profit")
        + value("exercise_profit")
        + value("delivery_profit")
        - value("commission")
        + value("premium_received")
        - abs(value("premium_paid"))
    )
    if statement.by is Basis.MTM:
        base += value("mtm_profit")
    if not _counts_other_fees(statement):
        base -= _other_fees(statement)
    doubtful = (value("fx_in") - value("fx_out"), value("pledge_change"))
    if value("balance") not in _readings(base, doubtful):
        raise _wrong(statement, "sum_balance", "balance", base)


def _readings(base: Decimal, doubtful: tuple[Decimal, ...]) -> set[Decimal]:
    """The base with none, some or all of the items whose place is not documented."""
    items = [item for item in doubtful if item]
    return {
        base + sum(chosen, ZERO) for count in range(len(items) + 1) for chosen in combinations(items, count)
    }


def _check_pledges(statement: Statement) -> None:
    value = statement.value
    if "fx_change" in statement.amounts and value("fx_change") != value("fx_in") - value("fx_out"):
        raise _odd_pledge(statement, "fx_change")
    if value("pledge_change") > value("mortgage"):
        raise _odd_pledge(statement, "pledge_change")
    if value("fx_margin") and not _pledged_currency(statement):
        raise _odd_pledge(statement, "fx_margin")


def _pledged_currency(statement: Statement) -> Decimal:
    return statement.value("equity") - _own_equity(statement)


def _own_equity(statement: Statement) -> Decimal:
    equity = statement.value("balance") + statement.value("mortgage")
    return equity + statement.value("floating_profit") if statement.by is Basis.TRADE else equity


def _odd_pledge(statement: Statement, key: str) -> StatementError:
    label = ctp_words.LABEL_NAMES[key]
    printed = figures.plain(statement.value(key))
    return refuse("sum_pledge", statement.line_of(key), label=label, printed=printed)


def _check_equity(statement: Statement) -> None:
    value = statement.value
    currency = value("fx_in") - value("fx_out")
    if value("equity") not in _readings(_own_equity(statement), (currency,)):
        raise _wrong(statement, "sum_equity", "equity", _own_equity(statement))
    if "market_equity" in statement.amounts:
        options = abs(value("long_option_value")) - abs(value("short_option_value"))
        if value("market_equity") != value("equity") + options:
            raise _wrong(statement, "sum_market_equity", "market_equity", value("equity") + options)


def _check_margin(statement: Statement) -> None:
    for key in ("margin", "delivery_margin"):
        if statement.value(key) < 0:
            label, printed = ctp_words.LABEL_NAMES[key], figures.plain(statement.value(key))
            raise refuse("bad_amount", statement.line_of(key), label=label, value=printed)
    one_sided = _holds_both_sides(statement)
    for section in ("detail", "summary"):
        table = statement.tables.get(section)
        if table is None:
            continue
        rows = table.sum("margin")
        if statement.value("margin") == rows:
            continue
        line = statement.line_of("margin")
        printed = figures.plain(statement.value("margin"))
        # Exchanges that charge the larger side, or a combination, take less than the rows add up to.
        if not one_sided or statement.value("margin") > rows:
            raise refuse(
                "sum_margin", line, printed=printed, section=table.name, computed=figures.plain(rows)
            )
        statement.notes.append(note("large_side", line, rows=figures.plain(rows), printed=printed))
    _check_detail_against_summary(statement, one_sided)


def _holds_both_sides(statement: Statement) -> bool:
    """Whether long and short positions meet at one exchange; where no row names one, at all."""
    detail = statement.tables.get("detail")
    if detail is None:
        return len({direction for (_, direction), count in _lots_by_contract(statement).items() if count}) > 1
    sides: dict[str, set[str]] = {}
    for _, cells in detail.rows:
        sides.setdefault(detail.text(cells, "exchange"), set()).add(
            ctp_words.compact(detail.text(cells, "side"))
        )
    return any(len(found) > 1 for found in sides.values())


def _lots_by_contract(statement: Statement) -> dict[tuple[str, Direction], int]:
    counted: dict[tuple[str, Direction], int] = {}
    summary = statement.tables.get("summary")
    if summary is None:
        return counted
    for line, cells in summary.rows:
        for key, direction in (("long_lots", Direction.LONG), ("short_lots", Direction.SHORT)):
            contract = (summary.text(cells, "instrument"), direction)
            counted[contract] = counted.get(contract, 0) + summary.lots(line, cells, key)
    return counted


def _check_detail_against_summary(statement: Statement, one_sided: bool) -> None:
    detail, summary = statement.tables.get("detail"), statement.tables.get("summary")
    if detail is None or summary is None:
        return
    summed = _lots_by_contract(statement)
    detailed = dict.fromkeys(summed, 0)
    margins: dict[str, list[Decimal]] = {}
    for line, cells in detail.rows:
        instrument = detail.text(cells, "instrument")
        side = ctp_words.SIDES.get(ctp_words.compact(detail.text(cells, "side")))
        if side is None:
            raise refuse(
                "bad_word", line, label=ctp_words.COLUMN_NAMES["side"], value=detail.text(cells, "side")
            )
        contract = (instrument, ctp_words.POSITION_SIDES[side])
        detailed[contract] = detailed.get(contract, 0) + detail.lots(line, cells, "lots")
        margins.setdefault(instrument, [ZERO, ZERO])[0] += detail.amount(line, cells, "margin")
    for line, cells in summary.rows:
        margins.setdefault(summary.text(cells, "instrument"), [ZERO, ZERO])[1] += summary.amount(
            line, cells, "margin"
        )
    for (instrument, _), count in detailed.items():
        if summed.get((instrument, _), 0) != count:
            raise _unlike(summary, instrument, "手数 lots", str(count), str(summed.get((instrument, _), 0)))
    for instrument, (left, right) in margins.items():
        if left != right and not one_sided:
            raise _unlike(summary, instrument, "保证金 margin", figures.plain(left), figures.plain(right))


def _unlike(summary: Table, instrument: str, what: str, detail: str, counted: str) -> StatementError:
    line = next(
        (line for line, cells in summary.rows if summary.text(cells, "instrument") == instrument),
        summary.line,
    )
    return refuse("detail_summary", line, instrument=instrument, what=what, detail=detail, summary=counted)


def _check_funds(statement: Statement) -> None:
    value = statement.value
    owed = value("margin") + value("delivery_margin")
    free = value("equity") - owed
    readings = _readings(free, (-value("fx_margin"),))
    available = value("available")
    if available not in readings:
        # Only a part of a pledge may count as margin, so less may be free than the difference.
        if not value("mortgage") or not free - value("mortgage") <= available <= free:
            raise _wrong(statement, "sum_available", "available", free)
        line = statement.line_of("available")
        statement.notes.append(note("pledge_ratio", line, amount=figures.plain(free - available)))
    called = max(ZERO, -available)
    if value("margin_call") != called:
        raise _wrong(statement, "sum_call", "margin_call", called)


def _check_risk_degree(statement: Statement) -> None:
    """风险度 is rounded to the printed decimals; with no equity it means nothing and is not looked at."""
    equity = statement.value("equity")
    if equity <= 0:
        return
    printed = statement.value("risk_degree")
    decimals = -int(printed.as_tuple().exponent)
    half = Decimal(5).scaleb(-max(decimals, 0) - 1)
    margin = statement.value("margin")
    degrees = [_HUNDRED * margin / equity, _HUNDRED * (margin + statement.value("delivery_margin")) / equity]
    if decimals < 1 or all(abs(printed - degree) > half for degree in degrees):
        computed = f"{figures.cents(degrees[0]):f}"
        raise refuse("sum_risk", statement.line_of("risk_degree"), printed=f"{printed:f}", computed=computed)


def _wrong(statement: Statement, code: str, key: str, computed: Decimal) -> StatementError:
    printed = figures.plain(statement.value(key))
    return refuse(code, statement.line_of(key), printed=printed, computed=figures.plain(computed))
