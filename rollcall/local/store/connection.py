"""HTTP/1.1 on one connection: requests one after the other, with bounds on what a client may send and how slowly."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import httptools

from rollcall.local.store.answer import AnswerSender
from rollcall.local.store.http import Request, Response
from rollcall.local.store.port_access import Head
from rollcall.local.store.request_body import BODY_SECONDS, Body, ClientGone

HEAD_SECONDS = 10.0  # for a request line and its headers to arrive
IDLE_SECONDS = 60.0  # between two requests, and between two pieces of an answer that is taken
HEAD_BYTES = 64 * 1024
HEADER_BYTES = 4  # of a header, beside its name and its value
UNREAD_BYTES = 1024 * 1024  # of a body that nobody reads: of a longer one the connection is closed
PIPELINED = 16  # requests that a client may send ahead

Handle = Callable[[Request], Awaitable[Response]]


class Refuse(Protocol):
    """What is answered at once to a request, by its head alone; None for one that may be served."""

    def __call__(self, head: Head) -> Response | None: ...


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What all connections of a port share."""

    handle: Handle
    refuse: Refuse
    too_large: Callable[[], Response]
    opened: "Callable[[Connection], None]"
    closed: "Callable[[Connection], None]"
    failed: Callable[[BaseException], None]
    scheme: str = "http"
    head_seconds: float = HEAD_SECONDS
    body_seconds: float = BODY_SECONDS


@dataclass(slots=True)
class _Asked:
    """A request whose head has come."""

    request: Request | None  # None: refused with `answer`
    body: Body
    keep_alive: bool
    expects: bool  # 100-continue
    answer: Response | None = None


class Connection(asyncio.Protocol):
    """The port calls `overdue` now and then, and `abort` for one that is."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._parser: Any = httptools.HttpRequestParser(self)
        self._asked: deque[_Asked] = deque()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport
        self._answers: AnswerSender
        self._since = time.monotonic()
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._header_bytes = self._head_bytes = 0
        self._receiving: Body | None = None
        self._bad = False
        self._idle = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._answers = AnswerSender(transport)
        self._serving.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._answers.lost()
        for asked in self._asked:
            asked.body.failed()
        if self._task is not None:
            self._task.cancel()
        self._serving.closed(self)

    def eof_received(self) -> bool:
        """Whoever sends nothing any more has gone, most likely: only an answer that stands already is still sent."""
        answered = bool(self._asked) and self._asked[0].request is None
        return answered and self._serving.scheme == "http"  # TLS ends in both directions at once

    def pause_writing(self) -> None:
        self._answers.pause()

    def resume_writing(self) -> None:
        self._answers.resume()

    def data_received(self, piece: bytes) -> None:
        if self._bad:
            return
        if self._receiving is None:
            if self._idle:
                self._idle, self._since = False, time.monotonic()
            self._head_bytes += len(piece)
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._fail(Response(status=400))
        except httptools.HttpParserError:
            self._fail(Response(status=400))
        if self._receiving is None and self._head_bytes > HEAD_BYTES and not self._bad:
            self._fail(self._serving.too_large())

    @property
    def waiting(self) -> bool:
        """Whether it waits for the head of a request."""
        return self._task is None

    def overdue(self, now: float) -> bool:
        if self.waiting:
            return now - self._since > (IDLE_SECONDS if self._idle else self._serving.head_seconds)
        return self._asked[0].body.overdue(now) or self._answers.stuck(now, IDLE_SECONDS)

    def abort(self) -> None:
        self._transport.abort()

    def finish(self) -> None:
        """Take no more requests."""
        self._bad = True
        if self._task is None:
            self._transport.close()

    # called by the parser

    def on_message_begin(self) -> None:
        self._begin_head()

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._head_bytes = max(self._head_bytes, len(self._url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value) + HEADER_BYTES
        self._headers.append((name.lower().decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        method = self._parser.get_method().decode("latin-1")
        head = Head(method, self._url.decode("latin-1"), self._headers)
        body = Body(wanted=self._continue, hold=self._hold, seconds=self._serving.body_seconds)
        expects = head.headers.get("expect", "").lower() == "100-continue"
        asked = _Asked(None, body, self._parser.should_keep_alive(), expects)
        if len(self._url) + self._header_bytes > HEAD_BYTES:
            asked.answer = self._serving.too_large()
        else:
            asked.answer = self._serving.refuse(head)
        if asked.answer is None:
            asked.request = Request(
                method=method,
                path=head.path,
                query=head.query,
                headers=head.headers,
                body=body,
                scheme=self._serving.scheme,
            )
        self._receiving = body
        self._asked.append(asked)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve())
        elif len(self._asked) >= PIPELINED:
            self._transport.pause_reading()

    def on_body(self, piece: bytes) -> None:
        if self._receiving is not None:
            self._receiving.came(piece)

    def on_message_complete(self) -> None:
        if self._receiving is not None:
            self._receiving.ended()
            self._receiving = None
        self._begin_head()

    # until here

    def _begin_head(self) -> None:
        self._url = b""
        self._headers = []
        self._header_bytes = self._head_bytes = 0

    def _continue(self) -> None:
        asked = self._asked[0]
        if asked.expects and not asked.body.complete and not self._answers.begun:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hold(self, held: bool) -> None:
        if self._transport.is_closing():
            return
        if held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _fail(self, answer: Response) -> None:
        """What comes is no request: answer, after those before it, and close."""
        self._bad = True
        if self._receiving is not None:
            self._receiving.failed()
            return
        body = Body(wanted=self._continue, hold=self._hold, seconds=0)
        body.ended()
        self._asked.append(_Asked(None, body, False, False, answer))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        try:
            while self._asked:
                if not await self._answer(self._asked[0]):
                    self._transport.close()
                    return
                self._asked.popleft()
                if not self._transport.is_closing() and len(self._asked) < PIPELINED:
                    self._transport.resume_reading()
        except (ClientGone, ConnectionError, asyncio.CancelledError):
            self._transport.abort()
        except BaseException as error:
            self._transport.abort()
            self._serving.failed(error)
        finally:
            self._task = None
            self._since, self._idle = time.monotonic(), True

    async def _answer(self, asked: _Asked) -> bool:
        """Whether another request may follow."""
        answer = asked.answer
        if answer is None:
            assert asked.request is not None
            answer = await self._serving.handle(asked.request)
        whole = asked.request is not None and (asked.body.complete or await _drained(asked))
        keep = asked.keep_alive and whole and not self._bad
        method = asked.request.method if asked.request is not None else ""
        await self._answers.send(answer, keep_alive=keep, head_only=method == "HEAD")
        return keep


async def _drained(asked: _Asked) -> bool:
    """Whether the rest of a body, that nobody wanted, has come."""
    if asked.expects and not asked.body.begun:
        return False
    size = 0
    async for piece in asked.body:
        size += len(piece)
        if size > UNREAD_BYTES:
            return False
    return True
