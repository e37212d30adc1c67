"""The tables that the migrations make are those of the models, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from db import migrate, trouble
from db.engine import Database
from db.models import Base

NAMES = Path(__file__).parents[2] / "db" / "migrations" / "versions"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def indexes(database: Database) -> dict[str, tuple[object, ...]]:
    """name -> what alembic's comparison does not look at: columns, uniqueness, condition."""

    def look(connection: Connection) -> dict[str, tuple[object, ...]]:
        inspector = inspect(connection)
        return {
            str(i["name"]): (tuple(i["column_names"]), bool(i["unique"]), condition(i))
            for table in inspector.get_table_names()
            for i in inspector.get_indexes(table)
        }

    def condition(index: object) -> str:
        options = dict(index).get("dialect_options", {})  # type: ignore[call-overload]
        return str(options.get("sqlite_where", options.get("postgresql_where", "")))

    async with database.engine.connect() as connection:
        return await connection.run_sync(look)


async def test_an_upgraded_database_has_the_models_tables(database: Database) -> None:
    """Nothing too much, nothing missing."""
    assert await migrate.differences(database) == []
    assert await migrate.behind(database) is None


async def test_an_upgraded_database_has_the_models_indexes(database: Database, tmp_path: Path) -> None:
    """Conditions of partial indexes included: a unique one without its condition would refuse honest rows."""
    by_migrations = await indexes(database)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    assert await indexes(database) == by_migrations
    assert by_migrations["uq_link_live_client"][1] is True
    assert "until IS NULL" in str(by_migrations["uq_link_live_client"][2])


async def test_upgrading_twice_changes_nothing(database: Database) -> None:
    """Whoever types it again is told the same revision."""
    before, after = await migrate.upgrade(database)
    assert before == after


async def test_down_and_up_again(database: Database) -> None:
    """A downgrade to nothing takes every table with it; an upgrade brings them back."""

    def down(connection: Connection) -> list[str]:
        command.downgrade(migrate._config(connection), "base")
        return [name for name in inspect(connection).get_table_names() if name != "alembic_version"]

    async with database.engine.begin() as connection:
        assert await connection.run_sync(down) == []
    assert "db upgrade" in str(await migrate.behind(database))
    await migrate.upgrade(database)
    assert await migrate.differences(database) == []


def test_there_is_one_head_and_a_name_tells_a_migrations_date() -> None:
    """Two heads would leave the order to chance."""
    scripts = ScriptDirectory.from_config(migrate._config())
    assert len(scripts.get_heads()) == 1
    for path in NAMES.glob("*.py"):
        assert path.name[:10].count("-") == 2, path.name


async def test_a_database_of_a_newer_program_is_left_alone(database: Database) -> None:
    """Said in one sentence, and not downgraded by accident."""
    async with database.write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '2099_01_01_0001'"))
    assert "install the newer program" in str(await migrate.behind(database))
    with pytest.raises(trouble.Unusable, match="install the newer program"):
        await migrate.upgrade(database)


async def test_an_upgrade_that_fails_leaves_the_database_as_it_was(sqlite_url: str) -> None:
    """One transaction, on SQLite too."""
    database = Database(sqlite_url)
    async with database.engine.begin() as connection:
        for table in ("lease", "alembic_version"):
            await connection.execute(text(f"DROP TABLE {table}"))
        names = await connection.run_sync(lambda c: inspect(c).get_table_names())
    with pytest.raises(Exception, match="already exists"):
        await migrate.upgrade(database)
    async with database.engine.connect() as connection:
        assert await connection.run_sync(lambda c: inspect(c).get_table_names()) == names
    await database.close()
