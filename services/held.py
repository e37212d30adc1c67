"""Texts of staff that a guard rail keeps back: why, what may be done, and what compliance sees of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db import held as rows
from db import locks, people
from db.models import Dialog, HeldText
from domain.errors import Refusal
from domain.people import Actor, Role, StaffMember
from knowledge.guard_rails import Hit, Rail
from services import access, alerts, audit, outbox
from services.outbox import Button, Row
from services.work import Work

REVIEWERS = (Role.COMPLIANCE, Role.SUPERVISOR)
DIALOG = "held"
_KEPT = timedelta(hours=1)
_LEAST_REASON, _LONGEST_REASON = 4, 300


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A held text for the list of compliance: who, which rail, what became of it."""

    id: int
    at: datetime
    staff: str
    number: int
    rail: Rail
    words: str
    text: str
    state: str
    reason: str | None
    disputed: bool


def require_clean(work: Work, text: str) -> None:
    """Refuses a text of staff that meets a rail (``rail_met``), where it cannot be sent with a reason."""
    hit = work.deps.rails().of_staff(text)
    if hit is not None:
        raise Refusal("rail_met", rail=hit.rail, words=hit.words)


async def keep_back(
    work: Work, staff: StaffMember, talk_id: int, chat_id: int, message_id: int, text: str, *, is_file: bool
) -> bool:
    """Whether a text for a client is held. Its writer is told why, on the very message."""
    hit = work.deps.rails().of_staff(text)
    found = await rows.of_message(work.session, chat_id, message_id) if hit is not None else None
    if hit is None:
        return False
    if found is None:
        found = HeldText(
            at=work.now,
            staff_id=staff.id,
            conversation_id=talk_id,
            from_chat=chat_id,
            from_message=message_id,
            is_file=is_file,
            state="held",
        )
        work.session.add(found)
    found.text, found.rail, found.words = text, hit.rail.code, hit.words
    await work.session.flush()
    await audit.note(work, f"staff:{staff.code}", "rail.held", f"talk:{talk_id}", rail=hit.rail.code)
    await outbox.say(
        work,
        chat_id,
        "rail.held",
        reply_to=message_id,
        buttons=_choices(hit.rail, found.id),
        rail=hit.rail,
        words=hit.words,
        number=talk_id,
    )
    if hit.rail.staff == "refuse":
        await tell_compliance(work, hit, talk_id, by="staff", writer=staff.name)
    return True


def _choices(rail: Rail, held_id: int) -> list[Row]:
    args = {"held": held_id}
    last = [Button("rail.dispute", "rail.dispute", args), Button("rail.drop", "rail.drop", args)]
    return [[Button("rail.send", "rail.send", args)], last] if rail.staff == "hold" else [last]


async def ask_reason(work: Work, who: Actor, held_id: int) -> None:
    """The writer wants to send it all the same: the reason is asked for."""
    found = await own(work, who, held_id)
    if _rail(work, found).staff != "hold":
        raise Refusal("rail_never")
    await people.drop_dialog(work.session, who.chat_id)
    await work.session.flush()
    work.session.add(
        Dialog(
            chat_id=who.chat_id,
            name=DIALOG,
            step="reason",
            data={"held": held_id},
            updated_at=work.now,
            expires_at=work.now + _KEPT,
        )
    )


async def waits_for_reason(work: Work, who: Actor) -> int | None:
    """The held text whose reason the next words are."""
    found = await people.dialog(work.session, who.chat_id)
    if found is None or found.name != DIALOG or found.expires_at <= work.now:
        return None
    return int(found.data["held"])


