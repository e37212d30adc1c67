"""Complaints in chat, the client's side: the guided filing, the own cases, adding, reopening, rating."""

from typing import Any

from telegram import Message, Update

from domain.complaints import asks_for_progress
from domain.knowledge import Answer, Severity
from handlers.cases import DESKS, PAGE, evidence, more, show_desk
from handlers.context import Context
from handlers.registry import CLIENT, PUBLIC, ActionFn, Command, Press
from services import cases, drafts
from services.casebook import category
from services.cases import CaseState, Heard, Receipt
from services.drafts import Draft, Taken
from services.outbox import Button, Row

_MENU = Button("ask.menu", "start.menu")
_HUMAN = Button("ask.human", "contact.begin")


# --- the guided filing ----------------------------------------------------------------------------------------------


async def begin(
    context: Context, said: str = "", answer: Answer | None = None, *, earlier: str | None = None
) -> None:
    """Starts the guided filing, or offers to go on with the one that is there; the words said are kept either way."""
    work, who = context.work, context.who
    standing = await drafts.current(work, who)
    if standing is not None:
        if said:
            standing = await drafts.note(work, who, said)
        await _offer_resume(context, standing)
        return
    draft = await drafts.begin(
        work,
        who,
        said=said,
        category=str(answer.category) if answer is not None and answer.category else None,
        major=answer is not None and answer.severity is Severity.MAJOR,
        earlier=earlier,
    )
    await context.reply(
        "complaint.begun",
        category=_category(context, draft.category) if draft.category else None,
        noted=bool(draft.facts),
        earlier=earlier,
        hours=context.deps.policy.complaints.resume_hours,
    )
    await _show(context, draft)


async def _offer_resume(context: Context, draft: Draft) -> None:
    args = {"d": draft.id}
    await context.reply(
        "complaint.resume",
        category=_category(context, draft.category) if draft.category else None,
        facts=draft.facts,
        files=len(draft.files),
        buttons=[
            [Button("complaint.go_on", "complaint.resume", args)],
            [
                Button("complaint.anew", "complaint.anew", args),
                Button("complaint.drop", "complaint.drop", args),
            ],
        ],
    )


async def _show(context: Context, draft: Draft) -> None:
    """The open question of a draft, with its buttons."""
    rows, facts = await _question(context, draft)
    args = {"d": draft.id, "s": draft.step}
    last: list[Button] = [Button("complaint.drop", "complaint.drop", {"d": draft.id})]
    if draft.step != draft.steps[0]:
        last.insert(0, Button("complaint.back", "complaint.back", args))
    at, of = draft.number_of_step
    await context.reply(f"complaint.{draft.step}", at=at, of=of, buttons=[*rows, last], **facts)


async def _question(context: Context, draft: Draft) -> tuple[list[Row], dict[str, Any]]:
    args = {"d": draft.id, "s": draft.step}
    match draft.step:
        case "category":
            return _categories(context, draft), {}
        case "account":
            ending = context.deps.phrases.label("account.ending", context.who.lang)
            return [
                [_choice(draft, f" {ending} {client.account[-4:]}", client.id)]
                for client in context.who.clients
            ], {}
        case "reach":
            return [[_choice(draft, "complaint.reach_here", None)]], {}
        case "about":
            return await _people(context, draft), {}
        case "facts":
            done: list[Row] = [[Button("complaint.written", "complaint.next", args)]] if draft.facts else []
            return done, {"facts": draft.facts, "files": len(draft.files)}
        case "demand":
            return [[_choice(draft, "complaint.no_demand", None)]], {}
        case "evidence":
            label = "complaint.evidence_done" if draft.files else "complaint.no_evidence"
            most = context.deps.policy.complaints.max_files
            return [[Button(label, "complaint.next", args)]], {"files": len(draft.files), "most": most}
        case _:
            return _summary_buttons(draft), _summary(context, draft)


def _choice(draft: Draft, label: str, value: Any, step: str | None = None) -> Button:
    return Button(label, "complaint.choose", {"d": draft.id, "s": step or draft.step, "v": value})


def _categories(context: Context, draft: Draft) -> list[Row]:
    found = [
        _choice(draft, f" {c.code} {c.name[context.who.lang]}", c.code)
        for c in context.deps.policy.complaints.categories
    ]
    return [found[i : i + 2] for i in range(0, len(found), 2)]


