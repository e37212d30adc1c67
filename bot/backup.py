"""Copies the database to a file and back: SQLite by itself, PostgreSQL with its own pg_dump and pg_restore.

A copy is made while the bot runs, checked before it gets its name, and has its SHA-256 in a file beside it.
"""

import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.settings import StartError
from db import queues
from db.engine import Database

FOLDER = Path("data/backups")
_SQLITE = b"SQLite format 3\x00"
_POSTGRES = b"PGDMP"


@dataclass(frozen=True, slots=True)
class Copy:
    """A finished copy: its file, size in bytes and SHA-256."""

    file: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Restored:
    """Where the former database is now, and how many messages the copy had waiting."""

    former: Path | None
    waiting: int


def backup(database: Database, to: Path | None, now: datetime) -> Copy:
    """Writes a copy. ``to``: a file, or a folder that gets a name with the time; default ``data/backups``."""
    target = to or FOLDER
    if to is None or to.is_dir() or not to.suffix:
        target = target / f"qifu-{now:%Y%m%d-%H%M%S}{'.db' if database.is_sqlite else '.dump'}"
    if target.exists():
        raise StartError(f"{target} is there already: name another file, or a folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        part.touch(mode=0o600)
        if database.is_sqlite:
            _copy_sqlite(_file(database), part)
        else:
            _dump_postgres(database, part)
        _to_disk(part)
        done = Copy(target, part.stat().st_size, digest(part))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    _digest_file(target).write_text(f"{done.sha256}  {target.name}\n", "utf-8")
    return done


def inspect(file: Path) -> str | None:
    """Checks a copy from beginning to end; its revision (None: known to PostgreSQL only). StartError when unfit."""
    try:
        with file.open("rb") as opened:
            head = opened.read(16)
    except OSError as error:
        raise StartError(f"{file} cannot be read: {error.strerror}") from None
    beside = _digest_file(file)
    if beside.is_file() and beside.read_text("utf-8").split()[:1] != [digest(file)]:
        raise StartError(f"{file} is not what was backed up: its SHA-256 differs from {beside.name}")
    if head.startswith(_POSTGRES):
        _run("pg_restore", ["--list", str(file)], None, f"{file} is damaged")
        return None
    if head != _SQLITE:
        raise StartError(f"{file} is no backup: neither an SQLite database nor a pg_dump archive")
    with _reading(file) as connection:
        return _sound(connection, file)


async def restore(database: Database, file: Path, now: datetime, *, send_waiting: bool) -> Restored:
    """Puts a copy in the place of the database; the former database stays beside it, or in ``data/backups``.

    Messages that waited in the copy may have been sent since: they are held unless ``send_waiting``. The caller
    has seen to it that no program uses the database.
    """
    revision = inspect(file)
    if database.is_sqlite != (revision is not None):
        raise StartError(f"{file} is a copy of the other kind of database: look at QIFU_DATABASE_URL")
    if not database.is_sqlite:
        former = backup(database, FOLDER / f"before-restore-{now:%Y%m%d-%H%M%S}.dump", now).file
        how = ["--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error"]
        _run("pg_restore", [*how, str(file)], database, "the database was left as it was")
        return Restored(former, await _settle(database, send_waiting))
    await database.close()  # a connection of our own would look like another program
    target = _file(database)
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        shutil.copyfile(file, part)
        copy = Database(f"sqlite:///{part}")
        waiting = await _settle(copy, send_waiting)
        await copy.close()
        _to_disk(part)
        set_aside = _set_aside(target, now)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return Restored(set_aside, waiting)


async def _settle(database: Database, send_waiting: bool) -> int:
    """Takes out of a copy what belonged to the program that ran: its lease, and messages on their way."""
    async with database.write() as session:
        return await queues.settle_copy(session, hold=not send_waiting)


def digest(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _digest_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _to_disk(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())


# --- SQLite -----------------------------------------------------------------------------------------------


def _file(database: Database) -> Path:
    if database.file is None:
        raise StartError("QIFU_DATABASE_URL names no file: there is nothing to copy")
    return database.file


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=15)) as connection:
        yield connection


def _copy_sqlite(source: Path, part: Path) -> None:
    if not source.exists():
        raise StartError(f"there is no database at {source}: nothing to back up")
    try:
        with _reading(source) as connection:
            connection.execute("VACUUM INTO ?", (str(part),))
        with _reading(part) as connection:
            _sound(connection, part)
    except sqlite3.Error as error:
        raise StartError(f"{source} cannot be copied: {error}") from None


def _sound(connection: sqlite3.Connection, file: Path) -> str | None:
    """The revision of a database whose every page and reference is right."""
    try:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        if found != ["ok"]:
            raise StartError(f"{file} is damaged: {found[0]}")
        if connection.execute("PRAGMA foreign_key_check").fetchone():
            raise StartError(f"{file} is damaged: a row refers to one that is gone")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise StartError(f"{file} is no database of this program: {error}") from None
    return str(row[0]) if row else None


def _set_aside(target: Path, now: datetime) -> Path | None:
    """Moves the present database out of the way, with everything that still stands in its log."""
    if not target.exists():
        return None
    try:
        with closing(sqlite3.connect(target, timeout=1)) as connection:
            # Leaving WAL needs the file for oneself alone: this is also the proof that nobody has it open.
            connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError:
        raise StartError(
            f"another program has {target} open: stop it, then restore; nothing was changed"
        ) from None
    except sqlite3.DatabaseError:
        pass  # It is damaged, which is why somebody restores: it is set aside as it is.
    former = target.with_name(f"{target.name}.before-restore-{now:%Y%m%d-%H%M%S}")
    for ending in ("-wal", "-shm"):
        log = target.with_name(target.name + ending)
        if log.exists():
            log.replace(former.with_name(former.name + ending))
    return target.replace(former)


# --- PostgreSQL -------------------------------------------------------------------------------------------


def _dump_postgres(database: Database, part: Path) -> None:
    _run("pg_dump", ["--format=custom", "--no-owner", f"--file={part}"], database, "nothing was backed up")


def _run(tool: str, arguments: list[str], database: Database | None, otherwise: str) -> None:
    """One of PostgreSQL's programs; the password goes by the environment, never on the command line."""
    found = shutil.which(tool) or _newest(tool)
    if found is None:
        raise StartError(f"{tool} is not on this machine: install PostgreSQL's client programs; {otherwise}")
    environment = dict(os.environ)
    if database is not None:
        url, password = database.for_tools()
        arguments = [f"--dbname={url}", *arguments]
        if password:
            environment["PGPASSWORD"] = password
    # Arguments are ours; nothing of them comes from a chat or a file.
    done = subprocess.run(  # noqa: S603
        [found, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise StartError(f"{tool}: {said[0]}; {otherwise}")


def _newest(tool: str) -> str | None:
    """Debian keeps some versions' programs off the path."""
    places = Path("/usr/lib/postgresql").glob(f"*/bin/{tool}")
    found = max(places, key=lambda place: float(place.parts[-3]), default=None)
    return str(found) if found else None
