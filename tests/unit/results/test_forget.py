"""Forgetting a person: what goes, what stays, and what happens when the bucket changes meanwhile."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
from moto import mock_aws

from rollcall.people.gallery_store import GalleryStore
from rollcall.people.people_store import PeopleStore
from rollcall.results import forget
from rollcall.results.forget import Forgetter, result_without
from rollcall.results.result import Result
from tests.unit.made_results import failure, person, result, stranger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "t-output"
UPLOADS = "uploads"
KEYS: dict[str, Any] = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


@pytest.fixture
def s3() -> Iterator["S3Client"]:
    with mock_aws():
        client = boto3.client("s3", "us-east-1", **KEYS)
        client.create_bucket(Bucket=BUCKET)
        client.create_bucket(Bucket=UPLOADS)
        client.put_bucket_versioning(Bucket=UPLOADS, VersioningConfiguration={"Status": "Enabled"})
        yield client
        client.close()


@pytest.fixture
def forgetter(s3: "S3Client") -> Iterator[Forgetter]:
    dynamodb = boto3.resource("dynamodb", "us-east-1", **KEYS)
    tables = [
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind}  # type: ignore[typeddict-item]
                for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
        )
        for name, keys in (("t-people", ("name",)), ("t-faces", ("name", "face")))
    ]
    yield Forgetter(
        s3=s3,
        input_bucket=UPLOADS,
        output_bucket=BUCKET,
        people=PeopleStore(tables[0]),
        gallery=GalleryStore(tables[1]),
    )
    dynamodb.meta.client.close()


def publish(s3: "S3Client", found: Result) -> None:
    s3.put_object(
        Bucket=BUCKET, Key=f"{found.video}.json", Body=found.model_dump_json().encode(), Metadata={"job": "j-1"}
    )
    for ending in ("csv", "vtt"):
        s3.put_object(Bucket=BUCKET, Key=f"{found.video}.{ending}", Body=b"made before")
    for shown in found.people:
        for number in (1, 2):
            s3.put_object(Bucket=BUCKET, Key=f"{found.video}/faces/{shown.name}-{number}.jpg", Body=b"crop")


def keys(s3: "S3Client") -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


def content(s3: "S3Client", key: str) -> Any:
    return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def test_photos_and_results_of_similar_names_stay(forgetter: Forgetter, s3: "S3Client") -> None:
    mine, others = (
        "api/photos/2026/ab",
        ("api/photos/2026/abc", "api/photos/2026/ab/faces/Ann-1.jpg", "api/photos/2026"),
    )
    for key in (mine, *others):
        s3.put_object(Bucket=UPLOADS, Key=key, Body=b"photo")
    publish(s3, result([person("Ann", [(0, 1)])], video=mine))
    for key in others:
        publish(s3, result([person("Bob", [(0, 1)])], video=key))
    foreign = result([person("Ann", [(0, 1)])], video=others[0]).model_dump_json()
    s3.put_object(Bucket=BUCKET, Key="copies/of-a-result.json", Body=foreign.encode())
    before = {key: content(s3, key) for key in keys(s3) if not key.startswith(f"{mine}.") and "faces/Ann" not in key}

    assert forgetter.forget_photos("Ann") == 1
    forgetter.forget_results("Ann")

    left = {item["Key"] for item in s3.list_objects_v2(Bucket=UPLOADS)["Contents"]}
    assert left == set(others)
    assert {key: content(s3, key) for key in before} == before
    assert f"{mine}/faces/Ann-1.jpg" not in keys(s3)


def test_record_and_faces_go_and_those_of_others_stay(forgetter: Forgetter) -> None:
    for name in ("Ann", "Anna"):
        forgetter._people.put({"name": name})
        forgetter._gallery.put(name, np.full(128, 0.1, np.float32), source="a")
        forgetter._gallery.put(name, np.full(128, 0.2, np.float32), source="b")

    first, second = forgetter.forget_person("Ann"), forgetter.forget_person("Ann")

    assert (first.record, first.faces) == (True, 2)
    assert (second.record, second.faces) == (False, 0)
    assert [record["name"] for record in forgetter._people.all()] == ["Anna"]
    assert {face.name for face in forgetter._gallery.faces()} == {"Anna"}


def test_the_name_goes_from_every_file_of_a_result_and_the_sighting_stays(s3: "S3Client", forgetter: Forgetter) -> None:
    ann = person("Ann", [(1, 2)], record={"name": "Ann", "id": 7}, crop="a.mp4/faces/Ann-1.jpg")
    publish(s3, result([ann, person("Ann-1", [(3, 4)])], [stranger(1, [(0, 1)])], video="a.mp4"))

    done = forgetter.forget_results("Ann")

    assert (done.looked_at, done.rewritten, done.crops, done.next_after) == (1, 1, 2, None)
    found = Result.model_validate_json(content(s3, "a.mp4.json"))
    assert [shown.name for shown in found.people] == ["Ann-1"]
    assert [unknown.id for unknown in found.unknown] == ["unknown-1", "unknown-2"]
    assert found.unknown[1].segments == ann.segments
    assert found.unknown[1].best.crop is None
    assert content(s3, "a.mp4.csv").decode().splitlines() == [
        "name,first_seen,last_seen,seconds,similarity",
        "Ann-1,3.0,4.0,1.0,93.4",
        "unknown-1,0.0,1.0,1.0,",
        "unknown-2,1.0,2.0,1.0,",
    ]
    assert "unknown-2" in content(s3, "a.mp4.vtt").decode()
    # the crops of Ann-1 are called Ann-1-1.jpg and Ann-1-2.jpg
    assert {key for key in keys(s3) if key.endswith(".jpg")} == {f"a.mp4/faces/Ann-1-{n}.jpg" for n in (1, 2)}
    assert s3.head_object(Bucket=BUCKET, Key="a.mp4.json")["Metadata"] == {"job": "j-1"}


def test_doing_it_again_changes_nothing(s3: "S3Client", forgetter: Forgetter) -> None:
    publish(s3, result([person("Ann", [(1, 2)])], video="a.mp4"))
    forgetter.forget_results("Ann")
    before = {key: s3.head_object(Bucket=BUCKET, Key=key) for key in keys(s3)}

    again = forgetter.forget_results("Ann")

    assert (again.rewritten, again.crops) == (0, 0)
    assert {key: s3.head_object(Bucket=BUCKET, Key=key)["LastModified"] for key in keys(s3)} == {
        key: head["LastModified"] for key, head in before.items()
    }


def test_answers_to_failed_uploads_and_results_without_the_person_are_left_alone(
    s3: "S3Client", forgetter: Forgetter
) -> None:
    publish(s3, result([person("Bob", [(1, 2)])], video="a.mp4"))
    s3.put_object(Bucket=BUCKET, Key="b.mp4.json", Body=failure("Ann did it.").model_dump_json().encode())
    before = {key: content(s3, key) for key in keys(s3)}

    done = forgetter.forget_results("Ann")

    assert (done.looked_at, done.rewritten, done.crops) == (2, 0, 0)
    assert {key: content(s3, key) for key in keys(s3)} == before


def test_a_bucket_is_gone_through_in_stretches(
    s3: "S3Client", forgetter: Forgetter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forget, "LIST_AT_ONCE", 2)
    for number in range(5):
        publish(s3, result([person("Ann", [(1, 2)])], video=f"{number}.mp4"))
    after: str | None = None
    rewritten = stretches = 0
    while stretches == 0 or after is not None:
        stretch = forgetter.forget_results("Ann", after=after)
        after, rewritten, stretches = stretch.next_after, rewritten + stretch.rewritten, stretches + 1
        assert stretch.looked_at <= 2

    assert rewritten == 5
    assert all(b"Ann" not in content(s3, key) and "Ann" not in key for key in keys(s3))


def test_a_result_that_is_published_meanwhile_is_not_lost(
    s3: "S3Client", forgetter: Forgetter, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(s3, result([person("Ann", [(1, 2)])], video="a.mp4"))
    newer = result([person("Ann", [(5, 6)]), person("Bob", [(7, 8)])], video="a.mp4")
    original, published = forgetter._put, [False]

    def put(*arguments: Any) -> bool:
        if not published[0]:
            published[0] = True
            publish(s3, newer)  # between the read and the write
        return original(*arguments)

    monkeypatch.setattr(forgetter, "_put", put)
    forgetter.forget_results("Ann")

    found = json.loads(content(s3, "a.mp4.json"))
    assert [shown["name"] for shown in found["people"]] == ["Bob"]
    assert found["unknown"][0]["segments"] == [{"start": 5.0, "end": 6.0}]


@pytest.mark.parametrize("deleted", [["csv"], ["vtt"], ["json"], ["csv", "vtt", "json"]])
def test_what_is_deleted_meanwhile_does_not_come_back(
    s3: "S3Client", forgetter: Forgetter, monkeypatch: pytest.MonkeyPatch, deleted: list[str]
) -> None:
    publish(s3, result([person("Ann", [(1, 2)])], video="a.mp4"))
    original = forgetter._put

    def put(*arguments: Any) -> bool:
        for ending in deleted:
            s3.delete_object(Bucket=BUCKET, Key=f"a.mp4.{ending}")  # by the upload's owner
        return original(*arguments)

    monkeypatch.setattr(forgetter, "_put", put)
    forgetter.forget_results("Ann")

    assert keys(s3) == {f"a.mp4.{ending}" for ending in ("csv", "vtt", "json") if ending not in deleted}


def test_crops_of_strangers_are_nobodys(s3: "S3Client", forgetter: Forgetter) -> None:
    s3.put_object(Bucket=BUCKET, Key="a.mp4/faces/unknown-1-1.jpg", Body=b"crop")

    assert forgetter.forget_results("unknown-1").crops == 0
    assert keys(s3) == {"a.mp4/faces/unknown-1-1.jpg"}


def test_a_free_number_is_taken() -> None:
    found = result_without(result([person("Ann", [(1, 2)])], [stranger(2, [(0, 1)])]), "Ann")

    assert [unknown.id for unknown in found.unknown] == ["unknown-2", "unknown-1"]


def test_photos_that_came_by_http_go_with_all_their_versions(s3: "S3Client", forgetter: Forgetter) -> None:
    kept = {name: f"api/photos/2026-11-21/{number}" for number, name in enumerate(("Ann", "Ben", "Ann-1"))}
    own = "party/ann.jpg"
    for name, key in (*kept.items(), ("Ann", own)):
        for body in (b"photo", b"again"):
            s3.put_object(Bucket=UPLOADS, Key=key, Body=body)
        s3.put_object(Bucket=BUCKET, Key=f"{key}/faces/{name}-1.jpg", Body=b"crop")

    assert forgetter.forget_photos("Ann") == 2

    left = s3.list_object_versions(Bucket=UPLOADS)
    assert {version["Key"] for version in left["Versions"]} == {kept["Ben"], kept["Ann-1"], own}
    assert "DeleteMarkers" not in left


def test_photos_of_strangers_stay_whoever_asks(s3: "S3Client", forgetter: Forgetter) -> None:
    key = "api/photos/2026-11-21/0"
    s3.put_object(Bucket=UPLOADS, Key=key, Body=b"photo")
    s3.put_object(Bucket=BUCKET, Key=f"{key}/faces/unknown-1-1.jpg", Body=b"crop")

    assert forgetter.forget_photos("unknown-1") == 0

    s3.head_object(Bucket=UPLOADS, Key=key)
