"""Connections on which a test sends bytes as they are, so that they may be wrong."""

import socket


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def answer(client: socket.socket) -> bytes:
    """All that comes until the server closes."""
    received = b""
    try:
        while piece := client.recv(65536):
            received += piece
    except ConnectionError:
        pass
    return received
