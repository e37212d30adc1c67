"""Brings a database to this program's revision, and tells when it is not there."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from db import trouble
from db.engine import Database
from db.models import Base

_MIGRATIONS = Path(__file__).parent / "migrations"
_TOO_NEW = "the database has revision {}, which this program does not know: install the newer program"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _knows(scripts: ScriptDirectory, revision: str) -> bool:
    return revision in {script.revision for script in scripts.walk_revisions()}


async def upgrade(database: Database) -> tuple[str | None, str]:
    """To the newest revision; (before, after). Raises Unusable where this program is older than the database."""

    def run(connection: Connection) -> tuple[str | None, str]:
        before = MigrationContext.configure(connection).get_current_revision()
        config = _config(connection)
        scripts = ScriptDirectory.from_config(config)
        if before is not None and not _knows(scripts, before):
            raise trouble.Unusable(_TOO_NEW.format(before))
        command.upgrade(config, "head")
        return before, str(scripts.get_current_head())

    async with database.engine.begin() as connection:
        return await connection.run_sync(run)


async def behind(database: Database) -> str | None:
    """None where this program can work with the database, else the sentence that says what to do."""
    if (file := database.file) is not None and not file.exists():
        return f"there is no database at {file}: type  python -m bot db upgrade"
    scripts = ScriptDirectory.from_config(_config())
    head = scripts.get_current_head()

    def run(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    try:
        async with database.engine.connect() as connection:
            found = await connection.run_sync(run)
    except trouble.ERRORS as error:
        if (told := trouble.sentence(error)) is None:
            raise
        return told
    if found == head:
        return None
    if found is None:
        return "the database is empty: type  python -m bot db upgrade"
    if not _knows(scripts, found):
        return _TOO_NEW.format(found)
    return f"the database has revision {found}, this program needs {head}: type  python -m bot db upgrade"


async def differences(database: Database) -> list[Any]:
    """What the tables have that the models have not, and the other way round."""

    def run(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with database.engine.connect() as connection:
        return await connection.run_sync(run)
