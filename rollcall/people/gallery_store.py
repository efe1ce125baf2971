"""The enrolled faces: one DynamoDB item per embedding, keyed by its digest so that enrolling twice changes nothing."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, SupportsBytes, cast

import numpy as np
from boto3.dynamodb.types import Binary
from numpy.typing import NDArray

from rollcall.contracts.batch_get import batch_get
from rollcall.contracts.embedder_kinds import EMBEDDERS, UNNAMED_EMBEDDER, common_kind, embedder_kind
from rollcall.contracts.errors import BadGallery, GalleryMismatch
from rollcall.people.gallery import Templates
from rollcall.people.gallery_version import GalleryVersion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

MAX_FACES = 100_000
KNOWN_SECONDS = 60.0  # a program that writes faces by itself notes no version

_STORED = np.dtype("<f4")
_FACE_ID_DIGITS = 16
_ENROLL_AGAIN = "`rollcall people list` tells whose it is: enroll them again"


@dataclass(frozen=True, kw_only=True, eq=False)
class EnrolledFace:
    name: str
    embedding: NDArray[np.float32]
    model: str = UNNAMED_EMBEDDER
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


@dataclass(frozen=True)
class _Known:
    version: str | None
    at: float
    groups: list[Templates]


class GalleryStore:
    def __init__(self, table: "Table", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._version = GalleryVersion(table)
        self._clock = clock
        self._known: dict[str, _Known] = {}  # by embedder

    def put(self, name: str, embedding: NDArray[np.float32], *, model: str = UNNAMED_EMBEDDER, source: str) -> None:
        self.put_all([EnrolledFace(name=name, embedding=embedding, model=model, source=source)])

    def put_all(self, faces: Iterable[EnrolledFace]) -> None:
        items = map(_item, faces)
        self._version.put([*{(item["name"], item["face"]): item for item in items}.values()])

    def enroll(self, faces: Sequence[EnrolledFace]) -> None:
        """Store faces, and remove those that weaker embedders have left of the same people: they only add errors."""
        self.put_all(faces)
        seen_by = {(face.name, face.model) for face in faces}
        self.remove(
            (name, str(item["face"]))
            for name, model in seen_by
            for item in self._items_of(name)
            if _sees_less(_model_of(item), model)
        )

    def load(self, embedder: str) -> list[Templates]:
        """The faces of each embedder. Raises GalleryMismatch if some cannot be compared with those of `embedder`.

        The same list as before where nothing has changed since, which one request tells.
        """
        now, version = self._clock(), self._version.read()  # before the faces: what changes meanwhile is read next time
        known = self._known.get(embedder)
        if known is None or version is None or known.version != version or now - known.at > KNOWN_SECONDS:
            known = self._known[embedder] = _Known(version, now, by_embedder(self.enrolled(embedder)))
        return known.groups

    def enrolled(self, embedder: str) -> list[EnrolledFace]:
        """Raises what `load` raises."""
        faces: list[EnrolledFace] = []
        strange: set[str] = set()
        for item in self._scan():
            model = _model_of(item)
            if not comparable(model, embedder):
                strange.add(model)
            elif not strange:
                faces.append(_parse(item))
        if strange:
            raise _mismatch(strange, embedder)
        return faces

    def faces(self) -> Iterator[StoredFace]:
        """All items, also those that `load` would refuse."""
        for item in self._scan():
            yield StoredFace(
                name=str(item["name"]), face=str(item["face"]), model=_model_of(item), readable=_readable(item)
            )

    def faces_of(self, name: str) -> list[str]:
        return [str(item["face"]) for item in self._items_of(name)]

    def _items_of(self, name: str) -> list[dict[str, Any]]:
        """Keys and embedders of a person's faces."""
        pages = self._table.meta.client.get_paginator("query").paginate(
            TableName=self._table.name,
            KeyConditionExpression="#name = :name",
            ProjectionExpression="face, #model",
            ExpressionAttributeNames={"#name": "name", "#model": "model"},
            ExpressionAttributeValues={":name": name},
            ConsistentRead=True,
        )
        return [item for page in pages for item in page["Items"]]

    def present(self, faces: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """The given faces that are enrolled now. `faces`: name and face id of each, all different."""
        asked = [{"name": name, "face": face} for name, face in faces]
        items = batch_get(self._table, asked, fields=("name", "face"))
        there = {(str(item["name"]), str(item["face"])) for item in items}
        if len(there) < len(asked):
            self._known.clear()  # whoever deleted them may not have noted a version
        return there

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
        self._version.delete([{"name": name, "face": face} for name, face in dict.fromkeys(keys)])

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


def by_embedder(faces: Iterable[EnrolledFace]) -> list[Templates]:
    groups: dict[str, list[EnrolledFace]] = {}
    for face in faces:
        groups.setdefault(face.model, []).append(face)
    return [
        Templates(model, [face.name for face in group], np.array([face.embedding for face in group], dtype=np.float32))
        for model, group in groups.items()
    ]


def comparable(model: str, embedder: str) -> bool:
    return model in EMBEDDERS and common_kind(embedder_kind(model), embedder_kind(embedder)) is not None


def older(people: Iterable[tuple[str, str]], embedder: str) -> list[str]:
    """Names whose faces are all of embedders that see less than `embedder`. people: name and embedder of each face."""
    seen_by: dict[str, set[str]] = {}
    for name, model in people:
        seen_by.setdefault(name, set()).add(model)
    return sorted(name for name, models in seen_by.items() if all(_sees_less(model, embedder) for model in models))


def _sees_less(model: str, embedder: str) -> bool:
    return model in EMBEDDERS and set(EMBEDDERS[model].files) < set(EMBEDDERS[embedder].files)


def _mismatch(models: set[str], embedder: str) -> GalleryMismatch:
    return GalleryMismatch(
        f"The gallery was made with {', '.join(sorted(models))}, and faces are read with {embedder}; the two"
        " cannot be compared. Enroll the people again with the embedder in use."
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
    return str(item.get("model", UNNAMED_EMBEDDER))


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
        raise BadGallery(f"{where}: no embedder is named {model!r}; {_ENROLL_AGAIN}")
    dimension = EMBEDDERS[model].dimension
    stored = item.get("embedding")
    content = bytes(cast(SupportsBytes, stored)) if isinstance(stored, Binary) else b""
    if len(content) != dimension * _STORED.itemsize:
        raise BadGallery(f"{where}: the embedding is not {dimension} float32 numbers; {_ENROLL_AGAIN}")
    embedding = np.frombuffer(content, dtype=_STORED).astype(np.float32)
    if not np.isfinite(embedding).all():
        raise BadGallery(f"{where}: the embedding holds NaN or infinity; {_ENROLL_AGAIN}")
    weight = item.get("weight")
    return EnrolledFace(
        name=str(item["name"]),
        embedding=embedding,
        model=model,
        source=str(item.get("source", "")),
        weight=None if weight is None else float(weight),
    )
