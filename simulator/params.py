"""What a call brings along: form-urlencoded, JSON, multipart, or in the address."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.requests import Request

from simulator.errors import ApiError, Json, bad

LARGEST_UPLOAD = 50 * 1024 * 1024
# Field names, boundaries and captions come on top of the file itself.
LARGEST_BODY = LARGEST_UPLOAD + 1024 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A file inside a multipart call."""

    name: str
    mime: str
    data: bytes


class Params:
    """The parameters of a call, read by type; a wrong type is a 400."""

    __slots__ = ("files", "values")

    def __init__(self, values: Json, files: dict[str, Upload] | None = None) -> None:
        self.values = values
        self.files = files or {}

    def has(self, name: str) -> bool:
        return self.values.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        return default if value is None else str(value)

    def number(self, name: str, default: int | None = None) -> int | None:
        """A whole number, or the default where there is none; 400 for anything else."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise bad(f'parameter "{name}" must be an integer') from None

    def flag(self, name: str) -> bool:
        value = self.values.get(name)
        return value if isinstance(value, bool) else str(value or "").lower() in ("true", "1", "yes")

    def json(self, name: str) -> Any:
        """A structured value, or None where there is none."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            what = "reply keyboard markup" if name == "reply_markup" else f"{name.replace('_', ' ')}"
            raise bad(f"can't parse {what} JSON object") from None


async def read_params(request: Request) -> Params:
    """The parameters of an HTTP call; 413 for a body over the upload limit, 400 for a broken one."""
    values: Json = dict(parse_qsl(request.url.query, keep_blank_values=True)) if request.url.query else {}
    if request.method == "GET":
        return Params(values)
    if int(request.headers.get("content-length") or 0) > LARGEST_BODY:
        raise ApiError(413, "Request Entity Too Large")
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return await _multipart(request, values)
    return read_body(await request.body(), kind, values)


def read_body(body: bytes, kind: str, values: Json) -> Params:
    """Parameters of a form-urlencoded or JSON body, on top of those in the address."""
    if not body:
        return Params(values)
    try:
        text = body.decode()
        if kind.startswith("application/json"):
            loaded = json.loads(text)
            if not isinstance(loaded, dict):
                raise bad("can't parse request body: expected a JSON object")
            values.update(loaded)
        else:
            values.update(parse_qsl(text, keep_blank_values=True))
    except (UnicodeDecodeError, ValueError) as problem:
        raise bad("strings must be encoded in UTF-8") from problem
    return Params(values)


async def _multipart(request: Request, values: Json) -> Params:
    files: dict[str, Upload] = {}
    async with request.form(max_part_size=LARGEST_BODY) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                data = await value.read()
                if len(data) > LARGEST_UPLOAD:
                    raise ApiError(413, "Request Entity Too Large")
                files[name] = Upload(value.filename or name, value.content_type or "", data)
            else:
                values[name] = value
    return Params(values, files)
