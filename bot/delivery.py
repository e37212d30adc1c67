"""Sends the outbox: most urgent first, paced, one message a chat at a time, each result stored.

pending -> sending (stored before the request leaves) -> sent | failed | expired, back to pending for another try,
or held (in doubt after a kill, and not to be sent twice).
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from bot.calls import NO_MESSAGE, call, message_ids, weight
from bot.departure import Departure
from bot.intake import seconds_of
from bot.pacing import Pacer
from bot.raw import RawBot, may_have_arrived
from db import queues, trouble
from db.models import OutboxMessage
from domain.errors import place
from services import outcomes
from services.work import Deps, Work, Written

log = structlog.get_logger()
_TRIES = 8
_LONGEST_PAUSE = 60.0
_LOOK_EVERY = 0.5
_STOP_SECONDS = 2.0

Follow = Callable[[Work], Awaitable[None]]


class Delivery:
    """The one sender of the house."""

    def __init__(self, deps: Deps, bot: RawBot) -> None:
        self.deps = deps
        self.bot = bot
        self.news = asyncio.Event()
        self.pacer = Pacer(deps.policy.delivery, time.monotonic)
        self.sent = 0
        self.failed = 0
        self._ours: set[int] = set()  # messages that this run has booked or is sending
        self._busy: set[int] = set()  # their chats
        self._held_back = True  # something may wait, be it only for a window to open
        self._left_waiting = 0  # how often a transaction's message could not leave with it
        self._astray: set[int] = set()  # claims whose commit failed, and may have been done all the same
        self._tasks: set[asyncio.Task[None]] = set()
        # Calls to which Telegram said anything: what fails meanwhile fails for its own reasons.
        self._answers = 0
        # Calls without an answer since the last one with.
        self._silences = 0
        # Message -> how often it failed although others got through, and the answers at its last failure.
        self._troubles: dict[int, tuple[int, int]] = {}
        self._lost = False
        self._fatal: BaseException | None = None

    # --- after a kill ---------------------------------------------------------------------------------------

    async def settle_doubts(self) -> None:
        """After a kill: dialogue and margin calls are sent again, the rest is held and reported."""
        async with self.deps.db.read() as session:
            doubtful = await queues.messages_in_doubt(session)
        for message in doubtful:
            await self._doubt(message, "after a restart")

    async def _doubt(self, message: OutboxMessage, why: str) -> None:
        if message.method in NO_MESSAGE and message.expires_at is not None:
            # Nobody waits for the answer to a button any more.
            await self._store(message, state="expired", error=f"in doubt {why}")
        elif message.on_doubt == "resend":
            await self._store(message, state="pending", error=f"in doubt {why}")
        else:
            await self._store(
                message, lambda work: outcomes.held(work, message), state="held", error=f"in doubt {why}"
            )

    # --- choosing -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. A request on its way is waited for briefly, so that its result is stored."""
        try:
            while self._fatal is None:
                self.news.clear()
                try:
                    if self._lost:
                        await self._find_telegram()
                    if self._astray:
                        await self._bring_back()
                    if await self._begin() and self._held_back:
                        continue
                except Exception as error:
                    if not trouble.passes(error):
                        raise
                    log.warning("the database cannot be used; messages wait", error=type(error).__name__)
                await self._wait()
            raise self._fatal
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._astray:
                await self._bring_back()

    async def _bring_back(self) -> None:
        """Claims that nothing was sent of wait again; where the database is away, the next run settles the doubt."""
        astray = set(self._astray)
        try:
            async with self.deps.db.write() as session:
                # What was rolled back has given its number to another message, which may be on its way.
                await queues.unclaim_messages(session, astray - self._ours)
        except Exception as error:
            if not trouble.passes(error):
                raise
            return
        self._astray -= astray
        self.look()

    async def _wait(self) -> None:
        pause = _LOOK_EVERY
        if self._slots() > 0 and (self.pacer.pause_left() > 0 or self._held_back):
            pause = min(_LOOK_EVERY, self.pacer.wait())
        # Not wait_for: on Python 3.11 it can swallow the cancellation that ends the loop.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self.news.wait()

    def _slots(self) -> int:
        return self.deps.policy.delivery.in_flight - len(self._ours)

    async def _begin(self) -> int:
        """Takes what may leave now; how many messages that was."""
        slots = self._slots()
        if slots <= 0 or self.pacer.pause_left() > 0:
            return 0
        left_waiting = self._left_waiting
        async with self.deps.db.read() as session:
            due = await queues.due_messages(
                session,
                at=self.deps.wall(),
                not_chats={*self.pacer.resting(), *self._busy},
                silent_chats=self.pacer.silent(),
                limit=slots + 4,
            )
            resting = len(due) < slots + 4 and await queues.pending_beyond(session, [m.id for m in due])
        chosen = self._choose(due, self._slots())
        self._held_back = resting or len(chosen) < len(due) or self._left_waiting > left_waiting
        if not chosen:
            return 0
        self._book(chosen)
        claimed: list[OutboxMessage] = []
        try:
            async with self.deps.db.write() as session:
                claimed = await queues.claim_messages(session, [m.id for m in chosen], self.deps.wall())
        except BaseException:
            self._give_back(chosen)
            raise
        self._leave(chosen, claimed)
        return len(chosen)

    def _choose(self, due: list[OutboxMessage], slots: int) -> list[OutboxMessage]:
        """One a chat. Answers to buttons are no messages: they pass even where the windows are full."""
        chosen: list[OutboxMessage] = []
        chats: set[int] = set()
        room = self._room()
        for message in due:
            if len(chosen) == slots:
                break
            if message.method in NO_MESSAGE:
                chosen.append(message)
            elif message.chat_id not in chats and room > 0:
                # An album waits until all of it fits, and the others wait with it, else it would wait for ever.
                # One that can never fit goes out when the window is empty.
                fits = weight(message) <= room or room == self.pacer.limits.per_second
                room = room - weight(message) if fits else 0
                if fits:
                    chats.add(message.chat_id)
                    chosen.append(message)
        return chosen

    def _room(self) -> int:
        """How many may be taken on besides those that are booked and have not left."""
        return self.pacer.free() - max(0, len(self._ours) - len(self._tasks))

    # --- leaving with the commit ----------------------------------------------------------------------------

    @contextmanager
    def departure(self) -> Iterator[Departure]:
        """Around a transaction: what it claims leaves when the block has ended well, without a look at the table."""
        leaving = Departure(self)
        try:
            yield leaving
        except BaseException:
            self._give_back(leaving.booked)
            raise
        self._leave(leaving.booked, leaving.claimed)

    def book(self, written: Sequence[Written]) -> list[Written]:
        """Keeps a place for those that may leave now. Nothing is overtaken: not while anything is known to wait."""
        booked: list[Written] = []
        resting = {*self.pacer.resting()} if written else set()
        room = self._room()
        for message in written:
            free = message.chat_id not in self._busy and message.chat_id not in resting
            fits = self._slots() > 0 and room > 0 and message.method != "album"
            # One that must not be sent twice is claimed in a transaction of its own: a stop in between leaves no doubt.
            simple = message.on_doubt == "resend" or message.method in NO_MESSAGE
            if self._lost or self._held_back or not (free and fits and simple):
                self.look()
                break
            self._book([message])
            booked.append(message)
            room -= 1
        return booked

    def _book(self, messages: Iterable[OutboxMessage | Written]) -> None:
        for message in messages:
            self._ours.add(message.id)
            if message.method not in NO_MESSAGE:
                self._busy.add(message.chat_id)

    def _leave(self, booked: Iterable[OutboxMessage | Written], claimed: Sequence[OutboxMessage]) -> None:
        """Sends what was claimed; between being booked and being claimed a message may have been stopped."""
        ids = {message.id for message in claimed}
        for place_of in booked:
            if place_of.id not in ids:
                self._free(place_of)
        for message in claimed:
            self.pacer.sent(message.chat_id, weight(message))
            task = asyncio.create_task(self._send(message))
            self._tasks.add(task)
            task.add_done_callback(self._finished)

    def _give_back(self, booked: Iterable[OutboxMessage | Written]) -> None:
        for message in booked:
            self._free(message)
            self._astray.add(message.id)
            self.news.set()

    def _free(self, message: OutboxMessage | Written) -> None:
        self._ours.discard(message.id)
        if message.method not in NO_MESSAGE:
            self._busy.discard(message.chat_id)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fatal = self._fatal or error
        if self._held_back or self._fatal:
            self.news.set()

    # --- sending --------------------------------------------------------------------------------------------

    async def _send(self, message: OutboxMessage) -> None:
        try:
            if message.expires_at is not None and message.expires_at <= self.deps.wall():
                await self._too_late(message)
            elif self.pacer.paused(message.chat_id):  # a 429 came between the choice and now
                await self._store(message, state="pending")
            else:
                await self._try(message)
        finally:
            self._free(message)

    async def _try(self, message: OutboxMessage) -> None:
        before = self._answers
        try:
            result = await call(self.bot, message)
        except RetryAfter as error:
            # Telegram does not say whether it means the chat or the bot: obey for both.
            self.pacer.pause(seconds_of(error), message.chat_id)
            self.pacer.pause(seconds_of(error))
            await self._store(message, state="pending", error="429")
        except (InvalidToken, Conflict) as error:
            self._fatal = error  # before it waits again, else it would be tried again
            await self._store(message, state="pending", error="token refused")
            raise
        except ChatMigrated as error:
            self._answered()
            await self._moved(message, error.new_chat_id)
        except Forbidden as error:
            self._answered()
            await self._gave_up(message, "blocked", error.message)
        except BadRequest as error:
            self._answered()
            await self._refused(message, error)
        except TelegramError as error:
            await self._unanswered(message, error, before)
        except Exception as error:  # noqa: BLE001  # a row that cannot be sent must not be tried for ever
            log.error("message cannot be sent", outbox_id=message.id, place=place(error))
            await self._gave_up(message, "failed", type(error).__name__)
        else:
            self._answered()
            await self._arrived(message, result)

    def _answered(self) -> None:
        self._answers += 1
        self._silences = 0

    async def _find_telegram(self) -> None:
        """Asks with growing pauses until Telegram answers; meanwhile nothing leaves, so that nothing gets in doubt."""
        failed, pause = 0, 0.0
        while True:
            await asyncio.sleep(max(pause, self.pacer.pause_left()))
            try:
                await self.bot.raw("getMe", {})
            except InvalidToken:
                raise
            except RetryAfter as error:
                self.pacer.pause(seconds_of(error))
            except TelegramError as error:
                failed += 1
                pause = _growing(failed)
                log.warning(
                    "telegram is out of reach; messages wait",
                    error=type(error).__name__,
                    again_in_seconds=pause,
                )
                continue
            self._lost = False
            return

    # --- results --------------------------------------------------------------------------------------------

    async def _store(self, message: OutboxMessage, follow: Follow | None = None, **values: Any) -> None:
        """The result and what follows from it, in one transaction; neither where the claim no longer counts.

        A database out of reach is waited for: Telegram has the message already. A defect in what follows is
        reported, and does not leave the message in doubt.
        """
        pause = 0.1
        while True:
            try:
                # A result that a power cut takes along is a doubt, as after any kill; proof of delivery is not lost.
                async with self.deps.db.write(durable=follow is not None) as session:
                    if await queues.settle_message(session, message, **values) and follow is not None:
                        await follow(Work(self.deps, session, self.deps.now()))
                break
            except Exception as error:
                if trouble.passes(error):
                    log.warning("the database cannot be used; a result waits", error=type(error).__name__)
                    await asyncio.sleep(pause)
                    pause = min(5.0, pause * 2)
                elif follow is None:
                    raise
                else:
                    log.error(
                        "what follows from a message failed",
                        outbox_id=message.id,
                        template=message.template,
                        error=type(error).__name__,
                        place=place(error),
                    )
                    follow = None
        if values["state"] == "pending" or follow is not None:
            self.look()

    def look(self) -> None:
        """Something may wait in the table: it is looked at soon, and nothing that is written now overtakes it."""
        self._held_back = True
        self._left_waiting += 1
        self.news.set()

    async def _arrived(self, message: OutboxMessage, result: Any) -> None:
        ids = message_ids(result)
        self._troubles.pop(message.id, None)
        follow: Follow | None = (lambda work: outcomes.sent(work, message, ids)) if message.about else None
        await self._store(
            message,
            follow,
            state="sent",
            sent_at=self.deps.wall(),
            message_id=ids[0] if ids else None,
        )
        self.sent += 1

    async def _gave_up(self, message: OutboxMessage, state: str, reason: str) -> None:
        self.failed += 1
        self._troubles.pop(message.id, None)
        log.warning("message failed", outbox_id=message.id, template=message.template, reason=reason)
        await self._store(
            message,
            lambda work: outcomes.failed(work, message, state, reason),
            state="failed",
            error=reason,
        )

    async def _too_late(self, message: OutboxMessage) -> None:
        follow: Follow = lambda work: outcomes.failed(work, message, "failed", "expired")  # noqa: E731
        await self._store(message, follow if message.about else None, state="expired")

    async def _refused(self, message: OutboxMessage, error: BadRequest) -> None:
        """A 400: some mean that all is well, one means our HTML, the rest are final."""
        reason = error.message.lower()
        if "not modified" in reason or (message.method == "answer" and "query" in reason):
            await self._arrived(message, True)
        elif "parse entities" in reason and "html" in message.body and not message.body.get("plain"):
            log.error("html refused by telegram", outbox_id=message.id, template=message.template)
            await self._store(message, state="pending", body={**message.body, "plain": True})
        else:
            gone = "chat not found" in reason or "user is deactivated" in reason
            await self._gave_up(message, "blocked" if gone else "failed", error.message)

    async def _moved(self, message: OutboxMessage, chat_id: int) -> None:
        log.warning("a group has become a supergroup", old=message.chat_id, new=chat_id)
        await self._store(
            message,
            lambda work: queues.move_chat(work.session, message.chat_id, chat_id),
            state="pending",
            chat_id=chat_id,
        )

    async def _unanswered(self, message: OutboxMessage, error: TelegramError, before: int) -> None:
        """No answer, or a 5xx. While nobody else gets one either, Telegram is out of reach and nobody is blamed."""
        self._lost = True
        self._silences += 1
        if self._silences > self.deps.policy.delivery.in_flight:
            self.pacer.pause(_growing(self._silences - self.deps.policy.delivery.in_flight))
        tries, seen = self._troubles.get(message.id, (0, before))
        self._troubles[message.id] = (tries + (self._answers > seen), self._answers)
        if self._troubles[message.id][0] >= _TRIES:
            await self._gave_up(message, "failed", type(error).__name__)
            return
        # The chat's later messages must not overtake: they wait as long.
        self.pacer.pause(_growing(message.attempts), message.chat_id)
        if may_have_arrived(error):
            await self._doubt(message, f"after {type(error).__name__}")
        else:
            await self._store(message, state="pending", error=type(error).__name__)


def _growing(attempt: int) -> float:
    """Half a second after the first attempt, then twice as long each time, at most a minute."""
    return min(_LONGEST_PAUSE, 0.5 * 2.0 ** min(attempt - 1, 10))
