"""``backup`` and ``restore``: a copy while the house is open, checked, and back without losing what stood there."""

import json
import os
import sqlite3
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot import backup, lease
from bot.lease import NAME, in_use
from bot.settings import StartError
from db import queues
from db.engine import Database
from db.models import Client, Lease, OutboxMessage
from tests.bot.conftest import Command

NOW = datetime(2026, 8, 18, 17, 30, tzinfo=UTC)
ANOTHER_MACHINE = "elsewhere:0/1/1/x"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """SQLite and PostgreSQL, with one client, one message that waits and one that was sent."""
    opened = Database(database_url)
    async with opened.write() as session:
        session.add(a_client("80012345"))
        session.add_all([a_message("pending"), a_message("sent")])
        session.add(Lease(name=NAME, holder=ANOTHER_MACHINE, renewed_at=NOW, beat=1))
    yield opened
    await opened.close()


def a_client(account: str) -> Client:
    return Client(
        account=account, name="王明", kind="person", tier="key", tier_source="register", created_at=NOW
    )


def a_message(state: str) -> OutboxMessage:
    return OutboxMessage(
        chat_id=1, priority=10, on_doubt="resend", method="text", body={}, state=state, created_at=NOW
    )


async def accounts(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(Client.account).order_by(Client.account)))


async def states(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(OutboxMessage.state).order_by(OutboxMessage.id)))


async def test_what_was_backed_up_comes_back_and_the_former_database_is_kept(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client added after the copy is gone, and found again in the database that was set aside."""
    monkeypatch.chdir(tmp_path)
    copy = backup.backup(database, tmp_path / "copies", NOW)
    assert copy.sha256 == backup.digest(copy.file)
    async with database.write() as session:
        session.add(a_client("80099999"))
    done = await backup.restore(database, copy.file, NOW, send_waiting=False)
    assert await accounts(database) == ["80012345"]
    assert done.former is not None
    assert done.former.exists()
    if database.is_sqlite:
        former = Database(f"sqlite:///{done.former}")
        assert await accounts(former) == ["80012345", "80099999"]
        await former.close()


async def test_what_waited_in_the_copy_is_not_sent_again_unless_asked(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been sent since the copy was made; the lease of the run of then is nobody's."""
    monkeypatch.chdir(tmp_path)
    copy = backup.backup(database, tmp_path / "copies", NOW)
    done = await backup.restore(database, copy.file, NOW, send_waiting=False)
    assert (done.waiting, await states(database)) == (1, ["held", "sent"])
    assert not await in_use(database)
    later = NOW + timedelta(seconds=1)
    done = await backup.restore(database, copy.file, later, send_waiting=True)
    assert (done.waiting, await states(database)) == (1, ["pending", "sent"])


async def test_a_copy_is_made_while_somebody_writes(database: Database, tmp_path: Path) -> None:
    """The copy is the state before the open transaction, whole."""
    async with database.write() as session:
        session.add(a_client("80099999"))
        await session.flush()
        copy = backup.backup(database, tmp_path / "copy.bak", NOW)
    backup.inspect(copy.file)
    assert "80099999" not in copy.file.read_bytes().decode("latin-1")
    assert stat.S_IMODE(copy.file.stat().st_mode) == 0o600


def a_copy(house: Command, tmp_path: Path) -> Path:
    shown = house("backup", str(tmp_path / "copy.db"), "--json")
    assert shown.code == 0
    return Path(json.loads(shown.out)["file"])


def test_a_copy_is_never_overwritten(house: Command, tmp_path: Path) -> None:
    """A second copy of the same name is refused; a folder gets a name with the time."""
    a_copy(house, tmp_path)
    again = house("backup", str(tmp_path / "copy.db"))
    assert again.code == 1
    assert "is there already" in again.err
    assert house("backup", str(tmp_path / "folder")).code == 0
    (found,) = (tmp_path / "folder").glob("qifu-*.db")
    assert (tmp_path / "folder" / f"{found.name}.sha256").read_text().split()[0] == backup.digest(found)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:-4096] + b"\xff" * 4096, "is not what was backed up"),
        (lambda data: b"", "is no backup"),
        (lambda data: b"x" * 5000, "is no backup"),
        (lambda data: data[:100] + b"\xff" * 4000 + data[4100:], "is damaged"),
    ],
)
def test_a_damaged_copy_is_refused(
    house: Command, tmp_path: Path, database_file: Path, damage: object, words: str
) -> None:
    """By its digest where there is one, by every page where there is none; the database stays."""
    copy = a_copy(house, tmp_path)
    copy.write_bytes(damage(copy.read_bytes()))  # type: ignore[operator]  # a function of bytes
    if words != "is not what was backed up":
        (tmp_path / "copy.db.sha256").unlink()
    before = database_file.read_bytes()
    shown = house("restore", str(copy), "--yes")
    assert shown.code == 1
    assert words in shown.err or "is no database of this program" in shown.err
    assert database_file.read_bytes() == before


