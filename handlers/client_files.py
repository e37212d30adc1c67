"""Pictures and files: /trend and /report for the own account, flow and retention for those who see all."""

from telegram import Update

from handlers.context import Context
from handlers.registry import CLIENT, ActionFn, Command, Press
from services import client_files, outbox
from services.outbox import Button


async def trend(_update: Update, context: Context) -> None:
    """/trend: sixty days of both risk degrees."""
    found = await client_files.trend(context.work, context.who)
    await context.reply(
        "client_files.trend",
        found=found,
        account=found.client.account,
        drawn=found.picture is not None,
        picture=found.picture,
        buttons=[[Button("client_files.report", "client_files.report")]],
    )


async def report(_update: Update, context: Context) -> None:
    """/report: the last month as a PDF."""
    await _send_report(context)


async def pressed_report(context: Context, _press: Press) -> None:
    await _send_report(context)


async def _send_report(context: Context) -> None:
    found = await client_files.month_file(context.work, context.who)
    assert context.who.client is not None
    await outbox.say_file(
        context.work,
        context.who.chat_id,
        "client_files.report",
        file_name=found.name,
        data=found.data,
        lang=context.who.lang,
        month=found.month,
        account=context.who.client.account,
    )


async def pressed_board(context: Context, press: Press) -> None:
    """The flow between tiers, or retention."""
    which = press.args["which"]
    draw = client_files.tier_flow if which == "flow" else client_files.retention_curves
    picture = await draw(context.work, context.who)
    if picture is None:
        await context.reply("client_files.nothing")
        return
    await context.reply("client_files.board_picture", which=which, picture=picture)


async def on_message(_update: Update, _context: Context) -> bool:
    return False


COMMANDS = [
    Command("trend", "近 60 日风险度", "Risk degrees of 60 days", trend, (CLIENT,)),
    Command("report", "月度交易报告", "Monthly trading report", report, (CLIENT,)),
]
ACTIONS: dict[str, ActionFn] = {
    "client_files.report": pressed_report,
    "client_files.board": pressed_board,
}
