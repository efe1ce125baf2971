"""Files with several video tracks: the longest moving picture is read, and the others are told of."""

from pathlib import Path

import pytest

from rollcall.media.videos.ffmpeg import Binaries
from rollcall.media.videos.probe import Limits, Media, probe
from tests.integration.media.made_media import make

SMALL = ("-f", "lavfi", "-i", "testsrc=s=160x90:r=25:d=4")
STILL = ("-f", "lavfi", "-i", "testsrc=s=640x360:r=1:d=1")
SHORT = ("-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=2")
SLIDES = ("-f", "lavfi", "-i", "testsrc=s=640x360:r=1:d=4")
REAR = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=4")
LARGER = ("-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=3.9")


def tracks(binaries: Binaries, folder: Path, *inputs: tuple[str, ...]) -> Media:
    maps = [part for number in range(len(inputs)) for part in ("-map", f"{number}:v")]
    options = (*maps, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    path = make(binaries, folder / "v.mp4", *options, inputs=[part for one in inputs for part in one])
    return probe(str(path), limits=Limits(), binaries=binaries)


@pytest.mark.parametrize(
    ("inputs", "read", "told"),
    [
        ((SMALL,), 0, ""),
        ((STILL, SMALL), 1, "only track 2 was looked at. Left out: track 1 (640×360"),
        ((SHORT, SMALL), 1, "Left out: track 1 (320×180). Set tracks to all"),
        ((SLIDES, SMALL), 1, "Left out: track 1 (640×360)"),
        ((SMALL, REAR), 0, "The file has 2 video tracks, and only track 1 was looked at. Left out: track 2 (160×90)"),
        ((SMALL, LARGER), 1, "Left out: track 1 (160×90)"),
    ],
)
def test_the_longest_moving_picture_is_read(
    binaries: Binaries, tmp_path: Path, inputs: tuple[tuple[str, ...], ...], read: int, told: str
) -> None:
    media = tracks(binaries, tmp_path, *inputs)
    assert media.stream == read
    assert told in " ".join(media.notes)
    assert bool(media.notes) == bool(told)


def test_a_still_picture_that_is_left_out_is_called_so(binaries: Binaries, tmp_path: Path) -> None:
    (note,) = tracks(binaries, tmp_path, SMALL, STILL).notes
    assert note.endswith("Left out: track 2 (640×360, a still picture).")
