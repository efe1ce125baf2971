"""The policy at work on one function's queue: what it remembers of what it saw."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.local.lambda_host.autoscaler import Autoscaler
from rollcall.pipeline.scaling import Load, Policy, desired_workers

POLICY = Policy(ceiling=4, backlog_per_worker=2, batch_size=2, scale_in_after=10)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([(0, 0, 0)], 0),  # nothing to do: nobody
        ([(0, 1, 0)], 1),  # from zero
        ([(0, 2, 1)], 2),  # one for each batch
        ([(0, 9, 2)], 4),  # to the ceiling
        ([(0, 0, 3), (9.9, 0, 1)], 3),  # kept warm
        ([(0, 0, 3), (9.9, 0, 1), (10.1, 0, 0)], 1),  # not needed for the whole time: goes
        ([(0, 0, 3), (9.9, 0, 1), (20, 0, 0)], 0),  # back to zero
    ],
)
def test_workers_follow_the_work(seen: list[tuple[float, int, int]], expected: int) -> None:
    autoscaler = Autoscaler(POLICY)

    desired = [autoscaler.observe(waiting=waiting, batches=batches, now=now) for now, waiting, batches in seen]

    assert desired[-1] == expected


@given(st.lists(st.tuples(st.floats(0, 4), st.integers(0, 20), st.integers(0, 4)), min_size=1, max_size=50))
def test_what_it_forgets_would_have_changed_nothing(seen: list[tuple[float, int, int]]) -> None:
    autoscaler, loads, now = Autoscaler(POLICY), [], 0.0
    for pause, waiting, batches in seen:
        now += pause
        loads.append(Load(at=now, waiting=waiting, in_hand=batches * POLICY.batch_size))

        desired = autoscaler.observe(waiting=waiting, batches=batches, now=now)

        assert desired == desired_workers(POLICY, loads, now=now)
