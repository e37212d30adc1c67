"""Updates on their way to the bot: long polling with Telegram's offset semantics, or a webhook."""

import asyncio
import json
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, islice

from simulator.errors import Json, bad, conflict
from simulator.outgoing import Poster, UnreachableError

ALL_KINDS = frozenset(
    {
        "message",
        "edited_message",
        "channel_post",
        "edited_channel_post",
        "callback_query",
        "my_chat_member",
        "chat_member",
        "message_reaction",
        "message_reaction_count",
        "inline_query",
        "chosen_inline_result",
        "chat_join_request",
    }
)
ONLY_WHEN_NAMED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
KEPT_SECONDS = 24 * 3600
FIRST_UPDATE = 810_000_001


@dataclass(slots=True)
class Update:
    """One update; `lane` is the chat whose order a webhook keeps."""

    id: int
    body: Json
    lane: int
    born: float


@dataclass(slots=True)
class Webhook:
    """Where updates are pushed to, and how that went."""

    url: str
    secret: str = ""
    max_connections: int = 40
    last_error_date: int = 0
    last_error: str = ""
    tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)


class Updates:
    """The queue. An update stays until a poll with a higher offset, or a webhook's 2xx, confirms it."""

    def __init__(self) -> None:
        self.pending: OrderedDict[int, Update] = OrderedDict()
        self.ghosts: deque[Update] = deque()
        self.allowed: frozenset[str] | None = None
        self.webhook: Webhook | None = None
        self.webhook_pause = 1.0
        self.hostile: random.Random | None = None
        self.conflicts = 0
        self.handed_out = 0
        self.on_reply: Callable[[Json], None] | None = None
        self.on_confirmed: Callable[[Json], None] | None = None
        self._ids = count(FIRST_UPDATE)
        self._lanes: dict[int, deque[Update]] = {}
        self._poller: asyncio.Future[None] | None = None
        self._poster = Poster()
        self._slots = asyncio.Semaphore(40)

    # -- coming in

    def add(self, kind: str, payload: Json, lane: int = 0) -> int | None:
        """Queue an update of the kind, unless the bot did not ask for it; returns its number."""
        if kind not in self._wanted():
            return None
        update = Update(next(self._ids), {"update_id": 0, kind: payload}, lane, time.monotonic())
        update.body["update_id"] = update.id
        self._queue(update)
        return update.id

    def inject(self, body: Json, times: int = 1) -> int:
        """Deliver a raw update as it stands, in the order of the calls; it gets a number where it has none.

        A number that was given out before is delivered again, whatever the bot's offset says."""
        body = dict(body)
        if "update_id" not in body:
            body["update_id"] = next(self._ids)
        update = Update(int(body["update_id"]), body, 0, time.monotonic())
        if update.id >= FIRST_UPDATE and update.id not in self.pending and not self._is_old(update.id):
            self._queue(update)
            times -= 1
        for _ in range(times):
            self._again(update)
        return update.id

    def disturb(self, seed: int | None) -> None:
        """From now on deliver every update at least twice and out of order (None: stop that)."""
        self.hostile = None if seed is None else random.Random(seed)

    def _is_old(self, update_id: int) -> bool:
        newest = next(reversed(self.pending), 0)
        return update_id < newest or (not self.pending and update_id <= self.handed_out)

    def _queue(self, update: Update) -> None:
        self.pending[update.id] = update
        if self.webhook is not None:
            self._push(update)
        else:
            self._wake()

    def _again(self, update: Update) -> None:
        if self.webhook is not None:
            self._push(update)
        else:
            self.ghosts.append(update)
            self._wake()

    def _wake(self) -> None:
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(None)

    def _wanted(self) -> frozenset[str]:
        return ALL_KINDS - ONLY_WHEN_NAMED if self.allowed is None else self.allowed

    def choose(self, kinds: Iterable[str] | None) -> None:
        """Remember `allowed_updates`; None leaves the former choice, an empty list means the default."""
        if kinds is None:
            return
        named = frozenset(kinds) & ALL_KINDS
        self.allowed = named or None

    @property
    def waiting(self) -> int:
        """How many updates the bot has not confirmed, deliveries out of turn included."""
        return len(self.pending) + len(self.ghosts)

    # -- long polling

    def confirm(self, offset: int) -> None:
        """Forget what the offset confirms; a negative one keeps only the last |offset| updates."""
        drop_old = time.monotonic() - KEPT_SECONDS
        while self.pending:
            first = next(iter(self.pending.values()))
            if first.id >= offset and first.born >= drop_old:
                break
            self._settle(first.id)
        if offset < 0:
            while len(self.pending) > -offset:
                self._settle(next(iter(self.pending)))

    def take(self, limit: int) -> list[Json]:
        """The oldest waiting updates; they stay until they are confirmed."""
        if self.hostile is not None:
            return self._take_hostile(limit, self.hostile)
        batch = [self.ghosts.popleft() for _ in range(min(limit, len(self.ghosts)))]
        batch += islice(self.pending.values(), limit - len(batch))
        return [update.body for update in batch]

    def _take_hostile(self, limit: int, dice: random.Random) -> list[Json]:
        """What is held back comes only after the bot has moved its offset past it; all comes twice."""
        fresh = list(islice(self.pending.values(), limit))
        batch = [self.ghosts.popleft() for _ in range(min(limit, len(self.ghosts)))]
        for update in fresh:
            if update is not fresh[-1] and dice.random() < 0.3:
                self.ghosts.extend((update, update))
                continue
            batch.append(update)
            (batch if dice.random() < 0.5 else self.ghosts).append(update)
        dice.shuffle(batch)
        return [update.body for update in batch]

    def begin_poll(self, offset: int, allowed: Iterable[str] | None) -> None:
        """A poll arrives: refused under a webhook; it ends another one that waits."""
        if self.webhook is not None:
            raise conflict(
                "can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first"
            )
        if self._poller is not None and not self._poller.done():
            self.conflicts += 1
            self._poller.set_exception(
                conflict(
                    "terminated by other getUpdates request; make sure that only one bot instance is running"
                )
            )
        self._poller = None
        self.choose(allowed)
        self.confirm(offset)

    async def wait(self, seconds: float) -> None:
        """Until an update comes, the time is up, or another poll takes over (409)."""
        if self.waiting:  # it came after the poll looked and before this began
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._poller = waiting
        handle = asyncio.get_running_loop().call_later(seconds, self._expire, waiting)
        try:
            await waiting
        finally:
            handle.cancel()
            if self._poller is waiting:
                self._poller = None

    @staticmethod
    def _expire(waiting: asyncio.Future[None]) -> None:
        if not waiting.done():
            waiting.set_result(None)

    # -- webhook

    def set_webhook(self, url: str, secret: str, max_connections: int, drop: bool) -> None:
        """Push updates to the address from now on; an empty one ends that."""
        self._stop_lanes()
        if drop:
            self.drop()
        if not url:
            self.webhook = None
            return
        if self._poller is not None and not self._poller.done():
            self._poller.set_exception(conflict("terminated by setWebhook request"))
        self._slots = asyncio.Semaphore(max_connections)
        self.webhook = Webhook(url, secret, max_connections)
        for update in list(self.pending.values()):
            self._push(update)

    def drop(self) -> None:
        """Forget everything that waits."""
        for update_id in list(self.pending):
            self._settle(update_id)
        self.ghosts.clear()

    def _settle(self, update_id: int) -> None:
        """The update is done with."""
        settled = self.pending.pop(update_id, None)
        self.handed_out = max(self.handed_out, update_id)
        if settled is not None and self.on_confirmed is not None:
            self.on_confirmed(settled.body)

    def _push(self, update: Update) -> None:
        hook = self.webhook
        if hook is None:
            return
        lane = self._lanes.setdefault(update.lane, deque())
        lane.append(update)
        if self.hostile is not None:
            lane.append(update)
        task = hook.tasks.get(update.lane)
        if task is None or task.done():
            hook.tasks[update.lane] = asyncio.get_running_loop().create_task(
                self._run_lane(hook, update.lane)
            )

    async def _run_lane(self, hook: Webhook, lane_id: int) -> None:
        lane = self._lanes[lane_id]
        pause = self.webhook_pause
        while lane:
            if self.hostile is not None:
                lane.rotate(self.hostile.randrange(len(lane)))
            update = lane[0]
            async with self._slots:
                done = await self._deliver(hook, update)
            if done:
                lane.popleft()
                self._settle(update.id)
                pause = self.webhook_pause
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, 60.0)
        del self._lanes[lane_id]
        hook.tasks.pop(lane_id, None)

    async def _deliver(self, hook: Webhook, update: Update) -> bool:
        headers = {"Content-Type": "application/json"}
        if hook.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = hook.secret
        try:
            status, reason, body = await self._poster.post(
                hook.url, json.dumps(update.body).encode(), headers
            )
        except UnreachableError as problem:
            hook.last_error, hook.last_error_date = str(problem), int(time.time())
            return False
        if 200 <= status < 300:
            self._note_reply(body)
            return True
        hook.last_error = f"Wrong response from the webhook: {status} {reason}"
        hook.last_error_date = int(time.time())
        return False

    def _note_reply(self, body: bytes) -> None:
        """A webhook may answer with a call, which is then made without telling its result."""
        if self.on_reply is None or body[:1] != b"{":
            return
        with suppress(ValueError):
            reply = json.loads(body)
            if isinstance(reply, dict) and "method" in reply:
                self.on_reply(reply)

    def webhook_info(self) -> Json:
        """What getWebhookInfo answers."""
        hook = self.webhook
        info: Json = {
            "url": hook.url if hook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self.pending),
        }
        if hook is not None:
            info["max_connections"] = hook.max_connections
            if hook.last_error:
                info |= {"last_error_date": hook.last_error_date, "last_error_message": hook.last_error}
        if self.allowed is not None:
            info["allowed_updates"] = sorted(self.allowed)
        return info

    def _stop_lanes(self) -> None:
        if self.webhook is not None:
            for task in self.webhook.tasks.values():
                task.cancel()
            self.webhook.tasks.clear()
        self._lanes.clear()

    def forget(self) -> None:
        """Drop what waits and go back to the defaults, webhook included."""
        self._stop_lanes()
        self.drop()
        self.webhook = None
        self.allowed = None
        self.hostile = None

    def close(self) -> None:
        """End the waiting poll and the webhook's deliveries."""
        self._stop_lanes()
        if self._poller is not None and not self._poller.done():
            self._poller.cancel()
        self._poster.close()


def check_secret(secret: str) -> None:
    """Raises 400 for a secret token with characters that Telegram does not take."""
    if len(secret) > 256 or any(not (c.isascii() and (c.isalnum() or c in "_-")) for c in secret):
        raise bad("secret token contains unallowed characters")
