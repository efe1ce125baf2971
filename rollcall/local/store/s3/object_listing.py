"""Lists of keys, versions and uploads. A delimiter is answered by seeking past a whole folder, not by reading it."""

import base64
import binascii
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from rollcall.local.store.s3.bucket_settings import buckets
from rollcall.local.store.s3.bucket_settings.buckets import Bucket
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.owner import OWNER
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.versions import COLUMNS, Described, Version

MOST = 1000
REMEMBERED = 4096  # moments: objects of one page often have few
MOST_BUCKETS = 10_000
LAST = "\U0010ffff"
SURROGATES, AFTER_SURROGATES = 0xD800, 0xE000  # no text has what is between

Row = tuple[Any, ...]
Seek = Callable[[str, bool], Iterator[tuple[str, Row]]]  # from a key on, with it or without


@dataclass
class Page:
    rows: list[Row] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    last: str = ""  # the last key or prefix of the page

    @property
    def count(self) -> int:
        return len(self.rows) + len(self.prefixes)


def page_of(seek: Seek, *, prefix: str, delimiter: str, after: str, inclusive: bool, most: int) -> Page:
    """Keys that begin with `prefix`, from `after` on. What follows the next delimiter is one common prefix."""
    page = Page()
    if most == 0:
        return page
    start: str | None
    start, with_start = (prefix, True) if prefix > after else (after, inclusive)
    if delimiter and not inclusive and (passed := _common(after, prefix, delimiter)) and passed == after:
        start, with_start = after_prefix(after), True
    while start is not None:
        start = _fill(page, seek(start, with_start), prefix, delimiter, most)
        with_start = True
    return page


def _fill(page: Page, rows: Iterator[tuple[str, Row]], prefix: str, delimiter: str, most: int) -> str | None:
    """Where to go on, or None at the end."""
    for key, row in rows:
        if not key.startswith(prefix):
            return None
        if page.count >= most:
            page.truncated = True
            return None
        folder = _common(key, prefix, delimiter) if delimiter else None
        if folder is not None:
            page.prefixes.append(folder)
            page.last = folder
            return after_prefix(folder)
        page.rows.append(row)
        page.last = key
    return None


def _common(key: str, prefix: str, delimiter: str) -> str | None:
    end = key.find(delimiter, len(prefix)) if key.startswith(prefix) else -1
    return key[: end + len(delimiter)] if end >= 0 else None


def after_prefix(prefix: str) -> str | None:
    """The smallest text that is greater than everything that begins with `prefix`."""
    shorter = prefix.rstrip(LAST)
    if not shorter:
        return None
    following = ord(shorter[-1]) + 1
    return shorter[:-1] + chr(AFTER_SURROGATES if following == SURROGATES else following)


def list_objects(call: Call) -> Answer:
    delimiter, prefix = call.get("Delimiter", ""), call.get("Prefix", "")
    marker = call.get("Marker", "")
    page = _current(call, prefix, delimiter, marker)
    # of this list alone clients take the prefix as it is
    answer = _listed(call, page, owner=True) | {"Marker": _encoded(call, marker), "Prefix": prefix}
    if page.truncated and delimiter:
        answer["NextMarker"] = _encoded(call, page.last)
    return Answer(answer)


def list_objects_v2(call: Call) -> Answer:
    delimiter, prefix = call.get("Delimiter", ""), call.get("Prefix", "")
    token = call.get("ContinuationToken")
    after = _untoken(token) if token is not None else call.get("StartAfter", "")
    page = _current(call, prefix, delimiter, after)
    answer = _listed(call, page, owner=call.get("FetchOwner", False)) | {
        "KeyCount": page.count,
        "ContinuationToken": token,
        "StartAfter": _encoded(call, call.get("StartAfter")) or None,
    }
    if page.truncated:
        answer["NextContinuationToken"] = _token(page.last)
    return Answer(answer)


