"""Who a chat belongs to: invitations, the proof that the right person opened one, links and their end.

An invitation is single-use and expires; only the hash of its code is stored. A client proves the account's
last four digits and shares the own contact card; wrong tries of both are counted together.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from db import linking as rows
from db import people, talks
from db.models import Client, Invite, Link, Staff
from db.queues import next_number
from domain.errors import Refusal
from domain.identity import phone_number, proves, telegram_number
from domain.people import Actor, ClientRef, Role, StaffMember
from services import access, audit, chats, consents, contact, staff, withdrawals
from services.outbox import Button, Priority, say
from services.work import Work

DIALOG = "link"
ASKED_FOR_CONTACT = (DIALOG, "contact")
PERSONS = ("holder", "authorised")
# The letter that an employee's number begins with when none is given.
_LETTER = {
    Role.MANAGER: "M",
    Role.OFFICER: "S",
    Role.RISK: "R",
    Role.SUPERVISOR: "L",
    Role.COMPLIANCE: "C",
    Role.OPERATOR: "O",
}


class Step(StrEnum):
    """What a proof came to."""

    ASK_TAIL = "ask_tail"
    ASK_CONTACT = "ask_contact"
    WRONG_TAIL = "wrong_tail"
    WRONG_NUMBER = "wrong_number"
    NOT_OWN_CARD = "not_own_card"
    LOCKED = "locked"
    GONE = "gone"  # used, locked, expired or revoked meanwhile: ``why``
    LINKED = "linked"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Proof:
    """Where an opened invitation stands. ``left``: tries left; ``link_id`` and ``client`` once linked."""

    step: Step
    left: int = 0
    why: str = ""
    client: ClientRef | None = None
    link_id: int = 0
    staff: StaffMember | None = None


@dataclass(frozen=True, slots=True)
class LinkedChat:
    """A live link of an account, as staff see it: never with the Telegram id."""

    link_id: int
    client: ClientRef
    person: str
    since: datetime


# --- invitations ----------------------------------------------------------------------------------------


async def invite_client(
    work: Work, who: Actor | str, account: str, person: str = "holder", *, phone: str | None = None
) -> tuple[str, str]:
    """(code, deep link) of an invitation to an account. ``who``: the manager, or the operator's name.

    ``phone``: an authorised person's number, to be met by the contact card; the holder's is the register's.
    An earlier invitation of the holder ends; a holder who is linked already needs ``relink``.
    """
    client = await _client_to_invite(work, who, account)
    if person not in PERSONS:
        raise Refusal("invite_usage")
    if person == "holder":
        if any(link.person == "holder" for link in await people.client_links(work.session, [client.id])):
            raise Refusal("already_linked")
        await rows.revoke_invites(work.session, client_id=client.id, person="holder")
    number = phone_number(phone) if phone and person == "authorised" else None
    return await _new_invite(work, who, "client", client_id=client.id, person=person, phone=number)


async def relink(work: Work, who: Actor | str, account: str) -> tuple[str, str]:
    """(code, deep link) that moves the holder to another chat: once used, the old one is told and ended."""
    client = await _client_to_invite(work, who, account)
    await rows.revoke_invites(work.session, client_id=client.id, person="holder")
    return await _new_invite(work, who, "relink", client_id=client.id)


async def invite_staff(
    work: Work,
    who: Actor | str,
    *,
    name: str,
    role: Role,
    line: str,
    code: str | None = None,
    registration_no: str | None = None,
    lead: str | None = None,
    stand_in: str | None = None,
) -> tuple[str, str]:
    """(code, deep link) that makes a chat an employee's. A known employee number is invited again (a new
    phone, a new role); without a number the next one of the role is given.
    """
    row = await _employee(work, code.strip().upper() if code else None, role)
    row.name, row.role, row.line = name, str(role), line
    row.active = True
    row.registration_no = registration_no or row.registration_no
    if lead is not None:
        row.lead_id = (await staff.by_code(work, lead)).id
    if stand_in is not None:
        row.stand_in_id = (await staff.by_code(work, stand_in)).id
    await work.session.flush()
    await rows.revoke_invites(work.session, staff_id=row.id)
    return await _new_invite(work, who, "staff", staff_id=row.id)


async def expire_invitations(work: Work) -> None:
    """For the timetable: ends invitations whose time is over and tells who may renew them."""
    for invite in await rows.invites_past(work.session, work.now):
        await rows.settle_invite(work.session, invite.id, "expired")
        await audit.note(work, "timetable", "invite.expired", await _subject(work, invite), invite=invite.id)
        if invite.client_id is not None:
            client = await _client(work, invite.client_id)
            await staff.tell_keepers(
                work,
                client,
                "invite.expired_staff",
                buttons=[[_again(invite, client)]],
                dedupe=f"invite-expired/{invite.id}",
            )


async def _client_to_invite(work: Work, who: Actor | str, account: str) -> ClientRef:
    if isinstance(who, Actor):
        access.require(who, Role.MANAGER, Role.OPERATOR)
        return await access.client_by_account_for(work, who, account)
    row = await people.client_by_account(work.session, account.strip())
    if row is None:
        raise Refusal("not_found")
    return access.client_ref(row)


async def _employee(work: Work, code: str | None, role: Role) -> Staff:
    found = await people.staff_by_code(work.session, code) if code else None
    if found is not None:
        return found
    while code is None or await people.staff_by_code(work.session, code) is not None:
        number = await next_number(work.session, f"staff-{role}")
        code = f"{_LETTER[role]}{number:03d}"
    row = Staff(code=code, name="", role=str(role), line="", active=True, on_duty=True, created_at=work.now)
    work.session.add(row)
    return row


async def _new_invite(
    work: Work,
    who: Actor | str,
    kind: str,
    *,
    client_id: int | None = None,
    staff_id: int | None = None,
    person: str = "holder",
    phone: str | None = None,
) -> tuple[str, str]:
    code = work.deps.new_token(20)
    username = work.deps.bot_username()
    if not username:
        raise Refusal("bot_name_unknown")
    label = who if isinstance(who, str) else who.label
    invite = Invite(
        code_hash=_hash(code),
        kind=kind,
        client_id=client_id,
        staff_id=staff_id,
        person=person,
        phone=phone,
        made_by=label,
        made_at=work.now,
        expires_at=work.now + _lifetime(work, kind),
        tries=0,
        state="open",
    )
    work.session.add(invite)
    await work.session.flush()
    await audit.note(
        work, who, "invite.made", await _subject(work, invite), invite=invite.id, kind=kind, person=person
    )
    return code, f"https://t.me/{username}?start={code}"


def _lifetime(work: Work, kind: str) -> timedelta:
    invites = work.policy.invites
    return timedelta(hours=invites.staff_hours if kind == "staff" else invites.client_hours)


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


async def _subject(work: Work, invite: Invite) -> str:
    if invite.client_id is not None:
        return f"client:{invite.client_id}"
    employee = await work.session.get(Staff, invite.staff_id)
    assert employee is not None
    return f"staff:{employee.code}"


# --- opening and proof -----------------------------------------------------------------------------------


async def open(work: Work, who: Actor, code: str) -> Proof:
    """Opens an invitation: an employee is linked at once, a client is asked for the account's tail.

    Refuses with one sentence each: ``invite_unknown``, ``_used``, ``_locked``, ``_expired``, ``_revoked``,
    and ``invite_for_clients`` or ``invite_for_staff`` where the wrong person opens it.
    """
    invite = await rows.invite_by_hash(work.session, _hash(code))
    if invite is None:
        raise Refusal("invite_unknown")
    if invite.state == "used" and _made_this_speaker(invite, who):
        # Whoever presses START twice has what the invitation was for.
        if invite.staff_id is not None:
            return Proof(Step.STAFF, staff=who.staff)
        raise Refusal("linked_here_already")
    if why := _over(work, invite):
        raise Refusal(f"invite_{why}")
    if invite.staff_id is not None:
        return await _join(work, who, invite)
    if who.staff is not None:
        raise Refusal("invite_for_clients")
    if invite.kind == "client" and any(c.id == invite.client_id for c in who.clients):
        raise Refusal("linked_here_already")
    invite.opened_by = who.chat_id
    await _go_on(work, who, invite, "tail")
    await audit.note(work, who, "invite.opened", await _subject(work, invite), invite=invite.id)
    return Proof(Step.ASK_TAIL)


def _made_this_speaker(invite: Invite, who: Actor) -> bool:
    if invite.staff_id is not None:
        return who.staff is not None and who.staff.id == invite.staff_id
    return invite.opened_by == who.chat_id and any(c.id == invite.client_id for c in who.clients)


async def waiting_for(work: Work, who: Actor) -> str | None:
    """``tail`` or ``contact`` while this chat proves an invitation, else None."""
    dialog = await people.dialog(work.session, who.chat_id)
    if dialog is None or dialog.name != DIALOG or dialog.expires_at <= work.now:
        return None
    return dialog.step


async def prove_tail(work: Work, who: Actor, stated: str) -> Proof:
    """Checks the account's last four digits (or the whole number). A wrong try counts."""
    invite, why = await _invite_in_hand(work, who)
    if invite is None:
        return Proof(Step.GONE, why=why)
    client = await _client(work, invite.client_id)
    if not proves(stated, client.account):
        return await _wrong(work, who, invite, client, Step.WRONG_TAIL)
    await _go_on(work, who, invite, "contact")
    return Proof(Step.ASK_CONTACT)


