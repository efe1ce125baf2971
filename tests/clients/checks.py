"""What is looked at after a client has done its work."""

import ssl
import urllib.request
from pathlib import Path
from typing import Any

from tests.clients.endpoint import Endpoint


def objects(s3: Any, bucket: str, prefix: str = "") -> dict[str, bytes]:
    """All content by key."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_multipart(s3: Any, bucket: str, key: str) -> bool:
    return "-" in s3.head_object(Bucket=bucket, Key=key)["ETag"]


def fetched(endpoint: Endpoint, url: str) -> bytes:
    """What somebody without keys gets at a presigned address."""
    context = None if endpoint.authority is None else ssl.create_default_context(cafile=str(endpoint.authority))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(url, timeout=20) as answer:
        content: bytes = answer.read()
    return content
