"""Telegram's way in over HTTP: who may use it, what is refused, and that 200 means stored."""

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from bot import intake
from db.models import InboxUpdate, OutboxMessage
from tests.desk import Desk, open_desk
from tests.post import Ready
from web.app import build

SECRET = "s3cret-of_the-webhook"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
UPDATE = {"update_id": 5, "message": {"text": "客户的话"}}


class Store:
    """Where updates would be stored; fails when told to."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []
        self.fails: Exception | None = None

    async def __call__(self, updates: list[dict[str, Any]]) -> None:
        if self.fails is not None:
            raise self.fails
        self.updates += updates


@pytest.fixture
def store() -> Store:
    return Store()


def client(store: Store, secret: str | None = SECRET, *, ok: bool = True) -> httpx.AsyncClient:
    async def probe() -> dict[str, Any]:
        return {"ok": ok, "problems": [] if ok else ["telegram is out of reach"]}

    async def metrics() -> bytes:
        return b"qifu_inbox_waiting 0\n"

    app = build(probe=probe, metrics=metrics, store=store, is_update=intake.is_update, secret=secret)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://house")


async def test_an_update_with_the_secret_is_stored(store: Store) -> None:
    """200 only after it is in the store."""
    async with client(store) as web:
        answer = await web.post("/telegram", json=UPDATE, headers={HEADER: SECRET})
    assert answer.status_code == 200
    assert store.updates == [UPDATE]


@pytest.mark.parametrize(
    "told", [None, "", "wrong", SECRET + "x", SECRET[:-1], SECRET.upper(), "ÿ", "s3cret "]
)
async def test_whoever_does_not_know_the_secret_is_turned_away(store: Store, told: str | None) -> None:
    """403, and nothing of the body is read or stored."""
    headers = {} if told is None else {HEADER: told.encode("latin-1")}
    async with client(store) as web:
        answer = await web.post("/telegram", content=b"{", headers=headers)
    assert answer.status_code == 403
    assert store.updates == []


async def test_without_a_secret_in_the_settings_there_is_no_way_in(store: Store) -> None:
    """Not even with an empty one."""
    async with client(store, secret=None) as web:
        assert (await web.post("/telegram", json=UPDATE, headers={HEADER: ""})).status_code == 403


async def test_a_body_without_end_is_cut_off(store: Store) -> None:
    """No more than the limit is read, whatever the length that was announced."""
    read = [0]

    async def endless() -> AsyncIterator[bytes]:
        while True:
            read[0] += 1
            yield b"x" * 100_000

    async with client(store) as web:
        answer = await web.post("/telegram", content=endless(), headers={HEADER: SECRET})
    assert answer.status_code == 413
    assert read[0] < 30


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b'{"update_id": "5"}',
        b'{"update_id": true}',
        b'{"update_id": 5.0}',
        b'{"update_id": -5}',
        json.dumps({"update_id": 2**63}).encode(),
        b'{"update_id": ' + b"9" * 5_000 + b"}",
    ],
)
async def test_what_is_no_update_is_refused(store: Store, body: bytes) -> None:
    """400: sending it again would not help."""
    async with client(store) as web:
        answer = await web.post("/telegram", content=body, headers={HEADER: SECRET})
    assert answer.status_code == 400
    assert store.updates == []


async def test_an_update_that_could_not_be_stored_is_not_acknowledged(store: Store) -> None:
    """Telegram sends it again; nothing of it stands in the log."""
    store.fails = RuntimeError("INSERT ... 客户的话")
    with capture_logs() as logs:
        async with client(store) as web:
            answer = await web.post("/telegram", json=UPDATE, headers={HEADER: SECRET})
    assert answer.status_code == 503
    assert [line["error"] for line in logs] == ["RuntimeError"]
    assert "客户" not in str(logs)


@pytest.mark.parametrize(("ok", "status"), [(True, 200), (False, 503)])
async def test_the_health_page_tells_machines_by_its_status(store: Store, ok: bool, status: int) -> None:
    """200 while the program can work, 503 with the reason when it cannot."""
    async with client(store, ok=ok) as web:
        answer = await web.get("/health")
        assert answer.status_code == status
        assert answer.json()["ok"] is ok
        assert (await web.get("/metrics")).text == "qifu_inbox_waiting 0\n"
        assert (await web.get("/telegram")).status_code == 405


# --- the whole way ----------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture
async def hooked(database_url: str) -> AsyncIterator[Desk]:
    """The house behind a webhook, on SQLite and on PostgreSQL."""
    async with open_desk(database_url, Ready()) as desk:  # type: ignore[arg-type]
        await desk.stop()
        port = free_port()
        address = f"http://127.0.0.1:{port}/telegram"
        desk.settings = replace(desk.settings, web_port=port, webhook_url=address, webhook_secret=SECRET)
        await desk.start()
        await desk.sim.until(lambda: desk.sim.calls_of("setWebhook"), what="the webhook")
        yield desk


async def test_the_same_inbox_behind_a_webhook(hooked: Desk) -> None:
    """Each update twice and out of order: answered once."""
    someone = await hooked.stranger()
    await someone.wait_for("示例期货", since=0)
    hooked.sim.disturb(seed=5)
    for _ in range(6):
        await someone.text("/help")
    await hooked.settled()
    assert sum("可用指令" in m.text for m in someone.messages) == 6
    assert not hooked.sim.calls_of("getUpdates")


async def test_from_polling_to_webhook_and_back_nothing_is_lost(hooked: Desk) -> None:
    """What came while nobody was there is delivered by the other way, and handled once."""
    someone = await hooked.stranger()
    await hooked.stop()
    await someone.text("/help")
    hooked.settings = replace(hooked.settings, web_port=None, webhook_url=None)
    await hooked.start()
    await someone.wait_for("可用指令")
    await hooked.settled()
    async with hooked.reading() as work:
        assert await work.session.scalar(select(func.count()).select_from(InboxUpdate)) == 2
        assert (
            await work.session.scalar(select(func.count()).where(OutboxMessage.template == "start.help")) == 1
        )


def _help(number: int, chat: int) -> dict[str, Any]:
    person = {"id": chat, "is_bot": False, "first_name": "明", "language_code": "zh-hans"}
    body = {"message_id": number, "date": 1_786_939_200, "chat": {"id": chat, "type": "private"}}
    entities = [{"type": "bot_command", "offset": 0, "length": 5}]
    return {"update_id": number, "message": {**body, "from": person, "text": "/help", "entities": entities}}


async def test_an_attack_on_the_webhook_has_each_effect_once(hooked: Desk) -> None:
    """Every update twice at once, newer ones before older ones, strangers and floods of bytes between them."""
    someone = await hooked.stranger()
    await someone.wait_for("示例期货", since=0)
    numbers = [*range(900_000, 900_012)]
    chance = random.Random(7)
    address, known = str(hooked.settings.webhook_url), {HEADER: SECRET}

    async with httpx.AsyncClient(timeout=30) as web:

        async def post(update: dict[str, Any]) -> int:
            return (await web.post(address, json=update, headers=known)).status_code

        async def too_much(headers: dict[str, str]) -> int:
            async def parts() -> AsyncIterator[bytes]:
                for _ in range(100):
                    yield b"[" * 100_000

            try:
                return (await web.post(address, content=parts(), headers=headers)).status_code
            except httpx.WriteError:  # the answer came, and the connection was closed on the rest
                return 413 if headers else 403

        newest = await asyncio.gather(
            post(_help(numbers[-1], someone.id)), post(_help(numbers[-1], someone.id))
        )
        twice = [*numbers[:-1], *numbers[:-1]]
        chance.shuffle(twice)
        told = await asyncio.gather(
            *(post(_help(number, someone.id)) for number in twice), too_much(known), too_much({})
        )
        assert (
            await web.post(address, json=_help(950_000, someone.id), headers={HEADER: "x"})
        ).status_code == 403
        again = await asyncio.gather(*(post(_help(number, someone.id)) for number in numbers))
    assert {*newest, *told[:-2], *again} == {200}
    assert told[-2:] == [413, 403]
    await hooked.settled()
    async with hooked.reading() as work:
        stored = InboxUpdate.update_id.between(900_000, 999_999)
        assert await work.session.scalar(select(func.count()).where(stored)) == len(numbers)
        said = OutboxMessage.template == "start.help"
        assert await work.session.scalar(select(func.count()).where(said)) == len(numbers)
    assert sum("可用指令" in m.text for m in someone.messages) == len(numbers)
