"""Business time from elsewhere, also when elsewhere falls silent."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bot import clock
from bot.clock import business_clock
from bot.settings import StartError

NOON = datetime(2026, 8, 17, 4, tzinfo=UTC)


class Told(BaseHTTPRequestHandler):
    """Answers with what the server was given to tell."""

    def do_GET(self) -> None:
        body = self.server.told.encode()  # type: ignore[attr-defined]
        self.server.asked += 1  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Told)
    server.told, server.asked = json.dumps({"now": NOON.isoformat()}), 0  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class Monotonic:
    """The monotonic clock, in the test's hands."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    held = Monotonic()
    monkeypatch.setattr(clock.time, "monotonic", held)
    return held


def address(server: HTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/clock"


def test_an_address_is_asked_once_a_second_and_runs_on_in_between(
    server: HTTPServer, monotonic: Monotonic
) -> None:
    """A hundred readings of the clock are one question."""
    now = business_clock(address(server))
    assert now() == NOON
    monotonic.now += 0.5
    assert now() == NOON + timedelta(seconds=0.5)
    assert server.asked == 1  # type: ignore[attr-defined]
    server.told = json.dumps({"now": "2026-08-18T09:00:00+08:00"})  # type: ignore[attr-defined]
    monotonic.now += 0.6
    assert now() == datetime(2026, 8, 18, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "nonsense", ["", "[]", "{}", '{"now": "soon"}', '{"now": "2026-08-17T12:00:00"}', '{"now": 5}']
)
def test_an_address_that_falls_silent_leaves_a_clock_that_runs_on(
    server: HTTPServer, monotonic: Monotonic, nonsense: str
) -> None:
    """Neither stops nor runs away, however often it is read; asked again now and then, and believed again."""
    now = business_clock(address(server))
    server.told = nonsense  # type: ignore[attr-defined]
    for second in range(1, 31):
        monotonic.now += 1.0
        assert now() == NOON + timedelta(seconds=second)
        assert now() == NOON + timedelta(seconds=second)
    assert server.asked < 10  # type: ignore[attr-defined]
    server.told = json.dumps({"now": "2026-08-18T09:00:00+08:00"})  # type: ignore[attr-defined]
    monotonic.now += 6.0
    assert now() == datetime(2026, 8, 18, 1, tzinfo=UTC)


def test_an_address_that_is_gone_leaves_a_clock_that_runs_on(monotonic: Monotonic) -> None:
    """The page was closed; the bot goes on."""
    server = HTTPServer(("127.0.0.1", 0), Told)
    server.told, server.asked = json.dumps({"now": NOON.isoformat()}), 0  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    now = business_clock(address(server))
    thread.join()
    server.server_close()
    monotonic.now += 3.0
    assert now() == NOON + timedelta(seconds=3)


def test_an_address_that_never_told_the_time_is_refused() -> None:
    """With the variable's name and what to do."""
    with pytest.raises(StartError, match="QIFU_CLOCK"):
        business_clock("http://127.0.0.1:9/clock")


def test_a_file_that_is_being_rewritten_tells_what_it_told_before(tmp_path: Path) -> None:
    """Empty for an instant, or gone: the last known time."""
    path = tmp_path / "now"
    path.write_text("2026-08-17T12:00:00+08:00\n", "utf-8")
    now = business_clock(str(path))
    path.write_text("", "utf-8")
    assert now() == NOON
    path.unlink()
    assert now() == NOON
    path.write_text("2026-08-17T12:30:00+08:00", "utf-8")
    assert now() == NOON + timedelta(minutes=30)


@pytest.mark.parametrize("text", ["", "soon", "2026-08-17T12:00:00"])
def test_a_file_without_an_instant_is_refused_at_the_start(tmp_path: Path, text: str) -> None:
    """A time without a zone is no instant."""
    path = tmp_path / "now"
    path.write_text(text, "utf-8")
    with pytest.raises(StartError, match="QIFU_CLOCK"):
        business_clock(str(path))
