"""A video read in stretches gives what it gives in one piece: the same samples, byte for byte."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rollcall.contracts.errors import TooSlow, TruncatedMedia
from rollcall.contracts.events import Stretch
from rollcall.media.deadline import Deadline
from rollcall.media.videos.decode import WHOLE, Gop, decode
from rollcall.media.videos.division import Division
from rollcall.media.videos.ffmpeg import Binaries, find
from rollcall.media.videos.probe import Limits, Media, probe
from rollcall.media.videos.stretches import divide
from tests.integration.media.made_media import every_sample, make, synthetic, with_sound

LIMITS = Limits()
SECONDS = 24
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-bf", "3")
OPEN_GOPS = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "40", "-bf", "4")
VARIABLE = ("-vf", "select='lt(mod(n,17),3)+gt(mod(n,211),180)'", "-fps_mode", "vfr")


@pytest.fixture(scope="module")
def binaries(each_ffmpeg: Binaries) -> Binaries:
    return each_ffmpeg


def video(name: str, *options: str, codec: tuple[str, ...] = H264) -> Callable[[Binaries, Path], Path]:
    return lambda binaries, folder: synthetic(binaries, folder / name, *codec, *options, size="128x72", seconds=SECONDS)


def from_the_middle(binaries: Binaries, folder: Path) -> Path:
    """Cut without coding anew: an edit list hides the frames from the key frame to the cut."""
    whole = video("whole.mp4")(binaries, folder)
    return make(binaries, folder / "cut.mp4", "-c", "copy", inputs=["-ss", "3.3", "-i", str(whole)])


def after_its_sound(binaries: Binaries, folder: Path) -> Path:
    made = with_sound(binaries, folder / "made.mp4", *H264, video=SECONDS, sound=SECONDS)
    delayed = ["-i", str(made), "-itsoffset", "1.37", "-i", str(made)]
    return make(binaries, folder / "delayed.mp4", "-map", "0:a", "-map", "1:v", "-c", "copy", inputs=delayed)


VIDEOS = {
    "MP4": video("v.mp4"),
    "MP4, index first": video("v.mp4", "-movflags", "+faststart"),
    "MP4 in fragments": video("v.mp4", "-movflags", "frag_keyframe+empty_moov"),
    "29.97": video("v.mp4", "-r", "30000/1001"),
    "23.976": video("v.mkv", "-r", "24000/1001"),
    "variable rate": video("v.mp4", *VARIABLE),
    "variable rate, MKV": video("v.mkv", *VARIABLE),
    "MKV without an index": video("v.mkv", "-f", "matroska", "-live", "1"),
    "WebM": video("v.webm", codec=("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "90")),
    "open GoPs": video("v.mp4", "-x264-params", "open-gop=1", codec=OPEN_GOPS),
    "intra refresh": video("v.mp4", "-x264-params", "intra-refresh=1", codec=OPEN_GOPS),
    "one key frame": video("v.mp4", "-g", "9999", "-sc_threshold", "0"),
    "edit list": from_the_middle,
    "late picture": after_its_sound,
    "MPEG-TS": video("v.ts"),
    "MPEG-TS, open GoPs": video("v.ts", "-x264-params", "open-gop=1", codec=OPEN_GOPS),
    "MPEG-PS": video("v.mpg", codec=("-c:v", "mpeg2video", "-bf", "2")),
    "AVI": video("v.avi", codec=("-c:v", "mpeg4", "-bf", "2")),
    "FLV": video("v.flv"),
    "raw": video("v.h264"),
}


@pytest.fixture(params=VIDEOS, scope="module")
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return VIDEOS[request.param](find(), tmp_path_factory.mktemp("media"))


def test_stretches_are_the_whole(binaries: Binaries, path: Path) -> None:
    rate = 3.7
    media = probe(str(path), limits=LIMITS, binaries=binaries)

    def read(stretch: Stretch) -> tuple[list[Gop], float | None]:
        gops = decode(str(path), media, frames_per_second=rate, limits=LIMITS, stretch=stretch, binaries=binaries)
        found = []
        while True:
            try:
                found.append(next(gops))
            except StopIteration as end:
                return found, end.value

    gops, duration = read(WHOLE)
    whole = every_sample(gops, rate)
    origin = gops[0].rest.origin
    bounds = [round(len(whole) * part) for part in (0, 0.13, 0.5, 0.77)]
    parts = [
        read(Stretch(first=first, end=end, origin=origin))
        for first, end in zip(bounds, [*bounds[1:], None], strict=True)
    ]

    assert len(whole) > SECONDS * rate * 0.8
    assert [every_sample(found, rate) for found, _ in parts] == [
        whole[first:end] for first, end in zip(bounds, [*bounds[1:], None], strict=True)
    ]
    assert [end for _, end in parts] == [None, None, None, duration]
    last = gops[-2]  # from a boundary on, as who is handed the rest reads it: the very same GoPs follow
    rest, end = read(last.rest)
    assert ([found.frames for found in rest], end) == ([gops[-1].frames], duration)


def test_nothing_is_left_behind_the_end(binaries: Binaries, tmp_path: Path) -> None:
    path = video("v.mp4")(binaries, tmp_path)
    media = probe(str(path), limits=LIMITS, binaries=binaries)
    behind = Stretch(first=SECONDS * 2)

    gops = decode(str(path), media, frames_per_second=2.0, limits=LIMITS, stretch=behind, binaries=binaries)

    with pytest.raises(StopIteration) as ended:
        next(gops)
    assert ended.value.value == pytest.approx(SECONDS)


def division(*, seconds: float = 10) -> Division:
    return Division(frames_per_second=2.0, range_seconds=seconds, limits=LIMITS)


def divided(path: Path, **settings: float) -> list[Stretch]:
    return divide(str(path), probe(str(path), limits=LIMITS), division(**settings))


@pytest.mark.parametrize("kind", ["MP4", "MP4, index first", "23.976", "WebM", "edit list", "late picture"])
def test_long_videos_are_divided_evenly(tmp_path: Path, kind: str) -> None:
    stretches = divided(VIDEOS[kind](find(), tmp_path))

    lengths = [stretch.end - stretch.first for stretch in stretches[:-1] if stretch.end is not None]
    assert len(stretches) == 3
    assert stretches[0].first == 0 and stretches[-1].end is None
    assert [one.end for one in stretches[:-1]] == [following.first for following in stretches[1:]]
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize(
    "path",
    [
        lambda folder: video("v.mp4")(find(), folder),  # 24 s are not long
        lambda folder: video("v.ts")(find(), folder),
        lambda folder: video("v.mkv", "-f", "matroska", "-live", "1")(find(), folder),  # does not say how long it is
    ],
    ids=["short", "no index", "unknown duration"],
)
def test_others_stay_in_one_piece(tmp_path: Path, path: Callable[[Path], Path]) -> None:
    made = path(tmp_path)
    assert divided(made, seconds=30 if made.suffix == ".mp4" else 10) == [WHOLE]


def test_an_incomplete_file_is_told_as_such(tmp_path: Path) -> None:
    path = video("v.mp4", "-movflags", "+faststart")(find(), tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    media = probe(str(path), limits=LIMITS)

    (stretch,) = divide(str(path), media, division())

    with pytest.raises(TruncatedMedia, match="of 0:00:24"):
        read_all(path, media, stretch)


def read_all(path: Path, media: Media, stretch: Stretch) -> None:
    for _ in decode(str(path), media, frames_per_second=2.0, limits=LIMITS, stretch=stretch):
        pass


def test_the_deadline_ends_a_decode(tmp_path: Path) -> None:
    path = video("v.mp4")(find(), tmp_path)
    media = probe(str(path), limits=LIMITS)
    with pytest.raises(TooSlow):
        next(decode(str(path), media, frames_per_second=2.0, limits=LIMITS, deadline=Deadline.after(0)))
