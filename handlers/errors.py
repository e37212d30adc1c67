"""What a handler's exception becomes: a refusal is said, anything else is left for the wrapper to roll back."""

from telegram.ext import CallbackContext

from handlers.context import current


async def keep_failure(update: object, context: CallbackContext) -> None:  # type: ignore[type-arg]  # PTB's callback
    """Application.process_update swallows exceptions: this leaves the exception where the wrapper finds it."""
    turn = current.get()
    if isinstance(context.error, Exception):
        turn.failure = context.error
