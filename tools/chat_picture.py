"""Takes docs/images/chat-page.png of a demo that was just started: python -m tools.chat_picture [--page URL]

One client asks two questions, two settlements are imported, another client gets a margin reminder, his manager the cards.
"""

import argparse
import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import async_playwright

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "chat-page.png"
WIDTH, HEIGHT = 1280, 800
ASKS, OWES, LOOKS_AFTER = "lijing", "wangming", "liuyang"


async def play(page: httpx.AsyncClient) -> None:
    """The little scene that the picture shows."""
    for question, answered in (("平今手续费怎么收", "依据"), ("螺纹钢两手保证金多少 按3030算", "3,030")):
        await _do(page, f"persons/{ASKS}/text", text=question)
        await _until(page, ASKS, answered)
    for _ in range(2):
        await _do(page, "operator/next-settlement")
    await _until(page, OWES, "107.30%")
    await _until(page, LOOKS_AFTER, "TK-20260819-0001")


async def _do(page: httpx.AsyncClient, what: str, **body: Any) -> None:
    answer = await page.post(f"/sim/{what}", json=body)
    answer.raise_for_status()


async def _until(page: httpx.AsyncClient, who: str, words: str) -> None:
    """Returns when somebody's phone shows the words."""
    for _ in range(150):
        if words in (await page.get(f"/sim/persons/{who}/messages")).text:
            return
        await asyncio.sleep(0.2)
    raise SystemExit(f"{who} never read {words!r}: is the demo fresh?")


async def look(url: str, to: Path) -> None:
    """The page as a newcomer sees it."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="zh-CN")
        shown = json.dumps([ASKS, OWES, LOOKS_AFTER])
        await page.add_init_script(f"localStorage.setItem('phones', {json.dumps(shown)})")
        await page.goto(url)
        await page.get_by_text("107.30%").first.wait_for()
        await page.wait_for_timeout(1000)
        to.parent.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=to)
        await browser.close()


async def main(url: str, to: Path) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as page:
        await play(page)
    await look(url, to)
    sys.stdout.write(f"{to}\n")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--page", default="http://127.0.0.1:8090", help="where the demo's page is")
    arguments.add_argument("--to", type=Path, default=PICTURE)
    given = arguments.parse_args()
    asyncio.run(main(given.page, given.to))
