"""Who speaks with the house: strangers, clients and staff."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Role(StrEnum):
    """What a member of staff does."""

    MANAGER = "manager"  # 客户经理 (market)
    OFFICER = "officer"  # 服务专员 (service department)
    RISK = "risk"  # 风控专员
    SUPERVISOR = "supervisor"  # 客服主管, complaints supervisor
    COMPLIANCE = "compliance"  # 合规
    OPERATOR = "operator"  # 运维


TIERS = ("retail", "key", "premier", "active")  # 普通、关键、重点、高频: staff only, never shown to a client


@dataclass(frozen=True, slots=True)
class ClientRef:
    """An account as the house speaks of it inside; ``account`` never leaves it whole."""

    id: int
    account: str
    name: str
    kind: str
    tier: str
    person: str = "holder"
    fee_plan: str | None = None
    margin_plan: str | None = None
    phone: str | None = None
    # (product, add-on as a share of the contract value) that two people granted; goes before the plan.
    granted: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class StaffMember:
    """An employee. ``chat_id`` is None while no chat is linked."""

    id: int
    code: str
    name: str
    role: Role
    line: str
    registration_no: str | None = None
    lead_id: int | None = None
    stand_in_id: int | None = None
    active: bool = True
    on_duty: bool = True
    leave_until: date | None = None
    chat_id: int | None = None
    reachable: bool = True

    def present(self, today: date) -> bool:
        """At work and within reach of the chat: not disabled, off duty, on leave, unlinked or blocking the bot."""
        away = self.leave_until is not None and today <= self.leave_until
        return self.active and self.on_duty and not away and self.chat_id is not None and self.reachable


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is speaking in a chat. ``client`` is the account spoken of; ``clients`` are all that the person may use."""

    chat_id: int
    lang: str
    staff: StaffMember | None = None
    client: ClientRef | None = None
    clients: tuple[ClientRef, ...] = field(default=())
    lang_chosen: bool = False

    @property
    def is_stranger(self) -> bool:
        return self.staff is None and not self.clients

    @property
    def role(self) -> str:
        """``staff role``, ``client`` or ``stranger``: chooses the command menu."""
        if self.staff is not None:
            return str(self.staff.role)
        return "client" if self.clients else "stranger"

    @property
    def label(self) -> str:
        """How the audit trail names the actor: by number, never by personal data."""
        if self.staff is not None:
            return f"staff:{self.staff.code}"
        if self.client is not None:
            return f"client:{self.client.id}"
        return f"chat:{self.chat_id}"
