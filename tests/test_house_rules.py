"""Rules of the house that no linter knows, each held to samples that keep it and samples that break it.

A rule that is only written down is a wish. Where a rule is broken on purpose, the place says why, or it is named here.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = (
    "bot",
    "handlers",
    "web",
    "services",
    "messages",
    "knowledge",
    "scoring",
    "statements",
    "gateways",
    "db",
    "domain",
    "simulator",
)
LONGEST_FUNCTION = 60
# Functions that may be longer, with the reason. Empty is the aim.
LONG: dict[str, str] = {}

_CLOCKS = re.compile(
    r"datetime\.(datetime\.(now|utcnow|today)|date\.today)$|time\.(time|time_ns|localtime|gmtime)$|uuid\.uuid\d$"
    r"|secrets\.\w+$|random\.(?!Random$|seed$)\w+$|os\.urandom$"
)
_PLAIN_TYPES = re.compile(
    r"sqlalchemy\.(.*\.)?(DateTime|DATETIME|TIMESTAMP|Float|FLOAT|Double|Numeric|NUMERIC|DECIMAL|REAL)$"
)


def names(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for, dotted, however it was imported or renamed."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def dotted(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, full name) of every imported thing that is used, called or not."""
    known = names(tree)
    for node in ast.walk(tree):
        parts: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id in known and isinstance(node, ast.Attribute | ast.Name):
            yield inner.lineno, ".".join([known[inner.id], *reversed(parts)])


def real_clocks(tree: ast.Module, _source: str) -> Iterator[int]:
    return (line for line, name in dotted(tree) if _CLOCKS.match(name))


def prints(tree: ast.Module, _source: str) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield node.lineno


def blind_excepts(tree: ast.Module, source: str) -> Iterator[int]:
    """Catching everything needs a reason on its line, or a ``raise`` for what was not meant."""
    lines = source.splitlines()
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        blind = any(
            c is None or (isinstance(c, ast.Name) and c.id in ("Exception", "BaseException")) for c in caught
        )
        passed_on = any(
            isinstance(inner, ast.Raise) for statement in node.body for inner in ast.walk(statement)
        )
        said_why = re.search(r"# noqa: BLE001 +[#-] \w", lines[node.lineno - 1])
        if blind and not passed_on and not said_why:
            yield node.lineno


def commits(tree: ast.Module, _source: str) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else ast.unparse(node.value)
            if node.attr in ("commit", "rollback") or (node.attr == "begin" and owner == "session"):
                yield node.lineno


def plain_columns(tree: ast.Module, _source: str) -> Iterator[int]:
    """No column type that drops a zone or loses a cent; a float only for a probability."""
    yield from (line for line, name in dotted(tree) if _PLAIN_TYPES.match(name))
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and re.search(r"\bfloat\b", ast.unparse(node.annotation)):
            name = ast.unparse(node.target)
            if name != "confidence":
                yield node.lineno


def long_functions(tree: ast.Module, _source: str) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            if node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION and node.name not in LONG:
                yield node.lineno


def swallowing_waits(tree: ast.Module, _source: str) -> Iterator[int]:
    """asyncio.wait_for of Python 3.11 can lose the cancellation that ends a loop; asyncio.timeout does not."""
    return (line for line, name in dotted(tree) if name == "asyncio.wait_for")


def sql_outside(tree: ast.Module, _source: str) -> Iterator[int]:
    """The one word of SQLAlchemy that services may name is the session they hand on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(a.name.startswith("sqlalchemy") for a in node.names):
            yield node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
            yield from (node.lineno for a in node.names if a.name != "AsyncSession")


def mocks(tree: ast.Module, _source: str) -> Iterator[int]:
    """Tests use fakes written by hand, or the real thing."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Import)
            and any(a.name.startswith(("unittest.mock", "mock")) for a in node.names)
        ) or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("unittest", "mock"))):
            yield node.lineno


def long_sleeps(tree: ast.Module, _source: str) -> Iterator[int]:
    """A test waits for what happens, not for time to pass."""
    known = names(tree)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute | ast.Name)):
            continue
        head, _, rest = ast.unparse(node.func).partition(".")
        name = ".".join(filter(None, (known.get(head, head), rest)))
        seconds = node.args[0]
        if (
            name in ("asyncio.sleep", "time.sleep")
            and isinstance(seconds, ast.Constant)
            and seconds.value > 0.2
        ):
            yield node.lineno


@dataclass(frozen=True)
class Rule:
    """``breaks`` names the lines of a file that break it; ``where`` is the files that it is for."""

    breaks: Callable[[ast.Module, str], Iterator[int]]
    where: tuple[str, ...]
    but: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]

    def lines(self, source: str) -> list[int]:
        return sorted(set(self.breaks(ast.parse(source), source)))

    def files(self) -> Iterator[Path]:
        for folder in self.where:
            found = [ROOT / folder] if folder.endswith(".py") else sorted((ROOT / folder).rglob("*.py"))
            for path in found:
                inside = path.relative_to(ROOT).as_posix()
                if "migrations/versions" not in inside and not any(re.fullmatch(b, inside) for b in self.but):
                    yield path


