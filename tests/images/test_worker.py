"""The image of the heavy stage as a worker on ECS: its own loop on the queue, the other stages beside it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from rollcall.cli.preparation import read_enrollment
from rollcall.cli.session import Session
from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.launch import InImage
from rollcall.pipeline.description import describe, entry_point
from rollcall.pipeline.settings import Settings
from rollcall.weights.folder import ensure_model_files
from tests.e2e.pipeline import RunningPipeline, names
from tests.e2e.videos import OBAMA, Videos
from tests.images.sandbox import Container, cloud_environment, container, function_of
from tests.integration.throwaway import until

SETTINGS = Settings(prefix="tasks", compute="fargate")
RECOGNITION = function_of("face_recognition", SETTINGS)
COMMAND = ("/usr/bin/python3", "-m", "functions.worker", entry_point(RECOGNITION.handler))
CLIPS = [f"clip-{number}.mp4" for number in range(8)]


@pytest.fixture(scope="module")
def pipeline(images: Path, videos: Videos, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPipeline]:
    """Nobody in it recognizes faces."""
    described = describe(SETTINGS)
    functions = tuple(function for function in described.functions if function != RECOGNITION)
    enrollment = read_enrollment([videos.gallery()], videos.people(), ensure_model_files(progress=print))
    with LocalCloud(
        replace(described, functions=functions), launch=InImage(images), log_dir=tmp_path_factory.mktemp("logs")
    ) as cloud:
        session = Session(cloud, SETTINGS.prefix)
        session.enroll(enrollment)
        session.close()
        yield RunningPipeline(cloud, SETTINGS.prefix)


def worker(images: Path, pipeline: RunningPipeline, log: Path) -> AbstractContextManager[Container]:
    environment = cloud_environment(pipeline.cloud.endpoint_url) | {
        "FUNCTION_NAME": RECOGNITION.name,
        "QUEUE": RECOGNITION.queue,
        "BATCH_SIZE": str(RECOGNITION.batch_size),
        "TIMEOUT": str(RECOGNITION.timeout),
        "MEMORY_MB": str(RECOGNITION.memory_mb),
        "WAIT_SECONDS": "1",
    }
    return container(images, RECOGNITION, COMMAND, environment=environment, log=log)


def counts(pipeline: RunningPipeline) -> tuple[int, int]:
    """Messages of the worker's queue that wait, and that are in hand."""
    sqs = pipeline.cloud.client("sqs")
    attributes = sqs.get_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName=RECOGNITION.queue)["QueueUrl"],
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]), int(attributes["ApproximateNumberOfMessagesNotVisible"])


def test_a_clip_comes_out_as_the_right_person(
    images: Path, pipeline: RunningPipeline, videos: Videos, tmp_path: Path
) -> None:
    version = pipeline.upload("clip.mp4", videos.obama())

    with worker(images, pipeline, tmp_path / "worker.log") as running:
        result = pipeline.result("clip.mp4", version)

        assert (result["status"], names(result)) == ("done", [OBAMA])
        assert result["people"][0]["record"] == {"name": OBAMA, "office": "president", "number": 44, "ratio": 0.5}
        assert 0 < running.peak_megabytes() <= RECOGNITION.memory_mb


def test_one_that_is_told_to_stop_ends_well_and_leaves_the_rest_to_the_next(
    images: Path, pipeline: RunningPipeline, videos: Videos, tmp_path: Path
) -> None:
    versions = {key: pipeline.upload(key, videos.obama()) for key in CLIPS}
    until(lambda: counts(pipeline) == (len(CLIPS), 0))

    with worker(images, pipeline, tmp_path / "stopped.log") as stopped:
        until(lambda: counts(pipeline)[1] > 0)
        assert stopped.terminate() == 0

    waiting, in_hand = counts(pipeline)
    assert (0 < waiting < len(CLIPS), in_hand) == (True, 0), (waiting, in_hand)
    with worker(images, pipeline, tmp_path / "next.log"):
        results = {key: pipeline.result(key, version) for key, version in versions.items()}
    assert {key: names(result) for key, result in results.items()} == dict.fromkeys(CLIPS, [OBAMA])
    assert pipeline.dead_letters() == 0
