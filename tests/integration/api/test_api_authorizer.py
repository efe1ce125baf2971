"""The function that API Gateway asks about keys, under Lambda's own runtime, with the events that API Gateway sends."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from rollcall.api.api_keys import ApiKeyStore
from rollcall.local.cloud import PROJECT_ROOT, LocalCloud
from rollcall.local.lambda_host.guard import Guard
from rollcall.local.lambda_host.logs import FunctionLog
from rollcall.local.lambda_host.process_environment import WorkerSettings
from rollcall.local.lambda_host.sandbox import Failure, Sandbox
from rollcall.pipeline.description import Authorizer, Function, Pipeline, describe
from rollcall.pipeline.settings import Settings

PREFIX = "asked"
NOBODY: dict[str, Any] = {"region_name": "us-east-1", "aws_access_key_id": "any", "aws_secret_access_key": "thing"}
Ask = Callable[..., bool]


@pytest.fixture(scope="module")
def described() -> Pipeline:
    return describe(Settings(prefix=PREFIX, api="lambda"))


@pytest.fixture(scope="module")
def cloud(described: Pipeline) -> Iterator[LocalCloud]:
    tables = tuple(table for table in described.tables if table.name.endswith("-api-keys"))
    with LocalCloud(Pipeline(prefix=PREFIX, buckets=(), queues=(), tables=tables, functions=())) as running:
        yield running


@pytest.fixture(scope="module")
def keys(cloud: LocalCloud) -> ApiKeyStore:
    dynamodb = boto3.resource("dynamodb", endpoint_url=cloud.endpoint_url, **NOBODY)
    return ApiKeyStore(dynamodb.Table(f"{PREFIX}-api-keys"))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "authorizer.log"


@pytest.fixture(scope="module")
def ask(cloud: LocalCloud, described: Pipeline, log: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    assert described.authorizer is not None
    guard, lines = Guard(), FunctionLog(log)
    sandbox = Sandbox(
        as_function(described.authorizer),
        settings=WorkerSettings(endpoint_url=cloud.endpoint_url, task_root=PROJECT_ROOT),
        scratch=tmp_path_factory.mktemp("scratch") / "authorizer",
        log=lines,
        guard=guard,
    )

    def run(**headers: str) -> bool:
        result = sandbox.invoke(json.dumps(event(headers)).encode(), request_id="1").result
        assert not isinstance(result, Failure), result
        answer = json.loads(result)
        assert set(answer) == {"isAuthorized"}
        return bool(answer["isAuthorized"])

    yield run
    sandbox.close()
    guard.close()
    lines.close()


def as_function(authorizer: Authorizer) -> Function:
    return Function(
        name=authorizer.name,
        component=authorizer.component,
        handler=authorizer.handler,
        timeout=authorizer.timeout,
        memory_mb=authorizer.memory_mb,
        scratch_mb=authorizer.scratch_mb,
        queue="none",
        batch_size=1,
        max_concurrency=1,
        environment=authorizer.environment,
    )


def event(headers: dict[str, str]) -> dict[str, object]:
    """An event as an HTTP API sends it, format 2.0, to an authorizer without identity sources."""
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/$default/POST/{proxy+}",
        "identitySource": None,
        "routeKey": "POST /{proxy+}",
        "rawPath": "/v1/recognize",
        "rawQueryString": "",
        "headers": {"host": "abcdef1234.execute-api.us-east-1.amazonaws.com", "content-length": "0"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdef1234",
            "http": {"method": "POST", "path": "/v1/recognize", "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"},
            "requestId": "id",
            "routeKey": "POST /{proxy+}",
            "stage": "$default",
        },
        "pathParameters": {"proxy": "v1/recognize"},
    }


def test_a_key_is_let_through_in_either_header(ask: Ask, keys: ApiKeyStore) -> None:
    _, key = keys.create("camera", [])  # which scope it has is the application's to check

    assert ask(x_api_key=key)
    assert ask(authorization=f"Bearer {key}")
    assert ask(authorization=f"bearer {key}")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_api_key": ""},
        {"x_api_key": "rc_wrong"},
        {"x_api_key": f"rc_{'0' * 16}_{'A' * 43}"},
        {"x_api_key": "k" * 8000},
        {"authorization": "Basic dXNlcjpwYXNz"},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer rc_{'0' * 16}_{'A' * 43}, Bearer x"},
        {"cookie": "x-api-key=1"},
    ],
)
def test_a_stranger_is_not(ask: Ask, headers: dict[str, str]) -> None:
    assert not ask(**headers)


def test_a_key_with_another_secret_is_not(ask: Ask, keys: ApiKeyStore) -> None:
    key, text = keys.create("camera", ["recognize"])

    assert not ask(x_api_key=f"rc_{key.id}_{'A' * 43}")
    assert ask(x_api_key=text)


def test_a_revoked_key_is_refused_within_seconds_and_an_expired_one_at_once(ask: Ask, keys: ApiKeyStore) -> None:
    key, text = keys.create("camera", ["recognize"])
    _, expired = keys.create("guest", ["recognize"], expires=int(time.time()) - 1)
    assert ask(x_api_key=text)
    assert not ask(x_api_key=expired)

    keys.revoke(key.id)

    end = time.monotonic() + 15  # it remembers a key for five
    while ask(x_api_key=text):
        assert time.monotonic() < end
        time.sleep(0.5)


def test_no_key_is_in_its_log(ask: Ask, keys: ApiKeyStore, log: Path) -> None:
    _, text = keys.create("camera", ["recognize"])
    ask(x_api_key=text)

    assert text[-43:] not in log.read_text()


@pytest.mark.parametrize(
    ("settings", "checked"),
    [
        (Settings(api="lambda"), True),
        (Settings(api="lambda", api_auth="iam"), False),  # API Gateway checks signatures itself
        (Settings(api="container"), False),
        (Settings(), False),
    ],
)
def test_it_is_there_where_keys_are_checked_behind_api_gateway(settings: Settings, checked: bool) -> None:
    assert (describe(settings).authorizer is not None) == checked
