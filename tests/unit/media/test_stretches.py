"""Ranges: disjoint pack numbers, and settings that would run out of them."""

import pytest
from pydantic import ValidationError

from rollcall.contracts.events import RangeMessage, SplitRange, Stretch, Upload, parse_split_message
from rollcall.media.videos.division import Division
from rollcall.media.videos.gops import Sample, pack
from rollcall.media.videos.limits import Limits
from rollcall.media.videos.stretches import ranges_of
from rollcall.stages.split_environment import Environment

UPLOAD = Upload(bucket="in", key="a.mp4", version="v1")
SETTINGS = {
    "ATTEMPTS": "3",
    "ATTEMPTS_TABLE": "attempts",
    "DEAD_LETTERS": "dead-letters",
    "JOBS_TABLE": "jobs",
    "LOOKUP_QUEUE": "lookup",
    "SPLIT_QUEUE": "split",
    "STAGE_1_BUCKET": "stage-1",
    "FRAMES_PER_SECOND": "2.0",
    "MAX_DURATION": "21600",
    "MAX_BYTES": "10737418240",
    "MAX_STORED_BYTES": "34359738368",
    "MAX_RECOGNITIONS": "100000",
    "TRACKS": "longest",
    "RANGE_SECONDS": "600",
}


def most_packs(stretch: Stretch, division: Division) -> int:
    """Key frames as a hostile video would have them: a key frame wherever it makes packs short."""
    rate, limits = division.frames_per_second, division.limits
    assert stretch.end is not None
    best = 0
    for every in range(1, 40):
        samples = [
            Sample(number=k, time=k / rate, jpeg=b"", key=(k - stretch.first) % every == 0)
            for k in range(stretch.first, stretch.end)
        ]
        packs = pack(samples, most_frames=limits.max_frames_per_gop, most_seconds=limits.max_gop_seconds)
        best = max(best, sum(1 for _ in packs))
    return best


@pytest.mark.parametrize("rate", [0.05, 0.5, 1.0, 2.0, 2.5, 7.0, 30.0])
@pytest.mark.parametrize("bounds", [(0, 23, 46, 70), (0, 1, 2, 3), (0, 333, 700, 1001)])
def test_ranges_never_share_a_pack_number(rate: float, bounds: tuple[int, ...]) -> None:
    division = Division(frames_per_second=rate, range_seconds=600, limits=Limits())
    stretches = [Stretch(first=first, end=end) for first, end in zip(bounds, bounds[1:], strict=False)]
    ranges = ranges_of(UPLOAD, {None: stretches}, division)

    for one, following in zip(ranges, ranges[1:], strict=False):
        assert one.first_pack + most_packs(one.stretch, division) <= following.first_pack
    assert ranges[0].first_pack == 0


def test_a_range_comes_back_as_it_was_sent() -> None:
    part = SplitRange(upload=UPLOAD, stretch=Stretch(first=4, end=9, origin=-3, anchor=17), first_pack=2)
    assert parse_split_message(RangeMessage(range=part).model_dump_json()) == part


@pytest.mark.parametrize("body", ['{"range": {}}', '{"range": null}', "[]", "7", "{"])
def test_what_is_no_range_is_refused(body: str) -> None:
    with pytest.raises(ValueError):
        parse_split_message(body)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MAX_DURATION": "86400"}, "MAX_DURATION"),
        ({"RANGE_SECONDS": "1"}, "RANGE_SECONDS"),
        ({"SPLIT_QUEUE": ""}, "SPLIT_QUEUE"),
    ],
)
def test_settings_that_cannot_work(changes: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Environment.model_validate(SETTINGS | changes)
