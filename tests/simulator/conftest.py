"""A running local Bot API, a person, and python-telegram-bot's own client against it."""

import os
from collections.abc import AsyncIterator

import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

import simulator
from simulator import Person, Sim

# A proxy of the machine must not catch the loopback address.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


@pytest.fixture
async def sim() -> AsyncIterator[Sim]:
    """A server on a free port."""
    async with simulator.running() as running:
        yield running


@pytest.fixture
def ming(sim: Sim) -> Person:
    """A client who has not begun."""
    return sim.person("ming", first_name="明", phone="+8613800000001", language_code="zh-hans")


def new_bot(sim: Sim, **timeouts: float) -> Bot:
    """A client of the library, as the product makes one."""
    return Bot(
        sim.token,
        base_url=f"{sim.url}/bot",
        base_file_url=f"{sim.url}/file/bot",
        request=HTTPXRequest(**timeouts) if timeouts else None,
    )


@pytest.fixture
async def bot(sim: Sim) -> AsyncIterator[Bot]:
    """An initialised client of the library."""
    client = new_bot(sim)
    async with client:
        yield client
