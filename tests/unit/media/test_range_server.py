"""What ffmpeg gets from the server inside the process that started it, asked as ffmpeg asks."""

import http.client
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import closing

import pytest

from rollcall.contracts.errors import SourceUnavailable
from rollcall.media.range_server import RangeServer

BODY = bytes(range(250)) * 4000


class InMemory:
    def __init__(self, *, size: int = len(BODY), fails_at: int | None = None) -> None:
        self.size = size
        self.streamed = 0
        self._fails_at = fails_at

    def stream(self, start: int, end: int) -> Generator[bytes, None, None]:
        while start < end:
            if self._fails_at is not None and start >= self._fails_at:
                raise SourceUnavailable("gone")
            chunk = (BODY[start : min(end, start + 10_000)]) or bytes(10_000)
            self.streamed += len(chunk)
            start += len(chunk)
            yield chunk


@pytest.fixture
def server() -> Iterator[RangeServer]:
    with RangeServer(InMemory()) as server:
        yield server


def ask(
    server: RangeServer, method: str = "GET", *, path: str | None = None, wanted: str | None = None
) -> tuple[int, str | None, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request(method, server.path if path is None else path, headers={"Range": wanted} if wanted else {})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Range"), answer.read()


@pytest.mark.parametrize(
    ("wanted", "status", "told", "body"),
    [
        (None, 200, None, BODY),
        ("bytes=0-", 206, "bytes 0-999999/1000000", BODY),
        ("bytes=999000-", 206, "bytes 999000-999999/1000000", BODY[999_000:]),
        ("bytes=10-19", 206, "bytes 10-19/1000000", BODY[10:20]),
        ("bytes=999990-2000000", 206, "bytes 999990-999999/1000000", BODY[999_990:]),
        ("bytes=1000000-", 416, "bytes */1000000", b""),
        ("bytes=20-10", 416, "bytes */1000000", b""),
        ("lines=1-2", 200, None, BODY),
    ],
)
def test_ranges(server: RangeServer, wanted: str | None, status: int, told: str | None, body: bytes) -> None:
    assert ask(server, wanted=wanted) == (status, told, body)
    assert ask(server, "HEAD", wanted=wanted) == (status, told, b"")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/../etc/passwd", 404), ("PUT", None, 501)]
)
def test_nothing_else_is_served(server: RangeServer, method: str, path: str | None, status: int) -> None:
    assert ask(server, method, path=path)[0] == status


def test_nobody_but_this_machine_can_connect(server: RangeServer) -> None:
    assert server._server.socket.getsockname()[0] == "127.0.0.1"


def test_one_connection_serves_many_requests(server: RangeServer) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.connect()
        own = connection.sock
        for start in (5, 900_000, 0):
            connection.request("GET", server.path, headers={"Range": f"bytes={start}-"})
            assert connection.getresponse().read() == BODY[start:]
            assert connection.sock is own


def test_a_failed_fetch_is_not_the_end_of_the_file() -> None:
    with RangeServer(InMemory(fails_at=500_000)) as server:
        with pytest.raises(http.client.IncompleteRead):
            ask(server, wanted="bytes=0-")
        with pytest.raises(SourceUnavailable, match="gone"):
            server.require_fetched()


def test_a_reader_that_pauses_holds_up_the_fetch() -> None:
    endless = InMemory(size=1 << 40)
    with RangeServer(endless) as server, closing(socket.create_connection(("127.0.0.1", server.port))) as reader:
        reader.sendall(f"GET {server.path} HTTP/1.1\r\n\r\n".encode())
        reader.recv(1000)
        seen = -1
        while seen != endless.streamed:
            seen = endless.streamed
            time.sleep(0.3)
    assert seen < 16 * 1024**2


def test_it_ends_at_once_with_requests_in_hand() -> None:
    started = time.monotonic()
    with RangeServer(InMemory(size=1 << 40)) as server:
        reader = socket.create_connection(("127.0.0.1", server.port))
        reader.sendall(f"GET {server.path} HTTP/1.1\r\n\r\n".encode())
        reader.recv(1000)
    assert time.monotonic() - started < 2
    reader.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))
