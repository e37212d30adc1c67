"""Market notices: /notice for the risk desk, the second person's buttons, the client's acknowledgement and opt-out."""

from typing import Any

from telegram import Update

from handlers.context import Context, message_text
from handlers.registry import CLIENT, ActionFn, Command, Press
from services import access, notices
from services.outbox import Button, Row

_DESK = ("risk", "supervisor", "compliance")


async def write(_update: Update, context: Context) -> None:
    """/notice: begins a notice; one that was not finished goes on."""
    access.require(context.who, *notices.AUTHORS)
    found = await notices.dialog_of(context.work, context.who)
    await _ask(context, found.step if found else "segment", dict(found.data) if found else {})


async def _ask(context: Context, step: str, data: dict[str, Any]) -> None:
    """Stores the step and asks for what it needs."""
    await notices.set_dialog(context.work, context.who, step, data)
    cancel = Button("notice.cancel", "notice.cancel")
    match step:
        case "segment":
            rows: list[Row] = [
                [Button(f"notice.segment.{name}", "notice.segment", {"segment": name})]
                for name in notices.SEGMENTS
            ]
            await context.reply("notice.ask_segment", buttons=[*rows, [cancel]])
        case "tier":
            tiers: list[Row] = [
                [Button(f" {tier.name[context.who.lang]}", "notice.tier", {"tier": code})]
                for code, tier in context.work.policy.tiers.items()
            ]
            await context.reply("notice.ask_tier", buttons=[*tiers, [cancel]])
        case "product":
            await context.reply("notice.ask_product", buttons=[[cancel]])
        case "mandatory":
            choice = [
                Button("notice.is_mandatory", "notice.mandatory", {"mandatory": True}),
                Button("notice.is_optional", "notice.mandatory", {"mandatory": False}),
            ]
            await context.reply("notice.ask_mandatory", buttons=[choice, [cancel]])
        case "zh":
            await context.reply("notice.ask_zh", buttons=[[cancel]])
        case "en":
            await context.reply("notice.ask_en", buttons=[[Button("notice.skip", "notice.skip")], [cancel]])
        case _:
            await _preview(context, data)


async def _preview(context: Context, data: dict[str, Any]) -> None:
    draft = notices.draft_of(data)
    work = context.work
    await context.reply("notice.market", **notices.market_facts("MN-预览", work.today, draft.zh))
    if draft.en:
        await context.reply("notice.market", **notices.market_facts("MN-preview", work.today, draft.en))
    await context.reply(
        "notice.preview",
        buttons=[
            [Button("notice.submit", "notice.submit"), Button("notice.test", "notice.test")],
            [Button("notice.rewrite", "notice.rewrite"), Button("notice.cancel", "notice.cancel")],
        ],
        segment=notices.segment_words(
            work, f"product:{draft.product}" if draft.product else draft.segment, context.who.lang
        ),
        mandatory=draft.mandatory,
        reach=await notices.reached(work, draft),
    )


async def on_message(update: Update, context: Context) -> bool:
    """The author's text for the step where the notice stands."""
    if context.who.staff is None:
        return False
    found = await notices.dialog_of(context.work, context.who)
    text = message_text(update).strip()
    if found is None or found.step not in ("product", "zh", "en") or not text:
        return False
    if found.step == "product":
        text = notices.product_named(context.work, text, context.who.lang)
    else:
        notices.check_words(context.work, text)
    following = {"product": "mandatory", "zh": "en", "en": "preview"}[found.step]
    await _ask(context, following, {**found.data, found.step: text})
    return True


async def listing(_update: Update, context: Context) -> None:
    """/notices: the latest notices, their ledgers, and a stop button for what is on its way."""
    found = await notices.lines(context.work, context.who)
    running = [n for n in found if n.state in ("waiting", "approved") or n.counts.get("queued")]
    buttons: list[Row] = [[Button(f" ⏹ {n.number}", "notice.stop", {"notice": n.id})] for n in running[:5]]
    states = {n.state: context.deps.phrases.label(f"notice.state.{n.state}", context.who.lang) for n in found}
    await context.reply("notice.list", notices=found, states=states, buttons=buttons)


