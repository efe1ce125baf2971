"""Uploads that are damaged, empty of pictures or meant to harm: each gets its own sentence and costs little."""

import os
import time
from pathlib import Path

import pytest

from rollcall.contracts.errors import MediaError, NoVideo, TooManyPixels, TooSlow, TruncatedMedia, UnreadableMedia
from rollcall.media.videos.decode import Gop, decode
from rollcall.media.videos.ffmpeg import Binaries
from rollcall.media.videos.probe import Limits, probe
from tests.integration.media.made_media import make, numbered, synthetic, with_sound


@pytest.fixture(scope="module")
def binaries(each_ffmpeg: Binaries) -> Binaries:
    return each_ffmpeg


def read(path: Path, binaries: Binaries, **limits: float) -> list[Gop]:
    bounds = Limits(**limits)  # type: ignore[arg-type]
    media = probe(str(path), limits=bounds, binaries=binaries)
    return list(decode(str(path), media, frames_per_second=2.0, limits=bounds, binaries=binaries))


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{other}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile {other}\n"
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"
DASH = '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{other}</BaseURL></MPD>'


@pytest.mark.parametrize("text", [PLAYLIST, CONCAT, SDP, DASH, "Hello, this is a letter.\n" * 100])
@pytest.mark.parametrize("name", ["v.mp4", "v.m3u8", "v.ffconcat", "v.jpg"])
def test_text_is_never_followed(binaries: Binaries, tmp_path: Path, text: str, name: str) -> None:
    other = synthetic(binaries, tmp_path / "other.mp4", seconds=0.2)
    (tmp_path / name).write_text(text.format(other=other))
    with pytest.raises(UnreadableMedia, match="Upload (MP4|the video itself)"):
        read(tmp_path / name, binaries)


@pytest.mark.parametrize("name", ["a.mp3", "a.wav", "a.m4a", "a.ogg", "a.mka", "a.flac"])
def test_sound_only(binaries: Binaries, tmp_path: Path, name: str) -> None:
    codec = ("-c:a", "flac", "-strict", "-2") if name.endswith("ogg") else ()
    path = make(binaries, tmp_path / name, *codec, inputs=["-f", "lavfi", "-i", "sine=duration=1"])
    with pytest.raises(NoVideo, match="Upload a video or a photo"):
        read(path, binaries)


def test_cover_picture_is_not_a_video(binaries: Binaries, tmp_path: Path) -> None:
    inputs = ["-f", "lavfi", "-i", "sine=duration=1", "-f", "lavfi", "-i", "testsrc=s=64x64:d=0.04"]
    options = ("-map", "0", "-map", "1", "-c:v", "png", "-frames:v", "1", "-disposition:v:0", "attached_pic")
    path = make(binaries, tmp_path / "a.m4a", *options, inputs=inputs)
    with pytest.raises(NoVideo, match="cover picture"):
        read(path, binaries)


@pytest.mark.parametrize(("name", "box"), [("v.mp4", b"moov"), ("v.mkv", b"\x1f\x43\xb6\x75")])
def test_cut_off(binaries: Binaries, tmp_path: Path, name: str, box: bytes) -> None:
    options = ("-movflags", "+faststart") if name == "v.mp4" else ()
    path = synthetic(binaries, tmp_path / name, *options, seconds=6)
    whole = path.read_bytes()
    assert box in whole[: len(whole) // 2]
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TruncatedMedia, match=r"holds 0:00:0[234] of 0:00:06"):
        read(path, binaries)


def test_index_missing(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", seconds=6)  # the index comes last
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TruncatedMedia, match="index"):
        read(path, binaries)


