"""The operator's commands: what they print, how they fail."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from db import trouble
from simulator import running
from tests.bot.conftest import Command
from tests.desk import ROOT

SAMPLES = ROOT / "samples"
HEADER = "account,name,kind,phone,tier,manager,officer,opened_on,fee_plan,margin_plan,language\n"


def statement(day: str) -> str:
    return str(SAMPLES / "settlements" / f"{day}.txt")


# --- help and usage -----------------------------------------------------------------------------------------


def test_every_command_shows_an_example(command: Command) -> None:
    """Whoever reads --help can type the example."""
    for words in (
        "run", "demo", "ask", "check", "backup", "restore", "invite", "import", "risk", "db upgrade",
        "kb check", "kb eval", "staff invite", "staff list", "staff disable", "client import", "client history",
        "erase ask", "erase list", "erase approve", "erase refuse",
    ):  # fmt: skip
        shown = command(*words.split(), "--help")
        assert shown.code == 0
        assert f"python -m bot {words.split()[0]}" in shown.out.split("Example:")[1], words


@pytest.mark.parametrize("words", [["ask"], ["import"], ["nonsense"], ["risk", "--day", "yesterday"]])
def test_wrong_usage_ends_with_two(command: Command, words: list[str]) -> None:
    """A command that was typed wrong is told apart from one that was refused."""
    shown = command(*words)
    assert shown.code == 2
    assert not shown.out
    assert shown.err


# --- the database's state -----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["risk"], ["staff", "list"], ["import", statement("20260818")]])
def test_a_missing_database_is_one_sentence(command: Command, words: list[str], database_file: Path) -> None:
    """Nothing is created by looking; the sentence names the command that helps."""
    shown = command(*words)
    assert (shown.code, shown.out) == (1, "")
    assert shown.err == f"there is no database at {database_file}: type  python -m bot db upgrade\n"
    assert not database_file.exists()


def test_a_database_of_another_revision_is_refused(house: Command, database_file: Path) -> None:
    """A revision that this program does not know belongs to a newer program."""
    with sqlite3.connect(database_file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '2031_01_01_0001'")
    connection.close()
    for words in (["risk"], ["db", "upgrade"]):
        shown = house(*words)
        assert shown.code == 1
        assert shown.err.count("\n") == 1
        assert "install the newer program" in shown.err


def test_a_file_that_is_no_database_is_refused(command: Command, database_file: Path) -> None:
    """A wrong path in QIFU_DATABASE_URL must not be written to."""
    database_file.parent.mkdir()
    database_file.write_text("a letter to my aunt, longer than sixteen bytes", "utf-8")
    shown = command("db", "upgrade")
    assert shown.code == 1
    assert shown.err == "that file is no SQLite database: look at QIFU_DATABASE_URL\n"
    assert database_file.read_text("utf-8").startswith("a letter")


def test_upgrading_twice_changes_nothing(command: Command) -> None:
    """The second time says so."""
    assert command("db", "upgrade").out.startswith("database: empty -> ")
    assert command("db", "upgrade").out.endswith("nothing to do\n")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("database is locked", "another program is writing"),
        ("database or disk is full", "make room"),
        ("database disk image is malformed", "restore FILE"),
        ("no such table: client", "db upgrade"),
    ],
)
def test_each_state_of_the_database_has_its_remedy(told: str, words: str) -> None:
    """What SQLite says becomes what to do."""
    said = trouble.sentence(OperationalError("SELECT 1", {}, sqlite3.OperationalError(told)))
    assert said is not None
    assert words in said


def test_a_defect_is_not_hidden_behind_a_sentence() -> None:
    """A wrong statement of ours is a defect: its traceback is wanted."""
    wrong = OperationalError("SELECT 1", {}, sqlite3.OperationalError("no such column: case.look_at"))
    assert trouble.sentence(wrong) is None


# --- register and staff ---------------------------------------------------------------------------------------


def test_the_sample_register_is_stored_once(house: Command) -> None:
    """The same file again changes nothing; employees that nobody knows yet are named."""
    first = house("client", "import", str(SAMPLES / "register.csv"))
    assert first.code == 0
    assert "8 added, 0 changed, 0 as before" in first.out
    assert "manager M01 of 4 clients is not on the roll" in first.err
    again = house("client", "import", str(SAMPLES / "register.csv"), "--json")
    told = json.loads(again.out)
    assert (told["added"], told["changed"], told["unchanged"]) == (0, 0, 8)
    assert told["unknown_staff"] == ["M01", "M02", "S01", "S02"]


def test_a_register_with_a_bad_row_changes_nothing(house: Command, tmp_path: Path) -> None:
    """Every bad row is named by its line; the good ones wait for a file that is right as a whole."""
    file = tmp_path / "register.csv"
    good = "80010001,赵一,person,13900000001,key,,,,,,zh\n"
    bad = (
        "80010002,钱二,person,13900000002,gold,,,,,,zh\n80010003,孙三,person,13900000003,key,,,,nobody,,zh\n"
    )
    file.write_text(HEADER + good + bad, "utf-8")
    refused = house("client", "import", str(file))
    assert refused.code == 1
    assert f"{file}: line 3: " in refused.err
    assert f"{file}: line 4: fee plan nobody does not stand in config.yaml" in refused.err
    assert house("client", "history", "80010001").code == 1
    taken = house("client", "import", str(file), "--skip-bad")
    assert taken.code == 0
    assert "1 added" in taken.out
    assert house("client", "history", "80010001").code == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "UTF-16"),
        (b"PK\x03\x04 no workbook", "workbook"),
        (None, "cannot be read"),
    ],
)
def test_a_register_that_cannot_be_read_is_one_sentence(
    house: Command, tmp_path: Path, data: bytes | None, words: str
) -> None:
    """Empty, binary, broken, missing: the file and the reason, no more."""
    file = tmp_path / "register.xlsx"
    if data is not None:
        file.write_bytes(data)
    shown = house("client", "import", str(file))
    assert shown.code == 1
    assert shown.err.count("\n") == 1
    assert words in shown.err


def test_an_employee_is_invited_listed_and_disabled(house: Command, tmp_path: Path) -> None:
    """The invitation is a link and, where asked for, a picture; the roll shows where the employee stands."""
    picture = tmp_path / "invitation.png"
    made = house(
        "staff", "invite", "--name", "刘洋", "--role", "manager", "--line", "市场一部", "--code", "M01", "--qr", str(picture)
    )  # fmt: skip
    assert made.code == 0
    assert made.out.startswith("https://t.me/QifuBot?start=")
    assert picture.read_bytes().startswith(b"\x89PNG")
    (line,) = [json.loads(line) for line in house("staff", "list", "--json").lines]
    assert (line["code"], line["role"], line["state"], line["clients"]) == ("M01", "manager", "invited", 0)
    assert house("staff", "disable", "M01").out.startswith("M01 is out.")
    assert "disabled" in house("staff", "list").out
    twice = house("staff", "disable", "M01")
    assert (twice.code, twice.out) == (1, "")
    unknown = house("staff", "disable", "X99")
    assert unknown.code == 1
    assert "X99" in unknown.err


def test_a_client_is_invited_and_the_history_tells_it(house: Command) -> None:
    """The code itself stands in the link only, never in the history."""
    house("client", "import", str(SAMPLES / "register.csv"))
    made = json.loads(house("invite", "80012345", "--json").out)
    history = house("client", "history", "80012345")
    assert "invite.made" in history.out
    assert made["link"].rpartition("=")[2] not in history.out
    unknown = house("invite", "99999999")
    assert unknown.code == 1
    assert "no such account" in unknown.err
    assert house("invite", "80012345", "--relink", "--authorised").code == 2


async def test_an_invitation_asks_telegram_for_the_bot_s_name(
    house_without_name: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of reach, the sentence names both ways out."""
    words = ("staff", "invite", "--name", "刘洋", "--role", "manager", "--line", "市场一部")
    async with running() as sim:
        monkeypatch.setenv("QIFU_BOT_TOKEN", sim.token)
        monkeypatch.setenv("QIFU_API_URL", sim.url)
        made = await asyncio.to_thread(house_without_name, *words)
    assert (made.code, made.out.partition("?")[0]) == (0, "https://t.me/QifuBot")
    nobody = await asyncio.to_thread(house_without_name, *words)
    assert nobody.code == 1
    assert "QIFU_BOT_USERNAME" in nobody.err
    assert "QIFU_PROXY" in nobody.err


