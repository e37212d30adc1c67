"""A realistic example of every message: rendered in tests, kept as snapshots, read by compliance."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).parent / "examples"


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!day", lambda loader, node: date.fromisoformat(str(node.value)))
_Loader.add_constructor("!moment", lambda loader, node: datetime.fromisoformat(str(node.value)))
_Loader.add_constructor("!money", lambda loader, node: Decimal(str(node.value)))


def examples() -> dict[str, dict[str, Any]]:
    """message name -> the facts of its example; ``name@variant`` is another case of the same message."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(_FOLDER.glob("*.yaml")):
        entries = yaml.load(path.read_text("utf-8"), _Loader) or {}  # noqa: S506  # a SafeLoader with three tags
        for name, facts in entries.items():
            if name in found:
                raise ValueError(f"{path.name}: the example of {name} stands in two files")
            found[name] = facts or {}
    return found