def list_object_versions(call: Call) -> Answer:
    bucket, connection = call.bucket, call.reader
    delimiter, prefix = call.get("Delimiter", ""), call.get("Prefix", "")
    key_marker, version_marker = call.get("KeyMarker", ""), call.get("VersionIdMarker", "")
    if version_marker and not key_marker:
        raise S3Error("InvalidArgument", "A version-id marker cannot be specified without a key marker.")
    older = _id_of(connection, bucket, key_marker, version_marker) if version_marker else 0

    def seek(start: str, _with: bool) -> Iterator[tuple[str, Row]]:
        skip = key_marker if start == key_marker else None
        return _version_rows(connection, bucket, start, skip, older)

    page = page_of(
        seek, prefix=prefix, delimiter=delimiter, after=key_marker, inclusive=bool(version_marker), most=_most(call)
    )
    found = [Version.of(row) for row in page.rows]
    answer = _head(call, page) | {
        "KeyMarker": _encoded(call, key_marker),
        "VersionIdMarker": version_marker,
        "Versions": [_version(call, version) for version in found if not version.marker],
        "DeleteMarkers": [_marker(call, version) for version in found if version.marker],
    }
    if page.truncated:
        last = page.rows[-1] if page.rows and page.rows[-1][1] == page.last else None
        answer |= {"NextKeyMarker": _encoded(call, page.last), "NextVersionIdMarker": last[2] if last else None}
    return Answer(answer)


def list_multipart_uploads(call: Call) -> Answer:
    bucket, connection = call.bucket, call.reader
    key_marker, id_marker = call.get("KeyMarker", ""), call.get("UploadIdMarker", "")
    older = id_marker if key_marker else ""

    def seek(start: str, with_start: bool) -> Iterator[tuple[str, Row]]:
        beyond = older if start == key_marker else ""
        rows = connection.execute(
            "SELECT key, id, started FROM s3_uploads WHERE bucket = ? AND key >= ?"
            " AND (key > ? OR (? AND id > ?)) ORDER BY key, id",
            (bucket.id, start, start, with_start or bool(beyond), beyond),
        )
        return ((row[0], row) for row in rows)

    page = page_of(
        seek,
        prefix=call.get("Prefix", ""),
        delimiter=call.get("Delimiter", ""),
        after=key_marker,
        inclusive=bool(older),
        most=_most(call, "MaxUploads"),
    )
    answer = _head(call, page, most="MaxUploads") | {
        "Bucket": bucket.name,
        "KeyMarker": _encoded(call, key_marker),
        "UploadIdMarker": id_marker,
        "Uploads": [_upload(call, *row) for row in page.rows],
    }
    if page.truncated:
        last = page.rows[-1] if page.rows and page.rows[-1][0] == page.last else None
        answer |= {"NextKeyMarker": _encoded(call, page.last), "NextUploadIdMarker": last[1] if last else ""}
    return Answer(answer)


def list_buckets(call: Call) -> Answer:
    prefix, after = call.get("Prefix", ""), _untoken(call.get("ContinuationToken", ""))
    region, most = call.get("BucketRegion"), call.get("MaxBuckets", MOST_BUCKETS)
    if not 1 <= most <= MOST_BUCKETS:
        raise S3Error("InvalidArgument", f"Argument max-buckets must be an integer between 1 and {MOST_BUCKETS}")
    found = [
        bucket
        for bucket in buckets.every(call.reader)
        if bucket.name.startswith(prefix) and bucket.name > after and region in (None, bucket.region)
    ]
    answer = {
        "Owner": OWNER,
        "Prefix": prefix or None,
        "Buckets": [
            {"Name": bucket.name, "CreationDate": moment(bucket.created), "BucketRegion": bucket.region}
            for bucket in found[:most]
        ],
    }
    if len(found) > most:
        answer["ContinuationToken"] = _token(found[most - 1].name)
    return Answer(answer)


def moment(seconds: float) -> datetime:
    """What lists show. S3 keeps whole seconds."""
    return _whole_second(int(seconds))