async def _people(context: Context, draft: Draft) -> list[Row]:
    """My manager, my officer, others who were assigned, nobody."""
    label, lang = context.deps.phrases.label, context.who.lang
    shown: dict[int, str] = {}
    if draft.client is not None:
        for kind, member in (await drafts.keepers(context.work, draft.client)).items():
            shown[member.id] = f" {label(f'complaint.my_{kind}', lang)} {member.name}"
    for member in await drafts.choices(context.work, context.who):
        shown.setdefault(member.id, f" {member.name}")
    rows: list[Row] = [[_choice(draft, words, staff_id)] for staff_id, words in list(shown.items())[:6]]
    return [*rows, [_choice(draft, "complaint.about_nobody", None)]]


def _summary(context: Context, draft: Draft) -> dict[str, Any]:
    return {
        "category": _category(context, draft.category) if draft.category else None,
        "account": draft.client.account if draft.client else None,
        "reach": draft.reach,
        "whom": draft.about.name if draft.about else draft.about_name,
        "facts": draft.facts,
        "demand": draft.demand,
        "files": len(draft.files),
        "earlier": draft.earlier,
    }


def _summary_buttons(draft: Draft) -> list[Row]:
    change: list[Button] = [
        Button(f"complaint.change_{step}", "complaint.change", {"d": draft.id, "s": step})
        for step in ("category", "facts", "demand", "evidence")
    ]
    return [
        [Button("complaint.confirm", "complaint.confirm", {"d": draft.id})],
        change[:2],
        change[2:],
    ]


def _category(context: Context, code: str) -> str:
    return category(context.work, code).name[context.who.lang]


async def _shown(context: Context, press: Press, taken: Taken) -> None:
    """The next question after a press; a second press of the same button says so and sends nothing."""
    if taken.moved:
        await _show(context, taken.draft)
    else:
        press.toast = context.deps.phrases.label("complaint.done_already", context.who.lang)


async def complain(_update: Update, context: Context) -> None:
    """/complain"""
    await begin(context)


async def pressed_begin(context: Context, press: Press) -> None:
    await begin(context, earlier=press.args.get("earlier"))


async def pressed_choose(context: Context, press: Press) -> None:
    args = press.args
    await _shown(
        context, press, await drafts.choose(context.work, context.who, args["d"], args["s"], args["v"])
    )


async def pressed_next(context: Context, press: Press) -> None:
    args = press.args
    await _shown(context, press, await drafts.go_on(context.work, context.who, args["d"], args["s"]))


async def pressed_back(context: Context, press: Press) -> None:
    args = press.args
    await _shown(context, press, await drafts.back(context.work, context.who, args["d"], args["s"]))


async def pressed_change(context: Context, press: Press) -> None:
    args = press.args
    await _shown(context, press, await drafts.rewrite(context.work, context.who, args["d"], args["s"]))


async def pressed_resume(context: Context, press: Press) -> None:
    await _show(context, await drafts.resume(context.work, context.who, press.args["d"]))


async def pressed_anew(context: Context, press: Press) -> None:
    if await drafts.drop(context.work, context.who, press.args["d"]):
        await begin(context)
    else:
        press.toast = context.deps.phrases.label("complaint.done_already", context.who.lang)


async def pressed_drop(context: Context, press: Press) -> None:
    if await drafts.drop(context.work, context.who, press.args["d"]):
        await context.reply("complaint.dropped", buttons=[[_MENU, _HUMAN]])
    else:
        press.toast = context.deps.phrases.label("complaint.done_already", context.who.lang)


async def pressed_confirm(context: Context, press: Press) -> None:
    """Files the complaint; pressed twice, the second press only names its number."""
    receipt, new = await drafts.confirm(context.work, context.who, press.args["d"])
    if not new:
        press.toast = f"{context.deps.phrases.label('complaint.filed', context.who.lang)} {receipt.number}"
        return
    await _show_receipt(context, receipt)


async def _show_receipt(context: Context, receipt: Receipt) -> None:
    policy = context.deps.policy.complaints
    await context.reply(
        "complaint.appended" if receipt.appended else "complaint.receipt",
        number=receipt.number,
        contact_due=receipt.contact_due,
        result_due=receipt.result_due,
        desk=context.deps.phrases.label(f"desk.{receipt.desk}", context.who.lang),
        restricted=receipt.restricted,
        days=receipt.days,
        acceptance_days=policy.acceptance_days,
        most=policy.max_open,
        buttons=[_case_buttons(receipt.case_id)],
        about={"case": receipt.case_id},
    )


