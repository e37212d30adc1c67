"""Where the brokerage stands that the demo begins with, once it was made: a year of 2,000 clients takes a while.

``python -m samples.opening`` makes it (``make env`` and ``make demo`` call that), the demo copies it. It is named by
everything that it was made from, so that an older program's is never taken for this one's.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from bot.settings import Settings, settings

FOLDER = Path("data/opening")
DATABASE = "qifu.db"
DAYS = "days"
"""The days of settlement as the score reads them (services/score_days.py), beside the database."""

_ROOT = Path(__file__).parent.parent
_SOURCES = (
    "bot/demo_data.py",
    "db/**/*.py",
    "domain/*.py",
    "knowledge/contracts.csv",
    "knowledge/tables/calendar.csv",
    "samples/**/*.*",
    "scoring/*.py",
    "services/*.py",
    "statements/*.py",
)


def shipped() -> Settings:
    """The demo's settings before its ports are known: nothing of the real house, but its configuration."""
    return settings({"QIFU_CONFIG": os.environ.get("QIFU_CONFIG", "")}, Path("/nonexistent"))


def stamp(config: Path) -> str:
    """The hash of what the opening is made from: programs, samples, tables and this configuration."""
    digest = hashlib.sha256()
    for file in (*_sources(), config):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def opening(config: Path) -> Path:
    """The folder of this program's opening; it is there whole, or not at all."""
    return FOLDER / stamp(config)


def _sources() -> Iterator[Path]:
    for pattern in _SOURCES:
        yield from sorted(p for p in _ROOT.glob(pattern) if p.is_file() and "__pycache__" not in p.parts)