@lru_cache(REMEMBERED)
def _whole_second(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _current(call: Call, prefix: str, delimiter: str, after: str) -> Page:
    bucket, connection = call.bucket, call.reader

    def seek(start: str, with_start: bool) -> Iterator[tuple[str, Row]]:
        rows = connection.execute(
            "SELECT key, size, etag, modified, described FROM s3_objects INDEXED BY s3_current"
            f" WHERE bucket = ? AND key {'>=' if with_start else '>'} ? AND latest AND NOT marker ORDER BY key",
            (bucket.id, start),
        )
        return ((row[0], row) for row in rows)

    return page_of(seek, prefix=prefix, delimiter=delimiter, after=after, inclusive=False, most=_most(call))


def _version_rows(
    connection: sqlite3.Connection, bucket: Bucket, start: str, marked: str | None, older: int
) -> Iterator[tuple[str, Row]]:
    """At the marked key only what is older; without a version that is nothing."""
    condition = "key >= ?" if marked is None else "key >= ? AND (key > ? OR id < ?)"
    values = (start,) if marked is None else (start, marked, older)
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM s3_objects WHERE bucket = ? AND {condition} ORDER BY key, id DESC", (bucket.id, *values)
    )
    return ((row[1], row) for row in rows)


def _id_of(connection: sqlite3.Connection, bucket: Bucket, key: str, version: str) -> int:
    row = connection.execute(
        "SELECT id FROM s3_objects WHERE bucket = ? AND key = ? AND version = ?", (bucket.id, key, version)
    ).fetchone()
    return row[0] if row else 0


def _most(call: Call, name: str = "MaxKeys") -> int:
    most: int = call.get(name, MOST)
    if not 0 <= most < 2**31:
        raise S3Error("InvalidArgument", f"Argument {name} must be an integer between 0 and 2147483647")
    return min(most, MOST)


def _head(call: Call, page: Page, most: str = "MaxKeys") -> dict[str, Any]:
    if call.get("EncodingType") not in (None, "url"):
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request", ArgumentName="encoding-type")
    return {
        "Name": call.bucket.name,
        "Prefix": _encoded(call, call.get("Prefix", "")),
        "Delimiter": _encoded(call, call.get("Delimiter")) or None,
        "EncodingType": call.get("EncodingType"),
        most: _most(call, most),
        "IsTruncated": page.truncated,
        "CommonPrefixes": [{"Prefix": _encoded(call, prefix)} for prefix in page.prefixes],
    }


def _listed(call: Call, page: Page, *, owner: bool) -> dict[str, Any]:
    return _head(call, page) | {"Contents": [_object(call, row, owner) for row in page.rows]}


def _object(call: Call, row: Row, owner: bool) -> Mapping[str, Any]:
    key, size, etag, modified, described = row
    return _bytes_of(size, etag, Described.read(described)) | {
        "Key": _encoded(call, key),
        "LastModified": moment(modified),
        "Owner": OWNER if owner else None,
    }


def _bytes_of(size: int, etag: str, described: Described) -> dict[str, Any]:
    return {
        "ETag": f'"{etag}"',
        "ChecksumAlgorithm": [described.algorithm],
        "ChecksumType": described.checksum_type,
        "Size": size,
        "StorageClass": described.storage_class,
    }


def _version(call: Call, version: Version) -> Mapping[str, Any]:
    return _bytes_of(version.size, version.etag, version.described) | _marker(call, version)


def _marker(call: Call, version: Version) -> dict[str, Any]:
    return {
        "Key": _encoded(call, version.key),
        "VersionId": version.version,
        "IsLatest": version.latest,
        "LastModified": moment(version.modified),
        "Owner": OWNER,
    }


def _upload(call: Call, key: str, upload: str, started: float) -> Mapping[str, Any]:
    return {
        "UploadId": upload,
        "Key": _encoded(call, key),
        "Initiated": moment(started),
        "StorageClass": "STANDARD",
        "Owner": OWNER,
        "Initiator": OWNER,
    }


def _encoded(call: Call, value: str | None) -> str | None:
    return quote(value, safe="/*-._") if value is not None and call.get("EncodingType") == "url" else value


def _token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _untoken(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from error
