"""Methods about the bot itself: who it is, its commands, its updates' way, its files."""

import re
from typing import Any
from urllib.parse import urlsplit

from simulator.errors import Json, bad
from simulator.methods.targets import find_account, find_chat
from simulator.params import Params
from simulator.updates import check_secret
from simulator.world import World

LARGEST_DOWNLOAD = 20 * 1024 * 1024
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def get_me(world: World, p: Params) -> Json:
    return world.bot.as_user() | {
        "can_join_groups": True,
        "can_read_all_group_messages": not world.privacy,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def log_out(world: World, p: Params) -> bool:
    return True


def read_allowed(p: Params) -> list[str] | None:
    """`allowed_updates`, or None where the call leaves them as they are."""
    kinds = p.json("allowed_updates")
    if kinds is None:
        return None
    if not isinstance(kinds, list):
        raise bad("can't parse allowed_updates JSON object")
    return [str(kind) for kind in kinds]


def set_webhook(world: World, p: Params) -> bool:
    url = p.text("url")
    if url:
        parts = urlsplit(url)
        local = parts.hostname in _LOOPBACK
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        if not local and (parts.port or 443) not in (443, 80, 88, 8443):
            raise bad("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    secret = p.text("secret_token")
    check_secret(secret)
    connections = p.number("max_connections") or 40
    if not 1 <= connections <= 100:
        raise bad("max_connections must be between 1 and 100")
    world.updates.choose(read_allowed(p))
    world.updates.set_webhook(url, secret, connections, p.flag("drop_pending_updates"))
    return True


def delete_webhook(world: World, p: Params) -> bool:
    world.updates.set_webhook("", "", 40, p.flag("drop_pending_updates"))
    return True


def get_webhook_info(world: World, p: Params) -> Json:
    return world.updates.webhook_info()


def get_file(world: World, p: Params) -> Json:
    stored = world.files.get(p.text("file_id"))
    if stored is None:
        raise bad("invalid file_id" if p.has("file_id") else "file_id not specified")
    if len(stored.data) > LARGEST_DOWNLOAD:
        raise bad("file is too big")
    return stored.as_json() | {"file_path": stored.path}


def get_user_profile_photos(world: World, p: Params) -> Json:
    find_account(world, p)
    return {"total_count": 0, "photos": []}


# -- the command menu


def _scope(world: World, p: Params) -> str:
    scope = p.json("scope")
    if scope is None:
        return "default"
    if not isinstance(scope, dict):
        raise bad("can't parse BotCommandScope")
    kind = str(scope.get("type", "default"))
    if kind in ("default", "all_private_chats", "all_group_chats", "all_chat_administrators"):
        return kind
    chat = find_chat(world, Params(scope))
    if kind in ("chat", "chat_administrators"):
        return f"{kind}:{chat.id}"
    if kind == "chat_member":
        return f"{kind}:{chat.id}:{find_account(world, Params(scope)).id}"
    raise bad("can't parse BotCommandScope: unsupported type specified")


def _command(item: Any) -> Json:
    if not isinstance(item, dict):
        raise bad("expected an Object as a bot command")
    name = str(item.get("command", "")).removeprefix("/")
    text = str(item.get("description", "")).strip()
    if not _COMMAND.fullmatch(name):
        raise bad("BOT_COMMAND_INVALID")
    if not 1 <= len(text) <= 256:
        raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": text}


def set_my_commands(world: World, p: Params) -> bool:
    items = p.json("commands")
    if not isinstance(items, list):
        raise bad("can't parse commands JSON object")
    if len(items) > 100:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    key = (_scope(world, p), p.text("language_code"))
    if items:
        world.commands[key] = [_command(item) for item in items]
    else:
        world.commands.pop(key, None)
    world.tell("commands", {})
    return True


def get_my_commands(world: World, p: Params) -> list[Json]:
    return world.commands.get((_scope(world, p), p.text("language_code")), [])


def delete_my_commands(world: World, p: Params) -> bool:
    world.commands.pop((_scope(world, p), p.text("language_code")), None)
    world.tell("commands", {})
    return True


def _set_text(world: World, p: Params, name: str, limit: int) -> bool:
    text = p.text(name)
    if len(text) > limit:
        raise bad(f"{name.upper()}_TOO_LONG")
    world.texts[name, p.text("language_code")] = text
    return True


def set_my_name(world: World, p: Params) -> bool:
    return _set_text(world, p, "name", 64)


def set_my_description(world: World, p: Params) -> bool:
    return _set_text(world, p, "description", 512)


def set_my_short_description(world: World, p: Params) -> bool:
    return _set_text(world, p, "short_description", 120)


def _get_text(world: World, p: Params, name: str, fallback: str = "") -> Json:
    language = p.text("language_code")
    return {name: world.texts.get((name, language)) or world.texts.get((name, "")) or fallback}


def get_my_name(world: World, p: Params) -> Json:
    return _get_text(world, p, "name", world.bot.first_name)


def get_my_description(world: World, p: Params) -> Json:
    return _get_text(world, p, "description")


def get_my_short_description(world: World, p: Params) -> Json:
    return _get_text(world, p, "short_description")


def set_chat_menu_button(world: World, p: Params) -> bool:
    button = p.json("menu_button") or {"type": "default"}
    if not isinstance(button, dict) or button.get("type") not in ("commands", "web_app", "default"):
        raise bad("can't parse menu button: unsupported type specified")
    chat = find_chat(world, p).id if p.has("chat_id") else None
    world.menu_buttons[chat] = button
    return True


def get_chat_menu_button(world: World, p: Params) -> Json:
    chat = p.number("chat_id")
    return world.menu_buttons.get(chat) or world.menu_buttons.get(None) or {"type": "commands"}