def _case_buttons(case_id: int) -> Row:
    args = {"case": case_id}
    return [
        Button("complaint.add", "complaint.add", args),
        Button("complaint.progress", "complaint.show", args),
    ]


# --- messages -------------------------------------------------------------------------------------------------------


async def on_message(update: Update, context: Context) -> bool:
    """Words and files for a draft or for a case; a question about the state of one."""
    message = update.effective_message
    assert message is not None
    text, file = message.text or message.caption or "", evidence(message)
    earlier = message.reply_to_message
    if earlier is not None:
        heard = await cases.replied(
            context.work, context.who, earlier.message_id, text, file, message.message_id
        )
        if heard is not None:
            await _heard(context, message, heard)
            return True
    if drafts.asks_for_a_person(text):
        return False  # the draft waits; a person comes first
    taken = await drafts.said(context.work, context.who, text, file, message.message_id)
    if taken is not None:
        await _noted(context, message, taken, kept=bool(text.strip()) or file is not None)
        return True
    heard = await cases.said(context.work, context.who, text, file, message.message_id)
    if heard is not None:
        await _heard(context, message, heard)
        return True
    return await _progress(context, text)


async def on_edit(update: Update, context: Context) -> None:
    """A changed message that is part of a draft or of a case."""
    message = update.edited_message
    if message is None or context.who.staff is not None:
        return
    text = message.text or message.caption or ""
    draft = await drafts.edited(context.work, context.who, message.message_id, text)
    if draft is None:
        await cases.edited(context.work, context.who, message.message_id, text)
    elif draft.step == "confirm":  # the summary that is shown says the old words
        await _show(context, draft)


async def _noted(context: Context, message: Message, taken: Taken, *, kept: bool) -> None:
    draft = taken.draft
    if taken.moved:
        await _show(context, draft)
        return
    if not kept:
        await context.reply("complaint.unreadable")
        return
    args = {"d": draft.id, "s": draft.step}
    rows: list[Row] = []
    if draft.step in ("facts", "evidence"):
        label = "complaint.written" if draft.step == "facts" else "complaint.evidence_done"
        rows = [[Button(label, "complaint.next", args), Button("complaint.back", "complaint.back", args)]]
    await context.reply(
        "complaint.noted",
        step=draft.step,
        length=len(draft.facts),
        files=len(draft.files),
        buttons=rows,
        dedupe=_album(message, draft.id),
    )
    if draft.step not in ("facts", "evidence"):
        await _show(context, draft)


def _album(message: Message, about: str) -> str | None:
    """Pictures of an album come one by one, and are acknowledged once."""
    return f"noted/{about}/{message.media_group_id}" if message.media_group_id else None


async def _heard(context: Context, message: Message, heard: Heard) -> None:
    args = {"case": heard.case_id}
    match heard.what:
        case "added":
            await context.reply(
                "complaint.added",
                number=heard.number,
                buttons=[[Button("complaint.done", "complaint.done", args)]],
                dedupe=_album(message, heard.number),
            )
        case "over":
            await context.reply(
                "refusal.case_over_client",
                number=heard.number,
                buttons=[[Button("complaint.reopen", "complaint.reopen", args)]],
            )
        case "empty":
            await context.reply("complaint.unreadable")


async def _progress(context: Context, text: str) -> bool:
    """A question about the state of a complaint, unless a person has the conversation."""
    number = asks_for_progress(text)
    if number is None or await cases.is_talking(context.work, context.who):
        return False
    if number:
        await _show_state(context, await cases.by_number(context.work, context.who, number))
        return True
    if not await cases.of_client(context.work, context.who):
        return False
    await _list_own(context)
    return True


# --- the client's own cases -----------------------------------------------------------------------------------------


async def cases_command(_update: Update, context: Context) -> None:
    """/cases: a client's own complaints; the desk's list for staff."""
    await _list(context)


async def pressed_list(context: Context, press: Press) -> None:
    await _list(context, press.args.get("from", 0))


async def _list(context: Context, first: int = 0) -> None:
    if context.who.staff is not None:
        await show_desk(context, first)
    else:
        await _list_own(context, first)


