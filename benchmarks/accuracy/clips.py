"""The clips: who is named over a track, with their person enrolled and with that person left out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.accuracy.material import frames
from rollcall.engine.engine import Engine
from rollcall.people.calibration import Calibration
from rollcall.people.gallery import Gallery
from rollcall.people.gallery_store import EnrolledFace, by_embedder
from rollcall.people.rates import rate
from rollcall.people.tracks import Identity, Sighting, identify, link

SAMPLES_A_SECOND = 2


def clips(
    engine: Engine, data: Path, galleries: dict[str, Sequence[EnrolledFace]], calibration: Calibration
) -> dict[str, Any]:
    expected = json.loads((data / "videos" / "expected.json").read_text())
    seen = {clip: _sightings(engine, data / "videos" / clip) for clip in sorted(expected)}
    persons = {clip: expected[clip]["person"] for clip in seen}
    return {
        "clips": len(seen),
        "samples_a_second": SAMPLES_A_SECOND,
        "galleries": {name: against(seen, persons, enrolled, calibration) for name, enrolled in galleries.items()},
    }


def against(
    seen: dict[str, list[Sighting]],
    persons: dict[str, str],
    enrolled: Sequence[EnrolledFace],
    calibration: Calibration,
) -> dict[str, Any]:
    full = _gallery(enrolled, calibration)
    known = {clip: _identities(sightings, full) for clip, sightings in seen.items()}
    left_out = {
        clip: _identities(sightings, _gallery(enrolled, calibration, without=persons[clip]))
        for clip, sightings in seen.items()
    }
    right = [_names(known[clip]) == [persons[clip]] for clip in seen]
    strangers = [identity for identities in left_out.values() for identity in identities]
    wrong = [i for clip in seen for i in known[clip] if i.match.name not in (None, persons[clip])]
    return {
        "people_enrolled": len(full.people),
        "clips_right": rate(sum(right), len(right)),
        "known_lost": rate(sum(persons[clip] not in _names(known[clip]) for clip in seen), len(seen)),
        "others_named": len(wrong),
        "strangers_named": rate(sum(i.match.name is not None for i in strangers), len(strangers)),
        "by_clip": {clip: [_line(identity) for identity in known[clip]] for clip in seen},
        "left_out_by_clip": {clip: [_line(identity) for identity in left_out[clip]] for clip in seen},
    }


def _identities(sightings: Sequence[Sighting], gallery: Gallery) -> list[Identity]:
    return identify(link(sightings, gallery), gallery)


def _names(identities: Sequence[Identity]) -> list[str]:
    return [identity.match.name for identity in identities if identity.match.name is not None]


def _line(identity: Identity) -> dict[str, Any]:
    match = identity.match
    return {
        "name": match.name,
        "nearest": match.nearest,
        "distance": round(match.distance, 3),
        "runner_up": match.runner_up,
        "runner_up_distance": round(match.runner_up_distance, 3),
        "similarity": round(match.similarity, 1),
        "faces": len(identity.sightings),
        "evidence": round(sum(sighting.weight for sighting in identity.sightings), 2),
    }


def _gallery(enrolled: Sequence[EnrolledFace], calibration: Calibration, *, without: str | None = None) -> Gallery:
    return Gallery(by_embedder(face for face in enrolled if face.name != without), calibration)


def _sightings(engine: Engine, clip: Path) -> list[Sighting]:
    every = max(1, round(cv2.VideoCapture(str(clip)).get(cv2.CAP_PROP_FPS) / SAMPLES_A_SECOND))
    return [
        Sighting(number, number / SAMPLES_A_SECOND, face.box, face.quality.weight, np.asarray(face.embedding))
        for number, frame in enumerate(frames(clip, every=every))
        for face in engine.analyze([frame])[0]
    ]
