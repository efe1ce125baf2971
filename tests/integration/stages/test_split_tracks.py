"""The splitter on files of several video tracks, each of which has numbers of its own."""

from pathlib import Path

import pytest

from rollcall.contracts.packs import MAX_SAMPLES
from rollcall.media.videos.ffmpeg import find
from tests.integration.media.made_media import make
from tests.integration.stages.split_stage import SplitStage, frames


def test_every_track_is_read_with_numbers_of_its_own(split: SplitStage, tmp_path: Path) -> None:
    inputs = ["-f", "lavfi", "-i", "testsrc=s=64x64:r=10:d=15", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=24"]
    options = ("-map", "0", "-map", "1", "-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-pix_fmt", "yuv420p")
    upload = split.upload(make(find(), tmp_path / "v.mp4", *options, inputs=inputs).read_bytes())

    assert split.run(split.splitter(every_track=True)) == 1 + 2 + 3

    job = split.recognize(upload)
    assert job.complete and job.media is not None
    assert (job.media.tracks, job.media.frames, job.media.notes) == (2, 30 + 48, [])
    assert job.media.duration == pytest.approx(24.0, abs=0.1)
    numbers = [number for number, _, _ in frames(split.packs(upload))]
    assert numbers == [*range(30), *range(MAX_SAMPLES, MAX_SAMPLES + 48)]


BOTH = ["-f", "lavfi", "-i", "testsrc=s=64x64:r=10:d=4", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=4"]


def two_tracks(path: Path) -> bytes:
    options = ("-map", "0", "-map", "1", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    return make(find(), path, *options, inputs=BOTH).read_bytes()


@pytest.mark.parametrize("unreadable", [0, 1])
def test_a_track_that_cannot_be_read_leaves_the_others(split: SplitStage, tmp_path: Path, unreadable: int) -> None:
    before, *others = two_tracks(tmp_path / "v.mp4").split(b"avc1\0\0")
    formats = [b"zzzz\0\0" if number == unreadable else b"avc1\0\0" for number in range(len(others))]
    upload = split.upload(before + b"".join(map(bytes.__add__, formats, others)))

    split.run(split.splitter(every_track=True))

    job = split.recognize(upload)
    assert len(others) == 2
    assert (job.complete, job.error) == (True, None)
    assert job.media is not None and "could not be read" in job.media.notes[0]
    assert job.media.duration == pytest.approx(4.0, abs=0.1)
    base = 0 if unreadable else MAX_SAMPLES
    assert [number for number, _, _ in frames(split.packs(upload))] == [*range(base, base + 8)]


def test_a_file_without_a_readable_track_is_refused(split: SplitStage, tmp_path: Path) -> None:
    upload = split.upload(two_tracks(tmp_path / "v.mp4").replace(b"avc1\0\0", b"zzzz\0\0"))

    split.run(split.splitter(every_track=True))

    error = split.job(upload).error
    assert error is not None and error.code == "unreadable-media"


def test_tracks_beyond_the_most_are_told(split: SplitStage, tmp_path: Path) -> None:
    maps = [part for number in range(10) for part in ("-map", str(number % 2))]
    options = (*maps, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    upload = split.upload(make(find(), tmp_path / "v.mp4", *options, inputs=BOTH).read_bytes())

    split.run(split.splitter(every_track=True))

    job = split.recognize(upload)
    assert job.complete and job.media is not None and job.media.tracks == 8
    (note,) = job.media.notes
    assert "10 video tracks, and only 8 of them were looked at. Left out: track 9 (64×64), track 10 (64×64)." in note
