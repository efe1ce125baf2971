"""Writes into the output bucket that give way to whoever wrote the object meanwhile."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import ClientError

from rollcall.contracts.s3_absence import is_changed, is_gone
from rollcall.results.output_files import OutputFile
from rollcall.results.result import Result

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class _Condition(TypedDict, total=False):
    IfMatch: str
    IfNoneMatch: str


class ConditionalWrites:
    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def etag(self, key: str) -> str | None:
        """None if there is no such object."""
        try:
            return self._s3.head_object(Bucket=self._bucket, Key=key)["ETag"]
        except ClientError as error:
            if is_gone(error):
                return None
            raise

    def put(self, key: str, file: OutputFile, result: Result, metadata: Mapping[str, str], *, etag: str | None) -> bool:
        """`etag`: of the object that is replaced; None: there must be none. False if that is so no longer."""
        condition = _Condition(IfNoneMatch="*") if etag is None else _Condition(IfMatch=etag)
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=file.body(result),
                ContentType=file.content_type,
                Metadata=metadata,
                **condition,
            )
        except ClientError as error:
            if is_changed(error):
                return False
            raise
        return True
