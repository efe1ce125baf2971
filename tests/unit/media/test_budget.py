import pytest

from rollcall.contracts.events import Stretch
from rollcall.media.videos.budget import Budget
from rollcall.media.videos.limits import Limits

LIMITS = Limits(
    max_stored_bytes=100_000,
    least_stored_bytes=1000,
    stored_bytes_per_byte=10,
    max_recognitions=500,
    least_recognitions=100,
    bytes_per_recognition=10,
)


@pytest.mark.parametrize(
    ("size", "share", "expected"),
    [
        (0, 1, (1000, 100)),
        (200, 1, (3000, 120)),
        (1_000_000, 1, (100_000, 500)),
        (1_000_000, 4, (25_000, 125)),
        (0, 5000, (1, 1)),
    ],
)
def test_the_size_of_the_upload_explains_so_much(size: int, share: int, expected: tuple[int, int]) -> None:
    budget = Budget.of(Stretch(share=share), size, LIMITS)
    assert (budget.most_bytes, budget.most_frames) == expected


@pytest.mark.parametrize(
    ("stored", "frames", "spacing"), [(0, 0, 1), (499, 49, 1), (500, 0, 2), (0, 75, 4), (875, 0, 8), (5000, 1, 4096)]
)
def test_what_is_left_is_spent_more_and_more_slowly(stored: int, frames: int, spacing: int) -> None:
    assert Budget.of(Stretch(spent_bytes=stored, spent_frames=frames), 0, LIMITS).spacing == spacing
