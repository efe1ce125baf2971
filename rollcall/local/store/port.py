"""The listening side: accepts connections, bounds how many there are, and hangs up on those that are too slow."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable

from rollcall.local.store.connection import HEAD_SECONDS, Connection, Handle, Serving
from rollcall.local.store.port_access import Access, too_large
from rollcall.local.store.request_body import BODY_SECONDS

CONNECTIONS = 1024
WAITING_CONNECTIONS = 512  # of them: for a request
LOOK_SECONDS = 1.0
LEAVE_SECONDS = 5.0  # for answers that are on their way at the end


class Port:
    """`failed` is told of errors that no client is answered with."""

    def __init__(
        self,
        listener: socket.socket,
        handle: Handle,
        access: Access,
        *,
        failed: Callable[[BaseException], None],
        tls: ssl.SSLContext | None = None,
        head_seconds: float = HEAD_SECONDS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._listener = listener
        self._tls = tls
        self._open: dict[Connection, None] = {}  # the oldest first
        self._look_seconds = min(LOOK_SECONDS, head_seconds / 2)
        self._serving = Serving(
            handle=handle,
            refuse=access.refuse,
            too_large=too_large,
            opened=self._opened,
            closed=self._closed,
            failed=failed,
            scheme="http" if tls is None else "https",
            head_seconds=head_seconds,
            body_seconds=body_seconds,
        )

    async def serve(self, until: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self._serving), sock=self._listener, ssl=self._tls)
        watch = loop.create_task(self._watch())
        try:
            await until.wait()
        finally:
            watch.cancel()
            server.close()
            await self._leave()

    async def _leave(self) -> None:
        for connection in list(self._open):
            connection.finish()
        end = time.monotonic() + LEAVE_SECONDS
        while self._open and time.monotonic() < end:
            await asyncio.sleep(0.01)
        for connection in list(self._open):
            connection.abort()
        await asyncio.sleep(0)

    def _opened(self, connection: Connection) -> None:
        self._open[connection] = None
        if len(self._open) > CONNECTIONS:
            self._hang_up(next(iter(self._open)))
        elif len(self._open) > WAITING_CONNECTIONS:
            waiting = [other for other in self._open if other.waiting]
            if len(waiting) > WAITING_CONNECTIONS:
                self._hang_up(waiting[0])

    def _closed(self, connection: Connection) -> None:
        self._open.pop(connection, None)

    def _hang_up(self, connection: Connection) -> None:
        self._open.pop(connection, None)
        connection.abort()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            now = time.monotonic()
            for connection in [connection for connection in self._open if connection.overdue(now)]:
                with contextlib.suppress(Exception):
                    self._hang_up(connection)
