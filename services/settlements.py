"""The one way in for files of the broker: read, compared with what is in, loaded unseen, then made to count at once.

Rows are written in short transactions under a file in state ``loading``, which nobody reads; one transaction turns the
file to ``in``. A run that is killed leaves nothing behind that counts, and the next one clears it away. Imports take
turns under a lease, whatever process they run in.
"""

import asyncio
import gc
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from db import queues
from db import settlements as rows
from db.models import AccountDay, PositionDay, TradeDay
from db.settlements import Day, chunks, exact, fen
from domain.calendar import CalendarEnded, TradingCalendar
from domain.errors import Refusal
from domain.settlement import LineNote, ParsedFile, Period, Position, SettlementRecord, Trade
from services import audit, estimates, risk
from services.estimates import Held
from services.work import Deps, Work, reading, working
from statements import Limits, read
from statements.limits import MEBIBYTE

_CHUNK = 5_000
_COMPARED = 2_000
_SILENT = 20.0
_WHOLE = frozenset({"ctp-text", "cfmmc-workbook"})
"""Formats that tell everything of an account's day; the others tell one kind of thing."""

Progress = Callable[[int, int], None]
Key = tuple[date, str]
Dated = TypeVar("Dated", SettlementRecord, Position)


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What became of a file. ``state``: imported or already_imported; ``unchanged`` account days were in already.

    ``alerts``: accounts that climbed or stand in a call, of the latest trading day.
    """

    file: str
    format: str
    day: date
    accounts: int
    positions: int
    trades: int
    rejected: tuple[LineNote, ...]
    unknown_accounts: tuple[str, ...]
    alerts: int
    state: str
    notes: tuple[LineNote, ...] = ()
    unchanged: int = 0

    def as_json(self) -> dict[str, Any]:
        """As ``python -m bot import --json`` prints it."""
        return {
            "file": self.file,
            "format": self.format,
            "day": self.day.isoformat(),
            "accounts": self.accounts,
            "positions": self.positions,
            "trades": self.trades,
            "rejected": [{"line": found.line, "reason": found.reason} for found in self.rejected],
            "unknown_accounts": list(self.unknown_accounts),
            "alerts": self.alerts,
            "state": self.state,
        }


async def import_file(
    deps: Deps,
    name: str,
    data: bytes,
    by: str,
    replace_reason: str | None = None,
    progress: Progress | None = None,
) -> ImportSummary:
    """Imports a file once. ``by`` names who or what brought it (a staff code, ``cli``, ``folder``).

    Raises StatementError for a file that is refused whole, Refusal ``figures_differ`` where an account's day is in with
    other figures and no reason for replacing them is given. ``progress(done, total)`` counts rows.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    if known := await _already_in(deps, name, sha256):
        return replace(known, alerts=await _tell_the_rest(deps))
    limits = Limits(max_bytes=deps.policy.imports.max_megabytes * MEBIBYTE)
    async with AsyncExitStack() as held:
        held.enter_context(_without_collecting())
        parsed = await asyncio.to_thread(read, name, data, limits=limits)
        turn = await held.enter_async_context(_turn(deps))
        if known := await _already_in(deps, name, sha256):
            return known
        await _clear_away(deps, turn)
        load = await _compare(deps, parsed, replace_reason, turn)
        parsed = _lighter(parsed)
        file_id = await _load(deps, name, parsed, load, by, replace_reason, turn, progress)
        unknown = await _know_accounts(deps, load, turn)
        await _make_it_count(deps, file_id, load, by, replace_reason)
        await _estimate(deps, file_id, turn)
        await risk.go_on(deps, during_import=True, but=file_id)
        alerts = await risk.judge_file(deps, file_id, turn.beat)
    return ImportSummary(
        file=name,
        format=parsed.format,
        day=parsed.day,
        accounts=load.accounts,
        positions=load.positions_told,
        trades=load.trades_told,
        rejected=parsed.rejected,
        unknown_accounts=unknown,
        alerts=alerts,
        state="imported",
        notes=parsed.notes,
        unchanged=load.unchanged,
    )


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Pauses the collector of cycles: walking over millions of rows that are no garbage takes a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _already_in(deps: Deps, name: str, sha256: str) -> ImportSummary | None:
    async with reading(deps) as work:
        file = await rows.file_in(work.session, sha256)
    if file is None:
        return None
    return ImportSummary(
        file=name,
        format=file.format,
        day=file.day,
        accounts=file.accounts,
        positions=file.positions,
        trades=file.trades,
        rejected=(),
        unknown_accounts=(),
        alerts=0,
        state="already_imported",
    )


