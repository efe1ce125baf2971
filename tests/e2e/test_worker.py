"""The heavy stage on long-running workers, as on ECS, in the whole pipeline."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rollcall.cli.preparation import Enrollment
from rollcall.cli.session import Session
from rollcall.local.cloud import PROJECT_ROOT, LocalCloud
from rollcall.pipeline.description import Function, describe
from rollcall.pipeline.settings import Settings
from tests.e2e.pipeline import RunningPipeline, names
from tests.e2e.videos import OBAMA, Videos

SETTINGS = Settings(prefix="ecs", compute="fargate")
(RECOGNITION,) = (function for function in describe(SETTINGS).functions if function.compute == "fargate")


@contextmanager
def pipeline_without_recognition(enrollment: Enrollment) -> Iterator[RunningPipeline]:
    described = describe(SETTINGS)
    functions = tuple(function for function in described.functions if function != RECOGNITION)
    with LocalCloud(replace(described, functions=functions)) as cloud:
        session = Session(cloud, SETTINGS.prefix)
        session.enroll(enrollment)
        session.close()
        yield RunningPipeline(cloud, SETTINGS.prefix)


@contextmanager
def worker(function: Function, pipeline: RunningPipeline, model_dir: Path) -> Iterator["subprocess.Popen[bytes]"]:
    given = {
        "AWS_ENDPOINT_URL": pipeline.cloud.endpoint_url,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "thing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PATH": os.environ["PATH"],
        "ROLLCALL_MODEL_DIR": str(model_dir),
        "FUNCTION_NAME": function.name,
        "QUEUE": function.queue,
        "BATCH_SIZE": str(function.batch_size),
        "TIMEOUT": str(function.timeout),
        "MEMORY_MB": str(function.memory_mb),
        "LEASE_SECONDS": "3",
        "WAIT_SECONDS": "1",
    }
    command = [sys.executable, "-m", "rollcall.runtime.worker", function.handler]
    with subprocess.Popen(
        command, env=function.environment | given, cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_killed_worker_loses_nothing_and_one_that_is_told_to_stop_drains(
    videos: Videos, enrollment: Enrollment, model_dir: Path
) -> None:
    keys = [f"clip-{number}.mp4" for number in range(6)]
    with pipeline_without_recognition(enrollment) as pipeline:
        versions = {key: pipeline.upload(key, videos.obama()) for key in keys}
        with worker(RECOGNITION, pipeline, model_dir) as killed, worker(RECOGNITION, pipeline, model_dir) as drained:
            pipeline.result(keys[0], versions[keys[0]])
            killed.kill()

            results = {key: pipeline.result(key, version) for key, version in versions.items()}
            pipeline.wait_until_idle()  # what the killed one had in hand has come again
            drained.send_signal(signal.SIGTERM)

            assert drained.wait(timeout=60) == 0
        assert {key: names(result) for key, result in results.items()} == dict.fromkeys(keys, [OBAMA])
        assert pipeline.dead_letters() == 0
