"""Which photos are refused at enrollment, and whether rightly: does a face made worse still resemble itself?"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.accuracy.material import Sample
from benchmarks.accuracy.open_set import Probe
from rollcall.engine.face import Face
from rollcall.people.enrollment import NotEnrolled, enrollable_face
from rollcall.people.odd_faces import EnrollmentLimits, foreign_ones, odd_ones
from rollcall.people.rates import rate

LEAST_PHOTOS = 3  # of a person, for one photo to be odd among them


def refused_photos(
    probed: Sequence[Probe], samples: Sequence[Sample], limits: EnrollmentLimits, *, harmful: float
) -> dict[str, Any]:
    """harmful: distance from a face to itself, made worse, beyond which it would harm a gallery."""
    as_it_was = {sample.source: sample.face.embedding for sample in samples}
    judged: dict[str, list[tuple[str | None, bool]]] = {}
    for probe in probed:
        rows = judged.setdefault(probe.condition, [])
        if probe.face is not None:
            apart = float(np.linalg.norm(probe.face.embedding - as_it_was[probe.source]))
            rows.append((_refusal([probe.face], limits), apart > harmful))
    return {
        "harmful_distance": harmful,
        "by_condition": {condition: _row(found) for condition, found in judged.items()},
        **_odd(samples, limits),
        **_foreign(samples, limits),
    }


def _refusal(faces: Sequence[Face], limits: EnrollmentLimits) -> str | None:
    try:
        enrollable_face(faces, limits)
    except NotEnrolled as refusal:
        return refusal.code
    return None


def _row(judged: Sequence[tuple[str | None, bool]]) -> dict[str, Any]:
    refused = [harmful for code, harmful in judged if code is not None]
    kept = [harmful for code, harmful in judged if code is None]
    return {
        "refused": rate(len(refused), len(judged)),
        "harmful_refused": rate(sum(refused), len(refused)),
        "harmful_kept": rate(sum(kept), len(kept)),
        "reasons": dict(Counter(code for code, _ in judged if code is not None)),
    }


def _odd(samples: Sequence[Sample], limits: EnrollmentLimits) -> dict[str, Any]:
    """Each person's photos alone, and with one photo of each other person among them."""
    people: dict[str, list[Sample]] = {}
    for sample in samples:
        people.setdefault(sample.subject, []).append(sample)
    own: list[bool] = []
    intruders: list[bool] = []
    for subject, photos in people.items():
        if len(photos) < LEAST_PHOTOS:
            continue
        embeddings = np.array([photo.enrolled for photo in photos])
        odd = odd_ones(embeddings, most_apart=limits.most_apart)
        own += [position in odd for position in range(len(photos))]
        for other in (photos[0] for name, photos in people.items() if name != subject):
            mixed = np.concatenate([embeddings, other.enrolled[None]])
            intruders.append(len(photos) in odd_ones(mixed, most_apart=limits.most_apart))
    return {
        "intruders_refused": rate(sum(intruders), len(intruders)),
        "own_refused_as_odd": rate(sum(own), len(own)),
    }


def _foreign(samples: Sequence[Sample], limits: EnrollmentLimits) -> dict[str, Any]:
    """Everybody under their own names; and each photo of a person with several under a new name."""
    names = [sample.subject for sample in samples]
    embeddings = np.array([sample.enrolled for sample in samples])

    def refused(names: Sequence[str]) -> set[int]:
        return set(foreign_ones(names, embeddings, trusted=0, alike=limits.alike, most_apart=limits.most_apart))

    photos = Counter(names)
    several = [number for number, name in enumerate(names) if photos[name] >= LEAST_PHOTOS]
    renamed = [refused([*names[:number], "", *names[number + 1 :]]) for number in several]
    return {
        "renamed_refused": rate(
            sum(number in found for number, found in zip(several, renamed, strict=True)), len(several)
        ),
        "others_refused_beside": sum(len(found - {number}) for number, found in zip(several, renamed, strict=True)),
        "own_refused_as_foreign": rate(len(refused(names)), len(names)),
    }