async def _tell_the_rest(deps: Deps) -> int:
    """An import that was killed after its rows counted may not have told everybody: this goes on with it."""
    async with reading(deps) as work:
        if not await rows.unjudged(work.session):
            return 0
    async with _turn(deps):
        return await risk.go_on(deps, during_import=True)


# --- taking turns -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Turn:
    """This import's claim; ``beat`` shows others that it lives, and refuses to go on when one has overtaken it."""

    deps: Deps
    holder: str
    count: int = 0

    async def beat(self) -> None:
        self.count += 1
        async with self.deps.db.write() as session:
            ours = await queues.renew_lease(
                session, rows.IMPORT_LEASE, self.holder, self.deps.wall(), self.count
            )
        if not ours:
            raise Refusal("import_overtaken")


@asynccontextmanager
async def _turn(deps: Deps) -> AsyncIterator[_Turn]:
    """Waits for the import that is running; one that was killed is overtaken when it shows no life."""
    turn = _Turn(deps, f"import/{deps.new_token(10)}")
    clock = asyncio.get_running_loop().time
    seen: tuple[str, int] | None = None
    since = clock()
    while True:
        async with deps.db.write() as session:
            lease = await queues.lease(session, rows.IMPORT_LEASE)
            state = (lease.holder, lease.beat) if lease else None
            if state != seen:
                seen, since = state, clock()
            free = lease is None or clock() - since > _SILENT
            if free and await queues.take_lease(
                session,
                rows.IMPORT_LEASE,
                turn.holder,
                deps.wall(),
                0,
                instead_of=lease.holder if lease else None,
            ):
                break
        await asyncio.sleep(0.2)
    try:
        yield turn
    finally:
        async with deps.db.write() as session:
            await queues.drop_lease(session, rows.IMPORT_LEASE, turn.holder)


async def _clear_away(deps: Deps, turn: _Turn) -> None:
    """Deletes what killed imports left."""
    async with reading(deps) as work:
        left = await rows.unfinished(work.session)
    for file_id in left:
        gone = False
        while not gone:
            async with deps.db.write() as session:
                gone = await rows.delete_some(session, file_id, _CHUNK)
            await turn.beat()


# --- comparing --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Load:
    """What of a file is new. ``superseded`` account days are taken over by this file, by kind of row.

    ``accounts`` and the ``_told`` counts are the file's, whether or not its rows are new.
    """

    records: Sequence[SettlementRecord]
    positions: Sequence[Position]
    trades: Sequence[Trade]
    names: dict[str, str]
    accounts: int
    positions_told: int
    trades_told: int
    unchanged: int = 0
    replaced: bool = False
    superseded: dict[Day, dict[date, set[str]]] = field(default_factory=dict)

    def supersede(self, model: Day, key: Key) -> None:
        self.superseded.setdefault(model, {}).setdefault(key[0], set()).add(key[1])

    def __len__(self) -> int:
        return len(self.records) + len(self.positions) + len(self.trades)


@dataclass(slots=True)
class _Found:
    """How a file's account days stand to what is in: ``same`` add nothing, ``fuller`` say more, ``other`` disagree."""

    same: set[Key] = field(default_factory=set)
    fuller: set[Key] = field(default_factory=set)
    other: set[Key] = field(default_factory=set)


async def _compare(deps: Deps, parsed: ParsedFile, reason: str | None, turn: _Turn) -> _Load:
    """Sorts out what is in already; refuses ``figures_differ`` without a reason to replace."""
    records = [_daily(record, deps.calendar) for record in parsed.records]
    positions = [_daily(position, deps.calendar) for position in parsed.positions]
    async with reading(deps) as work:
        money = await _compare_money(work, parsed.format, records)
        held = await _compare_rows(work, PositionDay, positions)
        done = await _compare_rows(work, TradeDay, parsed.trades)
    await turn.beat()
    other = money.other | held.other | done.other
    if other and not reason:
        day, account = min(other)
        what = "account" if money.other else "position" if held.other else "trade"
        raise Refusal("figures_differ", account=account, day=day, count=len(other), what=what)
    return _chosen(parsed, records, positions, money, held, done)


