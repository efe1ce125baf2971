import math

import pytest

from rollcall.media.videos.gops import Sample, pack


def samples(count: int, *, rate: float = 2.0, keys: frozenset[int] = frozenset()) -> list[Sample]:
    return [Sample(number=k, time=k / rate, jpeg=b"%d" % k, key=k in keys) for k in range(count)]


def starts(count: int, *, keys: frozenset[int] = frozenset(), rate: float = 2.0) -> list[int]:
    packs = pack(samples(count, rate=rate, keys=keys), most_frames=32, most_seconds=10.0)
    return [round(held[0].time * rate) for held in packs]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (frozenset(), [0, 20, 40]),
        (frozenset({0, 14, 30}), [0, 14, 30]),
        (frozenset({0, 3, 7}), [0, 20, 40]),  # too early: a pack of 7 frames would be an object for little
        (frozenset({0, 20, 40}), [0, 20, 40]),
        (frozenset(range(45)), [0, 20, 40]),
        (frozenset({0, 11, 19}), [0, 19, 39]),
    ],
)
def test_cut_at_key_frames_in_reach(keys: frozenset[int], expected: list[int]) -> None:
    assert starts(45, keys=keys) == expected


def test_at_most_32_frames() -> None:
    assert starts(70, rate=30.0) == [0, 32, 64]


@pytest.mark.parametrize("count", [0, 1, 2, 19, 20, 21, 333])
@pytest.mark.parametrize("every", [1, 7, 13, 50])
@pytest.mark.parametrize("rate", [0.05, 1.0, 2.0, 30.0])
def test_every_sample_once_and_in_order(count: int, every: int, rate: float) -> None:
    given = samples(count, rate=rate, keys=frozenset(range(0, count, every)))
    packs = list(pack(given, most_frames=32, most_seconds=10.0))
    assert [sample for held in packs for sample in held] == given
    assert all(len(held) <= 32 and held[-1].time - held[0].time < 10.0 for held in packs)
    full = min(32, math.ceil(10 * rate))
    assert all(len(held) > full // 2 or full == 1 for held in packs[:-1])


def test_lazy() -> None:
    source = iter(samples(41))
    first = next(pack(source, most_frames=32, most_seconds=10.0))
    assert len(first) == 20
    assert next(source).time == 10.5


def test_a_picture_that_stays_long_takes_no_room_but_time() -> None:
    given = [
        Sample(number=0, time=0.0, jpeg=b"a", key=True, lasts=1),
        Sample(number=1, time=0.5, jpeg=b"b", key=False, lasts=1200),
        Sample(number=1201, time=600.5, jpeg=b"c", key=True, lasts=1),
        Sample(number=1202, time=601.0, jpeg=b"d", key=False, lasts=1),
    ]
    assert list(pack(given, most_frames=32, most_seconds=10.0)) == [given[:2], given[2:]]