async def share_contact(work: Work, who: Actor, phone: str, card_of: int | None) -> Proof:
    """Checks a contact card: ``card_of`` is its Telegram id, which must be the sender's; its number must be
    the register's, where the register has one. The last proof makes the link.
    """
    invite, why = await _invite_in_hand(work, who)
    if invite is None:
        return Proof(Step.GONE, why=why)
    client = await _client(work, invite.client_id)
    if await waiting_for(work, who) != "contact":
        return Proof(Step.ASK_TAIL)
    if card_of != who.chat_id:
        await audit.note(work, who, "link.card_refused", f"client:{client.id}", invite=invite.id)
        return Proof(Step.NOT_OWN_CARD)
    expected = invite.phone if invite.person == "authorised" else client.phone
    if expected and not hmac.compare_digest(phone_number(expected), telegram_number(phone)):
        proof = await _wrong(work, who, invite, client, Step.WRONG_NUMBER)
        if proof.step is Step.WRONG_NUMBER:
            await staff.tell_keepers(
                work,
                client,
                "invite.mismatch_staff",
                dedupe=f"invite-mismatch/{invite.id}",
            )
        return proof
    return await _link_client(work, who, invite, client, checked=bool(expected))


async def _invite_in_hand(work: Work, who: Actor) -> tuple[Invite | None, str]:
    """The invitation that this chat is proving; without one, why it is over."""
    dialog = await people.dialog(work.session, who.chat_id)
    if dialog is None or dialog.name != DIALOG:
        return None, "unknown"
    invite = await rows.invite_by_id(work.session, dialog.data["invite"])
    why = _over(work, invite) if invite is not None else "unknown"
    if why:
        await people.drop_dialog(work.session, who.chat_id)
        return None, why
    return invite, ""


