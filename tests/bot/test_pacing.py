"""The speed limits hold for every order of sends and pauses."""

from hypothesis import given
from hypothesis import strategies as st

from bot.pacing import Pacer
from domain.policy import DeliveryPolicy

LIMITS = DeliveryPolicy(per_second=25, per_chat_per_second=1, per_group_per_minute=20, in_flight=4)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def drive(steps: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Sends to a chat at each step when the pacer lets it; what was sent when."""
    clock = Clock()
    pacer = Pacer(LIMITS, clock)
    sent = []
    for pause, chat in steps:
        clock.now += pause
        if pacer.free() > 0 and chat not in pacer.resting():
            pacer.sent(chat)
            sent.append((clock.now, chat))
    return sent


def most(times: list[float], window: float) -> int:
    return max((sum(t <= u < t + window for u in times) for t in times), default=0)


steps = st.lists(
    st.tuples(st.floats(0.0, 2.0), st.sampled_from([1, 2, 3, -100]) | st.integers(10, 60)), max_size=200
)


@given(steps)
def test_no_window_of_any_kind_is_ever_overfull(walk: list[tuple[float, int]]) -> None:
    """At most 25 over any second, one a chat, twenty a minute in a group."""
    sent = drive(walk)
    assert most([t for t, _ in sent], 1.0) <= 25
    for chat in {c for _, c in sent}:
        times = [t for t, c in sent if c == chat]
        assert most(times, 1.0) <= 1
        if chat < 0:
            assert most(times, 60.0) <= 20


def test_a_burst_to_many_chats_is_cut_at_the_limit() -> None:
    """The twenty-sixth message of a second waits."""
    assert len(drive([(0.0, n) for n in range(1, 60)])) == 25


def test_a_pause_is_obeyed_until_its_end_and_never_shortened() -> None:
    """Of two pauses the later end counts, overall and for a chat."""
    clock = Clock()
    pacer = Pacer(LIMITS, clock)
    pacer.pause(5.0)
    pacer.pause(1.0)
    pacer.pause(9.0, chat_id=7)
    pacer.pause(2.0, chat_id=7)
    clock.now += 4.9
    assert pacer.free() == 0
    clock.now += 0.2
    assert pacer.free() > 0
    assert 7 in pacer.resting()
    clock.now += 4.0
    assert 7 not in pacer.resting()


def test_waiting_ends_when_the_first_window_opens() -> None:
    """The pacer tells how long until something changes by itself."""
    clock = Clock()
    pacer = Pacer(LIMITS, clock)
    pacer.sent(1)
    assert 0.9 < pacer.wait() < 1.2
    pacer.pause(3.0)
    assert 2.9 < pacer.wait() <= 3.0
