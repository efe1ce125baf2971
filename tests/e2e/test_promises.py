"""What the pipeline promises whatever happens to its messages and workers."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rollcall.cli.preparation import Enrollment
from rollcall.local.lambda_host.unreliable_source import Delivery
from rollcall.pipeline.settings import Settings
from tests.e2e.conftest import Start
from tests.e2e.pipeline import RunningPipeline, names, open_pipeline, without_timings
from tests.e2e.videos import COLLINS, OBAMA, Videos


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def pipeline(model_dir: Path, enrollment: Enrollment) -> Iterator[RunningPipeline]:
    """One for several tests, with buckets of its own names."""
    settings = Settings(
        prefix="test",
        input_bucket="uploads-of-acme",
        stage_1_bucket="packs-of-acme",
        output_bucket="results-of-acme",
    )
    with open_pipeline(settings, enrollment, model_dir=model_dir, delivery=None) as running:
        yield running


def test_who_when_and_their_record(pipeline: RunningPipeline, videos: Videos) -> None:
    # Given a video in which Obama comes, goes, and returns, with Biden, who is not enrolled, in between
    shots = [("obama2.jpg", 4), ("nobody", 3), ("biden.jpg", 3), ("nobody", 3), ("obama3.jpg", 4), ("nobody", 6)]

    result = pipeline.result("in/a.mp4", pipeline.upload("in/a.mp4", videos.of(*shots)))

    assert names(result) == [OBAMA]
    (obama,) = result["people"]
    spans = [(segment["start"], segment["end"]) for segment in obama["segments"]]
    assert spans == [pytest.approx((0, 4), abs=0.51), pytest.approx((13, 17), abs=0.51)]
    assert obama["record"] == {"name": OBAMA, "office": "president", "number": 44, "ratio": 0.5}
    assert len(result["unknown"]) == 1
    assert (result["duration"], result["frames"]) == (pytest.approx(23, abs=0.1), 46)
    outputs = pipeline.outputs("in/a.mp4")
    assert outputs["in/a.mp4.csv"].decode().splitlines()[0] == (
        "name,first_seen,last_seen,seconds,similarity,number,office,ratio"
    )
    assert outputs["in/a.mp4.vtt"].startswith(b"WEBVTT\n")
    assert outputs[f"in/a.mp4/faces/{OBAMA}-1.jpg"].startswith(b"\xff\xd8")
    assert pipeline.bucket("output") == "results-of-acme"


def test_events_twice_and_shuffled_change_nothing(start: Start, videos: Videos) -> None:
    video = videos.of(("obama2.jpg", 4), ("biden.jpg", 2), ("astronaut.png", 4), name="long.mp4")
    outputs = []
    for delivery in (Delivery(), Delivery(duplicate=True, shuffle_seed=7)):
        pipeline = start(delivery=delivery, frames_per_second=6)
        pipeline.result("a b+ü.mp4", pipeline.upload("a b+ü.mp4", video))
        pipeline.wait_until_idle()
        outputs.append(without_timings(pipeline.outputs("")))
        assert pipeline.dead_letters() == 0
        pipeline.cloud.close()

    assert outputs[0] == outputs[1]
    assert names(outputs[0]["a b+ü.mp4.json"]) == [OBAMA, COLLINS]


@pytest.mark.parametrize("function", ["test-video-split", "test-face-recognition"])
def test_a_killed_worker_does_not_lose_a_job(start: Start, videos: Videos, function: str) -> None:
    pipeline = start(frames_per_second=8)
    version = pipeline.upload("a.mp4", videos.of(("obama2.jpg", 10), name="kill.mp4"))

    wait_for(lambda: pipeline.cloud.status()[function].in_flight)
    for pid in pipeline.cloud.worker_pids(function):
        os.kill(pid, signal.SIGKILL)

    result = pipeline.result("a.mp4", version)
    assert (names(result), result["frames"]) == ([OBAMA], 80)
    assert result["people"][0]["last_seen"] == pytest.approx(10, abs=0.2)


def test_the_newer_upload_of_a_key_wins(pipeline: RunningPipeline, videos: Videos) -> None:
    pipeline.wait_until_idle()
    first = pipeline.upload("new.mp4", videos.obama(seconds=40, name="first.mp4"))
    wait_for(lambda: pipeline.cloud.status()["test-face-recognition"].in_flight)

    second = pipeline.upload("new.mp4", videos.collins())

    assert names(pipeline.result("new.mp4", second)) == [COLLINS]
    pipeline.wait_until_idle()
    assert first != second
    settled = pipeline.published("new.mp4")
    assert settled is not None and (settled[0], names(settled[1])) == (second, [COLLINS])
    crops = [key for key in pipeline.outputs("new.mp4/") if OBAMA in key]
    assert crops == [], "the first upload's faces are not left behind"


def test_a_replaced_result_takes_its_faces_with_it(pipeline: RunningPipeline, videos: Videos) -> None:
    pipeline.result("a.mp4", pipeline.upload("a.mp4", videos.obama()))

    failed = pipeline.result("a.mp4", pipeline.upload("a.mp4", b"no video"))

    assert failed["status"] == "failed"
    assert list(pipeline.outputs("a.mp4")) == ["a.mp4.json"]
