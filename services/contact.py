"""A client talks with a person: who gets the conversation, what is passed on, and what happens when nobody answers.

A conversation has one owner: the bot is silent while it is open. ``staff_id`` None means that the pool has it and
nobody took it yet; what the client says until then is kept and passed on to whoever takes it.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from db import locks, people, queues, talks
from db.models import Client, Conversation, OutboxMessage, Relay
from domain.errors import Refusal
from domain.people import Actor, ClientRef, Role, StaffMember
from services import access, audit, cases, held, outbox
from services.hours import emergency_hours, is_open, promised
from services.outbox import Button, Priority, Row
from services.work import Work

_NUMBER = re.compile(r"#(\d{1,9})\b")
_GATHER = timedelta(seconds=1)
_RECENTLY_ASKED = timedelta(days=1)  # older questions are not what the client comes with
_PUBLIC_PROMISE_TIER = "retail"


@dataclass(frozen=True, slots=True)
class Said:
    """A message to be passed on: its words, or a file that Telegram copies."""

    message_id: int
    text: str = ""
    media: str | None = None  # photo | video | document: what an album can hold; other files are copied
    file_id: str | None = None
    is_file: bool = False
    album: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """Who has the conversation and until when a reply is promised.

    An emergency that is not ``taken`` yet: ``staff`` was told of it, and with ``on_duty`` the people on duty were.
    """

    conversation_id: int
    staff: StaffMember | None
    promised_by: datetime
    already: bool = False
    open_now: bool = True
    emergency: str | None = None
    taken: bool = True
    on_duty: bool = False


# --- beginning ---------------------------------------------------------------------------------------------------


async def begin(work: Work, who: Actor, *, said: str = "", emergency: str | None = None) -> Begun:
    """Opens the client's conversation with the account manager, the stand-in or the pool; an open one is kept.

    An emergency goes to whoever is on duty for it as well, and the first to take it has it.
    """
    if who.staff is not None:
        raise Refusal("staff_no_talk")
    running = await talks.locked_in_chat(work.session, who.chat_id)
    if running is not None:
        if emergency is not None:
            await _becomes_emergency(work, running, emergency, said)
        return await _as_begun(work, running, already=True)
    staff = await _whoever_is_there(work, who.client) if emergency is None else None
    conversation = Conversation(
        chat_id=who.chat_id,
        client_id=who.client.id if who.client else None,
        staff_id=staff.id if staff else None,
        state="open",
        emergency=emergency,
        opened_at=work.now,
        promised_by=_promise(work, who.client, emergency),
        last_at=work.now,
    )
    work.session.add(conversation)
    await work.session.flush()
    await _show_card(work, conversation, said=said)
    await audit.note(
        work,
        who,
        "talk.opened",
        f"talk:{conversation.id}",
        staff=staff.code if staff else "pool",
        emergency=emergency,
    )
    return await _as_begun(work, conversation)


def _promise(work: Work, client: ClientRef | None, emergency: str | None) -> datetime:
    """The tier's time; in an emergency the same for everybody."""
    if emergency is not None:
        return promised(work, work.policy.talk.emergency.promise_minutes, emergency_hours(work.policy))
    tier = client.tier if client else _PUBLIC_PROMISE_TIER
    return promised(work, work.policy.tiers[tier].promise_minutes)  # type: ignore[index]


async def _as_begun(work: Work, conversation: Conversation, *, already: bool = False) -> Begun:
    emergency = conversation.emergency
    if conversation.staff_id is not None:
        staff: StaffMember | None = await access.staff(work, conversation.staff_id)
    else:
        staff = await _whoever_is_there(work, await _client(work, conversation)) if emergency else None
    return Begun(
        conversation.id,
        staff,
        conversation.promised_by,
        already=already,
        open_now=is_open(work, emergency_hours(work.policy) if emergency else None),
        emergency=emergency,
        taken=conversation.staff_id is not None,
        on_duty=emergency is not None and bool(await _on_duty(work)),
    )


