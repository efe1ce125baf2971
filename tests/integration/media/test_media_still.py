"""A picture that stays is stored and recognized once, for as long as it stays; an upload has a budget."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rollcall.contracts.errors import TooSlow
from rollcall.contracts.events import Stretch
from rollcall.media.deadline import Deadline
from rollcall.media.videos.decode import WHOLE, Gop, decode
from rollcall.media.videos.ffmpeg import Binaries
from rollcall.media.videos.mpjpeg import jpegs
from rollcall.media.videos.probe import Limits, probe
from tests.integration.media.made_media import frame_number, make, numbered

LIMITS = Limits()
EXACT = ("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast")
SLIDES = ("-vf", "select='not(mod(n,40))',setpts=N*4/TB", "-fps_mode", "vfr", "-c:v", "ffv1")


def read(path: Path, binaries: Binaries, limits: Limits = LIMITS, stretch: Stretch = WHOLE) -> list[Gop]:
    media = probe(str(path), limits=limits, binaries=binaries)
    return list(decode(str(path), media, frames_per_second=2.0, limits=limits, stretch=stretch, binaries=binaries))


def shown(gops: list[Gop]) -> list[tuple[float, int, int]]:
    """When each picture comes, its number, and for how many samples it stays."""
    return [
        (time, frame_number(jpeg), lasts)
        for gop in gops
        for time, jpeg, lasts in zip(gop.times, gop.frames, gop.lasts, strict=True)
    ]


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4", "v.gif"])
def test_each_slide_is_stored_once(binaries: Binaries, tmp_path: Path, name: str) -> None:
    codec = {"v.gif": ("-c:v", "gif"), "v.mp4": ("-c:v", "png")}.get(name, ())
    path = numbered(binaries, tmp_path / name, *SLIDES, *codec, frames=120)

    gops = read(path, binaries)

    assert [(time, number) for time, number, _ in shown(gops)] == [(0.0, 0), (4.0, 40), (8.0, 80)]
    assert [lasts for _, _, lasts in shown(gops)][:2] == [8, 8]
    assert gops[-1].rest.first == sum(lasts for _, _, lasts in shown(gops))


@pytest.mark.parametrize("first", [0, 3])
def test_each_slide_is_encoded_once(
    binaries: Binaries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    path = numbered(binaries, tmp_path / "v.mkv", *SLIDES, frames=120)
    encoded: list[bytes] = []

    def counted(*arguments: Any, **options: Any) -> Iterator[bytes]:
        for jpeg in jpegs(*arguments, **options):
            encoded.append(jpeg)
            yield jpeg

    monkeypatch.setattr("rollcall.media.videos.decode.jpegs", counted)

    gops = read(path, binaries, stretch=Stretch(first=first))

    assert gops[-1].rest.first > 16
    assert [frame_number(jpeg) for jpeg in encoded] == [0, 40, 80]


def test_frames_that_are_sent_again_are_stored_once(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", "-vf", "select='lt(n,1)',loop=199:1:0", *EXACT, frames=1)
    assert shown(read(path, binaries)) == [(0.0, 0, 14)]


def test_a_rest_goes_on_where_the_picture_changes(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.mkv", *SLIDES, frames=120)
    limits = dataclasses.replace(LIMITS, max_gop_seconds=4.0)
    gops = read(path, binaries, limits)
    assert [gop.first_frame for gop in gops] == [0, 8, 16]
    assert [(gop.first_frame, gop.frames) for gop in read(path, binaries, limits, gops[0].rest)] == [
        (gop.first_frame, gop.frames) for gop in gops[1:]
    ]


def test_what_is_over_the_budget_is_looked_at_more_coarsely(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", frames=600, rate="10")
    limits = dataclasses.replace(LIMITS, least_recognitions=40, bytes_per_recognition=1 << 30)

    gops = read(path, binaries, limits)

    assert gops[-1].coarse and not any(gop.coarse for gop in read(path, binaries))
    assert sum(len(gop.frames) for gop in gops) < 40
    assert sum(lasts for _, _, lasts in shown(gops)) == 120
    assert [lasts for _, _, lasts in shown(gops)][:19] == [1] * 19


def test_out_of_time_what_is_there_is_handed_out(binaries: Binaries, tmp_path: Path) -> None:
    still = ["-f", "lavfi", "-i", "color=gray:s=64x64:r=10:d=1000"]
    short = make(binaries, tmp_path / "short.mp4", "-c:v", "libx264", "-preset", "ultrafast", inputs=still)
    path = make(binaries, tmp_path / "v.mp4", "-c", "copy", inputs=["-stream_loop", "19", "-i", str(short)])
    media = probe(str(path), limits=LIMITS, binaries=binaries)
    gops = decode(str(path), media, frames_per_second=10.0, limits=LIMITS, deadline=Deadline.after(3))
    gop = next(gops)
    assert gop.rest.first == gop.lasts[0] > 1
    with pytest.raises(TooSlow):
        next(gops)
