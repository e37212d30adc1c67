"""What a statement leaves open: the exchange's margin where none is printed, and how many lots would suffice.

The exchange's rates are those of ``knowledge/contracts.csv``, which stand for main contracts: everything here is an
estimate and is called one wherever it is shown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import knowledge
from db.models import PositionDay
from domain.margin import applied_rates, fee
from domain.market import ClientPlan, CompanyRates, ContractSpec, parse_contract
from domain.risk import Holding, LotsEstimate, account_margin, estimate_lots
from domain.settlement import Direction
from knowledge.contracts import ContractTable

ZERO = Decimal("0.00")
_LARGER_SIDE = frozenset({"SHFE", "INE", "GFEX", "CZCE"})
_INDEX = frozenset({"IF", "IH", "IC"})


@dataclass(frozen=True, slots=True)
class Held:
    """Lots of one contract on one side, as a settlement leaves them; amounts None where the file has none."""

    exchange: str
    instrument: str
    product: str
    direction: Direction
    lots: int
    price: Decimal | None
    margin: Decimal | None
    exchange_margin: Decimal | None = None


def held_of(position: PositionDay) -> Held:
    """A stored position as estimates take it."""
    return Held(
        exchange=position.exchange,
        instrument=position.instrument,
        product=position.product,
        direction=Direction(position.direction),
        lots=position.lots,
        price=position.settlement_price,
        margin=position.margin,
    )


@cache
def contract_table() -> ContractTable:
    """The shipped table of contracts, read once."""
    table, _findings = ContractTable.read(Path(knowledge.__file__).parent / "contracts.csv")
    return table


def spec_of(held: Held, day: date) -> ContractSpec | None:
    """What the table says of a future; None for options and for products that it does not know."""
    table = contract_table()
    if parse_contract(held.instrument, table.products, day) is None:
        return None
    try:
        return table.spec(held.product, held.instrument, day)
    except KeyError:
        return None


def larger_side(exchange: str, product: str) -> str | None:
    """Rows with the same key carry the larger of both sides (大额单边); None where the sides add.

    SHFE, INE, GFEX and CZCE by product, CFFEX across its index futures; DCE goes by combinations, which no statement
    tells, so its sides add.
    """
    if exchange in _LARGER_SIDE:
        return f"{exchange}.{product}"
    return "CFFEX.index" if exchange == "CFFEX" and product in _INDEX else None


def exchange_margin(held: Sequence[Held], day: date) -> Decimal | None:
    """The account's margin by the exchange's rates; None where one row cannot be reckoned.

    Long options carry no margin; short ones need figures that no statement prints.
    """
    rows = []
    for position in held:
        spec = spec_of(position, day)
        if spec is None and _is_long_option(position, day):
            continue
        if spec is None or position.price is None:
            return None
        rows.append(
            Holding(
                contract=position.instrument,
                direction=position.direction,
                lots=position.lots,
                price=position.price,
                multiplier=spec.multiplier,
                margin_ratio=spec.margin_ratio,
                larger_side=larger_side(spec.exchange, spec.product),
            )
        )
    return account_margin(rows)


def company_margin(
    held: Sequence[Held], day: date, company: CompanyRates, plan: ClientPlan | None
) -> Decimal | None:
    """The account's margin by the client's own rates; None where one row cannot be reckoned."""
    rows = []
    for position in held:
        spec = spec_of(position, day)
        if spec is None and _is_long_option(position, day):
            continue
        row = _by_rates(position, spec, day, company, plan) if spec is not None else None
        if row is None:
            return None
        rows.append(row)
    return account_margin(rows)


def _is_long_option(position: Held, day: date) -> bool:
    is_future = parse_contract(position.instrument, contract_table().products, day) is not None
    return not is_future and position.direction is Direction.LONG and not position.margin


def trades_at_night(held: Iterable[Held], day: date) -> bool:
    """Whether one of these contracts has a night session; an unknown product counts as one that has."""
    table = contract_table()
    return any(
        position.product not in table.products
        or table.spec(position.product, None, day).night_close is not None
        for position in held
    )


@dataclass(frozen=True, slots=True)
class Trial:
    """The company's margin row by row, and for each row alone the lots that would suffice.

    ``estimate`` is None where nothing can be reckoned: ``why`` is ``no_positions`` or ``options_only``.
    """

    rows: tuple[Holding, ...]
    estimate: LotsEstimate | None
    why: str | None = None


def trial(
    held: Sequence[Held],
    day: date,
    *,
    equity: Decimal,
    stated_margin: Decimal,
    company: CompanyRates,
    plan: ClientPlan | None,
) -> Trial:
    """How many lots of each contract alone would bring the margin under the equity.

    The rates are the client's own; where they do not reproduce the statement's margin, those that the statement's
    rows imply, unless a product is held on both sides: then nobody can tell from the statement what closing frees.
    """
    futures = [(position, spec) for position in held if (spec := spec_of(position, day)) is not None]
    options = [position for position in held if spec_of(position, day) is None]
    if not held:
        return Trial((), None, "no_positions")
    other = sum((position.margin or ZERO for position in options), ZERO)
    rows = [row for position, spec in futures if (row := _by_rates(position, spec, day, company, plan))]
    if len(rows) < len(futures) or abs(account_margin(rows) + other - stated_margin) > _tolerance(held):
        rows = _by_statement(futures, rows)
    if not rows:
        return Trial((), None, "options_only" if options else "no_positions")
    found = estimate_lots(rows, equity, other_margin=other, stated_margin=stated_margin)
    return Trial(tuple(rows), found)


def _tolerance(held: Sequence[Held]) -> Decimal:
    return Decimal("0.01") * len(held)


def _by_rates(
    position: Held, spec: ContractSpec, day: date, company: CompanyRates, plan: ClientPlan | None
) -> Holding | None:
    if position.price is None:
        return None
    rates = applied_rates(spec, company, plan, day)
    return Holding(
        contract=position.instrument,
        direction=position.direction,
        lots=position.lots,
        price=position.price,
        multiplier=spec.multiplier,
        margin_ratio=rates.margin_ratio,
        cost_per_lot=fee(rates.fees.close, position.price, spec.multiplier, 1) or ZERO,
        larger_side=larger_side(spec.exchange, spec.product),
    )


def _by_statement(futures: Sequence[tuple[Held, ContractSpec]], by_rates: Sequence[Holding]) -> list[Holding]:
    """The rates that the rows of the statement imply, where no product is held on both sides."""
    costs = {(row.contract, row.direction): row.cost_per_lot for row in by_rates}
    sides: dict[str, set[Direction]] = {}
    for position, spec in futures:
        key = larger_side(spec.exchange, spec.product) or f"{spec.exchange}.{spec.product}"
        sides.setdefault(key, set()).add(position.direction)
    if any(len(both) > 1 for both in sides.values()):
        return list(by_rates)
    rows = []
    for position, spec in futures:
        if position.price is None or position.margin is None or not position.lots:
            return list(by_rates)
        rows.append(
            Holding(
                contract=position.instrument,
                direction=position.direction,
                lots=position.lots,
                price=position.price,
                multiplier=spec.multiplier,
                margin_ratio=position.margin / (position.price * spec.multiplier * position.lots),
                cost_per_lot=costs.get((position.instrument, position.direction), ZERO),
            )
        )
    return rows
