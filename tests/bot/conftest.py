"""The operator's command line in a test: arguments in, exit code and both streams out, on a database of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import cli
from tests.desk import ROOT

Command = Callable[..., "Ran"]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left: its exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    """Where the command's SQLite database is; it does not exist yet."""
    return tmp_path / "house" / "qifu.db"


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_file: Path
) -> Command:
    """``command("staff", "list")`` as a person would type it; on a database that is not there yet."""
    monkeypatch.setenv("QIFU_DATABASE_URL", f"sqlite:///{database_file}")
    monkeypatch.setenv("QIFU_CONFIG", str(ROOT / "config.yaml"))
    monkeypatch.setenv("QIFU_BOT_USERNAME", "QifuBot")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> Ran:
        code = cli.answer([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture
def house(command: Command) -> Command:
    """As ``command``, on an upgraded, empty database."""
    assert command("db", "upgrade").code == 0
    return command


@pytest.fixture
def house_without_name(house: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """As ``house``; the bot's name in Telegram is not in the environment."""
    monkeypatch.delenv("QIFU_BOT_USERNAME")
    return house
