"""Where a call goes: its chat, topic, the message it names, and whether the bot may."""

from simulator.errors import ApiError, bad, forbidden
from simulator.params import Params
from simulator.world import Account, Chat, Message, Topic, World

ADMINS = ("administrator", "creator")


def find_chat(world: World, p: Params, name: str = "chat_id") -> Chat:
    """The chat that a parameter names, as far as the bot may know it; 400 or 403 otherwise."""
    given = p.text(name).strip()
    if not given:
        raise bad(f"{name} is empty")
    if given.startswith("@") or not given.lstrip("-").isdigit():
        raise bad("chat not found")
    chat = world.chats.get(int(given))
    if chat is None:
        raise bad("chat not found")
    if chat.migrated_to is not None:
        raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to)
    if not chat.private and world.bot.id not in chat.members:
        if world.bot.id in chat.former:
            raise forbidden(f"bot was kicked from the {_kind(chat)} chat")
        raise forbidden(f"bot is not a member of the {_kind(chat)} chat")
    return chat


def open_chat(world: World, p: Params, name: str = "chat_id") -> Chat:
    """A chat that the bot may write into; 403 where the person blocked it or never began."""
    chat = find_chat(world, p, name)
    if chat.account is not None:
        if chat.account.deactivated:
            raise forbidden("user is deactivated")
        if chat.account.blocked:
            raise forbidden("bot was blocked by the user")
        if not chat.account.started:
            raise forbidden("bot can't initiate conversation with a user")
    return chat


def _kind(chat: Chat) -> str:
    return "supergroup" if chat.type == "supergroup" else "group"


def find_thread(world: World, chat: Chat, p: Params) -> Topic | None:
    """The topic that a send names, or None for the chat itself."""
    thread = p.number("message_thread_id")
    if not thread:
        return None
    topic = chat.topics.get(thread)
    if topic is None:
        raise bad("message thread not found")
    if topic.gone:
        raise bad(topic.gone)
    if topic.closed and chat.members.get(world.bot.id) not in ADMINS:
        raise bad("TOPIC_CLOSED")
    return topic


def find_reply(chat: Chat, p: Params) -> Message | None:
    """The message that a send answers; 400 where it is gone, unless that is allowed."""
    wanted = p.json("reply_parameters")
    if wanted is None:
        message_id = p.number("reply_to_message_id")
        lenient = p.flag("allow_sending_without_reply")
    else:
        if not isinstance(wanted, dict):
            raise bad("can't parse reply parameters JSON object")
        message_id = Params(wanted).number("message_id")
        lenient = Params(wanted).flag("allow_sending_without_reply")
        if str(wanted.get("chat_id", chat.id)) != str(chat.id):
            return None
    if not message_id:
        return None
    message = chat.messages.get(message_id)
    if message is not None and not message.deleted:
        return message
    if lenient:
        return None
    raise bad("message to be replied not found")


def find_message(chat: Chat, message_id: int | None, purpose: str) -> Message:
    """A message that is still there; 400 "message to <purpose> not found" otherwise."""
    message = chat.messages.get(message_id or 0)
    if message is None or message.deleted:
        raise bad(f"message to {purpose} not found")
    return message


def own_message(world: World, chat: Chat, p: Params) -> Message:
    """A message of the bot's own that it wants to edit."""
    if p.has("inline_message_id"):
        raise bad("inline message not found")
    message = find_message(chat, p.number("message_id"), "edit")
    if message.sender is not world.bot or message.service:
        raise bad("message can't be edited")
    return message


def find_account(world: World, p: Params) -> Account:
    """The person whom `user_id` names."""
    user_id = p.number("user_id")
    if user_id == world.bot.id:
        return world.bot
    account = world.accounts.get(user_id or 0)
    if account is None:
        raise bad("user not found" if user_id else "invalid user_id specified")
    return account


def need_admin(world: World, chat: Chat, refusal: str) -> None:
    """Raises 400 where the bot is a plain member."""
    if chat.members.get(world.bot.id) not in ADMINS:
        raise bad(refusal)


def pace(world: World, chat: Chat, now: float, cost: int = 1) -> None:
    """Count a send against Telegram's limits; 429 where it comes too early."""
    try:
        world.pace.take(chat.id, not chat.private, now, cost)
    except ApiError:
        world.tell("violations", dict(world.pace.violations))
        raise
