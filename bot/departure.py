"""Messages that leave with the transaction that wrote them, instead of being looked for in the table."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from db import queues
from db.models import OutboxMessage
from services.work import Work, Written


class Booking(Protocol):
    """Who keeps places for messages that are leaving."""

    def book(self, written: Sequence[Written]) -> list[Written]: ...


class Departure:
    """The messages of one transaction that leave with its commit."""

    def __init__(self, sender: Booking) -> None:
        self.booked: list[Written] = []
        self.claimed: list[OutboxMessage] = []
        self._sender = sender

    async def claim(self, work: Work) -> None:
        """As the transaction's last step: claims what may leave at once. The rest waits in the table for its turn."""
        self.booked = self._sender.book(work.written)
        if self.booked:
            claimed = await queues.claim_written(work.session, [message.id for message in self.booked])
            sending = {"state": "sending", "attempts": 1}
            self.claimed = [
                OutboxMessage(id=message.id, **message.row | sending)
                for message in self.booked
                if message.id in claimed
            ]


class Courier(Protocol):
    """The sender, as far as the inbox knows it."""

    def departure(self) -> AbstractContextManager[Departure]: ...

    def look(self) -> None:
        """Something may wait in the table."""
