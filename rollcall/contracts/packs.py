"""A GoP pack: the sampled frames of one group of pictures and their manifest, in one zip object.

It is read within bounds, because whoever can write to the stage-1 bucket chooses what is in it.
"""

import io
import zipfile
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rollcall.contracts.errors import BadPack
from rollcall.contracts.events import Upload

SCHEMA = 2
MAX_PACKS = 100_000  # of one video: their keys have five digits
MAX_FRAMES = 32
MAX_SAMPLES = 10_000_000  # of one track: 12 hours at 30 a second are 1.3 million
MAX_FRAME_BYTES = 32 * 1024**2
MAX_PACK_BYTES = 128 * 1024**2
MAX_MANIFEST_BYTES = 1024**2
MANIFEST = "manifest.json"


class Manifest(BaseModel):
    model_config = ConfigDict(frozen=True)

    schema_version: int = 1  # 1 did not say so
    upload: Upload
    index: int = Field(ge=0, lt=MAX_PACKS)  # grows with time; where a video was divided, some numbers are left out
    first_frame: int = Field(ge=0)  # its number among the sampled frames of the whole video
    times: list[float] = Field(min_length=1, max_length=MAX_FRAMES)  # seconds from the start of the file
    # samples in a row that each frame stands for, since what is equal to the one before is stored once; older packs: 1
    lasts: list[Annotated[int, Field(gt=0, le=MAX_SAMPLES)]] = Field(default=[], max_length=MAX_FRAMES)
    width: int = Field(gt=0)  # pixels of the frames in the pack
    height: int = Field(gt=0)
    scale: float = Field(gt=0, default=1.0)  # source pixels per frame pixel
    photo: bool = False

    @model_validator(mode="after")
    def _require_a_length_for_each(self) -> Self:
        if self.lasts and len(self.lasts) != len(self.times):
            raise ValueError(f"{len(self.lasts)} lengths for {len(self.times)} frames")
        return self

    def lasting(self, number: int) -> int:
        """Samples that the frame stands for, by its number in the pack."""
        return self.lasts[number] if self.lasts else 1

    def frame(self, number: int) -> int:
        """The frame's number among the samples of the whole video, from its number in the pack."""
        return self.first_frame + sum(map(self.lasting, range(number)))


class Pack(BaseModel):
    manifest: Manifest
    frames: list[bytes]  # JPEG


def frame_name(number: int) -> str:
    return f"frame-{number:05d}.jpg"


def write_pack(manifest: Manifest, frames: Sequence[bytes]) -> bytes:
    if len(frames) != len(manifest.times):
        raise ValueError(f"{len(frames)} frames, {len(manifest.times)} times")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:  # JPEG does not shrink further
        for number, frame in enumerate(frames):
            archive.writestr(_entry(frame_name(number)), frame)
        archive.writestr(_entry(MANIFEST), manifest.model_dump_json(indent=1))
    return buffer.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))  # the same frames make the same bytes


def read_pack(body: bytes) -> Pack:
    """Read a pack. Raise BadPack for anything that `write_pack` would not have written."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            if len(archive.infolist()) > MAX_FRAMES + 1:
                raise BadPack(f"{len(archive.infolist())} entries, at most {MAX_FRAMES + 1} expected")
            manifest = Manifest.model_validate_json(_read(archive, MANIFEST, MAX_MANIFEST_BYTES))
            names = [frame_name(number) for number in range(len(manifest.times))]
            return Pack(manifest=manifest, frames=[_read(archive, name, MAX_FRAME_BYTES) for name in names])
    except (zipfile.BadZipFile, KeyError, ValidationError, RuntimeError, EOFError) as error:
        raise BadPack(f"not a GoP pack: {error}") from error


def _read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as entry:
        content = entry.read(limit + 1)  # the declared size is the sender's claim; what comes out is what counts
    if len(content) > limit:
        raise BadPack(f"{name} is over {limit} bytes")
    return content
