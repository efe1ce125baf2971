"""The Lambda Runtime API of one sandbox: four routes over HTTP, as `awslambdaric` calls them."""

import contextlib
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread

LOOPBACK = "127.0.0.1"
VERSION = "/2018-06-01/runtime"
INVOCATION = re.compile(rf"{VERSION}/invocation/([^/]+)/(response|error)")


@dataclass(frozen=True, kw_only=True)
class Invocation:
    request_id: str
    event: bytes
    deadline_ms: int  # since the epoch
    function_arn: str


@dataclass(frozen=True)
class Ready:
    """The runtime asks for work: its initialization, or its last invocation, is over."""


@dataclass(frozen=True)
class Response:
    request_id: str
    body: bytes


@dataclass(frozen=True)
class FunctionError:
    request_id: str
    body: bytes


@dataclass(frozen=True)
class InitError:
    body: bytes


Message = Ready | Response | FunctionError | InitError


class RuntimeApi:
    """What the runtime says is passed to `receive`, from other threads; what it is to do next is given to `offer`."""

    def __init__(self, receive: Callable[[Message], None]) -> None:
        self.receive = receive
        self._invocations: SimpleQueue[Invocation | None] = SimpleQueue()
        self._closed = False
        self._server = _Server(self)
        self._thread = Thread(target=self._serve, name="runtime-api", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._server.server_port}"

    def offer(self, invocation: Invocation) -> None:
        self._invocations.put(invocation)

    def next_invocation(self) -> Invocation | None:
        """Blocks until there is an event; returns none when the sandbox ends."""
        self.receive(Ready())
        return self._invocations.get()

    def close(self) -> None:
        self._closed = True
        self._invocations.put(None)
        # accepting blocks without a timeout, so that an idle sandbox costs nothing: a connection wakes it
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self._server.server_port)):
            self._thread.join()
        self._server.server_close()

    def _serve(self) -> None:
        while not self._closed:
            self._server.handle_request()


class _Server(ThreadingHTTPServer):
    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        super().__init__((LOOPBACK, 0), _Routes)

    def handle_error(self, request: object, client_address: object) -> None:
        """A runtime that is killed in the middle of a request is nothing to report here: its exit is noticed."""


class _Routes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        if self.path != f"{VERSION}/invocation/next":
            return self._answer(HTTPStatus.NOT_FOUND)
        invocation = self.server.api.next_invocation()
        if invocation is None:
            self.close_connection = True
            return None
        return self._answer(
            HTTPStatus.OK,
            invocation.event,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        message = self._message(body)
        if message is None:
            return self._answer(HTTPStatus.NOT_FOUND)
        self.server.api.receive(message)
        return self._answer(HTTPStatus.ACCEPTED, b'{"status": "OK"}')

    def _message(self, body: bytes) -> Message | None:
        if self.path == f"{VERSION}/init/error":
            return InitError(body)
        match = INVOCATION.fullmatch(self.path)
        if match is None:
            return None
        request_id, verdict = match.groups()
        return Response(request_id, body) if verdict == "response" else FunctionError(request_id, body)

    def _answer(self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Logs nothing: every line of a function's log is its own."""
