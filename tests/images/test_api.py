"""The image of the API at work, both ways that it is deployed, with the API keys that open it there."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rollcall.api.api_keys import ApiKeyStore
from rollcall.cli.session import Session
from rollcall.contracts.api_scopes import SCOPES
from rollcall.local.lambda_host.sandbox import Sandbox
from rollcall.pipeline.settings import Settings
from tests.e2e.pipeline import RunningPipeline
from tests.e2e.videos import COLLINS, OBAMA, Videos
from tests.images.api import Answer, Ask, as_server, on_lambda, send
from tests.images.conftest import PREFIX
from tests.images.sandbox import Container, function_of
from tests.integration.throwaway import until

FUNCTION = function_of("api", Settings(prefix=PREFIX))


@pytest.fixture(scope="module")
def session(pipeline: RunningPipeline) -> Iterator[Session]:
    with closing(Session(pipeline.cloud, PREFIX)) as session:
        yield session


@pytest.fixture(scope="module")
def key(session: Session) -> str:
    return ApiKeyStore(session.table("api-keys")).create("tests", SCOPES)[1]


@pytest.fixture(scope="module")
def function(images: Path, session: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Ask]]:
    folder = tmp_path_factory.mktemp("lambda")
    with on_lambda(images, FUNCTION, endpoint_url=session.cloud.endpoint_url, folder=folder) as running:
        yield running


@pytest.fixture(scope="module")
def server(images: Path, session: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Container, Ask]]:
    log = tmp_path_factory.mktemp("server") / "api.log"
    with as_server(images, FUNCTION, endpoint_url=session.cloud.endpoint_url, log=log) as running:
        yield running


@pytest.fixture(params=["function", "server"])
def ask(request: pytest.FixtureRequest) -> Ask:
    ask: Ask = request.getfixturevalue(request.param)[1]
    return ask


def stored(session: Session, key: str) -> dict[str, Any] | None:
    s3, bucket, name = session.s3, session.bucket("output"), f"{key}.json"
    if "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix=name):
        return None
    result: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=name)["Body"].read())
    return result


@pytest.mark.parametrize(
    ("photo", "name"), [("obama2.jpg", OBAMA), ("astronaut.png", COLLINS), ("biden.jpg", "unknown")]
)
def test_a_photo_gets_its_name(ask: Ask, key: str, videos: Videos, photo: str, name: str) -> None:
    answer = send(ask, "/", (videos.photos / photo).read_bytes(), key=key, name="test_05.jpg")

    assert answer == Answer(200, f"test_05:{name}".encode())


def test_a_photo_gets_its_record_and_is_kept(ask: Ask, key: str, videos: Videos, session: Session) -> None:
    answer = send(ask, "/v1/recognize", (videos.photos / "obama2.jpg").read_bytes(), key=key)

    assert answer.status == 200
    (face,) = answer.json["faces"]
    assert (face["name"], face["record"]["number"]) == (OBAMA, 44)
    result = until(lambda: stored(session, answer.json["key"]))
    assert result is not None
    assert result["people"][0]["name"] == OBAMA


def test_somebody_is_enrolled_named_and_forgotten(ask: Ask, key: str, videos: Videos) -> None:
    photo = (videos.photos / "biden.jpg").read_bytes()

    enrolled = send(ask, "/v1/people/Joe/photos", photo, key=key, field="photo")
    named = send(ask, "/", photo, key=key)
    forgotten = ask("DELETE", "/v1/people/Joe", b"", {"X-Api-Key": key})

    assert [face["photo"] for face in enrolled.json["enrolled"]] == [1]
    assert named.body == b"photo:Joe"
    assert forgotten.json["faces"] == 1
    assert send(ask, "/", photo, key=key).body == b"photo:unknown"


def test_nobody_is_let_in_without_a_key(ask: Ask, videos: Videos) -> None:
    assert send(ask, "/", (videos.photos / "obama2.jpg").read_bytes(), key="").status == 401


def test_a_broken_photo_gets_its_reason(ask: Ask, key: str, videos: Videos) -> None:
    photo = (videos.photos / "obama2.jpg").read_bytes()

    answer = send(ask, "/v1/recognize", photo[: len(photo) // 2], key=key)

    assert (answer.status, answer.json["code"]) == (422, "truncated-media")


def test_both_stay_within_their_memory(
    function: tuple[Sandbox, Ask], server: tuple[Container, Ask], key: str, videos: Videos
) -> None:
    for _, ask in (function, server):
        assert send(ask, "/", (videos.photos / "obama2.jpg").read_bytes(), key=key).status == 200

    assert 0 < function[0].max_memory_mb <= FUNCTION.memory_mb
    assert 0 < server[0].peak_megabytes() <= FUNCTION.memory_mb


def test_a_server_that_is_told_to_stop_keeps_what_it_answered(
    images: Path, session: Session, key: str, videos: Videos, tmp_path: Path
) -> None:
    photo = (videos.photos / "obama2.jpg").read_bytes()
    with as_server(images, FUNCTION, endpoint_url=session.cloud.endpoint_url, log=tmp_path / "api.log") as (
        running,
        ask,
    ):
        answers = [send(ask, "/v1/recognize", photo, key=key) for _ in range(4)]
        assert running.terminate() == 0

    results = [stored(session, answer.json["key"]) for answer in answers]
    assert [result["people"][0]["name"] for result in results if result] == [OBAMA] * 4
