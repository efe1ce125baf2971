"""The port of the local AWS: which requests it serves, and how long it waits for the rest of one.

moto answers whatever arrives. Requests that web pages make in a browser are refused here, before moto sees them.
"""

import io
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, urlsplit
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

from rollcall.runtime.local_requests import Authority, Origin, RequestSource, refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

CONNECTIONS = 1024  # each has a thread
WAITING_CONNECTIONS = 256  # of those connections, that wait for the head of a request
HEAD_SECONDS = 10.0  # for a request line and its headers to arrive
HEAD_BYTES = 64 * 1024
SILENT_SECONDS = 60.0  # between two pieces of a body, or of an answer that is taken
BODY_SECONDS = 20.0  # for a body to arrive, and a second more for each so many bytes:
BODY_RATE = 8 * 1024
ROOM_SECONDS = 5.0  # for one of the connections to end where there are too many
LOOK_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Served:
    """Which pages and names this port serves beside the programs of this machine."""

    names: Sequence[str] = ()  # host names that stand for it, and all below them
    form_bucket: str | None = None  # pages of `form_origins` may send upload forms to it, and do nothing else
    form_origins: frozenset[Origin] = frozenset()


class AwsPort(ThreadedWSGIServer):
    def __init__(
        self,
        host: str,
        port: int,
        application: "WSGIApplication",
        *,
        fd: int,
        served: Served,
        head_seconds: float = HEAD_SECONDS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._closed = threading.Event()
        super().__init__(host, port, application, handler=_Handler, fd=fd)
        self._closed.clear()  # it closes the socket that it does not need
        self.served = served
        self._head_seconds = head_seconds
        self._body_seconds = body_seconds
        self._changed = threading.Condition()
        self._open = 0
        self._waiting: dict[socket.socket, float] = {}  # for a head: since when, the longest first
        self._bodies: dict[socket.socket, _Body] = {}  # that somebody waits for, the longest first
        threading.Thread(target=self._watch, daemon=True).start()

    def server_close(self) -> None:
        self._closed.set()
        super().server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._open += 1
            self._waiting[request] = time.monotonic()
            if len(self._waiting) > WAITING_CONNECTIONS:
                _hang_up(next(iter(self._waiting)))
            if self._open > CONNECTIONS and self._bodies:
                _hang_up(next(iter(self._bodies)))
            # until then nobody else is accepted: clients wait in the listening socket
            room = self._changed.wait_for(lambda: self._open <= CONNECTIONS, timeout=ROOM_SECONDS)
        if room:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        with self._changed:
            self._open -= 1
            self._waiting.pop(request, None)
            self._bodies.pop(request, None)
            self._changed.notify_all()
        super().shutdown_request(request)

    def head_is_whole(self, request: socket.socket) -> None:
        with self._changed:
            self._waiting.pop(request, None)

    def body_is_awaited(self, request: socket.socket, body: "_Body") -> None:
        with self._changed:
            self._bodies[request] = body

    def body_has_come(self, request: socket.socket) -> None:
        """Ends the wait for a piece of the body."""
        with self._changed:
            self._bodies.pop(request, None)

    def _watch(self) -> None:
        while not self._closed.wait(min(LOOK_SECONDS, self._head_seconds / 2)):
            with self._changed:
                late = time.monotonic() - self._head_seconds
                slow = [request for request, body in self._bodies.items() if body.overdue(self._body_seconds)]
                for request in [*slow, *(request for request, since in self._waiting.items() if since < late)]:
                    _hang_up(request)


@dataclass
class _Body:
    """How much of a body has come, and since when a thread has waited for more."""

    began: float
    size: int = 0

    def overdue(self, seconds: float) -> bool:
        return time.monotonic() - self.began > seconds + self.size / BODY_RATE


class _WatchedInput(io.RawIOBase):
    """The bytes of a connection. The port knows whenever a body is waited for."""

    def __init__(self, request: socket.socket, port: AwsPort) -> None:
        self._source = request.makefile("rb", buffering=0)
        self._request = request
        self._port = port
        self.body: _Body | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.body is None:
            return self._source.readinto(buffer)
        self._port.body_is_awaited(self._request, self.body)
        try:
            size = self._source.readinto(buffer)
        finally:
            self._port.body_has_come(self._request)
        self.body.size += size or 0
        return size

    def close(self) -> None:
        self._source.close()
        super().close()


class _Handler(MotoRequestHandler):
    timeout = SILENT_SECONDS

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._input = _WatchedInput(self.connection, cast(AwsPort, self.server))
        self.rfile = io.BufferedReader(self._input)

    def run_wsgi(self) -> None:
        """Answers every request, whatever its method."""
        port = cast(AwsPort, self.server)
        port.head_is_whole(self.connection)
        self._input.body = _Body(began=time.monotonic())
        if len(self.path) + sum(len(name) + len(value) for name, value in self.headers.items()) > HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's headers are too large.")
        elif (reason := self._refusal(port.served)) is not None:
            self._refuse(HTTPStatus.FORBIDDEN, reason)
        else:
            super().run_wsgi()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Logs nothing: the lines would hold keys, and nobody reads them."""

    def _refusal(self, served: Served) -> str | None:
        try:
            target = urlsplit(self.path)
        except ValueError:
            return "The request's target is not an address."
        hosts = self.headers.get_all("Host", [])
        source = RequestSource(
            hosts=[*hosts, target.netloc] if target.scheme else hosts,  # an absolute target names a host as well
            origins=self.headers.get_all("Origin", []),
            sites=self.headers.get_all("Sec-Fetch-Site", []),
        )
        origins = served.form_origins if self._is_form_for(served.form_bucket, target) else frozenset()
        # a page from this port is an object that somebody uploaded: it may do as little as one from elsewhere
        return refusal(source, names=served.names, origins=origins, own_pages=False)

    def _is_form_for(self, bucket: str | None, target: SplitResult) -> bool:
        """Whether this uploads an object to the bucket as a form, or asks in advance whether a page may."""
        if self.command == "OPTIONS":
            form = self.headers.get("Access-Control-Request-Method") == "POST"
        else:
            kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            form = self.command == "POST" and kind == "multipart/form-data"
        if bucket is None or not form or target.query:
            return False
        host = Authority.parse(self.headers.get("Host", ""))
        in_name = host is not None and host.name.startswith(f"{bucket}.")
        return target.path in ({"", "/"} if in_name else {f"/{bucket}", f"/{bucket}/"})

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        code = "AccessDenied" if status == HTTPStatus.FORBIDDEN else "RequestHeaderSectionTooLarge"
        body = f"<Error><Code>{code}</Code><Message>{escape(reason)}</Message></Error>".encode()
        self.send_response(status)
        for name, value in (("Content-Type", "application/xml"), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.send_header("Connection", "close")  # the body is not read
        self.end_headers()
        self.wfile.write(body)


def _hang_up(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)  # the thread that reads from it goes on, and closes it
    except OSError:
        return  # it is closed already
