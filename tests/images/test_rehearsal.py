"""What a user does after `make deploy`, with the template that is deployed and the images that are built for it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from rollcall.contracts.api_scopes import SCOPES
from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.launch import InImage
from rollcall.local.lambda_host.sandbox import Failure
from tests.e2e.pipeline import names
from tests.e2e.videos import OBAMA, Videos
from tests.images.api import Ask, behind_http_api, on_lambda, send
from tests.images.sandbox import as_function
from tests.images.stack import CDK_PYTHON, NAME, Stack, synthesize
from tests.integration.deployments import run_rollcall
from tests.integration.throwaway import until
from tests.moto_server import moto_command

PRINCIPAL = "arn:aws:iam::123456789012:user/camera"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    assert CDK_PYTHON.is_file(), "the CDK is not installed: run `make rehearse`"
    return synthesize(tmp_path_factory.mktemp("cdk"), api="lambda")


@pytest.fixture(scope="module")
def deployed(stack: Stack, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(
        stack.pipeline,
        launch=InImage(images),
        provision=stack.provision,
        server=moto_command(CDK_PYTHON),
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


@pytest.fixture(scope="module")
def enrolled(deployed: LocalCloud, videos: Videos) -> None:
    rollcall(deployed, "people", "load", videos.people())
    rollcall(deployed, "enroll", videos.gallery())


@pytest.fixture(scope="module")
def ask(stack: Stack, deployed: LocalCloud, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """The API as the stack would run it, with what it reads and writes there."""
    api = stack.pipeline.api
    assert api is not None
    folder = tmp_path_factory.mktemp("api")
    with on_lambda(images, as_function(api), endpoint_url=deployed.endpoint_url, folder=folder) as (_, ask):
        yield ask


@pytest.fixture(scope="module")
def key(deployed: LocalCloud) -> str:
    scopes = [word for scope in SCOPES for word in ("--scope", scope)]
    return rollcall(deployed, "keys", "create", "tests", *scopes).strip()


def test_only_a_key_opens_the_way_to_the_apis_function(
    stack: Stack, deployed: LocalCloud, images: Path, key: str, tmp_path: Path
) -> None:
    authorizer = stack.pipeline.authorizer
    assert authorizer is not None
    with on_lambda(images, as_function(authorizer), endpoint_url=deployed.endpoint_url, folder=tmp_path) as (gate, _):
        answers = [
            gate.invoke(json.dumps({"version": "2.0", "headers": headers}).encode(), request_id="1").result
            for headers in ({"x-api-key": key}, {"authorization": f"Bearer {key}"}, {"x-api-key": f"{key[:-1]}!"}, {})
        ]

    assert not any(isinstance(answer, Failure) for answer in answers), answers
    assert [json.loads(answer)["isAuthorized"] for answer in answers if isinstance(answer, bytes)] == [
        True,
        True,
        False,
        False,
    ]


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

    until(lambda: ("astronaut.png", "done") in announcements(deployed, stack))


def announcements(deployed: LocalCloud, stack: Stack) -> list[tuple[str, str]]:
    """Inputs and what became of them, as far as nobody has been told."""
    sqs = deployed.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{stack.pipeline.prefix}-results")["QueueUrl"]
    bodies = [
        json.loads(message["Body"])
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    ]
    return [(body["input_key"], body["status"]) for body in bodies]


@pytest.mark.usefixtures("enrolled")
def test_a_photo_is_answered_by_http_and_kept_in_the_stack(
    ask: Ask, key: str, deployed: LocalCloud, stack: Stack, videos: Videos
) -> None:
    photo = (videos.photos / "obama2.jpg").read_bytes()

    assert send(ask, "/", photo, key=key, name="test_05.jpg").body == f"test_05:{OBAMA}".encode()

    answer = send(ask, "/v1/recognize", photo, key=key).json
    assert answer["faces"][0]["record"]["number"] == 44
    s3, prefix = deployed.client("s3"), stack.pipeline.prefix
    assert s3.get_object(Bucket=f"{prefix}-input", Key=answer["key"])["Body"].read() == photo
    kept = s3.get_object(Bucket=f"{prefix}-output", Key=f"{answer['key']}.json")["Body"].read()
    assert names(json.loads(kept)) == [OBAMA]
    until(lambda: (answer["key"], "done") in announcements(deployed, stack))


@pytest.mark.usefixtures("enrolled")
def test_a_video_is_uploaded_by_a_form_and_answered_by_the_pipeline(ask: Ask, key: str, videos: Videos) -> None:
    opens = {"X-Api-Key": key}
    asked = ask("POST", "/v1/videos", b"{}", opens | {"Content-Type": "application/json"})
    assert asked.status == 201
    upload = asked.json["upload"]

    form = upload["fields"] | {"file": ("any name.mp4", videos.obama().read_bytes(), "video/mp4")}
    assert urllib3.request("POST", upload["url"], fields=form, retries=False).status in {200, 204}

    def finished() -> dict[str, Any] | None:
        job: dict[str, Any] = ask("GET", f"/v1/jobs/{asked.json['job']}", b"", opens).json
        return job if job["state"] in {"done", "failed"} else None

    job = until(finished)
    assert job is not None and job["error"] is None
    result = ask("GET", f"/v1/results/{asked.json['key']}", b"", opens).json
    assert names(result) == [OBAMA]


def test_nobody_gets_in_without_a_key_of_the_stack(ask: Ask, videos: Videos) -> None:
    photo = (videos.photos / "obama2.jpg").read_bytes()

    assert [send(ask, "/", photo, key=key).status for key in ("", "made-up")] == [401, 401]


@pytest.mark.usefixtures("enrolled")
def test_with_iam_a_signature_opens_it_and_a_key_does_not(
    key: str, deployed: LocalCloud, images: Path, videos: Videos, tmp_path: Path
) -> None:
    api = synthesize(tmp_path / "cdk", api="lambda", api_auth="iam").pipeline.api
    assert api is not None
    photo = (videos.photos / "obama2.jpg").read_bytes()

    with on_lambda(images, as_function(api), endpoint_url=deployed.endpoint_url, folder=tmp_path) as (sandbox, ask):
        signed = send(behind_http_api(sandbox, signed_by=PRINCIPAL), "/", photo, key="")
        unsigned = send(ask, "/", photo, key=key)

    assert (signed.status, signed.body) == (200, f"photo:{OBAMA}".encode())
    assert unsigned.status == 401
