"""Rows of TradingAccount and of the wide table: one account, one day, checked to the cent.

Places are looked up once and cells are read in one loop, so that 100,000 rows take seconds.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from domain.settlement import ZERO, Basis, SettlementRecord
from statements import figures
from statements.ctp_fields import MONEY, NAMES, NEVER_NEGATIVE
from statements.reasons import note, refuse
from statements.rows import Heading, RowError, Rows

Money = dict[str, Decimal]


def take_accounts(heading: Heading, lines: Iterator[tuple[int, list[str]]], rows: Rows) -> None:
    """Read every row into ``rows``. Raises StatementError where figures of a row contradict each other."""
    reader = _AccountReader(heading, rows)
    for line, row in lines:
        try:
            reader.take(line, row)
        except RowError as bad:
            rows.rejected.append(note(bad.code, line, **bad.facts))


class _AccountReader:
    """Where the fields stand in the rows of one table, and which accounts have been seen."""

    def __init__(self, heading: Heading, rows: Rows) -> None:
        account = heading.first_of("accountid", "investorid")
        assert account is not None
        self._account = account
        self._day = heading.places["tradingday"]
        self._name = heading.first_of(*NAMES)
        self._company = heading.first_of("brokername")
        self._currency = heading.first_of("currencyid")
        self._money = [
            (heading.places[name], name, name not in NEVER_NEGATIVE)
            for name in MONEY
            if name in heading.places
        ]
        self._checks_balance = heading.has("prebalance")
        self._headings = heading.cells
        self._rows = rows
        self._days: dict[str, date] = {}
        self._seen: dict[date, dict[str, tuple[int, int]]] = {}

    def take(self, line: int, row: list[str]) -> None:
        """Add the record of a row.

        Raises RowError for a row left out, StatementError for a contradiction.
        """
        account = figures.account(row[self._account].strip())
        if account is None:
            raise RowError("bad_account", value=row[self._account])
        day = self._day_of(row[self._day])
        if self._currency is not None and row[self._currency].strip().upper() not in (
            "",
            "CNY",
            "RMB",
            "人民币",
        ):
            raise RowError("currency", value=row[self._currency])
        money, two_decimals = self._money_of(row)
        equity = self._check_balance(line, money)
        available = self._check_available(line, money, equity)
        if not two_decimals:
            money = {name: figures.cents(amount) for name, amount in money.items()}
            equity, available = figures.cents(equity), figures.cents(available)
        record = self._record(account, day, row, money, equity, available)
        self._add(line, record)
        if record.name and figures.begins_like_a_formula(record.name):
            column = self._headings[self._name] if self._name is not None else ""
            self._rows.notes.append(note("formula_like", line, column=column, value=record.name))

    def _day_of(self, text: str) -> date:
        day = self._days.get(text)
        if day is None:
            day = figures.day(text)
            if day is None:
                raise RowError("bad_date", value=text)
            self._days[text] = day
        return day

    def _money_of(self, row: list[str]) -> tuple[Money, bool]:
        """The amounts that a row states, by lower-case field name, and whether all have two decimals.

        An empty cell states nothing.
        """
        money: Money = {}
        two_decimals = True
        zeros, plain = figures.ZEROS, figures.TWO_DECIMALS.fullmatch
        for place, name, signed in self._money:
            text = row[place]
            if text in zeros:
                money[name] = ZERO
            elif plain(text) and (signed or text[0] != "-"):
                money[name] = Decimal(text)
            elif text := text.strip():
                money[name] = self._odd_amount(text, place, signed)
                two_decimals = False
        for required in ("Balance", "CurrMargin"):
            if required.lower() not in money:
                raise RowError("empty_cell", column=required)
        return money, two_decimals

    def _odd_amount(self, text: str, place: int, signed: bool) -> Decimal:
        value = figures.amount(text)
        if value is None or (value < 0 and not signed):
            raise RowError("bad_amount", label=self._headings[place], value=text)
        return value

    def _check_balance(self, line: int, money: Money) -> Decimal:
        """The client equity: Balance, less the credit where the brokerage's Balance counts it."""
        get = money.get
        balance = money["balance"]
        if not self._checks_balance:
            return balance
        base = (
            get("prebalance", ZERO)
            - get("precredit", ZERO)
            - get("premortgage", ZERO)
            + get("mortgage", ZERO)
            - get("withdraw", ZERO)
            + get("deposit", ZERO)
            + get("closeprofit", ZERO)
            + get("positionprofit", ZERO)
            - get("commission", ZERO)
            + get("cashin", ZERO)
        )
        if figures.same(base, balance):
            return balance
        credit, interest = get("credit", ZERO), get("interest", ZERO)
        currency = (
            get("fundmortgagein", ZERO)
            - get("fundmortgageout", ZERO)
            - get("prefundmortgagein", ZERO)
            + get("prefundmortgageout", ZERO)
        )
        for counted in (ZERO, credit):
            for other in (ZERO, interest, currency, interest + currency):
                if figures.same(base + counted + other, balance):
                    return balance - counted
        raise refuse("sum_balance", line, printed=figures.plain(balance), computed=figures.plain(base))

    def _check_available(self, line: int, money: Money, equity: Decimal) -> Decimal:
        get = money.get
        free = equity - money["currmargin"] - get("deliverymargin", ZERO) - _frozen(money)
        available = money.get("available", free)
        if figures.same(free, available):
            return available
        # THOST_FTDC_AG, THOST_FTDC_ICP: a broker may leave out floating or realised gains, or count credit.
        floating, closed = get("positionprofit", ZERO), get("closeprofit", ZERO)
        mortgage = get("mortgage", ZERO)
        for credit in (ZERO, get("credit", ZERO)):
            for held in (ZERO, max(floating, ZERO), min(floating, ZERO), floating):
                for realised in (ZERO, max(closed, ZERO)):
                    for reserve in (ZERO, get("reserve", ZERO)):
                        reading = free + credit - held - realised - reserve
                        if figures.same(reading, available) or reading - mortgage <= available < reading:
                            return available
        raise refuse("sum_available", line, printed=figures.plain(available), computed=figures.plain(free))

    def _record(
        self,
        account: str,
        day: date,
        row: list[str],
        money: Money,
        equity: Decimal,
        available: Decimal,
    ) -> SettlementRecord:
        get = money.get
        delivery = get("deliverymargin", ZERO)
        return SettlementRecord(
            account=account,
            day=day,
            by=Basis.MTM,
            equity=equity,
            balance=money["balance"],
            curr_margin=money["currmargin"],
            available=available,
            name="" if self._name is None else row[self._name].strip()[:100],
            company="" if self._company is None else row[self._company].strip()[:100],
            pre_balance=get("prebalance", ZERO),
            pre_mortgage=get("premortgage", ZERO),
            pre_credit=get("precredit", ZERO),
            deposit=get("deposit", ZERO),
            withdraw=get("withdraw", ZERO),
            close_profit=get("closeprofit", ZERO),
            position_profit=get("positionprofit", ZERO),
            commission=get("commission", ZERO),
            cash_in=get("cashin", ZERO),
            mortgage=get("mortgage", ZERO),
            fx_mortgage=get("fundmortgagein", ZERO) - get("fundmortgageout", ZERO),
            credit=get("credit", ZERO),
            initial_margin=get("reserve", ZERO),
            exchange_margin=get("exchangemargin"),
            delivery_margin=delivery,
            exchange_delivery_margin=get("exchangedeliverymargin"),
            frozen=_frozen(money),
            margin_call=max(ZERO, money["currmargin"] + delivery - equity),
        )

    def _add(self, line: int, record: SettlementRecord) -> None:
        seen = self._seen.setdefault(record.day, {})
        earlier = seen.get(record.account)
        if earlier is None:
            seen[record.account] = (line, len(self._rows.records))
            self._rows.records.append(record)
            return
        other = str(earlier[0])
        if self._rows.records[earlier[1]] == record:
            raise RowError("duplicate_row", other=other)
        raise refuse(
            "duplicate_account", line, account=record.account, day=record.day.isoformat(), other=other
        )


def _frozen(money: Money) -> Decimal:
    return (
        money.get("frozenmargin", ZERO) + money.get("frozencash", ZERO) + money.get("frozencommission", ZERO)
    )
