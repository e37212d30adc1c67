"""Numbers as people write them."""

import pytest

from domain.identity import phone_number, proves, stated_number, telegram_number


@pytest.mark.parametrize(
    "written",
    [
        "13800000001",
        "+8613800000001",
        "8613800000001",
        "+86 138-0000-0001",
        "0086 138 0000 0001",
        "１３８０００００００１",
    ],
)
def test_one_number_written_in_many_ways_is_one_number(written: str) -> None:
    """Telegram gives numbers with or without a plus; registers with or without the country."""
    assert phone_number(written) == "8613800000001"


def test_numbers_of_different_countries_stay_different() -> None:
    """A number that is not a mainland mobile keeps its own country code."""
    assert phone_number("+852 9123 4567") == "85291234567"
    assert phone_number("+1 380 000 0001") != phone_number("13800000001")


def test_an_american_card_is_not_the_mainland_number_with_the_same_digits() -> None:
    """Telegram leaves the plus out at times, never the country code."""
    assert telegram_number("13800000001") != phone_number("13800000001")
    assert (
        telegram_number("8613800000001") == telegram_number("+8613800000001") == phone_number("13800000001")
    )


@pytest.mark.parametrize(
    "said", ["2345", "２３４５", " 2345 ", "尾号2345", "后四位是2345", "账号后四位：2345", "2345。"]
)
def test_a_tail_is_heard_in_the_ways_people_say_it(said: str) -> None:
    """Full-width digits and the words around are no obstacle."""
    assert stated_number(said) == "2345"


@pytest.mark.parametrize(
    "said", ["rb2701", "按3030算", "2701 保证金", "两手", "", "12345678901234567890", "234"]
)
def test_a_question_with_digits_is_no_tail(said: str) -> None:
    """Such a message goes on to whoever answers questions."""
    assert stated_number(said) is None


def test_the_tail_or_the_whole_number_proves_and_nothing_else() -> None:
    """Any other part of the number proves nothing."""
    assert proves("2345", "80012345")
    assert proves("80012345", "80012345")
    assert not proves("12345", "80012345")
    assert not proves("8001", "80012345")