# --- settlements ------------------------------------------------------------------------------------------------


def test_a_statement_is_imported_once(house: Command) -> None:
    """The second time is said and changes nothing; the worst account stands first."""
    first = house("import", statement("20260818"), "--json")
    told = json.loads(first.out)
    assert (first.code, told["accounts"], told["day"]) == (0, 8, "2026-08-18")
    assert len(told["unknown_accounts"]) == 8
    again = house("import", statement("20260818"))
    assert again.code == 0
    assert "already imported" in again.out
    rows = [json.loads(line) for line in house("risk", "--json").lines]
    degrees = [row["risk_company"] for row in rows]
    assert degrees == sorted(degrees, reverse=True)
    assert degrees[0] == pytest.approx(1.2254, abs=0.0001)
    assert house("risk").lines[0].split("\t")[0] == "account"


def test_a_refused_file_does_not_keep_the_others_out(house: Command, tmp_path: Path) -> None:
    """Each file stands for itself; the exit code tells that one was refused."""
    broken = tmp_path / "broken.txt"
    data = Path(statement("20260817")).read_bytes()
    assert b"519415.43" in data
    broken.write_bytes(data.replace(b"519415.43", b"519415.44", 1))
    shown = house("import", str(broken), str(tmp_path / "missing.txt"), statement("20260818"))
    assert shown.code == 1
    assert shown.out.count("\n") == 1
    assert str(broken) in shown.err
    assert "missing.txt cannot be read" in shown.err
    assert "2 of 3 files refused" in shown.err


