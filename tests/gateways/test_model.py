"""The model's gateway against a real server: what has the asked shape is given, everything else is an error."""

from collections.abc import AsyncIterator

import pytest

from gateways.model import Connection, Model, ModelError
from tests.model_server import ModelServer, model_server, raw, says, silent, vectors


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as running:
        yield running


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def model(server: ModelServer, clock: Clock) -> Model:
    connection = Connection(server.url, "secret", "chat-1", "embed-1", 0.2, 3, 60)
    return Model(connection, clock)


async def test_a_title_is_chosen(server: ModelServer, model: Model) -> None:
    """By its number, counted from one; the key goes along."""
    server.chat = says('{"choice": 2}')
    assert await model.choose("q", ["a", "b"]) == 1
    assert server.keys == ["Bearer secret"]
    assert server.asked[0]["model"] == "chat-1"
    server.chat = says('```json\n{"choice": 0}\n```')
    assert await model.choose("q", ["a", "b"]) is None


@pytest.mark.parametrize(
    "reply",
    [
        says('{"choice": 3}'),
        says('{"choice": -1}'),
        says('{"choice": true}'),
        says('{"choice": "1"}'),
        says('{"cho'),
        says("I'd rather not."),
        says(""),
        says('{"choice": 1}', refusal="I cannot help with that"),
        raw('{"choices": [{"mess'),
        raw('{"choices": []}'),
        raw("[]"),
        raw("<html>bad gateway</html>"),
        raw("", 500),
        raw('{"error": {"message": "quota"}}', 429),
        raw("[" * 100_000),
        raw("x" * 5_000_000),
        silent(),
    ],
)
async def test_nothing_else_is_believed(server: ModelServer, model: Model, reply: object) -> None:
    """Garbage, half a JSON, refusals, errors, floods, silence."""
    server.chat = reply  # type: ignore[assignment]
    with pytest.raises(ModelError):
        await model.choose("q", ["a", "b"])


async def test_vectors_come_in_the_order_of_the_texts(server: ModelServer, model: Model) -> None:
    """Whatever the order of the reply."""
    server.embed = vectors(lambda text: [float(len(text)), 1.0])
    assert await model.embed(["a", "bbb"]) == [[1.0, 1.0], [3.0, 1.0]]


@pytest.mark.parametrize(
    "reply",
    [
        raw('{"data": [{"index": 0, "embedding": [1.0]}]}'),
        raw('{"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]}'),
        raw('{"data": [{"index": 0, "embedding": [NaN]}, {"index": 1, "embedding": [1.0]}]}'),
        raw('{"data": [{"index": 0, "embedding": []}, {"index": 1, "embedding": []}]}'),
        raw('{"data": "none"}'),
    ],
)
async def test_vectors_that_are_none_are_refused(server: ModelServer, model: Model, reply: object) -> None:
    """Too few, of different lengths, not numbers, empty."""
    server.embed = reply  # type: ignore[assignment]
    with pytest.raises(ModelError):
        await model.embed(["a", "b"])


async def test_after_failures_running_it_is_left_alone_for_a_while(
    server: ModelServer, model: Model, clock: Clock
) -> None:
    """Three failures, then no call at all; after the rest one call, and a success forgets."""
    server.chat = raw("", 500)
    for _ in range(3):
        with pytest.raises(ModelError, match="status 500"):
            await model.reword("q", "a", "zh")
    assert not model.ready
    with pytest.raises(ModelError, match="resting"):
        await model.reword("q", "a", "zh")
    assert len(server.asked) == 3
    clock.now = 61.0
    server.chat = says("好")
    assert await model.reword("q", "a", "zh") == "好"
    assert model.ready


async def test_a_server_that_is_not_there_is_an_error(clock: Clock) -> None:
    """As any other."""
    nowhere = Model(Connection("http://127.0.0.1:9/v1", None, "m", None, 0.2, 3, 60), clock)
    with pytest.raises(ModelError):
        await nowhere.choose("q", ["a"])
