"""What an operator reads when the database cannot be used: one sentence that says what to do."""

import errno
import socket

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError, TimeoutError

# What speaking to a database can raise, defects included.
ERRORS = (SQLAlchemyError, OSError)

# Parts of what the drivers say -> what it means here. SQLite's first, then PostgreSQL's.
_MEANINGS = (
    (
        "database is locked",
        "the database is busy: another program is writing; try again, or stop that program",
    ),
    ("unable to open database", "the database file cannot be opened: look at its folder and its rights"),
    ("readonly database", "the database file may not be written: look at its rights"),
    ("file is not a database", "that file is no SQLite database: look at QIFU_DATABASE_URL"),
    ("malformed", "the database file is damaged: bring back a backup with  python -m bot restore FILE"),
    ("disk is full", "the disk is full: make room, nothing was stored"),
    ("no such table", "the database lacks a table: type  python -m bot db upgrade"),
    ("password authentication failed", "PostgreSQL refuses the password: look at QIFU_DATABASE_URL"),
    ("no password supplied", "PostgreSQL wants a password: put it into QIFU_DATABASE_URL"),
    ("too many clients", "PostgreSQL has no connection left: raise max_connections, or stop other programs"),
    ("starting up", "PostgreSQL is starting: try again in a moment"),
    ("shutting down", "PostgreSQL is shutting down: start it, then try again"),
)


class Unusable(Exception):
    """The database cannot be used; the text says why and what to do."""


def sentence(error: BaseException) -> str | None:
    """None for a defect. An OSError is taken for the database's: ask only where the database was spoken to."""
    told = str(error.orig if isinstance(error, DBAPIError) else error)
    if isinstance(error, DBAPIError) or type(error).__module__.startswith("asyncpg"):
        for part, meaning in _MEANINGS:
            if part in told:
                return meaning
        if "does not exist" in told and told.startswith(("database", "role")):
            return f"PostgreSQL has no such thing: {told}: look at QIFU_DATABASE_URL"
    if "no such column" in told or "syntax error" in told:
        return None
    if isinstance(error, OperationalError | InterfaceError | TimeoutError):
        return f"the database cannot be used: {told.splitlines()[0]}"
    if isinstance(error, OSError):
        return f"the database is out of reach ({error.strerror or error}): start it, or look at QIFU_DATABASE_URL"
    return None


def gave_way(error: BaseException) -> bool:
    """Whether PostgreSQL rolled a transaction back so that another could go on: the same once more will do."""
    return isinstance(error, DBAPIError) and str(getattr(error.orig, "sqlstate", "")).startswith("40")


# SQLSTATE classes: connection, rolled back for another's sake, no room, object busy, the operator's doing.
_PASSING_STATES = ("08", "40", "53", "55", "57")
_SOCKET_ERRORS = (errno.ENOENT, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
_PASSING_WORDS = ("database is locked", "disk is full", "disk I/O error", "unable to open database")


def passes(error: BaseException) -> bool:
    """Whether it can help to try again later: busy, out of reach, no room. False for a defect of ours."""
    if isinstance(error, InterfaceError | TimeoutError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    driver = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(driver, "sqlstate", None)
    if isinstance(state, str):
        return state[:2] in _PASSING_STATES
    if isinstance(error, DBAPIError):
        return any(words in str(driver) for words in _PASSING_WORDS)
    # What a socket says, and no other OSError: a handler that took too long and a missing template are OSErrors too.
    if isinstance(error, ConnectionError | socket.gaierror):
        return True
    if type(error) is OSError and str(error).startswith("Multiple exceptions"):
        return True
    return isinstance(error, OSError) and error.filename is None and error.errno in _SOCKET_ERRORS
