"""Questions that mean the same stand together, whatever the order they came in."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.grouping import Asked, grouped, likeness, weights
from knowledge.index import Engine
from knowledge.library import Library

ALIKE = 0.38
QUESTIONS = (
    "可以用美元入金吗",
    "能用美元入金吗",
    "碳排放权期货什么时候上市",
    "碳排放权期货上市了没有",
    "你们公司年会什么时候开",
    "可以用美元入金么",
)
TOGETHER = {frozenset({0, 1, 5}), frozenset({2, 3}), frozenset({4})}


@pytest.fixture(scope="module")
def engine(small: Library) -> Engine:
    found = small.engine("zh")
    assert found is not None
    return found


def groups(engine: Engine, keys: list[int], alike: float = ALIKE) -> set[frozenset[int]]:
    return {frozenset(g) for g in grouped(engine, [Asked(key, QUESTIONS[key]) for key in keys], alike)}


def test_questions_of_one_meaning_are_one_group(engine: Engine) -> None:
    """And a question that is like no other is a group of its own."""
    assert groups(engine, [0, 1, 2, 3, 4, 5]) == TOGETHER


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(len(QUESTIONS))))
def test_the_order_of_the_questions_changes_nothing(engine: Engine, keys: list[int]) -> None:
    """Groups and the order they are told in."""
    asked = [Asked(key, QUESTIONS[key]) for key in keys]
    assert grouped(engine, asked, ALIKE) == grouped(engine, sorted(asked, key=lambda a: a.key), ALIKE)


def test_a_chain_of_questions_is_no_group(engine: Engine) -> None:
    """Each is a little like the next, and the ends have nothing in common."""
    chain = ["美元入金手续费", "入金手续费标准", "手续费标准在哪里看", "标准仓单在哪里看"]
    asked = [Asked(key, text) for key, text in enumerate(chain)]
    values = [likeness(weights(engine, a), weights(engine, b)) for a, b in pairwise(chain)]
    found = grouped(engine, asked, min(values))
    assert len(found) > 1
    assert not any(0 in group and 3 in group for group in found)


def test_likeness_lies_between_nothing_and_the_same(engine: Engine) -> None:
    """The same words are one, nothing in common is nothing, and it does not matter who is compared with whom."""
    one, other = weights(engine, "怎么开户"), weights(engine, "xyz")
    assert likeness(one, one) == pytest.approx(1.0, abs=0.01)
    assert likeness(one, other) == 0
    mixed = weights(engine, "手机怎么开户")
    assert likeness(one, mixed) == likeness(mixed, one)


def test_emptiness_is_like_nothing(engine: Engine) -> None:
    """A question of signs alone stands by itself."""
    assert grouped(engine, [Asked(1, "？？？"), Asked(2, "。。。"), Asked(3, "")], ALIKE) == (
        (1,),
        (2,),
        (3,),
    )