def test_the_present_database_is_replaced_with_consent_only(
    house: Command, tmp_path: Path, database_file: Path
) -> None:
    """Without --yes nothing changes; where there is no database, nothing has to be agreed to."""
    copy = a_copy(house, tmp_path)
    assert "give --yes" in house("restore", str(copy)).err
    assert house("restore", str(copy), "--yes").code == 0
    assert list(database_file.parent.glob("qifu.db.before-restore-*"))
    database_file.unlink()
    assert house("restore", str(copy)).code == 0
    assert house("restore", str(tmp_path / "none.db")).code == 1


async def test_a_database_that_a_run_holds_is_in_use(sqlite_url: str) -> None:
    """A holder on this machine that lives, at once; one elsewhere, as soon as its beat moves."""
    database = Database(sqlite_url)
    assert not await in_use(database)
    alive = f"{lease._machine()}/{os.getpid()}/{lease._started(os.getpid())}/x"
    async with database.write() as session:
        session.add(Lease(name=NAME, holder=alive, renewed_at=NOW, beat=0))
    assert await in_use(database)
    async with database.write() as session:
        row = await queues.lease(session, NAME)
        assert row is not None
        row.holder = f"{lease._machine()}/{os.getpid()}/12345/x"
    assert not await in_use(database)
    await database.close()


def test_a_database_under_a_run_is_not_replaced(house: Command, tmp_path: Path, database_file: Path) -> None:
    """Not even with --yes: the run would go on writing into the file that was set aside."""
    copy = a_copy(house, tmp_path)
    with sqlite3.connect(database_file) as connection:
        holder = f"{lease._machine()}/{os.getpid()}/{lease._started(os.getpid())}/x"
        connection.execute("INSERT INTO lease VALUES (?, ?, '2026-08-18 09:30:00.000000', 0)", (NAME, holder))
    connection.close()
    shown = house("restore", str(copy), "--yes")
    assert (shown.code, shown.err) == (1, "a run holds this database: stop it, then restore\n")


def test_a_database_that_somebody_has_open_is_not_replaced(
    house: Command, tmp_path: Path, database_file: Path
) -> None:
    """Also a program that knows nothing of our lease, such as a database browser, would go on with the old file."""
    copy = a_copy(house, tmp_path)
    browser = sqlite3.connect(database_file)
    browser.execute("PRAGMA journal_mode=WAL")
    browser.execute("SELECT count(*) FROM client").fetchone()
    try:
        shown = house("restore", str(copy), "--yes")
    finally:
        browser.close()
    assert shown.code == 1
    assert "another program has" in shown.err


def test_postgresql_without_its_programs_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pg_dump is not ours to ship."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(backup, "_newest", lambda tool: None)
    with pytest.raises(StartError, match="pg_dump is not on this machine"):
        backup.backup(Database("postgresql://qifu@127.0.0.1:9/qifu"), tmp_path / "copy.dump", NOW)
    assert not list(tmp_path.iterdir())
