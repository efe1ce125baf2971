"""The port of the local AWS: whom it serves, and for how long it waits."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from rollcall.local import aws_port
from rollcall.local.aws_port import HEAD_BYTES, AwsPort, Served
from rollcall.runtime.local_requests import origins_of

HEAD_SECONDS = 0.4
PAGE = b"Origin: https://app.example"
FORM = b"Content-Type: multipart/form-data; boundary=x"
EVIL = b"Origin: https://evil.example"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] == "PUT":
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Length", "6")])
    return [b"served"]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        number = listener.getsockname()[1]
        served = Served(names=("s3.test",), form_bucket="in", form_origins=origins_of(["https://app.example"]))
        server = AwsPort(
            "127.0.0.1",
            number,
            application,
            fd=listener.fileno(),
            served=served,
            head_seconds=HEAD_SECONDS,
            body_seconds=3.0,
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield number
        server.shutdown()
        thread.join()
        server.server_close()
        listener.detach()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def answer(client: socket.socket) -> bytes:
    received = b""
    try:
        while piece := client.recv(65536):
            received += piece
    except ConnectionError:
        pass
    return received


def ask(port: int, start: bytes, *headers: bytes) -> int:
    with connect(port) as client:
        client.sendall(b"\r\n".join([start + b" HTTP/1.1", *headers, b"", b""]))
        received = answer(client)
    assert b"access-control" not in received.lower()
    return int(received.split()[1])


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"POST", b"DELETE", b"OPTIONS", b"HEAD", b"PATCH", b"ODD"])
def test_pages_and_foreign_names_are_refused_whatever_the_method(port: int, method: bytes) -> None:
    target, host = method + b" /in/key", b"Host: localhost"
    assert ask(port, target, host) == 200
    for headers in (
        [host, EVIL],
        [host, PAGE],
        [host, b"Origin: null"],
        [host, b"Sec-Fetch-Site: cross-site"],
        [host, b"sec-fetch-site: Same-Site"],
        [host, b"Sec-Fetch-Site: same-origin", b"Origin: http://localhost"],
        [b"Host: evil.example"],
        [b"Host: in.evil.example"],
        [b"Host: localhost", b"Host: evil.example"],
        [],
    ):
        assert ask(port, target, *headers) == 403


def test_an_absolute_target_names_a_host_as_well(port: int) -> None:
    assert ask(port, b"GET http://localhost/in", b"Host: localhost") == 200
    assert ask(port, b"GET http://evil.example/in", b"Host: localhost") == 403
    assert ask(port, b"GET http://localhost/in", b"Host: evil.example") == 403
    assert ask(port, b"GET http://[::1/in", b"Host: localhost") == 403


@pytest.mark.parametrize("host", [b"in.localhost:4566", b"127.0.0.1:4566", b"in.s3.test", b"[::1]:4566"])
def test_clients_ask_by_the_names_of_buckets(port: int, host: bytes) -> None:
    assert ask(port, b"GET /key", b"Host: " + host) == 200


def test_pages_that_are_allowed_send_upload_forms_and_nothing_else(port: int) -> None:
    here, name = b"Host: localhost", b"Host: in.localhost"
    preflight = b"Access-Control-Request-Method: POST"
    for start, *headers in (
        (b"POST /in", here, FORM),
        (b"POST /in/", here, FORM, b"Sec-Fetch-Site: cross-site"),
        (b"POST /", name, FORM),
        (b"OPTIONS /in", here, preflight),
    ):
        assert ask(port, start, *headers, PAGE) == 200
        assert ask(port, start, *headers, EVIL) == 403
        assert ask(port, start, *headers, PAGE, EVIL) == 403
    for start, *headers in (
        (b"POST /in?delete", here, FORM),
        (b"POST /out", here, FORM),
        (b"POST /in/key", here, FORM),
        (b"POST /", b"Host: out.localhost", FORM),
        (b"POST /in", here, b"Content-Type: text/plain"),
        (b"PUT /in", here, FORM),
        (b"GET /in", here, FORM),
        (b"OPTIONS /in", here, b"Access-Control-Request-Method: PUT"),
        (b"OPTIONS /out", here, preflight),
        (b"POST /in", b"Host: evil.example", FORM),
    ):
        assert ask(port, start, *headers, PAGE) == 403


def test_headers_over_the_limit_are_refused(port: int) -> None:
    assert ask(port, b"GET /", b"Host: localhost", b"A: " + b"a" * (HEAD_BYTES // 2), b"B: " + b"b" * HEAD_BYTES) == 431


@pytest.mark.parametrize(("start", "piece"), [(b"", b""), (b"GET / HTTP/1.1\r\nA: ", b"b"), (b"GET /", b"a")])
def test_a_head_that_does_not_come_is_not_waited_for(port: int, start: bytes, piece: bytes) -> None:
    started = time.monotonic()
    with connect(port) as client:
        client.sendall(start)
        client.settimeout(0.05)
        while time.monotonic() < started + 8:
            try:
                client.sendall(piece)
                if not client.recv(65536):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    assert time.monotonic() < started + 6


def test_silent_connections_lock_nobody_out(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_port, "WAITING_CONNECTIONS", 10)
    monkeypatch.setattr(aws_port, "CONNECTIONS", 20)
    with ExitStack() as silent:
        for _ in range(3):
            for _ in range(30):
                silent.enter_context(connect(port))
            time.sleep(0.1)
            assert ask(port, b"GET /", b"Host: localhost") == 200


def test_half_sent_bodies_lock_nobody_out(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_port, "CONNECTIONS", 20)
    with ExitStack() as silent:
        for _ in range(30):
            half = silent.enter_context(connect(port))
            half.sendall(b"PUT /in/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc")
        assert ask(port, b"GET /", b"Host: localhost") == 200


def test_a_body_that_trickles_is_not_waited_for(port: int) -> None:
    started = time.monotonic()
    with connect(port) as client:
        client.sendall(b"PUT /in/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999\r\n\r\n")
        client.settimeout(0.1)
        while time.monotonic() < started + 20:
            try:
                client.sendall(b"a")
                client.recv(65536)
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    assert time.monotonic() < started + 15
