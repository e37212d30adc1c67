"""Pressed buttons: an opaque id in, its meaning from the database, checked for its owner, safe to press twice."""

from telegram import Update

from db import queues
from handlers.context import Context
from handlers.registry import ActionFn, Press
from services import outbox

_ACTIONS: dict[str, ActionFn] = {}


def register(actions: dict[str, ActionFn]) -> None:
    """Makes button actions known; one name has one meaning."""
    for name, action in actions.items():
        if name in _ACTIONS and _ACTIONS[name] is not action:
            raise ValueError(f"button action {name!r} stands in two features")
        _ACTIONS[name] = action


async def on_press(update: Update, context: Context) -> None:
    """Runs the action behind a button, and ends the waiting sign on it."""
    query = update.callback_query
    assert query is not None
    chat_id = query.from_user.id
    lang = context.turn.who.lang if context.turn.who else "zh"
    token, _, index = (query.data or "").partition(".")
    row = await queues.message_by_token(context.work.session, token)
    # Whoever forges data may send any characters; not everything that is a digit is a number.
    known = row is not None and index.isascii() and index.isdigit() and int(index) < len(row.actions or [])
    if row is None or not known or row.chat_id != chat_id or context.turn.who is None:
        # Somebody else's button and a button that never was are the same answer.
        words = context.deps.phrases.label("button.expired", lang)
        await outbox.answer_button(context.work, chat_id, query.id, words, alert=True)
        return
    action = (row.actions or [])[int(index)]
    run = _ACTIONS.get(action["do"])
    if run is None:
        words = context.deps.phrases.label("button.expired", lang)
        await outbox.answer_button(context.work, chat_id, query.id, words, alert=True)
        return
    message = update.effective_message
    press = Press(
        args=dict(action["args"]),
        message=message,
        message_id=message.message_id if message else (row.message_id or 0),
        about=dict(row.about or {}),
    )
    await run(context, press)
    await outbox.answer_button(context.work, chat_id, query.id, press.toast, alert=press.alert)
