"""What staff do with complaints in chat: cards, prompts, the desk's list."""

from typing import Any

from telegram import Message, Update

from domain.complaints import asks_for_progress
from domain.people import StaffMember
from handlers.context import Context
from handlers.registry import ActionFn, Command, Press
from services import case_desk
from services.case_cards import CaseLine
from services.case_desk import Prompt
from services.casebook import File, category
from services.outbox import Button, Row

PAGE = 8
DESKS = ("officer", "supervisor", "compliance")


async def _from_staff(context: Context, message: Message) -> bool:
    """The employee's words for the prompt that stands, or a reply to a card. A reply to anything else is not ours."""
    text, file = message.text or message.caption or "", evidence(message)
    replied = message.reply_to_message
    case_id = None
    if replied is not None:
        words = replied.text or replied.caption or ""
        case_id = await case_desk.of_message(context.work, context.who, replied.message_id, words)
        if case_id is None:
            return False
    prompt = await case_desk.said(context.work, context.who, text, file, about=case_id)
    if prompt is not None:
        await _prompt(context, prompt)
        return True
    if case_id is None:
        return False
    await _ask_what_it_is(context, case_id, message, text, file)
    return True


async def _ask_what_it_is(
    context: Context, case_id: int, message: Message, text: str, file: File | None
) -> None:
    """A bare reply to a card: nothing reaches a client before the employee says what it is."""
    await case_desk.own(context.work, context.who, case_id)
    args = {
        "case": case_id,
        "text": text,
        "file": file.as_json() if file is not None else None,
        "source": message.message_id,
    }
    await context.reply(
        "case.what_is_it",
        buttons=[
            [
                Button("case.reply", "case.send", {**args, "as": "reply"}),
                Button("case.ask", "case.send", {**args, "as": "ask"}),
            ]
        ],
    )


async def _prompt(context: Context, prompt: Prompt) -> None:
    args = {"case": prompt.case_id}
    rows: list[Row] = [[Button("case.leave", "case.leave", args)]]
    if prompt.step == "confirm":
        rows = [
            [Button("case.confirm_close", "case.confirm_close", args)],
            [Button("case.rewrite", "case.close", args), Button("case.leave", "case.leave", args)],
        ]
    elif prompt.step in ("sent", "gone"):
        rows = [[Button("case.open", "case.open", args)]] if prompt.step == "sent" else []
    await context.reply(
        f"case.prompt_{prompt.step}",
        number=prompt.number,
        cause=prompt.cause,
        remedy=prompt.remedy,
        buttons=rows,
    )


async def show_desk(context: Context, first: int = 0) -> None:
    """The desk's list, a page of it."""
    found = await case_desk.of_desk(context.work, context.who)
    if not found:
        desk = str(context.who.staff.role) in DESKS if context.who.staff else False
        await context.reply("case.none", desk=desk)
        return
    page = found[first : first + PAGE]
    lines = [_desk_line(context, line) for line in page]
    rows: list[Row] = [
        [
            Button(
                f" {number} {line.number}{' · ' + line.owner if line.owner else ''}",
                "case.open",
                {"case": line.id},
            )
        ]
        for number, line in enumerate(page, first + 1)
    ]
    await context.reply(
        "case.list",
        lines=lines,
        first=first + 1,
        total=len(found),
        buttons=[*rows, *more(found, first)],
    )


def _desk_line(context: Context, line: CaseLine) -> dict[str, Any]:
    lang = context.who.lang
    return {
        "number": line.number,
        "major": line.severity == "major",
        "category": category(context.work, line.category).name[lang],
        "state": context.deps.phrases.label(f"case.state.{line.state}", lang),
        "tier": context.deps.policy.tier_name(line.tier, lang) if line.tier else None,
        "name": line.client_name,
        "account": line.account,
        "contacted": line.contacted,
        "due": line.due,
        "overdue": line.overdue,
        "owner": line.owner,
    }


async def pressed_open(context: Context, press: Press) -> None:
    await case_desk.card(context.work, context.who, press.args["case"])


async def pressed_files(context: Context, press: Press) -> None:
    count = await case_desk.files(context.work, context.who, press.args["case"])
    if not count:
        press.toast = context.deps.phrases.label("case.no_files", context.who.lang)


