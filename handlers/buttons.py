"""Pressed buttons: an opaque id in, its meaning from the database, checked for its owner, safe to press twice."""

from telegram import Update

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
    found = await outbox.pressed(context.work, chat_id, query.data or "")
    run = _ACTIONS.get(found.action) if found is not None else None
    if found is None or run is None or context.turn.who is None:
        # Somebody else's button and a button that never was are the same answer.
        words = context.deps.phrases.label("button.expired", lang)
        await outbox.answer_button(context.work, chat_id, query.id, words, alert=True)
        return
    message = update.effective_message
    press = Press(
        args=found.args,
        message=message,
        message_id=message.message_id if message else (found.message_id or 0),
        about=found.about,
    )
    await run(context, press)
    await outbox.answer_button(context.work, chat_id, query.id, press.toast, alert=press.alert)
