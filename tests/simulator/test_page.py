"""The chat page in a real browser: phones, composer, buttons, pictures, the day's panel."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Locator, Page, async_playwright, expect
from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    KeyboardButton,
    ReplyKeyboardMarkup,
)
from telegram.error import Forbidden

import simulator
from simulator import PICTURE, Sim
from simulator.errors import Json
from tests.simulator.conftest import new_bot

# One event loop and one browser for all of them: starting it takes longer than a test.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROSTER: Json = {
    "persons": [
        {
            "key": "ming",
            "first_name": "王明",
            "role": "客户",
            "subtitle": "尾号 2345",
            "phone": "+8613800000001",
        },
        {
            "key": "chen",
            "first_name": "陈晨",
            "role": "客户",
            "subtitle": "尾号 6688",
            "phone": "+8613800000002",
        },
        {"key": "zhao", "first_name": "赵敏", "role": "客户经理", "phone": "+8613800000003"},
        {"key": "li", "first_name": "李倩", "role": "服务专员", "phone": "+8613800000004"},
        {"key": "sun", "first_name": "孙立", "role": "风控专员", "phone": "+8613800000005"},
        {"key": "zhou", "first_name": "周岩", "role": "投诉主管", "phone": "+8613800000006"},
    ]
}


@pytest_asyncio.fixture(loop_scope="module")
async def sim() -> AsyncIterator[Sim]:
    """A server with the six people of the page."""
    async with simulator.running(roster=ROSTER, clock="2026-08-18T14:30") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """The machine's own Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium on this machine: make test installs it where it may")
        pytest.skip("no Chromium on this machine: install it (Debian: chromium) to test the chat page")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        await opened.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def tab(browser: Browser) -> AsyncIterator[Page]:
    """One tab for all; each server has an address of its own, so nothing is remembered from test to test."""
    opened = await browser.new_page()
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(sim: Sim, tab: Page) -> AsyncIterator[Page]:
    """The chat page at the size it is made for; any error in its scripts fails the test."""
    problems: list[str] = []

    def note(problem: Error) -> None:
        problems.append(str(problem))

    tab.on("pageerror", note)
    await tab.set_viewport_size({"width": 1280, "height": 800})
    await tab.goto(sim.page_url)
    await tab.wait_for_selector(".phone")
    yield tab
    tab.remove_listener("pageerror", note)
    await tab.goto("about:blank")
    assert not problems


def phone(page: Page, name: str) -> Locator:
    """A person's phone."""
    return page.get_by_role("region", name=re.compile(name))


async def test_three_phones_and_six_people_fit_without_scrolling(page: Page) -> None:
    """At 1280 x 800, and six phones at 1920."""
    assert await page.locator(".phone").count() == 3
    assert await page.locator(".person").count() == 6
    size = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    assert await page.evaluate(size) == [1280, 800]
    panel = await page.locator(".day-panel").bounding_box()
    assert panel is not None
    assert panel["y"] + panel["height"] <= 800
    await page.set_viewport_size({"width": 1920, "height": 1000})
    await expect(page.locator(".phone")).to_have_count(6)


async def test_a_person_starts_writes_and_presses_a_button(sim: Sim, page: Page) -> None:
    """The bot hears each; its answer, formatted, appears with a toast for the press."""
    ming = phone(page, "王明")
    await ming.get_by_role("button", name="开始").click()
    await ming.get_by_role("textbox", name="输入消息").fill("手续费多少")
    await page.keyboard.press("Enter")
    await expect(ming.locator(".mine .text").last).to_contain_text("手续费多少")
    async with new_bot(sim) as bot:
        heard = await bot.get_updates()
        assert [u.message.text for u in heard if u.message] == ["/start", "手续费多少"]
        await bot.get_updates(offset=heard[-1].update_id + 1)
        await expect(ming.locator(".mine .ticks").last).to_have_attribute("title", "机器人已收到")
        keys = InlineKeyboardMarkup([[InlineKeyboardButton("有帮助", callback_data="ok")]])
        await bot.send_message(
            sim.person("ming").id, "<b>铝</b> <code>3.03</code> 元/手", parse_mode="HTML", reply_markup=keys
        )
        await expect(ming.locator(".theirs .text strong")).to_have_text("铝")
        await ming.get_by_role("button", name="有帮助").click()
        await sim.until(lambda: sim.pending == 1, what="the press")
        query = (await bot.get_updates())[-1].callback_query
        assert query is not None
        await query.answer("谢谢反馈")
        await expect(ming.locator(".toast")).to_have_text("谢谢反馈")
        await query.edit_message_text("已记录")
        await expect(ming.locator(".theirs").last).to_contain_text("已编辑")


