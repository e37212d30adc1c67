"""The parts of the program together: how they start, stop, and take over from each other."""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from bot import lease, program, schedule
from bot.lease import HeldLease, LeaseLost
from bot.settings import StartError
from db import queues, trouble
from db.engine import Database
from db.models import Lease, OutboxMessage
from services import outbox, timetable
from services.timetable import Job
from services.work import Work
from simulator import Person
from tests.bot.test_webhook import free_port
from tests.desk import ROOT, Desk, fast_policy, open_desk
from tests.post import Ready


@pytest.fixture
async def desk(sqlite_url: str) -> AsyncIterator[Desk]:
    """The house without its library, on SQLite."""
    async with open_desk(sqlite_url, Ready()) as opened:  # type: ignore[arg-type]
        yield opened


@pytest.fixture
async def desk_on_each(database_url: str) -> AsyncIterator[Desk]:
    """The house without its library, on SQLite and on PostgreSQL."""
    async with open_desk(database_url, Ready()) as opened:  # type: ignore[arg-type]
        yield opened


async def put(desk: Desk, to: Person, text: str, **more: Any) -> int:
    async with desk.work() as work:
        added = await outbox.put(work, to.id, "text", {"html": text}, **more)
    assert added is not None
    return added


async def until(desk: Desk, message: int, *states: str) -> None:
    async with asyncio.timeout(5):
        while True:
            async with desk.reading() as work:
                if (await work.session.get_one(OutboxMessage, message)).state in states:
                    return
            await asyncio.sleep(0.01)


def reason(desk: Desk) -> BaseException:
    """Why the program ended."""
    assert desk._serving is not None
    error = desk._serving.exception()
    desk._serving = None
    assert isinstance(error, BaseExceptionGroup)
    return program._reason(error)


# --- stopping ---------------------------------------------------------------------------------------------------


async def test_whoever_waits_takes_over_only_when_nothing_is_on_its_way(desk_on_each: Desk) -> None:
    """The lease is given back after the last send has its result: nobody sends it again, nothing is in doubt."""
    desk = desk_on_each
    someone = await desk.stranger()
    desk.sim.fault("slow", method="sendMessage", count=1, seconds=0.3)
    message = await put(desk, someone, "您好", on_doubt="hold")
    await until(desk, message, "sending")
    waiting = asyncio.create_task(HeldLease(desk.deps).take())
    await desk.stop()
    await waiting
    async with desk.reading() as work:
        state = (await work.session.get_one(OutboxMessage, message)).state
    shown = [m for m in someone.messages if m.from_bot and m.text == "您好"]
    # Either its request had left, and its result is stored; or it had not, and it waits for the next run.
    assert (state, len(shown)) in (("sent", 1), ("pending", 0))


async def test_a_stop_is_quiet_whatever_the_timetable_is_doing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A tick that is cut off is rolled back; no scheduler reports a failed job."""
    begun = asyncio.Event()

    async def long(_work: Work) -> None:
        begun.set()
        await asyncio.Event().wait()

    await desk.stop()
    monkeypatch.setattr(timetable, "JOBS", (Job("long", long),))
    monkeypatch.setattr(schedule, "_SECONDS", 0.01)
    with capture_logs() as logs:
        for _ in range(5):
            begun.clear()
            await desk.start()
            await asyncio.wait_for(begun.wait(), 5)
            await desk.stop()
    assert [r.getMessage() for r in caplog.records if r.levelname in ("WARNING", "ERROR")] == []
    assert [line for line in logs if line["log_level"] in ("warning", "error")] == []


async def test_a_failing_job_is_told_once_a_day_and_keeps_no_other_from_its_work(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Operators learn the job's name; the log has the place, and no words of the exception."""
    done: list[str] = []

    async def broken(_work: Work) -> None:
        raise RuntimeError("客户的话")

    async def good(_work: Work) -> None:
        done.append("good")

    operator = await desk.staff("op", name="运维", role="operator", code="OP1")
    monkeypatch.setattr(timetable, "JOBS", (Job("broken", broken), Job("good", good)))
    with capture_logs() as logs:
        await timetable.tick(desk.deps)
        await timetable.tick(desk.deps)
    assert done == ["good", "good"]
    await desk.settled()
    assert sum("定时任务" in m.text for m in operator.messages) == 1
    failed = [line for line in logs if line["event"] == "job failed"]
    assert failed[0]["job"] == "broken"
    assert failed[0]["place"].startswith("test_program.py:")
    assert "客户" not in str(logs)


