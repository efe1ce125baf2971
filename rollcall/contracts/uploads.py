"""The input bucket as the stages see it: which version of a key counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from rollcall.contracts.errors import Superseded
from rollcall.contracts.events import Upload
from rollcall.contracts.s3_absence import is_gone

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ANSWERED = "answered"  # metadata of an upload
UNVERSIONED = "null"  # S3's own name for the version of an unversioned object


@dataclass(frozen=True, slots=True)
class Latest:
    upload: Upload
    size: int  # bytes
    answered: bool = False  # its result exists already: the HTTP API answered it before it stored it here


def latest(s3: "S3Client", bucket: str, key: str) -> Latest | None:
    """The version that a GET of the key would return now; None if the object is deleted."""
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if is_gone(error):
            return None
        raise
    return latest_of(head, bucket, key, size=head["ContentLength"])


def latest_of(answer: Mapping[str, Any], bucket: str, key: str, *, size: int) -> Latest:
    """Read what S3 answers to a GET or HEAD of the key without a version."""
    version = answer.get("VersionId", UNVERSIONED)
    return Latest(
        upload=Upload(bucket=bucket, key=key, version=version), size=size, answered=ANSWERED in answer["Metadata"]
    )


def require_latest(s3: "S3Client", upload: Upload) -> None:
    now = latest(s3, upload.bucket, upload.key)
    if now is None or now.upload != upload:
        raise Superseded(f"version {upload.version} of the upload is {'deleted' if now is None else 'replaced'}")