async def _becomes_emergency(work: Work, conversation: Conversation, emergency: str, said: str) -> bool:
    """A conversation that nobody answered yet turns out to be an emergency: it goes to more people, and the first to
    answer or to take it has it. False where that changes nothing.
    """
    if conversation.emergency is not None or conversation.first_reply_at is not None:
        return False
    conversation.emergency = emergency
    conversation.staff_id = None
    conversation.promised_by = min(conversation.promised_by, _promise(work, None, emergency))
    await _show_card(work, conversation, said=said)
    await audit.note(work, "system", "talk.emergency", f"talk:{conversation.id}", emergency=emergency)
    return True


async def _client(work: Work, conversation: Conversation) -> ClientRef | None:
    client = await work.session.get(Client, conversation.client_id) if conversation.client_id else None
    return access.client_ref(client) if client else None


async def _on_duty(work: Work) -> list[StaffMember]:
    """Who is on duty for emergencies and at work."""
    roles = [Role(role) for role in work.policy.talk.emergency.roles]
    return [member for member in await access.staff_in(work, roles) if member.present(work.today)]


async def _takers(work: Work, conversation: Conversation) -> list[StaffMember]:
    """Who gets the card: the owner, else the pool; in an emergency the people on duty and the client's own."""
    if conversation.staff_id is not None:
        return [await access.staff(work, conversation.staff_id)]
    if conversation.emergency is None:
        return await _pool(work)
    own = await _whoever_is_there(work, await _client(work, conversation))
    on_duty = await _on_duty(work) or await _pool(work)
    return list({member.id: member for member in (*on_duty, *([own] if own else []))}.values())


async def _whoever_is_there(
    work: Work, client: ClientRef | None, *, without: int | None = None
) -> StaffMember | None:
    """The account manager, else the stand-in, else the service officer; None is the pool."""
    if client is None:
        return None
    candidates: list[StaffMember] = []
    for kind in ("manager", "officer"):
        keeper = await access.keeper(work, client.id, kind)
        if keeper is not None:
            candidates.append(keeper)
            if keeper.stand_in_id is not None:
                candidates.append(await access.staff(work, keeper.stand_in_id))
    return next((c for c in candidates if c.id != without and c.present(work.today)), None)


async def _pool(work: Work) -> list[StaffMember]:
    """Service officers at work; supervisors where there are none; every officer's chat where nobody is at work."""
    officers = [s for s in await access.staff_in(work, (Role.OFFICER,)) if s.chat_id is not None]
    supervisors = [s for s in await access.staff_in(work, (Role.SUPERVISOR,)) if s.chat_id is not None]
    present = [s for s in officers if s.present(work.today)]
    return present or [s for s in supervisors if s.present(work.today)] or officers or supervisors


async def _show_card(
    work: Work, conversation: Conversation, *, overdue: bool = False, said: str = ""
) -> None:
    """The client card, to everybody who may take the conversation or has it."""
    facts = await _card(work, conversation)
    emergency = conversation.emergency
    taken = conversation.staff_id is not None
    for member in await _takers(work, conversation):
        if member.chat_id is None:
            continue
        lang = await outbox.language(work, member.chat_id)
        await outbox.say(
            work,
            member.chat_id,
            "talk.card",
            lang=lang,
            buttons=_card_buttons(conversation),
            priority=Priority.DIALOGUE if overdue or emergency else Priority.STAFF,
            about={"talk_card": conversation.id},
            urgent=overdue or emergency is not None,
            emergency=work.deps.phrases.label(f"emergency.{emergency}", lang) if emergency else None,
            said=said,
            taken=taken,
            number=conversation.id,
            cases=await cases.count_known_to(work, member, conversation.client_id),
            promised_by=conversation.promised_by,
            tier=work.policy.tier_name(facts["tier"], lang) if facts["tier"] else None,
            level=work.deps.phrases.label(f"level.{facts['level']}", lang) if facts["level"] else None,
            **{k: v for k, v in facts.items() if k not in ("tier", "level")},
        )


