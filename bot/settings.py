"""What comes from the environment (and ``.env``), and the reading of ``config.yaml``."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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


def settings(environment: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> Settings:
    """The process environment beats ``.env``."""
    values = {**_dotenv(dotenv), **(os.environ if environment is None else environment)}
    port = values.get("QIFU_WEB_PORT") or None
    if port is not None and not port.isdigit():
        raise StartError(f"QIFU_WEB_PORT is {port!r}: give a port number, or 0 for any")
    return Settings(
        token=values.get("QIFU_BOT_TOKEN") or None,
        api_url=(values.get("QIFU_API_URL") or "https://api.telegram.org").rstrip("/"),
        database_url=values.get("QIFU_DATABASE_URL") or "sqlite:///data/qifu.db",
        config=Path(values.get("QIFU_CONFIG") or "config.yaml"),
        proxy=values.get("QIFU_PROXY") or None,
        web_port=int(port) if port is not None else None,
        web_host=values.get("QIFU_WEB_HOST") or "127.0.0.1",
        webhook_url=values.get("QIFU_WEBHOOK_URL") or None,
        webhook_secret=values.get("QIFU_WEBHOOK_SECRET") or None,
        clock=values.get("QIFU_CLOCK") or None,
    )


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    found = {}
    for line in path.read_text("utf-8").splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            found[name.strip()] = value.strip().strip("'\"")
    return found


def policy(path: Path) -> Policy:
    """``config.yaml`` as typed values; every wrong or unknown key is named by its path."""
    try:
        raw = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise StartError(
            f"{path} is missing: copy the shipped config.yaml, or name yours in QIFU_CONFIG"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StartError(f"{path} cannot be read as YAML: {error}") from None
    try:
        return Policy.model_validate(raw)
    except ValidationError as error:
        lines = [f"{path}: {_place(e['loc'])}: {_problem(e)}" for e in error.errors()]
        raise StartError("\n".join(lines)) from None


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc) or "the file"


def _problem(error: Mapping[str, object]) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown key; remove it or mend its spelling"
    return str(error["msg"])