async def pressed_take(context: Context, press: Press) -> None:
    new = await case_desk.take(context.work, context.who, press.args["case"])
    label = "case.taken_now" if new else "case.taken_before"
    press.toast = context.deps.phrases.label(label, context.who.lang)


def _prompting(step: str) -> ActionFn:
    async def pressed(context: Context, press: Press) -> None:
        await _prompt(context, await case_desk.prompt(context.work, context.who, press.args["case"], step))

    return pressed


async def pressed_leave(context: Context, press: Press) -> None:
    """Leaves the prompt; nothing was sent."""
    await case_desk.leave(context.work, context.who)
    press.toast = context.deps.phrases.label("case.left", context.who.lang)


async def pressed_send(context: Context, press: Press) -> None:
    args = press.args
    file = File(**args["file"]) if args["file"] else None
    send = case_desk.ask if args["as"] == "ask" else case_desk.reply
    await send(context.work, context.who, args["case"], args["text"], file, source=args["source"])
    press.toast = context.deps.phrases.label("case.sent", context.who.lang)


async def pressed_phoned(context: Context, press: Press) -> None:
    await case_desk.phoned(context.work, context.who, press.args["case"])
    press.toast = context.deps.phrases.label("case.phoned_noted", context.who.lang)


async def pressed_confirm_close(context: Context, press: Press) -> None:
    closed = await case_desk.confirm_close(context.work, context.who, press.args["case"])
    label = "case.closed" if closed else "complaint.done_already"
    press.toast = context.deps.phrases.label(label, context.who.lang)


async def pressed_transfer(context: Context, press: Press) -> None:
    case_id = press.args["case"]
    found = await case_desk.targets(context.work, context.who, case_id)
    await context.reply(
        "case.transfer_whom", found=bool(found), buttons=[[_target(context, case_id, m)] for m in found[:8]]
    )


def _target(context: Context, case_id: int, member: StaffMember) -> Button:
    role = context.deps.phrases.label(f"role.{member.role}", context.who.lang)
    return Button(f" {member.name} · {role}", "case.hand", {"case": case_id, "to": member.id})


async def pressed_hand(context: Context, press: Press) -> None:
    name = await case_desk.transfer(context.work, context.who, press.args["case"], press.args["to"])
    press.toast = f"{context.deps.phrases.label('case.handed', context.who.lang)} {name}"


def evidence(message: Message) -> File | None:
    """What of a message is evidence: a photo, a document, a recording."""
    kinds = {
        "photo": message.photo[-1] if message.photo else None,
        "document": message.document,
        "video": message.video,
        "voice": message.voice,
        "audio": message.audio,
        "video_note": message.video_note,
    }
    for kind, found in kinds.items():
        if found is not None:
            return File(kind, found.file_id, message.chat.id, message.message_id)
    return None


def more(found: list[CaseLine], first: int) -> list[Row]:
    """The button that shows the rest of a list."""
    rest = len(found) - first - PAGE
    return [[Button("case.more", "complaint.list", {"from": first + PAGE})]] if rest > 0 else []


async def on_message(update: Update, context: Context) -> bool:
    """The employee's words for the prompt that stands, a reply to a card, or the number of a case."""
    message = update.effective_message
    if context.who.staff is None or message is None:
        return False
    if await _from_staff(context, message):
        return True
    number = asks_for_progress(message.text or "") if message.reply_to_message is None else None
    if not number:
        return False
    case_id = await case_desk.by_number(context.work, context.who, number)
    await case_desk.card(context.work, context.who, case_id)
    return True


COMMANDS: list[Command] = []
ACTIONS: dict[str, ActionFn] = {
    "case.open": pressed_open,
    "case.files": pressed_files,
    "case.take": pressed_take,
    "case.ask": _prompting("ask"),
    "case.reply": _prompting("reply"),
    "case.extend": _prompting("extend"),
    "case.close": _prompting("cause"),
    "case.leave": pressed_leave,
    "case.send": pressed_send,
    "case.phoned": pressed_phoned,
    "case.confirm_close": pressed_confirm_close,
    "case.transfer": pressed_transfer,
    "case.hand": pressed_hand,
}