async def test_an_alert_is_shown_until_it_is_closed(sim: Sim, page: Page) -> None:
    """show_alert."""
    ming = phone(page, "王明")
    await sim.person("ming").start()
    async with new_bot(sim) as bot:
        await bot.send_message(
            sim.person("ming").id,
            "?",
            reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("旧", callback_data="x")]]),
        )
        await ming.get_by_role("button", name="旧", exact=True).click()
        await sim.until(lambda: sim.pending == 2, what="the press")
        await bot.answer_callback_query(
            (await bot.get_updates())[-1].callback_query.id, "已失效", show_alert=True
        )
        await expect(page.get_by_role("alertdialog")).to_contain_text("已失效")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alertdialog")).to_have_count(0)


async def test_pictures_and_files_travel_both_ways(sim: Sim, page: Page, tmp_path: Path) -> None:
    """A photo from the file chooser, a document, an album of the bot's."""
    await sim.person("ming").start()
    (tmp_path / "截图.png").write_bytes(PICTURE)
    ming = phone(page, "王明")
    await ming.get_by_role("button", name="附件").click()
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("menuitem", name="照片", exact=True).click()
    await (await chooser.value).set_files(tmp_path / "截图.png")
    await expect(ming.locator(".mine .photo img")).to_be_visible()
    await sim.until(lambda: sim.person("ming").messages[-1].kind == "photo", what="the photo")
    assert sim.person("ming").messages[-1].data == PICTURE
    async with new_bot(sim) as bot:
        await bot.send_document(sim.person("ming").id, b"1,2", filename="回单.csv")
        await bot.send_media_group(
            sim.person("ming").id, [InputMediaPhoto(PICTURE), InputMediaPhoto(PICTURE)]
        )
    await expect(ming.locator(".photos.count-2 .photo")).to_have_count(2)
    async with page.expect_download() as saved:
        await ming.locator("a.document").click()
    assert (await saved.value).suggested_filename == "回单.csv"
    await ming.locator(".mine .photo").click()
    await expect(page.locator(".lightbox")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator(".lightbox")).to_have_count(0)


async def test_a_number_is_shared_by_the_key_that_asks_for_it(sim: Sim, page: Page) -> None:
    """And somebody else's card by the menu."""
    await sim.person("ming").start()
    async with new_bot(sim) as bot:
        keys = ReplyKeyboardMarkup(
            [[KeyboardButton("分享手机号", request_contact=True)]], one_time_keyboard=True
        )
        await bot.send_message(sim.person("ming").id, "请分享", reply_markup=keys)
    ming = phone(page, "王明")
    await ming.get_by_role("button", name="分享手机号").click()
    await expect(ming.locator(".card-mark.own")).to_be_visible()
    await expect(ming.get_by_role("button", name="分享手机号")).to_have_count(0)
    await ming.get_by_role("button", name="附件").click()
    await page.get_by_role("menuitem", name="他人名片").click()
    await page.get_by_role("button", name="陈晨").last.click()
    await expect(ming.locator(".card-mark").last).to_have_text("他人名片")
    own, other = (m.raw["contact"] for m in sim.person("ming").messages[-2:])
    assert own["user_id"] == sim.person("ming").id
    assert other["user_id"] == sim.person("chen").id


