"""Frames over a socket between a process and its child, with a deadline: a length, then the bytes."""

import socket
import struct
import time
from collections.abc import Iterable
from itertools import chain

from rollcall.contracts.errors import RollcallError

_LENGTH = struct.Struct("<Q")


class PeerGone(RollcallError, ConnectionError):
    """The other end is closed: its process has ended."""


class Channel:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, frame: bytes | bytearray | memoryview, *, deadline: float | None = None) -> None:
        """`deadline` is a time of `time.monotonic`; TimeoutError when it passes."""
        body = memoryview(frame).cast("B")
        self.send_parts([body], length=len(body), deadline=deadline)

    def send_parts(self, parts: Iterable[bytes | memoryview], *, length: int, deadline: float | None = None) -> None:
        """One frame whose parts are made while they are sent; `length`: bytes of all parts."""
        try:
            for part in chain([_LENGTH.pack(length)], parts):
                self._connection.settimeout(_left(deadline))
                self._connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise PeerGone("the process has ended") from error

    def receive(self, *, most: int, deadline: float | None = None) -> bytearray:
        """Raises ValueError for a frame over `most` bytes, before it is read."""
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
        if length > most:
            raise ValueError(f"a frame of {length} bytes; at most {most} are expected")
        return self._read(length, deadline)

    def close(self) -> None:
        self._connection.close()

    def _read(self, length: int, deadline: float | None) -> bytearray:
        frame = bytearray(length)
        rest = memoryview(frame)
        while rest:
            self._connection.settimeout(_left(deadline))
            try:
                count = self._connection.recv_into(rest)
            except ConnectionResetError as error:
                raise PeerGone("the process has ended") from error
            if count == 0:
                raise PeerGone("the process has ended")
            rest = rest[count:]
        return frame


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("out of time")
    return left
