"""The day's clock: real time, or a set instant that runs on (or stands still)."""

import time
from datetime import UTC, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))


def read_instant(text: str) -> datetime:
    """An ISO instant; without an offset it is Beijing time. Raises ValueError."""
    instant = datetime.fromisoformat(text.strip())
    return instant if instant.tzinfo else instant.replace(tzinfo=BEIJING)


class Clock:
    """Business time of the pretended world; `running=False` makes it stand still."""

    def __init__(self, start: datetime | None = None) -> None:
        self._base = start or datetime.now(UTC)
        self._mark = time.monotonic()
        self.running = True

    def now(self) -> datetime:
        """The instant, in Beijing time."""
        passed = time.monotonic() - self._mark if self.running else 0.0
        return (self._base + timedelta(seconds=passed)).astimezone(BEIJING)

    def set(self, instant: datetime, running: bool = True) -> None:
        """Jump to an instant."""
        self._base = instant
        self._mark = time.monotonic()
        self.running = running

    def advance(self, seconds: float) -> None:
        """Jump forward (or back)."""
        self.set(self.now() + timedelta(seconds=seconds), self.running)

    def state(self) -> dict[str, object]:
        """What `/sim/clock` answers."""
        return {"now": self.now().isoformat(timespec="milliseconds"), "running": self.running}
