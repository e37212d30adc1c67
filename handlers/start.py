"""The first words: /start, /menu, /help, /cancel, /language."""

from telegram import Update

from handlers import linking
from handlers.context import Context
from handlers.registry import ActionFn, Command, Press
from services import chats
from services.linking import ASKED_FOR_CONTACT
from services.outbox import Button, Row


async def start(update: Update, context: Context) -> None:
    """/start, with an invitation's code or without."""
    if context.args:
        await linking.open_invitation(context, context.args[0])
        return
    await menu(update, context)


async def menu(_update: Update, context: Context) -> None:
    """What the house can do for the speaker, with suggested questions."""
    who = context.who
    await chats.show_menu_of_commands(context.work, who, command_menu(who.role, who.lang))
    if who.staff is not None:
        await context.reply(
            "start.staff",
            name=who.staff.name,
            role=context.deps.phrases.label(f"role.{who.staff.role}", who.lang),
        )
        return
    rows: list[Row] = [
        [Button(f" {q}", "ask.question", {"q": q})]
        for q in context.deps.policy.chat.suggested.get(who.lang, [])  # type: ignore[call-overload]  # lang is zh or en
    ]
    rows.append([Button("ask.human", "contact.begin"), Button("ask.complain", "complaint.begin")])
    rows.append(
        [
            Button("ask.my", "account.my") if who.clients else Button("ask.link", "link.how"),
            Button("start.language", "start.language"),
        ]
    )
    await context.reply("start.client" if who.clients else "start.stranger", buttons=rows)


async def help_(_update: Update, context: Context) -> None:
    """/help: the commands of the speaker's role."""
    who = context.who
    lines = [(c["command"], c["description"]) for c in command_menu(who.role, who.lang)]
    await context.reply("start.help", commands=lines, staff=who.staff is not None)


async def cancel(_update: Update, context: Context) -> None:
    """/cancel: leaves a guided conversation; nothing that was sent is lost."""
    left = await chats.leave_dialog(context.work, context.who)
    if left is None:
        await context.reply("start.nothing_to_cancel")
        return
    if left == ASKED_FOR_CONTACT:
        await linking.say_without_keyboard(context, "start.cancelled")
        return
    await context.reply(
        "start.cancelled", buttons=[[Button("ask.menu", "start.menu"), Button("ask.human", "contact.begin")]]
    )


async def language(_update: Update, context: Context) -> None:
    """/language: offers the two languages."""
    await context.reply(
        "start.choose_language",
        buttons=[
            [
                Button(" 中文", "start.set_language", {"lang": "zh"}),
                Button(" English", "start.set_language", {"lang": "en"}),
            ]
        ],
    )


async def pressed_language(context: Context, press: Press) -> None:
    who = await chats.set_language(context.work, context.who, press.args["lang"])
    await chats.show_menu_of_commands(context.work, who, command_menu(who.role, who.lang))
    context.turn.who = who
    await context.reply("start.language_set", buttons=[[Button("ask.menu", "start.menu")]])


async def pressed_menu(context: Context, _press: Press) -> None:
    await menu(Update(0), context)


async def pressed_choose_language(context: Context, _press: Press) -> None:
    await language(Update(0), context)


def command_menu(role: str, lang: str) -> list[dict[str, str]]:
    """Telegram's command menu of a role in a language."""
    from handlers import all_commands  # the table stands in the package, which imports this module

    return [
        {"command": c.name, "description": c.zh if lang == "zh" else c.en}
        for c in all_commands()
        if role in c.shown_to and not c.hidden
    ]


async def on_message(_update: Update, _context: Context) -> bool:
    return False


COMMANDS = [
    Command("start", "首页", "Home", start),
    Command("menu", "服务菜单", "Menu", menu, hidden=True),
    Command("help", "使用说明", "Help", help_),
    Command("cancel", "退出当前步骤", "Leave the current step", cancel),
    Command("language", "语言 / Language", "Language / 语言", language),
]
ACTIONS: dict[str, ActionFn] = {
    "start.menu": pressed_menu,
    "start.language": pressed_choose_language,
    "start.set_language": pressed_language,
}
