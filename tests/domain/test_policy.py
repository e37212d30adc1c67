"""What answers say and what the house acts on come from one place."""

from decimal import Decimal
from pathlib import Path

from bot.settings import policy
from domain.calendar import DAY_DEADLINE, NIGHT_DEADLINE

SHIPPED = policy(Path(__file__).parents[2] / "config.yaml")


def test_answers_name_the_deadlines_that_margin_calls_have() -> None:
    """The article and the reminder cannot say different times."""
    facts = SHIPPED.fact_words("zh")
    assert (facts["margin_call_deadline_night"], facts["margin_call_deadline_day"]) == (
        f"{NIGHT_DEADLINE:%H:%M}",
        f"{DAY_DEADLINE:%H:%M}",
    )


def test_answers_name_the_lines_of_the_ladder() -> None:
    """A brokerage that moves a line moves what its articles say."""
    moved = SHIPPED.model_copy(
        update={
            "risk": SHIPPED.risk.model_copy(
                update={"call": Decimal("0.955"), "exchange_liquidation": Decimal("1.20")}
            )
        }
    )
    facts = moved.fact_words("en")
    assert (facts["risk_call_line"], facts["risk_exchange_line"]) == ("95.5%", "120%")
    assert SHIPPED.fact_words("zh")["risk_call_line"] == "100%"


def test_a_fact_that_follows_from_the_rules_is_not_configured_a_second_time() -> None:
    """What is derived would silently win over what is written."""
    derived = {"risk_call_line", "risk_exchange_line", "margin_call_deadline_night", "complaint_result_days"}
    assert not derived & set(SHIPPED.facts)
    assert derived <= set(SHIPPED.fact_words("zh"))
