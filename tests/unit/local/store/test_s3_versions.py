from pathlib import Path
from typing import Any

from tests.unit.local.store.errors_of import error_of


def _put(s3: Any, bucket: str, body: bytes, key: str = "key") -> str:
    version: str = s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
    return version


def test_each_version_can_be_read(s3: Any, versioned: str, folder: Path) -> None:
    versions = [_put(s3, versioned, body) for body in (b"1", b"2", b"3")]

    read = [s3.get_object(Bucket=versioned, Key="key", VersionId=version)["Body"].read() for version in versions]
    assert read == [b"1", b"2", b"3"]
    assert s3.get_object(Bucket=versioned, Key="key")["Body"].read() == b"3"
    assert (folder / "key").read_bytes() == b"3"
    listed = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert [(entry["VersionId"], entry["IsLatest"]) for entry in listed] == [
        (versions[2], True),
        (versions[1], False),
        (versions[0], False),
    ]


def test_a_delete_marker_hides_and_can_be_removed(s3: Any, versioned: str, folder: Path) -> None:
    version = _put(s3, versioned, b"1")
    marker = s3.delete_object(Bucket=versioned, Key="key")

    assert marker["DeleteMarker"]
    assert error_of(s3.get_object, Bucket=versioned, Key="key") == (404, "NoSuchKey")
    read = {"Bucket": versioned, "Key": "key", "VersionId": marker["VersionId"]}
    assert error_of(s3.get_object, **read) == (405, "MethodNotAllowed")
    assert not (folder / "key").exists()
    assert s3.get_object(Bucket=versioned, Key="key", VersionId=version)["Body"].read() == b"1"

    gone = s3.delete_object(**read)
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, marker["VersionId"])
    assert s3.get_object(Bucket=versioned, Key="key")["Body"].read() == b"1"
    assert (folder / "key").read_bytes() == b"1"


def test_without_its_newest_version_an_object_is_the_one_before(s3: Any, versioned: str, folder: Path) -> None:
    first, second = _put(s3, versioned, b"1"), _put(s3, versioned, b"2")

    s3.delete_object(Bucket=versioned, Key="key", VersionId=second)

    assert s3.head_object(Bucket=versioned, Key="key")["VersionId"] == first
    assert (folder / "key").read_bytes() == b"1"
    s3.delete_object(Bucket=versioned, Key="key", VersionId=first)
    assert error_of(s3.head_object, Bucket=versioned, Key="key") == (404, "404")
    assert list(folder.iterdir()) == []


def test_while_suspended_there_is_one_null_version(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"before")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    kept = _put(s3, bucket, b"kept")
    assert s3.get_object(Bucket=bucket, Key="key", VersionId="null")["Body"].read() == b"before"

    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="key", Body=b"after")

    listed = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [entry["VersionId"] for entry in listed] == ["null", kept]
    marker = s3.delete_object(Bucket=bucket, Key="key")
    assert (marker["VersionId"], marker["DeleteMarker"]) == ("null", True)
    assert s3.get_object(Bucket=bucket, Key="key", VersionId=kept)["Body"].read() == b"kept"


def test_versions_are_listed_in_pages(s3: Any, versioned: str) -> None:
    made = [_put(s3, versioned, b"x", key) for key in ("a", "a", "a", "b", "c/1", "c/2")]
    s3.delete_object(Bucket=versioned, Key="b")

    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": 2}))
    found = {entry["VersionId"] for page in pages for entry in page.get("Versions", [])}
    assert found == set(made)
    assert sum(len(page.get("DeleteMarkers", [])) for page in pages) == 1


def test_an_older_version_can_be_copied_back(s3: Any, versioned: str) -> None:
    first = _put(s3, versioned, b"1")
    _put(s3, versioned, b"2")

    source = {"Bucket": versioned, "Key": "key", "VersionId": first}
    copied = s3.copy_object(Bucket=versioned, Key="key", CopySource=source)

    assert copied["CopySourceVersionId"] == first
    assert s3.get_object(Bucket=versioned, Key="key")["Body"].read() == b"1"
    # the copy shares the bytes, and they stay while somebody has them
    s3.delete_object(Bucket=versioned, Key="key", VersionId=first)
    assert s3.get_object(Bucket=versioned, Key="key")["Body"].read() == b"1"


def test_versions_that_never_were(s3: Any, versioned: str) -> None:
    _put(s3, versioned, b"1")
    other = {"Bucket": versioned, "Key": "key", "VersionId": "x" * 32}

    assert error_of(s3.get_object, **other) == (404, "NoSuchVersion")
    assert error_of(s3.get_object, **{**other, "VersionId": "a b"}) == (400, "InvalidArgument")
    assert s3.delete_object(**other)["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_a_bucket_with_versions_is_not_empty(s3: Any, versioned: str) -> None:
    _put(s3, versioned, b"1")
    s3.delete_object(Bucket=versioned, Key="key")

    assert error_of(s3.delete_bucket, Bucket=versioned) == (409, "BucketNotEmpty")
    listed = s3.list_object_versions(Bucket=versioned)
    for entry in listed["Versions"] + listed["DeleteMarkers"]:
        s3.delete_object(Bucket=versioned, Key="key", VersionId=entry["VersionId"])
    s3.delete_bucket(Bucket=versioned)
    assert error_of(s3.head_bucket, Bucket=versioned) == (404, "404")
