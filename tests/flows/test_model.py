"""With a model in the configuration: it may settle and restate, and whatever it does nobody waits and nothing is invented."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.responses import Response

from db.models import Exchange
from domain.knowledge import Answer, Candidate, Kind
from domain.policy import ModelPolicy
from knowledge.library import Library
from simulator import Person
from tests.desk import Desk, fast_policy, open_desk
from tests.model_server import ModelServer, Reply, model_server, raw, says, silent, vectors

CLOSE = ("account-documents", "account-duration")


class Close(Library):
    """A library that finds two candidates close for one question."""

    def ask(self, q: str, **how: Any) -> Answer:
        if not q.startswith("相近"):
            return super().ask(q, **how)
        found = [a for name in CLOSE if (a := self.article(name, "zh"))]
        choices = tuple(Candidate(a.topic, a.id, 0.4, a.title) for a in found)
        return Answer(q, Kind.CLARIFY, "您想问的是哪一个？", "您想问的是哪一个？", "zh", choices=choices)


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as running:
        yield running


@pytest.fixture
async def desk(
    sqlite_url: str, library: Library, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    monkeypatch.setattr(library, "__class__", Close)
    rules = fast_policy(
        model=ModelPolicy(
            enabled=True,
            url=server.url,
            chat_model="chat",
            reword=True,
            patience_seconds=Decimal("0.6"),
            timeout_seconds=Decimal(5),
            daily_calls=3,
        )
    )
    async with open_desk(sqlite_url, library, rules) as opened:
        yield opened


@pytest.fixture
async def wang(desk: Desk) -> Person:
    return await desk.stranger("wang")


async def test_the_candidate_that_everything_points_to_answers(
    desk: Desk, server: ModelServer, wang: Person
) -> None:
    """Instead of being offered; the exchange says what was answered, from what."""
    server.chat = says('{"choice": 2}')
    await wang.text("相近的问题")
    answer = await wang.wait_for("依据：")
    assert "有帮助" in answer.buttons[0]
    await desk.settled()
    async with desk.reading() as work:
        (stored,) = await work.session.scalars(select(Exchange))
    assert (stored.kind, stored.article, stored.missed) == ("answer", "account-duration", None)
    assert stored.citations[0]["article"] == "account-duration"


async def test_personal_data_does_not_leave(server: ModelServer, wang: Person) -> None:
    """The model reads stars."""
    server.chat = says('{"choice": 0}')
    await wang.text("相近的问题 我叫王小明 电话13812345678 身份证110101199003071234")
    await wang.wait_for("您想问的是哪一个")
    (asked,) = server.asked
    said = str(asked)
    assert "***" in said
    assert not any(word in said for word in ("王小明", "13812345678", "110101199003071234"))


@pytest.mark.parametrize(
    "reply", [silent(), raw("", 500), raw('{"choices": [{"me'), says("no idea"), says('{"choice": 9}')]
)
async def test_a_model_that_fails_is_as_if_it_were_not_there(
    server: ModelServer, wang: Person, reply: Reply
) -> None:
    """The candidates come, in the search's order, within the patience."""
    server.chat = reply
    await wang.text("相近的问题")
    told = await wang.wait_for("您想问的是哪一个", timeout=4)
    assert len(told.buttons) == 3
    assert len(server.asked) == 1


async def test_a_checked_wording_goes_out_with_its_source(server: ModelServer, wang: Person) -> None:
    """The first line of the article is wording enough; the source and the buttons stay."""

    async def first_line(asked: dict[str, Any]) -> Response:
        cited = json.loads(asked["messages"][1]["content"])["answer"]
        return await says(cited.split("\n")[0])(asked)

    server.chat = first_line
    await wang.text("怎么开户")
    told = await wang.wait_for("依据：")
    assert len(told.text.strip().splitlines()) == 3
    assert "有帮助" in told.buttons[0]


@pytest.mark.parametrize(
    "invented",
    [
        "开户只要 3 分钟，费率万分之0.1。",
        "跟着我做保证赚钱。",
        "Opening an account is easy.",
        "请加微信 abc12345 办理开户。",
        "螺纹钢一手保证金 99,999 元。",
    ],
)
async def test_an_invented_wording_never_goes_out(server: ModelServer, wang: Person, invented: str) -> None:
    """The curated text goes instead."""
    server.chat = says(invented)
    await wang.text("怎么开户")
    told = await wang.wait_for("依据：")
    assert invented not in told.text
    assert "线上开户" in told.text


async def test_the_day_s_budget_ends_the_asking(desk: Desk, server: ModelServer) -> None:
    """The fourth question of the day is answered without."""
    server.chat = says('{"choice": 0}')
    for n in range(5):
        someone = await desk.stranger(f"p{n}")
        await someone.text("相近的问题")
        await someone.wait_for("您想问的是哪一个")
    assert len(server.asked) == 3


async def test_embeddings_are_one_more_view(
    sqlite_url: str, library: Library, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a chat model the closeness of meaning orders the candidates, and settles nothing."""
    monkeypatch.setattr(library, "__class__", Close)
    second = library.article(CLOSE[1], "zh")
    assert second is not None
    server.embed = vectors(lambda text: [1.0, 0.0] if text.startswith(("相近", second.title)) else [0.0, 1.0])
    rules = fast_policy(model=ModelPolicy(enabled=True, url=server.url, embedding_model="e"))
    async with open_desk(sqlite_url, library, rules) as desk:
        wang = await desk.stranger("wang")
        await wang.text("相近的问题")
        told = await wang.wait_for("您想问的是哪一个")
        assert told.buttons[0] == [second.title]


def test_the_shipped_configuration_asks_no_model() -> None:
    """Off by default; an enabled model without an address is refused."""
    assert not fast_policy().model.enabled
    with pytest.raises(ValueError, match="url"):
        ModelPolicy(enabled=True)
    assert "enabled: false" in Path("config.yaml").read_text("utf-8").split("\nmodel:")[1]
