"""A tier that two people set for a while: it stands above the register's and the rule's until it ends."""

from typing import Any

from db import ratings as rows
from db.models import Client, Proposal
from domain.errors import Refusal
from domain.people import TIERS
from services import audit
from services.work import Work


async def value(_work: Work, client: Client, tier: str) -> dict[str, Any]:
    """What a proposal of another tier holds. Refuses a tier that stands already."""
    if tier not in TIERS or tier == client.tier:
        raise Refusal("tier_stands")
    return {"tier": tier, "before": client.tier, "source": client.tier_source}


async def begin(work: Work, client: Client, proposal: Proposal) -> None:
    """The tier changes; what stood at this moment is kept for the end."""
    proposal.value = {
        "tier": proposal.value["tier"],
        "before": client.tier,
        "source": client.tier_source,
    }
    await _set(work, client, proposal.value["tier"], "override", proposal.number)


async def end(work: Work, client: Client, proposal: Proposal) -> None:
    """What stood before comes back; where it was the rule's, its last word since."""
    tier, source = proposal.value["before"], proposal.value["source"]
    newest = await rows.newest_tier_month(work.session, client.id) if source == "rule" else None
    await _set(work, client, newest.decided if newest else tier, source, proposal.number)


async def _set(work: Work, client: Client, tier: str, source: str, number: str) -> None:
    await audit.note(
        work,
        "house",
        "tier.changed",
        f"client:{client.id}",
        before=client.tier,
        after=tier,
        source=source,
        proposal=number,
    )
    client.tier, client.tier_source = tier, source
