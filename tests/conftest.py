"""Fixtures: databases of both kinds, the shipped library, and the whole house (tests/desk.py)."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from db.engine import Database
from db.migrate import upgrade
from knowledge.library import Library
from tests import postgres
from tests.desk import Desk, open_desk

for _name in [name for name in os.environ if name.startswith("QIFU_") and name != "QIFU_SNAPSHOTS"]:
    del os.environ[_name]


def _upgraded(url: str) -> None:
    async def run() -> None:
        database = Database(url)
        await upgrade(database)
        await database.close()

    asyncio.run(run())


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "empty.db"
    _upgraded(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL pattern of the session's server, with an upgraded database ``template``."""
    if postgres.binaries() is None:
        if os.environ.get("CI"):
            pytest.fail("no PostgreSQL server on this machine: make test installs it where it may")
        pytest.skip(
            "no PostgreSQL server on this machine: install it (Debian: postgresql) to run these tests"
        )
    with postgres.server() as pattern:
        _psql(pattern, "CREATE DATABASE template_qifu")
        _upgraded(pattern.format(name="template_qifu"))
        yield pattern


def _psql(pattern: str, statement: str) -> None:
    folder = postgres.binaries()
    assert folder is not None
    subprocess.run(
        [str(folder / "psql"), pattern.format(name="postgres"), "-qc", statement],
        check=True,
        capture_output=True,
    )


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An upgraded, empty database: every test that uses it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "qifu.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    pattern = request.getfixturevalue("postgres_server")
    name = f"t{uuid4().hex[:12]}"
    _psql(pattern, f"CREATE DATABASE {name} TEMPLATE template_qifu")
    yield pattern.format(name=name)
    _psql(pattern, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """An upgraded, empty SQLite database, where the kind does not matter."""
    path = tmp_path / "qifu.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The shipped library, loaded once."""
    from bot import wiring
    from bot.settings import policy, settings

    root = Path(__file__).parent.parent
    loaded = wiring.library(settings({}, root / "none"), policy(root / "config.yaml"), background=False)
    loaded.wait()
    return loaded


@pytest.fixture
async def desk(sqlite_url: str, library: Library) -> AsyncIterator[Desk]:
    """The whole house on SQLite."""
    async with open_desk(sqlite_url, library) as opened:
        yield opened


@pytest.fixture
async def desk_on_each(database_url: str, library: Library) -> AsyncIterator[Desk]:
    """The whole house, on SQLite and on PostgreSQL."""
    async with open_desk(database_url, library) as opened:
        yield opened
