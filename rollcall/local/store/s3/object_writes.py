"""PutObject, and what every way to make an object has in common."""

from collections.abc import Mapping

from rollcall.local.store.s3 import object_conditions as conditions
from rollcall.local.store.s3 import versions
from rollcall.local.store.s3.addresses import check_key
from rollcall.local.store.s3.bucket_settings import buckets, notifications
from rollcall.local.store.s3.bucket_settings.buckets import ENABLED
from rollcall.local.store.s3.bucket_settings.tagging import from_header
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.files.change import Placed
from rollcall.local.store.s3.object_reads import checksum_headers
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.uploads import checksums
from rollcall.local.store.s3.versions import Described, NewVersion, Version

MOST_METADATA = 2048
KEPT_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)
STORAGE_CLASSES = {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}
PRIVATE_ACLS = {"", "private", "bucket-owner-full-control", "bucket-owner-read"}
_UNSUPPORTED = (
    "x-amz-object-lock-",
    "x-amz-server-side-encryption",
    "x-amz-write-offset-bytes",
    "x-amz-grant-",
)


def check_put(call: Call) -> None:
    """Checks a put before its body is read. Raises: S3Error."""
    check_new_object(call)
    # the transaction decides; this spares a large body
    conditions.check_writing(call.headers, lambda: versions.newest(call.reader, call.bucket, call.key), call.key)


def check_new_object(call: Call) -> None:
    """Raises: S3Error."""
    check_key(call.key)
    call.described = described_by(call.headers)
    _ = call.bucket


def put_object(call: Call) -> Answer:
    with call.storage.placed(call.received) as placed:
        version = store(call, placed, notifications.PUT, described(call))
    return Answer({"ETag": f'"{version.etag}"'}, headers=checksum_headers(version) | version_header(call, version))


def store(call: Call, placed: Placed, event: str, described: Described) -> Version:
    """One transaction: conditions, the version, its notification. Raises: S3Error."""
    received = call.received
    new = NewVersion(
        modified=call.storage.clock(), described=described, blob=placed.blob, size=received.size, etag=received.etag
    )
    return commit(call, call.key, new, event, placed)


def commit(call: Call, key: str, new: NewVersion, event: str, placed: Placed | None = None) -> Version:
    with call.storage.change() as change:
        connection = change.connection
        bucket = buckets.find(connection, call.bucket_name)
        conditions.check_writing(call.headers, lambda: versions.newest(connection, bucket, key), key)
        version, dropped = versions.add(connection, bucket, key, new)
        change.note(bucket.name, key, placed=placed, dropped=dropped)
        notifications.announce(call, change, bucket, event, version)
    return version


def version_header(call: Call, version: Version) -> dict[str, str]:
    """While versioning is suspended, S3 does not tell writers that theirs is the null version."""
    return {"x-amz-version-id": version.version} if call.bucket.versioning == ENABLED else {}


def described_by(headers: Mapping[str, str]) -> Described:
    """What the headers say about an object. Raises: S3Error."""
    for name in headers:
        if name.startswith(_UNSUPPORTED):
            raise S3Error("NotImplemented", Header=name)
    if headers.get("x-amz-acl", "") not in PRIVATE_ACLS:
        raise S3Error("AccessControlListNotSupported")
    kept = {name: headers[name] for name in KEPT_HEADERS if headers.get(name)}
    _check_storage_class(kept)
    encodings = [entry.strip() for entry in kept.pop("content-encoding", "").split(",")]
    if left := [entry for entry in encodings if entry not in ("", "aws-chunked")]:
        kept["content-encoding"] = ", ".join(left)
    prefix = "x-amz-meta-"
    metadata = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
    size = sum(len(name) + len(value.encode("latin-1", "replace")) for name, value in metadata.items())
    if size > MOST_METADATA:
        raise S3Error("MetadataTooLarge", Size=str(size), MaxSizeAllowed=str(MOST_METADATA))
    return Described(headers=kept, metadata=metadata, tags=from_header(headers.get("x-amz-tagging", "")))


def described(call: Call) -> Described:
    said = call.described or described_by(call.headers)
    return with_checksum(said, call.received.algorithm, call.received.checksum)


def with_checksum(said: Described, algorithm: str, checksum: str) -> Described:
    return Described(
        headers=said.headers,
        metadata=said.metadata,
        tags=said.tags,
        algorithm=algorithm,
        checksum=checksum,
        checksum_type=checksums.FULL,
    )


def _check_storage_class(kept: dict[str, str]) -> None:
    name = kept.get("x-amz-storage-class", "STANDARD")
    if name not in STORAGE_CLASSES:
        raise S3Error("InvalidStorageClass")
    if name == "STANDARD":
        kept.pop("x-amz-storage-class", None)