# --- the lease ------------------------------------------------------------------------------------------------------


async def test_a_run_that_was_replaced_stops_and_says_why(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends nothing more; the other one's lease stays."""
    await desk.stop()
    monkeypatch.setattr(lease, "BEAT", 0.02)
    await desk.start()
    someone = await desk.stranger()
    async with desk.work() as work:
        await work.session.execute(Lease.__table__.update().values(holder="elsewhere/1/1/x"))
    assert desk._serving is not None
    await asyncio.wait({desk._serving}, timeout=5)
    message = await put(desk, someone, "您好")
    error = reason(desk)
    assert isinstance(error, StartError)
    assert "another run took over this database" in str(error)
    async with desk.reading() as work:
        assert (await work.session.get_one(OutboxMessage, message)).state == "pending"
        assert await work.session.scalar(select(Lease.holder)) == "elsewhere/1/1/x"


async def test_a_lease_that_cannot_be_renewed_is_given_up_in_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once is nothing; for as long as others wait it is the end, before they take over."""
    await desk.stop()

    class Away(Database):
        away = False

        @asynccontextmanager
        async def write(self, *, durable: bool = True) -> AsyncIterator[AsyncSession]:
            if self.away:
                raise trouble.TimeoutError("no connection is free")
            async with super().write(durable=durable) as session:
                yield session

    monkeypatch.setattr(lease, "BEAT", 0.02)
    monkeypatch.setattr(lease, "TTL", 1.5)
    database = Away(desk.settings.database_url)
    held = HeldLease(replace(desk.deps, db=database))
    await held.take()
    keeping = asyncio.create_task(held.keep())
    with capture_logs() as logs:
        database.away = True
        while not logs:  # noqa: ASYNC110  # until the first failure
            await asyncio.sleep(0.01)
        database.away = False
        await asyncio.sleep(0.05)
        assert not keeping.done()
        database.away = True
        with pytest.raises(LeaseLost, match="could not be written"):
            await asyncio.wait_for(keeping, 5)
    await database.close()


async def test_of_two_that_start_at_once_one_waits(database_url: str, desk: Desk) -> None:
    """No lease is there yet, and both see that: the database decides."""
    await desk.stop()
    database = Database(database_url)
    both = [HeldLease(replace(desk.deps, db=database)) for _ in range(2)]
    taking = [asyncio.create_task(held.take()) for held in both]
    done, pending = await asyncio.wait(taking, timeout=0.8, return_when=asyncio.ALL_COMPLETED)
    assert len(done) == len(pending) == 1
    for task in done:
        task.result()
    await both[taking.index(next(iter(done)))].release()
    await asyncio.wait_for(next(iter(pending)), 5)
    await database.close()


_HOLDS = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from bot import wiring
from bot.lease import HeldLease
from bot.settings import policy, settings
from db import queues
from db.engine import Database
from db.models import OutboxMessage
from services import outbox
from services.work import working

async def main():
    found = settings({"QIFU_DATABASE_URL": sys.argv[1]}, Path("none"))
    deps = wiring.deps(found, policy(Path("config.yaml")), Database(found.database_url))
    await HeldLease(deps).take()
    async with working(deps) as work:
        sent = [await outbox.put(work, int(sys.argv[2]), "text", {"html": "在途"}) for _ in range(1)]
        await queues.set_messages(work.session, sent, state="sending", attempts=1)
    print("holding", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_after_kill_9_the_next_run_takes_over_at_once_and_settles_what_was_on_its_way(
    desk_on_each: Desk,
) -> None:
    """The killed process has not even been waited for by its parent."""
    desk = desk_on_each
    someone = await desk.stranger()
    await desk.stop()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _HOLDS,
        desk.settings.database_url,
        str(someone.id),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"holding\n"
    process.send_signal(signal.SIGKILL)
    await process.stdout.read()
    await desk.start()
    await someone.wait_for("在途")
    await process.wait()


# --- starting -------------------------------------------------------------------------------------------------------


async def test_the_second_run_on_a_machine_waits_with_the_port_too(desk: Desk) -> None:
    """Same settings, same port: it does not end, says that it waits, and serves the page when the first is gone."""
    await desk.stop()
    desk.settings = replace(desk.settings, web_port=free_port())
    page = f"http://127.0.0.1:{desk.settings.web_port}/health"
    async with httpx.AsyncClient(trust_env=False) as web:

        async def tells(words: str) -> None:
            async with asyncio.timeout(8):
                while True:
                    try:
                        if words in (await web.get(page)).text:
                            return
                    except httpx.HTTPError:
                        pass
                    await asyncio.sleep(0.05)

        await desk.start()
        await tells('"ok":true')
        first, desk._serving = desk._serving, None
        await desk.start()
        await asyncio.sleep(0.1)
        assert desk._serving is not None
        assert not desk._serving.done()
        assert first is not None
        first.cancel()
        await asyncio.wait({first})
        await tells('"ok":true')
        someone = await desk.stranger()
        await someone.text("/help")
        await someone.wait_for("可用指令")


async def test_telegram_away_while_the_webhook_is_arranged_is_waited_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected, and cut off before the next call: not the end of the program."""
    await desk.stop()
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        await real(min(seconds, 0.01))

    monkeypatch.setattr(program.asyncio, "sleep", sleep)
    desk.sim.fault("500", method="deleteWebhook", count=2)
    desk.sim.fault("429", method="deleteWebhook", count=1, retry_after=1)
    await desk.start()
    someone = await desk.stranger()
    await someone.text("/help")
    await someone.wait_for("可用指令")


async def test_a_webhook_address_that_telegram_refuses_is_one_sentence(desk: Desk) -> None:
    """Not an endless "out of reach"."""
    await desk.stop()
    desk.sim.fault("refuse", method="setWebhook", text="Bad Request: bad webhook: HTTPS url must be provided")
    desk.settings = replace(
        desk.settings, web_port=0, webhook_url="http://example.com/telegram", webhook_secret="x"
    )
    await desk.start()
    assert desk._serving is not None
    await asyncio.wait({desk._serving}, timeout=5)
    assert "QIFU_WEBHOOK_URL: Bad webhook" in str(reason(desk))


async def test_a_group_that_was_listed_and_moved_is_told_to_the_operator(sqlite_url: str) -> None:
    """Its number has changed; only the configuration can list it again."""
    rules = fast_policy()
    async with open_desk(sqlite_url, Ready()) as first:  # type: ignore[arg-type]
        someone = await first.stranger()
        group = first.sim.group("值班群", [someone], kind="group", bot="member")
        listed = rules.chat.model_copy(update={"allowed_groups": [group.id]})
        await first.stop()
        first.deps = replace(first.deps, policy=rules.model_copy(update={"chat": listed}))
        await first.start()
        operator = await first.staff("op", name="运维", role="operator", code="OP1")
        old = group.id
        group.upgrade()
        told = await operator.wait_for("超级群")
        assert str(old) in told.text
        assert str(group.id) in told.text


async def test_forged_button_data_is_expired_and_no_defect(desk: Desk) -> None:
    """Digits that are no numbers, half emoji, NUL, dots: whoever forges data gets the same answer."""
    someone = await desk.stranger()
    shown = await someone.wait_for("示例期货", since=0)
    token = shown.keyboard["inline_keyboard"][0][0]["callback_data"].partition(".")[0]
    for data in (
        f"{token}.²",
        f"{token}.٣",
        f"{token}.",
        f"{token}.99",
        f"{token}.-1",
        "\0",
        ".",
        "😀",
        f"{token}.0.0",
    ):
        press = await someone.press_data(data, message_id=shown.id)
        assert "失效" in (await press.answer())["text"]
    async with desk.reading() as work:
        assert await queues.waiting_updates(work.session, [], 10) == []


async def test_a_run_that_ends_leaves_nothing_withheld_from_the_collector(desk: Desk) -> None:
    """Else DuckDB tells the terminal of hundreds of leaks at every stop."""
    async with asyncio.timeout(5):
        while gc.get_freeze_count() == 0:  # noqa: ASYNC110  # the collector rings no bell
            await asyncio.sleep(0.01)
    await desk.stop()
    assert gc.get_freeze_count() == 0
