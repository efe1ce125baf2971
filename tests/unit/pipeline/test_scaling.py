"""The scaling policy: what it promises, for any load."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.pipeline.scaling import MAX_STEPS, Load, Policy, desired_workers, needed_workers, steps

POLICY = Policy(ceiling=20, backlog_per_worker=10, batch_size=2, scale_in_after=300)

policies = st.builds(
    Policy,
    ceiling=st.integers(1, 60),
    backlog_per_worker=st.integers(1, 50),
    batch_size=st.integers(1, 10),
    scale_in_after=st.floats(0, 900),
)
counts = st.integers(0, 2000)
PERIOD = 60.0
minutes = st.lists(st.tuples(counts, counts), min_size=1, max_size=40)


def workers(policy: Policy, *, waiting: int = 0, in_hand: int = 0) -> int:
    return desired_workers(policy, [Load(at=0, waiting=waiting, in_hand=in_hand)], now=0)


def course(policy: Policy, seen: list[tuple[int, int]]) -> list[int]:
    """The workers after each minute's look at the queue."""
    loads = [Load(at=PERIOD * n, waiting=waiting, in_hand=in_hand) for n, (waiting, in_hand) in enumerate(seen)]
    return [desired_workers(policy, loads[: n + 1], now=load.at) for n, load in enumerate(loads)]


@pytest.mark.parametrize(
    ("waiting", "in_hand", "expected"),
    [
        (0, 0, 0),  # nothing to do: nobody
        (1, 0, 1),  # from zero, without a backlog to wait for
        (10, 0, 1),
        (11, 0, 2),
        (1, 2, 2),  # a busy worker is not counted on
        (0, 3, 2),  # whoever has work in hand stays
        (195, 0, 20),
        (10_000, 40, 20),  # to the ceiling
    ],
)
def test_workers_follow_the_work(waiting: int, in_hand: int, expected: int) -> None:
    assert workers(POLICY, waiting=waiting, in_hand=in_hand) == expected


def test_from_nothing_to_the_ceiling_and_back() -> None:
    seen = [(0, 0), (10_000, 0), (6000, 40), (100, 40), (0, 6), *[(0, 0)] * 6]

    assert course(POLICY, seen) == [0, 20, 20, 20, 20, 20, 20, 20, 3, 0, 0]


def test_nobody_ever_looked_is_nobody_needed() -> None:
    assert desired_workers(POLICY, [], now=0) == 0


@given(policies, minutes)
def test_never_above_the_ceiling_and_never_starved(policy: Policy, seen: list[tuple[int, int]]) -> None:
    for desired, (waiting, in_hand) in zip(course(policy, seen), seen, strict=True):
        assert desired <= policy.ceiling
        assert desired >= 1 or waiting == in_hand == 0


@given(policies, minutes)
def test_it_grows_within_one_period(policy: Policy, seen: list[tuple[int, int]]) -> None:
    for desired, (waiting, in_hand) in zip(course(policy, seen), seen, strict=True):
        assert desired >= min(policy.ceiling, math.ceil(waiting / policy.backlog_per_worker))
        assert desired >= min(policy.ceiling, math.ceil(in_hand / policy.batch_size))


@given(policies, minutes)
def test_it_does_not_flap(policy: Policy, seen: list[tuple[int, int]]) -> None:
    """After it has grown it does not shrink until the window is over."""
    desired = course(policy, seen)
    for n, (before, after) in enumerate(zip(desired, desired[1:], strict=False), start=1):
        if after < before:
            needed = [min(policy.ceiling, needed_workers(policy, waiting=w, in_hand=i)) for w, i in seen[: n + 1]]
            lately = [need for m, need in enumerate(needed) if PERIOD * m > PERIOD * n - policy.scale_in_after]
            assert all(need <= after for need in lately)


@given(policies, minutes)
def test_it_goes_back_to_nobody_once_idle_for_long_enough(policy: Policy, seen: list[tuple[int, int]]) -> None:
    idle = [(0, 0)] * (math.ceil(policy.scale_in_after / PERIOD) + 1)

    assert course(policy, seen + idle)[-1] == 0


@given(policies, counts, counts, counts, counts)
def test_more_work_never_means_fewer_workers(policy: Policy, waiting: int, in_hand: int, w: int, i: int) -> None:
    less = workers(policy, waiting=waiting, in_hand=in_hand)

    assert workers(policy, waiting=waiting + w, in_hand=in_hand + i) >= less


@given(policies, counts, counts)
def test_the_table_is_the_policy(policy: Policy, waiting: int, in_hand: int) -> None:
    needed = needed_workers(policy, waiting=waiting, in_hand=in_hand)
    table = steps(policy)

    tabled = max((step.workers for step in table if step.above < needed), default=0)

    desired = workers(policy, waiting=waiting, in_hand=in_hand)
    assert len(table) <= MAX_STEPS
    assert desired <= tabled <= policy.ceiling
    assert tabled == desired or policy.ceiling > MAX_STEPS


@pytest.mark.parametrize(
    "wrong", [{"ceiling": 0}, {"backlog_per_worker": 0}, {"batch_size": 0}, {"scale_in_after": -1}]
)
def test_a_policy_that_could_never_work_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Policy(**{"ceiling": 1, "backlog_per_worker": 1, "batch_size": 1, "scale_in_after": 1, **wrong})


def simulate(arrivals: list[int], *, a_minute: int, policy: Policy = POLICY) -> tuple[list[int], int]:
    """Minute by minute, with workers that are a minute late: how many there were, and what was never done."""
    waiting, running, loads, course = 0, 0, [], []
    for minute, arrived in enumerate(arrivals):
        waiting += arrived
        taken = min(waiting, running * a_minute)
        waiting -= taken
        in_hand = min(taken, running * policy.batch_size)
        loads.append(Load(at=PERIOD * minute, waiting=waiting, in_hand=in_hand))
        running = desired_workers(policy, loads, now=PERIOD * minute)
        course.append(running)
    return course, waiting


def test_a_burst_grows_to_the_ceiling_once_and_shrinks_to_nothing_once() -> None:
    course, left = simulate([0, 10_000, *[0] * 30], a_minute=30)

    top = course.index(20)
    assert left == 0
    assert course[:top] == [0]  # within one period
    assert course[top:] == sorted(course[top:], reverse=True)
    assert course[-1] == 0


def test_a_trickle_keeps_one_worker_and_no_more() -> None:
    course, left = simulate([1] * 60, a_minute=30)

    assert left <= 1
    assert set(course) == {1}


def test_waves_within_the_window_start_nobody_anew() -> None:
    course, _ = simulate([200, 0, 0] * 20, a_minute=30)

    assert set(course[1:]) == {course[1]}
