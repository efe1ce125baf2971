"""Writes a result into the output bucket so that it ends up whole, however often it is written."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rollcall.contracts.events import Upload
from rollcall.contracts.object_keys import crops_prefix, is_crop
from rollcall.contracts.s3_absence import is_gone
from rollcall.results.name_texts import Listed, NameTexts, stem_prefix
from rollcall.results.output_files import CROPS, RESULT, beside_json, stored_keys
from rollcall.results.result import Failure, Result
from rollcall.results.stored_crops import stored_crops

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DELETE_AT_ONCE = 1000  # keys in one DeleteObjects request, S3's limit


@dataclass(frozen=True, kw_only=True)
class Publication:
    result: Result | Failure
    crops: dict[str, bytes] = field(default_factory=dict)  # JPEG by output key
    enrolled: dict[str, frozenset[str]] = field(default_factory=dict)  # faces of the people in it, by name


class Publisher:
    def __init__(self, s3: "S3Client", bucket: str, *, name_texts: bool = False) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._texts = NameTexts(s3, bucket)
        self._name_texts = name_texts

    def publish(self, upload: Upload, publication: Publication) -> None:
        """The JSON comes last: a client that sees it finds everything it names, and nothing of an earlier upload."""
        result = publication.result
        for key, crop in publication.crops.items():
            self._put(upload, key, crop, CROPS.content_type)
        beside = [*beside_json()]
        if isinstance(result, Result):
            for file in beside:
                self._put(upload, file.key(upload.key), file.body(result), file.content_type)
        listed = self._texts.listed(upload.key)
        obsolete = [key for key in self._crops(upload.key, listed) if key not in publication.crops]
        if isinstance(result, Failure):
            obsolete += [file.key(upload.key) for file in beside]
        self._delete(obsolete)
        self._publish_names(upload, result, listed)
        self._put(upload, RESULT.key(upload.key), result.model_dump_json(indent=2).encode(), RESULT.content_type)

    def withdraw(self, upload: Upload) -> None:
        """Deletes what `publish` wrote for this upload and no other has replaced since, the JSON first."""
        crops = stored_crops(self._s3, self._bucket, upload.key)
        self._delete([key for key in itertools.chain(stored_keys(upload.key), crops) if self._is_of(upload, key)])
        self._texts.withdraw(upload.key)

    def _is_of(self, upload: Upload, key: str) -> bool:
        try:
            head = self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if is_gone(error):
                return False
            raise
        return head["Metadata"] == _metadata(upload)

    def _crops(self, key: str, listed: Listed | None) -> Iterable[str]:
        """The crops of this upload that are stored. Without an ending, its key does not begin as its stem's outputs."""
        if listed is None or not crops_prefix(key).startswith(stem_prefix(key)):
            return stored_crops(self._s3, self._bucket, key)
        return (output for output in listed if is_crop(key, output))

    def _publish_names(self, upload: Upload, result: Result | Failure, listed: Listed | None) -> None:
        """Keeps a text true that was written while the setting was on: nothing else would ever change it."""
        if isinstance(result, Failure):
            self._texts.withdraw(upload.key)
        elif self._name_texts:
            self._texts.publish(upload.key, result, _metadata(upload), listed)
        else:
            self._texts.rewrite(upload.key, result, _metadata(upload), listed)

    def _put(self, upload: Upload, key: str, body: bytes, content_type: str) -> None:
        self._s3.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=body,
            ContentType=content_type,
            Metadata=_metadata(upload),
        )

    def _delete(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), DELETE_AT_ONCE):
            batch = keys[start : start + DELETE_AT_ONCE]
            self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in batch]})


def _metadata(upload: Upload) -> dict[str, str]:
    # not in the JSON: the same video gives the same bytes; here a client that waits can tell which upload
    return {"job": upload.job, "version": upload.version}
