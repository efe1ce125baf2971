from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import numpy as np
import pytest
from moto import mock_aws

from functions.common.errors import BadGallery
from functions.common.gallery_store import EnrolledFace, GalleryStore

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


def embedding(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=128).astype(np.float32)


def test_faces_come_back_bit_for_bit(table: "Table") -> None:
    store = GalleryStore(table)
    store.put("Zoë", embedding(1), source="1.jpg")
    store.put_all([EnrolledFace(name="Bo", embedding=embedding(2), model="facenet", source="2.jpg", weight=0.25)])

    names, embeddings, models = store.load()

    assert sorted(names) == ["Bo", "Zoë"]
    assert models == {"dlib-resnet", "facenet"}
    assert embeddings.dtype == np.float32
    np.testing.assert_array_equal(embeddings[names.index("Zoë")], embedding(1))
    np.testing.assert_array_equal(embeddings[names.index("Bo")], embedding(2))


def test_enrolling_again_changes_nothing(table: "Table") -> None:
    store = GalleryStore(table)
    for _ in range(2):
        store.put_all([EnrolledFace(name="Ann", embedding=embedding(seed), source="x") for seed in (1, 2, 1)])

    names, _, _ = store.load()

    assert names == ["Ann", "Ann"]


def test_an_empty_table_is_an_empty_gallery(table: "Table") -> None:
    names, embeddings, models = GalleryStore(table).load()

    assert (names, embeddings.shape, models) == ([], (0, 128), set())


def test_a_gallery_over_one_page_is_read_whole(table: "Table") -> None:
    # a scan's page ends at 1 MB
    store = GalleryStore(table)
    store.put_all([EnrolledFace(name=f"person {n}", embedding=embedding(n), source="s" * 300) for n in range(1500)])

    names, embeddings, _ = store.load()

    assert len(set(names)) == 1500
    assert embeddings.shape == (1500, 128)


@pytest.mark.parametrize(
    "stored", [b"short", b"", "text", np.full(128, np.nan, dtype="<f4").tobytes(), np.ones(129, dtype="<f4").tobytes()]
)
def test_what_enrolment_would_not_write_is_refused_without_a_name(table: "Table", stored: object) -> None:
    table.put_item(Item={"name": "Ann", "face": "0f", "embedding": stored})  # type: ignore[dict-item]

    with pytest.raises(BadGallery, match="face '0f'") as refused:
        GalleryStore(table).load()
    assert "Ann" not in str(refused.value)  # it is logged


@pytest.mark.parametrize("bad", [np.ones(127, dtype=np.float32), np.full(128, np.inf, dtype=np.float32)])
def test_an_embedding_that_is_none_is_never_stored(table: "Table", bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="128"):
        GalleryStore(table).put("Ann", bad, source="x")

    assert GalleryStore(table).load()[0] == []
