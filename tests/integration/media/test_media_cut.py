"""Videos of which only a part came: refused as incomplete, or read with a note where little is missing."""

from pathlib import Path

import pytest

from rollcall.contracts.errors import MediaError, TruncatedMedia, UnreadableMedia
from rollcall.media.videos.decode import decode
from rollcall.media.videos.ffmpeg import find
from rollcall.media.videos.limits import Limits
from rollcall.media.videos.probe import Media, probe
from tests.integration.media.made_media import synthetic

AGAIN = "Upload it again from the original."
SECONDS = 4
# by file name: what ffmpeg is given; every container that claims how long it is, and some that do not
CLAIMING = {
    "v.mxf": ("-c:v", "mpeg2video"),
    "v.avi": ("-c:v", "mpeg4"),
    "v.ivf": ("-c:v", "libvpx", "-deadline", "realtime"),
    "v.flv": ("-c:v", "flv"),
    "v.wmv": ("-c:v", "wmv2"),
    "v.mp4": ("-movflags", "+faststart"),
    "v.mkv": (),
    "v.webm": ("-c:v", "libvpx", "-deadline", "realtime"),
}
OTHERS = {
    "v.ts": ("-c:v", "mpeg2video"),
    "v.mpg": ("-c:v", "mpeg2video"),
    "v.h265": ("-c:v", "libx265", "-preset", "ultrafast", "-g", "15", "-x265-params", "log-level=error"),
    "v.h264": ("-g", "15"),
    "v.mjpeg": ("-c:v", "mjpeg", "-r", "25"),
    "v.m2v": ("-c:v", "mpeg2video"),
    "v.gif": ("-c:v", "gif", "-r", "5"),
    "v.ogv": ("-c:v", "libtheora"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder, binaries = tmp_path_factory.mktemp("whole"), find()
    return {
        name: synthetic(binaries, folder / name, *options, seconds=SECONDS, size="160x96").read_bytes()
        for name, options in (CLAIMING | OTHERS).items()
    }


def read(folder: Path, content: bytes) -> tuple[Media, float, bool]:
    """What was found, how long it is in seconds, and whether its end is said to be missing."""
    (folder / "v").write_bytes(content)
    media = probe(str(folder / "v"), limits=Limits())
    gops = list(decode(str(folder / "v"), media, frames_per_second=2.0, limits=Limits()))
    return media, gops[-1].end, gops[-1].cut


def refusal(folder: Path, content: bytes) -> MediaError:
    with pytest.raises(MediaError) as refused:
        read(folder, content)
    return refused.value


@pytest.mark.parametrize(("name", "share"), [("v.mxf", 0.66), *((name, 0.33) for name in CLAIMING)])
def test_a_part_of_what_the_header_claims_is_incomplete(
    whole: dict[str, bytes], tmp_path: Path, name: str, share: float
) -> None:
    _, seconds, cut = read(tmp_path, whole[name])
    assert (round(seconds), cut) == (SECONDS, False)

    error = refusal(tmp_path, whole[name][: int(len(whole[name]) * share)])
    assert isinstance(error, TruncatedMedia)
    assert str(error).startswith("The file is incomplete: it holds 0:00:0")
    assert str(error).endswith(f" of 0:00:04. {AGAIN}")


@pytest.mark.parametrize("name", CLAIMING | OTHERS)
def test_a_file_that_ends_before_a_picture_is_whole(whole: dict[str, bytes], tmp_path: Path, name: str) -> None:
    for size in (5, 60, 564):
        error = refusal(tmp_path, whole[name][:size])
        assert isinstance(error, TruncatedMedia), (size, error)
        assert "incomplete" in str(error) and str(error).endswith(AGAIN)


def test_a_header_that_was_cut_is_no_video_without_pictures(whole: dict[str, bytes], tmp_path: Path) -> None:
    content = whole["v.mp4"]
    index = content.index(b"moov")
    for size in (index + 100, index + 400, content.index(b"mdat") + 8):
        assert str(refusal(tmp_path, content[:size])) == f"The file is incomplete: its end is missing. {AGAIN}"


def test_a_packet_of_an_absurd_size_is_no_large_picture(whole: dict[str, bytes], tmp_path: Path) -> None:
    content = bytearray(whole["v.ivf"])
    second = 32 + 12 + int.from_bytes(content[32:36], "little")
    content[second : second + 4] = b"\xff\xff\xff\x7e"
    assert isinstance(refusal(tmp_path, bytes(content)), TruncatedMedia)


@pytest.mark.parametrize(
    ("name", "share"), [("v.avi", 0.95), ("v.gif", 0.95), ("v.mkv", 0.98), ("v.flv", 0.97), ("v.ivf", 0.97)]
)
def test_a_little_that_is_missing_is_told(whole: dict[str, bytes], tmp_path: Path, name: str, share: float) -> None:
    _, seconds, cut = read(tmp_path, whole[name][: int(share * len(whole[name]))])
    assert seconds == pytest.approx(SECONDS, abs=0.4)
    assert cut


@pytest.mark.parametrize("name", ["v.ts", "v.mpg", "v.h264", "v.h265", "v.m2v", "v.mjpeg"])
def test_a_stream_that_begins_inside_a_picture_is_read(whole: dict[str, bytes], tmp_path: Path, name: str) -> None:
    media, seconds, _ = read(tmp_path, whole[name][700:])
    assert media.container.demuxer == recognized(name)
    assert seconds == pytest.approx(SECONDS, abs=0.8)


def recognized(name: str) -> str:
    kind = name.partition(".")[2]
    return {"ts": "mpegts", "mpg": "mpeg", "h265": "hevc", "m2v": "mpegvideo"}.get(kind, kind)


UNKNOWN = "The video's codec{} is not supported. Convert the video to MP4 with H.264 and upload that."
PROTECTED = "The video is encrypted, as films in shops are. Upload one without copy protection."


@pytest.mark.parametrize(
    ("name", "codecs", "told"),
    [
        ("v.mp4", b"avc1 braw", UNKNOWN.format(" (braw)")),
        ("v.avi", b"FMP4 ZZZZ", UNKNOWN.format(" (ZZZZ)")),
        ("v.mkv", b"V_MPEG4/ISO/AVC V_MPEG9/ISO/XYZ", UNKNOWN.format("")),
        ("v.mp4", b"avc1 encv", PROTECTED),
    ],
)
def test_a_codec_is_refused_by_its_name(
    whole: dict[str, bytes], tmp_path: Path, name: str, codecs: bytes, told: str
) -> None:
    good, bad = codecs.split()
    error = refusal(tmp_path, whole[name].replace(good, bad))
    assert isinstance(error, UnreadableMedia)
    assert str(error) == told


def test_sizes_that_lie_do_not_make_a_whole_video_incomplete(whole: dict[str, bytes], tmp_path: Path) -> None:
    """A recorder's header may claim far too much: what counts is that the picture is there to its end."""
    content = bytearray(whole["v.avi"])
    content[4:8] = (3 * len(content)).to_bytes(4, "little")
    _, seconds, cut = read(tmp_path, bytes(content))
    assert (round(seconds, 1), cut) == (SECONDS, False)
