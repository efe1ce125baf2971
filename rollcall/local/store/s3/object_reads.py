"""GetObject, HeadObject and GetObjectAttributes."""

import os
import re
from typing import Any

from rollcall.local.store.http import FileRange
from rollcall.local.store.s3 import object_conditions as conditions
from rollcall.local.store.s3 import versions
from rollcall.local.store.s3.bucket_settings.tagging import count
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.ranges import Span, part_span, span_of
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.versions import Version
from rollcall.local.store.s3.writing import http_date

OVERRIDES = {
    "response-cache-control": "ResponseCacheControl",
    "response-content-disposition": "ResponseContentDisposition",
    "response-content-encoding": "ResponseContentEncoding",
    "response-content-language": "ResponseContentLanguage",
    "response-content-type": "ResponseContentType",
    "response-expires": "ResponseExpires",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
TRIES = 3  # the version may be replaced between looking it up and opening its file
MOST_PARTS = 1000


def get_object(call: Call) -> Answer:
    for _ in range(TRIES - 1):
        try:
            return _get(call)
        except FileNotFoundError:
            continue
    return _get(call)


def head_object(call: Call) -> Answer:
    version, span = _wanted(call)
    return Answer(headers=_headers(call, version, span), status=_status(span))


def get_object_attributes(call: Call) -> Answer:
    version = versions.wanted(call.reader, call.bucket, call.key, call.get("VersionId"))
    conditions.check_reading(call.headers, version)
    asked = {name.strip() for name in call.get("ObjectAttributes", "").split(",")}
    described = version.described
    found: dict[str, Any] = {
        "ETag": version.etag,
        "Checksum": {f"Checksum{described.algorithm}": described.checksum, "ChecksumType": described.checksum_type},
        "ObjectParts": _parts(call, version) if described.parts else None,
        "StorageClass": described.storage_class,
        "ObjectSize": version.size,
    }
    if not asked or not asked <= found.keys():
        raise S3Error("InvalidArgument", "Invalid attribute name specified.")
    values = {name: value for name, value in found.items() if name in asked}
    return Answer(values, headers={"last-modified": http_date(version.modified), **_version_header(call, version)})


def _get(call: Call) -> Answer:
    version, span = _wanted(call)
    assert version.blob is not None
    descriptor = call.storage.blobs.open(version.blob)
    try:
        start, length = (span.start, span.length) if span else (0, version.size)
        headers = _headers(call, version, span)
    except BaseException:
        os.close(descriptor)
        raise
    return Answer(headers=headers, status=_status(span), body=FileRange(descriptor, start, length))


def _wanted(call: Call) -> tuple[Version, Span | None]:
    version = versions.wanted(call.reader, call.bucket, call.key, call.get("VersionId"))
    conditions.check_reading(call.headers, version)
    number = call.get("PartNumber")
    if number is not None:
        if "range" in call.headers:
            raise S3Error("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
        return version, part_span(version, number)
    if_range = call.headers.get("if-range", "").strip('"')
    if if_range and if_range not in (version.etag, http_date(version.modified)):
        return version, None
    return version, span_of(call.headers.get("range"), version.size)


def _status(span: Span | None) -> int:
    return 200 if span is None else 206


def _headers(call: Call, version: Version, span: Span | None) -> dict[str, str]:
    described = version.described
    headers = {
        "content-type": "binary/octet-stream",
        **described.headers,
        **{f"x-amz-meta-{name}": value for name, value in described.metadata.items()},
        "etag": f'"{version.etag}"',
        "last-modified": http_date(version.modified),
        "accept-ranges": "bytes",
        "content-length": str(span.length if span else version.size),
        **_version_header(call, version),
        **count(described.tags),
    }
    if span is not None and span.length:
        headers["content-range"] = span.partial
    if described.parts and call.get("PartNumber") is not None:
        headers["x-amz-mp-parts-count"] = str(len(described.parts))
    if call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers |= _checksum_of_span(call, version, span)
    return headers | _overrides(call)


def checksum_headers(version: Version) -> dict[str, str]:
    return _checksum_headers(version, version.described.checksum)


def _checksum_headers(version: Version, checksum: str) -> dict[str, str]:
    described = version.described
    return {f"x-amz-checksum-{described.algorithm.lower()}": checksum, "x-amz-checksum-type": described.checksum_type}


def _checksum_of_span(call: Call, version: Version, span: Span | None) -> dict[str, str]:
    """The checksum of the whole object or of the part that was asked for; other ranges have none."""
    if span is None:
        return checksum_headers(version)
    parts, number = version.described.parts, call.get("PartNumber")
    return _checksum_headers(version, parts[number - 1][2]) if number is not None and parts else {}


def _overrides(call: Call) -> dict[str, str]:
    found = {}
    for query, member in OVERRIDES.items():
        if (value := call.get(member)) is not None:
            text = http_date(value) if member == "ResponseExpires" else value
            found[query.removeprefix("response-")] = _header_value(text, query)
    return found


def _header_value(text: str, name: str) -> str:
    """Raises: S3Error: it cannot be a header's value, or would add headers."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise S3Error(
            "InvalidArgument", "Header value cannot be represented using ISO-8859-1.", ArgumentName=name
        ) from error
    if _CONTROL.search(text):
        raise S3Error("InvalidArgument", "Header value must not have control characters.", ArgumentName=name)
    return text


def _version_header(call: Call, version: Version) -> dict[str, str]:
    return {"x-amz-version-id": version.version} if call.bucket.versioning else {}


def _parts(call: Call, version: Version) -> dict[str, Any]:
    described = version.described
    most = min(call.get("MaxParts", MOST_PARTS), MOST_PARTS)
    marker = marker_of(call.get("PartNumberMarker"))
    after = [part for part in described.parts if part[0] > marker]
    shown = after[: max(most, 0)]
    return {
        "TotalPartsCount": len(described.parts),
        "PartNumberMarker": str(marker),
        "NextPartNumberMarker": str(shown[-1][0]) if shown else str(marker),
        "MaxParts": most,
        "IsTruncated": len(after) > len(shown),
        "Parts": [
            {"PartNumber": number, "Size": size, f"Checksum{described.algorithm}": checksum or None}
            for number, size, checksum in shown
        ],
    }


def marker_of(marker: str | int | None) -> int:
    text = None if marker is None else str(marker)
    if text is not None and not re.fullmatch("[0-9]{1,9}", text):
        raise S3Error("InvalidArgument", "Part number marker must be an integer")
    return int(text or 0)
