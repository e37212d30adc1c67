"""How many messages a chat may send in a minute before the bot stops answering it."""

from collections import deque
from typing import Any

_MINUTE = 60.0
_TIDY_EVERY = 10_000


class Flood:
    """Counts the messages of each chat that were let through; those over the limit do not count themselves.

    A message counts by when it was stored and by when it was written: what waited at Telegram during an outage
    comes all at once, and was not written all at once.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._chats: dict[int, deque[tuple[float, float]]] = {}
        self._albums: dict[int, str] = {}

    def over(self, chat_id: int, stored: float, update: dict[str, Any]) -> bool:
        """Whether the update is a message over its chat's limit. The parts of an album are one message."""
        message = update.get("message")
        if not isinstance(message, dict):
            return False
        album = message.get("media_group_id")
        if album is not None and self._albums.get(chat_id) == album:
            return False
        written = message.get("date")
        written = float(written) if isinstance(written, int) else stored
        passed = self._chats.setdefault(chat_id, deque(maxlen=self.per_minute))
        recent = [(s, w) for s, w in passed if stored - s < _MINUTE and written - w < _MINUTE]
        if len(recent) >= self.per_minute:
            return True
        passed.append((stored, written))
        if isinstance(album, str):
            self._albums[chat_id] = album
        if len(self._chats) > _TIDY_EVERY:
            self._forget(stored)
        return False

    def _forget(self, now: float) -> None:
        self._chats = {chat: times for chat, times in self._chats.items() if now - times[-1][0] < _MINUTE}
        self._albums = {chat: album for chat, album in self._albums.items() if chat in self._chats}
