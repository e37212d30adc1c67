"""The demo as a process, for the tests that use it."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.desk import ROOT


@asynccontextmanager
async def demo(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The supervisor as a process, in a folder of its own; only the library's index is the house's."""
    index = ROOT / "data" / "cache"
    index.mkdir(parents=True, exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "cache").symlink_to(index)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QIFU_")}
    environment |= {"PYTHONPATH": str(ROOT), "QIFU_CONFIG": str(ROOT / "config.yaml")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "demo", "--no-browser", *arguments,
        cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def line_with(process: asyncio.subprocess.Process, words: str) -> str:
    assert process.stdout is not None
    while line := (await asyncio.wait_for(process.stdout.readline(), timeout=60)).decode():
        if words in line:
            return line
    raise AssertionError((await process.communicate())[1].decode())


async def until(look: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What ``look`` gives as soon as it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := await look():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it did not happen")