def test_other_figures_need_a_reason(house: Command, tmp_path: Path) -> None:
    """An account's day that is in is replaced with a reason only."""
    changed = tmp_path / "wide.csv"
    columns = "AccountID,TradingDay,PreBalance,Deposit,Withdraw,CloseProfit,PositionProfit,Commission,Balance,CurrMargin"
    changed.write_text(f"{columns}\n70000001,20260818,100,0,0,0,0,0,100,10\n", "utf-8")
    assert house("import", str(changed)).code == 0
    changed.write_text(f"{columns}\n70000001,20260818,100,50,0,0,0,0,150,10\n", "utf-8")
    refused = house("import", str(changed))
    assert refused.code == 1
    assert "--replace" in refused.err
    assert house("import", str(changed), "--replace", "resent by the clearing desk").code == 0
    (row,) = [json.loads(line) for line in house("risk", "--json").lines]
    assert row["equity"] == "150.00"


def test_a_file_above_the_limit_is_not_read(house: Command, tmp_path: Path) -> None:
    """Fifty megabytes are refused by their size alone."""
    huge = tmp_path / "huge.txt"
    with huge.open("wb") as opened:
        opened.truncate(50 * 1024 * 1024)
    shown = house("import", str(huge))
    assert shown.code == 1
    assert "imports.max_megabytes" in shown.err


# --- ask ----------------------------------------------------------------------------------------------------------


def test_a_batch_is_answered_in_order(command: Command, tmp_path: Path) -> None:
    """JSON lines in, JSON lines out, without any database."""
    batch = tmp_path / "questions.jsonl"
    questions = ["rb2701 手续费", "转人工"]
    batch.write_text("".join(json.dumps({"q": q}) + "\n" for q in questions), "utf-8")
    shown = command("ask", "--batch", str(batch))
    rows = [json.loads(line) for line in shown.lines]
    assert [row["q"] for row in rows] == questions
    assert [row["kind"] for row in rows] == ["calc", "handoff"]


def test_a_client_s_own_plan_needs_the_register(house: Command) -> None:
    """The preferred plan of the register gives a lower fee than everybody's; an unknown account is refused."""
    house("client", "import", str(SAMPLES / "register.csv"))
    everybody = json.loads(house("ask", "rb2701 手续费 按3000算", "--json").out)["calc"]
    own = json.loads(house("ask", "rb2701 手续费 按3000算", "--client", "80023456", "--json").out)["calc"]
    assert float(own["fee_company_open"]) < float(everybody["fee_company_open"])
    assert house("ask", "rb2701 手续费", "--client", "1").code == 1


def test_a_batch_with_a_bad_line_names_it(command: Command, tmp_path: Path) -> None:
    """Nothing is answered from half a file."""
    batch = tmp_path / "questions.jsonl"
    batch.write_text('{"q": "怎么开户"}\nnonsense\n', "utf-8")
    shown = command("ask", "--batch", str(batch))
    assert (shown.code, shown.out) == (1, "")
    assert "line 2" in shown.err
