"""The environment, ``.env`` and ``config.yaml``: what is wrong is named by its place."""

from datetime import time
from pathlib import Path

import pytest

from bot.settings import StartError, policy, settings
from tests.desk import ROOT

NO_FILE = Path("/nonexistent/.env")


def test_the_defaults_are_a_file_in_data_and_telegram_itself() -> None:
    """An empty environment is a fresh machine."""
    found = settings({}, NO_FILE)
    assert found.token is None
    assert found.api_url == "https://api.telegram.org"
    assert found.database_url == "sqlite:///data/qifu.db"
    assert found.web_port is None


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    """A value that is set empty switches off what the file says."""
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        'QIFU_BOT_TOKEN="5:file"\nexport QIFU_PROXY=http://p:1\n# QIFU_CONFIG=x\nQIFU_WEB_PORT=8080\n'
    )
    found = settings({"QIFU_BOT_TOKEN": "6:environment", "QIFU_PROXY": ""}, dotenv)
    assert (found.token, found.proxy, found.web_port) == ("6:environment", None, 8080)
    assert found.config == Path("config.yaml")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QIFU_WEB_PORT", "80a"),
        ("QIFU_WEB_PORT", "70000"),
        ("QIFU_WEB_PORT", "-1"),
        ("QIFU_API_URL", "localhost:8081"),
        ("QIFU_DATABASE_URL", "mysql://root:secret@db/qifu"),
        ("QIFU_DATABASE_URL", "/var/lib/qifu.db"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(name: str, value: str) -> None:
    """The sentence begins with the variable and never holds a password."""
    with pytest.raises(StartError, match=name) as refused:
        settings({name: value}, NO_FILE)
    assert "secret" not in str(refused.value)


def changed(tmp_path: Path, before: str, after: str) -> Path:
    """The shipped configuration with one change."""
    shipped = (ROOT / "config.yaml").read_text("utf-8")
    assert before in shipped
    file = tmp_path / "config.yaml"
    file.write_text(shipped.replace(before, after, 1), "utf-8")
    return file


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("  hotline: ", "  hotlin: ", "company.hotlin: unknown key"),
        ("  hotline: ", "  hotlin: ", "company.hotline: is missing"),
        ("  watch: 0.80", "  watch: high", "risk.watch: "),
        ("  in_flight: 4", "  in_flight: 64", "delivery.in_flight: "),
        ("company: ", "company: 1\ncompany: ", "the key company stands twice"),
        ("hours: ", "hours: [", "line "),
    ],
)
def test_a_broken_configuration_names_the_key(tmp_path: Path, before: str, after: str, words: str) -> None:
    """Unknown, missing, of the wrong kind, twice, no YAML."""
    file = changed(tmp_path, before, after)
    with pytest.raises(StartError) as refused:
        policy(file)
    assert words in str(refused.value)
    assert all(line.startswith(str(file)) for line in str(refused.value).splitlines())


def test_a_time_of_day_without_quotes_is_a_time_of_day(tmp_path: Path) -> None:
    """YAML of old reads 20:00 as 1200."""
    file = changed(tmp_path, 'recheck_evening: "20:00"', "recheck_evening: 20:15")
    assert policy(file).timetable.recheck_evening == time(20, 15)


def test_a_missing_configuration_says_what_to_copy(tmp_path: Path) -> None:
    """The path that was looked at is in the sentence."""
    with pytest.raises(StartError, match="copy the shipped config"):
        policy(tmp_path / "none.yaml")
    with pytest.raises(StartError, match="cannot be read"):
        policy(tmp_path)
