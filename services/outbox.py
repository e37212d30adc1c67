"""The one way out: every message to a person is a row written in the transaction of the fact that it reports."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from db import people, queues
from messages.split import LIMIT, split
from services.work import Work, Written

_CAPTION = 1024  # what Telegram takes under a picture


class Priority(IntEnum):
    """Lower leaves first."""

    ANSWER = 0  # answerCallbackQuery: worthless after seconds
    MARGIN = 10
    DIALOGUE = 20
    STAFF = 30
    BROADCAST = 40


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message. ``label`` is a key of messages/labels, or words with a blank in front."""

    label: str
    do: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UrlButton:
    label: str
    url: str


Row = Sequence[Button | UrlButton]


async def say(
    work: Work,
    chat_id: int,
    name: str,
    /,
    *,
    lang: str | None = None,
    buttons: Sequence[Row] = (),
    priority: Priority = Priority.DIALOGUE,
    on_doubt: str = "resend",
    dedupe: str | None = None,
    about: dict[str, Any] | None = None,
    reply_to: int | None = None,
    ask_contact: bool = False,
    protect: bool = False,
    quiet: bool = False,
    picture: bytes | None = None,
    **facts: Any,
) -> int | None:
    """Puts the message ``name`` for a chat into the outbox; its id, or None when ``dedupe`` was there already.

    ``ask_contact`` shows the keyboard that shares the person's own contact card. ``picture`` is a PNG that the
    text becomes the caption of. A text over 4,096 units (1,024 under a picture) becomes several messages; picture
    and buttons go with the last. A fact ``account`` says whose data the message carries.
    """
    lang = lang or await language(work, chat_id)
    html = work.deps.phrases.text(name, lang, **facts)
    return await say_html(
        work,
        chat_id,
        html,
        lang=lang,
        template=name,
        buttons=buttons,
        priority=priority,
        on_doubt=on_doubt,
        dedupe=dedupe,
        about=about,
        reply_to=reply_to,
        ask_contact=ask_contact,
        protect=protect,
        quiet=quiet,
        picture=picture,
        account=facts.get("account"),
    )


async def say_html(
    work: Work,
    chat_id: int,
    html: str,
    /,
    *,
    lang: str,
    template: str | None = None,
    buttons: Sequence[Row] = (),
    priority: Priority = Priority.DIALOGUE,
    on_doubt: str = "resend",
    dedupe: str | None = None,
    about: dict[str, Any] | None = None,
    reply_to: int | None = None,
    ask_contact: bool = False,
    protect: bool = False,
    quiet: bool = False,
    picture: bytes | None = None,
    account: str | None = None,
) -> int | None:
    """As ``say``, for a text that is Telegram's HTML already (an article)."""
    parts = split(html, _CAPTION if picture is not None else LIMIT)
    if not parts:
        raise ValueError(f"message {template} has nothing to say")
    added = None
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        body: dict[str, Any] = {"html": part}
        if reply_to and index == 0:
            body["reply_to"] = reply_to
        if protect:
            body["protect"] = True
        if quiet:
            body["quiet"] = True
        if last and ask_contact:
            body["contact_button"] = work.deps.phrases.label("link.share_contact", lang)
        if last and picture is not None:
            body["picture"] = base64.b64encode(picture).decode()
        added = await put(
            work,
            chat_id,
            "text",
            body,
            lang=lang,
            buttons=buttons if last else (),
            template=template,
            priority=priority,
            on_doubt=on_doubt,
            dedupe=f"{dedupe}/{index}" if dedupe and index else dedupe,
            about=about if last else None,
            account=account,
        )
        if added is None:
            return None
    return added


async def say_file(
    work: Work, chat_id: int, name: str, /, *, file_name: str, data: bytes, lang: str, **facts: Any
) -> int | None:
    """Puts a document into the outbox, with the message ``name`` as its caption (up to 1,024 units)."""
    body = {
        "html": work.deps.phrases.text(name, lang, **facts),
        "document": base64.b64encode(data).decode(),
        "file_name": file_name,
    }
    return await put(work, chat_id, "text", body, lang=lang, template=name, account=facts.get("account"))


async def edit(
    work: Work,
    chat_id: int,
    message_id: int,
    name: str,
    /,
    *,
    lang: str | None = None,
    buttons: Sequence[Row] = (),
    **facts: Any,
) -> None:
    """Replaces the text and the buttons of a message that was sent before."""
    lang = lang or await language(work, chat_id)
    html = work.deps.phrases.text(name, lang, **facts)
    body = {"html": html, "message_id": message_id}
    await put(
        work,
        chat_id,
        "edit",
        body,
        lang=lang,
        buttons=buttons,
        template=name,
        priority=Priority.STAFF,
        account=facts.get("account"),
    )


