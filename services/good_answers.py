"""A good answer that a person gave in a conversation becomes the beginning of an article: with its writer's consent.

Only words of staff are offered, personal data taken out; the client is never named, and nothing is used before a second
person has confirmed the article.
"""

from dataclasses import dataclass
from datetime import datetime

from db import people, talks
from db.models import Client, Conversation, Relay
from domain.errors import Refusal
from domain.masking import masked_words
from domain.people import Actor, StaffMember
from services import access, audit, gaps, outbox
from services.gaps import EDITORS
from services.outbox import Button, Priority
from services.work import Work

_SHORTEST = 8  # "好的" is no answer
_OFFERED = 6
_TALKS = 8
_LOOKED_AT = 40


@dataclass(frozen=True, slots=True)
class GoodAnswer:
    """What a person of the house wrote, without personal data."""

    relay_id: int
    text: str


@dataclass(frozen=True, slots=True)
class ClosedTalk:
    """A conversation that ended: who spoke for the house, and what was asked first."""

    id: int
    ended_at: datetime
    writer: str
    question: str


@dataclass(frozen=True, slots=True)
class Offered:
    """Who wrote it; the gap that it made, or None while its writer is asked."""

    writer: str
    gap_id: int | None
    owner: str | None


async def lately(work: Work, who: Actor) -> list[ClosedTalk]:
    """Conversations that ended lately, in which staff wrote, of clients whom the speaker may see."""
    access.require(who, *EDITORS)
    found: list[ClosedTalk] = []
    for talk in await talks.ended_lately(work.session, _LOOKED_AT):
        if len(found) == _TALKS or not await _may_see(work, who, talk):
            continue
        said = await talks.said_by_staff(work.session, talk.id, talk.chat_id)
        if talk.staff_id is None or talk.ended_at is None or not said:
            continue
        asked = await talks.asked_before(work.session, talk.id, talk.chat_id, said[0].id)
        writer = await access.staff(work, talk.staff_id)
        question = masked_words(asked or "", await _names(work, talk))
        found.append(ClosedTalk(talk.id, talk.ended_at, writer.name, question))
    return found


async def _may_see(work: Work, who: Actor, talk: Conversation) -> bool:
    try:
        if talk.client_id is not None:
            await access.client_for(work, who, talk.client_id)
    except Refusal:
        return False
    return True


async def answers(work: Work, who: Actor, talk_id: int) -> list[GoodAnswer]:
    """The longest answers of staff in a closed conversation that the speaker had, or whose client they serve."""
    talk = await _closed(work, who, talk_id)
    names = await _names(work, talk)
    said = [r for r in await talks.said_by_staff(work.session, talk.id, talk.chat_id) if r.text]
    longest = sorted(said, key=lambda r: (-len(r.text or ""), r.id))[:_OFFERED]
    return [
        GoodAnswer(relay.id, masked_words(relay.text or "", names))
        for relay in sorted(longest, key=lambda r: r.id)
        if len(relay.text or "") >= _SHORTEST
    ]


async def offer(work: Work, who: Actor, talk_id: int, relay_id: int) -> Offered:
    """The speaker chose an answer: one's own is consented to by choosing it, somebody else's is asked for."""
    talk = await _closed(work, who, talk_id)
    relay, writer = await _written(work, talk, relay_id)
    assert who.staff is not None
    if writer.id == who.staff.id:
        return await _use(work, who, talk, relay, writer)
    if writer.chat_id is None:
        raise Refusal("not_found")
    args = {"talk": talk.id, "relay": relay.id}
    await outbox.say(
        work,
        writer.chat_id,
        "gap.ask_consent",
        priority=Priority.STAFF,
        dedupe=f"consent/{relay.id}",
        buttons=[
            [
                Button("gap.consent", "talk.consent", args),
                Button(
                    "gap.refuse_consent", "talk.refuse_consent", {"talk": talk.id, "asked_by": who.chat_id}
                ),
            ]
        ],
        by=who.staff.name,
        talk=talk.id,
        proposal=masked_words(relay.text or "", await _names(work, talk)),
    )
    await audit.note(work, who, "answer.consent_asked", f"talk:{talk.id}", of=writer.code)
    return Offered(writer.name, None, None)


async def consent(work: Work, who: Actor, talk_id: int, relay_id: int) -> Offered:
    """The writer agrees. Agreeing twice changes nothing."""
    staff = access.require(who)
    talk = await talks.locked(work.session, talk_id)
    if talk is None:
        raise Refusal("not_found")
    relay, writer = await _written(work, talk, relay_id)
    if writer.id != staff.id:
        raise Refusal("not_found")
    return await _use(work, who, talk, relay, writer)


async def refuse(work: Work, who: Actor, talk_id: int, asked_by: int) -> None:
    """The writer does not agree; whoever asked is told."""
    staff = access.require(who)
    await audit.note(work, who, "answer.consent_refused", f"talk:{talk_id}")
    await outbox.say(
        work,
        asked_by,
        "gap.consent_refused",
        priority=Priority.STAFF,
        dedupe=f"consent-refused/{talk_id}/{staff.id}",
        writer=staff.name,
        talk=talk_id,
    )


async def _use(work: Work, who: Actor, talk: Conversation, relay: Relay, writer: StaffMember) -> Offered:
    names = await _names(work, talk)
    proposal = masked_words(relay.text or "", names)
    if (there := await talks.gap_of(work.session, talk.id, proposal)) is not None:
        owner = await gaps.owner(work, there)
        return Offered(writer.name, there.id, owner.name if owner else None)
    asked = await talks.asked_before(work.session, talk.id, talk.chat_id, relay.id)
    question = masked_words(asked or proposal, names)[:500]
    await audit.note(work, who, "answer.consented", f"talk:{talk.id}")
    gap = await gaps.from_talk(work, who, talk.id, question, proposal)
    owner = await gaps.owner(work, gap)
    if owner is not None and owner.chat_id is not None:
        await outbox.say(
            work,
            owner.chat_id,
            "gap.from_talk",
            priority=Priority.STAFF,
            buttons=[[Button("gap.draft", "gap.draft", {"gap": gap.id})]],
            by=writer.name,
            talk=talk.id,
            question=question,
            proposal=proposal,
        )
    return Offered(writer.name, gap.id, owner.name if owner else None)


async def _closed(work: Work, who: Actor, talk_id: int) -> Conversation:
    """A closed conversation of the speaker, or of a client whom the speaker may see as an editor of the library."""
    staff = access.require(who)
    talk = await talks.locked(work.session, talk_id)
    if talk is None or talk.state == "open":
        raise Refusal("not_found")
    if talk.staff_id != staff.id:
        access.require(who, *EDITORS)
        if not await _may_see(work, who, talk):
            raise Refusal("not_found")
    return talk


async def _written(work: Work, talk: Conversation, relay_id: int) -> tuple[Relay, StaffMember]:
    relay = await work.session.get(Relay, relay_id)
    if relay is None or relay.conversation_id != talk.id or relay.from_chat == talk.chat_id or not relay.text:
        raise Refusal("not_found")
    writer = (await access.actor_of(work, relay.from_chat)).staff
    if writer is None:  # whoever wrote it has left the house and cannot agree
        raise Refusal("not_found")
    return relay, writer


async def _names(work: Work, talk: Conversation) -> list[str]:
    """The client's name, and those of the staff who spoke."""
    client = await work.session.get(Client, talk.client_id) if talk.client_id else None
    staff = await people.staff_with_chat(work.session, ids=[talk.staff_id]) if talk.staff_id else []
    return [*([client.name] if client else []), *(row.name for row, _, _ in staff)]
