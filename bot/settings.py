"""What comes from the environment (and ``.env``), and the reading of ``config.yaml``."""

import os
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from domain.policy import Policy


class StartError(Exception):
    """The program cannot start: one sentence that says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment, read once. The token stands nowhere else."""

    token: str | None
    api_url: str
    database_url: str
    config: Path
    proxy: str | None
    web_port: int | None
    web_host: str
    webhook_url: str | None
    webhook_secret: str | None
    clock: str | None
    bot_username: str | None = None  # where Telegram need not be asked for it
    model_key: str | None = None


def settings(environment: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> Settings:
    """The process environment beats ``.env``. A value that cannot be meant is refused by its name."""
    values = {**_dotenv(dotenv), **(os.environ if environment is None else environment)}

    def value(name: str) -> str | None:
        return values.get(name, "").strip() or None

    return Settings(
        token=value("QIFU_BOT_TOKEN"),
        api_url=_address("QIFU_API_URL", value("QIFU_API_URL") or "https://api.telegram.org").rstrip("/"),
        database_url=_database_url(value("QIFU_DATABASE_URL") or "sqlite:///data/qifu.db"),
        config=Path(value("QIFU_CONFIG") or "config.yaml"),
        proxy=value("QIFU_PROXY"),
        web_port=_port(value("QIFU_WEB_PORT")),
        web_host=value("QIFU_WEB_HOST") or "127.0.0.1",
        webhook_url=value("QIFU_WEBHOOK_URL"),
        webhook_secret=value("QIFU_WEBHOOK_SECRET"),
        clock=value("QIFU_CLOCK"),
        bot_username=value("QIFU_BOT_USERNAME"),
        model_key=value("QIFU_MODEL_KEY"),
    )


def _address(name: str, text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise StartError(f"{name} is {text!r}: an address begins with http:// or https://")
    return text


def _database_url(text: str) -> str:
    # The URL may hold a password: the complaint names its kind only.
    kind = text.partition(":")[0]
    if not text.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise StartError(
            f"QIFU_DATABASE_URL begins with {kind!r}: give sqlite:///path/file.db or postgresql://user@host/name"
        )
    return text


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise StartError(f"QIFU_WEB_PORT is {text!r}: give a port number, or 0 for any")
    return int(text)


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{path} cannot be read: {error}") from None
    found = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            found[name.strip()] = value.strip().strip("'\"")
    return found


def policy(path: Path) -> Policy:
    """``config.yaml`` as typed values; every wrong or unknown key is named by its path."""
    try:
        raw = yaml.load(path.read_text("utf-8"), Loader=_Loader)  # noqa: S506  # a SafeLoader underneath
    except FileNotFoundError:
        raise StartError(
            f"{path} is missing: copy the shipped config.yaml, or name yours in QIFU_CONFIG"
        ) from None
    except yaml.MarkedYAMLError as error:
        raise StartError(f"{path}{_line(error)}: {error.problem or error.context}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StartError(f"{path} cannot be read: {error}") from None
    try:
        return Policy.model_validate(raw)
    except ValidationError as error:
        lines = [f"{path}: {_place(e['loc'])}: {_problem(e)}" for e in error.errors()]
        raise StartError("\n".join(lines)) from None


class _Loader(yaml.SafeLoader):
    """YAML without its two traps: a key given twice is an error, and 20:30 is a time of day, not 1230."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_PLAIN = {
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(0|[1-9][0-9]*)$"),
    "tag:yaml.org,2002:float": re.compile(r"[-+]?[0-9]+\.[0-9]*$"),
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, _PLAIN.get(tag, pattern)) for tag, pattern in resolvers]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _line(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f", line {mark.line + 1}" if mark else ""


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc) or "the file"


def _problem(error: Mapping[str, object]) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown key; remove it or mend its spelling"
    if error["type"] == "missing":
        return "is missing; add it as in the shipped config.yaml"
    return str(error["msg"])
