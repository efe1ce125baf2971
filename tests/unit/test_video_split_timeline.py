from fractions import Fraction

import pytest

from functions.video_split.timeline import Timeline

BASE = "[Parsed_showinfo_1 @ 0x25a8c480] [info] config in time_base: 1/{base}, frame_rate: 30000/1001"
FRAME = (
    "[Parsed_showinfo_1 @ 0x25a8c480] [info] n: {n:3d} pts:{pts:7d} pts_time:0 pos: 3659 fmt:yuv420p sar:1/1"
    " s:1920x1080 i:P iskey:{key:d} type:I "
)


def timeline(*frames: tuple[int, bool], base: int = 1000, rate: int = 2) -> Timeline:
    line = Timeline(frames_per_second=Fraction(rate))
    line.feed(BASE.format(base=base))
    for n, (pts, key) in enumerate(frames):
        line.feed(FRAME.format(n=n, pts=pts, key=key))
    return line


def test_a_key_frame_belongs_to_the_first_sample_at_or_after_it() -> None:
    keys = [(0, True), (499, False), (500, True), (501, True), (1700, True), (1900, True), (2600, False)]
    assert [timeline(*keys).take_key(sample) for sample in (0,)] == [True]
    line = timeline(*keys)
    assert [line.take_key(sample) for sample in range(6)] == [True, True, True, False, True, False]


def test_long_times_stay_exact() -> None:
    line = timeline((0, True), (90_000 * 20_000 + 1, True), base=90_000)
    assert [line.take_key(sample) for sample in (0, 40_000, 40_001)] == [True, False, True]
    assert line.last == pytest.approx(20_000 + 1 / 90_000)


@pytest.mark.parametrize(
    ("samples", "claimed", "expected"),
    [
        (5, 2.1, 2.1),  # a usual last frame: it ends an interval after it starts
        (5, 0.0, 2.1),
        (5, 9.0, 2.1),  # the claim counts the sound
        (12, 5.8, 5.8),  # sampled on to 5.5 s: the last frame lasts, as claimed
        (12, 0.0, 5.5),
    ],
)
def test_duration(samples: int, claimed: float, expected: float) -> None:
    line = timeline(*((100 * n, n == 0) for n in range(21)))
    assert line.duration(samples=samples, claimed=claimed) == pytest.approx(expected)


def test_only_problems_are_kept_and_few() -> None:
    line = timeline((0, True))
    line.feed("[info]   title: [Parsed_showinfo_1 @ 0x1] [info] n: 9 pts: 9 pts_time:9 iskey:1 type:I ")
    assert line.frames == 1
    assert not line.problems
    for n in range(1000):
        line.feed(f"[h264 @ 0x1] [error] concealing {n}")
    assert len(line.problems) == 40
    assert line.problems[-1].endswith("999")