async def _card(work: Work, conversation: Conversation) -> dict[str, Any]:
    client = await work.session.get(Client, conversation.client_id) if conversation.client_id else None
    known = await talks.card_facts(
        work.session,
        conversation.chat_id,
        client.account if client else None,
        since=conversation.opened_at - _RECENTLY_ASKED,
    )
    return {
        **known,
        "name": work.shown_name(client.name) if client else None,
        "account": client.account if client else None,
        "tier": client.tier if client else None,
    }


def _card_buttons(conversation: Conversation) -> list[Row]:
    args = {"talk": conversation.id}
    if conversation.staff_id is None:
        return [[Button("talk.take", "contact.take", args)]]
    return [[Button("talk.pass_on", "contact.pass_on", args), Button("talk.end", "contact.end", args)]]


async def take(work: Work, who: Actor, conversation_id: int) -> None:
    """A member of the pool takes a conversation; the second to press learns who has it."""
    staff = access.require(who)
    conversation = await talks.locked(work.session, conversation_id)
    if conversation is None or conversation.state != "open":
        raise Refusal("talk_ended")
    if conversation.staff_id == staff.id:
        return
    if conversation.staff_id is not None:
        raise Refusal("talk_taken")
    if staff not in await _takers(work, conversation) and staff.role not in (
        Role.OFFICER,
        Role.SUPERVISOR,
        Role.MANAGER,
    ):
        raise Refusal("not_for_you")
    await _give_to(work, conversation, staff)
    await audit.note(work, who, "talk.taken", f"talk:{conversation.id}")


async def pass_on(work: Work, who: Actor, conversation_id: int) -> None:
    """The owner hands the conversation to the stand-in or the pool; the client is told."""
    conversation = await _own(work, who, conversation_id)
    await _elsewhere(work, conversation, "talk.passed_on")
    await audit.note(work, who, "talk.passed_on", f"talk:{conversation.id}")


async def hand_over(work: Work, staff_id: int) -> None:
    """Whatever an employee who left was talking about is somebody else's from now on; the clients are told."""
    for found in await talks.open_of_staff(work.session, staff_id):
        conversation = await talks.locked(work.session, found.id)
        if conversation is not None and conversation.staff_id == staff_id:
            await _elsewhere(work, conversation, "talk.passed_on")


async def _elsewhere(work: Work, conversation: Conversation, told: str) -> None:
    """Somebody else's from now on: the next who is there, else the pool."""
    client = await _client(work, conversation)
    successor = await _whoever_is_there(work, client, without=conversation.staff_id)
    conversation.staff_id = None
    if successor is not None:
        await _give_to(work, conversation, successor, told=told)
    else:
        await outbox.say(work, conversation.chat_id, told, staff=None, registration=None)
    await _show_card(work, conversation)


async def _give_to(
    work: Work, conversation: Conversation, staff: StaffMember, told: str = "talk.taken"
) -> None:
    conversation.staff_id = staff.id
    await outbox.say(work, conversation.chat_id, told, staff=staff.name, registration=staff.registration_no)
    assert staff.chat_id is not None
    for waiting in await talks.waiting_for_taker(work.session, conversation.id):
        waiting.to_chat = staff.chat_id
        said = Said(waiting.from_message, waiting.text or "", is_file=waiting.text is None)
        waiting.outbox_id = await _pass_to_staff(work, conversation, staff.chat_id, said, waiting.id)


# --- talking ----------------------------------------------------------------------------------------------------


async def client_says(work: Work, who: Actor, said: Said) -> bool:
    """Passes a client's message on; False when no person has the conversation."""
    conversation = await talks.locked_in_chat(work.session, who.chat_id)
    if conversation is None:
        return False
    conversation.last_at = work.now
    await held.heard_from_client(work, conversation.id, said.text)
    await _listen_for_emergency(work, who, conversation, said)
    if conversation.staff_id is not None:
        owner = await access.staff(work, conversation.staff_id)
        if not owner.present(work.today):
            await _elsewhere(work, conversation, "talk.absent")
    if conversation.staff_id is None:
        await _relay(work, conversation, who.chat_id, 0, said)
        return True
    owner = await access.staff(work, conversation.staff_id)
    assert owner.chat_id is not None
    relay = await _relay(work, conversation, who.chat_id, owner.chat_id, said)
    relay.outbox_id = await _pass_to_staff(work, conversation, owner.chat_id, said, relay.id)
    return True


