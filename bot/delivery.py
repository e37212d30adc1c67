"""Sends the outbox: most urgent first, paced, one message a chat at a time, each result stored.

pending -> sending (stored before the request leaves) -> sent | failed | expired, back to pending for another try,
or held (in doubt after a kill, and not to be sent twice).
"""

import asyncio
import base64
import time
from typing import Any

import structlog
from telegram import InputFile, InputMediaDocument, InputMediaPhoto, InputMediaVideo
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TelegramError, TimedOut
from bot.raw import RawBot

from bot.intake import seconds_of
from bot.pacing import Pacer
from db import queues
from db.models import OutboxMessage
from messages.split import plain
from services import outcomes
from services.work import Deps, Work

log = structlog.get_logger()
_TRIES = 8
# Calls that put nothing into a chat: they need no room in its windows.
_NO_MESSAGE = frozenset({"answer", "menu", "leave"})


class Delivery:
    """The one sender of the house."""

    def __init__(self, deps: Deps, bot: RawBot) -> None:
        self.deps = deps
        self.bot = bot
        self.news = asyncio.Event()
        self.pacer = Pacer(deps.policy.delivery, time.monotonic)
        self.sent = 0
        self.failed = 0
        self._busy: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def settle_doubts(self) -> None:
        """After a kill: dialogue and margin calls are sent again, the rest is held and reported."""
        async with self.deps.db.write() as session:
            doubtful = await queues.messages_in_doubt(session)
            again = [m.id for m in doubtful if m.on_doubt == "resend"]
            held = [m for m in doubtful if m.on_doubt != "resend"]
            await queues.set_messages(session, again, state="pending")
            await queues.set_messages(
                session, [m.id for m in held], state="held", error="in doubt after a restart"
            )
            if held:
                work = Work(self.deps, session, self.deps.now())
                for message in held:
                    await outcomes.held(work, message)

    async def run(self) -> None:
        """Until cancelled. A request on its way is waited for briefly, so that its result is stored."""
        try:
            while True:
                self.news.clear()
                begun = await self._begin()
                if not begun:
                    try:
                        await asyncio.wait_for(self.news.wait(), timeout=min(0.5, self.pacer.wait()))
                    except TimeoutError:
                        continue
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=2.0)
            for task in self._tasks:
                task.cancel()

    async def _begin(self) -> int:
        """Takes what may leave now; how many messages that was."""
        room = min(self.deps.policy.delivery.in_flight - len(self._tasks), max(self.pacer.free(), 0))
        if self.deps.policy.delivery.in_flight == len(self._tasks):
            return 0
        async with self.deps.db.read() as session:
            # Answers to buttons are no messages: they pass even where the windows are full.
            resting = {*self.pacer.resting(), *self._busy}
            due = await queues.due_messages(
                session, at=self.deps.wall(), not_chats=resting, limit=max(room, 1) + 4
            )
        chosen: list[OutboxMessage] = []
        for message in due:
            if any(message.chat_id == other.chat_id for other in chosen) or len(chosen) >= max(room, 1):
                continue
            if message.method in _NO_MESSAGE or room > 0:
                chosen.append(message)
        if not chosen:
            return 0
        late = [m for m in chosen if m.expires_at is not None and m.expires_at <= self.deps.wall()]
        going = [m for m in chosen if m not in late]
        async with self.deps.db.write() as session:
            await queues.claim_messages(session, [m.id for m in going])
            await queues.set_messages(session, [m.id for m in late], state="expired")
        for message in going:
            if message.method not in _NO_MESSAGE:
                self.pacer.sent(message.chat_id)
            self._busy.add(message.chat_id)
            task = asyncio.create_task(self._send(message))
            self._tasks.add(task)
            task.add_done_callback(self._finished)
        return len(chosen)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.news.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("delivery failed", error=type(task.exception()).__name__)

    async def _send(self, message: OutboxMessage) -> None:
        try:
            try:
                result = await self._call(message)
            except RetryAfter as error:
                pause = seconds_of(error)
                # Telegram does not say whether it means the chat or the bot: obey for both.
                self.pacer.pause(pause, message.chat_id)
                self.pacer.pause(pause)
                await self._again(message, "429", count=False)
            except Forbidden as error:
                await self._gave_up(message, "blocked", error)
            except BadRequest as error:
                await self._refused(message, error)
            except TimedOut as error:
                await self._in_doubt(message, error)
            except NetworkError as error:
                # Telegram out of reach or 5xx: nobody is blamed, everything waits with growing pauses.
                self.pacer.pause(min(60.0, 0.5 * 2**message.attempts))
                await self._again(message, type(error).__name__, count=False)
            except TelegramError as error:
                await self._gave_up(message, "failed", error)
            else:
                await self._arrived(message, result)
        finally:
            self._busy.discard(message.chat_id)

    async def _call(self, message: OutboxMessage) -> Any:
        body = message.body
        match message.method:
            case "text" if "picture" in body:
                return await self.bot.send_photo(
                    message.chat_id,
                    InputFile(base64.b64decode(body["picture"]), "qr.png"),
                    caption=body["html"],
                    parse_mode="HTML",
                    api_kwargs=_markup(body),
                )
            case "text":
                words = (
                    {"text": plain(body["html"])}
                    if body.get("plain")
                    else {"text": body["html"], "parse_mode": "HTML"}
                )
                params = {"chat_id": message.chat_id, **words, **_options(body)}
                return await self.bot.raw("sendMessage", params)
            case "edit":
                params = {"chat_id": message.chat_id, "message_id": body["message_id"], "text": body["html"]}
                return await self.bot.raw(
                    "editMessageText", {**params, "parse_mode": "HTML", **_markup(body)}
                )
            case "answer":
                params = {
                    "callback_query_id": body["query_id"],
                    "text": body["text"],
                    "show_alert": body["alert"],
                }
                return await self.bot.raw("answerCallbackQuery", params)
            case "copy":
                params = {
                    "chat_id": message.chat_id,
                    "from_chat_id": body["from_chat"],
                    "message_id": body["message_id"],
                }
                return await self.bot.raw("copyMessage", {**params, **_options(body)})
            case "album":
                kinds = {"photo": InputMediaPhoto, "video": InputMediaVideo, "document": InputMediaDocument}
                media = [
                    kinds[item["type"]](item["media"], caption=item.get("caption")) for item in body["media"]
                ]
                return await self.bot.send_media_group(
                    message.chat_id, media, reply_to_message_id=body.get("reply_to")
                )
            case "edit_caption":
                params = {
                    "chat_id": message.chat_id,
                    "message_id": body["message_id"],
                    "caption": body["html"],
                }
                return await self.bot.raw("editMessageCaption", {**params, "parse_mode": "HTML"})
            case "leave":
                return await self.bot.raw("leaveChat", {"chat_id": message.chat_id})
            case "menu":
                return await self.bot.raw("setMyCommands", body)
            case _:
                raise ValueError(f"no such method in the outbox: {message.method}")

    async def _refused(self, message: OutboxMessage, error: BadRequest) -> None:
        """A 400: some mean that all is well, one means our HTML, the rest are final."""
        reason = error.message.lower()
        if "not modified" in reason or (message.method == "answer" and "query" in reason):
            await self._arrived(message, True)
        elif (
            "parse entities" in reason and message.method == "text" and message.body.get("plain") is not True
        ):
            log.error("html refused by telegram", outbox_id=message.id, template=message.template)
            async with self.deps.db.write() as session:
                body = {**message.body, "plain": True}
                await queues.set_messages(session, [message.id], state="pending", body=body)
        else:
            gone = "chat not found" in reason or "user is deactivated" in reason
            await self._gave_up(message, "blocked" if gone else "failed", error)

    async def _arrived(self, message: OutboxMessage, result: Any) -> None:
        ids = _message_ids(result)
        async with self.deps.db.write() as session:
            await queues.set_messages(
                session,
                [message.id],
                state="sent",
                sent_at=self.deps.wall(),
                message_id=ids[0] if ids else None,
            )
            if message.about:
                await outcomes.sent(Work(self.deps, session, self.deps.now()), message, ids)
        self.sent += 1

    async def _gave_up(self, message: OutboxMessage, state: str, error: TelegramError) -> None:
        self.failed += 1
        log.warning("message failed", outbox_id=message.id, template=message.template, reason=error.message)
        async with self.deps.db.write() as session:
            await queues.set_messages(session, [message.id], state="failed", error=error.message)
            await outcomes.failed(Work(self.deps, session, self.deps.now()), message, state, error.message)

    async def _in_doubt(self, message: OutboxMessage, error: TelegramError) -> None:
        """A time-out does not say whether the message arrived: the same doubt as a kill."""
        if message.on_doubt == "resend":
            await self._again(message, type(error).__name__, count=True)
            return
        async with self.deps.db.write() as session:
            await queues.set_messages(session, [message.id], state="held", error="in doubt after a time-out")
            await outcomes.held(Work(self.deps, session, self.deps.now()), message)

    async def _again(self, message: OutboxMessage, why: str, *, count: bool) -> None:
        if count and message.attempts + 1 >= _TRIES:
            await self._gave_up(message, "failed", TelegramError(why))
            return
        pause = min(60.0, 0.5 * 2**message.attempts) if count else 0.0
        if pause:
            self.pacer.pause(pause, message.chat_id)  # the chat's later messages must not overtake
        async with self.deps.db.write() as session:
            await queues.set_messages(session, [message.id], state="pending", error=why)


def _options(body: dict[str, Any]) -> dict[str, Any]:
    options = _markup(body)
    if "reply_to" in body:
        options["reply_parameters"] = {"message_id": body["reply_to"], "allow_sending_without_reply": True}
    if body.get("protect"):
        options["protect_content"] = True
    if body.get("quiet"):
        options["disable_notification"] = True
    options["link_preview_options"] = {"is_disabled": True}
    return options


def _markup(body: dict[str, Any]) -> dict[str, Any]:
    if "buttons" in body:
        return {"reply_markup": {"inline_keyboard": body["buttons"]}}
    if "contact_button" in body:
        button = {"text": body["contact_button"], "request_contact": True}
        return {"reply_markup": {"keyboard": [[button]], "resize_keyboard": True, "one_time_keyboard": True}}
    if body.get("remove_keyboard"):
        return {"reply_markup": {"remove_keyboard": True}}
    return {}


def _message_ids(result: Any) -> list[int]:
    if isinstance(result, dict):
        return [int(result["message_id"])] if "message_id" in result else []
    if isinstance(result, (list, tuple)):
        return [found for item in result for found in _message_ids(item)]
    found = getattr(result, "message_id", None)
    return [int(found)] if found is not None else []
