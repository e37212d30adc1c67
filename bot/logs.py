"""Structured logs, one line an event, without content: no token, no client's words, no personal data."""

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import structlog

# A bot token anywhere in a line, and whatever stands for one in the Bot API's addresses.
_TOKEN = re.compile(r"\b\d{3,12}:[A-Za-z0-9_-]{20,}|(?<=/bot)\d+:[A-Za-z0-9_-]+")
_NOISY = ("httpx", "httpcore", "telegram", "apscheduler", "uvicorn")
# python-telegram-bot logs the answer that it could not read, which may hold clients' messages.
_TALKATIVE = ("telegram.",)


def set_up(stream: Any = None, *, level: int = logging.INFO) -> None:
    """JSON lines on standard error (key=value on a terminal); libraries from WARNING up, tokens blotted out."""
    stream = stream or sys.stderr
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=True)
        if stream.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _blot,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Blotted("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _blot(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {
        key: _TOKEN.sub("<token>", value) if isinstance(value, str) and key != "timestamp" else value
        for key, value in event.items()
    }


class _Blotted(logging.Formatter):
    """Libraries' lines. Of an exception its types and places: its text may quote a client, a statement, a token."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name.startswith(_TALKATIVE):
            record = logging.makeLogRecord({**record.__dict__, "args": ()})
        # What another handler has formatted before stays with the record.
        record.exc_text = None
        return _TOKEN.sub("<token>", super().format(record))

    def formatException(  # noqa: N802  # logging's name for it
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        error, lines = ei[1], []
        while error is not None:
            frames = traceback.extract_tb(error.__traceback__)
            places = " > ".join(f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno}" for f in frames[-8:])
            lines.append(f"{type(error).__name__} at {places or '?'}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(lines)