async def _list_own(context: Context, first: int = 0) -> None:
    found = await cases.of_client(context.work, context.who)
    if not found:
        await context.reply("complaint.none", buttons=[[Button("ask.complain", "complaint.begin"), _HUMAN]])
        return
    label, lang = context.deps.phrases.label, context.who.lang
    page = found[first : first + PAGE]
    rows: list[Row] = [
        [
            Button(
                f" {line.number} {label(f'case.state.{line.state}', lang)}",
                "complaint.show",
                {"case": line.id},
            )
        ]
        for line in page
    ]
    lines = [
        {
            "number": line.number,
            "category": _category(context, line.category),
            "state": label(f"case.state.{line.state}", lang),
            "due": line.due if line.state == "open" else None,
        }
        for line in page
    ]
    await context.reply("complaint.list", lines=lines, total=len(found), buttons=[*rows, *more(found, first)])


async def pressed_show(context: Context, press: Press) -> None:
    await _show_state(context, press.args["case"])


async def _show_state(context: Context, case_id: int) -> None:
    found = await cases.state_of(context.work, context.who, case_id)
    label, lang = context.deps.phrases.label, context.who.lang
    await context.reply(
        "complaint.state",
        number=found.line.number,
        category=_category(context, found.line.category),
        state=label(f"case.state.{found.line.state}", lang),
        owner=found.line.owner,
        registration=found.registration,
        desk=label(f"desk.{found.desk}", lang),
        running=found.line.state in ("open", "waiting"),
        opened_at=found.line.opened_at,
        contact_due=found.contact_due,
        contacted_at=found.contacted_at,
        result_due=found.result_due,
        waiting=found.waiting,
        files=found.files,
        cause=found.cause,
        remedy=found.remedy,
        rating=found.rating,
        reopen_until=found.reopen_until,
        history=[(at, label(f"case.event.{kind}", lang)) for at, kind in found.history[-8:]],
        buttons=_state_buttons(case_id, found),
        about={"case": case_id},
    )


def _state_buttons(case_id: int, found: CaseState) -> list[Row]:
    args = {"case": case_id}
    if found.line.state in ("open", "waiting"):
        return [[Button("complaint.add", "complaint.add", args), _HUMAN]]
    if found.reopen_until is not None:
        return [[Button("complaint.reopen", "complaint.reopen", args), _HUMAN]]
    return [[Button("complaint.new", "complaint.begin", {"earlier": found.line.number}), _HUMAN]]


async def pressed_add(context: Context, press: Press) -> None:
    case_id = press.args["case"]
    number = await cases.listen_for(context.work, context.who, case_id)
    await context.reply(
        "complaint.add",
        number=number,
        most=context.deps.policy.complaints.max_files,
        buttons=[[Button("complaint.done", "complaint.done", {"case": case_id})]],
    )


async def pressed_done(context: Context, press: Press) -> None:
    if await cases.done_adding(context.work, context.who, press.args["case"]):
        await context.reply("complaint.add_done", buttons=[_case_buttons(press.args["case"])])
    else:
        press.toast = context.deps.phrases.label("complaint.done_already", context.who.lang)


async def pressed_reopen(context: Context, press: Press) -> None:
    """Inside the window: asks why. After it: a new complaint that names the old one."""
    number, may = await cases.ask_why_reopen(context.work, context.who, press.args["case"])
    if may:
        await context.reply("complaint.reopen_why", number=number)
    else:
        await begin(context, earlier=number)


async def pressed_rate(context: Context, press: Press) -> None:
    args = press.args
    new = await cases.rate(context.work, context.who, args["case"], args["event"], args["rating"])
    label = "complaint.rated" if new else "complaint.rated_before"
    press.toast = context.deps.phrases.label(label, context.who.lang)


COMMANDS = [
    Command("complain", "我要投诉", "File a complaint", complain, shown_to=PUBLIC),
    Command("cases", "投诉进度与待办", "Complaints", cases_command, shown_to=("stranger", CLIENT, *DESKS)),
]
ACTIONS: dict[str, ActionFn] = {
    "complaint.begin": pressed_begin,
    "complaint.list": pressed_list,
    "complaint.choose": pressed_choose,
    "complaint.next": pressed_next,
    "complaint.back": pressed_back,
    "complaint.change": pressed_change,
    "complaint.resume": pressed_resume,
    "complaint.anew": pressed_anew,
    "complaint.drop": pressed_drop,
    "complaint.confirm": pressed_confirm,
    "complaint.show": pressed_show,
    "complaint.add": pressed_add,
    "complaint.done": pressed_done,
    "complaint.reopen": pressed_reopen,
    "complaint.rate": pressed_rate,
}
