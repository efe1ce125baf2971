"""`aws-chunked`: how SDKs send a body whose checksum follows it, each chunk with a signature or without.

<hex size>[;chunk-signature=<hex>]\r\n<bytes>\r\n … 0[;chunk-signature=<hex>]\r\n[<name>:<value>\r\n …]\r\n
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Protocol

from rollcall.local.store.s3.s3_errors import S3Error

MOST_LINE_BYTES = 4096
MOST_TRAILERS = 32
SIGNATURE = "x-amz-trailer-signature"
_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-fA-F]{64}))?\s*")


class ChunkCheck(Protocol):
    """Compares the signature of each chunk and of the trailers. Raises: S3Error."""

    def chunk(self, signature: str, digest: str) -> None: ...
    def trailer(self, signature: str, lines: bytes) -> None: ...


class Decoder:
    """`feed` it the body; `end` tells the trailers. Raises: S3Error."""

    def __init__(self, check: ChunkCheck | None = None) -> None:
        self._check = check
        self._buffer = b""
        self._left = 0  # of the chunk that is being read
        self._state = "size"
        self._signature = ""
        self._digest = hashlib.sha256()
        self.trailers: dict[str, str] = {}
        self._trailing = b""

    def feed(self, content: bytes) -> Iterator[bytes]:
        self._buffer += content
        while self._buffer:
            if self._state == "bytes":
                yield self._take()
            elif (line := self._line()) is None:
                return
            else:
                self._read(line)

    def end(self) -> dict[str, str]:
        if self._state == "trailers":
            self._state = "done"  # some leave the last empty line out
        if self._state != "done":
            raise S3Error("IncompleteBody")
        if self._check is not None and self._trailing and SIGNATURE not in self.trailers:
            raise S3Error("SignatureDoesNotMatch")
        return self.trailers

    def _take(self) -> bytes:
        piece, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
        self._left -= len(piece)
        if self._check is not None:
            self._digest.update(piece)
        if not self._left:
            self._state = "gap"
            self._verify()
        return piece

    def _line(self) -> bytes | None:
        line, found, rest = self._buffer.partition(b"\r\n")
        if len(line) > MOST_LINE_BYTES:
            raise S3Error("InvalidRequest", "A line of the aws-chunked body is too long.")
        if not found:
            return None
        self._buffer = rest
        return line

    def _read(self, line: bytes) -> None:
        if self._state == "gap":
            self._expect(not line)
            self._state = "size"
        elif self._state == "size":
            self._begin(line)
        elif self._state == "trailers":
            self._trailer(line)
        else:
            self._expect(False)

    def _begin(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        self._expect(found is not None)
        assert found is not None
        self._left = int(found[1], 16)
        self._signature = (found[2] or b"").decode()
        self._state = "bytes" if self._left else "trailers"
        if not self._left:
            self._verify()

    def _verify(self) -> None:
        if self._check is not None:
            self._check.chunk(self._signature, self._digest.hexdigest())
            self._digest = hashlib.sha256()

    def _trailer(self, line: bytes) -> None:
        if not line:
            self._state = "done"
            return
        name, _, value = line.decode("latin-1").partition(":")
        self._expect(len(self.trailers) < MOST_TRAILERS)
        if name.lower().strip() == SIGNATURE:
            if self._check is not None:
                self._check.trailer(value.strip(), self._trailing)
        else:
            self._trailing += name.lower().strip().encode() + b":" + value.strip().encode() + b"\n"
        self.trailers[name.lower().strip()] = value.strip()

    @staticmethod
    def _expect(holds: bool) -> None:
        if not holds:
            raise S3Error("InvalidRequest", "The body is not well-formed aws-chunked data.")
