"""Two people set a client's tier for a while; it stands above rule and register, and ends by itself."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from db.models import Client, Proposal
from domain.errors import Refusal
from domain.people import Actor
from services import access, proposals, ratings
from services import register as registers
from services.work import Work, working
from statements.register import read_register
from tests.services.settled import Settled, settled
from tests.services.test_ratings import NEWEST, history

REASON = "客户为集团套保户，按重点服务"


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[Settled]:
    async with settled(database_url) as opened:
        yield opened


async def staffed(house: Settled, **columns: Any) -> int:
    """A manager (chat 11), two supervisors (12, 13), and a client of the manager."""
    manager = await house.staff("M1", "manager", 11)
    await house.staff("S1", "supervisor", 12)
    await house.staff("S2", "supervisor", 13)
    return await house.client("1001", manager=manager, **columns)


async def speaking(work: Work, chat_id: int) -> Actor:
    return await access.actor_of(work, chat_id)


async def proposed(
    house: Settled, client: int, chat_id: int = 11, tier: str = "premier", days: int = 30
) -> int:
    async with working(house.deps) as work:
        await proposals.propose(work, await speaking(work, chat_id), "tier", client, tier, REASON, days)
    return int((await house.all(Proposal))[-1].id)


async def decided(house: Settled, proposal: int, chat_id: int = 12, *, yes: bool = True) -> None:
    async with working(house.deps) as work:
        step = proposals.approve if yes else proposals.reject
        await step(work, await speaking(work, chat_id), proposal)


async def stands(house: Settled) -> tuple[str, str]:
    (client,) = await house.all(Client)
    return client.tier, client.tier_source


async def test_an_approved_tier_holds_until_its_last_day_and_then_what_stood_comes_back(
    house: Settled,
) -> None:
    """Register says key; premier for thirty days; key again on the thirty-first."""
    client = await staffed(house)
    await decided(house, await proposed(house, client))
    assert await stands(house) == ("premier", "override")
    assert "已批准并生效" in (await house.said(11))[-1]
    house.set_clock("2026-09-16 09:00")
    await house.run(proposals.expire)
    assert await stands(house) == ("premier", "override")
    house.set_clock("2026-09-17 09:00")
    await house.run(proposals.expire)
    await house.run(proposals.expire)
    assert await stands(house) == ("key", "register")
    assert sum("已结束" in text for text in await house.said(11)) == 1


async def test_the_rule_does_not_touch_an_override_and_its_word_holds_afterwards(house: Settled) -> None:
    """While it stands the rule only takes notes; at the end the rule's last word holds."""
    client = await staffed(house, tier="key", tier_source="rule")
    await decided(house, await proposed(house, client))
    await history(house, "1001", commission=12_012, equity=50_000)
    await ratings.rate(house.deps, NEWEST)
    assert await stands(house) == ("premier", "override")
    house.set_clock("2026-10-17 09:00")
    await house.run(proposals.expire)
    assert await stands(house) == ("retail", "rule")


async def test_nobody_decides_what_he_proposed(house: Settled) -> None:
    """A supervisor may propose and may decide, but not both."""
    client = await staffed(house)
    number = await proposed(house, client, chat_id=12)
    with pytest.raises(Refusal, match="second_person"):
        await decided(house, number, chat_id=12)
    with pytest.raises(Refusal, match="not_for_you"):
        await decided(house, number, chat_id=11)
    await decided(house, number, chat_id=13)
    with pytest.raises(Refusal, match="proposal_decided"):
        await decided(house, number, chat_id=13)


async def test_a_rejected_proposal_changes_nothing_and_the_author_hears_of_it(house: Settled) -> None:
    """And a second one may be made."""
    client = await staffed(house)
    number = await proposed(house, client)
    with pytest.raises(Refusal, match="proposal_waits"):
        await proposed(house, client, tier="retail")
    await decided(house, number, yes=False)
    assert await stands(house) == ("key", "register")
    assert "未批准" in (await house.said(11))[-1]
    await proposed(house, client, tier="retail")


async def test_another_approval_replaces_the_first_and_keeps_what_stood_before_both(house: Settled) -> None:
    """The end of the second leads back to the register, not to the first."""
    client = await staffed(house)
    await decided(house, await proposed(house, client))
    await decided(house, await proposed(house, client, tier="retail"))
    assert await stands(house) == ("retail", "override")
    house.set_clock("2026-10-17 09:00")
    await house.run(proposals.expire)
    assert await stands(house) == ("key", "register")


async def test_what_nobody_decides_lapses_after_a_week(house: Settled) -> None:
    """The author hears that it lapsed, and nothing changed."""
    await proposed(house, await staffed(house))
    house.set_clock("2026-08-25 09:00")
    await house.run(proposals.expire)
    assert [p.state for p in await house.all(Proposal)] == ["lapsed"]
    assert await stands(house) == ("key", "register")


async def test_an_override_is_taken_back_by_one_person(house: Settled) -> None:
    """Taking back needs no second person; the audit trail names who did."""
    number = await proposed(house, await staffed(house))
    await decided(house, number)
    async with working(house.deps) as work:
        await proposals.take_back(work, await speaking(work, 11), number)
    assert await stands(house) == ("key", "register")


async def test_a_proposal_needs_a_reason_and_somebody_who_can_decide(house: Settled) -> None:
    """Without a second person nothing is stored."""
    manager = await house.staff("M1", "manager", 11)
    client = await house.client("1001", manager=manager)
    with pytest.raises(Refusal, match="proposal_nobody"):
        await proposed(house, client)
    with pytest.raises(Refusal, match="tier_stands"):
        await proposed(house, client, tier="key")
    async with working(house.deps) as work:
        with pytest.raises(Refusal, match="proposal_reason"):
            await proposals.propose(work, await speaking(work, 11), "tier", client, "premier", " 好 ", 30)
    assert await house.all(Proposal) == []


async def test_the_owner_hears_of_a_changed_tier_once(house: Settled) -> None:
    """One digest a run, with reasons; a second run on the same figures is silent."""
    manager = await house.staff("M1", "manager", 11)
    for account in ("1001", "1002"):
        await house.client(account, tier="retail", tier_source="default", manager=manager)
        await history(house, account, commission=120_000, equity=100_000)
    await ratings.rate(house.deps, NEWEST)
    await ratings.rate(house.deps, NEWEST)
    (digest,) = await house.said(11)
    assert "2 位客户分级有变动" in digest
    assert "手续费达到关键界限" in digest


async def test_the_register_does_not_overrule_two_people(house: Settled) -> None:
    """A register that names another tier is taken up when it comes again after the end."""
    client = await staffed(house)
    await decided(house, await proposed(house, client))
    data = "account,name,tier\n1001,王明,retail\n".encode()
    await registers.store(house.deps, read_register("r.csv", data), "test")
    assert await stands(house) == ("premier", "override")
    house.set_clock("2026-09-17 09:00")
    await house.run(proposals.expire)
    assert await stands(house) == ("key", "register")
    await registers.store(house.deps, read_register("r.csv", data), "test")
    assert await stands(house) == ("retail", "register")
