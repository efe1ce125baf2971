"""The body of a request, as it comes from a connection and is read by a service."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

from rollcall.contracts.errors import RollcallError

HIGH_BYTES = 512 * 1024  # that wait to be read, before the client has to wait
BODY_SECONDS = 20.0  # for a body to arrive, and a second more for each so many bytes:
BODY_RATE = 8 * 1024


class ClientGone(RollcallError, ConnectionError):
    """The client went away, or was too slow, in the middle of a request."""


class Body:
    """Read once, piece by piece, with `async for`. `wanted` is called when somebody begins to read."""

    def __init__(self, *, wanted: Callable[[], None], hold: Callable[[bool], None], seconds: float) -> None:
        self.begun = False
        self.complete = False
        self._pieces: deque[bytes] = deque()
        self._buffered = 0
        self._received = 0
        self._wanted = wanted
        self._hold = hold
        self._seconds = seconds
        self._since = time.monotonic()
        self._waiter: asyncio.Future[None] | None = None
        self._error: ClientGone | None = None

    def __aiter__(self) -> "Body":
        return self

    async def __anext__(self) -> bytes:
        if not self.begun:
            self.begun = True
            self._wanted()
        while not self._pieces:
            if self.complete:
                raise StopAsyncIteration
            if self._error is not None:
                raise self._error
            await self._wait()
        piece = self._pieces.popleft()
        if self._buffered >= HIGH_BYTES > self._buffered - len(piece):
            self._hold(False)
        self._buffered -= len(piece)
        return piece

    def overdue(self, now: float) -> bool:
        """Whether somebody has waited for it too long."""
        return self._waiter is not None and now - self._since > self._seconds + self._received / BODY_RATE

    def came(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._received += len(piece)
        if self._buffered + len(piece) >= HIGH_BYTES:
            self._hold(True)
        self._buffered += len(piece)
        self._wake()

    def ended(self) -> None:
        self.complete = True
        self._wake()

    def failed(self) -> None:
        self._error = ClientGone("the client went away")
        self._wake()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def read_whole(body: AsyncIterator[bytes], *, most: int) -> bytes | None:
    """None where it is longer than `most` bytes."""
    pieces: list[bytes] = []
    size = 0
    async for piece in body:
        size += len(piece)
        if size > most:
            return None
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
