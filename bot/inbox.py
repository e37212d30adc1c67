"""Handles stored updates once each, in the order of their chat; effect, replies and done mark are one transaction."""

import asyncio
import json
from collections import deque
from typing import Any

import structlog
from telegram import Update

from db import queues
from db.models import InboxUpdate
from domain.errors import Refusal
from handlers.context import App, Turn, current
from services import access, alerts, outbox
from services.work import Deps, Work

log = structlog.get_logger()
ATTEMPTS = 3
_PAUSES = (0.2, 1.0)  # seconds before the second and the third attempt
_BATCH = 200
_HANDLER_SECONDS = 30


def lane_of(update: dict[str, Any]) -> int:
    """The chat whose order an update belongs to; 0 for updates of no chat."""
    for kind in update.values():
        if isinstance(kind, dict):
            chat = kind.get("chat") or (kind.get("message") or {}).get("chat") or kind.get("from")
            if isinstance(chat, dict) and isinstance(chat.get("id"), int):
                return int(chat["id"])
    return 0


class Inbox:
    """The worker over the inbox table."""

    def __init__(self, deps: Deps, app: App, *, workers: int) -> None:
        self.deps = deps
        self.app = app
        self.news = asyncio.Event()
        self.sent_something = asyncio.Event()
        self.handled = 0
        self._slots = asyncio.Semaphore(workers)
        self._lanes: dict[int, deque[InboxUpdate]] = {}
        self._known: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled: what was begun is finished or rolled back, the rest stays in the table."""
        try:
            while True:
                self.news.clear()
                found = await self._load()
                if found < _BATCH:
                    try:
                        # Another process (a webhook worker, a bench) may have stored updates: look now and then.
                        await asyncio.wait_for(self.news.wait(), timeout=1.0)
                    except TimeoutError:
                        continue
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _load(self) -> int:
        async with self.deps.db.read() as session:
            rows = await queues.waiting_updates(session, self._known, _BATCH)
        for row in rows:
            self._known.add(row.update_id)
            lane = self._lanes.get(row.lane)
            if lane is not None:
                lane.append(row)
                continue
            self._lanes[row.lane] = deque([row])
            task = asyncio.create_task(self._drain(row.lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(rows)

    async def _drain(self, lane: int) -> None:
        waiting = self._lanes[lane]
        while waiting:
            row = waiting.popleft()
            await self._handle(row)
            self._known.discard(row.update_id)
        del self._lanes[lane]

    async def _handle(self, row: InboxUpdate) -> None:
        for attempt in range(row.attempts + 1, ATTEMPTS + 1):
            try:
                async with self._slots, asyncio.timeout(_HANDLER_SECONDS):
                    await self._once(row)
                self.handled += 1
                self.sent_something.set()
                return
            except asyncio.CancelledError:
                raise
            except Refusal as refusal:
                await self._refused(row, refusal)
                return
            except Exception as error:  # noqa: BLE001  # the one place where a defect of any handler is caught
                await self._failed(row, attempt, error)
            if attempt < ATTEMPTS:
                await asyncio.sleep(_PAUSES[attempt - 1])

    async def _once(self, row: InboxUpdate) -> None:
        body = json.loads(row.body)
        async with self.deps.db.write() as session:
            work = Work(self.deps, session, self.deps.now())
            if not await queues.mark_done(session, row.update_id, self.deps.wall()):
                return
            update = Update.de_json(body, self.app.bot)
            turn = Turn(work, await self._speaker(work, update))
            token = current.set(turn)
            try:
                await self.app.process_update(update)
            finally:
                current.reset(token)
            if turn.failure is not None:
                raise turn.failure
        for run in work.after_commit:
            run()

    async def _speaker(self, work: Work, update: Update) -> Any:
        chat, user = update.effective_chat, update.effective_user
        if chat is None or user is None or chat.type != "private" or user.is_bot:
            return None
        if update.my_chat_member is not None:
            return await access.actor_of(work, chat.id)
        return await access.actor(work, chat.id, user.language_code)

    async def _refused(self, row: InboxUpdate, refusal: Refusal) -> None:
        """What the handler had written is rolled back; the no and the done mark are a transaction of their own."""
        async with self.deps.db.write() as session:
            work = Work(self.deps, session, self.deps.now())
            if await queues.mark_done(session, row.update_id, self.deps.wall()) and row.lane > 0:
                await outbox.say(work, row.lane, f"refusal.{refusal.code}", **refusal.facts)
        self.sent_something.set()

    async def _failed(self, row: InboxUpdate, attempt: int, error: Exception) -> None:
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
        async with self.deps.db.write() as session:
            work = Work(self.deps, session, self.deps.now())
            await queues.mark_attempt(
                session,
                row.update_id,
                f"{type(error).__name__} {place(error)}",
                failed=final,
                at=self.deps.wall(),
            )
            if final:
                if row.lane > 0:
                    await outbox.say(
                        work, row.lane, "error.sorry", reference=reference, dedupe=f"sorry/{row.update_id}"
                    )
                await alerts.operators(
                    work, "alert.update_failed", dedupe=f"failed/{row.update_id}", reference=reference
                )
        self.sent_something.set()


def place(error: BaseException) -> str:
    """file:line where an exception was raised, without any value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
