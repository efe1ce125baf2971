"""What a user does after `make deploy`, with the template that is deployed and the images that are built for it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cloud import LocalCloud
from local.lambda_host.launch import InImage
from tests.e2e.pipeline import names
from tests.e2e.videos import OBAMA, Videos
from tests.images.stack import CDK_PYTHON, NAME, Stack, synthesize
from tests.integration.deployments import run_rollcall


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    assert CDK_PYTHON.is_file(), "the CDK is not installed: run `make rehearse`"
    return synthesize(tmp_path_factory.mktemp("cdk"))


@pytest.fixture(scope="module")
def deployed(stack: Stack, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(
        stack.pipeline,
        launch=InImage(images),
        provision=stack.provision,
        aws_python=CDK_PYTHON,
        log_dir=tmp_path_factory.mktemp("logs"),
    ) as cloud:
        yield cloud


def rollcall(deployed: LocalCloud, *arguments: str | Path) -> str:
    environment = {
        "AWS_ENDPOINT_URL": deployed.endpoint_url,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "thing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    answer = run_rollcall(*arguments, "--stack", NAME, environment=environment)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_an_upload_to_the_stack_comes_out_as_the_right_person(
    deployed: LocalCloud, stack: Stack, videos: Videos, tmp_path: Path
) -> None:
    prefix = stack.pipeline.prefix
    key = videos.obama().name

    assert rollcall(deployed, "people", "load", videos.people()) == f"1 records stored in {prefix}-people\n"
    assert rollcall(deployed, "enroll", videos.gallery()) == f"2 faces of 2 people stored in {prefix}-faces\n"
    rollcall(deployed, "submit", videos.obama(), "--wait")

    stored = deployed.client("s3").get_object(Bucket=f"{prefix}-output", Key=f"{key}.json")
    result = json.loads(stored["Body"].read())
    assert (result["status"], names(result)) == ("done", [OBAMA])
    assert result["people"][0]["record"] == {"name": OBAMA, "office": "president", "number": 44, "ratio": 0.5}
    rollcall(deployed, "results", key, "--out", tmp_path)
    assert json.loads((tmp_path / f"{key}.json").read_text()) == result


def test_a_result_is_announced_by_the_stack(deployed: LocalCloud, stack: Stack, videos: Videos) -> None:
    rollcall(deployed, "enroll", videos.gallery())
    rollcall(deployed, "submit", videos.photos / "astronaut.png", "--wait")

    sqs = deployed.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{stack.pipeline.prefix}-results")["QueueUrl"]
    announced = [
        json.loads(message["Body"])
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]
    ]
    assert ("astronaut.png", "done") in [(entry["input_key"], entry["status"]) for entry in announced]
