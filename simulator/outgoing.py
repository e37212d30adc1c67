"""The few HTTP requests that the server itself makes: webhook deliveries and the day's supervisor."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 30.0


class UnreachableError(Exception):
    """No answer came; the text says why."""


@dataclass(slots=True)
class _Line:
    """An open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Poster:
    """POSTs to one or more addresses over kept connections."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, int, bool], list[_Line]] = {}

    async def post(
        self, url: str, body: bytes, headers: dict[str, str], timeout_seconds: float = TIMEOUT_SECONDS
    ) -> tuple[int, str, bytes]:
        """Status, reason and body of the answer; raises UnreachableError."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        key = (parts.hostname or "", parts.port or (443 if secure else 80), secure)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fields = {"Host": parts.netloc.rpartition("@")[2], "Content-Length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        request = f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._exchange(key, request)
        except TimeoutError:
            raise UnreachableError("Read timeout expired") from None
        except (OSError, EOFError, ValueError) as problem:
            raise UnreachableError(_reason(problem)) from None

    async def _exchange(self, key: tuple[str, int, bool], request: bytes) -> tuple[int, str, bytes]:
        kept = self._idle.setdefault(key, [])
        while kept:
            line = kept.pop()
            # A kept connection may have been closed meanwhile: nothing was answered, so it is tried anew.
            with suppress(OSError, EOFError):
                return await self._ask(line, kept, request)
            line.writer.close()
        host, port, secure = key
        context = ssl.create_default_context() if secure else None
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
        return await self._ask(_Line(reader, writer), kept, request)

    async def _ask(self, line: _Line, kept: list[_Line], request: bytes) -> tuple[int, str, bytes]:
        done = False
        try:
            line.writer.write(request)
            await line.writer.drain()
            status, reason, fields = await _read_head(line.reader)
            body = await _read_body(line.reader, fields)
            done = fields.get("connection", "").lower() != "close"
            return status, reason, body
        finally:
            if done:
                kept.append(line)
            else:
                line.writer.close()

    def close(self) -> None:
        """Drop the kept connections."""
        for kept in self._idle.values():
            for line in kept:
                line.writer.transport.abort()
        self._idle.clear()


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, str, dict[str, str]]:
    raw = await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw.decode("latin-1").split("\r\n")
    _, status, *reason = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines if line)
    return int(status), " ".join(reason), {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _read_body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    if "content-length" in fields:
        return await reader.readexactly(int(fields["content-length"]))
    if fields.get("transfer-encoding", "").lower() != "chunked":
        return b""
    body = bytearray()
    while True:
        size = int((await reader.readline()).split(b";")[0], 16)
        chunk = await reader.readexactly(size + 2)
        if size == 0:
            return bytes(body)
        body += chunk[:-2]


def _reason(problem: Exception) -> str:
    if isinstance(problem, ConnectionRefusedError):
        return "Connection refused"
    if isinstance(problem, EOFError | ConnectionResetError):
        return "Connection reset by peer"
    return str(problem) or type(problem).__name__
