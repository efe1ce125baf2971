import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

import pytest

from tests.unit.local.store.errors_of import error_of
from tests.unit.local.store.running_s3 import Running

ARN = "arn:aws:sqs:us-east-1:123456789012:queue"
CREATED = ["s3:ObjectCreated:*"]


@pytest.fixture
def told(store: Running) -> Iterator[Any]:
    store.queues.messages.clear()
    yield lambda: [json.loads(body) for _, body in store.queues.messages]
    store.queues.messages.clear()


def _notify(s3: Any, bucket: str, *configurations: Any) -> None:
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": list(configurations)}
    )


def _rule(events: Any = CREATED, **filters: str) -> Any:
    rules = [{"Name": name, "Value": value} for name, value in filters.items()]
    return {"QueueArn": ARN, "Events": events} | ({"Filter": {"Key": {"FilterRules": rules}}} if rules else {})


def test_an_upload_is_told_once_in_the_form_of_aws(s3: Any, versioned: str, told: Any) -> None:
    _notify(s3, versioned, _rule())
    version = s3.put_object(Bucket=versioned, Key="ein Bär + mehr/é%.jpg", Body=b"123")["VersionId"]

    test_event, event = told()

    assert (test_event["Event"], test_event["Bucket"]) == ("s3:TestEvent", versioned)
    (record,) = event["Records"]
    assert (record["eventSource"], record["eventName"]) == ("aws:s3", "ObjectCreated:Put")
    assert (record["eventVersion"], record["awsRegion"]) == ("2.1", "us-east-1")
    assert record["eventTime"].endswith("Z")
    assert record["s3"]["bucket"]["name"] == versioned
    assert record["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{versioned}"
    described = record["s3"]["object"]
    assert described["key"] == "ein+B%C3%A4r+%2B+mehr/%C3%A9%25.jpg"
    assert unquote_plus(described["key"]) == "ein Bär + mehr/é%.jpg"
    assert (described["size"], described["versionId"]) == (3, version)
    assert described["eTag"] == "202cb962ac59075b964b07152d234b70"


def test_the_sequencer_grows(s3: Any, bucket: str, told: Any) -> None:
    _notify(s3, bucket, _rule())
    for _ in range(3):
        s3.put_object(Bucket=bucket, Key="key", Body=b"1")

    sequencers = [event["Records"][0]["s3"]["object"]["sequencer"] for event in told()[1:]]
    assert sequencers == sorted(set(sequencers))
    assert "versionId" not in told()[1]["Records"][0]["s3"]["object"]


def test_every_way_to_make_an_object_has_its_event(s3: Any, bucket: str, told: Any) -> None:
    _notify(s3, bucket, _rule())
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="c", UploadId=upload, PartNumber=1, Body=b"1")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    for _ in range(2):  # somebody who has not heard the answer asks again
        s3.complete_multipart_upload(Bucket=bucket, Key="c", UploadId=upload, MultipartUpload=parts)

    assert [event["Records"][0]["eventName"] for event in told()[1:]] == [
        "ObjectCreated:Put",
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
    ]


def test_removals_are_told(s3: Any, versioned: str, told: Any) -> None:
    _notify(s3, versioned, _rule(["s3:ObjectRemoved:*"]))
    version = s3.put_object(Bucket=versioned, Key="a", Body=b"1")["VersionId"]
    s3.delete_object(Bucket=versioned, Key="a")
    s3.delete_object(Bucket=versioned, Key="a", VersionId=version)
    s3.delete_object(Bucket=versioned, Key="a", VersionId=version)

    names = [event["Records"][0]["eventName"] for event in told()[1:]]
    assert names == ["ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:Delete"]


def test_filters(s3: Any, bucket: str, told: Any) -> None:
    _notify(s3, bucket, _rule(prefix="in/", suffix=".zip"))
    for key in ("in/a.zip", "in/a.jpg", "a.zip", "in/.zip"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")

    assert [event["Records"][0]["s3"]["object"]["key"] for event in told()[1:]] == ["in/a.zip", "in/.zip"]
    found = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert [rule["Value"] for rule in found[0]["Filter"]["Key"]["FilterRules"]] == ["in/", ".zip"]


def test_a_refused_upload_is_not_told(s3: Any, bucket: str, told: Any) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")
    _notify(s3, bucket, _rule())

    assert error_of(s3.put_object, Bucket=bucket, Key="key", IfNoneMatch="*") == (412, "PreconditionFailed")
    assert len(told()) == 1


@pytest.mark.parametrize(
    "configurations",
    [
        [{**_rule(), "QueueArn": "arn:aws:sqs:us-east-1:123456789012:none"}],
        [_rule(prefix="a"), _rule(prefix="ab")],
        [_rule(), _rule(["s3:ObjectCreated:Put"], suffix="x")],
        [{**_rule(prefix="a"), "Id": "same"}, {**_rule(prefix="b"), "Id": "same"}],
    ],
)
def test_wrong_configurations_are_refused(s3: Any, bucket: str, told: Any, configurations: Any) -> None:
    asked = {"Bucket": bucket, "NotificationConfiguration": {"QueueConfigurations": configurations}}

    assert error_of(s3.put_bucket_notification_configuration, **asked) == (400, "InvalidArgument")
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
