"""What Telegram checks in a `reply_markup`."""

from typing import Any
from urllib.parse import urlsplit

from simulator.errors import Json, bad

_ACTIONS = (
    "callback_data",
    "url",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)
_REQUESTS = (
    "request_contact",
    "request_location",
    "request_poll",
    "request_users",
    "request_chat",
    "web_app",
)


def check_markup(markup: Any, private: bool, inline_only: bool = False) -> Json | None:
    """The markup in Telegram's shape (None where there is none); raises 400 for what Telegram refuses."""
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad("object expected as reply markup")
    if "inline_keyboard" in markup:
        return _inline(markup["inline_keyboard"])
    if inline_only:
        if not markup:
            return None
        raise bad("inline keyboard expected")
    if "keyboard" in markup:
        return _reply(markup, private)
    if markup.get("remove_keyboard"):
        return {"remove_keyboard": True, "selective": bool(markup.get("selective"))}
    if markup.get("force_reply"):
        return {"force_reply": True, "input_field_placeholder": markup.get("input_field_placeholder", "")}
    return None


def _inline(rows: Any) -> Json | None:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad('field "inline_keyboard" must be of type Array of Arrays')
    kept = [[_inline_button(button) for button in row] for row in rows if row]
    if sum(len(row) for row in kept) > 100 or any(len(row) > 8 for row in kept):
        raise bad("REPLY_MARKUP_TOO_LONG")
    return {"inline_keyboard": kept} if kept else None


def _inline_button(button: Any) -> Json:
    if not isinstance(button, dict):
        raise bad("can't parse inline keyboard button: expected an Object")
    text = button.get("text")
    if not isinstance(text, str) or not text.strip():
        raise bad('can\'t parse inline keyboard button: Field "text" must be a non-empty String')
    actions = [name for name in _ACTIONS if button.get(name) is not None]
    if not actions:
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if len(actions) > 1:
        raise bad("can't parse inline keyboard button: exactly one action is allowed")
    if actions == ["callback_data"] and not 1 <= len(str(button["callback_data"]).encode()) <= 64:
        raise bad("BUTTON_DATA_INVALID")
    if actions == ["url"]:
        _check_url(str(button["url"]))
    return dict(button)


def _check_url(url: str) -> None:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https", "tg", "ton") or not parts.netloc:
        raise bad(f"inline keyboard button URL '{url}' is invalid: Unsupported URL protocol")
    if (
        parts.scheme in ("http", "https")
        and "." not in parts.netloc
        and not parts.netloc.startswith("localhost")
    ):
        raise bad(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")


def _reply(markup: Json, private: bool) -> Json:
    rows = markup["keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad('field "keyboard" must be of type Array of Arrays')
    kept = [[_reply_button(button, private) for button in row] for row in rows if row]
    if not kept:
        raise bad("reply keyboard must not be empty")
    if sum(len(row) for row in kept) > 300:
        raise bad("REPLY_MARKUP_TOO_LONG")
    checked = {
        name: bool(markup.get(name)) for name in ("is_persistent", "resize_keyboard", "one_time_keyboard")
    }
    placeholder = str(markup.get("input_field_placeholder") or "")
    return {"keyboard": kept, "input_field_placeholder": placeholder[:64], **checked}


def _reply_button(button: Any, private: bool) -> Json:
    if isinstance(button, str):
        button = {"text": button}
    if not isinstance(button, dict) or not str(button.get("text", "")).strip():
        raise bad('can\'t parse keyboard button: Field "text" must be a non-empty String')
    wanted = [name for name in _REQUESTS if button.get(name)]
    if "request_contact" in wanted and not private:
        raise bad("phone number can be requested in private chats only")
    if "request_location" in wanted and not private:
        raise bad("location can be requested in private chats only")
    return dict(button)