async def test_blocking_and_unblocking(sim: Sim, page: Page) -> None:
    """The composer gives way to one button."""
    await sim.person("ming").start()
    ming = phone(page, "王明")
    await ming.get_by_role("button", name="更多").first.click()
    await page.get_by_role("menuitem", name="屏蔽机器人").click()
    await expect(ming.get_by_role("textbox")).to_have_count(0)
    assert sim.person("ming").account.blocked
    await ming.get_by_role("button", name="解除屏蔽").click()
    await expect(ming.get_by_role("textbox")).to_be_visible()
    assert not sim.person("ming").account.blocked


async def test_the_command_menu_and_its_suggestions(sim: Sim, page: Page) -> None:
    """Behind the button, and while typing a slash."""
    await sim.person("ming").start()
    async with new_bot(sim) as bot:
        await bot.set_my_commands([("help", "帮助"), ("my", "我的账户")])
    ming = phone(page, "王明")
    await ming.get_by_role("button", name="命令").click()
    await page.get_by_role("menuitem", name="/my").click()
    await expect(ming.locator(".mine .text").last).to_contain_text("/my")
    await ming.get_by_role("textbox").fill("/he")
    await ming.get_by_role("option", name="/help").click()
    await expect(ming.locator(".mine .text").last).to_contain_text("/help")


async def test_a_deep_link_starts_here_or_on_another_phone(sim: Sim, page: Page) -> None:
    """The manager's invitation is opened by the client."""
    await sim.person("zhao").start()
    async with new_bot(sim) as bot:
        await bot.send_message(sim.person("zhao").id, "邀请 https://t.me/QifuBot?start=abc123 一次有效")
    zhao = phone(page, "赵敏")
    await zhao.get_by_role("link", name="https://t.me").click()
    await expect(zhao.locator(".mine .text").last).to_contain_text("/start abc123")
    await zhao.get_by_role("button", name="在谁的手机上打开").click()
    await page.get_by_role("menuitem", name="王明").click()
    await expect(phone(page, "王明").locator(".mine .text").last).to_contain_text("/start abc123")


async def test_replying_editing_and_quotes(sim: Sim, page: Page) -> None:
    """A double click quotes, arrow up edits the last message."""
    await sim.person("ming").start()
    async with new_bot(sim) as bot:
        await bot.send_message(sim.person("ming").id, "请问账号后四位")
    ming = phone(page, "王明")
    await ming.get_by_text("请问账号后四位").dblclick()
    await ming.get_by_role("textbox").fill("2345")
    await page.keyboard.press("Enter")
    await expect(ming.locator(".mine .quote").last).to_contain_text("请问账号后四位")
    await page.keyboard.press("ArrowUp")
    await expect(ming.get_by_role("textbox")).to_have_value("2345")
    await ming.get_by_role("textbox").fill("6688")
    await page.keyboard.press("Enter")
    await expect(ming.locator(".mine .text").last).to_contain_text("6688")
    assert sim.person("ming").messages[-1].edited


async def test_who_is_not_in_sight_gets_a_badge_and_a_place_by_a_click(sim: Sim, page: Page) -> None:
    """The phone used longest ago gives way."""
    await sim.person("zhou").start()
    async with new_bot(sim) as bot:
        await bot.send_message(sim.person("zhou").id, "新投诉 CP-20260818-0001")
    row = page.locator(".person", has_text="周岩")
    await expect(row.locator(".badge")).to_have_text("1")
    await row.click()
    await expect(phone(page, "周岩")).to_contain_text("CP-20260818-0001")
    await expect(row.locator(".badge")).to_have_count(0)
    assert await page.locator(".phone").count() == 3
    await page.keyboard.press("Alt+Digit1")
    await expect(phone(page, "王明")).to_be_visible()


