"""The stored result of a photo has the names of its answer, but for people who were deleted since then."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
from moto import mock_aws
from numpy.typing import NDArray

from rollcall.api.photos.decisions import decide
from rollcall.api.photos.gallery_cache import RecordCache
from rollcall.api.photos.photo_store import KeptPhoto, PhotoStore
from rollcall.api.recognizers.messages import FaceQuality, Ready, SeenFace, SeenPhoto
from rollcall.contracts.embedder_kinds import UNNAMED_EMBEDDER
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import Gallery, Templates
from rollcall.people.gallery_store import GalleryStore
from rollcall.people.gop_faces import pack_embedding
from rollcall.people.people_store import PeopleStore
from rollcall.results.announce import Announcer
from rollcall.results.forget import Forgetter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

KEY = "api/photos/2026/11/27/0123"
CALIBRATION = load_calibration(UNNAMED_EMBEDDER)
NUMBERS = itertools.count()
KEYS: dict[str, Any] = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
PUTS = 6  # two crops, CSV, VTT, JSON, and the photo


class Bus:
    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:
        return {"FailedEntryCount": 0, "Entries": [{} for _ in Entries]}


@dataclass(frozen=True)
class Clients:
    s3: "S3Client"
    sqs: "SQSClient"
    dynamodb: "DynamoDBServiceResource"


class World:
    """What the API and whoever deletes people share: buckets and tables."""

    def __init__(self, clients: Clients, number: int) -> None:
        self.s3, self.sqs, self.dynamodb = clients.s3, clients.sqs, clients.dynamodb
        self.uploads, self.results = f"in-{number}", f"out-{number}"
        for bucket in (self.uploads, self.results):
            self.s3.create_bucket(Bucket=bucket)
        self.s3.put_bucket_versioning(Bucket=self.uploads, VersioningConfiguration={"Status": "Enabled"})
        self.faces = GalleryStore(self._table(f"faces-{number}", "name", "face"))
        self.people = PeopleStore(self._table(f"people-{number}", "name"))

    def enroll(self, name: str, number: int) -> None:
        self.faces.put(name, face(number), source="test")

    def delete(self, name: str) -> None:
        """All of it, as another process does."""
        forgetter = Forgetter(
            s3=self.s3, input_bucket=self.uploads, output_bucket=self.results, people=self.people, gallery=self.faces
        )
        forgetter.forget_person(name)
        forgetter.forget_photos(name)
        forgetter.forget_results(name)

    def answer(self, *numbers: int) -> KeptPhoto:
        """A photo of these faces, as it waits to be stored."""
        seen = SeenPhoto(
            width=900, height=100, faces=[seen_face(n, number) for n, number in enumerate(numbers)], seconds_spent=0.1
        )
        decision = decide(seen, Gallery(self.faces.load(UNNAMED_EMBEDDER), CALIBRATION))
        return KeptPhoto(key=KEY, photo=b"jpeg", content_type="image/jpeg", seen=seen, decision=decision, created=0.0)

    def store(self, kept: KeptPhoto) -> dict[str, Any]:
        PhotoStore(
            s3=self.s3,
            input_bucket=self.uploads,
            output_bucket=self.results,
            ready=Ready(model={}, embedder=UNNAMED_EMBEDDER),
            faces=self.faces,
            records=RecordCache(self.people, seconds=0),
            announcer=Announcer(sqs=self.sqs, events=Bus(), bucket=self.results, queue="results", bus="default"),
        ).write(kept)
        result: dict[str, Any] = json.load(self.s3.get_object(Bucket=self.results, Key=f"{KEY}.json")["Body"])
        return result

    def kept(self) -> bool:
        return "Versions" in self.s3.list_object_versions(Bucket=self.uploads)

    def everything_written(self) -> str:
        listed = self.s3.list_objects_v2(Bucket=self.results)["Contents"]
        texts = [self.s3.get_object(Bucket=self.results, Key=item["Key"])["Body"].read() for item in listed]
        return " ".join([item["Key"] for item in listed] + [text.decode("latin-1") for text in texts])

    def at_put(self, number: int, action: Callable[[], None]) -> None:
        """Do this before the so-many-th object is put."""
        left = [number]

        def before(**_: Any) -> None:
            left[0] -= 1
            if left[0] == -1:
                action()

        self.s3.meta.events.register("before-call.s3.PutObject", before)  # for the rest of this module, once done

    def _table(self, name: str, *keys: str) -> Any:
        return self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind}  # type: ignore[typeddict-item]
                for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
        )


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with mock_aws():
        clients = Clients(
            s3=boto3.client("s3", "us-east-1", **KEYS),
            sqs=boto3.client("sqs", "us-east-1", **KEYS),
            dynamodb=boto3.resource("dynamodb", "us-east-1", **KEYS),
        )
        clients.sqs.create_queue(QueueName="results")
        yield clients
        for client in (clients.s3, clients.sqs, clients.dynamodb.meta.client):
            client.close()


@pytest.fixture
def world(clients: Clients) -> World:
    return World(clients, next(NUMBERS))


def face(number: int) -> NDArray[np.float32]:
    """Different numbers are different people; 0.1 apart in number is the same person, seen again."""
    whole = round(number // 10)
    embedding = np.zeros(128, dtype=np.float32)
    embedding[whole] = 1.0
    embedding[127] = (number % 10) * 0.05
    return embedding


def seen_face(place: int, number: int) -> SeenFace:
    quality = FaceQuality(size=80, sharpness=1, yaw=0, roll=0, exposure=1, weight=1)
    return SeenFace(
        box=(100.0 * place, 0.0, 80.0, 80.0),
        confidence=1.0,
        landmarks=[],
        quality=quality,
        embedding=pack_embedding(face(number)),
        crop=b"crop",
    )


ANN, ANN_AGAIN, BO, CY = 10, 11, 20, 30


def names(result: dict[str, Any]) -> list[str]:
    return [person["name"] for person in result["people"]]


def test_the_names_are_those_of_the_answer_whoever_is_enrolled_since_then(world: World) -> None:
    world.enroll("Ann", ANN)
    waiting = world.answer(ANN_AGAIN, BO)
    world.enroll("Ann's double", ANN_AGAIN)
    world.enroll("Bo", BO)

    result = world.store(waiting)

    assert names(result) == ["Ann"]
    assert [stranger["id"] for stranger in result["unknown"]] == ["unknown-1"]
    assert world.kept()
    assert names(world.store(world.answer(BO))) == ["Bo"]


def test_somebody_deleted_while_the_photo_waits_is_one_of_the_unknown(world: World) -> None:
    world.enroll("Ann", ANN)
    world.enroll("Bo", BO)
    waiting = world.answer(ANN_AGAIN, BO, CY)
    world.delete("Ann")

    result = world.store(waiting)

    assert names(result) == ["Bo"]
    assert [stranger["id"] for stranger in result["unknown"]] == ["unknown-1", "unknown-2"]
    assert "Ann" not in world.everything_written()
    assert not world.kept()


def test_somebody_else_enrolled_under_the_same_name_does_not_get_the_face(world: World) -> None:
    world.enroll("Ann", ANN)
    waiting = world.answer(ANN_AGAIN)
    world.delete("Ann")
    world.enroll("Ann", CY)

    assert names(world.store(waiting)) == []
    assert "Ann" not in world.everything_written()


@pytest.mark.parametrize("step", range(PUTS))
def test_somebody_deleted_while_the_result_is_written_is_not_in_it(world: World, step: int) -> None:
    world.enroll("Ann", ANN)
    world.enroll("Bo", BO)
    world.people.put({"name": "Ann", "born": "1815-12-10"})
    world.at_put(step, lambda: world.delete("Ann"))

    result = world.store(world.answer(ANN_AGAIN, BO))

    assert names(result) == ["Bo"]
    written = world.everything_written()
    assert "Bo" in written and "Ann" not in written and "1815-12-10" not in written
    assert not world.kept()


def test_two_are_deleted_one_after_the_other(world: World) -> None:
    world.enroll("Ann", ANN)
    world.enroll("Bo", BO)
    world.at_put(1, lambda: world.delete("Ann"))
    world.at_put(PUTS + 2, lambda: world.delete("Bo"))  # while it is written anew

    result = world.store(world.answer(ANN_AGAIN, BO))

    assert names(result) == []
    assert not {"Ann", "Bo"} & set(world.everything_written().split("/"))
    assert "Ann" not in world.everything_written() and "Bo" not in world.everything_written()
    assert not world.kept()


def test_two_faces_that_look_different_are_not_one_person(world: World) -> None:
    world.enroll("Ann", ANN)
    one, other = face(ANN), face(ANN)
    one[126], other[126] = 0.25, -0.3

    assert [match.name for match in world.answer(ANN, ANN_AGAIN).decision.matches] == ["Ann", "Ann"]  # as in a mirror
    faces = [
        seen_face(place, ANN).model_copy(update={"embedding": pack_embedding(embedding)})
        for place, embedding in enumerate((other, one))
    ]
    seen = SeenPhoto(width=900, height=100, faces=faces, seconds_spent=0.1)
    decision = decide(seen, Gallery([Templates(UNNAMED_EMBEDDER, ["Ann"], face(ANN)[None])], CALIBRATION))
    assert [match.name for match in decision.matches] == [None, "Ann"]
    assert set(decision.decided_by) == {"Ann"}
