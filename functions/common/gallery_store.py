"""The enrolled faces: one DynamoDB item per embedding, keyed by its digest so that enrolling twice changes nothing."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, SupportsBytes, cast

import numpy as np
from boto3.dynamodb.types import Binary
from numpy.typing import NDArray

from functions.common.errors import BadGallery

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

DIMENSIONS = 128
DEFAULT_MODEL = "dlib-resnet"
MAX_FACES = 100_000

_STORED = np.dtype("<f4")
_FACE_ID_DIGITS = 16
_ENROL_AGAIN = "`rollcall people list` tells whose it is: enrol them again"


@dataclass(frozen=True, kw_only=True, eq=False)
class EnrolledFace:
    name: str
    embedding: NDArray[np.float32]
    model: str = DEFAULT_MODEL
    source: str  # the file it came from
    weight: float | None = None  # 0..1: how far the photo can be trusted

    @property
    def face(self) -> str:
        return hashlib.sha256(_encode(self.embedding)).hexdigest()[:_FACE_ID_DIGITS]


@dataclass(frozen=True, kw_only=True)
class StoredFace:
    name: str
    face: str
    model: str
    readable: bool


class GalleryStore:
    def __init__(self, table: "Table") -> None:
        self._table = table

    def put(self, name: str, embedding: NDArray[np.float32], *, model: str = DEFAULT_MODEL, source: str) -> None:
        self.put_all([EnrolledFace(name=name, embedding=embedding, model=model, source=source)])

    def put_all(self, faces: Iterable[EnrolledFace]) -> None:
        with self._table.batch_writer(overwrite_by_pkeys=["name", "face"]) as batch:
            for face in faces:
                batch.put_item(Item=_item(face))

    def load(self) -> tuple[list[str], NDArray[np.float32], set[str]]:
        """Names (one per embedding), embeddings [N, 128], and the embedders they were made with."""
        faces = [_parse(item) for item in self._scan()]
        embeddings = np.array([face.embedding for face in faces], dtype=np.float32).reshape(-1, DIMENSIONS)
        return [face.name for face in faces], embeddings, {face.model for face in faces}

    def faces(self) -> Iterator[StoredFace]:
        """Also those that `load` would refuse."""
        for item in self._scan():
            model = str(item.get("model", DEFAULT_MODEL))
            yield StoredFace(name=str(item["name"]), face=str(item["face"]), model=model, readable=_readable(item))

    def faces_of(self, name: str) -> list[str]:
        pages = self._table.meta.client.get_paginator("query").paginate(
            TableName=self._table.name,
            KeyConditionExpression="#name = :name",
            ProjectionExpression="face",
            ExpressionAttributeNames={"#name": "name"},
            ExpressionAttributeValues={":name": name},
            ConsistentRead=True,
        )
        return [str(item["face"]) for page in pages for item in page["Items"]]

    def remove(self, keys: Iterable[tuple[str, str]]) -> None:
        """`keys`: name and face of each."""
        with self._table.batch_writer() as batch:
            for name, face in keys:
                batch.delete_item(Key={"name": name, "face": face})

    def _scan(self) -> Iterator[dict[str, Any]]:
        count = 0
        request: dict[str, Any] = {"ConsistentRead": True}
        while True:
            page = self._table.scan(**request)
            count += len(page["Items"])
            if count > MAX_FACES:
                raise BadGallery(f"table {self._table.name}: more than {MAX_FACES} faces; remove some")
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _encode(embedding: NDArray[np.float32]) -> bytes:
    if embedding.shape != (DIMENSIONS,) or not np.isfinite(embedding).all():
        raise ValueError(f"an embedding is {DIMENSIONS} finite numbers, not shape {embedding.shape}")
    return embedding.astype(_STORED).tobytes()


def _item(face: EnrolledFace) -> dict[str, Any]:
    item = {
        "name": face.name,
        "face": face.face,
        "embedding": _encode(face.embedding),
        "model": face.model,
        "source": face.source,
    }
    return item if face.weight is None else item | {"weight": Decimal(repr(round(face.weight, 6)))}


def _readable(item: dict[str, Any]) -> bool:
    try:
        _parse(item)
    except BadGallery:
        return False
    return True


def _parse(item: dict[str, Any]) -> EnrolledFace:
    where = f"faces table, face {item.get('face')!r}"  # without the name: this is logged, and logs name nobody
    stored = item.get("embedding")
    content = bytes(cast(SupportsBytes, stored)) if isinstance(stored, Binary) else b""
    if len(content) != DIMENSIONS * _STORED.itemsize:
        raise BadGallery(f"{where}: the embedding is not {DIMENSIONS} float32 numbers; {_ENROL_AGAIN}")
    embedding = np.frombuffer(content, dtype=_STORED).astype(np.float32)
    if not np.isfinite(embedding).all():
        raise BadGallery(f"{where}: the embedding holds NaN or infinity; {_ENROL_AGAIN}")
    weight = item.get("weight")
    return EnrolledFace(
        name=str(item["name"]),
        embedding=embedding,
        model=str(item.get("model", DEFAULT_MODEL)),
        source=str(item.get("source", "")),
        weight=None if weight is None else float(weight),
    )
