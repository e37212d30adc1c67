"""Risk in chat: reminders that are acknowledged, tasks to phone, the list of accounts at risk, settlement files."""

from telegram import Update

from handlers.context import Context
from handlers.registry import ActionFn, Command, Press
from messages.phrases import moment_text
from services import incoming_files, outbox, reminders, risk, tasks
from services.outbox import Button, Row
from services.tasks import TaskCard

_READERS = ("manager", "officer", "risk", "supervisor")
_TASKS_SHOWN = 8


async def on_message(update: Update, context: Context) -> bool:
    """A document of the risk desk or an operator that replies to nothing is a settlement file."""
    message = update.effective_message
    staff = context.who.staff
    if message is None or message.document is None or message.reply_to_message is not None:
        return False
    if staff is None or str(staff.role) not in ("risk", "operator"):
        return False
    document = message.document
    name = document.file_name or "document"
    await incoming_files.receive(
        context.work,
        context.who,
        message_id=message.message_id,
        file_id=document.file_id,
        name=name,
        size=document.file_size or 0,
        caption=message.caption or "",
    )
    await context.reply("imports.received", name=name)
    return True


# --- clients ----------------------------------------------------------------------------------------------


async def pressed_acknowledge(context: Context, press: Press) -> None:
    done = await reminders.acknowledge(context.work, context.who, press.args["delivery"])
    phrases, lang = context.deps.phrases, context.who.lang
    if done.first:
        press.toast = phrases.label("risk.acknowledged_toast", lang)
    else:
        press.toast = f"{phrases.label('risk.acknowledged_before', lang)} {moment_text(done.at, lang)}"


async def pressed_trial(context: Context, press: Press) -> None:
    delivery = press.args["delivery"]
    facts = await reminders.trial(context.work, context.who, delivery)
    desk = Button("risk.desk", "risk.desk", {"delivery": delivery})
    await context.reply("risk.trial", buttons=[[desk]], **facts)


async def pressed_desk(context: Context, press: Press) -> None:
    delivery = press.args["delivery"]
    number = await reminders.number(context.work, context.who, delivery)
    call_back = Button("risk.desk_call_back", "risk.desk_call_back", {"delivery": delivery})
    await context.reply("risk.desk", buttons=[[call_back]], number=number)


async def pressed_desk_call_back(context: Context, press: Press) -> None:
    first = await reminders.ask_call_back(context.work, context.who, press.args["delivery"], "risk_desk")
    await context.reply("risk.call_back_asked", first=first, desk=True)


async def pressed_call_back(context: Context, press: Press) -> None:
    first = await reminders.ask_call_back(context.work, context.who, press.args["delivery"], "asked")
    await context.reply("risk.call_back_asked", first=first, desk=False)


async def pressed_mute(context: Context, _press: Press) -> None:
    await reminders.mute(context.work, context.who)
    await context.reply("risk.muted")


# --- staff ------------------------------------------------------------------------------------------------


async def risk_list(_update: Update, context: Context) -> None:
    """/risk: accounts above normal, the own ones or, for the risk desk, all."""
    found = await risk.standings(context.work, context.who)
    await context.reply(
        "risk.list",
        buttons=[[Button("task.mine", "task.list")]],
        changed=False,
        day=found.day,
        count=found.count,
        levels=found.levels,
        lines=found.lines,
    )


async def task_list(_update: Update, context: Context) -> None:
    """/tasks: phone tasks that wait, each with a button."""
    cards, count = await tasks.mine(context.work, context.who)
    lang = context.who.lang
    rows: list[Row] = [
        [Button(f" {card.number}", "task.show", {"task": card.id})] for card in cards[:_TASKS_SHOWN]
    ]
    await context.reply(
        "task.list",
        buttons=rows,
        new=False,
        count=count,
        lines=[tasks.card_facts(context.work, card, lang) for card in cards],
    )


async def how_to_import(_update: Update, context: Context) -> None:
    """/import: how settlement files come in."""
    await context.reply("imports.how", megabytes=incoming_files.FETCHED_AT_MOST // 1_000_000)


async def pressed_list(context: Context, _press: Press) -> None:
    await risk_list(Update(0), context)


async def pressed_tasks(context: Context, _press: Press) -> None:
    await task_list(Update(0), context)


async def pressed_phone(context: Context, press: Press) -> None:
    """A card of the risk ladder: the employee phones; the task appears as a message of its own."""
    card = await risk.phone(context.work, context.who, press.args["notice"])
    await _show(context, card)


async def pressed_show(context: Context, press: Press) -> None:
    await _show(context, await tasks.card(context.work, context.who, press.args["task"]))


async def pressed_take(context: Context, press: Press) -> None:
    card = await tasks.take(context.work, context.who, press.args["task"])
    press.toast = context.deps.phrases.label("task.taken", context.who.lang)
    await _redraw(context, press, card, tasks.buttons(card))


async def pressed_called(context: Context, press: Press) -> None:
    """Asks what the call came to, on the card itself."""
    card = await tasks.card(context.work, context.who, press.args["task"])
    results: list[Row] = [
        [
            Button(f"task.result.{result}", "task.report", {"task": card.id, "result": result})
            for result in tasks.RESULTS[start : start + 3]
        ]
        for start in range(0, len(tasks.RESULTS), 3)
    ]
    await _redraw(context, press, card, results if card.state != "closed" else [])


async def pressed_report(context: Context, press: Press) -> None:
    card = await tasks.report(context.work, context.who, press.args["task"], press.args["result"])
    await _redraw(context, press, card, tasks.buttons(card))


async def _show(context: Context, card: TaskCard) -> None:
    facts = tasks.card_facts(context.work, card, context.who.lang)
    await context.reply("task.card", buttons=tasks.buttons(card), **facts)


async def _redraw(context: Context, press: Press, card: TaskCard, buttons: list[Row]) -> None:
    facts = tasks.card_facts(context.work, card, context.who.lang)
    await outbox.edit(
        context.work,
        context.who.chat_id,
        press.message_id,
        "task.card",
        lang=context.who.lang,
        buttons=buttons,
        **facts,
    )


COMMANDS = [
    Command("risk", "风险账户", "Accounts at risk", risk_list, _READERS),
    Command("tasks", "电话任务", "Phone tasks", task_list, _READERS),
    Command("import", "导入结算文件", "Import settlement files", how_to_import, ("risk", "operator")),
]
ACTIONS: dict[str, ActionFn] = {
    "risk.acknowledge": pressed_acknowledge,
    "risk.trial": pressed_trial,
    "risk.desk": pressed_desk,
    "risk.desk_call_back": pressed_desk_call_back,
    "risk.call_back": pressed_call_back,
    "risk.mute": pressed_mute,
    "risk.list": pressed_list,
    "risk.phone": pressed_phone,
    "task.list": pressed_tasks,
    "task.show": pressed_show,
    "task.take": pressed_take,
    "task.called": pressed_called,
    "task.report": pressed_report,
}
