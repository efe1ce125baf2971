"""The Runtime API as a runtime sees it: over HTTP, on one connection."""

import http.client
from contextlib import closing
from queue import SimpleQueue
from threading import Thread

import pytest

from rollcall.local.lambda_host.runtime_api import FunctionError, InitError, Invocation, Ready, Response, RuntimeApi

INVOCATION = Invocation(
    request_id="id-1", event=b'{"n": 1}', deadline_ms=1_900_000_000_000, function_arn="arn:aws:lambda:x"
)


@pytest.fixture
def said():
    return SimpleQueue()


@pytest.fixture
def api(said):
    with closing(RuntimeApi(said.put)) as api:
        yield api


@pytest.fixture
def runtime(api):
    with closing(http.client.HTTPConnection(api.address, timeout=20)) as connection:
        yield connection


def ask(runtime, method, path, body=None):
    runtime.request(method, path, body)
    response = runtime.getresponse()
    return response, response.read()


def test_an_invocation_is_handed_out_with_its_headers(api, said, runtime):
    api.offer(INVOCATION)

    response, body = ask(runtime, "GET", "/2018-06-01/runtime/invocation/next")

    assert (response.status, body) == (200, b'{"n": 1}')
    assert response.headers["Lambda-Runtime-Aws-Request-Id"] == "id-1"
    assert response.headers["Lambda-Runtime-Deadline-Ms"] == "1900000000000"
    assert response.headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:aws:lambda:x"
    assert said.get() == Ready()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/2018-06-01/runtime/invocation/id-1/response", Response("id-1", b"body")),
        ("/2018-06-01/runtime/invocation/id-1/error", FunctionError("id-1", b"body")),
        ("/2018-06-01/runtime/init/error", InitError(b"body")),
    ],
)
def test_what_the_runtime_posts_is_passed_on(said, runtime, path, message):
    response, _ = ask(runtime, "POST", path, b"body")

    assert response.status == 202
    assert said.get() == message


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/2018-06-01/runtime/invocation/id-1/other")])
def test_other_routes_are_not_found_and_the_connection_goes_on(said, runtime, method, path):
    assert ask(runtime, method, path)[0].status == 404
    assert ask(runtime, "POST", "/2018-06-01/runtime/init/error", b"body")[0].status == 202
    assert said.get() == InitError(b"body")


def test_closing_releases_a_runtime_that_waits(api, said, runtime):
    refused: SimpleQueue[http.client.HTTPException] = SimpleQueue()

    def wait():
        try:
            ask(runtime, "GET", "/2018-06-01/runtime/invocation/next")
        except http.client.HTTPException as error:
            refused.put(error)

    waiting = Thread(target=wait)
    waiting.start()
    assert said.get() == Ready()

    api.close()
    waiting.join()

    assert isinstance(refused.get(), http.client.RemoteDisconnected)
