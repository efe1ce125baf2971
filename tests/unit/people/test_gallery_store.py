from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import numpy as np
import pytest
from moto import mock_aws

from rollcall.contracts.errors import BadGallery, GalleryMismatch
from rollcall.people.gallery_store import EnrolledFace, GalleryStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


@pytest.fixture
def table() -> Iterator["Table"]:
    with mock_aws():
        dynamodb = boto3.resource("dynamodb", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
        yield dynamodb.create_table(
            TableName="t-faces",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "name", "AttributeType": "S"},
                {"AttributeName": "face", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}, {"AttributeName": "face", "KeyType": "RANGE"}],
        )
        dynamodb.meta.client.close()


DLIB, FACENET = "dlib-resnet", "facenet"


def embedding(seed: int, dimension: int = 128) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=dimension).astype(np.float32)


@pytest.mark.parametrize(("model", "dimension"), [(DLIB, 128), (FACENET, 512)])
def test_faces_come_back_bit_for_bit(table: "Table", model: str, dimension: int) -> None:
    store = GalleryStore(table)
    zoe, bo = embedding(1, dimension), embedding(2, dimension)
    store.put("Zoë", zoe, model=model, source="1.jpg")
    store.put_all([EnrolledFace(name="Bo", embedding=bo, model=model, source="2.jpg", weight=0.25)])

    (loaded,) = store.load(model)
    names, embeddings = list(loaded.names), loaded.embeddings

    assert sorted(names) == ["Bo", "Zoë"]
    assert embeddings.dtype == np.float32
    np.testing.assert_array_equal(embeddings[names.index("Zoë")], zoe)
    np.testing.assert_array_equal(embeddings[names.index("Bo")], bo)


@pytest.mark.parametrize(("asked", "others"), [(DLIB, "facenet"), (FACENET, "dlib-resnet")])
def test_a_gallery_of_another_embedder_is_refused(table: "Table", asked: str, others: str) -> None:
    store = GalleryStore(table)
    store.put("Ann", embedding(1, 512 if others == FACENET else 128), model=others, source="1.jpg")

    with pytest.raises(GalleryMismatch, match=f"made with {others}, and faces are read with {asked}"):
        store.load(asked)


def test_a_gallery_of_two_embedders_is_refused_by_both_and_can_be_listed(table: "Table") -> None:
    store = GalleryStore(table)
    store.put("Ann", embedding(1), source="1.jpg")
    store.put("Bo", embedding(1, 512), model=FACENET, source="2.jpg")

    for asked in (DLIB, FACENET):
        other = FACENET if asked == DLIB else DLIB
        with pytest.raises(GalleryMismatch, match=f"made with {other}, and faces are read with {asked}"):
            store.load(asked)
    assert {(face.name, face.model, face.readable) for face in store.faces()} == {
        ("Ann", DLIB, True),
        ("Bo", FACENET, True),
    }


def test_faces_that_share_a_network_are_read_together(table: "Table") -> None:
    store = GalleryStore(table)
    store.put("Ann", embedding(1), source="old.jpg")
    store.put("Bo", embedding(2, 256), model="fused", source="new.jpg")

    assert {(group.embedder, *group.names) for group in store.load("fused")} == {(DLIB, "Ann"), ("fused", "Bo")}
    assert {(group.embedder, *group.names) for group in store.load(DLIB)} == {(DLIB, "Ann"), ("fused", "Bo")}
    with pytest.raises(GalleryMismatch, match="made with dlib-resnet, and faces are read with sface"):
        store.load("sface")


def test_faces_of_an_embedder_that_is_gone_are_refused_and_can_be_removed(table: "Table") -> None:
    store = GalleryStore(table)
    table.put_item(Item={"name": "Ann", "face": "0f", "embedding": b"\0" * 512, "model": "arcface"})

    with pytest.raises(GalleryMismatch, match="made with arcface"):
        store.load(DLIB)
    (listed,) = store.faces()
    assert (listed.model, listed.readable) == ("arcface", False)
    store.remove([(listed.name, listed.face)])
    assert store.load(DLIB) == []


def test_enrolling_again_changes_nothing(table: "Table") -> None:
    store = GalleryStore(table)
    for _ in range(2):
        store.put_all([EnrolledFace(name="Ann", embedding=embedding(seed), source="x") for seed in (1, 2, 1)])

    (loaded,) = store.load(DLIB)

    assert loaded.names == ["Ann", "Ann"]


def test_an_empty_table_is_an_empty_gallery(table: "Table") -> None:
    assert GalleryStore(table).load(DLIB) == []


def test_a_gallery_over_one_page_is_read_whole(table: "Table") -> None:
    # a scan's page ends at 1 MB
    store = GalleryStore(table)
    store.put_all([EnrolledFace(name=f"person {n}", embedding=embedding(n), source="s" * 300) for n in range(1500)])

    (loaded,) = store.load(DLIB)

    assert len(set(loaded.names)) == 1500
    assert loaded.embeddings.shape == (1500, 128)


@pytest.mark.parametrize(
    "stored", [b"short", b"", "text", np.full(128, np.nan, dtype="<f4").tobytes(), np.ones(129, dtype="<f4").tobytes()]
)
def test_what_enrollment_would_not_write_is_refused_without_a_name(table: "Table", stored: object) -> None:
    table.put_item(Item={"name": "Ann", "face": "0f", "embedding": stored})  # type: ignore[dict-item]

    with pytest.raises(BadGallery, match="face '0f'") as refused:
        GalleryStore(table).load(DLIB)
    assert "Ann" not in str(refused.value)  # it is logged


@pytest.mark.parametrize("bad", [np.ones(127, dtype=np.float32), np.full(128, np.inf, dtype=np.float32)])
def test_an_embedding_that_is_none_is_never_stored(table: "Table", bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="128"):
        GalleryStore(table).put("Ann", bad, source="x")

    assert GalleryStore(table).load(DLIB) == []
