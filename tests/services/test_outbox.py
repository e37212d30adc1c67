"""What a service says becomes rows that Telegram will take."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from bot import wiring
from bot.settings import settings
from db.engine import Database
from db.models import OutboxMessage
from messages.split import units
from services import outbox
from services.outbox import Button, UrlButton
from services.work import Deps, working
from tests.desk import ROOT, fast_policy

BUTTONS = [
    [Button(" 好", "start.menu", {"n": 1}), UrlButton(" 官网", "https://example.com")],
    [Button(" 否", "x.y")],
]


@pytest.fixture
async def deps(sqlite_url: str) -> AsyncIterator[Deps]:
    database = Database(sqlite_url)
    yield wiring.deps(settings({"QIFU_DATABASE_URL": sqlite_url}, ROOT / "none"), fast_policy(), database)
    await database.close()


async def rows(deps: Deps) -> list[OutboxMessage]:
    async with deps.db.read() as session:
        return list(await session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


async def say(deps: Deps, html: str, **more: Any) -> int | None:
    async with working(deps) as work:
        return await outbox.say_html(work, 7, html, lang="zh", **more)


async def test_a_long_text_is_several_messages_and_its_buttons_go_with_the_last(deps: Deps) -> None:
    """So does what must follow; a reply quotes with the first."""
    last = await say(
        deps, "好" * 9_000, buttons=BUTTONS, reply_to=5, about={"relays": [1]}, dedupe="x", protect=True
    )
    parts = await rows(deps)
    assert len(parts) == 3
    assert last == parts[-1].id
    assert [m.dedupe_key for m in parts] == ["x", "x/1", "x/2"]
    assert ["buttons" in m.body for m in parts] == [False, False, True]
    assert ["reply_to" in m.body for m in parts] == [True, False, False]
    assert [m.about for m in parts] == [None, None, {"relays": [1]}]
    assert all(m.body["protect"] for m in parts)
    assert all(units(m.body["html"]) <= 4096 for m in parts)


async def test_a_picture_s_caption_is_short_and_the_rest_comes_before(deps: Deps) -> None:
    """Telegram takes 1,024 under a picture."""
    await say(deps, "好" * 1_500, picture=b"png")
    parts = await rows(deps)
    assert ["picture" in m.body for m in parts] == [False, True]
    assert all(units(m.body["html"]) <= 1024 for m in parts)


@pytest.mark.parametrize("html", ["", " \n", "<b></b>"])
async def test_nothing_to_say_is_a_defect(deps: Deps, html: str) -> None:
    """Not a message that is lost in silence."""
    with pytest.raises(ValueError, match="nothing to say"):
        await say(deps, html)


async def test_the_same_thing_is_said_once(deps: Deps) -> None:
    """Whoever says it again learns that it was there."""
    assert await say(deps, "好" * 5_000, dedupe="x") is not None
    assert await say(deps, "好" * 5_000, dedupe="x") is None
    assert len(await rows(deps)) == 2


async def test_what_a_button_means_stays_here(deps: Deps) -> None:
    """Telegram gets an opaque word of at most 64 bytes; an address is shown as it is."""
    await say(deps, "选", buttons=BUTTONS)
    (row,) = await rows(deps)
    first, site, second = (b for line in row.body["buttons"] for b in line)
    assert row.actions == [{"do": "start.menu", "args": {"n": 1}}, {"do": "x.y", "args": {}}]
    assert [first["callback_data"], second["callback_data"]] == [f"{row.token}.0", f"{row.token}.1"]
    assert site == {"text": "官网", "url": "https://example.com"}
    assert len(first["callback_data"].encode()) <= 64
    assert "menu" not in first["callback_data"]


async def test_many_rows_are_written_at_once_and_found_again_in_order(deps: Deps) -> None:
    """Each with a key of its own."""
    async with working(deps) as work:
        made = [
            outbox.message(work, n, "text", {"html": str(n)}, dedupe=f"m/{n}", buttons=BUTTONS)
            for n in range(50)
        ]
        ids = await outbox.put_all(work, made)
        assert await outbox.put_all(work, []) == []
    found = {m.id: m.chat_id for m in await rows(deps)}
    assert [found[i] for i in ids] == list(range(50))
    assert len({m.token for m in await rows(deps)}) == 50


async def test_the_answer_to_a_button_lapses_by_the_real_clock(deps: Deps) -> None:
    """Ten seconds, whatever business time it is."""
    async with working(deps) as work:
        await outbox.answer_button(work, 7, "q", "好" * 300)
    (row,) = await rows(deps)
    assert row.expires_at is not None
    assert 0 < (row.expires_at - datetime.now(UTC)).total_seconds() <= 10
    assert len(row.body["text"]) == 200
    assert row.on_doubt == "hold"
