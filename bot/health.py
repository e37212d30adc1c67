"""What the health page and the metrics say: queues, their age, the connection, the index."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from db import health as rows
from db import trouble

if TYPE_CHECKING:
    from bot.program import Running

# A question that waits longer than this is a reason to look.
_TOO_OLD_SECONDS = 30


async def probe(running: "Running") -> dict[str, Any]:
    """{"ok": bool, "problems": [...], figures}: never a person's data."""
    try:
        figures = await _figures(running)
    except Exception as error:
        if not trouble.passes(error):
            raise
        return {"ok": False, "problems": ["the database cannot be used"]}
    if not running.lease.held.is_set():
        return {"ok": False, "problems": ["another run holds this database; waiting to take over"], **figures}
    problems = []
    if running.polling is not None and not running.polling.reachable:
        problems.append("telegram is out of reach")
    if not running.live().ready:
        problems.append("the index of the library is being built")
    if figures["inbox_oldest_seconds"] > _TOO_OLD_SECONDS:
        problems.append("updates wait too long in the inbox")
    if figures["outbox_urgent_oldest_seconds"] > _TOO_OLD_SECONDS:
        problems.append("margin calls or replies wait too long in the outbox")
    return {"ok": not problems, "problems": problems, **figures}


async def metrics(running: "Running") -> bytes:
    """Prometheus text."""
    registry = CollectorRegistry()
    registry.register(_Families(await _figures(running), running))
    return generate_latest(registry)


class _Families:
    """The figures of one moment as Prometheus' families; those that only grow are counters."""

    def __init__(self, figures: dict[str, float], running: "Running") -> None:
        self.figures = figures
        self.reachable = running.polling is None or running.polling.reachable

    def collect(self) -> Iterator[Metric]:
        for name, value in self.figures.items():
            words = name.removesuffix("_total").replace("_", " ")
            family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield family(f"qifu_{name}", words, value=value)
        yield GaugeMetricFamily(
            "qifu_telegram_reachable", "1 while polling reaches Telegram", value=int(self.reachable)
        )


async def _figures(running: "Running") -> dict[str, float]:
    async with running.deps.db.read() as session:
        stored = await rows.figures(session, running.deps.wall())
    return {
        **stored,
        "updates_handled_total": running.inbox.handled,
        "messages_sent_total": running.delivery.sent,
        "messages_failed_total": running.delivery.failed,
    }
