"""The port of the store over TLS, where a client can say that it leaves and keep the connection."""

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rollcall.local.store.http import Request, Response
from rollcall.local.store.port import Port
from rollcall.local.store.port_access import Access, Served
from tests.images.certificates import make_certificates

PIECES = 2000  # more than a busy machine sends before the client has said that it leaves
PIECE_BYTES = 1024 * 1024


def test_an_answer_ends_when_the_client_says_that_it_leaves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = make_certificates(tmp_path, ["localhost"])
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(made.leaf)
    sent, ended = [], threading.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            for _ in range(PIECES):
                sent.append(PIECE_BYTES)
                yield bytes(PIECE_BYTES)
        finally:
            ended.set()

    async def application(_request: Request) -> Response:
        return Response(body=pieces())

    until, loops = asyncio.Event(), []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        await Port(listener, application, Access(Served()), failed=print, tls=server_side).serve(until)

    with socket.create_server(("127.0.0.1", 0)) as listener, caplog.at_level(logging.WARNING):
        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        client_side = ssl.create_default_context(cafile=str(made.authority))
        try:
            plain = socket.create_connection(listener.getsockname())
            with client_side.wrap_socket(plain, server_hostname="localhost") as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert client.recv(1024).startswith(b"HTTP/1.1 200 OK")
                with contextlib.suppress(OSError):
                    client.unwrap()  # says that it leaves; what comes meanwhile is an error to it
                with contextlib.suppress(OSError):
                    while os.read(client.fileno(), PIECE_BYTES):  # the system takes what comes all the same
                        pass
            assert ended.wait(20)
        finally:
            loops[0].call_soon_threadsafe(until.set)
            thread.join()
    assert len(sent) < PIECES
    assert not caplog.records
