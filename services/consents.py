"""Separate consent by purpose: what a person agreed to for an account, in which words, until revoked.

Account figures leave the house through the chat only where ``complete`` holds.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from db import linking as rows
from db.models import Consent
from domain.errors import Refusal
from domain.people import Actor, ClientRef
from services import audit
from services.work import Work


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose of ``config.yaml`` -> privacy.purposes, and since when the person agrees to it."""

    code: str
    given_at: datetime | None


async def purposes(work: Work, chat_id: int, client_id: int) -> list[Purpose]:
    """Every purpose in the configured order; consent to an older version of the words counts as none."""
    privacy = work.policy.privacy
    given = {
        row.purpose: row.given_at
        for row in await rows.live_consents(work.session, chat_id, client_id)
        if row.text_version == privacy.consent_version
    }
    return [Purpose(code, given.get(code)) for code in privacy.purposes]


async def complete(work: Work, chat_id: int, client_id: int) -> bool:
    """Whether figures of this account may be shown in this chat."""
    return all(p.given_at is not None for p in await purposes(work, chat_id, client_id))


async def open_to_staff(work: Work, client_ids: Collection[int]) -> set[int]:
    """Those whose holder agreed to every purpose: only their figures may stand in the chats of staff, too."""
    privacy = work.policy.privacy
    given: dict[tuple[int, int], set[str]] = defaultdict(set)
    for client_id, chat_id, purpose in await rows.holders_consents(
        work.session, client_ids, privacy.consent_version
    ):
        given[client_id, chat_id].add(purpose)
    return {client_id for (client_id, _), agreed in given.items() if set(privacy.purposes) <= agreed}


async def next_open(work: Work, chat_id: int, client_id: int) -> str | None:
    """The first purpose without consent."""
    return next((p.code for p in await purposes(work, chat_id, client_id) if p.given_at is None), None)


async def give(work: Work, who: Actor, client_id: int, purpose: str, version: str) -> ClientRef:
    """Records consent to the words of ``version``, once. Words that changed since must be shown again."""
    client = own(who, client_id)
    if version != work.policy.privacy.consent_version or purpose not in work.policy.privacy.purposes:
        raise Refusal("consent_changed")
    standing = {p.code for p in await purposes(work, who.chat_id, client_id) if p.given_at is not None}
    if purpose in standing:
        return client
    await rows.revoke_consents(work.session, who.chat_id, client_id, work.now, purpose)
    work.session.add(
        Consent(
            chat_id=who.chat_id,
            client_id=client_id,
            purpose=purpose,
            text_version=version,
            given_at=work.now,
        )
    )
    await work.session.flush()
    await audit.note(work, who, "consent.given", f"client:{client_id}", purpose=purpose, version=version)
    return client


async def revoke(work: Work, who: Actor, client_id: int, purpose: str) -> bool:
    """Ends one consent; False when none stood."""
    ended = await rows.revoke_consents(work.session, who.chat_id, client_id, work.now, purpose)
    if ended:
        await audit.note(work, who, "consent.revoked", f"client:{client_id}", purpose=purpose)
    return ended > 0


async def end_all(work: Work, chat_id: int, client_id: int) -> None:
    """The link between chat and account ended, and every consent with it."""
    await rows.revoke_consents(work.session, chat_id, client_id, work.now)


def own(who: Actor, client_id: int) -> ClientRef:
    """One of the speaker's own accounts, or the refusal ``not_found``."""
    client = next((c for c in who.clients if c.id == client_id), None)
    if client is None:
        raise Refusal("not_found")
    return client
