import pytest

from local.lambda_host.scaling import desired_workers


@pytest.mark.parametrize(
    ("backlog", "in_flight", "idle_seconds", "expected"),
    [
        (0, 0, (), 0),  # nothing to do: nobody
        (1, 0, (), 1),  # from zero
        (2, 1, (), 3),  # one for each batch
        (9, 2, (), 4),  # to the ceiling
        (1, 0, (3.0, 1.0), 2),  # warm workers stay, and take the batch
        (3, 0, (3.0,), 3),  # what is warm counts
        (0, 0, (9.9, 10.0), 1),  # idle for the whole timeout: goes
        (0, 0, (10.0, 11.0, 12.0), 0),  # back to zero
        (0, 2, (11.0,), 2),  # the busy ones stay
        (1, 0, (11.0,), 1),  # needed again just in time
    ],
)
def test_workers_follow_the_work(backlog, in_flight, idle_seconds, expected):
    desired = desired_workers(
        backlog=backlog, in_flight=in_flight, idle_seconds=idle_seconds, ceiling=4, idle_timeout=10.0
    )

    assert desired == expected
