"""Who gets a complaint, and who never does: at filing, at every step up, at taking and at handing on."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
from sqlalchemy import update

from db.engine import Database
from db.models import Case, Chat, Staff
from services import access, case_desk, routing
from services.work import reading, working
from tests.services.complaining import CHATS, House, house, refused


@pytest.fixture
async def desk(sqlite_url: str) -> AsyncIterator[House]:
    """The house on SQLite."""
    database = Database(sqlite_url)
    built = house(database)
    await built.settle()
    yield built
    await database.close()


async def placed(desk: House, number: str | None = None) -> tuple[str, list[str]]:
    """The desk of a case and who may take it there now."""
    case = await desk.case(number)
    async with reading(desk.deps) as work:
        found = await routing.place(work, case, routing.start(work, case))
        return found.desk, [member.code for member in found.takers]


async def change(desk: House, code: str, **values: object) -> None:
    async with working(desk.deps) as work:
        await work.session.execute(update(Staff).where(Staff.code == code).values(**values))


async def test_the_clients_own_officer_gets_it_first(desk: House) -> None:
    """Not the whole desk, while the own officer is at work."""
    await desk.file()
    assert await placed(desk) == ("officer", ["S01"])
    assert await desk.told("S01", "case.card")
    assert not await desk.told("S02", "case.card")


async def test_away_the_stand_in_gets_it_then_the_desk(desk: House) -> None:
    """On leave with a stand-in; on leave without one."""
    async with working(desk.deps) as work:
        await desk.hire(work, "S03", "officer", "service", "V01")
    await change(desk, "S01", leave_until=date(2026, 8, 20), stand_in_id=desk.staff["S03"])
    await desk.file()
    assert await placed(desk) == ("officer", ["S03"])
    await change(desk, "S01", stand_in_id=None)
    assert await placed(desk) == ("officer", ["S02", "S03"])


async def test_a_blocked_bot_is_absence(desk: House) -> None:
    """Who blocked the bot cannot be reached with a card."""
    async with working(desk.deps) as work:
        await work.session.execute(
            update(Chat).where(Chat.chat_id == CHATS["S01"]).values(blocked_at=work.now)
        )
    await desk.file()
    assert await placed(desk) == ("officer", ["S02"])


async def test_an_empty_desk_hands_it_up(desk: House) -> None:
    """Nobody of the service desk is at work: the supervisor has it; nobody at all: whoever has a chat."""
    for code in ("S01", "S02"):
        await change(desk, code, on_duty=False)
    await desk.file()
    assert await placed(desk) == ("supervisor", ["V01"])
    for code in ("V01", "C01"):
        await change(desk, code, on_duty=False)
    assert await placed(desk) == ("officer", ["S01"])


@pytest.mark.parametrize(
    ("accused", "expected"),
    [
        ("M01", ("officer", ["S01"])),
        ("S01", ("compliance", ["C01"])),
        ("S02", ("compliance", ["C01"])),
        ("V01", ("compliance", ["C01"])),
        ("C01", ("officer", ["S01"])),
    ],
)
async def test_the_accused_and_the_accuseds_line_never_get_it(
    desk: House, accused: str, expected: tuple[str, list[str]]
) -> None:
    """Service about service goes to compliance; about the manager it stays with the service desk."""
    await desk.file(category="12", about=accused)
    assert await placed(desk) == expected


async def test_compliance_complained_of_leaves_its_other_members(desk: House) -> None:
    """A colleague of compliance may look into it, the accused may not, and nobody else where it is secret."""
    async with working(desk.deps) as work:
        await desk.hire(work, "C02", "compliance", "compliance")
    await desk.file(category="10", about="C01")
    assert await placed(desk) == ("compliance", ["C02"])
    await change(desk, "C02", active=False)
    assert await placed(desk) == ("compliance", [])


async def test_the_way_up_passes_by_the_accused(desk: House) -> None:
    """Overdue with the officers, about the supervisor of another line: compliance, not the supervisor."""
    await change(desk, "V01", line="other")
    await change(desk, "S01", lead_id=None)
    await change(desk, "S02", lead_id=None)
    await desk.file(category="12", about="V01")
    assert await placed(desk) == ("officer", ["S01"])
    desk.at("2026-08-18 10:01")
    await desk.tick()
    assert (await desk.case()).desk == "compliance"
    assert not await desk.told("V01")


async def test_taking_asks_again_who_is_in_conflict(desk: House) -> None:
    """The card came before the register said that they are one line: the press is refused."""
    async with working(desk.deps) as work:
        await desk.register(work, "zhou", "80045678", officer=None)
    filed = await desk.file("zhou", category="12", about="M01")
    await change(desk, "S01", lead_id=desk.staff["M01"])
    with refused("not_found"):
        await desk.do("S01", case_desk.take, filed.case_id)
    await desk.do("S02", case_desk.take, filed.case_id)


async def test_handing_on_asks_again_who_is_in_conflict(desk: House) -> None:
    """Offered a moment ago, in conflict now: refused; managers, operators and the absent are never offered."""
    filed = await desk.file(category="12", about="M01")
    await desk.do("S01", case_desk.take, filed.case_id)
    offered = [m.code for m in await desk.do("S01", case_desk.targets, filed.case_id)]
    assert offered == ["S02", "V01", "C01"]
    await change(desk, "S02", lead_id=desk.staff["M01"])
    with refused("case_no_target"):
        await desk.do("S01", case_desk.transfer, filed.case_id, desk.staff["S02"])
    await desk.do("S01", case_desk.transfer, filed.case_id, desk.staff["V01"])
    case = await desk.case()
    assert (case.owner_id, case.desk) == (desk.staff["V01"], "supervisor")
    with refused("not_found"):
        await desk.do("S01", case_desk.card, filed.case_id)


async def test_a_secret_case_is_handed_within_compliance_only(desk: House) -> None:
    """Nobody else is offered, nobody else can be named."""
    async with working(desk.deps) as work:
        await desk.hire(work, "C02", "compliance", "compliance")
    filed = await desk.file(category="11", facts="居间人收费")
    await desk.do("C01", case_desk.take, filed.case_id)
    assert [m.code for m in await desk.do("C01", case_desk.targets, filed.case_id)] == ["C02"]
    with refused("case_no_target"):
        await desk.do("C01", case_desk.transfer, filed.case_id, desk.staff["V01"])


async def test_a_supervisor_may_hand_on_what_an_officer_has(desk: House) -> None:
    """The head of the desk takes care of what lies; a colleague of the desk may not."""
    filed = await desk.file()
    await desk.do("S01", case_desk.take, filed.case_id)
    with refused("case_not_yours"):
        await desk.do("S02", case_desk.transfer, filed.case_id, desk.staff["S02"])
    await desk.do("V01", case_desk.transfer, filed.case_id, desk.staff["S02"])
    assert (await desk.case()).owner_id == desk.staff["S02"]


async def test_heads_in_conflict_are_not_told(desk: House) -> None:
    """At 80 % the lead hears of it, unless the lead is of the accused's line."""
    filed = await desk.file(category="12", about="M01")
    await desk.do("S01", case_desk.take, filed.case_id)
    async with reading(desk.deps) as work:
        case = await work.session.get(Case, filed.case_id)
        owner = await access.staff(work, desk.staff["S01"])
        assert case is not None
        assert [m.code for m in await routing.heads(work, case, owner)] == ["V01"]
    await change(desk, "V01", lead_id=desk.staff["M01"])
    async with reading(desk.deps) as work:
        case = await work.session.get(Case, filed.case_id)
        assert case is not None
        assert [m.code for m in await routing.heads(work, case, owner)] == ["C01"]
