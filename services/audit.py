"""Writes the audit trail in the words of the house."""

from typing import Any

from db import audit as rows
from domain.people import Actor
from services.work import Work


async def note(work: Work, actor: Actor | str, action: str, subject: str, **detail: Any) -> None:
    """One entry: ``action`` such as ``link.made``, ``subject`` such as ``client:7``. Never personal data in ``detail``."""
    label = actor if isinstance(actor, str) else actor.label
    await rows.append(work.session, at=work.now, actor=label, action=action, subject=subject, detail=detail)
