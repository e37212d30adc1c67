"""Rows of lots put together into positions, one for each contract, side and hedge flag."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.settlement import ZERO, Direction, Hedge, Period, Position, product_code

_PRICE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Lot:
    """One row of a position table, whatever file it came from. Money in CNY, None where the file does
    not say.
    """

    exchange: str
    instrument: str
    direction: Direction
    hedge: Hedge
    lots: int
    today_lots: int
    open_price: Decimal | None
    pre_settlement: Decimal | None
    settlement: Decimal | None
    profit: Decimal
    margin: Decimal
    floating: Decimal | None
    option_value: Decimal = ZERO
    exchange_margin: Decimal | None = None


def gather(lots: Iterable[Lot], account: str, day: date, period: Period = Period.DAY) -> list[Position]:
    """The positions of one account on one day, in the order of their first rows; rows without lots are
    dropped.
    """
    groups: dict[tuple[str, str, Direction, Hedge], list[Lot]] = {}
    for lot in lots:
        if lot.lots:
            groups.setdefault((lot.exchange, lot.instrument, lot.direction, lot.hedge), []).append(lot)
    return [_position(group, account, day, period) for group in groups.values()]


def _position(group: list[Lot], account: str, day: date, period: Period) -> Position:
    first = group[0]
    return Position(
        account=account,
        day=day,
        exchange=first.exchange,
        instrument=first.instrument,
        product=product_code(first.instrument),
        direction=first.direction,
        hedge=first.hedge,
        lots=sum(lot.lots for lot in group),
        today_lots=sum(lot.today_lots for lot in group),
        open_price=_average_open_price(group),
        pre_settlement=first.pre_settlement,
        settlement_price=first.settlement,
        position_profit=sum((lot.profit for lot in group), ZERO),
        margin_company=sum((lot.margin for lot in group), ZERO),
        margin_exchange=_sum_or_none([lot.exchange_margin for lot in group]),
        profit_by_trade=_sum_or_none([lot.floating for lot in group]),
        option_value=sum((lot.option_value for lot in group), ZERO),
        period=period,
    )


def _average_open_price(group: list[Lot]) -> Decimal | None:
    prices = {lot.open_price for lot in group}
    if None in prices or len(prices) == 1:
        return group[0].open_price if len(prices) == 1 else None
    paid = sum((lot.open_price * lot.lots for lot in group if lot.open_price is not None), Decimal(0))
    return (paid / sum(lot.lots for lot in group)).quantize(_PRICE_STEP, rounding="ROUND_HALF_UP")


def _sum_or_none(values: list[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, ZERO) if len(known) == len(values) else None
