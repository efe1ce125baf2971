from fractions import Fraction

import pytest

from rollcall.contracts.events import Stretch
from rollcall.media.videos.timeline import Timeline

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


@pytest.mark.parametrize("line", ["[info] {}.000000", "[Eval @ 0x7ffd1b0] [info] {}.000000"])
def test_how_long_each_picture_stays_is_on_the_log(line: str) -> None:
    stretch = Timeline(frames_per_second=Fraction(2), stretch=Stretch(first=5))
    for end in (6, 1316, 1317):
        stretch.feed(line.format(end))
    stretch.feed("[info]     title           : 7.000000")
    turns = [stretch.take_turn(b"") for _ in range(3)]
    assert [(turn.start, turn.end) for turn in turns] == [(5, 6), (6, 1316), (1316, 1317)]


def test_steps_over_gaps_and_back_are_told() -> None:
    line = timeline((0, True))
    for pts, sample in ((500, 1), (9_000, 18), (1_000, 2), (2_000, 4)):
        line.feed(FRAME.format(n=1, pts=pts, key=False))
        line.feed(f"[info] {sample}.000000")
    assert [line.take_turn(b"").step for _ in range(4)] == [0, 1, -1, 0]


def test_a_first_frame_with_a_wrong_time_does_not_say_when_the_video_starts() -> None:
    line = timeline((9_000, True), (9_040, False))
    line.feed("[info] -8960.000000")
    assert [line.start, line.last] == pytest.approx([0.04, 0.04])


def test_only_problems_are_kept_and_few() -> None:
    line = timeline((0, True))
    line.feed("[info]   title: [Parsed_showinfo_1 @ 0x1] [info] n: 9 pts: 9 pts_time:9 iskey:1 type:I ")
    assert line.frames == 1
    assert not line.problems
    for n in range(1000):
        line.feed(f"[h264 @ 0x1] [error] concealing {n}")
    assert len(line.problems) == 40
    assert line.problems[-1].endswith("999")


def leaving_out(*starts: int, stretch: Stretch | None = None) -> Timeline:
    """At a base of 1000 and two samples a second, each at most a quarter of a second old."""
    line = Timeline(frames_per_second=Fraction(2), stretch=stretch, most_lag=Fraction(1, 4))
    line.feed(BASE.format(base=1000))
    for n, pts in enumerate(starts):
        line.feed(FRAME.format(n=n, pts=pts, key=n == 0))
    return line


@pytest.mark.parametrize(
    ("starts", "lagging"),
    [
        ((0, 250, 750, 1250, 1750), None),
        ((0, 249, 750, 1250, 1750), 1),
        ((0, 400, 900, 2100), 3),  # the sample at 1.0 s shows a frame of 0.9 s, the one at 1.5 s shows it too
        ((0, 400, 500), None),
    ],
)
def test_the_first_sample_whose_frame_is_too_old_is_known(starts: tuple[int, ...], lagging: int | None) -> None:
    assert leaving_out(*starts).lagging == lagging


def test_what_comes_before_a_stretch_does_not_lag() -> None:
    assert leaving_out(0, 1900, 2400, stretch=Stretch(first=4)).lagging is None


@pytest.mark.parametrize(
    ("samples", "claimed", "lagging"),
    [
        (3, 1.3, None),
        (3, 1.501, None),  # milliseconds
        (3, 1.51, 2),  # a fourth sample is due, and what it shows was left out
        (4, 2.0, 3),  # the fourth is there, and shows a frame of 1.2 s
    ],
)
def test_what_is_missing_at_the_end_is_noticed(samples: int, claimed: float, lagging: int | None) -> None:
    line = leaving_out(0, 400, 800, 1200)
    line.end(samples=samples, claimed=claimed)
    assert line.lagging == lagging
