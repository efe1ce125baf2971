"""Messages between the processes of the API. They are JSON, so whatever is received can only be a value."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from rollcall.engine.face import Covered

# messages of the log that `rollcall up` looks for
RECOGNIZER_REPLACED = "recognizer replaced"
UNDONE = "stopped before everything was done"


class Refusal(BaseModel):
    """A photo that cannot be looked at, and why."""

    kind: Literal["refused"] = "refused"
    code: str
    message: str


class FaceQuality(BaseModel):
    size: float  # pixels, the shorter side of the box
    sharpness: float  # 0..1
    yaw: float  # degrees
    roll: float
    exposure: float  # 0..1
    weight: float  # 0..1, how far the face is trusted as evidence
    covered: Covered | None = None


class SeenFace(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    box: tuple[float, float, float, float]  # x, y, w, h in pixels of the upright photo
    confidence: float
    landmarks: list[tuple[float, float]]
    quality: FaceQuality
    embedding: bytes  # little-endian float32
    crop: bytes  # JPEG


class SeenPhoto(BaseModel):
    """Every face of a photo, largest first; nobody has a name yet."""

    kind: Literal["seen"] = "seen"
    width: int
    height: int
    faces: list[SeenFace]
    seconds_spent: float


class Ready(BaseModel):
    """The engine's identity, sent once the models are loaded."""

    kind: Literal["ready"] = "ready"
    model: dict[str, str]
    embedder: str


class Batch(BaseModel):
    """Announces how many photos follow. enrolling: their faces are to be enrolled."""

    photos: int = Field(gt=0)
    enrolling: bool = False


class Undone(BaseModel):
    """What a server that was told to stop has left undone: the last line of its log, with `message` UNDONE."""

    photos: int = 0  # answered and not kept
    requests: int = 0  # without an answer


Looked = SeenPhoto | Refusal
LOOKED: TypeAdapter[Looked] = TypeAdapter(Annotated[Looked, Field(discriminator="kind")])
