"""Business time: the real clock, or for demos and tests a file or an address that tells the time."""

import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bot.settings import StartError

# How long an answer of the clock's address is used before it is asked again.
_FRESH_SECONDS = 1.0
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
    path = Path(source)

    def from_file() -> datetime:
        return _instant(path.read_text("utf-8").strip(), source)

    from_file()
    return from_file


class _RemoteClock:
    """Asks an address for the time, at most once a second; runs on by the monotonic clock in between."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._asked = float("-inf")
        self._told = self._ask()

    def __call__(self) -> datetime:
        passed = time.monotonic() - self._asked
        if passed > _FRESH_SECONDS:
            self._told = self._ask()
            passed = 0.0
        return datetime.fromtimestamp(self._told.timestamp() + passed, UTC)

    def _ask(self) -> datetime:
        try:
            with _DIRECT.open(self.url, timeout=2) as answer:
                told = _instant(json.load(answer)["now"], self.url)
        except (OSError, ValueError, KeyError) as error:
            if self._asked > 0:  # it told the time before: run on until it answers again
                return datetime.fromtimestamp(self._told.timestamp() + time.monotonic() - self._asked, UTC)
            raise StartError(
                f"QIFU_CLOCK {self.url} tells no time ({error}): unset it, or start the clock"
            ) from None
        self._asked = time.monotonic()
        return told


def _instant(text: str, source: str) -> datetime:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise StartError(f"QIFU_CLOCK {source} holds {text!r}, which is no ISO instant") from None
    if told.tzinfo is None:
        raise StartError(f"QIFU_CLOCK {source} holds {text!r} without a zone; write +08:00 behind it")
    return told
