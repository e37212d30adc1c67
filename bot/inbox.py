"""Handles stored updates once each, in the order of their chat; effect, replies and done mark are one transaction."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Sequence
from typing import Any

import structlog
from telegram import Update

from bot.departure import Courier, Departure
from bot.flood import Flood
from db import queues, trouble
from db.models import InboxUpdate
from domain.errors import Refusal, place
from domain.people import Actor
from handlers.context import App, Turn, current
from services import access, alerts, flood, outbox
from services.work import Deps, Work

log = structlog.get_logger()
ATTEMPTS = 3
_PAUSES = (0.2, 1.0)  # seconds before the second and the third attempt
_BATCH = 200
_MOST = 2_000  # updates in memory; a day's backlog stays in the table
_HANDLER_SECONDS = 30
_LARGEST_ID = 2**63 - 1


def lane_of(update: dict[str, Any]) -> int:
    """The chat whose order an update belongs to; 0 for updates of no chat, whatever they look like."""
    for kind in update.values():
        if isinstance(kind, dict):
            message = kind.get("message")
            inner = message.get("chat") if isinstance(message, dict) else None
            chat = kind.get("chat") or inner or kind.get("from")
            number = chat.get("id") if isinstance(chat, dict) else None
            if isinstance(number, int) and abs(number) <= _LARGEST_ID:
                return number
    return 0


def clean(value: Any) -> Any:
    """The update without what no database can store: lone halves of surrogate pairs, and NUL."""
    if isinstance(value, str):
        whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return whole.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    return [clean(item) for item in value] if isinstance(value, list) else value


class Inbox:
    """The worker over the inbox table."""

    def __init__(self, deps: Deps, app: App, courier: Courier, *, workers: int) -> None:
        self.deps = deps
        self.app = app
        self.courier = courier
        self.news = asyncio.Event()
        self.handled = 0
        self._behind = True  # the table may hold updates that are in no lane
        self._refused = 0  # how often an offer was left to the table
        self._slots = asyncio.Semaphore(workers)
        self._flood = Flood(deps.policy.chat.messages_per_minute)
        self._lanes: dict[int, deque[InboxUpdate]] = {}
        self._known: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # --- lanes ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled: what was begun is finished or rolled back, the rest stays in the table."""
        try:
            while True:
                self.news.clear()
                try:
                    if await self._load():
                        continue
                except Exception as error:
                    if not trouble.passes(error):
                        raise
                    log.warning("the database cannot be used; updates wait", error=type(error).__name__)
                # Another process (a webhook worker, a bench) may have stored updates: look now and then.
                # (Not wait_for: on Python 3.11 it can swallow the cancellation that ends this loop.)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self.news.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def offer(self, stored: Sequence[InboxUpdate]) -> None:
        """Updates as they were stored, to be handled without a look at the table; while others wait there, after them."""
        if self._behind or len(self._known) + len(stored) > _MOST:
            self._behind = True
            self._refused += 1
            self.news.set()
            return
        for row in sorted(stored, key=lambda row: row.update_id):
            if row.update_id not in self._known:
                self._line_up(row)

    async def _load(self) -> bool:
        """Puts waiting updates into their lanes; True where more may wait and there is room for them."""
        room = min(_BATCH, _MOST - len(self._known))
        if room <= 0:
            return False
        refused = self._refused
        async with self.deps.db.read() as session:
            rows = await queues.waiting_updates(session, self._known, room)
        for row in rows:
            # While the table was read, an offer may have brought it.
            if row.update_id not in self._known:
                self._line_up(row)
        self._behind = len(rows) == room or self._refused > refused
        return len(rows) == room

    def _line_up(self, row: InboxUpdate) -> None:
        self._known.add(row.update_id)
        lane = self._lanes.get(row.lane)
        if lane is not None:
            lane.append(row)
            return
        self._lanes[row.lane] = deque([row])
        task = asyncio.create_task(self._drain(row.lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, lane: int) -> None:
        waiting = self._lanes[lane]
        while waiting:
            row = waiting.popleft()
            try:
                await self._handle(row)
            except Exception as error:  # noqa: BLE001  # not even the apology could be written: the lane goes on
                # It stays known, so that it is taken up at the next start and not again and again.
                log.error(
                    "update left", update_id=row.update_id, error=type(error).__name__, place=place(error)
                )
                continue
            if len(self._known) >= _MOST:
                self.news.set()
            self._known.discard(row.update_id)
        del self._lanes[lane]

    # --- one update -----------------------------------------------------------------------------------------

    async def _handle(self, row: InboxUpdate) -> None:
        """Until the update is done or failed. Trouble with the database is not its fault and is waited out."""
        body = json.loads(row.body)
        if "\\u0000" in row.body or "\\ud" in row.body:
            body = clean(body)
        over = self._flood.over(row.lane, row.received_at.timestamp(), body)
        attempt, pause = row.attempts + 1, 0.1
        while attempt <= ATTEMPTS:
            try:
                if await self._try(row, body, attempt, over=over):
                    return
            except Exception as error:
                if not trouble.passes(error):
                    raise
                log.warning("the database cannot be used; an update waits", error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(5.0, pause * 2)
                continue
            if attempt < ATTEMPTS:
                await asyncio.sleep(_PAUSES[attempt - 1])
            attempt += 1

    async def _try(self, row: InboxUpdate, body: dict[str, Any], attempt: int, *, over: bool) -> bool:
        """False when the attempt failed and was counted."""
        try:
            async with self._slots:
                try:
                    await self._once(row, body, over=over)
                except Refusal as refusal:
                    await self._said_no(row, body, refusal)
        except Exception as error:
            if trouble.passes(error):
                raise
            await self._failed(row, body, attempt, error)
            return False
        self.handled += 1
        return True

    async def _once(self, row: InboxUpdate, body: dict[str, Any], *, over: bool) -> None:
        with self.courier.departure() as leaving:
            work = await self._committed(row, body, leaving, over=over)
        for run in work.after_commit:
            run()

    async def _committed(
        self, row: InboxUpdate, body: dict[str, Any], leaving: Departure, *, over: bool
    ) -> Work:
        """Effect, replies, their claim and the done mark: one transaction."""
        async with self.deps.db.write() as session, asyncio.timeout(_HANDLER_SECONDS):
            work = Work(self.deps, session, self.deps.now())
            if not await queues.mark_done(session, row.update_id, self.deps.wall()):
                return work
            update = Update.de_json(body, self.app.bot)
            turn = Turn(work, await self._speaker(work, update))
            if not (over and turn.who is not None and await flood.held_back(work, turn.who)):
                await self._process(update, turn)
            await leaving.claim(work)
        return work

    async def _process(self, update: Update, turn: Turn) -> None:
        token = current.set(turn)
        try:
            await self.app.process_update(update)
        finally:
            current.reset(token)
        if turn.failure is not None:
            raise turn.failure

    async def _speaker(self, work: Work, update: Update) -> Actor | None:
        chat, user = update.effective_chat, update.effective_user
        if chat is None or user is None or chat.type != "private" or user.is_bot:
            return None
        if update.my_chat_member is not None:
            return await access.actor_of(work, chat.id)
        return await access.actor(work, chat.id, user.language_code)

    # --- what was not done ----------------------------------------------------------------------------------

    async def _said_no(self, row: InboxUpdate, body: dict[str, Any], refusal: Refusal) -> None:
        """What the handler had written is rolled back; the no and the done mark are a transaction of their own."""
        async with self.deps.db.write() as session:
            work = Work(self.deps, session, self.deps.now())
            if not await queues.mark_done(session, row.update_id, self.deps.wall()):
                return
            await self._end_waiting(work, body)
            who = await self._speaker(work, Update.de_json(body, self.app.bot))
            if who is not None:
                await outbox.say(work, who.chat_id, f"refusal.{refusal.code}", lang=who.lang, **refusal.facts)
        self.courier.look()

    async def _failed(self, row: InboxUpdate, body: dict[str, Any], attempt: int, error: Exception) -> None:
        final = attempt >= ATTEMPTS
        reference = f"E{row.update_id:X}"
        # The exception's text may quote a client's words: only its type and place go to the log.
        log.error(
            "update failed",
            update_id=row.update_id,
            attempt=attempt,
            reference=reference,
            error=type(error).__name__,
            place=place(error),
        )
        why = f"{type(error).__name__} {place(error)}"
        async with self.deps.db.write() as session:
            work = Work(self.deps, session, self.deps.now())
            counted = await queues.mark_attempt(
                session, row.update_id, why, failed=final, at=self.deps.wall()
            )
            if final and counted:
                await self._end_waiting(work, body)
                if row.lane > 0:
                    await outbox.say(
                        work, row.lane, "error.sorry", reference=reference, dedupe=f"sorry/{row.update_id}"
                    )
                await alerts.operators(
                    work, "alert.update_failed", dedupe=f"failed/{row.update_id}", reference=reference
                )
        self.courier.look()

    @staticmethod
    async def _end_waiting(work: Work, body: dict[str, Any]) -> None:
        """A pressed button shows that it waits until it is answered, also where nothing came of it."""
        query = body.get("callback_query")
        if isinstance(query, dict) and isinstance(query.get("id"), str):
            pressed_by = lane_of({"callback_query": {"from": query.get("from")}})
            await outbox.answer_button(work, pressed_by, query["id"])
