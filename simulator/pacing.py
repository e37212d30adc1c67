"""How fast a bot may send: Telegram's limits counted, and refused where the server is strict."""

import math
from collections import Counter, deque

from simulator.errors import slow_down

OVERALL_PER_SECOND = 30
PRIVATE_BURST = 4
GROUP_PER_MINUTE = 20
# A call that was on its way when the 429 left is no offence.
GRACE_SECONDS = 0.15


class Pace:
    """Counts sends by chat; `violations` tells how often each limit (`overall`, `private`, `group`,
    `retry_after`) was broken, whether or not the server refuses (`strict`)."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.violations: Counter[str] = Counter()
        self._all: deque[float] = deque()
        self._private: dict[int, tuple[float, float]] = {}
        self._groups: dict[int, deque[float]] = {}
        self._holds: dict[int | None, tuple[float, float]] = {}

    def hold(self, chat_id: int | None, seconds: int, now: float) -> None:
        """Refuse every send (to one chat, or to all) until the announced time is over."""
        until = max(now + seconds, self._holds.get(chat_id, (0.0, 0.0))[0])
        self._holds[chat_id] = (until, now)

    def release(self) -> None:
        """Forget announced waits."""
        self._holds.clear()

    def take(self, chat_id: int, group: bool, now: float, cost: int = 1) -> None:
        """Count a send; raises 429 where it comes too early."""
        self._check_holds(chat_id, now)
        waits = [self._overall(now, cost)]
        waits.append(self._group(chat_id, now, cost) if group else self._chat(chat_id, now, cost))
        wait = max(waits)
        if wait > 0 and self.strict:
            raise slow_down(max(1, math.ceil(wait)))
        self._count(chat_id, group, now, cost)

    def _check_holds(self, chat_id: int, now: float) -> None:
        for key in (chat_id, None):
            if key not in self._holds:
                continue
            until, since = self._holds[key]
            if now >= until:
                del self._holds[key]
                continue
            if now - since > GRACE_SECONDS:
                self.violations["retry_after"] += 1
            raise slow_down(max(1, math.ceil(until - now)))

    def _overall(self, now: float, cost: int) -> float:
        window = self._all
        while window and window[0] <= now - 1:
            window.popleft()
        if len(window) + cost <= OVERALL_PER_SECOND:
            return 0.0
        self.violations["overall"] += 1
        return window[0] + 1 - now if window else 0.0

    def _chat(self, chat_id: int, now: float, cost: int) -> float:
        tokens = self._tokens(chat_id, now)
        # An album counts as one burst, else it could never be sent at all.
        need = min(cost, PRIVATE_BURST)
        if tokens >= need:
            return 0.0
        self.violations["private"] += 1
        return need - tokens

    def _tokens(self, chat_id: int, now: float) -> float:
        tokens, at = self._private.get(chat_id, (float(PRIVATE_BURST), now))
        return min(float(PRIVATE_BURST), tokens + now - at)

    def _group(self, chat_id: int, now: float, cost: int) -> float:
        window = self._groups.setdefault(chat_id, deque())
        while window and window[0] <= now - 60:
            window.popleft()
        if len(window) + cost <= GROUP_PER_MINUTE:
            return 0.0
        self.violations["group"] += 1
        return window[0] + 60 - now if window else 0.0

    def _count(self, chat_id: int, group: bool, now: float, cost: int) -> None:
        self._all.extend([now] * cost)
        if group:
            self._groups[chat_id].extend([now] * cost)
        else:
            self._private[chat_id] = (max(0.0, self._tokens(chat_id, now) - cost), now)
