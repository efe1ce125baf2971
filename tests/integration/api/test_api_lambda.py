"""The same application as a Lambda function behind an HTTP API, opened by an API key."""

import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rollcall.api import lambda_handler as lambda_function
from rollcall.api.api_keys import ApiKeyStore
from rollcall.cli.preparation import Enrollment
from rollcall.cli.session import Session, open_session
from rollcall.contracts.api_scopes import SCOPES
from rollcall.contracts.usage_error import UsageError
from rollcall.pipeline.settings import Settings
from tests.integration.api.lambda_api import running_lambda_api

Invoke = Callable[..., dict[str, Any]]
PHOTO = cv2.imencode(".png", np.full((80, 80, 3), 90, dtype=np.uint8))[1].tobytes()


@pytest.fixture(scope="module")
def session(model_dir: Path) -> Iterator[Session]:
    nobody = Enrollment(faces=[], records=[])
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
        ("GET", "/v1/people/unknown"),  # a name that nobody may have
        ("PUT", "/v1/people/%20"),
        ("DELETE", "/v1/people/no-face"),
        ("POST", "/v1/people/%E2%80%8B/photos"),
    ],
)
def test_nothing_is_open_without_a_key_or_its_scope(invoke: Invoke, keys: ApiKeyStore, method: str, path: str) -> None:
    _, scopeless = keys.create("nobody", [])
    body = b"{}"

    assert invoke(method, path, body=body, kind="application/json")["statusCode"] == 401
    assert invoke(method, path, body=body, kind="application/json", key="rc_wrong")["statusCode"] == 401
    assert invoke(method, path, body=body, kind="application/json", key=scopeless)["statusCode"] == 403


@pytest.mark.parametrize("path", ["/v1/recognize/", "/v1/people/Ada/", "/v1/people/Ada/photos/"])
def test_nobody_is_sent_elsewhere_with_the_key(invoke: Invoke, keys: ApiKeyStore, path: str) -> None:
    _, key = keys.create("camera", ["recognize"])

    assert invoke("POST", path, body=PHOTO, key=key)["statusCode"] == 404


STORED = b'{"bucket": "test-input", "key": "none.png"}'
JSON = "application/json"
NEEDED: list[tuple[str, str, bytes, str, set[str]]] = [
    ("POST", "/v1/recognize", PHOTO, "image/png", {"recognize"}),
    ("POST", "/v1/recognize", STORED, JSON, {"recognize", "results"}),
    ("POST", "/", b"--x--", "multipart/form-data; boundary=x", {"recognize"}),
    ("POST", "/v1/videos", b"{}", JSON, {"videos"}),
    ("GET", f"/v1/jobs/{'0' * 32}", b"", "", {"videos"}),
    ("GET", "/v1/results/x", b"", "", {"results"}),
    ("GET", "/v1/results", b"", "", {"results"}),
    ("GET", "/v1/people/Ada", b"", "", {"people:read"}),
    ("PUT", "/v1/people/Ada", b"{}", JSON, {"people:write"}),
    ("DELETE", "/v1/people/Bo", b"", "", {"people:write"}),
    ("POST", "/v1/people/Ada/photos", PHOTO, "image/png", {"people:write"}),
]


@pytest.mark.parametrize(("method", "path", "body", "kind", "needed"), NEEDED)
def test_each_route_opens_for_its_scopes_and_for_no_others(  # noqa: PLR0917
    invoke: Invoke, keys: ApiKeyStore, method: str, path: str, body: bytes, kind: str, needed: set[str]
) -> None:
    def status(scopes: Collection[str]) -> int:
        _, key = keys.create("key", sorted(scopes), per_minute=100)
        answer: int = invoke(method, path, body=body, kind=kind, key=key)["statusCode"]
        return answer

    assert status(needed) not in {401, 403}
    assert status(set(SCOPES)) not in {401, 403}
    for scope in needed:
        assert status(set(SCOPES) - {scope}) == 403


def test_records_are_read_with_people_read_alone(invoke: Invoke, keys: ApiKeyStore, demo_photos: Path) -> None:
    photo = (demo_photos / "obama.jpg").read_bytes()
    _, writer = keys.create("writer", ["people:write"])
    _, camera = keys.create("camera", ["recognize"])
    _, reader = keys.create("reader", ["recognize", "people:read"])
    assert invoke("PUT", "/v1/people/Cy", body=b'{"born": "1961"}', kind=JSON, key=writer)["statusCode"] == 200
    enrolled = invoke("POST", "/v1/people/Cy/photos", body=photo, kind="image/jpeg", key=writer)
    assert enrolled["statusCode"] == 200, enrolled

    def face(key: str) -> Any:
        return json.loads(invoke("POST", "/v1/recognize", body=photo, kind="image/jpeg", key=key)["body"])["faces"][0]

    assert (face(camera)["name"], face(camera)["record"]) == ("Cy", None)
    assert face(reader)["record"] == {"name": "Cy", "born": "1961"}
    assert invoke("DELETE", "/v1/people/Cy", key=writer)["statusCode"] == 200


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

    with pytest.raises(UsageError, match="use keys or iam"):
        lambda_function.adapter.__wrapped__()
