"""A grade, its proof, a lower add-on by two people, in force in the client's plan until it ends."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from db.models import Client, ClientCredit, Proposal
from domain.errors import Refusal
from services import access, credit, margins, plans, proposals
from services.margins import Offer
from services.work import working
from tests.services.settled import Settled, settled
from tests.services.surveyed import NEWEST, price, settle, weekdays

REASON = "两线相距过大，资金占用高"
DAYS = weekdays(70)
MANY = [f"{1001 + n}" for n in range(55)]


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[Settled]:
    async with settled(database_url) as opened:
        yield opened


async def proven(house: Settled) -> int:
    """Fifty-five quiet accounts, prices of rb, a survey; a risk officer (21) and a second one (22)."""
    first = 0
    for account in MANY:
        client = await house.client(account, chats=(31,) if account == "1001" else ())
        first = first or client
    await settle(house, MANY, DAYS)
    await price(house, DAYS)
    await house.staff("R1", "risk", 21)
    await house.staff("R2", "risk", 22)
    await credit.survey(house.deps, NEWEST)
    return first


async def offered(house: Settled, client_id: int) -> Offer:
    async with working(house.deps) as work:
        who = await access.actor_of(work, 21)
        return (await margins.card_by_id(work, who, client_id)).offer


async def granted(house: Settled, client_id: int, days: int = 30) -> None:
    async with working(house.deps) as work:
        who = await access.actor_of(work, 21)
        await proposals.propose(work, who, "margin", client_id, "", REASON, days)
    proposal = (await house.all(Proposal))[-1]
    async with working(house.deps) as work:
        await proposals.approve(work, await access.actor_of(work, 22), proposal.id)


async def ratio(house: Settled) -> Decimal | None:
    """The add-on of rb in the first client's plan."""
    (client, *_) = await house.all(Client)
    plan = plans.of(house.deps.policy, access.client_ref(client))
    return plan.margin.rates["rb"].ratio if plan and plan.margin else None


async def test_the_survey_grades_and_proves(house: Settled) -> None:
    """Quiet accounts are A; the nights are counted and no line is crossed."""
    await proven(house)
    found = await credit.survey(house.deps, NEWEST)
    assert found.grades == {"A": len(MANY)}
    proof = found.proofs[0]
    assert (proof.grade, proof.accounts, proof.nights, proof.crossed) == ("A", 55, 55 * 69, 0)
    assert 0 < proof.high < 0.001
    assert found.products == 1


async def test_the_offer_names_what_lowering_frees(house: Settled) -> None:
    """rb at half of five points: 10 lots x 10 t x 3,030 x 2.5 % = 7,575.00."""
    found = await offered(house, await proven(house))
    assert found.held_back == ""
    assert found.addons == {"rb": Decimal("0.025")}
    assert found.freed == Decimal("7575.00")


async def test_two_people_lower_the_add_on_and_it_ends_by_itself(house: Settled) -> None:
    """In force it is in the client's plan; the day after its last one it is not."""
    client = await proven(house)
    assert await ratio(house) is None
    await granted(house, client)
    assert await ratio(house) == Decimal("0.025")
    assert (await offered(house, client)).addons == {"rb": Decimal("0.025")}
    house.set_clock("2026-09-17 09:00")
    await house.run(proposals.expire)
    assert await ratio(house) is None


async def test_one_person_cannot_do_it_and_a_client_hears_nothing(house: Settled) -> None:
    """The proposer's own approval is refused; no message goes to the client's chat."""
    client = await proven(house)
    async with working(house.deps) as work:
        who = await access.actor_of(work, 21)
        await proposals.propose(work, who, "margin", client, "", REASON, 30)
    (proposal,) = await house.all(Proposal)
    with pytest.raises(Refusal, match="second_person"):
        async with working(house.deps) as work:
            await proposals.approve(work, await access.actor_of(work, 21), proposal.id)
    await granted_by_second(house, proposal.id)
    assert await house.said(31) == []


async def granted_by_second(house: Settled, proposal_id: int) -> None:
    async with working(house.deps) as work:
        await proposals.approve(work, await access.actor_of(work, 22), proposal_id)


async def test_approval_looks_at_the_newest_survey(house: Settled) -> None:
    """Prices that moved twelve per cent since the proposal take the ground away."""
    client = await proven(house)
    async with working(house.deps) as work:
        await proposals.propose(work, await access.actor_of(work, 21), "margin", client, "", REASON, 30)
    async with working(house.deps) as work:
        for row in await house.all(ClientCredit):
            row.grade = "D"
            await work.session.merge(row)
    (proposal,) = await house.all(Proposal)
    with pytest.raises(Refusal, match="credit_changed"):
        await granted_by_second(house, proposal.id)


async def test_without_enough_nights_nothing_is_lowered(house: Settled) -> None:
    """One account proves nothing: the upper bound of no crossing in 69 nights is above five per cent."""
    client = await house.client("1001")
    await settle(house, ["1001"], DAYS)
    await price(house, DAYS)
    await house.staff("R1", "risk", 21)
    await house.staff("R2", "risk", 22)
    await credit.survey(house.deps, NEWEST)
    assert (await offered(house, client)).held_back == "too_often"
    with pytest.raises(Refusal, match="credit_held_back"):
        await granted(house, client)


async def test_without_prices_nothing_is_lowered(house: Settled) -> None:
    """No history of a product, no lower add-on for it."""
    for account in MANY:
        await house.client(account)
    await settle(house, MANY, DAYS)
    await house.staff("R1", "risk", 21)
    await credit.survey(house.deps, NEWEST)
    found = await offered(house, 1)
    assert (found.held_back, dict(found.addons)) == ("nothing", {})


async def test_a_configuration_bolder_than_its_proof_lowers_nothing(house: Settled) -> None:
    """Somebody lowers the share in config.yaml: the old proof does not carry it."""
    client = await proven(house)
    policy = house.deps.policy
    bolder = policy.credit.model_copy(
        update={"grades": [policy.credit.grades[0].model_copy(update={"share": Decimal("0.2")})]}
    )
    house.deps = replace(house.deps, policy=policy.model_copy(update={"credit": bolder}))
    assert (await offered(house, client)).held_back == "no_proof"


async def test_the_risk_desk_hears_when_a_granted_clients_grade_falls(house: Settled) -> None:
    """Once; taking the grant back is theirs to decide."""
    client = await proven(house)
    await granted(house, client)
    house.set_clock("2026-08-20 16:30")
    later = [NEWEST.replace(day=18), NEWEST.replace(day=19)]
    await settle(house, ["1001"], later, equity=30_000)
    await credit.survey(house.deps, later[-1])
    told = [text for text in await house.said(21) if "信用评级由" in text]
    assert len(told) == 1
    assert await ratio(house) == Decimal("0.025")


async def test_managers_do_not_see_the_card(house: Settled) -> None:
    """Credit is for risk, supervisors and compliance."""
    manager = await house.staff("M1", "manager", 11)
    client = await house.client("1001", manager=manager)
    async with working(house.deps) as work:
        with pytest.raises(Refusal, match="not_for_you"):
            await margins.card_by_id(work, await access.actor_of(work, 11), client)
