"""The documentation and the code say the same: paths, commands, codes, keys and words that one names exist in the other."""

import ast
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from statements import ctp_fields
from tools import config_docs

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
COMMANDS = DOCS / "commands.md"
PACKAGES = ("bot", "handlers", "web", "services", "messages", "knowledge", "statements", "db", "domain")
READMES = (ROOT / "README.md", ROOT / "README.zh.md")
PAGES = sorted([*READMES, ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
DECISIONS = sorted(page for page in (DOCS / "decisions").glob("*.md") if page.name != "README.md")
HOWTOS = sorted((DOCS / "howto").glob("*.md"))
HEADINGS = ["Context", "Decision", "Consequences", "Alternatives", "Where it is kept"]
A_PAGE = 60  # lines of at most 120 characters


def _named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _quoted_paths(text: str) -> Iterator[str]:
    """What stands in backticks and begins with a folder of the house, or is a file's name."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    for quoted in re.findall(r"`([\w./-]+)`", text):
        first, slash, _ = quoted.partition("/")
        if (slash and first in folders) or re.fullmatch(r"[\w-]+\.(md|yaml|toml|py|csv)", quoted):
            yield quoted


# --- paths and links --------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    """Whoever follows the map arrives somewhere."""
    made_at_run_time = ("data/", ".venv/")
    gone = [
        path
        for path in _quoted_paths(page.read_text("utf-8"))
        if not path.startswith(made_at_run_time)
        and not any((folder / path).exists() for folder in (ROOT, page.parent))
    ]
    assert not gone


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    """Links between pages, and pictures."""
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    gone = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not gone


def test_every_line_of_the_map_names_what_to_open() -> None:
    """docs/where.md: in the second column stands nothing but what exists."""
    rows = re.findall(
        r"^\| (?!I want|---)(.+?) \| (.+?) \|", (DOCS / "where.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) > 20
    for wish, places in rows:
        named = re.findall(r"`([^`]+)`", places)
        assert named, wish
        assert [name for name in named if not (ROOT / name).exists()] == [], wish


def test_the_map_says_where_each_folder_of_the_house_is() -> None:
    """A new top-level folder is explained in both readmes in the same change."""
    folders = {path.parent.name for path in ROOT.glob("*/*.py")} | {"docs", "deploy"}
    for page in READMES:
        told = set(re.findall(r"^([a-z]+)/ ", page.read_text("utf-8"), re.MULTILINE))
        assert told == folders - {"data"}


# --- commands ---------------------------------------------------------------------------------------------


def _commands(group: Any, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def _command_line() -> set[str]:
    from bot.cli import app

    return set(_commands(typer.main.get_command(app)))


def test_every_command_of_the_operator_is_described() -> None:
    """docs/commands.md knows every command of the command line."""
    text = COMMANDS.read_text("utf-8")
    assert sorted(name for name in _command_line() if f"python -m bot {name}" not in text) == []


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_a_page_names_no_command_that_does_not_exist(page: Path) -> None:
    """``python -m bot ...`` and ``make ...`` in a page can be typed."""
    known = _command_line()
    text = page.read_text("utf-8")
    typed = re.findall(r"python -m bot((?: [a-z][a-z-]*)+)", text)
    unknown = [words for words in typed if not _begins_with_a_command(words.split(), known)]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    asked = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))
    modules = set(re.findall(r"python -m ((?:tools|bench|samples)\.\w+)", text))
    missing = [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").exists()]
    assert (unknown, asked - targets, missing) == ([], set(), [])


def _begins_with_a_command(words: list[str], known: set[str]) -> bool:
    return (
        words[0] in known
        or " ".join(words[:2]) in known
        or not any(k.startswith(f"{words[0]} ") for k in known)
    )


def test_the_two_readmes_name_the_same_commands() -> None:
    """What can be typed does not depend on the reader's language."""
    typed = [
        [
            shlex.split(line, comments=True)
            for block in re.findall(r"```\n(.*?)```", text, re.DOTALL)[:2]
            for line in block.splitlines()
        ]
        for text in (page.read_text("utf-8") for page in READMES)
    ]
    assert typed[0] == typed[1]
    assert typed[0]


# --- codes and keys ---------------------------------------------------------------------------------------


def _refusals() -> Iterator[tuple[str, str]]:
    """(place, code) of every Refusal that the code raises; a code with ``*`` is put together when it is raised."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal" and node.args:
                    for code in _codes(node.args[0]):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", code


def _codes(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.IfExp):
        yield from _codes(node.body)
        yield from _codes(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
    else:
        yield "*"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_refusal_has_its_words(lang: str) -> None:
    """A refusal without a template would be an error in the person's chat."""
    folder = ROOT / "messages" / "templates" / lang
    silent = [f"{at} {code}" for at, code in _refusals() if not list(folder.glob(f"refusal.{code}.html.j2"))]
    assert silent == []


def test_the_page_of_the_configuration_is_current() -> None:
    """docs/config.md is what config.yaml and domain/policy.py say: python -m tools.config_docs writes it."""
    assert config_docs.PAGE.read_text("utf-8") == config_docs.page()


def test_every_variable_of_the_environment_is_described() -> None:
    """What the program reads is on the page, and what is on the page is read."""
    read = {
        name
        for path in (ROOT / "bot").glob("*.py")
        for name in re.findall(r"""["'](QIFU_[A-Z_]+)["']""", path.read_text("utf-8"))
    }
    assert read == set(config_docs.ENVIRONMENT)


def test_the_glossary_spells_ctp_names_as_ctp_does() -> None:
    """A name that looks like CTP's is one that the readers know."""
    text = (DOCS / "words.md").read_text("utf-8")
    spelt = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][A-Za-z]*)*)`", text))
    readers = "".join(path.read_text("utf-8").lower() for path in (ROOT / "statements").glob("*.py"))
    fields = set(ctp_fields.TRADING_ACCOUNT)
    assert spelt
    # Names of the contract table are not in settlement files.
    unknown = {n for n in spelt if n not in fields and n.lower() not in readers} - {
        "VolumeMultiple",
        "PriceTick",
        "ProductID",
    }
    assert not unknown


# --- shape ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", DECISIONS, ids=_named)
def test_a_decision_is_a_page_with_the_five_headings(page: Path) -> None:
    """Short enough to be read, the same form everywhere, listed on the first page, and its code exists."""
    text = page.read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert len(text.splitlines()) <= A_PAGE
    assert f"({page.name})" in (page.parent / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", HOWTOS, ids=_named)
def test_a_howto_is_a_page_that_ends_with_the_test_to_run(page: Path) -> None:
    """Whoever changed something knows how to see that it is right; the tests that it names exist."""
    text = page.read_text("utf-8")
    assert len(text.splitlines()) <= A_PAGE
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[-1] == "Test"
    ending = text.rpartition("## Test")[2]
    named = re.findall(r"tests(?:/[\w.]+)+", ending)
    assert named or "python -m bot check" in ending
    assert all((ROOT / name).exists() for name in named)


def test_the_changes_say_what_to_do_when_upgrading() -> None:
    """Every version has something added or changed, and what an operator must do."""
    versions = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert versions
    assert all("### To do when upgrading" in version for version in versions)


def test_headings_of_pages_go_down_one_step_at_a_time() -> None:
    """A page can be read by its headings."""
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
        levels = [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)]
        assert levels[0] == 1, page
        assert all(after - before <= 1 for before, after in pairwise(levels)), page


def test_every_alert_to_operators_says_what_to_do() -> None:
    """docs/operate.md lists each message that wakes an operator."""
    text = (DOCS / "operate.md").read_text("utf-8")
    alerts = [path.name.removesuffix(".html.j2") for path in (ROOT / "messages/templates/zh").glob("alert.*")]
    assert sorted(name for name in alerts if f"`{name}`" not in text) == []
