from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.local.store.errors_of import error_of
from tests.unit.local.store.running_s3 import Running, running_s3

DAY = 86_400
NOON = 1_800_000_000 // DAY * DAY + DAY / 2


class Clock:
    now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Running]:
    with running_s3(tmp_path, clock=clock) as running:
        yield running


def _set(s3: Any, bucket: str, **rule: Any) -> None:
    rules = [{"ID": "rule", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule}]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def _keys(s3: Any, bucket: str) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_old_objects_go_at_midnight(store: Running, s3: Any, bucket: str, folder: Path, clock: Clock) -> None:
    _set(s3, bucket, Expiration={"Days": 1})
    s3.put_object(Bucket=bucket, Key="old", Body=b"1")

    clock.now = NOON + 1.4 * DAY
    store.s3.sweep()
    s3.put_object(Bucket=bucket, Key="new", Body=b"1")
    assert _keys(s3, bucket) == ["new", "old"]

    clock.now = NOON + 1.6 * DAY
    store.s3.sweep()
    assert _keys(s3, bucket) == ["new"]
    assert [path.name for path in folder.iterdir()] == ["new"]


def test_only_what_a_rule_is_for(store: Running, s3: Any, bucket: str, clock: Clock) -> None:
    wanted = {"And": {"Prefix": "a/", "Tags": [{"Key": "t", "Value": "1"}], "ObjectSizeGreaterThan": 2}}
    _set(s3, bucket, Filter=wanted, Expiration={"Days": 1})
    for key, body, tags in (("a/1", b"123", "t=1"), ("a/2", b"12", "t=1"), ("a/3", b"123", ""), ("b", b"123", "t=1")):
        s3.put_object(Bucket=bucket, Key=key, Body=body, Tagging=tags)

    clock.now += 3 * DAY
    store.s3.sweep()

    assert _keys(s3, bucket) == ["a/2", "a/3", "b"]


def test_a_disabled_rule_does_nothing(store: Running, s3: Any, bucket: str, clock: Clock) -> None:
    _set(s3, bucket, Status="Disabled", Expiration={"Days": 1})
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")

    clock.now += 9 * DAY
    store.s3.sweep()

    assert _keys(s3, bucket) == ["key"]


def test_replaced_versions_go_and_markers_of_nothing(store: Running, s3: Any, versioned: str, clock: Clock) -> None:
    _set(
        s3,
        versioned,
        Expiration={"ExpiredObjectDeleteMarker": True},
        NoncurrentVersionExpiration={"NoncurrentDays": 2},
    )
    s3.put_object(Bucket=versioned, Key="key", Body=b"1")
    clock.now += 10 * DAY
    second = s3.put_object(Bucket=versioned, Key="key", Body=b"2")["VersionId"]

    clock.now += DAY
    store.s3.sweep()
    assert len(s3.list_object_versions(Bucket=versioned)["Versions"]) == 2  # it was replaced a day ago

    clock.now += 2 * DAY
    store.s3.sweep()
    assert [entry["VersionId"] for entry in s3.list_object_versions(Bucket=versioned)["Versions"]] == [second]

    s3.delete_object(Bucket=versioned, Key="key")
    clock.now += 3 * DAY
    store.s3.sweep()
    store.s3.sweep()
    assert not {"Versions", "DeleteMarkers"} & s3.list_object_versions(Bucket=versioned).keys()


def test_some_newer_versions_are_kept(store: Running, s3: Any, versioned: str, clock: Clock) -> None:
    _set(s3, versioned, NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 2})
    made = [s3.put_object(Bucket=versioned, Key="key", Body=b"x")["VersionId"] for _ in range(5)]

    clock.now += 5 * DAY
    store.s3.sweep()

    left = [entry["VersionId"] for entry in s3.list_object_versions(Bucket=versioned)["Versions"]]
    assert left == [made[4], made[3], made[2]]


def test_in_a_versioned_bucket_old_objects_get_a_marker(store: Running, s3: Any, versioned: str, clock: Clock) -> None:
    _set(s3, versioned, Expiration={"Days": 1})
    s3.put_object(Bucket=versioned, Key="key", Body=b"1")

    clock.now += 3 * DAY
    store.s3.sweep()

    found = s3.list_object_versions(Bucket=versioned)
    assert (len(found["Versions"]), len(found["DeleteMarkers"])) == (1, 1)
    assert _keys(s3, versioned) == []


def test_unfinished_uploads_go(store: Running, s3: Any, bucket: str, clock: Clock) -> None:
    _set(s3, bucket, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="key", UploadId=upload, PartNumber=1, Body=b"1")

    clock.now += 3 * DAY
    store.s3.sweep()

    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert [names for names in store.s3.storage.blobs.names() if names] == []


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"Expiration": {"Days": 0}}, "InvalidArgument"),
        ({}, "MalformedXML"),
        ({"Expiration": {"Days": 1, "Date": "2030-01-01"}}, "MalformedXML"),
        ({"Expiration": {"Date": "2030-01-01T12:00:00Z"}}, "InvalidArgument"),
        ({"Expiration": {"Days": 1}, "ID": "x" * 256}, "InvalidArgument"),
        ({"Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}, "NotImplemented"),
    ],
)
def test_wrong_rules_are_refused(s3: Any, bucket: str, rule: Any, code: str) -> None:
    rules = [{"ID": "rule", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule}]
    asked = {"Bucket": bucket, "LifecycleConfiguration": {"Rules": rules}}

    assert error_of(s3.put_bucket_lifecycle_configuration, **asked)[1] == code
    assert error_of(s3.get_bucket_lifecycle_configuration, Bucket=bucket)[1] == "NoSuchLifecycleConfiguration"


def test_rules_come_back(s3: Any, bucket: str) -> None:
    _set(s3, bucket, Expiration={"Date": "2030-01-01T00:00:00Z"})

    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]

    assert rule["Expiration"]["Date"].year == 2030
    assert (rule["ID"], rule["Status"], rule["Filter"]) == ("rule", "Enabled", {"Prefix": ""})
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert error_of(s3.get_bucket_lifecycle_configuration, Bucket=bucket)[0] == 404
