"""When the next message may leave: sliding windows overall, a chat, a group, and pauses that Telegram asked for.

Times are monotonic seconds. Windows are a little longer than Telegram's, because messages arrive later than they leave,
not always equally late.
"""

from collections import deque
from collections.abc import Callable

from domain.policy import DeliveryPolicy

_SLACK = 1.03


class Pacer:
    def __init__(self, limits: DeliveryPolicy, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.clock = clock
        self._all: deque[float] = deque()
        self._chats: dict[int, deque[float]] = {}
        self._groups: dict[int, deque[float]] = {}
        self._paused_until = 0.0
        self._chat_paused: dict[int, float] = {}

    def free(self) -> int:
        """How many messages may leave now over all chats."""
        now = self.clock()
        if now < self._paused_until:
            return 0
        _forget(self._all, now - _SLACK)
        return self.limits.per_second - len(self._all)

    def resting(self) -> list[int]:
        """Chats that must not get a message now."""
        now = self.clock()
        return [
            *self._full(self._chats, now, _SLACK, self.limits.per_chat_per_second),
            *self._full(self._groups, now, 60 * _SLACK, self.limits.per_group_per_minute),
            *self.silent(),
        ]

    def silent(self) -> list[int]:
        """Chats that must not get anything now, not even the answer to a button."""
        now = self.clock()
        self._chat_paused = {chat: until for chat, until in self._chat_paused.items() if until > now}
        return list(self._chat_paused)

    def paused(self, chat_id: int) -> bool:
        """Whether nothing at all may leave for this chat now."""
        return self.clock() < max(self._paused_until, self._chat_paused.get(chat_id, 0.0))

    def pause_left(self) -> float:
        """Seconds for which nothing at all may leave for anybody."""
        return max(0.0, self._paused_until - self.clock())

    def sent(self, chat_id: int, messages: int = 1) -> None:
        """Counts what leaves now; an album is as many messages as it has parts."""
        now = [self.clock()] * messages
        self._all.extend(now)
        self._chats.setdefault(chat_id, deque()).extend(now)
        if chat_id < 0:
            self._groups.setdefault(chat_id, deque()).extend(now)

    def pause(self, seconds: float, chat_id: int | None = None) -> None:
        """Obeys a ``retry_after``: for one chat, or for all. A later pause never shortens an earlier one."""
        until = self.clock() + seconds
        if chat_id is None:
            self._paused_until = max(self._paused_until, until)
        else:
            self._chat_paused[chat_id] = max(self._chat_paused.get(chat_id, 0.0), until)

    def wait(self) -> float:
        """Seconds until something changes by itself: a window opens or a pause ends."""
        now = self.clock()
        if now < self._paused_until:
            return self._paused_until - now
        times = [until - now for until in self._chat_paused.values()]
        if len(self._all) >= self.limits.per_second:
            times.append(self._all[0] + _SLACK - now)
        times += [queue[0] + _SLACK - now for queue in self._chats.values()]
        times += [queue[0] + 60 * _SLACK - now for queue in self._groups.values()]
        return max(0.001, min(times, default=60.0))

    @staticmethod
    def _full(queues: dict[int, deque[float]], now: float, window: float, limit: int) -> list[int]:
        full = []
        for chat in list(queues):
            _forget(queues[chat], now - window)
            if not queues[chat]:
                del queues[chat]
            elif len(queues[chat]) >= limit:
                full.append(chat)
        return full


def _forget(queue: deque[float], before: float) -> None:
    while queue and queue[0] <= before:
        queue.popleft()
