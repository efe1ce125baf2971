"""Times count from the start of the file, as players show them, whatever clock it was written with."""

from pathlib import Path

import pytest

from rollcall.contracts.errors import TooLong
from rollcall.media.videos.decode import Gop, decode
from rollcall.media.videos.ffmpeg import Binaries
from rollcall.media.videos.probe import Limits, probe
from tests.integration.media.made_media import frame_number, make, numbered, with_sound

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def read(path: Path, binaries: Binaries, **limits: float) -> tuple[list[float], float]:
    """Times of the samples, and the duration."""
    bounds = Limits(**limits)  # type: ignore[arg-type]
    media = probe(str(path), limits=bounds, binaries=binaries)
    gops: list[Gop] = list(decode(str(path), media, frames_per_second=2.0, limits=bounds, binaries=binaries))
    return [time for gop in gops for time in gop.times], gops[-1].end


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts", "v.flv"])
def test_a_picture_that_starts_late(binaries: Binaries, tmp_path: Path, name: str) -> None:
    made = with_sound(binaries, tmp_path / "made.mp4", *H264, video=2, sound=5)
    inputs = ["-i", str(made), "-itsoffset", "3", "-i", str(made)]
    path = make(binaries, tmp_path / name, "-map", "0:a", "-map", "1:v", "-c", "copy", inputs=inputs)

    times, end = read(path, binaries)

    assert times == pytest.approx([3.0, 3.5, 4.0, 4.5], abs=0.1)
    assert end == pytest.approx(5.0, abs=0.1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("v.mkv", ()),
        ("v.ts", ()),
        ("v.mp4", ("-movflags", "frag_keyframe+empty_moov+default_base_moof")),
        ("v.mp4", ("-use_editlist", "0")),
    ],
)
@pytest.mark.parametrize("clock", [25_200.0, 2**33 / 90_000 - 1, 0.7])
def test_a_clock_that_does_not_start_at_zero(
    binaries: Binaries, tmp_path: Path, name: str, options: tuple[str, ...], clock: float
) -> None:
    made = with_sound(binaries, tmp_path / "made.mp4", *H264, video=2, sound=2)
    shifted = ("-c", "copy", "-output_ts_offset", f"{clock:.3f}", "-avoid_negative_ts", "disabled")
    path = make(binaries, tmp_path / name, *shifted, *options, inputs=["-i", str(made)])

    times, end = read(path, binaries, max_duration=60.0)

    assert times == pytest.approx([0.0, 0.5, 1.0, 1.5], abs=0.1)
    assert end == pytest.approx(2.0, abs=0.1)


def test_a_picture_that_starts_later_than_anything_is_heard(binaries: Binaries, tmp_path: Path) -> None:
    made = with_sound(binaries, tmp_path / "made.mp4", *H264, video=2, sound=2)
    inputs = ["-i", str(made), "-itsoffset", "95000", "-i", str(made)]
    path = make(binaries, tmp_path / "v.mp4", "-map", "0:a", "-map", "1:v", "-c", "copy", inputs=inputs)

    times, end = read(path, binaries)

    assert times == pytest.approx([0.0, 0.5, 1.0, 1.5], abs=0.1)
    assert end == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts"])
def test_what_is_too_long_is_told_by_a_packet_near_the_limit(binaries: Binaries, tmp_path: Path, name: str) -> None:
    path = numbered(binaries, tmp_path / name, "-g", "10", frames=90)
    with pytest.raises(TooLong, match="0:00:03 long; the limit is 0:00:02"):
        probe(str(path), limits=Limits(max_duration=2.0), binaries=binaries)


Shown = tuple[list[tuple[float, int]], float]


