"""An S3 client for signing URLs that others will call."""

from typing import TYPE_CHECKING, Any, Literal

from botocore.config import Config

from rollcall.runtime.function_clients import s3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def signing_s3(**settings: Any) -> "S3Client":
    """`settings`: of the client, as botocore's Config takes them.

    By default boto3 signs for S3's global host. That host sends callers of a new bucket on to the bucket's region,
    where the signature no longer fits. It does not serve newer regions at all. If asked for the bucket's own host,
    boto3 signs for the region's. URLs of encrypted objects need this version of the signature.
    """
    client = _s3("virtual", settings)
    if ".amazonaws.com" in client.meta.endpoint_url:
        return client
    return _s3("path", settings)  # what stands in for AWS has one host for all buckets


def _s3(style: Literal["virtual", "path"], settings: dict[str, Any]) -> "S3Client":
    return s3(Config(signature_version="s3v4", s3={"addressing_style": style}, **settings))
