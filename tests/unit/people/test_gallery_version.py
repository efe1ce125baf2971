"""The gallery is read again when it has changed, and not before."""

from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from rollcall.people.gallery_store import KNOWN_SECONDS, EnrolledFace, GalleryStore

DLIB = "dlib-resnet"


class Faces:
    """The tables, how often each operation was asked for, and a store that has read the faces of Ann."""

    def __init__(self, dynamodb: Any) -> None:
        self.table = dynamodb.create_table(
            TableName="t-faces",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("name", "face")],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}, {"AttributeName": "face", "KeyType": "RANGE"}],
        )
        self.versions = dynamodb.create_table(
            TableName="t-versions",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "of", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "of", "KeyType": "HASH"}],
        )
        self.now = 0.0
        self.asked: Counter[str] = Counter()
        self.on("*", lambda model, **_: self.asked.update([model.name]))
        self.other = GalleryStore(self.table)
        self.other.put("Ann", embedding(1), source="1.jpg")
        self.store = GalleryStore(self.table, clock=lambda: self.now)
        self.read()
        self.asked.clear()

    def on(self, operation: str, handler: Callable[..., Any]) -> None:
        self.table.meta.client.meta.events.register(f"before-call.dynamodb.{operation}", handler)

    def read(self) -> list[str]:
        return sorted(name for group in self.store.load(DLIB) for name in group.names)


@pytest.fixture
def faces() -> Iterator[Faces]:
    with mock_aws():
        dynamodb: Any = boto3.resource("dynamodb", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        yield Faces(dynamodb)
        dynamodb.meta.client.close()


def embedding(seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=128).astype(np.float32)


def face(name: str, seed: int) -> EnrolledFace:
    return EnrolledFace(name=name, embedding=embedding(seed), model=DLIB, source="1.jpg")


def test_a_gallery_that_has_not_changed_costs_one_request(faces: Faces) -> None:
    before = faces.store.load(DLIB)

    assert faces.store.load(DLIB) is before
    assert faces.asked == {"GetItem": 2}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda store: store.put("Bo", embedding(2), source="1.jpg"), ["Ann", "Bo"]),
        (lambda store: store.put_all([face("Bo", 2), face("Bo", 2), face("Bo", 3)]), ["Ann", "Bo", "Bo"]),
        (lambda store: store.enroll([face("Bo", 2)]), ["Ann", "Bo"]),
        (lambda store: store.remove([("Ann", store.faces_of("Ann")[0])] * 2), []),
        (
            lambda store: store.put_all(face(f"{n:03d}", n) for n in range(250)),
            [f"{n:03d}" for n in range(250)] + ["Ann"],
        ),
    ],
    ids=["put", "put all", "enroll", "remove", "many"],
)
def test_what_somebody_else_changes_is_seen_at_once(
    faces: Faces, change: Callable[[GalleryStore], None], names: list[str]
) -> None:
    change(faces.other)

    assert faces.read() == names


def test_nothing_to_write_is_no_change(faces: Faces) -> None:
    faces.other.put_all([])
    faces.other.remove([])

    assert faces.asked == {}


def test_a_change_that_notes_no_version_is_seen_after_a_while(faces: Faces) -> None:
    (item,) = faces.table.scan()["Items"]
    faces.table.put_item(Item=item | {"name": "Bo"})

    assert faces.read() == ["Ann"]
    faces.now = KNOWN_SECONDS + 1
    assert faces.read() == ["Ann", "Bo"]


def test_a_deletion_that_notes_no_version_is_seen_when_somebody_asks_who_is_left(faces: Faces) -> None:
    (item,) = faces.table.scan()["Items"]
    faces.table.delete_item(Key={"name": item["name"], "face": item["face"]})

    assert faces.store.present([(item["name"], item["face"])]) == set()
    assert faces.read() == []


def test_without_a_table_of_versions_everything_is_read_and_written_all_the_same(faces: Faces) -> None:
    faces.versions.delete()

    faces.other.put("Bo", embedding(2), source="1.jpg")
    assert faces.read() == ["Ann", "Bo"]
    faces.other.remove([("Ann", faces.other.faces_of("Ann")[0])])
    assert faces.read() == ["Bo"]


@pytest.mark.parametrize(
    ("reason", "again"), [("TransactionConflict", True), ("ThrottlingError", True), ("ValidationError", False)]
)
def test_who_enrolls_at_the_same_time_as_others_tries_again(faces: Faces, reason: str, again: bool) -> None:
    left = [1, 1]

    def cancel(**_: Any) -> Any:
        if not left:
            return None
        left.pop()
        error = {"Code": "TransactionCanceledException", "Message": "canceled"}
        reasons = [{"Code": "None"}, {"Code": reason}]
        return SimpleNamespace(status_code=400), {"Error": error, "CancellationReasons": reasons}

    faces.on("TransactWriteItems", cancel)

    if again:
        faces.other.put("Bo", embedding(2), source="1.jpg")
        assert faces.read() == ["Ann", "Bo"]
    else:
        with pytest.raises(ClientError, match="canceled"):
            faces.other.put("Bo", embedding(2), source="1.jpg")
