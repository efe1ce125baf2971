"""Whether a gap is a pause or a wrong time stamp. Two samples a second; each turn by its picture, end and step."""

from collections.abc import Iterator
from fractions import Fraction

import pytest

from rollcall.contracts.errors import TooSlow
from rollcall.media.videos.gaps import MOST_HELD, Turn, placed

RATE = Fraction(2)
Turns = list[tuple[str, int, int]]


def turns(found: Turns, *, first: int = 0) -> Iterator[Turn]:
    start = first
    for name, end, step in found:
        yield Turn(jpeg=name.encode(), start=start, end=end, step=step)
        start = end


def shown(found: Turns, *, first: int = 0, heard: float = 0.0) -> list[tuple[str, int, int]]:
    given = placed(turns(found, first=first), first=first, rate=RATE, heard=heard)
    return [(turn.jpeg.decode(), turn.start, turn.end) for turn in given]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([("a", 1, 0), ("b", 2, 0)], [("a", 0, 1), ("b", 1, 2)]),
        # a pause: nothing goes back
        ([("a", 1, 0), ("b", 90, 1), ("c", 91, 0)], [("a", 0, 1), ("b", 1, 90), ("c", 90, 91)]),
        # one wrong time, and several
        ([("a", 1, 0), ("b", 90, 1), ("x", 2, -1), ("c", 3, 0)], [("a", 0, 1), ("b", 1, 2), ("c", 2, 3)]),
        (
            [("b", 90, 1), ("x", 180, 1), ("y", 4, -1), ("c", 5, 0)],
            [("b", 0, 1), ("x", 1, 2), ("y", 2, 4), ("c", 4, 5)],
        ),
        ([("b", 90, 1), ("x", 91, 0), ("y", 3, -1)], [("b", 0, 1), ("x", 1, 2), ("y", 2, 3)]),
        # a frame that goes back where no gap was stands for nothing
        ([("a", 3, 0), ("b", 3, -1), ("c", 4, 0)], [("a", 0, 3), ("c", 3, 4)]),
    ],
)
def test_turns_are_placed(found: Turns, expected: Turns) -> None:
    assert shown(found) == expected


def test_a_stretch_begins_at_its_first_sample() -> None:
    assert shown([("a", 7, 0), ("b", 90, 1), ("x", 8, -1), ("c", 9, 0)], first=5) == [
        ("a", 5, 7),
        ("b", 7, 8),
        ("c", 8, 9),
    ]


@pytest.mark.parametrize(("heard", "end"), [(0.0, 91), (3.0, 4), (90.0, 91)])
def test_one_last_picture_long_after_all_sound_has_a_wrong_time(heard: float, end: int) -> None:
    *_, last = shown([("a", 1, 0), ("b", 2, 0), ("c", 90, 1), ("x", 91, 0)], heard=heard)
    assert last[2] == end


def test_slides_are_not_moved_by_sound_that_ends_early() -> None:
    assert shown([("a", 20, 1), ("b", 40, 0)], heard=5.0) == [("a", 0, 20), ("b", 20, 40)]


def test_no_more_pictures_are_held_back_than_fit() -> None:
    slides = turns([("a", 10 * number, 1) for number in range(1, 1000)])
    given = placed(slides, first=0, rate=RATE, heard=0.0)
    next(given)
    assert next(slides).start <= 10 * (MOST_HELD + 2)


def test_out_of_time_what_was_held_back_is_handed_out() -> None:
    def slow() -> Iterator[Turn]:
        yield from turns([("a", 1, 0), ("b", 90, 1)])
        raise TooSlow("slow")

    given = placed(slow(), first=0, rate=RATE, heard=0.0)
    assert [next(given).end, next(given).end] == [1, 90]
    with pytest.raises(TooSlow):
        next(given)
