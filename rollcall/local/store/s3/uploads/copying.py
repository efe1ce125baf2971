"""CopyObject. Files never change, so a copy shares the file of its source and takes no time."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from rollcall.local.store.s3 import object_conditions as conditions
from rollcall.local.store.s3 import versions
from rollcall.local.store.s3.addresses import check_key
from rollcall.local.store.s3.bucket_settings import buckets
from rollcall.local.store.s3.bucket_settings.buckets import Bucket
from rollcall.local.store.s3.bucket_settings.notifications import COPY, announce
from rollcall.local.store.s3.bucket_settings.tagging import from_header
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.object_writes import described_by
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.uploads import checksums
from rollcall.local.store.s3.uploads.intake import MOST_BYTES, PIECE_BYTES
from rollcall.local.store.s3.versions import Described, NewVersion, Version

Source = tuple[str, str, str | None]  # bucket, key, version


def copy_object(call: Call) -> Answer:
    check_key(call.key)
    said = described_by(call.headers)
    _check_directives(call)
    algorithm = checksums.asked_for(call.headers, "x-amz-checksum-algorithm")
    source_name = source_of(call)
    computed, seen = _checksum(call, source_name, algorithm)
    with call.storage.change() as change:
        bucket = buckets.find(change.connection, call.bucket_name)
        source_bucket, source = read_source(call, source_name, change.connection)
        if seen not in (None, source.blob):
            raise S3Error("OperationAborted")
        described = _described(call, said, source, computed)
        _check_change(call, source_bucket, source)
        conditions.check_writing(call.headers, lambda: versions.newest(change.connection, bucket, call.key), call.key)
        new = NewVersion(
            modified=call.storage.clock(),
            described=described,
            blob=source.blob,
            size=source.size,
            etag=source.etag,
        )
        made, dropped = versions.add(change.connection, bucket, call.key, new)
        change.note(bucket.name, call.key, dropped=dropped)
        announce(call, change, bucket, COPY, made)
    return _answer(made, bucket, source, source_bucket)


def source_of(call: Call) -> Source:
    """Bucket, key and version of `x-amz-copy-source`. Raises: S3Error."""
    written = call.headers["x-amz-copy-source"]
    path, _, version = written.partition("?versionId=")
    try:
        decoded = unquote_to_bytes(path.encode("latin-1")).decode().removeprefix("/")
    except UnicodeError as error:
        raise S3Error("InvalidArgument", "Invalid copy source encoding.") from error
    bucket, _, key = decoded.partition("/")
    if not bucket or not key or decoded.startswith("arn:"):
        raise S3Error(
            "InvalidArgument",
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            ArgumentName="x-amz-copy-source",
        )
    return bucket, key, version or None


def read_source(call: Call, source: Source, connection: Any) -> tuple[Bucket, Version]:
    """Raises: S3Error: it is not there, or its conditions do not hold."""
    name, key, version = source
    bucket = buckets.find(connection, name)
    try:
        found = versions.wanted(connection, bucket, key, version)
    except S3Error as error:
        if error.code != "MethodNotAllowed":
            raise
        raise S3Error(
            "InvalidRequest",
            "The source of a copy request may not specifically refer to a delete marker by version id.",
        ) from error
    conditions.check_reading(call.headers, found, prefix=conditions.COPY_SOURCE)
    return bucket, found


def _check_directives(call: Call) -> None:
    for header in ("x-amz-metadata-directive", "x-amz-tagging-directive"):
        if call.headers.get(header, "COPY") not in ("COPY", "REPLACE"):
            named = header.removeprefix("x-amz-").replace("-", " ")
            raise S3Error("InvalidArgument", f"Unknown {named}.", ArgumentName=header)


def _check_change(call: Call, source_bucket: Bucket, source: Version) -> None:
    same = source_bucket.name == call.bucket_name and source.key == call.key and source.latest
    changed = call.headers.get("x-amz-metadata-directive") == "REPLACE" or "x-amz-storage-class" in call.headers
    if same and not changed:
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the"
            " object's metadata, storage class, website redirect location or encryption attributes.",
        )
    if source.size > MOST_BYTES:
        raise S3Error(
            "InvalidRequest",
            f"The specified copy source is larger than the maximum allowable size for a copy source: {MOST_BYTES}",
        )


def _described(call: Call, said: Described, source: Version, computed: tuple[str, str] | None) -> Described:
    kept = source.described
    if call.headers.get("x-amz-metadata-directive") == "REPLACE":
        kept = replace(kept, headers=said.headers, metadata=said.metadata)
    elif "x-amz-storage-class" in call.headers:
        others = {name: value for name, value in kept.headers.items() if name != "x-amz-storage-class"}
        chosen = {name: value for name, value in said.headers.items() if name == "x-amz-storage-class"}
        kept = replace(kept, headers=others | chosen)
    if call.headers.get("x-amz-tagging-directive") == "REPLACE":
        kept = replace(kept, tags=from_header(call.headers.get("x-amz-tagging", "")))
    if computed is not None:
        kept = replace(kept, algorithm=computed[0], checksum=computed[1], checksum_type=checksums.FULL, parts=[])
    return replace(kept, upload="")


def _checksum(call: Call, source: Source, algorithm: str | None) -> tuple[tuple[str, str] | None, str | None]:
    """Another checksum than the source has: its bytes are read, outside of the transaction. Also tells which file."""
    if algorithm is None:
        return None, None
    _, version = read_source(call, source, call.reader)
    if version.described.algorithm == algorithm and version.described.checksum_type == checksums.FULL:
        return None, None
    digests = checksums.Digests([algorithm], sha256=False)
    assert version.blob is not None
    with call.storage.blobs.path(version.blob).open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digests.update(piece)
    return (algorithm, digests.values()[algorithm]), version.blob


def _answer(made: Version, bucket: Bucket, source: Version, source_bucket: Bucket) -> Answer:
    described = made.described
    result = {
        "ETag": f'"{made.etag}"',
        "LastModified": datetime.fromtimestamp(int(made.modified), UTC),
        f"Checksum{described.algorithm}": described.checksum,
        "ChecksumType": described.checksum_type,
    }
    headers = {}
    if bucket.versioning:
        headers["x-amz-version-id"] = made.version
    if source_bucket.versioning:
        headers["x-amz-copy-source-version-id"] = source.version
    return Answer({"CopyObjectResult": result}, headers=headers)
