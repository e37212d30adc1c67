"""Two people for what matters to one client: the first proposes with a reason and an end, a second decides, in chat.

waiting -> in_force | rejected | lapsed (nobody decided in time); in_force -> ended (its last day passed, or somebody
ended it: one person is enough to take back).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from db import locks, people, queues
from db import proposals as rows
from db.linking import put_dialog
from db.models import Client, Proposal
from domain.errors import Refusal
from domain.people import Actor, Role, StaffMember
from services import access, audit, consents, margins, outbox, tier_overrides
from services.outbox import Button, Priority
from services.work import Work

Step = Callable[[Work, Client, Proposal], Awaitable[None]]
Value = Callable[[Work, Client, str], Awaitable[dict[str, Any]]]

DIALOG = "proposal"
_KEPT = timedelta(hours=2)
_WAITS = timedelta(days=7)
_LONGEST_REASON = 500
_SHORTEST_REASON = 4


@dataclass(frozen=True, slots=True)
class Kind:
    """Who may propose and who may decide; what a choice means, and what happens at the beginning and at the end."""

    proposers: tuple[Role, ...]
    deciders: tuple[Role, ...]
    value: Value
    begin: Step
    end: Step


KINDS: Mapping[str, Kind] = {
    "tier": Kind(
        (Role.MANAGER, Role.OFFICER, Role.SUPERVISOR),
        (Role.SUPERVISOR, Role.COMPLIANCE),
        tier_overrides.value,
        tier_overrides.begin,
        tier_overrides.end,
    ),
    "margin": Kind(
        (Role.RISK,),
        (Role.RISK, Role.SUPERVISOR, Role.COMPLIANCE),
        margins.value,
        margins.begin,
        margins.end,
    ),
}


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal as cards show it; ``value`` as its feature stored it."""

    id: int
    number: str
    kind: str
    client_id: int
    name: str
    account: str
    value: Mapping[str, Any]
    reason: str
    state: str
    proposer: str
    until: date


async def propose(
    work: Work, who: Actor, kind: str, client_id: int, choice: str, reason: str, days: int
) -> str:
    """Asks the second person; the number. Refuses while another one of the kind waits for the client."""
    author = access.require(who, *KINDS[kind].proposers)
    client = await _client(work, who, client_id)
    reason = " ".join(reason.split())
    if not _SHORTEST_REASON <= len(reason) <= _LONGEST_REASON:
        raise Refusal("proposal_reason", longest=_LONGEST_REASON)
    waiting = await rows.standing(work.session, client_id, kind, "waiting")
    if waiting is not None:
        raise Refusal("proposal_waits", number=waiting.number)
    day = f"{work.today:%Y%m%d}"
    number = f"PR-{day}-{await queues.next_number(work.session, f'PR-{day}'):04d}"
    row = Proposal(
        number=number,
        kind=kind,
        client_id=client_id,
        value=await KINDS[kind].value(work, client, choice),
        reason=reason,
        state="waiting",
        proposed_by=author.id,
        proposed_at=work.now,
        until=work.today + timedelta(days=days),
    )
    work.session.add(row)
    await work.session.flush()
    await people.drop_dialog(work.session, who.chat_id)
    await audit.note(work, who, "proposal.made", f"proposal:{number}", kind=kind, client=client_id)
    shown = _shown(work, row, client, author.name)
    told = [
        member
        for member in await access.staff_in(work, KINDS[kind].deciders)
        if member.id != author.id and member.chat_id is not None
    ]
    if not told:
        raise Refusal("proposal_nobody")
    for member in told:
        await _ask(work, member, shown)
    return number


async def approve(work: Work, who: Actor, proposal_id: int) -> Proposed:
    """The second person agrees: what was in force before ends, this one begins."""
    row, decider = await _to_decide(work, who, proposal_id)
    client = await _row_of(work, row)
    before = await rows.standing(work.session, row.client_id, row.kind, "in_force")
    if before is not None:
        await _end(work, client, before, "replaced")
    await KINDS[row.kind].begin(work, client, row)
    row.state, row.decided_by, row.decided_at = "in_force", decider.id, work.now
    await work.session.flush()
    await audit.note(work, who, "proposal.approved", f"proposal:{row.number}", until=row.until.isoformat())
    return await _decided(work, row, client, decider)


async def reject(work: Work, who: Actor, proposal_id: int) -> Proposed:
    """The second person does not agree; nothing changes."""
    row, decider = await _to_decide(work, who, proposal_id)
    row.state, row.decided_by, row.decided_at = "rejected", decider.id, work.now
    await audit.note(work, who, "proposal.rejected", f"proposal:{row.number}")
    return await _decided(work, row, await _row_of(work, row), decider)


async def take_back(work: Work, who: Actor, proposal_id: int) -> Proposed:
    """Ends what is in force before its last day. Anybody who may propose or decide it may."""
    row = await rows.locked(work.session, proposal_id)
    if row is None:
        raise Refusal("not_found")
    kind = KINDS[row.kind]
    access.require(who, *kind.proposers, *kind.deciders)
    client = await _client(work, who, row.client_id)
    if row.state != "in_force":
        raise Refusal("proposal_decided", number=row.number)
    await _end(work, client, row, who.label)
    return _shown(work, row, client, (await access.staff(work, row.proposed_by)).name)


