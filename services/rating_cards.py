"""A client's tier as staff explain it: what it rests on, what would change it, what the statistics say beside it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from db import ratings as rows
from db.models import Client, TierMonth
from domain.errors import Refusal
from domain.people import Actor, ClientRef, Role
from domain.tiers import Disagreement, Tier, Turn, disagreements, turns
from services import access, audit, consents, proposals, ratings, score_pictures
from services.proposals import Proposed
from services.score_pictures import ClientScore
from services.work import Work

BOARD_READERS = (Role.SUPERVISOR, Role.RISK, Role.COMPLIANCE, Role.OPERATOR)
_ODD_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Assessment:
    """The rule's last word: the month it covers up to, amounts in CNY, why, and what would change it."""

    until: date
    decided: str
    months: int
    fee: Decimal
    capital: Decimal
    reasons: tuple[str, ...]
    flags: tuple[str, ...]
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class RatingCard:
    """A client's tier with everything that explains it. ``withheld``: no amounts may be shown in this chat.

    ``source``: register, rule, default or override. ``acts``: the rule may move this client. ``cluster``: the class
    of the newest run of the score, A to C, None where it rated none.
    """

    client: ClientRef
    source: str
    assessment: Assessment | None
    acts: bool
    override: Proposed | None
    cluster: str | None
    withheld: bool


async def card(work: Work, who: Actor, account: str) -> RatingCard:
    """The card of a client whom the speaking employee may see; the look is in the audit trail."""
    access.require(who)
    return await _card(work, who, await access.client_by_account_for(work, who, account))


async def card_by_id(work: Work, who: Actor, client_id: int) -> RatingCard:
    """As ``card``, by the house's own number of the client."""
    access.require(who)
    return await _card(work, who, await access.client_for(work, who, client_id))


async def _card(work: Work, who: Actor, client: ClientRef) -> RatingCard:
    row = await work.session.get(Client, client.id)
    assert row is not None
    newest = await rows.newest_tier_month(work.session, client.id)
    await audit.note(work, who, "rating.seen", f"client:{client.id}")
    enough = newest is not None and newest.months >= work.policy.tier_bounds.act_from_months
    return RatingCard(
        client=client,
        source=row.tier_source,
        assessment=_assessment(work, newest) if newest else None,
        acts=enough and row.tier_source not in ratings.FIXED,
        override=await proposals.in_force(work, client.id, "tier"),
        cluster=await rows.cluster_of(work.session, client.account),
        withheld=client.id not in await consents.open_to_staff(work, [client.id]),
    )


async def score(work: Work, who: Actor, client_id: int) -> tuple[ClientRef, ClientScore | None]:
    """The client in the newest run of the score, for staff; None where it has no score.

    Refuses ``figures_withheld`` without the holder's consent to figures in chats.
    """
    access.require(who)
    client = await access.client_for(work, who, client_id)
    if client.id not in await consents.open_to_staff(work, [client.id]):
        raise Refusal("figures_withheld")
    await audit.note(work, who, "score.seen", f"client:{client.id}")
    return client, await score_pictures.of_client(work, client.account, who.lang)


def _assessment(work: Work, row: TierMonth) -> Assessment:
    following = row.month + 1
    return Assessment(
        until=date.fromordinal(date(following // 12, following % 12 + 1, 1).toordinal() - 1),
        decided=row.decided,
        months=row.months,
        fee=row.fee,
        capital=row.capital,
        reasons=tuple(row.reasons),
        flags=tuple(row.flags),
        turns=turns(Tier(row.decided), row.fee, row.capital, ratings.rule(work.policy)),
    )


@dataclass(frozen=True, slots=True)
class Odd:
    """A client whose statistical class does not fit the tier: worth a look, for one of both may be wrong."""

    client_id: int
    name: str
    found: Disagreement


@dataclass(frozen=True, slots=True)
class TierBoard:
    """All tiers at a glance. ``held``: clients by tier; ``flow``: (before, after) -> clients, between the last two
    months of the rule, None before there are two; ``odd``: the widest gaps first, ``odd_count`` of them in all.
    """

    held: dict[str, int]
    flow: dict[tuple[str, str], int] | None
    odd: tuple[Odd, ...]
    odd_count: int


async def board(work: Work, who: Actor) -> TierBoard:
    """The tiers of the whole house, for those who see every client."""
    access.require(who, *BOARD_READERS)
    months = await rows.tier_months_known(work.session)
    found = {client.account: (client, label) for client, label in await rows.clustered(work.session)}
    odd = disagreements(
        {account: Tier(client.tier) for account, (client, _) in found.items()},
        {account: ord(label) - ord("A") for account, (_, label) in found.items()},
    )
    return TierBoard(
        held=await rows.tiers_held(work.session),
        flow=await rows.tier_flow(work.session, months[1], months[0]) if len(months) > 1 else None,
        odd=tuple(
            Odd(found[d.account][0].id, work.shown_name(found[d.account][0].name), d)
            for d in odd[:_ODD_SHOWN]
        ),
        odd_count=len(odd),
    )