RULES = {
    "time and chance come from outside": Rule(
        real_clocks,
        PACKAGES,
        (r"bot/wiring\.py", r"bot/clock\.py", r"simulator/.*"),
        good=(
            "import time\ntime.monotonic()",
            "from datetime import datetime\nx = datetime.fromisoformat('2026-08-17')",
            "work.now.date()",
            "def now(): return 1\nnow()",
            "import random\ndice = random.Random(7)\ndice.random()",
        ),
        bad=(
            "import datetime\ndatetime.datetime.now()",
            "import datetime as dt\ndt.datetime.now(dt.UTC)",
            "from datetime import datetime\ndatetime.now()",
            "from datetime import datetime as d\nfield(default_factory=d.now)",
            "from datetime import date\ndate.today()",
            "import datetime\ndatetime.date.today()",
            "from datetime import datetime\ndatetime.utcnow()",
            "import time\ntime.time()",
            "from time import time\ntime()",
            "import time as t\nt.time_ns()",
            "from uuid import uuid4\nuuid4()",
            "import uuid\nx = uuid.uuid4",
            "import secrets\nsecrets.token_hex(8)",
            "import random\nrandom.choice([1])",
        ),
    ),
    "nothing is printed but by the command line": Rule(
        prints,
        PACKAGES,
        (r"bot/cli.*\.py",),
        good=("log.info('x')", "printer.print('x')"),
        bad=("print('x')", "def f():\n    print()"),
    ),
    "whoever catches everything says why": Rule(
        blind_excepts,
        PACKAGES,
        (),
        good=(
            "try:\n    f()\nexcept ValueError:\n    pass",
            "try:\n    f()\nexcept Exception:  # noqa: BLE001  # one bad job must not stop the others\n    pass",
            "try:\n    f()\nexcept Exception as error:\n    if not passes(error):\n        raise\n    wait()",
        ),
        bad=(
            "try:\n    f()\nexcept Exception:\n    pass",
            "try:\n    f()\nexcept Exception:  # noqa: BLE001\n    pass",
            "try:\n    f()\nexcept:\n    log()",
            "try:\n    f()\nexcept (ValueError, BaseException):\n    log()",
        ),
    ),
    "transactions begin and end in one place": Rule(
        commits,
        ("services", "db", "handlers"),
        (r"db/engine\.py", r"db/migrate\.py", r"db/inline_sqlite\.py", r"db/migrations/env\.py"),
        good=(
            "await session.flush()",
            "async with working(deps) as work:\n    pass",
            "await contact.begin(x)",
        ),
        bad=("await session.commit()", "session.rollback()", "async with work.session.begin():\n    pass"),
    ),
    "columns keep cents and zones": Rule(
        plain_columns,
        ("db/models.py",),
        (),
        good=(
            "from sqlalchemy import String, Text, BigInteger\nx: Mapped[Decimal] = mapped_column(Fen)",
            "confidence: Mapped[float]",
        ),
        bad=(
            "from sqlalchemy import DateTime\nx = mapped_column(DateTime(timezone=True))",
            "import sqlalchemy as sa\nx = sa.Numeric(18, 2)",
            "from sqlalchemy.types import Float\nx = mapped_column(Float)",
            "amount: Mapped[float | None]",
        ),
    ),
    "a function is read without scrolling": Rule(
        long_functions,
        PACKAGES,
        (),
        good=("def f():\n" + "    x = 1\n" * 59,),
        bad=(
            "def f():\n" + "    x = 1\n" * 60,
            "class C:\n    async def f(self):\n" + "        x = 1\n" * 60,
        ),
    ),
    "a loop can be ended": Rule(
        swallowing_waits,
        PACKAGES,
        (),
        good=("import asyncio\nasync def f():\n    async with asyncio.timeout(1):\n        await x",),
        bad=("import asyncio\nasyncio.wait_for(x, 1)", "from asyncio import wait_for\nwait_for(x, 1)"),
    ),
    "sql stays in db": Rule(
        sql_outside,
        ("services", "handlers", "web", "messages", "knowledge", "scoring", "statements", "domain"),
        (),
        good=("from sqlalchemy.ext.asyncio import AsyncSession", "from db import queues"),
        bad=(
            "from sqlalchemy import select",
            "import sqlalchemy as sa",
            "from sqlalchemy.orm import selectinload",
        ),
    ),
    "no mocks": Rule(
        mocks,
        ("tests", "bench"),
        (),
        good=("from tests.desk import Desk",),
        bad=(
            "from unittest.mock import MagicMock",
            "import unittest.mock",
            "from unittest import mock",
            "import mock",
        ),
    ),
    "no test waits for time to pass": Rule(
        long_sleeps,
        ("tests",),
        (),
        good=("import asyncio\nasyncio.sleep(0.05)", "import time\ntime.sleep(pause)"),
        bad=(
            "import asyncio\nasyncio.sleep(1)",
            "from asyncio import sleep\nsleep(0.5)",
            "import time\ntime.sleep(2)",
        ),
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_the_house_keeps_the_rule(name: str) -> None:
    """Each breach is named by file and line."""
    rule = RULES[name]
    breaches = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in rule.files()
        for line in rule.lines(path.read_text("utf-8"))
    ]
    assert breaches == []


@pytest.mark.parametrize(("name", "sample"), [(n, s) for n, rule in RULES.items() for s in rule.good])
def test_a_rule_lets_good_code_pass(name: str, sample: str) -> None:
    """A rule that cries at honest code is switched off by somebody."""
    assert RULES[name].lines(sample) == []


@pytest.mark.parametrize(("name", "sample"), [(n, s) for n, rule in RULES.items() for s in rule.bad])
def test_a_rule_finds_bad_code(name: str, sample: str) -> None:
    """In every spelling that somebody might use."""
    assert RULES[name].lines(sample) != []


def test_every_rule_looks_at_something() -> None:
    """A folder that was renamed must not make a rule idle."""
    for name, rule in RULES.items():
        assert list(rule.files()), name


def test_the_list_of_long_functions_names_only_what_is_there() -> None:
    """An exception that is no longer needed goes."""
    long = {
        node.name
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    }
    assert set(LONG) <= long
