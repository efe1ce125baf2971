"""The port of the store: whom it serves, for how long it waits, and what it makes of broken HTTP."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from rollcall.local.store import port as port_module
from rollcall.local.store.connection import HEAD_BYTES
from rollcall.local.store.http import Request, Response
from rollcall.local.store.port import Port
from rollcall.local.store.port_access import Access, Served
from rollcall.runtime.local_requests import origins_of
from tests.raw_connections import answer, connect

HEAD_SECONDS = 0.4
PAGE = b"Origin: https://app.example"
FORM = b"Content-Type: multipart/form-data; boundary=x"
EVIL = b"Origin: https://evil.example"
MEBIBYTE = 1024 * 1024


async def application(request: Request) -> Response:
    if request.path == "/unread":
        return Response(body=b"served")
    if request.path == "/echo":
        return Response(body=b"".join([piece async for piece in request.body]))
    if request.path == "/much":
        return Response(body=much())
    async for _ in request.body:
        pass
    return Response(body=b"served")


async def much() -> AsyncIterator[bytes]:
    for _ in range(64):
        yield bytes(MEBIBYTE)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        number = listener.getsockname()[1]
        served = Served(names=("s3.test",), form_bucket="in", form_origins=origins_of(["https://app.example"]))
        until, loops, ready = asyncio.Event(), [], threading.Event()

        async def main() -> None:
            loops.append(asyncio.get_running_loop())
            server = Port(
                listener, application, Access(served), failed=print, head_seconds=HEAD_SECONDS, body_seconds=3.0
            )
            ready.set()
            await server.serve(until)

        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        assert ready.wait(5)
        yield number
        loops[0].call_soon_threadsafe(until.set)
        thread.join()


def ask(port: int, start: bytes, *headers: bytes) -> int:
    with connect(port) as client:
        client.sendall(b"\r\n".join([start + b" HTTP/1.1", b"Connection: close", *headers, b"", b""]))
        received = answer(client)
    assert b"access-control" not in received.lower()
    return int(received.split()[1])


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"POST", b"DELETE", b"OPTIONS", b"HEAD", b"PATCH"])
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
    monkeypatch.setattr(port_module, "WAITING_CONNECTIONS", 10)
    monkeypatch.setattr(port_module, "CONNECTIONS", 20)
    with ExitStack() as silent:
        for _ in range(3):
            for _ in range(30):
                silent.enter_context(connect(port))
            time.sleep(0.1)
            assert ask(port, b"GET /", b"Host: localhost") == 200


def test_half_sent_bodies_lock_nobody_out(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_module, "CONNECTIONS", 20)
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


def talk(port: int, *pieces: bytes) -> bytes:
    with connect(port) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.02)
        client.shutdown(socket.SHUT_WR)
        return answer(client)


HEAD = b"PUT /%b HTTP/1.1\r\nHost: localhost\r\n%b\r\n\r\n"


def test_a_connection_is_kept_for_the_next_request_and_requests_may_be_sent_ahead(port: int) -> None:
    first = HEAD % (b"echo", b"Content-Length: 3") + b"abc"
    second = HEAD % (b"echo", b"Transfer-Encoding: chunked") + b"2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
    received = talk(port, first + second[:20], second[20:] + first)
    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert [received.count(b"\r\n\r\nabc"), received.count(b"\r\n\r\ndef")] == [2, 1]


def test_a_body_is_asked_for_only_if_somebody_wants_it(port: int) -> None:
    head = b"Content-Length: 3\r\nExpect: 100-continue"
    assert talk(port, HEAD % (b"echo", head), b"abc").startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    with connect(port) as client:
        client.sendall(HEAD % (b"unread", head))
        assert b"connection: close" in answer(client)


def test_a_body_that_nobody_reads_is_left_or_ends_the_connection(port: int) -> None:
    short = HEAD % (b"unread", b"Content-Length: 3") + b"abc"
    assert talk(port, short, short).count(b"200 OK") == 2
    with connect(port) as client:
        client.sendall(HEAD % (b"unread", b"Content-Length: 9999999999"))
        with pytest.raises(OSError):  # noqa: PT011 - whichever way the system tells of it
            for _ in range(100):
                client.sendall(bytes(MEBIBYTE))


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
        b"GET / HTTP/1.1\r\nHost: local\x00host\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"ODD / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_and_ended(port: int, text: bytes) -> None:
    assert talk(port, text).split()[1] in {b"400", b"403"}
    assert ask(port, b"GET /", b"Host: localhost") == 200


def test_a_broken_chunk_ends_the_connection_and_no_other(port: int) -> None:
    assert b"200" not in talk(port, HEAD % (b"in", b"Transfer-Encoding: chunked") + b"zz\r\nabc")
    assert ask(port, b"GET /", b"Host: localhost") == 200


def test_a_client_that_does_not_take_its_answer_holds_up_nobody(port: int) -> None:
    with connect(port) as lazy:
        lazy.sendall(b"GET /much HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.2)
        assert ask(port, b"GET /", b"Host: localhost") == 200
        size = 0
        while size < 64 * MEBIBYTE:
            size += len(lazy.recv(MEBIBYTE))


def test_a_client_that_sends_nothing_any_more_is_told_what_was_wrong(port: int) -> None:
    for _ in range(20):
        with connect(port) as client:
            client.sendall(b"nonsense\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            assert b" 400 " in answer(client)


def test_many_small_headers_are_refused_like_a_large_one(port: int) -> None:
    with connect(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a:b\r\n" * 12_000 + b"\r\n")
        assert answer(client).split()[1] == b"431"