async def _listen_for_emergency(work: Work, who: Actor, conversation: Conversation, said: Said) -> None:
    """Whoever waits for the first reply and writes of an emergency is heard at once, and told so."""
    if conversation.emergency is not None or conversation.first_reply_at is not None or not said.text:
        return
    emergency = work.deps.library().ask(said.text).emergency
    if emergency is not None and await _becomes_emergency(work, conversation, emergency, said.text):
        begun = await _as_begun(work, conversation)
        facts = begun_facts(work, begun, who.lang)
        await outbox.say(work, who.chat_id, "talk.emergency", lang=who.lang, **facts)


def begun_facts(work: Work, begun: Begun, lang: str) -> dict[str, Any]:
    """Who has a conversation and until when, in the words of a client's language."""
    staff = begun.staff
    return {
        "staff": staff.name if staff else None,
        "role": work.deps.phrases.label(f"role.{staff.role}", lang) if staff else None,
        "registration": staff.registration_no if staff else None,
        "promised_by": begun.promised_by,
        "open_now": begun.open_now,
        "emergency": begun.emergency,
        "on_duty": begun.on_duty,
    }


async def _relay(work: Work, conversation: Conversation, from_chat: int, to_chat: int, said: Said) -> Relay:
    relay = Relay(
        conversation_id=conversation.id,
        at=work.now,
        from_chat=from_chat,
        from_message=said.message_id,
        to_chat=to_chat,
        text=said.text if not said.is_file else None,
    )
    work.session.add(relay)
    await work.session.flush()
    return relay


async def _pass_to_staff(
    work: Work, conversation: Conversation, chat_id: int, said: Said, relay_id: int
) -> int | None:
    client = await work.session.get(Client, conversation.client_id) if conversation.client_id else None
    name = work.shown_name(client.name) if client else None
    account = client.account if client else None
    if said.is_file:
        return await _pass_file(work, conversation.chat_id, chat_id, said, relay_id, account)
    return await outbox.say(
        work,
        chat_id,
        "talk.from_client",
        about={"relays": [relay_id]},
        name=name,
        account=account,
        number=conversation.id,
        text=said.text,
    )


async def _pass_file(
    work: Work, from_chat: int, to_chat: int, said: Said, relay_id: int, account: str | None
) -> int | None:
    if said.album is not None and said.media is not None:
        return await _gather(work, to_chat, said, relay_id, account)
    body = {"from_chat": from_chat, "message_id": said.message_id}
    return await outbox.put(work, to_chat, "copy", body, about={"relays": [relay_id]}, account=account)


async def _gather(work: Work, to_chat: int, said: Said, relay_id: int, account: str | None) -> int | None:
    """Pictures of an album come one by one: they wait a second for each other and leave together."""
    item = {"type": said.media, "media": said.file_id, "caption": said.text or None}
    key = f"album/{said.album}/{to_chat}"
    gathering = await talks.pending_album(work.session, key)
    if gathering is not None and len(gathering.body["media"]) < 10:
        gathering.body = {"media": [*gathering.body["media"], item]}
        gathering.about = {"relays": [*(gathering.about or {})["relays"], relay_id]}
        gathering.not_before = work.deps.wall() + _GATHER
        return gathering.id
    body, about = {"media": [item]}, {"relays": [relay_id]}
    added = await outbox.put(work, to_chat, "album", body, dedupe=key, about=about, account=account)
    if added is None:  # the album has left already: a straggler goes alone
        added = await outbox.put(work, to_chat, "album", body, about=about, account=account)
    assert added is not None
    await queues.set_messages(work.session, [added], not_before=work.deps.wall() + _GATHER)
    return added


