"""Uploads a file of a watched folder, unless the bucket has it as it is."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from rollcall.cli.watch.watched_files import Seen, WatchedFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STATE = "watched-state"  # metadata of the object: size and time of the file
DIGEST = "watched-sha256"
PIECE_BYTES = 1024 * 1024
PUT_BYTES = 8 * PIECE_BYTES  # up to here a file is put by one request

Outcome = Literal["uploaded", "known", "changed"]


def upload_once(s3: "S3Client", bucket: str, file: WatchedFile, *, again: bool) -> Outcome:
    """`changed`: it is another file by now, or still written to. `again`: it changed since it was uploaded.

    Raises OSError for the file, and botocore's errors.
    """
    stored = _metadata(s3, bucket, file.key)
    state = f"{file.seen.size} {file.seen.modified}"
    if stored.get(STATE) == state and not again:
        return "known"
    with _opened(file) as content:
        if content is None:
            return "changed"
        digest = _digest(content)
        if stored.get(DIGEST) == digest:  # its times alone are others
            return "known"
        if Seen.of(os.fstat(content.fileno())) != file.seen:
            return "changed"
        _put(s3, bucket, file.key, content, {STATE: state, DIGEST: digest})
    return "uploaded"


def _metadata(s3: "S3Client", bucket: str, key: str) -> Mapping[str, str]:
    try:
        return s3.head_object(Bucket=bucket, Key=key)["Metadata"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchKey"}:
            raise
        return {}


@contextmanager
def _opened(file: WatchedFile) -> Iterator[IO[bytes] | None]:
    """None where the path leads to another file than was looked at, such as by a link that was put there since."""
    descriptor = os.open(file.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as content:
        yield content if Seen.of(os.fstat(descriptor)) == file.seen else None


def _digest(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := content.read(PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _put(s3: "S3Client", bucket: str, key: str, content: IO[bytes], metadata: dict[str, str]) -> None:
    content.seek(0)
    if os.fstat(content.fileno()).st_size <= PUT_BYTES:
        s3.put_object(Bucket=bucket, Key=key, Body=content.read(PUT_BYTES + 1), Metadata=metadata)
    else:
        # by the name of the open file, so that its parts are streamed, and are of this file whatever the path is now
        s3.upload_file(str(Path("/dev/fd") / str(content.fileno())), bucket, key, ExtraArgs={"Metadata": metadata})