async def reasoned(work: Work, who: Actor, held_id: int, reason: str) -> HeldText:
    """Stores why the text goes out; compliance is told. The caller sends it."""
    found = await own(work, who, held_id)
    rail = _rail(work, found)
    if rail.staff != "hold":
        raise Refusal("rail_never")
    words = reason.strip()
    if not _LEAST_REASON <= len(words) <= _LONGEST_REASON:
        raise Refusal("rail_reason", least=_LEAST_REASON, longest=_LONGEST_REASON)
    found.state, found.reason = "sent", words
    await people.drop_dialog(work.session, who.chat_id)
    await audit.note(work, who, "rail.sent_anyway", f"talk:{found.conversation_id}", rail=rail.code)
    assert who.staff is not None
    await tell_compliance(
        work, Hit(rail, found.words), found.conversation_id, by="sent", writer=who.staff.name, reason=words
    )
    return found


async def dispute(work: Work, who: Actor, held_id: int) -> bool:
    """The writer says that the rail is wrong: stored for review. False where it was said before."""
    found = await own(work, who, held_id, settled=True)
    if found.disputed_at is not None:
        return False
    found.disputed_at = work.now
    assert who.staff is not None
    await audit.note(
        work, who, "rail.disputed", f"talk:{found.conversation_id}", rail=found.rail, held=found.id
    )
    hit = Hit(_rail(work, found), found.words)
    await tell_compliance(work, hit, found.conversation_id, by="disputed", writer=who.staff.name)
    return True


async def drop(work: Work, who: Actor, held_id: int) -> None:
    """The writer gives the text up."""
    found = await own(work, who, held_id)
    found.state = "dropped"


async def rewritten(work: Work, who: Actor, message_id: int) -> HeldText | None:
    """The held text of a message that its writer has edited now."""
    found = await rows.of_message(work.session, who.chat_id, message_id)
    return found if found is not None and found.state == "held" else None


async def lines(work: Work, who: Actor) -> list[HeldLine]:
    """What was held and not reviewed, disputed first, for those who look after the rails."""
    access.require(who, *REVIEWERS)
    return [
        HeldLine(
            id=row.id,
            at=row.at,
            staff=name,
            number=row.conversation_id,
            rail=_rail(work, row),
            words=row.words,
            text=row.text,
            state=row.state,
            reason=row.reason,
            disputed=row.disputed_at is not None,
        )
        for row, name in await rows.unreviewed(work.session)
    ]


async def review(work: Work, who: Actor, ids: Sequence[int]) -> int:
    """Takes texts from the list, as seen; how many that was. Nobody reviews what they wrote themselves."""
    staff = access.require(who, *REVIEWERS)
    seen = [row for row in await rows.to_review(work.session, ids) if row.staff_id != staff.id]
    for row in seen:
        row.reviewed_at = work.now
        await audit.note(
            work, who, "rail.reviewed", f"talk:{row.conversation_id}", rail=row.rail, held=row.id
        )
    return len(seen)


async def own(work: Work, who: Actor, held_id: int, *, settled: bool = False) -> HeldText:
    """A held text of the speaker; one whose fate is settled only where ``settled`` allows it."""
    staff = access.require(who)
    found = await locks.locked(work.session, HeldText, held_id)
    if found is None or found.staff_id != staff.id:
        raise Refusal("not_found")
    if found.state != "held" and not settled:
        raise Refusal("rail_settled")
    return found


async def heard_from_client(work: Work, talk_id: int, text: str) -> None:
    """A client tells a person of something that compliance must hear of, whoever that person is."""
    hit = work.deps.rails().of_client(text)
    if hit is not None and hit.rail.client == "route":
        await tell_compliance(work, hit, talk_id, by="client")


async def tell_compliance(
    work: Work, hit: Hit, talk_id: int, *, by: str, writer: str | None = None, reason: str | None = None
) -> None:
    """Once for each conversation, category and occasion."""
    await alerts.roles(
        work,
        (Role.COMPLIANCE,),
        "rail.for_compliance",
        dedupe=f"rail/{talk_id}/{hit.rail.code}/{by}",
        rail=hit.rail,
        number=talk_id,
        by=by,
        writer=writer,
        reason=reason,
    )


def _rail(work: Work, found: HeldText) -> Rail:
    return work.deps.rails().named(found.rail)
