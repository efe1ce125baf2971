"""The three images at work: the Runtime API in front, the local cloud's S3, SQS and DynamoDB behind."""

import json
from pathlib import Path

import pytest
from PIL import Image

from rollcall.cli.preparation import read_enrollment
from rollcall.cli.session import Session
from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.launch import InImage
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from rollcall.weights.folder import ensure_model_files
from tests.e2e.pipeline import RunningPipeline, names
from tests.e2e.videos import COLLINS, OBAMA, Videos
from tests.images.conftest import PREFIX
from tests.made_photos import saved

DATA = Path(__file__).parents[3] / "shared" / "data"


def test_a_clip_comes_out_as_the_right_person_with_the_right_record(pipeline: RunningPipeline, videos: Videos) -> None:
    key = "a clip+ü.mp4"

    result = pipeline.result(key, pipeline.upload(key, videos.obama()))

    assert (result["status"], names(result)) == ("done", [OBAMA])
    assert result["people"][0]["record"] == {"name": OBAMA, "office": "president", "number": 44, "ratio": 0.5}
    outputs = pipeline.outputs(key)
    assert {f"{key}.csv", f"{key}.vtt"} < set(outputs)
    assert OBAMA in outputs[f"{key}.csv"].decode()


@pytest.mark.parametrize("form", ["PNG", "HEIF", "AVIF", "TIFF"])
def test_a_photo_goes_the_same_way(pipeline: RunningPipeline, videos: Videos, tmp_path: Path, form: str) -> None:
    photo = tmp_path / f"photo.{form}"
    photo.write_bytes(saved(Image.open(videos.photos / "astronaut.png").convert("RGB"), form))

    result = pipeline.result(photo.name, pipeline.upload(photo.name, photo))

    assert names(result) == [COLLINS]
    assert result["people"][0]["record"] is None


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("vp9.webm", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]),
        ("vp8.webm", ["-c:v", "libvpx", "-deadline", "realtime"]),
        ("hevc.mp4", ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"]),
        ("av1.mkv", ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"]),
        ("mpeg4.avi", ["-c:v", "mpeg4", "-q:v", "2"]),
        ("wmv.asf", ["-c:v", "wmv2", "-q:v", "2"]),
        ("mpeg2.ts", ["-c:v", "mpeg2video", "-q:v", "2"]),
        ("mpeg2.mpg", ["-c:v", "mpeg2video", "-q:v", "2"]),
        ("prores.mov", ["-c:v", "prores"]),
        ("mjpeg.mov", ["-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"]),
        ("flv1.flv", ["-c:v", "flv1", "-q:v", "2"]),
        ("mpeg2.mxf", ["-c:v", "mpeg2video", "-q:v", "2", "-r", "25"]),
        ("dvvideo.dv", ["-s", "720x576", "-r", "25", "-pix_fmt", "yuv420p"]),
        ("vp8.ivf", ["-c:v", "libvpx", "-deadline", "realtime"]),
        ("jpegs.mjpeg", ["-c:v", "mjpeg", "-q:v", "2"]),
        ("parts.mjpg", ["-c:v", "mjpeg", "-q:v", "2", "-f", "mpjpeg"]),
        ("raw.m4v", ["-c:v", "mpeg4", "-q:v", "2", "-f", "m4v"]),
        ("interlaced.mpg", ["-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme"]),
        ("theora.ogg", ["-c:v", "libtheora", "-q:v", "8"]),
        ("picture.webp", ["-c:v", "libwebp", "-frames:v", "1"]),
        ("picture.gif", ["-frames:v", "8"]),
    ],
)
def test_the_reduced_ffmpeg_reads_what_people_upload(
    pipeline: RunningPipeline, videos: Videos, name: str, codec: list[str]
) -> None:
    source = videos.obama(1, name=f"{name}.source.mp4")
    video = videos.ffmpeg("-i", str(source), *codec, name=name)

    result = pipeline.result(name, pipeline.upload(name, video))

    assert (result["status"], names(result)) == ("done", [OBAMA]), result


def test_a_bad_upload_gets_its_sentence(pipeline: RunningPipeline) -> None:
    result = pipeline.result("text.mp4", pipeline.upload("text.mp4", b"not a video at all " * 100))

    assert result["status"] == "failed"
    assert "This is a text file, not a video or photo" in result["error"]["message"]


def test_workers_stay_within_their_memory(pipeline: RunningPipeline, videos: Videos) -> None:
    pipeline.result("memory.mp4", pipeline.upload("memory.mp4", videos.collins()))
    reports = pipeline.cloud.reports()

    assert {report.function for report in reports} == {
        function.name for function in describe(Settings(prefix=PREFIX)).functions
    }
    assert [report for report in reports if report.error] == []
    assert all(0 < report.max_memory_mb <= report.memory_mb for report in reports)


def test_the_real_clips_have_their_people(images: Path, tmp_path: Path) -> None:
    if not (DATA / "videos").is_dir():
        pytest.skip(f"{DATA}/videos is not here")
    expected = json.loads((DATA / "videos" / "expected.json").read_text())
    model_dir = ensure_model_files()
    enrollment = read_enrollment([DATA / "gallery" / "embeddings.json"], DATA / "gallery" / "people.json", model_dir)
    with LocalCloud(describe(Settings(prefix="clips")), launch=InImage(images), log_dir=tmp_path) as cloud:
        session = Session(cloud, "clips")
        session.enroll(enrollment)
        running = RunningPipeline(cloud, "clips")
        uploads = {clip: running.upload(clip, DATA / "videos" / clip) for clip in sorted(expected)}
        found = {clip: running.result(clip, version)["people"] for clip, version in uploads.items()}
        session.close()

    assert {clip: [person["name"] for person in people] for clip, people in found.items()} == {
        clip: [person["person"]] for clip, person in expected.items()
    }
    records = {
        clip: {field: people[0]["record"][field] for field in ("major", "year")} for clip, people in found.items()
    }
    assert records == {clip: {field: person[field] for field in ("major", "year")} for clip, person in expected.items()}
