"""A PostgreSQL server of our own for the tests: unsynced, on a socket, gone with the session."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Where initdb and pg_ctl are, newest version first; None where there is no server on this machine."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]), reverse=True
    )
    if found:
        return found[0].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@contextmanager
def server() -> Iterator[str]:
    """The URL prefix of a running server (``postgresql://postgres@/{name}?host=...``)."""
    folder = binaries()
    assert folder is not None
    home = Path(tempfile.mkdtemp(prefix="qifu-pg-"))
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        owner = pwd.getpwnam("postgres")
        os.chown(home, owner.pw_uid, owner.pw_gid)
        as_user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    data = home / "data"

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=home, timeout=60, **as_user)  # type: ignore[call-overload]

    run(
        str(folder / "initdb"),
        "-D",
        str(data),
        "-U",
        "postgres",
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C",
    )
    options = f"-F -c listen_addresses= -c unix_socket_directories={home} -c max_connections=60 -c full_page_writes=off"
    run(str(folder / "pg_ctl"), "-D", str(data), "-w", "-l", str(home / "log"), "-o", options, "start")
    try:
        yield f"postgresql://postgres@/{{name}}?host={home}"
    finally:
        run(str(folder / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(home, ignore_errors=True)