async def staff_says(
    work: Work, who: Actor, said: Said, *, reply_to: int | None, replied_text: str = ""
) -> Conversation | None:
    """Passes a reply of staff to its client; None when it is not clear whom it is for."""
    staff = access.require(who)
    conversation = await _meant(work, staff, who.chat_id, reply_to, replied_text)
    if conversation is None:
        return None
    if conversation.state != "open":
        raise Refusal("talk_ended")
    if conversation.staff_id is None:
        await _give_to(work, conversation, staff)
    elif conversation.staff_id != staff.id:
        raise Refusal("talk_taken")
    await _to_client(work, conversation, staff, who.chat_id, said)
    return conversation


async def send_to(work: Work, who: Actor, conversation_id: int, said: Said) -> bool:
    """Sends a message whose client was asked for by buttons; False where a guard rail keeps it back."""
    staff = access.require(who)
    conversation = await _own(work, who, conversation_id)
    if await talks.relays_from(work.session, who.chat_id, said.message_id):
        return True
    return await _to_client(work, conversation, staff, who.chat_id, said)


async def send_held(work: Work, who: Actor, held_id: int, reason: str) -> None:
    """Sends a text that a guard rail kept back, for the reason that its writer gives."""
    staff = access.require(who)
    found = await held.reasoned(work, who, held_id, reason)
    conversation = await _own(work, who, found.conversation_id)
    said = Said(found.from_message, found.text, is_file=found.is_file)
    await _to_client(work, conversation, staff, who.chat_id, said, reasoned=True)


async def _to_client(
    work: Work,
    conversation: Conversation,
    staff: StaffMember,
    from_chat: int,
    said: Said,
    *,
    reasoned: bool = False,
) -> bool:
    """Passes a message on; False where a guard rail keeps it back."""
    if not reasoned and await held.keep_back(
        work, staff, conversation.id, from_chat, said.message_id, said.text, is_file=said.is_file
    ):
        return False
    conversation.last_at = work.now
    conversation.first_reply_at = conversation.first_reply_at or work.now
    relay = await _relay(work, conversation, from_chat, conversation.chat_id, said)
    client = await work.session.get(Client, conversation.client_id) if conversation.client_id else None
    account = client.account if client else None
    if said.is_file:
        relay.outbox_id = await _pass_file(work, from_chat, conversation.chat_id, said, relay.id, account)
        return True
    relay.outbox_id = await outbox.say(
        work,
        conversation.chat_id,
        "talk.from_staff",
        about={"relays": [relay.id]},
        name=staff.name,
        role=work.deps.phrases.label(f"role.{staff.role}", await outbox.language(work, conversation.chat_id)),
        account=account,
        text=said.text,
    )
    return True


async def _meant(
    work: Work, staff: StaffMember, chat_id: int, reply_to: int | None, replied_text: str
) -> Conversation | None:
    """By the message that was replied to; a copy whose number was lost in a kill still carries its conversation's."""
    if reply_to is None:
        return None
    relay = await talks.relay_to(work.session, chat_id, reply_to)
    if relay is not None:
        return await talks.locked(work.session, relay.conversation_id)
    card = await queues.message_at(work.session, chat_id, reply_to)
    number = (card.about or {}).get("talk_card") if card else None
    if number is None and (found := _NUMBER.search(replied_text)):
        number = int(found[1])
    conversation = await talks.locked(work.session, number) if number is not None else None
    if conversation is None or conversation.staff_id not in (None, staff.id):
        return None
    return conversation


async def open_talks(work: Work, who: Actor) -> list[tuple[int, str]]:
    """(number, masked name) of the speaker's open conversations."""
    staff = access.require(who)
    found = []
    for conversation in await talks.open_of_staff(work.session, staff.id):
        client = await work.session.get(Client, conversation.client_id) if conversation.client_id else None
        found.append((conversation.id, work.shown_name(client.name) if client else ""))
    return found