def _chosen(
    parsed: ParsedFile,
    records: Sequence[SettlementRecord],
    positions: Sequence[Position],
    money: _Found,
    held: _Found,
    done: _Found,
) -> _Load:
    other = money.other | held.other | done.other
    if parsed.format in _WHOLE:
        # A statement tells all of an account's day: where a part disagrees, it replaces every part.
        for found in (money, held, done):
            found.same -= other
    accounts = _accounts(parsed.positions, parsed.trades)
    load = _Load(
        records=[r for r in records if (r.day, r.account) not in money.same],
        positions=[p for p in positions if (p.day, p.account) not in held.same],
        trades=[t for t in parsed.trades if (t.day, t.account) not in done.same],
        names=dict.fromkeys(sorted(accounts), "") | {r.account: r.name for r in records},
        accounts=len({r.account for r in records} or accounts),
        positions_told=len(parsed.positions),
        trades_told=len(parsed.trades),
        unchanged=len(money.same | held.same | done.same),
        replaced=bool(other),
    )
    for model, found in ((AccountDay, money), (PositionDay, held), (TradeDay, done)):
        for key in found.fuller | (other if parsed.format in _WHOLE else found.other):
            load.supersede(model, key)
    return load


def _accounts(*tables: Sequence[Position] | Sequence[Trade]) -> set[str]:
    return {row.account for table in tables for row in table}


def _daily(told: Dated, calendar: TradingCalendar) -> Dated:
    """What a month's statement says of its end, as of the month's last trading day."""
    if told.period is Period.DAY:
        return told
    try:
        day = told.day if calendar.is_trading(told.day) else calendar.previous_trading_day(told.day)
    except CalendarEnded:
        return told
    return replace(told, day=day)


async def _compare_money(work: Work, kind: str, records: Sequence[SettlementRecord]) -> _Found:
    found = _Found()
    by_day: dict[date, dict[str, SettlementRecord]] = defaultdict(dict)
    for record in records:
        by_day[record.day][record.account] = record
    for day in await rows.days_known(work.session, AccountDay, by_day):
        for accounts in chunks(by_day[day], _COMPARED):
            known = await rows.digests(work.session, day, accounts)
            doubtful = []
            for account, digest in known.items():
                if digest == _digest(by_day[day][account]):
                    found.same.add((day, account))
                else:
                    doubtful.append(account)
            if doubtful:
                stored = await rows.accounts_of(work.session, day, doubtful)
                for account, (row, stored_kind) in stored.items():
                    record = by_day[day][account]
                    _place(found, (day, account), row, record, same_kind=stored_kind == kind)
    return found


def _place(found: _Found, key: Key, row: AccountDay, record: SettlementRecord, *, same_kind: bool) -> None:
    """What a record with another digest is: formats state different things of the same day."""
    new = _account_row(record, None, 0)
    core = all(_as_stored(row, name) == new[name] for name in ("equity", "curr_margin", "delivery_margin"))
    same_kind = same_kind and row.digest[0] == new["digest"][0]
    details = [(_as_stored(row, name), new[name]) for name in ("commission", "cash_flow")]
    if not row.exchange_margin_estimated:
        details.append((_as_stored(row, "exchange_margin"), new["exchange_margin"]))
    agree = all(old == now or not old or not now for old, now in details)
    if not core or same_kind or not agree:
        found.other.add(key)
        return
    says_more = record.exchange_margin is not None and (
        row.exchange_margin is None or row.exchange_margin_estimated
    )
    was_month, is_month = row.digest[0] == "x", record.period is Period.MONTH
    if (says_more or was_month) and not is_month:
        found.fuller.add(key)
    else:
        found.same.add(key)


def _as_stored(row: AccountDay, name: str) -> int | None:
    return fen(getattr(row, name))


async def _compare_rows(
    work: Work, model: type[PositionDay] | type[TradeDay], told: Sequence[Position] | Sequence[Trade]
) -> _Found:
    """Positions and trades by lots and price of each contract and side, whatever the format."""
    found = _Found()
    days = await rows.days_known(work.session, model, {row.day for row in told})
    if not days:
        return found
    by_day: dict[date, dict[str, list[Position | Trade]]] = defaultdict(lambda: defaultdict(list))
    for row in told:
        if row.day in days:
            by_day[row.day][row.account].append(row)
    for day, accounts in by_day.items():
        for some in chunks(accounts, _COMPARED):
            stored: dict[str, list[Any]]
            if model is PositionDay:
                stored = dict((await rows.positions_of(work.session, day, some)).items())
            else:
                stored = dict((await rows.trades_of(work.session, day, some)).items())
            for account, theirs in stored.items():
                same = _signature(accounts[account]) == _signature(theirs)
                (found.same if same else found.other).add((day, account))
    return found


