"""What a person takes back: a consent, and the messages that wait and must not go without it or without the link."""

from collections.abc import Collection

from db import messages
from domain.people import Actor, ClientRef
from services import audit, consents, outcomes, staff
from services.work import Work

WITH_FIGURES = frozenset(
    {
        "account.summary",
        "client_files.report",
        "client_files.trend",
        "risk.acknowledged",
        "risk.call",
        "risk.recovered",
        "risk.trial",
        "risk.warning",
        "risk.watch",
    }
)
"""Messages to a client that stand on the consent to figures in chat."""


async def withdraw(
    work: Work, chat_id: int, why: str, *, account: str | None = None, templates: Collection[str] = ()
) -> int:
    """Ends what waits for a chat (of one account, of some templates); how many messages.

    What follows from a message that cannot be delivered follows here too: a margin call is phoned.
    """
    ended = await messages.withdraw(work.session, chat_id, why, account=account, templates=templates)
    for message in ended:
        await outcomes.failed(work, message, "failed", why)
    return len(ended)


async def refuse_consent(work: Work, who: Actor, client_id: int, purpose: str) -> ClientRef:
    """Records a no; a consent that stood before ends with it."""
    client = consents.own(who, client_id)
    if await take_consent_back(work, who, client_id, purpose) is None:
        await audit.note(work, who, "consent.refused", f"client:{client_id}", purpose=purpose)
    return client


async def take_consent_back(work: Work, who: Actor, client_id: int, purpose: str) -> ClientRef | None:
    """Revokes a consent, stops the figures on their way, tells whoever looks after the client.

    None when none stood.
    """
    client = consents.own(who, client_id)
    if not await consents.revoke(work, who, client_id, purpose):
        return None
    await withdraw(work, who.chat_id, "consent revoked", account=client.account, templates=WITH_FIGURES)
    await staff.tell_keepers(work, client, "consent.taken_back_staff")
    return client