async def edited(work: Work, who: Actor, message_id: int, text: str, *, is_caption: bool) -> None:
    """An edit travels to the copies, and both editions are kept."""
    copies = await talks.relays_from(work.session, who.chat_id, message_id)
    if not copies:
        await _rewritten(work, who, message_id, text)
        return
    latest = copies[-1]
    conversation = await talks.locked(work.session, latest.conversation_id)
    if conversation is None or latest.text == text or conversation.state != "open":
        return
    if who.staff is not None and await held.keep_back(
        work, who.staff, conversation.id, who.chat_id, message_id, text, is_file=False
    ):
        return
    edition = latest.edition + 1
    copy = Relay(
        conversation_id=latest.conversation_id,
        at=work.now,
        from_chat=latest.from_chat,
        from_message=message_id,
        to_chat=latest.to_chat,
        to_message=latest.to_message,
        outbox_id=latest.outbox_id,
        edition=edition,
        text=text,
    )
    work.session.add(copy)
    if latest.to_chat != 0:
        await _pass_edition(work, conversation, copy, who, is_caption=is_caption)


async def _pass_edition(
    work: Work, conversation: Conversation, edition: Relay, who: Actor, *, is_caption: bool
) -> None:
    """The new words go to where the copy stands, or into the copy while it waits to leave."""
    text = edition.text or ""
    name, facts = await _edit_words(work, conversation, who, text)
    lang = await outbox.language(work, edition.to_chat)
    html = work.deps.phrases.text(name, lang, **facts)
    if edition.to_message is None:
        await _edit_in_outbox(work, edition.outbox_id, html)
        return
    words = work.deps.phrases.text("talk.caption", lang, text=text) if is_caption else html
    body = {"html": words, "message_id": edition.to_message}
    method, account = "edit_caption" if is_caption else "edit", facts.get("account")
    await outbox.put(work, edition.to_chat, method, body, account=account)


async def _rewritten(work: Work, who: Actor, message_id: int, text: str) -> None:
    """A text that was kept back is written anew: it goes out where it meets no rail any more."""
    found = await held.rewritten(work, who, message_id) if who.staff is not None else None
    if found is None or who.staff is None:
        return
    conversation = await _own(work, who, found.conversation_id)
    said = Said(message_id, text, is_file=found.is_file)
    if await _to_client(work, conversation, who.staff, who.chat_id, said):
        found.state = "edited"
        await outbox.say(work, who.chat_id, "rail.sent")


async def _edit_words(
    work: Work, conversation: Conversation, who: Actor, text: str
) -> tuple[str, dict[str, Any]]:
    if who.staff is not None:
        role = work.deps.phrases.label(
            f"role.{who.staff.role}", await outbox.language(work, conversation.chat_id)
        )
        return "talk.from_staff", {"name": who.staff.name, "role": role, "text": text, "edited": True}
    client = await work.session.get(Client, conversation.client_id) if conversation.client_id else None
    return "talk.from_client", {
        "name": work.shown_name(client.name) if client else None,
        "account": client.account if client else None,
        "number": conversation.id,
        "text": text,
        "edited": True,
    }


async def _edit_in_outbox(work: Work, outbox_id: int | None, html: str) -> None:
    """The copy has not left yet: it leaves with the new words."""
    row = await locks.locked(work.session, OutboxMessage, outbox_id) if outbox_id else None
    if row is not None and row.state == "pending" and "html" in row.body:
        row.body = {**row.body, "html": html}


# --- ending ---------------------------------------------------------------------------------------------------------


async def end(work: Work, who: Actor, conversation_id: int | None = None) -> bool:
    """Either side ends the conversation; False when there was none to end."""
    if who.staff is not None and conversation_id is not None:
        conversation: Conversation | None = await _own(work, who, conversation_id)
    else:
        conversation = await talks.locked_in_chat(work.session, who.chat_id)
    if conversation is None or conversation.state != "open":
        return False
    await _end(work, conversation, who.label)
    return True