async def expire(work: Work) -> None:
    """Ends what is past its last day, and lets go what nobody decided; both are told to their author."""
    for row in await rows.past(work.session, work.today, work.now - _WAITS):
        client = await _row_of(work, row)
        if row.state == "in_force":
            await _end(work, client, row, "house")
        else:
            row.state = "lapsed"
            await audit.note(work, "house", "proposal.lapsed", f"proposal:{row.number}")
        await _tell_author(work, row, client, by="")


async def waiting(work: Work, who: Actor) -> list[Proposed]:
    """What waits for the speaker's decision."""
    member = access.require(who)
    found = []
    for row, client in await rows.with_client(work.session, "waiting", limit=10):
        if member.role in KINDS[row.kind].deciders and member.id != row.proposed_by:
            author = await access.staff(work, row.proposed_by)
            found.append(_shown(work, row, client, author.name))
    return found


async def in_force(work: Work, client_id: int, kind: str) -> Proposed | None:
    """What two people decided for a client and still holds."""
    row = await rows.standing(work.session, client_id, kind, "in_force")
    if row is None:
        return None
    author = await access.staff(work, row.proposed_by)
    return _shown(work, row, await _row_of(work, row), author.name)


# --- inside -------------------------------------------------------------------------------------------------


async def _to_decide(work: Work, who: Actor, proposal_id: int) -> tuple[Proposal, StaffMember]:
    row = await rows.locked(work.session, proposal_id)
    if row is None:
        raise Refusal("not_found")
    decider = access.require(who, *KINDS[row.kind].deciders)
    if row.proposed_by == decider.id:
        raise Refusal("second_person")
    if row.state != "waiting":
        raise Refusal("proposal_decided", number=row.number)
    return row, decider


async def _end(work: Work, client: Client, row: Proposal, by: str) -> None:
    await KINDS[row.kind].end(work, client, row)
    row.state, row.ended_at = "ended", work.now
    await work.session.flush()
    await audit.note(work, "house", "proposal.ended", f"proposal:{row.number}", by=by)


async def _decided(work: Work, row: Proposal, client: Client, decider: StaffMember) -> Proposed:
    await _tell_author(work, row, client, by=decider.name)
    return _shown(work, row, client, (await access.staff(work, row.proposed_by)).name)


async def _ask(work: Work, member: StaffMember, proposed: Proposed) -> None:
    assert member.chat_id is not None
    await outbox.say(
        work,
        member.chat_id,
        f"proposal.{proposed.kind}",
        priority=Priority.STAFF,
        buttons=decision_buttons(proposed),
        **await card_facts(work, proposed, await outbox.language(work, member.chat_id)),
    )


async def _tell_author(work: Work, row: Proposal, client: Client, *, by: str) -> None:
    author = await access.staff(work, row.proposed_by)
    if author.chat_id is None:
        return
    await outbox.say(
        work,
        author.chat_id,
        "proposal.result",
        priority=Priority.STAFF,
        number=row.number,
        kind=row.kind,
        state=row.state,
        by=by,
        name=work.shown_name(client.name),
        account=client.account,
        until=row.until,
    )


def decision_buttons(proposed: Proposed) -> list[list[Button]]:
    args = {"proposal": proposed.id}
    return [
        [
            Button("proposal.approve", "proposal.approve", args),
            Button("proposal.reject", "proposal.reject", args),
        ],
        [Button("rating.card", "rating.card", {"client": proposed.client_id})],
    ]


async def card_facts(work: Work, proposed: Proposed, lang: str) -> dict[str, Any]:
    """What the second person reads. ``withheld``: what the client holds may not be told in this chat."""
    tiers = {tier: words.name[lang] for tier, words in work.policy.tiers.items()}
    withheld = proposed.client_id not in await consents.open_to_staff(work, [proposed.client_id])
    return {"proposal": proposed, "tiers": tiers, "withheld": withheld}


def _shown(work: Work, row: Proposal, client: Client, proposer: str) -> Proposed:
    return Proposed(
        id=row.id,
        number=row.number,
        kind=row.kind,
        client_id=row.client_id,
        name=work.shown_name(client.name),
        account=client.account,
        value=dict(row.value),
        reason=row.reason,
        state=row.state,
        proposer=proposer,
        until=row.until,
    )


async def _client(work: Work, who: Actor, client_id: int) -> Client:
    """A client whom the speaker may see, held until the transaction ends."""
    await access.client_for(work, who, client_id)
    client = await locks.locked(work.session, Client, client_id)
    assert client is not None
    return client


async def _row_of(work: Work, row: Proposal) -> Client:
    client = await locks.locked(work.session, Client, row.client_id)
    assert client is not None
    return client


# --- the author's dialog ------------------------------------------------------------------------------------


async def ask_reason(work: Work, who: Actor, data: dict[str, Any]) -> None:
    """Remembers what is proposed until the author has written why."""
    await put_dialog(
        work.session,
        who.chat_id,
        name=DIALOG,
        step="reason",
        data=data,
        at=work.now,
        expires_at=work.now + _KEPT,
    )


async def reason_for(work: Work, who: Actor) -> dict[str, Any] | None:
    """What the author's next words are the reason for."""
    found = await people.dialog(work.session, who.chat_id)
    if found is None or found.name != DIALOG or found.expires_at <= work.now:
        return None
    return dict(found.data)
