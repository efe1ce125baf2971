"""One upload for one ffmpeg: a small HTTP server on this machine's own address, which answers byte ranges.

ffmpeg reads from here and never from the network, so it needs no credentials, no signed URL and no certificates. This
process knows whether a read failed or the file ends early.
"""

import re
import secrets
import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Protocol, Self

from rollcall.contracts.errors import SourceUnavailable
from rollcall.media.source import Input
from rollcall.runtime.observability import logger

SEND_BUFFER = 1 << 19  # bytes fetched ahead of a reader that pauses or seeks away
_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{0,19})")


class Streamed(Protocol):
    @property
    def size(self) -> int: ...

    def stream(self, start: int, end: int) -> Generator[bytes, None, None]:
        """Bytes `start` to before `end`; raise SourceUnavailable."""


class RangeServer(Input):
    """Serves while its context is entered. No other process on the machine can guess the path."""

    protocols = "http,tcp"

    def __init__(self, streamed: Streamed) -> None:
        self._size = streamed.size
        self._streamed = streamed
        self._failure: SourceUnavailable | None = None
        self._waited = 0.0
        self._waiting: dict[int, float] = {}  # by thread: since when
        self._closed = False
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        self.path = f"/{secrets.token_urlsafe(24)}"
        self.url = f"http://127.0.0.1:{self.port}{self.path}"
        self._thread = threading.Thread(target=self._serve, name="range-server", daemon=True)

    @property
    def failure(self) -> SourceUnavailable | None:
        return self._failure

    @property
    def waited(self) -> float:
        now = time.monotonic()
        return self._waited + sum(now - since for since in list(self._waiting.values()))

    @property
    def size(self) -> int:
        return self._size

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops; requests in hand end by themselves, because their reader is gone."""
        self._closed = True
        socket.create_connection(("127.0.0.1", self.port)).close()  # the loop sees it at its next connection
        self._thread.join()
        self._server.server_close()

    def chunks(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of the range; it ends early if the fetch fails."""
        with closing(self._streamed.stream(start, end)) as stream:
            while not self._closed and (chunk := self._next(stream)):
                yield chunk

    def _next(self, stream: Iterator[bytes]) -> bytes:
        thread, since = threading.get_ident(), time.monotonic()
        self._waiting[thread] = since
        try:
            return next(stream, b"")
        except SourceUnavailable as failure:
            self._failure = failure
        except Exception as error:  # any error: the reader must not take it for the end of the file
            logger.exception("the upload could not be fetched")
            self._failure = SourceUnavailable(f"the upload could not be fetched: {type(error).__name__}")
        finally:
            del self._waiting[thread]
            self._waited += time.monotonic() - since
        return b""

    def _serve(self) -> None:
        while not self._closed:
            self._server.handle_request()


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True

    def __init__(self, upload: RangeServer) -> None:
        self.upload = upload
        super().__init__(("127.0.0.1", 0), _Requests)

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # its connections inherit it
        super(HTTPServer, self).server_bind()  # without the look-up of this machine's name

    def handle_error(self, request: object, client_address: object) -> None:
        logger.exception("a request for the upload failed")


class _Requests(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_HEAD(self) -> None:
        self._head()

    def do_GET(self) -> None:
        asked = self._head()
        try:
            for chunk in self.server.upload.chunks(asked.start, asked.stop):
                self.wfile.write(chunk)
                asked = asked[len(chunk) :]
        except ConnectionError:  # the reader has seeked away
            self.close_connection = True
        self.close_connection |= len(asked) > 0

    def _head(self) -> range:
        """Answer all but the body; returns the range that the body has to hold."""
        size = self.server.upload.size
        if self.path != self.server.upload.path:
            return self._nothing(HTTPStatus.NOT_FOUND)
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        if asked is None:
            return self._body(HTTPStatus.OK, range(size))
        start, end = int(asked[1]), min(int(asked[2] or size), size - 1) + 1
        if start >= end:
            return self._nothing(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, ("Content-Range", f"bytes */{size}"))
        return self._body(
            HTTPStatus.PARTIAL_CONTENT, range(start, end), ("Content-Range", f"bytes {start}-{end - 1}/{size}")
        )

    def _nothing(self, status: HTTPStatus, *headers: tuple[str, str]) -> range:
        return self._body(status, range(0), *headers)

    def _body(self, status: HTTPStatus, body: range, *headers: tuple[str, str]) -> range:
        self.send_response_only(status)
        for name, value in (*headers, ("Accept-Ranges", "bytes"), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        return body

    def log_message(self, *_: object) -> None:
        pass
