"""Interlaced video becomes whole pictures; what is not interlaced is not touched."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rollcall.media.videos.decode import decode
from rollcall.media.videos.ffmpeg import Binaries
from rollcall.media.videos.probe import Limits, Media, probe
from tests.integration.media.made_media import make

LIMITS = Limits()
# a white square that moves 16 pixels between the two fields of a frame
SQUARE = "color=gray:s=320x240:r=50:d=1[wall];color=white:s=64x120:r=50:d=1[square];[wall][square]overlay="
MOVING = ["-f", "lavfi", "-i", f"{SQUARE}x='mod(100+800*t,250)':y=60"]
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "10")
FIELDS = {
    "top first": ("-vf", "tinterlace=interleave_top", "-flags", "+ildct+ilme", "-top", "1"),
    "bottom first": ("-vf", "tinterlace=interleave_bottom", "-flags", "+ildct+ilme", "-top", "0"),
}


def frames(path: Path, media: Media, binaries: Binaries) -> list[bytes]:
    gops = decode(str(path), media, frames_per_second=5.0, limits=LIMITS, binaries=binaries)
    return [frame for gop in gops for frame in gop.frames]


def combs(jpegs: list[bytes]) -> float:
    """Mean difference of each line from the mean of its neighbors, about 0 for a square."""
    pictures = [np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"), float)[70:170] for jpeg in jpegs]
    return float(np.mean([np.abs(p[1:-1] - (p[:-2] + p[2:]) / 2) for p in pictures]))


@pytest.mark.parametrize("codec", [(*MPEG2, "v.mpg"), (*H264, "v.mp4")], ids=["MPEG-2", "H.264"])
@pytest.mark.parametrize("order", FIELDS)
def test_fields_are_told_apart(binaries: Binaries, tmp_path: Path, codec: tuple[str, ...], order: str) -> None:
    *options, name = codec
    path = make(binaries, tmp_path / name, *FIELDS[order], *options, "-pix_fmt", "yuv420p", inputs=MOVING)
    media = probe(str(path), limits=LIMITS, binaries=binaries)

    woven, whole = (combs(frames(path, read, binaries)) for read in (dataclasses.replace(media, fields=None), media))

    assert woven > 1.5  # else the file is not what it should be
    assert whole < woven / 4


@pytest.mark.parametrize("codec", [(*MPEG2, "v.mpg"), (*H264, "v.mp4")], ids=["MPEG-2", "H.264"])
def test_what_is_not_interlaced_stays_as_it_is(binaries: Binaries, tmp_path: Path, codec: tuple[str, ...]) -> None:
    *options, name = codec
    path = make(binaries, tmp_path / name, *options, "-pix_fmt", "yuv420p", inputs=MOVING)
    media = probe(str(path), limits=LIMITS, binaries=binaries)
    assert media.fields == (320, 240)
    assert frames(path, media, binaries) == frames(path, dataclasses.replace(media, fields=None), binaries)
