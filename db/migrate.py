"""Brings a database to this program's revision, and tells when it is not there."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from db.engine import Database
from db.models import Base

_MIGRATIONS = Path(__file__).parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


async def upgrade(database: Database) -> tuple[str | None, str]:
    """To the newest revision; (before, after)."""

    def run(connection: Connection) -> tuple[str | None, str]:
        before = MigrationContext.configure(connection).get_current_revision()
        config = _config(connection)
        command.upgrade(config, "head")
        return before, str(ScriptDirectory.from_config(config).get_current_head())

    async with database.engine.begin() as connection:
        return await connection.run_sync(run)


async def behind(database: Database) -> str | None:
    """None where the database has this program's revision, else the sentence that says what to type."""
    head = ScriptDirectory.from_config(_config()).get_current_head()

    def run(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with database.engine.connect() as connection:
        found = await connection.run_sync(run)
    if found == head:
        return None
    state = "is empty" if found is None else f"has revision {found}, this program needs {head}"
    return f"the database {state}: type  python -m bot db upgrade"


async def differences(database: Database) -> list[Any]:
    """What the tables have that the models have not, and the other way round."""

    def run(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with database.engine.connect() as connection:
        return await connection.run_sync(run)
