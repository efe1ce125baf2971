"""Messages are sent as many at once as SQS takes, and none of them is lost."""

import pytest

from rollcall.contracts.named_queue import MOST_BYTES, in_batches


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ([], []),
        ([1], [1]),
        ([1] * 10, [10]),
        ([1] * 21, [10, 10, 1]),
        ([MOST_BYTES // 2] * 3, [2, 1]),
        ([MOST_BYTES, 1], [1, 1]),
        ([MOST_BYTES + 1, 1], [1, 1]),  # SQS says by itself that it is too long
    ],
)
def test_sizes(sizes: list[int], batches: list[int]) -> None:
    bodies = ["x" * size for size in sizes]

    made = [*in_batches(bodies)]

    assert [len(batch) for batch in made] == batches
    assert [body for batch in made for body in batch] == bodies


def test_bytes_count_and_not_characters() -> None:
    assert [len(batch) for batch in in_batches(["é" * (MOST_BYTES // 4)] * 3)] == [2, 1]
