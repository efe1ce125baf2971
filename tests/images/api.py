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

from infra.pipeline import Function
from local.lambda_host.environment import WorkerSettings
from local.lambda_host.guard import Guard
from local.lambda_host.launch import InImage
from local.lambda_host.limits import LimitsWatch
from local.lambda_host.logs import FunctionLog
from local.lambda_host.sandbox import Failure, Sandbox
from tests.images.sandbox import PATIENCE, Container, cloud_environment, container
from tests.integration.throwaway import until

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Ask = Callable[[str, str, bytes, Mapping[str, str]], Answer]  # method, path, body, headers


@contextmanager
def on_lambda(images: Path, function: Function, *, endpoint_url: str, folder: Path) -> Iterator[tuple[Sandbox, Ask]]:
    """Behind an HTTP API; it is ended if it takes more memory than the function has."""
    settings = WorkerSettings(endpoint_url=endpoint_url, task_root=folder, launch=InImage(images))
    with closing(Guard()) as guard, closing(FunctionLog(folder / "api.log")) as log:
        sandbox = Sandbox(function, settings=settings, scratch=folder / "scratch", log=log, guard=guard)

        def ask(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
            event = json.dumps(_http_api_event(method, path, body, headers)).encode()
            result = sandbox.invoke(event, request_id="1").result
            assert not isinstance(result, Failure), result
            return _answer(json.loads(result))

        with closing(sandbox), closing(LimitsWatch(lambda: [sandbox])):
            yield sandbox, ask


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


def _http_api_event(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Version 2.0 of the payload, whose headers are in lower case."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "x.execute-api.example"} | {name.lower(): value for name, value in headers.items()},
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "stage": "$default",
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def _answer(result: dict[str, Any]) -> Answer:
    body = result["body"].encode()
    return Answer(result["statusCode"], base64.b64decode(body) if result["isBase64Encoded"] else body)
