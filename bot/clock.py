"""Business time: the real clock, or for demos and tests a file or an address that tells the time."""

import contextlib
import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.settings import StartError

# How long an answer of the clock's address is used before it is asked again.
_FRESH_SECONDS = 1.0
_AGAIN_SECONDS = 5.0
_NO_TIME = (OSError, ValueError, KeyError, TypeError, StartError)
# The clock stands on this machine: a proxy of the environment is not asked.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def wall() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def business_clock(source: str | None) -> Callable[[], datetime]:
    """``source``: None (real time), a file with an ISO instant, or an address that answers {"now": ISO}."""
    if source is None:
        return wall
    if source.startswith(("http://", "https://")):
        return _RemoteClock(source)
    return _FileClock(Path(source))


class _FileClock:
    """The instant in a file; while somebody writes it anew, the one that stood there before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._told = self._read()

    def __call__(self) -> datetime:
        with contextlib.suppress(OSError, UnicodeDecodeError, StartError):
            self._told = self._read()
        return self._told

    def _read(self) -> datetime:
        return _instant(self.path.read_text("utf-8").strip(), str(self.path))


class _RemoteClock:
    """Asks an address for the time, at most once a second; runs on by the monotonic clock in between.

    An address that falls silent is asked again now and then: every question makes the whole program wait.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._told, self._told_at = self._ask(seconds=2.0)
        except _NO_TIME as error:
            raise StartError(
                f"QIFU_CLOCK {url} tells no time ({error}): unset it, or start the clock"
            ) from None
        self._ask_at = self._told_at + _FRESH_SECONDS

    def __call__(self) -> datetime:
        if time.monotonic() >= self._ask_at:
            try:
                self._told, self._told_at = self._ask(seconds=0.5)
                self._ask_at = self._told_at + _FRESH_SECONDS
            except _NO_TIME:
                self._ask_at = time.monotonic() + _AGAIN_SECONDS
        return self._told + timedelta(seconds=time.monotonic() - self._told_at)

    def _ask(self, *, seconds: float) -> tuple[datetime, float]:
        with _DIRECT.open(self.url, timeout=seconds) as answer:
            return _instant(json.load(answer)["now"], self.url).astimezone(UTC), time.monotonic()


def _instant(text: str, source: str) -> datetime:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise StartError(f"QIFU_CLOCK {source} holds {text!r}, which is no ISO instant") from None
    if told.tzinfo is None:
        raise StartError(f"QIFU_CLOCK {source} holds {text!r} without a zone; write +08:00 behind it")
    return told
