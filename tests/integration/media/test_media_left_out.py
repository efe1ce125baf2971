"""Frames that no other refers to are left out, and never so that a sample shows what is long gone."""

from fractions import Fraction
from pathlib import Path

import pytest

from rollcall.contracts.events import Stretch
from rollcall.media.videos.decode import MOST_LAG, WHOLE, Gop, decode
from rollcall.media.videos.ffmpeg import Binaries
from rollcall.media.videos.probe import Limits, probe
from tests.integration.media.made_media import frame_number, numbered

LIMITS = Limits()
RATE = 2
SOURCE_RATE = 30
TRIPLES = ("-c:v", "libx264", "-bf", "3", "-b_strategy", "0", "-g", "60", "-x264-params", "b-pyramid=none:scenecut=0")
RUNS = ("-c:v", "libx264", "-bf", "16", "-b_strategy", "0", "-g", "90", "-x264-params", "b-pyramid=none:scenecut=0")
RUNS_AFTER_18_SECONDS = (*RUNS, "-force_key_frames", "expr:lt(t,18)*gte(t,0.1*n_forced)")
COLORS = ("-pix_fmt", "yuv420p")


def read(path: Path, binaries: Binaries, stretch: Stretch = WHOLE) -> list[Gop]:
    media = probe(str(path), limits=LIMITS, binaries=binaries)
    return list(decode(str(path), media, frames_per_second=RATE, limits=LIMITS, stretch=stretch, binaries=binaries))


def lags(gops: list[Gop]) -> list[Fraction]:
    """Seconds that each sample's frame was on screen, or had been, when the sample was due."""
    due = [(Fraction(time), jpeg) for gop in gops for time, jpeg in zip(gop.times, gop.frames, strict=True)]
    return [time - Fraction(frame_number(jpeg), SOURCE_RATE) for time, jpeg in due]


def test_most_frames_are_left_out_and_samples_lag_little(tmp_path: Path, binaries: Binaries) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", *TRIPLES, *COLORS, frames=300)
    found = lags(read(path, binaries))
    assert len(found) == 20
    assert all(0 <= lag <= MOST_LAG for lag in found)
    assert max(found) > Fraction(1, SOURCE_RATE)  # else nothing was left out


def test_the_frame_on_screen_is_shown_where_key_frames_are_all_that_others_refer_to(
    tmp_path: Path, binaries: Binaries
) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", *RUNS, *COLORS, frames=300)
    gops = read(path, binaries)
    assert all(0 <= lag < Fraction(1, SOURCE_RATE) for lag in lags(gops))
    assert gops[-1].rest.every_frame


def test_reading_changes_over_once_and_stays_the_same_from_any_gop_on(tmp_path: Path, binaries: Binaries) -> None:
    path = numbered(binaries, tmp_path / "v.mkv", *RUNS_AFTER_18_SECONDS, *COLORS, frames=900)
    gops = read(path, binaries)
    assert [gop.index for gop in gops] == list(range(len(gops)))
    assert [gop.rest.every_frame for gop in gops] == [False, True, True][: len(gops)]
    assert [time for gop in gops for time in gop.times] == [number / RATE for number in range(60)]
    assert all(0 <= lag < Fraction(1, SOURCE_RATE) for lag in lags(gops[1:]))
    for index, gop in enumerate(gops[:-1]):
        later = [(again.times, again.frames) for again in read(path, binaries, gop.rest)]
        assert later == [(after.times, after.frames) for after in gops[index + 1 :]]


def test_a_video_keeps_its_length(tmp_path: Path, binaries: Binaries) -> None:
    for frames in (61, 62, 63, 64, 65):  # whatever kind of frame is the last one
        path = numbered(binaries, tmp_path / f"{frames}.mp4", *TRIPLES, *COLORS, frames=frames)
        assert read(path, binaries)[-1].end == pytest.approx(frames / SOURCE_RATE, abs=0.001)