async def test_the_clock_moves_and_faults_are_laid(sim: Sim, page: Page) -> None:
    """The panel of the day."""
    await expect(page.locator(".date")).to_contain_text("8月18日")
    await page.get_by_role("button", name="20:00").click()
    await expect(page.locator(".now")).to_contain_text("20:00:")
    await page.get_by_role("button", name="+1 天").click()
    await expect(page.locator(".date")).to_contain_text("8月19日")
    await page.get_by_role("button", name="设定业务时间").click()
    await page.locator("input[type=datetime-local]").fill("2026-09-01T09:15")
    await page.get_by_role("button", name="设定", exact=True).click()
    await expect(page.locator(".now")).to_contain_text("09:15:")
    assert sim.clock.now().isoformat().startswith("2026-09-01T09:15")
    await page.get_by_role("button", name="限流 429").click()
    await sim.until(lambda: bool(sim.world.faults.laid), what="the limit")
    await page.get_by_role("button", name="断网").click()
    await expect(page.get_by_role("button", name="恢复网络")).to_be_visible()
    assert sim.world.faults.outage
    await page.get_by_role("button", name="恢复网络").click()
    await expect(page.get_by_role("button", name="断网")).to_be_visible()


async def test_the_log_shows_calls_and_their_refusals(sim: Sim, page: Page) -> None:
    """Newest first, failures marked."""
    await page.get_by_role("button", name="调用记录").click()
    async with new_bot(sim) as bot:
        with pytest.raises(Forbidden):
            await bot.send_message(sim.person("chen").id, "x")
    await expect(page.locator("#calls tr.bad")).to_contain_text("403")
    await page.keyboard.press("Tab")
    await page.get_by_role("button", name="关闭").click()
    await expect(page.locator("#calls")).to_be_hidden()


async def test_english_and_dark(sim: Sim, page: Page) -> None:
    """Both switches stay after a reload."""
    light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.get_by_role("button", name="English").click()
    await page.get_by_role("button", name="Light or dark").click()
    await page.reload()
    await expect(page.get_by_role("button", name="Next settlement")).to_be_visible()
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert await page.evaluate("document.documentElement.lang") == "en"


async def test_markup_in_names_and_texts_stays_text(sim: Sim, page: Page) -> None:
    """Nothing that people write becomes HTML of the page."""
    evil = "<img src=x onerror=document.title='hacked'>"
    sim.person("eve", first_name=evil, role=evil)
    await sim.person("ming").text(evil)
    await expect(phone(page, "王明").locator(".mine .text").last).to_contain_text(evil)
    assert "hacked" not in await page.title()


async def test_the_page_finds_the_server_again(sim: Sim, page: Page) -> None:
    """After a reset the phones start empty."""
    await sim.person("ming").text("vorher")
    await expect(phone(page, "王明").locator(".mine")).to_have_count(1)
    await page.evaluate("fetch('/sim/reset', {method: 'POST'})")
    await expect(phone(page, "王明").locator(".mine")).to_have_count(0)
    await expect(phone(page, "王明").get_by_role("button", name="开始")).to_be_visible()


async def test_the_days_buttons_ask_the_supervisor(tab: Page) -> None:
    """Its answer is shown; without one the buttons are shut."""
    asked: list[str] = []

    async def supervise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode().split()[1])
        body = '{"ok": true, "text": "已导入 8月19日 结算"}'.encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    supervisor = await asyncio.start_server(supervise, "127.0.0.1", 0)
    port = supervisor.sockets[0].getsockname()[1]
    async with simulator.running(roster=ROSTER, operator=f"http://127.0.0.1:{port}") as sim:
        await tab.goto(sim.page_url)
        await tab.get_by_role("button", name="下一结算日").click()
        await expect(tab.locator(".notice")).to_have_text("已导入 8月19日 结算")
        await tab.get_by_role("button", name="重启机器人").click()
        await expect(tab.locator(".notice")).to_have_count(2)
        await tab.goto("about:blank")
    supervisor.close()
    assert asked == ["/next-settlement", "/restart-bot"]
    async with simulator.running(roster=ROSTER) as sim:
        await tab.goto(sim.page_url)
        await expect(tab.get_by_role("button", name="下一结算日")).to_be_disabled()
        await tab.goto("about:blank")
