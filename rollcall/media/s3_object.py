"""An upload in S3, fetched in streams by the client of all other AWS calls."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from rollcall.contracts.errors import MediaError, SourceUnavailable, TooSlow
from rollcall.contracts.events import Upload
from rollcall.contracts.s3_absence import is_gone
from rollcall.contracts.uploads import Latest, latest, latest_of
from rollcall.media.range_server import RangeServer
from rollcall.media.source import HEAD_BYTES, Input, Source

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 1 << 18
PAUSES = (0.1, 1.0, 4.0)  # seconds before a stream that broke off is taken up again, without a byte in between
_BROKEN_OFF = (BotoCoreError, HTTPError, OSError)
_BEYOND_THE_END = "InvalidRange"


class S3Object(Source):
    def __init__(self, s3: "S3Client", upload: Upload, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._s3 = s3
        self._upload = upload
        self._sleep = sleep
        self._size = 0

    @classmethod
    def newest(cls, s3: "S3Client", bucket: str, key: str) -> "tuple[Latest, S3Object] | None":
        """What a GET of the key would return now, with its first bytes, by one request; None if it is deleted."""
        try:
            answer = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{HEAD_BYTES - 1}")
        except ClientError as error:
            if is_gone(error):
                return None
            if error.response["Error"]["Code"] != _BEYOND_THE_END:
                raise
            empty = latest(s3, bucket, key)
            return None if empty is None else (empty, cls(s3, empty.upload))
        found = latest_of(answer, bucket, key, size=int(answer["ContentRange"].rpartition("/")[2]))
        source = cls(s3, found.upload)
        with suppress(*_BROKEN_OFF), closing(answer["Body"]) as body:  # a stream that broke off is read again later
            source.head = body.read()
            source._size = found.size
        return found, source

    @property
    def size(self) -> int:
        """The size of the upload in bytes."""
        if not self._size:
            self._read(0, 1)
        return self._size

    @contextmanager
    def opened(self) -> Iterator[Input]:
        started = time.monotonic()
        with RangeServer(self) as server:
            try:
                yield server
            except MediaError as error:
                failure = server.failure or _too_slow_to_come(error, server.waited, time.monotonic() - started)
                if failure is None:
                    raise
                raise failure from None

    def stream(self, start: int, end: int) -> Generator[bytes, None, None]:
        """Chunks of the bytes from `start` to before `end`; a broken connection is made again where it broke."""
        pauses = iter(PAUSES)
        while start < end:
            body = self._get(start, end)
            if body is None:
                return
            try:
                with closing(body):
                    while chunk := body.read(CHUNK_BYTES):
                        start += len(chunk)
                        pauses = iter(PAUSES)
                        yield chunk
                return
            except _BROKEN_OFF as error:
                pause = next(pauses, None)
                if pause is None:
                    raise _unavailable(error) from None
                self._sleep(pause)

    def _read(self, offset: int, size: int) -> bytes:
        return b"".join(self.stream(offset, offset + size))

    def _get(self, start: int, end: int) -> "StreamingBody | None":
        """The response; None where the object ends before `start`."""
        upload = self._upload
        try:
            answer = self._s3.get_object(
                Bucket=upload.bucket, Key=upload.key, VersionId=upload.version, Range=f"bytes={start}-{end - 1}"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == _BEYOND_THE_END:
                return None
            raise _unavailable(error) from None
        except BotoCoreError as error:  # what it raises, it has tried several times
            raise _unavailable(error) from None
        self._size = int(answer["ContentRange"].rpartition("/")[2])
        return answer["Body"]


def _unavailable(error: Exception) -> SourceUnavailable:
    told = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    return SourceUnavailable(f"the upload could not be fetched: {told}")


def _too_slow_to_come(error: MediaError, waited: float, elapsed: float) -> SourceUnavailable | None:
    """The error in place of TooSlow if S3 took the time: the owner's file is not to blame."""
    if not isinstance(error, TooSlow) or waited < elapsed / 2:
        return None
    return SourceUnavailable(f"the upload came too slowly: {waited:.0f} of {elapsed:.0f} s were spent waiting for it")
