"""Which faces may stand for a person. It needs NumPy only, so code that merely keeps faces loads no runtime."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from rollcall.people.calibration import load_calibration

AGREEING = 2  # photos of a person that agree are more than one that differs from them
_ROUNDING = 0.01  # more than a distance loses that comes from a matrix product


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollmentLimits:
    """What a face must have at least, or may have at most, to be enrolled.

    `least_size`: pixels, the shorter side of the box. `least_sharpness`, `least_exposure`, `least_confidence`: 0..1.
    `most_yaw`: degrees. `dominant_area`: the largest of several faces is meant if it has so many times the area of the
    next. `most_apart`: distance between embeddings; a photo farther than this from all others of its person shows
    somebody else. `alike`: distance; a photo so near to a face of another name shows that one's person.
    """

    least_size: float
    least_sharpness: float
    least_exposure: float
    most_yaw: float
    least_confidence: float
    dominant_area: float
    most_apart: float
    alike: float


def load_enrollment_limits(embedder: str, *, threshold: float | None = None) -> EnrollmentLimits:
    """The shipped limits; `most_apart` is the embedder's threshold, `alike` its `follow_distance`.

    Raises KeyError for an embedder that has none.
    """
    shipped = json.loads(resources.files("rollcall.engine").joinpath("settings.json").read_text(encoding="utf-8"))[
        "enrollment"
    ]
    limits = {name: limit for name, limit in shipped.items() if name != "provenance"}
    calibration = load_calibration(embedder, threshold=threshold)
    alike = min(calibration.follow_distance, calibration.threshold)
    return EnrollmentLimits(**limits, most_apart=calibration.threshold, alike=alike)


def odd_ones(embeddings: NDArray[np.float32], *, most_apart: float) -> list[int]:
    """Positions of the embeddings [N, D] that show another person than the rest.

    Embeddings within `most_apart` of each other, also by way of third ones, agree. The largest group of them is the
    person, if it has `AGREEING` members and no other group has as many. If there is no such group, the result is empty.
    """
    groups = _groups(embeddings, most_apart)
    ranked = sorted(groups, key=len, reverse=True)
    if len(ranked) <= 1 or len(ranked[0]) < AGREEING or len(ranked[1]) == len(ranked[0]):
        return []
    return sorted(number for group in ranked[1:] for number in group)


def foreign_ones(
    names: Sequence[str], embeddings: NDArray[np.float32], *, trusted: int, alike: float, most_apart: float
) -> dict[int, int]:
    """Positions of the embeddings [N, D] that show somebody who has another name, each with the position of that face.

    Such a face is within `alike` of the other one, and nearer to it than to the rest of its own person. If two are
    foreign to each other, one stays: the one that agrees with more faces of its person (within `most_apart`), else the
    first. The first `trusted` faces count but are not judged.
    """
    labels = np.unique(np.array(names, dtype=str), return_inverse=True)[1]
    near = sorted(_near_others(labels, embeddings, alike, trusted))
    foreign: dict[int, int] = {}
    while True:
        nearest: dict[int, tuple[float, int]] = {}
        for distance, number, other in near:
            if number not in foreign and other not in foreign:
                nearest.setdefault(number, (distance, other))
        agreeing: dict[int, int] = {}
        for number, (distance, _) in nearest.items():
            own = [one for one in np.flatnonzero(labels == labels[number]) if one != number and one not in foreign]
            apart = np.linalg.norm(embeddings[own] - embeddings[number], axis=1)
            if distance < apart.min(initial=np.inf):
                agreeing[number] = int((apart <= most_apart).sum())
        if not agreeing:
            return foreign
        weakest = min(agreeing, key=lambda number: (agreeing[number], -number))
        foreign[weakest] = nearest[weakest][1]


def _near_others(
    labels: NDArray[np.intp], embeddings: NDArray[np.float32], alike: float, trusted: int
) -> Iterator[tuple[float, int, int]]:
    """Distance, a face that is judged, and one of another name."""
    squares = np.einsum("nd,nd->n", embeddings, embeddings)
    for number in range(trusted, len(labels)):
        squared = squares + squares[number] - 2 * (embeddings @ embeddings[number])
        maybe = (squared <= (alike + _ROUNDING) ** 2) & (labels != labels[number])
        for other in np.flatnonzero(maybe):
            apart = float(np.linalg.norm(embeddings[other] - embeddings[number]))
            if apart <= alike:
                yield apart, number, int(other)


def _groups(embeddings: NDArray[np.float32], most_apart: float) -> list[list[int]]:
    near = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=2) <= most_apart
    groups: list[list[int]] = []
    free = np.ones(len(embeddings), dtype=bool)
    while free.any():
        reached = np.zeros_like(free)
        reached[free.argmax()] = True
        while (grown := near[reached].any(axis=0)).sum() > reached.sum():
            reached = grown
        free &= ~reached
        groups.append(np.flatnonzero(reached).tolist())
    return groups
