"""SQLite without a thread: SQLAlchemy's aiosqlite dialect over connections that run in the event loop itself.

aiosqlite sends every cursor, statement, fetch and close to a thread of its own and back, which costs several times
what the statements of this house cost (they touch a few rows of a local file). Here they run where they are called.
Only one thing may take long: another process holds the write lock. That is waited for without holding the loop.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

_BUSY_SECONDS = 15.0
_PAUSE_SECONDS = 0.005
# How long SQLite itself waits, with the loop standing still, before the statement is tried again from here.
_BLOCKING_SECONDS = 0.01


async def connect(path: str) -> "Connection":
    """A connection to a database file, as SQLAlchemy's dialect expects it of aiosqlite."""
    return Connection(
        sqlite3.connect(path, timeout=_BLOCKING_SECONDS, check_same_thread=False, isolation_level=None)
    )


class Cursor:
    """What the dialect uses of aiosqlite's cursor."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()

    async def __aenter__(self) -> "Cursor":
        return self

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid

    @property
    def arraysize(self) -> int:
        return self._cursor.arraysize

    @arraysize.setter
    def arraysize(self, size: int) -> None:
        self._cursor.arraysize = size

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        await self._patiently(lambda: self._cursor.execute(statement, parameters))

    async def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        self._cursor.executemany(statement, rows)

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    async def fetchone(self) -> Any:
        return self._cursor.fetchone()

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        return self._cursor.fetchmany(self._cursor.arraysize if size is None else size)

    async def close(self) -> None:
        self._cursor.close()

    async def _patiently(self, run: Callable[[], object]) -> None:
        """Runs a statement; one that finds the file locked before its transaction began is tried again."""
        since = time.monotonic()
        while True:
            try:
                run()
                return
            except sqlite3.OperationalError as error:
                begun = self._connection.in_transaction
                if "locked" not in str(error) or begun or time.monotonic() - since > _BUSY_SECONDS:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)


class _Now:
    """aiosqlite's queue to its thread, without the thread: what is put is done."""

    def put_nowait(self, item: "tuple[asyncio.Future[Any], Callable[[], Any]]") -> None:
        future, function = item
        future.set_result(function())


class Connection:
    """What the dialect uses of aiosqlite's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._conn = connection
        self._connection: sqlite3.Connection | None = connection
        self._tx = _Now()

    @property
    def isolation_level(self) -> str | None:
        return self._conn.isolation_level

    def cursor(self) -> Cursor:
        return Cursor(self._conn)

    async def create_function(self, *arguments: Any, **options: Any) -> None:
        self._conn.create_function(*arguments, **options)

    async def commit(self) -> None:
        self._conn.commit()

    async def rollback(self) -> None:
        self._conn.rollback()

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Closes at once; a transaction that is open is rolled back by SQLite."""
        self._connection = None
        self._conn.close()