async def _end(work: Work, conversation: Conversation, by: str) -> None:
    conversation.state, conversation.ended_at, conversation.ended_by = "ended", work.now, by
    lang = await outbox.language(work, conversation.chat_id)
    menu = [[Button("ask.menu", "start.menu"), Button("ask.complain", "complaint.begin")]]
    await outbox.say(
        work, conversation.chat_id, "talk.ended_client", lang=lang, buttons=menu, idle=by == "idle"
    )
    if conversation.staff_id is not None:
        owner = await access.staff(work, conversation.staff_id)
        if owner.chat_id is not None:
            await outbox.say(
                work,
                owner.chat_id,
                "talk.ended_staff",
                buttons=[[Button("gap.offer_answer", "talk.answers", {"talk": conversation.id})]],
                number=conversation.id,
                idle=by == "idle",
            )
    await audit.note(work, by, "talk.ended", f"talk:{conversation.id}")


async def _own(work: Work, who: Actor, conversation_id: int) -> Conversation:
    staff = access.require(who)
    conversation = await talks.locked(work.session, conversation_id)
    if conversation is None or conversation.staff_id != staff.id:
        raise Refusal("not_found")
    if conversation.state != "open":
        raise Refusal("talk_ended")
    return conversation


# --- by the clock, and when something could not be sent ---------------------------------------------------------------


async def remind(work: Work) -> None:
    """No reply by the promised time: the owner is reminded once; later somebody else gets the conversation."""
    wait = timedelta(minutes=work.policy.talk.reminder_minutes)
    for conversation in await talks.unanswered_since(work.session, work.now):
        if conversation.reminded == 0:
            conversation.reminded = 1
            await _show_card(work, conversation, overdue=True)
        elif (
            conversation.reminded == 1
            and work.now >= conversation.promised_by + wait
            and is_open(work, emergency_hours(work.policy) if conversation.emergency else None)
        ):
            conversation.reminded = 2
            await _elsewhere(work, conversation, "talk.waited_long")


async def end_idle(work: Work) -> None:
    """Nobody spoke for long: the bot answers again, and both are told."""
    before = work.now - timedelta(minutes=work.policy.talk.idle_minutes)
    for conversation in await talks.idle_since(work.session, before):
        await _end(work, conversation, "idle")


async def relays_sent(work: Work, relay_ids: Any, message_ids: list[int]) -> None:
    """Outcome: the copies stand in the other chat under these numbers. What was edited on the way follows."""
    await talks.set_relays(work.session, list(relay_ids), message_ids)
    for relay_id in relay_ids:
        found = await talks.edited_on_the_way(work.session, relay_id)
        if found is not None:
            first, latest = found
            conversation = await talks.locked(work.session, first.conversation_id)
            assert conversation is not None
            who = await access.actor_of(work, first.from_chat)
            await _pass_edition(work, conversation, latest, who, is_caption=first.text is None)


async def relays_failed(work: Work, relay_ids: Any, state: str, reason: str) -> None:
    """Outcome: a copy never arrived. Staff are told on the very message; a client's message finds somebody else."""
    relay = await work.session.get(Relay, relay_ids[0])
    conversation = await talks.locked(work.session, relay.conversation_id) if relay else None
    if relay is None or conversation is None:
        return
    if relay.to_chat == conversation.chat_id:
        await outbox.say(
            work,
            relay.from_chat,
            "talk.not_delivered",
            reply_to=relay.from_message,
            blocked=state == "blocked",
            held=state == "held",
            number=conversation.id,
        )
    elif conversation.state == "open":
        relay.to_chat, relay.to_message = 0, None
        await _elsewhere(work, conversation, "talk.absent")


async def card_failed(work: Work, conversation_id: int, state: str, _reason: str) -> None:
    """Outcome: the card could not be shown to its owner, who blocked the bot: somebody else gets it."""
    conversation = await talks.locked(work.session, conversation_id)
    if (
        conversation is not None
        and conversation.state == "open"
        and conversation.staff_id is not None
        and state == "blocked"
    ):
        owner = await people.staff_with_chat(work.session, ids=[conversation.staff_id])
        if owner and owner[0][2] is not None:
            await _elsewhere(work, conversation, "talk.absent")