def _over(work: Work, invite: Invite) -> str:
    """Why an invitation cannot be used, empty while it can."""
    if invite.state != "open":
        return invite.state
    return "expired" if invite.expires_at <= work.now else ""


async def _go_on(work: Work, who: Actor, invite: Invite, step: str) -> None:
    await rows.put_dialog(
        work.session,
        who.chat_id,
        name=DIALOG,
        step=step,
        data={"invite": invite.id},
        at=work.now,
        expires_at=invite.expires_at,
    )


async def _wrong(work: Work, who: Actor, invite: Invite, client: ClientRef, step: Step) -> Proof:
    invite.tries += 1
    left = work.policy.invites.tries - invite.tries
    await audit.note(work, who, f"link.{step}", f"client:{client.id}", invite=invite.id, tries=invite.tries)
    if left > 0:
        return Proof(step, left=left)
    invite.state = "locked"
    await people.drop_dialog(work.session, who.chat_id)
    await audit.note(work, who, "invite.locked", f"client:{client.id}", invite=invite.id)
    await staff.tell_keepers(
        work,
        client,
        "invite.locked_staff",
        buttons=[[_again(invite, client)]],
        dedupe=f"invite-locked/{invite.id}",
        tries=invite.tries,
    )
    return Proof(Step.LOCKED)


def _again(invite: Invite, client: ClientRef) -> Button:
    args = {"account": client.account, "person": invite.person, "kind": invite.kind}
    return Button("invite.again", "invite.again", args)


async def _client(work: Work, client_id: int | None) -> ClientRef:
    row = await work.session.get(Client, client_id)
    assert row is not None
    return access.client_ref(row)


# --- links made ------------------------------------------------------------------------------------------


async def _join(work: Work, who: Actor, invite: Invite) -> Proof:
    """Links a chat to an employee; an earlier chat of that employee ends and is told."""
    row = await work.session.get(Staff, invite.staff_id)
    assert row is not None
    if who.clients or (who.staff is not None and who.staff.id != row.id):
        raise Refusal("invite_for_staff")
    await rows.settle_invite(work.session, invite.id, "used")
    invite.opened_by = who.chat_id
    old = await rows.link_of_staff(work.session, row.id)
    if old is not None:
        await people.end_link(work.session, old.id, work.now, "moved")
        if old.chat_id != who.chat_id:
            await withdrawals.withdraw(work, old.chat_id, "unlinked")
            await chats.forget_menu(work, old.chat_id)
            await say(work, old.chat_id, "staff.moved", priority=Priority.STAFF)
    work.session.add(Link(channel="telegram", chat_id=who.chat_id, staff_id=row.id, since=work.now))
    await people.drop_dialog(work.session, who.chat_id)
    await work.session.flush()
    await audit.note(work, f"staff:{row.code}", "link.made", f"staff:{row.code}", invite=invite.id)
    await staff.tell_lead_of_new(work, row)
    return Proof(Step.STAFF, staff=await access.staff(work, row.id))


