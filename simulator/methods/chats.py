"""Methods about chats, their members and their topics."""

from typing import Any

from simulator.errors import Json, bad
from simulator.methods.targets import find_account, find_chat, need_admin
from simulator.params import Params
from simulator.world import ADMIN_RIGHTS, Account, Chat, Topic, World

ICON_COLOURS = (7322096, 16766590, 13338331, 9367192, 16749490, 16478047)


def get_chat(world: World, p: Params) -> Json:
    chat = find_chat(world, p)
    if chat.account is not None and not chat.account.started:
        raise bad("chat not found")
    full: Json = chat.as_api() | {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(
            (
                "unlimited_gifts",
                "limited_gifts",
                "unique_gifts",
                "premium_subscription",
                "gifts_from_channels",
            ),
            False,
        ),
    }
    if not chat.private:
        full["permissions"] = {"can_send_messages": True, "can_invite_users": True}
    if chat.pinned:
        full["pinned_message"] = chat.messages[chat.pinned[-1]].as_api(with_reply=False)
    return full


def as_member(account: Account, status: str) -> Json:
    """Telegram's ChatMember object."""
    member: Json = {"user": account.as_user(), "status": status}
    if status == "administrator":
        member |= ADMIN_RIGHTS
    elif status == "creator":
        member["is_anonymous"] = False
    elif status == "kicked":
        member["until_date"] = 0
    return member


def get_chat_member(world: World, p: Params) -> Json:
    chat = find_chat(world, p)
    account = find_account(world, p)
    if chat.private:
        if account is not world.bot and account is not chat.account:
            raise bad("user not found")
        return as_member(account, "member")
    if account.id in chat.members:
        return as_member(account, chat.members[account.id])
    return as_member(account, "left")


def get_chat_administrators(world: World, p: Params) -> list[Json]:
    chat = find_chat(world, p)
    if chat.private:
        raise bad("there are no administrators in the private chat")
    everybody = {**world.accounts, world.bot.id: world.bot}
    return [
        as_member(everybody[member], status)
        for member, status in chat.members.items()
        if status in ("administrator", "creator")
    ]


def get_chat_member_count(world: World, p: Params) -> int:
    chat = find_chat(world, p)
    return 2 if chat.private else len(chat.members)


def leave_chat(world: World, p: Params) -> bool:
    chat = find_chat(world, p)
    if chat.private:
        raise bad("chat member status can't be changed in private chats")
    change_bot_status(world, chat, world.bot, "left")
    return True


def change_bot_status(world: World, chat: Chat, by: Account, status: str) -> None:
    """The bot joins, leaves or is thrown out; the bot is told by my_chat_member."""
    before = chat.members.get(world.bot.id, "left")
    if status in ("left", "kicked"):
        chat.members.pop(world.bot.id, None)
        if status == "kicked":
            chat.former.add(world.bot.id)
    else:
        chat.members[world.bot.id] = status
        chat.former.discard(world.bot.id)
    world.updates.add(
        "my_chat_member",
        {
            "chat": chat.as_api(),
            "from": by.as_user(),
            "date": world.unix(),
            "old_chat_member": as_member(world.bot, before),
            "new_chat_member": as_member(world.bot, status),
        },
        chat.id,
    )
    world.tell("chat", {"chat": chat.id})


# -- topics


def _forum(world: World, p: Params) -> Chat:
    chat = find_chat(world, p)
    if not chat.forum:
        raise bad("the chat is not a forum")
    need_admin(world, chat, "not enough rights to manage topics")
    return chat


def _topic(chat: Chat, p: Params) -> Topic:
    topic = chat.topics.get(p.number("message_thread_id") or 0)
    if topic is None or topic.gone:
        raise bad("TOPIC_ID_INVALID")
    return topic


def _name(p: Params) -> str:
    name = p.text("name").strip()
    if not name or len(name) > 128:
        raise bad("TOPIC_TITLE_EMPTY" if not name else "topic name is too long")
    return name


def open_topic(world: World, chat: Chat, by: Account, name: str, colour: int) -> Topic:
    """A new topic with its service message, which gives it its number."""
    service = {"forum_topic_created": {"name": name, "icon_color": colour}}
    message = world.post(chat, by, service, in_topic=True, service=True)
    message.thread = message.id
    topic = Topic(message.id, name, colour)
    chat.topics[topic.id] = topic
    world.updates.add("message", message.as_api(), chat.id)
    world.tell("chat", {"chat": chat.id})
    return topic


def create_forum_topic(world: World, p: Params) -> Json:
    chat = _forum(world, p)
    colour = p.number("icon_color") or ICON_COLOURS[0]
    if colour not in ICON_COLOURS:
        raise bad("wrong icon_color specified")
    topic = open_topic(world, chat, world.bot, _name(p), colour)
    return {"message_thread_id": topic.id, "name": topic.name, "icon_color": topic.icon_color}


def _service(world: World, chat: Chat, topic: Topic, content: Json) -> None:
    message = world.post(chat, world.bot, content, thread=topic.id, in_topic=True, service=True)
    world.updates.add("message", message.as_api(), chat.id)
    world.tell("chat", {"chat": chat.id})


def edit_forum_topic(world: World, p: Params) -> bool:
    chat = _forum(world, p)
    topic = _topic(chat, p)
    if not p.has("name"):
        return True
    name = _name(p)
    if name == topic.name:
        raise bad("TOPIC_NOT_MODIFIED")
    topic.name = name
    _service(world, chat, topic, {"forum_topic_edited": {"name": name}})
    return True


def _set_closed(world: World, p: Params, closed: bool) -> bool:
    chat = _forum(world, p)
    topic = _topic(chat, p)
    if topic.closed == closed:
        raise bad("TOPIC_NOT_MODIFIED")
    topic.closed = closed
    empty: dict[str, Any] = {}
    _service(world, chat, topic, {"forum_topic_closed" if closed else "forum_topic_reopened": empty})
    return True


def close_forum_topic(world: World, p: Params) -> bool:
    return _set_closed(world, p, True)


def reopen_forum_topic(world: World, p: Params) -> bool:
    return _set_closed(world, p, False)


def delete_forum_topic(world: World, p: Params) -> bool:
    chat = _forum(world, p)
    remove_topic(world, chat, _topic(chat, p), "message thread not found")
    return True


def remove_topic(world: World, chat: Chat, topic: Topic, refusal: str) -> None:
    """The topic and its messages are gone; later sends into it get the refusal."""
    topic.gone = refusal
    for message in chat.messages.values():
        if message.thread == topic.id and not message.deleted:
            message.deleted = True
            world.touch(message, "delete")
    world.tell("chat", {"chat": chat.id})
