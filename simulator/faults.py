"""Faults that can be laid in the bot's way."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import count

from simulator.errors import Json, SimError

KINDS = ("429", "500", "502", "refuse", "hang", "cut", "slow")


@dataclass(slots=True)
class Fault:
    """What happens to matching calls.

    kind: 429 (`retry_after` seconds, held for all that it covers), 500, 502, refuse (`code`, `text`),
    hang (no answer for `seconds`, then the connection is cut; nothing is done), cut (it is done, the answer
    is dropped), slow (done and answered after `seconds`). method: None means every method but getUpdates.
    chat: None means every chat. count: None means until it is cleared.
    """

    kind: str
    method: str | None = None
    chat: int | None = None
    count: int | None = 1
    retry_after: int = 1
    seconds: float = 30.0
    code: int = 400
    text: str = "Bad Request: refused"
    hits: int = 0
    id: int = field(default=0)

    def covers(self, method: str, chat: int | None) -> bool:
        """Whether a call meets this fault."""
        if self.count is not None and self.hits >= self.count:
            return False
        if self.method is None:
            if method == "getupdates":
                return False
        elif self.method.lower() != method:
            return False
        return self.chat is None or self.chat == chat

    def as_json(self) -> Json:
        return asdict(self)


class Faults:
    """The list of faults, and the total outage."""

    def __init__(self) -> None:
        self.outage = False
        self.laid: list[Fault] = []
        self._ids: Iterator[int] = count(1)

    def lay(self, fault: Fault) -> Fault:
        """Put a fault in place."""
        if fault.kind not in KINDS:
            raise SimError(f"unknown kind of fault: {fault.kind}; one of {', '.join(KINDS)}")
        fault.id = next(self._ids)
        self.laid.append(fault)
        return fault

    def clear(self, fault_id: int | None = None) -> None:
        """Take away one fault, or all of them and the outage."""
        if fault_id is None:
            self.laid.clear()
            self.outage = False
        else:
            self.laid = [fault for fault in self.laid if fault.id != fault_id]

    def meet(self, method: str, chat: int | None) -> Fault | None:
        """The fault that this call runs into, counted."""
        for fault in self.laid:
            if fault.covers(method, chat):
                fault.hits += 1
                if fault.count is not None and fault.hits >= fault.count:
                    self.laid.remove(fault)
                return fault
        return None
