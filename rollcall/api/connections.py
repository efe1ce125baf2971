"""The server's side of a connection, bounded in time, size and number until the head of a request is whole.

uvicorn waits without end for a first request and for the rest of a head, and takes a head of any size.
"""

import asyncio
import socket
from asyncio.events import TimerHandle
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rollcall.api.problems import MEDIA_TYPE, Problem
from rollcall.contracts.errors import RollcallError

CONNECTIONS = 2048
HEAD_SECONDS = 10.0  # for a request line and its headers to arrive
HEAD_BYTES = 32 * 1024  # API Gateway takes 10 KB
STALLED_MILLISECONDS = 60_000  # for a client to take the next bytes of its answer


class BadHead(RollcallError):
    """The head of a request is not worked on any further."""


class BoundedConnection(HttpToolsProtocol):
    """Closes what sends no whole head, or nothing more of a body, in time.

    If there are too many connections, the one that has waited longest for a head gives way. If none waits for one, it
    is the one that has waited longest for a body. A connection whose whole request is in work never gives way.
    """

    most_connections = CONNECTIONS
    head_seconds = HEAD_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._waiting_since = 0.0  # for a head or its body, by the loop's clock
        self._heard = 0.0  # when something of a body came
        self._in_body = False
        self._patience: TimerHandle | None = None
        self._unparsed = 0  # bytes since the last head that was whole, or the last piece of a body
        self._head_is_whole = False
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _close_when_stalled(transport.get_extra_info("socket"))
        self._waiting_since = self.loop.time()
        self._wait_for_head()
        if len(self.connections) > self.most_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._patience is None and not self.in_work:
            self._wait_for_head()
        self._unparsed += len(data)
        super().data_received(data)
        if self._unparsed > HEAD_BYTES and not self._refused:
            self._refuse_size()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_is_whole = self._in_body = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_is_whole:  # what follows a body must not change what was decided by the head
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._unparsed = 0
        self._head_is_whole = True
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            self._refuse_size()
            raise BadHead("too large")
        if not self.url.startswith((b"/", b"*")):  # an absolute target names a host as well
            self.headers.append((b"host", urlsplit(self.url).netloc))
        self._waiting_since = self._heard = self.loop.time()
        self._in_body = True
        super().on_headers_complete()
        self._wait_for_client(self.head_seconds)

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        self._heard = self.loop.time()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._waiting_since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(HTTPStatus.BAD_REQUEST, "bad-request", "This is not a valid HTTP request.")

    @property
    def in_work(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def waits_for_client(self) -> bool:
        return self._in_body or not self.in_work

    def give_way(self) -> None:
        self.connections.discard(self)
        self.transport.close()

    def _make_room(self) -> None:
        others = [other for other in self.connections if isinstance(other, BoundedConnection) and other is not self]
        waiting = [other for other in others if other.waits_for_client]
        min(waiting, key=lambda other: (other._in_body, other._waiting_since), default=self).give_way()

    def _wait_for_head(self) -> None:
        self._wait_for_client(self.head_seconds)

    def _wait_for_client(self, seconds: float) -> None:
        self._patience = self.loop.call_later(seconds, self._out_of_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _out_of_patience(self) -> None:
        self._patience = None
        if self._in_body and self.in_work:
            self._out_of_patience_with_body()
        elif self.in_work:
            return
        elif self._unparsed:
            detail = f"The request's headers did not arrive within {self.head_seconds:g} s. Send it again."
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "headers-too-slow", detail)
        else:
            self.transport.close()

    def _out_of_patience_with_body(self) -> None:
        left = self._heard + self.head_seconds - self.loop.time()
        if left > 0 or self.flow.read_paused:  # paused: it is this side that reads nothing
            self._wait_for_client(max(left, 0.1))
            return
        detail = f"Nothing of the body arrived for {self.head_seconds:g} s. Send it again."
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "body-too-slow", detail)

    def _refuse_size(self) -> None:
        detail = f"The request's headers are larger than {HEAD_BYTES // 1024} KiB, which is the limit. Send fewer."
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", detail)

    def _refuse(self, status: HTTPStatus, code: str, detail: str) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        if not self._answer_is_under_way:  # it would be mixed with this one
            if self.in_work:
                self.cycle.disconnected = True  # nothing is to follow this answer
                self.cycle.message_event.set()
            self.transport.write(_answer(status, code, detail))
        self.transport.close()

    @property
    def _answer_is_under_way(self) -> bool:
        """Whether an answer has begun or will begin: that of a request before the refused one."""
        return self.in_work and (not self._in_body or bool(self.pipeline) or self.cycle.response_started)


def bounded(*, most_connections: int = CONNECTIONS, head_seconds: float = HEAD_SECONDS) -> type[BoundedConnection]:
    limits = {"most_connections": most_connections, "head_seconds": head_seconds}
    return type("BoundedConnection", (BoundedConnection,), limits)


def _close_when_stalled(connection: socket.socket) -> None:
    if hasattr(socket, "TCP_USER_TIMEOUT") and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MILLISECONDS)


def _answer(status: HTTPStatus, code: str, detail: str) -> bytes:
    problem = Problem(title=status.phrase, status=status, code=code, detail=detail, request_id="")
    body = problem.model_dump_json().encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
