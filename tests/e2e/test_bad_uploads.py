"""Bad input is normal input: each gets an answer that a person understands, and the next upload is served."""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rollcall.cli.preparation import Enrollment
from rollcall.pipeline.settings import Settings
from tests.e2e.pipeline import RunningPipeline, names, open_pipeline
from tests.e2e.videos import OBAMA, Videos

MAX_DURATION = 30


@pytest.fixture(scope="module")
def pipeline(model_dir: Path, enrollment: Enrollment) -> Iterator[RunningPipeline]:
    settings = Settings(prefix="bad", max_duration=MAX_DURATION)
    with open_pipeline(settings, enrollment, model_dir=model_dir, delivery=None) as running:
        yield running


def empty(videos: Videos) -> bytes:
    return b""


def text(videos: Videos) -> bytes:
    return b"Dear all,\nplease find the video attached.\n" * 50


def truncated(videos: Videos) -> bytes:
    whole = videos.obama(seconds=10, name="whole.mp4").read_bytes()
    return whole[: len(whole) * 6 // 10]


def headless(videos: Videos) -> bytes:
    """The index at the end, as cameras write it, and the end missing."""
    source = videos.obama(seconds=10, name="whole.mp4")
    whole = videos.ffmpeg("-i", str(source), "-c", "copy", name="index-last.mp4").read_bytes()
    return whole[: len(whole) * 6 // 10]


def audio(videos: Videos) -> bytes:
    return videos.ffmpeg("-f", "lavfi", "-i", "sine=duration=3", "-c:a", "aac", name="sound.mp4").read_bytes()


def too_long(videos: Videos) -> bytes:
    source = f"color=gray:size=64x64:rate=2:duration={MAX_DURATION + 5}"
    return videos.ffmpeg("-f", "lavfi", "-i", source, "-c:v", "libx264", name="long.mp4").read_bytes()


def huge_png(videos: Videos) -> bytes:
    """20,000 x 20,000 pixels in 50 KB."""
    side = 20_000
    packer = zlib.compressobj(9)
    line = bytes(1 + side // 8)
    pixels = b"".join(packer.compress(line) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


@dataclass(frozen=True)
class Bad:
    key: str
    make: Callable[[Videos], bytes]
    code: str
    words: str


CASES = {
    "empty": Bad("empty.mp4", empty, "empty-file", "empty"),
    "text": Bad("letter.mp4", text, "unreadable-media", "not a video or photo"),
    "truncated": Bad("cut off.mp4", truncated, "truncated-media", "Upload"),
    "no index": Bad("index missing.mp4", headless, "truncated-media", "Upload"),
    "audio only": Bad("sound.mp4", audio, "no-video", "video"),
    "huge png": Bad("huge.png", huge_png, "too-many-pixels", "smaller"),
    "too long": Bad("long.mp4", too_long, "too-long", "30"),
    "odd key": Bad("pfad/ä b+c%20&=?.mp4", text, "unreadable-media", "not a video or photo"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_bad_upload_is_answered(pipeline: RunningPipeline, videos: Videos, case: Bad) -> None:
    result = pipeline.result(case.key, pipeline.upload(case.key, case.make(videos)))

    assert result["video"] == case.key
    assert (result["status"], result["error"]["code"]) == ("failed", case.code)
    assert case.words in result["error"]["message"]
    assert result["error"]["message"].endswith(".")
    assert list(pipeline.outputs(case.key)) == [f"{case.key}.json"]


@pytest.mark.parametrize("key", ["a b.mp4", "ä+ö.mp4", "x%2By/é 1+1.mp4", "a&b=c?d#e.mp4", "(1) it's 'fine'.mp4"])
def test_a_key_of_any_characters_is_served(pipeline: RunningPipeline, videos: Videos, key: str) -> None:
    result = pipeline.result(key, pipeline.upload(key, videos.obama(seconds=1, name="short.mp4")))

    assert (result["video"], names(result)) == (key, [OBAMA])
    assert f"{key}/faces/{OBAMA}-1.jpg" in pipeline.outputs(key)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".gif"])
def test_a_photo_is_a_video_of_one_frame(pipeline: RunningPipeline, videos: Videos, suffix: str) -> None:
    photo = videos.ffmpeg("-i", str(videos.photos / "obama2.jpg"), name=f"photo{suffix}")

    result = pipeline.result(photo.name, pipeline.upload(photo.name, photo))

    assert (names(result), result["duration"], result["frames"]) == ([OBAMA], 0.0, 1)


def test_nothing_of_all_this_is_left_in_the_queues(pipeline: RunningPipeline) -> None:
    pipeline.wait_until_idle()

    assert pipeline.dead_letters() == 0
