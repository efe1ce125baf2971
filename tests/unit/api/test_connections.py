"""Connections that send slowly, too much, or nothing: bounded, while others are served."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from rollcall.api.connections import HEAD_BYTES, bounded
from tests.raw_connections import answer, connect

MOST = 20
HEAD_SECONDS = 0.6
GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells how large the body was and which hosts were asked for."""
    request = Request(scope, receive)
    size = len(await request.body()) if request.url.path != "/unread" else 0
    hosts = ",".join(value.decode() for name, value in scope["headers"] if name == b"host")
    answer: Response = PlainTextResponse(f"{size} {hosts} {request.headers.get('x-late', '-')}")
    await answer(scope, receive, send)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            log_level="critical",
            lifespan="off",
            ws="none",
            http=bounded(most_connections=MOST, head_seconds=HEAD_SECONDS),
            limit_concurrency=MOST + 1,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


def ask(port: int, request: bytes = GET) -> bytes:
    with connect(port) as client:
        client.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        return answer(client)


def problem(received: bytes) -> str:
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    code: str = json.loads(body)["code"]
    return code


def drip(client: socket.socket, piece: bytes, *, seconds: float) -> float:
    """Send a piece again and again until the server has had enough; returns after how long that was."""
    started = time.monotonic()
    client.settimeout(0.02)
    while time.monotonic() - started < seconds:
        try:
            client.sendall(piece)
            client.recv(65536, socket.MSG_PEEK)
            break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    client.settimeout(10)
    return time.monotonic() - started


def test_a_silent_connection_is_closed(port: int) -> None:
    with connect(port) as client:
        assert answer(client) == b""


@pytest.mark.parametrize(
    ("start", "piece"),
    [(b"GET /", b"a"), (b"GET / HTTP/1.1\r\n", b"A: b\r\n"), (b"GET / HTTP/1.1\r\nA: ", b"b"), (b"", b"\r\n")],
)
def test_a_head_that_comes_slowly_is_not_waited_for(port: int, start: bytes, piece: bytes) -> None:
    with connect(port) as client:
        client.sendall(start)
        assert drip(client, piece, seconds=8) < 6
        received = answer(client)
        assert not received or problem(received) == "headers-too-slow"


def test_the_next_head_on_a_kept_connection_is_not_waited_for_either(port: int) -> None:
    for start, piece in (
        (GET + b"GET /", b"a"),
        (GET, b"\r\n"),
        (b"POST /unread HTTP/1.1\r\nContent-Length: 9999\r\n\r\n", b"x"),
    ):
        with connect(port) as client:
            client.sendall(start)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
            assert drip(client, piece, seconds=8) < 6


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * HEAD_BYTES,
        b"GET / HTTP/1.1\r\nA: " + b"a" * HEAD_BYTES,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * HEAD_BYTES,
        b"GET / HTTP/1.1\r\nA: " + b"a" * HEAD_BYTES + b"\r\n\r\n",  # whole, and in one piece
        b"GET / HTTP/1.1\r\n" + b"A" * HEAD_BYTES + b": b\r\n\r\n",
    ],
)
def test_a_head_over_the_limit_is_refused(port: int, head: bytes) -> None:
    with connect(port) as client:
        client.sendall(head)
        received = answer(client)
    assert received.startswith(b"HTTP/1.1 431 ")
    assert problem(received) == "headers-too-large"


@pytest.mark.parametrize("filler", [b"2;x=yyyyy" + b"y" * HEAD_BYTES, b"0\r\nX: yyy" + b"y" * HEAD_BYTES])
def test_what_is_neither_head_nor_body_is_bounded_as_well(port: int, filler: bytes) -> None:
    with connect(port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n" + filler[:9])
        assert drip(client, filler[9:], seconds=8) < 6
        assert problem(answer(client)) == "headers-too-large"


def test_a_large_body_is_no_large_head(port: int) -> None:
    body = bytes(8 * HEAD_BYTES)
    for path, size in ((b"/", len(body)), (b"/unread", 0)):
        head = b"POST %b HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % (path, len(body))
        assert ask(port, head + body).endswith(b"%d here -" % size)


def test_headers_that_come_after_the_body_change_nothing(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert ask(port, head + b"1\r\nx\r\n0\r\nX-Late: yes\r\nHost: there\r\n\r\n").endswith(b"1 here -")


def test_an_absolute_target_names_a_host_as_well(port: int) -> None:
    assert ask(port, b"GET http://evil.example:80/ HTTP/1.1\r\nHost: here\r\n\r\n").endswith(
        b"0 here,evil.example:80 -"
    )


@pytest.mark.parametrize(
    "request_",
    [b"\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"],
)
def test_what_is_no_request_is_told_so(port: int, request_: bytes) -> None:
    with connect(port) as client:
        client.sendall(request_)
        received = answer(client)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert problem(received) == "bad-request"


def test_content_lengths_of_thousands_of_digits_are_refused(port: int) -> None:
    assert ask(port, b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_silent_connections_lock_nobody_out(port: int) -> None:
    """However many there are, and however long they keep coming."""
    with ExitStack() as silent:
        for _ in range(5):
            for _ in range(3 * MOST):
                silent.enter_context(connect(port))
            assert ask(port).startswith(b"HTTP/1.1 200 ")


def test_a_request_in_work_gives_way_to_nobody(port: int) -> None:
    with connect(port) as slow, ExitStack() as silent:
        head = (
            b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n"
        )
        slow.sendall(head)
        assert b"100 Continue" in slow.recv(65536)
        for _ in range(3 * MOST):
            silent.enter_context(connect(port))
        assert ask(port).startswith(b"HTTP/1.1 200 ")
        slow.sendall(b"xy")
        assert answer(slow).endswith(b"2 here -")


CHUNKED = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("rest", [b"zz\r\n", b"5\r\nhelloX", b"-1\r\n", b"\r\n", b"5;a\x00b\r\n"])
def test_a_malformed_chunk_is_answered(port: int, rest: bytes) -> None:
    with connect(port) as client:
        client.sendall(CHUNKED + b"3\r\nabc\r\n" + rest)
        received = answer(client)

    assert received.startswith(b"HTTP/1.1 400 ")
    assert problem(received) == "bad-request"
    assert received.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("start", [b"3;" + b"a" * 9, b"0\r\nX-Late: ", b"3\r\nab", b""])
def test_a_body_that_does_not_go_on_is_not_waited_for(port: int, start: bytes) -> None:
    """Neither its pieces, nor an extension or a trailer without end."""
    started = time.monotonic()
    with connect(port) as client:
        client.sendall(CHUNKED + start)
        client.settimeout(0.05)
        received = b""
        while time.monotonic() < started + 20 and not received:
            try:
                if start[-1:] in b"a ":
                    client.sendall(b"a")
                received = client.recv(65536)
            except TimeoutError:
                continue

    assert received.startswith(b"HTTP/1.1 408 ")


def test_half_sent_bodies_lock_nobody_out(port: int) -> None:
    with ExitStack() as silent:
        for _ in range(MOST + 5):
            silent.enter_context(connect(port)).sendall(CHUNKED + b"3\r\nab")
        assert ask(port).startswith(b"HTTP/1.1 200 ")
