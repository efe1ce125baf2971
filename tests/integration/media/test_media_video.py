"""Videos as people upload them, read by the real ffmpeg: what is sampled, when, and how large."""

import io
import math
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from rollcall.contracts.errors import TooLong
from rollcall.media.videos.decode import Gop, decode
from rollcall.media.videos.ffmpeg import Binaries
from rollcall.media.videos.probe import Limits, Media, probe
from tests.integration.media.made_media import (
    every_sample,
    frame_number,
    make,
    numbered,
    set_matrix,
    synthetic,
    with_sound,
)

LIMITS = Limits()
SHORT_GOPS = Limits(max_gop_seconds=10.0)


@pytest.fixture(scope="module")
def binaries(each_ffmpeg: Binaries) -> Binaries:
    return each_ffmpeg


def read(path: Path, binaries: Binaries, *, rate: float = 2.0, limits: Limits = LIMITS) -> tuple[Media, list[Gop]]:
    media = probe(str(path), limits=limits, binaries=binaries)
    return media, list(decode(str(path), media, frames_per_second=rate, limits=limits, binaries=binaries))


def times(gops: list[Gop], rate: float = 2.0) -> list[float]:
    return [sample.time for sample in every_sample(gops, rate)]


def numbers(gops: list[Gop], rate: float = 2.0) -> list[int]:
    return [frame_number(sample.jpeg) for sample in every_sample(gops, rate)]


def image(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg)).convert("RGB")


@pytest.mark.parametrize("rate", [1.0, 2.0, 2.5, 7.0, 30.0])
@pytest.mark.parametrize("source_rate", ["24", "30000/1001"])
def test_each_sample_is_the_frame_on_screen(binaries: Binaries, tmp_path: Path, rate: float, source_rate: str) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", frames=77, rate=source_rate)
    numerator, _, denominator = source_rate.partition("/")
    frame_rate = int(numerator) / int(denominator or 1)

    media, gops = read(path, binaries, rate=rate)

    expected = [k / rate for k in range(math.ceil(77 / frame_rate * rate - 1e-9))]
    assert times(gops, rate) == pytest.approx(expected)
    assert numbers(gops, rate) == [math.floor(time * frame_rate + 1e-6) for time in expected]
    assert gops[-1].end == pytest.approx(77 / frame_rate, abs=1e-3)
    assert media.duration == pytest.approx(77 / frame_rate, abs=0.05)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_variable_frame_rate(binaries: Binaries, tmp_path: Path, suffix: str) -> None:
    kept = [0, 1, 2, 25, 26, 70, 89]
    chosen = "+".join(f"eq(n,{number})" for number in kept)
    options = ("-vf", f"select='{chosen}'", "-fps_mode", "vfr")
    path = numbered(binaries, tmp_path / f"v.{suffix}", *options, frames=90)

    _, gops = read(path, binaries, rate=5.0)

    expected = [max(number for number in kept if number / 30 <= time + 1e-3) for time in times(gops, 5.0)]
    assert numbers(gops, 5.0) == expected
    assert times(gops, 5.0)[-1] >= 2.8


