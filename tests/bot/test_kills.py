"""kill -9 of the whole bot under load, five times on each database; bench/kills.py does it two hundred times."""

from bench.kills import campaign
from simulator import running
from tests.desk import MONDAY_AFTERNOON


async def test_a_kill_loses_nothing_and_repeats_no_effect(database_url: str) -> None:
    """Every question is remembered once and answered; at most four replies a kill are in doubt."""
    async with running(clock=MONDAY_AFTERNOON) as sim:
        outcome = await campaign(sim, database_url, kills=5, rate=8, seed=7, people=12)
    assert outcome.asked > 20
    assert (outcome.lost, outcome.effects_twice, outcome.unanswered, outcome.failed) == (0, 0, 0, 0)
    assert outcome.most_in_doubt <= 4
