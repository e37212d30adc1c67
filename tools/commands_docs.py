"""Writes docs/commands.md from the commands' own help: python -m tools.commands_docs"""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from bot.cli import app

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"
_HEAD = """# The commands

Written by `python -m tools.commands_docs` from what `--help` shows; a test fails when it is not current.

Exit codes: 0 done, 1 refused with one sentence on standard error, 2 usage. `--json` prints JSON on standard output and
nothing else. Tables are for a terminal; in a pipe a heading and a line a row, separated by tabs.
"""


def page() -> str:
    """The whole page."""
    root = typer.main.get_command(app)
    sections = [_section(words, command) for words, command in _commands(root, "python -m bot")]
    return "\n".join([_HEAD, *sections])


def _commands(group: Any, words: str) -> Iterator[tuple[str, Any]]:
    """Every command with what is typed for it, in the order of ``--help``."""
    for name, command in group.commands.items():
        typed = f"{words} {name}"
        if hasattr(command, "commands"):
            yield from _commands(command, typed)
        else:
            yield typed, command


def _section(words: str, command: Any) -> str:
    example = (command.epilog or "").removeprefix("Example:").strip()
    lines = [f"## {words.removeprefix('python -m bot ')}", "", command.help, ""]
    rows = [row for parameter in command.params if (row := _row(parameter))]
    if rows:
        lines += ["| | |", "|---|---|", *rows, ""]
    return "\n".join([*lines, "```", example, "```", ""])


def _row(parameter: Any) -> str:
    if parameter.name == "help":
        return ""
    what = (parameter.help or "").replace("|", "\\|")
    if parameter.param_type_name == "argument":
        shown = parameter.name.upper().rstrip("_")
        many = " ..." if parameter.nargs == -1 else ""
        return f"| `{shown}{many}`{'' if parameter.required else ' (may be left out)'} | {what} |"
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    value = "" if parameter.is_flag else f" {_kind(parameter)}"
    default = parameter.default if isinstance(parameter.default, str | int) else None
    told = "" if parameter.is_flag or default is None else f" Default {default}."
    return f"| `{names}{value}`{' (needed)' if parameter.required else ''} | {what}{told} |"


def _kind(parameter: Any) -> str:
    kind = parameter.type_descriptor.annotation
    if issubclass(kind, Enum):
        return "\\|".join(str(one.value) for one in kind)
    return {int: "N", Path: "PATH", datetime: "YYYY-MM-DD"}.get(kind, "TEXT")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
