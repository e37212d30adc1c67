"""``kb export`` and ``kb import``: there and back changes nothing; a change becomes a draft; a fault is named."""

import json
from pathlib import Path

import pytest

from bot import cli_kb_files
from tests.bot.conftest import Command
from tests.knowledge.conftest import ARTICLES, write

FREE = {name: text.replace("{{ facts.days }}", "3") for name, text in ARTICLES.items()}


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of a few articles in the place of the shipped one."""
    folder = write(tmp_path / "articles", FREE)
    monkeypatch.setattr(cli_kb_files, "ARTICLES", folder)
    return folder


@pytest.mark.parametrize(("form", "to"), [("md", "kb"), ("xlsx", "kb.xlsx")])
def test_there_and_back_changes_nothing(command: Command, tmp_path: Path, form: str, to: str) -> None:
    """Without a database."""
    out = str(tmp_path / to)
    assert command("kb", "export", "--format", form, out).code == 0
    ran = command("kb", "import", out, "--dry-run")
    assert (ran.code, ran.out) == (0, "")
    assert "nothing to import" in ran.err


def test_a_dry_run_prints_what_would_change(command: Command, tmp_path: Path) -> None:
    """As JSON lines, one a change."""
    write(tmp_path / "new", {"zh/cost.md": FREE["zh/cost.md"].replace("单列", "单独列出")})
    ran = command("kb", "import", str(tmp_path / "new"), "--dry-run", "--json")
    (line,) = map(json.loads, ran.lines)
    assert (line["where"], line["change"], line["article"]) == ("zh/cost.md", "text", "cost")
    assert ran.code == 0


def test_one_fault_keeps_everything_out(house: Command, tmp_path: Path) -> None:
    """Exit code 1, the file and the reason."""
    bad = FREE["zh/open.md"].replace("source: 期货和衍生品法第50条", "source:")
    write(tmp_path / "new", {"zh/open.md": bad, "zh/cost.md": FREE["zh/cost.md"].replace("单列", "另列")})
    ran = house("kb", "import", str(tmp_path / "new"))
    assert ran.code == 1
    assert "zh/open.md\tsource is missing or empty" in ran.out
    assert "nothing was imported: 1 problem" in ran.err


def test_changes_wait_for_a_second_person(house: Command, tmp_path: Path) -> None:
    """Importing is drafting: the library answers as before."""
    write(tmp_path / "new", {"zh/cost.md": FREE["zh/cost.md"].replace("单列", "单独列出")})
    ran = house("kb", "import", str(tmp_path / "new"))
    assert ran.code == 0, ran.err
    assert "1 draft (batch " in ran.err
    assert house("kb", "export", str(tmp_path / "out")).code == 0
    assert (tmp_path / "out/zh/cost.md").read_text("utf-8") == FREE["zh/cost.md"]
