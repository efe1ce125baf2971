"""The faces found in one GoP, as face_recognition leaves them for lookup in the stage-1 bucket."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from rollcall.contracts.events import Upload
from rollcall.people.tracks import Sighting

SCHEMA = 1


class FaceRecord(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    frame: int  # number of the frame in the whole video
    time: float  # seconds
    lasts: int = Field(default=1, gt=0)  # samples in a row that show the same picture
    box: tuple[float, float, float, float]  # x, y, w, h in pixels of the upright source frame
    weight: float
    embedding: bytes  # little-endian float32
    crop: bytes | None = None  # JPEG, only on the best view of each person in the GoP

    def sighting(self) -> Sighting:
        return Sighting(
            frame=self.frame,
            time=self.time,
            lasts=self.lasts,
            box=self.box,
            weight=self.weight,
            embedding=unpack_embedding(self.embedding),
        )


class GopFaces(BaseModel):
    upload: Upload
    index: int
    model: dict[str, str]
    embedder: str
    faces: Annotated[list[FaceRecord], Field(max_length=32 * 1000)]
    seconds_spent: float
    schema_version: int = SCHEMA
    stages: dict[str, float] = {}  # seconds by part of the work; packs of an older version do not tell


def pack_embedding(embedding: NDArray[np.float32]) -> bytes:
    return embedding.astype("<f4").tobytes()


def unpack_embedding(packed: bytes) -> NDArray[np.float32]:
    return np.frombuffer(packed, dtype="<f4").astype(np.float32)
