"""The image of the API run the two ways that it is deployed, each with a function that asks it."""

import base64
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from rollcall.local.lambda_host.guard import Guard
from rollcall.local.lambda_host.launch import InImage, Launch
from rollcall.local.lambda_host.logs import FunctionLog
from rollcall.local.lambda_host.process_environment import ACCOUNT, REGION, WorkerSettings
from rollcall.local.lambda_host.process_limits import LimitsWatch
from rollcall.local.lambda_host.sandbox import Failure, Sandbox
from rollcall.pipeline.description import Function
from tests.images.sandbox import PATIENCE, Container, cloud_environment, container
from tests.integration.throwaway import until

HOST = "127.0.0.1"
HTTP_API = "x.execute-api.example"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Ask = Callable[[str, str, bytes, Mapping[str, str]], Answer]  # method, path, body, headers


@contextmanager
def on_lambda(
    images: Path,
    function: Function,
    *,
    endpoint_url: str,
    folder: Path,
    launch: Launch | None = None,
    region: str = REGION,
) -> Iterator[tuple[Sandbox, Ask]]:
    """Behind an HTTP API; it is ended if it takes more memory than the function has."""
    settings = WorkerSettings(
        endpoint_url=endpoint_url, task_root=folder, launch=launch or InImage(images), region=region
    )
    with closing(Guard()) as guard, closing(FunctionLog(folder / "api.log")) as log:
        sandbox = Sandbox(function, settings=settings, scratch=folder / "scratch", log=log, guard=guard)

        with closing(sandbox), closing(LimitsWatch(lambda: [sandbox])):
            yield sandbox, behind_http_api(sandbox)


def behind_http_api(sandbox: Sandbox, *, signed_by: str | None = None) -> Ask:
    """`signed_by`: the ARN of the principal whose signature API Gateway has found to be right."""

    def ask(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        event = json.dumps(_http_api_event(method, path, body, headers, signed_by)).encode()
        result = sandbox.invoke(event, request_id="1").result
        assert not isinstance(result, Failure), result
        return _answer(json.loads(result))

    return ask


def send(ask: Ask, path: str, photo: bytes, *, key: str, field: str = "inputFile", name: str = "photo.jpg") -> Answer:
    body, content_type = urllib3.encode_multipart_formdata({field: (name, photo)})
    return ask("POST", path, body, {"Content-Type": content_type, "X-Api-Key": key})


@contextmanager
def as_server(images: Path, function: Function, *, endpoint_url: str, log: Path) -> Iterator[tuple[Container, Ask]]:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    command = ["/usr/bin/python3", "-m", "functions.api", "--host", HOST, "--port", str(port)]
    with (
        container(images, function, command, environment=cloud_environment(endpoint_url), log=log) as running,
        urllib3.PoolManager(retries=False, timeout=PATIENCE) as pool,
    ):

        def ask(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
            answer = pool.request(method, f"http://{HOST}:{port}{path}", body=body, headers=headers)
            return Answer(answer.status, answer.data)

        until(lambda: _healthy(ask))
        yield running, ask


def _healthy(ask: Ask) -> bool:
    try:
        return ask("GET", "/healthz", b"", {}).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _http_api_event(
    method: str, path: str, body: bytes, headers: Mapping[str, str], signed_by: str | None
) -> dict[str, Any]:
    """Version 2.0 of the payload: headers in lower case, and all in base64 that is not said to be text."""
    given = {name.lower(): value for name, value in headers.items()}
    text = given.get("content-type", "").startswith(("text/", "application/json"))
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": "x",
        "domainName": HTTP_API,
        "domainPrefix": "x",
        "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "tests"},
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": f"{method} /{{proxy+}}",
        "stage": "$default",
        "time": "21/Nov/2026:07:00:00 +0000",
        "timeEpoch": 1795244400000,
    }
    if signed_by is not None:
        caller = {"accessKey": "AKIAIOSFODNN7EXAMPLE", "accountId": ACCOUNT, "callerId": "AIDA", "userId": "AIDA"}
        context["authorizer"] = {"iam": caller | {"cognitoIdentity": None, "userArn": signed_by}}
    return {
        "version": "2.0",
        "routeKey": context["routeKey"],
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": HTTP_API, "content-length": str(len(body))} | given,
        "requestContext": context,
        "body": body.decode() if text else base64.b64encode(body).decode(),
        "isBase64Encoded": not text,
    }


def _answer(result: dict[str, Any]) -> Answer:
    body = result["body"].encode()
    return Answer(result["statusCode"], base64.b64decode(body) if result["isBase64Encoded"] else body)
