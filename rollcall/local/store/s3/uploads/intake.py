"""The bytes of one upload, from the connection into a blob, with every check that the client asked for.

Memory stays flat: a small body is kept until its transaction, a large one goes to the file a piece at a time.
"""

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from rollcall.local.store.s3.files.assembly import PartInPlace
from rollcall.local.store.s3.files.blobs import Blobs, NewBlob
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.uploads import checksums
from rollcall.local.store.s3.uploads.checksums import Digests
from rollcall.local.store.s3.uploads.chunked import ChunkCheck, Decoder

MOST_BYTES = 5 * 1024**3
SMALL_BYTES = 128 * 1024  # is in the transaction, so that only the log has to be synced
PIECE_BYTES = 1024 * 1024
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What the headers say about the body."""

    length: int | None  # on the wire
    decoded_length: int | None
    chunked: bool
    md5: bytes | None
    sha256: str | None
    checksum: tuple[str, str | None] | None
    also: str | None = None  # an algorithm that is wanted whatever the client sends


@dataclass(frozen=True, kw_only=True)
class Received:
    """A body that is whole and right. Exactly one of `content` and `blob` is there."""

    size: int
    etag: str
    algorithm: str
    checksum: str
    content: bytes | None = None
    blob: NewBlob | PartInPlace | None = None

    def discard(self) -> None:
        if self.blob is not None:
            self.blob.discard()


def promise_of(headers: Mapping[str, str], also: str | None = None, *, of_body: bool = True) -> Promise:
    """`of_body`: a checksum among the headers is that of the body. Raises: S3Error."""
    sha256 = headers.get("x-amz-content-sha256", "")
    chunked = sha256.startswith("STREAMING-") or ("x-amz-decoded-content-length" in headers and not sha256)
    length = _length(headers, "content-length")
    if length is None and headers.get("transfer-encoding", "").lower() != "chunked":
        raise S3Error("MissingContentLength")
    decoded = _length(headers, "x-amz-decoded-content-length") if chunked else length
    if max(length or 0, decoded or 0) > MOST_BYTES * (2 if chunked else 1) or (decoded or 0) > MOST_BYTES:
        raise S3Error("EntityTooLarge", ProposedSize=str(decoded), MaxSizeAllowed=str(MOST_BYTES))
    if sha256 and not chunked and sha256 != "UNSIGNED-PAYLOAD" and not _HASH.fullmatch(sha256):
        raise S3Error(
            "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- value or a valid sha256 value.",
        )
    return Promise(
        length=length,
        decoded_length=decoded,
        chunked=chunked,
        md5=md5_of(headers),
        sha256=sha256 if _HASH.fullmatch(sha256) else None,
        checksum=checksums.sent_with(headers) if of_body else None,
        also=also,
    )


@dataclass(kw_only=True)
class Intake:
    blobs: Blobs
    executor: Executor
    promise: Promise
    check: ChunkCheck | None = None
    most: int = MOST_BYTES
    place: Callable[[], PartInPlace | None] = lambda: None  # where a large body goes, if not into a file of its own
    _pieces: list[bytes] = field(default_factory=list)
    _waiting: int = 0
    _size: int = 0
    _blob: NewBlob | PartInPlace | None = None

    async def receive(self, body: AsyncIterator[bytes]) -> Callable[[], Received]:
        """Take the whole body. What is returned belongs on a thread: it checks the body. Raises: S3Error."""
        sent = self.promise.checksum[0] if self.promise.checksum else None
        self._algorithm = sent or self.promise.also or checksums.DEFAULT
        wanted = {self._algorithm, self.promise.also or self._algorithm}
        self._digests = Digests(wanted, sha256=self.promise.sha256 is not None)
        decoder = Decoder(self.check) if self.promise.chunked else None
        try:
            async for chunk in body:
                for piece in decoder.feed(chunk) if decoder else (chunk,):
                    await self._take(piece)
            trailers = decoder.end() if decoder else {}
            if self._blob is not None and self._pieces:
                await self._on_thread(self._flush)
        except BaseException:
            if self._blob is not None:
                self._blob.discard()
            raise
        return lambda: self._finish(trailers)

    @property
    def small(self) -> bool:
        """Once it has been received: it is in memory."""
        return self._blob is None

    async def _take(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._waiting += len(piece)
        self._size += len(piece)
        if self._size > self.most:
            raise S3Error("EntityTooLarge", ProposedSize=str(self._size), MaxSizeAllowed=str(self.most))
        if self._waiting >= (PIECE_BYTES if self._blob else SMALL_BYTES + 1):
            await self._on_thread(self._flush)

    async def _on_thread(self, work: Callable[[], None]) -> None:
        running = asyncio.get_running_loop().run_in_executor(self.executor, work)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])  # it uses the file, which is closed next
            raise

    def _flush(self) -> None:
        if self._blob is None:
            self._blob = self.place() or self.blobs.create()
        content = b"".join(self._pieces)
        self._pieces, self._waiting = [], 0
        self._digests.update(content)
        self._blob.write(content)

    def _finish(self, trailers: Mapping[str, str]) -> Received:
        try:
            content = None if self._blob is not None else b"".join(self._pieces)
            if content is not None:
                self._digests.update(content)
            values = self._digests.values()
            self._compare(values, trailers)
        except BaseException:
            if self._blob is not None:
                self._blob.discard()
            raise
        algorithm = self.promise.also or self._algorithm
        return Received(
            size=self._size,
            etag=self._digests.md5.hex(),
            algorithm=algorithm,
            checksum=values[algorithm],
            content=content,
            blob=self._blob,
        )

    def _compare(self, values: Mapping[str, str], trailers: Mapping[str, str]) -> None:
        promise = self.promise
        if promise.decoded_length is not None and self._size != promise.decoded_length:
            raise S3Error("IncompleteBody")
        if promise.sha256 is not None and self._digests.sha256 != promise.sha256:
            raise S3Error(
                "XAmzContentSHA256Mismatch",
                ClientComputedContentSHA256=promise.sha256,
                S3ComputedContentSHA256=self._digests.sha256,
            )
        if promise.md5 is not None and self._digests.md5 != promise.md5:
            raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
        if promise.checksum is not None:
            self._compare_checksum(*promise.checksum, values, trailers)

    @staticmethod
    def _compare_checksum(
        algorithm: str, value: str | None, values: Mapping[str, str], trailers: Mapping[str, str]
    ) -> None:
        if value is None:
            header = f"x-amz-checksum-{algorithm.lower()}"
            if header not in trailers:
                raise S3Error("InvalidRequest", f"The trailer {header} is missing.")
            value = trailers[header]
            checksums.check_form(algorithm, value, header)
        if values[algorithm] != value:
            raise S3Error("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


async def small_body(body: AsyncIterator[bytes], promise: Promise, most: int, check: ChunkCheck | None) -> bytes:
    """A document, such as a configuration. Raises: S3Error."""
    pieces: list[bytes] = []
    decoder = Decoder(check) if promise.chunked else None
    size = 0
    async for chunk in body:
        for piece in decoder.feed(chunk) if decoder else (chunk,):
            size += len(piece)
            if size > most:
                raise S3Error("MaxMessageLengthExceeded", MaxMessageLengthBytes=str(most))
            pieces.append(piece)
    trailers = decoder.end() if decoder else {}
    return _checked(b"".join(pieces), promise, trailers)


def _checked(content: bytes, promise: Promise, trailers: Mapping[str, str]) -> bytes:
    if promise.sha256 is not None and hashlib.sha256(content).hexdigest() != promise.sha256:
        raise S3Error("XAmzContentSHA256Mismatch")
    if promise.md5 is not None and hashlib.md5(content, usedforsecurity=False).digest() != promise.md5:
        raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
    if promise.checksum is not None:
        algorithm, value = promise.checksum
        value = value if value is not None else trailers.get(f"x-amz-checksum-{algorithm.lower()}")
        if value != checksums.of_bytes(algorithm, content):
            raise S3Error("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
    return content


def _length(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name)
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,18}", text):
        raise S3Error("InvalidArgument", f"The value of {name} is not valid.")
    return int(text)


def md5_of(headers: Mapping[str, str]) -> bytes | None:
    text = headers.get("content-md5")
    if text is None:
        return None
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != hashlib.md5(usedforsecurity=False).digest_size:
        raise S3Error("InvalidDigest", "The Content-MD5 you specified is not valid.")
    return found