def test_one_frame(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", frames=1)

    media, gops = read(path, binaries)

    assert not media.photo
    assert times(gops) == [0.0]
    assert gops[0].end == pytest.approx(1 / 30, abs=0.01)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("v.mkv", ()),
        ("v.mov", ()),
        ("v.ts", ()),
        ("v.flv", ()),
        ("v.webm", ("-c:v", "libvpx", "-deadline", "realtime")),
        ("v.avi", ("-c:v", "mpeg4")),
        ("v.mpg", ("-c:v", "mpeg2video")),
        ("v.asf", ("-c:v", "wmv2")),
        ("v.ogv", ("-c:v", "libtheora")),
        ("v.h264", ()),
        ("v.hevc", ("-c:v", "libx265", "-x265-params", "log-level=none")),
        ("v.gif", ("-c:v", "gif")),
        ("v.mxf", ("-c:v", "mpeg2video")),
        ("v.dv", ("-c:v", "dvvideo", "-s", "720x576", "-r", "25", "-pix_fmt", "yuv420p")),
        ("v.ivf", ("-c:v", "libvpx", "-deadline", "realtime")),
        ("v.mjpeg", ("-c:v", "mjpeg", "-r", "25")),
        ("v.m4v", ("-c:v", "mpeg4", "-f", "m4v", "-r", "25")),
        ("v.m2v", ("-c:v", "mpeg2video", "-r", "25")),
        ("v.3gp", ()),
        ("v.mts", ("-mpegts_m2ts_mode", "1")),
    ],
)
def test_formats(binaries: Binaries, tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    path = synthetic(binaries, tmp_path / name, *options).rename(tmp_path / "upload.dat")

    _, gops = read(path, binaries)

    assert len(times(gops)) >= 4
    assert gops[-1].end == pytest.approx(2.0, abs=0.5)
    assert image(gops[0].frames[0]).size == ((1024, 576) if name == "v.dv" else (320, 180))


@pytest.mark.parametrize("name", ["v.ts", "v.h264", "v.mpg", "v.mjpeg"])
@pytest.mark.parametrize("missing", [100, 7_001])
def test_streams_that_begin_in_the_middle(binaries: Binaries, tmp_path: Path, name: str, missing: int) -> None:
    codec = {"v.mpg": ("-c:v", "mpeg2video"), "v.mjpeg": ("-c:v", "mjpeg")}.get(name, ("-c:v", "libx264", "-g", "10"))
    path = synthetic(binaries, tmp_path / name, *codec, "-pix_fmt", "yuv420p")
    whole = path.read_bytes()
    start = {"v.h264": b"\0\0\1", "v.mjpeg": b"\xff\xd8\xff"}.get(name, b"")
    path.write_bytes(whole[whole.index(start, missing) :])

    _, gops = read(path, binaries)

    assert len(times(gops)) >= 3


@pytest.mark.parametrize(
    ("size", "expected"),
    [("101x67", (101, 67)), ("1920x1080", (1920, 1080)), ("3840x2160", (1920, 1080)), ("2000x1333", (1920, 1280))],
)
def test_sizes(binaries: Binaries, tmp_path: Path, size: str, expected: tuple[int, int]) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", "-pix_fmt", "yuv444p", size=size, seconds=0.2)

    media, gops = read(path, binaries)

    assert f"{media.width}x{media.height}" == size
    assert image(gops[0].frames[0]).size == expected == (gops[0].width, gops[0].height)
    assert gops[0].scale == pytest.approx(media.width / expected[0])


def test_sample_aspect_ratio(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", "-vf", "setsar=4/3", size="720x480", seconds=0.2)

    media, gops = read(path, binaries)

    assert (media.width, media.height) == (960, 480)
    assert image(gops[0].frames[0]).size == (960, 480)


TURNS = {
    (1, 0, 0, 1): None,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,  # Pillow turns the other way: 90° clockwise
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
}


@pytest.mark.parametrize("matrix", TURNS)
def test_turned_upright(binaries: Binaries, tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", size="320x180", seconds=0.2)
    _, plain = read(path, binaries)
    set_matrix(path, matrix)

    media, turned = read(path, binaries)

    stored, turn = image(plain[0].frames[0]), TURNS[matrix]
    expected = stored if turn is None else stored.transpose(turn)
    assert (media.width, media.height) == expected.size
    difference = np.abs(np.asarray(expected, float) - np.asarray(image(turned[0].frames[0]), float))
    assert difference.mean() < 3


@pytest.mark.parametrize("options", [("-vf", "interlace", "-flags", "+ildct+ilme"), ("-pix_fmt", "yuv420p10le")])
def test_interlaced_and_ten_bit(binaries: Binaries, tmp_path: Path, options: tuple[str, ...]) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", *options)
    _, gops = read(path, binaries)
    assert len(times(gops)) == 4
    assert image(gops[0].frames[0]).size == (320, 180)


BT709 = ("bt709", "bt709")


@pytest.mark.parametrize(
    ("colors", "stored"),
    [
        *((colors, ("tv", "yuv420p", "64x64")) for colors in (("bt601", "smpte170m"), ("bt601", "bt470bg"), BT709)),
        (("bt2020", "bt2020nc"), ("tv", "yuv420p10le", "64x64")),
        (BT709, ("tv", "yuv422p", "64x64")),
        (BT709, ("tv", "yuv444p", "64x64")),
        (BT709, ("tv", "yuv444p12le", "64x64")),
        (BT709, ("tv", "yuv420p", "65x65")),
        (BT709, ("tv", "yuv444p", "65x64")),
        (BT709, ("tv", "yuv420p", "2048x64")),
        (BT709, ("pc", "yuv420p", "64x64")),
    ],
)
def test_colors(binaries: Binaries, tmp_path: Path, colors: tuple[str, str], stored: tuple[str, str, str]) -> None:
    (matrix, tag), (levels, pixels, size) = colors, stored
    picture = f"scale=out_color_matrix={matrix}:out_range={levels},format={pixels}"
    options = ("-vf", picture, "-c:v", "ffv1", "-strict", "-1", "-colorspace", tag, "-color_range", levels)
    inputs = ["-f", "lavfi", "-i", f"color=0xE04030:s={size}:d=0.1,format=rgb24"]
    path = make(binaries, tmp_path / "v.mkv", *options, inputs=inputs)
    _, gops = read(path, binaries)
    assert image(gops[0].frames[0]).getpixel((32, 32)) == pytest.approx((0xE0, 0x40, 0x30), abs=4)


def test_colors_that_are_not_named_are_those_of_bt601(binaries: Binaries, tmp_path: Path) -> None:
    inputs = ["-f", "lavfi", "-i", "color=0xE04030:s=64x64:d=0.1,format=rgb24"]
    path = make(binaries, tmp_path / "v.mp4", "-pix_fmt", "yuv420p", "-c:v", "libx264", inputs=inputs)
    _, gops = read(path, binaries)
    assert image(gops[0].frames[0]).getpixel((32, 32)) == pytest.approx((0xE0, 0x40, 0x30), abs=4)


def test_gops_end_at_key_frames_in_reach(binaries: Binaries, tmp_path: Path) -> None:
    keys = ("-g", "9999", "-sc_threshold", "0", "-force_key_frames", "0,3,7.3,8.1,16")
    path = numbered(binaries, tmp_path / "v.mp4", *keys, frames=300, rate="10")

    _, gops = read(path, binaries, rate=2.0, limits=SHORT_GOPS)

    # 8.1 is the last in reach of 0, so 8.5 is the first sample after it; 16 of 8.5; then the cap
    assert [gop.times[0] for gop in gops] == [0.0, 8.5, 16.0, 26.0]
    assert [gop.end for gop in gops] == pytest.approx([8.5, 16.0, 26.0, 30.0])
    assert [gop.index for gop in gops] == [0, 1, 2, 3]
    assert times(gops) == [k / 2 for k in range(60)]
    assert read(path, binaries, rate=2.0, limits=SHORT_GOPS)[1] == gops


def test_gops_hold_at_most_32_frames(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", "-g", "9999", "-sc_threshold", "0", frames=100)
    _, gops = read(path, binaries, rate=30.0)
    assert [len(gop.frames) for gop in gops] == [32, 32, 32, 4]
    assert numbers(gops) == list(range(100))


def test_intra_only_video(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.avi", "-c:v", "mjpeg", "-q:v", "3", frames=300, rate="10")
    _, gops = read(path, binaries, rate=2.0, limits=SHORT_GOPS)
    assert [len(gop.frames) for gop in gops] == [20, 20, 20]


@pytest.mark.parametrize("second", [("640x480", "yuv420p"), ("640x480", "yuv444p"), ("160x90", "yuv422p10le")])
def test_the_picture_may_change_on_the_way(binaries: Binaries, tmp_path: Path, second: tuple[str, str]) -> None:
    path = tmp_path / "both.h264"
    parts = []
    for n, (size, pixels) in enumerate([("320x180", "yuv420p"), second]):
        part = synthetic(binaries, tmp_path / f"{n}.ts", "-c:v", "libx264", "-pix_fmt", pixels, size=size)
        parts.append(make(binaries, part.with_suffix(".h264"), "-c", "copy", inputs=["-i", str(part)]))
    path.write_bytes(b"".join(part.read_bytes() for part in parts))

    _, gops = read(path, binaries)

    sizes = {image(frame).size for gop in gops for frame in gop.frames}
    assert sizes == {(gops[0].width, gops[0].height)}
    assert times(gops) == [k / 2 for k in range(len(times(gops)))]
    assert len(times(gops)) >= 8
    before, after = (np.asarray(image(gops[0].frames[k]), float) for k in (0, 4))
    assert np.abs(before - after).mean() < 20  # the same test picture, scaled


def test_without_a_claimed_duration(binaries: Binaries, tmp_path: Path) -> None:
    path = tmp_path / "v.mkv"
    synthetic(binaries, path, "-f", "matroska", "-live", "1", seconds=3)

    media, gops = read(path, binaries)

    assert media.duration == 0.0
    assert gops[-1].end == pytest.approx(3.0, abs=0.05)
    with pytest.raises(TooLong, match="limit is 0:00:02"):
        read(path, binaries, limits=Limits(max_duration=2.0))


def test_claimed_duration_over_the_limit(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", seconds=3)
    with pytest.raises(TooLong, match="0:00:03 long; the limit is 0:00:02"):
        probe(str(path), limits=Limits(max_duration=2.0), binaries=binaries)


def test_sound_longer_than_the_picture(binaries: Binaries, tmp_path: Path) -> None:
    for name in ("v.mp4", "v.mkv", "v.flv"):
        _, gops = read(with_sound(binaries, tmp_path / name, video=2, sound=9), binaries)
        assert gops[-1].end == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_last_frame_that_lasts_long(binaries: Binaries, tmp_path: Path, suffix: str) -> None:
    slides = tmp_path / "slides.txt"
    for number in range(3):
        make(binaries, tmp_path / f"{number}.png", "-frames:v", "1", inputs=["-f", "lavfi", "-i", "testsrc2=s=64x64"])
    lasting = ((0, 1), (1, 1), (2, 6))
    slides.write_text("".join(f"file '{number}.png'\nduration {seconds}\n" for number, seconds in lasting))
    path = make(
        binaries,
        tmp_path / f"v.{suffix}",
        *("-fps_mode", "vfr", "-c:v", "libx264", "-pix_fmt", "yuv420p"),
        inputs=["-f", "concat", "-safe", "0", "-i", str(slides)],
    )

    _, gops = read(path, binaries)

    assert times(gops)[-1] >= 2.0
    assert gops[-1].end <= 8.1


def test_memory_stays_low_and_leaving_ends_the_child(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", frames=1000, rate="10")
    media = probe(str(path), limits=LIMITS, binaries=binaries)
    gops = decode(str(path), media, frames_per_second=10.0, limits=LIMITS, binaries=binaries)
    next(gops)
    children = psutil.Process().children()
    assert len(children) == 1  # still decoding: the rest is read only as it is asked for
    gops.close()
    assert not children[0].is_running()
