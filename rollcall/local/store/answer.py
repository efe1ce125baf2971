"""Sending answers on a connection, no faster than the client takes them."""

import asyncio
import os
import time
from email.utils import formatdate
from http import HTTPStatus

from rollcall.local.store.http import FileRange, Response
from rollcall.local.store.request_body import ClientGone

PIECE_BYTES = 1024 * 1024  # of a file that are read at once, in a thread
AT_ONCE_BYTES = 128 * 1024  # of a file, that are read without one: they are in the system's memory, mostly
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_WITHOUT_BODY = frozenset({204, 304})


class AnswerSender:
    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._room: asyncio.Future[None] | None = None
        self._full_since: float | None = None
        self._lost = False
        self.begun = False  # one is being sent

    def pause(self) -> None:
        self._full_since = time.monotonic()

    def resume(self) -> None:
        self._full_since = None
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def lost(self) -> None:
        self._lost = True
        if self._room is not None and not self._room.done():
            self._room.set_exception(ClientGone("the client went away"))

    def stuck(self, now: float, seconds: float) -> bool:
        """Whether the client has taken nothing for so long."""
        return self._full_since is not None and now - self._full_since > seconds

    async def send(self, answer: Response, *, keep_alive: bool, head_only: bool) -> None:
        self.begun = True
        await self._send(answer, keep_alive=keep_alive, head_only=head_only)
        await self._taken()
        self.begun = False

    async def _send(self, answer: Response, *, keep_alive: bool, head_only: bool) -> None:
        body = answer.body
        without = head_only or answer.status in _WITHOUT_BODY
        chunked = not (isinstance(body, bytes | FileRange) or "content-length" in answer.headers)
        head = _head(answer, keep_alive=keep_alive, chunked=chunked, without=answer.status in _WITHOUT_BODY)
        if isinstance(body, bytes):
            self._transport.write(head if without else head + body)
        elif isinstance(body, FileRange):
            try:
                if without:
                    self._transport.write(head)
                else:
                    await self._send_file(body, head)
            finally:
                os.close(body.descriptor)
        else:
            self._transport.write(head)
            async for piece in body:
                if piece and not without:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                    await self._taken()
            if chunked and not without:
                self._transport.write(b"0\r\n\r\n")

    async def _send_file(self, part: FileRange, head: bytes) -> None:
        position, end = part.start, part.start + part.length
        if position == end:
            self._transport.write(head)
        while position < end:
            size = min(PIECE_BYTES, end - position)
            if part.length <= AT_ONCE_BYTES:
                piece = os.pread(part.descriptor, size, position)
            else:
                piece = await asyncio.to_thread(os.pread, part.descriptor, size, position)
            if not piece:
                raise ClientGone("the file has become shorter")
            self._transport.write(head + piece if head else piece)
            head = b""
            position += len(piece)
            await self._taken()

    async def _taken(self) -> None:
        # over TLS, a client says that it leaves before the connection ends: what is written then goes nowhere, at once
        if self._lost or self._transport.is_closing():
            raise ClientGone("the client went away")
        if self._full_since is None:
            return
        self._room = asyncio.get_running_loop().create_future()
        try:
            await self._room
        finally:
            self._room = None


class _Clock:
    """The date of answers, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def text(self) -> str:
        now = int(time.time())
        if now != self._second:
            self._second, self._text = now, formatdate(now, usegmt=True)
        return self._text


_clock = _Clock()


def _head(answer: Response, *, keep_alive: bool, chunked: bool, without: bool) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}", f"date: {_clock.text()}"]
    lines += [f"{name}: {_one_line(value)}" for name, value in answer.headers.items()]
    if without:
        pass
    elif chunked:
        lines.append("transfer-encoding: chunked")
    elif "content-length" not in answer.headers:
        lines.append(f"content-length: {_length(answer)}")
    if not keep_alive:
        lines.append("connection: close")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1", "replace")


def _length(answer: Response) -> int:
    body = answer.body
    assert isinstance(body, bytes | FileRange)
    return len(body) if isinstance(body, bytes) else body.length


def _one_line(value: str) -> str:
    return value if value.isprintable() else value.replace("\r", " ").replace("\n", " ")