async def answer_button(
    work: Work, chat_id: int, query_id: str, text: str = "", *, alert: bool = False
) -> None:
    """Ends the waiting sign on a pressed button. Telegram takes it for a few seconds only."""
    body = {"query_id": query_id, "text": text[:200], "alert": alert}
    expires = work.deps.wall() + timedelta(seconds=10)
    await put(work, chat_id, "answer", body, priority=Priority.ANSWER, on_doubt="hold", expires_at=expires)


async def put(
    work: Work,
    chat_id: int,
    method: str,
    body: dict[str, Any],
    *,
    lang: str = "zh",
    buttons: Sequence[Row] = (),
    template: str | None = None,
    priority: Priority = Priority.DIALOGUE,
    on_doubt: str = "resend",
    dedupe: str | None = None,
    about: dict[str, Any] | None = None,
    expires_at: datetime | None = None,
    account: str | None = None,
) -> int | None:
    """Writes one outbox row. ``method``: text, edit, answer, copy, album, leave, menu (see bot/calls.py).

    ``account``: whose data it carries.
    """
    row = message(
        work,
        chat_id,
        method,
        body,
        lang=lang,
        buttons=buttons,
        template=template,
        priority=priority,
        on_doubt=on_doubt,
        dedupe=dedupe,
        about=about,
        expires_at=expires_at,
        account=account,
    )
    added = await queues.add_message(work.session, row)
    if added is not None:
        work.written.append(Written(added, row))
    return added


def message(
    work: Work,
    chat_id: int,
    method: str,
    body: dict[str, Any],
    *,
    lang: str = "zh",
    buttons: Sequence[Row] = (),
    template: str | None = None,
    priority: Priority = Priority.DIALOGUE,
    on_doubt: str = "resend",
    dedupe: str | None = None,
    about: dict[str, Any] | None = None,
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
    account: str | None = None,
) -> dict[str, Any]:
    """The columns of an outbox row, for ``put_all``."""
    token: str | None = None
    actions: list[dict[str, Any]] | None = None
    if buttons:
        token, actions, rows = work.deps.new_token(10), [], []
        for row in buttons:
            shown: list[dict[str, str]] = []
            for button in row:
                words = work.deps.phrases.label(button.label, lang)
                if isinstance(button, UrlButton):
                    shown.append({"text": words, "url": button.url})
                else:
                    shown.append({"text": words, "callback_data": f"{token}.{len(actions)}"})
                    actions.append({"do": button.do, "args": button.args})
            rows.append(shown)
        body = {**body, "buttons": rows}
    return {
        "dedupe_key": dedupe,
        "chat_id": chat_id,
        "account": account,
        "priority": int(priority),
        "on_doubt": on_doubt,
        "method": method,
        "body": body,
        "template": template,
        "token": token,
        "actions": actions,
        "state": "pending",
        "attempts": 0,
        "created_at": work.deps.wall(),
        "not_before": not_before,
        "expires_at": expires_at,
        "about": about,
    }


async def put_all(work: Work, messages: Sequence[dict[str, Any]]) -> list[int]:
    """Writes many outbox rows at once, each with a ``dedupe`` of its own; their ids, in order."""
    return await queues.add_messages(work.session, messages)


async def language(work: Work, chat_id: int) -> str:
    """The language that a chat speaks; Chinese where it never spoke."""
    chat = await people.chat(work.session, chat_id)
    return chat.lang if chat else "zh"


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a button means, and the message that carries it."""

    action: str
    args: dict[str, Any]
    message_id: int | None
    about: dict[str, Any]


async def pressed(work: Work, chat_id: int, data: str) -> Pressed | None:
    """The meaning of a button's data; None for somebody else's button and for one that never was."""
    token, _, index = data.partition(".")
    row = await queues.message_by_token(work.session, token)
    # Whoever forges data may send any characters; not everything that is a digit is a number.
    known = row is not None and index.isascii() and index.isdigit() and int(index) < len(row.actions or [])
    if row is None or not known or row.chat_id != chat_id:
        return None
    action = (row.actions or [])[int(index)]
    return Pressed(action["do"], dict(action["args"]), row.message_id, dict(row.about or {}))
