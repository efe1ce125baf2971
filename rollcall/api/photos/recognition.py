"""The answer of `POST /v1/recognize`: what is seen on a photo becomes who is on it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from rollcall.api.photos.decisions import Decision
from rollcall.api.recognizers.messages import FaceQuality, SeenFace
from rollcall.engine.face import Covered, whole_pixels
from rollcall.people.calibration import ErrorRates
from rollcall.people.gallery import Match
from rollcall.people.people_store import Record
from rollcall.results.result_files import NO_FACE, UNKNOWN


class Quality(BaseModel):
    size: float = Field(description="pixels, the shorter side of the box")
    sharpness: float = Field(description="0 to 1")
    yaw: float = Field(description="degrees, 0 for a frontal face")
    roll: float = Field(description="degrees, 0 for an upright face")
    exposure: float = Field(description="0 to 1")
    weight: float = Field(description="0 to 1: how far the face is trusted as evidence of who it is")
    covered: Covered | None = Field(description="the part of the face that is not seen")


class RunnerUp(BaseModel):
    name: str
    distance: float


class NamedFace(BaseModel):
    box: tuple[int, int, int, int] = Field(description="x, y, width, height in pixels of the upright photo")
    landmarks: list[tuple[float, float]] = Field(description="eyes, nose, corners of the mouth, in pixels")
    confidence: float = Field(description="0 to 1, that this is a face")
    quality: Quality
    name: str = Field(description=f"`{UNKNOWN}` for somebody who is not enrolled")
    similarity: float = Field(description="0 to 100, to the nearest person enrolled; 50 at the threshold")
    distance: float | None = Field(description="Euclidean, between embeddings; null where nobody is enrolled")
    record: dict[str, Any] | None = Field(description="null without one, or without the scope `people:read`")
    runner_up: RunnerUp | None = Field(description="the next nearest person enrolled")


class Recognition(BaseModel):
    key: str | None = Field(description="where the photo is kept; its result is at `/v1/results/{key}`")
    width: int = Field(description="pixels, upright")
    height: int
    model: dict[str, str]
    threshold: float
    error_rates: ErrorRates | None = Field(
        description="of that threshold, over all pairs and of the worst group; null where nobody has measured it"
    )
    faces: list[NamedFace] = Field(description="largest first")


def main_name(decision: Decision) -> str:
    """Who a photo of one person shows: the largest face's name."""
    if not decision.matches:
        return NO_FACE
    return decision.matches[0].name or UNKNOWN


def named_face(face: SeenFace, found: Match, records: Mapping[str, Record]) -> NamedFace:
    return NamedFace(
        box=whole_pixels(face.box),
        landmarks=[(round(x, 1), round(y, 1)) for x, y in face.landmarks],
        confidence=round(face.confidence, 4),
        quality=_quality(face.quality),
        name=found.name or UNKNOWN,
        similarity=round(found.similarity, 1),
        distance=round(found.distance, 4) if np.isfinite(found.distance) else None,
        record=None if found.name is None else records.get(found.name),
        runner_up=_runner_up(found),
    )


def _quality(quality: FaceQuality) -> Quality:
    return Quality(
        size=round(quality.size, 1),
        sharpness=round(quality.sharpness, 3),
        yaw=round(quality.yaw, 1),
        roll=round(quality.roll, 1),
        exposure=round(quality.exposure, 3),
        weight=round(quality.weight, 3),
        covered=quality.covered,
    )


def _runner_up(found: Match) -> RunnerUp | None:
    if found.runner_up is None:
        return None
    return RunnerUp(name=found.runner_up, distance=round(found.runner_up_distance, 4))
