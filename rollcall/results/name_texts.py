"""The bare names of an upload as one text object, named after the upload's stem: `party/clip.mp4` has `party/clip.txt`.

Uploads of one stem (`clip.jpg`, `clip.mp4`) share it. It holds the names of the first of them by key that has a result,
whatever the order in which they are answered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from rollcall.contracts.errors import RollcallError
from rollcall.contracts.object_keys import NAMES_SUFFIX, names_key, result_key
from rollcall.results.conditional_writes import ConditionalWrites
from rollcall.results.output_files import CSV, NAMES
from rollcall.results.result import Result

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

ATTEMPTS = 5
_CSV_SUFFIX = CSV.key("")
Listed = Mapping[str, str]
"""ETags of stored outputs, by key."""


@dataclass(frozen=True, kw_only=True)
class _Stem:
    owner: str | None  # the first upload with a result, by key
    etag: str | None  # of the text, if there is one


class NameTexts:
    """Writes are conditional. Of two uploads that are answered at once, the later one by key gives way."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._writes = ConditionalWrites(s3, bucket)

    def listed(self, key: str) -> Listed | None:
        """What is stored of all uploads of this stem; None if that is more than one answer holds."""
        answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=stem_prefix(key))
        return None if answer["IsTruncated"] else _etags([answer])

    def publish(self, key: str, result: Result, metadata: Mapping[str, str], listed: Listed | None = None) -> None:
        """Call it after the CSV of this upload is written: an upload has a result if it has a CSV.

        `listed`: what `listed` returned after that.
        """
        self._write(key, result, metadata, listed, only_again=False)

    def rewrite(self, key: str, result: Result, metadata: Mapping[str, str], listed: Listed | None = None) -> None:
        """Writes only if there is a text and it is this upload's. `listed`: as for `publish`."""
        if listed is None and not self._there_is_one(key):
            return  # one request instead of a list of all the stem's outputs
        self._write(key, result, metadata, listed, only_again=True)

    def withdraw(self, key: str) -> None:
        """Call it after the CSV of this upload is deleted: the next upload gets the text, or it is deleted."""
        if not self._there_is_one(key):
            return
        stem = self._look(key)
        if stem.etag is None:
            return
        result, metadata = (None, {}) if stem.owner is None else self._read(stem.owner)
        if result is None:
            self._s3.delete_object(Bucket=self._bucket, Key=names_key(key))
        else:
            self._put(key, result, metadata, stem.etag)

    def _write(
        self, key: str, result: Result, metadata: Mapping[str, str], listed: Listed | None, *, only_again: bool
    ) -> None:
        stem = self._look(key) if listed is None else _stem(key, listed)
        for _ in range(ATTEMPTS):
            if stem.owner != key or (only_again and stem.etag is None):
                return
            if self._put(key, result, metadata, stem.etag):
                return
            stem = self._look(key)
        raise RollcallError(f"{names_key(key)}: changed {ATTEMPTS} times while it was written")

    def _there_is_one(self, key: str) -> bool:
        return self._writes.etag(names_key(key)) is not None

    def _look(self, key: str) -> _Stem:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=stem_prefix(key))
        return _stem(key, _etags(pages))

    def _put(self, key: str, result: Result, metadata: Mapping[str, str], etag: str | None) -> bool:
        """False if somebody else has written it since."""
        return self._writes.put(names_key(key), NAMES, result, metadata, etag=etag)

    def _read(self, key: str) -> tuple[Result | None, Mapping[str, str]]:
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=result_key(key))
            return Result.model_validate_json(answer["Body"].read()), answer["Metadata"]
        except self._s3.exceptions.NoSuchKey:
            return None, {}
        except ValidationError:
            return None, {}


def stem_prefix(key: str) -> str:
    """How the outputs of all uploads of this stem begin, and those of longer stems (`clip.final.mp4` beside `clip`)."""
    return names_key(key).removesuffix(NAMES_SUFFIX) + "."


def _etags(pages: "Iterable[ListObjectsV2OutputTypeDef]") -> Listed:
    return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", ())}


def _stem(key: str, listed: Listed) -> _Stem:
    text = names_key(key)
    uploads = [name.removesuffix(_CSV_SUFFIX) for name in listed if name.endswith(_CSV_SUFFIX)]
    owner = min((upload for upload in uploads if names_key(upload) == text), default=None)
    return _Stem(owner=owner, etag=listed.get(text))