async def _link_client(work: Work, who: Actor, invite: Invite, client: ClientRef, *, checked: bool) -> Proof:
    """Links a chat to an account: the one place where an invitation is used up."""
    earlier = await people.client_links(work.session, [client.id])
    if invite.kind == "client" and invite.person == "holder" and any(x.person == "holder" for x in earlier):
        raise Refusal("invite_revoked")
    await rows.settle_invite(work.session, invite.id, "used")
    invite.opened_by = who.chat_id
    for link in earlier:
        if link.chat_id == who.chat_id or (invite.kind == "relink" and link.person == "holder"):
            await end_link(work, link, "moved")
            if link.chat_id != who.chat_id:
                await say(work, link.chat_id, "link.moved", account=client.account)
    link = Link(
        channel="telegram", chat_id=who.chat_id, client_id=client.id, person=invite.person, since=work.now
    )
    work.session.add(link)
    await people.drop_dialog(work.session, who.chat_id)
    await _speak_with(work, who.chat_id, client.id)
    await work.session.flush()
    await audit.note(
        work,
        f"client:{client.id}",
        "link.made",
        f"client:{client.id}",
        invite=invite.id,
        link=link.id,
        person=invite.person,
        number_checked=checked,
    )
    await staff.tell_keepers(
        work,
        client,
        "link.made_staff",
        person=invite.person,
        moved=invite.kind == "relink",
        checked=checked,
    )
    if invite.person == "authorised":
        for other in earlier:
            if other.person == "holder" and other.chat_id != who.chat_id:
                await say(work, other.chat_id, "link.authorised_added", account=client.account)
    return Proof(Step.LINKED, client=replace(client, person=invite.person), link_id=link.id)


async def _speak_with(work: Work, chat_id: int, client_id: int) -> None:
    """The chat speaks of the account, in the register's language unless the person chose one."""
    chat = await people.chat(work.session, chat_id)
    client = await work.session.get(Client, client_id)
    assert chat is not None
    assert client is not None
    chat.client_id = client_id
    if client.lang is not None and not chat.lang_chosen:
        chat.lang = client.lang


# --- links ended -----------------------------------------------------------------------------------------


async def unlink(work: Work, who: Actor, client_id: int) -> ClientRef | None:
    """The client ends the link between this chat and an account; None when it was ended already."""
    link = await rows.link_of_chat(work.session, who.chat_id, client_id)
    if link is None:
        return None
    client = consents.own(who, client_id)
    await end_link(work, link, "by client")
    await audit.note(work, who, "link.ended", f"client:{client_id}", link=link.id, by="client")
    await staff.tell_keepers(work, client, "link.ended_staff")
    return client


async def linked_chats(work: Work, who: Actor, account: str) -> tuple[ClientRef, list[LinkedChat]]:
    """The live links of a client whom the speaking employee looks after."""
    access.require(who, Role.MANAGER, Role.OPERATOR)
    client = await access.client_by_account_for(work, who, account)
    return client, [
        LinkedChat(link.id, client, link.person, link.since)
        for link in await people.client_links(work.session, [client.id])
    ]


async def unlink_chat(work: Work, who: Actor, link_id: int) -> ClientRef | None:
    """An employee ends a link of a client; that chat is told. None when it was ended already."""
    access.require(who, Role.MANAGER, Role.OPERATOR)
    link = await work.session.get(Link, link_id)
    if link is None or link.client_id is None:
        raise Refusal("not_found")
    client = await access.client_for(work, who, link.client_id)
    if link.until is not None:
        return None
    await end_link(work, link, "by staff")
    await audit.note(work, who, "link.ended", f"client:{client.id}", link=link.id, by="staff")
    await say(work, link.chat_id, "link.ended_by_house", account=client.account)
    return client


async def end_link(work: Work, link: Link, why: str) -> None:
    """Ends a client's link, the consents given in it, a conversation about the account in that chat, and what
    of the account is on its way there.
    """
    assert link.client_id is not None
    talk = await talks.open_in_chat(work.session, link.chat_id)
    if talk is not None and talk.client_id == link.client_id:
        await contact.end(work, await access.actor_of(work, link.chat_id))
    await people.end_link(work.session, link.id, work.now, why)
    await consents.end_all(work, link.chat_id, link.client_id)
    client = await _client(work, link.client_id)
    await withdrawals.withdraw(work, link.chat_id, "unlinked", account=client.account)
    chat = await people.chat(work.session, link.chat_id)
    if chat is not None and chat.client_id == link.client_id:
        chat.client_id = None
    if not await people.live_links(work.session, link.chat_id):
        await chats.forget_menu(work, link.chat_id)