def _signature(told: Iterable[Any]) -> dict[tuple[str, str], tuple[int, Decimal]]:
    """(contract, side) -> lots, and lots times price."""
    found: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for row in told:
        key = (row.instrument, str(row.direction))
        lots, weight = found.get(key, (0, Decimal(0)))
        price = row.price if hasattr(row, "price") else row.settlement_price
        found[key] = (lots + row.lots, weight + (price or Decimal(0)) * row.lots)
    return found


# --- loading ----------------------------------------------------------------------------------------------


def _lighter(parsed: ParsedFile) -> ParsedFile:
    """Without the rows, which the load holds from here on."""
    return replace(parsed, records=(), positions=(), trades=())


async def _load(
    deps: Deps,
    name: str,
    parsed: ParsedFile,
    load: _Load,
    by: str,
    reason: str | None,
    turn: _Turn,
    progress: Progress | None,
) -> int:
    async with working(deps) as work:
        file_id = await rows.add_file(
            work.session,
            sha256=parsed.sha256,
            name=name,
            format=parsed.format,
            day=parsed.day,
            state="loading",
            accounts=load.accounts,
            positions=load.positions_told,
            trades=load.trades_told,
            by=by,
            reason=reason,
            at=work.now,
        )
    total, done = len(load), 0
    for model, chunk in _rows_of(load, file_id):
        async with deps.db.write() as session:
            await rows.insert_rows(session, model, chunk)
        await turn.beat()
        done += len(chunk)
        if progress is not None:
            progress(done, total)
    if total > _CHUNK:
        async with deps.db.write() as session:
            await rows.renew_statistics(session)
    return file_id


def _rows_of(load: _Load, file_id: int) -> Iterator[tuple[Day, list[dict[str, Any]]]]:
    held = _held_by_account(load.positions)
    for records in chunks(load.records, _CHUNK):
        yield AccountDay, [_account_row(r, _exchange_margin(r, held), file_id) for r in records]
    for positions in chunks(load.positions, _CHUNK):
        yield PositionDay, [_position_row(p, file_id) for p in positions]
    for trades in chunks(load.trades, _CHUNK):
        yield TradeDay, [_trade_row(t, file_id) for t in trades]


def _held_by_account(positions: Sequence[Position]) -> dict[Key, list[Held]]:
    found: dict[Key, list[Held]] = defaultdict(list)
    for p in positions:
        found[p.day, p.account].append(
            Held(
                exchange=p.exchange,
                instrument=p.instrument,
                product=p.product,
                direction=p.direction,
                lots=p.lots,
                price=p.settlement_price,
                margin=p.margin_company,
                exchange_margin=p.margin_exchange,
            )
        )
    return found


def _exchange_margin(record: SettlementRecord, held: dict[Key, list[Held]]) -> tuple[Decimal, bool] | None:
    """(the exchange's margin, whether it is an estimate) where the file itself does not state it; None for unknown."""
    if record.exchange_margin is not None:
        return record.exchange_margin, False
    if not record.curr_margin:
        return Decimal("0.00"), False
    mine = held.get((record.day, record.account), [])
    return known_exchange_margin(mine, record.day) if mine else None


def known_exchange_margin(held: Sequence[Held], day: date) -> tuple[Decimal, bool] | None:
    """From the rows' own exchange margins where all are stated, else by the exchange's rates as an estimate."""
    stated = [position.exchange_margin for position in held]
    if held and all(margin is not None for margin in stated):
        return sum((margin for margin in stated if margin is not None), Decimal("0.00")), False
    reckoned = estimates.exchange_margin(held, day)
    return None if reckoned is None else (reckoned, True)


def _account_row(
    record: SettlementRecord, exchange: tuple[Decimal, bool] | None, file_id: int
) -> dict[str, Any]:
    """The columns of an account's day. A month's sums are left out: they are no day's."""
    month = record.period is Period.MONTH
    row: dict[str, Any] = {
        "pre_balance": None if month else fen(record.pre_balance),
        "cash_flow": None if month else fen(record.deposit - record.withdraw),
        "close_profit": None if month else fen(record.close_profit),
        "position_profit": None if month else fen(record.position_profit),
        "commission": None if month else fen(record.commission),
        "equity": fen(record.equity),
        "available": fen(record.available),
        "curr_margin": fen(record.curr_margin),
        "delivery_margin": fen(record.delivery_margin),
        "exchange_margin": fen(record.exchange_margin),
        "exchange_delivery_margin": fen(record.exchange_delivery_margin),
    }
    # The first letter keeps the basis: figures of two bases may differ and both be right.
    basis = "x" if month else record.by.value[0]
    told = hashlib.blake2b(repr(tuple(row.values())).encode(), digest_size=7).hexdigest()
    row |= {
        "file_id": file_id,
        "account": record.account,
        "day": record.day,
        "digest": basis + told,
        "exchange_margin": fen(exchange[0]) if exchange else row["exchange_margin"],
        "exchange_margin_estimated": bool(exchange and exchange[1]),
    }
    return row


