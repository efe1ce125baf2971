"""The API as a Lambda function, given the events that an HTTP API gives it."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import pytest

from rollcall.api import lambda_handler as lambda_function
from rollcall.cli.session import Session
from rollcall.local.api_server import api_environment
from rollcall.pipeline.settings import Settings
from rollcall.weights.folder import ensure_model_files

PREFIX = "test"
HOST = "x.execute-api.example"
LambdaApi = Callable[..., dict[str, Any]]


@contextmanager
def running_lambda_api(session: Session, settings: Mapping[str, str]) -> Iterator[LambdaApi]:
    """One at a time: a function's process has one application."""
    environment = api_environment(
        Settings(prefix=PREFIX),
        endpoint_url=session.cloud.endpoint_url,
        model_dir=ensure_model_files(progress=print),
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (environment | dict(settings)).items():
            patch.setenv(name, value)
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)  # else the adapter makes one, which nobody would close
        adapter = lambda_function.adapter()
        try:
            with closing(loop), closing(adapter.app._app.state.services):  # type: ignore[attr-defined]
                yield _invoke
        finally:
            lambda_function.adapter.cache_clear()
            asyncio.set_event_loop(None)


def json_of(answer: dict[str, Any]) -> Any:
    """What the HTTP API would pass on."""
    return json.loads(base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"])


def _invoke(
    method: str,
    path: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    authorizer: Any = None,
) -> dict[str, Any]:
    context: dict[str, Any] = {"http": {"method": method, "path": path, "sourceIp": "127.0.0.1"}}
    if authorizer is not None:
        context["authorizer"] = authorizer
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": HOST} | dict(headers or {}),
        "requestContext": context,
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    return lambda_function.handler(event, None)  # type: ignore[arg-type]