async def settings(_update: Update, context: Context) -> None:
    """/notify: optional notices on or off."""
    muted = await notices.is_muted(context.work, context.who)
    label = "notice.unmute" if muted else "notice.mute"
    await context.reply(
        "notice.settings", muted=muted, buttons=[[Button(label, "notice.unmute" if muted else "notice.mute")]]
    )


async def _step(context: Context, following: str, **more: Any) -> None:
    found = await notices.dialog_of(context.work, context.who)
    if found is None:
        await context.reply("notice.gone")
        return
    await _ask(context, following, {**found.data, **more})


async def pressed_segment(context: Context, press: Press) -> None:
    segment = press.args["segment"]
    following = segment if segment in ("tier", "product") else "mandatory"
    await _step(context, following, segment=segment, product=None)


async def pressed_tier(context: Context, press: Press) -> None:
    await _step(context, "mandatory", segment=f"tier:{press.args['tier']}")


async def pressed_mandatory(context: Context, press: Press) -> None:
    await _step(context, "zh", mandatory=press.args["mandatory"])


async def pressed_skip(context: Context, _press: Press) -> None:
    await _step(context, "preview", en="")


async def pressed_rewrite(context: Context, _press: Press) -> None:
    await _step(context, "zh")


async def pressed_cancel(context: Context, _press: Press) -> None:
    await notices.drop_draft(context.work, context.who)
    await context.reply("notice.dropped")


async def pressed_test(context: Context, press: Press) -> None:
    """The notice to oneself, exactly as a client gets it."""
    found = await notices.dialog_of(context.work, context.who)
    if found is None:
        await context.reply("notice.gone")
        return
    draft = notices.draft_of(found.data)
    await context.reply("notice.market", **notices.market_facts("MN-TEST", context.work.today, draft.zh))
    press.toast = context.deps.phrases.label("notice.tested", context.who.lang)


async def pressed_submit(context: Context, _press: Press) -> None:
    found = await notices.dialog_of(context.work, context.who)
    if found is None:
        await context.reply("notice.gone")
        return
    number = await notices.submit(context.work, context.who, notices.draft_of(found.data))
    await notices.drop_draft(context.work, context.who)
    await context.reply("notice.submitted", number=number)


async def pressed_release(context: Context, press: Press) -> None:
    number, count = await notices.release(context.work, context.who, press.args["notice"])
    stop: list[Row] = [[Button("notice.stop", "notice.stop", {"notice": press.args["notice"]})]]
    await context.reply("notice.released", number=number, count=count, buttons=stop)


async def pressed_reject(context: Context, press: Press) -> None:
    number = await notices.reject(context.work, context.who, press.args["notice"])
    await context.reply("notice.sent_back", number=number)


async def pressed_stop(context: Context, press: Press) -> None:
    number, taken_back = await notices.stop(context.work, context.who, press.args["notice"])
    await context.reply("notice.stopped", number=number, count=taken_back)


async def pressed_acknowledge(context: Context, press: Press) -> None:
    await notices.acknowledge(context.work, context.who, press.args["delivery"])
    press.toast = context.deps.phrases.label("notice.acknowledged", context.who.lang)


async def pressed_mute(context: Context, _press: Press) -> None:
    await notices.mute(context.work, context.who)
    await context.reply("notice.muted", buttons=[[Button("notice.unmute", "notice.unmute")]])


async def pressed_unmute(context: Context, _press: Press) -> None:
    await notices.mute(context.work, context.who, muted=False)
    await context.reply("notice.unmuted")


COMMANDS = [
    Command("notice", "写市场风险提示", "Write a market-risk notice", write, _DESK),
    Command("notices", "风险提示发送记录", "Notices and their delivery", listing, _DESK),
    Command("notify", "通知设置", "Notice settings", settings, (CLIENT,)),
]
ACTIONS: dict[str, ActionFn] = {
    "notice.segment": pressed_segment,
    "notice.tier": pressed_tier,
    "notice.mandatory": pressed_mandatory,
    "notice.skip": pressed_skip,
    "notice.rewrite": pressed_rewrite,
    "notice.cancel": pressed_cancel,
    "notice.test": pressed_test,
    "notice.submit": pressed_submit,
    "notice.release": pressed_release,
    "notice.reject": pressed_reject,
    "notice.stop": pressed_stop,
    "notice.acknowledge": pressed_acknowledge,
    "notice.mute": pressed_mute,
    "notice.unmute": pressed_unmute,
}
