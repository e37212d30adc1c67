"""An employee leaves the house: out at once, and whoever was waiting for an answer is somebody else's at once."""

from db import linking as rows
from db import people
from domain.errors import Refusal
from domain.people import Actor
from services import audit, chats, contact, staff, tasks, withdrawals
from services.outbox import Priority, say
from services.staff import HandOver
from services.work import Work


async def disable(work: Work, who: Actor | str, code: str) -> HandOver:
    """Ends an employee's access and hands over what was under way; what there was.

    Conversations go to whoever is there, phone tasks to the pool, complaints are placed again by the clock.
    Assignments stay as they are until the register changes them: the stand-in answers.
    """
    row = await staff.by_code(work, code)
    if not row.active:
        raise Refusal("staff_disabled_already", staff_code=row.code)
    left = await staff.hand_over(work, row.id)
    row.active = False
    await rows.revoke_invites(work.session, staff_id=row.id)
    link = await rows.link_of_staff(work.session, row.id)
    if link is not None:
        await people.end_link(work.session, link.id, work.now, "disabled")
        await people.drop_dialog(work.session, link.chat_id)
        await chats.forget_menu(work, link.chat_id)
        await withdrawals.withdraw(work, link.chat_id, "disabled")
        await say(work, link.chat_id, "staff.disabled", priority=Priority.STAFF)
    await contact.hand_over(work, row.id)
    await tasks.hand_over(work, row.id)
    await audit.note(work, who, "staff.disabled", f"staff:{row.code}", linked=link is not None)
    await staff.tell_lead(work, row, "staff.left", left=left)
    return left
