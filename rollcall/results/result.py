"""The result of a job, as its owner reads it: `<input key>.json`."""

from typing import Any, Literal

from pydantic import BaseModel

from rollcall.contracts.jobs import JobError
from rollcall.people.calibration import ErrorRates

SCHEMA = 1  # grows when a field changes its meaning or goes; new fields may come at any time


class Segment(BaseModel):
    start: float  # seconds from the start of the video
    end: float


class Best(BaseModel):
    time: float
    box: tuple[int, int, int, int]  # x, y, w, h in pixels of the upright source frame
    crop: str | None  # key in the output bucket
    track: int | None = None  # which of the video tracks, from 1, where several were looked at


class Appearance(BaseModel):
    first_seen: float
    last_seen: float
    segments: list[Segment]
    best: Best


class _Named(BaseModel):
    name: str
    record: dict[str, Any] | None
    similarity: float  # 0..100
    distance: float  # Euclidean, between embeddings


class _Numbered(BaseModel):
    id: str


class Person(Appearance, _Named):  # the last base's fields come first in JSON
    pass


class Unknown(Appearance, _Numbered):
    pass


class Timings(BaseModel):
    """Seconds of work in each stage (not of waiting), and from the upload's first event to the result.

    `recognize_parts`: what of `recognize` went into decoding, detection, landmarks and embedding.
    """

    split: float
    recognize: float
    recognize_parts: dict[str, float] = {}
    lookup: float
    total: float


class Result(BaseModel):
    video: str
    status: Literal["done"] = "done"
    duration: float
    frames: int
    model: dict[str, str]
    threshold: float
    error_rates: ErrorRates | None = None  # of that threshold
    people: list[Person]
    unknown: list[Unknown]
    timings: Timings
    notes: list[str] = []  # plain sentences: what was left out or done otherwise, and why
    schema_version: int = SCHEMA


class Failure(BaseModel):
    video: str
    status: Literal["failed"] = "failed"
    error: JobError
    schema_version: int = SCHEMA
