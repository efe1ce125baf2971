"""The same application as a Lambda function behind an HTTP API, opened by an API key."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from functions.api import handler as lambda_function
from functions.api.api_keys import ApiKeyStore
from infra.pipeline import Settings
from local.preparation import Enrolment
from local.session import Session, open_session
from model.build.folder import ensure_model_files
from tests.integration.lambda_api import running_lambda_api

Invoke = Callable[..., dict[str, Any]]
PHOTO = cv2.imencode(".png", np.full((80, 80, 3), 90, dtype=np.uint8))[1].tobytes()


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    model_dir = ensure_model_files(progress=print)
    nobody = Enrolment(faces=[], records=[])
    with open_session(Settings(prefix="test"), nobody, port=0, model_dir=model_dir, log_dir=None) as session:
        yield session


@pytest.fixture(scope="module")
def invoke(session: Session) -> Iterator[Invoke]:
    with running_lambda_api(session, {"AUTH": "keys"}) as api:

        def call(
            method: str, path: str, *, body: bytes = b"", key: str = "", kind: str = "image/png"
        ) -> dict[str, Any]:
            return api(method, path, body=body, headers={"content-type": kind, "x-api-key": key})

        yield call


@pytest.fixture
def keys(session: Session) -> ApiKeyStore:
    return ApiKeyStore(session.table("api-keys"))


def test_a_photo_is_recognized_and_kept_before_the_answer(session: Session, invoke: Invoke, keys: ApiKeyStore) -> None:
    _, key = keys.create("camera", ["recognize"])

    answer = invoke("POST", "/v1/recognize", body=PHOTO, key=key)

    assert answer["statusCode"] == 200
    recognition = json.loads(answer["body"])
    assert recognition["faces"] == []
    session.s3.head_object(Bucket="test-input", Key=recognition["key"])
    session.s3.head_object(Bucket="test-output", Key=f"{recognition['key']}.json")
    sqs = session.cloud.client("sqs")
    queue = sqs.get_queue_url(QueueName="test-results")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["input_key"] == recognition["key"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"),
        ("POST", "/v1/recognize"),
        ("POST", "/v1/videos"),
        ("GET", f"/v1/jobs/{'0' * 32}"),
        ("GET", "/v1/results/x"),
        ("GET", "/v1/people/Ada"),
        ("PUT", "/v1/people/Ada"),
        ("DELETE", "/v1/people/Ada"),
        ("POST", "/v1/people/Ada/photos"),
    ],
)
def test_nothing_is_open_without_a_key_or_its_scope(invoke: Invoke, keys: ApiKeyStore, method: str, path: str) -> None:
    _, scopeless = keys.create("nobody", [])
    body = b"{}"

    assert invoke(method, path, body=body, kind="application/json")["statusCode"] == 401
    assert invoke(method, path, body=body, kind="application/json", key="rc_wrong")["statusCode"] == 401
    assert invoke(method, path, body=body, kind="application/json", key=scopeless)["statusCode"] == 403


def test_a_key_that_asks_too_often_is_told_when_to_come_back(invoke: Invoke, keys: ApiKeyStore) -> None:
    _, key = keys.create("eager", ["results"], per_minute=2)

    answers = [invoke("GET", "/v1/results/none", key=key) for _ in range(6)]  # at most two minutes' worth are free

    assert {answer["statusCode"] for answer in answers} == {404, 429}
    refused = next(answer for answer in answers if answer["statusCode"] == 429)
    assert 0 < int(refused["headers"]["retry-after"]) <= 60


def test_the_loopback_mode_does_not_start_on_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AUTH": "loopback",
        "JOBS_TABLE": "j",
        "PEOPLE_TABLE": "p",
        "FACES_TABLE": "f",
        "INPUT_BUCKET": "i",
        "OUTPUT_BUCKET": "o",
        "RESULTS_QUEUE": "r",
        "EVENT_BUS": "e",
        "ROLLCALL_MODEL_DIR": "m",
    }.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ValueError, match="use keys or iam"):
        lambda_function.adapter.__wrapped__()