def _digest(record: SettlementRecord) -> str:
    return str(_account_row(record, None, 0)["digest"])


def _position_row(position: Position, file_id: int) -> dict[str, Any]:
    return {
        "file_id": file_id,
        "account": position.account,
        "day": position.day,
        "exchange": position.exchange,
        "instrument": position.instrument,
        "product": position.product,
        "direction": position.direction.value,
        "hedge": position.hedge.value,
        "lots": position.lots,
        "settlement_price": exact(position.settlement_price),
        "position_profit": fen(position.position_profit),
        "margin": fen(position.margin_company),
    }


def _trade_row(trade: Trade, file_id: int) -> dict[str, Any]:
    return {
        "file_id": file_id,
        "account": trade.account,
        "day": trade.day,
        "exchange": trade.exchange,
        "instrument": trade.instrument,
        "direction": trade.direction.value,
        "offset": trade.offset.value,
        "price": exact(trade.price),
        "lots": trade.lots,
        "fee": fen(trade.commission),
    }


# --- counting ---------------------------------------------------------------------------------------------


async def _know_accounts(deps: Deps, load: _Load, turn: _Turn) -> tuple[str, ...]:
    """Accounts that the register does not know, made clients of the pool until it does."""
    async with reading(deps) as work:
        known = await rows.registered(work.session, load.names)
    unknown = sorted(set(load.names) - known)
    for accounts in chunks(unknown):
        async with working(deps) as work:
            names = [(account, load.names[account]) for account in accounts]
            await rows.add_unregistered(work.session, names, work.now)
        await turn.beat()
    return tuple(unknown)


async def _make_it_count(deps: Deps, file_id: int, load: _Load, by: str, reason: str | None) -> None:
    """The one transaction after which the file counts and what it supersedes does not."""
    prices = {
        (p.instrument, p.day): exact(p.settlement_price)
        for p in load.positions
        if p.settlement_price is not None
    }
    async with working(deps) as work:
        if load.superseded:
            await _supersede(work, file_id, load, reason)
        await rows.put_prices(
            work.session, [{"instrument": i, "day": d, "price": p} for (i, d), p in prices.items()]
        )
        await rows.set_file(work.session, file_id, state="in")
        action = "import.replaced" if load.replaced else "import.done"
        counts = {"accounts": load.accounts, "positions": load.positions_told, "trades": load.trades_told}
        await audit.note(
            work, by, action, f"file:{file_id}", **counts, **({"reason": reason} if load.replaced else {})
        )


async def _supersede(work: Work, file_id: int, load: _Load, reason: str | None) -> None:
    """Moves what the file takes over into a file that does not count: nothing is deleted."""
    into = await rows.add_file(
        work.session,
        sha256="",
        name=f"superseded by file {file_id}",
        format="superseded",
        day=max(day for days in load.superseded.values() for day in days),
        state="replaced",
        accounts=0,
        positions=0,
        trades=0,
        by="house",
        reason=reason if load.replaced else "the later file says more",
        at=work.now,
        judged_at=work.now,
    )
    touched: set[int] = set()
    for model, days in load.superseded.items():
        for day, accounts in days.items():
            touched |= await rows.supersede(work.session, model, day, accounts, by=file_id, into=into)
    for old in touched:
        if await rows.is_empty(work.session, old):
            await rows.set_file(work.session, old, state="replaced")


async def _estimate(deps: Deps, file_id: int, turn: _Turn) -> None:
    """Exchange margins of accounts whose money and whose positions came in different files."""
    async with reading(deps) as work:
        day = await rows.newest_day_of(work.session, file_id)
        accounts = await rows.without_exchange_margin(work.session, file_id, day) if day else []
    for some in chunks(accounts, _COMPARED):
        assert day is not None
        async with working(deps) as work:
            await _estimate_some(work, day, some)
        await turn.beat()


async def _estimate_some(work: Work, day: date, accounts: Collection[str]) -> None:
    held = await rows.positions_of(work.session, day, accounts)
    for account, positions in held.items():
        found = known_exchange_margin([estimates.held_of(position) for position in positions], day)
        if found is not None:
            await rows.set_exchange_margin(work.session, day, account, *found)