def test_sound_cut_off_but_picture_whole(binaries: Binaries, tmp_path: Path) -> None:
    made = with_sound(binaries, tmp_path / "made.mp4", video=2, sound=60)
    remuxed = ("-c", "copy", "-movflags", "+faststart")  # a remux puts the packets in the order of their times
    path = make(binaries, tmp_path / "v.mp4", *remuxed, inputs=["-i", str(made)])
    whole = path.read_bytes()
    path.write_bytes(whole[: -len(whole) // 4])
    assert read(path, binaries)[-1].end == pytest.approx(2.0, abs=0.1)


def test_no_samples(binaries: Binaries, tmp_path: Path) -> None:
    path = make(binaries, tmp_path / "v.mp4", "-t", "0", inputs=["-f", "lavfi", "-i", "testsrc=d=1"])
    with pytest.raises(MediaError):
        read(path, binaries)


def test_damage_in_the_middle_is_survived(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", "-g", "15", "-movflags", "+faststart", size="640x360", seconds=6)
    body = bytearray(path.read_bytes())
    middle = len(body) // 2
    body[middle : middle + 3000] = os.urandom(3000)
    path.write_bytes(body)
    gops = read(path, binaries)
    assert gops[-1].end == pytest.approx(6.0, abs=0.1)
    assert sum(len(gop.frames) for gop in gops) == 12


@pytest.mark.parametrize(
    "start", [b"\x00\x00\x00\x18ftypmp42", b"\x1a\x45\xdf\xa3", b"RIFF\0\0\0\0AVI ", b"\xff\xd8\xff\xe0"]
)
def test_noise_behind_a_good_start(binaries: Binaries, tmp_path: Path, start: bytes) -> None:
    (tmp_path / "v").write_bytes(start + os.urandom(200_000))
    with pytest.raises(MediaError) as refused:
        read(tmp_path / "v", binaries)
    assert str(tmp_path) not in str(refused.value)


def test_frames_over_the_pixel_limit(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", size="640x360", seconds=0.2)
    with pytest.raises(TooManyPixels, match="smaller size"):
        read(path, binaries, max_video_pixels=640 * 360 - 1)


def test_frames_that_grow_over_the_pixel_limit(binaries: Binaries, tmp_path: Path) -> None:
    for number, size in enumerate(("320x180", "1280x720")):
        synthetic(binaries, tmp_path / f"{number}.h264", size=size, seconds=1)
    path = tmp_path / "v.h264"
    path.write_bytes((tmp_path / "0.h264").read_bytes() + (tmp_path / "1.h264").read_bytes())
    assert {(gop.width, gop.height) for gop in read(path, binaries, max_video_pixels=320 * 180)} == {(320, 180)}


def test_memory_is_bounded(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", size="3840x2160", seconds=0.5)
    with pytest.raises(MediaError):
        read(path, binaries, max_memory=160 * 1024**2)


def test_4k_fits_the_memory_limit(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", "-bf", "8", "-refs", "16", size="3840x2160", seconds=0.5)
    assert (read(path, binaries)[0].width, read(path, binaries)[0].height) == (1920, 1080)


def test_time_is_bounded(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", frames=1000)
    media = probe(str(path), limits=Limits(), binaries=binaries)
    limits = Limits(decode_seconds=0.2, max_frames_per_gop=1)
    with pytest.raises(TooSlow, match="shorter or smaller"):
        for _ in decode(str(path), media, frames_per_second=30.0, limits=limits, binaries=binaries):
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("v.mkv", ("mpeg4",)),
        ("v.webm", ("libvpx", "-deadline", "realtime")),
        ("v.mp4", ("mpeg4",)),
        ("v.avi", ("mpeg4",)),
        ("v.ogv", ("libtheora",)),
    ],
)
def test_cut_in_its_header(binaries: Binaries, tmp_path: Path, name: str, codec: tuple[str, ...]) -> None:
    path = synthetic(binaries, tmp_path / name, "-c:v", *codec)
    whole = path.read_bytes()
    for share in (0.002, 0.01, 0.02, 0.05):
        path.write_bytes(whole[: max(40, int(len(whole) * share))])
        with pytest.raises(MediaError):
            read(path, binaries)


def test_megabytes_of_tags_are_not_read(binaries: Binaries, tmp_path: Path) -> None:
    tags = [part for number in range(12) for part in ("-metadata", f"tag{number}={'x' * 100_000}")]
    path = synthetic(binaries, tmp_path / "v.mkv", *tags, seconds=1)
    assert path.stat().st_size > 1 << 20
    assert read(path, binaries)[-1].end == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("claim", ["9" * 400, "-1", "nan", "00:00:00." + "1" * 300])
def test_an_absurd_duration_is_ignored(binaries: Binaries, tmp_path: Path, claim: str) -> None:
    path = synthetic(binaries, tmp_path / "v.mkv", seconds=1)
    whole = path.read_bytes()
    at = whole.index(b"DURATION") + len("DURATION")
    value = whole.index(b"00:00:01", at)
    size = len(whole[value : whole.index(b"\0", value)])
    path.write_bytes(whole[:value] + claim[:size].encode().ljust(size, b"9") + whole[value + size :])
    assert read(path, binaries)[-1].end == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("box", [b"stts", b"stco", b"stsz", b"stsc", b"ctts"])
@pytest.mark.parametrize("entries", [0xFFFFFFFF, 0x10000000])
def test_a_damaged_index_is_called_damaged(binaries: Binaries, tmp_path: Path, box: bytes, entries: int) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", "-bf", "2", seconds=1)
    body = bytearray(path.read_bytes())
    at = body.index(box) + (12 if box == b"stsz" else 8)
    body[at : at + 4] = entries.to_bytes(4, "big")
    path.write_bytes(body)
    with pytest.raises((UnreadableMedia, TruncatedMedia), match="damaged|incomplete"):
        read(path, binaries)
