"""Objects of the stage-1 bucket, one version each. What a late worker wrote for a deleted upload is removed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from rollcall.contracts.errors import Superseded

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class _Where(TypedDict, total=False):
    Bucket: str
    Key: str
    VersionId: str


@dataclass(frozen=True)
class StoredObject:
    bucket: str
    key: str
    version: str | None  # a newer upload may have put another object under the same key

    @property
    def where(self) -> _Where:
        """The version as arguments for boto3."""
        where = _Where(Bucket=self.bucket, Key=self.key)
        if self.version is not None:
            where["VersionId"] = self.version
        return where


@contextmanager
def removed_if_moot(s3: "S3Client", stored: StoredObject) -> Iterator[None]:
    """Deletes that version if the block raises Superseded. Ask after the write, so that no deletion is missed."""
    try:
        yield
    except Superseded:
        if stored.version is not None:
            s3.delete_object(Bucket=stored.bucket, Key=stored.key, VersionId=stored.version)
        raise
