"""Renders a message by name: ``messages/templates/<lang>/<name>.html.j2``, labels from ``messages/labels/*.yaml``.

A template sees its facts, the company's facts as ``company``, and the filters below. An unknown variable raises;
every value is escaped. The result is Telegram's HTML.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
BEIJING = ZoneInfo("Asia/Shanghai")
LANGUAGES = ("zh", "en")
_WEEKDAYS = {"zh": "一二三四五六日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}


def money(value: Decimal) -> str:
    """12921.5 -> 12,921.50"""
    return f"{value:,.2f}"


def percent(value: Decimal | float, digits: int = 1) -> str:
    """1.073 -> 107.3%"""
    return f"{Decimal(value) * 100:.{digits}f}%"


def tail(account: str) -> str:
    """The last four characters of an account number: all that a chat may show of it."""
    return account[-4:]


def masked(name: str) -> str:
    """王明 -> 王*; Ada Lovelace -> A*"""
    return f"{name[:1]}*"


def day_text(value: date, lang: str) -> str:
    """11月23日（周一） / Mon 23 Nov"""
    weekday = _WEEKDAYS[lang][value.weekday()]
    if lang == "zh":
        return f"{value.month}月{value.day}日（周{weekday}）"
    return f"{weekday} {value.day} {value:%b}"


def moment_text(value: datetime, lang: str) -> str:
    """11月23日（周一）20:55, Beijing time"""
    local = value.astimezone(BEIJING)
    return f"{day_text(local.date(), lang)}{'' if lang == 'zh' else ' '}{local:%H:%M}"


class Phrases:
    """All texts of the house in both languages, loaded once."""

    def __init__(self, company: Callable[[str], Mapping[str, object]], folder: Path = HERE) -> None:
        """``company(lang)`` gives the company's facts in that language."""
        self._environments = {lang: _environment(folder / "templates" / lang, lang) for lang in LANGUAGES}
        for lang, environment in self._environments.items():
            environment.globals["company"] = company(lang)
        self._labels: dict[str, dict[str, str]] = {}
        for path in sorted((folder / "labels").glob("*.yaml")):
            for key, words in yaml.safe_load(path.read_text("utf-8")).items():
                if key in self._labels:
                    raise ValueError(f"{path.name}: label {key!r} stands in two files")
                self._labels[key] = words
        for lang, environment in self._environments.items():
            environment.globals["label"] = lambda key, lang=lang: self.label(key, lang)

    def text(self, name: str, lang: str, /, **facts: Any) -> str:
        """The message as Telegram's HTML, without surrounding blank lines."""
        return self._environments[lang].get_template(f"{name}.html.j2").render(facts).strip()

    def label(self, key: str, lang: str) -> str:
        """The words on a button. A key with a blank in front is already words and is taken as it is."""
        return key[1:] if key.startswith(" ") else self._labels[key][lang]

    def names(self) -> list[str]:
        """Every message that has a template in the first language."""
        return sorted(n.removesuffix(".html.j2") for n in self._environments["zh"].list_templates())

    def labels(self) -> Mapping[str, Mapping[str, str]]:
        return self._labels


def _environment(folder: Path, lang: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters.update(
        money=money,
        percent=percent,
        tail=tail,
        masked=masked,
        day=lambda value: day_text(value, lang),
        moment=lambda value: moment_text(value, lang),
        clock=lambda value: f"{value.astimezone(BEIJING):%H:%M}",
    )
    return environment
