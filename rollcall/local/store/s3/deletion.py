"""DeleteObject and DeleteObjects."""

from collections.abc import Mapping
from typing import Any

from rollcall.local.store.s3 import versions
from rollcall.local.store.s3.addresses import check_key
from rollcall.local.store.s3.bucket_settings import buckets, notifications
from rollcall.local.store.s3.bucket_settings.buckets import Bucket
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.files.change import Change
from rollcall.local.store.s3.object_conditions import matches
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.versions import Described, NewVersion, Version

MOST_KEYS = 1000


def delete_object(call: Call) -> Answer:
    with call.storage.change() as change:
        bucket = buckets.find(change.connection, call.bucket_name)
        wanted = {
            "VersionId": call.get("VersionId"),
            "ETag": call.get("IfMatch"),
            "Size": call.get("IfMatchSize"),
            "LastModifiedTime": call.get("IfMatchLastModifiedTime"),
        }
        found = _delete(call, change, bucket, call.key, wanted)
    headers = {}
    if found is not None and bucket.versioning:
        headers["x-amz-version-id"] = found.version
    if found is not None and found.marker:
        headers["x-amz-delete-marker"] = "true"
    return Answer(headers=headers)


def delete_objects(call: Call) -> Answer:
    wanted = call.get("Delete")
    if not 1 <= len(wanted["Objects"]) <= MOST_KEYS:
        raise S3Error("MalformedXML")
    deleted: list[Mapping[str, Any]] = []
    errors: list[Mapping[str, Any]] = []
    with call.storage.change() as change:
        bucket = buckets.find(change.connection, call.bucket_name)
        for entry in wanted["Objects"]:
            try:
                found = _delete(call, change, bucket, entry["Key"], entry)
                deleted.append(_told(entry, found, bucket))
            except S3Error as error:
                errors.append(_error(entry, error))
    return Answer({"Deleted": [] if wanted.get("Quiet") else deleted, "Errors": errors})


def _delete(call: Call, change: Change, bucket: Bucket, key: str, wanted: Mapping[str, Any]) -> Version | None:
    """What is gone, or the marker that says so. None: there was nothing."""
    check_key(key)
    version = wanted.get("VersionId")
    if version:
        versions.check_version(version)
        found = versions.exact(change.connection, bucket, key, version)
    else:
        found = versions.newest(change.connection, bucket, key)
    _check(wanted, found)
    if bucket.versioning and not version:
        return mark(call, change, bucket, key)
    if found is not None:
        remove(change, bucket, found)
        notifications.announce(call, change, bucket, notifications.DELETED, found)
    return found


def mark(call: Call, change: Change, bucket: Bucket, key: str, event: str = notifications.MARKED) -> Version:
    """Add a delete marker."""
    new = NewVersion(modified=call.storage.clock(), described=Described(), marker=True)
    marker, dropped = versions.add(change.connection, bucket, key, new)
    change.note(bucket.name, key, dropped=dropped)
    notifications.announce(call, change, bucket, event, marker)
    return marker


def remove(change: Change, bucket: Bucket, version: Version) -> None:
    change.note(bucket.name, version.key, dropped=versions.remove(change.connection, bucket, version))


def _check(wanted: Mapping[str, Any], found: Version | None) -> None:
    """The conditions of a delete. Raises: S3Error."""
    etag, size, modified = wanted.get("ETag"), wanted.get("Size"), wanted.get("LastModifiedTime")
    if etag is None and size is None and modified is None:
        return
    if found is None or found.marker:
        if found is None and etag is not None:
            raise S3Error("NoSuchKey")
        raise S3Error("PreconditionFailed", Condition="If-Match")
    holds = (
        (etag is None or matches(etag, found.etag))
        and (size is None or size == found.size)
        and (modified is None or int(modified.timestamp()) == int(found.modified))
    )
    if not holds:
        raise S3Error("PreconditionFailed", Condition="If-Match")


def _told(entry: Mapping[str, Any], found: Version | None, bucket: Bucket) -> Mapping[str, Any]:
    told: dict[str, Any] = {"Key": entry["Key"], "VersionId": entry.get("VersionId")}
    if found is not None and found.marker:
        told |= {"DeleteMarker": True, "DeleteMarkerVersionId": found.version}
    return told


def _error(entry: Mapping[str, Any], error: S3Error) -> Mapping[str, Any]:
    return {
        "Key": entry["Key"],
        "VersionId": entry.get("VersionId"),
        "Code": error.code,
        "Message": error.message,
    }
