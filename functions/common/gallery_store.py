"""The enrolled faces: one DynamoDB item per embedding, keyed by its digest so that enrolling twice changes nothing."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, SupportsBytes, cast

import numpy as np
from boto3.dynamodb.types import Binary
from numpy.typing import NDArray

from functions.common.errors import BadGallery, GalleryMismatch
from model.embedders import DEFAULT_EMBEDDER, EMBEDDERS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

MAX_FACES = 100_000

_STORED = np.dtype("<f4")
_FACE_ID_DIGITS = 16
_ENROL_AGAIN = "`rollcall people list` tells whose it is: enrol them again"


@dataclass(frozen=True, kw_only=True, eq=False)
class EnrolledFace:
    name: str
    embedding: NDArray[np.float32]
    model: str = DEFAULT_EMBEDDER
    source: str  # the file it came from
    weight: float | None = None  # 0..1: how far the photo can be trusted

    @property
    def face(self) -> str:
        return _face_id(_encode(self))


@dataclass(frozen=True, kw_only=True)
class StoredFace:
    name: str
    face: str
    model: str
    readable: bool


class GalleryStore:
    def __init__(self, table: "Table") -> None:
        self._table = table

    def put(self, name: str, embedding: NDArray[np.float32], *, model: str = DEFAULT_EMBEDDER, source: str) -> None:
        self.put_all([EnrolledFace(name=name, embedding=embedding, model=model, source=source)])

    def put_all(self, faces: Iterable[EnrolledFace]) -> None:
        with self._table.batch_writer(overwrite_by_pkeys=["name", "face"]) as batch:
            for face in faces:
                batch.put_item(Item=_item(face))

    def load(self, embedder: str) -> tuple[list[str], NDArray[np.float32]]:
        """Names (one per embedding) and embeddings [N, D]; raise GalleryMismatch where another embedder made one."""
        faces: list[EnrolledFace] = []
        enrolled_with: set[str] = set()
        for item in self._scan():
            enrolled_with.add(_model_of(item))
            if enrolled_with == {embedder}:
                faces.append(_parse(item))
        _require_embedder(enrolled_with, embedder)
        embeddings = np.array([face.embedding for face in faces], dtype=np.float32)
        return [face.name for face in faces], embeddings.reshape(-1, EMBEDDERS[embedder].dimension)

    def faces(self) -> Iterator[StoredFace]:
        """Also those that `load` would refuse."""
        for item in self._scan():
            yield StoredFace(
                name=str(item["name"]), face=str(item["face"]), model=_model_of(item), readable=_readable(item)
            )

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

    def has(self, name: str, face: str) -> bool:
        """Whether this face is enrolled under this name at this moment."""
        answer = self._table.query(
            KeyConditionExpression="#name = :name AND face = :face",
            ProjectionExpression="face",
            ExpressionAttributeNames={"#name": "name"},
            ExpressionAttributeValues={":name": name, ":face": face},
            ConsistentRead=True,
        )
        return bool(answer["Items"])

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


def _require_embedder(enrolled_with: set[str], embedder: str) -> None:
    if enrolled_with - {embedder}:
        raise GalleryMismatch(
            f"The gallery was made with {', '.join(sorted(enrolled_with))}, and faces are read with {embedder}; the two"
            " cannot be compared. Enrol the people again with the embedder in use."
        )


def face_id(embedding: NDArray[np.float32]) -> str:
    """The sort key under which an embedding is enrolled."""
    return _face_id(embedding.astype(_STORED).tobytes())


def _face_id(stored: bytes) -> str:
    return hashlib.sha256(stored).hexdigest()[:_FACE_ID_DIGITS]


def _encode(face: EnrolledFace) -> bytes:
    dimension = EMBEDDERS[face.model].dimension
    if face.embedding.shape != (dimension,) or not np.isfinite(face.embedding).all():
        raise ValueError(f"an embedding of {face.model} is {dimension} finite numbers, not {face.embedding.shape}")
    return face.embedding.astype(_STORED).tobytes()


def _model_of(item: dict[str, Any]) -> str:
    return str(item.get("model", DEFAULT_EMBEDDER))


def _item(face: EnrolledFace) -> dict[str, Any]:
    item = {
        "name": face.name,
        "face": face.face,
        "embedding": _encode(face),
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
    model = _model_of(item)
    if model not in EMBEDDERS:
        raise BadGallery(f"{where}: no embedder is named {model!r}; {_ENROL_AGAIN}")
    dimension = EMBEDDERS[model].dimension
    stored = item.get("embedding")
    content = bytes(cast(SupportsBytes, stored)) if isinstance(stored, Binary) else b""
    if len(content) != dimension * _STORED.itemsize:
        raise BadGallery(f"{where}: the embedding is not {dimension} float32 numbers; {_ENROL_AGAIN}")
    embedding = np.frombuffer(content, dtype=_STORED).astype(np.float32)
    if not np.isfinite(embedding).all():
        raise BadGallery(f"{where}: the embedding holds NaN or infinity; {_ENROL_AGAIN}")
    weight = item.get("weight")
    return EnrolledFace(
        name=str(item["name"]),
        embedding=embedding,
        model=model,
        source=str(item.get("source", "")),
        weight=None if weight is None else float(weight),
    )
