"""A log line names what happened and where; never a token, never anybody's words."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import text
from telegram.request import BaseRequest

from bot import logs
from db.engine import Database
from domain.errors import Refusal
from handlers import questions
from tests.desk import Desk, open_desk
from tests.post import Ready

TOKEN = "7654321:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What the program would write to standard error."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    written = io.StringIO()
    logs.set_up(written)
    yield written
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines() if line.startswith("{")]


def test_a_token_is_blotted_out_wherever_it_stands(stream: io.StringIO) -> None:
    """In our lines, in libraries' lines, in addresses, in an exception's places."""
    structlog.get_logger().info("x", url=f"https://api.telegram.org/bot{TOKEN}/getMe", told=f"token {TOKEN}")
    logging.getLogger("some.library").warning("GET %s", f"http://127.0.0.1:8081/bot1:demo/getMe {TOKEN}")
    written = stream.getvalue()
    assert TOKEN not in written
    assert "1:demo" not in written
    assert written.count("<token>") == 4


def test_an_address_with_a_port_and_a_time_of_day_are_no_tokens(stream: io.StringIO) -> None:
    """With port 0 the log is where the address stands."""
    structlog.get_logger().info("web pages", address="http://127.0.0.1:54321/health", at="10:30:00")
    assert lines(stream)[0]["address"] == "http://127.0.0.1:54321/health"
    assert lines(stream)[0]["at"] == "10:30:00"


def test_an_exception_of_a_library_shows_types_and_places_alone(stream: io.StringIO) -> None:
    """Its text may quote a client's words; the way to it may not."""
    try:
        try:
            raise ValueError("出金一万")
        except ValueError as error:
            raise RuntimeError("账户 80012345") from error
    except RuntimeError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    written = stream.getvalue()
    assert "出金" not in written
    assert "80012345" not in written
    assert "RuntimeError at test_logs.py:" in written
    assert "ValueError at test_logs.py:" in written


def test_an_answer_of_telegram_that_cannot_be_read_is_not_written_down(stream: io.StringIO) -> None:
    """python-telegram-bot logs the whole of it, which may be clients' messages."""
    with pytest.raises(Exception, match="Invalid server response"):
        BaseRequest.parse_json_payload('{"result": [{"text": "客户的话"'.encode())
    assert "telegram.BaseRequest" in stream.getvalue().replace("request.", "")
    assert "客户" not in stream.getvalue()


def test_libraries_are_quiet_below_a_warning(stream: io.StringIO) -> None:
    """httpx tells every address at INFO."""
    logging.getLogger("httpx").info("HTTP Request: POST https://api.telegram.org/bot%s/getMe", TOKEN)
    logging.getLogger("apscheduler.scheduler").info("Added job")
    assert stream.getvalue() == ""


async def test_an_error_of_the_database_does_not_quote_its_values(sqlite_url: str) -> None:
    """SQLAlchemy would add the statement's parameters to its text."""
    database = Database(sqlite_url)
    with pytest.raises(Exception, match="no such table") as failed:
        async with database.write() as session:
            await session.execute(text("INSERT INTO nowhere VALUES (:words)"), {"words": "客户的话"})
    assert "客户" not in str(failed.value)
    await database.close()


# --- a day in the house -----------------------------------------------------------------------------------------


@pytest.fixture
async def desk(stream: io.StringIO, sqlite_url: str) -> Any:
    async with open_desk(sqlite_url, Ready()) as opened:  # type: ignore[arg-type]
        yield opened


async def test_a_whole_conversation_leaves_no_word_in_the_log(
    desk: Desk, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Talk, refusals, a defect, a blocked chat, bad HTML, an outage: lines, and nobody's words or numbers."""
    chen = await desk.staff("chen", name="陈静", role="manager", code="M01")
    wang = await desk.client("wang", name="王明", account="80012345", manager="M01")

    async def broken(*_: object) -> None:
        raise RuntimeError("出错时的话 hunter2")

    async def refused(*_: object) -> None:
        raise Refusal("not_found", words="hunter2")

    for behaviour in (broken, refused):
        monkeypatch.setattr(questions.questions, "ask", behaviour)
        await wang.text("hunter2")
        await desk.settled()
    await wang.text("/human")
    await wang.wait_for("陈静")
    await wang.text("我的密码是hunter2")
    passed = await chen.wait_for("hunter2")
    await chen.text("请勿告诉他人 13800000001", reply_to=passed)
    await wang.wait_for("请勿告诉")

    desk.sim.fault("refuse", method="sendMessage", text="Bad Request: message is too long", count=1)
    await wang.text("/help")
    await desk.settled()
    desk.sim.outage(True)
    await wang.text("/help")
    async with asyncio.timeout(5):
        while "out of reach" not in stream.getvalue():  # noqa: ASYNC110  # a file has no event
            await asyncio.sleep(0.02)
    desk.sim.outage(False)
    await wang.block()
    await chen.text("还在吗 hunter2", reply_to=passed)
    await chen.wait_for("未送达")
    await desk.settled()
    written = stream.getvalue()
    assert "update failed" in written
    assert "message failed" in written
    for secret in ("hunter2", "80012345", "13800000001", "王明", "陈静", "1:demo", "出错时"):
        assert secret not in written