@pytest.fixture(scope="module")
def made(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of numbered frames, and four of sound."""
    folder = tmp_path_factory.mktemp("stamps")
    picture = numbered(binaries, folder / "made.mp4", "-bf", "2", "-video_track_timescale", "30000", frames=90)
    inputs = ["-i", str(picture), "-f", "lavfi", "-i", "sine=d=4"]
    return make(binaries, folder / "v.mp4", "-c:v", "copy", "-c:a", "aac", inputs=inputs)


def shown(path: Path, binaries: Binaries) -> Shown:
    """When each frame is shown, by its number, and where the video ends."""
    media = probe(str(path), limits=Limits(), binaries=binaries)
    gops = list(decode(str(path), media, frames_per_second=5.0, limits=Limits(), binaries=binaries))
    pictures = [
        (time + at / 5.0, frame_number(jpeg))
        for gop in gops
        for time, jpeg, lasts in zip(gop.times, gop.frames, gop.lasts, strict=True)
        for at in range(lasts)
    ]
    return pictures, gops[-1].end


@pytest.fixture(scope="module")
def ordinary(binaries: Binaries, made: Path) -> Shown:
    return shown(made, binaries)


def stamped(binaries: Binaries, made: Path, path: Path, frames: str, seconds: int, *, stamps: str = "pts") -> Path:
    """The time stamps of some frames are moved; `stamps`: `ts` for those of decoding as well."""
    units = {".ts": 90_000, ".mp4": 30_000}.get(path.suffix, 1000)
    moved = f"setts={stamps}='if({frames},{stamps.upper()}+{seconds * units},{stamps.upper()})'"
    return make(binaries, path, "-c", "copy", "-bsf:v", moved, inputs=["-i", str(made)])


WILD = [
    ("v.mkv eq(N,43)", 95_000),
    ("v.mkv eq(N,43)", 900),
    ("v.mkv eq(N,43)", -95_000),
    ("v.mkv between(N,41,52)", 7),
    ("v.mkv between(N,41,52)", -900),
    ("v.mkv eq(N,0)", 95_000),
    ("v.mkv eq(N,0)", 30),
    ("v.mkv eq(N,0)", -900),
    ("v.mkv gte(N,89)", 900),
    ("v.ts eq(N,43)", 7),
    ("v.ts between(N,41,52)", 900),
    ("v.ts eq(N,0)", 900),
    ("v.mp4 between(N,41,52)", 900),
    ("v.flv between(N,41,52)", 900),
]


@pytest.mark.parametrize("moved", WILD)
def test_wild_time_stamps_do_not_move_the_rest(
    binaries: Binaries, tmp_path: Path, made: Path, ordinary: Shown, moved: tuple[str, int]
) -> None:
    pictures, end = ordinary
    (name, frames), seconds = moved[0].split(), moved[1]

    wild, wild_end = shown(stamped(binaries, made, tmp_path / name, frames, seconds), binaries)

    assert len(wild) == pytest.approx(len(pictures), abs=1)
    pairs = list(zip(wild, pictures, strict=False))
    assert all(time == pytest.approx(usual, abs=0.15) for (time, _), (usual, _) in pairs)
    assert all(abs(number - usual) <= 12 for (_, number), (_, usual) in pairs)
    assert wild_end == pytest.approx(end, abs=0.3)


@pytest.mark.parametrize("name", ["v.mkv", "v.ts"])
def test_a_pause_stays_a_pause(binaries: Binaries, tmp_path: Path, made: Path, name: str) -> None:
    pictures, end = shown(stamped(binaries, made, tmp_path / name, "gte(N,45)", 7, stamps="ts"), binaries)
    assert end == pytest.approx(10.0, abs=0.2)
    assert all(abs(number - 30 * (time - 7)) <= 10 for time, number in pictures if time > 9)
    assert all(abs(number - 44) <= 4 for time, number in pictures if 2 < time < 8)


@pytest.mark.parametrize("name", ["v.mkv", "v.ts"])
def test_a_clock_that_is_set_back_loses_nothing(binaries: Binaries, tmp_path: Path, made: Path, name: str) -> None:
    pictures, end = shown(stamped(binaries, made, tmp_path / name, "lt(N,45)", 30), binaries)
    assert len(pictures) == pytest.approx(15, abs=1)
    assert [number for _, number in pictures] == sorted(number for _, number in pictures)
    assert pictures[-1][1] >= 80
