"""Turns identities into the result that people read."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from rollcall.contracts.jobs import Job, MediaSummary
from rollcall.contracts.object_keys import crop_key
from rollcall.contracts.packs import MAX_SAMPLES
from rollcall.people.calibration import Calibration
from rollcall.people.gop_faces import FaceRecord, GopFaces
from rollcall.people.tracks import Identity, Sighting, segments
from rollcall.results.publisher import Publication
from rollcall.results.result import Best, Person, Result, Segment, Timings, Unknown

CROPS = 3  # at most, for each person
GAP_SAMPLES = 2  # samples without a sighting that do not end a segment: a blink, a turned head, a missed face


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that a finished job's result is made from."""

    job: Job
    gops: Sequence[GopFaces]
    identities: Sequence[Identity]
    calibration: Calibration
    records: Mapping[str, dict[str, Any]]  # by name

    @property
    def media(self) -> MediaSummary:
        if self.job.media is None:
            raise ValueError(f"job {self.job.job} is not complete")
        return self.job.media


def publication_of(evidence: Evidence, *, lookup_seconds: float) -> Publication:
    crops: dict[str, bytes] = {}
    people: list[Person] = []
    unknown: list[Unknown] = []
    face_records = {_face(record): record for gop in evidence.gops for record in gop.faces}
    for identity in evidence.identities:
        name = identity.match.name
        label = name or f"unknown-{len(unknown) + 1}"
        views = _best_views(identity, face_records)
        keys = [crop_key(evidence.job.upload.key, label, number) for number in range(1, CROPS + 1)]
        shown = {key: view.crop for key, view in zip(keys, views, strict=False) if view.crop is not None}
        crops.update(shown)
        appearance = _appearance(identity, views[0], next(iter(shown), None), evidence.media)
        if name is None:
            unknown.append(Unknown(id=label, **appearance))
        else:
            match = identity.match
            people.append(
                Person(
                    name=name,
                    record=evidence.records.get(name),
                    similarity=round(match.similarity, 1),
                    distance=round(match.distance, 4),
                    **appearance,
                )
            )
    media = evidence.media
    return Publication(
        result=Result(
            video=evidence.job.upload.key,
            duration=round(media.duration, 3),
            frames=media.frames,
            model=evidence.gops[0].model,
            threshold=evidence.calibration.threshold,
            error_rates=evidence.calibration.error_rates,
            people=people,
            unknown=unknown,
            timings=Timings(
                split=round(media.seconds_spent, 3),
                recognize=round(sum(gop.seconds_spent for gop in evidence.gops), 3),
                recognize_parts=_parts(evidence.gops),
                lookup=round(lookup_seconds, 3),
                total=round(time.time() - evidence.job.created, 3),
            ),
            notes=media.notes,
        ),
        crops=crops,
    )


def _parts(gops: Sequence[GopFaces]) -> dict[str, float]:
    parts: defaultdict[str, float] = defaultdict(float)
    for gop in gops:
        for name, seconds in gop.stages.items():
            parts[name] += seconds
    return {name: round(seconds, 3) for name, seconds in sorted(parts.items())}


class _Appearance(TypedDict):
    first_seen: float
    last_seen: float
    segments: list[Segment]
    best: Best


def _appearance(identity: Identity, best: FaceRecord, crop: str | None, media: MediaSummary) -> _Appearance:
    seen = sorted(identity.sightings, key=lambda sighting: sighting.time)
    stretches = segments(
        np.array([sighting.time for sighting in seen], dtype=np.float64),
        lengths=np.array([sighting.lasts * media.step for sighting in seen], dtype=np.float64),
        duration=media.duration,
        max_gap=GAP_SAMPLES * media.step,
    )
    left, top, width, height = best.box
    return _Appearance(
        first_seen=round(stretches[0][0], 3),
        last_seen=round(stretches[-1][1], 3),
        segments=[Segment(start=round(start, 3), end=round(end, 3)) for start, end in stretches],
        best=Best(
            time=round(best.time, 3),
            box=(round(left), round(top), round(width), round(height)),
            crop=crop,
            track=best.frame // MAX_SAMPLES + 1 if media.tracks > 1 else None,
        ),
    )


def _face(face: FaceRecord | Sighting) -> tuple[int, tuple[float, float, float, float]]:
    return face.frame, face.box


def _best_views(
    identity: Identity, records: Mapping[tuple[int, tuple[float, float, float, float]], FaceRecord]
) -> list[FaceRecord]:
    """The views of a person, best first: those that have a crop, then by weight, then by time."""
    views = [records[_face(sighting)] for sighting in identity.sightings]
    return sorted(views, key=lambda view: (view.crop is None, -view.weight, view.frame))
