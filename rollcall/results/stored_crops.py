"""The crops of one upload in the output bucket."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rollcall.contracts.object_keys import MAX_KEY_BYTES, crops_prefix, is_crop

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def stored_crops(s3: "S3Client", bucket: str, key: str) -> Iterator[str]:
    """Keys of crops, without those of uploads whose own keys begin as they do."""
    prefix = crops_prefix(key)
    if len(prefix.encode()) >= MAX_KEY_BYTES:
        return  # S3 could not have stored one
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    for page in pages:
        yield from (item["Key"] for item in page.get("Contents", ()) if is_crop(key, item["Key"]))
