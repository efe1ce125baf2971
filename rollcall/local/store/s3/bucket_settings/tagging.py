"""Tags of objects and buckets, within AWS's limits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl

from rollcall.local.store.s3 import versions
from rollcall.local.store.s3.bucket_settings import buckets
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.s3_errors import S3Error

MOST_TAGS, MOST_BUCKET_TAGS = 10, 50
MOST_KEY, MOST_VALUE = 128, 256


def get_object_tagging(call: Call) -> Answer:
    version = versions.wanted(call.reader, call.bucket, call.key, call.get("VersionId"))
    return Answer({"TagSet": _listed(version.described.tags)}, headers=_version_header(call, version.version))


def put_object_tagging(call: Call) -> Answer:
    return _set(call, from_list(call.get("Tagging")["TagSet"], MOST_TAGS))


def delete_object_tagging(call: Call) -> Answer:
    return _set(call, {})


def get_bucket_tagging(call: Call) -> Answer:
    tags = buckets.setting(call.reader, call.bucket, "tagging")
    if tags is None:
        raise S3Error("NoSuchTagSet", BucketName=call.bucket_name)
    return Answer({"TagSet": _listed(tags)})


def put_bucket_tagging(call: Call) -> Answer:
    tags = from_list(call.get("Tagging")["TagSet"], MOST_BUCKET_TAGS)
    with call.storage.change() as change:
        buckets.set_setting(change.connection, buckets.find(change.connection, call.bucket_name), "tagging", tags)
    return Answer(status=204)


def from_header(text: str) -> dict[str, str]:
    """Raises: S3Error."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_TAGS + 1)
    except ValueError as error:
        raise S3Error("InvalidTag") from error
    return _checked(pairs, MOST_TAGS)


def from_list(tags: Sequence[Mapping[str, str]], most: int) -> dict[str, str]:
    """Raises: S3Error."""
    return _checked([(tag["Key"], tag["Value"]) for tag in tags], most)


def count(tags: Mapping[str, str]) -> dict[str, str]:
    return {"x-amz-tagging-count": str(len(tags))} if tags else {}


def _checked(pairs: Sequence[tuple[str, str]], most: int) -> dict[str, str]:
    if len(pairs) > most:
        raise S3Error("BadRequest" if most == MOST_TAGS else "InvalidTag", f"Object tags cannot be greater than {most}")
    tags = dict(pairs)
    if len(tags) < len(pairs):
        raise S3Error("InvalidTag", "Cannot provide multiple Tags with the same key")
    for key, value in pairs:
        if not 1 <= len(key) <= MOST_KEY:
            raise S3Error("InvalidTag", "The TagKey you have provided is invalid", TagKey=key[:MOST_VALUE])
        if len(value) > MOST_VALUE:
            raise S3Error("InvalidTag", "The TagValue you have provided is invalid", TagKey=key)
    return tags


def _set(call: Call, tags: dict[str, str]) -> Answer:
    with call.storage.change() as change:
        bucket = buckets.find(change.connection, call.bucket_name)
        version = versions.wanted(change.connection, bucket, call.key, call.get("VersionId"))
        versions.describe_again(change.connection, version, replace(version.described, tags=tags))
    return Answer(headers=_version_header(call, version.version))


def _version_header(call: Call, version: str) -> dict[str, str]:
    return {"x-amz-version-id": version} if call.bucket.versioning else {}


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
