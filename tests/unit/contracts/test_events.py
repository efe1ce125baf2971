import json

import pytest
from pydantic import ValidationError

from rollcall.contracts.events import S3Notification, Upload
from rollcall.contracts.object_keys import crop_key, pack_key


def notification(*keys: str, version: str | None = "v1") -> str:
    def record(key: str) -> dict[str, object]:
        entity = {"key": key} | ({} if version is None else {"versionId": version})
        return {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "in"}, "object": entity}}

    return json.dumps({"Records": [record(key) for key in keys]})


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("a+b.mp4", "a b.mp4"),
        ("a%2Bb.mp4", "a+b.mp4"),
        ("f%C3%BC%C3%9Fe.mp4", "füße.mp4"),
        ("dir%2Fx.mp4", "dir/x.mp4"),
    ],
)
def test_keys_arrive_decoded(encoded: str, key: str) -> None:
    (created,) = S3Notification.model_validate_json(notification(encoded)).created()

    assert created.key == key
    assert created.version == "v1"


def test_every_record_counts() -> None:
    created = list(S3Notification.model_validate_json(notification("a", "b", version=None)).created())

    assert [(one.key, one.version) for one in created] == [("a", None), ("b", None)]


def test_the_test_event_that_s3_sends_has_no_uploads() -> None:
    body = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "in"})

    assert list(S3Notification.model_validate_json(body).created()) == []


@pytest.mark.parametrize("body", ["", "[]", '{"Records": [{}]}', '{"Records": "x"}'])
def test_what_is_no_notification_is_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        S3Notification.model_validate_json(body)


def test_a_job_is_named_by_key_and_version() -> None:
    one = Upload(bucket="in", key="a.mp4", version="1")

    assert one.job == Upload(bucket="in", key="a.mp4", version="1").job
    assert one.job != Upload(bucket="in", key="a.mp4", version="2").job
    assert one.job != Upload(bucket="in", key="b.mp4", version="1").job


def test_keys_are_those_of_the_contract() -> None:
    assert pack_key("dir/a.mp4", 7) == "dir/a.mp4/gop-00007.zip"
    assert crop_key("dir/a.mp4", "Ann", 1) == "dir/a.mp4/faces/Ann-1.jpg"


def test_a_name_cannot_lead_a_crop_out_of_its_folder() -> None:
    assert crop_key("a.mp4", "../../b", 1) == "a.mp4/faces/.._.._b-1.jpg"
