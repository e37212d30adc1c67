"""The engine: SQLite by default, PostgreSQL by URL, one way to read and one way to write."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from db import inline_sqlite
from db.checkpoints import Checkpoints
from db.group_sync import GroupSync

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}


class Database:
    """Sessions on one database. Writers on SQLite take turns; readers never wait for them (WAL)."""

    def __init__(self, url: str, *, echo: bool = False) -> None:
        parsed = make_url(url)
        self.url = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        in_file = self.is_sqlite and self.url.database and self.url.database != ":memory:"
        self.file = Path(str(self.url.database)) if in_file else None
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {"pool_size": 8, "pool_pre_ping": True}
        if self.file is not None:
            options = {"async_creator": partial(inline_sqlite.connect, str(self.file))}
        elif self.is_sqlite:
            options = {}
        # Errors quote their statement; its values are clients' words and figures.
        self.engine = create_async_engine(self.url, echo=echo, hide_parameters=True, **options)
        self._writers = asyncio.Lock() if self.is_sqlite else None
        self._sync = GroupSync(Path(f"{self.file}-wal")) if self.file is not None else None
        self._checkpoints = Checkpoints(self.file, self._turn) if self.file is not None else None
        if self.is_sqlite:
            _teach_sqlite(self.engine.sync_engine)
        self._reader = self.engine.execution_options(qifu_write=False)
        self._writer = self.engine.execution_options(qifu_write=True)

    @asynccontextmanager
    async def write(self, *, durable: bool = True) -> AsyncIterator[AsyncSession]:
        """One transaction that may write: committed when the block ends, rolled back when it raises.

        Not ``durable``: what it wrote survives a kill at once, a power cut only after the next durable commit.
        """
        async with (
            self._turn(),
            AsyncSession(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
        if self._checkpoints is not None:
            self._checkpoints.committed()
        if durable:
            await self.settle()

    async def settle(self, patience: float = 0.0) -> None:
        """Returns when everything committed so far survives a power cut.

        ``patience``: seconds for which it may be left to somebody else's commit to ask the disk.
        """
        if self._sync is not None:
            await self._sync.wait(patience)

    def _turn(self) -> AbstractAsyncContextManager[None]:
        return self._writers or nullcontext()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """One transaction that only reads."""
        async with AsyncSession(self._reader, expire_on_commit=False) as session:
            yield session

    def for_tools(self) -> tuple[str, str]:
        """PostgreSQL's own programs: the URL without the password, and the password."""
        u = self.url
        bare = URL.create("postgresql", u.username, None, u.host, u.port, u.database, u.query)
        return bare.render_as_string(hide_password=False), str(u.password or "")

    async def close(self) -> None:
        if self._sync is not None:
            self._sync.close()
        if self._checkpoints is not None:
            await self._checkpoints.close()
        await self.engine.dispose()


def _teach_sqlite(engine: Any) -> None:
    """SQLAlchemy's documented listeners: the driver's own BEGIN would leave rows of a failed savepoint committed.

    BEGIN IMMEDIATE for writers, because a transaction that turns from reading to writing fails at once,
    whatever the busy time-out; plain BEGIN for readers, because IMMEDIATE would lock them out.
    """

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        # The sync at every commit is GroupSync's, the moving of the log Checkpoints'.
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "wal_autocheckpoint=0",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        write = connection.get_execution_options().get("qifu_write", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
