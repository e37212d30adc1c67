"""The watched folder: a file that stands still is imported by the same path as any other, once, and put away."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import watch
from bot.settings import policy
from bot.watch import Watch
from db.models import ImportedFile
from tests.services.settled import ROOT, Settled, published, second_case, settled


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(watch, "_STILL", 0.0)
    found = tmp_path / "incoming"
    found.mkdir()
    return found


@pytest.fixture
async def house(sqlite_url: str, folder: Path) -> AsyncIterator[Settled]:
    shipped = policy(ROOT / "config.yaml")
    imports = shipped.imports.model_copy(update={"watch_folder": str(folder), "max_megabytes": 1})
    async with settled(sqlite_url, rules=shipped.model_copy(update={"imports": imports})) as opened:
        await opened.staff("R01", "risk", 202)
        yield opened


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_a_file_that_stands_still_is_imported_and_moved_to_done(house: Settled, folder: Path) -> None:
    """Seen once it is left alone, seen twice unchanged it is imported; the risk desk hears of it."""
    looking = Watch(house.deps, None)
    (folder / "20260817.txt").write_text(published(), "utf-8")
    await looking.look()
    assert names(folder) == ["20260817.txt"]
    await looking.look()
    assert names(folder) == ["done/20260817.txt"]
    assert len(await house.all(ImportedFile)) == 1
    assert "已导入" in (await house.said(202))[0]


async def test_a_file_that_still_grows_is_left_alone(house: Settled, folder: Path) -> None:
    """Half a statement is never read."""
    looking = Watch(house.deps, None)
    path = folder / "20260817.txt"
    for part in (100, 1000, 2000):
        path.write_text(published()[:part], "utf-8")
        await looking.look()
    assert names(folder) == ["20260817.txt"]
    path.write_text(published(), "utf-8")
    await looking.look()
    await looking.look()
    assert names(folder) == ["done/20260817.txt"]


async def test_a_refused_file_gets_its_reason_beside_it(house: Settled, folder: Path) -> None:
    """In both languages, and the risk desk is told."""
    looking = Watch(house.deps, None)
    (folder / "wrong.txt").write_text(published().replace("519415.43", "519415.44", 1), "utf-8")
    (folder / "large.csv").write_bytes(b"x" * (1024 * 1024 + 1))
    await looking.look()
    await looking.look()
    assert names(folder) == [
        "refused/large.csv",
        "refused/large.csv.txt",
        "refused/wrong.txt",
        "refused/wrong.txt.txt",
    ]
    reason = (folder / "refused" / "wrong.txt.txt").read_text("utf-8")
    assert "文件没有导入" in reason
    assert "was not imported" in reason
    assert len([text for text in await house.said(202) if "未导入" in text]) == 2


async def test_the_same_file_twice_is_put_away_beside_the_first(house: Settled, folder: Path) -> None:
    """A kill between import and move, or somebody who copies it again, changes nothing."""
    looking = Watch(house.deps, None)
    for _ in range(2):
        (folder / "20260817.txt").write_text(second_case(), "utf-8")
        await looking.look()
        await looking.look()
    assert names(folder) == ["done/20260817-2.txt", "done/20260817.txt"]
    assert len(await house.all(ImportedFile)) == 1


async def test_hidden_files_links_and_folders_are_no_files_to_import(house: Settled, folder: Path) -> None:
    """Temporary files of a transfer begin with a dot; a link may point anywhere."""
    looking = Watch(house.deps, None)
    (folder / ".part").write_text(published(), "utf-8")
    outside = folder.parent / "outside.txt"
    outside.write_text(published(), "utf-8")
    os.symlink(outside, folder / "link.txt")
    for _ in range(3):
        await looking.look()
    assert await house.all(ImportedFile) == []
